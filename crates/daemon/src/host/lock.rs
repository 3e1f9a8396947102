// SPDX-License-Identifier: Apache-2.0

//! The lock of a work folder: two agents in one would each undo what the other has written.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::{HostError, io_error};

const NAME: &str = "agent.lock";
/// How long to wait for an agent that is just being killed to let go.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often to try meanwhile.
const PAUSE: Duration = Duration::from_millis(20);

/// Makes the folder if need be, and locks it for as long as the file is held.
pub(super) fn lock(work_dir: &Path) -> Result<File, HostError> {
    fs::create_dir_all(work_dir).map_err(io_error("make", work_dir))?;
    let path = work_dir.join(NAME);
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true).mode(0o644);
    let mut file = options.open(&path).map_err(io_error("open", &path))?;
    let begun = Instant::now();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => break,
            Err(Errno::WOULDBLOCK) if begun.elapsed() < PATIENCE => sleep(PAUSE),
            Err(Errno::WOULDBLOCK) => {
                return Err(HostError::Locked { folder: work_dir.to_path_buf(), pid: holder(&file) });
            }
            Err(error) => return Err(io_error("lock", &path)(error.into())),
        }
    }
    let written = file.set_len(0).and_then(|()| file.write_all(std::process::id().to_string().as_bytes()));
    written.map_err(io_error("write", &path))?;
    Ok(file)
}

fn holder(file: &File) -> String {
    let mut text = String::new();
    // Only to tell people; without it, they still know what is wrong.
    match file.take(32).read_to_string(&mut text) {
        Ok(1..) => text,
        _ => "unknown".to_string(),
    }
}
