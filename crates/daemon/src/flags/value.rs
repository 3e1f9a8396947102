// SPDX-License-Identifier: Apache-2.0

//! The value of a flag.

use std::cmp::Ordering;
use std::fmt;

use kaon_model::{Bytes, Span};

use super::Kind;

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    Integer(u64),
    Number(f64),
    Duration(Span),
    Bytes(Bytes),
    Text(String),
}

impl Value {
    /// Reads a value of a kind; the error is the text of Mesos.
    pub fn parse(kind: Kind, text: &str) -> Result<Value, String> {
        match kind {
            Kind::Bool => match text {
                "true" | "1" => Ok(Value::Bool(true)),
                "false" | "0" => Ok(Value::Bool(false)),
                _ => Err("Expecting a boolean (e.g., true or false)".to_owned()),
            },
            Kind::Integer => text.parse().map(Value::Integer).map_err(|_| no_number(text)),
            Kind::Number => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Value::Number(number)),
                _ => Err(no_number(text)),
            },
            Kind::Duration => text.parse().map(Value::Duration).map_err(|error| format!("{error}")),
            Kind::Bytes => text.parse().map(Value::Bytes).map_err(|error| format!("{error}")),
            Kind::Text | Kind::Path => Ok(Value::Text(text.to_owned())),
            Kind::Choice(words) if words.contains(&text) => Ok(Value::Text(text.to_owned())),
            Kind::Choice(words) => Err(format!("Expecting one of {}", words.join(", "))),
        }
    }
}

fn no_number(text: &str) -> String {
    format!("Failed to convert '{text}' to number")
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Integer(a), Value::Integer(b)) => a.partial_cmp(b),
            (Value::Number(a), Value::Number(b)) => a.partial_cmp(b),
            (Value::Duration(a), Value::Duration(b)) => a.partial_cmp(b),
            (Value::Bytes(a), Value::Bytes(b)) => a.partial_cmp(b),
            _ => None,
        }
    }
}

/// As /flags shows it: `1mins` for what was given as `60secs`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(value) => write!(f, "{value}"),
            Value::Integer(value) => write!(f, "{value}"),
            Value::Number(value) => write!(f, "{value}"),
            Value::Duration(value) => write!(f, "{value}"),
            Value::Bytes(value) => write!(f, "{value}"),
            Value::Text(value) => f.write_str(value),
        }
    }
}
