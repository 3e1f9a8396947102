// SPDX-License-Identifier: Apache-2.0

//! What happened in a run: counts for people, a log for the one who debugs it.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use kaon_model::Mono;

/// Bound: lines of the log that are kept; the end is what explains a broken law.
const LINES_MAX: usize = 400;

/// Counts by name, summed over runs.
#[derive(Clone, Debug, Default)]
pub struct Counts(BTreeMap<&'static str, u64>);

impl Counts {
    pub fn add(&mut self, name: &'static str) {
        self.add_many(name, 1);
    }

    pub fn add_many(&mut self, name: &'static str, count: u64) {
        *self.0.entry(name).or_default() += count;
    }

    pub fn merge(&mut self, other: &Counts) {
        for (name, count) in &other.0 {
            *self.0.entry(name).or_default() += count;
        }
    }

    pub fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.0.iter().map(|(name, count)| (*name, *count))
    }
}

/// One line per event, the newest ones.
#[derive(Debug, Default)]
pub struct Log {
    lines: VecDeque<String>,
    echo: bool,
}

impl Log {
    /// With `echo`, lines are printed as they come, for a replay.
    pub fn new(echo: bool) -> Log {
        Log { lines: VecDeque::new(), echo }
    }

    pub fn line(&mut self, at: Mono, text: impl fmt::Display) {
        let line = format!("{:>12.6} {text}", Duration::from_nanos(at.nanos()).as_secs_f64());
        if self.echo {
            #[allow(clippy::print_stdout, reason = "a replay is read by a person")]
            {
                println!("{line}");
            }
        }
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }
}

/// A broken law.
#[derive(Clone, Debug)]
pub struct Broken {
    pub law: &'static str,
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "law '{}' is broken: {}", self.law, self.what)
    }
}
