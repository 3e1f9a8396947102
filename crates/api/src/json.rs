// SPDX-License-Identifier: Apache-2.0

//! The JSON form of messages: Mesos's own mapping, not the one of proto3.
//!
//! Names are the contract's (`snake_case`), enums are names, 64-bit integers are numbers, bytes are base64, whole
//! doubles end in `.0`; fields stand in declared order, and unset fields with an explicit default are written. On
//! reading, numbers and booleans may come as strings, a lone value may stand for a list, unknown keys are
//! ignored, `null` leaves a field unset.

mod members;
mod number;
mod reader;
mod text;
mod writer;

pub use members::Members;
pub use number::format_double;
pub use reader::JsonReader;
pub use text::{Json, beginning, parse};
pub use writer::JsonWriter;

use crate::wire::Message;

/// Which family is spoken: names are `agent_id` or `slave_id`, and v1 lacks a field and an enum value of v0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    V0,
    V1,
    /// Mesos: what a master tells of its own state to operators (`GET_AGENTS`, `GET_STATE`, their events) is v0
    /// under the names of v1: `AgentInfo` has `checkpoint` there.
    Master,
}

impl Dialect {
    /// Whether names are spelled as in v0.
    pub fn spells_v0(self) -> bool {
        self == Dialect::V0
    }

    /// Whether what only v0 knows is shown.
    pub fn shows_v0(self) -> bool {
        self != Dialect::V1
    }
}

/// A name in both families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    pub v1: &'static str,
    pub v0: &'static str,
}

impl Name {
    pub const fn new(v1: &'static str, v0: &'static str) -> Name {
        Name { v1, v0 }
    }
}

/// Why JSON is not a message; the text is the one that Mesos answers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(pub String);

/// The JSON of a message, on one line.
pub fn to_json<M: Message>(message: &M, dialect: Dialect) -> String {
    let mut out = Vec::new();
    write_json(message, dialect, &mut out);
    String::from_utf8(out).expect("the writer appends only UTF-8")
}

/// Appends the JSON of a message.
pub fn write_json<M: Message>(message: &M, dialect: Dialect, out: &mut Vec<u8>) {
    JsonWriter::new(out, dialect).message(message);
}

/// Reads a message from parsed JSON.
pub fn from_json<M: Message>(json: &Json, dialect: Dialect) -> Result<M, JsonError> {
    let mut message = M::default();
    JsonReader::new(json, dialect).top(json, &mut message)?;
    Ok(message)
}
