// SPDX-License-Identifier: Apache-2.0

//! Reads the lines of a job's input.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::thread;

use tokio::sync::mpsc;

/// Bound: one line; the kernel takes no longer argument.
const LINE_MAX: usize = 128 * 1024 - 1;
/// Bound: lines read ahead.
const LINES_MAX: usize = 1000;

/// Where a job's tasks come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// So many tasks, whose line is their number.
    Count(u64),
    Stdin,
    File(PathBuf),
}

#[derive(Debug, thiserror::Error)]
pub enum InputError {
    #[error("cannot open '{path}': {reason}")]
    Open { path: PathBuf, reason: io::Error },
    #[error("cannot read the input: {0}")]
    Read(io::Error),
    #[error("line {line} of the input is not UTF-8; a command's arguments travel as text")]
    NotText { line: u64 },
    #[error("line {line} of the input has a NUL byte in it, which no argument can have")]
    Nul { line: u64 },
    #[error("line {line} of the input is longer than the {LINE_MAX} bytes that an argument can have")]
    TooLong { line: u64 },
}

/// Lines as a thread reads them: standard input cannot be waited for in any other way.
#[derive(Debug)]
pub struct Lines {
    receiver: mpsc::Receiver<Result<String, InputError>>,
}

impl Lines {
    pub fn open(source: Source) -> Result<Lines, InputError> {
        let (sender, receiver) = mpsc::channel(LINES_MAX);
        match source {
            Source::Count(count) => {
                let numbers = (1..=count).map(|number| Ok(number.to_string()));
                thread::spawn(move || send_all(numbers, &sender));
            }
            Source::Stdin => {
                thread::spawn(move || send_all(lines(io::stdin().lock()), &sender));
            }
            Source::File(path) => {
                let file = File::open(&path).map_err(|reason| InputError::Open { path, reason })?;
                thread::spawn(move || send_all(lines(BufReader::new(file)), &sender));
            }
        }
        Ok(Lines { receiver })
    }

    /// Appends what has been read, awaiting at least one line; returns how many, or 0 at the end. May be cancelled
    /// without loss.
    pub async fn next(&mut self, lines: &mut Vec<Result<String, InputError>>) -> usize {
        self.receiver.recv_many(lines, LINES_MAX).await
    }
}

fn send_all(
    lines: impl Iterator<Item = Result<String, InputError>>,
    sender: &mpsc::Sender<Result<String, InputError>>,
) {
    for line in lines {
        let is_last = line.is_err();
        if sender.blocking_send(line).is_err() || is_last {
            return;
        }
    }
}

/// Lines without their ends; the last may lack one.
fn lines(mut reader: impl BufRead) -> impl Iterator<Item = Result<String, InputError>> {
    let mut line = 0;
    std::iter::from_fn(move || {
        line += 1;
        let mut bytes = Vec::new();
        // One byte more than allowed tells a line that is too long from one that just fits.
        match reader.by_ref().take(LINE_MAX as u64 + 2).read_until(b'\n', &mut bytes) {
            Ok(0) => None,
            Ok(_) => Some(check(bytes, line)),
            Err(error) => Some(Err(InputError::Read(error))),
        }
    })
}

fn check(mut bytes: Vec<u8>, line: u64) -> Result<String, InputError> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    if bytes.len() > LINE_MAX {
        return Err(InputError::TooLong { line });
    }
    if bytes.contains(&0) {
        return Err(InputError::Nul { line });
    }
    String::from_utf8(bytes).map_err(|_| InputError::NotText { line })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_task() {
        let read: Vec<_> = lines(&b"a\n\n b \r\nlast"[..]).map(Result::unwrap).collect();
        assert_eq!(read, ["a", "", " b \r", "last"]);
        assert_eq!(lines(&b""[..]).count(), 0);
    }

    #[test]
    fn bad_lines_are_named() {
        let error = |bytes: &[u8]| lines(bytes).find_map(Result::err).unwrap().to_string();
        assert!(error(b"ok\n\xff\n").starts_with("line 2"));
        assert!(error(b"a\0b").contains("NUL"));
        let long = [&[b'x'; LINE_MAX][..], b"\n", &[b'x'; LINE_MAX + 1][..], b"\nmore"].concat();
        assert!(error(&long).starts_with("line 2"));
    }
}
