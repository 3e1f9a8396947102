// SPDX-License-Identifier: Apache-2.0

//! Peers that say anything at any time: the master neither falls nor loses count.

use std::time::Duration;

use kaon_api::{internal, v1};
use kaon_master::*;
use kaon_model::{Entropy, Role};

use crate::scene::Stage;

/// Few names, so that they meet; some of them no good.
fn name(dice: &mut Entropy) -> String {
    let names = ["", "a", "b", "/", "x-S0", "x-S1", "x-0000", "x-0001", "x-O0", "x-O3"];
    (*dice.pick(&names).unwrap()).to_string()
}

struct Nonsense {
    stage: Stage,
    dice: Entropy,
    streams: Vec<(u64, String)>,
    /// Stream, framework, offer, agent: what was offered once, and may be out still.
    offers: Vec<(u64, String, String, String)>,
    next: u64,
    writes: Vec<Write>,
    /// Where it was launched, with the task.
    launched: Vec<(kaon_api::libprocess::Upid, internal::RunTaskMessage)>,
}

impl Nonsense {
    fn id(&mut self) -> String {
        name(&mut self.dice).replace('x', self.stage.master.id())
    }

    fn resources(&mut self) -> Vec<v1::Resource> {
        let texts = ["cpus:1;mem:64", "cpus:8;mem:900", "cpus(a):1", "ports:[1-9]", "gpus:1", ""];
        let text = *self.dice.pick(&texts).unwrap();
        let mut all =
            if text.is_empty() { vec![] } else { kaon_model::parse_list(text, &Role::star()).unwrap() };
        if self.dice.chance(0.1) {
            all.push(v1::Resource { name: "cpus".into(), ..Default::default() });
        }
        if self.dice.chance(0.5) {
            for resource in &mut all {
                resource.allocation_info =
                    Some(v1::resource::AllocationInfo { role: Some("*".into()), ..Default::default() });
            }
        }
        all
    }

    fn framework_info(&mut self) -> v1::FrameworkInfo {
        let id = Some(self.id()).filter(|_| self.dice.chance(0.5)).map(v1::FrameworkID::from);
        let failover_timeout = *self.dice.pick(&[0.0, 10.0, -1.0, 1e300, f64::NAN]).unwrap();
        v1::FrameworkInfo {
            user: "u".into(),
            name: "n".into(),
            id,
            failover_timeout: Some(failover_timeout),
            checkpoint: Some(self.dice.chance(0.5)),
            ..Default::default()
        }
    }

    fn task_info(&mut self) -> v1::TaskInfo {
        let executor = v1::ExecutorInfo {
            executor_id: v1::ExecutorID::from(self.id()),
            command: Some(Box::default()),
            resources: self.resources(),
            ..Default::default()
        };
        let has_executor = self.dice.chance(0.3);
        v1::TaskInfo {
            name: "n".into(),
            task_id: v1::TaskID::from(self.id()),
            agent_id: v1::AgentID::from(self.id()),
            resources: self.resources(),
            command: (!has_executor).then(Box::default),
            executor: has_executor.then(|| Box::new(executor)),
            ..Default::default()
        }
    }

    fn state(&mut self) -> v1::TaskState {
        use kaon_api::wire::Enumeration;
        self.dice.pick(v1::TaskState::VALUES).unwrap().0
    }

    fn input(&mut self) -> Input {
        let from = format!("slave(1)@10.0.0.{}:5051", self.dice.below(3)).parse().unwrap();
        let to = format!("slave-observer({})", self.dice.below(4));
        let message = |message| Input::Message { from, to, message: Box::new(message) };
        match self.dice.below(19) {
            0 => Input::Exited { peer: format!("10.0.0.{}:5051", self.dice.below(3)).parse().unwrap() },
            1 => message(PeerMessage::RegisterAgent(internal::RegisterAgentMessage {
                agent: Box::new(self.agent_info(false)),
                version: Some("1.11.0".into()),
                ..Default::default()
            })),
            2 => message(PeerMessage::ReregisterAgent(self.reregistration())),
            3 => message(PeerMessage::Pong(Default::default())),
            4 | 5 => message(PeerMessage::StatusUpdate(self.status_update())),
            6 => message(PeerMessage::ExitedExecutor(internal::ExitedExecutorMessage {
                agent_id: v1::AgentID::from(self.id()),
                framework_id: v1::FrameworkID::from(self.id()),
                executor_id: v1::ExecutorID::from(self.id()),
                ..Default::default()
            })),
            7 => self.subscribe(),
            8 if !self.streams.is_empty() => {
                let at = self.dice.below(self.streams.len() as u64) as usize;
                Input::StreamClosed { stream: Stream(self.streams.swap_remove(at).0) }
            }
            9 => self.operator(),
            16..19 => self.driver(),
            8 | 12 | 13 if !self.launched.is_empty() => self.update_of_launched(),
            10 | 11 => self.launch().unwrap_or_else(|| self.call()),
            _ => self.call(),
        }
    }

    /// A driver of the v0 API, with few addresses, so that they meet.
    fn driver(&mut self) -> Input {
        let from =
            format!("scheduler-{}@10.0.0.{}:5051", self.dice.below(2), self.dice.below(3)).parse().unwrap();
        let framework_id = v1::FrameworkID::from(self.id());
        let framework = Box::new(self.framework_info());
        let message = match self.dice.below(8) {
            0 | 1 => {
                let framework = Box::new(v1::FrameworkInfo { id: None, ..*framework });
                PeerMessage::RegisterFramework(internal::RegisterFrameworkMessage {
                    framework,
                    ..Default::default()
                })
            }
            2 | 3 => PeerMessage::ReregisterFramework(internal::ReregisterFrameworkMessage {
                framework,
                failover: self.dice.chance(0.5),
                ..Default::default()
            }),
            4 => PeerMessage::DeactivateFramework(internal::DeactivateFrameworkMessage {
                framework_id,
                ..Default::default()
            }),
            5 => PeerMessage::LaunchTasks(internal::LaunchTasksMessage {
                framework_id,
                tasks: (0..2).map(|_| self.task_info()).collect(),
                offer_ids: vec![v1::OfferID::from(self.id())],
                ..Default::default()
            }),
            6 => PeerMessage::Authenticate(internal::AuthenticateMessage {
                pid: "slave(1)@10.0.0.1:5051".into(),
                ..Default::default()
            }),
            _ => PeerMessage::SchedulerCall(kaon_api::v0::scheduler::Call {
                framework_id: Some(framework_id),
                r#type: Some(kaon_api::v0::scheduler::call::Type::Revive),
                ..Default::default()
            }),
        };
        Input::Message { from, to: "master".to_string(), message: Box::new(message) }
    }

    fn agent_info(&mut self, with_id: bool) -> v1::AgentInfo {
        let id = with_id.then(|| v1::AgentID::from(self.id()));
        v1::AgentInfo { hostname: "h".into(), resources: self.resources(), id, ..Default::default() }
    }

    fn reregistration(&mut self) -> internal::ReregisterAgentMessage {
        let agent = self.agent_info(true);
        let frameworks: Vec<_> = (0..self.dice.below(3)).map(|_| self.framework_info()).collect();
        let tasks = (0..self.dice.below(3)).map(|_| v1::Task {
            name: "n".into(),
            task_id: v1::TaskID::from(self.id()),
            framework_id: frameworks.first().and_then(|info| info.id.clone()).unwrap_or_default(),
            agent_id: agent.id.clone().unwrap_or_default(),
            state: self.state(),
            resources: self.resources(),
            ..Default::default()
        });
        let tasks = tasks.collect();
        let (agent, version) = (Box::new(agent), Some("1.11.0".to_string()));
        internal::ReregisterAgentMessage { agent, tasks, frameworks, version, ..Default::default() }
    }

    fn status_update(&mut self) -> internal::StatusUpdateMessage {
        let status = v1::TaskStatus {
            task_id: v1::TaskID::from(self.id()),
            state: self.state(),
            ..Default::default()
        };
        let update = internal::StatusUpdate {
            framework_id: v1::FrameworkID::from(self.id()),
            agent_id: Some(v1::AgentID::from(self.id())),
            status: Box::new(status),
            uuid: self.dice.chance(0.8).then(|| vec![self.dice.below(3) as u8; 16]),
            latest_state: Some(self.state()).filter(|_| self.dice.chance(0.5)),
            ..Default::default()
        };
        internal::StatusUpdateMessage { update: Box::new(update), ..Default::default() }
    }

    fn subscribe(&mut self) -> Input {
        self.next += 1;
        let info = self.framework_info();
        let call = v1::scheduler::Call {
            framework_id: info.id.clone(),
            subscribe: Some(v1::scheduler::call::Subscribe {
                framework_info: Box::new(info),
                ..Default::default()
            }),
            ..Default::default()
        };
        Input::Subscribe { stream: Stream(self.next), call: Box::new(call), caller: Caller::default() }
    }

    fn operator(&mut self) -> Input {
        use v1::master::call::{MarkAgentGone, Teardown, Type};
        let gone = self.dice.chance(0.3);
        let call = v1::master::Call {
            r#type: Some(if gone { Type::MarkAgentGone } else { Type::Teardown }),
            mark_agent_gone: Some(MarkAgentGone {
                agent_id: v1::AgentID::from(self.id()),
                ..Default::default()
            }),
            teardown: Some(Teardown { framework_id: v1::FrameworkID::from(self.id()), ..Default::default() }),
            ..Default::default()
        };
        Input::Operator { ticket: Ticket(0), call: Box::new(call), caller: Caller::default() }
    }

    fn call(&mut self) -> Input {
        use kaon_api::wire::Enumeration;
        use v1::scheduler::call::*;
        let kind = self.dice.pick(Type::VALUES).unwrap().0;
        let launch = v1::offer::operation::Launch {
            task_infos: (0..2).map(|_| self.task_info()).collect(),
            ..Default::default()
        };
        let group = v1::offer::operation::LaunchGroup {
            executor: self.task_info().executor.unwrap_or_default(),
            task_group: v1::TaskGroupInfo { tasks: launch.task_infos.clone(), ..Default::default() },
            ..Default::default()
        };
        let operation = v1::offer::Operation {
            r#type: Some(self.dice.pick(v1::offer::operation::Type::VALUES).unwrap().0),
            launch: Some(launch),
            launch_group: Some(group),
            ..Default::default()
        };
        let offer_ids = (0..self.dice.below(3)).map(|_| v1::OfferID::from(self.id())).collect::<Vec<_>>();
        let filters = Some(v1::Filters {
            refuse_seconds: self.dice.pick(&[0.0, 1.0, -1.0, 1e300, f64::NAN]).copied(),
            ..Default::default()
        });
        let operations = vec![operation];
        let (agent_id, task_id) = (v1::AgentID::from(self.id()), v1::TaskID::from(self.id()));
        let kill = Kill { task_id: task_id.clone(), agent_id: None, ..Default::default() };
        let acknowledge =
            Acknowledge { agent_id, task_id, uuid: vec![self.dice.below(3) as u8; 16], ..Default::default() };
        let call = v1::scheduler::Call {
            framework_id: Some(v1::FrameworkID::from(self.id())),
            r#type: Some(kind),
            accept: Some(Accept {
                offer_ids: offer_ids.clone(),
                operations,
                filters: filters.clone(),
                ..Default::default()
            }),
            decline: Some(Decline { offer_ids, filters, ..Default::default() }),
            kill: Some(kill),
            acknowledge: Some(acknowledge),
            reconcile: Some(Reconcile::default()),
            ..Default::default()
        };
        let stream_id = self.dice.pick(&self.streams).map(|(_, id)| id.clone());
        Input::Call { ticket: Ticket(0), stream_id, call: Box::new(call), caller: Caller::default() }
    }

    /// A sensible launch on something that was offered.
    fn launch(&mut self) -> Option<Input> {
        let at = self.dice.below(self.offers.len() as u64) as usize;
        if at >= self.offers.len() {
            return None;
        }
        let (stream, framework, offer, agent) = self.offers.swap_remove(at);
        let mut task = self.task_info();
        task.task_id = v1::TaskID::from(*self.dice.pick(&["a", "b", "c", "d"]).unwrap());
        task.agent_id = v1::AgentID::from(agent);
        task.resources = kaon_model::parse_list("cpus:1", &Role::star()).unwrap();
        if let Some(executor) = &mut task.executor {
            executor.executor_id = v1::ExecutorID::from("e");
            executor.resources = Vec::new();
        }
        let launch = v1::offer::operation::Launch { task_infos: vec![task], ..Default::default() };
        let operation = v1::offer::Operation {
            r#type: Some(v1::offer::operation::Type::Launch),
            launch: Some(launch),
            ..Default::default()
        };
        let accept = v1::scheduler::call::Accept {
            offer_ids: vec![v1::OfferID::from(offer)],
            operations: vec![operation],
            ..Default::default()
        };
        let call = v1::scheduler::Call {
            framework_id: Some(v1::FrameworkID::from(framework)),
            r#type: Some(v1::scheduler::call::Type::Accept),
            accept: Some(accept),
            ..Default::default()
        };
        let stream_id = self.streams.iter().find(|(own, _)| *own == stream).map(|(_, id)| id.clone());
        Some(Input::Call { ticket: Ticket(0), stream_id, call: Box::new(call), caller: Caller::default() })
    }

    /// Anything about a task that was launched, by the agent that has it.
    fn update_of_launched(&mut self) -> Input {
        let (from, run) = self.dice.pick(&self.launched).unwrap().clone();
        let mut message = self.status_update();
        message.update.framework_id = run.framework.id.unwrap();
        message.update.agent_id = Some(run.task.agent_id);
        message.update.status.task_id = run.task.task_id;
        let message = Box::new(PeerMessage::StatusUpdate(message));
        Input::Message { from, to: "master".to_string(), message }
    }

    fn step(&mut self) {
        let input = if self.dice.chance(0.3) && !self.writes.is_empty() {
            Input::Stored { write: self.writes.remove(0) }
        } else if self.dice.chance(0.3) {
            self.stage.now = self.stage.now.after(Duration::from_millis(self.dice.below(10_000)));
            Input::Tick
        } else {
            self.input()
        };
        let mut out = Effects::new();
        self.stage.master.handle(self.stage.now, input.clone(), &mut out);
        if let Err(violation) = self.stage.master.check() {
            panic!("{violation}, after {input:#?}");
        }
        for effect in out {
            match effect {
                Effect::OpenStream { stream, id } => self.streams.push((stream.0, id)),
                Effect::Close { stream } => self.streams.retain(|(own, _)| *own != stream.0),
                Effect::Store { write, .. } => self.writes.push(write),
                Effect::Event { stream, event } => {
                    for offer in event.offers.into_iter().flat_map(|offers| offers.offers) {
                        let (framework, agent) = (offer.framework_id.value, offer.agent_id.value);
                        self.offers.push((stream.0, framework, offer.id.value, agent));
                    }
                }
                Effect::Send { to, message, .. } => {
                    if let ToPeer::RunTask(run) = *message {
                        self.launched.push((to, run));
                    }
                }
                _ => {}
            }
        }
    }
}

#[test]
fn nothing_said_breaks_an_invariant() {
    let mut launched = 0;
    for seed in 0..40 {
        let mut dice = Entropy::from_u64(seed);
        let stage = Stage::new();
        let streams = vec![(0, dice.uuid().to_string())];
        let mut nonsense = Nonsense {
            stage,
            dice,
            streams,
            offers: Vec::new(),
            next: 0,
            writes: Vec::new(),
            launched: Vec::new(),
        };
        for _ in 0..500 {
            nonsense.step();
        }
        assert!(nonsense.next > 5, "seed {seed}: nobody subscribed");
        launched += nonsense.launched.len();
    }
    assert!(launched > 20, "hardly any task was launched, so little was tried: {launched}");
}
