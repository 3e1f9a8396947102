// SPDX-License-Identifier: Apache-2.0

//! The kinds of values that a field can hold.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Reader, WireError, WireType};
use crate::json::{Json, JsonError, JsonReader, JsonWriter};

/// A value in both of its forms.
pub trait Value: Clone + std::fmt::Debug + PartialEq {
    const WIRE: WireType;
    /// Whether the value is a message, and so a step on the path to others.
    const NESTS: bool = false;
    /// Bytes that a default value takes on the heap.
    const HEAP: usize = 0;

    /// Reads the value; `Ok(false)` if it is an enum number without a meaning. A message is merged into, and
    /// `again` says that it was read before.
    fn read(&mut self, r: &mut Reader<'_, '_>, again: bool) -> Result<bool, WireError>;
    fn write(&self, out: &mut Vec<u8>);

    fn write_json(&self, w: &mut JsonWriter<'_>);
    /// Reads the value from JSON; `Ok(false)` if it is an enum name without a meaning.
    fn read_json(&mut self, json: &Json, p: &mut JsonReader) -> Result<bool, JsonError>;

    /// Whether the JSON of this family leaves the value out.
    fn is_hidden(&self, _w: &JsonWriter<'_>) -> bool {
        false
    }
}

macro_rules! integer {
    ($type:ty) => {
        impl Value for $type {
            const WIRE: WireType = WireType::Varint;

            fn read(&mut self, r: &mut Reader<'_, '_>, _: bool) -> Result<bool, WireError> {
                *self = r.varint()? as $type;
                Ok(true)
            }

            fn write(&self, out: &mut Vec<u8>) {
                // A negative int32 is written with ten bytes, sign-extended.
                super::encode_varint(out, *self as i64 as u64);
            }

            fn write_json(&self, w: &mut JsonWriter<'_>) {
                w.display(self);
            }

            fn read_json(&mut self, json: &Json, p: &mut JsonReader) -> Result<bool, JsonError> {
                // Mesos converts by a C cast: fractions are cut off, integers wrap. Of a double that is out of
                // range the cast has no defined result; here the nearest value is taken.
                *self = match p.number(json)? {
                    Json::Integer(value) => value as $type,
                    Json::Double(value) => value as $type,
                    _ => unreachable!("number() returns numbers"),
                };
                Ok(true)
            }
        }
    };
}

integer!(i32);
integer!(i64);
integer!(u32);
integer!(u64);

macro_rules! float {
    ($type:ty, $wire:expr) => {
        impl Value for $type {
            const WIRE: WireType = $wire;

            fn read(&mut self, r: &mut Reader<'_, '_>, _: bool) -> Result<bool, WireError> {
                *self = <$type>::from_le_bytes(r.fixed()?);
                Ok(true)
            }

            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn write_json(&self, w: &mut JsonWriter<'_>) {
                w.double(f64::from(*self));
            }

            fn read_json(&mut self, json: &Json, p: &mut JsonReader) -> Result<bool, JsonError> {
                *self = match json {
                    Json::String(text) if text == "Infinity" => <$type>::INFINITY,
                    Json::String(text) if text == "-Infinity" => <$type>::NEG_INFINITY,
                    _ => match p.number(json)? {
                        Json::Integer(value) => value as $type,
                        Json::Double(value) => value as $type,
                        _ => unreachable!("number() returns numbers"),
                    },
                };
                Ok(true)
            }
        }
    };
}

float!(f64, WireType::Fixed64);
float!(f32, WireType::Fixed32);

impl Value for bool {
    const WIRE: WireType = WireType::Varint;

    fn read(&mut self, r: &mut Reader<'_, '_>, _: bool) -> Result<bool, WireError> {
        *self = r.varint()? != 0;
        Ok(true)
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn write_json(&self, w: &mut JsonWriter<'_>) {
        w.display(self);
    }

    fn read_json(&mut self, json: &Json, p: &mut JsonReader) -> Result<bool, JsonError> {
        *self = match json {
            Json::Bool(value) => *value,
            Json::String(text) => p.parse_text(text, "boolean", |json| match json {
                Json::Bool(value) => Some(*value),
                _ => None,
            })?,
            other => return Err(p.unexpected(other)),
        };
        Ok(true)
    }
}

impl Value for String {
    const WIRE: WireType = WireType::Bytes;

    fn read(&mut self, r: &mut Reader<'_, '_>, _: bool) -> Result<bool, WireError> {
        let bytes = r.bytes()?;
        *self = match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => String::from_utf8_lossy(bytes).into_owned(),
        };
        Ok(true)
    }

    fn write(&self, out: &mut Vec<u8>) {
        super::encode_varint(out, self.len() as u64);
        out.extend_from_slice(self.as_bytes());
    }

    fn write_json(&self, w: &mut JsonWriter<'_>) {
        w.string(self);
    }

    fn read_json(&mut self, json: &Json, p: &mut JsonReader) -> Result<bool, JsonError> {
        match json {
            Json::String(text) => self.clone_from(text),
            other => return Err(p.unexpected(other)),
        }
        Ok(true)
    }
}

impl Value for Vec<u8> {
    const WIRE: WireType = WireType::Bytes;

    fn read(&mut self, r: &mut Reader<'_, '_>, _: bool) -> Result<bool, WireError> {
        *self = r.bytes()?.to_vec();
        Ok(true)
    }

    fn write(&self, out: &mut Vec<u8>) {
        super::encode_varint(out, self.len() as u64);
        out.extend_from_slice(self);
    }

    fn write_json(&self, w: &mut JsonWriter<'_>) {
        w.string(&STANDARD.encode(self));
    }

    fn read_json(&mut self, json: &Json, p: &mut JsonReader) -> Result<bool, JsonError> {
        match json {
            Json::String(text) => {
                *self = decode_base64(text).map_err(|strange| {
                    let strange = String::from_utf8_lossy(std::slice::from_ref(&strange)).into_owned();
                    JsonError(format!(
                        "Failed to base64 decode bytes field '{}': Invalid character '{strange}'",
                        p.field()
                    ))
                })?;
            }
            other => return Err(p.unexpected(other)),
        }
        Ok(true)
    }
}

/// Mesos: spaces are skipped, padding ends the text and may be missing, spare bits are dropped. The error is the
/// first byte that means nothing.
fn decode_base64(text: &str) -> Result<Vec<u8>, u8> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0);
    for byte in text.bytes().take_while(|byte| *byte != b'=') {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b' ' | b'\t'..=b'\r' => continue,
            _ => return Err(byte),
        };
        bits = bits << 6 | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    Ok(out)
}

impl<T: Value> Value for Box<T> {
    const WIRE: WireType = T::WIRE;
    const NESTS: bool = T::NESTS;
    const HEAP: usize = size_of::<T>() + T::HEAP;

    fn read(&mut self, r: &mut Reader<'_, '_>, again: bool) -> Result<bool, WireError> {
        (**self).read(r, again)
    }

    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }

    fn write_json(&self, w: &mut JsonWriter<'_>) {
        (**self).write_json(w);
    }

    fn read_json(&mut self, json: &Json, p: &mut JsonReader) -> Result<bool, JsonError> {
        (**self).read_json(json, p)
    }
}

/// Makes a generated message a value; its required messages are part of its default.
macro_rules! message_value {
    ($type:ident $(, $required:ty)*) => {
        impl crate::wire::Value for $type {
            const WIRE: crate::wire::WireType = crate::wire::WireType::Bytes;
            const NESTS: bool = true;
            const HEAP: usize = 0 $(+ <$required as crate::wire::Value>::HEAP)*;

            fn read(
                &mut self,
                r: &mut crate::wire::Reader<'_, '_>,
                again: bool,
            ) -> Result<bool, crate::wire::WireError> {
                r.embedded(self, again)?;
                Ok(true)
            }

            fn write(&self, out: &mut Vec<u8>) {
                crate::wire::with_length(out, |out| crate::wire::Message::encode_into(self, out));
            }

            fn write_json(&self, w: &mut crate::json::JsonWriter<'_>) {
                w.message(self);
            }

            fn read_json(
                &mut self,
                json: &crate::json::Json,
                p: &mut crate::json::JsonReader,
            ) -> Result<bool, crate::json::JsonError> {
                p.message(json, self)?;
                Ok(true)
            }
        }
    };
}

/// Makes a generated enum a value.
macro_rules! enum_value {
    ($type:ident) => {
        impl crate::wire::Value for $type {
            const WIRE: crate::wire::WireType = crate::wire::WireType::Varint;

            fn read(
                &mut self,
                r: &mut crate::wire::Reader<'_, '_>,
                _: bool,
            ) -> Result<bool, crate::wire::WireError> {
                match <Self as crate::wire::Enumeration>::from_number(r.varint()? as i32) {
                    Some(value) => *self = value,
                    None => return Ok(false),
                }
                Ok(true)
            }

            fn write(&self, out: &mut Vec<u8>) {
                crate::wire::encode_varint(out, i64::from(crate::wire::Enumeration::number(*self)) as u64);
            }

            fn write_json(&self, w: &mut crate::json::JsonWriter<'_>) {
                let name = if w.dialect().spells_v0() {
                    crate::wire::Enumeration::v0_name(*self)
                } else {
                    crate::wire::Enumeration::name(*self)
                };
                w.string(name);
            }

            fn read_json(
                &mut self,
                json: &crate::json::Json,
                p: &mut crate::json::JsonReader,
            ) -> Result<bool, crate::json::JsonError> {
                let found = p.enumeration(json)?;
                if let Some(value) = found {
                    *self = value;
                }
                Ok(found.is_some())
            }

            fn is_hidden(&self, w: &crate::json::JsonWriter<'_>) -> bool {
                crate::wire::Enumeration::is_v0_only(*self) && !w.dialect().shows_v0()
            }
        }
    };
}

pub(crate) use {enum_value, message_value};
