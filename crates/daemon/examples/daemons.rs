// SPDX-License-Identifier: Apache-2.0

//! The least that a binary must do to contain the daemons: `daemons master|agent|local|executor|… [flags]`.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Invariant: no thread exists yet, which the supervisor and the fetcher rely on.
    if let Some(code) = kaon_containerizer::dispatch(std::env::args_os()) {
        return code;
    }
    let mut arguments = std::env::args_os().skip(1);
    let which = arguments.next().unwrap_or_default();
    let arguments = arguments.collect();
    match which.to_str() {
        Some("master") => kaon_daemon::main_master(arguments),
        Some("agent") => kaon_daemon::main_agent(arguments),
        Some("default-executor") => kaon_daemon::main_default_executor(arguments),
        Some("executor") => kaon_daemon::main_executor(arguments),
        Some("local") => kaon_daemon::main_local(arguments),
        _ => ExitCode::FAILURE,
    }
}
