// SPDX-License-Identifier: Apache-2.0

//! Refusals stand as long as they should, and not longer.

use super::world::{Offer, World, agent_shape, framework_shape, ms, roles};
use kaon_allocator::{Withdrawal, refusal_span};
use kaon_model::{AgentId, FrameworkId};
use std::time::Duration;

fn framework() -> FrameworkId {
    FrameworkId::from("f")
}

/// One agent, one framework in two roles, which was offered the agent in one of them.
fn offered() -> (World, Offer) {
    let mut world = World::new();
    world.add_agent("a", "cpus:10;mem:100");
    world.add_framework("f", &["r"]);
    let offers = world.settle();
    assert_eq!(offers.len(), 1);
    (world, offers[0].clone())
}

/// A framework that has refused its agent for an hour.
fn refused() -> World {
    let (mut world, offer) = offered();
    world.decline(&offer, Some(3600.0));
    assert_eq!(world.stories(ms(10_000)), [""; 0]);
    world
}

#[test]
fn spans_are_those_of_mesos() {
    let day = 24.0 * 3600.0;
    for (refuse_seconds, interval_ms, span_ms) in [
        (None, 1000, Some(5000)),
        (Some(5.0), 1000, Some(5000)),
        (Some(0.0), 1000, None),
        (Some(-0.0), 1000, None),
        (Some(1e-12), 1000, None),
        (Some(0.25), 1000, Some(1000)),
        (Some(0.25), 100, Some(250)),
        (Some(-1.0), 1000, Some(5000)),
        (Some(f64::NEG_INFINITY), 1000, Some(5000)),
        (Some(f64::NAN), 1000, Some(5000)),
        (Some(365.0 * day), 1000, Some(365 * 24 * 3_600_000)),
        (Some(366.0 * day), 1000, Some(365 * 24 * 3_600_000)),
        (Some(f64::INFINITY), 1000, Some(365 * 24 * 3_600_000)),
        (Some(-1.0), 10_000, Some(10_000)),
    ] {
        let span = refusal_span(refuse_seconds, ms(interval_ms));
        assert_eq!(span, span_ms.map(Duration::from_millis), "{refuse_seconds:?} at {interval_ms} ms");
    }
}

#[test]
fn a_refusal_stands_until_its_end() {
    let (mut world, offer) = offered();
    world.decline(&offer, Some(3.0));
    let declined = world.now;
    let again = world.pass(ms(10_000));
    assert_eq!(again.len(), 1);
    let after = again[0].at.since(declined);
    assert!(after >= ms(3000) && after < ms(3020), "{after:?}");
    assert_eq!(world.allocator.filters_in(&"r".parse().unwrap()), 0);
}

#[test]
fn only_a_superset_refuses() {
    let (mut world, offer) = offered();
    world.launch(&offer, "t", "cpus:4;mem:50", Some(3600.0));
    assert_eq!(world.stories(ms(3000)), [""; 0], "cpus:6; mem:50 were refused");
    world.finish("a", "f", "t");
    assert_eq!(world.stories(ms(3000)), ["f in r gets cpus:10; mem:100 of a"], "more than was refused");
}

#[test]
fn less_than_was_refused_is_refused() {
    let (mut world, offer) = offered();
    world.decline(&offer, Some(3600.0));
    world.allocator.update_agent(world.now, &AgentId::from("a"), agent_shape("cpus:5;mem:100")).unwrap();
    assert_eq!(world.stories(ms(3000)), [""; 0]);
    world.allocator.update_agent(world.now, &AgentId::from("a"), agent_shape("cpus:5;mem:101")).unwrap();
    assert_eq!(world.stories(ms(3000)), ["f in r gets cpus:5; mem:101 of a"]);
}

#[test]
fn revive_ends_refusals() {
    let mut world = refused();
    let missing = world.allocator.revive(world.now, &framework(), &roles(&["r", "x"]));
    assert_eq!(missing.unwrap_err().to_string(), "framework f is not subscribed to role x");
    assert_eq!(world.stories(ms(3000)), [""; 0], "a revive of a role it is not in is ignored whole");
    world.allocator.revive(world.now, &framework(), &roles(&[])).unwrap();
    assert_eq!(world.stories(ms(50)).len(), 1);
}

#[test]
fn suppress_stops_offers_and_leaves_refusals() {
    let mut world = refused();
    world.allocator.suppress(&framework(), &roles(&["r"])).unwrap();
    assert_eq!(world.allocator.filters_in(&"r".parse().unwrap()), 1);
    world.add_agent("b", "cpus:1;mem:100");
    assert_eq!(world.stories(ms(3000)), [""; 0]);
    // Unsuppressed by an update, which is no revival: what it refused stays refused.
    world.allocator.update_framework(world.now, &framework(), &framework_shape(&["r"])).unwrap();
    assert_eq!(world.stories(ms(3000)), ["f in r gets cpus:1; mem:100 of b"]);
}

#[test]
fn revive_of_one_role_leaves_the_others_alone() {
    let mut world = World::new();
    world.add_agent("a", "cpus:10;mem:100");
    let mut shape = framework_shape(&["r", "s"]);
    shape.suppressed = roles(&["r", "s"]);
    world.subscribe("f", &shape);
    assert_eq!(world.stories(ms(3000)), [""; 0]);
    world.allocator.revive(world.now, &framework(), &roles(&["s"])).unwrap();
    assert_eq!(world.stories(ms(3000)), ["f in s gets cpus:10; mem:100 of a"]);
}

#[test]
fn deactivation_ends_refusals() {
    let mut world = refused();
    world.allocator.set_framework_active(world.now, &framework(), false).unwrap();
    assert_eq!(world.stories(ms(3000)), [""; 0]);
    world.allocator.set_framework_active(world.now, &framework(), true).unwrap();
    assert_eq!(world.stories(ms(50)).len(), 1);
}

#[test]
fn leaving_a_role_ends_refusals_in_it() {
    let mut world = refused();
    world.allocator.update_framework(world.now, &framework(), &framework_shape(&["s"])).unwrap();
    assert_eq!(world.stories(ms(50)), ["f in s gets cpus:10; mem:100 of a"], "it refused in r only");
    let offer = world.allocator.withdraw(world.now, &"o2".into(), Withdrawal::Rescinded);
    assert!(offer.is_ok());
    world.allocator.update_framework(world.now, &framework(), &framework_shape(&["r"])).unwrap();
    assert_eq!(world.stories(ms(200)), ["f in r gets cpus:10; mem:100 of a"]);
}

#[test]
fn a_change_of_attributes_ends_refusals_on_the_agent() {
    let mut world = refused();
    let mut shape = agent_shape("cpus:10;mem:100");
    world.allocator.update_agent(world.now, &AgentId::from("a"), shape.clone()).unwrap();
    assert_eq!(world.stories(ms(3000)), [""; 0], "nothing has changed");
    shape.attributes = "rack:r2".parse().unwrap();
    world.allocator.update_agent(world.now, &AgentId::from("a"), shape).unwrap();
    assert_eq!(world.stories(ms(50)).len(), 1);
}

#[test]
fn an_agent_that_comes_anew_was_refused_by_nobody() {
    let mut world = refused();
    world.allocator.remove_agent(world.now, &AgentId::from("a")).unwrap();
    world.allocator.check().unwrap();
    world.add_agent("a", "cpus:10;mem:100");
    assert_eq!(world.stories(ms(50)).len(), 1);
}

#[test]
fn an_offer_that_is_taken_back_was_not_refused() {
    for why in [Withdrawal::Rescinded, Withdrawal::TimedOut] {
        let (mut world, offer) = offered();
        world.allocator.withdraw(world.now, &offer.id, why).unwrap();
        assert_eq!(world.allocator.filters_in(&"r".parse().unwrap()), 0);
        assert_eq!(world.stories(ms(1200)).len(), 1, "{why:?}");
    }
}

#[test]
fn a_framework_that_refuses_everything_is_not_bothered_while_others_are_served() {
    let (mut world, offer) = offered();
    world.add_framework("g", &["q"]);
    world.decline(&offer, Some(600.0));
    assert_eq!(world.stories(ms(600)), ["g in q gets cpus:10; mem:100 of a"]);
    assert_eq!(world.stories(ms(500_000)), [""; 0]);
}

#[test]
fn many_refusals_of_one_agent_do_not_pile_up() {
    let (mut world, mut offer) = offered();
    for round in 1..=100 {
        // Each refusal is of another port, so none makes another superfluous.
        let total = format!("cpus:10;mem:100;ports:[{round}-{round}]");
        world.decline(&offer, Some(10_000.0 + f64::from(round)));
        world.allocator.update_agent(world.now, &AgentId::from("a"), agent_shape(&total)).unwrap();
        offer = world.pass(ms(200)).remove(0);
    }
    world.decline(&offer, Some(20_000.0));
    world.allocator.check().unwrap();
    // The newest stands; the oldest gave way.
    assert_eq!(world.stories(ms(1000)), [""; 0]);
    let first = agent_shape("cpus:10;mem:100;ports:[1-1]");
    world.allocator.update_agent(world.now, &AgentId::from("a"), first).unwrap();
    assert_eq!(world.stories(ms(1000)).len(), 1);
}
