// SPDX-License-Identifier: Apache-2.0

//! The requests that wait for a core's reply, by their tickets.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

/// Bound: one for each open connection, since each waits for its answer before it asks again.
pub struct Replies<R> {
    last: AtomicU64,
    waiting: Mutex<Waiting<R>>,
}

struct Waiting<R> {
    by_ticket: BTreeMap<u64, oneshot::Sender<R>>,
    /// No reply will come any more.
    is_over: bool,
}

impl<R> Default for Replies<R> {
    fn default() -> Replies<R> {
        let waiting = Waiting { by_ticket: BTreeMap::new(), is_over: false };
        Replies { last: AtomicU64::new(0), waiting: Mutex::new(waiting) }
    }
}

impl<R> Replies<R> {
    /// A new ticket, and where its reply will come.
    pub fn ticket(&self) -> (u64, oneshot::Receiver<R>) {
        let ticket = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, reply) = oneshot::channel();
        let mut waiting = self.lock();
        if !waiting.is_over {
            waiting.by_ticket.insert(ticket, sender);
        }
        (ticket, reply)
    }

    pub fn answer(&self, ticket: u64, reply: R) {
        let waiting = self.lock().by_ticket.remove(&ticket);
        if let Some(waiting) = waiting {
            // Its client may have gone.
            let _ = waiting.send(reply);
        }
    }

    /// Whoever waits learns that no reply will come, and whoever asks from now on does so at once.
    pub fn end(&self) {
        let mut waiting = self.lock();
        waiting.is_over = true;
        waiting.by_ticket.clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting<R>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
