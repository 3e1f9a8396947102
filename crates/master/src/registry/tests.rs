// SPDX-License-Identifier: Apache-2.0

//! Laws of the registry.

use super::*;
use kaon_api::internal::{KaonAnswer, KaonAudit, KaonEnforcedMachine};
use kaon_api::v1;
use kaon_api::v1::allocator::{InverseOfferStatus, inverse_offer_status::Status};
use kaon_api::v1::maintenance::{Schedule, Window};

fn info(id: &str, port: i32) -> Box<v1::AgentInfo> {
    let id = Some(v1::AgentID::from(id));
    Box::new(v1::AgentInfo { hostname: "host".into(), port: Some(port), id, ..Default::default() })
}

fn at(nanoseconds: i64) -> v1::TimeInfo {
    v1::TimeInfo { nanoseconds, ..Default::default() }
}

fn quota(role: &str, cpus: f64) -> v1::quota::QuotaConfig {
    let amount = v1::value::Scalar { value: cpus, ..Default::default() };
    let guarantees = [("cpus".to_string(), amount)].into();
    v1::quota::QuotaConfig { role: role.into(), guarantees, ..Default::default() }
}

fn weight(role: &str, weight: f64) -> v1::WeightInfo {
    v1::WeightInfo { role: Some(role.into()), weight, ..Default::default() }
}

fn drain() -> Duty {
    let config = v1::DrainConfig { mark_gone: Some(true), ..Default::default() };
    let drain = v1::DrainInfo { state: v1::DrainState::Draining, config, ..Default::default() };
    Duty { deactivated: true, drain: Some(drain) }
}

fn machine(hostname: &str) -> v1::MachineID {
    v1::MachineID { hostname: Some(hostname.into()), ..Default::default() }
}

fn schedule(windows: &[(&[&str], i64)]) -> Schedule {
    let window = |(machines, start): &(&[&str], i64)| Window {
        machine_ids: machines.iter().map(|name| machine(name)).collect(),
        unavailability: v1::Unavailability { start: at(*start), ..Default::default() },
        ..Default::default()
    };
    Schedule { windows: windows.iter().map(window).collect(), ..Default::default() }
}

fn enforced(hostname: &str) -> KaonEnforcedMachine {
    KaonEnforcedMachine { id: machine(hostname), ..Default::default() }
}

fn answer(agent: &str, hostname: &str) -> KaonAnswer {
    let status = InverseOfferStatus {
        status: Status::Accept,
        framework_id: v1::FrameworkID::from("f"),
        ..Default::default()
    };
    let (machine_id, agent_id) = (machine(hostname), v1::AgentID::from(agent));
    KaonAnswer { machine_id, agent_id, status, ..Default::default() }
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
        Operation::SetDuty("b".into(), drain()),
        Operation::SetDuty("a".into(), Duty { deactivated: true, drain: None }),
        Operation::SetDuty("nobody".into(), drain()),
        Operation::SetQuotas(vec![quota("q", 1.5), quota("p", 2.0)]),
        Operation::SetWeights(vec![weight("w", 2.0), weight("v", 3.0)]),
        Operation::SetQuotas(vec![quota("p", 0.0), quota("q", 4.0)]),
        Operation::SetWeights(vec![weight("w", 2.5)]),
        Operation::SetSchedule(schedule(&[(&["x", "y"], 7), (&["z"], 8)])),
        Operation::SetAnswers(vec![answer("a", "x"), answer("b", "y"), answer("c", "z")]),
        Operation::EnforceSchedule(schedule(&[(&["x", "y"], 7), (&["z"], 9)]), vec![enforced("x")]),
        Operation::BeginEnforcement(vec![machine("x")]),
        Operation::MachinesDown(vec![machine("X"), machine("z")]),
        Operation::MachinesUp(vec![machine("Z")]),
        Operation::Audit(Box::new(KaonAudit { action: "TEARDOWN".into(), ..Default::default() })),
    ]
}

#[test]
fn recovery_equals_memory_whereever_the_snapshot_falls() {
    let whole = encode(&story()).len();
    for snapshot_after in (1..=whole + 1).step_by(7) {
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
        let sizes = |registry: &Registry| (registry.snapshot_bytes, registry.log_bytes);
        assert_eq!(sizes(&recovered), sizes(&memory));
    }
}

#[test]
fn what_is_written_for_an_agent_does_not_grow_with_their_number() {
    let mut registry = Registry::default();
    let mut write = |from: i32, to: i32| {
        let bytes = (from..to).map(|number| {
            let admit = Operation::AdmitAgent(info(&format!("agent-{number:06}"), number));
            let (record, snapshot) = registry.write(&[admit], 1024);
            // A store keeps the snapshot instead of the record that comes with it.
            snapshot.map_or(record.len(), |snapshot| snapshot.len())
        });
        bytes.sum::<usize>() / (to - from) as usize
    };
    let (few, many) = (write(0, 1_000), write(1_000, 20_000));
    assert!(many < few * 3 / 2 && few < many * 3, "{few} bytes for each of the first, {many} for the others");
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

#[test]
fn quota_and_weights_are_kept_by_role() {
    let mut registry = Registry::default();
    story().iter().for_each(|operation| operation.apply(&mut registry));
    let quotas: Vec<String> =
        registry.quotas().map(|(role, quota)| format!("{role} {}", quota.guarantees)).collect();
    assert_eq!(quotas, ["q cpus:4"], "one that promises nothing is none");
    let weights: Vec<String> = registry.weights().map(|(role, weight)| format!("{role}={weight}")).collect();
    assert_eq!(weights, ["w=2.5", "v=3"]);
    let needed = |registry: &Registry| registry.to_wire().minimum_capabilities.len();
    assert_eq!(needed(&registry), 2);
    Operation::SetQuotas(vec![quota("q", 0.0)]).apply(&mut registry);
    assert_eq!(needed(&registry), 1, "agents are out of service");
}

#[test]
fn agents_out_of_service_stay_so_until_they_are_taken_back() {
    let mut registry = Registry::default();
    story().iter().for_each(|operation| operation.apply(&mut registry));
    Operation::SetQuotas(vec![quota("q", 0.0)]).apply(&mut registry);
    Operation::MarkUnreachable("b".into(), at(9)).apply(&mut registry);
    Operation::AdmitAgent(info("b", 2)).apply(&mut registry);
    assert_eq!((registry.duty("b"), registry.duty("nobody")), (Some(drain()), None));
    let needed = |registry: &Registry| registry.to_wire().minimum_capabilities.len();
    for (agent, left) in [("a", 1), ("b", 0)] {
        assert!(registry.duty(agent).unwrap().deactivated);
        Operation::SetDuty(agent.into(), Duty::default()).apply(&mut registry);
        assert_eq!(registry.duty(agent), Some(Duty::default()));
        assert_eq!(needed(&registry), left, "any master may lead again once all are in service");
    }
}

#[test]
fn a_registry_that_needs_more_than_this_version_knows_is_not_taken() {
    let needed = |name: &str| {
        let capability =
            internal::registry::MinimumCapability { capability: name.into(), ..Default::default() };
        internal::Registry { minimum_capabilities: vec![capability], ..Default::default() }.encode()
    };
    assert!(Registry::recover(Some(&needed("QUOTA_V2")), &[]).is_ok());
    let error = Registry::recover(Some(&needed("FLIGHT")), &[]).unwrap_err().to_string();
    assert!(error.starts_with("the registry needs a master that is capable of FLIGHT"), "{error}");
}

/// What is enforced stands as long as its window does; answers as long as they are about the same time.
#[test]
fn a_schedule_takes_along_what_belongs_to_its_windows() {
    let mut registry = Registry::default();
    let machines = |registry: &Registry| -> Vec<String> {
        let one = |info: &v1::MachineInfo| {
            format!("{} {:?}", info.id.hostname.as_deref().unwrap_or_default(), info.mode.unwrap_or_default())
        };
        registry.machines().map(one).collect()
    };
    let kept = |registry: &Registry| {
        let begun = registry.enforced().iter().filter(|one| one.begun == Some(true)).count();
        (registry.enforced().len(), begun, registry.answers().len())
    };
    let before = schedule(&[(&["x", "y"], 7), (&["z"], 8)]);
    let every = ["x", "y", "z"].map(enforced).to_vec();
    for operation in [
        Operation::EnforceSchedule(before.clone(), every.clone()),
        Operation::BeginEnforcement(vec![machine("x")]),
        Operation::SetAnswers(vec![answer("a", "x"), answer("d", "x"), answer("b", "y"), answer("c", "z")]),
    ] {
        operation.apply(&mut registry);
    }
    assert_eq!(machines(&registry), ["x Draining", "y Draining", "z Draining"]);
    assert_eq!(kept(&registry), (3, 1, 4));
    // Other windows in another order, with the same machines in another order.
    let same = schedule(&[(&["new"], 1), (&["Z"], 8), (&["y", "x"], 7)]);
    Operation::SetSchedule(same.clone()).apply(&mut registry);
    assert_eq!(machines(&registry), ["x Draining", "y Draining", "z Draining", "new Draining"]);
    assert_eq!(kept(&registry), (3, 1, 4));
    // Enforced anew it has begun still.
    Operation::EnforceSchedule(same, every).apply(&mut registry);
    assert_eq!(kept(&registry), (3, 1, 4));
    // One machine less is another window, though not another time.
    Operation::SetSchedule(schedule(&[(&["x"], 7), (&["z"], 8)])).apply(&mut registry);
    assert_eq!(kept(&registry), (1, 0, 3));
    Operation::SetSchedule(schedule(&[(&["x"], 7), (&["z"], 9)])).apply(&mut registry);
    assert_eq!(kept(&registry), (0, 0, 2));
    Operation::MachinesDown(vec![machine("x")]).apply(&mut registry);
    assert_eq!(machines(&registry), ["x Down", "z Draining"]);
    assert_eq!(kept(&registry), (0, 0, 0));
    Operation::MachinesUp(vec![machine("x")]).apply(&mut registry);
    assert_eq!(registry.schedule(), schedule(&[(&["z"], 9)]));
    Operation::MachinesUp(vec![machine("z")]).apply(&mut registry);
    assert!(registry.to_wire().schedules.is_empty() && machines(&registry).is_empty());
}
