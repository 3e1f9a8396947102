// SPDX-License-Identifier: Apache-2.0

//! Keeps a master's registry: a log of records, cut now and then by a snapshot.
//!
//! What a record says is the core's business. A store keeps records in order, and has them on disk before it says so.

mod file;
mod memory;
mod zookeeper;

use std::path::PathBuf;

pub use file::FileStore;
pub use memory::MemoryStore;
pub use zookeeper::ZooKeeperStore;

/// A record to append, and what may stand for all records up to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub record: Vec<u8>,
    pub snapshot: Option<Vec<u8>>,
}

/// What a store held when it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    pub snapshot: Option<Vec<u8>>,
    /// The records after the snapshot, oldest first.
    pub records: Vec<Vec<u8>>,
}

/// A place for the registry.
pub trait Store: Send {
    /// Everything that was acknowledged, and nothing else.
    fn load(&self) -> Result<Contents, StoreError>;
    /// Appends all of these or none; they are durable when it returns.
    fn append(&mut self, entries: &[Entry]) -> Result<(), StoreError>;
}

/// Why the registry cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "the registry '{path}' cannot be opened: {reason}; is it another program's file, or is a master using it?"
    )]
    Open { path: PathBuf, reason: String },
    #[error("'{0}' is a database, but not the registry of a master; give this master another --work_dir")]
    Foreign(PathBuf),
    #[error(
        "the registry '{path}' has format {found}, and this version knows formats up to {known}; use the newer version"
    )]
    Newer { path: PathBuf, found: u64, known: u64 },
    #[error("the registry '{path}' is damaged: {what}; restore it from a copy")]
    Damaged { path: PathBuf, what: String },
    #[error("the registry '{0}' is another master's by now: this one was deposed")]
    Deposed(PathBuf),
    #[error("this master may lead no longer, so it writes nothing to its registry")]
    Lapsed,
    #[error("the registry '{path}' cannot be {done}: {reason}")]
    Failed { path: PathBuf, done: &'static str, reason: String },
}

const CHECKSUM: usize = 4;

fn checksum(body: &[u8]) -> [u8; CHECKSUM] {
    let mut crc = flate2::Crc::new();
    crc.update(body);
    crc.sum().to_be_bytes()
}

/// Puts a checksum before the bytes, which finds a disk that has changed what it was given.
fn seal(body: &[u8]) -> Vec<u8> {
    [&checksum(body), body].concat()
}

fn unseal(sealed: &[u8]) -> Option<&[u8]> {
    let (sum, body) = sealed.split_at_checked(CHECKSUM)?;
    (sum == checksum(body)).then_some(body)
}
