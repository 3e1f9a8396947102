// SPDX-License-Identifier: Apache-2.0

//! A directory that nothing written through it can leave.
//!
//! Every path is resolved by the kernel with `openat2(RESOLVE_BENEATH)`: links inside the directory work, a link or
//! `..` that would lead out of it is an error, at the very moment of use.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, Timespec, Timestamps};
use rustix::io::Errno;

/// An open directory.
#[derive(Debug)]
pub(super) struct Beneath {
    root: OwnedFd,
}

/// Turns the name of an archive's entry into a path below a directory, or says that it is none.
pub(super) fn relative(name: &Path) -> io::Result<PathBuf> {
    let mut path = PathBuf::new();
    for part in name.components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            _ => {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "its path leads out of the sandbox"));
            }
        }
    }
    Ok(path)
}

impl Beneath {
    pub(super) fn open(root: &Path) -> io::Result<Beneath> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Beneath { root: rustix::fs::open(root, flags, Mode::empty())? })
    }

    /// An existing file, for reading.
    pub(super) fn read(&self, path: &Path) -> io::Result<File> {
        let file = File::from(self.resolve(path, OFlags::RDONLY | OFlags::NONBLOCK)?);
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
    }

    /// A fresh file of this mode in place of whatever is there, a link included; directories are made on the way.
    pub(super) fn create(&self, path: &Path, mode: u32) -> io::Result<File> {
        let (parent, name) = self.parent(path)?;
        clear(&parent, name)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&parent, name, flags, Mode::from_raw_mode(0o600))?;
        // Set apart from creating, so that the umask takes nothing away.
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
        Ok(file.into())
    }

    /// Removes a file, if it is there.
    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        let (parent, name) = self.parent(path)?;
        clear(&parent, name)
    }

    /// A directory, made with its parents if need be.
    pub(super) fn directory(&self, path: &Path) -> io::Result<OwnedFd> {
        let mut directory = self.resolve(Path::new("."), OFlags::DIRECTORY)?;
        let mut so_far = PathBuf::new();
        for part in relative(path)?.components() {
            match rustix::fs::mkdirat(&directory, part.as_os_str(), Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => so_far.push(part),
                Err(error) => return Err(error.into()),
            }
            // From the root each time: a link may be followed, but only to somewhere beneath it.
            directory = self.resolve(&so_far, OFlags::DIRECTORY)?;
        }
        Ok(directory)
    }

    /// A symbolic link. What it says is free: it is never followed out of here.
    pub(super) fn link_symbolically(&self, path: &Path, target: &Path) -> io::Result<()> {
        let (parent, name) = self.parent(path)?;
        clear(&parent, name)?;
        Ok(rustix::fs::symlinkat(target, &parent, name)?)
    }

    /// A second name for a file that is here already.
    pub(super) fn link_hard(&self, path: &Path, target: &Path) -> io::Result<()> {
        let (old_parent, old_name) = self.parent(target)?;
        let (parent, name) = self.parent(path)?;
        clear(&parent, name)?;
        Ok(rustix::fs::linkat(&old_parent, old_name, &parent, name, AtFlags::empty())?)
    }

    /// Sets the time of last change, in seconds since 1970.
    pub(super) fn set_time(&self, file: &File, seconds: u64) -> io::Result<()> {
        let time = Timespec { tv_sec: i64::try_from(seconds).unwrap_or(i64::MAX), tv_nsec: 0 };
        Ok(rustix::fs::futimens(file, &Timestamps { last_access: time, last_modification: time })?)
    }

    fn parent<'a>(&self, path: &'a Path) -> io::Result<(OwnedFd, &'a OsStr)> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        Ok((self.directory(path.parent().unwrap_or(Path::new("")))?, name))
    }

    fn resolve(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        rustix::fs::openat2(self.root.as_fd(), path, flags | OFlags::CLOEXEC, Mode::empty(), resolve).map_err(
            |error| match error {
                Errno::XDEV => {
                    io::Error::new(io::ErrorKind::InvalidInput, "its path leads out of the sandbox")
                }
                other => other.into(),
            },
        )
    }
}

fn clear(parent: &OwnedFd, name: &OsStr) -> io::Result<()> {
    match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("kaon-beneath-{name}-{}", std::process::id()));
        fs::create_dir_all(path.join("root")).expect("makes");
        path
    }

    #[test]
    fn nothing_is_written_outside() {
        let scratch = scratch("outside");
        let root = scratch.join("root");
        let beneath = Beneath::open(&root).expect("opens");
        beneath.link_symbolically(Path::new("up"), Path::new("..")).expect("a link may say anything");
        beneath.link_symbolically(Path::new("abs"), &scratch).expect("a link may say anything");
        for path in ["up/x", "abs/x", "up/d/x", "../x", "a/../../x", "/x"] {
            assert!(beneath.create(Path::new(path), 0o644).is_err(), "{path}");
            assert!(beneath.directory(Path::new(path)).is_err(), "{path}");
        }
        assert!(beneath.link_hard(Path::new("hard"), Path::new("up/root")).is_err());
        assert_eq!(fs::read_dir(&scratch).expect("lists").count(), 1);

        // A link at the destination is replaced, not written through.
        fs::write(scratch.join("victim"), "old").expect("writes");
        beneath.link_symbolically(Path::new("victim"), &scratch.join("victim")).expect("links");
        beneath
            .create(Path::new("victim"), 0o644)
            .and_then(|mut file| file.write_all(b"new"))
            .expect("creates");
        assert_eq!(fs::read_to_string(scratch.join("victim")).expect("reads"), "old");
        assert_eq!(fs::read_to_string(root.join("victim")).expect("reads"), "new");
        fs::remove_dir_all(scratch).expect("removes");
    }

    #[test]
    fn links_inside_work() {
        let scratch = scratch("inside");
        let beneath = Beneath::open(&scratch.join("root")).expect("opens");
        beneath.directory(Path::new("lib64")).expect("makes");
        beneath.link_symbolically(Path::new("lib"), Path::new("lib64")).expect("links");
        beneath.create(Path::new("lib/a"), 0o640).expect("creates");
        beneath.link_hard(Path::new("b"), Path::new("lib/a")).expect("links");
        assert!(scratch.join("root/lib64/a").is_file() && scratch.join("root/b").is_file());
        fs::remove_dir_all(scratch).expect("removes");
    }
}
