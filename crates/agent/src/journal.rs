// SPDX-License-Identifier: Apache-2.0

//! The durable facts of an agent, laid out as Mesos lays them out under `meta/`.
//!
//! A host can be taken over from Mesos in place, and given back: names and formats are Mesos's. What Mesos has no file
//! for stands in one file of ours for each run, `kaon.run`, which Mesos does not look at.

pub(crate) mod facts;
pub(crate) mod layout;
pub(crate) mod record;
mod recover;
pub(crate) mod resources;
pub(crate) mod run_file;
pub(crate) mod volume;

pub use recover::{
    CorruptJournal, Recovered, RecoveredExecutor, RecoveredFramework, RecoveredRun, RecoveredTask, recover,
};

pub use resources::RecoveredResources;
pub use volume::VolumeFolder;

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
    /// Gives a file another name, in place of what had it.
    Rename { from: String, to: String },
    /// Makes the folder of a persistent volume, empty unless it is there.
    MakeVolume { folder: VolumeFolder },
    /// Removes what a persistent volume holds, with its folder unless that is a disk.
    RemoveVolume { folder: VolumeFolder },
}
