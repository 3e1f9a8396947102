// SPDX-License-Identifier: Apache-2.0

//! Nobody is offered more than its limit; what is promised is given first, and kept for those who need it.

use super::world::{World, agent_shape, framework_shape, ms, resources, role};
use kaon_allocator::{Quota, Withdrawal};
use kaon_model::{AgentId, FrameworkId, Reservation, Resources};

fn quota(guarantees: &str, limits: &str) -> Quota {
    let amounts = |text: &str| resources(text).quantities();
    let zero = limits.strip_suffix(":0").map(|name| (name.into(), kaon_model::Scalar::ZERO));
    let limits = amounts(limits);
    let limits = limits.iter().map(|(name, amount)| (name.clone(), amount)).chain(zero).collect();
    Quota { guarantees: amounts(guarantees), limits }
}

fn set(world: &mut World, name: &str, guarantees: &str, limits: &str) {
    world.allocator.set_quota(world.now, &role(name), quota(guarantees, limits));
}

/// A world with some agents `a1`, `a2`…
fn world(agents: &[&str]) -> World {
    let mut world = World::new();
    for (at, total) in agents.iter().enumerate() {
        world.add_agent(&format!("a{}", at + 1), total);
    }
    world
}

/// How much of the cpus somebody was offered.
fn cpus(stories: &[super::world::Offer], who: &str) -> String {
    let own = stories.iter().filter(|offer| offer.framework == who);
    own.map(|offer| offer.resources.get_scalar("cpus")).sum::<kaon_model::Scalar>().to_string()
}

#[test]
fn a_limit_cuts_an_offer_and_leaves_other_names_alone() {
    let mut world = world(&["cpus:10;mem:100;ports:[1-5]"]);
    set(&mut world, "r", "", "cpus:4");
    world.add_framework("f", &["r"]);
    assert_eq!(world.stories(ms(20)), ["f in r gets cpus:4; mem:100; ports:[1-5] of a1"]);
    assert_eq!(world.stories(ms(3000)), [""; 0]);
}

#[test]
fn a_limit_of_zero_lets_nothing_through() {
    let mut world = world(&["cpus:10;mem:100"]);
    set(&mut world, "r", "", "cpus:0");
    world.add_framework("f", &["r"]);
    assert_eq!(world.stories(ms(20)), ["f in r gets mem:100 of a1"]);
}

#[test]
fn a_limit_holds_over_all_agents() {
    let mut world = world(&["cpus:3;mem:64", "cpus:3;mem:64", "cpus:3;mem:64"]);
    set(&mut world, "r", "", "cpus:4;mem:160");
    world.add_framework("f", &["r"]);
    let offers = world.settle();
    assert_eq!(cpus(&offers, "f"), "4");
}

/// Mesos: lets the children of a role with a limit have whatever they can get.
#[test]
fn a_limit_binds_the_roles_below() {
    let mut world = world(&["cpus:10;mem:100", "cpus:10;mem:100"]);
    set(&mut world, "r", "", "cpus:5");
    world.add_framework("f", &["r/a"]);
    world.add_framework("g", &["r/b/c"]);
    world.add_framework("h", &["s"]);
    let offers = world.pass(ms(3000));
    let below: f64 = ["f", "g"].map(|who| cpus(&offers, who).parse::<f64>().unwrap()).iter().sum();
    assert_eq!(below, 5.0);
    assert_eq!(cpus(&offers, "h"), "15");
}

#[test]
fn what_is_reserved_counts_whether_it_is_used_or_not() {
    let mut world = World::new();
    let mut shape = agent_shape("cpus:10;mem:100");
    shape.total += &resources("cpus:3").push_reservation(&Reservation::dynamic(role("r/x"), None));
    world.allocator.add_agent(world.now, AgentId::from("a1"), shape).unwrap();
    set(&mut world, "r", "", "cpus:4");
    world.add_framework("f", &["r"]);
    assert_eq!(world.stories(ms(20)), ["f in r gets cpus:1; mem:100 of a1"]);
    world.add_framework("g", &["r/x"]);
    assert_eq!(world.stories(ms(20)), ["g in r/x gets cpus(reservations: [(DYNAMIC,r/x)]):3 of a1"]);
}

#[test]
fn what_may_be_taken_back_does_not_count() {
    let mut world = World::new();
    let mut shape = agent_shape("cpus:2;mem:100");
    for mut resource in resources("cpus:8").iter().cloned() {
        resource.revocable = true;
        shape.total += &Resources::from(resource);
    }
    world.allocator.add_agent(world.now, AgentId::from("a1"), shape).unwrap();
    set(&mut world, "r", "", "cpus:1");
    let mut able = framework_shape(&["r"]);
    able.capabilities.revocable_resources = true;
    world.subscribe("f", &able);
    assert_eq!(world.stories(ms(20)), ["f in r gets cpus:1; cpus{REV}:8; mem:100 of a1"]);
}

#[test]
fn guarantees_come_before_shares() {
    let mut world = world(&["cpus:4;mem:100", "cpus:4;mem:100"]);
    set(&mut world, "r", "cpus:8", "");
    world.add_framework("f", &["r"]);
    world.add_framework("g", &["a"]);
    let offers = world.settle();
    assert_eq!((cpus(&offers, "f").as_str(), cpus(&offers, "g").as_str()), ("8", "0"));
}

#[test]
fn a_guarantee_serves_the_roles_below() {
    let mut world = world(&["cpus:4;mem:100", "cpus:4;mem:100"]);
    set(&mut world, "r", "cpus:8", "");
    world.add_framework("f", &["r/x"]);
    world.add_framework("g", &["a"]);
    assert_eq!(cpus(&world.settle(), "f"), "8");
}

#[test]
fn what_is_promised_is_kept_even_while_nobody_asks_for_it() {
    let mut world = world(&["cpus:4;mem:100", "cpus:4;mem:100"]);
    set(&mut world, "r", "cpus:6", "");
    world.add_framework("g", &["a"]);
    let offers = world.settle();
    assert_eq!(cpus(&offers, "g"), "2");
    world.add_framework("f", &["r"]);
    assert_eq!(cpus(&world.pass(ms(1100)), "f"), "6", "it was kept");
}

#[test]
fn what_is_not_promised_any_more_is_offered_at_the_next_tick() {
    let mut world = world(&["cpus:4;mem:100"]);
    set(&mut world, "r", "cpus:4", "");
    world.add_framework("g", &["a"]);
    assert_eq!(world.stories(ms(3000)), ["g in a gets mem:100 of a1"]);
    set(&mut world, "r", "", "");
    assert_eq!(world.stories(ms(1000)), ["g in a gets cpus:4 of a1"]);
}

#[test]
fn a_role_below_its_guarantee_takes_more_than_it_lacks_if_nobody_else_is_promised_it() {
    let mut world = world(&["cpus:10;mem:100"]);
    set(&mut world, "r", "cpus:2", "cpus:7");
    world.add_framework("f", &["r"]);
    assert_eq!(world.stories(ms(20)), ["f in r gets cpus:7; mem:100 of a1"], "one offer, up to the limit");
}

#[test]
fn more_than_there_is_can_be_promised() {
    let mut world = world(&["cpus:4;mem:100"]);
    set(&mut world, "r", "cpus:3", "");
    set(&mut world, "s", "cpus:40", "");
    world.add_framework("f", &["r"]);
    assert_eq!(
        world.stories(ms(20)),
        ["f in r gets cpus:3; mem:100 of a1"],
        "the rest is kept for the other"
    );
}

#[test]
fn what_ends_elsewhere_makes_room_for_what_was_held_back() {
    let mut world = world(&["cpus:4;mem:100"]);
    set(&mut world, "r", "", "cpus:4");
    world.add_framework("f", &["r"]);
    let offer = world.settle().remove(0);
    world.launch(&offer, "t", "cpus:4;mem:100", None);
    world.add_agent("a2", "cpus:4;ports:[1-9]");
    assert_eq!(world.stories(ms(5000)), [""; 0]);
    // Somebody else takes what the task leaves.
    world.add_framework("g", &["s"]);
    let offer = world.pass(ms(2000)).remove(0);
    assert_eq!(offer.story(), "g in s gets cpus:4; ports:[1-9] of a2");
    world.decline(&offer, Some(1000.0));
    world.allocator.set_agent_active(world.now, &AgentId::from("a1"), false).unwrap();
    world.finish("a1", "f", "t");
    assert_eq!(world.stories(ms(1000)), ["f in r gets cpus:4; ports:[1-9] of a2"]);
}

#[test]
fn an_offer_that_comes_back_makes_room_for_what_was_held_back_beside_it() {
    for (name, guarantees, limits) in [("r", "", "cpus:2"), ("other", "cpus:2", "")] {
        let mut world = world(&["cpus:2", "cpus:2"]);
        set(&mut world, name, guarantees, limits);
        world.add_framework("f", &["r"]);
        let offers = world.settle();
        let [offer] = offers.as_slice() else { panic!("{} offers", offers.len()) };
        let other = if offer.agent == "a1" { "a2" } else { "a1" };
        world.decline(offer, Some(1000.0));
        assert_eq!(world.stories(ms(1100)), [format!("f in r gets cpus:2 of {other}")], "{name}");
    }
}

#[test]
fn an_agent_that_leaves_makes_room() {
    let mut world = world(&["cpus:4;mem:100"]);
    set(&mut world, "r", "", "cpus:4");
    world.add_framework("f", &["r"]);
    let offer = world.settle().remove(0);
    world.launch(&offer, "t", "cpus:4", None);
    world.add_agent("a2", "cpus:4");
    assert_eq!(world.stories(ms(5000)), [""; 0]);
    world.allocator.remove_agent(world.now, &AgentId::from("a1")).unwrap();
    assert_eq!(world.stories(ms(1100)), ["f in r gets cpus:4 of a2"]);
}

#[test]
fn a_limit_that_is_raised_is_heeded_at_the_next_tick() {
    let mut world = world(&["cpus:4"]);
    set(&mut world, "r", "", "cpus:1");
    world.add_framework("f", &["r"]);
    let offer = world.settle().remove(0);
    world.launch(&offer, "t", "cpus:1", None);
    set(&mut world, "r", "", "cpus:3");
    assert_eq!(world.stories(ms(1000)), ["f in r gets cpus:2 of a1"]);
}

#[test]
fn after_a_change_of_masters_nothing_is_offered_until_most_agents_are_back() {
    let mut world = World::new();
    world.allocator.hold(world.now, 2, ms(600_000));
    world.add_framework("f", &["r"]);
    world.add_agent("a1", "cpus:1");
    assert_eq!(world.stories(ms(60_000)), [""; 0]);
    world.add_agent("a2", "cpus:1");
    assert_eq!(world.stories(ms(20)).len(), 2);
}

#[test]
fn nor_longer_than_it_is_worth() {
    let mut world = World::new();
    world.allocator.hold(world.now, 2, ms(600_000));
    world.add_framework("f", &["r"]);
    world.add_agent("a1", "cpus:1");
    assert_eq!(world.stories(ms(599_000)), [""; 0]);
    assert_eq!(world.stories(ms(2000)), ["f in r gets cpus:1 of a1"]);
    world.allocator.hold(world.now, 0, ms(600_000));
    world.add_agent("a2", "cpus:1");
    assert_eq!(world.stories(ms(2000)).len(), 1, "nobody is waited for");
}

#[test]
fn whoever_goes_leaves_its_quota_behind() {
    let mut world = world(&["cpus:4"]);
    set(&mut world, "r", "cpus:2", "cpus:2");
    world.add_framework("f", &["r"]);
    let offer = world.settle().remove(0);
    world.launch(&offer, "t", "cpus:2", None);
    world.allocator.remove_framework(world.now, &FrameworkId::from("f")).unwrap();
    world.add_framework("g", &["s"]);
    assert_eq!(world.stories(ms(3000)), ["g in s gets cpus:2 of a1"]);
    world.add_framework("h", &["r"]);
    let offer = world.pass(ms(3000)).remove(0);
    assert_eq!(offer.story(), "h in r gets cpus:2 of a1");
    world.allocator.withdraw(world.now, &offer.id, Withdrawal::Rescinded).unwrap();
    assert_eq!(world.stories(ms(20)), ["h in r gets cpus:2 of a1"]);
}
