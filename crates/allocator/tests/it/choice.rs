// SPDX-License-Identifier: Apache-2.0

//! Settings that decide which agents are offered, or who comes first.

use super::world::{World, agent_shape, framework_shape, ms, role};
use kaon_allocator::{
    AgentShape, Config, Constraint, Constraints, Drf, FrameworkShape, Predicate, Selector, Sorter,
};
use kaon_model::{AgentId, FrameworkId};
use std::collections::BTreeSet;

fn add(world: &mut World, host: &str) {
    let shape = AgentShape { hostname: host.to_string(), ..agent_shape("cpus:1") };
    world.allocator.add_agent(world.now, AgentId::from(host), shape).unwrap();
}

#[test]
fn only_hosts_on_the_whitelist_are_offered() {
    let mut world = World::new();
    world.allocator.set_whitelist(world.now, Some(BTreeSet::from(["h1".to_string()])));
    world.add_framework("f", &["r"]);
    add(&mut world, "h1");
    add(&mut world, "h2");
    assert_eq!(world.stories(ms(3000)), ["f in r gets cpus:1 of h1"]);
    world.allocator.set_whitelist(world.now, Some(BTreeSet::new()));
    add(&mut world, "h3");
    assert_eq!(world.stories(ms(3000)), [""; 0], "an empty list allows nothing");
    world.allocator.set_whitelist(world.now, None);
    let mut offers = world.stories(ms(1000));
    offers.sort();
    assert_eq!(offers, ["f in r gets cpus:1 of h2", "f in r gets cpus:1 of h3"]);
}

fn only(host: &str) -> FrameworkShape {
    let predicate = Predicate::TextEquals(host.to_string());
    let groups = vec![vec![Constraint { selector: Selector::Hostname, predicate }]];
    let constraints = Constraints([(role("r"), groups)].into()).into();
    FrameworkShape { constraints, ..framework_shape(&["r", "s"]) }
}

#[test]
fn a_framework_is_offered_only_what_meets_its_constraints() {
    let mut world = World::new();
    world.subscribe("f", &FrameworkShape { suppressed: [role("s")].into(), ..only("h2") });
    add(&mut world, "h1");
    add(&mut world, "h2");
    assert_eq!(world.stories(ms(3000)), ["f in r gets cpus:1 of h2"]);
    // Other roles have no constraints.
    world.allocator.update_framework(world.now, &FrameworkId::from("f"), &only("h2")).unwrap();
    assert_eq!(world.stories(ms(3000)), ["f in s gets cpus:1 of h1"]);
}

#[test]
fn new_constraints_are_heeded_at_once() {
    let mut world = World::new();
    world.subscribe("f", &FrameworkShape { suppressed: [role("s")].into(), ..only("h2") });
    add(&mut world, "h1");
    assert_eq!(world.stories(ms(3000)), [""; 0]);
    let shape = FrameworkShape { suppressed: [role("s")].into(), ..only("h1") };
    world.allocator.update_framework(world.now, &FrameworkId::from("f"), &shape).unwrap();
    assert_eq!(world.stories(ms(20)), ["f in r gets cpus:1 of h1"]);
}

/// How many of 400 agents go to `f`, whose role weighs thrice as much.
fn drawn(role_sorter: Sorter) -> usize {
    let mut world = World::with(Config { role_sorter, ..Config::default() }, Box::new(Drf));
    world.allocator.set_weight(&role("r"), 3.0).unwrap();
    world.add_framework("f", &["r"]);
    world.add_framework("g", &["s"]);
    (0..400).for_each(|at| add(&mut world, &format!("h{at}")));
    world.pass(ms(3000)).iter().filter(|offer| offer.framework == "f").count()
}

#[test]
fn the_random_sorter_goes_by_weights_in_the_mean_only() {
    assert_eq!(drawn(Sorter::Policy), 300);
    let drawn = drawn(Sorter::Random);
    assert!((260..340).contains(&drawn) && drawn != 300, "{drawn}");
}

#[test]
fn frameworks_of_one_role_can_be_drawn_too() {
    let config = Config { framework_sorter: Sorter::Random, ..Config::default() };
    let mut world = World::with(config, Box::new(Drf));
    world.add_framework("f", &["r"]);
    world.add_framework("g", &["r"]);
    (0..400).for_each(|at| add(&mut world, &format!("h{at}")));
    let drawn = world.pass(ms(3000)).iter().filter(|offer| offer.framework == "f").count();
    assert!((160..240).contains(&drawn) && drawn != 200, "{drawn}");
}
