// SPDX-License-Identifier: Apache-2.0

//! The text of one value in flags: a number, `[1-5, 7-9]`, `{a, b}`, or anything else as plain text.

use crate::number;

/// A value as it was written, not yet judged by what it is to be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TextValue {
    Scalar(f64),
    /// Begin with end, in the order written; begin may lie beyond end.
    Ranges(Vec<(u64, u64)>),
    /// Items in the order written, duplicates included.
    Set(Vec<String>),
    Text(String),
}

/// Why a text is no value. Texts as Mesos writes them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueTextError {
    #[error("Expecting non-empty string")]
    Empty,
    #[error("Mismatched brackets")]
    Brackets,
    #[error("Expecting one or more \"ranges\"")]
    Ranges,
    #[error("Expecting non-negative integers in '{0}'")]
    Integer(String),
    #[error("Unexpected '{0}' found")]
    Unexpected(char),
    #[error("Invalid scalar value '{text}':{problem}")]
    Scalar { text: String, problem: &'static str },
}

impl TextValue {
    /// The name of its kind on the wire.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self {
            TextValue::Scalar(_) => "SCALAR",
            TextValue::Ranges(_) => "RANGES",
            TextValue::Set(_) => "SET",
            TextValue::Text(_) => "TEXT",
        }
    }
}

/// Mesos: blanks mean nothing anywhere, not even within plain text.
pub(crate) fn parse(text: &str) -> Result<TextValue, ValueTextError> {
    let text: String = text.chars().filter(|c| *c != ' ').collect();
    if text.is_empty() {
        return Err(ValueTextError::Empty);
    }
    if [('{', '}'), ('[', ']'), ('(', ')')].iter().any(|pair| !brackets_match(&text, *pair)) {
        return Err(ValueTextError::Brackets);
    }
    match (text.find('['), text.find('{')) {
        (Some(0), _) => parse_ranges(&text),
        (Some(_), _) => Err(ValueTextError::Unexpected('[')),
        (None, Some(0)) => {
            Ok(TextValue::Set(tokens(&text, &['{', '}', ',', '\n']).map(String::from).collect()))
        }
        (None, Some(_)) => Err(ValueTextError::Unexpected('{')),
        (None, None) => parse_scalar(text),
    }
}

fn brackets_match(text: &str, (open, close): (char, char)) -> bool {
    let mut depth = 0i64;
    for c in text.chars() {
        depth += i64::from(c == open) - i64::from(c == close);
        if depth < 0 {
            return false;
        }
    }
    depth == 0
}

fn tokens<'a>(text: &'a str, delimiters: &'a [char]) -> impl Iterator<Item = &'a str> {
    text.split(delimiters).filter(|token| !token.is_empty())
}

fn parse_ranges(text: &str) -> Result<TextValue, ValueTextError> {
    let numbers: Vec<&str> = tokens(text, &['[', ']', '-', ',', '\n']).collect();
    if !numbers.len().is_multiple_of(2) {
        return Err(ValueTextError::Ranges);
    }
    let number = |token: &str| token.parse().map_err(|_| ValueTextError::Integer(token.to_string()));
    let pairs: Result<_, _> =
        numbers.chunks(2).map(|pair| Ok((number(pair[0])?, number(pair[1])?))).collect();
    pairs.map(TextValue::Ranges)
}

fn parse_scalar(text: String) -> Result<TextValue, ValueTextError> {
    let Some(value) = number::parse_double(&text) else { return Ok(TextValue::Text(text)) };
    match scalar_problem(value) {
        Some(problem) => Err(ValueTextError::Scalar { text, problem }),
        None => Ok(TextValue::Scalar(value)),
    }
}

/// What Mesos dislikes about a number given by a person or in a request.
pub fn scalar_problem(value: f64) -> Option<&'static str> {
    match value.classify() {
        std::num::FpCategory::Nan => Some("NaN not supported"),
        std::num::FpCategory::Infinite => Some("Infinite values not supported"),
        std::num::FpCategory::Subnormal => Some("Subnormal values not supported"),
        _ if value < 0.0 => Some("Negative values not supported"),
        _ => None,
    }
}
