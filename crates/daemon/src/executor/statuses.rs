// SPDX-License-Identifier: Apache-2.0

//! What a machine reports, as executors tell it to agents.

use kaon_api::v1;
use kaon_api::wire::Enumeration;
use kaon_executor::{Attached, Report};
use kaon_model::TaskState;

pub fn status(task: &v1::TaskID, report: Report, attached: Attached) -> v1::TaskStatus {
    v1::TaskStatus {
        task_id: task.clone(),
        state: state(report.state),
        reason: report.reason,
        message: report.message,
        healthy: attached.healthy,
        check_status: attached.check_status,
        ..Default::default()
    }
}

fn state(state: TaskState) -> v1::TaskState {
    v1::TaskState::from_number(state.number()).expect("both lists of states are the contract's")
}
