// SPDX-License-Identifier: Apache-2.0

//! What an agent has counted since its start.

use kaon_model::TaskState;

/// The counters under `slave/…` of the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub tasks_finished: u64,
    pub tasks_failed: u64,
    pub tasks_killed: u64,
    pub tasks_lost: u64,
    pub tasks_gone: u64,
    pub executors_terminated: u64,
    pub container_launch_errors: u64,
    pub valid_status_updates: u64,
    pub invalid_status_updates: u64,
    pub valid_framework_messages: u64,
    pub invalid_framework_messages: u64,
    pub recovery_errors: u64,
    pub path_removals: u64,
}

impl Counters {
    /// Counts a task that has reached this state.
    pub fn count_end(&mut self, state: TaskState) {
        match state {
            TaskState::Finished => self.tasks_finished += 1,
            TaskState::Failed => self.tasks_failed += 1,
            TaskState::Killed => self.tasks_killed += 1,
            TaskState::Lost => self.tasks_lost += 1,
            TaskState::Gone => self.tasks_gone += 1,
            _ => {}
        }
    }
}
