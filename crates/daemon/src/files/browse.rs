// SPDX-License-Identifier: Apache-2.0

//! The entries of a folder.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use kaon_api::json::{Dialect, JsonWriter};
use kaon_api::v1;
use rustix::fs::{AtFlags, Dir, FileType, Stat, fstat, statat};

use super::{FileError, failed};
use crate::accounts::{Names, groups, users};

/// Bound: entries shown of one folder.
const ENTRIES_MAX: usize = 100_000;

#[derive(Clone, Debug, PartialEq)]
pub struct FileInfo {
    pub path: String,
    pub links: u64,
    pub size: u64,
    /// Seconds since 1970.
    pub modified: i64,
    /// Kind and permissions, as stat(2) has them.
    pub mode: u32,
    pub user: String,
    pub group: String,
}

impl FileInfo {
    /// The body of /files/browse. Mesos: keys in order of the alphabet.
    pub fn json(entries: &[FileInfo]) -> Vec<u8> {
        let mut out = Vec::new();
        JsonWriter::new(&mut out, Dialect::V0).array(|w| {
            for entry in entries {
                w.element();
                w.object(|w| entry.write(w));
            }
        });
        out
    }

    /// As the v1 API has it.
    pub fn message(&self) -> v1::FileInfo {
        v1::FileInfo {
            path: self.path.clone(),
            nlink: i32::try_from(self.links).ok(),
            size: Some(self.size),
            mtime: Some(v1::TimeInfo { nanoseconds: self.modified * 1_000_000_000, ..Default::default() }),
            mode: Some(self.mode),
            uid: Some(self.user.clone()),
            gid: Some(self.group.clone()),
            ..Default::default()
        }
    }

    fn write(&self, w: &mut JsonWriter<'_>) {
        w.key("gid");
        w.string(&self.group);
        w.key("mode");
        w.string(&mode(self.mode));
        w.key("mtime");
        w.double(self.modified as f64);
        w.key("nlink");
        w.display(self.links);
        w.key("path");
        w.string(&self.path);
        w.key("size");
        w.display(self.size);
        w.key("uid");
        w.string(&self.user);
    }
}

pub fn entries(folder: &OwnedFd, path: &str) -> Result<Vec<FileInfo>, FileError> {
    if FileType::from_raw_mode(fstat(folder).map_err(failed)?.st_mode) != FileType::Directory {
        return Ok(Vec::new());
    }
    let (users, groups) = (users(), groups());
    let mut entries = BTreeMap::new();
    for entry in Dir::read_from(folder).map_err(failed)?.take(ENTRIES_MAX) {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        // It may have gone meanwhile.
        let Ok(stat) = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        let path = format!("{}/{}", path.trim_end_matches('/'), name.to_string_lossy());
        entries.insert(path.clone(), info(path, &stat, &users, &groups));
    }
    Ok(entries.into_values().collect())
}

fn info(path: String, stat: &Stat, users: &Names, groups: &Names) -> FileInfo {
    let name = |names: &Names, id: u32| names.get(&id).cloned().unwrap_or_else(|| id.to_string());
    FileInfo {
        path,
        links: stat.st_nlink,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        modified: stat.st_mtime,
        mode: stat.st_mode,
        user: name(users, stat.st_uid),
        group: name(groups, stat.st_gid),
    }
}

fn mode(mode: u32) -> String {
    let kind = match FileType::from_raw_mode(mode) {
        FileType::Directory => 'd',
        FileType::Symlink => 'l',
        FileType::BlockDevice => 'b',
        FileType::CharacterDevice => 'c',
        FileType::Fifo => 'p',
        FileType::Socket => 's',
        _ => '-',
    };
    let bit = |at: u32| if mode & (0o400 >> at) == 0 { '-' } else { char::from(b"rwx"[at as usize % 3]) };
    std::iter::once(kind).chain((0..9).map(bit)).collect()
}

#[cfg(test)]
mod tests {
    use super::mode;

    #[test]
    fn modes_are_written_as_ls_does() {
        assert_eq!(mode(0o040755), "drwxr-xr-x");
        assert_eq!(mode(0o100640), "-rw-r-----");
        assert_eq!(mode(0o120777), "lrwxrwxrwx");
    }
}
