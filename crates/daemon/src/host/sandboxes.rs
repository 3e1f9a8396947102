// SPDX-License-Identifier: Apache-2.0

//! Makes sandboxes, and removes them.
//!
//! Both are done by one thread, in the order in which they were ordered: what is removed may lie around what is
//! launched next. The removal itself, which can take long, is done elsewhere: a folder is only moved out of the way here.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Builder;

use kaon_agent::effect::Mount;
use kaon_containerizer::Sandbox;
use kaon_containerizer::id::check_component;
use kaon_containerizer::user::Credentials;
use rustix::fs::OFlags;
use tokio::sync::oneshot;

use super::HostError;
use super::path::below;
use super::trash::Trash;
use super::volumes;

/// Mesos: nobody but its user and group looks inside a sandbox.
const SANDBOX_MODE: u32 = 0o750;
/// All may pass through a folder around the sandboxes of several users; none but the agent's looks around there.
const PASSAGE_MODE: u32 = 0o711;

enum Job {
    Make { wanted: Wanted, done: oneshot::Sender<Result<PathBuf, String>> },
    Remove { path: String },
}

/// A sandbox that is wanted.
pub(super) struct Wanted {
    /// Below the work folder.
    pub path: String,
    pub user: Option<String>,
    pub volumes: Vec<Mount>,
}

/// Hands jobs to the thread, which ends when this is dropped.
pub(super) struct Sandboxes {
    /// Bound: removals are ordered one by one as sandboxes grow old; makings wait here at most once for each launch.
    jobs: Sender<Job>,
}

impl Sandboxes {
    pub(super) fn start(work_dir: PathBuf, trash: Trash) -> Result<Sandboxes, HostError> {
        let (jobs, queue) = channel();
        let work = move || Keeper { work_dir, trash }.work(&queue);
        let thread = Builder::new().name("sandboxes".to_owned()).spawn(work);
        thread.map_err(|error| HostError::Thread { name: "sandboxes", error })?;
        Ok(Sandboxes { jobs })
    }

    /// Makes a sandbox with the ways to its volumes; the error is a text for the task's status.
    pub(super) async fn make(&self, wanted: Wanted) -> Result<PathBuf, String> {
        let (done, made) = oneshot::channel();
        let gone = || "The agent is ending".to_string();
        self.jobs.send(Job::Make { wanted, done }).map_err(|_| gone())?;
        made.await.map_err(|_| gone())?
    }

    pub(super) fn remove(&self, path: &str) {
        // The thread ends only with this.
        let _ = self.jobs.send(Job::Remove { path: path.to_owned() });
    }
}

struct Keeper {
    work_dir: PathBuf,
    trash: Trash,
}

impl Keeper {
    fn work(&self, queue: &Receiver<Job>) {
        for job in queue {
            match job {
                Job::Make { wanted, done } => {
                    // Who asked may have changed their mind; then it is removed like any other.
                    let _ = done.send(make_with_volumes(&self.work_dir, &wanted));
                }
                Job::Remove { path } => {
                    let removed = below(&self.work_dir, &path).and_then(|path| self.trash.put_away(&path));
                    if let Err(error) = removed {
                        tracing::warn!("Cannot remove '{path}' below the work folder: {error}");
                    }
                }
            }
        }
    }
}

fn make_with_volumes(work_dir: &Path, wanted: &Wanted) -> Result<PathBuf, String> {
    let sandbox = make(work_dir, &wanted.path, wanted.user.as_deref())?;
    let user = wanted.user.as_deref().filter(|_| !wanted.volumes.is_empty());
    let user = user.map(Credentials::of).transpose().map_err(|error| error.to_string())?;
    for mount in &wanted.volumes {
        volumes::mount(work_dir, &sandbox, mount, user.as_ref())?;
    }
    Ok(sandbox)
}

fn make(work_dir: &Path, path: &str, user: Option<&str>) -> Result<PathBuf, String> {
    if let Some(sandbox) = Sandbox::parse(path) {
        return sandbox.create(work_dir, user).map_err(|error| error.to_string());
    }
    let parts = path.rsplit_once("/containers/");
    let outer = parts.and_then(|(outer, id)| Some((Sandbox::parse(outer)?, id)));
    let Some((outer, id)) = outer else {
        return Err(format!("'{}' is not the path of a sandbox", path.escape_debug()));
    };
    check_component("the container id", id).map_err(|error| error.to_string())?;
    make_nested(work_dir, &outer, id, user)
}

/// The sandbox of a task of a group, within that of its executor. That one belongs to the agent, as no process runs in it.
fn make_nested(
    work_dir: &Path,
    outer: &Sandbox<'_>,
    id: &str,
    user: Option<&str>,
) -> Result<PathBuf, String> {
    let owner = user.map(Credentials::of).transpose().map_err(|error| error.to_string())?;
    let around = outer.path(work_dir).map_err(|error| error.to_string())?;
    let failed =
        |path: &Path, error: io::Error| format!("cannot make the folder '{}': {error}", path.display());
    if !around.is_dir() {
        outer.create(work_dir, None).map_err(|error| error.to_string())?;
        let opened = fs::set_permissions(&around, Permissions::from_mode(PASSAGE_MODE));
        opened.map_err(|error| failed(&around, error))?;
    }
    let containers = around.join("containers");
    match make_folder(&containers, PASSAGE_MODE, None) {
        // Of the group's first task. A link would lead elsewhere.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_folder(&containers) => {}
        made => made.map_err(|error| failed(&containers, error))?,
    }
    let sandbox = containers.join(id);
    make_folder(&sandbox, SANDBOX_MODE, owner.as_ref()).map_err(|error| failed(&sandbox, error))?;
    Ok(sandbox)
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

fn make_folder(path: &Path, mode: u32, owner: Option<&Credentials>) -> io::Result<()> {
    DirBuilder::new().mode(mode).create(path)?;
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW;
    let folder: File = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)?;
    if let Some(owner) = owner {
        fchown(&folder, Some(owner.uid), Some(owner.gid))?;
    }
    // Not left to the agent's umask.
    folder.set_permissions(Permissions::from_mode(mode))
}
