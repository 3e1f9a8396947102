// SPDX-License-Identifier: Apache-2.0

//! Performs what the agent decides.

use std::sync::Arc;
use std::time::Duration;

use kaon_agent::effect::{Effect, Reply};
use kaon_api::json::{Dialect, to_json};
use kaon_api::libprocess::Upid;
use kaon_api::v1;
use kaon_api::wire::Message;
use tokio::runtime::Handle;

use crate::host::Host;
use crate::links::{Links, Outgoing};
use crate::process::Ending;
use crate::replies::Replies;
use crate::runtime::Perform;
use crate::streams::{self, Streams};

/// What the agent's effects act upon.
pub struct Shell {
    pub pid: Upid,
    pub links: Links,
    pub host: Host,
    pub streams: Arc<Streams<Event>>,
    pub replies: Arc<Replies<Reply>>,
    pub runtime: Handle,
    pub ending: Ending,
    /// How the process is to end, once that is decided.
    pub exit: Option<(i32, String)>,
}

/// Bound: how long the last messages may take on their way.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What goes over an executor's stream.
pub struct Event(pub Box<v1::executor::Event>);

impl streams::Record for Event {
    fn json(&self) -> Vec<u8> {
        to_json(&*self.0, Dialect::V1).into_bytes()
    }

    fn protobuf(&self) -> Vec<u8> {
        self.0.encode()
    }

    /// What can be large counts, the rest as what is usual.
    fn size(&self) -> usize {
        const USUAL: usize = 4 << 10;
        let data = |task: &v1::TaskInfo| USUAL + task.data.as_ref().map_or(0, Vec::len);
        let launch = self.0.launch.as_ref().map_or(0, |launch| data(&launch.task));
        let group = self.0.launch_group.iter().flat_map(|group| &group.task_group.tasks);
        let message = self.0.message.as_ref().map_or(0, |message| message.data.len());
        USUAL + launch + group.map(data).sum::<usize>() + message
    }
}

impl Perform<Effect> for Shell {
    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Send { to, message } => {
                let from = self.pid.clone();
                self.links.send(Outgoing { from, to, encode: Box::new(move || message.encode()) });
            }
            Effect::SendAs { actor, to, message } => {
                let from = Upid::new(actor, self.pid.address());
                self.links.send(Outgoing { from, to, encode: Box::new(move || message.encode()) });
            }
            Effect::Link { to } => self.links.link(to.address()),
            Effect::Event { stream, event } => self.streams.send(stream.0, Event(event)),
            Effect::Close { stream } => self.streams.close(stream.0),
            Effect::Refuse { stream, code, text } => self.streams.refuse(stream.0, code, text),
            Effect::Reply { ticket, reply } => self.replies.answer(ticket.0, reply),
            Effect::Record { record, ops } => self.host.record(record, ops),
            Effect::Launch(launch) => self.host.launch(*launch),
            Effect::Signal { container, signal } => self.host.signal(&container, signal),
            Effect::Destroy { container } => self.host.destroy(&container),
            Effect::Update(update) => self.host.update(*update),
            Effect::Forget { container } => self.host.forget(&container),
            Effect::Remove { path } => self.host.remove(&path),
            Effect::Check(check) => self.host.check(*check),
            Effect::CallOff { look } => self.host.call_off(&look),
            Effect::Exit { code, message } => self.exit = Some((code, message)),
            Effect::Warn { message } => tracing::warn!("{message}"),
        }
    }

    fn is_over(&self) -> bool {
        self.exit.is_some()
    }
}

impl Shell {
    /// Ends the process, after all that was recorded and sent before.
    pub fn end(self) {
        let Shell { mut links, host, ending, exit, runtime, .. } = self;
        // Waits for the journal.
        drop(host);
        runtime.block_on(links.flush(LAST_WORDS));
        if let Some((code, message)) = exit {
            ending.end(u8::try_from(code).unwrap_or(1), message);
        }
    }
}
