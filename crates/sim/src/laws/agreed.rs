// SPDX-License-Identifier: Apache-2.0

//! Resources conserved: once all is settled, the master's books, the agent and its disk tell of the same reservations and
//! volumes, and together they are what the agent was described with.

use std::collections::BTreeSet;

use kaon_agent::journal::VolumeFolder;
use kaon_model::Resources;

use crate::report::Broken;

/// What is known of one agent, on three sides.
pub struct Sides<'a> {
    pub name: &'a str,
    /// What the operator described.
    pub described: Resources,
    pub master: Option<Resources>,
    pub agent: Option<&'a Resources>,
    pub disk: &'a BTreeSet<VolumeFolder>,
}

pub fn check(sides: &Sides<'_>) -> Result<(), Broken> {
    let broken =
        |what: String| Err(Broken { law: "resources conserved", what: format!("{} {what}", sides.name) });
    let (Some(master), Some(agent)) = (&sides.master, sides.agent) else {
        return broken("is not registered".to_owned());
    };
    if master != agent {
        return broken(format!("has {agent}, and its master believes {master}"));
    }
    if agent.all_quantities() != sides.described.all_quantities() {
        return broken(format!("has {agent}, and was described with {}", sides.described));
    }
    let folders: BTreeSet<VolumeFolder> = agent.iter().filter_map(VolumeFolder::of).collect();
    if folders != *sides.disk {
        return broken(format!("has the volumes {folders:?}, and its disk {:?}", sides.disk));
    }
    Ok(())
}
