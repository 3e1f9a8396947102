// SPDX-License-Identifier: Apache-2.0

//! One ordered stream of updates for each task.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use kaon_api::internal::StatusUpdate;
use kaon_model::{FrameworkId, TaskId, Uuid};

use crate::journal::{FileOp, facts};
use crate::state::is_terminal;

/// Mesos: the first wait for an acknowledgement.
pub(crate) const RETRY_MIN: Duration = Duration::from_secs(10);
/// Bound: the longest wait for an acknowledgement; each wait is twice the one before.
pub(crate) const RETRY_MAX: Duration = Duration::from_secs(10 * 60);
/// Bound: updates of one task that wait for acknowledgement. Beyond it only a terminal one is taken.
const MAX_PENDING: usize = 1000;
/// Bound: bytes of them, in messages and data; one may be larger. With the tasks' logs, all of them are read at the start.
const MAX_PENDING_BYTES: usize = 4 << 20;
/// Bound: bytes by which a log may grow before what is over and done with is left out of it; or as much as was left of it
/// the last time, where that is more. A service may tell of itself for years.
const LOG_GROWTH: usize = 1 << 20;
/// Bound: acknowledged updates of one task that are recognised when an executor sends them again.
const MAX_REMEMBERED: usize = 64;

pub(crate) type StreamKey = (FrameworkId, TaskId);

#[derive(Clone, Debug)]
struct Pending {
    update: StatusUpdate,
    uuid: Uuid,
    durable: bool,
}

/// The updates of one task, oldest first; only the first is ever on its way.
#[derive(Clone, Debug, Default)]
struct Stream {
    /// The log below the work directory; none where the framework does not checkpoint.
    log: Option<String>,
    /// The log's size when it was last written anew, and by how much it has grown since.
    rewritten: usize,
    grown: usize,
    pending: VecDeque<Pending>,
    acknowledged: VecDeque<Uuid>,
    /// A terminal update is here, or was: no other may follow.
    ended: bool,
    /// The first update is acknowledged, and that is being made durable.
    advancing: bool,
    wait: Option<Duration>,
}

/// What became of an update that was handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    New,
    /// Known by its identity, and safe here: acknowledged to the executor again.
    Duplicate,
    /// Known by its identity, and being made durable: its acknowledgement is on the way.
    Underway,
    /// The task has ended already.
    AfterEnd,
    /// There are too many.
    Full,
}

/// What an acknowledgement led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Advanced {
    /// It was that of the task's end: the stream is closed.
    pub ended: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Streams {
    streams: BTreeMap<StreamKey, Stream>,
    /// Nothing is sent while the agent is not registered.
    pub paused: bool,
}

impl Streams {
    /// None yet; nothing is sent before the agent is registered.
    pub fn new() -> Streams {
        Streams { streams: BTreeMap::new(), paused: true }
    }

    /// Takes in an update; `log` says where a checkpointing framework's updates are kept.
    pub fn admit(
        &mut self,
        key: StreamKey,
        update: StatusUpdate,
        uuid: Uuid,
        log: Option<String>,
    ) -> Admission {
        let stream = self.streams.entry(key).or_insert_with(|| Stream { log, ..Stream::default() });
        let pending = stream.pending.iter().find(|pending| pending.uuid == uuid);
        let underway = pending.is_some_and(|pending| !pending.durable);
        let known = pending.is_some() || stream.acknowledged.contains(&uuid);
        let terminal = is_terminal(update.status.state);
        match () {
            () if underway => Admission::Underway,
            () if known => Admission::Duplicate,
            () if stream.ended => Admission::AfterEnd,
            () if stream.is_full(&update) && !terminal => Admission::Full,
            () => {
                stream.ended = terminal;
                stream.pending.push_back(Pending { update, uuid, durable: false });
                Admission::New
            }
        }
    }

    /// What makes an update durable, if it is to be.
    pub fn write_update(&mut self, key: &StreamKey, update: &StatusUpdate) -> Option<FileOp> {
        let stream = self.streams.get_mut(key)?;
        let (path, record) = (stream.log.clone()?, facts::update(update));
        stream.grown += record.len();
        Some(FileOp::Append { path, bytes: record })
    }

    /// What makes the acknowledgement of the first update durable, if it is to be.
    pub fn write_acknowledgement(&mut self, key: &StreamKey, uuid: &Uuid) -> Option<FileOp> {
        let stream = self.streams.get_mut(key)?;
        let (path, record) = (stream.log.clone()?, facts::acknowledgement(uuid));
        stream.grown += record.len();
        if stream.grown <= LOG_GROWTH.max(stream.rewritten) || stream.ended {
            return Some(FileOp::Append { path, bytes: record });
        }
        // The acknowledged one stays as what the task was last known as.
        let known = stream.acknowledged.iter().chain([uuid]).flat_map(facts::acknowledgement);
        let updates = stream.pending.iter().flat_map(|pending| facts::update(&pending.update));
        let bytes: Vec<u8> = known.chain(updates).collect();
        (stream.rewritten, stream.grown) = (bytes.len(), 0);
        Some(FileOp::Replace { path, bytes })
    }

    /// Marks an update as durable, and says whether it is the next to be sent.
    pub fn made_durable(&mut self, key: &StreamKey, uuid: &Uuid) -> bool {
        let Some(stream) = self.streams.get_mut(key) else { return false };
        for (index, pending) in stream.pending.iter_mut().enumerate() {
            if pending.uuid == *uuid {
                pending.durable = true;
                return index == 0;
            }
        }
        false
    }

    /// The update to be sent now, with the state the task has come to, and the time to wait for its acknowledgement.
    pub fn next(&mut self, key: &StreamKey) -> Option<(StatusUpdate, Duration)> {
        if self.paused {
            return None;
        }
        let stream = self.streams.get_mut(key)?;
        let first = stream.pending.front().filter(|first| first.durable && !stream.advancing)?;
        let newest = stream.pending.iter().rev().find(|pending| pending.durable)?;
        let mut update = first.update.clone();
        update.latest_state = Some(newest.update.status.state);
        let wait = stream.wait.map_or(RETRY_MIN, |wait| (wait * 2).min(RETRY_MAX));
        stream.wait = Some(wait);
        Some((update, wait))
    }

    /// Begins anew with the shortest wait, as after a new registration.
    pub fn rewind(&mut self, key: &StreamKey) {
        if let Some(stream) = self.streams.get_mut(key) {
            stream.wait = None;
        }
    }

    /// Whether this acknowledges the update that is on its way; then it may be made durable.
    pub fn acknowledge(&mut self, key: &StreamKey, uuid: &Uuid) -> bool {
        let Some(stream) = self.streams.get_mut(key) else { return false };
        let expected = stream.pending.front().is_some_and(|first| first.durable && first.uuid == *uuid);
        if !expected || stream.advancing {
            return false;
        }
        stream.advancing = true;
        true
    }

    /// Whether the task's end is acknowledged, which is being made durable.
    pub fn is_ending(&self, key: &StreamKey) -> bool {
        let first =
            self.streams.get(key).filter(|stream| stream.advancing).and_then(|stream| stream.pending.front());
        first.is_some_and(|first| is_terminal(first.update.status.state))
    }

    /// Goes on to the next update once an acknowledgement is durable.
    pub fn advance(&mut self, key: &StreamKey, uuid: &Uuid) -> Option<Advanced> {
        let stream = self.streams.get_mut(key)?;
        if stream.pending.front()?.uuid != *uuid {
            return None;
        }
        let done = stream.pending.pop_front()?;
        stream.advancing = false;
        stream.wait = None;
        stream.acknowledged.push_back(done.uuid);
        if stream.acknowledged.len() > MAX_REMEMBERED {
            stream.acknowledged.pop_front();
        }
        let ended = is_terminal(done.update.status.state);
        if ended {
            self.streams.remove(key);
        }
        Some(Advanced { ended })
    }

    /// Whether the task's end is here, acknowledged or not.
    pub fn has_ended(&self, key: &StreamKey) -> bool {
        self.streams.get(key).is_some_and(|stream| stream.ended)
    }

    /// Drops all streams of a framework, and says which.
    pub fn drop_framework(&mut self, framework: &FrameworkId) -> Vec<StreamKey> {
        let keys: Vec<StreamKey> = self.of_framework(framework).cloned().collect();
        keys.iter().for_each(|key| drop(self.streams.remove(key)));
        keys
    }

    pub fn of_framework(&self, framework: &FrameworkId) -> impl Iterator<Item = &StreamKey> {
        let first = (framework.clone(), TaskId::from(""));
        self.streams.range(first..).map(|(key, _)| key).take_while(move |key| key.0 == *framework)
    }

    pub fn keys(&self) -> impl Iterator<Item = &StreamKey> {
        self.streams.keys()
    }

    /// Takes in a stream as its log tells it: all updates, then which of them were acknowledged.
    pub fn restore(
        &mut self,
        key: StreamKey,
        log: String,
        updates: Vec<StatusUpdate>,
        acknowledged: &[Uuid],
    ) {
        let grown = updates.iter().map(|update| facts::update(update).len()).sum();
        let remembered = acknowledged.len().saturating_sub(MAX_REMEMBERED);
        let remembered = acknowledged[remembered..].iter().copied().collect();
        let mut stream = Stream { log: Some(log), grown, acknowledged: remembered, ..Stream::default() };
        let acknowledged: BTreeSet<&Uuid> = acknowledged.iter().collect();
        let mut ended_for_good = false;
        for update in updates {
            let Some(uuid) = update_uuid(&update) else { continue };
            let terminal = is_terminal(update.status.state);
            stream.ended |= terminal;
            if acknowledged.contains(&uuid) {
                ended_for_good |= terminal;
            } else {
                stream.pending.push_back(Pending { update, uuid, durable: true });
            }
        }
        if !ended_for_good {
            self.streams.insert(key, stream);
        }
    }
}

impl Stream {
    fn is_full(&self, update: &StatusUpdate) -> bool {
        let bytes: usize = self.pending.iter().map(|pending| weight(&pending.update)).sum();
        let is_heavy = !self.pending.is_empty() && bytes.saturating_add(weight(update)) > MAX_PENDING_BYTES;
        self.pending.len() >= MAX_PENDING || is_heavy
    }
}

/// What an executor may make as large as it likes.
fn weight(update: &StatusUpdate) -> usize {
    let status = &update.status;
    status.data.as_ref().map_or(0, Vec::len) + status.message.as_ref().map_or(0, String::len)
}

/// The identity of an update, if it has a well-formed one.
pub(crate) fn update_uuid(update: &StatusUpdate) -> Option<Uuid> {
    Uuid::from_bytes(update.uuid.as_deref().or(update.status.uuid.as_deref())?).ok()
}

#[cfg(test)]
mod tests {
    use kaon_api::internal::{StatusUpdateRecord, status_update_record};
    use kaon_api::v1;

    use super::*;
    use crate::journal::record::decode_all;

    fn key() -> StreamKey {
        (FrameworkId::from("f"), TaskId::from("t"))
    }

    fn uuid(number: u32) -> Uuid {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        Uuid::from_bytes(&bytes).expect("a UUID")
    }

    fn update(number: u32, data: usize) -> StatusUpdate {
        let status = v1::TaskStatus {
            state: v1::TaskState::TaskRunning,
            data: Some(vec![7; data]),
            uuid: Some(uuid(number).to_vec()),
            ..Default::default()
        };
        StatusUpdate { status: Box::new(status), ..Default::default() }
    }

    fn admit(streams: &mut Streams, number: u32, data: usize) -> Admission {
        streams.admit(key(), update(number, data), uuid(number), Some("log".into()))
    }

    fn perform(log: &mut Vec<u8>, op: Option<FileOp>) {
        match op {
            Some(FileOp::Append { bytes, .. }) => log.extend(bytes),
            Some(FileOp::Replace { bytes, .. }) => *log = bytes,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_log_does_not_grow_without_end_and_tells_the_same() {
        let (mut streams, mut log, mut largest) = (Streams::new(), Vec::new(), 0);
        for number in 0..1000 {
            assert_eq!(admit(&mut streams, number, 10_000), Admission::New);
            perform(&mut log, streams.write_update(&key(), &update(number, 10_000)));
            streams.made_durable(&key(), &uuid(number));
            // The framework is three behind.
            if let Some(seen) = number.checked_sub(3) {
                assert!(streams.acknowledge(&key(), &uuid(seen)));
                perform(&mut log, streams.write_acknowledgement(&key(), &uuid(seen)));
                assert_eq!(streams.advance(&key(), &uuid(seen)), Some(Advanced { ended: false }));
            }
            largest = largest.max(log.len());
        }
        assert!((LOG_GROWTH..LOG_GROWTH + 100_000).contains(&largest), "{largest} bytes");

        let (records, damage) = decode_all::<StatusUpdateRecord>(&log);
        assert_eq!(damage, None);
        let (mut updates, mut acknowledged) = (Vec::new(), Vec::new());
        for record in records {
            match record.r#type {
                status_update_record::Type::Update => updates.extend(record.update.map(|update| *update)),
                status_update_record::Type::Ack => {
                    acknowledged.push(Uuid::from_bytes(&record.uuid.unwrap_or_default()).expect("a UUID"))
                }
            }
        }
        let mut again = Streams::new();
        again.restore(key(), "log".into(), updates, &acknowledged);
        for streams in [&mut streams, &mut again] {
            assert_eq!(streams.streams[&key()].pending.len(), 3);
            // Of those that were acknowledged the newest are known, and those that were not.
            for number in 1000 - MAX_REMEMBERED as u32..1000 {
                assert_eq!(admit(streams, number, 10_000), Admission::Duplicate, "{number}");
            }
        }
    }

    #[test]
    fn what_waits_is_bounded_by_its_size() {
        let mut streams = Streams::new();
        assert_eq!(admit(&mut streams, 0, 2 * MAX_PENDING_BYTES), Admission::New, "one may be as large");
        assert_eq!(admit(&mut streams, 1, 1), Admission::Full);
        let end = |number| {
            let mut last = update(number, MAX_PENDING_BYTES);
            last.status.state = v1::TaskState::TaskFinished;
            last
        };
        assert_eq!(streams.admit(key(), end(2), uuid(2), None), Admission::New, "an end is always taken");
    }
}
