// SPDX-License-Identifier: Apache-2.0

//! Reads what is compressed.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};

/// Bound: memory of the xz decoder, in KiB; `xz -9` needs 64 MiB.
const XZ_MEMORY: u32 = 256 << 10;
/// How much of a file is looked at to see what it is: the first block of a tar archive.
const BEGINNING: u64 = 512;

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Bzip2,
    Xz,
}

impl Compression {
    /// What a file that begins so says itself.
    pub(super) fn of(beginning: &[u8]) -> Compression {
        match beginning {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [b'B', b'Z', b'h', ..] => Compression::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
            _ => Compression::None,
        }
    }
}

/// The first bytes of a file, which is rewound.
pub(super) fn beginning(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(BEGINNING).read_to_end(&mut bytes)?;
    file.rewind()?;
    Ok(bytes)
}

pub(super) fn decompress(file: File, compression: Compression) -> Box<dyn Read> {
    let file = BufReader::new(file);
    match compression {
        Compression::None => Box::new(file),
        // Several members after one another are one file, for gzip and bzip2 alike.
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(file)),
        Compression::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(file, true, XZ_MEMORY)),
    }
}
