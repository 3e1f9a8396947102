// SPDX-License-Identifier: Apache-2.0

//! All that can happen to a master.

use std::collections::BTreeSet;
use std::net::SocketAddrV4;

use kaon_api::libprocess::Upid;
use kaon_api::{internal, v0, v1};

use crate::caller::Caller;

/// A fact from outside. The shell has decoded it, bounded it, and resolved who says it.
#[derive(Clone, Debug)]
pub enum Input {
    /// The moment that `Master::deadline` named has come.
    Tick,
    /// A message between processes; `to` is the actor it is addressed to (`master`, `slave-observer(7)`,
    /// `crammd5-authenticator-session(7)`).
    Message { from: Upid, to: String, message: Box<PeerMessage> },
    /// The linked connection to this address is gone: closed, reset, or refused.
    Exited { peer: SocketAddrV4 },
    /// A scheduler asks for its event stream. The call is well-formed and the answer 200 is on its way: refusals
    /// are told in the stream.
    Subscribe { stream: Stream, call: Box<v1::scheduler::Call>, caller: Caller },
    /// Any other call of a scheduler.
    Call { ticket: Ticket, stream_id: Option<String>, call: Box<v1::scheduler::Call>, caller: Caller },
    /// An operator's call that changes something; reading calls are answered from a view.
    Operator { ticket: Ticket, call: Box<v1::master::Call>, caller: Caller },
    /// An operator plans for machines, and says which windows are enforced.
    EnforceSchedule { ticket: Ticket, schedule: Box<internal::KaonSchedule>, caller: Caller },
    /// An operator asks for the stream of events.
    Watch { stream: Stream, caller: Caller },
    /// An operator asks for the stream of our own events.
    Listen { stream: Stream, caller: Caller },
    /// The hosts whose agents may be offered, if not all may; the operator keeps them in a file.
    Whitelist { hosts: Option<BTreeSet<String>> },
    /// A stream has ended: its client closed it, or was too slow for it.
    StreamClosed { stream: Stream },
    /// The record of `Effect::Store` is durable.
    Stored { write: Write },
}

/// Names an open event stream; never used twice by one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stream(pub u64);

/// Names a request that waits for its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Names a write to the registry, counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Write(pub u64);

kaon_api::received_messages! {
    /// The messages that a master understands.
    #[derive(Clone, Debug, PartialEq)]
    #[allow(clippy::large_enum_variant, reason = "it travels in a box: see `Input::Message`")]
    PeerMessage:
    RegisterAgent(internal::RegisterAgentMessage),
    ReregisterAgent(internal::ReregisterAgentMessage),
    UnregisterAgent(internal::UnregisterAgentMessage),
    UpdateAgent(internal::UpdateAgentMessage),
    Pong(internal::PongAgentMessage),
    StatusUpdate(internal::StatusUpdateMessage),
    ExitedExecutor(internal::ExitedExecutorMessage),
    ExecutorToFramework(internal::ExecutorToFrameworkMessage),
    UpdateOperationStatus(internal::UpdateOperationStatusMessage),
    /// A call of a v0 scheduler driver.
    SchedulerCall(v0::scheduler::Call),
    // What older drivers send one message each for.
    SubmitScheduler(internal::SubmitSchedulerRequest),
    RegisterFramework(internal::RegisterFrameworkMessage),
    ReregisterFramework(internal::ReregisterFrameworkMessage),
    UnregisterFramework(internal::UnregisterFrameworkMessage),
    DeactivateFramework(internal::DeactivateFrameworkMessage),
    ResourceRequest(internal::ResourceRequestMessage),
    LaunchTasks(internal::LaunchTasksMessage),
    ReviveOffers(internal::ReviveOffersMessage),
    KillTask(internal::KillTaskMessage),
    StatusUpdateAcknowledgement(internal::StatusUpdateAcknowledgementMessage),
    FrameworkToExecutor(internal::FrameworkToExecutorMessage),
    ReconcileTasks(internal::ReconcileTasksMessage),
    Authenticate(internal::AuthenticateMessage),
    AuthenticationStart(internal::AuthenticationStartMessage),
    AuthenticationStep(internal::AuthenticationStepMessage),
}
