// SPDX-License-Identifier: Apache-2.0

//! Spans of time as Mesos writes them, `5secs`.

use crate::number;
use std::fmt;
use std::str::FromStr;

/// A signed span of time in nanoseconds, up to 292 years. Called `Span` so that it is not mistaken for
/// `std::time::Duration`, to which [`Span::to_std`] leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

/// Nanoseconds of each unit, ascending.
const UNITS: [(&str, i64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("secs", 1_000_000_000),
    ("mins", 60_000_000_000),
    ("hrs", 3_600_000_000_000),
    ("days", 86_400_000_000_000),
    ("weeks", 604_800_000_000_000),
];

/// Why a text is no span. Texts as Mesos writes them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    #[error("Failed to convert '{0}' to number")]
    Number(String),
    #[error(
        "Unknown duration unit '{0}'; supported units are 'ns', 'us', 'ms', 'secs', 'mins', 'hrs', 'days', and 'weeks'"
    )]
    Unit(String),
    #[error("Argument out of the range that a Duration can represent due to int64_t's size limit")]
    OutOfRange,
    #[error("Invalid duration '{0}'")]
    Invalid(String),
}

impl Span {
    pub const ZERO: Span = Span(0);
    pub const MAX: Span = Span(i64::MAX);
    pub const MIN: Span = Span(i64::MIN);

    pub const fn from_nanos(nanos: i64) -> Span {
        Span(nanos)
    }

    pub const fn from_millis(millis: i64) -> Span {
        Span(millis.saturating_mul(1_000_000))
    }

    pub const fn from_secs(secs: i64) -> Span {
        Span(secs.saturating_mul(1_000_000_000))
    }

    /// None where it is not finite or does not fit, as with a `refuse_seconds` of 1e300.
    pub fn from_secs_f64(secs: f64) -> Option<Span> {
        Span::from_f64(secs * 1e9)
    }

    fn from_f64(nanos: f64) -> Option<Span> {
        // 2^63 is the first double beyond i64; the comparison is false for NaN.
        (nanos.abs() < 9_223_372_036_854_775_808.0).then_some(Span(nanos as i64))
    }

    pub const fn nanos(self) -> i64 {
        self.0
    }

    pub fn secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// As the type of the standard library; negative spans become zero.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_nanos(self.0.max(0) as u64)
    }

    /// From the type of the standard library, saturating.
    pub fn from_std(duration: std::time::Duration) -> Span {
        Span(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl FromStr for Span {
    type Err = SpanError;

    /// A number with a unit: `15mins`, `1.5hrs`, `100ms`. Mesos: no sign, no blanks, no text of several parts.
    fn from_str(text: &str) -> Result<Span, SpanError> {
        let at = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(|| SpanError::Invalid(text.to_string()))?;
        let (number, unit) = text.split_at(at);
        let value = number::parse_double(number).ok_or_else(|| SpanError::Number(number.to_string()))?;
        let (_, factor) =
            UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(|| SpanError::Unit(unit.to_string()))?;
        Span::from_f64(value * *factor as f64).ok_or(SpanError::OutOfRange)
    }
}

/// Mesos: the unit is the largest that fits; one smaller where only that gives a whole number (`90mins`, `10days`).
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        // Mesos: the lowest value has no positive twin and prints as the highest does.
        let nanos = self.0.checked_abs().unwrap_or(i64::MAX);
        let largest = UNITS.iter().rposition(|(_, factor)| nanos >= *factor).unwrap_or(0);
        let smaller = largest.saturating_sub(1);
        let whole_in_smaller = nanos % UNITS[largest].1 != 0 && nanos % UNITS[smaller].1 == 0;
        let (name, factor) = if whole_in_smaller { UNITS[smaller] } else { UNITS[largest] };
        write!(f, "{sign}{}{name}", number::general(nanos as f64 / factor as f64, 15))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Span, SpanError> {
        text.parse()
    }

    #[test]
    fn reads_and_prints_as_mesos() {
        for (text, nanos, printed) in [
            ("5secs", 5_000_000_000, "5secs"),
            ("60secs", 60_000_000_000, "1mins"),
            ("15mins", 900_000_000_000, "15mins"),
            ("1.5hrs", 5_400_000_000_000, "90mins"),
            ("100ms", 100_000_000, "100ms"),
            ("1days", 86_400_000_000_000, "1days"),
            ("10days", 864_000_000_000_000, "10days"),
            ("14days", 1_209_600_000_000_000, "2weeks"),
            ("2us", 2_000, "2us"),
            ("0secs", 0, "0ns"),
            ("1.5secs", 1_500_000_000, "1500ms"),
            ("1000100ns", 1_000_100, "1.0001ms"),
            ("0.5ns", 0, "0ns"),
        ] {
            assert_eq!(parse(text), Ok(Span(nanos)), "{text}");
            assert_eq!(Span(nanos).to_string(), printed);
        }
        assert_eq!(Span(-1_500_000).to_string(), "-1500us");
        assert_eq!(Span::MIN.to_string(), format!("-{}", Span::MAX));
    }

    #[test]
    fn refuses_with_the_texts_of_mesos() {
        assert_eq!(parse("").unwrap_err().to_string(), "Invalid duration ''");
        assert_eq!(parse("10").unwrap_err().to_string(), "Invalid duration '10'");
        assert_eq!(parse("secs").unwrap_err().to_string(), "Failed to convert '' to number");
        assert_eq!(parse("-1secs").unwrap_err().to_string(), "Failed to convert '' to number");
        assert_eq!(parse("1.2.3secs").unwrap_err().to_string(), "Failed to convert '1.2.3' to number");
        assert!(parse("1sec").unwrap_err().to_string().starts_with("Unknown duration unit 'sec'; supported"));
        assert_eq!(parse("99999weeks"), Err(SpanError::OutOfRange));
    }

    #[test]
    fn seconds_that_do_not_fit_are_none() {
        for secs in [f64::NAN, f64::INFINITY, -1e300, 1e10] {
            assert_eq!(Span::from_secs_f64(secs), None);
        }
        assert_eq!(Span::from_secs_f64(0.25), Some(Span::from_millis(250)));
    }

    proptest! {
        #[test]
        fn survives_its_text_to_fifteen_digits(nanos in 0i64..1_000_000_000_000_000) {
            let micros = nanos - nanos % 1000;
            prop_assert_eq!(parse(&Span(micros).to_string()).map(|s| (s.0 - micros).abs() <= 1000), Ok(true));
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,20}") {
            let _ = parse(&text);
        }
    }
}
