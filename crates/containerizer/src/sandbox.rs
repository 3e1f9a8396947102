// SPDX-License-Identifier: Apache-2.0

//! The directory of one run of one executor.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Uid, fchown};
use thiserror::Error;

use crate::id::{InvalidName, check_component};
use crate::user::{Credentials, UserError};

/// Mesos: its agent's mode for a sandbox since 1.9; nobody but its user and group looks inside.
const MODE: u32 = 0o750;

/// Why a sandbox could not be made.
#[derive(Debug, Error)]
pub enum SandboxError {
    /// An id cannot name a directory.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The account is unknown.
    #[error("the sandbox cannot be given to its user: {0}")]
    User(#[from] UserError),
    /// The system refused.
    #[error("cannot {what} '{path}': {error}")]
    Io {
        /// What was attempted.
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// Whose sandbox: the four ids that are its path.
///
/// Mesos: `<work_dir>/slaves/<agent>/frameworks/<framework>/executors/<executor>/runs/<container>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sandbox<'a> {
    /// The agent's id.
    pub agent: &'a str,
    /// The framework's id.
    pub framework: &'a str,
    /// The executor's id.
    pub executor: &'a str,
    /// The run.
    pub container: &'a str,
}

impl<'a> Sandbox<'a> {
    /// From its path below the work directory, as [`path`](Self::path) makes it.
    pub fn parse(relative: &'a str) -> Option<Sandbox<'a>> {
        let parts: Vec<&str> = relative.split('/').collect();
        match parts[..] {
            ["slaves", agent, "frameworks", framework, "executors", executor, "runs", container] => {
                Some(Sandbox { agent, framework, executor, container })
            }
            _ => None,
        }
    }

    /// Its path below `work_dir`, whether it exists or not.
    pub fn path(&self, work_dir: &Path) -> Result<PathBuf, SandboxError> {
        check_component("the agent id", self.agent)?;
        check_component("the framework id", self.framework)?;
        check_component("the executor id", self.executor)?;
        check_component("the container id", self.container)?;
        let mut path = work_dir.join("slaves").join(self.agent);
        path.extend(["frameworks", self.framework, "executors", self.executor, "runs", self.container]);
        Ok(path)
    }

    /// Makes it, empty, for the account `user` (or our own), and points the links named `latest` at it.
    pub fn create(&self, work_dir: &Path, user: Option<&str>) -> Result<PathBuf, SandboxError> {
        let owner = user.map(Credentials::of).transpose()?;
        let path = self.path(work_dir)?;
        let agent = work_dir.join("slaves").join(self.agent);
        let runs = path.parent().unwrap_or(work_dir);

        make_all(runs).map_err(failed("make", runs))?;
        DirBuilder::new().mode(MODE).create(&path).map_err(failed("make", &path))?;
        hand_over(&path, owner.as_ref()).map_err(failed("set owner and mode of", &path))?;
        for directory in [agent.as_path(), path.as_path()] {
            let link = directory.with_file_name("latest");
            point(&link, directory, self.container).map_err(failed("link", &link))?;
        }
        Ok(path)
    }
}

/// Makes what is missing of `path`, open to all who may pass: tasks run as many users.
fn make_all(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_all(parent)?;
    }
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // Not left to the agent's umask, which may shut the task out of its own sandbox.
        made => made.and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755))),
    }
}

fn hand_over(path: &Path, owner: Option<&Credentials>) -> io::Result<()> {
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
    let directory: File = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if let Some(owner) = owner {
        fchown(&directory, Some(Uid::from_raw(owner.uid)), Some(Gid::from_raw(owner.gid)))?;
    }
    directory.set_permissions(fs::Permissions::from_mode(MODE))
}

/// Makes `link` point at `target`, whatever it pointed at before, and never be missing meanwhile.
fn point(link: &Path, target: &Path, run: &str) -> io::Result<()> {
    if fs::read_link(link).is_ok_and(|old| old == target) {
        return Ok(());
    }
    // Of this run's own name, since runs of several executors are made at once.
    let temporary = link.with_file_name(format!(".latest.{run}"));
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::os::unix::fs::symlink(target, &temporary)?;
    fs::rename(&temporary, link)
}

fn failed<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> SandboxError + 'a {
    move |error| SandboxError::Io { what, path: path.to_path_buf(), error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_that_of_mesos_and_stays_below_the_work_dir() {
        let sandbox = Sandbox { agent: "a-S0", framework: "f-0001", executor: "e", container: "c" };
        let path = sandbox.path(Path::new("/w")).expect("valid");
        assert_eq!(path, Path::new("/w/slaves/a-S0/frameworks/f-0001/executors/e/runs/c"));
        assert_eq!(Sandbox::parse("slaves/a-S0/frameworks/f-0001/executors/e/runs/c"), Some(sandbox));
        for bad in
            ["slaves/a/frameworks/f/executors/e/runs/c/d", "/slaves/a/frameworks/f/executors/e/runs/c", ""]
        {
            assert_eq!(Sandbox::parse(bad), None, "{bad}");
        }
        for bad in ["..", "a/b", ""] {
            assert!(Sandbox { executor: bad, ..sandbox }.path(Path::new("/w")).is_err());
            assert!(Sandbox { framework: bad, ..sandbox }.path(Path::new("/w")).is_err());
            assert!(Sandbox { container: bad, ..sandbox }.path(Path::new("/w")).is_err());
            assert!(Sandbox { agent: bad, ..sandbox }.path(Path::new("/w")).is_err());
        }
    }
}
