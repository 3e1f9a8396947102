// SPDX-License-Identifier: Apache-2.0

//! The files that a daemon shows: its log, and the sandboxes of its tasks.
//!
//! A file is reached by the name under which its root was attached. Below a root nothing leads out again, whatever links
//! a task has put there.

mod browse;
mod read;

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat2};

pub use browse::FileInfo;
pub use read::Chunk;

/// Why a file is not shown.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Nothing is attached there, or there is no such file; who asks need not know which.
    #[error("there is no such file")]
    NotFound,
    #[error("{0}")]
    Bad(String),
    #[error("{0}")]
    Failed(io::Error),
}

/// What is attached.
#[derive(Debug, Default)]
pub struct Files {
    /// By the name, without a trailing slash.
    roots: RwLock<BTreeMap<String, PathBuf>>,
}

/// What the answer to a download needs.
#[derive(Debug)]
pub struct Download {
    pub file: std::fs::File,
    pub length: u64,
    /// The name of the file, for whoever saves it.
    pub name: String,
}

impl Files {
    /// Shows what lies at `real` under `name`; a name that is used already now means this.
    pub fn attach(&self, name: &str, real: &Path) {
        let name = name.trim_end_matches('/').to_owned();
        self.roots.write().unwrap_or_else(PoisonError::into_inner).insert(name, real.to_owned());
    }

    /// Shows nothing any more that lies at `real` or below it.
    pub fn detach(&self, real: &Path) {
        let mut roots = self.roots.write().unwrap_or_else(PoisonError::into_inner);
        roots.retain(|_, root| !root.starts_with(real));
    }

    /// Names and what they stand for.
    pub fn attached(&self) -> BTreeMap<String, PathBuf> {
        self.roots.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The entries of a folder, in order of their paths; of a file, none.
    pub fn browse(&self, path: &str) -> Result<Vec<FileInfo>, FileError> {
        browse::entries(&self.open(path)?, path)
    }

    /// So many bytes from an offset; without an offset, the size alone.
    pub fn read(&self, path: &str, offset: Option<u64>, length: Option<u64>) -> Result<Chunk, FileError> {
        let file = self.open(path)?;
        if kind(&file)? == FileType::Directory {
            return Err(FileError::Bad("Cannot read a directory.\n".to_owned()));
        }
        read::chunk(file, offset, length)
    }

    pub fn download(&self, path: &str) -> Result<Download, FileError> {
        let file = self.open(path)?;
        if kind(&file)? == FileType::Directory {
            return Err(FileError::Bad("Cannot download a directory.\n".to_owned()));
        }
        let length = u64::try_from(fstat(&file).map_err(failed)?.st_size).unwrap_or(0);
        let (root, rest) = self.find(path).ok_or(FileError::NotFound)?;
        let name = Path::new(&rest).file_name().or(root.file_name()).unwrap_or_default();
        Ok(Download { file: file.into(), length, name: name.to_string_lossy().into_owned() })
    }

    /// The root whose name is the longest beginning of a path, and what follows.
    fn find(&self, path: &str) -> Option<(PathBuf, String)> {
        let roots = self.roots.read().unwrap_or_else(PoisonError::into_inner);
        let mut name = path.trim_end_matches('/');
        loop {
            if let Some(real) = roots.get(name) {
                return Some((real.clone(), path[name.len()..].trim_matches('/').to_owned()));
            }
            name = name.rsplit_once('/')?.0;
        }
    }

    /// Opens a file or folder, and nothing else: a pipe or device could do harm, or wait for ever.
    ///
    /// Links are followed first, as often as it takes; then the place they lead to is opened from the root down
    /// without following any, so that no link made meanwhile leads out.
    fn open(&self, path: &str) -> Result<OwnedFd, FileError> {
        let (root, rest) = self.find(path).ok_or(FileError::NotFound)?;
        let root = canonical(&root)?;
        let place = if rest.is_empty() { root.clone() } else { canonical(&root.join(&rest))? };
        let rest = place.strip_prefix(&root).map_err(|_| FileError::NotFound)?;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = if rest.as_os_str().is_empty() {
            rustix::fs::open(&root, flags, Mode::empty()).map_err(failed)?
        } else {
            let path_only = OFlags::PATH | OFlags::CLOEXEC | OFlags::DIRECTORY;
            let root = rustix::fs::open(&root, path_only, Mode::empty()).map_err(failed)?;
            let strictly = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            openat2(&root, rest, flags, Mode::empty(), strictly).map_err(failed)?
        };
        match kind(&file)? {
            FileType::RegularFile | FileType::Directory => Ok(file),
            _ => Err(FileError::NotFound),
        }
    }
}

fn canonical(path: &Path) -> Result<PathBuf, FileError> {
    path.canonicalize().map_err(|error| match rustix::io::Errno::from_io_error(&error) {
        Some(errno) => failed(errno),
        // A path with a NUL in it.
        None => FileError::NotFound,
    })
}

fn kind(file: &OwnedFd) -> Result<FileType, FileError> {
    Ok(FileType::from_raw_mode(fstat(file).map_err(failed)?.st_mode))
}

/// A path that leads out of its root, in circles, or through a file is as good as none.
fn failed(error: rustix::io::Errno) -> FileError {
    use rustix::io::Errno;
    match error {
        Errno::NOENT
        | Errno::NOTDIR
        | Errno::XDEV
        | Errno::LOOP
        | Errno::NAMETOOLONG
        | Errno::NXIO
        | Errno::INVAL => FileError::NotFound,
        error => FileError::Failed(error.into()),
    }
}
