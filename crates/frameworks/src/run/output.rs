// SPDX-License-Identifier: Apache-2.0

//! What tasks have written.

mod fetch;
mod order;
mod print;

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

pub use fetch::{Fetched, Fetcher, Missing, Wish};
pub use print::Printer;

/// Bound: outputs that wait for their turn in memory; the rest waits on disk.
const MEMORY_MAX: usize = 32 * 1024 * 1024;

/// The output of one task.
#[derive(Debug)]
pub enum Output {
    Memory(Vec<u8>),
    /// In a file of ours, to be deleted when it has been printed.
    Spilled(PathBuf),
    /// There is none, or it stands where it was asked for.
    Nothing,
}

/// Fails if no file can be made in the folder, which is made itself where there is none.
pub fn try_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    let attempt = path.join(format!(".kaon-run.{}", std::process::id()));
    fs::File::create(&attempt)?;
    fs::remove_file(attempt)
}

/// A folder for what does not fit into memory; it is deleted when dropped.
#[derive(Debug)]
pub struct SpillFolder(PathBuf);

impl SpillFolder {
    pub fn create() -> io::Result<SpillFolder> {
        let base = std::env::temp_dir();
        let mut attempt = 0;
        loop {
            let path = base.join(format!("kaon-run.{}.{attempt}", std::process::id()));
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(SpillFolder(path)),
                // Left behind by an earlier process of the same id.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SpillFolder {
    fn drop(&mut self) {
        // What cannot be deleted lies in the system's folder for such things.
        drop(fs::remove_dir_all(&self.0));
    }
}
