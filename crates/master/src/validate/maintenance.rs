// SPDX-License-Identifier: Apache-2.0

//! Whether a schedule, or a list of machines, makes sense. The texts are Mesos's.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use kaon_api::internal::KaonEnforcedMachine;
use kaon_api::json::{Dialect, to_json};
use kaon_api::v1;
use kaon_api::v1::machine_info::Mode;
use kaon_api::v1::maintenance::Schedule;
use kaon_model::Wall;

use crate::flows::enforcement::has_ended;
use crate::registry::maintenance::windows;
use crate::state::Machine;

/// The machines that operators have said something of, by the name they gave it.
pub(crate) type Known<'a> = BTreeMap<Machine, &'a v1::MachineInfo>;

/// Mesos: a window may lie in the past. What is down must stay scheduled.
pub(crate) fn schedule(schedule: &Schedule, known: &Known<'_>) -> Result<(), String> {
    let mut named = BTreeSet::new();
    for window in &schedule.windows {
        if window.machine_ids.is_empty() {
            return Err("List of machines in the maintenance window is empty".to_string());
        }
        if window.unavailability.duration.as_ref().is_some_and(|duration| duration.nanoseconds < 0) {
            return Err("Unavailability 'duration' is negative".to_string());
        }
        window.machine_ids.iter().try_for_each(|id| machine(id, &mut named))?;
    }
    for (machine, info) in known {
        if info.mode == Some(Mode::Down) && !named.contains(machine) {
            let shown = shown(&info.id);
            return Err(format!("Machine '{shown}' is deactivated and cannot be removed from the schedule"));
        }
    }
    Ok(())
}

/// What is to be enforced of a schedule. Windows that are `same` as before may be over.
pub(crate) fn enforced(
    schedule: &Schedule,
    enforced: &[KaonEnforcedMachine],
    same: &BTreeSet<Machine>,
    now: Wall,
) -> Result<(), String> {
    let windows = windows(schedule);
    for one in enforced {
        let (machine, shown) = (Machine::named(&one.id), shown(&one.id));
        let Some(time) = windows.get(&machine).map(|window| &window.unavailability) else { continue };
        if one.enforcement.max_grace_period.as_ref().is_some_and(|grace| grace.nanoseconds < 0) {
            return Err("Enforcement 'max_grace_period' is negative".to_string());
        }
        if one.enforcement.up_again.unwrap_or_default() && time.duration.is_none() {
            return Err(format!(
                "Machine '{shown}' is to come up again when its window ends, but the window has no 'duration'"
            ));
        }
        if has_ended(time, now) && !same.contains(&machine) {
            return Err(format!("The window of machine '{shown}' is over, so it cannot be enforced"));
        }
    }
    Ok(())
}

/// A list of machines that are to go down, or to come up.
pub(crate) fn machines(ids: &[v1::MachineID]) -> Result<(), String> {
    if ids.is_empty() {
        return Err("List of machines is empty".to_string());
    }
    let mut named = BTreeSet::new();
    ids.iter().try_for_each(|id| machine(id, &mut named))
}

fn machine(id: &v1::MachineID, named: &mut BTreeSet<Machine>) -> Result<(), String> {
    let ip = id.ip.as_deref().unwrap_or_default();
    if ip.is_empty() && id.hostname.as_deref().unwrap_or_default().is_empty() {
        return Err("Both 'hostname' and 'ip' for a machine are empty".to_string());
    }
    if !ip.is_empty() && ip.parse::<Ipv4Addr>().is_err() {
        return Err(format!("Failed to parse IPv4: {ip}"));
    }
    if !named.insert(Machine::named(id)) {
        return Err(format!("Machine '{}' appears more than once in the schedule", shown(id)));
    }
    Ok(())
}

/// A machine as texts name it.
pub(crate) fn shown(id: &v1::MachineID) -> String {
    to_json(id, Dialect::V1)
}
