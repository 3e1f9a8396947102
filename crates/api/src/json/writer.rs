// SPDX-License-Identifier: Apache-2.0

//! Writes JSON, compact and on one line.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Write;

use super::{Dialect, Json, Name, format_double};
use crate::wire::{Message, Value};

/// Appends JSON values; it keeps track of where commas belong.
pub struct JsonWriter<'a> {
    out: &'a mut Vec<u8>,
    dialect: Dialect,
    /// Whether the next member or element needs no comma before it.
    first: bool,
}

impl<'a> JsonWriter<'a> {
    pub fn new(out: &'a mut Vec<u8>, dialect: Dialect) -> JsonWriter<'a> {
        JsonWriter { out, dialect, first: true }
    }

    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Writes `{…}` with the members that `body` writes.
    pub fn object(&mut self, body: impl FnOnce(&mut Self)) {
        self.out.push(b'{');
        self.first = true;
        body(self);
        self.out.push(b'}');
        self.first = false;
    }

    /// Writes `[…]` with the elements that `body` writes.
    pub fn array(&mut self, body: impl FnOnce(&mut Self)) {
        self.out.push(b'[');
        self.first = true;
        body(self);
        self.out.push(b']');
        self.first = false;
    }

    /// Begins an element of an array; the value follows.
    pub fn element(&mut self) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
    }

    /// Begins a member of an object; the value follows.
    pub fn key(&mut self, name: &str) {
        self.element();
        self.string(name);
        self.out.push(b':');
    }

    /// Writes a value that was read, its members in the order in which it holds them.
    pub fn json(&mut self, value: &Json) {
        match value {
            Json::Null => self.null(),
            Json::Bool(value) => self.display(value),
            Json::Integer(value) => self.display(value),
            Json::Double(value) => self.double(*value),
            Json::String(text) => self.string(text),
            Json::Array(items) => self.array(|w| {
                for item in items {
                    w.element();
                    w.json(item);
                }
            }),
            Json::Object(members) => self.object(|w| {
                for (name, member) in members.iter() {
                    w.key(name);
                    w.json(member);
                }
            }),
        }
    }

    pub fn null(&mut self) {
        self.out.extend_from_slice(b"null");
    }

    /// A boolean or an integer.
    pub fn display(&mut self, value: impl Display) {
        write!(self.out, "{value}").expect("writing to memory succeeds");
    }

    pub fn double(&mut self, value: f64) {
        self.out.extend_from_slice(format_double(value).as_bytes());
    }

    pub fn string(&mut self, text: &str) {
        self.out.push(b'"');
        let mut plain = 0;
        for (index, byte) in text.bytes().enumerate() {
            let escape: &[u8] = match byte {
                b'"' => b"\\\"",
                b'\\' => b"\\\\",
                0x08 => b"\\b",
                0x0c => b"\\f",
                b'\n' => b"\\n",
                b'\r' => b"\\r",
                b'\t' => b"\\t",
                0..0x20 => b"",
                _ => continue,
            };
            self.out.extend_from_slice(&text.as_bytes()[plain..index]);
            plain = index + 1;
            if escape.is_empty() {
                write!(self.out, "\\u{byte:04X}").expect("writing to memory succeeds");
            } else {
                self.out.extend_from_slice(escape);
            }
        }
        self.out.extend_from_slice(&text.as_bytes()[plain..]);
        self.out.push(b'"');
    }

    pub fn message<M: Message>(&mut self, message: &M) {
        self.object(|w| message.json_fields(w));
    }

    /// Appends JSON that is ready-made.
    pub fn raw(&mut self, json: &str) {
        self.out.extend_from_slice(json.as_bytes());
    }

    pub fn required<T: Value>(&mut self, name: Name, value: &T) {
        if !value.is_hidden(self) {
            self.name(name);
            value.write_json(self);
        }
    }

    pub fn optional<T: Value>(&mut self, name: Name, value: &Option<T>) {
        if let Some(value) = value {
            self.required(name, value);
        }
    }

    pub fn optional_or<T: Value>(&mut self, name: Name, value: &Option<T>, default: impl FnOnce() -> T) {
        match value {
            Some(value) => self.required(name, value),
            None => self.required(name, &default()),
        }
    }

    pub fn repeated<T: Value>(&mut self, name: Name, values: &[T]) {
        if values.iter().all(|value| value.is_hidden(self)) {
            return;
        }
        self.name(name);
        self.array(|w| {
            for value in values {
                if !value.is_hidden(w) {
                    w.element();
                    value.write_json(w);
                }
            }
        });
    }

    pub fn map<T: Value>(&mut self, name: Name, map: &BTreeMap<String, T>) {
        if map.is_empty() {
            return;
        }
        self.name(name);
        self.object(|w| {
            for (key, value) in map {
                w.key(key);
                value.write_json(w);
            }
        });
    }

    fn name(&mut self, name: Name) {
        self.key(if self.dialect.spells_v0() { name.v0 } else { name.v1 });
    }
}
