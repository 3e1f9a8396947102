// SPDX-License-Identifier: Apache-2.0

//! What an agent tells of itself: its program, with its flags.

use kaon_api::json::{Dialect, JsonWriter};
use kaon_api::v1;
use kaon_api::v1::agent::response::{GetFlags, GetVersion};

use super::members::{Members, json};
use crate::state::View;

/// `/version`.
pub(super) fn version(view: &View) -> String {
    json(Dialect::V0, |w| w.object(|w| view.build.write_sorted(w, &view.state.config.version)))
}

/// Writes the members that `/state` begins with.
pub(super) fn write_program(w: &mut JsonWriter<'_>, view: &View) {
    view.build.write(w, &view.state.config.version);
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
    let info = view.build.version_info(&view.state.config.version);
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
