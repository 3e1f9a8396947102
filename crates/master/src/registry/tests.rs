// SPDX-License-Identifier: Apache-2.0

//! Laws of the registry.

use super::*;
use kaon_api::v1;

fn info(id: &str, port: i32) -> Box<v1::AgentInfo> {
    let id = Some(v1::AgentID::from(id));
    Box::new(v1::AgentInfo { hostname: "host".into(), port: Some(port), id, ..Default::default() })
}

fn at(nanoseconds: i64) -> v1::TimeInfo {
    v1::TimeInfo { nanoseconds, ..Default::default() }
}

fn story() -> Vec<Operation> {
    vec![
        Operation::AdmitAgent(info("a", 1)),
        Operation::AdmitAgent(info("b", 2)),
        Operation::AdmitAgent(info("c", 3)),
        Operation::MarkUnreachable("a".into(), at(7)),
        Operation::UpdateAgent(info("b", 22)),
        Operation::MarkGone("c".into(), at(8)),
        Operation::AdmitAgent(info("d", 4)),
        Operation::MarkUnreachable("d".into(), at(3)),
        Operation::AdmitAgent(info("d", 44)),
        Operation::AdmitAgent(info("e", 5)),
        Operation::RemoveAgent("e".into()),
        Operation::Prune(vec!["x".into()]),
    ]
}

#[test]
fn recovery_equals_memory_whereever_the_snapshot_falls() {
    for snapshot_after in 1..=story().len() + 1 {
        let mut memory = Registry::default();
        let (mut snapshot, mut records) = (None, Vec::new());
        for operation in story() {
            let (record, taken) = memory.write(&[operation], snapshot_after);
            records.push(record);
            if taken.is_some() {
                (snapshot, records) = (taken, Vec::new());
            }
        }
        let recovered = Registry::recover(snapshot.as_deref(), &records).unwrap();
        assert_eq!(recovered.to_wire(), memory.to_wire());
        assert_eq!(recovered.records, memory.records);
    }
}

#[test]
fn an_agent_is_in_one_place() {
    let mut registry = Registry::default();
    story().iter().for_each(|operation| operation.apply(&mut registry));
    assert!(registry.is_admitted("b") && registry.is_admitted("d"));
    assert_eq!(registry.unreachable_since("a"), Some(&at(7)));
    assert_eq!(registry.unreachable_since("d"), None);
    assert!(registry.is_gone("c") && !registry.is_admitted("c") && !registry.is_admitted("e"));
    assert_eq!(registry.admitted["b"].info.port, Some(22));
}

#[test]
fn damage_is_told_with_its_place() {
    let good = encode(&story());
    for cut in 1..good.len() {
        // A cut between two operations leaves a shorter record: the store's checksum is for that.
        if let Err(error) = Registry::recover(None, &[good[..cut].to_vec()]) {
            assert!(error.to_string().starts_with("record 0 of the registry is damaged"), "{error}");
        }
    }
    assert!(Registry::recover(None, &[vec![99, 0, 0, 0, 0]]).unwrap_err().to_string().contains("kind 99"));
    assert!(Registry::recover(Some(&[0xff]), &[]).is_err());
}
