// SPDX-License-Identifier: Apache-2.0

//! The fixed-point number in which every scalar resource is counted.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};

/// An amount of a scalar resource in thousandths (1 cpu is `Scalar::from_millis(1000)`).
///
/// Mesos: all arithmetic and comparison happens on the value rounded to three decimals, so `0.0004` cpus equal none.
/// Sums saturate at the ends of `i64` (9.2e15 units) instead of wrapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scalar(i64);

impl Scalar {
    pub const ZERO: Scalar = Scalar(0);
    pub const MAX: Scalar = Scalar(i64::MAX);

    pub const fn from_millis(thousandths: i64) -> Scalar {
        Scalar(thousandths)
    }

    /// `units` whole units, saturating.
    pub const fn from_units(units: i64) -> Scalar {
        Scalar(units.saturating_mul(1000))
    }

    /// Rounds to the nearest thousandth, halves away from zero; what does not fit saturates, NaN becomes zero.
    pub fn from_f64(value: f64) -> Scalar {
        Scalar((value * 1000.0).round() as i64)
    }

    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The nearest double, as it is put on the wire.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    pub fn checked_add(self, other: Scalar) -> Option<Scalar> {
        self.0.checked_add(other.0).map(Scalar)
    }

    pub fn checked_sub(self, other: Scalar) -> Option<Scalar> {
        self.0.checked_sub(other.0).map(Scalar)
    }

    /// The difference, or zero where it would be negative.
    pub fn minus_at_least_zero(self, other: Scalar) -> Scalar {
        Scalar(self.0.saturating_sub(other.0).max(0))
    }
}

impl Add for Scalar {
    type Output = Scalar;
    fn add(self, other: Scalar) -> Scalar {
        Scalar(self.0.saturating_add(other.0))
    }
}

impl Sub for Scalar {
    type Output = Scalar;
    fn sub(self, other: Scalar) -> Scalar {
        Scalar(self.0.saturating_sub(other.0))
    }
}

impl AddAssign for Scalar {
    fn add_assign(&mut self, other: Scalar) {
        *self = *self + other;
    }
}

impl SubAssign for Scalar {
    fn sub_assign(&mut self, other: Scalar) {
        *self = *self - other;
    }
}

impl std::iter::Sum for Scalar {
    fn sum<I: Iterator<Item = Scalar>>(items: I) -> Scalar {
        items.fold(Scalar::ZERO, Add::add)
    }
}

/// Mesos: scalars are printed as C's `%.15g` prints the double: `4`, `0.1`, `1e+15`.
impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::number::general(self.to_f64(), 15))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rounds_to_thousandths_away_from_zero() {
        for (value, millis) in [(0.0004, 0), (0.0005, 1), (-0.0005, -1), (1.2345678, 1235), (0.1 + 0.2, 300)]
        {
            assert_eq!(Scalar::from_f64(value).millis(), millis, "{value}");
        }
        assert_eq!(Scalar::from_f64(f64::NAN), Scalar::ZERO);
        assert_eq!(Scalar::from_f64(f64::INFINITY), Scalar::MAX);
    }

    #[test]
    fn prints_as_a_c_plus_plus_stream() {
        for (millis, text) in [
            (4000, "4"),
            (100, "0.1"),
            (1, "0.001"),
            (123_456_789_500, "123456789.5"),
            (1_234_567_890_123_125, "1234567890123.12"),
            (-1500, "-1.5"),
            (0, "0"),
            (1_000_000_000_000_000_000, "1e+15"),
        ] {
            assert_eq!(Scalar::from_millis(millis).to_string(), text);
        }
    }

    #[test]
    fn saturates_instead_of_wrapping() {
        assert_eq!(Scalar::MAX + Scalar::from_units(1), Scalar::MAX);
        assert_eq!(Scalar::MAX.checked_add(Scalar::from_millis(1)), None);
        assert_eq!(Scalar::from_units(1).minus_at_least_zero(Scalar::from_units(2)), Scalar::ZERO);
    }

    proptest! {
        #[test]
        fn survives_the_wire(millis in -1_000_000_000_000_000i64..1_000_000_000_000_000) {
            let scalar = Scalar::from_millis(millis);
            prop_assert_eq!(Scalar::from_f64(scalar.to_f64()), scalar);
        }
    }
}
