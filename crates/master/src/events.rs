// SPDX-License-Identifier: Apache-2.0

//! What is said to schedulers: their events with the statuses in them.

pub(crate) mod driver;

use kaon_api::v1;
use kaon_api::v1::scheduler::{Event, event};
use kaon_api::v1::task_status::{Reason, Source};
use kaon_model::{AgentId, ExecutorId, FrameworkId, TaskId, TaskState, Wall};

use crate::state::tasks::wire_state;

fn of_type(kind: event::Type) -> Event {
    Event { r#type: Some(kind), ..Default::default() }
}

pub(crate) fn subscribed(framework: &FrameworkId, heartbeat_secs: f64, master: &v1::MasterInfo) -> Event {
    let subscribed = event::Subscribed {
        framework_id: v1::FrameworkID::from(framework.as_str()),
        heartbeat_interval_seconds: Some(heartbeat_secs),
        master_info: Some(Box::new(master.clone())),
        ..Default::default()
    };
    Event { subscribed: Some(subscribed), ..of_type(event::Type::Subscribed) }
}

pub(crate) fn heartbeat() -> Event {
    of_type(event::Type::Heartbeat)
}

pub(crate) fn offers(offers: Vec<v1::Offer>) -> Event {
    Event { offers: Some(event::Offers { offers, ..Default::default() }), ..of_type(event::Type::Offers) }
}

pub(crate) fn rescind(offer: String) -> Event {
    let rescind = event::Rescind { offer_id: v1::OfferID::from(offer), ..Default::default() };
    Event { rescind: Some(rescind), ..of_type(event::Type::Rescind) }
}

pub(crate) fn inverse_offers(inverse_offers: Vec<v1::InverseOffer>) -> Event {
    let offers = event::InverseOffers { inverse_offers, ..Default::default() };
    Event { inverse_offers: Some(offers), ..of_type(event::Type::InverseOffers) }
}

pub(crate) fn rescind_inverse_offer(offer: String) -> Event {
    let rescind =
        event::RescindInverseOffer { inverse_offer_id: v1::OfferID::from(offer), ..Default::default() };
    Event { rescind_inverse_offer: Some(rescind), ..of_type(event::Type::RescindInverseOffer) }
}

pub(crate) fn update(status: v1::TaskStatus) -> Event {
    let update = event::Update { status: Box::new(status), ..Default::default() };
    Event { update: Some(update), ..of_type(event::Type::Update) }
}

/// What became of an operation, as its agent tells it.
pub(crate) fn operation_status(status: v1::OperationStatus) -> Event {
    let update = event::UpdateOperationStatus { status: Box::new(status), ..Default::default() };
    Event { update_operation_status: Some(update), ..of_type(event::Type::UpdateOperationStatus) }
}

/// What became of an operation with an id; it has no uuid, so it must not be acknowledged.
pub(crate) fn operation_update(
    id: v1::OperationID,
    agent: Option<&str>,
    state: v1::OperationState,
    message: impl Into<String>,
) -> Event {
    let status = v1::OperationStatus {
        operation_id: Some(id),
        state,
        message: Some(message.into()),
        agent_id: agent.map(v1::AgentID::from),
        ..Default::default()
    };
    operation_status(status)
}

pub(crate) fn message(agent_id: v1::AgentID, executor_id: v1::ExecutorID, data: Vec<u8>) -> Event {
    let message = event::Message { agent_id, executor_id, data, ..Default::default() };
    Event { message: Some(message), ..of_type(event::Type::Message) }
}

/// An agent is lost.
pub(crate) fn agent_failure(agent: &AgentId) -> Event {
    let failure = event::Failure { agent_id: Some(v1::AgentID::from(agent.as_str())), ..Default::default() };
    Event { failure: Some(failure), ..of_type(event::Type::Failure) }
}

/// An executor has ended with this wait status.
pub(crate) fn executor_failure(agent: &AgentId, executor: &ExecutorId, status: i32) -> Event {
    let failure = event::Failure {
        agent_id: Some(v1::AgentID::from(agent.as_str())),
        executor_id: Some(v1::ExecutorID::from(executor.as_str())),
        status: Some(status),
        ..Default::default()
    };
    Event { failure: Some(failure), ..of_type(event::Type::Failure) }
}

pub(crate) fn error(message: impl Into<String>) -> Event {
    let error = event::Error { message: message.into(), ..Default::default() };
    Event { error: Some(error), ..of_type(event::Type::Error) }
}

/// A status that the master makes itself. It has no uuid: it must not be acknowledged.
pub(crate) fn own_status(
    task: &TaskId,
    agent: Option<&AgentId>,
    state: TaskState,
    reason: Reason,
    message: impl Into<String>,
    now: Wall,
) -> v1::TaskStatus {
    v1::TaskStatus {
        task_id: v1::TaskID::from(task.as_str()),
        state: wire_state(state),
        message: Some(message.into()),
        source: Some(Source::SourceMaster),
        reason: Some(reason),
        agent_id: agent.map(|id| v1::AgentID::from(id.as_str())),
        timestamp: Some(now.secs_f64()),
        ..Default::default()
    }
}
