// SPDX-License-Identifier: Apache-2.0

//! What a master tells a framework.

use std::time::Duration;

use kaon_api::v1::scheduler::event::{self, Type};
use kaon_api::v1::{self, AgentID, ExecutorID, FrameworkID, MasterInfo, OfferID};

/// Mesos: the interval of heartbeats, where the master does not say.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);
/// Bound: heartbeat intervals that are believed.
const INTERVALS: std::ops::RangeInclusive<f64> = 0.1..=3600.0;

#[derive(Clone, Debug)]
pub enum Event {
    /// First of all, and again after each [`Event::Disconnected`].
    Subscribed(Subscribed),
    Offers(Vec<v1::Offer>),
    InverseOffers(Vec<v1::InverseOffer>),
    Rescind(OfferID),
    RescindInverseOffer(OfferID),
    Update(Box<v1::TaskStatus>),
    /// To be acknowledged by [`Scheduler::acknowledge_operation`](super::Scheduler::acknowledge_operation).
    OperationUpdate(Box<v1::OperationStatus>),
    Message(ExecutorMessage),
    Failure(Failure),
    /// The master is gone for now: all offers are void. What happens to tasks meanwhile is told later.
    Disconnected(String),
    /// The master refused the framework, or another scheduler has taken it over. The last event.
    Error(String),
}

#[derive(Clone, Debug)]
pub struct Subscribed {
    pub framework_id: FrameworkID,
    pub master: Option<Box<MasterInfo>>,
    pub heartbeat_interval: Duration,
}

/// What an executor sent.
#[derive(Clone, Debug)]
pub struct ExecutorMessage {
    pub agent_id: AgentID,
    pub executor_id: ExecutorID,
    pub data: Vec<u8>,
}

/// An executor ended, or an agent went.
#[derive(Clone, Debug)]
pub struct Failure {
    pub agent_id: Option<AgentID>,
    /// None where the whole agent went.
    pub executor_id: Option<ExecutorID>,
    /// The wait status of the executor.
    pub status: Option<i32>,
}

impl Event {
    /// None for heartbeats, for kinds that are newer than this library, and for events without their content.
    pub(super) fn from_wire(event: v1::scheduler::Event) -> Option<Event> {
        Some(match event.r#type? {
            Type::Subscribed => Event::Subscribed(event.subscribed?.into()),
            Type::Offers => Event::Offers(event.offers?.offers),
            Type::InverseOffers => Event::InverseOffers(event.inverse_offers?.inverse_offers),
            Type::Rescind => Event::Rescind(event.rescind?.offer_id),
            Type::RescindInverseOffer => {
                Event::RescindInverseOffer(event.rescind_inverse_offer?.inverse_offer_id)
            }
            Type::Update => Event::Update(event.update?.status),
            Type::UpdateOperationStatus => Event::OperationUpdate(event.update_operation_status?.status),
            Type::Message => Event::Message(event.message?.into()),
            Type::Failure => Event::Failure(event.failure?.into()),
            Type::Error => Event::Error(event.error?.message),
            Type::Unknown | Type::Heartbeat => return None,
        })
    }
}

impl From<event::Subscribed> for Subscribed {
    fn from(subscribed: event::Subscribed) -> Subscribed {
        let seconds = subscribed.heartbeat_interval_seconds.filter(|seconds| INTERVALS.contains(seconds));
        Subscribed {
            framework_id: subscribed.framework_id,
            master: subscribed.master_info,
            heartbeat_interval: seconds.map_or(HEARTBEAT_INTERVAL, Duration::from_secs_f64),
        }
    }
}

impl From<event::Message> for ExecutorMessage {
    fn from(message: event::Message) -> ExecutorMessage {
        ExecutorMessage { agent_id: message.agent_id, executor_id: message.executor_id, data: message.data }
    }
}

impl From<event::Failure> for Failure {
    fn from(failure: event::Failure) -> Failure {
        Failure { agent_id: failure.agent_id, executor_id: failure.executor_id, status: failure.status }
    }
}
