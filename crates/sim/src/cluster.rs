// SPDX-License-Identifier: Apache-2.0

//! One run: a cluster from a seed, its events in order of virtual time.

mod agents;
mod crashes;
mod event;
mod leaders;
mod maintenance;
mod masters;
mod operators;
mod registry;
mod schedulers;
mod trouble;
mod watching;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use kaon_model::{Entropy, Mono};

use crate::election::Election;
use crate::faults;
use crate::laws::enforced::{Deadline, Deadlines};
use crate::laws::{
    agreed,
    durable::Durable,
    kept,
    kept::Excuses,
    once::Launches,
    service::{self, Service},
    settled,
};
use crate::network::Network;
use crate::plan::Plan;
use crate::report::{Broken, Counts, Log};
use crate::scheduler::Scheduler;
use crate::store::Store;
use agents::AgentNode;
use event::{Event, Observer};
use masters::MasterNode;
pub(crate) use masters::config as master_config;
use operators::Asked;

/// How large a run is.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub safety: Duration,
    /// Bound: after this much calm everything must have settled. Longer than an agent may be away before it is given
    /// up, plus the longest task, plus an executor's and an update's retries.
    pub healing: Duration,
    pub echo: bool,
    pub policy: kaon_master::config::Policy,
    /// The rule that is broken on purpose.
    #[cfg(feature = "sabotage")]
    pub sabotage: Option<crate::sabotage::Sabotage>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            safety: Duration::from_secs(30 * 60),
            healing: Duration::from_secs(25 * 60),
            echo: false,
            policy: kaon_master::config::Policy::Hierarchical,
            #[cfg(feature = "sabotage")]
            sabotage: None,
        }
    }
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    pub seed: u64,
    /// What the seed was expanded to.
    pub plan: String,
    pub simulated: Duration,
    pub events: u64,
    pub counts: Counts,
    pub broken: Option<Broken>,
    pub log: Vec<String>,
}

pub struct Cluster {
    options: Options,
    seed: u64,
    plan: Plan,
    now: Mono,
    rng: Entropy,
    queue: BTreeMap<(Mono, u64), Event>,
    sequence: u64,
    events: u64,
    network: Network,
    election: Election,
    store: Store,
    masters: Vec<MasterNode>,
    agents: Vec<AgentNode>,
    schedulers: Vec<Scheduler>,
    /// The open stream of each scheduler, and what is on its way through it.
    lines: Vec<schedulers::Line>,
    /// Whose each stream is, that ever was.
    stream_of: BTreeMap<u64, usize>,
    tickets: u64,
    /// What operators want of which agents, by the ticket that will be answered.
    asked: BTreeMap<u64, (Asked, String)>,
    counts: Counts,
    log: Log,
    launches: Launches,
    durable: Durable,
    /// Agents whose tasks may be lost: their host went, or an operator said so.
    doomed: BTreeSet<String>,
    /// Agents that were to be emptied, and whether they were to be gone then: their tasks may be killed.
    excuses: Excuses,
    service: Service,
    /// Agents whose machines operators ever had taken out of service: their tasks may be lost, and they come back in service.
    maintained: BTreeSet<usize>,
    /// What operators will have been promised, by the ticket that will be answered.
    planned: BTreeMap<u64, Deadline>,
    deadlines: Deadlines,
    healing: Option<Mono>,
    broken: VecDeque<Broken>,
}

/// Runs one cluster from its seed.
pub fn run(seed: u64, options: Options) -> Outcome {
    let mut cluster = Cluster::new(seed, options);
    cluster.run();
    Outcome {
        seed,
        plan: cluster.plan.to_string(),
        simulated: cluster.now.since(Mono::ZERO),
        events: cluster.events,
        counts: cluster.counts,
        broken: cluster.broken.pop_front(),
        log: cluster.log.lines().map(str::to_owned).collect(),
    }
}

impl Cluster {
    fn new(seed: u64, options: Options) -> Cluster {
        let mut rng = Entropy::from_u64(seed);
        let plan = Plan::draw(&mut rng);
        let schedulers: Vec<Scheduler> =
            (0..plan.schedulers).map(|i| Scheduler::new(i, schedulers::profile(&mut rng))).collect();
        let mut cluster = Cluster {
            options,
            seed,
            now: Mono::ZERO,
            queue: BTreeMap::new(),
            sequence: 0,
            events: 0,
            network: Network::new(plan.delay_max),
            election: Election::default(),
            store: Store::default(),
            masters: (0..plan.masters).map(|_| MasterNode::new(&mut rng, plan.drift)).collect(),
            agents: (0..plan.agents).map(|index| AgentNode::new(index, &mut rng, plan.drift)).collect(),
            lines: schedulers.iter().map(|_| schedulers::Line::default()).collect(),
            schedulers,
            stream_of: BTreeMap::new(),
            tickets: 0,
            asked: BTreeMap::new(),
            counts: Counts::default(),
            log: Log::new(options.echo),
            launches: Launches::default(),
            durable: Durable::default(),
            doomed: BTreeSet::new(),
            excuses: Excuses::default(),
            service: Service::default(),
            maintained: BTreeSet::new(),
            planned: BTreeMap::new(),
            deadlines: Deadlines::default(),
            healing: None,
            broken: VecDeque::new(),
            plan,
            rng,
        };
        #[cfg(feature = "sabotage")]
        {
            cluster.store.unfenced = cluster.is_sabotaged(crate::sabotage::Sabotage::ForgetFencing);
        }
        cluster.schedule();
        cluster
    }

    /// The first events, and all faults.
    fn schedule(&mut self) {
        self.log.line(self.now, self.plan.to_string());
        for master in 0..self.masters.len() {
            let delay = Duration::from_millis(self.rng.below(1000));
            self.after(delay, Event::StartMaster { master });
        }
        for agent in 0..self.agents.len() {
            let delay = Duration::from_millis(self.rng.below(3000));
            self.after(delay, Event::StartAgent { agent });
        }
        for scheduler in 0..self.schedulers.len() {
            self.after(Duration::from_secs(5), Event::Whim { scheduler });
        }
        for (at, fault) in faults::draw(&mut self.rng, &self.plan, self.options.safety) {
            self.at(at, Event::Fault(fault));
        }
        self.after(self.options.safety, Event::Heal);
    }

    fn run(&mut self) {
        let end = Mono::ZERO + self.options.safety + self.options.healing;
        while let Some(((at, _), event)) = self.queue.pop_first() {
            if at > end || !self.broken.is_empty() {
                break;
            }
            self.now = at;
            if let Some(until) = self.sleeps(&event) {
                self.at(until, event);
                continue;
            }
            self.events += 1;
            self.step(event);
            // The books are read whole: not after each event, or a run would take minutes.
            if self.events.is_multiple_of(16) {
                self.check_masters();
                self.check_drained();
                self.check_enforced();
            }
            if self.healing.is_some() && self.events.is_multiple_of(64) && self.settled().is_ok() {
                self.counts.add("law everything settles");
                break;
            }
        }
        if self.broken.is_empty() {
            let result = self.settled();
            self.break_law(result);
            self.counts.add_many(
                "law no running task is lost",
                kept::seen(&self.schedulers, &self.doomed).count() as u64,
            );
        }
        if let Some(broken) = self.broken.front() {
            let line = broken.to_string();
            self.log.line(self.now, line);
        }
    }

    fn settled(&self) -> Result<(), Broken> {
        let law = "everything settles";
        let Some(leader) = self.leading() else {
            return Err(Broken { law, what: "no master leads".to_owned() });
        };
        settled::check(&settled::Rest {
            schedulers: &self.schedulers,
            running: self.agents.iter().map(|agent| agent.host.running()).sum(),
            agents: self.agents.iter().filter_map(|agent| agent.id.as_deref()).collect(),
            since: self.healing,
        })?;
        self.agents.iter().try_for_each(|agent| agreed::check(&agent.sides(&self.masters[leader])))?;
        let away = |id: &&str| self.store.value().duty(id).is_some_and(|duty| duty.deactivated);
        if let Some(id) = self.agents.iter().filter_map(|agent| agent.id.as_deref()).find(away) {
            let view = self.masters[leader].lead.as_ref().map(|lead| lead.core.view());
            let held = view.map(|view| service::held(&view, id)).unwrap_or_default();
            return Err(Broken {
                law,
                what: format!("{id} is not back in service; the master holds {held:?}"),
            });
        }
        if let Some(machine) = self.store.value().machines().next() {
            return Err(Broken { law, what: format!("{machine:?} is still planned for") });
        }
        kept::check(&self.schedulers, &self.doomed, &self.excuses)
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::WakeMaster { master, term, at } => self.wake_master(master, term, at),
            Event::WakeAgent { agent, life, at } => self.wake_agent(agent, life, at),
            Event::MessageToMaster { channel, master, agent, to, name, body } => {
                self.message_to_master(channel, master, agent, to, name, &body);
            }
            Event::MessageToAgent { channel, master, agent, from, name, body } => {
                self.message_to_agent(channel, master, agent, &from, name, &body);
            }
            Event::ExitedAtMaster { master, agent } => self.exited_at_master(master, agent),
            Event::ExitedAtAgent { master, agent } => self.exited_at_agent(master, agent),
            Event::StartMaster { master } => self.start_master(master),
            Event::SessionEnds { session } => self.session_ends(session),
            Event::Elected { change } => self.elected(change),
            Event::LeaderSeen { observer, change } => self.leader_seen(observer, change),
            Event::StepDown { master, term } => self.step_down(master, term),
            Event::StoreArrives { master, term, write, record, snapshot } => {
                self.store_arrives(master, term, write, record, snapshot);
            }
            Event::Stored { master, term, write } => self.stored(master, term, write),
            Event::StartAgent { agent } => self.start_agent(agent),
            Event::Written { agent, life, record } => self.written(agent, life, record),
            Event::Synced { agent, life, record } => self.synced(agent, life, record),
            Event::Disk { agent, life, is_full } => self.disk(agent, life, is_full),
            Event::Container { agent, life, container, event } => {
                self.container(agent, life, container, event)
            }
            Event::ContainerEnds { agent, end } => self.container_ends(agent, &end),
            Event::Subscribe { scheduler } => self.subscribe(scheduler),
            Event::CallArrives { scheduler, master, life, stream, call } => {
                self.call_arrives(scheduler, master, life, stream, &call);
            }
            Event::Notified { scheduler, stream, event } => self.event_arrives(scheduler, stream, &event),
            Event::StreamEndsAtMaster { master, stream } => self.stream_ends_at_master(master, stream),
            Event::StreamEndsAtScheduler { scheduler, stream } => {
                self.stream_ends_at_scheduler(scheduler, stream)
            }
            Event::Whim { scheduler } => self.whim(scheduler),
            Event::Fault(fault) => self.fault(fault),
            Event::Heal => self.heal(),
            Event::TakeBack => self.take_back(),
        }
    }

    fn after(&mut self, delay: Duration, event: Event) {
        self.at(self.now + delay, event);
    }

    fn at(&mut self, at: Mono, event: Event) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), event);
    }

    fn break_law(&mut self, result: Result<(), Broken>) {
        if let Err(broken) = result {
            self.broken.push_back(broken);
        }
    }

    #[cfg(feature = "sabotage")]
    fn is_sabotaged(&self, sabotage: crate::sabotage::Sabotage) -> bool {
        self.options.sabotage == Some(sabotage)
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cluster of seed {} at {:?}", self.seed, self.now)
    }
}
