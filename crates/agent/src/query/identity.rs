// SPDX-License-Identifier: Apache-2.0

//! What an agent tells of itself: its program, with its flags.

use kaon_api::json::{Dialect, JsonWriter};
use kaon_api::v1;
use kaon_api::v1::agent::response::{GetFlags, GetVersion};

use super::members::{Members, json};
use crate::state::View;

/// `/version`. Mesos: in the order of names, unlike in `/state`.
pub(super) fn version(view: &View) -> String {
    let build = &view.build;
    json(Dialect::V0, |w| {
        w.object(|w| {
            w.text("build_date", &build.date);
            w.number("build_time", build.time);
            w.text("build_user", &build.user);
            w.text_if("git_branch", build.git_branch.as_deref());
            w.text_if("git_sha", build.git_sha.as_deref());
            w.text_if("git_tag", build.git_tag.as_deref());
            w.text_if("kaon_version", build.kaon_version.as_deref());
            w.text("version", &view.state.config.version);
        });
    })
}

/// Writes the members that `/state` begins with.
pub(super) fn write_program(w: &mut JsonWriter<'_>, view: &View) {
    let build = &view.build;
    w.text("version", &view.state.config.version);
    w.text_if("kaon_version", build.kaon_version.as_deref());
    w.text_if("git_sha", build.git_sha.as_deref());
    w.text_if("git_branch", build.git_branch.as_deref());
    w.text_if("git_tag", build.git_tag.as_deref());
    w.text("build_date", &build.date);
    w.number("build_time", build.time);
    w.text("build_user", &build.user);
}

pub(super) fn flags(view: &View) -> String {
    json(Dialect::V0, |w| w.object(|w| write_flags(w, view)))
}

/// Writes the flags as a member; all values are texts.
pub(super) fn write_flags(w: &mut JsonWriter<'_>, view: &View) {
    w.members("flags", |w| {
        view.state.config.flags.iter().for_each(|(name, value)| w.text(name, value));
    });
}

pub(super) fn get_version(view: &View) -> GetVersion {
    let build = &view.build;
    let info = v1::VersionInfo {
        version: view.state.config.version.clone(),
        build_date: Some(build.date.clone()),
        build_time: Some(build.time),
        build_user: Some(build.user.clone()),
        git_sha: build.git_sha.clone(),
        git_branch: build.git_branch.clone(),
        git_tag: build.git_tag.clone(),
        ..Default::default()
    };
    GetVersion { version_info: Box::new(info), ..Default::default() }
}

pub(super) fn get_flags(view: &View) -> GetFlags {
    let one = |(name, value): (&String, &String)| v1::Flag {
        name: name.clone(),
        value: Some(value.clone()),
        ..Default::default()
    };
    GetFlags { flags: view.state.config.flags.iter().map(one).collect(), ..Default::default() }
}
