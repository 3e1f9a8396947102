// SPDX-License-Identifier: Apache-2.0

//! What this program says of itself.

use std::sync::{Arc, OnceLock};

use kaon_agent as agent;
use kaon_api::json::{Dialect, JsonWriter};
use kaon_master::view as master;

/// The version of Mesos whose APIs are spoken. Clients turn it into three integers, so it carries nothing of ours.
pub const VERSION: &str = "1.11.0";

/// Our own version.
pub const KAON_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The build of this program, for a master's views.
pub fn master_build() -> Arc<master::Build> {
    static BUILD: OnceLock<Arc<master::Build>> = OnceLock::new();
    BUILD
        .get_or_init(|| {
            Arc::new(master::Build {
                date: date(),
                time: time() as f64,
                user: USER.to_owned(),
                git_sha: sha().map(str::to_owned),
                git_branch: None,
                git_tag: None,
                kaon_version: Some(KAON_VERSION.to_owned()),
            })
        })
        .clone()
}

/// The same, for an agent's views.
pub fn agent_build() -> Arc<agent::Build> {
    static BUILD: OnceLock<Arc<agent::Build>> = OnceLock::new();
    BUILD
        .get_or_init(|| {
            Arc::new(agent::Build {
                date: date(),
                time: time() as f64,
                user: USER.to_owned(),
                git_sha: sha().map(str::to_owned),
                git_branch: None,
                git_tag: None,
                kaon_version: Some(KAON_VERSION.to_owned()),
            })
        })
        .clone()
}

const USER: &str = env!("KAON_BUILD_USER");

fn time() -> i64 {
    env!("KAON_BUILD_TIME").parse().unwrap_or_default()
}

fn date() -> String {
    crate::log::date_and_time(time())
}

fn sha() -> Option<&'static str> {
    Some(env!("KAON_GIT_SHA")).filter(|sha| !sha.is_empty())
}

/// The body of /version. Mesos: its keys are in order of the alphabet.
pub fn json() -> Vec<u8> {
    let mut out = Vec::new();
    JsonWriter::new(&mut out, Dialect::V0).object(|w| {
        w.key("build_date");
        w.string(&date());
        w.key("build_time");
        w.double(time() as f64);
        w.key("build_user");
        w.string(USER);
        if let Some(sha) = sha() {
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
