// SPDX-License-Identifier: Apache-2.0

//! What bytes from strangers cannot do: crash, nest without end, take memory out of proportion.

use kaon_api::json::{self, Dialect};
use kaon_api::wire::{DEPTH_MAX, Message, WireError};
use kaon_api::{internal, reencode, v1};
use proptest::prelude::*;

use crate::random::{Maker, Random, tag, varint, with_length};
use crate::schema::POOL;

const BIG: &[&str] = &[
    "mesos.v1.scheduler.Call",
    "mesos.v1.master.Call",
    "mesos.v1.agent.Call",
    "mesos.v1.executor.Call",
    "mesos.scheduler.Call",
    "mesos.internal.ReregisterSlaveMessage",
    "mesos.internal.StatusUpdateMessage",
    "mesos.internal.Registry",
];

/// What was read is settled: written and read again it is the same.
fn settles(name: &str, bytes: &[u8]) {
    if let Ok(written) = reencode(name, bytes).unwrap() {
        assert_eq!(reencode(name, &written).unwrap(), Ok(written), "{name}: {bytes:02x?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for name in BIG {
            settles(name, &bytes);
        }
    }

    #[test]
    fn damaged_messages_never_panic(seed: u64, damages in 1..6usize) {
        for name in BIG {
            let descriptor = POOL.get_message_by_name(name).unwrap();
            let mut bytes = Maker::new(seed, true).message(&descriptor);
            let mut random = Random(seed);
            for _ in 0..damages.min(bytes.len()) {
                let at = random.below(bytes.len());
                match random.below(3) {
                    0 => bytes[at] = random.next() as u8,
                    1 => bytes.truncate(at.max(1)),
                    _ => bytes.insert(at, random.next() as u8),
                }
            }
            settles(name, &bytes);
        }
    }

    #[test]
    fn arbitrary_json_never_panics(text in r#"(\{"(type|accept|framework_id|subscribe|value)":|[\[\]{},]|null|1e9|"x"){0,12}"#) {
        if let Ok(json) = json::parse(text.as_bytes()) {
            let _ = json::from_json::<v1::scheduler::Call>(&json, Dialect::V1);
        }
    }
}

fn nested_container_id(parents: usize) -> Vec<u8> {
    let value = v1::ContainerID { value: "x".into(), ..Default::default() }.encode();
    let mut id = value.clone();
    for _ in 0..parents {
        id = [value.clone(), tag(2, 2), with_length(&id)].concat();
    }
    id
}

#[test]
fn nesting_is_bounded() {
    let deepest = nested_container_id(DEPTH_MAX);
    assert_eq!(v1::ContainerID::decode(&deepest).unwrap().encode(), deepest);
    assert_eq!(v1::ContainerID::decode(&nested_container_id(DEPTH_MAX + 1)), Err(WireError::TooDeep));
    assert_eq!(v1::ContainerID::decode(&nested_container_id(3_000)), Err(WireError::TooDeep));
    let groups = [tag(9, 3).repeat(100_000), tag(9, 4).repeat(100_000)].concat();
    assert_eq!(v1::ContainerID::decode(&groups), Err(WireError::TooDeep));
}

#[test]
fn small_bytes_cannot_become_large_messages() {
    // Two bytes each, which would be more than a kilobyte in memory.
    let tasks = [tag(3, 2), varint(0)].concat().repeat(1 << 20);
    assert_eq!(internal::LaunchTasksMessage::decode(&tasks), Err(WireError::TooLarge));
    let json = format!(r#"{{"type":"DECLINE","decline":{{"offer_ids":[{}]}}}}"#, "{},".repeat(10) + "{}");
    let error = json::from_json::<v1::scheduler::Call>(&json::parse(json.as_bytes()).unwrap(), Dialect::V1);
    assert!(error.unwrap_err().0.starts_with("Missing required fields: decline.offer_ids[0].value, "));
    let json = format!(r#"{{"tasks":[{}]}}"#, vec!["{       }"; 1 << 20].join(","));
    let error =
        json::from_json::<internal::LaunchTasksMessage>(&json::parse(json.as_bytes()).unwrap(), Dialect::V0);
    assert_eq!(error.unwrap_err().0, WireError::TooLarge.to_string());
}

#[test]
fn json_takes_no_more_than_some_times_its_text() {
    // Objects of one member each, as deep as they may nest; filled up with blanks to what is taken.
    let chain = format!("{}{{}}{},", r#"{"":   "#.repeat(198), "}".repeat(198));
    let text = format!("[{}0]", format!("{chain:<1600}").repeat(10_000));
    let before = memory("VmRSS:");
    let json = json::parse(text.as_bytes()).unwrap();
    let taken = memory("VmHWM:").saturating_sub(before) / text.len();
    assert!(taken < 24, "{taken} times the memory of the text");
    let json::Json::Array(chains) = json else { panic!("it is an array") };
    assert_eq!(chains.len(), 10_001);
}

/// A figure of this process's memory, in bytes.
fn memory(name: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse::<usize>().unwrap() * 1024
}

#[test]
fn json_of_thousands_of_tasks_passes() {
    let resource = r#"{"name":"cpus","type":"SCALAR","scalar":{"value":1}}"#;
    let tasks = (0..20_000).map(|number| {
        format!(
            r#"{{"name":"t","task_id":{{"value":"{number}"}},"agent_id":{{"value":"a"}},"resources":[{resource},{resource}]}}"#
        )
    });
    let tasks = tasks.collect::<Vec<_>>().join(",");
    let text = format!(
        r#"{{"type":"ACCEPT","accept":{{"operations":[{{"type":"LAUNCH","launch":{{"task_infos":[{tasks}]}}}}]}}}}"#
    );
    let call: v1::scheduler::Call =
        json::from_json(&json::parse(text.as_bytes()).unwrap(), Dialect::V1).unwrap();
    assert_eq!(call.accept.unwrap().operations[0].launch.as_ref().unwrap().task_infos.len(), 20_000);
}

#[test]
fn large_messages_that_are_real_pass() {
    let task = v1::Task {
        name: "t".into(),
        task_id: "t".into(),
        state: v1::TaskState::TaskRunning,
        ..Default::default()
    };
    let message = internal::ReregisterAgentMessage { tasks: vec![task; 100_000], ..Default::default() };
    let bytes = message.encode();
    assert_eq!(internal::ReregisterAgentMessage::decode(&bytes).unwrap(), message);
    let range = v1::value::Range { begin: 1, end: 1, ..Default::default() };
    let ranges = v1::value::Ranges { range: vec![range; 500_000], ..Default::default() };
    assert_eq!(v1::value::Ranges::decode(&ranges.encode()).unwrap(), ranges);
}

fn missing<M: Message>(bytes: &[u8]) -> String {
    match M::decode(bytes) {
        Err(WireError::MissingRequired(paths)) => paths,
        other => panic!("{other:?}"),
    }
}

#[test]
fn missing_fields_are_named_as_mesos_names_them() {
    // Its own fields in declared order (in a Resource, `name` has number 1, `type` 2), then members by number.
    let task =
        [tag(4, 2), with_length(&[]), tag(4, 2), with_length(&[tag(2, 0), varint(0)].concat())].concat();
    assert_eq!(
        missing::<v1::TaskInfo>(&task),
        "name, task_id, agent_id, resources[0].name, resources[0].type, resources[1].name"
    );
    let many = [tag(4, 2), with_length(&[])].concat().repeat(80);
    let many = missing::<v1::TaskInfo>(&many);
    assert!(many.ends_with(", and more") && many.split(", ").count() == 101, "{many}");
    // A map's values are named by their place.
    let limits = [tag(15, 2), with_length(&[tag(1, 2), with_length(b"cpus")].concat())].concat();
    assert!(missing::<v1::TaskInfo>(&limits).ends_with("limits[0].value.value"));
}

#[test]
fn parts_of_a_message_complete_each_other() {
    let executor_id = [tag(1, 2), with_length(&v1::ExecutorID::from("e").encode())].concat();
    let named = [tag(9, 2), with_length(b"n")].concat();
    let executor = [named.clone(), executor_id.clone()].concat();
    let whole = v1::ExecutorInfo::decode(&executor).unwrap();
    let launch = |parts: &[&[u8]]| -> Vec<u8> {
        parts.iter().flat_map(|bytes| [tag(1, 2), with_length(bytes)].concat()).collect()
    };
    type LaunchGroup = v1::offer::operation::LaunchGroup;
    let group = [tag(2, 2), with_length(&[])].concat();
    let both = LaunchGroup::decode(&[launch(&[&named, &executor_id]), group.clone()].concat()).unwrap();
    assert_eq!(*both.executor, whole);
    assert_eq!(missing::<LaunchGroup>(&[launch(&[&named, &named]), group].concat()), "executor.executor_id");
}

#[test]
fn enum_numbers_without_a_meaning_leave_their_field_unset() {
    // Optional: `Call.type`; kept for whoever understands it.
    let call = v1::scheduler::Call::decode(&[tag(2, 0), varint(99)].concat()).unwrap();
    assert_eq!((call.r#type, call.unknown.as_bytes()), (None, [tag(2, 0), varint(99)].concat().as_slice()));
    // Required: `Resource.type`.
    let resource = [tag(1, 2), with_length(b"cpus"), tag(2, 0), varint(99)].concat();
    assert_eq!(missing::<v1::Resource>(&resource), "type");
    // Repeated and packed: each stands alone among the unknown fields.
    let numbers = [varint(1000), varint(5000), varint(1001)].concat();
    let packed = v1::CapabilityInfo::decode(&[tag(1, 2), with_length(&numbers)].concat()).unwrap();
    assert_eq!(packed.capabilities.len(), 2);
    assert_eq!(packed.unknown.as_bytes(), [tag(1, 0), varint(5000)].concat());
    // A negative number is an enum's too, in ten bytes.
    let negative = [tag(2, 0), varint(u64::MAX)].concat();
    assert_eq!(v1::scheduler::Call::decode(&negative).unwrap().r#type, None);
}

#[test]
fn bytes_that_are_not_text_are_replaced() {
    let id = [tag(1, 2), with_length(b"a\xffb")].concat();
    assert_eq!(v1::TaskID::decode(&id).unwrap().value, "a\u{fffd}b");
}

#[test]
fn a_field_of_another_wire_type_is_unknown() {
    // `TaskID.value` as a number.
    let bytes = [tag(1, 0), varint(5)].concat();
    assert_eq!(missing::<v1::TaskID>(&bytes), "value");
    let both = [bytes.clone(), v1::TaskID::from("t").encode()].concat();
    let id = v1::TaskID::decode(&both).unwrap();
    assert_eq!((id.value.as_str(), id.unknown.as_bytes()), ("t", bytes.as_slice()));
}
