// SPDX-License-Identifier: Apache-2.0

//! A sealed copy of our own binary in memory.
//!
//! Supervisors run from it, so that an upgrade on disk never mixes versions within one agent, and that no container,
//! not even one that runs as root, can reach the host's binary through `/proc/<supervisor>/exe` and overwrite it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

/// Offsets in the header of a 64-bit ELF file, and in an entry of its program header table.
const SECTION_OFFSET: usize = 0x28;
const SECTION_COUNT: usize = 0x3c;
const PROGRAM_OFFSET: usize = 0x20;
const PROGRAM_ENTRY_SIZE: usize = 0x36;
const PROGRAM_COUNT: usize = 0x38;
const HEADER_SIZE: usize = 0x40;

/// Copies the running binary, without what only debuggers read, and seals the copy.
pub(crate) fn seal_own_binary() -> io::Result<OwnedFd> {
    let mut binary = File::open("/proc/self/exe")?;
    let mut header = [0u8; HEADER_SIZE];
    binary.read_exact(&mut header)?;
    let loaded = loaded_length(&binary, &header)?;

    let mut copy = File::from(create_memfd()?);
    binary.seek(SeekFrom::Start(0))?;
    match loaded {
        Some(length) => {
            io::copy(&mut binary.take(length), &mut copy)?;
            // The section headers were cut off: say that there are none.
            copy.write_all_at(&[0; 8], SECTION_OFFSET as u64)?;
            copy.write_all_at(&[0; 4], SECTION_COUNT as u64)?;
        }
        None => {
            io::copy(&mut binary, &mut copy)?;
        }
    }
    copy.flush()?;
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    fcntl_add_seals(&copy, seals)?;
    Ok(copy.into())
}

fn create_memfd() -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match memfd_create(c"kaon", flags | MemfdFlags::EXEC) {
        // Kernels before 6.3 know no such flag, and let every memfd be executed.
        Err(rustix::io::Errno::INVAL) => Ok(memfd_create(c"kaon", flags)?),
        other => Ok(other?),
    }
}

/// Where the last part that the kernel or the loader reads ends; `None` if this is not a 64-bit little-endian ELF
/// file of the usual shape, which is then copied whole.
///
/// Symbols and debug data follow after that, and are most of the file: they would stay in memory for as long as the
/// longest-lived container.
fn loaded_length(binary: &File, header: &[u8; HEADER_SIZE]) -> io::Result<Option<u64>> {
    if header[..6] != *b"\x7fELF\x02\x01" {
        return Ok(None);
    }
    let short = |bytes: &[u8], at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]) as usize;
    let long = |bytes: &[u8], at: usize| {
        bytes[at..at + 8].iter().rev().fold(0u64, |value, byte| (value << 8) | u64::from(*byte))
    };
    let (size, count) = (short(header, PROGRAM_ENTRY_SIZE), short(header, PROGRAM_COUNT));
    if size < 0x38 || count == 0 {
        return Ok(None);
    }
    let start = long(header, PROGRAM_OFFSET);
    let mut table = vec![0; size * count];
    binary.read_exact_at(&mut table, start)?;
    let ends = table.chunks_exact(size).map(|entry| long(entry, 0x08).saturating_add(long(entry, 0x20)));
    let end = ends.chain([start + (size * count) as u64]).max().unwrap_or(0);
    Ok((end <= binary.metadata()?.len()).then_some(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_runs_and_cannot_be_written() {
        let image = File::from(seal_own_binary().expect("seals"));
        assert!(image.write_at(b"x", 0).is_err());
        assert!(image.set_len(0).is_err());
        let original = File::open("/proc/self/exe").expect("opens").metadata().expect("stats").len();
        assert!(image.metadata().expect("stats").len() < original, "symbols and debug data were left out");
        let program = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&image));
        let output = std::process::Command::new(program).arg("--list").output().expect("runs");
        assert!(output.status.success(), "{output:?}");
    }
}
