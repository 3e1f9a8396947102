// SPDX-License-Identifier: Apache-2.0

//! About how large events are, so that what waits for a slow client can be bounded in bytes.
//!
//! To know it exactly would be to encode them, on the one thread that must not. What can be large is looked at; the
//! rest counts as what is usual.

use kaon_api::v1;

/// An event, an offer, a task, a framework or an agent, but for what follows.
const USUAL: usize = 1 << 10;
/// A resource, an attribute or a label.
const PART: usize = 256;

pub fn scheduler(event: &v1::scheduler::Event) -> usize {
    let offers = event.offers.iter().flat_map(|offers| &offers.offers).map(offer).sum::<usize>();
    let update = event.update.as_ref().map_or(0, |update| status(&update.status));
    let message = event.message.as_ref().map_or(0, |message| message.data.len());
    let error = event.error.as_ref().map_or(0, |error| error.message.len());
    USUAL + offers + update + message + error
}

pub fn operator(event: &v1::master::Event) -> usize {
    let state = event.subscribed.as_ref().and_then(|subscribed| subscribed.get_state.as_deref());
    let added = event.task_added.as_ref().map_or(0, |added| task(&added.task));
    let updated = event.task_updated.as_ref().map_or(0, |updated| status(&updated.status));
    let agent = event.agent_added.as_ref().map_or(0, |added| agent(&added.agent));
    USUAL + state.map_or(0, whole) + added + updated + agent
}

fn whole(state: &v1::master::response::GetState) -> usize {
    let tasks = state.get_tasks.iter().flat_map(|all| {
        let gone = all.completed_tasks.iter().chain(&all.unreachable_tasks).chain(&all.orphan_tasks);
        all.tasks.iter().chain(&all.pending_tasks).chain(gone)
    });
    let agents = state.get_agents.iter().flat_map(|all| &all.agents);
    let frameworks = state.get_frameworks.iter();
    let frameworks = frameworks.map(|all| all.frameworks.len() + all.completed_frameworks.len());
    tasks.map(task).sum::<usize>() + agents.map(agent).sum::<usize>() + USUAL * frameworks.sum::<usize>()
}

fn offer(offer: &v1::Offer) -> usize {
    USUAL + PART * (offer.resources.len() + offer.attributes.len())
}

fn agent(agent: &v1::master::response::get_agents::Agent) -> usize {
    let info = &agent.agent_info;
    let resources = info.resources.len() + agent.total_resources.len() + agent.allocated_resources.len();
    USUAL + PART * (info.attributes.len() + resources)
}

fn task(task: &v1::Task) -> usize {
    let statuses = task.statuses.iter().map(status).sum::<usize>();
    USUAL + PART * task.resources.len() + labels(task.labels.as_ref()) + statuses
}

fn status(status: &v1::TaskStatus) -> usize {
    let data = status.data.as_ref().map_or(0, Vec::len);
    data + status.message.as_ref().map_or(0, String::len) + labels(status.labels.as_ref()) + PART
}

fn labels(labels: Option<&v1::Labels>) -> usize {
    let length = |label: &v1::Label| PART + label.key.len() + label.value.as_ref().map_or(0, String::len);
    labels.map_or(0, |labels| labels.labels.iter().map(length).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_large_counts() {
        let large = 10 << 20;
        let status = v1::TaskStatus {
            message: Some("x".repeat(large)),
            data: Some(vec![0; large]),
            ..Default::default()
        };
        let update = v1::scheduler::event::Update { status: Box::new(status), ..Default::default() };
        let event = v1::scheduler::Event { update: Some(update), ..Default::default() };
        assert!((2 * large..3 * large).contains(&scheduler(&event)));
        let offers = vec![v1::Offer::default(); 1000];
        let offers = v1::scheduler::event::Offers { offers, ..Default::default() };
        let event = v1::scheduler::Event { offers: Some(offers), ..Default::default() };
        assert!(scheduler(&event) > 1000 * USUAL);
    }
}
