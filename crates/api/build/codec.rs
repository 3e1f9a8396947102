// SPDX-License-Identifier: Apache-2.0

//! Prints the `impl Message` of one message.
//!
//! Its methods only list the fields: what a field of some shape means is written once, in `src/wire/` and
//! `src/json/`.

use std::fmt::Write;

use prost_types::field_descriptor_proto::Label;

use crate::schema::{Field, Kind, Message, escape};

pub struct Codec<'a> {
    name: &'a str,
    message: &'a Message,
    /// In declared order: the position of each is its bit.
    required: Vec<&'a Field>,
    by_number: Vec<&'a Field>,
}

impl<'a> Codec<'a> {
    pub fn new(name: &'a str, message: &'a Message) -> Codec<'a> {
        let required: Vec<&Field> = message.fields.iter().filter(|f| f.label == Label::Required).collect();
        assert!(required.len() <= 64, "{name} has more required fields than a bit mask holds");
        let mut by_number: Vec<&Field> = message.fields.iter().collect();
        by_number.sort_by_key(|field| field.number);
        Codec { name, message, required, by_number }
    }

    /// `default` prints the explicit default of a field.
    pub fn print(&self, default: impl Fn(&Field) -> Option<String>) -> String {
        let mut out = format!("impl pb::Message for {} {{\n", self.name);
        let _ = writeln!(out, "const PROTO_NAME: &'static str = {:?};", self.message.proto_name);
        let renamed: Vec<&Field> = self.message.fields.iter().filter(|f| f.name != f.v0_name).collect();
        for (constant, fields) in [("REQUIRED", &self.required), ("RENAMED", &renamed)] {
            let list: Vec<String> =
                fields.iter().map(|f| format!("({}, {})", f.number, name_literal(f))).collect();
            let _ = writeln!(out, "const {constant}: &'static [(u32, pb::Name)] = &[{}];", list.join(", "));
        }
        self.merge_field(&mut out);
        self.encode_fields(&mut out);
        self.json_fields(&mut out, default);
        self.merge_json(&mut out);
        out.push_str("fn unknown(&self) -> &pb::Unknown { &self.unknown }\n");
        out.push_str("fn unknown_mut(&mut self) -> &mut pb::Unknown { &mut self.unknown }\n}\n");
        out
    }

    fn merge_field(&self, out: &mut String) {
        let (tag, reader, seen) = self.unused("tag", "r");
        let _ = writeln!(
            out,
            "fn merge_field(&mut self, {tag}: pb::Tag, {reader}: &mut pb::Reader<'_, '_>, {seen}: &mut u64) -> \
             Result<bool, pb::WireError> {{"
        );
        self.arms(out, "tag.number", "Ok(false)", |field| {
            let rust = escape(&field.name);
            let bit = self.bit(field);
            let shape = shape(field);
            let call = format!("r.{shape}(tag, {:?}, &mut self.{rust}{bit})", field.name);
            let others = self.others(field);
            let arm = if others.is_empty() {
                call
            } else {
                format!("{{ let known = {call}?; if known {{ {others} }} Ok(known) }}")
            };
            format!("{} => {arm},", field.number)
        });
    }

    fn encode_fields(&self, out: &mut String) {
        let writer = if self.message.fields.is_empty() { "_" } else { "w" };
        let _ = writeln!(out, "fn encode_fields(&self, {writer}: &mut Vec<u8>) {{");
        for field in &self.by_number {
            let rust = escape(&field.name);
            let _ = writeln!(out, "pb::put_{}(w, {}, &self.{rust});", shape(field), field.number);
        }
        out.push_str("}\n");
    }

    fn json_fields(&self, out: &mut String, default: impl Fn(&Field) -> Option<String>) {
        let writer = if self.message.fields.is_empty() { "_" } else { "w" };
        let _ = writeln!(out, "fn json_fields(&self, {writer}: &mut pb::JsonWriter<'_>) {{");
        for field in &self.message.fields {
            let rust = escape(&field.name);
            let name = name_literal(field);
            let put = match (shape(field), default(field)) {
                // Mesos: an unset optional field with an explicit default is written, unless it is deprecated.
                ("optional", Some(default)) if !field.deprecated => {
                    format!("w.optional_or({name}, &self.{rust}, || {default});")
                }
                (shape, _) => format!("w.{shape}({name}, &self.{rust});"),
            };
            let _ = if field.v0_only {
                writeln!(out, "if w.dialect().shows_v0() {{ {put} }}")
            } else {
                writeln!(out, "{put}")
            };
        }
        out.push_str("}\n");
    }

    fn merge_json(&self, out: &mut String) {
        let (key, reader, seen) = self.unused("key", "p");
        let value = if self.message.fields.is_empty() { "_" } else { "value" };
        let _ = writeln!(
            out,
            "fn merge_json(&mut self, {key}: &str, {value}: &pb::Json, {reader}: &mut pb::JsonReader, \
             {seen}: &mut u64) -> Result<(), pb::JsonError> {{"
        );
        self.arms(out, "key", "Ok(())", |field| {
            let rust = escape(&field.name);
            let bit = self.bit(field);
            let name = name_literal(field);
            let guard = if field.v0_only { " if p.dialect().shows_v0()" } else { "" };
            let call = format!("p.{}({}, {name}, value, &mut self.{rust}{bit})", shape(field), field.number);
            let others = self.others(field);
            let arm = if others.is_empty() {
                call
            } else {
                format!("{{ {call}?; if self.{rust}.is_some() {{ {others} }} Ok(()) }}")
            };
            format!("{:?}{guard} => {arm},", field.name)
        });
    }

    /// The body of a method that matches on the field, and the method's end.
    fn arms(&self, out: &mut String, on: &str, otherwise: &str, arm: impl Fn(&Field) -> String) {
        if self.message.fields.is_empty() {
            let _ = writeln!(out, "{otherwise}\n}}");
            return;
        }
        let _ = writeln!(out, "match {on} {{");
        for field in &self.by_number {
            let _ = writeln!(out, "{}", arm(field));
        }
        let _ = writeln!(out, "_ => {otherwise},\n}}\n}}");
    }

    /// Names of arguments, `_` for those that the message has no use for.
    fn unused<'n>(&self, first: &'n str, second: &'n str) -> (&'n str, &'n str, &'static str) {
        let seen = if self.required.is_empty() { "_" } else { "seen" };
        if self.message.fields.is_empty() { ("_", "_", seen) } else { (first, second, seen) }
    }

    /// The further arguments that a required field takes.
    fn bit(&self, field: &Field) -> String {
        let bit = self.required.iter().position(|required| required.number == field.number);
        bit.map_or(String::new(), |bit| format!(", seen, {bit}"))
    }

    /// Unsets the other members of a field's `oneof`: the last one that comes wins.
    fn others(&self, field: &Field) -> String {
        let others = self.message.fields.iter().filter(|other| {
            field.oneof.is_some() && other.oneof == field.oneof && other.number != field.number
        });
        others.map(|other| format!("self.{} = None;", escape(&other.name))).collect()
    }
}

/// How a field occurs: the suffix of the runtime's functions for it.
pub fn shape(field: &Field) -> &'static str {
    match (&field.kind, field.label) {
        (Kind::Map(_), _) => "map",
        (_, Label::Repeated) => "repeated",
        (_, Label::Required) => "required",
        (_, Label::Optional) => "optional",
    }
}

fn name_literal(field: &Field) -> String {
    format!("pb::Name::new({:?}, {:?})", field.name, field.v0_name)
}
