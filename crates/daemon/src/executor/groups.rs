// SPDX-License-Identifier: Apache-2.0

//! Hosts the machine of task groups, whose tasks run in containers of the agent's.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kaon_api::v1;
use kaon_api::v1::agent::{call, response};
use kaon_api::wire::Enumeration;
use kaon_containerizer::Spawner;
use kaon_executor::check::{Outcome, Probe, Which};
use kaon_executor::command::Input;
use kaon_executor::group::Order;
use kaon_executor::{Action, Group, Spec, grace_of};
use kaon_model::{TaskId, TaskState, Uuid};
use kaon_sdk::executor::{Environment, Event, Events, Executor as Reports};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::command::LAST_WORDS;
use super::nested::{Agent, End};
use super::{environment, statuses};
use crate::probes::{self, Place};
use crate::process;
use crate::runtime::Clock;

/// Bound: what has happened to tasks and was not looked at yet; what brings more waits.
const NEWS_MAX: usize = 64;
const SIGKILL: i32 = 9;

pub struct Executor {
    environment: Environment,
    agent: Agent,
    spawner: Spawner,
    clock: Clock,
    sandbox: PathBuf,
    reports: Reports,
    events: Events,
    framework: v1::FrameworkInfo,
    /// Our own container, known once subscribed.
    container: Option<v1::ContainerID>,
    machine: Group,
    tasks: BTreeMap<TaskId, Task>,
    news: mpsc::Receiver<(TaskId, News)>,
    tells: mpsc::Sender<(TaskId, News)>,
    shutting_down: bool,
    alone: bool,
}

struct Task {
    info: v1::TaskInfo,
    container: v1::ContainerID,
    looks: BTreeMap<Which, AbortHandle>,
    /// It is to be killed, perhaps before there is anything to be killed.
    destroyed: bool,
    /// What the agent knows of its end.
    known: Option<response::WaitNestedContainer>,
}

enum News {
    Launched,
    LaunchFailed(String),
    Ended(End),
    Looked(Which, u64, Outcome),
}

impl Executor {
    pub async fn connect(environment: Environment, spawner: Spawner) -> Result<Executor, String> {
        let connected = Reports::connect(environment.clone()).await;
        let (reports, events) = connected.map_err(|error| error.to_string())?;
        let (tells, news) = mpsc::channel(NEWS_MAX);
        let sandbox = std::env::current_dir();
        Ok(Executor {
            agent: Agent::new(&environment),
            environment,
            spawner,
            clock: Clock::default(),
            sandbox: sandbox.map_err(|error| format!("The working directory cannot be told: {error}"))?,
            reports,
            events,
            framework: v1::FrameworkInfo::default(),
            container: None,
            machine: Group::new(),
            tasks: BTreeMap::new(),
            news,
            tells,
            shutting_down: false,
            alone: false,
        })
    }

    /// Until no task is left and the agent knows of all, or it is told to end.
    pub async fn run(mut self) -> Result<(), String> {
        let mut begun = false;
        while !(self.machine.is_empty() && (begun || self.shutting_down)) {
            let deadline = self.machine.deadline().map(|at| self.clock.instant(at));
            tokio::select! {
                event = self.events.next(), if !self.shutting_down => match event {
                    Some(Event::Error(text)) => return Err(format!("The agent refused this executor: {text}")),
                    // Mesos: what runs ends with the agent, or was given up by it.
                    Some(Event::Shutdown) | None if self.alone => return Err("The agent is gone".to_string()),
                    Some(Event::Shutdown) | None => self.shutdown().await,
                    Some(event) => self.told(event).await,
                },
                Some((task, news)) = self.news.recv() => self.happened(task, news).await,
                () = until(deadline) => {
                    let mut orders = Vec::new();
                    self.machine.tick(self.clock.now(), &mut orders);
                    self.perform(orders).await;
                }
            }
            begun |= !self.machine.is_empty();
        }
        match timeout(LAST_WORDS, self.reports.until_acknowledged()).await {
            Ok(()) => Ok(()),
            Err(_) => Err("The agent did not acknowledge the end of the tasks".to_string()),
        }
    }

    async fn told(&mut self, event: Event) {
        match event {
            Event::Subscribed(subscribed) => {
                tracing::info!("Subscribed executor on {}", subscribed.agent.hostname);
                self.framework = subscribed.framework;
                self.container = subscribed.container_id.map(|id| *id);
                self.alone = false;
            }
            Event::LaunchGroup(group) => self.launch(group.tasks).await,
            Event::Kill { task_id, policy } => {
                let grace = grace_of(policy.as_ref());
                self.drive(&TaskId::from(task_id.value.as_str()), Input::Kill { grace }).await;
            }
            Event::Launch(_) => {
                tracing::error!("An executor of groups runs no single tasks");
                self.shutdown().await;
            }
            Event::Disconnected(why) => {
                tracing::warn!("The agent is away: {why}");
                self.alone = true;
            }
            Event::Acknowledged { .. } | Event::Message(_) | Event::Shutdown | Event::Error(_) => {}
        }
    }

    async fn launch(&mut self, tasks: Vec<v1::TaskInfo>) {
        let mut specs = Vec::new();
        for info in tasks {
            let id = TaskId::from(info.task_id.value.as_str());
            specs.push((id.clone(), Spec::new(&info, &self.framework)));
            let container = self.beneath(self.container.clone(), "");
            self.tasks
                .insert(id, Task { info, container, looks: BTreeMap::new(), destroyed: false, known: None });
        }
        let ids: Vec<TaskId> = specs.iter().map(|(id, _)| id.clone()).collect();
        let mut orders = Vec::new();
        self.machine.launch(specs, &mut orders);
        self.perform(orders).await;
        for id in ids {
            let Some(task) = self.tasks.get(&id) else { continue };
            let launch = launch_of(task, &self.environment);
            let (agent, tells, container) = (self.agent.clone(), self.tells.clone(), task.container.clone());
            tokio::spawn(async move {
                // Nobody listens only when the executor is about to end.
                match agent.launch(launch).await {
                    Err(text) => drop(tells.send((id, News::LaunchFailed(text))).await),
                    Ok(()) => {
                        drop(tells.send((id.clone(), News::Launched)).await);
                        let end = agent.wait(container).await;
                        drop(tells.send((id, News::Ended(end))).await);
                    }
                }
            });
        }
    }

    async fn happened(&mut self, id: TaskId, news: News) {
        let Some(task) = self.tasks.get_mut(&id) else { return };
        let input = match news {
            News::Launched => {
                link(&self.sandbox, task);
                if task.destroyed {
                    self.kill(&id, SIGKILL);
                }
                Input::Launched
            }
            News::LaunchFailed(message) => Input::LaunchFailed { message },
            News::Ended(End { status, known }) => {
                task.known = known;
                Input::Exited { status }
            }
            News::Looked(which, number, outcome) => {
                task.looks.remove(&which);
                Input::Checked { which, number, outcome }
            }
        };
        self.drive(&id, input).await;
    }

    async fn shutdown(&mut self) {
        tracing::info!("Shutting down");
        self.shutting_down = true;
        let mut orders = Vec::new();
        self.machine.shutdown(self.clock.now(), None, &mut orders);
        self.perform(orders).await;
    }

    async fn drive(&mut self, id: &TaskId, input: Input) {
        let mut orders = Vec::new();
        self.machine.handle(self.clock.now(), id, input, &mut orders);
        self.perform(orders).await;
    }

    async fn perform(&mut self, orders: Vec<Order>) {
        for Order { task: id, action } in orders {
            let Some(task) = self.tasks.get_mut(&id) else { continue };
            match action {
                Action::Report(report, attached) => {
                    let mut status = statuses::status(&task.info.task_id, report, attached);
                    if TaskState::from_number(status.state.number()).is_some_and(TaskState::is_terminal) {
                        override_by(&mut status, task.known.take());
                    }
                    let container_id = Some(Box::new(task.container.clone()));
                    status.container_status =
                        Some(Box::new(v1::ContainerStatus { container_id, ..Default::default() }));
                    if let Err(error) = self.reports.update(status).await {
                        tracing::warn!("The agent does not take a status update: {error}");
                    }
                }
                Action::Signal(signal) => self.kill(&id, signal),
                Action::Destroy => {
                    task.destroyed = true;
                    self.kill(&id, SIGKILL);
                }
                Action::Look { which, number, probe, timeout } => {
                    self.look(&id, which, number, probe, timeout);
                }
                Action::CallOff { which, .. } => {
                    if let Some(looking) = task.looks.remove(&which) {
                        looking.abort();
                    }
                }
            }
        }
        // What has ended is not asked for any more.
        let machine = &self.machine;
        self.tasks.retain(|id, _| machine.command(id).is_some());
    }

    fn kill(&self, id: &TaskId, signal: i32) {
        let Some(task) = self.tasks.get(id) else { return };
        tracing::info!("Sending signal {signal} to task {id}");
        let (agent, container) = (self.agent.clone(), task.container.clone());
        tokio::spawn(async move { agent.kill(container, signal).await });
    }

    fn look(
        &mut self,
        id: &TaskId,
        which: Which,
        number: u64,
        probe: Probe,
        within: Option<std::time::Duration>,
    ) {
        let Some(task) = self.tasks.get(id) else { return };
        let check = self.beneath(Some(task.container.clone()), "check-");
        let (agent, spawner, tells, named) =
            (self.agent.clone(), self.spawner.clone(), self.tells.clone(), id.clone());
        let place = Place { sandbox: self.sandbox.clone(), environment: Vec::new(), user: None };
        let looking = tokio::spawn(async move {
            let outcome = match probe {
                Probe::Command(command) => {
                    let looking = agent.look(check, *command);
                    match within {
                        None => looking.await,
                        Some(within) => timeout(within, looking).await.unwrap_or_else(|_| {
                            let span = kaon_model::Span::from_std(within);
                            Outcome::Failed { message: format!("Command timed out after {span}") }
                        }),
                    }
                }
                probe => probes::look(&spawner, &probe, place, within).await,
            };
            if let Outcome::Failed { message } = &outcome {
                tracing::warn!("A check of task {named} failed: {message}");
            }
            // Nobody listens only when the executor is about to end.
            let _ = tells.send((named, News::Looked(which, number, outcome))).await;
        });
        if let Some(task) = self.tasks.get_mut(id) {
            task.looks.insert(which, looking.abort_handle());
        }
    }

    /// A fresh container beneath another.
    fn beneath(&self, parent: Option<v1::ContainerID>, prefix: &str) -> v1::ContainerID {
        // Without random numbers the whole process could not have been started.
        let random = process::entropy().unwrap_or_default();
        let mut identity = [0; 16];
        identity.copy_from_slice(&random[..16]);
        let value = format!("{prefix}{}", Uuid::from_random(identity));
        v1::ContainerID { value, parent: parent.map(Box::new), ..Default::default() }
    }
}

fn launch_of(task: &Task, environment: &Environment) -> call::LaunchContainer {
    let mut command = task.info.command.as_deref().cloned().unwrap_or_default();
    let ip = environment.agent.host.clone();
    let role = environment::role(&task.info).map(|role| ("MESOS_ALLOCATION_ROLE", role));
    for (name, value) in [Some(("MESOS_CONTAINER_IP", ip)), role].into_iter().flatten() {
        let variable =
            v1::environment::Variable { name: name.to_string(), value: Some(value), ..Default::default() };
        command.environment.get_or_insert_default().variables.push(variable);
    }
    call::LaunchContainer {
        container_id: Box::new(task.container.clone()),
        command: Some(Box::new(command)),
        container: task.info.container.clone(),
        resources: task.info.resources.clone(),
        limits: task.info.limits.clone(),
        ..Default::default()
    }
}

/// Mesos: what the agent says of a container's end outweighs what its status tells; texts are joined.
fn override_by(status: &mut v1::TaskStatus, known: Option<response::WaitNestedContainer>) {
    let Some(known) = known else { return };
    status.state = known.state.unwrap_or(status.state);
    status.reason = known.reason.or(status.reason);
    status.limitation = known.limitation.or(status.limitation.take());
    status.message = match (status.message.take(), known.message) {
        (Some(own), Some(more)) => Some(format!("{own}: {more}")),
        (own, more) => own.or(more),
    };
}

/// Mesos: people find a task's sandbox by its id.
fn link(sandbox: &std::path::Path, task: &Task) {
    let target = sandbox.join("containers").join(&task.container.value);
    let tasks = sandbox.join("tasks");
    let linked = std::fs::create_dir_all(&tasks)
        .and_then(|()| std::os::unix::fs::symlink(&target, tasks.join(&task.info.task_id.value)));
    if let Err(error) = linked {
        tracing::warn!("Cannot link the sandbox of task {}: {error}", task.info.task_id.value);
    }
}

async fn until(moment: Option<tokio::time::Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
