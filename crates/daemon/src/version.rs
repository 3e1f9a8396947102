// SPDX-License-Identifier: Apache-2.0

//! What this program says of itself.

use kaon_api::json::{Dialect, JsonWriter};
use kaon_master::view::Build;

/// The version of Mesos whose APIs are spoken. Clients turn it into three integers, so it carries nothing of ours.
pub const VERSION: &str = "1.11.0";

/// Our own version.
pub const KAON_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The build of this program.
pub fn build() -> Build {
    let time: i64 = env!("KAON_BUILD_TIME").parse().unwrap_or_default();
    let sha = env!("KAON_GIT_SHA");
    Build {
        date: crate::log::date_and_time(time),
        time: time as f64,
        user: env!("KAON_BUILD_USER").to_owned(),
        git_sha: (!sha.is_empty()).then(|| sha.to_owned()),
        git_branch: None,
        git_tag: None,
        kaon_version: Some(KAON_VERSION.to_owned()),
    }
}

/// The body of /version. Mesos: its keys are in order of the alphabet.
pub fn json() -> Vec<u8> {
    let build = build();
    let mut out = Vec::new();
    JsonWriter::new(&mut out, Dialect::V0).object(|w| {
        w.key("build_date");
        w.string(&build.date);
        w.key("build_time");
        w.double(build.time);
        w.key("build_user");
        w.string(&build.user);
        if let Some(sha) = &build.git_sha {
            w.key("git_sha");
            w.string(sha);
        }
        w.key("kaon_version");
        w.string(KAON_VERSION);
        w.key("version");
        w.string(VERSION);
    });
    out
}
