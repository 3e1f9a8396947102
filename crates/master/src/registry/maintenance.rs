// SPDX-License-Identifier: Apache-2.0

//! Machines with their schedule, as the registry keeps them.

use std::collections::{BTreeMap, BTreeSet};

use kaon_api::internal::registry::{self, Machines};
use kaon_api::internal::{self, KaonAnswer, KaonEnforcedMachine};
use kaon_api::v1;
use kaon_api::v1::allocator::inverse_offer_status::Status;
use kaon_api::v1::machine_info::Mode;
use kaon_api::v1::maintenance::{Schedule, Window};

use super::Registry;
use crate::state::Machine;

impl Registry {
    /// Mesos: there is one schedule at most.
    pub fn schedule(&self) -> Schedule {
        self.rest.schedules.first().cloned().unwrap_or_default()
    }

    /// The machines that are scheduled or down.
    pub fn machines(&self) -> impl Iterator<Item = &v1::MachineInfo> {
        self.rest.machines.iter().flat_map(|all| &all.machines).map(|machine| &*machine.info)
    }

    /// What is enforced of the schedule.
    pub fn enforced(&self) -> &[KaonEnforcedMachine] {
        &self.rest.kaon_enforced_machines
    }

    /// How frameworks answered when they were asked for agents.
    pub fn answers(&self) -> &[KaonAnswer] {
        &self.rest.kaon_answers
    }
}

/// The machines of a schedule, each with its window.
pub(crate) fn windows(schedule: &Schedule) -> BTreeMap<Machine, &Window> {
    let of = |window: &'_ _| -> Vec<Machine> {
        let window: &Window = window;
        window.machine_ids.iter().map(Machine::named).collect()
    };
    schedule
        .windows
        .iter()
        .flat_map(|window| of(window).into_iter().map(move |machine| (machine, window)))
        .collect()
}

/// The machines whose window is the same in both: of the same machines, at the same time.
pub(crate) fn unchanged(before: &Schedule, after: &Schedule) -> BTreeSet<Machine> {
    let named = |window: &Window| window.machine_ids.iter().map(Machine::named).collect::<BTreeSet<_>>();
    let news = windows(after);
    let mut same = BTreeSet::new();
    for window in &before.windows {
        let machines = named(window);
        let other = machines.first().and_then(|first| news.get(first));
        if other.is_some_and(|new| new.unavailability == window.unavailability && named(new) == machines) {
            same.extend(machines);
        }
    }
    same
}

/// A new schedule in place of the old one. Machines that are named anew are DRAINING; those that are not named any
/// more are forgotten.
pub(super) fn set_schedule(
    kept: &mut internal::Registry,
    schedule: &Schedule,
    enforced: Option<&[KaonEnforcedMachine]>,
) {
    let before = kept.schedules.first().cloned().unwrap_or_default();
    kept.schedules = vec![schedule.clone()];
    let (old, new) = (windows(&before), windows(schedule));
    let machines = &mut kept.machines.get_or_insert_with(Default::default).machines;
    machines.retain_mut(|machine| match new.get(&Machine::named(&machine.info.id)) {
        Some(window) => {
            machine.info.unavailability = Some(window.unavailability.clone());
            true
        }
        None => false,
    });
    let known: BTreeSet<Machine> = machines.iter().map(|machine| Machine::named(&machine.info.id)).collect();
    for window in &schedule.windows {
        for id in window.machine_ids.iter().filter(|id| !known.contains(&Machine::named(id))) {
            let info = v1::MachineInfo {
                id: id.clone(),
                mode: Some(Mode::Draining),
                unavailability: Some(window.unavailability.clone()),
                ..Default::default()
            };
            machines.push(registry::Machine { info: Box::new(info), ..Default::default() });
        }
    }
    let same = unchanged(&before, schedule);
    let standing = |machine: &KaonEnforcedMachine| same.contains(&Machine::named(&machine.id));
    kept.kaon_enforced_machines.retain(standing);
    if let Some(enforced) = enforced {
        let begun: BTreeSet<Machine> = kept.kaon_enforced_machines.iter().filter_map(begun).collect();
        let renew = |machine: &KaonEnforcedMachine| KaonEnforcedMachine {
            begun: begun.contains(&Machine::named(&machine.id)).then_some(true),
            ..machine.clone()
        };
        kept.kaon_enforced_machines = enforced.iter().map(renew).collect();
    }
    let time = |windows: &BTreeMap<Machine, &Window>, machine: &Machine| {
        windows.get(machine).map(|window| window.unavailability.clone())
    };
    kept.kaon_answers.retain(|answer| {
        let machine = Machine::named(&answer.machine_id);
        new.contains_key(&machine) && time(&old, &machine) == time(&new, &machine)
    });
}

fn begun(machine: &KaonEnforcedMachine) -> Option<Machine> {
    machine.begun.unwrap_or_default().then(|| Machine::named(&machine.id))
}

/// Nobody is asked for a machine that is down.
pub(super) fn bring_down(kept: &mut internal::Registry, ids: &[v1::MachineID]) {
    let down = named(ids);
    for machine in kept.machines.iter_mut().flat_map(|all| &mut all.machines) {
        if down.contains(&Machine::named(&machine.info.id)) {
            machine.info.mode = Some(Mode::Down);
        }
    }
    kept.kaon_answers.retain(|answer| !down.contains(&Machine::named(&answer.machine_id)));
}

/// Mesos: a machine that is back is forgotten, and what is left empty of the schedule too.
pub(super) fn bring_up(kept: &mut internal::Registry, ids: &[v1::MachineID]) {
    let up = named(ids);
    let stays = |id: &v1::MachineID| !up.contains(&Machine::named(id));
    if let Some(machines) = &mut kept.machines {
        machines.machines.retain(|machine| stays(&machine.info.id));
    }
    for schedule in &mut kept.schedules {
        schedule.windows.iter_mut().for_each(|window| window.machine_ids.retain(stays));
        schedule.windows.retain(|window| !window.machine_ids.is_empty());
    }
    kept.schedules.retain(|schedule| !schedule.windows.is_empty());
    kept.kaon_enforced_machines.retain(|machine| stays(&machine.id));
    kept.kaon_answers.retain(|answer| stays(&answer.machine_id));
}

pub(super) fn begin(kept: &mut internal::Registry, ids: &[v1::MachineID]) {
    let began = named(ids);
    for machine in &mut kept.kaon_enforced_machines {
        if began.contains(&Machine::named(&machine.id)) {
            machine.begun = Some(true);
        }
    }
}

pub(super) fn set_answers(kept: &mut internal::Registry, answers: &[KaonAnswer]) {
    let key = |answer: &KaonAnswer| (answer.agent_id.value.clone(), answer.status.framework_id.value.clone());
    let news: BTreeSet<_> = answers.iter().map(key).collect();
    kept.kaon_answers.retain(|known| !news.contains(&key(known)));
    let told = answers.iter().filter(|answer| answer.status.status != Status::Unknown);
    kept.kaon_answers.extend(told.cloned());
}

fn named(ids: &[v1::MachineID]) -> BTreeSet<Machine> {
    ids.iter().map(Machine::named).collect()
}

/// Machines of which only the names matter.
pub(super) fn machines(ids: &[v1::MachineID]) -> Machines {
    let one = |id: &v1::MachineID| registry::Machine {
        info: Box::new(v1::MachineInfo { id: id.clone(), ..Default::default() }),
        ..Default::default()
    };
    Machines { machines: ids.iter().map(one).collect(), ..Default::default() }
}

pub(super) fn ids(machines: Machines) -> Vec<v1::MachineID> {
    machines.machines.into_iter().map(|machine| machine.info.id).collect()
}
