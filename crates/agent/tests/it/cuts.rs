// SPDX-License-Identifier: Apache-2.0

//! The journal under damage: each file cut at every byte.

use kaon_agent::Agent;
use kaon_agent::journal::{FileOp, Recovered, recover};
use kaon_model::{Mono, Now, Wall};

use crate::scene::World;

/// A disk with two frameworks: a command task that runs, one that ended unacknowledged, a custom executor, a group.
fn busy_world() -> World {
    let mut world = World::new();
    let inputs = "framework f1 checkpoint aware|framework f2 checkpoint|start|leader|advance 1|registered S0\
        |run f1 t1 max=60|launched c1 100|ack f1 t1|run f1 t2|launched c2 101|exit c2 0\
        |run f2 t3 executor=e3 launch=true|launched c3 102|subscribe s1 f2 e3|update f2 e3 t3 TASK_RUNNING 1\
        |group f2 e4 a,b launch=true|launched c5 103|launched c6 104";
    inputs.split('|').for_each(|input| crate::inputs::run(&mut world, input.trim()));
    world
}

fn read(world: &World, strict: bool) -> Result<Recovered, kaon_agent::journal::CorruptJournal> {
    recover(world.files.clone(), strict)
}

fn runs(recovered: &Recovered) -> usize {
    let executors = recovered.frameworks.iter().flat_map(|framework| &framework.executors);
    executors.map(|executor| executor.runs.len()).sum()
}

#[test]
fn recovery_tells_what_was_written() {
    let recovered = read(&busy_world(), true).unwrap();
    assert_eq!(recovered.agent.as_ref().unwrap().id.as_ref().unwrap().value, "S0");
    assert_eq!((recovered.frameworks.len(), runs(&recovered)), (2, 4));
    assert!(
        recovered.quarantined.is_empty() && recovered.warnings.is_empty() && recovered.repairs.is_empty()
    );
    let t1 = &recovered.frameworks[0].executors.iter().find(|e| e.id == "t1").unwrap().runs[0].tasks[0];
    assert_eq!((t1.updates.len(), t1.acknowledged.len()), (2, 1));
}

/// Whatever file is cut wherever: no panic, damage is confined to one run (or to what the file describes), and an
/// agent starts on the rest. A strict reading names the file with the offset.
#[test]
fn each_file_may_be_cut_at_every_byte() {
    let world = busy_world();
    let names: Vec<String> = world.files.keys().filter(|name| name.starts_with("meta/")).cloned().collect();
    assert!(names.len() > 20, "{names:?}");
    let mut refused = 0;
    for name in names {
        for length in 0..world.files[&name].len() {
            let mut world = busy_copy(&world);
            world.files.get_mut(&name).unwrap().truncate(length);
            let lenient =
                read(&world, false).unwrap_or_else(|error| panic!("{name} cut at {length}: {error}"));
            if name.contains("/runs/") {
                let kept = runs(&lenient);
                assert!(kept >= 3, "{name} cut at {length} took more than its run: {kept}");
                assert_eq!(lenient.frameworks.len(), 2, "{name} cut at {length}");
            }
            match read(&world, true) {
                Ok(strict) => assert_eq!(strict, lenient, "{name} cut at {length}"),
                Err(error) => {
                    refused += 1;
                    assert_eq!(error.path, name);
                    assert!(error.offset <= length, "{error}");
                    assert!(!lenient.warnings.is_empty(), "{name} cut at {length}: passed over in silence");
                }
            }
            start_on(&world, lenient);
        }
    }
    assert!(refused > 100, "the strict reading refused only {refused} cuts");
}

/// Whatever bit is wrong wherever: no panic, what the damage does not touch is kept, and an agent starts on it.
#[test]
fn each_byte_of_each_file_may_be_wrong() {
    let world = busy_world();
    let names: Vec<String> = world.files.keys().filter(|name| name.starts_with("meta/")).cloned().collect();
    let mut refused = 0;
    for name in names {
        for at in 0..world.files[&name].len() {
            let mut world = busy_copy(&world);
            world.files.get_mut(&name).unwrap()[at] ^= 1 << (at % 8);
            let lenient = read(&world, false).unwrap_or_else(|error| panic!("{name}, byte {at}: {error}"));
            // What leads to everything, or names the run that counts, is not told apart from what was meant.
            let leads = ["/latest", "boot_id", "framework.pid", "libprocess.pid"]
                .iter()
                .any(|end| name.ends_with(end));
            if name.contains("/runs/") && !leads {
                assert!(runs(&lenient) >= 3, "{name}, byte {at} took more than its run");
            }
            if name.ends_with("slave.info") {
                assert_eq!(runs(&lenient), 4, "{name}, byte {at} took what runs");
            }
            match read(&world, true) {
                Ok(strict) => assert_eq!(strict, lenient, "{name}, byte {at}"),
                Err(error) => {
                    refused += 1;
                    assert_eq!(error.path, name);
                    assert!(!lenient.warnings.is_empty(), "{name}, byte {at}: passed over in silence");
                }
            }
            start_on(&world, lenient);
        }
    }
    assert!(refused > 100, "the strict reading refused only {refused} of them");
}

/// Damage to what an agent was described as costs it neither its id nor what it runs, unless it is strict.
#[test]
fn an_agent_that_is_not_described_keeps_its_id() {
    let mut world = busy_world();
    let name = "meta/slaves/S0/slave.info";
    world.files.get_mut(name).unwrap().truncate(7);
    assert_eq!(read(&world, true).unwrap_err().path, name);
    let recovered = read(&world, false).unwrap();
    assert_eq!((recovered.is_undescribed, runs(&recovered)), (true, 4));
    assert_eq!(recovered.agent.as_ref().unwrap().id.as_ref().unwrap().value, "S0");
    let now = Now { mono: Mono::from_nanos(5), wall: Wall::from_nanos(1_000_000_100_000_000_000) };
    let containers = world.containers.clone().into_iter().collect();
    let mut effects = Vec::new();
    Agent::new(world.config.clone(), recovered, containers, [1; 32], now, &mut effects);
    let described = |op: &FileOp| matches!(op, FileOp::Replace { path, .. } if path == name);
    let recorded = effects.iter().filter_map(|effect| match effect {
        kaon_agent::effect::Effect::Record { ops, .. } => Some(ops),
        _ => None,
    });
    assert!(recorded.flatten().any(described), "it is described anew: {effects:#?}");
}

#[test]
fn an_unfinished_record_is_cut_off_and_the_log_goes_on() {
    let mut world = busy_world();
    let log = world
        .files
        .keys()
        .find(|name| name.contains("/t1/") && name.ends_with("task.updates"))
        .unwrap()
        .clone();
    let whole = world.files[&log].clone();
    world.files.get_mut(&log).unwrap().extend(&whole[..whole.len() / 3]);
    let recovered = read(&world, true).unwrap();
    assert_eq!(recovered.repairs, [FileOp::Replace { path: log.clone(), bytes: whole.clone() }]);
    assert_eq!(
        recovered.warnings,
        [format!("Cutting an unfinished record off {log} at byte {}", whole.len())]
    );
}

fn busy_copy(world: &World) -> World {
    let mut copy = World::new();
    copy.files = world.files.clone();
    copy.containers = world.containers.clone();
    copy
}

fn start_on(world: &World, recovered: Recovered) {
    let now = Now { mono: Mono::from_nanos(5), wall: Wall::from_nanos(1_000_000_100_000_000_000) };
    let containers = world.containers.clone().into_iter().collect();
    let mut effects = Vec::new();
    let agent = Agent::new(world.config.clone(), recovered, containers, [1; 32], now, &mut effects);
    agent.check().unwrap();
}
