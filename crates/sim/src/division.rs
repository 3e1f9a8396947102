// SPDX-License-Identifier: Apache-2.0

//! How one master divides a cluster: five frameworks with quotas, weights, reservations and filters over 50 agents.
//!
//! Apart from `cluster`, which plays whole clusters under faults, this plays nothing but what a division needs: agents
//! are emulated by the messages that they send, frameworks by their calls, and all that is written is durable at once.
//! So a seed costs milliseconds, and many can be run. A run has a restless time, in which everybody changes its mind
//! and quotas change, then a hungry one, in which all want whatever they can get.

mod agents;
pub mod books;
mod frameworks;
mod plan;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use kaon_api::v1::master::{Call, call};
use kaon_master::config::Policy;
use kaon_master::{Caller, Config, Effect, Effects, Input, Master, Registry, Reply, Ticket};
use kaon_model::{Entropy, Mono, Now};

use crate::cluster::{Options, Outcome, master_config};
use crate::laws::hunger::Hunger;
use crate::laws::limits;
use crate::laws::shares::Shares;
use crate::report::{Broken, Counts, Log};
use agents::Agent;
use books::Books;
use frameworks::Framework;
use plan::Plan;

/// How long everybody changes its mind, then how long all are hungry.
const RESTLESS: Duration = Duration::from_secs(15);
const HUNGRY: Duration = Duration::from_secs(45);

/// Something that will happen.
#[derive(Debug)]
enum Event {
    WakeMaster,
    AgentJoins {
        agent: usize,
    },
    TaskEnds {
        agent: usize,
        framework: String,
        task: String,
    },
    Offered {
        framework: usize,
        offer: Box<kaon_api::v1::Offer>,
    },
    Whim,
    /// From now on all are hungry.
    Settle,
    Sample,
}

pub(crate) struct Division {
    plan: Plan,
    now: Mono,
    rng: Entropy,
    queue: BTreeMap<(Mono, u64), Event>,
    sequence: u64,
    events: u64,
    master: Master,
    wakes_at: Option<Mono>,
    inputs: VecDeque<Input>,
    tickets: u64,
    /// What an operator waits to hear about.
    asked: BTreeMap<u64, Call>,
    agents: Vec<Agent>,
    frameworks: Vec<Framework>,
    books: Books,
    hungry: bool,
    hunger: Hunger,
    shares: Shares,
    counts: Counts,
    log: Log,
    broken: VecDeque<Broken>,
}

/// Runs one division from its seed.
pub fn run(seed: u64, options: Options) -> Outcome {
    let mut division = Division::new(seed, options);
    division.run();
    Outcome {
        seed,
        plan: format!("{:?}", division.plan),
        simulated: division.now.since(Mono::ZERO),
        events: division.events,
        counts: division.counts,
        broken: division.broken.pop_front(),
        log: division.log.lines().map(str::to_owned).collect(),
    }
}

impl Division {
    fn new(seed: u64, options: Options) -> Division {
        let mut rng = Entropy::from_u64(seed);
        let plan = Plan::draw(&mut rng);
        let config = Config { offer_timeout: None, ..master_config(options.policy) };
        #[cfg_attr(not(feature = "sabotage"), expect(unused_mut, reason = "only a broken rule changes it"))]
        let mut master = Master::new(config, Registry::default(), rng.bytes(), Now::default());
        #[cfg(feature = "sabotage")]
        if let Some(sabotage) = options.sabotage.and_then(crate::sabotage::Sabotage::of_ledger) {
            master.sabotage_ledger(sabotage);
        }
        let agents = plan.agents.iter().map(|resources| Agent::new(resources.clone())).collect();
        let frameworks = plan.frameworks.iter().map(|role| Framework::new(role)).collect();
        let mut division = Division {
            now: Mono::ZERO,
            queue: BTreeMap::new(),
            sequence: 0,
            events: 0,
            master,
            wakes_at: None,
            inputs: VecDeque::new(),
            tickets: 0,
            asked: BTreeMap::new(),
            agents,
            frameworks,
            books: Books::default(),
            hungry: false,
            hunger: Hunger::default(),
            shares: Shares::new(&plan.weights, options.policy == Policy::Hierarchical),
            counts: Counts::default(),
            log: Log::new(options.echo),
            broken: VecDeque::new(),
            plan,
            rng,
        };
        division.begin();
        division
    }

    fn begin(&mut self) {
        for agent in 0..self.agents.len() {
            let delay = Duration::from_millis(self.rng.below(2000));
            self.after(delay, Event::AgentJoins { agent });
        }
        for framework in 0..self.frameworks.len() {
            self.subscribe(framework);
        }
        let quotas = self.plan.quotas(&mut self.rng);
        self.update_quota(quotas);
        self.after(Duration::from_millis(100), Event::Whim);
        self.after(RESTLESS, Event::Settle);
    }

    fn run(&mut self) {
        let end = Mono::ZERO + RESTLESS + HUNGRY;
        while let Some(((at, _), event)) = self.queue.pop_first() {
            if at > end || !self.broken.is_empty() {
                break;
            }
            self.now = at;
            self.events += 1;
            self.handle(event);
            self.drain();
        }
        if self.broken.is_empty() {
            self.broken.extend(self.shares.judge());
            self.broken
                .extend(self.master.check().err().map(|what| Broken { law: "resources conserved", what }));
        }
        if let Some(broken) = self.broken.front() {
            self.log.line(self.now, broken);
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::WakeMaster => {
                if self.wakes_at.is_some_and(|at| at <= self.now) {
                    self.wakes_at = None;
                    self.inputs.push_back(Input::Tick);
                }
            }
            Event::AgentJoins { agent } => self.agent_joins(agent),
            Event::TaskEnds { agent, framework, task } => self.task_ends(agent, &framework, &task),
            Event::Offered { framework, offer } => self.offered(framework, *offer),
            Event::Whim => self.whim(),
            Event::Settle => self.settle(),
            Event::Sample => self.sample(),
        }
    }

    /// The master handles all that waits for it, with what follows at once.
    fn drain(&mut self) {
        while let Some(input) = self.inputs.pop_front() {
            // Offers are made by ticks alone.
            let before = matches!(input, Input::Tick).then(|| self.books.clone());
            let now = Now::default().after(self.now.since(Mono::ZERO));
            let mut out = Effects::new();
            self.master.handle(now, input, &mut out);
            for effect in out {
                self.perform(effect);
            }
            let offered = before.map(|before| self.books.offered_since(&before)).unwrap_or_default();
            if !offered.is_empty() {
                self.counts.add("division: offers");
                let broken = limits::judge(&self.books.beside(&offered), &self.books, &offered);
                self.broken.extend(broken);
            }
        }
        self.sleep_master();
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Send { to, from, message } => self.agent_hears(&to, &from, *message),
            Effect::Event { stream, event } => self.framework_hears(stream.0, *event),
            Effect::OpenStream { stream, id } => self.frameworks[stream.0 as usize - 1].stream_id = Some(id),
            Effect::Reply { ticket, reply } => self.answered(ticket.0, reply),
            Effect::Store { write, .. } => self.inputs.push_back(Input::Stored { write }),
            Effect::Exit { message, .. } => panic!("{message}"),
            Effect::Warn { .. }
            | Effect::Link { .. }
            | Effect::WatchEvent { .. }
            | Effect::Announce { .. }
            | Effect::Audit { .. }
            | Effect::Close { .. } => {}
        }
    }

    fn sleep_master(&mut self) {
        let Some(at) = self.master.deadline() else { return };
        // Nobody looks at the clock more often than this.
        let at = at.max(self.now + Duration::from_micros(100));
        if self.wakes_at.is_none_or(|wakes| at < wakes) {
            self.wakes_at = Some(at);
            self.at(at, Event::WakeMaster);
        }
    }

    fn answered(&mut self, ticket: u64, reply: Reply) {
        let Some(call) = self.asked.remove(&ticket) else {
            if let Reply::Refused { code, text } = reply {
                self.counts.add("division: calls of frameworks that came too late");
                self.log.line(self.now, format!("refused: {code} {text}"));
            }
            return;
        };
        match (reply, call.update_quota, call.update_weights) {
            (Reply::Ok, Some(update), _) => {
                self.counts.add("division: quotas set");
                update.quota_configs.iter().for_each(|config| self.books.set_quota(config));
                for (role, quota) in self.books.quotas() {
                    self.log.line(self.now, format!("quota of {role}: {quota:?}"));
                }
            }
            (Reply::Ok, _, Some(_)) => self.counts.add("division: weights set"),
            (reply, ..) => {
                self.broken.push_back(Broken { law: "operators are heard", what: format!("{reply:?}") })
            }
        }
    }

    fn ask(&mut self, call: Call) {
        self.tickets += 1;
        self.asked.insert(self.tickets, call.clone());
        let (ticket, call) = (Ticket(self.tickets), Box::new(call));
        self.inputs.push_back(Input::Operator { ticket, call, caller: Caller::default() });
    }

    fn update_quota(&mut self, quota_configs: Vec<kaon_api::v1::quota::QuotaConfig>) {
        let update = call::UpdateQuota { force: Some(true), quota_configs, ..Default::default() };
        let kind = Some(call::Type::UpdateQuota);
        self.ask(Call { r#type: kind, update_quota: Some(update), ..Default::default() });
    }

    fn update_weights(&mut self, weight_infos: Vec<kaon_api::v1::WeightInfo>) {
        let update = call::UpdateWeights { weight_infos, ..Default::default() };
        let kind = Some(call::Type::UpdateWeights);
        self.ask(Call { r#type: kind, update_weights: Some(update), ..Default::default() });
    }

    /// Somebody changes its mind.
    fn whim(&mut self) {
        if self.hungry {
            return;
        }
        match self.rng.below(6) {
            0 => {
                let quotas = self.plan.quotas(&mut self.rng);
                self.update_quota(quotas);
            }
            1 => {
                let weights = self.plan.other_weights(&mut self.rng);
                self.update_weights(weights);
            }
            2 => {
                let agent = self.rng.below(self.agents.len() as u64) as usize;
                self.agent_leaves(agent);
            }
            3 => self.suppress(),
            _ => self.revive(),
        }
        let delay = Duration::from_millis(100 + self.rng.below(1500));
        self.after(delay, Event::Whim);
    }

    fn settle(&mut self) {
        self.hungry = true;
        let quotas = self.plan.quotas(&mut self.rng);
        self.update_quota(quotas);
        self.update_weights(self.plan.weights());
        (0..self.frameworks.len()).for_each(|framework| self.revive_one(framework));
        self.after(Duration::from_secs(1), Event::Sample);
    }

    fn sample(&mut self) {
        let roles = self.frameworks.iter().map(|framework| framework.role.as_str());
        self.broken.extend(self.hunger.sample(self.now, &self.books, roles));
        self.shares.sample(&self.books);
        self.after(Duration::from_secs(1), Event::Sample);
    }

    fn after(&mut self, delay: Duration, event: Event) {
        self.at(self.now + delay, event);
    }

    fn at(&mut self, at: Mono, event: Event) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), event);
    }
}
