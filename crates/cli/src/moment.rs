// SPDX-License-Identifier: Apache-2.0

//! Moments and spans of time, as people write them on a command line.

use std::time::Duration;

const DAY: i64 = 86_400;

/// When something is to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// So long from now.
    In(Duration),
    /// Seconds since 1970.
    At(i64),
}

impl Moment {
    /// Nanoseconds since 1970.
    pub fn nanos(self, now: Duration) -> i64 {
        let nanos = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        match self {
            Moment::In(span) => nanos(now).saturating_add(nanos(span)),
            Moment::At(secs) => secs.saturating_mul(1_000_000_000),
        }
    }
}

/// `now`, `+30m`, or a time of UTC: `2026-11-22T22:00:00Z`, also without seconds.
pub fn parse_moment(text: &str) -> Result<Moment, String> {
    if text == "now" {
        return Ok(Moment::In(Duration::ZERO));
    }
    if let Some(span) = text.strip_prefix('+') {
        return parse_span(span).map(Moment::In);
    }
    civil(text).map(Moment::At).ok_or_else(|| {
        "expected now, a span such as +30m, or a time of UTC such as 2026-11-22T22:00Z".to_owned()
    })
}

/// Numbers with units, `90s`, `1h30m`, `2d`, also as Mesos writes them, `5mins`.
pub fn parse_span(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a span such as 90s, 30m, 1h30m or 2d".to_owned();
    let (mut rest, mut sum) = (text, Duration::ZERO);
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let unit = rest.find(|letter: char| letter.is_ascii_digit()).unwrap_or(rest.len());
        let seconds = match &rest[..unit] {
            "s" | "sec" | "secs" => 1,
            "m" | "min" | "mins" => 60,
            "h" | "hr" | "hrs" => 3600,
            "d" | "day" | "days" => DAY.unsigned_abs(),
            "w" | "week" | "weeks" => 7 * DAY.unsigned_abs(),
            _ => return Err(wrong()),
        };
        let span = number.checked_mul(seconds).map(Duration::from_secs);
        // Bound: a hundred years; the wire counts nanoseconds.
        sum = span.and_then(|span| sum.checked_add(span)).filter(|sum| *sum < CENTURY).ok_or_else(wrong)?;
        rest = &rest[unit..];
    }
    if text.is_empty() { Err(wrong()) } else { Ok(sum) }
}

const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);

/// A moment in nanoseconds since 1970, to the second.
pub fn show_moment(nanos: i64) -> String {
    let secs = nanos.div_euclid(1_000_000_000);
    let (year, month, day) = date_of(secs.div_euclid(DAY));
    let time = secs.rem_euclid(DAY);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", time / 3600, time / 60 % 60, time % 60)
}

/// A span in nanoseconds, to the second.
pub fn show_span(nanos: i64) -> String {
    let secs = nanos / 1_000_000_000;
    if secs == 0 {
        return "0s".to_owned();
    }
    let parts = [(secs / DAY, "d"), (secs / 3600 % 24, "h"), (secs / 60 % 60, "m"), (secs % 60, "s")];
    let shown = parts.iter().filter(|(number, _)| *number != 0);
    shown.map(|(number, unit)| format!("{number}{unit}")).collect()
}

fn civil(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once(['T', ' '])?;
    let date = numbers(date, '-', &[4, 2, 2])?;
    let time = numbers(time, ':', &[2, 2, 2]).or_else(|| numbers(time, ':', &[2, 2]))?;
    let (year, month, day) = (date[0], date[1], date[2]);
    let seconds = time.get(2).copied().unwrap_or(0);
    let days = days_to(year, month, day);
    let exists = (1..=12).contains(&month) && date_of(days) == (year, month, day);
    let fits = time[0] < 24 && time[1] < 60 && seconds < 60 && (1970..2200).contains(&year);
    (exists && fits).then(|| days * DAY + time[0] * 3600 + time[1] * 60 + seconds)
}

fn numbers(text: &str, between: char, lengths: &[usize]) -> Option<Vec<i64>> {
    let parts: Vec<&str> = text.split(between).collect();
    let fits =
        parts.len() == lengths.len() && parts.iter().zip(lengths).all(|(part, wide)| part.len() == *wide);
    let digits = fits && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    if digits { parts.iter().map(|part| part.parse().ok()).collect() } else { None }
}

/// Days from 1970 to a date. Years are counted from March, so that the day that some have more comes last.
fn days_to(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * from_march + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_and_shown() {
        let at = |text: &str| match parse_moment(text) {
            Ok(Moment::At(secs)) => secs,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!((at("1970-01-01T00:00Z"), at("2000-03-01T12:00:01Z")), (0, 951_912_001));
        for text in
            ["2026-11-22T22:00:00Z", "2024-02-29T23:59:59Z", "1999-12-31T00:00:00Z", "2100-03-01T00:00:00Z"]
        {
            assert_eq!(show_moment(at(text) * 1_000_000_000), text);
        }
        assert_eq!(parse_moment("now"), Ok(Moment::In(Duration::ZERO)));
        assert_eq!(parse_moment("+1h30m"), Ok(Moment::In(Duration::from_secs(5400))));
        assert_eq!(Moment::In(Duration::from_secs(2)).nanos(Duration::from_secs(3)), 5_000_000_000);
        for text in [
            "",
            "tomorrow",
            "2026-02-30T00:00Z",
            "2026-13-01T00:00Z",
            "2026-11-22T24:00Z",
            "2026-11-22",
            "+",
            "+5",
        ] {
            assert!(parse_moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn spans_are_read_and_shown() {
        for (text, seconds) in [
            ("90s", 90),
            ("1h30m", 5400),
            ("2d", 172_800),
            ("1w", 604_800),
            ("10mins", 600),
            ("1day", 86_400),
        ] {
            assert_eq!(parse_span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "5", "m", "1y", "-1s", "1h 5m", "99999999999999999999s", "200000000h"] {
            assert!(parse_span(text).is_err(), "{text}");
        }
        assert_eq!((show_span(5_400_000_000_000), show_span(0)), ("1h30m".into(), "0s".into()));
        assert_eq!(show_span(90_061_000_000_000), "1d1h1m1s");
    }
}
