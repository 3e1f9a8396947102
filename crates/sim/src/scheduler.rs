// SPDX-License-Identifier: Apache-2.0

//! A simulated framework: takes offers, launches scripts, kills some, acknowledges all it is told.

mod operations;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kaon_api::v1::scheduler::{Call, Event, call, event};
use kaon_api::v1::{self, TaskState};
use kaon_model::{Entropy, Mono};

use crate::report::{Broken, Counts};
use crate::script::Script;

/// What a framework is like; drawn from the seed.
#[derive(Clone, Debug)]
pub struct Profile {
    pub role: String,
    pub partition_aware: bool,
    pub checkpoint: bool,
    pub failover_timeout: f64,
    pub task_cpus: f64,
    pub task_mem: f64,
    /// Tasks it wants to have run by the end of the run; then it only waits.
    pub tasks_wanted: usize,
    /// How long its tasks run, at most.
    pub task_length_max: Duration,
    /// Chance that a task exits with 1, and that one ignores SIGTERM.
    pub failing: f64,
    pub stubborn: f64,
    /// Chance that an offer is left lying instead of being answered.
    pub sleepy: f64,
    /// Whether it reserves resources and keeps volumes.
    pub reserving: bool,
    /// Seconds for which it refuses what it does not need.
    pub refuse_seconds: f64,
}

/// What the framework knows of a task of its own.
#[derive(Clone, Debug)]
pub struct TaskView {
    pub agent: String,
    pub state: TaskState,
    /// The last state that its agent told, with a uuid.
    pub told: Option<(TaskState, Vec<u8>)>,
    pub kill_asked: bool,
    /// Whether its scheduler was ever told that it runs.
    pub seen_running: bool,
    /// What its script says.
    pub exit_code: i32,
    seen: BTreeSet<Vec<u8>>,
}

#[derive(Debug)]
pub struct Scheduler {
    pub profile: Profile,
    pub id: Option<String>,
    pub subscribed: bool,
    pub tasks: BTreeMap<String, TaskView>,
    /// Offers it holds, with what they hold: cpus and mem.
    pub offers: BTreeMap<String, v1::Offer>,
    /// No more launches: the healing phase has begun.
    pub closing: bool,
    pub last_offer: Option<Mono>,
    launched: usize,
    /// Operations and volumes that it gave names to.
    operations: usize,
    name: String,
}

impl Scheduler {
    pub fn new(index: usize, profile: Profile) -> Scheduler {
        Scheduler {
            profile,
            id: None,
            subscribed: false,
            tasks: BTreeMap::new(),
            offers: BTreeMap::new(),
            closing: false,
            last_offer: None,
            launched: 0,
            operations: 0,
            name: format!("framework-{index}"),
        }
    }

    pub fn wants_more(&self) -> bool {
        !self.closing && self.launched < self.profile.tasks_wanted
    }

    /// Tasks of which it does not know that they ended.
    pub fn unfinished(&self) -> impl Iterator<Item = (&String, &TaskView)> {
        self.tasks.iter().filter(|(_, task)| !is_terminal(task.state))
    }

    pub fn subscribe(&self) -> Call {
        let mut capabilities = vec![v1::framework_info::capability::Type::MultiRole];
        if self.profile.partition_aware {
            capabilities.push(v1::framework_info::capability::Type::PartitionAware);
        }
        if self.profile.reserving {
            capabilities.push(v1::framework_info::capability::Type::ReservationRefinement);
        }
        let framework_id = self.id.as_ref().map(|id| v1::FrameworkID::from(id.as_str()));
        let info = v1::FrameworkInfo {
            user: "nobody".into(),
            name: self.name.clone(),
            id: framework_id.clone(),
            roles: vec![self.profile.role.clone()],
            checkpoint: Some(self.profile.checkpoint),
            failover_timeout: Some(self.profile.failover_timeout),
            capabilities: capabilities
                .into_iter()
                .map(|r#type| v1::framework_info::Capability { r#type: Some(r#type), ..Default::default() })
                .collect(),
            ..Default::default()
        };
        Call {
            framework_id,
            r#type: Some(call::Type::Subscribe),
            subscribe: Some(call::Subscribe { framework_info: info.into(), ..Default::default() }),
            ..Default::default()
        }
    }

    fn call(&self, r#type: call::Type) -> Call {
        Call {
            framework_id: self.id.as_ref().map(|id| v1::FrameworkID::from(id.as_str())),
            r#type: Some(r#type),
            ..Default::default()
        }
    }

    /// The stream has ended: what was offered is void.
    pub fn disconnected(&mut self) {
        self.subscribed = false;
        self.offers.clear();
    }

    pub fn on_event(
        &mut self,
        now: Mono,
        rng: &mut Entropy,
        event: Event,
        counts: &mut Counts,
    ) -> Result<Vec<Call>, Broken> {
        let mut calls = Vec::new();
        match event.r#type {
            Some(event::Type::Subscribed) => {
                let subscribed = event.subscribed.expect("SUBSCRIBED carries its member");
                self.id = Some(subscribed.framework_id.value.clone());
                self.subscribed = true;
                counts.add("scheduler subscribed");
                if !self.tasks.is_empty() {
                    calls.push(self.reconcile(rng));
                }
            }
            Some(event::Type::Offers) => {
                self.last_offer = Some(now);
                for offer in event.offers.expect("OFFERS carries its member").offers {
                    counts.add("offer received");
                    self.offers.insert(offer.id.value.clone(), offer.clone());
                    if !rng.chance(self.profile.sleepy) || self.closing {
                        calls.push(self.answer(rng, offer, counts));
                    }
                }
            }
            Some(event::Type::Rescind) => {
                counts.add("offer rescinded");
                self.offers.remove(&event.rescind.expect("RESCIND carries its member").offer_id.value);
            }
            Some(event::Type::Update) => {
                let status = event.update.expect("UPDATE carries its member").status;
                calls.extend(self.on_update(&status, counts)?);
            }
            Some(event::Type::UpdateOperationStatus) => {
                let update = event.update_operation_status.expect("the event carries its member");
                calls.extend(self.on_operation(&update.status, counts)?);
            }
            Some(event::Type::Failure) => counts.add("failure event"),
            Some(event::Type::Error) => {
                counts.add("error event");
                self.disconnected();
            }
            _ => {}
        }
        Ok(calls)
    }

    /// Launches what fits and is wanted, and refuses the rest.
    fn answer(&mut self, rng: &mut Entropy, mut offer: v1::Offer, counts: &mut Counts) -> Call {
        self.offers.remove(&offer.id.value);
        let volumes = self.volumes(&offer);
        let mut operations = self.operations(rng, &mut offer, counts);
        let free = |one: &v1::Resource| {
            one.reservations.is_empty() && one.role.as_deref().is_none_or(|role| role == "*")
        };
        let amount = |name: &str| -> f64 {
            let named = offer.resources.iter().filter(|resource| resource.name == name && free(resource));
            named.filter_map(|resource| resource.scalar.as_ref()).map(|scalar| scalar.value).sum()
        };
        let fits =
            (amount("cpus") / self.profile.task_cpus).min(amount("mem") / self.profile.task_mem) as usize;
        let wanted = if self.wants_more() { self.profile.tasks_wanted - self.launched } else { 0 };
        let count = fits.min(wanted).min(1 + rng.below(4) as usize);
        let filters =
            Some(v1::Filters { refuse_seconds: Some(self.profile.refuse_seconds), ..Default::default() });
        if count == 0 && operations.is_empty() {
            counts.add("offer declined");
            let decline = call::Decline { offer_ids: vec![offer.id], filters, ..Default::default() };
            return Call { decline: Some(decline), ..self.call(call::Type::Decline) };
        }
        counts.add("offer accepted");
        let mut task_infos: Vec<v1::TaskInfo> = (0..count).map(|_| self.task(rng, &offer)).collect();
        // One that was just destroyed is asked for in vain, which is told as an error.
        if let (Some(task), Some(volume)) = (task_infos.first_mut(), rng.pick(&volumes)) {
            task.resources.push(volume.clone());
        }
        if count > 0 {
            let launch = v1::offer::operation::Launch { task_infos, ..Default::default() };
            operations.push(v1::offer::Operation {
                r#type: Some(v1::offer::operation::Type::Launch),
                launch: Some(launch),
                ..Default::default()
            });
        }
        let accept = call::Accept { offer_ids: vec![offer.id], operations, filters, ..Default::default() };
        Call { accept: Some(accept), ..self.call(call::Type::Accept) }
    }

    fn task(&mut self, rng: &mut Entropy, offer: &v1::Offer) -> v1::TaskInfo {
        let id = format!("{}-task-{}", self.name, self.launched);
        self.launched += 1;
        let script = Script {
            runs: Duration::from_millis(rng.below(self.profile.task_length_max.as_millis() as u64)),
            exit_code: i32::from(rng.chance(self.profile.failing)),
            stubborn: rng.chance(self.profile.stubborn),
        };
        let view = TaskView {
            agent: offer.agent_id.value.clone(),
            state: TaskState::TaskStaging,
            told: None,
            kill_asked: false,
            seen_running: false,
            exit_code: script.exit_code,
            seen: BTreeSet::new(),
        };
        self.tasks.insert(id.clone(), view);
        let scalar = |name: &str, value: f64| v1::Resource {
            name: name.into(),
            r#type: v1::value::Type::Scalar,
            scalar: Some(v1::value::Scalar { value, ..Default::default() }),
            ..Default::default()
        };
        v1::TaskInfo {
            name: id.clone(),
            task_id: id.into(),
            agent_id: offer.agent_id.clone(),
            resources: vec![scalar("cpus", self.profile.task_cpus), scalar("mem", self.profile.task_mem)],
            command: Some(Box::new(v1::CommandInfo { value: Some(script.text()), ..Default::default() })),
            ..Default::default()
        }
    }

    fn on_update(&mut self, status: &v1::TaskStatus, counts: &mut Counts) -> Result<Option<Call>, Broken> {
        counts.add(state_count(status.state));
        counts.add("law updates in order, terminal is final");
        let broken = |law, what: String| Err(Broken { law, what });
        let Some(task) = self.tasks.get_mut(&status.task_id.value) else {
            return broken("no strange tasks", format!("{} was told of {}", self.name, status.task_id.value));
        };
        // Mesos: what a master says by itself, without a uuid, is the newest it knows; the agent's own updates may
        // still be on their way, in order. So only what the agent told is final.
        if let Some((told, _)) = &task.told
            && is_final(*told)
            && status.state != *told
        {
            return broken(
                "terminal is final",
                format!("{} was {told:?}, then {:?}", status.task_id.value, status.state),
            );
        }
        if status.state == TaskState::TaskStaging && status.uuid.is_some() {
            return broken(
                "task states legal",
                format!("an update says that {} is staging", status.task_id.value),
            );
        }
        task.state = status.state;
        task.seen_running |= status.state == TaskState::TaskRunning;
        let Some(uuid) = &status.uuid else { return Ok(None) };
        if task.seen.insert(uuid.clone()) {
            if let Some((before, _)) = &task.told
                && rank(*before) > rank(status.state)
            {
                return broken(
                    "updates in order",
                    format!("{}: {:?} came after {before:?}", status.task_id.value, status.state),
                );
            }
            task.told = Some((status.state, uuid.clone()));
        }
        let agent_id = status.agent_id.clone().unwrap_or_default();
        let acknowledge = call::Acknowledge {
            agent_id,
            task_id: status.task_id.clone(),
            uuid: uuid.clone(),
            ..Default::default()
        };
        Ok(Some(Call { acknowledge: Some(acknowledge), ..self.call(call::Type::Acknowledge) }))
    }

    /// Something the framework does by itself now and then.
    pub fn whim(&mut self, rng: &mut Entropy, counts: &mut Counts) -> Option<Call> {
        if !self.subscribed {
            return None;
        }
        match rng.below(if self.closing { 3 } else { 6 }) {
            0 => Some(self.reconcile(rng)),
            1 if !self.closing => {
                counts.add("revive");
                Some(self.call(call::Type::Revive))
            }
            1 | 2 => {
                let running: Vec<String> = self.unfinished().map(|(id, _)| id.clone()).collect();
                let id = rng.pick(&running)?.clone();
                counts.add("kill");
                Some(self.kill(&id))
            }
            3 => {
                // An offer that lay about is answered after all, if it still stands.
                let held: Vec<v1::Offer> = self.offers.values().cloned().collect();
                let offer = rng.pick(&held)?.clone();
                Some(self.answer(rng, offer, counts))
            }
            _ => None,
        }
    }

    pub fn kill(&mut self, id: &str) -> Call {
        let task = self.tasks.get_mut(id).expect("only known tasks are killed");
        task.kill_asked = true;
        let agent_id = Some(v1::AgentID::from(task.agent.as_str()));
        let kill = call::Kill { task_id: id.into(), agent_id, ..Default::default() };
        Call { kill: Some(kill), ..self.call(call::Type::Kill) }
    }

    fn reconcile(&mut self, rng: &mut Entropy) -> Call {
        let tasks = if rng.chance(0.3) {
            Vec::new()
        } else {
            let ask = |(id, task): (&String, &TaskView)| call::reconcile::Task {
                task_id: id.as_str().into(),
                agent_id: Some(task.agent.as_str().into()),
                ..Default::default()
            };
            self.unfinished().map(ask).collect()
        };
        let reconcile = call::Reconcile { tasks, ..Default::default() };
        Call { reconcile: Some(reconcile), ..self.call(call::Type::Reconcile) }
    }
}

pub fn is_terminal(state: TaskState) -> bool {
    use TaskState as S;
    is_final(state) || matches!(state, S::TaskLost | S::TaskDropped | S::TaskGone | S::TaskGoneByOperator)
}

/// States after which there is no other. LOST and its like are what a master believes of an agent it cannot see.
fn is_final(state: TaskState) -> bool {
    use TaskState as S;
    matches!(state, S::TaskFinished | S::TaskFailed | S::TaskKilled | S::TaskError)
}

/// How far a task is, as its agent tells it.
fn rank(state: TaskState) -> u8 {
    use TaskState as S;
    match state {
        S::TaskStaging => 0,
        S::TaskStarting => 1,
        S::TaskRunning => 2,
        S::TaskKilling => 3,
        _ => 4,
    }
}

fn state_count(state: TaskState) -> &'static str {
    use TaskState as S;
    match state {
        S::TaskStaging => "update STAGING",
        S::TaskStarting => "update STARTING",
        S::TaskRunning => "update RUNNING",
        S::TaskKilling => "update KILLING",
        S::TaskFinished => "update FINISHED",
        S::TaskFailed => "update FAILED",
        S::TaskKilled => "update KILLED",
        S::TaskError => "update ERROR",
        S::TaskLost => "update LOST",
        S::TaskDropped => "update DROPPED",
        S::TaskUnreachable => "update UNREACHABLE",
        S::TaskGone => "update GONE",
        S::TaskGoneByOperator => "update GONE_BY_OPERATOR",
        S::TaskUnknown => "update UNKNOWN",
    }
}
