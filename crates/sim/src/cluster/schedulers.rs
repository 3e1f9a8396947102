// SPDX-License-Identifier: Apache-2.0

//! The side of the schedulers: their streams, calls and whims.

use std::time::Duration;

use kaon_api::v1::{self, scheduler};
use kaon_master::Caller;
use kaon_master::input::{Input, Stream, Ticket};
use kaon_model::{Entropy, Mono};

use super::{Cluster, Event};
use crate::election::Change;
use crate::scheduler::Profile;

/// A scheduler's connection to a master.
#[derive(Debug, Default)]
pub struct Line {
    /// What its detector last said.
    leader: Option<Change>,
    /// The stream in use; 0 for none.
    pub stream: u64,
    /// To which process it leads.
    master: usize,
    life: u64,
    pub stream_id: Option<String>,
    last_call: Mono,
    last_event: Mono,
}

pub fn profile(rng: &mut Entropy) -> Profile {
    let roles = ["a", "b", "a/x", "*"];
    Profile {
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
    }
}

impl Cluster {
    pub(super) fn subscribe(&mut self, scheduler: usize) {
        let line = &self.lines[scheduler];
        let Some(master) = line.leader.and_then(|change| change.leader).filter(|_| line.stream == 0) else {
            return;
        };
        let stream = self.stream_of.len() as u64 + 1;
        self.stream_of.insert(stream, scheduler);
        let life = self.masters[master].life;
        let leader = self.lines[scheduler].leader;
        self.lines[scheduler] = Line { leader, stream, master, life, ..Line::default() };
        let call = self.schedulers[scheduler].subscribe();
        self.log.line(
            self.now,
            format!("scheduler {scheduler} subscribes to master {master} on stream {stream}"),
        );
        self.send_calls(scheduler, vec![call]);
    }

    pub(super) fn send_calls(&mut self, scheduler: usize, calls: Vec<scheduler::Call>) {
        let Line { stream, master, life, .. } = self.lines[scheduler];
        if stream == 0 {
            return;
        }
        for call in calls {
            let at = self.call_arrival(scheduler);
            let call = Box::new(call);
            self.at(at, Event::CallArrives { scheduler, master, life, stream, call });
        }
    }

    /// The detector of a scheduler says who leads.
    pub(super) fn scheduler_sees(&mut self, scheduler: usize, change: Change) {
        let line = &mut self.lines[scheduler];
        if line.leader.is_some_and(|seen| seen.term >= change.term) {
            return;
        }
        line.leader = Some(change);
        match line.stream {
            0 => self.subscribe(scheduler),
            _ => self.drop_stream(scheduler, Duration::ZERO),
        }
    }

    fn call_arrival(&mut self, scheduler: usize) -> Mono {
        let delay = self.hop();
        let line = &mut self.lines[scheduler];
        line.last_call = (self.now + delay).max(line.last_call);
        line.last_call
    }

    fn hop(&mut self) -> Duration {
        Duration::from_micros(50 + self.rng.below(self.network.delay_max.as_micros() as u64))
    }

    pub(super) fn call_arrives(
        &mut self,
        scheduler: usize,
        master: usize,
        life: u64,
        stream: u64,
        call: &scheduler::Call,
    ) {
        let node = &self.masters[master];
        if !node.up || node.life != life || node.lead.is_none() {
            // Refused, or sent to another.
            let delay = self.hop();
            return self.after(delay, Event::StreamEndsAtScheduler { scheduler, stream });
        }
        // The bytes cross the wire, so that what cannot be written is found here.
        let bytes = kaon_api::wire::Message::encode(call);
        let call =
            Box::new(kaon_api::wire::Message::decode(&bytes).expect("a scheduler's call is well-formed"));
        self.observe_call(master, scheduler, &call);
        let caller = Caller::default();
        if call.r#type == Some(scheduler::call::Type::Subscribe) {
            return self.master_handles(master, Input::Subscribe { stream: Stream(stream), call, caller });
        }
        let stream_id = self.lines[scheduler].stream_id.clone();
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.master_handles(master, Input::Call { ticket, stream_id, call, caller });
    }

    pub(super) fn send_event(&mut self, stream: u64, event: v1::scheduler::Event) {
        let Some(&scheduler) = self.stream_of.get(&stream) else { return };
        let delay = self.hop();
        let line = &mut self.lines[scheduler];
        let at = (self.now + delay).max(line.last_event);
        if line.stream == stream {
            line.last_event = at;
        }
        self.at(at, Event::Notified { scheduler, stream, event: Box::new(event) });
    }

    pub(super) fn event_arrives(&mut self, scheduler: usize, stream: u64, event: &v1::scheduler::Event) {
        if self.lines[scheduler].stream != stream {
            return;
        }
        let bytes = kaon_api::wire::Message::encode(event);
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

    pub(super) fn stream_ends_at_master(&mut self, master: usize, stream: u64) {
        if self.masters[master].up {
            self.master_handles(master, Input::StreamClosed { stream: Stream(stream) });
        }
    }

    pub(super) fn stream_ends_at_scheduler(&mut self, scheduler: usize, stream: u64) {
        if self.lines[scheduler].stream != stream {
            return;
        }
        let leader = self.lines[scheduler].leader;
        self.lines[scheduler] = Line { leader, ..Line::default() };
        self.schedulers[scheduler].disconnected();
        let delay = Duration::from_millis(self.rng.below(10_000));
        self.after(delay, Event::Subscribe { scheduler });
    }

    /// Both sides see that the stream is broken, the master perhaps much later.
    pub(super) fn drop_stream(&mut self, scheduler: usize, lag: Duration) {
        let Line { stream, master, .. } = self.lines[scheduler];
        if stream != 0 {
            let (there, here) = (self.hop() + lag, self.hop());
            self.after(there, Event::StreamEndsAtMaster { master, stream });
            self.after(here, Event::StreamEndsAtScheduler { scheduler, stream });
        }
    }

    /// All streams of a master end, with its process or with its leadership.
    pub(super) fn end_streams(&mut self, master: usize) {
        for scheduler in 0..self.lines.len() {
            let Line { stream, master: to, .. } = self.lines[scheduler];
            if stream != 0 && to == master {
                let delay = self.hop();
                self.after(delay, Event::StreamEndsAtScheduler { scheduler, stream });
            }
        }
    }

    /// Another instance, which knows all that this one knew, subscribes while the old stream still stands.
    pub(super) fn take_over(&mut self, scheduler: usize) {
        let Line { leader, stream, .. } = self.lines[scheduler];
        if stream != 0 {
            self.lines[scheduler] = Line { leader, ..Line::default() };
            self.schedulers[scheduler].disconnected();
            self.subscribe(scheduler);
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
