// SPDX-License-Identifier: Apache-2.0

//! Paths that stay below the work folder.

use std::io;
use std::path::{Component, Path, PathBuf};

/// The place of `path` below `folder`; an error if it is the folder itself, or could be anywhere else.
pub(super) fn below(folder: &Path, path: &str) -> io::Result<PathBuf> {
    let is_plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if path.is_empty() || !is_plain || path.contains('\0') {
        let text = format!("'{}' is no path below '{}'", path.escape_debug(), folder.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    Ok(folder.join(path))
}

/// A name that nobody has used or can guess.
pub(super) fn fresh_name() -> io::Result<String> {
    let mut bytes = [0u8; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_below_is_a_path() {
        let folder = Path::new("/w");
        assert_eq!(below(folder, "meta/slaves/latest").expect("below"), Path::new("/w/meta/slaves/latest"));
        assert_eq!(below(folder, "a/...").expect("below"), Path::new("/w/a/..."));
        for bad in ["", ".", "..", "a/../../b", "a/..", "/etc/passwd", "a\0b", "./a"] {
            assert!(below(folder, bad).is_err(), "{bad:?}");
        }
    }
}
