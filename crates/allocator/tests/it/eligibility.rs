// SPDX-License-Identifier: Apache-2.0

//! Nobody is offered what it cannot deal with.

use super::world::{World, agent_shape, framework_shape, ms, resources, role};
use kaon_allocator::{AgentShape, Config, Drf, FrameworkShape, MinAllocatable};
use kaon_model::{AgentId, Quantities, Reservation, Resources};

/// What a framework in `eng/web` is offered of an agent.
fn offered(agent: AgentShape, framework: FrameworkShape, config: Config) -> String {
    let mut world = World::with(config, Box::new(Drf));
    world.allocator.add_agent(world.now, AgentId::from("a"), agent).unwrap();
    world.subscribe("f", &framework);
    let offers = world.pass(ms(3000));
    assert!(offers.len() <= 1);
    offers.first().map_or("nothing".to_string(), |offer| offer.resources.to_string())
}

fn plain(framework: FrameworkShape, total: &str) -> String {
    offered(agent_shape(total), framework, Config::default())
}

fn web() -> FrameworkShape {
    framework_shape(&["eng/web"])
}

#[test]
fn too_little_is_not_worth_an_offer() {
    for (total, expected) in [
        ("cpus:0.01", "cpus:0.01"),
        ("cpus:0.009;mem:31", "nothing"),
        ("cpus:0.009;mem:32", "cpus:0.009; mem:32"),
        ("disk:100000;ports:[1-100]", "nothing"),
    ] {
        assert_eq!(plain(web(), total), expected);
    }
}

#[test]
fn a_framework_may_set_its_own_minimum_for_a_role() {
    let amounts = |text: &str| -> Quantities { resources(text).quantities() };
    for (sets, total, expected) in [
        (vec![amounts("cpus:4;mem:100"), amounts("disk:10")], "cpus:3;mem:1000", "nothing"),
        (vec![amounts("cpus:4;mem:100"), amounts("disk:10")], "cpus:4;mem:100", "cpus:4; mem:100"),
        (vec![amounts("cpus:4;mem:100"), amounts("disk:10")], "disk:10", "disk:10"),
        (vec![], "ports:[1-1]", "ports:[1-1]"),
    ] {
        let mut framework = web();
        framework.min_allocatable.insert(role("eng/web"), MinAllocatable(sets));
        assert_eq!(plain(framework, total), expected);
    }
}

#[test]
fn gpus_are_for_those_who_know_of_them() {
    let total = "cpus:1;gpus:1";
    assert_eq!(plain(web(), total), "nothing", "not even the cpus");
    let mut able = web();
    able.capabilities.gpu_resources = true;
    assert_eq!(plain(able, total), "cpus:1; gpus:1");
    let config = Config { filter_gpu_resources: false, ..Config::default() };
    assert_eq!(offered(agent_shape(total), web(), config), "cpus:1; gpus:1");
}

#[test]
fn old_agents_are_for_old_frameworks() {
    let offer = |multi_role, hierarchical_role, framework| {
        let agent = AgentShape { multi_role, hierarchical_role, ..agent_shape("cpus:1") };
        offered(agent, framework, Config::default())
    };
    let mut old = framework_shape(&["eng"]);
    assert_eq!(offer(false, true, old.clone()), "nothing");
    old.capabilities.multi_role = false;
    assert_eq!(offer(false, true, old), "cpus:1");
    assert_eq!(offer(true, false, web()), "nothing");
    assert_eq!(offer(true, false, framework_shape(&["eng"])), "cpus:1");
}

#[test]
fn agents_far_away_are_for_those_who_ask_for_them() {
    let remote = || AgentShape { remote: true, ..agent_shape("cpus:1") };
    let mut able = web();
    able.capabilities.region_aware = true;
    assert_eq!(offered(remote(), web(), Config::default()), "nothing");
    assert_eq!(offered(remote(), able, Config::default()), "cpus:1");
}

fn reserved(text: &str, names: &[&str]) -> Resources {
    names
        .iter()
        .fold(resources(text), |sum, name| sum.push_reservation(&Reservation::dynamic(role(name), None)))
}

#[test]
fn reserved_resources_are_for_their_role_and_those_below() {
    let mut agent = agent_shape("cpus:1");
    for name in ["eng", "eng/web", "eng/web/api", "sales"] {
        agent.total += &reserved("cpus:1;mem:10", &[name]);
    }
    assert_eq!(
        offered(agent, web(), Config::default()),
        "cpus:1; cpus(reservations: [(DYNAMIC,eng)]):1; cpus(reservations: [(DYNAMIC,eng/web)]):1; \
         mem(reservations: [(DYNAMIC,eng)]):10; mem(reservations: [(DYNAMIC,eng/web)]):10"
    );
}

#[test]
fn what_is_reserved_for_another_goes_to_it_in_the_same_round() {
    let mut world = World::new();
    let mut agent = agent_shape("cpus:1");
    agent.total += &reserved("cpus:3", &["r"]);
    world.allocator.add_agent(world.now, AgentId::from("a"), agent).unwrap();
    world.add_framework("f", &["a"]);
    world.add_framework("g", &["r"]);
    assert_eq!(
        world.stories(ms(20)),
        ["f in a gets cpus:1 of a", "g in r gets cpus(reservations: [(DYNAMIC,r)]):3 of a"]
    );
}

#[test]
fn refined_and_revocable_resources_are_for_those_who_understand_them() {
    let total = || {
        let mut agent = agent_shape("cpus:1");
        agent.total += &reserved("cpus:2", &["eng", "eng/web"]);
        for mut resource in resources("cpus:4").iter().cloned() {
            resource.revocable = true;
            agent.total += &Resources::from(resource);
        }
        agent
    };
    let (mut refining, mut revocable) = (web(), web());
    refining.capabilities.reservation_refinement = true;
    revocable.capabilities.revocable_resources = true;
    assert_eq!(offered(total(), web(), Config::default()), "cpus:1");
    assert_eq!(offered(total(), revocable, Config::default()), "cpus:1; cpus{REV}:4");
    assert_eq!(
        offered(total(), refining, Config::default()),
        "cpus:1; cpus(reservations: [(DYNAMIC,eng),(DYNAMIC,eng/web)]):2"
    );
}
