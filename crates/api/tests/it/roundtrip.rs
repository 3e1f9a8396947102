// SPDX-License-Identifier: Apache-2.0

//! Random messages survive being read and written; an independent library says whether they are the same.

use kaon_api::json::{self, Dialect};
use kaon_api::wire::Message;
use kaon_api::{internal, reencode, v0, v1};
use prost_reflect::DynamicMessage;

use crate::random::Maker;
use crate::schema::{POOL, messages};

#[test]
fn every_message_survives_being_read_and_written() {
    for (index, (message, name)) in messages().into_iter().enumerate() {
        for round in 0..6 {
            let bytes = Maker::new((index * 1000 + round) as u64, true).message(&message);
            let written = match reencode(&name, &bytes).unwrap() {
                Ok(written) => written,
                Err(error) => panic!("{name} as {}: {error}: {bytes:02x?}", message.full_name()),
            };
            let sent = DynamicMessage::decode(message.clone(), bytes.as_slice()).unwrap();
            let received = DynamicMessage::decode(message.clone(), written.as_slice()).unwrap();
            assert_eq!(sent, received, "{name}: {bytes:02x?} became {written:02x?}");
            let again = reencode(&name, &written).unwrap();
            assert_eq!(again.as_ref(), Ok(&written), "{name} is not settled after one reading");
        }
    }
}

/// JSON writes unset fields that have a default, so the second reading is the one that must change nothing.
fn json_survives<M: Message>(proto_name: &str, dialect: Dialect) {
    let descriptor = POOL.get_message_by_name(proto_name).unwrap();
    for seed in 0..40 {
        let bytes = Maker::new(seed, false).message(&descriptor);
        let message = M::decode(&bytes).unwrap();
        let read = |text: &str| -> M {
            let json = json::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"));
            json::from_json(&json, dialect).unwrap_or_else(|error| panic!("{error}: {text}"))
        };
        let text = json::to_json(&message, dialect);
        let with_defaults = read(&text);
        assert_eq!(json::to_json(&with_defaults, dialect), text, "{proto_name}");
        assert_eq!(read(&json::to_json(&with_defaults, dialect)), with_defaults, "{proto_name}: {text}");
        // What was set is as it was: read over the original, the text changes only what was unset.
        let original = DynamicMessage::decode(descriptor.clone(), bytes.as_slice()).unwrap();
        let got = DynamicMessage::decode(descriptor.clone(), with_defaults.encode().as_slice()).unwrap();
        for (field, value) in original.fields() {
            let same =
                matches!(field.kind(), prost_reflect::Kind::Message(_)) || *value == *got.get_field(&field);
            assert!(same, "{proto_name}.{} of {text}", field.name());
        }
        // An independent parser agrees that the text is JSON.
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
    }
}

#[test]
fn json_survives_being_read_and_written() {
    json_survives::<v1::scheduler::Call>("mesos.v1.scheduler.Call", Dialect::V1);
    json_survives::<v1::scheduler::Event>("mesos.v1.scheduler.Event", Dialect::V1);
    json_survives::<v1::executor::Call>("mesos.v1.executor.Call", Dialect::V1);
    json_survives::<v1::executor::Event>("mesos.v1.executor.Event", Dialect::V1);
    json_survives::<v1::master::Call>("mesos.v1.master.Call", Dialect::V1);
    json_survives::<v1::master::Event>("mesos.v1.master.Event", Dialect::V1);
    json_survives::<v1::master::Response>("mesos.v1.master.Response", Dialect::Master);
    json_survives::<v1::agent::Call>("mesos.v1.agent.Call", Dialect::V1);
    json_survives::<v1::agent::Response>("mesos.v1.agent.Response", Dialect::V1);
    json_survives::<v1::Offer>("mesos.v1.Offer", Dialect::V1);
    json_survives::<v1::TaskInfo>("mesos.v1.TaskInfo", Dialect::V1);
    json_survives::<v1::Resource>("mesos.v1.Resource", Dialect::V1);
    json_survives::<v1::TaskInfo>("mesos.TaskInfo", Dialect::V0);
    json_survives::<v1::AgentInfo>("mesos.SlaveInfo", Dialect::V0);
    json_survives::<v1::MasterInfo>("mesos.MasterInfo", Dialect::V0);
    json_survives::<v0::scheduler::Call>("mesos.scheduler.Call", Dialect::V0);
    json_survives::<internal::RegisterAgentMessage>("mesos.internal.RegisterSlaveMessage", Dialect::V0);
    json_survives::<internal::Registry>("mesos.internal.Registry", Dialect::V0);
}

#[test]
fn a_later_member_of_a_oneof_replaces_the_earlier() {
    use v1::scheduler::AttributeConstraint;
    use v1::scheduler::attribute_constraint::{Predicate, Selector, predicate};
    let both = AttributeConstraint {
        selector: Selector { attribute_name: Some("rack".into()), ..Default::default() },
        predicate: Box::new(Predicate {
            exists: Some(predicate::Exists::default()),
            not_exists: Some(predicate::NotExists::default()),
            ..Default::default()
        }),
        ..Default::default()
    };
    let read = AttributeConstraint::decode(&both.encode()).unwrap();
    assert_eq!((read.predicate.exists.is_some(), read.predicate.not_exists.is_some()), (false, true));
    let text = json::to_json(&both, Dialect::V1);
    let read: AttributeConstraint =
        json::from_json(&json::parse(text.as_bytes()).unwrap(), Dialect::V1).unwrap();
    assert_eq!((read.predicate.exists.is_some(), read.predicate.not_exists.is_some()), (false, true));
}

/// A value that only v0 knows: v1 sees the member without it, a master's own state shows it.
#[test]
fn what_only_v0_knows_is_hidden_from_v1() {
    let capability = v1::master_info::Capability {
        r#type: Some(v1::master_info::capability::Type::QuotaV2),
        ..Default::default()
    };
    let agent = v1::AgentInfo { hostname: "h".into(), checkpoint: Some(true), ..Default::default() };
    for (dialect, capability_text, agent_text) in [
        (Dialect::V1, "{}", r#"{"hostname":"h","port":5051}"#),
        (Dialect::V0, r#"{"type":"QUOTA_V2"}"#, r#"{"hostname":"h","port":5051,"checkpoint":true}"#),
        (Dialect::Master, r#"{"type":"QUOTA_V2"}"#, r#"{"hostname":"h","port":5051,"checkpoint":true}"#),
    ] {
        assert_eq!(json::to_json(&capability, dialect), capability_text);
        assert_eq!(json::to_json(&agent, dialect), agent_text);
        let read: v1::AgentInfo =
            json::from_json(&json::parse(br#"{"hostname":"h","checkpoint":true}"#).unwrap(), dialect)
                .unwrap();
        assert_eq!(read.checkpoint, dialect.shows_v0().then_some(true));
    }
    // A v1 client reads the field of v0 as unknown, and hands it on.
    assert_eq!(v1::AgentInfo::decode(&agent.encode()).unwrap(), agent);
}
