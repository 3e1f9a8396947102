// SPDX-License-Identifier: Apache-2.0

//! Emulated agents: their addresses, and their connections with the master.

mod answer;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kaon_api::internal;
use kaon_api::libprocess::{self, Decoder, Upid};
use kaon_api::v1;
use kaon_api::wire::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::spawn_local;

use crate::board::Board;
use crate::pipe::Pipe;

/// What the fleet is to be like.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub master: SocketAddrV4,
    pub count: usize,
    pub own_sockets: bool,
    pub replies: bool,
    /// How many tasks fit on one agent.
    pub slots: u32,
    /// How long a task runs; without it, as long as the run lasts.
    pub task_length: Option<Duration>,
}

/// What one task takes of an agent.
pub const TASK_CPUS: f64 = 0.1;
pub const TASK_MEM: f64 = 32.0;

/// All emulated agents. Each is a machine of its own to the master, `emulated-<index>`.
pub struct Fleet {
    terms: Terms,
    /// Where the agents are reached, by their index, where each has an address of its own; else the first is all's.
    addresses: Vec<SocketAddrV4>,
    master: RefCell<Upid>,
    board: Rc<Board>,
    agents: RefCell<Vec<Agent>>,
    /// Bytes of messages to be sent when the update of this number is acknowledged.
    pending: RefCell<HashMap<u64, Vec<u8>>>,
    updates: Cell<u64>,
}

struct Agent {
    upid: Upid,
    pipe: Pipe,
    registered: bool,
    /// What it was admitted as: with it, it asks to be taken back.
    id: Option<v1::AgentID>,
    /// What stays on it, with whose it is.
    tasks: Vec<v1::Task>,
    frameworks: BTreeMap<String, v1::FrameworkInfo>,
}

/// Bound: connections being made at the same time; more would overflow the master's backlog.
const DIALS: usize = 64;
/// How long the master may take to answer a registration before it is sent again.
const PATIENCE: Duration = Duration::from_secs(5);

impl Fleet {
    /// Connects all agents, and lets each ask for admission.
    pub async fn start(terms: Terms, board: Rc<Board>) -> Result<Rc<Fleet>> {
        let (listener, addresses) = addresses(&terms).await?;
        let fleet = Rc::new(Fleet {
            terms,
            addresses,
            master: RefCell::new(Upid::new("master", terms.master)),
            board,
            agents: RefCell::default(),
            pending: RefCell::default(),
            updates: Cell::new(0),
        });
        spawn_local(accept(listener, fleet.clone()));
        fleet.connect(terms.master).await?;
        Ok(fleet)
    }

    /// All agents turn to another master, and ask to be taken back.
    pub async fn move_to(self: &Rc<Self>, master: SocketAddrV4) -> Result<()> {
        *self.master.borrow_mut() = Upid::new("master", master);
        self.agents.borrow_mut().iter_mut().for_each(|agent| agent.registered = false);
        self.connect(master).await
    }

    async fn connect(self: &Rc<Self>, master: SocketAddrV4) -> Result<()> {
        if self.terms.own_sockets {
            for (number, batch) in self.addresses.chunks(DIALS).enumerate() {
                let dials: Vec<_> = batch.iter().map(|ip| spawn_local(dial(*ip, master))).collect();
                for (at, (dial, address)) in dials.into_iter().zip(batch).enumerate() {
                    let pipe = self.pipe(dial.await??);
                    self.attach(number * DIALS + at, || Upid::new("slave(1)", *address), pipe);
                }
            }
        } else {
            let address = self.addresses[0];
            let pipe = self.pipe(dial(address, master).await?);
            for index in 0..self.terms.count {
                self.attach(index, || Upid::new(format!("slave({index})"), address), pipe.clone());
            }
        }
        spawn_local(ask_again(self.clone()));
        Ok(())
    }

    fn pipe(self: &Rc<Self>, connection: TcpStream) -> Pipe {
        let (mut reader, writer) = connection.into_split();
        // Replies are not ours to act on, but if they were left unread, the master would have to keep them.
        spawn_local(async move {
            let mut sink = vec![0; 4096];
            while let Ok(1..) = reader.read(&mut sink).await {}
        });
        Pipe::new(writer, self.board.clone(), "the connection of an agent to the master")
    }

    /// The agent of this index, new or known, speaks by this connection from now on.
    fn attach(&self, index: usize, upid: impl FnOnce() -> Upid, pipe: Pipe) {
        let mut agents = self.agents.borrow_mut();
        match agents.get_mut(index) {
            Some(agent) => agent.pipe = pipe,
            None => agents.push(Agent {
                upid: upid(),
                pipe,
                registered: false,
                id: None,
                tasks: Vec::new(),
                frameworks: BTreeMap::new(),
            }),
        }
        drop(agents);
        self.register(index);
    }

    fn register(&self, index: usize) {
        let (first, id) = (self.registration(index), self.agents.borrow()[index].id.clone());
        let Some(id) = id else { return self.tell_master(index, &first) };
        let agents = self.agents.borrow();
        let agent = &agents[index];
        let again = internal::ReregisterAgentMessage {
            agent: v1::AgentInfo { id: Some(id), ..*first.agent }.into(),
            tasks: agent.tasks.clone(),
            frameworks: agent.frameworks.values().cloned().collect(),
            version: first.version,
            agent_capabilities: first.agent_capabilities,
            ..Default::default()
        };
        self.tell_master(index, &again);
    }

    fn tell_master<M: Message>(&self, index: usize, message: &M) {
        self.send(index, &self.master.borrow(), message);
    }

    fn send<M: Message>(&self, index: usize, to: &Upid, message: &M) {
        let mut bytes = Vec::with_capacity(256);
        message.encode_into(&mut bytes);
        self.send_bytes(index, to, M::PROTO_NAME, &bytes);
    }

    fn send_bytes(&self, index: usize, to: &Upid, name: &str, body: &[u8]) {
        // With this header a sender says that it wants no 202; Mesos does not know it.
        const SILENT: &[(&str, &str)] = &[("Kaon-Replies", "none")];
        let headers = if self.terms.replies { &[] } else { SILENT };
        let agents = self.agents.borrow();
        let agent = &agents[index];
        agent.pipe.append(|out| libprocess::encode(&agent.upid, to, name, body, headers, out));
    }

    fn registration(&self, index: usize) -> internal::RegisterAgentMessage {
        let slots = f64::from(self.terms.slots);
        let capabilities = [
            v1::agent_info::capability::Type::MultiRole,
            v1::agent_info::capability::Type::HierarchicalRole,
            v1::agent_info::capability::Type::ReservationRefinement,
        ];
        let capability = |r#type| v1::agent_info::Capability { r#type: Some(r#type), ..Default::default() };
        internal::RegisterAgentMessage {
            agent: v1::AgentInfo {
                hostname: format!("emulated-{index}"),
                port: Some(i32::from(self.agents.borrow()[index].upid.port)),
                resources: vec![scalar("cpus", slots * TASK_CPUS), scalar("mem", slots * TASK_MEM)],
                checkpoint: Some(true),
                ..Default::default()
            }
            .into(),
            version: Some("1.11.0".into()),
            agent_capabilities: capabilities.map(capability).into(),
            ..Default::default()
        }
    }

    /// The agent that a connection of the master is for, where each has an address of its own.
    fn index_of(&self, ip: Ipv4Addr) -> Option<usize> {
        self.terms.own_sockets.then(|| index_of(ip))
    }
}

pub fn scalar(name: &str, value: f64) -> v1::Resource {
    v1::Resource {
        name: name.into(),
        r#type: v1::value::Type::Scalar,
        scalar: Some(v1::value::Scalar { value, ..Default::default() }),
        ..Default::default()
    }
}

/// Where the master reaches the agents: one listener serves all.
async fn addresses(terms: &Terms) -> Result<(TcpListener, Vec<SocketAddrV4>)> {
    if !terms.own_sockets {
        let local =
            if terms.master.ip().is_loopback() { Ipv4Addr::LOCALHOST } else { outward(terms).await? };
        let listener = TcpListener::bind((local, 0)).await.context("no port to listen on")?;
        let port = listener.local_addr()?.port();
        return Ok((listener, vec![SocketAddrV4::new(local, port)]));
    }
    ensure!(terms.master.ip().is_loopback(), "agents have addresses of their own on loopback alone");
    ensure!(terms.count <= OWN_MAX, "loopback has room for {OWN_MAX} agents with addresses of their own");
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.context("no port to listen on")?;
    let port = listener.local_addr()?.port();
    Ok((listener, (0..terms.count).map(|index| SocketAddrV4::new(own_ip(index), port)).collect()))
}

/// The address of this machine that the master sees.
async fn outward(terms: &Terms) -> Result<Ipv4Addr> {
    let master = terms.master;
    let probe = TcpStream::connect(master).await.with_context(|| unreachable(master))?;
    match probe.local_addr()? {
        SocketAddr::V4(address) => Ok(*address.ip()),
        SocketAddr::V6(address) => anyhow::bail!("this machine is known to the master as {address}"),
    }
}

/// Bound: 127.1.0.1 to 127.100.249.250.
const OWN_MAX: usize = 100 * BLOCK;
const BLOCK: usize = 250 * 250;

fn own_ip(index: usize) -> Ipv4Addr {
    let octet = |value: usize| u8::try_from(value).expect("the index is below OWN_MAX");
    Ipv4Addr::new(127, octet(1 + index / BLOCK), octet(index / 250 % 250), octet(1 + index % 250))
}

fn index_of(ip: Ipv4Addr) -> usize {
    let [_, block, row, column] = ip.octets().map(usize::from);
    block.saturating_sub(1) * BLOCK + row * 250 + column.saturating_sub(1)
}

fn unreachable(master: SocketAddrV4) -> String {
    format!("the master at {master} cannot be reached")
}

/// Opens a connection to the master, from the agent's own address.
async fn dial(from: SocketAddrV4, master: SocketAddrV4) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4().context("no more sockets; is the limit of open files high enough?")?;
    socket.bind(SocketAddr::from((*from.ip(), 0)))?;
    let connection = socket.connect(master.into()).await.with_context(|| unreachable(master))?;
    connection.set_nodelay(true)?;
    Ok(connection)
}

/// A registration that the master had no room for is sent again.
async fn ask_again(fleet: Rc<Fleet>) {
    let waits = |fleet: &Fleet| -> Vec<usize> {
        let agents = fleet.agents.borrow();
        agents.iter().enumerate().filter(|(_, agent)| !agent.registered).map(|(index, _)| index).collect()
    };
    loop {
        tokio::time::sleep(PATIENCE).await;
        let waiting = waits(&fleet);
        if waiting.is_empty() {
            return;
        }
        waiting.into_iter().for_each(|index| fleet.register(index));
    }
}

async fn accept(listener: TcpListener, fleet: Rc<Fleet>) {
    loop {
        match listener.accept().await {
            Ok((connection, _)) => drop(spawn_local(serve(connection, fleet.clone()))),
            Err(error) => {
                return fleet.board.fail(format!("a connection of the master was not accepted: {error}"));
            }
        }
    }
}

/// Reads one connection of the master.
async fn serve(mut connection: TcpStream, fleet: Rc<Fleet>) {
    let Ok(SocketAddr::V4(local)) = connection.local_addr() else { return };
    let own = fleet.index_of(*local.ip());
    let mut decoder = Decoder::default();
    let mut buffer = vec![0; 16 << 10];
    let mut replies = Vec::new();
    while let Ok(read @ 1..) = connection.read(&mut buffer).await {
        decoder.feed(&buffer[..read]);
        loop {
            match decoder.next_message() {
                Ok(Some(message)) => {
                    if !message.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Kaon-Replies")) {
                        replies.extend_from_slice(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
                    }
                    if let Err(error) = fleet.answer(own, &message) {
                        return fleet.board.fail(format!("{} from the master: {error:#}", message.name));
                    }
                }
                Ok(None) => break,
                Err(error) => return fleet.board.fail(format!("the master's message is none: {error}")),
            }
        }
        if !replies.is_empty() && connection.write_all(&replies).await.is_err() {
            return;
        }
        replies.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_agent_has_an_address_of_its_own() {
        assert_eq!(own_ip(0), Ipv4Addr::new(127, 1, 0, 1));
        assert_eq!(own_ip(OWN_MAX - 1), Ipv4Addr::new(127, 100, 249, 250));
        for index in [0, 1, 249, 250, 251, 62_499, 62_500, 1_234_567, OWN_MAX - 1] {
            assert_eq!(index_of(own_ip(index)), index);
        }
    }
}
