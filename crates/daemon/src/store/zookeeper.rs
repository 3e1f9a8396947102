// SPDX-License-Identifier: Apache-2.0

//! A registry in ZooKeeper, for masters of which one leads.
//!
//! One node, the head, says which others count: `log.N` hold the records one after another, cut where a node is full,
//! and `snapshot.N.P` the parts of a snapshot. What the head does not name was never acknowledged.
//!
//! Invariant: each write is one transaction with a look at the master's own candidacy, which ends with its session, so
//! a deposed master writes nothing. Its last step moves the head on from the version that this master knows.

mod head;

use std::path::PathBuf;

use tokio::runtime::Handle;
use zookeeper_client::{Acls, Client, CreateMode, Error, MultiWriteError, Stat};

use super::{Contents, Entry, Store, StoreError, seal, unseal};
use head::{Head, Snapshot};

/// Mesos: takes children of the path whose name ends in `_` and a number for candidates, so ours has none; it sorts
/// after theirs.
const NAME: &str = "kaon.registry";
/// Bound: bytes of one node; ZooKeeper takes requests of just under 1 MiB.
const NODE_MAX: usize = 512 * 1024;
/// Bound: nodes that are asked for before the first answer; together they take 32 MiB at most.
const ASKED_AT_ONCE: usize = 64;
/// Bound: nodes removed by one request.
const REMOVED_AT_ONCE: usize = 200;

/// The registry below the path where masters stand for election.
pub struct ZooKeeperStore {
    client: Client,
    runtime: Handle,
    acls: Acls<'static>,
    /// The head's path, below which all others lie.
    path: String,
    /// The path of the node by which this master leads.
    candidate: String,
    head: Head,
    /// The version of the head's node.
    version: i32,
    /// Whether what deposed masters left unfinished is cleared away. That waits for the first write, so that a registry
    /// that cannot be read stays as it is.
    swept: bool,
}

impl ZooKeeperStore {
    /// Opens the registry of a master that has just been elected, or makes an empty one. Blocks, so it must not be called
    /// on a thread of the runtime.
    pub fn open(
        client: Client,
        runtime: Handle,
        parent: &str,
        candidate: &str,
        acls: Acls<'static>,
    ) -> Result<ZooKeeperStore, StoreError> {
        let path = format!("{parent}/{NAME}");
        let candidate = format!("{parent}/{candidate}");
        let mut store = ZooKeeperStore {
            client,
            runtime,
            acls,
            path,
            candidate,
            head: Head::default(),
            version: 0,
            swept: false,
        };
        match store.runtime.block_on(store.client.get_data(&store.path)) {
            Ok((data, stat)) => {
                store.head = Head::parse(&data).map_err(|error| error.at(store.place()))?;
                store.version = stat.version;
            }
            Err(Error::NoNode) => store.create()?,
            Err(error) => return Err(store.failed("read", error)),
        }
        Ok(store)
    }

    /// What a registry holds, if there is one, without taking it over. Blocks.
    pub fn read(client: Client, runtime: Handle, parent: &str) -> Result<Option<Contents>, StoreError> {
        let path = format!("{parent}/{NAME}");
        let acls = Acls::anyone_all();
        let mut store = ZooKeeperStore {
            client,
            runtime,
            acls,
            path,
            candidate: String::new(),
            head: Head::default(),
            version: 0,
            swept: false,
        };
        let (data, _) = match store.runtime.block_on(store.client.get_data(&store.path)) {
            Err(Error::NoNode) => return Ok(None),
            read => read.map_err(|error| store.failed("read", error))?,
        };
        store.head = Head::parse(&data).map_err(|error| error.at(store.place()))?;
        store.load().map(Some)
    }

    fn create(&self) -> Result<(), StoreError> {
        let mut write = self.client.new_multi_writer();
        let made = write
            .add_check_version(&self.candidate, 0)
            .and_then(|()| write.add_create(&self.path, self.head.to_string().as_bytes(), &self.options()));
        made.map_err(|error| self.failed("created", error))?;
        self.runtime.block_on(write.commit()).map(drop).map_err(|error| self.judge("created", error))
    }

    fn options(&self) -> zookeeper_client::CreateOptions<'static> {
        CreateMode::Persistent.with_acls(self.acls)
    }

    /// Removes what the head does not name: what was replaced, and what a master wrote that was deposed meanwhile.
    fn sweep(&self) -> Result<(), StoreError> {
        let listed = self.runtime.block_on(self.client.list_children(&self.path));
        let names = listed.map_err(|error| self.failed("listed", error))?;
        let unnamed: Vec<String> = names.into_iter().filter(|name| !self.head.names(name)).collect();
        for names in unnamed.chunks(REMOVED_AT_ONCE) {
            let mut write = self.client.new_multi_writer();
            let mut ask = write.add_check_version(&self.candidate, 0);
            for name in names {
                ask = ask.and_then(|()| write.add_delete(&format!("{}/{name}", self.path), None));
            }
            ask.map_err(|error| self.failed("cleared", error))?;
            self.runtime.block_on(write.commit()).map_err(|error| self.judge("cleared", error))?;
        }
        Ok(())
    }

    /// Makes a node that counts only once the head names it.
    fn put(&self, name: &str, data: &[u8]) -> Result<(), StoreError> {
        let path = format!("{}/{name}", self.path);
        let mut write = self.client.new_multi_writer();
        let ask = write
            .add_check_version(&self.candidate, 0)
            .and_then(|()| write.add_create(&path, data, &self.options()));
        ask.map_err(|error| self.failed("written", error))?;
        self.runtime.block_on(write.commit()).map(drop).map_err(|error| self.judge("written", error))
    }

    /// Makes the last node of a write with the head that names it.
    fn commit(&mut self, head: Head, last: Option<(String, &[u8])>) -> Result<(), StoreError> {
        let mut write = self.client.new_multi_writer();
        let mut ask = write
            .add_check_version(&self.candidate, 0)
            .and_then(|()| write.add_set_data(&self.path, head.to_string().as_bytes(), Some(self.version)));
        if let Some((name, data)) = last {
            let path = format!("{}/{name}", self.path);
            ask = ask.and_then(|()| write.add_create(&path, data, &self.options()));
        }
        ask.map_err(|error| self.failed("written", error))?;
        self.runtime.block_on(write.commit()).map_err(|error| self.judge("written", error))?;
        self.head = head;
        self.version += 1;
        Ok(())
    }

    fn got(&self, name: &str, answer: Result<(Vec<u8>, Stat), Error>) -> Result<Vec<u8>, StoreError> {
        match answer {
            Ok((data, _)) => Ok(data),
            Err(Error::NoNode) => Err(self.damaged(format!("'{name}' is missing"))),
            Err(error) => Err(self.failed("read", error)),
        }
    }

    fn place(&self) -> PathBuf {
        PathBuf::from(&self.path)
    }

    fn failed(&self, done: &'static str, error: impl std::fmt::Display) -> StoreError {
        StoreError::Failed { path: self.place(), done, reason: error.to_string() }
    }

    /// What a transaction that was not carried out says of this master.
    fn judge(&self, done: &'static str, error: MultiWriteError) -> StoreError {
        match error {
            // The candidacy is gone, or the head has moved.
            MultiWriteError::OperationFailed { source: Error::NoNode | Error::BadVersion, .. } => {
                StoreError::Deposed(self.place())
            }
            MultiWriteError::OperationFailed { source, .. } => self.failed(done, source),
            MultiWriteError::RequestFailed { source } => self.failed(done, source),
        }
    }

    fn damaged(&self, what: String) -> StoreError {
        StoreError::Damaged { path: self.place(), what }
    }
}

impl Store for ZooKeeperStore {
    fn load(&self) -> Result<Contents, StoreError> {
        let joined = |names: Vec<String>| -> Result<Vec<u8>, StoreError> {
            let mut whole = Vec::new();
            for names in names.chunks(ASKED_AT_ONCE) {
                // All are asked for before the first answer is waited for.
                let asked = names.iter().map(|name| self.client.get_data(&format!("{}/{name}", self.path)));
                for (name, asked) in names.iter().zip(asked.collect::<Vec<_>>()) {
                    whole.extend(self.got(name, self.runtime.block_on(asked))?);
                }
            }
            Ok(whole)
        };
        let snapshot = match self.head.snapshot {
            None => None,
            Some(snapshot) => {
                let sealed = joined(snapshot.parts().collect())?;
                let body = unseal(&sealed)
                    .ok_or_else(|| self.damaged("the checksum of its snapshot does not fit".into()))?;
                Some(body.to_vec())
            }
        };
        let log = joined(self.head.log().collect())?;
        let records =
            split(&log).ok_or_else(|| self.damaged("the checksum of a record does not fit".into()))?;
        Ok(Contents { snapshot, records })
    }

    fn append(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        if !self.swept {
            self.sweep()?;
            self.swept = true;
        }
        let mut head = self.head;
        // The last snapshot stands for all records up to its own.
        let cut = entries.iter().rposition(|entry| entry.snapshot.is_some());
        if let Some(snapshot) = cut.and_then(|at| entries[at].snapshot.as_ref()) {
            let sealed = seal(snapshot);
            let parts: Vec<&[u8]> = sealed.chunks(NODE_MAX).collect();
            // A number of its own, which no snapshot had before.
            head.last += 1;
            let written = Snapshot { number: head.last, parts: parts.len() };
            for (name, part) in written.parts().zip(parts) {
                self.put(&name, part)?;
            }
            head.first = head.last + 1;
            head.snapshot = Some(written);
        }
        let records = &entries[cut.map_or(0, |at| at + 1)..];
        let frames = records.iter().flat_map(|entry| frame(&entry.record)).collect::<Vec<u8>>();
        let mut nodes = Vec::new();
        for data in frames.chunks(NODE_MAX) {
            head.last += 1;
            nodes.push((head::log_name(head.last), data));
        }
        let last = nodes.pop();
        for (name, data) in nodes {
            self.put(&name, data)?;
        }
        self.commit(head, last)?;
        if cut.is_some() {
            // It is written; what cannot be cleared away now, a later master clears.
            let _ = self.sweep();
        }
        Ok(())
    }
}

/// A record with its length and its checksum.
fn frame(record: &[u8]) -> Vec<u8> {
    let sealed = seal(record);
    let length = u32::try_from(sealed.len()).expect("a record holds what one batch of messages brought");
    [&length.to_be_bytes(), sealed.as_slice()].concat()
}

/// The records that were joined, or none where they do not fit their checksums.
fn split(mut log: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut records = Vec::new();
    while !log.is_empty() {
        let (length, rest) = log.split_first_chunk::<4>()?;
        let (sealed, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        records.push(unseal(sealed)?.to_vec());
        log = rest;
    }
    Some(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_apart_as_they_were_joined() {
        let records = vec![b"one".to_vec(), Vec::new(), vec![7; 1000]];
        let log: Vec<u8> = records.iter().flat_map(|record| frame(record)).collect();
        assert_eq!(split(&log), Some(records));
        for cut in 1..log.len() {
            let whole = split(&log[..cut]);
            assert!(whole.is_none_or(|records| records.len() < 3), "cut at {cut}");
        }
        for at in 0..log.len() {
            let mut log = log.clone();
            log[at] ^= 1;
            assert_eq!(split(&log), None, "flipped at {at}");
        }
    }
}
