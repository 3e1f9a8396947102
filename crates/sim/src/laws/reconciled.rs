// SPDX-License-Identifier: Apache-2.0

//! Reconciliation never lies: no master says that a task is over which runs on an agent that is connected to it.

use kaon_api::libprocess::Upid;
use kaon_api::v1;
use kaon_master::View;

use crate::host::Host;
use crate::report::Broken;
use crate::scheduler::is_terminal;

pub fn check<'a>(
    view: &View,
    framework: &str,
    status: &v1::TaskStatus,
    mut hosts: impl Iterator<Item = (Upid, &'a Host)>,
) -> Result<(), Broken> {
    let task = status.task_id.value.as_str();
    let over = is_terminal(status.state) || status.state == v1::TaskState::TaskUnknown;
    let Some((pid, _)) = hosts.find(|(_, host)| over && host.runs(framework, task)) else { return Ok(()) };
    let there = view.tables.agents.values().any(|agent| agent.pid == pid && agent.connected);
    if !there {
        return Ok(());
    }
    let what = format!("{task} is told {:?}, and runs at {pid}, which is connected", status.state);
    Err(Broken { law: "reconciliation never lies", what })
}
