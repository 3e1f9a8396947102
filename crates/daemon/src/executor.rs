// SPDX-License-Identifier: Apache-2.0

//! The command executor as a process, for agents that start one for each task.
//!
//! It hosts the same machine as our own agent does. Mesos: which of the two executor APIs it speaks is said by
//! `MESOS_HTTP_COMMAND_EXECUTOR`; agents mean the older one unless they are told otherwise.

mod agent;
mod command;
mod driver;
mod environment;
mod statuses;

use std::ffi::OsString;
use std::process::ExitCode;

use kaon_containerizer::Spawner;
use kaon_sdk::executor::Environment;
use tokio::runtime::Builder;

use crate::flags::{self, Flags};
use crate::process;
use agent::Agent;
use command::Executor;

/// Bound: threads for what blocks: the start of a process, the end of one.
const BLOCKING_MAX: usize = 4;

/// Runs the command executor until its task has ended. `arguments` do not include the program's name.
///
/// To be called before there is a second thread, after `kaon_containerizer::dispatch`.
pub fn main_executor(arguments: Vec<OsString>) -> ExitCode {
    match prepare(arguments).and_then(|prepared| prepared.map_or(Ok(()), run)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => process::complain(&text),
    }
}

struct Prepared {
    flags: Flags,
    environment: Environment,
    spawner: Spawner,
}

/// None where there is nothing to run.
fn prepare(arguments: Vec<OsString>) -> Result<Option<Prepared>, String> {
    let text = |text: OsString| text.to_string_lossy().into_owned();
    // Mesos: an executor takes no flags from the variables, many of which are meant for its agent.
    let flags = Flags::load(flags::executor::COMMAND, arguments.into_iter().map(text), []);
    let flags = flags.map_err(|error| format!("{error}\n\nSee mesos-executor --help for all flags."))?;
    if flags.boolean("help") {
        process::say(&flags::help("mesos-executor", flags::executor::COMMAND));
        return Ok(None);
    }
    crate::log::start(&flags, "mesos-executor").map_err(|error| error.to_string())?;
    let environment = Environment::from_process().map_err(|error| error.to_string())?;
    let spawner = Spawner::unsealed().map_err(|error| error.to_string())?;
    Ok(Some(Prepared { flags, environment, spawner }))
}

fn run(Prepared { flags, environment, spawner }: Prepared) -> Result<(), String> {
    let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(BLOCKING_MAX).build();
    let runtime = runtime.map_err(|error| format!("Cannot start threads: {error}"))?;
    let ended = runtime.block_on(async {
        let agent = Agent::connect(environment.clone()).await?;
        Executor::new(&flags, environment, spawner)?.run(agent).await
    });
    runtime.shutdown_background();
    ended
}
