// SPDX-License-Identifier: Apache-2.0

//! The states of a task with the steps allowed between them.

use std::fmt;
use std::str::FromStr;

/// What is known of a task. The discriminants are the numbers on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskState {
    /// Accepted; not yet heard of from the executor. Never sent as an update.
    Staging = 6,
    Starting = 0,
    Running = 1,
    /// Asked to end; sent only to frameworks with TASK_KILLING_STATE.
    Killing = 8,
    Finished = 2,
    Failed = 3,
    Killed = 4,
    /// Its description was refused.
    Error = 7,
    /// What frameworks without PARTITION_AWARE are told for DROPPED, UNREACHABLE, GONE and their like.
    Lost = 5,
    /// Never started.
    Dropped = 9,
    /// Its agent is silent; it may still run. Frees resources as a terminal state does, yet is none.
    Unreachable = 10,
    /// Ended by loss of its executor or container.
    Gone = 11,
    GoneByOperator = 12,
    /// Answered in reconciliation; never stored.
    Unknown = 13,
}

/// Names the text that was no task state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Unknown task state '{0}': expected a name such as TASK_RUNNING")]
pub struct UnknownTaskState(String);

impl TaskState {
    pub const ALL: [TaskState; 14] = [
        TaskState::Staging,
        TaskState::Starting,
        TaskState::Running,
        TaskState::Killing,
        TaskState::Finished,
        TaskState::Failed,
        TaskState::Killed,
        TaskState::Error,
        TaskState::Lost,
        TaskState::Dropped,
        TaskState::Unreachable,
        TaskState::Gone,
        TaskState::GoneByOperator,
        TaskState::Unknown,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            TaskState::Staging => "TASK_STAGING",
            TaskState::Starting => "TASK_STARTING",
            TaskState::Running => "TASK_RUNNING",
            TaskState::Killing => "TASK_KILLING",
            TaskState::Finished => "TASK_FINISHED",
            TaskState::Failed => "TASK_FAILED",
            TaskState::Killed => "TASK_KILLED",
            TaskState::Error => "TASK_ERROR",
            TaskState::Lost => "TASK_LOST",
            TaskState::Dropped => "TASK_DROPPED",
            TaskState::Unreachable => "TASK_UNREACHABLE",
            TaskState::Gone => "TASK_GONE",
            TaskState::GoneByOperator => "TASK_GONE_BY_OPERATOR",
            TaskState::Unknown => "TASK_UNKNOWN",
        }
    }

    /// The number on the wire.
    pub const fn number(self) -> i32 {
        self as i32
    }

    pub fn from_number(number: i32) -> Option<TaskState> {
        TaskState::ALL.into_iter().find(|state| state.number() == number)
    }

    /// Whether the task will never run again.
    pub const fn is_terminal(self) -> bool {
        match self {
            TaskState::Finished | TaskState::Failed | TaskState::Killed | TaskState::Error => true,
            TaskState::Lost | TaskState::Dropped | TaskState::Gone | TaskState::GoneByOperator => true,
            TaskState::Staging | TaskState::Starting | TaskState::Running | TaskState::Killing => false,
            TaskState::Unreachable | TaskState::Unknown => false,
        }
    }

    /// Whether the master counts the task's resources as used no longer.
    pub const fn frees_resources(self) -> bool {
        self.is_terminal() || matches!(self, TaskState::Unreachable)
    }

    /// Whether a stored task in this state may go to `next`.
    ///
    /// A state may repeat (a health check tells RUNNING again). An executor need not pass through every state, but
    /// never goes back. An unreachable task returns to whatever its agent tells of it. A terminal state is final.
    pub const fn may_become(self, next: TaskState) -> bool {
        if matches!(next, TaskState::Unknown) || matches!(self, TaskState::Unknown) {
            return false;
        }
        if self.is_terminal() {
            return self as i32 == next as i32;
        }
        if next.frees_resources() || matches!(self, TaskState::Unreachable) {
            return true;
        }
        self.progress() <= next.progress()
    }

    const fn progress(self) -> u8 {
        match self {
            TaskState::Staging => 0,
            TaskState::Starting => 1,
            TaskState::Running => 2,
            TaskState::Killing => 3,
            _ => 4,
        }
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for TaskState {
    type Err = UnknownTaskState;
    fn from_str(name: &str) -> Result<TaskState, UnknownTaskState> {
        let wrong = || UnknownTaskState(name.chars().take(64).collect());
        TaskState::ALL.into_iter().find(|state| state.name() == name).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_lead_back() {
        for state in TaskState::ALL {
            assert_eq!(state.name().parse(), Ok(state));
            assert_eq!(TaskState::from_number(state.number()), Some(state));
        }
        assert_eq!(TaskState::from_number(14), None);
        assert!("task_running".parse::<TaskState>().is_err());
    }

    #[test]
    fn terminal_is_final_and_time_runs_forward() {
        for from in TaskState::ALL {
            for to in TaskState::ALL {
                if from.is_terminal() && from != to {
                    assert!(!from.may_become(to), "{from} to {to}");
                }
                assert!(!from.may_become(TaskState::Unknown));
            }
        }
        use TaskState::*;
        for (from, to, legal) in [
            (Staging, Running, true),
            (Running, Running, true),
            (Running, Starting, false),
            (Running, Staging, false),
            (Killing, Running, false),
            (Killing, Finished, true),
            (Running, Unreachable, true),
            (Unreachable, Running, true),
            (Unreachable, GoneByOperator, true),
            (Staging, Dropped, true),
        ] {
            assert_eq!(from.may_become(to), legal, "{from} to {to}");
        }
    }
}
