// SPDX-License-Identifier: Apache-2.0

//! Whatever happens in whatever order: the books are right, nothing is in two hands, no change is overlooked.

use super::world::{Offer, World, agent_shape, framework_shape, ms, resources, role, roles, task};
use kaon_allocator::{Account, AgentShape, Config, Drf, Policy, Priority, Quota, Withdrawal};
use kaon_api::v1::offer::Operation;
use kaon_model::{
    AgentId, Conversion, FrameworkId, Reservation, ResourceName, Resources, Scalar, conversions,
};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    AddAgent(u8, u8),
    ResizeAgent(u8, u8),
    MoveAgent(u8, u8),
    ActivateAgent(u8, bool),
    RemoveAgent(u8),
    AddFramework(u8, u8),
    UpdateFramework(u8, u8),
    ActivateFramework(u8, bool),
    RemoveFramework(u8),
    Suppress(u8, u8),
    Revive(u8),
    Weigh(u8, u8),
    /// Of which role, how much is promised, how much allowed.
    SetQuota(u8, u8, u8),
    Whitelist(u8),
    /// Which of the offers that are out; how much of it; for how long the rest is refused.
    Accept(u8, u8, u8),
    /// Which of the offers; how much of it is reserved, or freed of its reservation; for how long the rest is refused.
    Operate(u8, u8, u8),
    /// Of an agent, how much is reserved, or freed of its reservation, without an offer.
    OperateFree(u8, u8),
    Decline(u8, u8),
    TimeOut(u8),
    Rescind(u8),
    Report(u8, u8, u8),
    Finish(u8),
    Pass(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let (small, any) = (|| 0u8..5, any::<u8>);
    prop_oneof![
        2 => (small(), any()).prop_map(|(a, n)| Step::AddAgent(a, n)),
        1 => (small(), any()).prop_map(|(a, n)| Step::ResizeAgent(a, n)),
        1 => (small(), any()).prop_map(|(a, n)| Step::MoveAgent(a, n)),
        1 => (small(), prop::bool::ANY).prop_map(|(a, b)| Step::ActivateAgent(a, b)),
        1 => small().prop_map(Step::RemoveAgent),
        2 => (small(), any()).prop_map(|(f, r)| Step::AddFramework(f, r)),
        1 => (small(), any()).prop_map(|(f, r)| Step::UpdateFramework(f, r)),
        1 => (small(), prop::bool::ANY).prop_map(|(f, b)| Step::ActivateFramework(f, b)),
        1 => small().prop_map(Step::RemoveFramework),
        1 => (small(), any()).prop_map(|(f, r)| Step::Suppress(f, r)),
        1 => small().prop_map(Step::Revive),
        1 => (any(), any()).prop_map(|(r, w)| Step::Weigh(r, w)),
        3 => (any(), any(), any()).prop_map(|(r, g, l)| Step::SetQuota(r, g, l)),
        1 => any().prop_map(Step::Whitelist),
        6 => (any(), any(), any()).prop_map(|(o, n, s)| Step::Accept(o, n, s)),
        4 => (any(), any(), any()).prop_map(|(o, n, s)| Step::Operate(o, n, s)),
        2 => (small(), any()).prop_map(|(a, n)| Step::OperateFree(a, n)),
        3 => (any(), any()).prop_map(|(o, s)| Step::Decline(o, s)),
        1 => any().prop_map(Step::TimeOut),
        1 => any().prop_map(Step::Rescind),
        2 => (small(), small(), any()).prop_map(|(a, f, n)| Step::Report(a, f, n)),
        4 => any().prop_map(Step::Finish),
        6 => (0u16..3000).prop_map(Step::Pass),
    ]
}

const ROLES: [&str; 5] = ["r", "r/a", "r/a/b", "s", "*"];

/// Some of the roles, told by the bits of a number.
fn some_roles(bits: u8) -> Vec<&'static str> {
    ROLES.into_iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0).map(|(_, name)| name).collect()
}

fn total(n: u8) -> String {
    let reserved = ["", ";cpus(r):1", ";mem(r/a):50;cpus(s):1", ""][usize::from(n / 64)];
    format!("cpus:{};mem:{};ports:[1-{}]{reserved}", n % 8, u32::from(n) * 4, n % 16 + 1)
}

/// Some promise nothing or allow everything.
fn quota(guarantee: u8, limit: u8) -> Quota {
    let cpus = |n: u8| (ResourceName::CPUS, Scalar::from_units(i64::from(n % 12)));
    let mem = |n: u8| (ResourceName::MEM, Scalar::from_units(i64::from(n)));
    Quota {
        guarantees: [cpus(guarantee), mem(guarantee / 2)]
            .into_iter()
            .filter(|_| !guarantee.is_multiple_of(3))
            .collect(),
        limits: [cpus(limit), mem(limit)].into_iter().take(usize::from(limit % 3)).collect(),
    }
}

fn refuse_seconds(n: u8) -> Option<f64> {
    [None, Some(0.0), Some(2.0), Some(-1.0), Some(100.0)][usize::from(n % 5)]
}

/// A reservation of a part of these resources, or the end of one.
fn operation(of: &Resources, n: u8) -> Option<Vec<Conversion>> {
    use kaon_api::v1::offer::operation::{Reserve, Type, Unreserve};
    let picked: Resources = of.iter().skip(usize::from(n % 3)).take(1).collect();
    let first = picked.iter().next()?.clone();
    let operation = if first.is_unreserved() {
        let reserved = picked.push_reservation(&Reservation::dynamic(role("r"), Some("p")));
        let reserve = Reserve { resources: reserved.to_wire(), ..Default::default() };
        Operation { r#type: Some(Type::Reserve), reserve: Some(reserve), ..Default::default() }
    } else {
        let unreserve = Unreserve { resources: picked.to_wire(), ..Default::default() };
        Operation { r#type: Some(Type::Unreserve), unreserve: Some(unreserve), ..Default::default() }
    };
    Some(conversions(&operation).unwrap())
}

/// The world with all that the steps need to remember.
struct Run {
    world: World,
    out: Vec<Offer>,
    running: Vec<(String, String, u32)>,
    tasks: u32,
}

fn agent(n: u8) -> AgentId {
    AgentId::from(format!("a{n}"))
}

fn shape(a: u8, n: u8) -> AgentShape {
    AgentShape { hostname: format!("a{a}"), ..agent_shape(&total(n)) }
}

fn framework(n: u8) -> FrameworkId {
    FrameworkId::from(format!("f{n}"))
}

impl Run {
    fn new(config: Config, policy: Box<dyn Policy>) -> Run {
        Run { world: World::with(config, policy), out: Vec::new(), running: Vec::new(), tasks: 0 }
    }

    /// Steps that make no sense now are refused, which must change nothing that `check` would see.
    fn take(&mut self, step: &Step) {
        let (now, allocator) = (self.world.now, &mut self.world.allocator);
        match *step {
            Step::AddAgent(a, n) => drop(allocator.add_agent(now, agent(a), shape(a, n))),
            Step::ResizeAgent(a, n) => drop(allocator.update_agent(now, &agent(a), shape(a, n))),
            Step::MoveAgent(a, n) => {
                let mut shape = shape(a, n);
                shape.attributes = format!("rack:{n}").parse().unwrap();
                drop(allocator.update_agent(now, &agent(a), shape));
            }
            Step::ActivateAgent(a, active) => drop(allocator.set_agent_active(now, &agent(a), active)),
            Step::RemoveAgent(a) => {
                drop(allocator.remove_agent(now, &agent(a)));
                self.forget(|offer| offer.agent == format!("a{a}"), |on, _| *on == format!("a{a}"));
            }
            Step::AddFramework(f, bits) => {
                let shape = framework_shape(&some_roles(bits));
                drop(allocator.add_framework(now, framework(f), &shape, bits & 32 == 0));
            }
            Step::UpdateFramework(f, bits) => {
                let mut shape = framework_shape(&some_roles(bits));
                shape.suppressed = roles(&some_roles(bits >> 3));
                shape.capabilities.gpu_resources = bits & 64 == 0;
                drop(allocator.update_framework(now, &framework(f), &shape));
            }
            Step::ActivateFramework(f, active) => {
                drop(allocator.set_framework_active(now, &framework(f), active));
            }
            Step::RemoveFramework(f) => {
                drop(allocator.remove_framework(now, &framework(f)));
                self.forget(|offer| offer.framework == format!("f{f}"), |_, of| *of == format!("f{f}"));
            }
            Step::Suppress(f, bits) => drop(allocator.suppress(&framework(f), &roles(&some_roles(bits)))),
            Step::Revive(f) => drop(allocator.revive(now, &framework(f), &roles(&[]))),
            Step::Weigh(r, w) => {
                drop(allocator.set_weight(&role(ROLES[usize::from(r) % 5]), f64::from(w) / 10.0));
            }
            Step::OperateFree(a, n) => {
                let free = allocator.books().agent(&agent(a)).map(|book| book.free().clone());
                if let Some(steps) = free.and_then(|free| operation(&free, n)) {
                    drop(allocator.convert_free(now, &agent(a), &steps));
                }
            }
            Step::SetQuota(r, guarantee, limit) => {
                allocator.set_quota(now, &role(ROLES[usize::from(r) % 5]), quota(guarantee, limit));
            }
            Step::Whitelist(bits) => {
                let hosts = (0..5).filter(|a| bits & (1 << a) != 0).map(|a| format!("a{a}")).collect();
                allocator.set_whitelist(now, (bits < 128).then_some(hosts));
            }
            Step::Report(a, f, n) => self.report(a, f, n),
            Step::Pass(millis) => self.out.extend(self.world.pass(ms(u64::from(millis)))),
            _ => self.answer(step),
        }
    }

    fn answer(&mut self, step: &Step) {
        match *step {
            Step::Accept(which, part, secs) => self.accept(which, part, refuse_seconds(secs)),
            Step::Operate(which, n, secs) => self.operate(which, n, refuse_seconds(secs)),
            Step::Decline(which, secs) => self.withdraw(which, Withdrawal::Declined(refuse_seconds(secs))),
            Step::TimeOut(which) => self.withdraw(which, Withdrawal::TimedOut),
            Step::Rescind(which) => self.withdraw(which, Withdrawal::Rescinded),
            Step::Finish(which) if !self.running.is_empty() => {
                let at = usize::from(which) % self.running.len();
                let (agent, framework, id) = self.running.swap_remove(at);
                self.world.finish(&agent, &framework, &id.to_string());
            }
            _ => {}
        }
    }

    fn pick(&mut self, which: u8) -> Option<Offer> {
        if self.out.is_empty() {
            None
        } else {
            Some(self.out.swap_remove(usize::from(which) % self.out.len()))
        }
    }

    fn accept(&mut self, which: u8, part: u8, refuse_seconds: Option<f64>) {
        let Some(offer) = self.pick(which) else { return };
        let mut holding = self.world.allocator.open([&offer.id]).unwrap();
        for _ in 0..part % 4 {
            self.tasks += 1;
            if self.world.allocator.take(&mut holding, task(self.tasks), resources("cpus:1;mem:32")).is_ok() {
                self.running.push((offer.agent.clone(), offer.framework.clone(), self.tasks));
            }
        }
        self.world.allocator.close(self.world.now, holding, refuse_seconds);
    }

    fn operate(&mut self, which: u8, n: u8, refuse_seconds: Option<f64>) {
        let Some(offer) = self.pick(which) else { return };
        let mut holding = self.world.allocator.open([&offer.id]).unwrap();
        for n in [n, n >> 2] {
            let before = holding.rest().all_quantities();
            if let Some(steps) = operation(holding.rest(), n) {
                let usable = n & 1 == 0;
                let done = self.world.allocator.convert(&mut holding, &steps, usable);
                // An agent may have become smaller than what was offered of it.
                let book = self.world.allocator.books().agent(holding.agent()).unwrap();
                assert!(done.is_ok() || book.is_overbooked(), "{done:?}");
                let same = holding.rest().all_quantities() == before;
                assert!(same || (done.is_ok() && !usable), "nothing is lost");
            }
        }
        self.world.allocator.close(self.world.now, holding, refuse_seconds);
    }

    fn withdraw(&mut self, which: u8, why: Withdrawal) {
        if let Some(offer) = self.pick(which) {
            self.world.allocator.withdraw(self.world.now, &offer.id, why).unwrap();
        }
    }

    /// An agent reports a task that nobody here launched; with ports, so that two may claim the same.
    fn report(&mut self, a: u8, f: u8, n: u8) {
        self.tasks += 1;
        let used = resources(&total(n));
        let role = role(ROLES[usize::from(n) % 5]);
        let charged = self.world.allocator.charge(&agent(a), &framework(f), &role, task(self.tasks), used);
        if charged.is_ok() {
            self.running.push((format!("a{a}"), format!("f{f}"), self.tasks));
        }
    }

    fn forget(&mut self, offer: impl Fn(&Offer) -> bool, running: impl Fn(&String, &String) -> bool) {
        self.out.retain(|known| !offer(known));
        self.running.retain(|(agent, framework, _)| !running(agent, framework));
    }

    /// Nothing is free that somebody was given, and offers that are out are just those that were not answered.
    fn check(&self) {
        self.world.allocator.check().unwrap();
        let books = self.world.allocator.books();
        let mut offered = 0;
        for book in books.agents() {
            offered += books.entries(book.id()).filter(|entry| entry.account == Account::Offered).count();
        }
        assert_eq!(offered, self.out.len());
        let claims = books.agents().map(|book| books.entries(book.id()).count()).sum::<usize>() - offered;
        assert_eq!(claims, self.running.len());
    }

    /// Once nothing waits for the tick or its turn, a look at everything finds nothing to offer.
    fn check_nothing_overlooked(&mut self) {
        let ahead = |world: &World| world.allocator.deadline().is_none_or(|due| due > world.now + ms(1000));
        // The longest refusal ends after a hundred seconds.
        for _ in 0..200 {
            if !ahead(&self.world) {
                self.out.extend(self.world.pass(ms(1000)));
            }
        }
        assert!(ahead(&self.world), "it never comes to rest");
        assert_eq!(self.world.allocator.overlooked(self.world.now), []);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_books_are_always_right(
        steps in prop::collection::vec(step(), 1..80),
        event_driven: bool,
        by_priority: bool,
        budget in prop_oneof![Just(1usize), Just(1000)],
    ) {
        let policy: Box<dyn Policy> = if by_priority { Box::new(Priority) } else { Box::new(Drf) };
        let mut run = Run::new(Config { event_driven, ..Config::default() }, policy);
        run.world.budget = budget;
        for step in &steps {
            run.take(step);
            run.check();
        }
        run.check_nothing_overlooked();
        run.check();
    }
}
