// SPDX-License-Identifier: Apache-2.0

//! What this program says of itself.

use std::sync::{Arc, OnceLock};

use kaon_api::json::{Dialect, JsonWriter};
use kaon_model::Build;

/// The version of Mesos whose APIs are spoken. Clients turn it into three integers, so it carries nothing of ours.
pub const VERSION: &str = "1.11.0";

/// Our own version.
pub const KAON_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The build of this program.
pub fn build() -> Arc<Build> {
    static BUILD: OnceLock<Arc<Build>> = OnceLock::new();
    let build = || Build {
        date: crate::log::date_and_time(time()),
        time: time() as f64,
        user: env!("KAON_BUILD_USER").to_owned(),
        git_sha: Some(env!("KAON_GIT_SHA")).filter(|sha| !sha.is_empty()).map(str::to_owned),
        git_branch: None,
        git_tag: None,
        kaon_version: Some(KAON_VERSION.to_owned()),
    };
    BUILD.get_or_init(|| Arc::new(build())).clone()
}

fn time() -> i64 {
    env!("KAON_BUILD_TIME").parse().unwrap_or_default()
}

/// The body of `/version`.
pub fn json() -> Vec<u8> {
    let mut out = Vec::new();
    JsonWriter::new(&mut out, Dialect::V0).object(|w| build().write_sorted(w, VERSION));
    out
}
