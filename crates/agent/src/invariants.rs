// SPDX-License-Identifier: Apache-2.0

//! What must hold of an agent after every input.

use crate::agent::{Agent, Timer};
use kaon_model::TaskId;

use crate::state::{Executor, Kind, Peer, Phase, Session, is_terminal};

impl Agent {
    /// Names the first law that does not hold. For tests and simulations: it looks at everything.
    pub fn check(&self) -> Result<(), String> {
        for framework in self.state.frameworks.values() {
            for (id, executor) in &framework.executors {
                let name = format!("executor {id} of framework {}", framework.id);
                check_executor(executor).map_err(|law| format!("{name}: {law}"))?;
                if executor.is_settled() {
                    return Err(format!("{name}: settled, but still here"));
                }
            }
        }
        for (container, owner) in &self.owners {
            if self.state.executor(&owner.key).is_none() {
                return Err(format!("container {container} belongs to an executor that is not here"));
            }
        }
        for (stream, key) in &self.streams {
            if self.state.executor(key).and_then(|executor| executor.peer.clone())
                != Some(Peer::Stream(*stream))
            {
                return Err(format!("stream {} is not that of its executor", stream.0));
            }
        }
        if self.state.session == Session::Disconnected
            && self.state.master.is_some()
            && self.timers.get(&Timer::Register).is_none()
            && self.timers.get(&Timer::Authenticate).is_none()
        {
            return Err("disconnected from a known master, but not trying to register".to_string());
        }
        if self.state.session != Session::Running && !self.updates.paused {
            return Err("updates are sent though the agent is not registered".to_string());
        }
        Ok(())
    }
}

fn check_executor(executor: &Executor) -> Result<(), String> {
    if executor.kind == Kind::Custom && !executor.machine.is_empty() {
        return Err("a custom executor has no machine of ours".to_string());
    }
    if executor.phase == Phase::Terminated {
        if !executor.queue.is_empty() || !executor.machine.is_empty() {
            return Err("terminated with tasks that have not ended".to_string());
        }
        if let Some((task, _)) = executor.tasks.iter().find(|(_, task)| !is_terminal(task.state)) {
            return Err(format!("terminated, but its task {task} has not ended"));
        }
    }
    if executor.kind != Kind::Custom && executor.phase == Phase::Running {
        let driven = |task: &TaskId| executor.machine.members().any(|(member, ..)| member == task);
        if let Some((task, _)) = executor.live_tasks().find(|(task, _)| !driven(task)) {
            return Err(format!("task {task} is live, but nothing drives it"));
        }
    }
    Ok(())
}
