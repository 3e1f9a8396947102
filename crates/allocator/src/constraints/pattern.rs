// SPDX-License-Identifier: Apache-2.0

//! Regular expressions from outside: bounded in size, matched in linear time.

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Class, Hir, HirKind};
use std::fmt;

use super::ascii::spelled_out;

/// A pattern that matches whole texts.
///
/// Mesos: patterns are RE2's. Those of `regex` are the same language but for rarities (`\C`, `\Q…\E`).
#[derive(Clone)]
pub struct Pattern {
    source: String,
    regex: Regex,
}

/// How complex a pattern may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatternLimits {
    /// `--offer_constraints_re2_max_mem`, in bytes.
    pub memory: u64,
    /// `--offer_constraints_re2_max_program_size`: instructions, as counted here.
    pub program_size: u64,
}

impl Default for PatternLimits {
    fn default() -> PatternLimits {
        PatternLimits { memory: 4096, program_size: 100 }
    }
}

/// Why a pattern is not taken. Texts as Mesos writes them, but for what the library says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("Failed to construct regex from pattern '{pattern}': {problem}")]
    Syntax { pattern: String, problem: String },
    #[error(
        "Regex '{pattern}' is too complex: program size of {size} is larger than maximum of {most} allowed"
    )]
    TooComplex { pattern: String, size: u64, most: u64 },
}

/// Bound: what a compiled pattern may take at the most, whatever the settings allow: those count instructions, of which
/// one that stands for a class of Unicode takes some kilobytes.
const COMPILED_MAX: usize = 1 << 20;

/// Bound: a longer pattern is not even read.
const SOURCE_MAX: usize = 64 * 1024;

/// Mesos: RE2 allows a program a quarter of its memory, at so many bytes for an instruction.
const BYTES_PER_INSTRUCTION: u64 = 4 * 16;

impl Pattern {
    pub fn new(pattern: &str, limits: PatternLimits) -> Result<Pattern, PatternError> {
        let syntax = |problem: String| PatternError::Syntax { pattern: pattern.to_string(), problem };
        let too_large = || syntax("pattern too large - compile failed".to_string());
        if pattern.len() > SOURCE_MAX {
            return Err(too_large());
        }
        let ascii = spelled_out(pattern).map_err(|error| syntax(one_line(&error.to_string())))?;
        let parsed = regex_syntax::parse(&ascii).map_err(|error| syntax(one_line(&error.to_string())))?;
        let size = program_size(&parsed);
        if size > limits.memory / BYTES_PER_INSTRUCTION {
            return Err(too_large());
        }
        if size > limits.program_size {
            let (pattern, most) = (pattern.to_string(), limits.program_size);
            return Err(PatternError::TooComplex { pattern, size, most });
        }
        let whole = format!(r"\A(?:{ascii})\z");
        let built = RegexBuilder::new(&whole).size_limit(COMPILED_MAX).dfa_size_limit(COMPILED_MAX).build();
        let regex = built.map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => too_large(),
            error => syntax(one_line(&error.to_string())),
        })?;
        Ok(Pattern { source: pattern.to_string(), regex })
    }

    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

/// How many steps a machine for the pattern has, about.
fn program_size(hir: &Hir) -> u64 {
    match hir.kind() {
        HirKind::Empty => 0,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(Class::Unicode(class)) => class.ranges().len() as u64,
        HirKind::Class(Class::Bytes(class)) => class.ranges().len() as u64,
        HirKind::Look(_) => 1,
        HirKind::Capture(capture) => program_size(&capture.sub).saturating_add(2),
        HirKind::Concat(parts) => {
            parts.iter().fold(0, |sum: u64, part| sum.saturating_add(program_size(part)))
        }
        HirKind::Alternation(parts) => {
            parts.iter().fold(0, |sum: u64, part| sum.saturating_add(program_size(part)).saturating_add(1))
        }
        HirKind::Repetition(repetition) => {
            let once = program_size(&repetition.sub).saturating_add(1);
            let times = repetition.max.unwrap_or(repetition.min.saturating_add(1)).max(1);
            once.saturating_mul(u64::from(times))
        }
    }
}

/// The library draws its messages over several lines.
fn one_line(text: &str) -> String {
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    last.trim().trim_start_matches("error: ").to_string()
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.source)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.source == other.source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(pattern: &str) -> String {
        Pattern::new(pattern, PatternLimits::default()).unwrap_err().to_string()
    }

    #[test]
    fn the_whole_text_must_match() {
        let pattern = Pattern::new("r[0-9]|x", PatternLimits::default()).unwrap();
        assert!(pattern.matches("r1") && pattern.matches("x"));
        assert!(!pattern.matches("r12") && !pattern.matches("ax") && !pattern.matches("x\n"));
    }

    #[test]
    fn classes_and_boundaries_know_ascii_alone() {
        for (pattern, good, bad) in [
            (r"node-\d+", "node-17", "node-\u{664}"),
            (r"\D", "\u{664}", "4"),
            (r"\w+", "a_Z9", "é"),
            (r"\W", "é", "e"),
            (r"a\sb", "a b", "a\u{a0}b"),
            (r"a\sb", "a\tb", "a\u{b}b"),
            (r"a\Sb", "a\u{a0}b", "a b"),
            (r"(?x) a \s b", "a b", "ab"),
            (r"[\w.-]+", "rack-1.b", "rack é"),
            (r"[^\d\s]+", "abé", "a1"),
            (r"a\b.+", "aé", "ab"),
            (r"a\B.+", "ab", "aé"),
            (r"\\d", r"\d", "1"),
            ("[[:alpha:]]+[.]example", "abc.example", "é.example"),
            ("(?i)é", "É", "E"),
        ] {
            let compiled = Pattern::new(pattern, PatternLimits::default()).unwrap();
            assert!(compiled.matches(good) && !compiled.matches(bad), "{pattern}");
            assert_eq!(format!("{compiled:?}"), format!("/{pattern}/"));
        }
    }

    #[test]
    fn what_cannot_be_read_or_is_too_large_is_refused() {
        assert_eq!(problem("a("), "Failed to construct regex from pattern 'a(': unclosed group");
        assert!(problem("a{1000}{1000}{1000}").ends_with("': pattern too large - compile failed"));
        assert!(problem(&"a".repeat(SOURCE_MAX + 1)).ends_with("pattern too large - compile failed"));
        let limits = PatternLimits { memory: 1 << 20, program_size: 100 };
        assert_eq!(
            Pattern::new("a{101}", limits).unwrap_err().to_string(),
            "Regex 'a{101}' is too complex: program size of 202 is larger than maximum of 100 allowed"
        );
        let huge = PatternLimits { memory: u64::MAX, program_size: u64::MAX };
        assert!(Pattern::new(r"\pL{10000}", huge).is_err(), "bounded whatever the settings say");
        assert!(Pattern::new(&"(".repeat(10_000), huge).is_err(), "nor does depth matter");
    }
}
