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
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use kaon_agent::input::Input;
use kaon_agent::journal::{FileOp, VolumeFolder};
use tokio::sync::mpsc;

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

/// How long a full disk is left alone between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// Where facts are written, and whoever must know when there is no room for them.
pub(super) struct Journal {
    pub work_dir: PathBuf,
    /// What is removed goes here, so that no fact waits for a disk to forget.
    pub trash: Trash,
    pub inputs: mpsc::Sender<Input>,
    /// Whether the process is about to end, so that a full disk is waited for no more.
    pub closing: Arc<AtomicBool>,
}

impl Journal {
    /// Makes changes in order. A full disk is waited for: it may be cleared, and what runs here needs no disk to go on.
    pub fn perform(&self, batch: &[Vec<FileOp>]) -> Result<(), JournalError> {
        batch.iter().flatten().try_for_each(|op| {
            let mut is_full = false;
            loop {
                match make(&self.work_dir, &self.trash, op) {
                    Err(error) if error.is_want_of_space() && !self.closing.load(Ordering::Relaxed) => {
                        if !std::mem::replace(&mut is_full, true) {
                            self.tell(Some(format!(
                                "cannot {} '{}': {}",
                                error.what,
                                error.path.display(),
                                error.error
                            )));
                        }
                        self.pause();
                    }
                    result => {
                        if is_full {
                            self.tell(None);
                        }
                        return result;
                    }
                }
            }
        })
    }

    /// Nobody listens only when the process is about to end.
    fn tell(&self, problem: Option<String>) {
        drop(self.inputs.blocking_send(Input::Disk { problem }));
    }

    fn pause(&self) {
        let begun = Instant::now();
        while begun.elapsed() < PAUSE && !self.closing.load(Ordering::Relaxed) {
            sleep(PAUSE / 20);
        }
    }
}

impl JournalError {
    fn is_want_of_space(&self) -> bool {
        matches!(self.error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

fn make(work_dir: &Path, trash: &Trash, op: &FileOp) -> Result<(), JournalError> {
    let (what, path, result) = match op {
        FileOp::Replace { path, bytes } => ("write", path, replace(work_dir, path, bytes)),
        FileOp::Append { path, bytes } => ("append to", path, append(work_dir, path, bytes)),
        FileOp::Symlink { path, target } => ("link", path, link(work_dir, path, target)),
        FileOp::Remove { path } => {
            ("remove", path, below(work_dir, path).and_then(|path| trash.put_away(&path)))
        }
        FileOp::Rename { from, to } => ("rename", from, rename(work_dir, from, to)),
        FileOp::MakeVolume { folder } => {
            complain("make", work_dir, folder, volumes::make(work_dir, folder));
            return Ok(());
        }
        FileOp::RemoveVolume { folder } => {
            complain("remove", work_dir, folder, volumes::remove(work_dir, trash, folder));
            return Ok(());
        }
    };
    result.map_err(|error| JournalError { what, path: work_dir.join(path), error })
}

/// One sick disk of several takes neither the agent nor the facts of others with it. Who wants a volume that could not be
/// made is told that it is not there.
fn complain(what: &str, work_dir: &Path, folder: &VolumeFolder, result: io::Result<()>) {
    if let Err(error) = result {
        let path = volumes::place(work_dir, folder).unwrap_or_else(|_| PathBuf::from(&folder.path));
        tracing::error!(
            "Cannot {what} the persistent volume at '{}': {error}. Mend the disk, then destroy the volume and create it anew",
            path.display()
        );
    }
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
    // Without the name that it will have, which may be as long as a name can be.
    let fresh = neighbour.with_file_name(format!(".{}{UNFINISHED}", fresh_name()?));
    let made = with_parent(&fresh, || make(&fresh)).and_then(|()| fs::rename(&fresh, path));
    if made.is_err() {
        // That it could not be made is told; that its beginning stays is no worse.
        let _ = fs::remove_file(&fresh);
    }
    made
}

/// What is cut off by a death in between is recognised, and cut off whole, by whoever reads it.
fn append(work_dir: &Path, path: &str, bytes: &[u8]) -> io::Result<()> {
    let path = below(work_dir, path)?;
    let open = || OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
    let mut file = with_parent(&path, open)?;
    let before = file.metadata()?.len();
    file.write_all(bytes).inspect_err(|_| {
        // What follows must not stand behind half a record. Should this fail too, it is cut off like the above.
        let _ = file.set_len(before);
    })
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
