// SPDX-License-Identifier: Apache-2.0

//! The folders of persistent volumes, with the links that lead to them from sandboxes.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use kaon_agent::effect::Mount;
use kaon_agent::journal::VolumeFolder;
use kaon_containerizer::user::Credentials;

use super::path::below;
use super::removal;
use super::trash::Trash;

/// Mesos: anybody may look into a volume unless its tasks say otherwise.
const MODE: u32 = 0o755;

/// Makes the folder; one that is there is kept with all it holds.
pub(super) fn make(work_dir: &Path, folder: &VolumeFolder) -> io::Result<()> {
    let path = place(work_dir, folder)?;
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).create(&path)?;
    // Not left to the agent's umask.
    fs::set_permissions(&path, Permissions::from_mode(MODE))
}

/// Removes what is in the folder, with the folder unless it is a disk; what is not there is removed already.
///
/// What lies on the work folder's own file system is only moved out of the way here, and removed at leisure: facts of
/// other tasks wait meanwhile.
pub(super) fn remove(work_dir: &Path, trash: &Trash, folder: &VolumeFolder) -> io::Result<()> {
    let path = place(work_dir, folder)?;
    if folder.path.is_empty() {
        return match removal::empty(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            emptied => emptied,
        };
    }
    trash.put_away(&path)
}

/// Leads from a fresh sandbox, in which nothing runs yet, to a volume, and gives the volume to the sandbox's user.
///
/// Mesos: without a file system of its own, a container finds its volumes through symbolic links.
pub(super) fn mount(
    work_dir: &Path,
    sandbox: &Path,
    mount: &Mount,
    user: Option<&Credentials>,
) -> Result<(), String> {
    let failed =
        |what: &str, path: &Path, error: io::Error| format!("cannot {what} '{}': {error}", path.display());
    let volume = place(work_dir, &mount.folder).map_err(|error| error.to_string())?;
    if !volume.is_dir() {
        return Err(format!("the persistent volume at '{}' is not there", volume.display()));
    }
    if let Some(user) = user {
        // Mesos: the folder alone; what is in it belongs to whom it belonged.
        chown(&volume, Some(user.uid), Some(user.gid))
            .map_err(|error| failed("hand over", &volume, error))?;
    }
    let link = below(sandbox, &mount.container_path).map_err(|error| error.to_string())?;
    if let Some(parent) = link.parent().filter(|parent| *parent != sandbox) {
        make_between(sandbox, parent, user).map_err(|error| failed("make the folder", parent, error))?;
    }
    symlink(&volume, &link).map_err(|error| failed("link", &link, error))
}

/// Folders between the sandbox and a link, for the sandbox's user.
fn make_between(sandbox: &Path, parent: &Path, user: Option<&Credentials>) -> io::Result<()> {
    let mut path = sandbox.to_path_buf();
    for part in parent.strip_prefix(sandbox).unwrap_or(Path::new("")) {
        path.push(part);
        match fs::create_dir(&path) {
            Ok(()) => {
                if let Some(user) = user {
                    chown(&path, Some(user.uid), Some(user.gid))?;
                }
            }
            // Two volumes beside each other. A link, which only another volume can be, would lead into that.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if !fs::symlink_metadata(&path)?.is_dir() {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

pub(super) fn place(work_dir: &Path, folder: &VolumeFolder) -> io::Result<PathBuf> {
    // The root of a disk is the operator's own word.
    let root = folder.disk.as_ref().map_or_else(|| work_dir.to_path_buf(), |disk| work_dir.join(disk));
    if folder.path.is_empty() { Ok(root) } else { below(&root, &folder.path) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::path::fresh_name;

    fn scratch(name: &str) -> (PathBuf, Trash) {
        let path = std::env::temp_dir().join(format!("kaon-volumes-{name}-{}", fresh_name().unwrap()));
        let trash = Trash::start(&path).unwrap();
        (path, trash)
    }

    /// The trash may still be removing what lies there.
    fn clear(path: &Path) {
        while path.exists() {
            let _ = fs::remove_dir_all(path);
        }
    }

    fn folder(disk: Option<&Path>, path: &str) -> VolumeFolder {
        VolumeFolder { disk: disk.map(|disk| disk.to_str().unwrap().to_string()), path: path.to_string() }
    }

    #[test]
    fn a_volume_outlives_its_links_and_goes_with_its_data() {
        let (work_dir, trash) = scratch("own");
        let volume = folder(None, "volumes/roles/a b/v");
        make(&work_dir, &volume).unwrap();
        let sandbox = work_dir.join("box");
        fs::create_dir(&sandbox).unwrap();
        let there = Mount { folder: volume.clone(), container_path: "data/deep".to_string() };
        mount(&work_dir, &sandbox, &there, None).unwrap();
        fs::write(sandbox.join("data/deep/file"), "x").unwrap();
        fs::remove_dir_all(&sandbox).unwrap();
        make(&work_dir, &volume).unwrap();
        assert_eq!(fs::read(work_dir.join("volumes/roles/a b/v/file")).unwrap(), b"x", "kept");
        remove(&work_dir, &trash, &volume).unwrap();
        remove(&work_dir, &trash, &volume).unwrap();
        assert!(!work_dir.join("volumes/roles/a b/v").exists());
        let refused = mount(&work_dir, &work_dir, &there, None).unwrap_err();
        assert!(refused.contains("is not there"), "{refused}");
        clear(&work_dir);
    }

    #[test]
    fn a_disk_that_is_a_volume_stays_when_it_is_emptied() {
        let ((work_dir, trash), (disk, _)) = (scratch("work"), scratch("disk"));
        let volume = folder(Some(&disk), "");
        make(&work_dir, &volume).unwrap();
        fs::create_dir_all(disk.join("a/b")).unwrap();
        fs::write(disk.join("file"), "x").unwrap();
        remove(&work_dir, &trash, &volume).unwrap();
        assert_eq!(fs::read_dir(&disk).unwrap().count(), 0);
        for path in ["../x", "/etc", "a/../../b"] {
            assert!(make(&work_dir, &folder(None, path)).is_err(), "{path}");
        }
        [work_dir, disk].iter().for_each(|path| clear(path));
    }
}
