// SPDX-License-Identifier: Apache-2.0

//! Events as the messages by which drivers of the v0 API hear of them.

use kaon_api::internal;
use kaon_api::libprocess::Upid;
use kaon_api::v1;
use kaon_api::v1::scheduler::Event;
use kaon_api::v1::task_status::Reason;

use crate::effect::ToPeer;
use crate::state::{Framework, State};

/// The message for an event; none where drivers are not told: of heartbeats, and of what became of operations.
pub(crate) fn message(state: &State, framework: &Framework, event: Event) -> Option<ToPeer> {
    let framework_id = || v1::FrameworkID::from(framework.id.as_str());
    if let Some(subscribed) = event.subscribed {
        return Some(ToPeer::FrameworkRegistered(internal::FrameworkRegisteredMessage {
            framework_id: subscribed.framework_id,
            master_info: subscribed.master_info.unwrap_or_default(),
            ..Default::default()
        }));
    }
    if let Some(offers) = event.offers {
        return Some(resource_offers(state, offers.offers));
    }
    if let Some(offers) = event.inverse_offers {
        let offers = offers.inverse_offers;
        let agents = offers.iter().map(|offer| offer.agent_id.as_ref());
        let pids = agents.map(|id| pid_text(state, id)).collect();
        let inverse = internal::InverseOffersMessage { inverse_offers: offers, pids, ..Default::default() };
        return Some(ToPeer::InverseOffers(inverse));
    }
    if let Some(rescind) = event.rescind {
        let offer_id = rescind.offer_id;
        let rescind = internal::RescindResourceOfferMessage { offer_id, ..Default::default() };
        return Some(ToPeer::RescindResourceOffer(rescind));
    }
    if let Some(rescind) = event.rescind_inverse_offer {
        let inverse_offer_id = rescind.inverse_offer_id;
        let rescind = internal::RescindInverseOfferMessage { inverse_offer_id, ..Default::default() };
        return Some(ToPeer::RescindInverseOffer(rescind));
    }
    if let Some(update) = event.update {
        return Some(status_update(framework, *update.status));
    }
    if let Some(message) = event.message {
        return Some(ToPeer::ExecutorToFramework(internal::ExecutorToFrameworkMessage {
            agent_id: message.agent_id,
            framework_id: framework_id(),
            executor_id: message.executor_id,
            data: message.data,
            ..Default::default()
        }));
    }
    if let Some(failure) = event.failure {
        let agent_id = failure.agent_id.unwrap_or_default();
        let Some(executor_id) = failure.executor_id else {
            return Some(ToPeer::LostAgent(internal::LostAgentMessage { agent_id, ..Default::default() }));
        };
        return Some(ToPeer::ExitedExecutor(internal::ExitedExecutorMessage {
            agent_id,
            framework_id: framework_id(),
            executor_id,
            status: failure.status.unwrap_or(-1),
            ..Default::default()
        }));
    }
    let message = event.error?.message;
    Some(ToPeer::FrameworkError(internal::FrameworkErrorMessage { message, ..Default::default() }))
}

fn resource_offers(state: &State, offers: Vec<v1::Offer>) -> ToPeer {
    // Mesos: by these a driver sends messages to executors without the master.
    let pids = offers.iter().map(|offer| pid_text(state, Some(&offer.agent_id))).collect();
    ToPeer::ResourceOffers(internal::ResourceOffersMessage { offers, pids, ..Default::default() })
}

/// What the master itself says of a task, in the wrapper that v0 has for it; nobody awaits its acknowledgement.
///
/// Mesos: it carries an empty pid; the answer to a reconciliation, none.
fn status_update(framework: &Framework, status: v1::TaskStatus) -> ToPeer {
    let reconciled = status.reason == Some(Reason::ReasonReconciliation);
    let pid = (!reconciled).then(|| Upid::empty().to_string());
    let update = internal::StatusUpdate {
        framework_id: v1::FrameworkID::from(framework.id.as_str()),
        executor_id: status.executor_id.clone(),
        agent_id: status.agent_id.clone(),
        timestamp: status.timestamp.unwrap_or_default(),
        uuid: status.uuid.clone(),
        status: Box::new(status),
        ..Default::default()
    };
    let message = internal::StatusUpdateMessage { update: Box::new(update), pid, ..Default::default() };
    ToPeer::StatusUpdate(message)
}

fn pid_text(state: &State, agent: Option<&v1::AgentID>) -> String {
    let agent = agent.and_then(|id| state.agent_by_id(&id.value));
    agent.map_or_else(Upid::empty, |(_, agent)| agent.pid.clone()).to_string()
}
