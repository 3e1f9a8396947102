// SPDX-License-Identifier: Apache-2.0

//! A part of a file, as text.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use kaon_api::json::{Dialect, JsonWriter};

use super::FileError;

/// Bound: what is read at once. Mesos: 16 pages.
const LENGTH_MAX: u64 = 16 * 4096;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    pub data: Vec<u8>,
    pub offset: u64,
    /// Of the whole file.
    pub size: u64,
}

impl Chunk {
    /// The body of /files/read. A letter whose last bytes are still to come is left for the next chunk.
    pub fn json(&self) -> Vec<u8> {
        let text = &self.data[..whole_letters(&self.data)];
        let mut out = Vec::new();
        JsonWriter::new(&mut out, Dialect::V0).object(|w| {
            w.key("data");
            w.string(&String::from_utf8_lossy(text));
            w.key("offset");
            w.display(self.offset);
        });
        out
    }
}

/// Mesos: without an offset, the data is empty and the offset is the file's size, from which a reader goes on.
pub fn chunk(file: OwnedFd, offset: Option<u64>, length: Option<u64>) -> Result<Chunk, FileError> {
    let file = File::from(file);
    let size = file.metadata().map_err(FileError::Failed)?.len();
    let Some(offset) = offset else { return Ok(Chunk { data: Vec::new(), offset: size, size }) };
    let wanted = length.unwrap_or(u64::MAX).min(size.saturating_sub(offset)).min(LENGTH_MAX);
    let mut data = Vec::new();
    Reader { file: &file, at: offset }.take(wanted).read_to_end(&mut data).map_err(FileError::Failed)?;
    Ok(Chunk { data, offset, size })
}

struct Reader<'a> {
    file: &'a File,
    at: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// The length without an unfinished letter at the end; all of it, if there is nothing else.
fn whole_letters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => error.valid_up_to(),
        _ => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::whole_letters;

    #[test]
    fn an_unfinished_letter_is_left_for_later() {
        assert_eq!(whole_letters("aé".as_bytes()), 3);
        assert_eq!(whole_letters(&"aé".as_bytes()[..2]), 1);
        assert_eq!(whole_letters(&"é".as_bytes()[..1]), 1);
        assert_eq!(whole_letters(b"a\xffb"), 3);
        assert_eq!(whole_letters(b""), 0);
    }
}
