// SPDX-License-Identifier: Apache-2.0

//! Reads what is compressed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};

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

    /// The byte by which a stream begins.
    fn first(self) -> Option<u8> {
        match self {
            Compression::None => None,
            Compression::Gzip => Some(0x1f),
            Compression::Bzip2 => Some(b'B'),
            Compression::Xz => Some(0xfd),
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

/// What is in a file. Several streams after one another are one, for gzip, bzip2 and xz alike.
pub(super) struct Streams {
    compression: Compression,
    /// The one that is being read.
    stream: Option<Stream>,
    /// Bound: how much may still come out, whatever it is for.
    left: u64,
    /// Whether something else follows the last.
    pub(super) more: bool,
}

enum Stream {
    Plain(BufReader<File>),
    Gzip(flate2::bufread::GzDecoder<BufReader<File>>),
    Bzip2(bzip2::bufread::BzDecoder<BufReader<File>>),
    Xz(Box<lzma_rust2::XzReader<BufReader<File>>>),
}

pub(super) fn too_much() -> io::Error {
    io::Error::other("it unpacks to too much")
}

impl Streams {
    pub(super) fn new(file: File, compression: Compression, most: u64) -> Streams {
        let stream = Some(Stream::new(BufReader::new(file), compression));
        Streams { compression, stream, left: most, more: false }
    }

    /// Goes on to the next stream, if there is one. Mesos: what is neither a stream nor zeros is ignored, and with it all
    /// that follows.
    fn go_on(&mut self) -> io::Result<()> {
        let Some(stream) = self.stream.take() else { return Ok(()) };
        let mut file = stream.into_inner();
        loop {
            let read = file.fill_buf()?;
            let (count, zeros) = (read.len(), read.iter().take_while(|byte| **byte == 0).count());
            if let Some(next) = read.get(zeros) {
                // The first byte tells enough: how much more of it has been read is up to the disk.
                if self.compression.first() == Some(*next) {
                    file.consume(zeros);
                    self.stream = Some(Stream::new(file, self.compression));
                } else {
                    self.more = true;
                }
                return Ok(());
            }
            if count == 0 {
                return Ok(());
            }
            file.consume(count);
        }
    }
}

impl Read for Streams {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(stream) = &mut self.stream {
            let count = stream.read(buffer)?;
            self.left = self.left.checked_sub(count as u64).ok_or_else(too_much)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            self.go_on()?;
        }
        Ok(0)
    }
}

impl Stream {
    fn new(file: BufReader<File>, compression: Compression) -> Stream {
        match compression {
            Compression::None => Stream::Plain(file),
            Compression::Gzip => Stream::Gzip(flate2::bufread::GzDecoder::new(file)),
            Compression::Bzip2 => Stream::Bzip2(bzip2::bufread::BzDecoder::new(file)),
            Compression::Xz => {
                Stream::Xz(Box::new(lzma_rust2::XzReader::new_mem_limit(file, false, XZ_MEMORY)))
            }
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(file) => file.read(buffer),
            Stream::Gzip(stream) => stream.read(buffer),
            Stream::Bzip2(stream) => stream.read(buffer),
            Stream::Xz(stream) => stream.read(buffer),
        }
    }

    fn into_inner(self) -> BufReader<File> {
        match self {
            Stream::Plain(file) => file,
            Stream::Gzip(stream) => stream.into_inner(),
            Stream::Bzip2(stream) => stream.into_inner(),
            Stream::Xz(stream) => stream.into_inner(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn no_more_comes_out_than_may() {
        let path = std::env::temp_dir().join(format!("kaon-streams-{}", std::process::id()));
        // Two streams of 1,000 zeros.
        let mut file = File::create(&path).expect("creates");
        for _ in 0..2 {
            let mut encoder = flate2::write::GzEncoder::new(&file, flate2::Compression::fast());
            encoder.write_all(&[0; 1000]).and_then(|()| encoder.try_finish()).expect("writes");
        }
        file.flush().expect("writes");
        for (most, enough) in [(2000, true), (1999, false), (10, false)] {
            let file = File::open(&path).expect("opens");
            let mut streams = Streams::new(file, Compression::Gzip, most);
            let read = io::copy(&mut streams, &mut io::sink());
            assert_eq!(read.is_ok(), enough, "{most}");
        }
        std::fs::remove_file(path).expect("removes");
    }
}
