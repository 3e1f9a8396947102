// SPDX-License-Identifier: Apache-2.0

//! What is gathered over a whole message while it is read.

use super::{DEPTH_MAX, WireError};

/// One step of the path to a message, for the text that names what is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub number: u32,
    pub name: &'static str,
    pub index: Option<usize>,
}

/// The path to the message being read, the required fields that were missed so far, the memory left.
pub(crate) struct Report {
    path: Vec<Step>,
    missing: Vec<Missing>,
    /// Whether more was missing than is kept.
    overflowed: bool,
    /// Bytes of memory that reading may still take.
    budget: usize,
}

struct Missing {
    path: Vec<Step>,
    /// The position among the required fields of its message.
    bit: u32,
    name: &'static str,
}

impl Report {
    /// Bound: a message may take 4 MiB, plus 64 times its length, in memory: far above what any real one takes. Large
    /// ones are lists of tasks with names and labels, so beyond their first MiB it is 24 times.
    const BUDGET_BASE: usize = 4 << 20;
    const BUDGET_FACTOR: usize = 64;
    const LARGE: usize = 1 << 20;
    const LARGE_FACTOR: usize = 24;
    /// Bound: the text that names missing fields lists this many, to keep the answer short.
    const MISSING_MAX: usize = 100;

    pub(crate) fn new(length: usize) -> Report {
        let first = length.min(Self::LARGE);
        let rest = (length - first).saturating_mul(Self::LARGE_FACTOR);
        let budget = (Self::BUDGET_BASE + first * Self::BUDGET_FACTOR).saturating_add(rest);
        Report { path: Vec::new(), missing: Vec::new(), overflowed: false, budget }
    }

    #[inline]
    pub(crate) fn charge(&mut self, size: usize) -> Result<(), WireError> {
        self.budget = self.budget.checked_sub(size).ok_or(WireError::TooLarge)?;
        Ok(())
    }

    /// Descends into a message.
    #[inline]
    pub(crate) fn enter(&mut self, step: Step) -> Result<(), WireError> {
        if self.path.len() >= DEPTH_MAX {
            return Err(WireError::TooDeep);
        }
        self.path.push(step);
        Ok(())
    }

    #[inline]
    pub(crate) fn leave(&mut self) {
        self.path.pop();
    }

    pub(crate) fn depth(&self) -> usize {
        self.path.len()
    }

    /// Notes which of the required fields of the message at the current path were not seen.
    #[inline]
    pub(crate) fn check(&mut self, required: impl ExactSizeIterator<Item = &'static str>, seen: u64) {
        let all = u64::MAX.checked_shr(64 - required.len() as u32).unwrap_or(0);
        if seen & all != all {
            self.miss(required, seen);
        }
    }

    fn miss(&mut self, required: impl Iterator<Item = &'static str>, seen: u64) {
        for (bit, name) in (0..).zip(required).filter(|(bit, _)| seen & (1 << bit) == 0) {
            if self.missing.len() >= Self::MISSING_MAX {
                self.overflowed = true;
                return;
            }
            self.missing.push(Missing { path: self.path.clone(), bit, name });
        }
    }

    /// Forgets what the message at the current path itself lacked when it was read before, and returns it as a
    /// mask: now that another part of the message comes, that part may hold it.
    pub(crate) fn retract(&mut self) -> u64 {
        let mut mask = 0;
        self.missing.retain(|missing| {
            let here = missing.path == self.path;
            if here {
                mask |= 1 << missing.bit;
            }
            !here
        });
        mask
    }

    /// Mesos: a message's own missing fields come first, as declared, then those of its members by number.
    pub(crate) fn finish(mut self) -> Result<(), WireError> {
        if self.missing.is_empty() && !self.overflowed {
            return Ok(());
        }
        self.missing.sort_by_cached_key(|missing| {
            let steps = missing.path.iter().map(|step| (true, step.number, step.index.unwrap_or(0)));
            steps.chain([(false, missing.bit, 0)]).collect::<Vec<_>>()
        });
        let mut texts: Vec<String> = self.missing.iter().map(Missing::text).collect();
        if self.overflowed {
            texts.push("and more".into());
        }
        Err(WireError::MissingRequired(texts.join(", ")))
    }
}

impl Missing {
    /// `accept.operations[0].launch`.
    fn text(&self) -> String {
        let mut text = String::new();
        for step in &self.path {
            text.push_str(step.name);
            if let Some(index) = step.index {
                text.push_str(&format!("[{index}]"));
            }
            text.push('.');
        }
        text + self.name
    }
}
