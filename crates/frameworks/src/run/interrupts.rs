// SPDX-License-Identifier: Apache-2.0

//! Ctrl-C, and the polite way to end a process: the first ends the job in order, the second leaves at once.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Bound: how long a job that is interrupted may take to end; a little more than what its tasks may take.
const ENDING_MAX: Duration = Duration::from_secs(12);
/// Bound: how long a master that does not answer is asked to end the framework, after the first interrupt and after the
/// second.
const TEARDOWN_MAX: Duration = Duration::from_secs(5);
const LAST_TEARDOWN_MAX: Duration = Duration::from_secs(1);

/// Counts them, whatever else is waited for.
#[derive(Clone, Debug)]
pub struct Interrupts(watch::Receiver<u32>);

impl Interrupts {
    pub fn listen() -> io::Result<Interrupts> {
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let (count, counted) = watch::channel(0);
        tokio::spawn(count_all(interrupt, terminate, count));
        Ok(Interrupts(counted))
    }

    /// Waits until there have been so many.
    pub async fn heard(&self, count: u32) {
        if self.0.clone().wait_for(|heard| *heard >= count).await.is_err() {
            // It counts for as long as the runtime lives.
            std::future::pending().await
        }
    }

    /// Waits until nobody wants to wait for the end of the tasks any longer.
    pub async fn cut_off(&self) {
        self.heard(1).await;
        drop(timeout(ENDING_MAX, self.heard(2)).await);
    }

    /// Waits until nobody wants to wait for the master any longer.
    pub async fn teardown_cut_off(&self) {
        self.heard(1).await;
        drop(timeout(TEARDOWN_MAX - LAST_TEARDOWN_MAX, self.heard(2)).await);
        sleep(LAST_TEARDOWN_MAX).await;
    }
}

async fn count_all(mut interrupt: Signal, mut terminate: Signal, count: watch::Sender<u32>) {
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        count.send_modify(|count| *count = count.saturating_add(1));
    }
}

/// Waits for the second interrupt. Meant for a thread of its own, where everything else may be blocked.
pub async fn second() -> io::Result<()> {
    Interrupts::listen()?.heard(2).await;
    Ok(())
}
