// SPDX-License-Identifier: Apache-2.0

//! Emulated agents: many `slave(N)` on one address, which run tasks in no time.

use std::collections::HashMap;
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use kaon_api::internal::{self, StatusUpdateMessage};
use kaon_api::libprocess::{self, Decoder, Upid};
use kaon_api::v1::{self, TaskState};
use kaon_api::wire::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What the emulated agents have seen.
#[derive(Debug, Default)]
pub struct Tally {
    pub registered: AtomicU64,
    pub launched: AtomicU64,
    pub finished: AtomicU64,
}

/// A fleet on one address.
#[derive(Clone)]
pub struct Fleet {
    address: SocketAddrV4,
    master: Upid,
    outgoing: mpsc::Sender<Vec<u8>>,
    tally: Arc<Tally>,
    task_length: Duration,
}

/// What an update still owes: the update after it, once it is acknowledged.
type Pending = HashMap<Vec<u8>, StatusUpdateMessage>;

impl Fleet {
    /// Registers `count` agents and answers for them until the program ends.
    pub async fn start(master: SocketAddrV4, count: u64, task_length: Duration) -> Result<Arc<Tally>> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port to listen on")?;
        let std::net::SocketAddr::V4(address) = listener.local_addr()? else {
            anyhow::bail!("the listening address is not IPv4");
        };
        let connection = TcpStream::connect(master)
            .await
            .with_context(|| format!("the master at {master} cannot be reached"))?;
        connection.set_nodelay(true)?;
        // Bound: what waits for the master; a full queue slows the fleet down, as a slow network would.
        let (outgoing, queue) = mpsc::channel(4096);
        tokio::spawn(write(connection, queue));
        let tally = Arc::new(Tally::default());
        let fleet = Fleet {
            address,
            master: Upid::new("master", master),
            outgoing,
            tally: tally.clone(),
            task_length,
        };
        tokio::spawn(accept(listener, fleet.clone()));
        for index in 1..=count {
            fleet.register(index).await?;
        }
        Ok(tally)
    }

    async fn register(&self, index: u64) -> Result<()> {
        let scalar = |name: &str, value: f64| v1::Resource {
            name: name.into(),
            r#type: v1::value::Type::Scalar,
            scalar: Some(v1::value::Scalar { value, ..Default::default() }),
            ..Default::default()
        };
        let capabilities = [
            v1::agent_info::capability::Type::MultiRole,
            v1::agent_info::capability::Type::HierarchicalRole,
            v1::agent_info::capability::Type::ReservationRefinement,
        ];
        let message = internal::RegisterAgentMessage {
            agent: v1::AgentInfo {
                // Each a machine of its own: the master tells them apart by host and address.
                hostname: format!("emulated-{index}"),
                port: Some(i32::from(self.address.port())),
                resources: vec![scalar("cpus", 32.0), scalar("mem", 65536.0)],
                checkpoint: Some(true),
                ..Default::default()
            }
            .into(),
            version: Some("1.11.0".into()),
            agent_capabilities: capabilities
                .into_iter()
                .map(|r#type| v1::agent_info::Capability { r#type: Some(r#type), ..Default::default() })
                .collect(),
            ..Default::default()
        };
        self.send(&actor(index), &self.master, &message).await
    }

    async fn send<M: Message>(&self, from: &str, to: &Upid, message: &M) -> Result<()> {
        let from = Upid::new(from, self.address);
        let mut bytes = Vec::new();
        libprocess::encode(&from, to, M::PROTO_NAME, &message.encode(), &[], &mut bytes);
        self.outgoing.send(bytes).await.context("the connection to the master is gone")
    }

    /// Answers one message of the master.
    async fn answer(&self, message: libprocess::Message, pending: &mut Pending) -> Result<()> {
        match message.name.as_str() {
            "mesos.internal.PingSlaveMessage" => {
                self.send(&message.to, &message.from, &internal::PongAgentMessage::default()).await
            }
            "mesos.internal.SlaveRegisteredMessage" => {
                self.tally.registered.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            "mesos.internal.RunTaskMessage" => {
                let run = internal::RunTaskMessage::decode(&message.body)?;
                self.tally.launched.fetch_add(1, Ordering::Relaxed);
                self.run(&message.to, run, pending).await
            }
            "mesos.internal.StatusUpdateAcknowledgementMessage" => {
                let acknowledged = internal::StatusUpdateAcknowledgementMessage::decode(&message.body)?;
                match pending.remove(&acknowledged.uuid) {
                    Some(next) => self.finish(&message.to, next).await,
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    async fn run(&self, actor: &str, run: internal::RunTaskMessage, pending: &mut Pending) -> Result<()> {
        let framework = run.framework.id.clone().context("a framework without an id")?;
        let running = self.update(actor, &framework, &run.task, TaskState::TaskRunning);
        let finished = self.update(actor, &framework, &run.task, TaskState::TaskFinished);
        pending.insert(running.update.uuid.clone().unwrap_or_default(), finished);
        self.send(actor, &self.master, &running).await
    }

    async fn finish(&self, actor: &str, update: StatusUpdateMessage) -> Result<()> {
        self.tally.finished.fetch_add(1, Ordering::Relaxed);
        if self.task_length.is_zero() {
            return self.send(actor, &self.master, &update).await;
        }
        let (fleet, actor, length) = (self.clone(), actor.to_owned(), self.task_length);
        tokio::spawn(async move {
            tokio::time::sleep(length).await;
            // The connection can only be gone when the program is about to end.
            let _ = fleet.send(&actor, &fleet.master, &update).await;
        });
        Ok(())
    }

    fn update(
        &self,
        actor: &str,
        framework: &v1::FrameworkID,
        task: &v1::TaskInfo,
        state: TaskState,
    ) -> StatusUpdateMessage {
        static COUNTER: AtomicU64 = AtomicU64::new(1);
        let mut uuid = vec![0; 8];
        uuid.extend_from_slice(&COUNTER.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        let status = v1::TaskStatus {
            task_id: task.task_id.clone(),
            state,
            agent_id: Some(task.agent_id.clone()),
            source: Some(v1::task_status::Source::SourceExecutor),
            timestamp: Some(timestamp),
            uuid: Some(uuid.clone()),
            ..Default::default()
        };
        let update = internal::StatusUpdate {
            framework_id: framework.clone(),
            agent_id: Some(task.agent_id.clone()),
            status: status.into(),
            timestamp,
            uuid: Some(uuid),
            latest_state: Some(state),
            ..Default::default()
        };
        let pid = Some(Upid::new(actor, self.address).to_string());
        StatusUpdateMessage { update: update.into(), pid, ..Default::default() }
    }
}

fn actor(index: u64) -> String {
    format!("slave({index})")
}

/// Writes what is queued, as much as there is at a time.
async fn write(mut connection: TcpStream, mut queue: mpsc::Receiver<Vec<u8>>) {
    // Replies are not ours to act on, but a full socket would block the master.
    let mut sink = [0; 4096];
    let mut batch = Vec::new();
    let (mut reader, mut writer) = connection.split();
    loop {
        tokio::select! {
            message = queue.recv() => {
                let Some(message) = message else { return };
                batch.clear();
                batch.extend_from_slice(&message);
                while let Ok(message) = queue.try_recv() {
                    batch.extend_from_slice(&message);
                }
                if writer.write_all(&batch).await.is_err() {
                    return;
                }
            }
            read = reader.read(&mut sink) => if !matches!(read, Ok(1..)) { return },
        }
    }
}

async fn accept(listener: TcpListener, fleet: Fleet) {
    while let Ok((connection, _)) = listener.accept().await {
        tokio::spawn(serve(connection, fleet.clone()));
    }
}

/// Reads one connection of the master.
async fn serve(mut connection: TcpStream, fleet: Fleet) {
    let mut decoder = Decoder::default();
    let mut pending = Pending::new();
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = connection.read(&mut buffer).await {
        decoder.feed(&buffer[..read]);
        let mut replies = Vec::new();
        loop {
            match decoder.next_message() {
                Ok(Some(message)) => {
                    if !message.headers.iter().any(|(name, _)| name == "Kaon-No-Reply") {
                        replies.extend_from_slice(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
                    }
                    if fleet.answer(message, &mut pending).await.is_err() {
                        return;
                    }
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
        if !replies.is_empty() && connection.write_all(&replies).await.is_err() {
            return;
        }
    }
}
