// SPDX-License-Identifier: Apache-2.0

//! How much of a disk a folder takes with all that lies in it, counted as `du` does.

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use kaon_model::Bytes;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, openat, statat};
use rustix::io::Errno;

/// Bound: folders within folders, each of which holds a file descriptor. What lies deeper is not counted.
const DEPTH_MAX: usize = 128;
/// Bound: files that are looked at. A folder with more counts as much as these do.
const FILES_MAX: usize = 10_000_000;
/// Bound: files with several names that are told apart. Each name of others counts for its share.
const LINKED_MAX: usize = 100_000;
/// How often to ask whether to go on.
const ASK_EVERY: usize = 1_000;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// None if the folder is not there, or nobody wants to know any more.
///
/// Links are not followed, and each folder is opened from the one that it lies in: whoever changes the tree meanwhile
/// does not lead out of it. What vanishes meanwhile, or may not be looked at, does not count.
pub(super) fn usage(folder: &Path, goes_on: impl Fn() -> bool) -> io::Result<Option<Bytes>> {
    let root: OwnedFd = match rustix::fs::open(folder, FOLDER, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(None),
        opened => opened?,
    };
    let mut sum = Sum::default();
    sum.add(&fstat(&root)?);
    let mut open = vec![Dir::new(root)?];
    loop {
        let depth = open.len();
        let Some(innermost) = open.last_mut() else { break };
        let Some(Ok(entry)) = innermost.read() else {
            open.pop();
            continue;
        };
        if matches!(entry.file_name().to_bytes(), b"." | b"..") {
            continue;
        }
        let around = innermost.fd()?;
        let Ok(found) = statat(around, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) else { continue };
        sum.add(&found);
        if sum.files >= FILES_MAX {
            break;
        }
        if sum.files.is_multiple_of(ASK_EVERY) && !goes_on() {
            return Ok(None);
        }
        let is_folder = FileType::from_raw_mode(found.st_mode) == FileType::Directory;
        if is_folder
            && depth < DEPTH_MAX
            && let Some(inner) = inside(around, entry.file_name())
        {
            open.push(inner);
        }
    }
    Ok(Some(sum.bytes()))
}

fn inside(around: impl AsFd, name: &std::ffi::CStr) -> Option<Dir> {
    let folder = openat(around, name, FOLDER | OFlags::NOFOLLOW, Mode::empty()).ok()?;
    Dir::new(folder).ok()
}

#[derive(Default)]
struct Sum {
    /// Of 512 bytes each, whatever the file system's are.
    blocks: u64,
    files: usize,
    /// Those with several names, which count once.
    linked: HashSet<(u64, u64)>,
}

impl Sum {
    fn add(&mut self, file: &Stat) {
        self.files += 1;
        let blocks = u64::try_from(file.st_blocks).unwrap_or(0);
        #[allow(clippy::useless_conversion, reason = "it is narrower on other processors")]
        let names = u64::from(file.st_nlink).max(1);
        let is_folder = FileType::from_raw_mode(file.st_mode) == FileType::Directory;
        let counted = if is_folder || names == 1 {
            blocks
        } else if self.linked.len() >= LINKED_MAX {
            blocks / names
        } else if self.linked.insert((file.st_dev, file.st_ino)) {
            blocks
        } else {
            0
        };
        self.blocks = self.blocks.saturating_add(counted);
    }

    /// Mesos: in whole kilobytes, rounded up.
    fn bytes(&self) -> Bytes {
        Bytes(self.blocks.div_ceil(2).saturating_mul(1024))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;
    use std::process::Command;

    use super::*;
    use crate::host::path::fresh_name;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new() -> Scratch {
            let path = std::env::temp_dir().join(format!("kaon-walk-{}", fresh_name().unwrap()));
            fs::create_dir(&path).unwrap();
            Scratch(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn du(path: &Path) -> Bytes {
        let told = Command::new("du").arg("-ks").arg(path).output().unwrap().stdout;
        let told = String::from_utf8(told).unwrap();
        Bytes(told.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024)
    }

    #[test]
    fn folders_take_what_du_says() {
        let (scratch, elsewhere) = (Scratch::new(), Scratch::new());
        let root = &scratch.0;
        fs::write(elsewhere.0.join("large"), vec![1; 8 << 20]).unwrap();
        symlink(&elsewhere.0, root.join("link")).unwrap();
        symlink(root, root.join("loop")).unwrap();
        fs::create_dir_all(root.join("a/b/c")).unwrap();
        fs::write(root.join("a/b/file"), vec![1; 300_000]).unwrap();
        fs::hard_link(root.join("a/b/file"), root.join("a/again")).unwrap();
        let sparse = fs::File::create(root.join("a/b/c/sparse")).unwrap();
        sparse.set_len(1 << 30).unwrap();
        let used = usage(root, || true).unwrap().unwrap();
        assert_eq!(used, du(root));
        assert!((300_000..1 << 20).contains(&used.0), "{used}");
        assert_eq!(usage(&root.join("nobody"), || true).unwrap(), None);
    }

    #[test]
    fn many_files_are_left_alone_when_nobody_waits_and_deep_ones_bounded() {
        let scratch = Scratch::new();
        for number in 0..2 * ASK_EVERY {
            fs::write(scratch.0.join(number.to_string()), "").unwrap();
        }
        assert_eq!(usage(&scratch.0, || false).unwrap(), None);
        assert!(usage(&scratch.0, || true).unwrap().is_some());
        let deep: PathBuf = (0..DEPTH_MAX + 10).map(|_| "d").collect();
        fs::create_dir_all(scratch.0.join(&deep)).unwrap();
        fs::write(scratch.0.join(&deep).join("large"), vec![1; 4 << 20]).unwrap();
        assert!(usage(&scratch.0, || true).unwrap().unwrap().0 < 4 << 20);
    }
}
