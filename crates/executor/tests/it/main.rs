// SPDX-License-Identifier: Apache-2.0

//! The built-in executors, as tables of what happens and what is done about it.

mod command;
mod group;

use kaon_executor::{Action, Report};
use kaon_model::{Mono, Now, TaskState, Wall};
use std::time::Duration;

/// A moment, in milliseconds after the start of the test.
fn at(millis: u64) -> Now {
    let start = Now { mono: Mono::from_nanos(0), wall: Wall::from_nanos(1_000_000_000_000) };
    start.after(Duration::from_millis(millis))
}

/// One line for an action: `TASK_FAILED REASON_X: Command exited with status 1`, `signal 15`, `destroy`.
fn describe(action: &Action) -> String {
    match action {
        Action::Signal(signal) => format!("signal {signal}"),
        Action::Destroy => "destroy".to_string(),
        Action::Report(Report { state, reason, message }) => {
            use kaon_api::wire::Enumeration;
            let reason = reason.map(|reason| format!(" {}", reason.name())).unwrap_or_default();
            let message = message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
            format!("{state}{reason}{message}")
        }
    }
}

fn is_terminal(action: &Action) -> bool {
    matches!(action, Action::Report(report) if TaskState::is_terminal(report.state))
}
