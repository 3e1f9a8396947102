// SPDX-License-Identifier: Apache-2.0

//! All that can happen to an agent.

use std::net::SocketAddrV4;

use kaon_api::libprocess::Upid;
use kaon_api::{internal, v1};
use kaon_executor::check::Which;
use kaon_model::ContainerId;

pub use kaon_executor::check::Outcome as CheckOutcome;

/// A fact from outside. The shell has decoded and bounded it.
#[derive(Clone, Debug)]
pub enum Input {
    /// The moment that `Agent::deadline` named has come.
    Tick,
    /// The detector's word: who leads, if anyone does.
    Leader { master: Option<Box<v1::MasterInfo>> },
    /// A message between processes, addressed to this agent or to the actor that authenticates it.
    Message { from: Upid, message: Box<PeerMessage> },
    /// The linked connection to this address is gone: closed, reset, or refused.
    Exited { peer: SocketAddrV4 },
    /// An executor asks for its event stream. The first effect that names the stream is the answer: `Event` (or
    /// `Close`) for 200, `Refuse` for another status.
    Subscribe { stream: Stream, call: Box<v1::executor::Call> },
    /// Any other call of an executor.
    Call { ticket: Ticket, call: Box<v1::executor::Call> },
    /// A stream has ended: its client closed it, or was too slow for it.
    StreamClosed { stream: Stream },
    /// The facts of `Effect::Record` are durable.
    Recorded { record: Record },
    /// The disk is full, so that facts cannot be written, and are not lost: the shell tries again until there is room. None:
    /// there is.
    Disk { problem: Option<String> },
    /// News of a container.
    Container { container: ContainerId, event: ContainerEvent },
    /// What a look at a task found.
    Checked { look: Look, outcome: CheckOutcome },
    /// The operator's SIGUSR1: unregister, end everything, exit.
    Leave,
    /// The operator's SIGTERM or SIGINT: exit; tasks live on.
    Stop,
}

/// Names an open event stream; never used twice by one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stream(pub u64);

/// Names a request that waits for its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Names a write to the journal, counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Record(pub u64);

#[derive(Clone, Debug, PartialEq)]
pub enum ContainerEvent {
    /// Its process runs.
    Launched { pid: u32 },
    /// It never ran; the text is for people.
    LaunchFailed { message: String },
    /// Its process ended, and nothing of it is left. `status` is what wait(2) said; none if nobody knows.
    Exited { status: Option<i32> },
    /// It must not run on: the executor whose container this is ends, and its tasks are told why. `resources` is what there
    /// was too little of.
    Limitation { limit: Limit, message: String, resources: Vec<v1::Resource> },
}

/// Why a container must not run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// It uses more memory than it may.
    Memory,
    /// It uses more of a disk than it may.
    Disk,
    /// It uses more of something else than it may: ports, for one.
    Other,
    /// Whoever carries its input and output is gone.
    IoSwitchboard,
    /// What it uses belongs to others, who want it now.
    Preempted,
    /// It cannot be given what it is to have from now on.
    UpdateFailed,
}

/// What the shell found of a container when the agent started again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecoveredContainer {
    /// It lives; its exit will come as an event.
    Running { pid: u32 },
    /// Its process ended while the agent was away. `status` is what wait(2) said; none if nobody knows.
    Ended { status: Option<i32> },
}

/// Names one look of a check at a task; never used twice by one process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Look {
    /// The task's.
    pub container: ContainerId,
    pub which: Which,
    pub number: u64,
}

kaon_api::received_messages! {
    /// The messages that an agent understands.
    #[derive(Clone, Debug, PartialEq)]
    PeerMessage:
    Registered(internal::AgentRegisteredMessage),
    Reregistered(internal::AgentReregisteredMessage),
    Ping(internal::PingAgentMessage),
    Shutdown(internal::ShutdownMessage),
    RunTask(internal::RunTaskMessage),
    RunTaskGroup(internal::RunTaskGroupMessage),
    KillTask(internal::KillTaskMessage),
    ShutdownExecutor(internal::ShutdownExecutorMessage),
    ShutdownFramework(internal::ShutdownFrameworkMessage),
    UpdateFramework(internal::UpdateFrameworkMessage),
    StatusUpdateAcknowledgement(internal::StatusUpdateAcknowledgementMessage),
    FrameworkToExecutor(internal::FrameworkToExecutorMessage),
    ApplyOperation(internal::ApplyOperationMessage),
    CheckpointResources(internal::CheckpointResourcesMessage),
    AcknowledgeOperationStatus(internal::AcknowledgeOperationStatusMessage),
    ReconcileOperations(internal::ReconcileOperationsMessage),
    DrainAgent(internal::DrainAgentMessage),
    // From executors that speak the v0 API.
    RegisterExecutor(internal::RegisterExecutorMessage),
    ReregisterExecutor(internal::ReregisterExecutorMessage),
    StatusUpdate(internal::StatusUpdateMessage),
    ExecutorToFramework(internal::ExecutorToFrameworkMessage),
    // From the session in which the agent proves to its master who it is.
    AuthenticationMechanisms(internal::AuthenticationMechanismsMessage),
    AuthenticationStep(internal::AuthenticationStepMessage),
    AuthenticationCompleted(internal::AuthenticationCompletedMessage),
    AuthenticationFailed(internal::AuthenticationFailedMessage),
    AuthenticationError(internal::AuthenticationErrorMessage),
}
