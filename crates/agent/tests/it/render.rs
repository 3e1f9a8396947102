// SPDX-License-Identifier: Apache-2.0

//! Effects as lines of text, with short names for what is random.

use std::collections::BTreeMap;

use kaon_agent::effect::{Check, Effect, Launch, Probe, Reply, ToPeer};
use kaon_agent::input::Look;
use kaon_agent::journal::{FileOp, VolumeFolder};
use kaon_api::wire::Enumeration;
use kaon_api::{internal, v1};
use kaon_model::{ContainerId, Uuid};

/// Short names in order of appearance: `c1` for containers, `u1` for other identities.
#[derive(Default)]
pub struct Names {
    short: BTreeMap<String, String>,
    long: BTreeMap<String, String>,
    containers: usize,
    others: usize,
}

impl Names {
    pub fn container(&mut self, id: &str) -> String {
        if let Some(name) = self.short.get(id) {
            return name.clone();
        }
        self.containers += 1;
        self.insert(id, format!("c{}", self.containers))
    }

    pub fn other(&mut self, id: &str) -> String {
        if let Some(name) = self.short.get(id) {
            return name.clone();
        }
        self.others += 1;
        self.insert(id, format!("u{}", self.others))
    }

    fn insert(&mut self, id: &str, name: String) -> String {
        self.short.insert(id.to_string(), name.clone());
        self.long.insert(name.clone(), id.to_string());
        name
    }

    pub fn resolve(&self, name: &str) -> ContainerId {
        ContainerId::from(
            self.long.get(name).unwrap_or_else(|| panic!("no container is called {name}")).as_str(),
        )
    }

    /// A path or text in which the ids of containers stand.
    fn path(&mut self, path: &str) -> String {
        let parts = path
            .split('/')
            .map(|part| if Uuid::parse(part).is_ok() { self.container(part) } else { part.to_string() });
        parts.collect::<Vec<_>>().join("/")
    }
}

pub fn effect(names: &mut Names, effect: &Effect) -> Option<String> {
    Some(match effect {
        Effect::Send { to, message } => format!("send {to} {}", message_line(names, message)),
        Effect::SendAs { actor, to, message } => {
            format!("send {to} as {actor} {}", message_line(names, message))
        }
        Effect::Link { to } => format!("link {to}"),
        Effect::Event { stream, event } => format!("event s{} {}", stream.0, event_line(names, event)),
        Effect::Close { stream } => format!("close s{}", stream.0),
        Effect::Refuse { stream, code, text } => format!("refuse s{} {code} {text}", stream.0),
        Effect::Reply { reply: Reply::Accepted, .. } => "reply 202".to_string(),
        Effect::Reply { reply: Reply::Refused { code, text }, .. } => format!("reply {code} {text}"),
        Effect::Record { ops, .. } => {
            format!("record {}", ops.iter().map(|op| op_line(names, op)).collect::<Vec<_>>().join(", "))
        }
        Effect::Launch(launch) => launch_line(names, launch),
        Effect::Signal { container, signal } => {
            format!("signal {} {signal}", names.container(container.as_str()))
        }
        Effect::Destroy { container } => format!("destroy {}", names.container(container.as_str())),
        Effect::Update(update) => {
            let (container, sandbox) =
                (names.container(update.container.as_str()), names.path(&update.sandbox));
            format!("update {container} in {sandbox}: [{}]", update.resources)
        }
        Effect::Forget { container } => format!("forget {}", names.container(container.as_str())),
        Effect::Remove { path } => format!("remove {}", names.path(path)),
        Effect::Check(check) => check_line(names, check),
        Effect::CallOff { look } => format!("call off {}", look_line(names, look)),
        Effect::Exit { code, message } => format!("exit {code}: {}", message.replace('\n', "\\n")),
        Effect::Warn { message } => {
            let words = message.split(' ').map(|word| {
                let bare = word.trim_end_matches([',', '.']);
                if Uuid::parse(bare).is_ok() { names.other(bare) } else { word.to_string() }
            });
            format!("warn {}", words.collect::<Vec<_>>().join(" ").replace('\n', "\\n"))
        }
    })
}

fn look_line(names: &mut Names, look: &Look) -> String {
    format!("{:?} {} of {}", look.which, look.number, names.container(look.container.as_str()))
}

fn check_line(names: &mut Names, check: &Check) -> String {
    let probe = match &check.probe {
        Probe::Command(command) => {
            let sandbox = names.path(&check.sandbox);
            let user = check.user.as_ref().map(|user| format!(" user={user}")).unwrap_or_default();
            let own = ["GREETING", "MESOS_SANDBOX", "CHECKING"];
            let environment = check.environment.iter().filter(|(name, _)| own.contains(&name.as_str()));
            let environment: Vec<_> =
                environment.map(|(name, value)| format!(" {name}={}", names.path(value))).collect();
            format!(
                "[{}] in {sandbox}{user}{}",
                command.value.clone().unwrap_or_default(),
                environment.concat()
            )
        }
        Probe::Http { https, port, path, .. } => {
            format!("http{} {port}{path}", if *https { "s" } else { "" })
        }
        Probe::Tcp { port } => format!("tcp {port}"),
    };
    let timeout = check.timeout.map(|timeout| format!(" within {timeout:?}")).unwrap_or_default();
    format!("look {} {probe}{timeout}", look_line(names, &check.look))
}

fn op_line(names: &mut Names, op: &FileOp) -> String {
    let short = |names: &mut Names, path: &str| {
        let path = names.path(path);
        path.strip_prefix("meta/slaves/").map_or(path.clone(), |rest| format!("~{rest}"))
    };
    match op {
        FileOp::Replace { path, .. } => short(names, path),
        FileOp::Append { path, .. } => format!("+{}", short(names, path)),
        FileOp::Symlink { path, target } => {
            let (path, target) = (short(names, path), names.path(target));
            format!("{path} -> {target}")
        }
        FileOp::Remove { path } => format!("rm {}", short(names, path)),
        FileOp::Rename { from, to } => format!("mv {} {}", short(names, from), short(names, to)),
        FileOp::MakeVolume { folder } => format!("make {}", volume(folder)),
        FileOp::RemoveVolume { folder } => format!("empty {}", volume(folder)),
    }
}

fn launch_line(names: &mut Names, launch: &Launch) -> String {
    let container = names.container(launch.container.as_str());
    let sandbox = names.path(&launch.sandbox);
    let command = launch.command.value.clone().unwrap_or_default();
    let user = launch.user.as_ref().map(|user| format!(" user={user}")).unwrap_or_default();
    let dies = if launch.dies_with_agent { " dies-with-agent" } else { "" };
    let mounts = launch.volumes.iter();
    let volumes: String =
        mounts.map(|mount| format!(" {}={}", mount.container_path, volume(&mount.folder))).collect();
    let around = launch.around.as_ref().and_then(|around| around.hostname.as_ref());
    let around = around.map(|hostname| format!(" around it hostname={hostname}")).unwrap_or_default();
    format!("launch {container} [{command}] in {sandbox}{user}{dies}{volumes}{around}")
}

fn message_line(names: &mut Names, message: &ToPeer) -> String {
    match message {
        ToPeer::Register(message) => format!("Register{}", checkpointed(&message.checkpointed_resources)),
        ToPeer::Reregister(message) => reregister_line(message),
        ToPeer::Unregister(message) => format!("Unregister {}", message.agent_id.value),
        ToPeer::Update(message) => {
            let operations = message.operations.iter().flat_map(|listed| &listed.operations);
            let listed: String = operations.map(|one| format!(" o{}", one.uuid.value[0])).collect();
            format!("Update {}{listed}", message.agent_id.value)
        }
        ToPeer::UpdateOperationStatus(message) => {
            let status = &message.status;
            let number = message.operation_uuid.as_ref().map_or(0, |uuid| uuid.value[0]);
            let framework = message.framework_id.as_ref().map_or("-", |id| &id.value);
            let id = status.operation_id.as_ref().map(|id| format!(" id={}", id.value)).unwrap_or_default();
            let told = if status.uuid.is_some() { "" } else { " once" };
            let text = status.message.as_ref().map(|text| format!(" [{text}]")).unwrap_or_default();
            format!("OperationStatus o{number} {framework}{id} {}{told}{text}", status.state.name())
        }
        ToPeer::Pong(_) => "Pong".to_string(),
        ToPeer::StatusUpdate(message) => {
            assert_eq!(message.update.uuid, message.update.status.uuid);
            assert!(message.pid.as_deref().is_some_and(|pid| pid.starts_with("slave(1)@")), "{message:?}");
            let latest = message.update.latest_state.map_or("none", |state| state.name());
            format!("StatusUpdate {} latest={latest}", status_line(names, &message.update))
        }
        ToPeer::ExitedExecutor(message) => {
            format!("ExitedExecutor {} {}", message.executor_id.value, message.status)
        }
        ToPeer::ExecutorToFramework(message) => {
            format!(
                "ExecutorToFramework {} {}",
                message.executor_id.value,
                String::from_utf8_lossy(&message.data)
            )
        }
        ToPeer::ExecutorRegistered(message) => {
            format!(
                "ExecutorRegistered {} {}",
                message.executor_info.executor_id.value, message.agent_id.value
            )
        }
        ToPeer::ExecutorReregistered(message) => format!("ExecutorReregistered {}", message.agent_id.value),
        ToPeer::ReconnectExecutor(message) => format!("ReconnectExecutor {}", message.agent_id.value),
        ToPeer::RunTask(message) => {
            format!("RunTask {} of {}", message.task.task_id.value, message.pid.as_deref().unwrap())
        }
        ToPeer::RunTaskGroup(message) => {
            let tasks = message.task_group.tasks.iter().map(|task| task.task_id.value.as_str());
            format!("RunTaskGroup {}", tasks.collect::<Vec<_>>().join(" "))
        }
        ToPeer::KillTask(message) => format!("KillTask {}", message.task_id.value),
        ToPeer::StatusUpdateAcknowledgement(message) => {
            let uuid = names.other(&Uuid::from_bytes(&message.uuid).unwrap().to_string());
            format!("StatusUpdateAcknowledgement {} {uuid}", message.task_id.value)
        }
        ToPeer::FrameworkToExecutor(message) => {
            format!("FrameworkToExecutor {}", String::from_utf8_lossy(&message.data))
        }
        ToPeer::ShutdownExecutor(_) => "ShutdownExecutor".to_string(),
        ToPeer::Authenticate(message) => format!("Authenticate {}", message.pid),
        ToPeer::AuthenticationStart(message) => format!("AuthenticationStart {}", message.mechanism),
        ToPeer::AuthenticationStep(message) => {
            format!("AuthenticationStep {}", String::from_utf8_lossy(&message.data))
        }
    }
}

fn checkpointed(wire: &[v1::Resource]) -> String {
    let resources = kaon_model::Resources::from_wire(wire).unwrap();
    if resources.is_empty() { String::new() } else { format!(" with [{resources}]") }
}

fn volume(folder: &VolumeFolder) -> String {
    let disk = folder.disk.as_ref().map(|disk| format!("{disk}:")).unwrap_or_default();
    format!("{disk}{}", folder.path.replace(' ', "_"))
}

fn reregister_line(message: &internal::ReregisterAgentMessage) -> String {
    let task = |task: &v1::Task| {
        let executor = task.executor_id.as_ref().map(|id| format!("@{}", id.value)).unwrap_or_default();
        let told = task.status_update_state.map(|told| format!(",told={}", told.name())).unwrap_or_default();
        format!("{}{executor}:{}{told}", task.task_id.value, task.state.name())
    };
    let list = |items: Vec<String>| items.join(" ");
    format!(
        "Reregister {}{} tasks=[{}] executors=[{}] frameworks=[{}] completed=[{}]",
        message.agent.id.as_ref().unwrap().value,
        checkpointed(&message.checkpointed_resources),
        list(message.tasks.iter().map(task).collect()),
        list(message.executor_infos.iter().map(|info| info.executor_id.value.clone()).collect()),
        list(message.frameworks.iter().map(|info| info.id.as_ref().unwrap().value.clone()).collect()),
        list(
            message
                .completed_frameworks
                .iter()
                .map(|f| f.framework_info.id.as_ref().unwrap().value.clone())
                .collect()
        ),
    )
}

fn status_line(names: &mut Names, update: &internal::StatusUpdate) -> String {
    let status = &*update.status;
    let uuid = names.other(&Uuid::from_bytes(status.uuid.as_deref().unwrap()).unwrap().to_string());
    let executor = update.executor_id.as_ref().map(|id| format!("@{}", id.value)).unwrap_or_default();
    let source = status.source.map_or("", |source| source.name().trim_start_matches("SOURCE_"));
    let reason = status.reason.map(|reason| format!(" {}", reason.name())).unwrap_or_default();
    let message = status.message.as_ref().map(|message| format!(" '{message}'")).unwrap_or_default();
    let container = status.container_status.as_ref().and_then(|status| status.container_id.as_ref());
    let container = container.map(|id| format!(" in {}", container_path(names, id))).unwrap_or_default();
    let healthy = status.healthy.map(|healthy| format!(" healthy={healthy}")).unwrap_or_default();
    let check = status
        .check_status
        .as_ref()
        .map(|check| format!(" check={}", check_status(check)))
        .unwrap_or_default();
    let limited = status.limitation.as_ref().map(|limitation| &limitation.resources);
    let limited = limited
        .map(|resources| format!(" of [{}]", kaon_model::Resources::from_wire(resources).unwrap()))
        .unwrap_or_default();
    format!(
        "{}{executor} {} {source}{reason}{message}{limited} {uuid}{container}{healthy}{check}",
        status.task_id.value,
        status.state.name()
    )
}

fn check_status(check: &v1::CheckStatusInfo) -> String {
    let found = [
        check.command.as_ref().and_then(|command| command.exit_code.map(|code| code.to_string())),
        check.http.as_ref().and_then(|http| http.status_code.map(|code| code.to_string())),
        check.tcp.as_ref().and_then(|tcp| tcp.succeeded.map(|succeeded| succeeded.to_string())),
    ];
    let found: Vec<_> = found.into_iter().flatten().collect();
    format!("{}:{}", check.r#type.map_or("", |kind| kind.name()), found.concat())
}

fn container_path(names: &mut Names, id: &v1::ContainerID) -> String {
    let own = names.container(&id.value);
    match &id.parent {
        Some(parent) => format!("{}.{own}", container_path(names, parent)),
        None => own,
    }
}

fn event_line(names: &mut Names, event: &v1::executor::Event) -> String {
    let kind = event.r#type.unwrap().name();
    let mut line = kind.to_string();
    if let Some(subscribed) = &event.subscribed {
        let container = container_path(names, subscribed.container_id.as_ref().unwrap());
        line += &format!(" {} {container}", subscribed.executor_info.executor_id.value);
    }
    if let Some(launch) = &event.launch {
        line += &format!(" {}", launch.task.task_id.value);
    }
    if let Some(launch) = &event.launch_group {
        let tasks = launch.task_group.tasks.iter().map(|task| task.task_id.value.as_str());
        line += &format!(" {}", tasks.collect::<Vec<_>>().join(" "));
    }
    if let Some(kill) = &event.kill {
        line += &format!(" {}", kill.task_id.value);
    }
    if let Some(acknowledged) = &event.acknowledged {
        let uuid = names.other(&Uuid::from_bytes(&acknowledged.uuid).unwrap().to_string());
        line += &format!(" {} {uuid}", acknowledged.task_id.value);
    }
    if let Some(message) = &event.message {
        line += &format!(" {}", String::from_utf8_lossy(&message.data));
    }
    line
}
