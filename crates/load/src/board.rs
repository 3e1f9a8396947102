// SPDX-License-Identifier: Apache-2.0

//! What the emulated agents and frameworks have seen, all in one place.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use anyhow::{Result, anyhow};
use tokio::sync::Notify;

use crate::samples::Samples;

/// Counters and latencies of one run.
#[derive(Debug, Default)]
pub struct Board {
    /// Agents that were told that they are registered.
    pub registered: Cell<u64>,
    pub pings: Cell<u64>,
    /// Agents answer no pings any more.
    pub silent: Cell<bool>,
    pub subscribed: Cell<u64>,
    pub accepts: Cell<u64>,
    pub launched: Cell<u64>,
    /// Tasks that came to an agent.
    pub arrived: Cell<u64>,
    pub running: Cell<u64>,
    pub finished: Cell<u64>,
    /// Tasks that ended otherwise: there should be none.
    pub lost: Cell<u64>,
    /// Launches for which no offer was there when they were due.
    pub waited: Cell<u64>,
    /// From the moment at which an accept was due until its task is at the agent.
    pub to_agent: RefCell<Samples>,
    /// From the moment at which an agent tells that a task has ended until what it held is offered again.
    pub to_offer: RefCell<Samples>,
    /// No more tasks are launched.
    stopping: Cell<bool>,
    measuring: Cell<bool>,
    /// When the task of each number was due, where latency is measured.
    due: RefCell<Vec<Option<Instant>>>,
    /// By agent: when something of it became free that was not offered yet, and whether any of it was offered at all.
    agents: RefCell<Vec<(Option<Instant>, bool)>>,
    offered: Cell<u64>,
    /// The first offer since this was last looked for.
    pub first_offer: Cell<Option<Instant>>,
    /// The master is gone, and no other leads yet: that connections break is no failure.
    pub leaderless: Cell<bool>,
    failure: RefCell<Option<String>>,
    failed: Notify,
}

/// Adds one.
pub fn count(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}

impl Board {
    pub fn new(agents: usize) -> Board {
        Board { agents: RefCell::new(vec![(None, false); agents]), ..Board::default() }
    }

    /// Ends the run: what it measured means nothing any more.
    pub fn fail(&self, text: String) {
        if self.leaderless.get() {
            return;
        }
        self.failure.borrow_mut().get_or_insert(text);
        self.failed.notify_one();
    }

    /// Waits for a failure.
    pub async fn failure(&self) -> anyhow::Error {
        self.failed.notified().await;
        anyhow!(self.failure.borrow().clone().unwrap_or_default())
    }

    /// Does something unless the run fails meanwhile.
    pub async fn unless_failed<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        tokio::select! {
            done = work => Ok(done),
            error = self.failure() => Err(error),
        }
    }

    pub fn measure(&self, measuring: bool) {
        self.measuring.set(measuring);
    }

    pub fn stop(&self) {
        self.stopping.set(true);
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    /// The number of a new task. `due` is known where latency is measured.
    pub fn launch(&self, due: Option<Instant>) -> u64 {
        count(&self.launched);
        if due.is_some() {
            self.due.borrow_mut().push(due);
        }
        self.launched.get() - 1
    }

    /// The task of this number came to its agent.
    pub fn arrive(&self, number: u64) {
        count(&self.arrived);
        let due = usize::try_from(number).ok().and_then(|at| self.due.borrow().get(at).copied().flatten());
        if let Some(due) = due.filter(|_| self.measuring.get()) {
            self.to_agent.borrow_mut().add(due.elapsed());
        }
    }

    /// Something of this agent is free from now on.
    pub fn free(&self, agent: usize) {
        if let Some((freed, _)) = self.agents.borrow_mut().get_mut(agent) {
            freed.get_or_insert_with(Instant::now);
        }
    }

    /// Something of this agent is offered.
    pub fn offer(&self, agent: usize) {
        self.first_offer.set(self.first_offer.get().or_else(|| Some(Instant::now())));
        let mut agents = self.agents.borrow_mut();
        let Some((freed, seen)) = agents.get_mut(agent) else { return };
        if !std::mem::replace(seen, true) {
            count(&self.offered);
        }
        if let Some(freed) = freed.take().filter(|_| self.measuring.get()) {
            self.to_offer.borrow_mut().add(freed.elapsed());
        }
    }

    /// How many agents were offered at least once.
    pub fn agents_offered(&self) -> u64 {
        self.offered.get()
    }
}
