// SPDX-License-Identifier: Apache-2.0

//! What a master tells of itself: its program, its flags, its address.

use kaon_api::json::{Dialect, JsonWriter};
use kaon_api::v1;
use kaon_api::v1::master::response::{GetFlags, GetMaster, GetVersion};

use super::members::{self, Members};
use crate::view::View;

/// `/version`. Mesos: in the order of names, unlike in `/state`.
pub(super) fn version(view: &View) -> String {
    let build = &view.build;
    members::object(Dialect::V0, |w| {
        w.put_text("build_date", &build.date);
        w.put_number("build_time", build.time);
        w.put_text("build_user", &build.user);
        w.put_some_text("git_branch", build.git_branch.as_deref());
        w.put_some_text("git_sha", build.git_sha.as_deref());
        w.put_some_text("git_tag", build.git_tag.as_deref());
        w.put_some_text("kaon_version", build.kaon_version.as_deref());
        w.put_text("version", &view.config.version);
    })
}

/// Writes the same members as `/state` begins with.
pub(super) fn write_program(w: &mut JsonWriter<'_>, view: &View) {
    let build = &view.build;
    w.put_text("version", &view.config.version);
    w.put_some_text("kaon_version", build.kaon_version.as_deref());
    w.put_some_text("git_sha", build.git_sha.as_deref());
    w.put_some_text("git_branch", build.git_branch.as_deref());
    w.put_some_text("git_tag", build.git_tag.as_deref());
    w.put_text("build_date", &build.date);
    w.put_number("build_time", build.time);
    w.put_text("build_user", &build.user);
}

/// The answer to GET_VERSION. It has no member for our own version.
pub(super) fn get_version(view: &View) -> GetVersion {
    let build = &view.build;
    let info = v1::VersionInfo {
        version: view.config.version.clone(),
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

/// `/flags`.
pub(super) fn flags(view: &View) -> String {
    members::object(Dialect::V0, |w| write_flags(w, view))
}

/// Writes the flags as a member; all values are texts.
pub(super) fn write_flags(w: &mut JsonWriter<'_>, view: &View) {
    w.put_object("flags", |w| {
        view.config.flags.iter().for_each(|(name, value)| w.put_text(name, value));
    });
}

/// The answer to GET_FLAGS.
pub(super) fn get_flags(view: &View) -> GetFlags {
    let one = |(name, value): (&String, &String)| v1::Flag {
        name: name.clone(),
        value: Some(value.clone()),
        ..Default::default()
    };
    GetFlags { flags: view.config.flags.iter().map(one).collect(), ..Default::default() }
}

/// The answer to GET_MASTER.
pub(super) fn get_master(view: &View) -> GetMaster {
    GetMaster {
        master_info: Some(Box::new((*view.info).clone())),
        start_time: Some(view.started.secs_f64()),
        elected_time: view.elected.map(|time| time.secs_f64()),
        ..Default::default()
    }
}
