// SPDX-License-Identifier: Apache-2.0

//! The built-in executors as processes, for agents that start one for each task or for groups of them.
//!
//! They host the same machines as our own agent does. Mesos: which of the two executor APIs that of command tasks speaks is said by
//! `MESOS_HTTP_COMMAND_EXECUTOR`; agents mean the older one unless they are told otherwise.

mod agent;
mod command;
mod driver;
mod environment;
mod groups;
mod nested;
mod statuses;

use std::ffi::OsString;
use std::process::ExitCode;

use kaon_containerizer::Spawner;
use kaon_sdk::executor::Environment;
use tokio::runtime::Builder;

use crate::flags::{self, Flags, Table};
use crate::process;
use agent::Agent;

/// Bound: threads for what blocks: the start of a process, the end of one.
const BLOCKING_MAX: usize = 4;

/// Runs the command executor until its task has ended. `arguments` do not include the program's name.
///
/// To be called before there is a second thread, after `kaon_containerizer::dispatch`.
pub fn main_executor(arguments: Vec<OsString>) -> ExitCode {
    main("mesos-executor", flags::executor::COMMAND, arguments, async |prepared| {
        let Prepared { flags, environment, spawner } = prepared;
        let agent = Agent::connect(environment.clone()).await?;
        command::Executor::new(&flags, environment, spawner)?.run(agent).await
    })
}

/// Runs the executor of task groups until none of its tasks is left. Otherwise like [`main_executor`].
pub fn main_default_executor(arguments: Vec<OsString>) -> ExitCode {
    main("mesos-default-executor", flags::executor::GROUPS, arguments, async |prepared| {
        groups::Executor::connect(prepared.environment, prepared.spawner).await?.run().await
    })
}

fn main(
    program: &str,
    table: Table,
    arguments: Vec<OsString>,
    run: impl AsyncFnOnce(Prepared) -> Result<(), String>,
) -> ExitCode {
    let ended = prepare(program, table, arguments).and_then(|prepared| {
        let Some(prepared) = prepared else { return Ok(()) };
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(BLOCKING_MAX).build();
        let runtime = runtime.map_err(|error| format!("Cannot start threads: {error}"))?;
        let ended = runtime.block_on(run(prepared));
        runtime.shutdown_background();
        ended
    });
    match ended {
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
fn prepare(program: &str, table: Table, arguments: Vec<OsString>) -> Result<Option<Prepared>, String> {
    let text = |text: OsString| text.to_string_lossy().into_owned();
    // Mesos: an executor takes no flags from the variables, many of which are meant for its agent.
    let flags = Flags::load(table, arguments.into_iter().map(text), []);
    let flags = flags.map_err(|error| format!("{error}\n\nSee {program} --help for all flags."))?;
    if flags.boolean("help") {
        process::say(&flags::help(program, table));
        return Ok(None);
    }
    crate::log::start(&flags, program).map_err(|error| error.to_string())?;
    let environment = Environment::from_process().map_err(|error| error.to_string())?;
    let spawner = Spawner::unsealed().map_err(|error| error.to_string())?;
    Ok(Some(Prepared { flags, environment, spawner }))
}
