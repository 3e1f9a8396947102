// SPDX-License-Identifier: Apache-2.0

//! A thread that writes to a disk, so that no loop ever waits for one.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

/// Bound: entries written at once.
const BATCH_MAX: usize = 4096;

/// Hands entries of type `T`, named by `K`, to the thread. Dropping it ends the thread after what was handed over.
pub struct Writer<K, T> {
    entries: Option<Sender<(K, T)>>,
    thread: Option<JoinHandle<()>>,
}

impl<K: Send + 'static, T: Send + 'static> Writer<K, T> {
    /// What waits is given to `write` together, and then each key told by `written`. After `failed`, nothing more is
    /// written: what reached the disk is not known, so a process that went on could contradict itself.
    pub fn spawn<E>(
        name: &str,
        mut write: impl FnMut(&[T]) -> Result<(), E> + Send + 'static,
        mut written: impl FnMut(K) + Send + 'static,
        failed: impl FnOnce(E) + Send + 'static,
    ) -> io::Result<Writer<K, T>> {
        let (entries, queue) = channel();
        let thread = Builder::new().name(name.to_owned()).spawn(move || {
            while let Some((keys, batch)) = take(&queue) {
                if let Err(error) = write(&batch) {
                    return failed(error);
                }
                keys.into_iter().for_each(&mut written);
            }
        })?;
        Ok(Writer { entries: Some(entries), thread: Some(thread) })
    }

    /// Never waits. How many entries are under way is bounded by the cores, which wait for what they have written.
    pub fn append(&self, key: K, entry: T) {
        if let Some(entries) = &self.entries {
            // The thread has ended only after a failure, which has been told.
            let _ = entries.send((key, entry));
        }
    }
}

/// Waits for an entry, and takes all others that wait too.
fn take<K, T>(queue: &Receiver<(K, T)>) -> Option<(Vec<K>, Vec<T>)> {
    let first = queue.recv().ok()?;
    Some(std::iter::once(first).chain(queue.try_iter()).take(BATCH_MAX).unzip())
}

impl<K, T> Drop for Writer<K, T> {
    fn drop(&mut self) {
        self.entries = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so itself.
            let _ = thread.join();
        }
    }
}
