// SPDX-License-Identifier: Apache-2.0

//! What an agent shares with one of Apache Mesos 1.11: its messages, byte for byte, with its files.

use kaon_agent::effect::ToPeer;
use kaon_agent::input::RecoveredContainer;
use kaon_agent::journal::recover;
use kaon_api::internal::{RegisterAgentMessage, UpdateAgentMessage};
use kaon_api::wire::Message;

use crate::scene::World;

const FILES: &str = include_str!("../fixtures/mesos_meta.txt");
const AGENT: &str = "43591e2d-b2f2-480b-ba6d-c7ea8be22746-S0";

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn files() -> impl Iterator<Item = (String, Vec<u8>)> {
    let lines = FILES.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once('\t').unwrap()).map(|(path, hex)| (path.to_string(), bytes(hex)))
}

/// A host on which an agent of Mesos was killed, with the executors' processes alive.
fn host() -> World {
    let mut world = World::new();
    world.files = files().collect();
    world.config.pid = "slave(1)@127.0.0.1:5951".parse().unwrap();
    world.config.info.hostname = "localhost".to_string();
    world.config.info.port = Some(5951);
    world.config.boot_id = String::from_utf8(world.files["meta/boot_id"].clone()).unwrap();
    for run in ["519ad4a0-2000-40af-8ca2-0e76e4ca9d10", "662c724f-fc50-44cc-add6-72a285df3e41"] {
        world.containers.insert(run.into(), RecoveredContainer::Running { pid: 100 });
    }
    world
}

fn play(world: &mut World, line: &str) -> Vec<String> {
    crate::inputs::run(world, line);
    world.take_lines()
}

#[test]
fn the_files_of_mesos_are_read() {
    let recovered = recover(files(), true).unwrap();
    assert_eq!(recovered.agent.unwrap().id.unwrap().value, AGENT);
    assert_eq!(recovered.frameworks.len(), 1);
    let framework = &recovered.frameworks[0];
    assert_eq!((framework.info.name.as_str(), framework.pid.as_str()), ("takeover", "@0.0.0.0:0"));
    let tasks: Vec<_> = framework
        .executors
        .iter()
        .flat_map(|executor| executor.runs.iter().flat_map(|run| &run.tasks))
        .map(|task| (task.id.as_str(), task.updates.len(), task.acknowledged.len()))
        .collect();
    assert_eq!(tasks, [("e1 done", 2, 2), ("e1 run", 1, 1), ("e2 done", 2, 0), ("e2 run", 1, 0)]);
    assert!(
        recovered.quarantined.is_empty() && recovered.warnings.is_empty() && recovered.repairs.is_empty()
    );
}

#[test]
fn a_host_is_taken_over_from_mesos_in_place() {
    let mut world = host();
    assert_eq!(play(&mut world, "start").last().unwrap(), "record meta/boot_id");
    play(&mut world, "leader");
    for (stream, executor) in [("s1", "e1"), ("s2", "e2")] {
        let line = format!("subscribe {stream} 43591e2d-b2f2-480b-ba6d-c7ea8be22746-0001 {executor}");
        let subscribed = play(&mut world, &line);
        assert!(
            subscribed.iter().any(|line| line.contains(&format!("SUBSCRIBED {executor}"))),
            "{subscribed:?}"
        );
    }
    let registration = play(&mut world, "advance 1").join("\n");
    let expected = "tasks=[e1 run@e1:TASK_RUNNING,told=TASK_RUNNING e2 done@e2:TASK_FINISHED,told=TASK_RUNNING \
         e2 run@e2:TASK_RUNNING,told=TASK_RUNNING] executors=[e1 e2]";
    assert!(registration.contains(expected), "{registration}");
    let resumed = play(&mut world, &format!("reregistered {AGENT}")).join("\n");
    assert!(resumed.contains("StatusUpdate e2 done TASK_RUNNING EXECUTOR"), "{resumed}");
    assert!(!resumed.contains("e1"), "what was acknowledged is not sent again: {resumed}");
}

#[test]
fn an_agent_described_otherwise_is_not_taken_over() {
    let mut world = host();
    world.config.info.hostname = "elsewhere".to_string();
    let told = play(&mut world, "start").join("\n");
    assert!(told.contains("exit 1: Failed to perform recovery: Incompatible agent info detected."), "{told}");
    assert!(!told.contains("destroy"), "what runs may still be wanted: {told}");
}

/// The bodies that an agent of Mesos sent when it registered, as seen on the wire.
const REGISTER: &str = concat!(
    "0a710a096c6f63616c686f73741a160a046370757310001a0909000000000000104032012a1a150a036d656d10001a09",
    "09000000000000904032012a1a160a046469736b10001a0909000000000000904032012a1a180a05706f727473100122",
    "0a0a080898f2011080fa0132012a38014081781206312e31312e30220208012202080222020803220208042202080522",
    "02080622020807220208082a120a100cfd6521d1554f469c178c4255acf35c",
);
const UPDATE: &str = concat!(
    "0a290a2766303032313731622d666662382d346330642d623531382d3132343930343164336235362d5330280032003a",
    "120a100cfd6521d1554f469c178c4255acf35c4200",
);

#[test]
fn registration_is_byte_for_byte_that_of_mesos() {
    let mut world = World::new();
    world.config.info.hostname = "localhost".to_string();
    world.config.info.port = Some(15361);
    for line in ["start", "leader", "advance 1", "registered f002171b-ffb8-4c0d-b518-1249041d3b56-S0"] {
        play(&mut world, line);
    }
    let [ToPeer::Register(ours), ToPeer::Update(update)] = &world.messages[..] else {
        panic!("{:?}", world.messages);
    };
    // Its version of the resources is its own, and it can do more.
    let theirs = RegisterAgentMessage::decode(&bytes(REGISTER)).unwrap();
    let version = theirs.resource_version_uuid.clone();
    assert_eq!(theirs.encode(), bytes(REGISTER));
    assert_eq!(theirs.agent_capabilities[..7], ours.agent_capabilities[..]);
    let capabilities = theirs.agent_capabilities;
    let ours = RegisterAgentMessage {
        agent_capabilities: capabilities,
        resource_version_uuid: version.clone(),
        ..ours.clone()
    };
    assert_eq!(ours.encode(), bytes(REGISTER));
    let update = UpdateAgentMessage { resource_version_uuid: version, ..update.clone() };
    assert_eq!(update.encode(), bytes(UPDATE));
}

#[test]
fn a_drain_is_written_down_byte_for_byte_as_mesos_does() {
    let mut world = World::new();
    for line in ["framework f1", "start", "leader", "advance 1", "registered S0", "run f1 t", "drain grace=6"]
    {
        play(&mut world, line);
    }
    assert_eq!(world.files["meta/slaves/S0/drain.config"], bytes("0a0000000a060880f882ad161000"));
}
