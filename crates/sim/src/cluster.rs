// SPDX-License-Identifier: Apache-2.0

//! One run: a cluster from a seed, its events in order of virtual time.

mod agents;
mod master;
mod schedulers;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use kaon_agent::input::ContainerEvent;
use kaon_agent::journal::FileOp;
use kaon_api::v1;
use kaon_model::{ContainerId, Entropy, Mono, Now, Wall};

use crate::faults::{self, Fault};
use crate::host::End;
use crate::laws::{agreed, exclusive::Books, once::Launches, settled};
use crate::network::{Channel, Network};
use crate::report::{Broken, Counts, Log};
use crate::scheduler::Scheduler;
use agents::AgentNode;
use master::MasterNode;
pub(crate) use master::config as master_config;

/// How large a run is.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub safety: Duration,
    /// Bound: after this much calm everything must have settled. Longer than an agent may be away before it is given
    /// up, plus the longest task, plus an executor's and an update's retries.
    pub healing: Duration,
    pub echo: bool,
    pub policy: kaon_master::config::Policy,
    /// The rule of the ledger that is broken on purpose.
    #[cfg(feature = "sabotage")]
    pub sabotage: Option<kaon_allocator::Sabotage>,
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
    pub simulated: Duration,
    pub events: u64,
    pub counts: Counts,
    pub broken: Option<Broken>,
    pub log: Vec<String>,
}

/// Something that will happen.
#[derive(Debug)]
enum Event {
    MessageToMaster { channel: Channel, agent: usize, to: String, name: &'static str, body: Vec<u8> },
    MessageToAgent { channel: Channel, agent: usize, from: String, name: &'static str, body: Vec<u8> },
    ExitedAtMaster { agent: usize },
    ExitedAtAgent { agent: usize },
    WakeMaster,
    WakeAgent { agent: usize, life: u64 },
    Stored { write: kaon_master::input::Write },
    StartAgent { agent: usize },
    Recorded { agent: usize, life: u64, record: kaon_agent::input::Record, ops: Vec<FileOp> },
    Container { agent: usize, life: u64, container: ContainerId, event: ContainerEvent },
    ContainerEnds { agent: usize, end: End },
    Subscribe { scheduler: usize },
    CallArrives { scheduler: usize, stream: u64, call: Box<v1::scheduler::Call> },
    Notified { scheduler: usize, stream: u64, event: Box<v1::scheduler::Event> },
    StreamEndsAtMaster { stream: u64 },
    StreamEndsAtScheduler { scheduler: usize, stream: u64 },
    Whim { scheduler: usize },
    Fault(Fault),
    Heal,
}

pub struct Cluster {
    options: Options,
    seed: u64,
    now: Mono,
    rng: Entropy,
    queue: BTreeMap<(Mono, u64), Event>,
    sequence: u64,
    events: u64,
    network: Network,
    master: MasterNode,
    agents: Vec<AgentNode>,
    schedulers: Vec<Scheduler>,
    /// The open stream of each scheduler, and what is on its way through it.
    streams: Vec<schedulers::Line>,
    counts: Counts,
    log: Log,
    books: Books,
    launches: Launches,
    healing: bool,
    broken: VecDeque<Broken>,
}

/// Runs one cluster from its seed.
pub fn run(seed: u64, options: Options) -> Outcome {
    let mut cluster = Cluster::new(seed, options);
    cluster.run();
    Outcome {
        seed,
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
        let agents = 1 + rng.below(5) as usize;
        let profiles = schedulers::profiles(&mut rng);
        let delay_max = Duration::from_millis(1 + rng.below(40));
        let mut cluster = Cluster {
            options,
            seed,
            now: Mono::ZERO,
            queue: BTreeMap::new(),
            sequence: 0,
            events: 0,
            network: Network::new(delay_max),
            master: MasterNode::new(&mut rng, &options),
            agents: (0..agents).map(|index| AgentNode::new(index, &mut rng)).collect(),
            streams: profiles.iter().map(|_| schedulers::Line::default()).collect(),
            schedulers: profiles.into_iter().enumerate().map(|(i, p)| Scheduler::new(i, p)).collect(),
            counts: Counts::default(),
            log: Log::new(options.echo),
            books: Books::default(),
            launches: Launches::default(),
            healing: false,
            broken: VecDeque::new(),
            rng,
        };
        cluster.plan();
        cluster
    }

    /// The first events, and all faults.
    fn plan(&mut self) {
        self.after(Duration::ZERO, Event::WakeMaster);
        for agent in 0..self.agents.len() {
            let delay = Duration::from_millis(self.rng.below(3000));
            self.after(delay, Event::StartAgent { agent });
        }
        for scheduler in 0..self.schedulers.len() {
            let delay = Duration::from_millis(self.rng.below(5000));
            self.after(delay, Event::Subscribe { scheduler });
            self.after(Duration::from_secs(5), Event::Whim { scheduler });
        }
        let faults =
            faults::draw(&mut self.rng, self.options.safety, self.agents.len(), self.schedulers.len());
        for (at, fault) in faults {
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
            self.events += 1;
            self.step(event);
            // The books are read whole: not after each event, or a run would take minutes.
            if self.events.is_multiple_of(16) {
                self.master.check(&mut self.broken);
            }
            if self.healing && self.events.is_multiple_of(64) && self.is_settled() {
                self.counts.add("run settled");
                break;
            }
        }
        if self.broken.is_empty()
            && let Err(broken) = self.settled()
        {
            self.broken.push_back(broken);
        }
        if let Some(broken) = self.broken.front() {
            let line = broken.to_string();
            self.log.line(self.now, line);
        }
    }

    fn is_settled(&self) -> bool {
        self.settled().is_ok()
    }

    fn settled(&self) -> Result<(), Broken> {
        settled::check(&self.schedulers, self.agents.iter().map(|agent| agent.host.running()).sum())?;
        self.agents.iter().try_for_each(|agent| agreed::check(&agent.sides(&self.master)))
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::WakeMaster => self.wake_master(),
            Event::WakeAgent { agent, life } => self.wake_agent(agent, life),
            Event::MessageToMaster { channel, agent, to, name, body } => {
                self.message_to_master(channel, agent, to, name, &body);
            }
            Event::MessageToAgent { channel, agent, from, name, body } => {
                self.message_to_agent(channel, agent, &from, name, &body);
            }
            Event::ExitedAtMaster { agent } => self.exited_at_master(agent),
            Event::ExitedAtAgent { agent } => self.exited_at_agent(agent),
            Event::Stored { write } => self.stored(write),
            Event::StartAgent { agent } => self.start_agent(agent),
            Event::Recorded { agent, life, record, ops } => self.recorded(agent, life, record, &ops),
            Event::Container { agent, life, container, event } => {
                self.container(agent, life, container, event)
            }
            Event::ContainerEnds { agent, end } => self.container_ends(agent, &end),
            Event::Subscribe { scheduler } => self.subscribe(scheduler),
            Event::CallArrives { scheduler, stream, call } => self.call_arrives(scheduler, stream, call),
            Event::Notified { scheduler, stream, event } => self.event_arrives(scheduler, stream, *event),
            Event::StreamEndsAtMaster { stream } => self.stream_ends_at_master(stream),
            Event::StreamEndsAtScheduler { scheduler, stream } => {
                self.stream_ends_at_scheduler(scheduler, stream)
            }
            Event::Whim { scheduler } => self.whim(scheduler),
            Event::Fault(fault) => self.fault(fault),
            Event::Heal => self.heal(),
        }
    }

    fn fault(&mut self, fault: Fault) {
        self.counts.add(fault.count());
        self.log.line(self.now, format!("{fault:?}"));
        match fault {
            Fault::Cut { agent, one_way, span } => {
                let until = self.now + span;
                self.network.cut(0, agent + 1, until);
                if !one_way {
                    self.network.cut(agent + 1, 0, until);
                }
            }
            Fault::Reset { agent } => self.reset(agent),
            Fault::CrashAgent { agent } => self.crash_agent(agent),
            Fault::DropStream { scheduler } => self.drop_stream(scheduler),
        }
    }

    /// The faults are over: all that is still wanted is that everything ends well.
    fn heal(&mut self) {
        self.log.line(self.now, "healing");
        self.healing = true;
        self.network.heal_all();
        for scheduler in &mut self.schedulers {
            scheduler.closing = true;
        }
    }

    fn reset(&mut self, agent: usize) {
        for (from, _) in self.network.reset(0, agent + 1) {
            let event =
                if from == 0 { Event::ExitedAtMaster { agent } } else { Event::ExitedAtAgent { agent } };
            self.after(Duration::from_millis(1), event);
        }
    }

    fn both(&self) -> Now {
        // The simulated world began on 2026-01-01.
        Now { mono: self.now, wall: Wall::from_nanos(1_767_225_600_000_000_000 + self.now.nanos() as i64) }
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
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cluster of seed {} at {:?}", self.seed, self.now)
    }
}
