// SPDX-License-Identifier: Apache-2.0

//! A master with two agents, as far as a framework can see, whose tasks end as the test wants.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kaon_api::v1::scheduler::{Call, Event, call, event};
use kaon_api::v1::{
    Address, AgentID, FrameworkID, Offer, OfferID, Resource, TaskInfo, TaskState, TaskStatus, URL, value,
};
use kaon_api::wire::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What becomes of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Finish,
    Fail,
    /// It is never started.
    Drop,
    /// It finishes, but the master goes away before it can say so.
    FinishUnheard,
}

type Decide = Box<dyn Fn(&TaskInfo) -> Fate + Send + Sync>;

pub struct Cluster {
    pub port: u16,
    decide: Decide,
    state: Mutex<State>,
}

#[derive(Default)]
pub struct State {
    events: Option<UnboundedSender<Event>>,
    offers: u64,
    /// The calls that were made, SUBSCRIBE included.
    pub calls: Vec<Call>,
    /// How tasks have ended.
    pub ends: BTreeMap<String, TaskStatus>,
}

impl Cluster {
    pub async fn start(decide: impl Fn(&TaskInfo) -> Fate + Send + Sync + 'static) -> Arc<Cluster> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let cluster = Arc::new(Cluster { port, decide: Box::new(decide), state: Mutex::default() });
        let shared = Arc::clone(&cluster);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&shared).serve(stream));
            }
        });
        cluster
    }

    pub fn calls_of(&self, wanted: call::Type) -> Vec<Call> {
        self.state().calls.iter().filter(|call| call.r#type == Some(wanted)).cloned().collect()
    }

    pub fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn serve(self: Arc<Self>, mut stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let mut buffer = Vec::new();
        while let Some((path, body)) = read_request(&mut stream, &mut buffer).await {
            if let Some(file) = path.strip_prefix("/files/") {
                let answer = self.file(file);
                stream.write_all(&answer).await.unwrap();
                continue;
            }
            let call = Call::decode(&body).unwrap();
            self.state().calls.push(call.clone());
            if call.r#type == Some(call::Type::Subscribe) {
                return self.stream_events(stream).await;
            }
            self.carry_out(call);
            stream.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        }
    }

    async fn stream_events(&self, mut stream: TcpStream) {
        let mut events = self.subscribe();
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nMesos-Stream-Id: s\r\n\r\n";
        stream.write_all(head).await.unwrap();
        while let Some(event) = events.recv().await {
            let mut record = Vec::new();
            kaon_api::recordio::encode(&event.encode(), &mut record);
            let chunk = [format!("{:x}\r\n", record.len()).as_bytes(), &record, b"\r\n"].concat();
            if stream.write_all(&chunk).await.is_err() {
                return;
            }
        }
    }

    fn subscribe(&self) -> UnboundedReceiver<Event> {
        let (sender, receiver) = unbounded_channel();
        let subscribed = event::Subscribed { framework_id: FrameworkID::from("f"), ..Default::default() };
        let event = Event {
            r#type: Some(event::Type::Subscribed),
            subscribed: Some(subscribed),
            ..Default::default()
        };
        sender.send(event).unwrap();
        self.state().events = Some(sender);
        self.offer();
        receiver
    }

    fn carry_out(self: &Arc<Self>, call: Call) {
        match call.r#type.unwrap() {
            call::Type::Accept => {
                for task in
                    call.accept.unwrap().operations.into_iter().flat_map(|op| op.launch.unwrap().task_infos)
                {
                    self.launch(&task);
                }
                self.offer();
            }
            call::Type::Revive => self.offer(),
            call::Type::Decline => {
                let seconds = call.decline.unwrap().filters.unwrap().refuse_seconds.unwrap();
                let again = Arc::clone(self);
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
                    again.offer();
                });
            }
            call::Type::Reconcile => {
                for task in call.reconcile.unwrap().tasks {
                    let end = self.state().ends.get(&task.task_id.value).cloned();
                    self.tell(end.into_iter().collect());
                }
            }
            call::Type::Teardown => self.state().events = None,
            _ => {}
        }
    }

    fn launch(&self, task: &TaskInfo) {
        let fate = (self.decide)(task);
        let (id, agent) = (&task.task_id.value, &task.agent_id.value);
        if fate == Fate::Drop {
            return self.update(id, agent, TaskState::TaskDropped, true);
        }
        self.update(id, agent, TaskState::TaskRunning, true);
        match fate {
            Fate::Finish => self.update(id, agent, TaskState::TaskFinished, true),
            Fate::Fail => self.update(id, agent, TaskState::TaskFailed, true),
            Fate::FinishUnheard => {
                self.update(id, agent, TaskState::TaskFinished, false);
                self.state().events = None;
            }
            Fate::Drop => {}
        }
    }

    fn update(&self, task: &str, agent: &str, state: TaskState, heard: bool) {
        let status = TaskStatus {
            task_id: task.into(),
            state,
            agent_id: Some(AgentID::from(agent)),
            uuid: Some(vec![1; 16]),
            ..Default::default()
        };
        self.state().ends.insert(task.into(), status.clone());
        if heard {
            self.tell(vec![status]);
        }
    }

    fn tell(&self, statuses: Vec<TaskStatus>) {
        for status in statuses {
            let update = event::Update { status: Box::new(status), ..Default::default() };
            self.send(Event {
                r#type: Some(event::Type::Update),
                update: Some(update),
                ..Default::default()
            });
        }
    }

    /// Two cpus on each of two agents.
    fn offer(&self) {
        let offers = ["a", "b"].map(|agent| {
            let mut state = self.state();
            state.offers += 1;
            let address =
                Address { ip: Some("127.0.0.1".into()), port: self.port.into(), ..Default::default() };
            let scalar = Some(value::Scalar { value: 2.0, ..Default::default() });
            let cpus =
                Resource { name: "cpus".into(), r#type: value::Type::Scalar, scalar, ..Default::default() };
            Offer {
                id: OfferID::from(format!("O{}", state.offers)),
                agent_id: AgentID::from(agent),
                url: Some(Box::new(URL { scheme: "http".into(), address, ..Default::default() })),
                resources: vec![cpus],
                ..Default::default()
            }
        });
        let offers = event::Offers { offers: offers.into(), ..Default::default() };
        self.send(Event { r#type: Some(event::Type::Offers), offers: Some(offers), ..Default::default() });
    }

    fn send(&self, event: Event) {
        if let Some(events) = &self.state().events {
            // A stream that has ended hears nothing.
            drop(events.send(event));
        }
    }

    /// Every task has written its id; what is read in pieces is an error message.
    fn file(&self, request: &str) -> Vec<u8> {
        let task = request.split("/executors/").nth(1).and_then(|rest| rest.split('/').next());
        let body = match task {
            Some(task) if request.starts_with("download") && request.ends_with("/stdout") => {
                format!("out of {task}\n")
            }
            _ => r#"{"data":"why\n","offset":4}"#.to_owned(),
        };
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }
}

/// The path and the body of the next request.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<(String, Vec<u8>)> {
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(buffer[..end].to_vec()).unwrap().to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.parse().unwrap());
            if buffer.len() >= end + 4 + length {
                let body = buffer[end + 4..end + 4 + length].to_vec();
                buffer.drain(..end + 4 + length);
                return Some((head.split(' ').nth(1).unwrap().to_owned(), body));
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}
