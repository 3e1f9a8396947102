// SPDX-License-Identifier: Apache-2.0

//! Unpacks archives.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use tar::EntryType;

use super::beneath::{Beneath, relative};
use super::decompress::{Compression, Streams, beginning, too_much};

/// Bound: entries of one archive. No honest archive has more; one that has would fill the host's inodes.
const MOST_ENTRIES: usize = 1_000_000;
/// Bound: bytes unpacked from one archive, in which a bomb of a few megabytes would otherwise fill the disk.
const MOST_BYTES: u64 = 64 << 30;
/// Bound: of an entry's name, and of a link's target in a zip archive (PATH_MAX).
const LONGEST_PATH: usize = 4096;
/// File permissions that an archive may set: never setuid, setgid or sticky.
const PERMISSIONS: u32 = 0o777;

/// How a zip archive begins, and one without entries.
const ZIP: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];
/// What stands in the first header of a tar archive, and where.
const TAR: (usize, &[u8]) = (257, b"ustar");

/// What a file's name says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Tar,
    Zip,
    /// One compressed file.
    Gzip,
}

/// Mesos: the list of suffixes, in its order.
const SUFFIXES: [(&str, Format); 9] = [
    (".tar", Format::Tar),
    (".tgz", Format::Tar),
    (".tar.gz", Format::Tar),
    (".tbz2", Format::Tar),
    (".tar.bz2", Format::Tar),
    (".txz", Format::Tar),
    (".tar.xz", Format::Tar),
    (".zip", Format::Zip),
    (".gz", Format::Gzip),
];

/// The format of a file of this name, if it is an archive.
pub(super) fn format(name: &Path) -> Option<Format> {
    let name = name.to_str()?;
    SUFFIXES.iter().find(|(suffix, _)| name.ends_with(suffix)).map(|(_, format)| *format)
}

/// Unpacks an archive, called `name` in `sandbox`. Mesos: into its top, wherever the archive lies. A lone `.gz` goes
/// beside its name; Mesos: into the top too.
pub(super) fn extract(sandbox: &Beneath, mut file: File, name: &Path, format: Format) -> io::Result<()> {
    let mut allowance = Allowance { entries: MOST_ENTRIES, bytes: MOST_BYTES };
    if format == Format::Gzip {
        let mut streams = Streams::new(file, Compression::Gzip, MOST_BYTES);
        allowance.copy(&mut streams, &mut sandbox.create(&unpacked(name), 0o644)?)?;
        // Mesos: gunzip ends with a warning, which is a failure; an archive is read without a word.
        return if streams.more { Err(io::Error::other("something follows its end")) } else { Ok(()) };
    }
    let beginning = beginning(&mut file)?;
    if is_zip(&beginning, format) {
        zip(sandbox, file, &mut allowance)
    } else {
        tar(sandbox, Streams::new(file, Compression::of(&beginning), MOST_BYTES), &mut allowance)
    }
}

/// What is in a lone `.gz`. One from the cache may be called anything in the sandbox.
fn unpacked(name: &Path) -> PathBuf {
    if name.extension().is_some_and(|extension| extension == "gz") {
        name.with_extension("")
    } else {
        name.to_path_buf()
    }
}

/// Mesos: the name says only that a file is an archive; of what kind stands in it.
fn is_zip(beginning: &[u8], named: Format) -> bool {
    if ZIP.iter().any(|magic| beginning.starts_with(magic)) {
        return true;
    }
    // One that unpacks itself begins with a program, and is listed at its end.
    let is_tar = beginning.get(TAR.0..).is_some_and(|rest| rest.starts_with(TAR.1));
    named == Format::Zip && Compression::of(beginning) == Compression::None && !is_tar
}

/// Where an entry goes. Mesos: an absolute name is joined to the sandbox like any other; `..` is refused.
fn place(name: &Path) -> io::Result<PathBuf> {
    relative(name.strip_prefix("/").unwrap_or(name))
}

/// What an archive may still unpack.
struct Allowance {
    entries: usize,
    bytes: u64,
}

impl Allowance {
    fn entry(&mut self) -> io::Result<()> {
        self.entries =
            self.entries.checked_sub(1).ok_or_else(|| io::Error::other("it has too many entries"))?;
        Ok(())
    }

    fn copy(&mut self, from: impl Read, to: &mut File) -> io::Result<()> {
        let copied = io::copy(&mut from.take(self.bytes.saturating_add(1)), to)?;
        self.bytes = self.bytes.checked_sub(copied).ok_or_else(too_much)?;
        to.flush()
    }
}

/// Directories get their modes last: one that forbids writing must be filled first.
type Directories = Vec<(PathBuf, u32)>;

fn close(sandbox: &Beneath, directories: Directories) -> io::Result<()> {
    for (path, mode) in directories.into_iter().rev() {
        rustix::fs::fchmod(sandbox.directory(&path)?, Mode::from_raw_mode(mode))?;
    }
    Ok(())
}

fn tar(sandbox: &Beneath, archive: Streams, allowance: &mut Allowance) -> io::Result<()> {
    let mut directories = Directories::new();
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries()? {
        let mut entry = entry?;
        allowance.entry()?;
        let name = entry.path()?.into_owned();
        if name.as_os_str().len() > LONGEST_PATH {
            return Err(io::Error::other("the name of an entry is too long"));
        }
        tar_entry(sandbox, &mut entry, &name, allowance, &mut directories)
            .map_err(|error| io::Error::new(error.kind(), format!("'{}': {error}", name.display())))?;
    }
    // A tar ends before its file does; the checksums of what it is compressed by stand there.
    io::copy(&mut archive.into_inner(), &mut io::sink())?;
    close(sandbox, directories)
}

fn tar_entry(
    sandbox: &Beneath,
    entry: &mut tar::Entry<'_, Streams>,
    name: &Path,
    allowance: &mut Allowance,
    directories: &mut Directories,
) -> io::Result<()> {
    let path = place(name)?;
    let mode = entry.header().mode()? & PERMISSIONS;
    match entry.header().entry_type() {
        EntryType::Directory => {
            sandbox.directory(&path)?;
            // The archive's "." is the sandbox itself, whose mode is not the archive's business.
            if !path.as_os_str().is_empty() {
                directories.push((path, mode));
            }
            Ok(())
        }
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            let mut file = sandbox.create(&path, mode)?;
            let changed = entry.header().mtime()?;
            allowance.copy(entry, &mut file)?;
            sandbox.set_time(&file, changed)
        }
        EntryType::Symlink => sandbox.link_symbolically(&path, &target(entry)?),
        EntryType::Link => sandbox.link_hard(&path, &place(&target(entry)?)?),
        // Talk of the archive about itself.
        EntryType::XGlobalHeader | EntryType::XHeader => Ok(()),
        _ => {
            eprintln!("Skipping '{}': neither file, directory nor link", name.display());
            Ok(())
        }
    }
}

fn target(entry: &tar::Entry<'_, Streams>) -> io::Result<PathBuf> {
    let target = entry.link_name()?.ok_or_else(|| io::Error::other("the link has no target"))?;
    Ok(target.into_owned())
}

fn zip(sandbox: &Beneath, file: File, allowance: &mut Allowance) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(io::Error::other)?;
    let mut directories = Directories::new();
    for index in 0..archive.len() {
        allowance.entry()?;
        zip_entry(sandbox, &mut archive, index, allowance, &mut directories)?;
    }
    close(sandbox, directories)
}

fn zip_entry<R: Read + Seek>(
    sandbox: &Beneath,
    archive: &mut zip::ZipArchive<R>,
    index: usize,
    allowance: &mut Allowance,
    directories: &mut Directories,
) -> io::Result<()> {
    let entry = archive.by_index(index).map_err(io::Error::other)?;
    let name = entry.name().map_err(io::Error::other)?.into_owned();
    let in_entry = |error: io::Error| io::Error::new(error.kind(), format!("'{name}': {error}"));
    let path = place(Path::new(&name)).map_err(in_entry)?;
    let mode = entry.unix_mode().map(|mode| mode & PERMISSIONS);
    if entry.is_dir() {
        sandbox.directory(&path).map_err(in_entry)?;
        directories.extend(mode.filter(|_| !path.as_os_str().is_empty()).map(|mode| (path, mode)));
        Ok(())
    } else if entry.is_symlink() {
        let mut target = String::new();
        entry.take(LONGEST_PATH as u64).read_to_string(&mut target).map_err(in_entry)?;
        sandbox.link_symbolically(&path, Path::new(&target)).map_err(in_entry)
    } else {
        let mut file = sandbox.create(&path, mode.unwrap_or(0o644)).map_err(in_entry)?;
        allowance.copy(entry, &mut file).map_err(in_entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_go_by_suffix() {
        assert_eq!(format(Path::new("d/a.tar.gz")), Some(Format::Tar));
        assert_eq!(format(Path::new("a.tar.gz.gz")), Some(Format::Gzip));
        assert_eq!(format(Path::new("a.zip")), Some(Format::Zip));
        for plain in ["a", "a.TAR", "tar", "a.tgz?x=1", "a.7z"] {
            assert_eq!(format(Path::new(plain)), None, "{plain}");
        }
    }

    #[test]
    fn an_allowance_ends() {
        let path = std::env::temp_dir().join(format!("kaon-allowance-{}", std::process::id()));
        let mut file = File::create(&path).expect("creates");
        let mut allowance = Allowance { entries: 1, bytes: 10 };
        allowance.copy(&[0u8; 10][..], &mut file).expect("just enough");
        assert!(allowance.copy(&[0u8; 1][..], &mut file).is_err());
        allowance.entry().expect("just enough");
        assert!(allowance.entry().is_err());
        std::fs::remove_file(path).expect("removes");
    }
}
