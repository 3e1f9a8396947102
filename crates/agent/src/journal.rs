// SPDX-License-Identifier: Apache-2.0

//! The durable facts of an agent, laid out as Mesos lays them out under `meta/`.
//!
//! A host can be taken over from Mesos in place, and given back: names and formats are Mesos's. What Mesos has no file
//! for stands in one file of ours for each run, `kaon.run`, which Mesos does not look at.

pub(crate) mod facts;
pub(crate) mod layout;
pub(crate) mod record;
mod recover;
pub(crate) mod run_file;

pub use recover::{
    CorruptJournal, Recovered, RecoveredExecutor, RecoveredFramework, RecoveredRun, RecoveredTask, recover,
};

/// One change on disk; paths lie below the work directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileOp {
    /// Makes the file hold exactly these bytes, or leaves it as it was; missing folders are made.
    Replace { path: String, bytes: Vec<u8> },
    /// Appends to a log.
    Append { path: String, bytes: Vec<u8> },
    /// Makes, or turns, a symbolic link.
    Symlink { path: String, target: String },
    /// Removes a file or a folder with all it holds.
    Remove { path: String },
}
