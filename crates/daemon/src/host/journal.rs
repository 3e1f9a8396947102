// SPDX-License-Identifier: Apache-2.0

//! Writes an agent's facts into its work folder.
//!
//! Once written, a fact survives the death of the agent, since the kernel has it. Nothing is synced to the disk.
//!
//! Mesos: does likewise, with the same reason: after a loss of power nothing runs here any more, so that what the last
//! moments' facts told of is gone too. What must survive that, how a container ended, its supervisor syncs itself.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use kaon_agent::journal::FileOp;

use super::path::{below, fresh_name};
use super::trash::Trash;
use super::volumes;

/// How names end under which something is made before it takes its place.
pub(super) const UNFINISHED: &str = ".new";

/// A fact that could not be written.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot {what} '{path}': {error}. Nothing that depends on it was acknowledged, and tasks go on without the agent: \
     mend the disk and start the agent again"
)]
pub struct JournalError {
    what: &'static str,
    path: PathBuf,
    error: io::Error,
}

/// Makes changes in order. What is removed goes to `trash`, so that no fact waits for a disk to forget.
pub(super) fn perform(work_dir: &Path, trash: &Trash, batch: &[Vec<FileOp>]) -> Result<(), JournalError> {
    batch.iter().flatten().try_for_each(|op| {
        let (what, path, result) = match op {
            FileOp::Replace { path, bytes } => ("write", path, replace(work_dir, path, bytes)),
            FileOp::Append { path, bytes } => ("append to", path, append(work_dir, path, bytes)),
            FileOp::Symlink { path, target } => ("link", path, link(work_dir, path, target)),
            FileOp::Remove { path } => {
                ("remove", path, below(work_dir, path).and_then(|path| trash.put_away(&path)))
            }
            FileOp::Rename { from, to } => ("rename", from, rename(work_dir, from, to)),
            FileOp::MakeVolume { folder } => {
                ("make the volume", &folder.path, volumes::make(work_dir, folder))
            }
            FileOp::RemoveVolume { folder } => {
                ("remove the volume", &folder.path, volumes::remove(work_dir, trash, folder))
            }
        };
        result.map_err(|error| JournalError { what, path: work_dir.join(path), error })
    })
}

/// What is not there has its new name already.
fn rename(work_dir: &Path, from: &str, to: &str) -> io::Result<()> {
    match fs::rename(below(work_dir, from)?, below(work_dir, to)?) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn replace(work_dir: &Path, path: &str, bytes: &[u8]) -> io::Result<()> {
    let path = below(work_dir, path)?;
    // Facts hold the environments of tasks, which hold secrets.
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    in_place(&path, &path, |fresh| options.open(fresh)?.write_all(bytes))
}

/// The unfinished link lies one folder up: in its own, Mesos would take it for a run.
fn link(work_dir: &Path, path: &str, target: &str) -> io::Result<()> {
    let path = below(work_dir, path)?;
    let folder = path.parent().unwrap_or(work_dir);
    if !folder.is_dir() {
        fs::create_dir_all(folder)?;
    }
    in_place(&path, folder, |fresh| symlink(target, fresh))
}

/// Makes something new beside `neighbour`, and puts it at `path` in one step.
fn in_place(path: &Path, neighbour: &Path, make: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let fresh = neighbour.with_file_name(format!(".{name}.{}{UNFINISHED}", fresh_name()?));
    let made = with_parent(&fresh, || make(&fresh)).and_then(|()| fs::rename(&fresh, path));
    if made.is_err() {
        // That it could not be made is told; that its beginning stays is no worse.
        let _ = fs::remove_file(&fresh);
    }
    made
}

/// What is cut off by a full disk or a death in between is recognised, and cut off whole, by whoever reads it.
fn append(work_dir: &Path, path: &str, bytes: &[u8]) -> io::Result<()> {
    let path = below(work_dir, path)?;
    let open = || OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
    with_parent(&path, open)?.write_all(bytes)
}

/// Attempts something, and once more with the folder made if that was missing.
fn with_parent<T>(path: &Path, attempt: impl Fn() -> io::Result<T>) -> io::Result<T> {
    match attempt() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
            attempt()
        }
        result => result,
    }
}
