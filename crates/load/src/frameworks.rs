// SPDX-License-Identifier: Apache-2.0

//! Emulated frameworks, which turn offers into small tasks.

mod calls;
mod events;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddrV4;
use std::rc::Rc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use kaon_api::v1::scheduler::{Call, Event, call, event};
use kaon_api::v1::{self, TaskState};
use kaon_api::wire::Message;
use tokio::sync::mpsc;
use tokio::task::spawn_local;

use crate::board::{Board, count};
use crate::fleet::{TASK_CPUS, TASK_MEM, scalar};
use calls::Calls;
use events::Events;

/// What frameworks do with offers.
pub enum Load {
    /// Launch as much as fits, so many tasks by one accept at most.
    Full { per_accept: usize },
    /// Keep offers, and launch so many tasks whenever an accept is due.
    Paced { per_accept: usize, due: mpsc::UnboundedReceiver<Instant> },
    /// Launch so many tasks on each agent that has room for more than these, and no others.
    Fill { tasks: usize },
    /// Decline all.
    Decline,
}

/// The seconds for which tasks of a framework that may come back run on without it.
const COMES_BACK: f64 = 600.0;

/// What offers are declined with when nothing more is to be launched: for longer than any run.
const NEVER: f64 = 1e6;

struct Framework {
    role: String,
    id: v1::FrameworkID,
    calls: Calls,
    board: Rc<Board>,
    load: Load,
    /// Offers that wait until an accept is due, oldest first, by their numbers.
    kept: BTreeMap<u64, v1::Offer>,
    next: u64,
    /// Accepts that are due and wait for an offer.
    late: VecDeque<Instant>,
    quiet: bool,
}

/// What becomes of a framework without its master.
pub enum Life {
    /// It ends with its stream.
    Once,
    /// It may come back, and its tasks run on meanwhile.
    Lasting,
    /// It was this one, and is back.
    Again(v1::FrameworkID),
}

/// Subscribes a framework, and lets it run until its stream ends.
pub async fn start(
    master: SocketAddrV4,
    index: usize,
    load: Load,
    life: Life,
    board: Rc<Board>,
) -> Result<v1::FrameworkID> {
    let role = format!("load-{index}");
    let subscription = subscription(&role, life);
    let mut events = Events::open(master, &subscription).await?;
    let first = events.next().await?.context("the master closed the stream of events at once")?;
    let id = match (first.subscribed, first.error) {
        (Some(subscribed), _) => subscribed.framework_id,
        (None, Some(error)) => bail!("the master refused framework {role}: {}", error.message),
        (None, None) => bail!("the stream of events does not begin with SUBSCRIBED"),
    };
    count(&board.subscribed);
    let calls = Calls::open(master, &events.stream_id, board.clone()).await?;
    let framework = Framework {
        role,
        id: id.clone(),
        calls,
        board: board.clone(),
        load,
        kept: BTreeMap::new(),
        next: 0,
        late: VecDeque::new(),
        quiet: false,
    };
    spawn_local(async move {
        if let Err(error) = framework.run(events).await {
            board.fail(format!("a framework ended: {error:#}"));
        }
    });
    Ok(id)
}

fn subscription(role: &str, life: Life) -> Call {
    use v1::framework_info::capability::Type::{MultiRole, PartitionAware};
    let capability = |r#type| v1::framework_info::Capability { r#type: Some(r#type), ..Default::default() };
    let (lasts, framework_id) = match life {
        Life::Once => (false, None),
        Life::Lasting => (true, None),
        Life::Again(id) => (true, Some(id)),
    };
    let info = v1::FrameworkInfo {
        user: "root".into(),
        name: role.into(),
        failover_timeout: lasts.then_some(COMES_BACK),
        checkpoint: Some(lasts),
        id: framework_id.clone(),
        roles: vec![role.into()],
        capabilities: [MultiRole, PartitionAware].map(capability).into(),
        ..Default::default()
    };
    let subscribe = call::Subscribe { framework_info: info.into(), ..Default::default() };
    Call { framework_id, subscribe: Some(subscribe), ..of_type(call::Type::Subscribe) }
}

impl Framework {
    async fn run(mut self, mut events: Events) -> Result<()> {
        loop {
            tokio::select! {
                event = events.next() => self.event(event?.context("the master closed the stream of events")?)?,
                Some(due) = due(&mut self.load) => self.due(due),
            }
        }
    }

    fn event(&mut self, event: Event) -> Result<()> {
        match event.r#type.unwrap_or_default() {
            event::Type::Offers => {
                for offer in event.offers.unwrap_or_default().offers {
                    self.offered(offer);
                }
            }
            event::Type::Update => {
                let update = event.update.context("an UPDATE without its content")?;
                self.updated(*update.status);
            }
            event::Type::Rescind => {
                let rescinded = event.rescind.context("a RESCIND without its content")?.offer_id;
                self.kept.retain(|_, offer| offer.id != rescinded);
            }
            event::Type::Error => bail!("the master says {}", event.error.unwrap_or_default().message),
            _ => {}
        }
        Ok(())
    }

    fn offered(&mut self, offer: v1::Offer) {
        if let Some(agent) = offer.hostname.strip_prefix("emulated-").and_then(|index| index.parse().ok()) {
            self.board.offer(agent);
        }
        if self.board.is_stopping() {
            return self.decline(&offer);
        }
        match &self.load {
            Load::Full { per_accept } => self.accept(offer, *per_accept, None),
            Load::Fill { tasks } if room(&offer.resources) > *tasks => self.accept(offer, *tasks, None),
            Load::Fill { .. } | Load::Decline => self.decline(&offer),
            Load::Paced { per_accept, .. } => match self.late.pop_front() {
                Some(due) => self.accept(offer, *per_accept, Some(due)),
                None => {
                    self.kept.insert(self.next, offer);
                    self.next += 1;
                }
            },
        }
    }

    /// An accept is due: the oldest offer is used.
    fn due(&mut self, due: Instant) {
        let Load::Paced { per_accept, .. } = self.load else { return };
        if self.board.is_stopping() {
            return;
        }
        match self.kept.pop_first() {
            Some((_, offer)) => self.accept(offer, per_accept, Some(due)),
            None => {
                count(&self.board.waited);
                self.late.push_back(due);
            }
        }
    }

    fn accept(&mut self, offer: v1::Offer, most: usize, due: Option<Instant>) {
        let tasks = room(&offer.resources).min(most);
        if tasks == 0 {
            return self.decline(&offer);
        }
        let task_infos = (0..tasks).map(|_| self.task(&offer, due)).collect();
        let launch = v1::offer::operation::Launch { task_infos, ..Default::default() };
        let operation = v1::offer::Operation {
            r#type: Some(v1::offer::operation::Type::Launch),
            launch: Some(launch),
            ..Default::default()
        };
        let accept = call::Accept {
            offer_ids: vec![offer.id],
            operations: vec![operation],
            filters: filters(0.0),
            ..Default::default()
        };
        count(&self.board.accepts);
        self.call(Call { accept: Some(accept), ..of_type(call::Type::Accept) });
    }

    fn task(&self, offer: &v1::Offer, due: Option<Instant>) -> v1::TaskInfo {
        let name = self.board.launch(due).to_string();
        let role = Some(self.role.clone());
        let allocation = v1::resource::AllocationInfo { role, ..Default::default() };
        let part =
            |name, value| v1::Resource { allocation_info: Some(allocation.clone()), ..scalar(name, value) };
        let command = v1::CommandInfo { value: Some("true".into()), ..Default::default() };
        v1::TaskInfo {
            task_id: v1::TaskID::from(name.as_str()),
            name,
            agent_id: offer.agent_id.clone(),
            resources: vec![part("cpus", TASK_CPUS), part("mem", TASK_MEM)],
            command: Some(command.into()),
            ..Default::default()
        }
    }

    fn decline(&mut self, offer: &v1::Offer) {
        if self.board.is_stopping() && !std::mem::replace(&mut self.quiet, true) {
            self.call(Call { suppress: Some(Default::default()), ..of_type(call::Type::Suppress) });
        }
        let decline = call::Decline {
            offer_ids: vec![offer.id.clone()],
            filters: filters(NEVER),
            ..Default::default()
        };
        self.call(Call { decline: Some(decline), ..of_type(call::Type::Decline) });
    }

    fn updated(&mut self, status: v1::TaskStatus) {
        match status.state {
            TaskState::TaskFinished => count(&self.board.finished),
            TaskState::TaskRunning => count(&self.board.running),
            _ => count(&self.board.lost),
        }
        let (Some(uuid), Some(agent_id)) = (status.uuid, status.agent_id) else { return };
        let acknowledge = call::Acknowledge { agent_id, task_id: status.task_id, uuid, ..Default::default() };
        self.call(Call { acknowledge: Some(acknowledge), ..of_type(call::Type::Acknowledge) });
    }

    fn call(&self, call: Call) {
        self.calls.append(&Call { framework_id: Some(self.id.clone()), ..call }.encode());
    }
}

/// The next accept that is due; never, where none is.
async fn due(load: &mut Load) -> Option<Instant> {
    match load {
        Load::Paced { due, .. } => due.recv().await,
        _ => std::future::pending().await,
    }
}

/// How many tasks fit.
fn room(resources: &[v1::Resource]) -> usize {
    let sum = |name: &str| -> f64 {
        let own = resources.iter().filter(|resource| resource.name == name);
        own.filter_map(|resource| resource.scalar.as_ref()).map(|scalar| scalar.value).sum()
    };
    // Mesos counts in thousandths.
    let fits = |name, part: f64| ((sum(name) + 0.0005) / part) as usize;
    fits("cpus", TASK_CPUS).min(fits("mem", TASK_MEM))
}

fn filters(refuse_seconds: f64) -> Option<v1::Filters> {
    Some(v1::Filters { refuse_seconds: Some(refuse_seconds), ..Default::default() })
}

fn of_type(r#type: call::Type) -> Call {
    Call { r#type: Some(r#type), ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_counted_in_thousandths() {
        assert_eq!(room(&[scalar("cpus", 0.3), scalar("mem", 1000.0)]), 3);
        assert_eq!(room(&[scalar("cpus", 10.0), scalar("mem", 63.0)]), 1);
        assert_eq!(room(&[scalar("cpus", 10.0)]), 0);
    }
}
