// SPDX-License-Identifier: Apache-2.0

//! The thread that writes the registry.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

use super::{Entry, Store, StoreError};

/// Bound: entries written by one commit.
const BATCH_MAX: usize = 4096;

/// Hands entries to the thread. Dropping it ends the thread after what was handed over.
pub struct Writer<K> {
    entries: Option<Sender<(K, Entry)>>,
    thread: Option<JoinHandle<()>>,
}

impl<K: Send + 'static> Writer<K> {
    /// What waits is written by one commit, and then each key told by `stored`. After `failed`, nothing more is
    /// written: whether the last commit reached the disk is not known, so a process that went on could contradict itself.
    pub fn spawn(
        mut store: Box<dyn Store>,
        mut stored: impl FnMut(K) + Send + 'static,
        failed: impl FnOnce(StoreError) + Send + 'static,
    ) -> io::Result<Writer<K>> {
        let (entries, queue) = channel();
        let thread = Builder::new().name("registry".to_owned()).spawn(move || {
            while let Some((keys, batch)) = take(&queue) {
                if let Err(error) = store.append(&batch) {
                    return failed(error);
                }
                keys.into_iter().for_each(&mut stored);
            }
        })?;
        Ok(Writer { entries: Some(entries), thread: Some(thread) })
    }

    /// Never waits. The number of entries under way is bounded by the core, which waits for each change it asks for.
    pub fn append(&self, key: K, entry: Entry) {
        if let Some(entries) = &self.entries {
            // The thread has ended only after a failure, which has been told.
            let _ = entries.send((key, entry));
        }
    }
}

/// Waits for an entry, and takes all others that wait too.
fn take<K>(queue: &Receiver<(K, Entry)>) -> Option<(Vec<K>, Vec<Entry>)> {
    let first = queue.recv().ok()?;
    Some(std::iter::once(first).chain(queue.try_iter()).take(BATCH_MAX).unzip())
}

impl<K> Drop for Writer<K> {
    fn drop(&mut self) {
        self.entries = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so itself.
            let _ = thread.join();
        }
    }
}
