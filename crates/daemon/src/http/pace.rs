// SPDX-License-Identifier: Apache-2.0

//! How fast a client must take what it asked for, since an answer stays in memory until it has.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// Bound: while an answer waits for its client, the client takes so much of it within its patience, or is left.
const TAKEN_MIN: usize = 1 << 20;

pub struct Pace {
    patience: Duration,
    /// Runs while the kernel takes no more for this client.
    end: Option<Pin<Box<Sleep>>>,
    /// Since `end` was set.
    taken: usize,
}

impl Pace {
    pub fn new(patience: Duration) -> Pace {
        Pace { patience, end: None, taken: 0 }
    }

    pub fn took(&mut self, bytes: usize) {
        self.taken += bytes;
    }

    /// All is written, or whoever writes it has bounds of its own.
    pub fn stop(&mut self) {
        self.end = None;
    }

    /// More is to be written than the client takes now; an error once it is too slow.
    pub fn wait(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let Pace { patience, end, taken } = self;
        let end = end.get_or_insert_with(|| {
            *taken = 0;
            Box::pin(sleep(*patience))
        });
        while end.as_mut().poll(context).is_ready() {
            if std::mem::take(taken) < TAKEN_MIN {
                return Err(io::Error::other("the client reads too slowly"));
            }
            end.as_mut().reset(Instant::now() + *patience);
        }
        Ok(())
    }
}
