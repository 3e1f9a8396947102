// SPDX-License-Identifier: Apache-2.0

//! Everything settles: after the faults have ended, every task ends and every framework knows it.

use crate::report::Broken;
use crate::scheduler::Scheduler;

pub fn check(schedulers: &[Scheduler], running: usize) -> Result<(), Broken> {
    let law = "everything settles";
    for scheduler in schedulers {
        if !scheduler.subscribed {
            return Err(Broken { law, what: format!("{:?} is not subscribed", scheduler.id) });
        }
        if let Some((id, task)) = scheduler.unfinished().next() {
            return Err(Broken { law, what: format!("{id} is {:?} on {}", task.state, task.agent) });
        }
    }
    if running > 0 {
        return Err(Broken {
            law,
            what: format!("{running} containers still run, and no framework knows of them"),
        });
    }
    Ok(())
}
