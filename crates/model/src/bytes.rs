// SPDX-License-Identifier: Apache-2.0

//! Amounts of memory or disk as Mesos writes them, `128MB`.

use std::fmt;
use std::str::FromStr;

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// Units are powers of 1024, ascending.
const UNITS: [(&str, u64); 5] =
    [("B", 1), ("KB", 1 << 10), ("MB", 1 << 20), ("GB", 1 << 30), ("TB", 1 << 40)];

/// Why a text is no amount. Texts as Mesos writes them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BytesError {
    #[error("Failed to convert '{0}' to number")]
    Number(String),
    #[error("Fractional bytes '{0}'")]
    Fractional(String),
    #[error("Unknown bytes unit '{0}'")]
    Unit(String),
    #[error("Invalid bytes '{0}'")]
    Invalid(String),
    #[error("Bytes '{0}' do not fit into 64 bits")]
    OutOfRange(String),
}

impl Bytes {
    pub const fn from_megabytes(megabytes: u64) -> Bytes {
        Bytes(megabytes.saturating_mul(1 << 20))
    }

    /// Whole megabytes, rounded down: the unit of the `mem` and `disk` resources.
    pub const fn megabytes(self) -> u64 {
        self.0 >> 20
    }
}

impl FromStr for Bytes {
    type Err = BytesError;

    /// A whole number with a unit in any case: `2GB`, `64kb`.
    fn from_str(text: &str) -> Result<Bytes, BytesError> {
        let at =
            text.find(|c: char| !c.is_ascii_digit()).ok_or_else(|| BytesError::Invalid(text.to_string()))?;
        let (number, unit) = text.split_at(at);
        if unit.starts_with('.') {
            return Err(BytesError::Fractional(text.to_string()));
        }
        let value: u64 = number.parse().map_err(|_| BytesError::Number(number.to_string()))?;
        let unit = unit.to_ascii_uppercase();
        let (_, factor) =
            UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(|| BytesError::Unit(unit.clone()))?;
        value.checked_mul(*factor).map(Bytes).ok_or_else(|| BytesError::OutOfRange(text.to_string()))
    }
}

/// Mesos: the largest unit that divides the amount.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = UNITS.iter().rfind(|(_, factor)| self.0 > 0 && self.0.is_multiple_of(*factor));
        let (name, factor) = exact.unwrap_or(&UNITS[0]);
        write!(f, "{}{name}", self.0 / factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_and_prints_as_mesos() {
        for (text, bytes, printed) in [
            ("128MB", 128 << 20, "128MB"),
            ("2gb", 2 << 30, "2GB"),
            ("4096B", 4096, "4KB"),
            ("1025B", 1025, "1025B"),
            ("0TB", 0, "0B"),
            ("2048TB", 2048 << 40, "2048TB"),
        ] {
            assert_eq!(text.parse(), Ok(Bytes(bytes)));
            assert_eq!(Bytes(bytes).to_string(), printed);
        }
    }

    #[test]
    fn refuses_with_the_texts_of_mesos() {
        for (text, error) in [
            ("", "Invalid bytes ''"),
            ("12", "Invalid bytes '12'"),
            ("1.5GB", "Fractional bytes '1.5GB'"),
            ("1PB", "Unknown bytes unit 'PB'"),
            ("MB", "Failed to convert '' to number"),
            ("99999999999TB", "Bytes '99999999999TB' do not fit into 64 bits"),
        ] {
            assert_eq!(text.parse::<Bytes>().unwrap_err().to_string(), error);
        }
    }

    proptest! {
        #[test]
        fn survives_its_text(bytes: u64) {
            prop_assert_eq!(Bytes(bytes).to_string().parse(), Ok(Bytes(bytes)));
        }
    }
}
