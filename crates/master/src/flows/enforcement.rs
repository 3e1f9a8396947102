// SPDX-License-Identifier: Apache-2.0

//! Windows that are enforced: when one begins, what frameworks did not give back is taken from them.
//!
//! The machine's agents are emptied, by a drain of the master's own or by kills; then the machine goes down by itself,
//! and at the window's end comes up again if that was asked. How far this has come is in the registry, so that the next
//! leader goes on.
//!
//! Mesos: was to have this once ("inverse offers with a deadline"), and leaves it to the operator.

mod clock;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kaon_api::internal::{self, KaonEnforcedMachine};
use kaon_api::v1;
use kaon_api::v1::machine_info::Mode;
use kaon_model::{AgentId, Mono, Wall};

use super::auditing::Action;
use super::awaiting::Awaited;
use crate::calls::operator::{DutyChange, MachineChange};
use crate::effect::{Effect, ToPeer};
use crate::master::{Master, TimerKey, Turn};
use crate::registry::{Duty, Operation};
use crate::state::{AgentRow, Machine};
use clock::Clock;

/// How often windows are looked at.
const TICK: Duration = Duration::from_secs(1);

/// Bound: how long after the grace a machine that is not empty goes down all the same. It takes an agent that does not
/// answer, or a scheduler that does not acknowledge.
const PATIENCE: Duration = Duration::from_secs(60);

/// Bound: the same where no grace is set, so that tasks take the time that they ask for.
const PATIENCE_WITHOUT_GRACE: Duration = Duration::from_secs(3600);

/// What is enforced now.
#[derive(Debug, Default)]
pub(crate) struct Enforcement {
    clock: Clock,
    /// The machines that are being emptied.
    emptied: BTreeMap<Machine, Progress>,
    /// A change of ours is being written.
    writing: bool,
}

/// How a machine becomes empty.
#[derive(Debug)]
struct Progress {
    /// When it goes down at the latest.
    deadline: Mono,
    /// Agents that cannot drain, of which the tasks were killed.
    killed: BTreeSet<AgentId>,
}

/// Who is on machines.
#[derive(Default)]
struct There {
    agents: BTreeMap<Machine, Vec<AgentRow>>,
    /// The hosts, in small letters, of agents that were there before this master led and may come back: nothing else is
    /// known of them.
    awaited: BTreeSet<String>,
}

/// What a look at the windows finds.
#[derive(Default)]
struct Findings {
    begin: Vec<v1::MachineID>,
    empty: Vec<KaonEnforcedMachine>,
    up: Vec<v1::MachineID>,
}

impl Master {
    /// Looks at the windows, as long as any is enforced.
    pub(crate) fn enforcement_due(&mut self, turn: &mut Turn) {
        if self.registry.enforced().is_empty() {
            self.enforcement = Enforcement::default();
            return;
        }
        self.timers.set(TimerKey::Enforcement, turn.now.mono + TICK);
        let sure = self.enforcement.clock.is_sure(turn.now);
        if self.enforcement.writing {
            return;
        }
        let findings = self.look_at_windows(sure, turn.now.wall);
        let going_on: BTreeSet<Machine> = findings.empty.iter().map(|one| Machine::named(&one.id)).collect();
        self.enforcement.emptied.retain(|machine, _| going_on.contains(machine));
        let down = self.empty_machines(turn, findings.empty);
        let mut operations = Vec::new();
        for (ids, name, text, operation) in [
            (
                findings.begin,
                "DRAIN_MACHINES",
                BEGINS,
                Operation::BeginEnforcement as fn(Vec<v1::MachineID>) -> Operation,
            ),
            (down, "START_MAINTENANCE", GOES_DOWN, Operation::MachinesDown),
            (findings.up, "STOP_MAINTENANCE", COMES_UP, Operation::MachinesUp),
        ] {
            if !ids.is_empty() {
                turn.out.push(Effect::Warn { message: format!("{text}: {}", names(&ids)) });
                let action = Action::of_window(name, &ids).done("done", turn.now.wall);
                operations.extend([operation(ids), Operation::Audit(action)]);
            }
        }
        if !operations.is_empty() {
            self.enforcement.writing = true;
            self.store(turn, &operations, Awaited::Enforcement);
        }
    }

    /// It is durable: what follows need not wait for the next tick.
    pub(crate) fn enforced(&mut self, turn: &mut Turn) {
        self.enforcement.writing = false;
        self.machines_changed(turn, MachineChange { ticket: None });
        let begun: Vec<_> =
            self.registry.enforced().iter().filter(|one| one.begun == Some(true)).cloned().collect();
        self.empty_machines(turn, begun);
    }

    fn look_at_windows(&self, sure: bool, wall: Wall) -> Findings {
        let mut findings = Findings::default();
        #[cfg(feature = "sabotage")]
        if self.breaks(crate::Sabotage::ForgetTheDeadline) {
            return findings;
        }
        let known: BTreeMap<Machine, &v1::MachineInfo> =
            self.registry.machines().map(|info| (Machine::named(&info.id), info)).collect();
        for machine in self.registry.enforced() {
            let Some(info) = known.get(&Machine::named(&machine.id)) else { continue };
            let Some(time) = &info.unavailability else { continue };
            let (started, ended) = (time.start.nanoseconds <= wall.nanos(), has_ended(time, wall));
            let begun = machine.begun.unwrap_or_default();
            match info.mode {
                Some(Mode::Draining) if begun => findings.empty.push(machine.clone()),
                Some(Mode::Draining) if sure && started && !ended => findings.begin.push(machine.id.clone()),
                Some(Mode::Down) if sure && ended && machine.enforcement.up_again.unwrap_or_default() => {
                    findings.up.push(machine.id.clone());
                }
                _ => {}
            }
        }
        findings
    }

    /// Sees to it that machines become empty; says which are, or have had their time.
    fn empty_machines(&mut self, turn: &mut Turn, begun: Vec<KaonEnforcedMachine>) -> Vec<v1::MachineID> {
        if begun.is_empty() {
            return Vec::new();
        }
        let mut there = There::default();
        for row in self.state.machines.scheduled_agents() {
            there.agents.entry(Machine::of_agent(self.state.agent(row))).or_default().push(row);
        }
        there.awaited = self.recovered.values().map(|info| info.hostname.to_ascii_lowercase()).collect();
        let empty = begun.into_iter().filter(|machine| self.empty_machine(turn, machine, &there));
        empty.map(|machine| machine.id).collect()
    }

    fn empty_machine(&mut self, turn: &mut Turn, machine: &KaonEnforcedMachine, there: &There) -> bool {
        let name = Machine::named(&machine.id);
        let grace = machine.enforcement.max_grace_period.as_ref();
        let patience = grace.map_or(PATIENCE_WITHOUT_GRACE, |grace| {
            Duration::from_nanos(u64::try_from(grace.nanoseconds).unwrap_or_default()) + PATIENCE
        });
        let fresh = || Progress { deadline: turn.now.mono + patience, killed: BTreeSet::new() };
        let deadline = self.enforcement.emptied.entry(name.clone()).or_insert_with(fresh).deadline;
        let mut is_empty = !name.hostname().is_some_and(|host| there.awaited.contains(host));
        for row in there.agents.get(&name).into_iter().flatten() {
            is_empty &= self.empty_agent(turn, *row, &name, grace);
        }
        is_empty || deadline <= turn.now.mono
    }

    fn empty_agent(
        &mut self,
        turn: &mut Turn,
        row: AgentRow,
        machine: &Machine,
        grace: Option<&v1::DurationInfo>,
    ) -> bool {
        let agent = self.state.agent(row);
        let (id, drains) = (agent.id.clone(), agent.capabilities.draining());
        let duty = self.registry.duty(id.as_str()).unwrap_or_default();
        if self.awaiting.agents.contains(&id) {
            return false;
        }
        if drains {
            return self.drain_agent_of_window(turn, id, duty, grace);
        }
        if !duty.deactivated {
            let duty = Duty { deactivated: true, drain: None };
            self.write_duty(turn, DutyChange { agent: id, ticket: None }, duty);
            return false;
        }
        if self.enforcement.emptied.get_mut(machine).is_some_and(|progress| progress.killed.insert(id)) {
            self.kill_everything(turn, row, grace);
        }
        self.state.tasks.of_agent(row).is_empty()
    }

    /// An operator may have drained it before.
    fn drain_agent_of_window(
        &mut self,
        turn: &mut Turn,
        agent: AgentId,
        duty: Duty,
        grace: Option<&v1::DurationInfo>,
    ) -> bool {
        if let Some(drain) = &duty.drain {
            return drain.state == v1::DrainState::Drained;
        }
        let (max_grace_period, mark_gone) = (grace.cloned(), Some(false));
        let config = v1::DrainConfig { max_grace_period, mark_gone, ..Default::default() };
        let drain = v1::DrainInfo { state: v1::DrainState::Draining, config, ..Default::default() };
        let duty = Duty { deactivated: true, drain: Some(drain) };
        self.write_duty(turn, DutyChange { agent, ticket: None }, duty);
        false
    }

    /// Agents that know nothing of draining are told task by task.
    fn kill_everything(&mut self, turn: &mut Turn, row: AgentRow, grace: Option<&v1::DurationInfo>) {
        let pid = self.state.agent(row).pid.clone();
        for task in self.state.tasks.of_agent(row) {
            let task = self.state.task(task);
            if task.state.is_terminal() {
                continue;
            }
            let (framework, id) = (task.body.framework.clone(), task.body.id.clone());
            let policy =
                grace.map(|grace| v1::KillPolicy { grace_period: Some(grace.clone()), ..Default::default() });
            let kill = internal::KillTaskMessage {
                framework_id: v1::FrameworkID::from(framework.as_str()),
                task_id: v1::TaskID::from(id.as_str()),
                kill_policy: policy,
                ..Default::default()
            };
            turn.send(&pid, ToPeer::KillTask(kill));
            self.state.agents.remember_kill(row, framework, id);
        }
    }
}

/// Whether a window is over. One without a duration never is.
pub(crate) fn has_ended(time: &v1::Unavailability, wall: Wall) -> bool {
    let end = time.duration.as_ref().map(|span| time.start.nanoseconds.saturating_add(span.nanoseconds));
    end.is_some_and(|end| end <= wall.nanos())
}

const BEGINS: &str =
    "A maintenance window has begun; what frameworks did not give back is taken from them now, on";
const GOES_DOWN: &str = "A maintenance window is enforced; machines go down";
const COMES_UP: &str = "A maintenance window is over; machines come up";

/// Bound: machines named to people; more would not be read.
const NAMED_MAX: usize = 20;

/// Machines as people are told of them.
pub(crate) fn names(ids: &[v1::MachineID]) -> String {
    let name = |id: &v1::MachineID| id.hostname.clone().or(id.ip.clone()).unwrap_or_default();
    let mut named: Vec<String> = ids.iter().take(NAMED_MAX).map(name).collect();
    if ids.len() > NAMED_MAX {
        named.push(format!("{} more", ids.len() - NAMED_MAX));
    }
    named.join(", ")
}
