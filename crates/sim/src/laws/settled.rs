// SPDX-License-Identifier: Apache-2.0

//! Everything settles: after the faults have ended, every task ends and every framework knows it, and is offered again.

use std::collections::BTreeSet;

use kaon_api::v1::TaskState;
use kaon_model::Mono;

use crate::report::Broken;
use crate::scheduler::{Scheduler, TaskView};

/// What is left when the faults have ended.
pub struct Rest<'a> {
    pub schedulers: &'a [Scheduler],
    /// Containers on all hosts.
    pub running: usize,
    /// What agents are called that are there. One that is not may have been unreachable when it was last heard of, and
    /// stays so: nobody can tell that it will never return. Or another took its place: whoever asks for its tasks after they
    /// were told lost hears that nobody knows of them.
    pub agents: BTreeSet<&'a str>,
    /// When the faults ended.
    pub since: Option<Mono>,
}

pub fn check(rest: &Rest<'_>) -> Result<(), Broken> {
    let law = "everything settles";
    for scheduler in rest.schedulers {
        if !scheduler.subscribed {
            return Err(Broken { law, what: format!("{:?} is not subscribed", scheduler.id) });
        }
        let lost = |task: &TaskView| {
            matches!(task.state, TaskState::TaskUnreachable | TaskState::TaskUnknown)
                && !rest.agents.contains(task.agent.as_str())
        };
        if let Some((id, task)) = scheduler.unfinished().find(|(_, task)| !lost(task)) {
            return Err(Broken { law, what: format!("{id} is {:?} on {}", task.state, task.agent) });
        }
        if scheduler.last_offer < rest.since {
            let what = format!("{:?} was offered nothing since the faults ended", scheduler.id);
            return Err(Broken { law: "everyone eventually offered", what });
        }
    }
    if rest.running > 0 {
        return Err(Broken {
            law,
            what: format!("{} containers still run, and no framework knows of them", rest.running),
        });
    }
    Ok(())
}
