// SPDX-License-Identifier: Apache-2.0

//! What a master tells of itself: its program, its flags, its address.

use kaon_api::json::{Dialect, JsonWriter};
use kaon_api::v1;
use kaon_api::v1::master::response::{GetFlags, GetMaster, GetVersion};

use super::members::{self, Members};
use crate::view::View;

/// `/version`.
pub(super) fn version(view: &View) -> String {
    members::object(Dialect::V0, |w| view.build.write_sorted(w, &view.config.version))
}

/// Writes the same members as `/state` begins with.
pub(super) fn write_program(w: &mut JsonWriter<'_>, view: &View) {
    view.build.write(w, &view.config.version);
}

pub(super) fn get_version(view: &View) -> GetVersion {
    let info = view.build.version_info(&view.config.version);
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
