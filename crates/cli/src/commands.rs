// SPDX-License-Identifier: Apache-2.0

//! What the commands do.

mod agent;
mod daemon;
mod logs;
mod maintenance;
mod registry;
mod roll;
mod run;
mod view;

use std::ffi::OsString;
use std::future::Future;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::CommandFactory;
use kaon_daemon::flags;

use crate::arguments::{Cli, Command, TaskCommand};

/// Runs a command to its exit code.
pub fn run(cli: Cli) -> ExitCode {
    match cli.command {
        Command::Run(arguments) => block_on(run::run(arguments)),
        Command::Local(arguments) => {
            start("local", flags::local::TABLE, arguments.flags, kaon_daemon::main_local)
        }
        Command::Master(arguments) => {
            start("master", flags::master::TABLE, arguments.flags, kaon_daemon::main_master)
        }
        Command::Agent(arguments) => match arguments.command {
            Some(command) => block_on(agent::run(command)),
            None => {
                if arguments.flags.iter().any(|flag| flag == "--help") {
                    // Without a reader there is nobody to tell.
                    drop(io::stdout().write_all(agent_commands().as_bytes()));
                }
                start("agent", flags::agent::TABLE, arguments.flags, kaon_daemon::main_agent)
            }
        },
        Command::Status(arguments) => block_on(view::status(arguments)),
        Command::Agents(arguments) => block_on(view::agents(arguments)),
        Command::Frameworks(arguments) => block_on(view::frameworks(arguments)),
        Command::Tasks(arguments) => block_on(view::tasks(arguments)),
        Command::Task(TaskCommand::Logs(arguments)) => block_on(logs::logs(arguments)),
        Command::Maintenance(command) => block_on(maintenance::run(command)),
        Command::Registry(command) => block_on(registry::run(command)),
    }
}

/// Starts a daemon, unless something else was meant.
fn start(
    name: &str,
    table: flags::Table,
    arguments: Vec<OsString>,
    main: fn(Vec<OsString>) -> ExitCode,
) -> ExitCode {
    match daemon::refuse_words(name, table, &arguments) {
        Ok(()) => main(arguments),
        Err(error) => fail(&error),
    }
}

/// What `kaon agent` can do beside running one, which its flags do not tell.
fn agent_commands() -> String {
    let cli = Cli::command();
    let agent = cli.find_subcommand("agent").into_iter().flat_map(clap::Command::get_subcommands);
    let mut text =
        "Usage: kaon agent COMMAND AGENT…, or as below; kaon agent COMMAND --help tells more\n\n".to_owned();
    for command in agent {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        text.push_str(&format!("  {:<44}{about}\n", command.get_name()));
    }
    text.push('\n');
    text
}

/// A command talks with few peers: one thread does.
fn block_on(command: impl Future<Output = anyhow::Result<ExitCode>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let code = runtime.block_on(command).unwrap_or_else(|error| fail(&error));
    // A thread that reads standard input would be waited for otherwise.
    runtime.shutdown_background();
    code
}

fn fail(error: &anyhow::Error) -> ExitCode {
    let io_error = error.downcast_ref::<io::Error>();
    if io_error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        // Whoever read our output has seen enough.
        return ExitCode::SUCCESS;
    }
    // Without anybody to read it, the exit code tells.
    drop(writeln!(io::stderr(), "kaon: {error:#}{}", advice(error).unwrap_or_default()));
    ExitCode::from(2)
}

/// What to do about a master that does not let one in.
fn advice(error: &anyhow::Error) -> Option<&'static str> {
    error.chain().find_map(|cause| match cause.downcast_ref()? {
        kaon_sdk::Error::Status { status: 401, .. } => {
            Some("; the master asks who you are: give --credential FILE, or set KAON_CREDENTIAL")
        }
        kaon_sdk::Error::Status { status: 403, .. } => {
            Some("; the master does not let you: ask who wrote its --acls")
        }
        _ => None,
    })
}
