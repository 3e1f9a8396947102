// SPDX-License-Identifier: Apache-2.0

//! A small world around an allocator: virtual time, with an owner that makes an offer of each proposal.

use kaon_allocator::{
    AgentShape, Allocator, Capabilities, Claim, Config, Drf, FrameworkShape, Policy, Withdrawal,
};
use kaon_model::{AgentId, Entropy, FrameworkId, Mono, OfferId, Resources, Role, TaskId};
use std::collections::BTreeSet;
use std::time::Duration;

pub fn resources(text: &str) -> Resources {
    Resources::parse(text, &Role::star()).unwrap()
}

pub fn role(name: &str) -> Role {
    Role::new(name).unwrap()
}

pub fn roles(names: &[&str]) -> BTreeSet<Role> {
    names.iter().map(|name| role(name)).collect()
}

pub fn task(id: impl ToString) -> Claim {
    Claim::Task(TaskId::from(id.to_string()))
}

pub fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// An agent that understands all there is.
pub fn agent_shape(total: &str) -> AgentShape {
    AgentShape { total: resources(total), multi_role: true, hierarchical_role: true, ..AgentShape::default() }
}

pub fn framework_shape(names: &[&str]) -> FrameworkShape {
    let capabilities = Capabilities { multi_role: true, ..Capabilities::default() };
    FrameworkShape { roles: roles(names), capabilities, ..FrameworkShape::default() }
}

/// An offer that was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    pub id: OfferId,
    pub at: Mono,
    pub framework: String,
    pub role: String,
    pub agent: String,
    pub resources: Resources,
}

impl Offer {
    /// For comparing at a glance: `f in r gets cpus:1 of a`.
    pub fn story(&self) -> String {
        format!("{} in {} gets {} of {}", self.framework, self.role, self.resources, self.agent)
    }
}

pub struct World {
    pub allocator: Allocator,
    pub now: Mono,
    pub entropy: Entropy,
    /// How many pairs one call of `run` may weigh.
    pub budget: usize,
    offers: u64,
}

impl World {
    pub fn new() -> World {
        World::with(Config::default(), Box::new(Drf))
    }

    pub fn with(config: Config, policy: Box<dyn Policy>) -> World {
        let now = Mono::from_nanos(1_000_000_000_000);
        let allocator = Allocator::new(config, policy, now);
        World { allocator, now, entropy: Entropy::from_u64(1), budget: 1000, offers: 0 }
    }

    pub fn add_agent(&mut self, id: &str, total: &str) {
        self.allocator.add_agent(self.now, AgentId::from(id), agent_shape(total)).unwrap();
    }

    pub fn add_framework(&mut self, id: &str, names: &[&str]) {
        self.subscribe(id, &framework_shape(names));
    }

    pub fn subscribe(&mut self, id: &str, shape: &FrameworkShape) {
        self.allocator.add_framework(self.now, FrameworkId::from(id), shape, true).unwrap();
    }

    /// Lets time pass; says what was offered meanwhile.
    pub fn pass(&mut self, span: Duration) -> Vec<Offer> {
        let end = self.now + span;
        let mut made = Vec::new();
        while let Some(due) = self.allocator.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            let before = self.allocator.deadline();
            let offers = self.run();
            let stuck = offers.is_empty() && self.allocator.deadline() == before && self.budget > 100;
            assert!(!stuck, "a deadline that does not move although nothing happens");
            made.extend(offers);
        }
        self.now = end;
        made
    }

    /// Lets just so much time pass that a change has its consequences.
    pub fn settle(&mut self) -> Vec<Offer> {
        self.pass(ms(20))
    }

    pub fn stories(&mut self, span: Duration) -> Vec<String> {
        self.pass(span).iter().map(Offer::story).collect()
    }

    fn run(&mut self) -> Vec<Offer> {
        let proposals = self.allocator.run(self.now, &mut self.entropy, self.budget);
        let mut made = Vec::new();
        for proposal in proposals {
            self.offers += 1;
            let id = OfferId::from(format!("o{}", self.offers));
            self.allocator.offer(self.now, id.clone(), &proposal).unwrap();
            made.push(Offer {
                id,
                at: self.now,
                framework: proposal.framework.to_string(),
                role: proposal.role.to_string(),
                agent: proposal.agent.to_string(),
                resources: proposal.resources,
            });
        }
        self.allocator.check().unwrap();
        made
    }

    pub fn decline(&mut self, offer: &Offer, refuse_seconds: Option<f64>) {
        self.allocator.withdraw(self.now, &offer.id, Withdrawal::Declined(refuse_seconds)).unwrap();
    }

    pub fn time_out(&mut self, offer: &Offer) {
        self.allocator.withdraw(self.now, &offer.id, Withdrawal::TimedOut).unwrap();
    }

    /// Accepts an offer: one task of `resources`, the rest declined.
    pub fn launch(&mut self, offer: &Offer, id: &str, used: &str, refuse_seconds: Option<f64>) {
        let mut holding = self.allocator.open([&offer.id]).unwrap();
        self.allocator.take(&mut holding, task(id), resources(used)).unwrap();
        self.allocator.close(self.now, holding, refuse_seconds);
        self.allocator.check().unwrap();
    }

    pub fn finish(&mut self, agent: &str, framework: &str, id: &str) {
        let (agent, framework) = (AgentId::from(agent), FrameworkId::from(framework));
        self.allocator.release(self.now, &agent, &framework, &task(id)).unwrap();
        self.allocator.check().unwrap();
    }
}
