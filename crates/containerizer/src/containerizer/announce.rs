// SPDX-License-Identifier: Apache-2.0

//! How an agent takes over its runtime folder.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::{ContainerError, failed};
use crate::files::{self, agent};
use crate::process::Identity;

/// How long to wait for an agent that is just being killed to let go of its lock.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often to try meanwhile.
const PAUSE: Duration = Duration::from_millis(20);

/// Locks the folder, and writes down who we are. Returns the folder's real path, our identity and the lock.
pub(super) fn announce(folder: &Path) -> Result<(PathBuf, Identity, File), ContainerError> {
    // Only its owner enters: environments, which hold secrets, are written down below.
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o755).create(folder).map_err(failed("make", folder))?;
    // Supervisors run in the root directory: they need paths that mean the same there.
    let folder = fs::canonicalize(folder).map_err(failed("find", folder))?;
    let containers = folder.join(agent::CONTAINERS);
    builder.mode(0o700).create(&containers).map_err(failed("make", &containers))?;

    let lock = lock(&folder)?;
    let path = folder.join(agent::IDENTITY);
    let identity = Identity::current().map_err(failed("tell the identity of this process for", &path))?;
    files::json(&identity).and_then(|bytes| files::replace(&path, &bytes)).map_err(failed("write", &path))?;
    Ok((folder, identity, lock))
}

fn lock(folder: &Path) -> Result<File, ContainerError> {
    let path = folder.join(agent::LOCK);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(failed("open", &path))?;
    let begun = Instant::now();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) if begun.elapsed() < PATIENCE => sleep(PAUSE),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let holder = files::read_json::<Identity>(&folder.join(agent::IDENTITY)).ok().flatten();
                let pid = holder.map_or("unknown".into(), |holder| holder.pid.to_string());
                return Err(ContainerError::Locked { folder: folder.to_path_buf(), pid });
            }
            Err(error) => return Err(failed("lock", &path)(error.into())),
        }
    }
}
