// SPDX-License-Identifier: Apache-2.0

//! A stage for one master: a script of inputs goes in, the effects come out as text.
//!
//! A line of a script is one input: its kind, then its words, then JSON where it carries a message.
//!
//! - `define NAME TEXT`: `$NAME` stands for the text, with what its words mean where it is used. `$M` is the master's id, `$O` the newest offer's,
//!   `$A1` that of the agent at 10.0.0.1, `$F1` that of the framework of stream 1.
//! - `set NAME VALUE`: a setting of the master; only before the first input.
//! - `writes held` (or `free`): whether writes to the registry become durable only by `stored N`.
//! - `after DURATION`: time passes, with a tick at each deadline.
//! - `message FROM TO KIND JSON`, `exited ADDRESS`: from agents.
//! - `subscribe STREAM [as PRINCIPAL] JSON`, `close STREAM`
//! - `call STREAM [as PRINCIPAL] JSON`: a call with the id of that stream; `-` for none, `'x` for the literal x.
//! - `operator JSON`, `watch STREAM`
//! - `failover`: a new master takes over from the registry.
//!
//! Short forms of messages, where `N` is the agent at 10.0.0.N and `U` a digit of which a uuid is made:
//!
//! - `join N RESOURCES`: a registration. `return N RESOURCES JSON`: a re-registration with the members of the JSON.
//! - `pong N`
//! - `launch STREAM TASK:CPUS…`: ACCEPT of the newest offer. `update N STREAM TASK STATE U [LATEST]`.
//! - `ack STREAM N TASK U`

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
    /// By the words that stand for them.
    names: BTreeMap<String, String>,
    words: Vec<(String, String)>,
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
            names: BTreeMap::new(),
            words: Vec::new(),
            held: false,
            started: false,
            tickets: 0,
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
            _ => {
                let input = short_input(self, kind, rest).unwrap_or_else(|| parse_input(self, kind, rest));
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
            Effect::Event { event, stream } => {
                let offers = event.offers.iter().flat_map(|offers| &offers.offers);
                if let Some(offer) = offers.last() {
                    self.name("$O".to_string(), &offer.id.value);
                    self.name("$OA".to_string(), &offer.agent_id.value);
                }
                if let Some(subscribed) = &event.subscribed {
                    self.name(format!("$F{}", stream.0), &subscribed.framework_id.value);
                }
            }
            Effect::Send { to, message, .. } => {
                if let ToPeer::AgentRegistered(message) = &**message {
                    self.name(format!("$A{}", to.ip.octets()[3]), &message.agent_id.value);
                }
            }
            _ => {}
        }
    }

    fn name(&mut self, word: String, value: &str) {
        self.names.insert(word, value.to_string());
    }

    fn named(&self, word: &str) -> String {
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

fn uuid(digit: &str) -> Vec<u8> {
    vec![digit.parse().unwrap(); 16]
}

fn agent_info(number: &str, resources: &str) -> v1::AgentInfo {
    v1::AgentInfo {
        hostname: format!("host{number}"),
        port: Some(5051),
        resources: kaon_model::parse_list(resources, &kaon_model::Role::star()).unwrap(),
        checkpoint: Some(true),
        ..Default::default()
    }
}

fn capabilities() -> Vec<v1::agent_info::Capability> {
    use kaon_api::wire::Enumeration;
    let all = v1::agent_info::capability::Type::VALUES.iter().filter(|entry| entry.1 != 0);
    all.map(|entry| v1::agent_info::Capability { r#type: Some(entry.0), ..Default::default() }).collect()
}

fn short_input(stage: &Stage, kind: &str, rest: &str) -> Option<Input> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let from = |number: &str| format!("slave(1)@10.0.0.{number}:5051").parse().unwrap();
    let message = |number: &str, to: &str, message| {
        Some(Input::Message { from: from(number), to: to.to_string(), message: Box::new(message) })
    };
    match (kind, words.as_slice()) {
        ("join", [number, resources]) => {
            let agent = Box::new(agent_info(number, resources));
            let register = internal::RegisterAgentMessage {
                agent,
                version: Some("1.11.0".to_string()),
                agent_capabilities: capabilities(),
                resource_version_uuid: Some(v1::UUID { value: uuid("9"), ..Default::default() }),
                ..Default::default()
            };
            message(number, "master", PeerMessage::RegisterAgent(register))
        }
        ("return", [number, resources, ..]) => {
            let body = rest.splitn(3, ' ').nth(2).unwrap_or("{}");
            let whole = format!(r#"{{"agent":{{"hostname":"x"}},{}"#, body.strip_prefix('{').unwrap());
            let mut back: internal::ReregisterAgentMessage = json(&whole.replace(",}", "}"));
            back.agent = Box::new(agent_info(number, resources));
            back.agent.id = Some(v1::AgentID::from(stage.named(&format!("$A{number}"))));
            back.version.get_or_insert_with(|| "1.11.0".to_string());
            back.agent_capabilities = capabilities();
            message(number, "master", PeerMessage::ReregisterAgent(back))
        }
        ("pong", [number]) => {
            let pong = PeerMessage::Pong(internal::PongAgentMessage::default());
            message(number, &format!("slave-observer({number})"), pong)
        }
        ("update", [number, stream, task, state, digit, latest @ ..]) => {
            use kaon_api::wire::Enumeration;
            let state_of = |name: &str| v1::TaskState::from_name(name).unwrap();
            let status = v1::TaskStatus {
                task_id: v1::TaskID::from(*task),
                state: state_of(state),
                source: Some(v1::task_status::Source::SourceExecutor),
                ..Default::default()
            };
            let update = internal::StatusUpdate {
                framework_id: v1::FrameworkID::from(stage.named(&format!("$F{stream}"))),
                agent_id: Some(v1::AgentID::from(stage.named(&format!("$A{number}")))),
                status: Box::new(status),
                timestamp: 5.0,
                uuid: Some(uuid(digit)),
                latest_state: Some(state_of(latest.first().unwrap_or(state))),
                ..Default::default()
            };
            let update = internal::StatusUpdateMessage { update: Box::new(update), ..Default::default() };
            message(number, "master", PeerMessage::StatusUpdate(update))
        }
        ("launch", [stream, tasks @ ..]) => {
            let tasks: Vec<String> = tasks.iter().map(|task| launched(stage, task)).collect();
            let accept = format!(
                r#"{{"type":"ACCEPT","framework_id":{{"value":"{}"}},"accept":{{"offer_ids":[{{"value":"{}"}}],"operations":[{{"type":"LAUNCH","launch":{{"task_infos":[{}]}}}}]}}}}"#,
                stage.named(&format!("$F{stream}")),
                stage.named("$O"),
                tasks.join(",")
            );
            let stream_id = stage.stream_id(stream);
            Some(Input::Call {
                ticket: Ticket(0),
                stream_id,
                call: Box::new(json(&accept)),
                caller: Caller::default(),
            })
        }
        ("ack", [stream, number, task, digit]) => {
            let acknowledge = v1::scheduler::call::Acknowledge {
                agent_id: v1::AgentID::from(stage.named(&format!("$A{number}"))),
                task_id: v1::TaskID::from(*task),
                uuid: uuid(digit),
                ..Default::default()
            };
            let call = v1::scheduler::Call {
                framework_id: Some(v1::FrameworkID::from(stage.named(&format!("$F{stream}")))),
                r#type: Some(v1::scheduler::call::Type::Acknowledge),
                acknowledge: Some(acknowledge),
                ..Default::default()
            };
            let stream_id = stage.stream_id(stream);
            Some(Input::Call {
                ticket: Ticket(0),
                stream_id,
                call: Box::new(call),
                caller: Caller::default(),
            })
        }
        _ => None,
    }
}

/// A task of so many cpus on the agent of the newest offer.
fn launched(stage: &Stage, task: &str) -> String {
    let (name, cpus) = task.split_once(':').expect("TASK:CPUS");
    let cpus = format!(r#"{{"name":"cpus","type":"SCALAR","scalar":{{"value":{cpus}}}}}"#);
    let (id, agent) =
        (format!(r#"{{"value":"{name}"}}"#), format!(r#"{{"value":"{}"}}"#, stage.named("$OA")));
    format!(
        r#"{{"name":"{name}","task_id":{id},"agent_id":{agent},"command":{{"value":"true"}},"resources":[{cpus}]}}"#
    )
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
        Effect::WatchEvent { stream, event } => {
            format!("watcher {} <- {}", stream.0, to_json(&**event, Dialect::V1))
        }
        Effect::Close { stream } => format!("stream {} closed", stream.0),
        Effect::Reply { reply, .. } => match reply {
            Reply::Ok => "reply 200".to_string(),
            Reply::Accepted => "reply 202".to_string(),
            Reply::Refused { code, text } => format!("reply {code} {text}").trim_end().to_string(),
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
        *info = v1::FrameworkInfo {
            id: info.id.take(),
            name: std::mem::take(&mut info.name),
            ..Default::default()
        };
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
