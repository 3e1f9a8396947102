// SPDX-License-Identifier: Apache-2.0

//! Offers come soon, and not too often.

use super::world::{Offer, World, agent_shape, ms, resources, role, roles, task};
use kaon_allocator::{Config, Drf, Withdrawal};
use kaon_model::{AgentId, FrameworkId, Mono};
use std::time::Duration;

/// The timing of Mesos.
fn ticking() -> World {
    World::with(Config { event_driven: false, ..Config::default() }, Box::new(Drf))
}

fn since(start: Mono, world: &mut World, span: Duration) -> Vec<(String, u128)> {
    world
        .pass(span)
        .iter()
        .map(|offer| (offer.framework.clone(), offer.at.since(start).as_millis()))
        .collect()
}

#[test]
fn an_idle_allocator_waits_for_nothing() {
    let mut world = World::new();
    assert_eq!(world.allocator.deadline(), None);
    world.add_agent("a", "cpus:1;mem:100");
    world.add_framework("f", &["r"]);
    assert_eq!(world.settle().len(), 1);
    world.pass(ms(1000));
    assert_eq!(world.allocator.deadline(), None, "all is offered, and nothing can happen by itself");
}

#[test]
fn a_burst_of_changes_is_one_round() {
    let mut world = World::new();
    world.add_framework("f", &["r"]);
    world.pass(ms(1000));
    let (start, rounds) = (world.now, world.allocator.rounds());
    for agent in 0..50 {
        world.add_agent(&format!("a{agent}"), "cpus:1;mem:100");
    }
    let offers = since(start, &mut world, ms(1000));
    assert_eq!((offers.len(), world.allocator.rounds() - rounds), (50, 1));
    assert!(offers.iter().all(|(_, at)| *at == 5), "{offers:?}");
}

#[test]
fn a_stream_of_changes_is_not_put_off_for_ever() {
    let mut world = World::new();
    world.add_framework("f", &["r"]);
    world.pass(ms(1000));
    let start = world.now;
    let mut offers = Vec::new();
    for agent in 0..30 {
        world.add_agent(&format!("a{agent}"), "cpus:1;mem:100");
        offers.extend(since(start, &mut world, ms(1)));
    }
    assert_eq!(offers[0].1, 10, "{offers:?}");
}

#[test]
fn freed_resources_are_offered_in_milliseconds() {
    let mut world = World::new();
    world.add_agent("a", "cpus:1;mem:100");
    world.add_framework("f", &["r"]);
    let offer = world.settle().remove(0);
    world.launch(&offer, "t", "cpus:1;mem:100", None);
    world.pass(ms(5000));
    let start = world.now;
    world.finish("a", "f", "t");
    assert_eq!(since(start, &mut world, ms(2000)), [("f".to_string(), 5)]);
}

/// Calls back each of an agent's ten tasks, one after the other; says what was offered when.
fn ten_tasks_end(config: Config) -> Vec<(u128, String)> {
    let mut world = World::with(config, Box::new(Drf));
    world.add_agent("a", "cpus:10;mem:1000");
    world.add_framework("f", &["r"]);
    let offer = world.settle().remove(0);
    let mut holding = world.allocator.open([&offer.id]).unwrap();
    for id in 0..10 {
        world.allocator.take(&mut holding, task(id), resources("cpus:1;mem:100")).unwrap();
    }
    world.allocator.close(world.now, holding, None);
    world.pass(ms(1000));
    let start = world.now;
    let mut offers = Vec::new();
    for id in 0..10 {
        world.finish("a", "f", &id.to_string());
        offers.extend(world.pass(ms(20)));
    }
    offers.extend(world.pass(ms(500)));
    let told = |offer: &Offer| (offer.at.since(start).as_millis(), offer.resources.to_string());
    offers.iter().map(told).collect()
}

#[test]
fn one_framework_gets_one_offer_of_an_agent_each_hundred_milliseconds() {
    let told = ten_tasks_end(Config { offer_burst: 1, ..Config::default() });
    let expected = [(5, "cpus:1; mem:100"), (110, "cpus:5; mem:500"), (215, "cpus:4; mem:400")];
    assert_eq!(told, expected.map(|(at, of)| (at, of.to_string())));
}

#[test]
fn a_few_offers_of_an_agent_may_come_without_space() {
    let told = ten_tasks_end(Config { offer_burst: 3, ..Config::default() });
    // At 45 ms the third of the burst; then when the debt of 305 ms has shrunk to two spacings, and so on.
    let at: Vec<u128> = told.iter().map(|(at, _)| *at).collect();
    assert_eq!(at, [5, 25, 45, 110, 210]);
    assert_eq!(told[3].1, "cpus:3; mem:300");
}

#[test]
fn who_is_next_does_not_lose_its_turn_to_the_spacing() {
    let mut world = World::with(Config { offer_burst: 1, ..Config::default() }, Box::new(Drf));
    world.add_agent("a", "cpus:10;mem:1000");
    world.allocator.set_weight(&role("r"), 100.0).unwrap();
    world.add_framework("heavy", &["r"]);
    world.add_framework("light", &["s"]);
    let (agent, heavy) = (AgentId::from("a"), FrameworkId::from("heavy"));
    for id in 1..=2 {
        world.allocator.charge(&agent, &heavy, &role("r"), task(id), resources("cpus:1;mem:100")).unwrap();
    }
    let (agent, light) = (AgentId::from("a"), FrameworkId::from("light"));
    world.allocator.charge(&agent, &light, &role("s"), task(3), resources("cpus:8;mem:800")).unwrap();
    world.pass(ms(500));
    let start = world.now;
    world.finish("a", "heavy", "1");
    assert_eq!(since(start, &mut world, ms(10)), [("heavy".to_string(), 5)]);
    world.finish("a", "heavy", "2");
    assert_eq!(since(start, &mut world, ms(500)), [("heavy".to_string(), 110)]);
}

#[test]
fn what_is_returned_without_a_filter_goes_to_others_at_once_and_back_at_the_tick() {
    let mut world = World::new();
    world.add_agent("a", "cpus:1;mem:100");
    world.add_framework("f", &["r"]);
    let start = world.now;
    let offer = world.settle().remove(0);
    world.add_framework("g", &["s"]);
    world.decline(&offer, Some(0.0));
    let second = world.pass(ms(100));
    assert_eq!(second.iter().map(|offer| offer.framework.as_str()).collect::<Vec<_>>(), ["g"]);
    world.decline(&second[0], Some(0.0));
    // f has returned just that: not before the tick; by then neither has anything, and f comes by name.
    assert_eq!(since(start, &mut world, ms(3000)), [("f".to_string(), 1005)]);
}

#[test]
fn an_offer_that_was_not_answered_goes_to_another() {
    let mut world = World::new();
    world.add_agent("a", "cpus:1;mem:100");
    world.add_framework("f", &["r"]);
    world.add_framework("g", &["s"]);
    let mut offer = world.settle().remove(0);
    for _ in 0..5 {
        world.pass(ms(1000));
        world.time_out(&offer);
        let next = world.pass(ms(100)).remove(0);
        assert_ne!(next.framework, offer.framework);
        offer = next;
    }
}

#[test]
fn more_than_was_returned_need_not_wait_for_the_tick() {
    let mut world = World::new();
    world.add_agent("a", "cpus:2;mem:200");
    world.add_framework("f", &["r"]);
    let start = world.now;
    let offer = world.settle().remove(0);
    world.launch(&offer, "t", "cpus:1;mem:100", Some(0.0));
    world.pass(ms(180));
    world.finish("a", "f", "t");
    assert_eq!(since(start, &mut world, ms(700)), [("f".to_string(), 205)]);
}

#[test]
fn who_asks_again_and_again_and_takes_nothing_starves_nobody() {
    for refuse_seconds in [Some(0.0), Some(3600.0)] {
        let mut world = World::new();
        world.add_agent("a", "cpus:1;mem:100");
        world.add_framework("f", &["r"]);
        world.add_framework("g", &["s"]);
        // g has a share to its name, so f goes before it whenever both want something.
        world.add_agent("b", "cpus:1;mem:100");
        let (agent, g) = (AgentId::from("b"), FrameworkId::from("g"));
        world.allocator.charge(&agent, &g, &role("s"), task("t"), resources("cpus:1;mem:100")).unwrap();
        let start = world.now;
        let served = (0..200).find_map(|_| {
            let offer = world.pass(ms(5)).pop()?;
            if offer.framework == "g" {
                return Some(offer.at);
            }
            world.decline(&offer, refuse_seconds);
            world.allocator.revive(world.now, &FrameworkId::from("f"), &roles(&[])).unwrap();
            None
        });
        let after = served.expect("g is offered something").since(start);
        assert!(after < ms(200), "{after:?}");
    }
}

#[test]
fn revive_asks_at_once() {
    let mut world = World::new();
    world.add_agent("a", "cpus:1;mem:100");
    world.add_framework("f", &["r"]);
    let offer = world.settle().remove(0);
    world.decline(&offer, Some(0.0));
    world.pass(ms(130));
    let start = world.now;
    world.allocator.revive(world.now, &FrameworkId::from("f"), &roles(&[])).unwrap();
    assert_eq!(since(start, &mut world, ms(300)), [("f".to_string(), 5)]);
}

#[test]
fn without_events_what_comes_back_waits_for_the_tick() {
    let mut world = ticking();
    world.add_agent("a", "cpus:2;mem:200");
    let start = world.now;
    world.pass(ms(300));
    world.add_framework("f", &["r"]);
    let offer = world.pass(ms(0)).remove(0);
    assert_eq!(offer.at.since(start), ms(300), "a new framework is served at once");
    world.launch(&offer, "t", "cpus:2;mem:200", None);
    world.finish("a", "f", "t");
    assert_eq!(since(start, &mut world, ms(1000)), [("f".to_string(), 1000)]);
}

#[test]
fn without_events_a_decline_waits_for_the_tick_whoever_wants_it() {
    let mut world = ticking();
    world.add_agent("a", "cpus:1;mem:100");
    let start = world.now;
    world.add_framework("f", &["r"]);
    world.add_framework("g", &["s"]);
    let offer = world.pass(ms(200)).remove(0);
    world.decline(&offer, Some(0.0));
    assert_eq!(since(start, &mut world, ms(1500)), [("g".to_string(), 1000)]);
}

#[test]
fn without_events_a_changed_agent_and_a_revival_are_served_at_once() {
    let mut world = ticking();
    world.add_framework("f", &["r"]);
    world.add_agent("a", "cpus:1;mem:100");
    let offer = world.pass(ms(250)).remove(0);
    world.decline(&offer, Some(3600.0));
    let start = world.now;
    world.allocator.update_agent(world.now, &AgentId::from("a"), agent_shape("cpus:2;mem:100")).unwrap();
    let offer = world.pass(ms(0)).remove(0);
    assert_eq!(offer.at, start);
    world.decline(&offer, Some(3600.0));
    world.allocator.revive(world.now, &FrameworkId::from("f"), &roles(&[])).unwrap();
    assert_eq!(since(start, &mut world, ms(10)), [("f".to_string(), 0)]);
}

#[test]
fn a_proposal_that_became_no_offer_is_made_again() {
    let mut world = World::new();
    world.add_agent("a", "cpus:1;mem:100");
    world.add_framework("f", &["r"]);
    world.now += ms(10);
    let lost = world.allocator.run(world.now, &mut world.entropy, 100);
    assert_eq!(lost.len(), 1);
    assert_eq!(world.stories(ms(20)), ["f in r gets cpus:1; mem:100 of a"]);
}

#[test]
fn a_round_taken_in_slices_offers_all_the_same() {
    let mut world = World::new();
    world.budget = 3;
    for agent in 0..40 {
        world.add_agent(&format!("a{agent}"), "cpus:1;mem:100");
    }
    world.add_framework("f", &["r"]);
    world.add_framework("g", &["s"]);
    let offers = world.settle();
    let of = |id: &str| offers.iter().filter(|offer| offer.framework == id).count();
    assert_eq!((of("f"), of("g")), (20, 20));
}

#[test]
fn an_agent_that_is_deactivated_is_not_offered_until_it_is_active_again() {
    let mut world = World::new();
    world.add_agent("a", "cpus:1;mem:100");
    world.add_framework("f", &["r"]);
    let offer = world.settle().remove(0);
    world.allocator.set_agent_active(world.now, &AgentId::from("a"), false).unwrap();
    world.allocator.withdraw(world.now, &offer.id, Withdrawal::Rescinded).unwrap();
    assert_eq!(world.stories(ms(3000)), [""; 0]);
    world.allocator.set_agent_active(world.now, &AgentId::from("a"), true).unwrap();
    assert_eq!(world.stories(ms(20)).len(), 1);
}
