// SPDX-License-Identifier: Apache-2.0

//! The side of a framework that runs tasks, on an agent's host.
//!
//! An agent starts an executor with an [`Environment`]; [`Executor::connect`] subscribes with the agent. Updates are
//! kept until the agent has stored them, and said again after an agent came back, if the framework checkpoints.
//!
//! ```no_run
//! use kaon_sdk::executor::{Environment, Event, Executor};
//! use kaon_sdk::v1::TaskState;
//!
//! # async fn example() -> Result<(), kaon_sdk::Error> {
//! let (executor, mut events) = Executor::connect(Environment::from_process()?).await?;
//! while let Some(event) = events.next().await {
//!     match event {
//!         Event::Launch(task) => {
//!             executor.update(executor.status(&task.task_id, TaskState::TaskRunning)).await?;
//!             // … the work …
//!             executor.update(executor.status(&task.task_id, TaskState::TaskFinished)).await?;
//!             executor.until_acknowledged().await;
//!             return Ok(());
//!         }
//!         Event::Shutdown => return Ok(()),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod environment;
mod session;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use kaon_api::v1;
use kaon_api::v1::executor::Call;
use kaon_api::v1::executor::call::{self, Type};
use kaon_api::v1::{
    AgentID, ContainerID, ExecutorInfo, FrameworkInfo, KillPolicy, TaskID, TaskInfo, TaskState,
};
use kaon_api::v1::{TaskGroupInfo, TaskStatus, task_status::Source};
use tokio::sync::{mpsc, watch};

use crate::calls::Calls;
use crate::{Address, Encoding, Error, random};
pub use environment::Environment;
use session::Session;

/// Bound: events that wait for the executor; beyond that the agent is made to wait.
const EVENTS_MAX: usize = 256;

/// What an agent tells.
#[derive(Clone, Debug)]
pub enum Event {
    /// First of all, and again after each [`Event::Disconnected`].
    Subscribed(Box<Subscribed>),
    Launch(Box<TaskInfo>),
    LaunchGroup(TaskGroupInfo),
    Kill {
        task_id: TaskID,
        policy: Option<KillPolicy>,
    },
    /// The agent has stored an update.
    Acknowledged {
        task_id: TaskID,
        uuid: Vec<u8>,
    },
    Message(Vec<u8>),
    /// The agent is gone for now; tasks may go on.
    Disconnected(String),
    /// End all tasks and exit. Also when the agent stays away for too long. The last event; updates are still taken, and
    /// acknowledged, as long as [`Events`] are held.
    Shutdown,
    /// The agent refused the executor. The last event.
    Error(String),
}

/// Whom an executor works for.
#[derive(Clone, Debug)]
pub struct Subscribed {
    pub executor: ExecutorInfo,
    pub framework: FrameworkInfo,
    pub agent: v1::AgentInfo,
    pub container_id: Option<Box<ContainerID>>,
}

/// Reports to the agent. Clones speak for the same executor.
#[derive(Clone, Debug)]
pub struct Executor {
    shared: Arc<Shared>,
}

impl Executor {
    /// Subscribes with the agent that started this process; the first event is [`Event::Subscribed`].
    pub async fn connect(environment: Environment) -> Result<(Executor, Events), Error> {
        let shared = Arc::new(Shared {
            environment,
            encoding: Encoding::default(),
            state: Mutex::default(),
            unacknowledged: watch::Sender::new(0),
        });
        let (sender, receiver) = mpsc::channel(EVENTS_MAX);
        let mut session = Session::new(Arc::clone(&shared));
        let live = session.establish(session::PATIENCE).await?;
        tokio::spawn(session.run(live, sender));
        Ok((Executor { shared }, Events { receiver, over: false }))
    }

    pub fn environment(&self) -> &Environment {
        &self.shared.environment
    }

    /// A status to be filled in further and given to [`Executor::update`].
    pub fn status(&self, task: &TaskID, state: TaskState) -> TaskStatus {
        TaskStatus { task_id: task.clone(), state, ..Default::default() }
    }

    /// Reports how a task is; a UUID, the time and the source are filled in. While the agent is away the update
    /// waits for its return, which is no error.
    pub async fn update(&self, mut status: TaskStatus) -> Result<(), Error> {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        status.uuid = Some(random::uuid().to_vec());
        status.timestamp = Some(since_epoch.as_secs_f64());
        status.source = Some(Source::SourceExecutor);
        status.executor_id = Some(self.shared.environment.executor_id.clone());
        status.agent_id = status.agent_id.or_else(|| self.shared.lock().agent_id.clone());
        let update = call::Update { status: Box::new(status), ..Default::default() };
        self.shared.remember(update.clone());
        let call = self.shared.update(update);
        match self.send(call).await {
            Err(Error::NotSubscribed | Error::Unanswered | Error::Connect { .. } | Error::Timeout { .. }) => {
                Ok(())
            }
            sent => sent,
        }
    }

    /// Sends bytes to the framework's scheduler, which may or may not arrive.
    pub async fn message(&self, data: Vec<u8>) -> Result<(), Error> {
        let message = call::Message { data, ..Default::default() };
        self.send(Call { message: Some(message), ..self.shared.of_type(Type::Message) }).await
    }

    /// Waits until the agent has stored all updates: what is not stored when an executor exits may be lost.
    pub async fn until_acknowledged(&self) {
        // The sender lives in `self`, so this cannot fail.
        drop(self.shared.unacknowledged.subscribe().wait_for(|count| *count == 0).await);
    }

    async fn send(&self, call: Call) -> Result<(), Error> {
        let calls = self.shared.lock().calls.clone().ok_or(Error::NotSubscribed)?;
        let reply = calls.call(self.shared.encoding.encode(&call)).await?;
        reply.taken(&self.shared.environment.agent)
    }
}

/// What the agent tells.
#[derive(Debug)]
pub struct Events {
    receiver: mpsc::Receiver<Event>,
    over: bool,
}

impl Events {
    /// The next event; none after [`Event::Shutdown`] or [`Event::Error`]. May be cancelled without loss.
    pub async fn next(&mut self) -> Option<Event> {
        if self.over {
            return None;
        }
        let event = self.receiver.recv().await;
        self.over = matches!(event, None | Some(Event::Shutdown | Event::Error(_)));
        event
    }
}

/// What handles and the session know together.
#[derive(Debug)]
struct Shared {
    environment: Environment,
    encoding: Encoding,
    state: Mutex<State>,
    /// How many updates the agent has not stored yet.
    unacknowledged: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct State {
    agent_id: Option<AgentID>,
    calls: Option<Calls>,
    /// Tasks of which no update has been acknowledged, by id: an agent that restarts may not know of them.
    tasks: BTreeMap<String, TaskInfo>,
    /// In the order in which they were made.
    updates: Vec<call::Update>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn address(&self) -> &Address {
        &self.environment.agent
    }

    fn of_type(&self, r#type: Type) -> Call {
        Call {
            executor_id: self.environment.executor_id.clone(),
            framework_id: self.environment.framework_id.clone(),
            r#type: Some(r#type),
            ..Default::default()
        }
    }

    fn subscribe(&self) -> Call {
        let state = self.lock();
        let subscribe = call::Subscribe {
            unacknowledged_tasks: state.tasks.values().cloned().collect(),
            unacknowledged_updates: state.updates.clone(),
            ..Default::default()
        };
        Call { subscribe: Some(subscribe), ..self.of_type(Type::Subscribe) }
    }

    fn update(&self, update: call::Update) -> Call {
        Call { update: Some(update), ..self.of_type(Type::Update) }
    }

    /// Lets calls pass, first of all the updates that were made after `subscribe` had been written.
    fn open(&self, calls: Calls, subscribe: &Call) -> Result<(), Error> {
        let mut state = self.lock();
        let said =
            subscribe.subscribe.as_ref().map_or(&[][..], |subscribe| &subscribe.unacknowledged_updates);
        for update in state.updates.iter().filter(|update| !said.contains(update)) {
            calls.try_post(self.encoding.encode(&self.update(update.clone())))?;
        }
        state.calls = Some(calls);
        Ok(())
    }

    fn remember(&self, update: call::Update) {
        let mut state = self.lock();
        state.updates.push(update);
        self.unacknowledged.send_replace(state.updates.len());
    }

    /// Keeps what must be said again if the agent restarts.
    fn note(&self, event: &Event) {
        let mut state = self.lock();
        let mut keep = |task: &TaskInfo| {
            state.tasks.insert(task.task_id.value.clone(), task.clone());
        };
        match event {
            Event::Launch(task) => keep(task),
            Event::LaunchGroup(group) => group.tasks.iter().for_each(keep),
            Event::Subscribed(subscribed) => state.agent_id = subscribed.agent.id.clone(),
            Event::Acknowledged { task_id, uuid } => {
                state.tasks.remove(&task_id.value);
                state.updates.retain(|update| update.status.uuid.as_ref() != Some(uuid));
                self.unacknowledged.send_replace(state.updates.len());
            }
            _ => {}
        }
    }
}
