// SPDX-License-Identifier: Apache-2.0

//! An agent that has run many tasks is as small as one that has run few.

use kaon_agent::input::{ContainerEvent, RecoveredContainer};
use kaon_agent::query::{self, Usage};
use kaon_model::ContainerId;

use crate::scene::World;

/// More than the history that is kept.
const TASKS: usize = 160;

fn play(world: &mut World, line: &str) {
    crate::inputs::run(world, line);
    world.take_lines();
    world.messages.clear();
}

fn round(world: &mut World, number: usize) {
    for task in 0..TASKS {
        let id = format!("r{number}t{task:04}");
        play(world, &format!("run f1 {id} launch=true max=60"));
        let live = |world: &World| -> Vec<ContainerId> {
            let running = |found: &RecoveredContainer| matches!(found, RecoveredContainer::Running { .. });
            world.containers.iter().filter(|(_, found)| running(found)).map(|(id, _)| id.clone()).collect()
        };
        for container in live(world) {
            world.container_event(container.clone(), ContainerEvent::Launched { pid: 7 });
            world.container_event(container, ContainerEvent::Exited { status: Some(0) });
        }
        for _ in ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"] {
            play(world, &format!("ack f1 {id}"));
        }
        assert!(world.containers.is_empty(), "the container of {id} is forgotten");
    }
}

#[test]
fn tables_do_not_grow_with_the_past() {
    let mut world = World::new();
    for line in ["framework f1 checkpoint", "start", "leader", "advance 1", "registered S0"] {
        play(&mut world, line);
    }
    let mut sizes = Vec::new();
    for number in 1..=3 {
        round(&mut world, number);
        let agent = world.agent.as_ref().unwrap();
        agent.check().unwrap();
        let state = query::v0(&agent.view(), "state", &[], &Usage::new()).unwrap().unwrap();
        assert!(state.contains(r#""frameworks":[],"completed_frameworks":[{"id":"f1""#));
        sizes.push(state.len());
    }
    assert_eq!(sizes[1], sizes[2], "{sizes:?}");
    // The journal goes with the sandboxes, after their week.
    let facts = |world: &World| world.files.keys().filter(|path| path.contains("/runs/")).count();
    assert!(facts(&world) > 3 * TASKS);
    play(&mut world, "no leader");
    play(&mut world, "advance 605000");
    assert_eq!(facts(&world), 0);
    assert_eq!(world.agent.as_ref().unwrap().deadline(), None, "no timer is left behind");
}
