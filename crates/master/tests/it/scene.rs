// SPDX-License-Identifier: Apache-2.0

//! A stage for one master: a script of inputs goes in, the effects come out as text.
//!
//! A line of a script is one input: its kind, then its words, then JSON where it carries a message.
//!
//! - `define NAME TEXT`: from here on `$NAME` stands for the text. `$M` is the master's id, `$O` the newest offer's.
//! - `set NAME VALUE`: a setting of the master; only before the first input.
//! - `writes held` (or `free`): whether writes to the registry become durable only by `stored N`.
//! - `after DURATION`: time passes, with a tick at each deadline.
//! - `message FROM TO KIND JSON`, `exited ADDRESS`: from agents.
//! - `subscribe STREAM [as PRINCIPAL] JSON`, `close STREAM`
//! - `call STREAM [as PRINCIPAL] JSON`: a call with the id of that stream; `-` for none, `'x` for the literal x.
//! - `operator JSON`, `watch STREAM`
//! - `failover`: a new master takes over from the registry.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use kaon_api::json::{Dialect, from_json, parse, to_json};
use kaon_api::wire::Message;
use kaon_api::{internal, v0, v1};
use kaon_master::registry::Operation;
use kaon_master::*;
use kaon_model::{Now, Span};

pub struct Stage {
    pub master: Master,
    pub now: Now,
    records: Vec<Vec<u8>>,
    config: Config,
    streams: BTreeMap<u64, String>,
    words: Vec<(String, String)>,
    newest_offer: String,
    held: bool,
    started: bool,
    tickets: u64,
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
            words: Vec::new(),
            newest_offer: String::new(),
            held: false,
            started: false,
            tickets: 0,
            lives: 1,
        }
    }

    /// Plays one line, and returns the effects, a line each.
    pub fn play(&mut self, line: &str) -> String {
        let line = self.expand(line);
        let (kind, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let mut out = String::new();
        match kind {
            "define" => {
                let (name, text) = rest.split_once(' ').expect("define NAME TEXT");
                self.words.push((format!("${name}"), text.to_string()));
            }
            "set" => self.set(rest),
            "writes" => self.held = rest == "held",
            "failover" => self.fail_over(),
            "after" => self.pass(rest, &mut out),
            _ => self.input(parse_input(self, kind, rest), &mut out),
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
            let text = show(&effect).replace(self.master.id(), "M");
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
            Effect::Event { event, .. } => {
                let offers = event.offers.iter().flat_map(|offers| &offers.offers);
                if let Some(offer) = offers.last() {
                    self.newest_offer = offer.id.value.clone();
                }
            }
            _ => {}
        }
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

    fn set(&mut self, text: &str) {
        assert!(!self.started, "settings stand before the first input");
        let (name, value) = text.split_once(' ').expect("set NAME VALUE");
        let duration = || value.parse::<Span>().unwrap_or_else(|error| panic!("{error}")).to_std();
        match name {
            "offer_timeout" => self.config.offer_timeout = Some(duration()),
            "max_completed_frameworks" => self.config.max_completed_frameworks = value.parse().unwrap(),
            "max_operator_event_stream_subscribers" => {
                self.config.max_operator_event_stream_subscribers = value.parse().unwrap();
            }
            "root_submissions" => self.config.root_submissions = value.parse().unwrap(),
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
        let mut line = line.replace("$M", self.master.id()).replace("$O", &self.newest_offer);
        // Later words may stand in earlier ones' texts.
        for _ in 0..3 {
            for (name, text) in &self.words {
                line = line.replace(name, text);
            }
        }
        line.replace("$M", self.master.id()).replace("$O", &self.newest_offer)
    }

    fn stream_id(&self, word: &str) -> Option<String> {
        match word.strip_prefix('\'') {
            Some(literal) => Some(literal.to_string()),
            None if word == "-" => None,
            None => Some(self.streams.get(&number(word)).cloned().unwrap_or_else(|| "no such stream".to_string())),
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

fn parse_input(stage: &mut Stage, kind: &str, rest: &str) -> Input {
    let (first, more) = rest.split_once(' ').unwrap_or((rest, ""));
    let (caller, body) = match more.strip_prefix("as ") {
        Some(named) => {
            let (principal, body) = named.split_once(' ').expect("as PRINCIPAL JSON");
            (Caller { principal: Some(principal.to_string()) }, body)
        }
        None => (Caller::default(), more),
    };
    stage.tickets += 1;
    let ticket = Ticket(stage.tickets);
    match kind {
        "tick" => Input::Tick,
        "stored" => Input::Stored { write: Write(number(first)) },
        "exited" => Input::Exited { peer: first.parse().unwrap() },
        "close" => Input::StreamClosed { stream: Stream(number(first)) },
        "watch" => Input::Watch { stream: Stream(number(first)), caller },
        "subscribe" => Input::Subscribe { stream: Stream(number(first)), call: Box::new(json(body)), caller },
        "call" => {
            Input::Call { ticket, stream_id: stage.stream_id(first), call: Box::new(json(body)), caller }
        }
        "operator" => Input::Operator { ticket, call: Box::new(json(rest)), caller: Caller::default() },
        "message" => {
            let mut words = more.splitn(3, ' ');
            let mut word = || words.next().unwrap_or_default();
            let (to, name, body) = (word().to_string(), word(), word());
            Input::Message { from: first.parse().unwrap(), to, message: Box::new(peer_message(name, body)) }
        }
        _ => panic!("no input '{kind}'"),
    }
}

fn peer_message(name: &str, body: &str) -> PeerMessage {
    match name {
        "RegisterAgent" => PeerMessage::RegisterAgent(json(body)),
        "ReregisterAgent" => PeerMessage::ReregisterAgent(json(body)),
        "UnregisterAgent" => PeerMessage::UnregisterAgent(json(body)),
        "UpdateAgent" => PeerMessage::UpdateAgent(json(body)),
        "Pong" => PeerMessage::Pong(internal::PongAgentMessage::default()),
        "StatusUpdate" => PeerMessage::StatusUpdate(json(body)),
        "ExitedExecutor" => PeerMessage::ExitedExecutor(json(body)),
        "ExecutorToFramework" => PeerMessage::ExecutorToFramework(json(body)),
        "SchedulerCall" => PeerMessage::SchedulerCall(json::<v0::scheduler::Call>(body)),
        _ => panic!("no message '{name}'"),
    }
}

/// An effect as one line, without what only takes room.
fn show(effect: &Effect) -> String {
    match effect {
        Effect::Send { to, from, message } => {
            let (name, _) = message.encode();
            format!("{to} <- {from} {} {}", name.rsplit('.').next().unwrap(), show_message(message))
        }
        Effect::Link { to } => format!("{to} linked"),
        Effect::Event { stream, event } => {
            let mut event = (**event).clone();
            if let Some(subscribed) = &mut event.subscribed {
                subscribed.master_info = None;
            }
            format!("stream {} <- {}", stream.0, to_json(&event, Dialect::V1))
        }
        Effect::OpenStream { stream, .. } => format!("stream {} opened", stream.0),
        Effect::WatchEvent { stream, event } => format!("watcher {} <- {}", stream.0, to_json(&**event, Dialect::V1)),
        Effect::Close { stream } => format!("stream {} closed", stream.0),
        Effect::Reply { reply, .. } => match reply {
            Reply::Ok => "reply 200".to_string(),
            Reply::Accepted => "reply 202".to_string(),
            Reply::Refused { code, text } => format!("reply {code} {text}"),
        },
        Effect::Store { write, record, .. } => {
            let operations = kaon_master::registry::decode(record).unwrap();
            let texts: Vec<String> = operations.iter().map(show_operation).collect();
            format!("store {} {}", write.0, texts.join(", "))
        }
    }
}

fn show_operation(operation: &Operation) -> String {
    let id = |info: &v1::AgentInfo| info.id.clone().unwrap_or_default().value;
    match operation {
        Operation::AdmitAgent(info) => format!("admit {}", id(info)),
        Operation::UpdateAgent(info) => format!("update {}", id(info)),
        Operation::RemoveAgent(id) => format!("remove {id}"),
        Operation::MarkUnreachable(id, _) => format!("unreachable {id}"),
        Operation::MarkGone(id, _) => format!("gone {id}"),
        Operation::Prune(ids) => format!("prune {ids:?}"),
    }
}

fn show_message(message: &ToPeer) -> String {
    /// The description of a framework is long, and the same each time.
    fn brief(info: &mut v1::FrameworkInfo) {
        *info = v1::FrameworkInfo { id: info.id.take(), name: std::mem::take(&mut info.name), ..Default::default() };
    }
    let text = |message: String| message.replace(r#""failover_timeout":0.0,"checkpoint":false"#, "");
    match message.clone() {
        ToPeer::AgentRegistered(message) => to_json(&message, Dialect::V1),
        ToPeer::AgentReregistered(mut message) => {
            for question in &mut message.reconciliations {
                question.framework = None;
            }
            to_json(&message, Dialect::V1)
        }
        ToPeer::Ping(message) => to_json(&message, Dialect::V1),
        ToPeer::Shutdown(message) => to_json(&message, Dialect::V1),
        ToPeer::RunTask(mut message) => {
            brief(&mut message.framework);
            text(to_json(&message, Dialect::V1))
        }
        ToPeer::RunTaskGroup(mut message) => {
            brief(&mut message.framework);
            text(to_json(&message, Dialect::V1))
        }
        ToPeer::KillTask(message) => to_json(&message, Dialect::V1),
        ToPeer::ShutdownExecutor(message) => to_json(&message, Dialect::V1),
        ToPeer::ShutdownFramework(message) => to_json(&message, Dialect::V1),
        ToPeer::UpdateFramework(message) => to_json(&message, Dialect::V1),
        ToPeer::StatusUpdateAcknowledgement(message) => to_json(&message, Dialect::V1),
        ToPeer::FrameworkToExecutor(message) => to_json(&message, Dialect::V1),
        ToPeer::FrameworkError(message) => to_json(&message, Dialect::V1),
    }
}
