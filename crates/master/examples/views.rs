// SPDX-License-Identifier: Apache-2.0

//! Measures what a picture of the state costs, and what the master's work costs while somebody holds one.
//!
//! `cargo run --release -p kaon-master --example views [TASKS]`: launches so many tasks (a million unless said), then
//! prints the time of `view()` and the times of `handle` for status updates: alone, with one picture held all the
//! time, and with a fresh picture every 50 ms.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it measures; the core has no clock")]
#![allow(clippy::print_stdout, reason = "its result is its output")]

use std::time::{Duration, Instant};

use kaon_api::{internal, v1};
use kaon_master::{
    Caller, Config, Effect, Effects, Input, Master, PeerMessage, Registry, Stream, Ticket, View,
};
use kaon_model::{Now, Role};

const PER_AGENT: usize = 1000;

struct Cluster {
    master: Master,
    now: Now,
    stream_id: String,
    framework: v1::FrameworkID,
    /// Of each task: the agent's address and id.
    tasks: Vec<(u32, v1::AgentID)>,
}

fn pid(number: u32) -> kaon_api::libprocess::Upid {
    let [_, b, c, d] = number.to_be_bytes();
    format!("slave(1)@10.{b}.{c}.{d}:5051").parse().expect("an address of three numbers")
}

impl Cluster {
    fn handle(&mut self, input: Input) -> Effects {
        let mut out = Effects::new();
        self.master.handle(self.now, input, &mut out);
        out
    }

    fn subscribe() -> Cluster {
        let now = Now::default().after(Duration::from_secs(1_000_000));
        let master = Master::new(Config::default(), Registry::default(), [7; 32], now);
        let (stream_id, framework) = Default::default();
        let mut cluster = Cluster { master, now, stream_id, framework, tasks: Vec::new() };
        let framework_info =
            Box::new(v1::FrameworkInfo { user: "u".into(), name: "views".into(), ..Default::default() });
        let subscribe = v1::scheduler::call::Subscribe { framework_info, ..Default::default() };
        let call = Box::new(v1::scheduler::Call { subscribe: Some(subscribe), ..Default::default() });
        for effect in cluster.handle(Input::Subscribe { stream: Stream(1), call, caller: Caller::default() })
        {
            match effect {
                Effect::OpenStream { id, .. } => cluster.stream_id = id,
                Effect::Event { event, .. } => {
                    if let Some(subscribed) = event.subscribed {
                        cluster.framework = subscribed.framework_id;
                    }
                }
                _ => {}
            }
        }
        cluster
    }

    fn join(&mut self, number: u32) {
        let text = format!("cpus:{};mem:{}", PER_AGENT, PER_AGENT * 32);
        let resources = kaon_model::parse_list(&text, &Role::star()).expect("the text is well-formed");
        let agent =
            Box::new(v1::AgentInfo { hostname: format!("host{number}"), resources, ..Default::default() });
        let version = Some("1.11.0".to_string());
        let message = internal::RegisterAgentMessage { agent, version, ..Default::default() };
        let message = Box::new(PeerMessage::RegisterAgent(message));
        let effects = self.handle(Input::Message { from: pid(number), to: "master".into(), message });
        for effect in effects {
            if let Effect::Store { write, .. } = effect {
                self.handle(Input::Stored { write });
            }
        }
    }

    /// Launches on all that is offered until there are so many tasks.
    fn fill(&mut self, count: usize) {
        while self.tasks.len() < count {
            self.now = self.now.after(Duration::from_millis(100));
            for effect in self.handle(Input::Tick) {
                let Effect::Event { event, .. } = effect else { continue };
                for offer in event.offers.into_iter().flat_map(|offers| offers.offers) {
                    self.launch(offer);
                }
            }
        }
    }

    fn launch(&mut self, offer: v1::Offer) {
        let number = offer.hostname.trim_start_matches("host").parse().expect("agents are numbered");
        let resources =
            kaon_model::parse_list("cpus:1;mem:32", &Role::star()).expect("the text is well-formed");
        let task_infos = (0..PER_AGENT).map(|_| {
            self.tasks.push((number, offer.agent_id.clone()));
            v1::TaskInfo {
                name: "task".into(),
                task_id: v1::TaskID::from(format!("task-{}", self.tasks.len() - 1)),
                agent_id: offer.agent_id.clone(),
                resources: resources.clone(),
                command: Some(Box::new(v1::CommandInfo { value: Some("true".into()), ..Default::default() })),
                ..Default::default()
            }
        });
        let launch = v1::offer::operation::Launch { task_infos: task_infos.collect(), ..Default::default() };
        let kind = Some(v1::offer::operation::Type::Launch);
        let operation = v1::offer::Operation { r#type: kind, launch: Some(launch), ..Default::default() };
        let accept = v1::scheduler::call::Accept {
            offer_ids: vec![offer.id],
            operations: vec![operation],
            ..Default::default()
        };
        let call = v1::scheduler::Call {
            framework_id: Some(self.framework.clone()),
            r#type: Some(v1::scheduler::call::Type::Accept),
            accept: Some(accept),
            ..Default::default()
        };
        let (call, stream_id) = (Box::new(call), Some(self.stream_id.clone()));
        self.handle(Input::Call { ticket: Ticket(1), stream_id, call, caller: Caller::default() });
    }

    fn update(&self, task: usize, round: u8) -> Input {
        let (number, agent) = &self.tasks[task];
        let status = v1::TaskStatus {
            task_id: v1::TaskID::from(format!("task-{task}")),
            state: v1::TaskState::TaskRunning,
            ..Default::default()
        };
        let update = internal::StatusUpdate {
            framework_id: self.framework.clone(),
            agent_id: Some(agent.clone()),
            status: Box::new(status),
            uuid: Some(vec![round; 16]),
            ..Default::default()
        };
        let message = internal::StatusUpdateMessage { update: Box::new(update), ..Default::default() };
        let message = Box::new(PeerMessage::StatusUpdate(message));
        Input::Message { from: pid(*number), to: "master".into(), message }
    }

    /// Updates tasks all over the table; says how long each `handle` took.
    fn updates(&mut self, round: u8, count: usize, mut before: impl FnMut(&Master)) -> Vec<Duration> {
        // A stride that is prime visits tasks far apart one after another: the worst case for shared pages.
        let inputs: Vec<Input> =
            (0..count).map(|at| self.update(at.wrapping_mul(7919) % self.tasks.len(), round)).collect();
        let mut times = Vec::with_capacity(count);
        for input in inputs {
            before(&self.master);
            let mut out = Effects::new();
            let begin = Instant::now();
            self.master.handle(self.now, input, &mut out);
            times.push(begin.elapsed());
        }
        times.sort_unstable();
        times
    }
}

fn show(what: &str, times: &[Duration]) {
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let mean = times.iter().sum::<Duration>() / u32::try_from(times.len()).unwrap_or(u32::MAX);
    println!(
        "{what:<34} mean {mean:>9.1?}  p50 {:>9.1?}  p99 {:>9.1?}  max {:>9.1?}",
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

fn main() {
    let tasks: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let mut cluster = Cluster::subscribe();
    let begin = Instant::now();
    (1..=tasks.div_ceil(PER_AGENT)).for_each(|number| cluster.join(number as u32));
    cluster.fill(tasks);
    let count = cluster.tasks.len();
    println!("{count} tasks launched in {:.1?}", begin.elapsed());
    let mut clones: Vec<Duration> = (0..100)
        .map(|_| {
            let begin = Instant::now();
            let view = cluster.master.view();
            let taken = begin.elapsed();
            drop(view);
            taken
        })
        .collect();
    clones.sort_unstable();
    show("view()", &clones);
    let updates = count.min(200_000);
    show("handle, no view", &cluster.updates(1, updates, |_| {}));
    let held = cluster.master.view();
    show("handle, one view held", &cluster.updates(2, updates, |_| {}));
    drop(held);
    let mut last: Option<(Instant, View)> = None;
    let times = cluster.updates(3, updates, |master| {
        if last.as_ref().is_none_or(|(taken, _)| taken.elapsed() > Duration::from_millis(50)) {
            last = Some((Instant::now(), master.view()));
        }
    });
    show("handle, a fresh view each 50 ms", &times);
}
