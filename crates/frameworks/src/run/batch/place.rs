// SPDX-License-Identifier: Apache-2.0

//! Puts tasks on offers.

use std::collections::BTreeMap;
use std::time::Duration;

use kaon_sdk::v1::{AgentID, Offer, OfferID, Resource};

use super::{Action, Batch, Launch, Launched, Stage, Task, task_id};

/// Bound: tasks in one call; with long lines more would make a very large message.
const LAUNCH_MAX: usize = 500;
/// For what no task fits into. More than what was declined passes the filter, so nothing is missed.
const REFUSE_LONG: f64 = 60.0;
/// For what only waiting tasks could use.
const REFUSE_SHORT: f64 = 1.0;
/// How long a task that failed is kept from the agents where it did, if there are others.
const ELSEWHERE_PATIENCE: Duration = Duration::from_secs(5);
/// An agent that has made no offer for so long is not counted on.
const AGENT_PATIENCE: Duration = Duration::from_secs(60);

/// What one agent offers, with the tasks that are to use it.
struct Bundle {
    agent_id: AgentID,
    host: String,
    offers: Vec<OfferID>,
    free: Vec<Resource>,
    launches: Vec<Launch>,
}

impl Batch {
    /// Spreads ready tasks evenly over the offers, then answers each.
    pub(super) fn place(&mut self, now: Duration, offers: Vec<Offer>, out: &mut Vec<Action>) {
        self.last_offer = now;
        let mut bundles = bundle(offers);
        self.note_offered(&bundles);
        for agent in bundles.iter().map(|bundle| &bundle.agent_id.value) {
            self.agents.insert(agent.clone(), now);
        }
        self.agents.retain(|_, seen| now < *seen + AGENT_PATIENCE);
        self.fill(now, &mut bundles);
        // What could be of use to a task in a moment is refused for a moment only.
        let slots_left = self.launched.len() < self.settings.max_parallel;
        for bundle in bundles {
            let useful = slots_left && !self.ready.is_empty() && self.settings.wanted.fits(&bundle.free);
            let refuse_seconds = if useful { REFUSE_SHORT } else { REFUSE_LONG };
            let Bundle { offers, launches, .. } = bundle;
            out.push(if launches.is_empty() {
                Action::Decline { offers, refuse_seconds }
            } else {
                Action::Launch { offers, launches, refuse_seconds }
            });
        }
    }

    /// Remembers the most that was offered, for those who ask why nothing starts.
    fn note_offered(&mut self, bundles: &[Bundle]) {
        if self.first_launch.over {
            return;
        }
        for bundle in bundles {
            let found = self.settings.wanted.found_in(&bundle.free);
            let most = self.first_launch.most.take().unwrap_or_default();
            self.first_launch.most = Some(most.max(&found));
        }
    }

    fn fill(&mut self, now: Duration, bundles: &mut [Bundle]) {
        // Those that have room, in turn.
        let mut open: Vec<usize> = (0..bundles.len()).filter(|at| self.has_room(&bundles[*at])).collect();
        let mut turn = 0;
        for number in self.ready.iter().copied().collect::<Vec<_>>() {
            if open.is_empty() || self.launched.len() >= self.settings.max_parallel {
                return;
            }
            let mut candidates = (0..open.len()).map(|step| (turn + step) % open.len());
            let chosen = candidates.find(|at| self.may_run(now, number, &bundles[open[*at]].agent_id));
            let Some(chosen) = chosen else { continue };
            self.assign(now, number, &mut bundles[open[chosen]]);
            if self.has_room(&bundles[open[chosen]]) {
                turn = chosen + 1;
            } else {
                open.remove(chosen);
                turn = chosen;
            }
        }
    }

    fn has_room(&self, bundle: &Bundle) -> bool {
        bundle.launches.len() < LAUNCH_MAX && self.settings.wanted.fits(&bundle.free)
    }

    fn may_run(&self, now: Duration, number: u64, agent: &AgentID) -> bool {
        let Some(Task { failed_on, stage: Stage::Ready { since, not_before }, .. }) = self.tasks.get(&number)
        else {
            return false;
        };
        let has_alternative = || self.agents.keys().any(|other| !failed_on.contains(other));
        let avoids =
            failed_on.contains(&agent.value) && now < *since + ELSEWHERE_PATIENCE && has_alternative();
        now >= *not_before && !avoids
    }

    fn assign(&mut self, now: Duration, number: u64, bundle: &mut Bundle) {
        let Some(task) = self.tasks.get_mut(&number) else { return };
        let Some(resources) = self.settings.wanted.take(&mut bundle.free) else { return };
        self.first_launch.over = true;
        task.attempt += 1;
        task.stage = Stage::Launched(Launched {
            agent: bundle.agent_id.value.clone(),
            host: bundle.host.clone(),
            confirmed: false,
            heard: now,
            unreachable_since: None,
        });
        self.ready.remove(&number);
        self.launched.insert(number);
        bundle.launches.push(Launch {
            number,
            task_id: task_id(&self.settings.id_prefix, number, task.attempt),
            line: task.line.clone(),
            agent_id: bundle.agent_id.clone(),
            resources,
        });
    }
}

/// Offers of one agent can be used together.
fn bundle(offers: Vec<Offer>) -> Vec<Bundle> {
    let mut bundles: BTreeMap<String, Bundle> = BTreeMap::new();
    for offer in offers {
        let bundle = bundles.entry(offer.agent_id.value.clone()).or_insert_with(|| Bundle {
            agent_id: offer.agent_id,
            host: offer.hostname,
            offers: Vec::new(),
            free: Vec::new(),
            launches: Vec::new(),
        });
        bundle.offers.push(offer.id);
        bundle.free.extend(offer.resources);
    }
    bundles.into_values().collect()
}
