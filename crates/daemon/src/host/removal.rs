// SPDX-License-Identifier: Apache-2.0

//! Removes folders that a task has filled, however deep it made them.
//!
//! A folder that is not empty is moved up to the top before it is emptied itself, so that no path grows, no stack grows
//! and three files are open at the most. Each is reached through the folder that it lies in, and no link is followed: who
//! changes the tree meanwhile leads nobody out of it.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, Mode, OFlags, open, openat, renameat, unlinkat};
use rustix::io::Errno;

use super::path::fresh_name;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Removes a file, or a folder with all it holds; what is not there is removed already.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            empty(path)?;
            std::fs::remove_dir(path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Removes all that a folder holds.
pub(super) fn empty(path: &Path) -> io::Result<()> {
    let top = open(path, FOLDER, Mode::empty())?;
    let mut left = Vec::new();
    clear(&top, |name| left.push(name.to_owned()))?;
    while let Some(name) = left.pop() {
        let folder = match openat(&top, &name, FOLDER, Mode::empty()) {
            Err(Errno::NOENT) => continue,
            opened => opened?,
        };
        let mut inner = Vec::new();
        clear(&folder, |name| inner.push(name.to_owned()))?;
        for name in inner {
            let fresh = CString::new(fresh_name()?)?;
            renameat(&folder, &name, &top, &fresh)?;
            left.push(fresh);
        }
        // If somebody has put more into it meanwhile, that is who has to be stopped first.
        removed(unlinkat(&top, &name, AtFlags::REMOVEDIR))?;
    }
    Ok(())
}

/// Removes what a folder holds but for the folders that are not empty, which it tells the names of.
fn clear(folder: &OwnedFd, mut leave: impl FnMut(&CStr)) -> io::Result<()> {
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        match unlinkat(folder, name, AtFlags::empty()) {
            Err(Errno::ISDIR) => match unlinkat(folder, name, AtFlags::REMOVEDIR) {
                Err(Errno::NOTEMPTY | Errno::EXIST) => leave(name),
                other => removed(other)?,
            },
            other => removed(other)?,
        }
    }
    Ok(())
}

fn removed(result: rustix::io::Result<()>) -> io::Result<()> {
    match result {
        Err(Errno::NOENT) => Ok(()),
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use rustix::fs::mkdirat;

    use super::*;

    #[test]
    fn a_folder_goes_however_deep_it_is_and_its_links_are_not_followed() {
        let path = std::env::temp_dir().join(format!("kaon-removal-{}", fresh_name().expect("a name")));
        let (tree, other) = (path.join("tree"), path.join("other"));
        fs::create_dir_all(tree.join("a/b/c")).expect("folders");
        fs::create_dir_all(&other).expect("a folder");
        fs::write(other.join("file"), "x").expect("a file");
        for name in ["file", "a/file", "a/b/file"] {
            fs::write(tree.join(name), "x").expect("a file");
            symlink(&other, tree.join(name).with_extension("link")).expect("a link");
        }
        // Far beyond what a path can say, and what a stack or the files of a process would hold.
        let mut folder = open(tree.join("a/b/c"), FOLDER, Mode::empty()).expect("a folder");
        for _ in 0..20_000 {
            mkdirat(&folder, "d", Mode::RWXU).expect("made");
            folder = openat(&folder, "d", FOLDER, Mode::empty()).expect("there");
        }
        empty(&tree).expect("emptied");
        assert_eq!(fs::read_dir(&tree).expect("there").count(), 0);
        fs::write(tree.join("file"), "x").expect("a file");
        for _ in 0..2 {
            remove(&tree).expect("removed");
            assert!(!tree.exists());
        }
        remove(&other.join("file")).expect("removed");
        assert_eq!(fs::read_dir(&other).expect("there").count(), 0, "the file alone was removed");
        remove(&path).expect("removed");
        assert!(!path.exists());
    }
}
