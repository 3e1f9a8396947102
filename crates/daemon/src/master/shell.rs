// SPDX-License-Identifier: Apache-2.0

//! Performs what the master decides.

use std::net::SocketAddrV4;
use std::sync::Arc;

use kaon_api::json::{Dialect, to_json};
use kaon_api::libprocess::Upid;
use kaon_api::wire::Message;
use kaon_api::{internal, v1};
use kaon_master::{Effect, Reply, Write, query};

use super::size;
use crate::lease::Lease;
use crate::links::{Links, Outgoing};
use crate::process::Ending;
use crate::replies::Replies;
use crate::runtime::Perform;
use crate::store::Entry;
use crate::streams::{Record, Streams};
use crate::writer::Writer;

/// What the master's effects act upon.
pub struct Shell {
    /// Under which the master's actors are known.
    pub address: SocketAddrV4,
    pub links: Links,
    pub streams: Arc<Streams<Event>>,
    pub replies: Arc<Replies<Reply>>,
    pub registry: Writer<Write, Entry>,
    pub ending: Ending,
    pub is_over: bool,
    pub lease: Lease,
}

/// About as long as our own events are: a few names.
const ANNOUNCEMENT: usize = 512;

/// What goes over a master's event streams.
pub enum Event {
    Scheduler(Box<v1::scheduler::Event>),
    Operator(Box<v1::master::Event>),
    Announced(Box<internal::KaonEvent>),
}

impl Record for Event {
    fn json(&self) -> Vec<u8> {
        match self {
            Event::Scheduler(event) => to_json(&**event, Dialect::V1).into_bytes(),
            Event::Operator(event) => query::event_json(event).into_bytes(),
            Event::Announced(event) => to_json(&**event, Dialect::V1).into_bytes(),
        }
    }

    fn protobuf(&self) -> Vec<u8> {
        match self {
            Event::Scheduler(event) => event.encode(),
            Event::Operator(event) => event.encode(),
            Event::Announced(event) => event.encode(),
        }
    }

    fn size(&self) -> usize {
        match self {
            Event::Scheduler(event) => size::scheduler(event),
            Event::Operator(event) => size::operator(event),
            Event::Announced(_) => ANNOUNCEMENT,
        }
    }

    fn subscriber(&self) -> Option<&str> {
        match self {
            Event::Scheduler(event) => {
                event.subscribed.as_ref().map(|event| event.framework_id.value.as_str())
            }
            Event::Operator(_) | Event::Announced(_) => None,
        }
    }
}

impl Perform<Effect> for Shell {
    /// Invariant: nothing is performed for a master that may no longer lead.
    fn perform(&mut self, effect: Effect) {
        if !self.lease.holds() {
            return;
        }
        match effect {
            Effect::Send { to, from, message } => self.links.send(Outgoing {
                from: Upid::new(from, self.address),
                to,
                encode: Box::new(move || message.encode()),
            }),
            Effect::Link { to } => self.links.link(to.address()),
            Effect::Event { stream, event } => self.streams.send(stream.0, Event::Scheduler(event)),
            Effect::OpenStream { stream, id } => self.streams.name(stream.0, id),
            Effect::WatchEvent { stream, event } => self.streams.send(stream.0, Event::Operator(event)),
            Effect::Announce { stream, event } => self.streams.send(stream.0, Event::Announced(event)),
            // The narrator has told it.
            Effect::Audit { .. } => {}
            Effect::Close { stream } => self.streams.close(stream.0),
            Effect::Reply { ticket, reply } => self.replies.answer(ticket.0, reply),
            Effect::Store { write, record, snapshot } => {
                self.registry.append(write, Entry { record, snapshot })
            }
            Effect::Exit { code, message } => {
                self.ending.end(code, message);
                self.is_over = true;
            }
            Effect::Warn { message } => tracing::warn!("{message}"),
        }
    }

    fn is_over(&self) -> bool {
        self.is_over || !self.lease.holds()
    }
}
