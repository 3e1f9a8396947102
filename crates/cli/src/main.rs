// SPDX-License-Identifier: Apache-2.0

//! The binary `kaon`.

mod arguments;
mod commands;
mod machines;
mod moment;
mod output;
mod records;
mod roll;
mod table;
mod yaml;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use arguments::Cli;

/// What one thread reads and another forgets: with the C library's allocator that took two fifths of a busy master's
/// time (`docs/performance.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Invariant: no thread exists yet, which the supervisor, the fetcher and the daemons rely on.
    if let Some(code) = kaon_containerizer::dispatch(std::env::args_os()) {
        return code;
    }
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    match program_of_mesos(&name) {
        Some(program) => program(arguments.collect()),
        None => commands::run(Cli::parse()),
    }
}

/// The program of Mesos under whose name we were called, by a link.
fn program_of_mesos(name: &OsStr) -> Option<fn(Vec<OsString>) -> ExitCode> {
    match Path::new(name).file_name()?.to_str()? {
        "mesos-master" => Some(kaon_daemon::main_master),
        // Mesos: the name until 1.0, which packages still link to.
        "mesos-agent" | "mesos-slave" => Some(kaon_daemon::main_agent),
        "mesos-default-executor" => Some(kaon_daemon::main_default_executor),
        "mesos-executor" => Some(kaon_daemon::main_executor),
        "mesos-local" => Some(kaon_daemon::main_local),
        _ => None,
    }
}
