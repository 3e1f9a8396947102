// SPDX-License-Identifier: Apache-2.0

//! Prints the schema as Rust.
//!
//! Each message becomes a plain struct in the module of its package, each enum a closed Rust enum.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use prost_types::field_descriptor_proto::Label;

use crate::codec::{Codec, shape};
use crate::schema::{Enum, EnumValue, Field, Kind, Message, Schema, escape};

/// A singular message field larger than this many bytes is boxed, so that a call with twenty optional
/// members does not weigh kilobytes.
const INLINE_MAX: usize = 96;

pub fn emit(schema: &Schema) -> String {
    let emitter = Emitter { schema, sizes: sizes(schema), recursive: recursive(schema) };
    let mut root = Module::default();
    for message in schema.messages.values() {
        root.at(&message.path).push_str(&emitter.message(message));
    }
    for enumeration in schema.enums.values() {
        root.at(&enumeration.path).push_str(&emitter.enumeration(enumeration));
    }
    let mut out = String::new();
    root.print(&mut out);
    out.push_str(&emitter.registry());
    out
}

#[derive(Default)]
struct Module {
    items: String,
    modules: BTreeMap<String, Module>,
}

impl Module {
    fn at(&mut self, path: &[String]) -> &mut String {
        let mut module = self;
        for name in &path[..path.len() - 1] {
            module = module.modules.entry(name.clone()).or_default();
        }
        &mut module.items
    }

    fn print(&self, out: &mut String) {
        out.push_str(&self.items);
        for (name, module) in &self.modules {
            let _ = writeln!(out, "pub mod {name} {{\nuse crate::wire::prelude as pb;");
            module.print(out);
            out.push_str("}\n");
        }
    }
}

struct Emitter<'a> {
    schema: &'a Schema,
    sizes: BTreeMap<String, usize>,
    recursive: BTreeSet<(String, i32)>,
}

impl Emitter<'_> {
    fn message(&self, message: &Message) -> String {
        let key = self.key_of(message);
        let name = message.path.last().expect("a type has a name");
        let mut out = String::new();
        let _ = writeln!(out, "/// `{}`.", message.proto_name);
        let _ = writeln!(out, "#[derive(Clone, Debug, Default, PartialEq)]\npub struct {name} {{");
        for field in &message.fields {
            let _ = writeln!(out, "pub {}: {},", escape(&field.name), self.field_type(&key, field));
        }
        out.push_str(
            "/// Fields this version does not know, kept to be handed on.\npub unknown: pb::Unknown,\n}\n",
        );
        let _ =
            writeln!(out, "crate::wire::message_value!({name}{});", self.required_messages(&key, message));
        out.push_str(&Codec::new(name, message).print(|field| self.default_literal(field)));
        out.push_str(&self.defaults(name, message));
        if let [Field { name: value, label: Label::Required, kind: Kind::Scalar("String"), .. }] =
            message.fields.as_slice()
        {
            let _ = writeln!(
                out,
                "impl<T: Into<String>> From<T> for {name} {{ fn from(value: T) -> Self {{ Self {{ {value}: \
                 value.into(), unknown: pb::Unknown::default() }} }} }}"
            );
        }
        out
    }

    /// The types of the messages that a message's default holds, for the bound on memory.
    fn required_messages(&self, key: &str, message: &Message) -> String {
        let required = message
            .fields
            .iter()
            .filter(|field| field.label == Label::Required && matches!(field.kind, Kind::Message(_)));
        required.map(|field| format!(", {}", self.field_type(key, field))).collect()
    }

    /// Accessors that apply the contract's explicit defaults.
    fn defaults(&self, name: &str, message: &Message) -> String {
        let mut out = String::new();
        for field in message.fields.iter().filter(|field| shape(field) == "optional") {
            let Some(default) = self.default_literal(field) else { continue };
            let rust = escape(&field.name);
            let kind = self.kind_type(&field.kind);
            let get = match kind.as_str() {
                "String" | "Vec<u8>" => format!("self.{rust}.clone().unwrap_or_else(|| {default})"),
                _ => format!("self.{rust}.unwrap_or({default})"),
            };
            let _ = writeln!(
                out,
                "/// `{}`, or its default.\npub fn {rust}(&self) -> {kind} {{ {get} }}",
                field.name
            );
        }
        if out.is_empty() { out } else { format!("impl {name} {{\n{out}}}\n") }
    }

    fn default_literal(&self, field: &Field) -> Option<String> {
        let text = field.default.as_deref()?;
        Some(match &field.kind {
            Kind::Scalar("String") => format!("String::from({text:?})"),
            Kind::Scalar("f64" | "f32") => {
                if text.contains(['.', 'e', 'n']) {
                    text.to_owned()
                } else {
                    format!("{text}.0")
                }
            }
            Kind::Scalar(_) => text.to_owned(),
            Kind::Enum(key) => {
                let enumeration = &self.schema.enums[key];
                let value =
                    enumeration.values.iter().find(|value| value.v0_name == text || value.name == text);
                let value = value.expect("the default is a value of its enum");
                format!("{}::{}", rust_path(&enumeration.path), camel(&value.name))
            }
            Kind::Message(_) | Kind::Map(_) => panic!("{} cannot have a default", field.name),
        })
    }

    fn field_type(&self, parent: &str, field: &Field) -> String {
        let kind = self.kind_type(&field.kind);
        match (&field.kind, field.label) {
            (Kind::Map(_), _) => kind,
            (_, Label::Repeated) => format!("Vec<{kind}>"),
            (_, Label::Required) => self.boxed(parent, field, kind),
            (_, Label::Optional) => format!("Option<{}>", self.boxed(parent, field, kind)),
        }
    }

    fn boxed(&self, parent: &str, field: &Field, kind: String) -> String {
        let large = matches!(&field.kind, Kind::Message(key) if self.sizes[key] > INLINE_MAX);
        if large || self.recursive.contains(&(parent.to_owned(), field.number)) {
            format!("Box<{kind}>")
        } else {
            kind
        }
    }

    fn kind_type(&self, kind: &Kind) -> String {
        match kind {
            Kind::Scalar(rust) => (*rust).to_owned(),
            Kind::Enum(key) => rust_path(&self.schema.enums[key].path),
            Kind::Message(key) => rust_path(&self.schema.messages[key].path),
            Kind::Map(value) => format!("pb::BTreeMap<String, {}>", self.kind_type(value)),
        }
    }

    fn enumeration(&self, enumeration: &Enum) -> String {
        let name = enumeration.path.last().expect("a type has a name");
        let values: Vec<&EnumValue> = enumeration.values.iter().collect();
        let mut out =
            String::from("#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]\n");
        let _ = writeln!(out, "pub enum {name} {{");
        for (index, value) in values.iter().enumerate() {
            let default = if index == 0 { "#[default] " } else { "" };
            let _ = writeln!(out, "{default}{} = {},", camel(&value.name), value.number);
        }
        let _ = writeln!(out, "}}\ncrate::wire::enum_value!({name});\nimpl pb::Enumeration for {name} {{");
        out.push_str("const VALUES: &'static [(Self, i32, pb::Name, bool)] = &[\n");
        for value in &values {
            let _ = writeln!(
                out,
                "(Self::{}, {}, pb::Name::new({:?}, {:?}), {}),",
                camel(&value.name),
                value.number,
                value.name,
                value.v0_name,
                value.v0_only
            );
        }
        out.push_str("];\nfn number(self) -> i32 { self as i32 }\n}\n");
        out
    }

    /// Decoding and re-encoding by name, for tests that walk the whole contract.
    fn registry(&self) -> String {
        let mut out = String::from(
            "/// Decodes and re-encodes bytes as the message of that full protobuf name.\n\
             pub fn reencode(name: &str, bytes: &[u8]) -> Option<Result<Vec<u8>, crate::wire::WireError>> {\nmatch name {\n",
        );
        for message in self.schema.messages.values() {
            let _ = writeln!(
                out,
                "{:?} => Some(<{} as crate::wire::Message>::decode(bytes).map(|message| crate::wire::Message::encode(&message))),",
                message.proto_name,
                rust_path(&message.path)
            );
        }
        out.push_str("_ => None,\n}\n}\n");
        out
    }

    fn key_of(&self, message: &Message) -> String {
        let found = self.schema.messages.iter().find(|(_, other)| std::ptr::eq(*other, message));
        found.expect("the message is of this schema").0.clone()
    }
}

fn rust_path(path: &[String]) -> String {
    format!("crate::{}", path.join("::"))
}

/// `TASK_RUNNING` → `TaskRunning`.
fn camel(name: &str) -> String {
    let mut out = String::new();
    for part in name.split('_') {
        let mut chars = part.chars();
        if let Some(first) = chars.next() {
            if out.ends_with(|c: char| c.is_ascii_digit()) && first.is_ascii_digit() {
                out.push('_');
            }
            out.extend(first.to_uppercase());
            out.push_str(&chars.as_str().to_lowercase());
        }
    }
    if out == "Self" { "Self_".to_owned() } else { out }
}

/// A rough size of each message when held inline.
fn sizes(schema: &Schema) -> BTreeMap<String, usize> {
    fn size(schema: &Schema, key: &str, depth: usize) -> usize {
        if depth > 8 {
            return INLINE_MAX + 1;
        }
        let field_size = |field: &Field| match (&field.kind, field.label) {
            (Kind::Map(_), _) | (_, Label::Repeated) => 24,
            (Kind::Scalar("String" | "Vec<u8>"), _) => 24,
            (Kind::Scalar("bool"), _) | (Kind::Enum(_), _) => 4,
            (Kind::Scalar(_), Label::Required) => 8,
            (Kind::Scalar(_), _) => 16,
            (Kind::Message(key), _) => match size(schema, key, depth + 1) {
                inline if inline <= INLINE_MAX => inline,
                _ => 8,
            },
        };
        8 + schema.messages[key].fields.iter().map(field_size).sum::<usize>()
    }
    schema.messages.keys().map(|key| (key.clone(), size(schema, key, 0))).collect()
}

/// Singular message fields through which a message could contain itself.
fn recursive(schema: &Schema) -> BTreeSet<(String, i32)> {
    let targets = |key: &str| {
        schema.messages[key].fields.iter().filter_map(|field| match &field.kind {
            Kind::Message(target) if field.label != Label::Repeated => Some((field.number, target.clone())),
            _ => None,
        })
    };
    let mut out = BTreeSet::new();
    for key in schema.messages.keys() {
        for (number, target) in targets(key) {
            let mut seen = BTreeSet::new();
            let mut stack = vec![target];
            while let Some(next) = stack.pop() {
                if next == *key {
                    out.insert((key.clone(), number));
                    break;
                }
                if seen.insert(next.clone()) {
                    stack.extend(targets(&next).map(|(_, target)| target));
                }
            }
        }
    }
    out
}
