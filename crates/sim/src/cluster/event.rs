// SPDX-License-Identifier: Apache-2.0

//! All that can happen in a run.

use kaon_agent::input::ContainerEvent;
use kaon_api::v1;
use kaon_model::{ContainerId, Mono};

use crate::election::Change;
use crate::faults::Fault;
use crate::host::End;
use crate::network::Channel;

/// Something that will happen.
#[derive(Debug)]
pub(super) enum Event {
    MessageToMaster {
        channel: Channel,
        master: usize,
        agent: usize,
        to: String,
        name: &'static str,
        body: Vec<u8>,
    },
    MessageToAgent {
        channel: Channel,
        master: usize,
        agent: usize,
        from: String,
        name: &'static str,
        body: Vec<u8>,
    },
    ExitedAtMaster {
        master: usize,
        agent: usize,
    },
    ExitedAtAgent {
        master: usize,
        agent: usize,
    },
    WakeMaster {
        master: usize,
        term: u64,
        at: Mono,
    },
    WakeAgent {
        agent: usize,
        life: u64,
        at: Mono,
    },
    StartMaster {
        master: usize,
    },
    SessionEnds {
        session: u64,
    },
    Elected {
        change: Change,
    },
    LeaderSeen {
        observer: Observer,
        change: Change,
    },
    StepDown {
        master: usize,
        term: u64,
    },
    StoreArrives {
        master: usize,
        term: u64,
        write: kaon_master::Write,
        record: Vec<u8>,
        snapshot: Option<Vec<u8>>,
    },
    Stored {
        master: usize,
        term: u64,
        write: kaon_master::Write,
    },
    StartAgent {
        agent: usize,
    },
    Written {
        agent: usize,
        life: u64,
        record: kaon_agent::input::Record,
    },
    Synced {
        agent: usize,
        life: u64,
        record: kaon_agent::input::Record,
    },
    Disk {
        agent: usize,
        life: u64,
        is_full: bool,
    },
    Container {
        agent: usize,
        life: u64,
        container: ContainerId,
        event: ContainerEvent,
    },
    ContainerEnds {
        agent: usize,
        end: End,
    },
    Subscribe {
        scheduler: usize,
    },
    CallArrives {
        scheduler: usize,
        master: usize,
        life: u64,
        stream: u64,
        call: Box<v1::scheduler::Call>,
    },
    Notified {
        scheduler: usize,
        stream: u64,
        event: Box<v1::scheduler::Event>,
    },
    StreamEndsAtMaster {
        master: usize,
        stream: u64,
    },
    StreamEndsAtScheduler {
        scheduler: usize,
        stream: u64,
    },
    Whim {
        scheduler: usize,
    },
    Fault(Fault),
    Heal,
    TakeBack,
}

/// Who wants to know which master leads.
#[derive(Clone, Copy, Debug)]
pub(super) enum Observer {
    Agent(usize),
    Scheduler(usize),
}
