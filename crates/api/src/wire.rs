// SPDX-License-Identifier: Apache-2.0

//! The binary form of messages, read as Mesos reads it.
//!
//! Mesos: a message that misses a required field is refused whole, with the paths of what is missing; an enum
//! value that the reader does not know leaves the field unset; unknown fields are kept and handed on; a field of
//! the wrong wire type counts as unknown. Strings that are not UTF-8 pass in Mesos; here their bad bytes become
//! U+FFFD, so that one bad byte in a status message cannot make an update retry for ever.
//!
//! Bound: nesting is limited to [`DEPTH_MAX`] levels, and what decoding may allocate to a multiple of the
//! input's length, so that a small hostile body cannot become a large one in memory.

mod encode;
mod reader;
mod report;
mod value;

pub(crate) use encode::with_length;
pub use encode::{encode_tag, encode_varint, put_map, put_optional, put_repeated, put_required};
pub use reader::{Reader, Tag, WireType};
pub(crate) use report::{Report, Step};
pub use value::Value;
pub(crate) use value::{enum_value, message_value};

use crate::json::{Json, JsonError, JsonReader, JsonWriter, Name};

/// What the generated modules use.
pub mod prelude {
    pub use super::{
        Enumeration, Message, Reader, Tag, Unknown, WireError, put_map, put_optional, put_repeated,
        put_required,
    };
    pub use crate::json::{Json, JsonError, JsonReader, JsonWriter, Name};
    pub use std::collections::BTreeMap;
}

/// Bound: the depth to which messages may nest, as in the protobuf library of Mesos.
pub const DEPTH_MAX: usize = 100;

/// Why bytes are not a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error("the message ends in the middle of a field")]
    Truncated,
    #[error("the bytes are not a protobuf message: {0}")]
    Malformed(&'static str),
    #[error("the message nests deeper than {DEPTH_MAX} levels")]
    TooDeep,
    #[error("the message would take too much memory for its length")]
    TooLarge,
    #[error("Missing required fields: {0}")]
    MissingRequired(String),
}

/// A message of the contract.
pub trait Message: Value + Default {
    /// The full protobuf name: the name of a libprocess message.
    const PROTO_NAME: &'static str;
    /// Required fields in declared order; the position of each is its bit in `seen`.
    const REQUIRED: &'static [(u32, Name)];
    /// Fields that v0 spells differently.
    const RENAMED: &'static [(u32, Name)];

    /// Reads one field. `Ok(false)` says that the field is not known in this form, and nothing was kept of it.
    fn merge_field(&mut self, tag: Tag, r: &mut Reader<'_, '_>, seen: &mut u64) -> Result<bool, WireError>;
    /// Appends the known fields, in order of their numbers.
    fn encode_fields(&self, out: &mut Vec<u8>);
    /// Writes the known fields, in declared order.
    fn json_fields(&self, w: &mut JsonWriter<'_>);
    /// Reads the member `key` of a JSON object; unknown keys are ignored.
    fn merge_json(
        &mut self,
        key: &str,
        value: &Json,
        p: &mut JsonReader,
        seen: &mut u64,
    ) -> Result<(), JsonError>;
    fn unknown(&self) -> &Unknown;
    fn unknown_mut(&mut self) -> &mut Unknown;

    /// Reads a whole message; every required field of it and of what it contains is present afterwards.
    fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut report = Report::new(bytes.len());
        let mut message = Self::default();
        let mut seen = 0;
        let mut reader = Reader::new(bytes, &mut report);
        reader.merge_message(&mut message, &mut seen)?;
        report.finish()?;
        Ok(message)
    }

    /// The binary form.
    fn encode(&self) -> Vec<u8> {
        // Most messages fit.
        let mut out = Vec::with_capacity(256);
        self.encode_into(&mut out);
        out
    }

    /// Appends the binary form.
    fn encode_into(&self, out: &mut Vec<u8>) {
        self.encode_fields(out);
        out.extend_from_slice(self.unknown().as_bytes());
    }
}

/// An enum of the contract. It is closed: a number without a value leaves its field unset.
pub trait Enumeration: Copy + Eq + 'static {
    /// Value, number, names, and whether only the v0 family knows it.
    const VALUES: &'static [(Self, i32, Name, bool)];

    fn number(self) -> i32;

    fn from_number(number: i32) -> Option<Self> {
        Self::entry_of(number).map(|entry| entry.0)
    }

    /// The v1 name.
    fn name(self) -> &'static str {
        self.entry().2.v1
    }

    /// The v0 name.
    fn v0_name(self) -> &'static str {
        self.entry().2.v0
    }

    fn is_v0_only(self) -> bool {
        self.entry().3
    }

    /// By v1 name, exactly as spelled in the contract.
    fn from_name(name: &str) -> Option<Self> {
        Self::VALUES.iter().find(|entry| entry.2.v1 == name && !entry.3).map(|entry| entry.0)
    }

    fn from_v0_name(name: &str) -> Option<Self> {
        Self::VALUES.iter().find(|entry| entry.2.v0 == name).map(|entry| entry.0)
    }

    #[doc(hidden)]
    fn entry(self) -> &'static (Self, i32, Name, bool) {
        Self::entry_of(self.number()).expect("VALUES lists every value")
    }

    #[doc(hidden)]
    fn entry_of(number: i32) -> Option<&'static (Self, i32, Name, bool)> {
        // Values are mostly numbered from zero without gaps, so the position is tried first.
        let direct = usize::try_from(number).ok().and_then(|at| Self::VALUES.get(at));
        direct
            .filter(|entry| entry.1 == number)
            .or_else(|| Self::VALUES.iter().find(|entry| entry.1 == number))
    }
}

/// The raw bytes of fields that the contract does not name. Almost always empty, so it costs one pointer.
#[derive(Clone, Default, PartialEq, Eq)]
#[allow(clippy::box_collection, reason = "eight bytes in every message instead of twenty-four")]
pub struct Unknown(Option<Box<Vec<u8>>>);

impl Unknown {
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }

    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.0.get_or_insert_default().extend_from_slice(bytes);
    }
}

impl std::fmt::Debug for Unknown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.as_bytes().len())
    }
}
