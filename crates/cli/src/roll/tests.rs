// SPDX-License-Identifier: Apache-2.0

//! Rolling maintenances, told what is seen.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

struct World {
    roll: Roll,
    now: Duration,
    seen: Seen,
    works: bool,
}

impl World {
    fn new(domains: &[&str], at_a_time: usize, per_domain: Option<usize>, max_failures: usize) -> World {
        let host = |(at, domain): (usize, &&str)| Host {
            key: key(at),
            name: format!("h{at}"),
            domain: (!domain.is_empty()).then(|| (*domain).to_owned()),
        };
        let hosts: Vec<Host> = domains.iter().enumerate().map(host).collect();
        let limits = Limits {
            at_a_time,
            per_domain,
            max_failures,
            pause: SECOND * 5,
            patience: SECOND * 60,
            notice: SECOND * 10,
        };
        let stages = vec![Stage::Waiting; hosts.len()];
        let active = (0..hosts.len()).map(key).collect();
        let seen = Seen { active, ..Seen::default() };
        World { roll: Roll::new(hosts, stages, limits), now: Duration::ZERO, seen, works: false }
    }

    fn look(&mut self) -> Vec<Action> {
        let mut out = Vec::new();
        self.roll.look(self.now, &self.seen, self.works, &mut out);
        out
    }

    fn after(&mut self, seconds: u32) -> &mut World {
        self.now += SECOND * seconds;
        self
    }

    fn goes_down(&mut self, at: usize) {
        self.seen.scheduled.insert(key(at));
        self.seen.down.insert(key(at));
        self.seen.active.remove(&key(at));
    }

    fn comes_up(&mut self, at: usize) {
        self.seen.scheduled.remove(&key(at));
        self.seen.down.remove(&key(at));
        self.seen.active.insert(key(at));
    }
}

fn key(at: usize) -> Key {
    (Some(format!("h{at}")), None)
}

#[test]
fn one_after_another_with_a_pause_in_between() {
    let mut world = World::new(&["", "", ""], 1, None, 0);
    for at in 0..3 {
        assert_eq!(world.look(), [Action::Schedule(at)]);
        assert_eq!(world.after(1).look(), []);
        world.goes_down(at);
        assert_eq!(world.look(), [Action::BringUp(at)]);
        assert_eq!(world.after(1).look(), [], "its agent is not back");
        world.comes_up(at);
        assert_eq!(world.look(), [Action::Done(at)]);
        assert_eq!(world.after(4).look(), [], "it rests");
        world.after(1);
    }
    assert!(world.look().is_empty() && world.roll.is_over() && !world.roll.has_failed());
}

#[test]
fn no_more_than_the_share_and_of_one_domain_fewer() {
    let mut world = World::new(&["a", "a", "a", "b", ""], 3, Some(1), 0);
    assert_eq!(world.look(), [Action::Schedule(0), Action::Schedule(3), Action::Schedule(4)]);
    world.goes_down(0);
    assert_eq!(world.look(), [Action::BringUp(0)]);
    world.comes_up(0);
    assert_eq!(world.look(), [Action::Done(0)]);
    assert_eq!(world.after(5).look(), [Action::Schedule(1)]);
}

#[test]
fn the_command_comes_before_the_machine() {
    let mut world = World::new(&["", ""], 1, None, 1);
    world.works = true;
    assert_eq!(world.look(), [Action::Schedule(0)]);
    world.goes_down(0);
    assert_eq!(world.look(), [Action::Work(0)]);
    assert_eq!(world.after(1000).look(), [], "it takes the time that it takes");
    let mut out = Vec::new();
    world.roll.worked(world.now, 0, Err("exit status 3".into()), &mut out);
    // It stays down, and one failure is allowed.
    assert_eq!(
        (out, world.look()),
        (vec![Action::Failed(0, "exit status 3".into())], vec![Action::Schedule(1)])
    );
    world.goes_down(1);
    world.look();
    let mut out = Vec::new();
    world.roll.worked(world.now, 1, Ok(()), &mut out);
    assert_eq!(out, [Action::BringUp(1)]);
}

#[test]
fn what_takes_too_long_has_failed_and_stops_the_rest() {
    let mut world = World::new(&["", "", ""], 2, None, 0);
    assert_eq!(world.look(), [Action::Schedule(0), Action::Schedule(1)]);
    world.seen.scheduled.insert(key(0));
    world.goes_down(1);
    assert_eq!(world.look(), [Action::BringUp(1)]);
    let failures = world.after(61).look();
    assert_eq!(failures, [Action::Failed(1, "its agent did not come back".into())]);
    assert!(!world.roll.is_over(), "what was begun is ended");
    assert_eq!(world.after(10).look(), [Action::Failed(0, "it did not go down".into())]);
    assert!(world.roll.is_over() && world.roll.has_failed());
}

#[test]
fn it_goes_on_where_another_stopped() {
    let limits = World::new(&[""], 2, None, 0).roll.limits;
    let host = |at| Host { key: key(at), name: format!("h{at}"), domain: None };
    let stages = vec![
        Stage::Done,
        Stage::Returning { since: Duration::ZERO },
        Stage::Leaving { since: Duration::ZERO },
        Stage::Waiting,
    ];
    let mut world = World::new(&["", "", "", ""], 2, None, 0);
    world.roll = Roll::new((0..4).map(host).collect(), stages, limits);
    world.goes_down(2);
    let mut out = Vec::new();
    world.roll.resume(&world.seen, &mut out);
    assert_eq!(out, [], "all of it had been done");
    assert_eq!(world.look(), [Action::Done(1), Action::BringUp(2)]);
    world.comes_up(2);
    assert_eq!(world.look(), [Action::Done(2)]);
    assert_eq!(world.after(5).look(), [Action::Schedule(3)]);
}

#[test]
fn what_was_only_about_to_be_done_is_done() {
    let mut world = World::new(&["", ""], 2, None, 0);
    world.roll.stages =
        vec![Stage::Returning { since: Duration::ZERO }, Stage::Leaving { since: Duration::ZERO }];
    world.goes_down(0);
    let mut out = Vec::new();
    world.roll.resume(&world.seen, &mut out);
    assert_eq!(out, [Action::BringUp(0)]);
    assert_eq!(world.look(), [Action::Schedule(1)], "it never was scheduled");
}
