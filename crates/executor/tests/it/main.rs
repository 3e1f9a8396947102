// SPDX-License-Identifier: Apache-2.0

//! The built-in executors, as tables of what happens and what is done about it.

mod checks;
mod command;
mod group;

use kaon_executor::check::Probe;
use kaon_executor::{Action, Attached, Report};
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
        Action::Look { which, number, probe, timeout } => {
            let timeout = timeout.map(|timeout| format!(" within {timeout:?}")).unwrap_or_default();
            format!("{which:?} {number} {}{timeout}", describe_probe(probe))
        }
        Action::CallOff { which, number } => format!("{which:?} {number} called off"),
        Action::Report(Report { state, reason, message }, attached) => {
            use kaon_api::wire::Enumeration;
            let reason = reason.map(|reason| format!(" {}", reason.name())).unwrap_or_default();
            let message = message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
            format!("{state}{reason}{message}{}", describe_attached(attached))
        }
    }
}

fn describe_probe(probe: &Probe) -> String {
    match probe {
        Probe::Command(command) => format!("[{}]", command.value.as_deref().unwrap_or_default()),
        Probe::Http { https, ipv6, port, path } => {
            let (scheme, host) =
                (if *https { "https" } else { "http" }, if *ipv6 { "[::1]" } else { "127.0.0.1" });
            format!("{scheme}://{host}:{port}{path}")
        }
        Probe::Tcp { port } => format!("tcp {port}"),
    }
}

fn describe_attached(attached: &Attached) -> String {
    let healthy = attached.healthy.map(|healthy| format!(" healthy={healthy}")).unwrap_or_default();
    let check = attached.check_status.as_ref().map(|status| {
        let found = [
            status.command.as_ref().map(|command| command.exit_code.map(|code| code.to_string())),
            status.http.as_ref().map(|http| http.status_code.map(|code| code.to_string())),
            status.tcp.as_ref().map(|tcp| tcp.succeeded.map(|succeeded| succeeded.to_string())),
        ];
        let [found] = found.into_iter().flatten().collect::<Vec<_>>().try_into().expect("one kind of status");
        format!(" check={}", found.unwrap_or_default())
    });
    format!("{healthy}{}", check.unwrap_or_default())
}

fn is_terminal(action: &Action) -> bool {
    matches!(action, Action::Report(report, _) if TaskState::is_terminal(report.state))
}
