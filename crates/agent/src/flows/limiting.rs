// SPDX-License-Identifier: Apache-2.0

//! Executors whose containers must not run on.
//!
//! Nothing of it is noted. An agent that is killed before the containers have ended knows the next time that they have,
//! and not why: as with Mesos, the reason is lost. What was not destroyed yet runs into its limit again.

use kaon_api::v1;
use kaon_api::v1::task_status::Reason;
use kaon_executor::command::{Action, Input};
use kaon_model::{ContainerId, TaskId, TaskState};

use crate::agent::{Agent, Cx, Timer};
use crate::input::Limit;
use crate::state::{Ending, Key, Kind, Limitation, Phase};

/// How a destroyed process ends, as wait(2) tells it.
const KILLED: i32 = 9;

impl Agent {
    /// Ends an executor with all its containers. What its tasks are told waits until those are gone.
    pub(crate) fn limited(
        &mut self,
        cx: &mut Cx,
        container: &ContainerId,
        limit: Limit,
        message: String,
        resources: Vec<v1::Resource>,
    ) {
        // It may have ended by now.
        let Some(key) = self.owner_of_run(container) else { return };
        let lost = self.state.framework(&key.framework).map(|framework| framework.lost_as(TaskState::Gone));
        let Some(executor) = self.state.executor_mut(&key) else { return };
        let is_over = matches!(executor.phase, Phase::Preparing | Phase::Terminated);
        // Mesos: who was asked to end already is not preempted.
        let is_late = limit == Limit::Preempted && executor.phase == Phase::Terminating;
        // Mesos: the first reason to destroy a container is the one that is told.
        if executor.container != *container || is_over || is_late || executor.destroyed {
            return;
        }
        let lost = lost.unwrap_or(TaskState::Lost);
        let (state, reason) = match limit {
            Limit::Memory => (TaskState::Failed, Reason::ReasonContainerLimitationMemory),
            Limit::Disk => (TaskState::Failed, Reason::ReasonContainerLimitationDisk),
            Limit::Other => (TaskState::Failed, Reason::ReasonContainerLimitation),
            Limit::IoSwitchboard => (TaskState::Failed, Reason::ReasonIoSwitchboardExited),
            Limit::Preempted => (lost, Reason::ReasonContainerPreempted),
            Limit::UpdateFailed => (lost, Reason::ReasonContainerUpdateFailed),
        };
        let ending = Ending { state, reason, message };
        match limit {
            Limit::Preempted | Limit::UpdateFailed => executor.ending = Some(ending),
            // Mesos: resources are told with these alone; an agent aborts otherwise.
            Limit::Memory | Limit::Disk | Limit::Other => {
                executor.limitation = Some(Limitation { ending, resources });
            }
            Limit::IoSwitchboard => {
                executor.limitation = Some(Limitation { ending, resources: Vec::new() });
            }
        }
        executor.phase = Phase::Terminating;
        // Mesos: whoever has not registered by then is told that too, unless it was preempted.
        if limit == Limit::Preempted {
            self.timers.cancel(&Timer::Registration(container.clone()));
        }
        self.destroy_executor(cx, &key);
        self.silence(cx, &key);
    }

    /// Mesos: a built-in executor is destroyed with its container, so it says nothing of its tasks any more.
    fn silence(&mut self, cx: &mut Cx, key: &Key) {
        let Some(executor) = self.state.executor_mut(key).filter(|executor| executor.kind != Kind::Custom)
        else {
            return;
        };
        let mut machine = std::mem::take(&mut executor.machine);
        let members: Vec<TaskId> = machine.members().map(|(task, ..)| task.clone()).collect();
        let remains = members.iter().map(|task| executor.container_of(task).clone()).collect();
        executor.remains = Some(remains);
        let run = executor.container.clone();
        self.timers.cancel(&Timer::Machine(run));
        let mut orders = Vec::new();
        for task in &members {
            machine.handle(cx.now, task, Input::Exited { status: Some(KILLED) }, &mut orders);
        }
        // Of what the machine would do now, nobody else ends the looks that are under way.
        orders.retain(|order| matches!(order.action, Action::CallOff { .. }));
        self.perform(cx, key, orders);
        self.end_if_nothing_remains(cx, key);
    }

    /// A container has ended. Whether it was one of those that are left of an executor without a machine.
    pub(super) fn remainder_ended(&mut self, cx: &mut Cx, key: &Key, container: &ContainerId) -> bool {
        let executor = self.state.executor_mut(key);
        let Some(remains) = executor.and_then(|executor| executor.remains.as_mut()) else { return false };
        remains.remove(container);
        self.end_if_nothing_remains(cx, key);
        true
    }

    fn end_if_nothing_remains(&mut self, cx: &mut Cx, key: &Key) {
        let executor = self.state.executor(key);
        if executor.and_then(|executor| executor.remains.as_ref()).is_some_and(|remains| remains.is_empty()) {
            self.executor_over(cx, key, Some(KILLED));
        }
    }
}
