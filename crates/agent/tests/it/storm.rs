// SPDX-License-Identifier: Apache-2.0

//! The agent under whatever may happen in whatever order: its invariants hold throughout, and once everything has
//! ended and is acknowledged nothing is left.

use kaon_agent::input::{ContainerEvent, Limit, RecoveredContainer};
use kaon_agent::query::{self, Usage};
use kaon_model::{ContainerId, Entropy};

use crate::scene::World;

const SEEDS: u64 = 80;
const STEPS: usize = 150;

#[test]
fn whatever_happens_the_agent_stays_sound_and_settles() {
    for seed in 0..SEEDS {
        let mut world = World::new();
        world.config.tells_updates = true;
        let mut entropy = Entropy::from_u64(seed);
        let mut log = Vec::new();
        for line in [
            "framework f1 checkpoint aware killing",
            "framework f2",
            "start",
            "leader",
            "advance 1",
            "registered S0",
        ] {
            play(&mut world, line, &mut log, seed);
        }
        for _ in 0..STEPS {
            let line = step(&mut world, &mut entropy);
            play(&mut world, &line, &mut log, seed);
        }
        settle(&mut world, &mut log, seed);
    }
}

fn play(world: &mut World, line: &str, log: &mut Vec<String>, seed: u64) {
    log.push(line.to_string());
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        ["container", id, what] => {
            let event = match what {
                "launched" => ContainerEvent::Launched { pid: 7 },
                "limit" => ContainerEvent::Limitation {
                    limit: Limit::Disk,
                    message: "Disk usage (20MB) exceeds quota (10MB)".to_string(),
                    resources: Vec::new(),
                },
                "failed" => ContainerEvent::LaunchFailed { message: "no such image".to_string() },
                status => ContainerEvent::Exited { status: status.parse().ok() },
            };
            world.container_event(ContainerId::from(id), event);
        }
        ["crash", made] => world.crash(made.parse().unwrap()),
        _ if world.agent.is_none() && line != "start" && words[0] != "framework" => {}
        _ => crate::inputs::run(world, line),
    }
    log.extend(world.take_lines().into_iter().map(|line| format!("    {line}")));
    if let Some(agent) = &world.agent
        && let Err(law) = agent.check()
    {
        panic!("seed {seed}: {law}\n{}", log.join("\n"));
    }
}

/// The next thing to happen.
fn step(world: &mut World, entropy: &mut Entropy) -> String {
    if world.agent.is_none() {
        return "start".to_string();
    }
    let framework = format!("f{}", 1 + entropy.below(2));
    let task = format!("{framework}t{}", entropy.below(8));
    let executor = format!("{framework}e{}", entropy.below(2));
    let launch = ["", " launch=true", " launch=false"][entropy.below(3) as usize];
    match entropy.below(41) {
        0..6 => format!("run {framework} {task}{launch} max=30"),
        6..10 => format!("run {framework} {task} executor={executor}{launch}"),
        10..12 => {
            let other = format!("{framework}t{}", 8 + entropy.below(4));
            format!("group {framework} {framework}g {task},{other}{launch}")
        }
        12 => format!("group {framework} {executor} {task} custom{launch}"),
        13..16 => format!("kill {framework} {task}"),
        16..20 => acknowledgement(world, entropy).unwrap_or("ping".to_string()),
        20..26 => container(world, entropy).unwrap_or("ping".to_string()),
        26..28 => format!("subscribe s{} {framework} {executor}", entropy.next_u64() % 1_000_000),
        28..30 => {
            let state = *entropy.pick(&["TASK_RUNNING", "TASK_FINISHED", "TASK_FAILED"]).unwrap();
            format!("update {framework} {executor} {task} {state} {}", entropy.below(200))
        }
        30 => ["hold", "disk full"][entropy.below(2) as usize].to_string(),
        31 => "release".to_string(),
        32 => "disk room".to_string(),
        33 | 34 => format!("advance {}", [0.5, 4.0, 20.0, 90.0][entropy.below(4) as usize]),
        35 => "reregistered S0 f1 f1t9".to_string(),
        36 => ["ping disconnected", "no leader", "leader", "exited 10.0.0.1:5050"][entropy.below(4) as usize]
            .to_string(),
        37 => format!("shutdown-executor {framework} {executor}"),
        38 => [format!("shutdown-framework {framework}"), format!("update-framework {framework}")]
            [entropy.below(2) as usize]
            .clone(),
        39 => limited(world, entropy).unwrap_or("ping".to_string()),
        _ => [format!("crash {}", entropy.below(6)), "drain".to_string()][usize::from(entropy.chance(0.1))]
            .clone(),
    }
}

fn acknowledgement(world: &World, entropy: &mut Entropy) -> Option<String> {
    let tasks: Vec<&String> = world.sent.keys().collect();
    let task = entropy.pick(&tasks)?;
    Some(format!("ack {} {task}", &task[..2]))
}

fn container(world: &World, entropy: &mut Entropy) -> Option<String> {
    let live: Vec<(&ContainerId, u32)> = world
        .containers
        .iter()
        .filter_map(|(id, container)| match container {
            RecoveredContainer::Running { pid } => Some((id, *pid)),
            RecoveredContainer::Ended { .. } => None,
        })
        .collect();
    let (id, pid) = entropy.pick(&live)?;
    let what = match pid {
        0 => *entropy.pick(&["launched", "launched", "failed", "9"])?,
        _ => *entropy.pick(&["0", "256", "15", "unknown"])?,
    };
    Some(format!("container {id} {what}"))
}

fn limited(world: &World, entropy: &mut Entropy) -> Option<String> {
    let executors: Vec<&ContainerId> = world.held_by.keys().chain(world.containers.keys()).collect();
    Some(format!("container {} limit", entropy.pick(&executors)?))
}

/// All containers end and all updates are acknowledged.
fn settle(world: &mut World, log: &mut Vec<String>, seed: u64) {
    if world.agent.is_none() {
        play(world, "start", log, seed);
    }
    play(world, "disk room", log, seed);
    play(world, "leader", log, seed);
    for _ in 0..60 {
        let live: Vec<ContainerId> = world
            .containers
            .iter()
            .filter(|(_, container)| matches!(container, RecoveredContainer::Running { .. }))
            .map(|(id, _)| id.clone())
            .collect();
        for id in live {
            play(world, &format!("container {id} 0"), log, seed);
        }
        if world.agent.is_none() {
            // It was draining, and is done.
            play(world, "start", log, seed);
            play(world, "leader", log, seed);
        }
        for line in ["advance 3", "registered S0", "reregistered S0", "advance 5"] {
            play(world, line, log, seed);
        }
        let tasks: Vec<String> = world.sent.keys().cloned().collect();
        for task in tasks {
            play(world, &format!("ack {} {task}", &task[..2]), log, seed);
        }
    }
    let state =
        query::v0(&world.agent.as_ref().unwrap().view(), "state", &[], &Usage::new()).unwrap().unwrap();
    let left = &state[state.find(r#""frameworks":["#).unwrap()..];
    assert!(left.starts_with(r#""frameworks":[],"#), "seed {seed}: {left}\n{}", log.join("\n"));
    assert!(world.held_by.is_empty(), "seed {seed}: {:?}\n{}", world.held_by, log.join("\n"));
    assert!(world.containers.is_empty(), "seed {seed}: {:?}\n{}", world.containers, log.join("\n"));
}
