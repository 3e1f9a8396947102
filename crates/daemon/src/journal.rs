// SPDX-License-Identifier: Apache-2.0

//! Carries an agent's facts to its work directory, and back when it starts again.
//!
//! Each change is durable against the end of this process once it is made: the kernel has it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use kaon_agent::journal::FileOp;

/// Bound: what is read of one file when an agent starts; a larger one is damaged.
const FILE_MAX: u64 = 256 << 20;

#[derive(Debug, thiserror::Error)]
#[error("the agent's journal cannot be {done} at '{path}': {error}")]
pub struct JournalError {
    done: &'static str,
    path: PathBuf,
    error: io::Error,
}

/// The work directory of one agent.
#[derive(Clone, Debug)]
pub struct Journal {
    work_dir: PathBuf,
}

impl Journal {
    pub fn new(work_dir: &Path) -> Journal {
        Journal { work_dir: work_dir.to_owned() }
    }

    /// Makes changes in order.
    pub fn write(&self, batch: &[Vec<FileOp>]) -> Result<(), JournalError> {
        for op in batch.iter().flatten() {
            let (done, path) = match op {
                FileOp::Replace { path, .. } => ("written", path),
                FileOp::Append { path, .. } => ("extended", path),
                FileOp::Symlink { path, .. } => ("linked", path),
                FileOp::Remove { path } => ("removed", path),
            };
            let path = self.work_dir.join(path);
            self.apply(op, &path).map_err(|error| JournalError { done, path, error })?;
        }
        Ok(())
    }

    fn apply(&self, op: &FileOp, path: &Path) -> io::Result<()> {
        match op {
            FileOp::Replace { bytes, .. } => replace(path, |temporary| fs::write(temporary, bytes)),
            FileOp::Append { bytes, .. } => {
                let open = || OpenOptions::new().create(true).append(true).open(path);
                with_parent(path, open)?.write_all(bytes)
            }
            FileOp::Symlink { target, .. } => replace(path, |temporary| symlink(target, temporary)),
            FileOp::Remove { .. } => remove(path),
        }
    }

    /// Everything that the agent before this one wrote down: the files below `meta/` by their paths below the work
    /// directory. A symbolic link stands for its target's text.
    pub fn read(&self) -> Result<Vec<(String, Vec<u8>)>, JournalError> {
        let mut files = Vec::new();
        let meta = self.work_dir.join("meta");
        if meta.exists() {
            self.walk(&meta, &mut files)?;
        }
        Ok(files)
    }

    fn walk(&self, folder: &Path, files: &mut Vec<(String, Vec<u8>)>) -> Result<(), JournalError> {
        let failed = |error| JournalError { done: "read", path: folder.to_owned(), error };
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            let failed = |error| JournalError { done: "read", path: path.clone(), error };
            let kind = entry.file_type().map_err(failed)?;
            // Every name that an agent writes is text.
            let Some(name) = path.strip_prefix(&self.work_dir).ok().and_then(Path::to_str) else { continue };
            if kind.is_dir() {
                self.walk(&path, files)?;
            } else if kind.is_symlink() {
                let target = fs::read_link(&path).map_err(failed)?;
                files.push((name.to_owned(), target.into_os_string().into_encoded_bytes()));
            } else if kind.is_file() {
                files.push((name.to_owned(), read(&path).map_err(failed)?));
            }
        }
        Ok(())
    }
}

/// A file or folder, with all it holds; one that is not there is removed already.
pub fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > FILE_MAX {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is larger than {FILE_MAX} bytes"),
        ));
    }
    fs::read(path)
}

/// Makes something new in place of what is at `path`, in one step.
fn replace(path: &Path, make: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.new"));
    // Of an agent that was killed at this very point.
    remove(&temporary)?;
    with_parent(&temporary, || make(&temporary))?;
    fs::rename(&temporary, path)
}

/// Does something, and once more with the folder of `path` made, if that was missing.
fn with_parent<T>(path: &Path, attempt: impl Fn() -> io::Result<T>) -> io::Result<T> {
    match attempt() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
            attempt()
        }
        result => result,
    }
}
