// SPDX-License-Identifier: Apache-2.0

//! Decimal text of doubles as C and C++ write and read it.

/// Writes `value` as C's `%.{precision}g`: at most `precision` significant digits, no trailing zeros, an exponent
/// where the number is very large or small.
pub fn general(value: f64, precision: usize) -> String {
    if value == 0.0 {
        return "0".to_string();
    }
    if !value.is_finite() {
        return if value.is_nan() {
            "nan"
        } else if value > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .to_string();
    }
    let scientific = format!("{value:.digits$e}", digits = precision - 1);
    let (mantissa, exponent) = scientific.split_once('e').expect("Rust's `e` format always has an exponent");
    let exponent: i32 = exponent.parse().expect("Rust's `e` format has an integer exponent");
    if exponent < -4 || exponent >= precision as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", without_trailing_zeros(mantissa), exponent.abs());
    }
    let decimals = (precision as i32 - 1 - exponent) as usize;
    without_trailing_zeros(&format!("{value:.decimals$}")).to_string()
}

fn without_trailing_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// Reads a decimal number, refusing what C++'s lexical conversion refuses (blanks, empty text) and Rust alone accepts.
pub(crate) fn parse_double(text: &str) -> Option<f64> {
    let plain = |c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-' | 'e' | 'E');
    let body = text.trim_start_matches(['+', '-']);
    let named = ["inf", "infinity", "nan"].iter().any(|name| body.eq_ignore_ascii_case(name));
    if !named && !text.chars().all(plain) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_as_percent_g() {
        for (value, text) in [
            (1.5, "1.5"),
            (100.0, "100"),
            (1.0 / 3.0, "0.333333333333333"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (1e15, "1e+15"),
            (1e14, "100000000000000"),
            (999_999_999_999_999.9, "1e+15"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(general(value, 15), text);
        }
    }

    #[test]
    fn reads_numbers_only() {
        assert_eq!(parse_double("1e3"), Some(1000.0));
        assert_eq!(parse_double("-.5"), Some(-0.5));
        assert_eq!(parse_double("inf"), Some(f64::INFINITY));
        for text in ["", "x", " 1", "1 ", "1_000", "e", "--1"] {
            assert_eq!(parse_double(text), None, "{text:?}");
        }
    }
}
