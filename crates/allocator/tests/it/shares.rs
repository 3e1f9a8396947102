// SPDX-License-Identifier: Apache-2.0

//! Policies share the cluster out as they say.

use super::world::{Offer, World, ms, resources, role, roles, task};
use kaon_allocator::{Account, Config, Drf, Policy, Priority};
use kaon_model::{AgentId, FrameworkId, Mono, ResourceName, Scalar};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A cluster whose frameworks run one-cpu tasks of one to two seconds, as many as wanted at most.
struct Busy {
    world: World,
    wanted: BTreeMap<String, u64>,
    running: BTreeMap<String, u64>,
    ends: BTreeMap<(Mono, u64), (String, String)>,
    tasks: u64,
    /// Who declined cpus that it could use by now: it will ask for offers again.
    declined: BTreeSet<String>,
}

impl Busy {
    fn new(policy: Box<dyn Policy>, agents: u64, cpus: u64) -> Busy {
        let mut world = World::with(Config::default(), policy);
        for agent in 0..agents {
            world.add_agent(&format!("a{agent}"), &format!("cpus:{cpus};mem:{}", cpus * 200));
        }
        let (wanted, running, ends) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Busy { world, wanted, running, ends, tasks: 0, declined: BTreeSet::new() }
    }

    fn framework(&mut self, id: &str, role: &str, wanted: u64) {
        self.world.add_framework(id, &[role]);
        self.wanted.insert(id.to_string(), wanted);
        self.running.insert(id.to_string(), 0);
    }

    /// The mean number of running tasks of each framework over the second half of `span`.
    fn run(&mut self, span: Duration) -> BTreeMap<String, f64> {
        let (middle, end) = (self.world.now + span / 2, self.world.now + span);
        let mut sums: BTreeMap<String, f64> = BTreeMap::new();
        while self.world.now < end {
            let before = self.world.now;
            let task_end = self.ends.first_key_value().map(|((at, _), _)| *at);
            let next = [task_end, self.world.allocator.deadline()].into_iter().flatten().min();
            let next = next.unwrap_or(end).clamp(before, end);
            let running = self.running.clone();
            for offer in self.world.pass(next.since(before)) {
                self.answer(&offer);
            }
            self.finish_due();
            if before >= middle {
                let part = next.since(before).as_secs_f64() / end.since(middle).as_secs_f64();
                running.iter().for_each(|(id, n)| *sums.entry(id.clone()).or_default() += *n as f64 * part);
            }
        }
        sums
    }

    fn answer(&mut self, offer: &Offer) {
        let offered = offer.resources.get_scalar("cpus").millis() as u64 / 1000;
        let running = self.running.get_mut(&offer.framework).unwrap();
        let wanted = self.wanted[&offer.framework].saturating_sub(*running).min(offered);
        if wanted < offered {
            self.declined.insert(offer.framework.clone());
        }
        let mut holding = self.world.allocator.open([&offer.id]).unwrap();
        for _ in 0..wanted {
            self.tasks += 1;
            *running += 1;
            self.world.allocator.take(&mut holding, task(self.tasks), resources("cpus:1")).unwrap();
            let end = self.world.now + ms(1000 + self.world.entropy.below(1000));
            self.ends.insert((end, self.tasks), (offer.agent.clone(), offer.framework.clone()));
        }
        self.world.allocator.close(self.world.now, holding, None);
    }

    fn finish_due(&mut self) {
        while let Some(entry) = self.ends.first_entry().filter(|entry| entry.key().0 <= self.world.now) {
            let ((_, id), (agent, framework)) = entry.remove_entry();
            *self.running.get_mut(&framework).unwrap() -= 1;
            let revives = self.declined.remove(&framework);
            let (agent, framework) = (AgentId::from(agent), FrameworkId::from(framework));
            self.world.allocator.release(self.world.now, &agent, &framework, &task(id)).unwrap();
            if revives {
                self.world.allocator.revive(self.world.now, &framework, &roles(&[])).unwrap();
            }
        }
    }
}

fn assert_near(means: &BTreeMap<String, f64>, expected: &[(&str, f64)], tolerance: f64) {
    for (id, mean) in expected {
        assert!((means[*id] - mean).abs() <= tolerance, "{means:?}, expected {expected:?}");
    }
}

#[test]
fn weights_of_one_and_two_share_thirty_cpus_ten_to_twenty() {
    let mut busy = Busy::new(Box::new(Drf), 3, 10);
    busy.world.allocator.set_weight(&role("b"), 2.0).unwrap();
    busy.framework("fa", "a", u64::MAX);
    busy.framework("fb", "b", u64::MAX);
    assert_near(&busy.run(ms(60_000)), &[("fa", 10.0), ("fb", 20.0)], 0.5);
}

#[test]
fn priority_gives_the_heavier_role_all_it_can_use() {
    let mut busy = Busy::new(Box::new(Priority), 3, 10);
    busy.world.allocator.set_weight(&role("b"), 2.0).unwrap();
    busy.framework("fa", "a", u64::MAX);
    busy.framework("fb", "b", u64::MAX);
    let means = busy.run(ms(60_000));
    assert!(means["fb"] > 29.5 && means["fa"] < 0.01, "{means:?}");
    // What it cannot use goes to the other.
    busy.wanted.insert("fb".to_string(), 12);
    assert_near(&busy.run(ms(60_000)), &[("fa", 18.0), ("fb", 12.0)], 0.8);
}

#[test]
fn what_one_does_not_want_goes_to_the_other() {
    let mut busy = Busy::new(Box::new(Drf), 3, 10);
    busy.framework("fa", "a", 3);
    busy.framework("fb", "b", u64::MAX);
    assert_near(&busy.run(ms(60_000)), &[("fa", 3.0), ("fb", 27.0)], 0.7);
}

#[test]
fn frameworks_of_one_role_share_what_the_role_gets() {
    let mut busy = Busy::new(Box::new(Drf), 6, 6);
    busy.framework("fa", "a", u64::MAX);
    busy.framework("fb1", "b", u64::MAX);
    busy.framework("fb2", "b", u64::MAX);
    assert_near(&busy.run(ms(60_000)), &[("fa", 18.0), ("fb1", 9.0), ("fb2", 9.0)], 0.7);
}

#[test]
fn child_roles_share_what_the_parent_gets_with_its_own_frameworks() {
    let mut busy = Busy::new(Box::new(Drf), 6, 6);
    busy.framework("other", "x", u64::MAX);
    busy.framework("own", "eng", u64::MAX);
    busy.framework("web", "eng/web", u64::MAX);
    busy.framework("api", "eng/web/api", u64::MAX);
    // Half for eng: half of that for its own framework, a quarter of it for each of web's two.
    let expected = [("other", 18.0), ("own", 9.0), ("web", 4.5), ("api", 4.5)];
    assert_near(&busy.run(ms(60_000)), &expected, 0.7);
}

/// Places one-cpu agents one after the other, none of which is given back; says who got how many.
fn placed(world: &mut World, agents: usize) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for agent in 0..agents {
        world.add_agent(&format!("n{agent}"), "cpus:1;mem:1000");
        let offers = world.settle();
        assert_eq!(offers.len(), 1);
        *counts.entry(offers[0].framework.clone()).or_default() += 1;
    }
    counts
}

#[test]
fn the_dominant_share_counts_not_the_amount() {
    let mut world = World::new();
    world.add_framework("f", &["r"]);
    world.add_framework("g", &["s"]);
    // f holds a third of the memory and no cpu to speak of, g a fifth of the cpus: g comes first.
    world.add_agent("a", "cpus:10;mem:900");
    let (agent, f, g) = (AgentId::from("a"), FrameworkId::from("f"), FrameworkId::from("g"));
    let allocator = &mut world.allocator;
    allocator.charge(&agent, &f, &role("r"), task(1), resources("cpus:0.1;mem:300")).unwrap();
    allocator.charge(&agent, &g, &role("s"), task(2), resources("cpus:2;mem:100")).unwrap();
    assert_eq!(world.stories(ms(50)), ["g in s gets cpus:7.9; mem:500 of a"]);
}

#[test]
fn ties_go_to_who_was_given_something_less_often_then_to_the_name() {
    let mut world = World::new();
    world.add_framework("z", &["r"]);
    world.add_framework("y", &["r"]);
    world.add_agent("a", "cpus:1;mem:100");
    let first = world.settle().remove(0);
    assert_eq!(first.framework, "y");
    world.allocator.withdraw(world.now, &first.id, kaon_allocator::Withdrawal::Rescinded).unwrap();
    let second = world.pass(ms(200)).remove(0);
    assert_eq!(second.framework, "z", "both have nothing, and y was asked before");
}

#[test]
fn excluded_scalars_do_not_count_in_shares() {
    for (excluded, next) in [(vec![], "g"), (vec![ResourceName::GPUS], "f")] {
        let config = Config {
            excluded_from_shares: excluded.into_iter().collect(),
            filter_gpu_resources: false,
            ..Config::default()
        };
        let mut world = World::with(config, Box::new(Drf));
        world.add_framework("f", &["r"]);
        world.add_framework("g", &["s"]);
        world.add_agent("a", "cpus:10;mem:1000;gpus:2");
        let (agent, f, g) = (AgentId::from("a"), FrameworkId::from("f"), FrameworkId::from("g"));
        let allocator = &mut world.allocator;
        allocator.charge(&agent, &f, &role("r"), task(1), resources("cpus:1;gpus:2")).unwrap();
        allocator.charge(&agent, &g, &role("s"), task(2), resources("cpus:2")).unwrap();
        assert_eq!(world.settle()[0].framework, next);
    }
}

#[test]
fn priority_is_by_weight_among_siblings_and_by_share_among_equals() {
    let mut world = World::with(Config::default(), Box::new(Priority));
    for (name, weight) in [("low", 0.5), ("high", 3.0), ("high/a", 9.0)] {
        world.allocator.set_weight(&role(name), weight).unwrap();
    }
    for name in ["low", "mid", "mid2", "high", "high/a"] {
        world.add_framework(&format!("f-{name}"), &[name]);
    }
    let only = |id: &str, count| BTreeMap::from([(id.to_string(), count)]);
    assert_eq!(placed(&mut world, 4), only("f-high/a", 4));
    for id in ["f-high/a", "f-high"] {
        world.allocator.set_framework_active(world.now, &FrameworkId::from(id), false).unwrap();
    }
    let equal = BTreeMap::from([("f-mid".to_string(), 3), ("f-mid2".to_string(), 3)]);
    let mut more = World::with(Config::default(), Box::new(Priority));
    more.add_framework("f-mid", &["mid"]);
    more.add_framework("f-mid2", &["mid2"]);
    assert_eq!(placed(&mut more, 6), equal);
}

#[test]
fn a_weight_that_changes_counts_at_once() {
    let mut world = World::new();
    world.add_framework("f", &["r"]);
    world.add_framework("g", &["s"]);
    assert_eq!(placed(&mut world, 4), BTreeMap::from([("f".to_string(), 2), ("g".to_string(), 2)]));
    world.allocator.set_weight(&role("s"), 5.0).unwrap();
    // To 2 : 10, which makes equal shares by weight.
    for agent in 0..8 {
        world.add_agent(&format!("m{agent}"), "cpus:1;mem:1000");
        assert_eq!(world.settle()[0].framework, "g");
    }
    let shares = |name: &str| {
        world.allocator.books().role(&role(name)).unwrap().subtree().of(Account::Offered).clone()
    };
    assert_eq!(shares("s").quantities().get(&ResourceName::CPUS), Scalar::from_units(10));
}
