// SPDX-License-Identifier: Apache-2.0

//! All that a master can do.

use kaon_api::libprocess::Upid;
use kaon_api::{internal, v1};

use crate::input::{Stream, Ticket, Write};

/// An order to the shell. Effects to one peer keep their order; between peers, and between a peer and the disk,
/// there is none: what must follow a durable write is emitted when `Input::Stored` arrives.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Sends a message, as the actor `from` of this process (`master`, `slave-observer(7)`).
    Send { to: Upid, from: String, message: Box<ToPeer> },
    /// Opens, or replaces by a fresh one, the linked connection to this peer; its end comes back as `Input::Exited`.
    Link { to: Upid },
    /// Writes an event to a scheduler's stream.
    Event { stream: Stream, event: Box<v1::scheduler::Event> },
    /// Sets the `Mesos-Stream-Id` with which the scheduler must sign its calls. Comes before the stream's first event.
    OpenStream { stream: Stream, id: String },
    /// Writes an event to an operator's stream.
    WatchEvent { stream: Stream, event: Box<v1::master::Event> },
    /// Writes an event to the stream of an operator who listens.
    Announce { stream: Stream, event: Box<internal::KaonEvent> },
    /// Tells the log what an operator did.
    Audit { action: Box<internal::KaonAudit> },
    /// Ends a stream, after what was written to it.
    Close { stream: Stream },
    /// Answers a request.
    Reply { ticket: Ticket, reply: Reply },
    /// Appends a record to the registry; `snapshot` then stands for all records up to this one, so that the log can
    /// be cut.
    Store { write: Write, record: Vec<u8>, snapshot: Option<Vec<u8>> },
    /// Ends the process: to go on would do harm. The text is for people.
    Exit { code: u8, message: String },
    /// Tells people what they should know.
    Warn { message: String },
}

/// The answer to a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// 200 with an empty body.
    Ok,
    /// 202 with an empty body: the call was accepted, its outcome comes as events.
    Accepted,
    /// Not done; the code is a status of HTTP, the text its body.
    Refused { code: u16, text: String },
}

kaon_api::sent_messages! {
    /// The messages that a master sends.
    #[derive(Clone, Debug, PartialEq)]
    ToPeer:
    AgentRegistered(internal::AgentRegisteredMessage),
    AgentReregistered(internal::AgentReregisteredMessage),
    Ping(internal::PingAgentMessage),
    Shutdown(internal::ShutdownMessage),
    DrainAgent(internal::DrainAgentMessage),
    RunTask(internal::RunTaskMessage),
    RunTaskGroup(internal::RunTaskGroupMessage),
    KillTask(internal::KillTaskMessage),
    ShutdownExecutor(internal::ShutdownExecutorMessage),
    ShutdownFramework(internal::ShutdownFrameworkMessage),
    UpdateFramework(internal::UpdateFrameworkMessage),
    StatusUpdateAcknowledgement(internal::StatusUpdateAcknowledgementMessage),
    FrameworkToExecutor(internal::FrameworkToExecutorMessage),
    FrameworkError(internal::FrameworkErrorMessage),
    ApplyOperation(internal::ApplyOperationMessage),
    CheckpointResources(internal::CheckpointResourcesMessage),
    AcknowledgeOperationStatus(internal::AcknowledgeOperationStatusMessage),
    ReconcileOperations(internal::ReconcileOperationsMessage),
    // What the drivers of frameworks are told.
    SubmitSchedulerResponse(internal::SubmitSchedulerResponse),
    FrameworkRegistered(internal::FrameworkRegisteredMessage),
    FrameworkReregistered(internal::FrameworkReregisteredMessage),
    ResourceOffers(internal::ResourceOffersMessage),
    InverseOffers(internal::InverseOffersMessage),
    RescindResourceOffer(internal::RescindResourceOfferMessage),
    RescindInverseOffer(internal::RescindInverseOfferMessage),
    StatusUpdate(internal::StatusUpdateMessage),
    LostAgent(internal::LostAgentMessage),
    ExitedExecutor(internal::ExitedExecutorMessage),
    ExecutorToFramework(internal::ExecutorToFrameworkMessage),
    // To whoever authenticates.
    AuthenticationMechanisms(internal::AuthenticationMechanismsMessage),
    AuthenticationStep(internal::AuthenticationStepMessage),
    AuthenticationCompleted(internal::AuthenticationCompletedMessage),
    AuthenticationFailed(internal::AuthenticationFailedMessage),
    AuthenticationError(internal::AuthenticationErrorMessage),
}

/// The effects of a batch of inputs, in order.
pub type Effects = Vec<Effect>;
