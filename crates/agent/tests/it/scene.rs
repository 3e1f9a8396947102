// SPDX-License-Identifier: Apache-2.0

//! Plays a scene: an agent, a disk, containers, and the clock.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use kaon_agent::Agent;
use kaon_agent::config::Config;
use kaon_agent::effect::{Effect, ToPeer};
use kaon_agent::input::{ContainerEvent, Input, Record, RecoveredContainer};
use kaon_agent::journal::{FileOp, Recovered, recover};
use kaon_api::v1;
use kaon_model::{AccessList, AccessRule, ContainerId, Entity, Mono, Now, Resources, Wall};

use crate::render::Names;

/// The world around one agent.
pub struct World {
    pub agent: Option<Agent>,
    pub now: Now,
    pub config: Config,
    pub frameworks: BTreeMap<String, v1::FrameworkInfo>,
    pub names: Names,
    /// What lies on the disk, below the work directory.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Writes that the disk has not made yet.
    pub held: Option<VecDeque<(Record, Vec<FileOp>)>>,
    pub containers: BTreeMap<ContainerId, RecoveredContainer>,
    /// What executors hold, by their containers, as the shell is told.
    pub held_by: BTreeMap<ContainerId, Resources>,
    /// The identity of the last status told of each operation.
    pub told: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The update of each task that was sent last.
    pub sent: BTreeMap<String, Vec<u8>>,
    /// All messages that were sent.
    pub messages: Vec<ToPeer>,
    pub environment: Vec<(String, String)>,
    /// The shape of the agent's resource version, as it said last.
    pub version: Vec<u8>,
    pub tickets: u64,
    starts: u8,
    lines: Vec<String>,
}

/// Plays the inputs of a scene, and gives back the scene with the effects that they had.
pub fn play(scene: &str) -> String {
    let mut world = World::new();
    let mut out = String::new();
    for line in scene.lines() {
        if let Some(input) = line.strip_prefix("> ") {
            out.push_str(line);
            out.push('\n');
            world.lines.clear();
            crate::inputs::run(&mut world, input);
            world.lines.iter().for_each(|line| out.push_str(&format!("    {line}\n")));
            if let Some(agent) = &world.agent {
                agent.check().unwrap_or_else(|law| panic!("after '{input}': {law}"));
            }
        } else if !line.starts_with("    ") {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

impl World {
    pub fn new() -> World {
        let start = Now { mono: Mono::from_nanos(0), wall: Wall::from_nanos(1_000_000_000_000_000_000) };
        World {
            agent: None,
            now: start,
            config: config(),
            frameworks: BTreeMap::new(),
            names: Names::default(),
            files: BTreeMap::new(),
            held: None,
            containers: BTreeMap::new(),
            held_by: BTreeMap::new(),
            sent: BTreeMap::new(),
            told: BTreeMap::new(),
            messages: Vec::new(),
            environment: Vec::new(),
            version: Vec::new(),
            tickets: 0,
            starts: 0,
            lines: Vec::new(),
        }
    }

    /// Starts an agent on what the disk and the containers tell.
    pub fn start(&mut self) {
        let files = self.files.iter().map(|(path, bytes)| (path.clone(), bytes.clone()));
        let recovered: Recovered = recover(files, true).unwrap();
        let containers = self.containers.clone().into_iter().collect();
        self.starts += 1;
        self.held_by.clear();
        let mut effects = Vec::new();
        let agent =
            Agent::new(self.config.clone(), recovered, containers, [self.starts; 32], self.now, &mut effects);
        self.agent = Some(agent);
        self.settle(effects);
    }

    pub fn input(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.agent.as_mut().expect("the agent runs").handle(self.now, input, &mut effects);
        self.settle(effects);
    }

    /// Lets time pass, stopping at each deadline of the agent.
    pub fn advance(&mut self, span: Duration) {
        let end = self.now.mono + span;
        while let Some(deadline) = self.agent.as_ref().and_then(Agent::deadline).filter(|at| *at <= end) {
            self.now = self.now.after(deadline.since(self.now.mono));
            let seconds = self.now.mono.nanos() as f64 / 1e9;
            let before = self.lines.len();
            self.input(Input::Tick);
            if self.lines.len() > before {
                self.lines.insert(before, format!("at {seconds:.3}s"));
            }
        }
        self.now = self.now.after(end.since(self.now.mono));
    }

    /// The agent is killed; the disk has made only the first of the writes that were held back.
    pub fn crash(&mut self, made: usize) {
        self.agent = None;
        let held = self.held.take().unwrap_or_default();
        self.write(held.into_iter().flat_map(|(_, ops)| ops).take(made).collect());
    }

    /// What happened since it was last asked.
    pub fn take_lines(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    pub fn say(&mut self, line: String) {
        self.lines.push(line);
    }

    /// Performs effects, and tells the agent what comes of them at once.
    fn settle(&mut self, effects: Vec<Effect>) {
        let mut next = Vec::new();
        let exits = effects.iter().position(|effect| matches!(effect, Effect::Exit { .. }));
        assert!(exits.is_none_or(|at| at + 1 == effects.len()), "nothing may follow an exit: {effects:?}");
        for effect in effects {
            if let Some(line) = crate::render::effect(&mut self.names, &effect) {
                self.say(line);
            }
            match effect {
                Effect::Record { record, ops } => match &mut self.held {
                    Some(held) => held.push_back((record, ops)),
                    None => {
                        self.write(ops);
                        next.push(Input::Recorded { record });
                    }
                },
                Effect::Launch(launch) => {
                    self.environment = launch.environment;
                    self.containers.insert(launch.container, RecoveredContainer::Running { pid: 0 });
                }
                Effect::Update(update) if update.resources.is_empty() => {
                    self.held_by.remove(&update.container);
                }
                Effect::Update(update) => drop(self.held_by.insert(update.container, update.resources)),
                Effect::Remove { path } => self.write(vec![FileOp::Remove { path }]),
                Effect::Forget { container } => drop(self.containers.remove(&container)),
                Effect::Send { message, .. } | Effect::SendAs { message, .. } => {
                    self.note_sent(&message);
                    self.messages.push(*message);
                }
                Effect::Exit { .. } => {
                    self.agent = None;
                    return;
                }
                _ => {}
            }
        }
        next.into_iter().for_each(|input| self.input(input));
    }

    fn note_sent(&mut self, message: &ToPeer) {
        match message {
            ToPeer::StatusUpdate(message) => {
                let status = &message.update.status;
                self.sent.insert(status.task_id.value.clone(), status.uuid.clone().unwrap());
            }
            ToPeer::UpdateOperationStatus(message) => {
                if let (Some(operation), Some(status)) = (&message.operation_uuid, &message.status.uuid) {
                    self.told.insert(operation.value.clone(), status.value.clone());
                }
            }
            ToPeer::Register(message) => {
                self.version = message.resource_version_uuid.clone().unwrap().value;
            }
            ToPeer::Reregister(message) => {
                self.version = message.resource_version_uuid.clone().unwrap().value;
            }
            _ => {}
        }
    }

    pub fn container_event(&mut self, container: ContainerId, event: ContainerEvent) {
        match &event {
            ContainerEvent::Launched { pid } => {
                self.containers.insert(container.clone(), RecoveredContainer::Running { pid: *pid });
            }
            ContainerEvent::LaunchFailed { .. } => drop(self.containers.remove(&container)),
            ContainerEvent::Exited { status } => {
                self.containers.insert(container.clone(), RecoveredContainer::Ended { status: *status });
            }
            ContainerEvent::Limitation { .. } => {}
        }
        if self.agent.is_some() {
            self.input(Input::Container { container, event });
        }
    }

    /// Makes the writes that were held back.
    pub fn release(&mut self) {
        for (record, ops) in self.held.take().unwrap_or_default() {
            self.write(ops);
            self.input(Input::Recorded { record });
        }
    }

    fn write(&mut self, ops: Vec<FileOp>) {
        for op in ops {
            match op {
                FileOp::Replace { path, bytes } => drop(self.files.insert(path, bytes)),
                FileOp::Append { path, bytes } => self.files.entry(path).or_default().extend(bytes),
                FileOp::Symlink { path, target } => drop(self.files.insert(path, target.into_bytes())),
                FileOp::Rename { from, to } => {
                    let bytes = self.files.remove(&from).unwrap();
                    self.files.insert(to, bytes);
                }
                FileOp::MakeVolume { .. } | FileOp::RemoveVolume { .. } => {}
                FileOp::Remove { path } => {
                    let below = format!("{path}/");
                    self.files.retain(|name, _| *name != path && !name.starts_with(&below));
                }
            }
        }
    }
}

pub fn config() -> Config {
    let objects = Entity::Some(["forbidden".to_string()].into());
    Config {
        run_tasks: AccessList::new(vec![AccessRule { principals: Entity::None, objects }]),
        pid: "slave(1)@10.0.0.7:5051".parse().unwrap(),
        info: v1::AgentInfo {
            hostname: "host7".to_string(),
            port: Some(5051),
            resources: kaon_model::parse_list(
                "cpus:4;mem:1024;disk:1024;ports:[31000-32000]",
                &kaon_model::Role::star(),
            )
            .unwrap(),
            ..Default::default()
        },
        version: "1.11.0".to_string(),
        work_dir: "/var/lib/kaon".to_string(),
        user: "root".to_string(),
        switch_user: true,
        registration_backoff_factor: Duration::from_secs(1),
        executor_registration_timeout: Duration::from_secs(60),
        executor_reregistration_timeout: Duration::from_secs(2),
        executor_shutdown_grace_period: Duration::from_secs(5),
        recovery_timeout: Duration::from_secs(15 * 60),
        launcher_dir: "/usr/libexec/mesos".to_string(),
        executor_environment_variables: BTreeMap::new(),
        gc_delay: Duration::from_secs(7 * 24 * 3600),
        max_completed_executors_per_framework: 150,
        boot_id: "boot-1".to_string(),
        flags: BTreeMap::from([
            ("port".to_string(), "5051".to_string()),
            ("work_dir".to_string(), "/var/lib/kaon".to_string()),
        ]),
        ..Config::default()
    }
}
