// SPDX-License-Identifier: Apache-2.0

//! The side of the schedulers: their streams, calls and whims.

use std::time::Duration;

use kaon_api::v1::{self, scheduler};
use kaon_master::input::{Caller, Input, Stream, Ticket};
use kaon_model::{Entropy, Mono};

use super::{Cluster, Event};
use crate::scheduler::Profile;

/// A scheduler's connection to the master.
#[derive(Debug, Default)]
pub struct Line {
    /// The stream in use; 0 for none.
    pub stream: u64,
    pub stream_id: Option<String>,
    last_call: Mono,
    last_event: Mono,
}

pub fn profiles(rng: &mut Entropy) -> Vec<Profile> {
    let roles = ["a", "b", "a/x", "*"];
    (0..1 + rng.below(3))
        .map(|_| Profile {
            role: roles[rng.below(4) as usize].to_owned(),
            partition_aware: rng.chance(0.5),
            checkpoint: rng.chance(0.7),
            failover_timeout: 3600.0,
            task_cpus: [0.1, 0.5, 1.0][rng.below(3) as usize],
            task_mem: 32.0,
            tasks_wanted: 100 + rng.below(600) as usize,
            task_length_max: Duration::from_secs(1 + rng.below(120)),
            failing: 0.1,
            stubborn: 0.1,
            reserving: rng.chance(0.4),
            sleepy: if rng.chance(0.3) { 0.2 } else { 0.0 },
            refuse_seconds: [0.0, 1.0, 5.0, 30.0][rng.below(4) as usize],
        })
        .collect()
}

impl Cluster {
    pub(super) fn subscribe(&mut self, scheduler: usize) {
        if self.streams[scheduler].stream != 0 {
            return;
        }
        let stream = self.master.next_stream();
        self.streams[scheduler] = Line { stream, ..Line::default() };
        self.master.stream_of.insert(stream, scheduler);
        let call = self.schedulers[scheduler].subscribe();
        self.log.line(self.now, format!("scheduler {scheduler} subscribes on stream {stream}"));
        let at = self.call_arrival(scheduler);
        self.at(at, Event::CallArrives { scheduler, stream, call: Box::new(call) });
    }

    pub(super) fn send_calls(&mut self, scheduler: usize, calls: Vec<scheduler::Call>) {
        let stream = self.streams[scheduler].stream;
        for call in calls {
            let at = self.call_arrival(scheduler);
            self.at(at, Event::CallArrives { scheduler, stream, call: Box::new(call) });
        }
    }

    fn call_arrival(&mut self, scheduler: usize) -> Mono {
        let delay = self.hop();
        let line = &mut self.streams[scheduler];
        line.last_call = (self.now + delay).max(line.last_call);
        line.last_call
    }

    fn hop(&mut self) -> Duration {
        Duration::from_micros(50 + self.rng.below(self.network.delay_max.as_micros() as u64))
    }

    pub(super) fn call_arrives(&mut self, scheduler: usize, stream: u64, call: Box<scheduler::Call>) {
        // The bytes cross the wire, so that what cannot be written is found here.
        let bytes = kaon_api::wire::Message::encode(&*call);
        let call =
            Box::new(kaon_api::wire::Message::decode(&bytes).expect("a scheduler's call is well-formed"));
        self.observe_call(scheduler, &call);
        if call.r#type == Some(scheduler::call::Type::Subscribe) {
            self.master_handles(Input::Subscribe { stream: Stream(stream), call, caller: Caller::default() });
            return;
        }
        let stream_id = self.streams[scheduler].stream_id.clone();
        let ticket = self.master.next_ticket();
        self.master_handles(Input::Call {
            ticket: Ticket(ticket),
            stream_id,
            call,
            caller: Caller::default(),
        });
    }

    /// What a call takes from the books of what is offered.
    fn observe_call(&mut self, scheduler: usize, call: &scheduler::Call) {
        use scheduler::call::Type;
        let ids = match call.r#type {
            Some(Type::Decline) => call.decline.as_ref().map(|decline| &decline.offer_ids),
            Some(Type::Accept) => call.accept.as_ref().map(|accept| &accept.offer_ids),
            Some(Type::Subscribe) => {
                if let Some(id) = &self.schedulers[scheduler].id {
                    self.books.framework_gone(id);
                }
                None
            }
            _ => None,
        };
        for id in ids.into_iter().flatten() {
            self.books.offer_over(&id.value);
        }
    }

    pub(super) fn send_event(&mut self, stream: u64, event: v1::scheduler::Event) {
        let Some(&scheduler) = self.master.stream_of.get(&stream) else { return };
        let delay = self.hop();
        let line = &mut self.streams[scheduler];
        let at = (self.now + delay).max(line.last_event);
        if line.stream == stream {
            line.last_event = at;
        }
        self.at(at, Event::Notified { scheduler, stream, event: Box::new(event) });
    }

    pub(super) fn event_arrives(&mut self, scheduler: usize, stream: u64, event: v1::scheduler::Event) {
        if self.streams[scheduler].stream != stream {
            return;
        }
        let bytes = kaon_api::wire::Message::encode(&event);
        let event: v1::scheduler::Event =
            kaon_api::wire::Message::decode(&bytes).expect("a master's event is well-formed");
        if event.r#type != Some(scheduler::event::Type::Heartbeat) {
            self.log.line(self.now, format!("scheduler {scheduler} <- {}", describe(&event)));
        }
        let result = self.schedulers[scheduler].on_event(self.now, &mut self.rng, event, &mut self.counts);
        match result {
            Ok(calls) => self.send_calls(scheduler, calls),
            Err(broken) => self.broken.push_back(broken),
        }
    }

    pub(super) fn stream_ends_at_master(&mut self, stream: u64) {
        self.master_handles(Input::StreamClosed { stream: Stream(stream) });
    }

    pub(super) fn stream_ends_at_scheduler(&mut self, scheduler: usize, stream: u64) {
        if self.streams[scheduler].stream != stream {
            return;
        }
        self.streams[scheduler] = Line::default();
        self.schedulers[scheduler].disconnected();
        let delay = Duration::from_millis(self.rng.below(10_000));
        self.after(delay, Event::Subscribe { scheduler });
    }

    pub(super) fn drop_stream(&mut self, scheduler: usize) {
        let stream = self.streams[scheduler].stream;
        if stream != 0 {
            let (there, here) = (self.hop(), self.hop());
            self.after(there, Event::StreamEndsAtMaster { stream });
            self.after(here, Event::StreamEndsAtScheduler { scheduler, stream });
        }
    }

    pub(super) fn whim(&mut self, scheduler: usize) {
        let call = self.schedulers[scheduler].whim(&mut self.rng, &mut self.counts);
        self.send_calls(scheduler, call.into_iter().collect());
        let delay = Duration::from_millis(2000 + self.rng.below(20_000));
        self.after(delay, Event::Whim { scheduler });
    }
}

fn describe(event: &scheduler::Event) -> String {
    let kind = event.r#type.map_or("?", kaon_api::wire::Enumeration::name);
    match (&event.update, &event.offers) {
        (Some(update), _) => {
            let status = &update.status;
            format!("{kind} {} {:?} {:?}", status.task_id.value, status.state, status.reason)
        }
        (_, Some(offers)) => format!("{kind} {}", offers.offers.len()),
        _ => kind.to_owned(),
    }
}
