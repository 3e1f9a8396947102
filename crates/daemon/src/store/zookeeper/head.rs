// SPDX-License-Identifier: Apache-2.0

//! The head of a registry: which nodes make it up.

use std::fmt;
use std::path::PathBuf;

use super::StoreError;

/// The format that is written; older ones would be read too.
const KNOWN: u64 = 1;

/// Log nodes from `first` to `last`, after a snapshot if there is one. Text, so that people can read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub first: u64,
    pub last: u64,
    pub snapshot: Option<Snapshot>,
}

/// A snapshot that stands for the log nodes up to `number`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub number: u64,
    pub parts: usize,
}

impl Default for Head {
    fn default() -> Head {
        Head { first: 1, last: 0, snapshot: None }
    }
}

/// Why a text is no head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadHead {
    Newer(u64),
    Damaged(String),
}

impl BadHead {
    pub fn at(self, path: PathBuf) -> StoreError {
        match self {
            BadHead::Newer(found) => StoreError::Newer { path, found, known: KNOWN },
            BadHead::Damaged(what) => StoreError::Damaged { path, what },
        }
    }
}

pub fn log_name(number: u64) -> String {
    format!("log.{number:010}")
}

impl Snapshot {
    /// The names of its parts, in order.
    pub fn parts(self) -> impl Iterator<Item = String> {
        (0..self.parts).map(move |part| format!("snapshot.{:010}.{part}", self.number))
    }
}

impl Head {
    /// The names of the log's nodes, in order.
    pub fn log(self) -> impl Iterator<Item = String> {
        (self.first..=self.last).map(log_name)
    }

    /// Whether a node counts.
    pub fn names(self, name: &str) -> bool {
        let number = name.strip_prefix("log.").and_then(|number| number.parse::<u64>().ok());
        match (number, self.snapshot) {
            (Some(number), _) => (self.first..=self.last).contains(&number) && log_name(number) == name,
            (None, Some(snapshot)) => snapshot.parts().any(|part| part == name),
            (None, None) => false,
        }
    }

    pub fn parse(data: &[u8]) -> Result<Head, BadHead> {
        let damaged = |what: &str| BadHead::Damaged(what.to_owned());
        let text = std::str::from_utf8(data).map_err(|_| damaged("its head is not text"))?;
        let mut lines = text.lines();
        let format = lines.next().and_then(|line| line.strip_prefix("kaon registry "));
        let format = format.and_then(|format| format.parse().ok());
        match format.ok_or_else(|| damaged("its head does not begin with 'kaon registry'"))? {
            found if found > KNOWN => return Err(BadHead::Newer(found)),
            _ => {}
        }
        let numbers = |line: &str, name: &str| -> Option<(u64, u64)> {
            let (one, other) = line.strip_prefix(name)?.split_once(' ')?;
            Some((one.parse().ok()?, other.parse().ok()?))
        };
        let log = lines.next().and_then(|line| numbers(line, "log "));
        let (first, last) = log.ok_or_else(|| damaged("its head does not say which log nodes there are"))?;
        let snapshot = match lines.next() {
            None => None,
            Some(line) => {
                let found = numbers(line, "snapshot ");
                let (number, parts) =
                    found.ok_or_else(|| damaged("its head does not say which snapshot there is"))?;
                let parts = usize::try_from(parts).map_err(|_| damaged("its snapshot has too many parts"))?;
                Some(Snapshot { number, parts })
            }
        };
        match lines.next() {
            None => Ok(Head { first, last, snapshot }),
            Some(_) => Err(damaged("its head has a line too many")),
        }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kaon registry {KNOWN}\nlog {} {}\n", self.first, self.last)?;
        match self.snapshot {
            None => Ok(()),
            Some(snapshot) => writeln!(f, "snapshot {} {}", snapshot.number, snapshot.parts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written() {
        let heads = [
            Head::default(),
            Head { first: 3, last: 9, snapshot: None },
            Head { first: 10, last: 9, snapshot: Some(Snapshot { number: 9, parts: 12 }) },
        ];
        for head in heads {
            assert_eq!(Head::parse(head.to_string().as_bytes()), Ok(head));
        }
    }

    #[test]
    fn what_is_no_head_is_refused() {
        assert_eq!(Head::parse(b"kaon registry 2\nwhatever"), Err(BadHead::Newer(2)));
        for bad in [
            "",
            "replicated log",
            "kaon registry x\nlog 1 0\n",
            "kaon registry 1\n",
            "kaon registry 1\nlog 1\n",
            "kaon registry 1\nlog 1 0\nsnapshot 1\n",
            "kaon registry 1\nlog 1 0\nsnapshot 1 1\nmore\n",
        ] {
            assert!(matches!(Head::parse(bad.as_bytes()), Err(BadHead::Damaged(_))), "{bad}");
        }
    }

    #[test]
    fn a_head_names_its_own_nodes_alone() {
        let head = Head { first: 2, last: 3, snapshot: Some(Snapshot { number: 1, parts: 2 }) };
        let named = ["log.0000000002", "log.0000000003", "snapshot.0000000001.0", "snapshot.0000000001.1"];
        assert_eq!(head.snapshot.unwrap().parts().chain(head.log()).count(), named.len());
        assert!(named.iter().all(|name| head.names(name)));
        let others = [
            "log.0000000001",
            "log.0000000004",
            "log.2",
            "snapshot.0000000001.2",
            "snapshot.0000000002.0",
            "x",
        ];
        assert!(!others.iter().any(|name| head.names(name)));
    }
}
