// SPDX-License-Identifier: Apache-2.0

//! UPDATE_MAINTENANCE_SCHEDULE, START_MAINTENANCE, STOP_MAINTENANCE: operators plan for machines.

use std::collections::BTreeMap;

use kaon_api::internal;
use kaon_api::v1;
use kaon_api::v1::machine_info::Mode;
use kaon_api::v1::maintenance::{Schedule, Window};

use crate::caller::{Caller, Permission};
use crate::effect::{Effect, Reply};
use crate::flows::awaiting::Awaited;
use crate::flows::enforcement::names;
use crate::input::Ticket;
use crate::master::{Master, Turn};
use crate::registry::Operation;
use crate::registry::maintenance::unchanged;
use crate::rejection::Rejection;
use crate::state::Machine;
use crate::validate::maintenance::{self as validate, Known};

/// What is being written of machines.
#[derive(Debug)]
pub(crate) struct MachineChange {
    /// None where the master itself saw that the time has come.
    pub ticket: Option<Ticket>,
}

impl Master {
    /// One schedule takes the place of the other.
    pub(super) fn update_schedule(
        &mut self,
        turn: &mut Turn,
        ticket: Ticket,
        schedule: Schedule,
    ) -> Result<Option<Reply>, Rejection> {
        validate::schedule(&schedule, &self.known_machines()).map_err(Rejection::Invalid)?;
        let same = unchanged(&self.registry.schedule(), &schedule);
        let ends = self.registry.enforced().iter().map(|one| &one.id);
        let ends: Vec<_> = ends.filter(|id| !same.contains(&Machine::named(id))).cloned().collect();
        if !ends.is_empty() {
            let message = format!("A new maintenance schedule ends what was enforced of: {}", names(&ends));
            if let Some(action) = self.actions.get_mut(&ticket) {
                action.add(&format!("no longer enforced: {}", names(&ends)));
            }
            turn.out.push(Effect::Warn { message });
        }
        self.change_machines(turn, ticket, Operation::SetSchedule(schedule))
    }

    /// The same with what is enforced of it. Mesos: has nothing like it.
    pub(crate) fn enforce_schedule(
        &mut self,
        turn: &mut Turn,
        ticket: Ticket,
        wanted: internal::KaonSchedule,
        caller: &Caller,
    ) -> Result<Option<Reply>, Rejection> {
        caller.may(&[Permission::UpdateMaintenanceSchedule])?;
        if wanted.windows.iter().any(|window| window.enforcement.is_some()) {
            // It does in one's name what one may not do oneself.
            caller.may(&[Permission::DrainAgent, Permission::StartMaintenance])?;
        }
        if wanted.replaces.is_some_and(|replaced| replaced != self.registry.schedule()) {
            return Err(Rejection::Conflict(
                "The maintenance schedule is another by now than the one that this was to replace"
                    .to_string(),
            ));
        }
        let mut schedule = Schedule::default();
        let mut enforced = Vec::new();
        for window in wanted.windows {
            if let Some(enforcement) = window.enforcement {
                let one = |id: &v1::MachineID| internal::KaonEnforcedMachine {
                    id: id.clone(),
                    enforcement: enforcement.clone(),
                    ..Default::default()
                };
                enforced.extend(window.machine_ids.iter().map(one));
            }
            schedule.windows.push(Window {
                machine_ids: window.machine_ids,
                unavailability: window.unavailability,
                ..Default::default()
            });
        }
        validate::schedule(&schedule, &self.known_machines()).map_err(Rejection::Invalid)?;
        let same = unchanged(&self.registry.schedule(), &schedule);
        validate::enforced(&schedule, &enforced, &same, turn.now.wall).map_err(Rejection::Invalid)?;
        self.change_machines(turn, ticket, Operation::EnforceSchedule(schedule, enforced))
    }

    /// Machines go out of service, whatever runs there.
    pub(super) fn start_maintenance(
        &mut self,
        turn: &mut Turn,
        ticket: Ticket,
        machines: Vec<v1::MachineID>,
    ) -> Result<Option<Reply>, Rejection> {
        self.are_all(&machines, Mode::Draining, "DRAINING mode and cannot be brought down")?;
        self.change_machines(turn, ticket, Operation::MachinesDown(machines))
    }

    /// Machines are back. Mesos: that ends their window too.
    pub(super) fn stop_maintenance(
        &mut self,
        turn: &mut Turn,
        ticket: Ticket,
        machines: Vec<v1::MachineID>,
    ) -> Result<Option<Reply>, Rejection> {
        self.are_all(&machines, Mode::Down, "DOWN mode and cannot be brought up")?;
        self.change_machines(turn, ticket, Operation::MachinesUp(machines))
    }

    fn are_all(&self, machines: &[v1::MachineID], mode: Mode, text: &str) -> Result<(), Rejection> {
        validate::machines(machines).map_err(Rejection::Invalid)?;
        let known = self.known_machines();
        for id in machines {
            let machine = Machine::named(id);
            let shown = validate::shown(id);
            match known.get(&machine) {
                Some(info) if info.mode == Some(mode) => {}
                // Mesos: knows the machines of its agents too; they are up.
                Some(_) => return Err(Rejection::Invalid(format!("Machine '{shown}' is not in {text}"))),
                None if self.has_agents(&machine) => {
                    return Err(Rejection::Invalid(format!("Machine '{shown}' is not in {text}")));
                }
                None => {
                    let text = format!("Machine '{shown}' is not part of a maintenance schedule");
                    return Err(Rejection::Invalid(text));
                }
            }
        }
        Ok(())
    }

    fn known_machines(&self) -> Known<'_> {
        self.registry.machines().map(|info| (Machine::named(&info.id), info)).collect::<BTreeMap<_, _>>()
    }

    fn has_agents(&self, machine: &Machine) -> bool {
        self.state.tables.agents.values().any(|agent| Machine::of_agent(agent) == *machine)
    }

    fn change_machines(
        &mut self,
        turn: &mut Turn,
        ticket: Ticket,
        operation: Operation,
    ) -> Result<Option<Reply>, Rejection> {
        if self.awaiting.is_full() {
            return Err(Rejection::Busy("Too many changes wait to be written: try again".to_string()));
        }
        self.store(turn, &[operation], Awaited::Machines(MachineChange { ticket: Some(ticket) }));
        Ok(None)
    }
}
