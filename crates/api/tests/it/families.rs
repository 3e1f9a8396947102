// SPDX-License-Identifier: Apache-2.0

//! Where the two families differ: the whole list, for one set of types serves both.

use std::collections::BTreeMap;

use prost_reflect::{Cardinality, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use crate::schema::{POOL, is_v1, messages, v1_spelling};

/// What a v1 message lacks, has more, or says otherwise, once v0's names are spelled as in v1.
const DIFFERENCES: &[&str] = &[
    // Added to our type, shown to v0 alone.
    "mesos.v1.AgentInfo 7: v0 has checkpoint optional bool default false, v1 has nothing",
    "mesos.v1.MasterInfo.Capability.Type 3: v0 has QUOTA_V2, v1 has nothing",
    // In packages whose v0 types nothing of ours speaks, or whose v0 types are our own.
    "mesos.v1.master.Call.DrainAgent 2: v0 has max_grace_period optional mesos.v1.DurationInfo, \
     v1 has max_grace_period optional google.protobuf.Duration",
    "mesos.v1.quota.QuotaRequest 1: v0 has force optional bool default false, v1 has force optional bool",
    "mesos.v1.scheduler.APIResult: v0 has no such message",
    "mesos.v1.scheduler.Call.Subscribe 2: v0 has force optional bool, v1 has suppressed_roles repeated string",
    "mesos.v1.scheduler.Call.Subscribe 3: v0 has suppressed_roles repeated string, \
     v1 has offer_constraints optional mesos.v1.scheduler.OfferConstraints",
    "mesos.v1.scheduler.Call.Subscribe 4: v0 has offer_constraints optional mesos.v1.scheduler.OfferConstraints, \
     v1 has nothing",
    // The JSON of deprecated fields differs only for those that have a default.
    "mesos.v1.scheduler.Response 2: \
     v0 has reconcile_operations optional mesos.v1.scheduler.Response.ReconcileOperations, \
     v1 has reconcile_operations optional mesos.v1.scheduler.Response.ReconcileOperations deprecated",
    "mesos.v1.scheduler.Response.ReconcileOperations 1: \
     v0 has operation_statuses repeated mesos.v1.OperationStatus, \
     v1 has operation_statuses repeated mesos.v1.OperationStatus deprecated",
];

#[test]
fn the_families_differ_only_where_we_know() {
    let mut differences = Vec::new();
    let v0: BTreeMap<String, MessageDescriptor> =
        POOL.all_messages().filter(|m| !is_v1(m)).map(|m| (v1_spelling(m.full_name()), m)).collect();
    for message in POOL.all_messages().filter(|message| is_v1(message) && !message.is_map_entry()) {
        let name = message.full_name();
        match v0.get(name) {
            Some(twin) => compare(name, &fields(twin, true), &fields(&message, false), &mut differences),
            None => differences.push(format!("{name}: v0 has no such message")),
        }
    }
    let v0: BTreeMap<String, EnumDescriptor> =
        POOL.all_enums().map(|e| (v1_spelling(e.full_name()), e)).collect();
    for v1 in POOL.all_enums().filter(|e| e.full_name().starts_with("mesos.v1.")) {
        let name = v1.full_name();
        compare(name, &values(&v0[name], true), &values(&v1, false), &mut differences);
    }
    differences.sort();
    let mut expected: Vec<String> = DIFFERENCES.iter().map(|&text| text.into()).collect();
    expected.sort();
    assert_eq!(differences, expected);
}

/// Every message is known by its own name, or is the same as its v1 twin.
#[test]
fn every_message_has_a_type() {
    assert!(messages().len() > 700, "{}", messages().len());
}

fn compare(name: &str, v0: &BTreeMap<i32, String>, v1: &BTreeMap<i32, String>, out: &mut Vec<String>) {
    let nothing = "nothing".to_owned();
    let mut numbers: Vec<i32> = v0.keys().chain(v1.keys()).copied().collect();
    numbers.sort_unstable();
    numbers.dedup();
    for number in numbers {
        let (v0, v1) = (v0.get(&number).unwrap_or(&nothing), v1.get(&number).unwrap_or(&nothing));
        if v0 != v1 {
            out.push(format!("{name} {number}: v0 has {v0}, v1 has {v1}"));
        }
    }
}

fn fields(message: &MessageDescriptor, v0: bool) -> BTreeMap<i32, String> {
    message.fields().map(|field| (field.number() as i32, fact(&field, v0))).collect()
}

/// All that matters of a field besides its number.
fn fact(field: &FieldDescriptor, v0: bool) -> String {
    let spell = |name: &str| if v0 { v1_spelling(name) } else { name.to_owned() };
    let kind = match field.kind() {
        Kind::Message(message) if message.is_map_entry() => {
            let value = message.map_entry_value_field();
            format!("map of {}", fact(&value, v0))
        }
        Kind::Message(message) => spell(message.full_name()),
        Kind::Enum(enumeration) => spell(enumeration.full_name()),
        scalar => format!("{scalar:?}").to_lowercase(),
    };
    let cardinality = match field.cardinality() {
        Cardinality::Required => "required",
        Cardinality::Optional => "optional",
        Cardinality::Repeated => "repeated",
    };
    let name = field.name().replace("slave", "agent");
    let mut fact = format!("{name} {cardinality} {kind}");
    let proto = field.field_descriptor_proto();
    if let Some(default) = &proto.default_value {
        fact += &format!(" default {default}");
    }
    if proto.options.as_ref().is_some_and(|options| options.deprecated()) {
        fact += " deprecated";
    }
    if let Some(oneof) = field.containing_oneof() {
        fact += &format!(" in {}", oneof.name());
    }
    fact
}

fn values(enumeration: &EnumDescriptor, v0: bool) -> BTreeMap<i32, String> {
    let spell = |name: &str| if v0 { name.replace("SLAVE", "AGENT") } else { name.to_owned() };
    enumeration.values().map(|value| (value.number(), spell(value.name()))).collect()
}
