// SPDX-License-Identifier: Apache-2.0

//! The ended tasks of one framework, kept in little memory.
//!
//! Few are looked at again, and each is much like the one before it: they are kept as their bytes on the wire, which
//! are compressed block by block. What is common to all of a block is kept once.

use std::collections::VecDeque;
use std::sync::Arc;

use kaon_api::v1;
use kaon_api::wire::Message;
use kaon_model::{Resources, Role};
use lz4_flex::block::{compress, decompress};

use crate::state::tasks::{Body, Told, model_state};
use crate::state::{AgentRow, FrameworkRow, Task};

/// Tasks in a block: more compress better, but all of a block are read to see one.
const BLOCK: usize = 64;

/// A ring of ended tasks, oldest first. Cheap to copy: blocks are shared.
#[derive(Clone, Debug, Default)]
pub(super) struct Ended {
    sealed: VecDeque<Arc<Sealed>>,
    /// How many of the oldest block are forgotten already.
    forgotten: usize,
    /// Fewer than a block.
    open: Vec<Kept>,
}

#[derive(Debug)]
struct Sealed {
    heads: Vec<Head>,
    /// The bytes of all, one after the other, compressed.
    packed: Box<[u8]>,
    unpacked: usize,
}

#[derive(Clone, Debug)]
struct Kept {
    head: Head,
    bytes: Arc<[u8]>,
}

/// What the bytes of a task do not hold.
#[derive(Clone, Debug)]
struct Head {
    framework: FrameworkRow,
    agent: AgentRow,
    role: Role,
    told: Option<Told>,
    length: usize,
}

impl Ended {
    /// Forgets the oldest beyond `limit`.
    pub fn push(&mut self, task: &Task, limit: usize) {
        self.open.push(Kept::new(task));
        if self.open.len() == BLOCK {
            self.sealed.push_back(Arc::new(Sealed::new(&std::mem::take(&mut self.open))));
        }
        for _ in limit..self.len() {
            self.forget_oldest();
        }
    }

    /// Oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Task> {
        let sealed = self.sealed.iter().flat_map(|block| block.tasks());
        sealed.skip(self.forgotten).chain(self.open.iter().map(|kept| kept.head.task(&kept.bytes)))
    }

    fn len(&self) -> usize {
        self.sealed.len() * BLOCK - self.forgotten + self.open.len()
    }

    fn forget_oldest(&mut self) {
        if self.sealed.is_empty() {
            self.open.remove(0);
            return;
        }
        self.forgotten += 1;
        if self.forgotten == BLOCK {
            self.sealed.pop_front();
            self.forgotten = 0;
        }
    }
}

impl Sealed {
    fn new(block: &[Kept]) -> Sealed {
        let bytes: Vec<u8> = block.iter().flat_map(|kept| kept.bytes.iter().copied()).collect();
        Sealed {
            heads: block.iter().map(|kept| kept.head.clone()).collect(),
            packed: compress(&bytes).into(),
            unpacked: bytes.len(),
        }
    }

    fn tasks(&self) -> Vec<Task> {
        let bytes = decompress(&self.packed, self.unpacked).expect("these bytes were packed by Sealed::new");
        let mut rest = &bytes[..];
        let next = |head: &Head| {
            let (own, others) = rest.split_at(head.length);
            rest = others;
            head.task(own)
        };
        self.heads.iter().map(next).collect()
    }
}

impl Kept {
    fn new(task: &Task) -> Kept {
        let bytes = task.to_wire().encode();
        let head = Head {
            framework: task.framework,
            agent: task.agent,
            role: task.body.role.clone(),
            told: task.told,
            length: bytes.len(),
        };
        Kept { head, bytes: bytes.into() }
    }
}

impl Head {
    fn task(&self, bytes: &[u8]) -> Task {
        let mut wire = v1::Task::decode(bytes).expect("these bytes were written by Kept::new");
        let resources = Resources::from_wire(&wire.resources).unwrap_or_default().unallocate();
        let (state, statuses) = (model_state(wire.state), std::mem::take(&mut wire.statuses));
        let body = Body::reported(wire, self.role.clone(), Arc::new(resources));
        Task {
            framework: self.framework,
            agent: self.agent,
            body: Arc::new(body),
            state,
            told: self.told,
            statuses: Arc::new(statuses),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::mem::size_of;

    use kaon_model::Slab;

    use super::*;

    /// A task as frameworks make them: with a status of each state that it went through.
    fn task(number: usize) -> Task {
        let mut wire = v1::Task::default();
        wire.task_id.value = format!("job-{number:08}");
        wire.name = format!("task {number} of a job");
        wire.framework_id.value = "6c0a5dc3-18ee-4a09-8bd8-7ff0f8d3b0d5-0000".into();
        wire.agent_id.value = "6c0a5dc3-18ee-4a09-8bd8-7ff0f8d3b0d5-S0".into();
        wire.state = v1::TaskState::TaskFinished;
        let status = |at: usize| v1::TaskStatus {
            task_id: wire.task_id.clone(),
            agent_id: Some(wire.agent_id.clone()),
            message: Some("Command exited with status 0".into()),
            timestamp: Some((number * 3 + at) as f64),
            uuid: Some((number * 31 + at).to_be_bytes().repeat(2)),
            ..Default::default()
        };
        let statuses = (0..3).map(status).collect();
        let body = Body::reported(wire, Role::new("*").unwrap(), Arc::default());
        let state = model_state(v1::TaskState::TaskFinished);
        let row = Slab::default().insert(());
        Task {
            framework: row,
            agent: row,
            body: Arc::new(body),
            state,
            told: None,
            statuses: Arc::new(statuses),
        }
    }

    #[test]
    fn the_newest_are_kept_as_they_were() {
        for limit in [0, 1, 63, 64, 65, 150] {
            let mut ended = Ended::default();
            for number in 0..400 {
                ended.push(&task(number), limit);
                let first = (number + 1).saturating_sub(limit);
                let kept = ended.iter().map(|task| task.body.id.to_string()).collect::<Vec<_>>();
                let expected = (first..=number).map(|number| format!("job-{number:08}")).collect::<Vec<_>>();
                assert_eq!(kept, expected, "limit {limit}");
            }
            let kept = ended.iter().last().map(|task| task.to_wire());
            assert_eq!(kept, (limit > 0).then(|| task(399).to_wire()));
        }
    }

    #[test]
    fn a_block_takes_less_than_a_third_of_its_bytes() {
        let mut ended = Ended::default();
        (0..BLOCK).for_each(|number| ended.push(&task(number), 1_000));
        let block = &ended.sealed[0];
        let taken = block.packed.len() + block.heads.len() * size_of::<Head>();
        assert!(taken * 3 < block.unpacked, "{taken} bytes instead of {}", block.unpacked);
    }
}
