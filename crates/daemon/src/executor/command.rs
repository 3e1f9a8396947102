// SPDX-License-Identifier: Apache-2.0

//! Hosts the machine of one command task.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use kaon_api::v1;
use kaon_containerizer::companion::Output;
use kaon_containerizer::{Command as Program, ContainerConfig, Spawner, WaitStatus};
use kaon_executor::check::{Outcome, Probe, Which};
use kaon_executor::command::Input;
use kaon_executor::{Action, Command, Report, Spec, grace_of};
use kaon_model::TaskState;
use kaon_sdk::executor::{Environment, Event};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::agent::Agent;
use super::{environment, statuses};
use crate::companions::{self, Running};
use crate::flags::Flags;
use crate::probes::{self, Place};
use crate::runtime::Clock;

/// Mesos: what is left of the agent's grace period for the end of the task to be noticed, and to be told.
const OVERHEAD: Duration = Duration::from_secs(2);
/// Mesos: how long the agent may take to store the last update.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(60);
/// Bound: results of checks that were not looked at yet; there are two checks.
const LOOKS_MAX: usize = 4;

/// The executor, before and after it has its task.
pub struct Executor {
    environment: Environment,
    spawner: Spawner,
    clock: Clock,
    sandbox: PathBuf,
    /// What to run in place of the task's own command.
    command: Option<v1::CommandInfo>,
    /// Variables that the agent adds.
    added: Option<v1::Environment>,
    framework: v1::FrameworkInfo,
    task: Option<Task>,
    /// The agent has said its last word.
    deaf: bool,
    /// The agent was not there when it was last looked for.
    alone: bool,
}

struct Task {
    id: v1::TaskID,
    machine: Command,
    /// Its process, while it runs.
    running: Option<Running>,
    environment: Vec<(String, String)>,
    looks: BTreeMap<Which, AbortHandle>,
    looked: mpsc::Receiver<Input>,
    tells: mpsc::Sender<Input>,
}

/// What happens to an executor.
enum News {
    Agent(Option<Event>),
    Task(Input),
}

impl Executor {
    pub fn new(flags: &Flags, environment: Environment, spawner: Spawner) -> Result<Executor, String> {
        let sandbox = std::env::current_dir();
        Ok(Executor {
            environment,
            spawner,
            clock: Clock::default(),
            sandbox: sandbox.map_err(|error| format!("The working directory cannot be told: {error}"))?,
            command: environment::message("task_command", flags.text("task_command"))?,
            added: environment::message("task_environment", flags.text("task_environment"))?,
            framework: v1::FrameworkInfo::default(),
            task: None,
            deaf: false,
            alone: false,
        })
    }

    /// Until the task has ended and that is known to the agent, or there is to be none.
    pub async fn run(mut self, mut agent: Agent) -> Result<(), String> {
        loop {
            let news = self.news(&mut agent).await;
            let goes_on = match news {
                News::Agent(event) => self.told(&mut agent, event).await?,
                News::Task(input) => {
                    self.drive(&mut agent, input).await;
                    true
                }
            };
            let over = self.task.as_ref().is_some_and(|task| task.machine.has_ended());
            if over || !goes_on {
                break;
            }
        }
        if self.alone && !self.environment.checkpoint {
            return Err("The agent is gone".to_string());
        }
        // Mesos: an agent that does not store the last update will find the task's end without it.
        if timeout(LAST_WORDS, agent.until_acknowledged()).await.is_err() {
            return Err("The agent did not acknowledge the end of the task".to_string());
        }
        Ok(())
    }

    async fn news(&mut self, agent: &mut Agent) -> News {
        let Some(task) = &mut self.task else { return News::Agent(agent.next().await) };
        let deadline = task.machine.deadline().map(|at| self.clock.instant(at));
        tokio::select! {
            event = agent.next(), if !self.deaf => News::Agent(event),
            status = ended(&mut task.running) => {
                task.running = None;
                News::Task(Input::Exited { status: status.map(WaitStatus::raw) })
            }
            Some(input) = task.looked.recv() => News::Task(input),
            () = until(deadline) => News::Task(Input::Tick),
        }
    }

    /// Whether the executor goes on.
    async fn told(&mut self, agent: &mut Agent, event: Option<Event>) -> Result<bool, String> {
        match event {
            Some(Event::Subscribed(subscribed)) => {
                tracing::info!("Subscribed executor on {}", subscribed.agent.hostname);
                self.framework = subscribed.framework;
                self.alone = false;
            }
            Some(Event::Launch(task)) => self.launch(agent, *task).await,
            Some(Event::Kill { task_id, policy }) => self.kill(agent, &task_id, policy).await,
            Some(Event::Disconnected(why)) => {
                tracing::warn!("The agent is away: {why}");
                self.alone = true;
            }
            Some(Event::Acknowledged { .. } | Event::Message(_)) => {}
            Some(Event::LaunchGroup(_)) => {
                tracing::error!("A command executor runs no task groups");
                return Ok(self.shutdown(agent).await);
            }
            Some(Event::Error(text)) if self.task.is_none() => {
                return Err(format!("The agent refused this executor: {text}"));
            }
            Some(Event::Error(_) | Event::Shutdown) | None => {
                self.deaf = true;
                return Ok(self.shutdown(agent).await);
            }
        }
        Ok(true)
    }

    async fn launch(&mut self, agent: &mut Agent, info: v1::TaskInfo) {
        if self.task.is_some() {
            let message = "Attempted to run multiple tasks using a \"command\" executor".to_string();
            let report = Report { state: TaskState::Failed, reason: None, message: Some(message) };
            return agent.update(statuses::status(&info.task_id, report, Default::default())).await;
        }
        tracing::info!("Starting task {}", info.task_id.value);
        let command = self.command.clone().or_else(|| info.command.as_deref().cloned()).unwrap_or_default();
        let mut variables = environment::own();
        environment::add(&mut variables, self.added.as_ref());
        environment::add(&mut variables, command.environment.as_ref());
        variables.extend(environment::role(&info).map(|role| ("MESOS_ALLOCATION_ROLE".to_string(), role)));
        let mut actions = Vec::new();
        let machine = Command::new(Spec::new(&info, &self.framework), &mut actions);
        let (tells, looked) = mpsc::channel(LOOKS_MAX);
        self.task = Some(Task {
            id: info.task_id,
            machine,
            running: None,
            environment: variables,
            looks: BTreeMap::new(),
            looked,
            tells,
        });
        self.perform(agent, actions).await;
        let input = self.start(command).await;
        self.drive(agent, input).await;
    }

    async fn start(&mut self, command: v1::CommandInfo) -> Input {
        let Some(task) = &mut self.task else { return Input::Tick };
        let config = ContainerConfig {
            command: Program {
                shell: command.shell(),
                value: command.value.clone(),
                arguments: command.arguments,
            },
            environment: task.environment.clone(),
            user: None,
            sandbox: self.sandbox.clone(),
            rlimits: Vec::new(),
            die_with_agent: true,
            recovery_timeout: Duration::ZERO,
        };
        match companions::start(&self.spawner, config, Output::Inherited).await {
            Ok(running) => {
                tracing::info!("Forked command at {}", running.pid);
                task.running = Some(running);
                Input::Launched
            }
            Err(message) => Input::LaunchFailed { message },
        }
    }

    async fn kill(&mut self, agent: &mut Agent, id: &v1::TaskID, policy: Option<v1::KillPolicy>) {
        if self.task.as_ref().is_none_or(|task| task.id != *id) {
            return tracing::warn!("Ignoring the kill of task {}, which is not here", id.value);
        }
        let grace = grace_of(policy.as_ref());
        self.drive(agent, Input::Kill { grace }).await;
    }

    /// Ends the task, if there is one; whether there is.
    async fn shutdown(&mut self, agent: &mut Agent) -> bool {
        tracing::info!("Shutting down");
        let grace = self.environment.shutdown_grace_period.saturating_sub(OVERHEAD);
        self.drive(agent, Input::Kill { grace: Some(grace) }).await;
        self.task.is_some()
    }

    async fn drive(&mut self, agent: &mut Agent, input: Input) {
        let Some(task) = &mut self.task else { return };
        let mut actions = Vec::new();
        task.machine.handle(self.clock.now(), input, &mut actions);
        self.perform(agent, actions).await;
    }

    async fn perform(&mut self, agent: &mut Agent, actions: Vec<Action>) {
        let Some(task) = &mut self.task else { return };
        for action in actions {
            match action {
                Action::Report(report, attached) => {
                    agent.update(statuses::status(&task.id, report, attached)).await;
                }
                Action::Signal(signal) => task.signal(signal).await,
                // Its end is told as that of any other.
                Action::Destroy => task.signal(SIGKILL).await,
                Action::Look { which, number, probe, timeout } => {
                    let mut variables = task.environment.clone();
                    if let Probe::Command(command) = &probe {
                        environment::add(&mut variables, command.environment.as_ref());
                    }
                    let place = Place { sandbox: self.sandbox.clone(), environment: variables, user: None };
                    let (spawner, tells) = (self.spawner.clone(), task.tells.clone());
                    let looking = tokio::spawn(async move {
                        let outcome = probes::look(&spawner, &probe, place, timeout).await;
                        if let Outcome::Failed { message } = &outcome {
                            tracing::warn!("A check failed: {message}");
                        }
                        // Nobody listens only when the executor is about to end.
                        let _ = tells.send(Input::Checked { which, number, outcome }).await;
                    });
                    task.looks.insert(which, looking.abort_handle());
                }
                Action::CallOff { which, .. } => {
                    if let Some(looking) = task.looks.remove(&which) {
                        looking.abort();
                    }
                }
            }
        }
    }
}

const SIGKILL: i32 = 9;

impl Task {
    async fn signal(&mut self, signal: i32) {
        let Some(running) = &mut self.running else { return };
        tracing::info!("Sending signal {signal} to the processes of the task");
        if let Err(error) = running.signal(signal).await {
            tracing::warn!("Cannot send signal {signal} to the task: {error}");
        }
    }
}

async fn ended(running: &mut Option<Running>) -> Option<WaitStatus> {
    match running {
        Some(running) => running.ended().await,
        None => std::future::pending().await,
    }
}

async fn until(moment: Option<tokio::time::Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
