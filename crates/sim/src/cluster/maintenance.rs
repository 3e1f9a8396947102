// SPDX-License-Identifier: Apache-2.0

//! Operators who plan for machines, and have their windows enforced.

use std::net::Ipv4Addr;
use std::time::Duration;

use kaon_api::internal::{KaonEnforcement, KaonSchedule, KaonWindow};
use kaon_api::v1;
use kaon_api::v1::machine_info::Mode;
use kaon_api::v1::maintenance::Schedule;
use kaon_api::v1::master::{Call, call};
use kaon_master::state::Machine;
use kaon_master::{Caller, Input, Ticket};

use super::Cluster;
use crate::laws::enforced::Deadline;

/// How long a window is. Masters are never away for that long.
const WINDOW: Duration = Duration::from_secs(600);

impl Cluster {
    /// An operator has the machine of an agent taken out of service in a while.
    pub(super) fn enforce(&mut self, agent: usize, ahead: Duration, grace: Duration) {
        let Some(leader) = self.leading() else { return };
        let machine = machine(agent);
        let present = self.store.value().schedule();
        let planned = present.windows.iter().flat_map(|window| &window.machine_ids);
        if planned.into_iter().any(|known| *known == machine) {
            return;
        }
        let start = (self.masters[leader].wall(self.now) + ahead).nanos();
        let mut schedule = self.as_it_is(&present);
        schedule.windows.push(KaonWindow {
            machine_ids: vec![machine.clone()],
            unavailability: v1::Unavailability {
                start: v1::TimeInfo { nanoseconds: start, ..Default::default() },
                duration: Some(duration(WINDOW)),
                ..Default::default()
            },
            enforcement: Some(KaonEnforcement {
                max_grace_period: Some(duration(grace)),
                up_again: Some(true),
                ..Default::default()
            }),
            ..Default::default()
        });
        // Another operator's window is not to be lost.
        schedule.replaces = Some(present);
        self.maintained.insert(agent);
        self.tickets += 1;
        self.planned.insert(self.tickets, Deadline { machine: Machine::named(&machine), start, grace });
        let (ticket, schedule) = (Ticket(self.tickets), Box::new(schedule));
        self.master_handles(leader, Input::EnforceSchedule { ticket, schedule, caller: Caller::default() });
    }

    /// The schedule with what is enforced of it.
    fn as_it_is(&self, present: &Schedule) -> KaonSchedule {
        let enforced = self.store.value().enforced();
        let window = |window: &v1::maintenance::Window| KaonWindow {
            enforcement: enforced
                .iter()
                .find(|one| window.machine_ids.contains(&one.id))
                .map(|one| one.enforcement.clone()),
            machine_ids: window.machine_ids.clone(),
            unavailability: window.unavailability.clone(),
            ..Default::default()
        };
        KaonSchedule { windows: present.windows.iter().map(window).collect(), ..Default::default() }
    }

    /// An operator takes everything off the schedule; what is down must stay.
    pub(super) fn clear_schedule(&mut self) {
        let update = call::UpdateMaintenanceSchedule::default();
        let update_maintenance_schedule = Some(update);
        let kind = Some(call::Type::UpdateMaintenanceSchedule);
        self.plan_by(Call { r#type: kind, update_maintenance_schedule, ..Default::default() });
    }

    /// When the faults are over, operators bring all machines up, and plan no more.
    pub(super) fn end_maintenance(&mut self) {
        let known = self.store.value().machines();
        let down = known.filter(|info| info.mode == Some(Mode::Down)).map(|info| info.id.clone());
        let machines: Vec<v1::MachineID> = down.collect();
        if !machines.is_empty() {
            let stop_maintenance = Some(call::StopMaintenance { machines, ..Default::default() });
            let kind = Some(call::Type::StopMaintenance);
            self.plan_by(Call { r#type: kind, stop_maintenance, ..Default::default() });
        } else if self.store.value().machines().next().is_some() {
            self.clear_schedule();
        }
    }

    fn plan_by(&mut self, call: Call) {
        let Some(leader) = self.leading() else { return };
        self.log.line(self.now, format!("an operator calls {:?}", call.r#type));
        self.tickets += 1;
        let (ticket, call) = (Ticket(self.tickets), Box::new(call));
        self.master_handles(leader, Input::Operator { ticket, call, caller: Caller::default() });
    }

    /// Windows that were promised are looked at, and whose tasks they may cost is noted.
    pub(super) fn check_enforced(&mut self) {
        for agent in &self.maintained {
            if let Some(id) = &self.agents[*agent].id {
                self.doomed.insert(id.clone());
                self.service.taken_back(id);
            }
        }
        let Some(leader) = self.leading() else { return };
        let Some(lead) = &self.masters[leader].lead else { return };
        let (wall, led) = (self.masters[leader].wall(self.now), self.now.since(lead.since));
        let (kept, result) = self.deadlines.check(self.store.value(), wall, led);
        self.counts.add_many("law an enforced deadline is kept", kept);
        self.break_law(result);
    }
}

/// The machine of an agent.
fn machine(agent: usize) -> v1::MachineID {
    let ip = Ipv4Addr::new(10, 0, 1, agent as u8 + 1);
    v1::MachineID { hostname: Some(format!("host-{agent}")), ip: Some(ip.to_string()), ..Default::default() }
}

fn duration(span: Duration) -> v1::DurationInfo {
    let nanoseconds = i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    v1::DurationInfo { nanoseconds, ..Default::default() }
}
