// SPDX-License-Identifier: Apache-2.0

//! All that an agent can do.

use std::time::Duration;

use kaon_api::libprocess::Upid;
use kaon_api::{internal, v1};
pub use kaon_executor::check::{Probe, Which};
use kaon_model::{ContainerId, Resources};

use crate::input::{Look, Record, Stream, Ticket};
use crate::journal::{FileOp, VolumeFolder};

/// An order to the shell. Effects to one peer keep their order; between peers, and between a peer and the disk,
/// there is none: what must follow a durable write is emitted when `Input::Recorded` arrives.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Sends a message, as this agent.
    Send { to: Upid, message: Box<ToPeer> },
    /// The same, as another actor of this process.
    SendAs { actor: String, to: Upid, message: Box<ToPeer> },
    /// Opens, or replaces by a fresh one, the linked connection to this peer; its end comes back as `Input::Exited`.
    Link { to: Upid },
    /// Writes an event to an executor's stream.
    Event { stream: Stream, event: Box<v1::executor::Event> },
    /// Ends a stream, after what was written to it.
    Close { stream: Stream },
    /// Answers a SUBSCRIBE with this status instead of a stream. The first `Event` of a stream says that its answer is
    /// 200; a shell that has sent 200 before it knew closes the stream here.
    Refuse { stream: Stream, code: u16, text: String },
    /// Answers a request.
    Reply { ticket: Ticket, reply: Reply },
    /// Writes facts to the journal, in order; `Input::Recorded` follows.
    Record { record: Record, ops: Vec<FileOp> },
    /// Makes the sandbox, fetches the URIs, starts the process.
    Launch(Box<Launch>),
    /// Sends a signal to every process of a container.
    Signal { container: ContainerId, signal: i32 },
    /// Kills every process of a container; its exit comes back as an event.
    Destroy { container: ContainerId },
    /// Tells what an executor holds by now.
    Update(Box<Update>),
    /// Drops what the shell keeps of a container that has ended.
    Forget { container: ContainerId },
    /// Removes a folder under the work directory, with all it holds.
    Remove { path: String },
    /// Looks at a task; `Input::Checked` follows, unless it is called off.
    Check(Box<Check>),
    /// Nobody waits for this look any more: ends what was started for it.
    CallOff { look: Look },
    /// Ends the process. The text is for people.
    Exit { code: i32, message: String },
    /// Tells people what they should know: something was ignored, refused or repaired.
    Warn { message: String },
}

/// What a container is to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    pub container: ContainerId,
    /// Below the work directory: `slaves/<id>/frameworks/<id>/executors/<id>/runs/<id>`.
    pub sandbox: String,
    pub command: v1::CommandInfo,
    /// The whole environment of the process, in order; nothing is inherited.
    pub environment: Vec<(String, String)>,
    /// None: the agent's own user.
    pub user: Option<String>,
    pub container_info: Option<Box<v1::ContainerInfo>>,
    /// What the container around it was to be, where the executor is built in, so that nothing is launched for it.
    pub around: Option<Box<v1::ContainerInfo>>,
    pub resources: Vec<v1::Resource>,
    /// The volumes that it finds in its sandbox.
    pub volumes: Vec<Mount>,
    /// The container ends when the agent does: its framework does not checkpoint.
    pub dies_with_agent: bool,
}

/// What an executor holds with its tasks, for those who measure or confine it.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// The executor's.
    pub container: ContainerId,
    /// Below the work directory: around those of its tasks.
    pub sandbox: String,
    /// Nothing, once it is over.
    pub resources: Resources,
}

/// One look at a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    pub look: Look,
    pub probe: Probe,
    /// None: as long as it takes.
    pub timeout: Option<Duration>,
    /// The rest is for commands, which run in the task's context: its sandbox, below the work directory.
    pub sandbox: String,
    /// The whole environment, in order; nothing is inherited.
    pub environment: Vec<(String, String)>,
    /// None: the agent's own user.
    pub user: Option<String>,
}

/// A persistent volume as a container sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Mount {
    pub folder: VolumeFolder,
    /// Below the sandbox.
    pub container_path: String,
}

/// The answer to an executor's call.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// 202 with an empty body.
    Accepted,
    /// Not done; the code is a status of HTTP, the text its body.
    Refused { code: u16, text: String },
}

kaon_api::sent_messages! {
    /// The messages that an agent sends.
    #[derive(Clone, Debug, PartialEq)]
    #[allow(clippy::large_enum_variant, reason = "it travels in a box: see `Effect::Send`")]
    ToPeer:
    Register(internal::RegisterAgentMessage),
    Reregister(internal::ReregisterAgentMessage),
    Unregister(internal::UnregisterAgentMessage),
    Update(internal::UpdateAgentMessage),
    Pong(internal::PongAgentMessage),
    StatusUpdate(internal::StatusUpdateMessage),
    ExitedExecutor(internal::ExitedExecutorMessage),
    ExecutorToFramework(internal::ExecutorToFrameworkMessage),
    UpdateOperationStatus(internal::UpdateOperationStatusMessage),
    // What executors that speak the v0 API are told.
    ExecutorRegistered(internal::ExecutorRegisteredMessage),
    ExecutorReregistered(internal::ExecutorReregisteredMessage),
    ReconnectExecutor(internal::ReconnectExecutorMessage),
    RunTask(internal::RunTaskMessage),
    RunTaskGroup(internal::RunTaskGroupMessage),
    KillTask(internal::KillTaskMessage),
    StatusUpdateAcknowledgement(internal::StatusUpdateAcknowledgementMessage),
    FrameworkToExecutor(internal::FrameworkToExecutorMessage),
    ShutdownExecutor(internal::ShutdownExecutorMessage),
    // By which the agent proves who it is.
    Authenticate(internal::AuthenticateMessage),
    AuthenticationStart(internal::AuthenticationStartMessage),
    AuthenticationStep(internal::AuthenticationStepMessage),
}

/// The effects of a batch of inputs, in order.
pub type Effects = Vec<Effect>;
