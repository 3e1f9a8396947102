// SPDX-License-Identifier: Apache-2.0

//! The one set of types that serves both protobuf families.
//!
//! Mesos converts between its families by re-parsing bytes, so they agree on numbers and types. We therefore
//! keep the v1 types and let v0 bytes decode into them: a v0 message whose v1 twin exists *is* that twin.
//! A field or enum value that only v0 has is added to the twin; a v0 message without a twin, or in a package
//! whose numbers differ, gets a type of its own. `tests/families.rs` asserts the list of exceptions.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

/// Packages of the v0 family that get types of their own although v1 has a package of that name:
/// `Call.Subscribe` numbers its fields differently there.
const OWN_V0_PACKAGES: &[&str] = &["mesos.scheduler"];

/// Public v0 packages that nothing of ours speaks where v1 has the same message: it carries the same facts.
const UNUSED_V0_PACKAGES: &[&str] = &[
    "mesos.executor",
    "mesos.master",
    "mesos.agent",
    "mesos.allocator",
    "mesos.maintenance",
    "mesos.quota",
    "mesos.resource_provider",
];

pub struct Schema {
    pub messages: BTreeMap<String, Message>,
    pub enums: BTreeMap<String, Enum>,
}

pub struct Message {
    /// Full protobuf name, as it appears in libprocess messages: `mesos.internal.PingSlaveMessage`.
    pub proto_name: String,
    /// Path of the Rust type from the crate root: `["v1", "offer", "Operation"]`.
    pub path: Vec<String>,
    pub fields: Vec<Field>,
}

pub struct Field {
    pub number: i32,
    /// The v1 spelling, which names the Rust field too.
    pub name: String,
    /// The v0 spelling: differs where v0 says `slave`.
    pub v0_name: String,
    pub v0_only: bool,
    pub label: Label,
    pub kind: Kind,
    /// The index of the `oneof` of its message that the field belongs to.
    pub oneof: Option<i32>,
    pub default: Option<String>,
    pub deprecated: bool,
}

pub enum Kind {
    Scalar(&'static str),
    Enum(String),
    Message(String),
    Map(Box<Kind>),
}

pub struct Enum {
    pub path: Vec<String>,
    pub values: Vec<EnumValue>,
}

pub struct EnumValue {
    pub number: i32,
    pub name: String,
    pub v0_name: String,
    pub v0_only: bool,
}

/// What v0 calls slave, everything else calls agent.
pub fn modern(name: &str) -> String {
    name.replace("Slave", "Agent").replace("slave", "agent").replace("SLAVE", "AGENT")
}

impl Schema {
    pub fn merge(v1: &FileDescriptorSet, v0: &FileDescriptorSet) -> Schema {
        let mut schema = Schema { messages: BTreeMap::new(), enums: BTreeMap::new() };
        schema.add_family(v1, false);
        schema.add_family(v0, true);
        schema
    }

    fn add_family(&mut self, set: &FileDescriptorSet, v0: bool) {
        let twins: BTreeSet<String> = self.messages.keys().chain(self.enums.keys()).cloned().collect();
        for file in &set.file {
            let package = file.package();
            if v0 && package == "google.protobuf" {
                continue;
            }
            let scope = format!(".{package}");
            let unused = |name: &str| {
                v0 && UNUSED_V0_PACKAGES.contains(&package)
                    && twins.contains(&key(&format!("{scope}.{name}"), v0, &twins))
            };
            for message in file.message_type.iter().filter(|message| !unused(message.name())) {
                self.add_message(&scope, message, v0, &twins);
            }
            for enumeration in file.enum_type.iter().filter(|enumeration| !unused(enumeration.name())) {
                self.add_enum(&scope, enumeration, v0, &twins);
            }
        }
    }

    fn add_message(&mut self, scope: &str, message: &DescriptorProto, v0: bool, twins: &BTreeSet<String>) {
        let full = format!("{scope}.{}", message.name());
        for nested in &message.nested_type {
            if !nested.options.as_ref().is_some_and(|options| options.map_entry()) {
                self.add_message(&full, nested, v0, twins);
            }
        }
        for nested in &message.enum_type {
            self.add_enum(&full, nested, v0, twins);
        }
        let key = key(&full, v0, twins);
        let fields = message.field.iter().map(|field| self.field(message, field, v0, twins)).collect();
        match self.messages.get_mut(&key) {
            Some(twin) => merge_fields(twin, fields),
            None => {
                let path = path(&key);
                self.messages.insert(key, Message { proto_name: full[1..].to_owned(), path, fields });
            }
        }
    }

    fn field(
        &self,
        parent: &DescriptorProto,
        field: &FieldDescriptorProto,
        v0: bool,
        twins: &BTreeSet<String>,
    ) -> Field {
        let entry = parent.nested_type.iter().find(|nested| {
            nested.options.as_ref().is_some_and(|options| options.map_entry())
                && field.type_name().ends_with(&format!(".{}", nested.name()))
        });
        let kind = match entry {
            Some(entry) => Kind::Map(Box::new(kind(&entry.field[1], v0, twins))),
            None => kind(field, v0, twins),
        };
        Field {
            number: field.number(),
            name: modern(field.name()),
            v0_name: field.name().to_owned(),
            v0_only: false,
            label: field.label(),
            kind,
            oneof: field.oneof_index,
            default: field.default_value.clone(),
            deprecated: field.options.as_ref().is_some_and(|options| options.deprecated()),
        }
    }

    fn add_enum(&mut self, scope: &str, proto: &EnumDescriptorProto, v0: bool, twins: &BTreeSet<String>) {
        let key = key(&format!("{scope}.{}", proto.name()), v0, twins);
        let values = proto.value.iter().map(|value| EnumValue {
            number: value.number(),
            name: modern(value.name()),
            v0_name: value.name().to_owned(),
            v0_only: false,
        });
        match self.enums.get_mut(&key) {
            Some(twin) => {
                for value in values {
                    match twin.values.iter_mut().find(|known| known.number == value.number) {
                        Some(known) => known.v0_name = value.v0_name,
                        None => twin.values.push(EnumValue { v0_only: true, ..value }),
                    }
                }
            }
            None => {
                let values = values.collect();
                self.enums.insert(key.clone(), Enum { path: path(&key), values });
            }
        }
    }
}

fn merge_fields(twin: &mut Message, fields: Vec<Field>) {
    for field in fields {
        match twin.fields.iter_mut().find(|known| known.number == field.number) {
            Some(known) => known.v0_name = field.v0_name,
            None => twin.fields.push(Field { v0_only: true, ..field }),
        }
    }
}

fn kind(field: &FieldDescriptorProto, v0: bool, twins: &BTreeSet<String>) -> Kind {
    match field.r#type() {
        Type::Message => Kind::Message(key(field.type_name(), v0, twins)),
        Type::Enum => Kind::Enum(key(field.type_name(), v0, twins)),
        Type::Bool => Kind::Scalar("bool"),
        Type::Int32 => Kind::Scalar("i32"),
        Type::Int64 => Kind::Scalar("i64"),
        Type::Uint32 => Kind::Scalar("u32"),
        Type::Uint64 => Kind::Scalar("u64"),
        Type::Float => Kind::Scalar("f32"),
        Type::Double => Kind::Scalar("f64"),
        Type::String => Kind::Scalar("String"),
        Type::Bytes => Kind::Scalar("Vec<u8>"),
        other => panic!("proto/ uses {other:?}, which the wire runtime does not know"),
    }
}

/// The key of a type: the v1 name where a twin exists, else the own name with `agent` for `slave`.
fn key(full: &str, v0: bool, twins: &BTreeSet<String>) -> String {
    let name = modern(full);
    if !v0 || OWN_V0_PACKAGES.iter().any(|package| name.starts_with(&format!(".{package}."))) {
        return name;
    }
    let twin = name.replacen(".mesos.", ".mesos.v1.", 1);
    if twins.contains(&twin) { twin } else { name }
}

/// `.mesos.v1.Offer.Operation` → `v1::offer::Operation`; packages of v0 lie under `v0`, the internal ones under
/// `internal`.
fn path(key: &str) -> Vec<String> {
    let parts: Vec<&str> = key[1..].split('.').collect();
    let parts: Vec<&str> = match parts.as_slice() {
        ["mesos", "v1", ..] => parts[1..].to_vec(),
        ["mesos", "internal", ..] => parts[1..].to_vec(),
        ["mesos", rest @ ..] => [&["v0"], rest].concat(),
        other => other.to_vec(),
    };
    let (name, modules) = parts.split_last().expect("a type has a name");
    modules.iter().map(|module| snake(module)).chain([(*name).to_owned()]).collect()
}

/// `TaskInfo` → `task_info`, `CSIPlugin` → `csi_plugin`, `type` → `r#type`.
pub fn snake(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (index, c) in chars.iter().enumerate() {
        if c.is_uppercase() && index > 0 {
            let after_lower = chars[index - 1].is_lowercase() || chars[index - 1].is_ascii_digit();
            let before_lower = chars.get(index + 1).is_some_and(|next| next.is_lowercase());
            if (after_lower || (before_lower && chars[index - 1].is_uppercase())) && !out.ends_with('_') {
                out.push('_');
            }
        }
        out.extend(c.to_lowercase());
    }
    escape(&out)
}

pub fn escape(name: &str) -> String {
    match name {
        "type" | "ref" | "move" | "match" | "loop" | "mod" | "where" | "use" | "static" | "in" | "box" => {
            format!("r#{name}")
        }
        _ => name.to_owned(),
    }
}
