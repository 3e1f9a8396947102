// SPDX-License-Identifier: Apache-2.0

//! Where folders wait for their removal, which takes the disk its time.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Builder;

use super::path::fresh_name;
use super::removal::remove;
use super::{HostError, io_error};

/// Where they wait below the work folder.
const REMOVED: &str = ".removed";

/// Takes folders out of the way in one step, and has a thread remove them. Clones share the thread, which ends with the
/// last of them.
#[derive(Clone)]
pub(super) struct Trash {
    removed: PathBuf,
    garbage: Sender<PathBuf>,
}

impl Trash {
    /// Begins with the removal of what is left over from the last agent.
    pub(super) fn start(work_dir: &Path) -> Result<Trash, HostError> {
        let removed = work_dir.join(REMOVED);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&removed);
        made.map_err(io_error("make", &removed))?;
        let (garbage, collected) = channel();
        for entry in fs::read_dir(&removed).map_err(io_error("list", &removed))? {
            // Both ends are ours.
            let _ = garbage.send(entry.map_err(io_error("list", &removed))?.path());
        }
        let thread = Builder::new().name("collector".to_owned()).spawn(move || collect(&collected));
        thread.map_err(|error| HostError::Thread { name: "collector", error })?;
        Ok(Trash { removed, garbage })
    }

    /// The folder is gone when this returns; what is not there is gone already.
    pub(super) fn put_away(&self, path: &Path) -> io::Result<()> {
        let away = self.removed.join(fresh_name()?);
        match fs::rename(path, &away) {
            Ok(()) => {
                // The collector lives as long as this.
                let _ = self.garbage.send(away);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            // On another file system, it takes its time.
            Err(_) => remove(path),
        }
    }
}

fn collect(garbage: &Receiver<PathBuf>) {
    for path in garbage {
        if let Err(error) = remove(&path) {
            tracing::warn!(
                "Cannot remove '{}', which is tried again at the next start: {error}",
                path.display()
            );
        }
    }
}
