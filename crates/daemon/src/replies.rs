// SPDX-License-Identifier: Apache-2.0

//! The requests that wait for a core's reply, by their tickets.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

/// Bound: one for each open connection, since each waits for its answer before it asks again.
pub struct Replies<R> {
    last: AtomicU64,
    waiting: Mutex<BTreeMap<u64, oneshot::Sender<R>>>,
}

impl<R> Default for Replies<R> {
    fn default() -> Replies<R> {
        Replies { last: AtomicU64::new(0), waiting: Mutex::default() }
    }
}

impl<R> Replies<R> {
    /// A new ticket, and where its reply will come.
    pub fn ticket(&self) -> (u64, oneshot::Receiver<R>) {
        let ticket = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, reply) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(ticket, sender);
        (ticket, reply)
    }

    pub fn answer(&self, ticket: u64, reply: R) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&ticket);
        if let Some(waiting) = waiting {
            // Its client may have gone.
            let _ = waiting.send(reply);
        }
    }
}
