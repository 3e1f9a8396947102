// SPDX-License-Identifier: Apache-2.0

//! `kaon-views`: measures what a view of a large master costs, for `docs/design/views.md`.
#![allow(clippy::print_stdout, reason = "a command line talks to people")]

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use clap::Parser;
use kaon_api::libprocess::Upid;
use kaon_api::v1::{self, TaskState, scheduler};
use kaon_api::{internal, wire::Message};
use kaon_master::Master;
use kaon_master::config::Config;
use kaon_master::effect::{Effect, Effects, ToPeer};
use kaon_master::input::{Caller, Input, PeerMessage, Stream, Ticket};
use kaon_master::registry::Registry;
use kaon_model::{Mono, Now, Wall};

/// Fills a master with agents and tasks, and measures the time of a view, and of inputs with and without one.
///
/// Example: kaon-views --agents 10000 --tasks 1000000
#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value_t = 10_000)]
    agents: u32,
    /// In all; spread evenly over the agents
    #[arg(long, default_value_t = 1_000_000)]
    tasks: u64,
    /// Status updates that are timed in each phase
    #[arg(long, default_value_t = 200_000)]
    updates: usize,
}

/// A master, with the time of its own world and the offers that it has made.
struct World {
    core: Master,
    now: Now,
    offers: Vec<v1::Offer>,
    framework: Option<v1::FrameworkID>,
    stream_id: Option<String>,
    running: Vec<(Upid, internal::RunTaskMessage)>,
}

impl World {
    fn new() -> World {
        let address = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 5050);
        let config =
            Config { pid: Upid::new("master", address), hostname: "master".into(), ..Config::default() };
        let now = Now { mono: Mono::ZERO, wall: Wall::from_nanos(1_767_225_600_000_000_000) };
        World {
            core: Master::new(config, Registry::default(), [7; 32], now),
            now,
            offers: Vec::new(),
            framework: None,
            stream_id: None,
            running: Vec::new(),
        }
    }

    /// Handles an input and what follows from it at once: writes are durable, time stands still.
    fn handle(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let mut effects = Effects::new();
            self.core.handle(self.now, input, &mut effects);
            for effect in effects {
                match effect {
                    Effect::Store { write, .. } => inputs.push(Input::Stored { write }),
                    Effect::OpenStream { id, .. } => self.stream_id = Some(id),
                    Effect::Event { event, .. } => self.event(*event),
                    Effect::Send { to, message, .. } => {
                        if let ToPeer::RunTask(run) = *message {
                            self.running.push((to, run));
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    fn event(&mut self, event: scheduler::Event) {
        if let Some(subscribed) = event.subscribed {
            self.framework = Some(subscribed.framework_id);
        }
        self.offers.extend(event.offers.map(|offers| offers.offers).unwrap_or_default());
    }

    fn pass(&mut self, span: Duration) {
        self.now = self.now.after(span);
        self.handle(Input::Tick);
    }

    fn call(&mut self, call: scheduler::Call) {
        let call = Box::new(scheduler::Call { framework_id: self.framework.clone(), ..call });
        let stream_id = self.stream_id.clone();
        self.handle(Input::Call { ticket: Ticket(1), stream_id, call, caller: Caller::default() });
    }
}

fn scalar(name: &str, value: f64) -> v1::Resource {
    v1::Resource {
        name: name.into(),
        r#type: v1::value::Type::Scalar,
        scalar: Some(v1::value::Scalar { value, ..Default::default() }),
        ..Default::default()
    }
}

fn agent_pid(index: u32) -> Upid {
    Upid::new("slave(1)", SocketAddrV4::new(Ipv4Addr::from(0x0a01_0000 + index), 5051))
}

fn register(world: &mut World, agents: u32) {
    for index in 0..agents {
        let agent = v1::AgentInfo {
            hostname: format!("host-{index}"),
            port: Some(5051),
            resources: vec![scalar("cpus", 1000.0), scalar("mem", 1_000_000.0)],
            ..Default::default()
        };
        let message = internal::RegisterAgentMessage {
            agent: agent.into(),
            version: Some("1.11.0".into()),
            agent_capabilities: [v1::agent_info::capability::Type::MultiRole]
                .into_iter()
                .map(|r#type| v1::agent_info::Capability { r#type: Some(r#type), ..Default::default() })
                .collect(),
            ..Default::default()
        };
        let message = Box::new(PeerMessage::RegisterAgent(message));
        world.handle(Input::Message { from: agent_pid(index), to: "master".into(), message });
    }
}

fn subscribe(world: &mut World) {
    let info = v1::FrameworkInfo { user: "root".into(), name: "views".into(), ..Default::default() };
    let subscribe = scheduler::call::Subscribe { framework_info: info.into(), ..Default::default() };
    let call = scheduler::Call {
        r#type: Some(scheduler::call::Type::Subscribe),
        subscribe: Some(subscribe),
        ..Default::default()
    };
    world.handle(Input::Subscribe { stream: Stream(1), call: call.into(), caller: Caller::default() });
}

fn launch(world: &mut World, tasks: u64, agents: u32) {
    let per_agent = tasks.div_ceil(u64::from(agents));
    let (mut launched, mut rounds) = (0, 0);
    while launched < tasks {
        world.pass(Duration::from_millis(1100));
        rounds += 1;
        assert!(
            rounds < 100,
            "the master offers too little: {launched} of {tasks} tasks after {rounds} rounds"
        );
        for offer in std::mem::take(&mut world.offers) {
            let count = per_agent.min(tasks - launched);
            let task_infos = (launched..launched + count)
                .map(|number| v1::TaskInfo {
                    name: "task".into(),
                    task_id: format!("task-{number}").into(),
                    agent_id: offer.agent_id.clone(),
                    resources: vec![scalar("cpus", 0.1), scalar("mem", 32.0)],
                    command: Some(
                        v1::CommandInfo { value: Some("true".into()), ..Default::default() }.into(),
                    ),
                    ..Default::default()
                })
                .collect();
            launched += count;
            let operation = v1::offer::Operation {
                r#type: Some(v1::offer::operation::Type::Launch),
                launch: Some(v1::offer::operation::Launch { task_infos, ..Default::default() }),
                ..Default::default()
            };
            let filters = Some(v1::Filters { refuse_seconds: Some(1e6), ..Default::default() });
            let accept = scheduler::call::Accept {
                offer_ids: vec![offer.id],
                operations: vec![operation],
                filters,
                ..Default::default()
            };
            let r#type = Some(scheduler::call::Type::Accept);
            world.call(scheduler::Call { r#type, accept: Some(accept.into()), ..Default::default() });
        }
    }
}

/// An update of one task, as its agent would send it.
fn update(world: &World, index: usize, state: TaskState) -> Input {
    let (agent, run) = &world.running[index];
    let uuid = {
        let mut uuid = vec![state as u8; 8];
        uuid.extend_from_slice(&(index as u64).to_be_bytes());
        uuid
    };
    let status = v1::TaskStatus {
        task_id: run.task.task_id.clone(),
        state,
        agent_id: Some(run.task.agent_id.clone()),
        uuid: Some(uuid.clone()),
        ..Default::default()
    };
    let update = internal::StatusUpdate {
        framework_id: run.framework.id.clone().unwrap_or_default(),
        agent_id: Some(run.task.agent_id.clone()),
        status: status.into(),
        timestamp: 0.0,
        uuid: Some(uuid),
        latest_state: Some(state),
        ..Default::default()
    };
    let message = internal::StatusUpdateMessage {
        update: update.into(),
        pid: Some(agent.to_string()),
        ..Default::default()
    };
    // As bytes and back, so that what is timed owns what a real message would.
    let message = internal::StatusUpdateMessage::decode(&message.encode()).expect("it was just encoded");
    Input::Message {
        from: agent.clone(),
        to: "master".into(),
        message: Box::new(PeerMessage::StatusUpdate(message)),
    }
}

/// Times updates of tasks scattered over the whole table; with `views`, one is taken each 50 ms and kept until the
/// next.
fn time_updates(world: &mut World, arguments: &Arguments, state: TaskState, views: bool) -> Vec<Duration> {
    let total = world.running.len();
    let (mut view, mut taken) = (None, Instant::now());
    if views {
        view = Some(world.core.view());
    }
    let mut times = Vec::with_capacity(arguments.updates);
    for step in 0..arguments.updates {
        // A step that shares no factor with the count visits every task once.
        let input = update(world, step.wrapping_mul(7_368_787) % total, state);
        if views && taken.elapsed() >= Duration::from_millis(50) {
            view = Some(world.core.view());
            taken = Instant::now();
        }
        let begun = Instant::now();
        world.handle(input);
        times.push(begun.elapsed());
    }
    drop(view);
    times.sort_unstable();
    times
}

fn show(name: &str, times: &[Duration]) {
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    println!("{name:<34} p50 {:>8.1} µs   p99 {:>8.1} µs   p99.9 {:>8.1} µs", at(0.5), at(0.99), at(0.999));
}

fn main() {
    let arguments = Arguments::parse();
    let mut world = World::new();
    let begun = Instant::now();
    register(&mut world, arguments.agents);
    subscribe(&mut world);
    launch(&mut world, arguments.tasks, arguments.agents);
    println!(
        "{} agents, {} tasks, filled in {:.1} s",
        arguments.agents,
        world.running.len(),
        begun.elapsed().as_secs_f64()
    );
    let mut clones: Vec<Duration> = (0..1000)
        .map(|_| {
            let begun = Instant::now();
            let view = world.core.view();
            let taken = begun.elapsed();
            drop(view);
            taken
        })
        .collect();
    clones.sort_unstable();
    show("view()", &clones);
    show("handle(update), no view", &time_updates(&mut world, &arguments, TaskState::TaskStarting, false));
    show(
        "handle(update), view each 50 ms",
        &time_updates(&mut world, &arguments, TaskState::TaskRunning, true),
    );
}
