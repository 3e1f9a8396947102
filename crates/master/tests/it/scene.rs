// SPDX-License-Identifier: Apache-2.0

//! A stage for one master: a script of inputs goes in, the effects come out as text.
//!
//! A line of a script is one input: its kind, then its words, then JSON where it carries a message.
//!
//! - `define NAME TEXT`: `$NAME` stands for the text, with what its words mean where it is used. `$M` is the
//!   master's id, `$O` the newest offer's, `$A1` that of the agent at 10.0.0.1, `$F1` that of stream 1's framework,
//!   `$D4` that of the driver at 10.0.0.4, `$I1` that of the newest inverse offer on stream 1, `$C` the newest
//!   challenge.
//! - `set NAME VALUE`: a setting of the master; only before the first input.
//! - `writes held` (or `free`): whether writes to the registry become durable only by `stored N`.
//! - `after DURATION`: time passes, with a tick at each deadline.
//! - `jump DURATION`, `jump back DURATION`: the wall clock jumps, and no timer notices.
//! - `message FROM TO KIND JSON`, `exited ADDRESS`: from agents and drivers.
//! - `subscribe STREAM [as PRINCIPAL] JSON`, `close STREAM`
//! - `call STREAM [as PRINCIPAL] JSON`: a call with the id of that stream; `-` for none, `'x` for the literal x.
//! - `operator JSON`, `enforce JSON`, `watch STREAM`, `listen STREAM`
//! - `failover`: a new master takes over from the registry.
//!
//! Short forms of messages, where `N` is the agent at 10.0.0.N and `U` a digit of which a uuid is made:
//!
//! - `join N RESOURCES`: a registration; `joinold`: of an agent that cannot drain.
//!   `return N RESOURCES JSON`: a re-registration with the members of the JSON.
//! - `pong N`
//! - `launch STREAM TASK:CPUS…`: ACCEPT of the newest offer. `update N STREAM TASK STATE U [LATEST]`.
//! - `ack STREAM N TASK U`
//! - those of `operations.rs`

mod inputs;
mod operations;
mod short;
mod show;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use kaon_api::json::{Dialect, from_json, parse};
use kaon_api::v1;
use kaon_api::wire::Message;
use kaon_master::*;
use kaon_model::{AccessList, AccessRule, Credentials, Entity, Now, Secret, Span};

pub struct Stage {
    pub master: Master,
    pub now: Now,
    records: Vec<Vec<u8>>,
    config: Config,
    streams: BTreeMap<u64, String>,
    /// By the words that stand for them.
    names: BTreeMap<String, String>,
    words: Vec<(String, String)>,
    held: bool,
    started: bool,
    tickets: u64,
    /// Operations that agents were ordered to carry out.
    orders: usize,
    lives: u8,
}

impl Stage {
    pub fn new() -> Stage {
        let pid = "master@10.0.0.9:5050".parse().unwrap();
        let config = Config { pid, hostname: "head".into(), ..Config::default() };
        let now = Now::default().after(Duration::from_secs(1_000_000));
        Stage {
            master: Master::new(config.clone(), Registry::default(), [1; 32], now),
            now,
            records: Vec::new(),
            config,
            streams: BTreeMap::new(),
            names: BTreeMap::new(),
            words: Vec::new(),
            held: false,
            started: false,
            tickets: 0,
            orders: 0,
            lives: 1,
        }
    }

    /// Plays one line, and returns the effects, a line each.
    pub fn play(&mut self, line: &str) -> String {
        if let Some(definition) = line.strip_prefix("define ") {
            let (name, text) = definition.split_once(' ').expect("define NAME TEXT");
            self.words.push((format!("${name}"), text.to_string()));
            return String::new();
        }
        let line = self.expand(line);
        let (kind, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let mut out = String::new();
        match kind {
            "set" => self.set(rest),
            "writes" => self.held = rest == "held",
            "failover" => self.fail_over(),
            "after" => self.pass(rest, &mut out),
            "jump" => self.jump(rest),
            _ => {
                let input = short::short_input(self, kind, rest)
                    .or_else(|| operations::short_input(self, kind, rest))
                    .unwrap_or_else(|| inputs::parse_input(self, kind, rest));
                self.input(input, &mut out);
            }
        }
        out
    }

    pub fn input(&mut self, input: Input, out: &mut String) {
        self.started = true;
        let mut effects = Effects::new();
        self.master.handle(self.now, input, &mut effects);
        if let Err(violation) = self.master.check() {
            panic!("{violation}\n{effects:#?}");
        }
        let mut durable = Vec::new();
        for effect in effects {
            self.note(&effect, &mut durable);
            let text = show::show(&effect).replace(self.master.id(), "M");
            let text = self.streams.values().fold(text, |text, id| text.replace(id.as_str(), "ID"));
            writeln!(out, "{text}").unwrap();
        }
        for write in durable {
            self.input(Input::Stored { write }, out);
        }
    }

    /// What the stage must remember of an effect.
    fn note(&mut self, effect: &Effect, durable: &mut Vec<Write>) {
        match effect {
            Effect::OpenStream { stream, id } => drop(self.streams.insert(stream.0, id.clone())),
            Effect::Store { write, record, .. } => {
                self.records.push(record.clone());
                if !self.held {
                    durable.push(*write);
                }
            }
            Effect::Event { event, stream } => {
                event.offers.iter().for_each(|offers| self.note_offers(&offers.offers));
                for offer in event.inverse_offers.iter().flat_map(|offers| &offers.inverse_offers) {
                    self.name(format!("$I{}", stream.0), &offer.id.value);
                }
                if let Some(subscribed) = &event.subscribed {
                    self.name(format!("$F{}", stream.0), &subscribed.framework_id.value);
                }
            }
            Effect::Send { to, message, .. } => match &**message {
                ToPeer::ApplyOperation(message) => {
                    self.orders += 1;
                    let word = format!("$U{}", self.orders);
                    self.name(word, &operations::identity(&message.operation_uuid));
                }
                ToPeer::AgentRegistered(message) => {
                    self.name(format!("$A{}", to.ip.octets()[3]), &message.agent_id.value);
                }
                ToPeer::FrameworkRegistered(message) => {
                    self.name(format!("$D{}", to.ip.octets()[3]), &message.framework_id.value);
                }
                ToPeer::ResourceOffers(message) => self.note_offers(&message.offers),
                ToPeer::AuthenticationStep(message) => {
                    self.name("$C".to_string(), &String::from_utf8_lossy(&message.data));
                }
                _ => {}
            },
            _ => {}
        }
    }

    fn note_offers(&mut self, offers: &[v1::Offer]) {
        if let Some(offer) = offers.last() {
            self.name("$O".to_string(), &offer.id.value);
            self.name("$OA".to_string(), &offer.agent_id.value);
        }
    }

    fn name(&mut self, word: String, value: &str) {
        self.names.insert(word, value.to_string());
    }

    pub fn named(&self, word: &str) -> String {
        self.names.get(word).cloned().unwrap_or_else(|| panic!("nothing is {word} yet"))
    }

    fn pass(&mut self, text: &str, out: &mut String) {
        let span: Span = text.parse().unwrap_or_else(|error| panic!("{error}"));
        let end = self.now.after(span.to_std());
        while let Some(due) = self.master.deadline().filter(|due| *due <= end.mono) {
            self.now = self.now.after(due.since(self.now.mono));
            let mut effects = String::new();
            self.input(Input::Tick, &mut effects);
            if !effects.is_empty() {
                write!(out, "{effects}").unwrap();
            }
        }
        self.now = end;
    }

    fn jump(&mut self, text: &str) {
        let (sign, text) = text.strip_prefix("back ").map_or((1, text), |text| (-1, text));
        let nanos = text.parse::<Span>().unwrap_or_else(|error| panic!("{error}")).nanos();
        self.now.wall = kaon_model::Wall::from_nanos(self.now.wall.nanos() + sign * nanos);
    }

    fn set(&mut self, text: &str) {
        assert!(!self.started, "settings stand before the first input");
        let (name, value) = text.split_once(' ').expect("set NAME VALUE");
        let duration = || value.parse::<Span>().unwrap_or_else(|error| panic!("{error}")).to_std();
        match name {
            "offer_timeout" => self.config.offer_timeout = Some(duration()),
            "agent_removal_rate_limit" => {
                let (agents, within) = value.split_once('/').expect("AGENTS/DURATION");
                let within = within.parse::<Span>().unwrap().to_std();
                let rate = RemovalRate { agents: agents.parse().unwrap(), within };
                self.config.agent_removal_rate_limit = Some(rate);
            }
            "max_agent_ping_timeouts" => self.config.max_agent_ping_timeouts = value.parse().unwrap(),
            "recovery_agent_removal_limit" => {
                self.config.recovery_agent_removal_limit = value.parse().unwrap();
            }
            "non_partition_aware_return" => {
                assert_eq!(value, "kill");
                self.config.non_partition_aware_return = Return::Kill;
            }
            "recovered_framework_timeout" => self.config.recovered_framework_timeout = Some(duration()),
            "max_completed_frameworks" => self.config.max_completed_frameworks = value.parse().unwrap(),
            "max_operator_event_stream_subscribers" => {
                self.config.max_operator_event_stream_subscribers = value.parse().unwrap();
            }
            "max_frameworks" => self.config.max_frameworks = value.parse().unwrap(),
            "authenticate" => {
                let (principal, secret) = value.split_once(' ').expect("PRINCIPAL SECRET");
                let known = Credentials::from([(principal.to_string(), Secret::new(secret))]);
                self.config.credentials = Some(std::sync::Arc::new(known));
                self.config.authenticate_agents = true;
                self.config.authenticate_frameworks = true;
            }
            "forbidden_user" => {
                let objects = Entity::Some([value.to_string()].into());
                let rule = AccessRule { principals: Entity::None, objects };
                self.config.run_tasks = AccessList::new(vec![rule]);
            }
            "root_submissions" => self.config.root_submissions = value.parse().unwrap(),
            "roles" => self.config.roles = Some(value.split(',').map(str::to_string).collect()),
            "filter_gpu_resources" => self.config.filter_gpu_resources = value.parse().unwrap(),
            "require_agent_domain" => self.config.require_agent_domain = value.parse().unwrap(),
            "domain" => {
                let text =
                    format!(r#"{{"fault_domain":{{"region":{{"name":"{value}"}},"zone":{{"name":"z"}}}}}}"#);
                self.config.domain = Some(json::<kaon_api::v1::DomainInfo>(&text));
            }
            _ => panic!("no setting {name} here"),
        }
        self.master = Master::new(self.config.clone(), Registry::default(), [1; 32], self.now);
    }

    fn fail_over(&mut self) {
        self.lives += 1;
        let registry = Registry::recover(None, &self.records).unwrap();
        self.streams.clear();
        self.master = Master::new(self.config.clone(), registry, [self.lives; 32], self.now);
    }

    fn expand(&self, line: &str) -> String {
        // Later words may stand for texts with earlier ones in them.
        let line =
            self.words.iter().rev().fold(line.to_string(), |line, (name, text)| line.replace(name, text));
        let line = self.names.iter().rev().fold(line, |line, (name, text)| line.replace(name, text));
        line.replace("$M", self.master.id())
    }

    fn stream_id(&self, word: &str) -> Option<String> {
        match word.strip_prefix('\'') {
            Some(literal) => Some(literal.to_string()),
            None if word == "-" => None,
            None => {
                Some(self.streams.get(&number(word)).cloned().unwrap_or_else(|| "no such stream".to_string()))
            }
        }
    }
}

fn number(word: &str) -> u64 {
    word.parse().unwrap_or_else(|_| panic!("'{word}' is no number"))
}

fn json<M: Message>(text: &str) -> M {
    let json = parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"));
    from_json(&json, Dialect::V1).unwrap_or_else(|error| panic!("{error}: {text}"))
}
