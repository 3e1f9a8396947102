// SPDX-License-Identifier: Apache-2.0

//! `kaon-load`: drives any Mesos-compatible master with emulated agents and frameworks, over real sockets.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line talks to people")]

mod board;
mod clocks;
mod cluster;
mod failover;
mod fleet;
mod frameworks;
mod idle;
mod owner;
mod pipe;
mod registry;
mod report;
mod samples;
mod snapshot;
mod storm;
mod tasks;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::task::LocalSet;

/// Drives a master with emulated agents and frameworks, and measures it.
///
/// The master is any that speaks Mesos's protocols. Figures are of the machine that everything runs on: compare them
/// within one run, or between masters under the same load.
///
/// Example: kaon-load tasks --master 127.0.0.1:5050 --agents 1000 --own-sockets --frameworks 10 --seconds 60
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Tasks per second, the master's CPU time per task, and latencies if a rate is given
    Tasks(tasks::Arguments),
    /// How long it takes until many agents that come at once are registered, and offered
    Storm(storm::Arguments),
    /// What agents and frameworks cost that do nothing
    Idle(idle::Arguments),
    /// What the registry costs: admissions per second, and bytes written for each agent that comes or falls silent
    Registry(registry::Arguments),
    /// How long it takes until a new leader knows all agents and tasks: kills the leading master
    Failover(failover::Arguments),
}

/// One thread: what drives a master must leave the machine to it.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let run = async {
        match Arguments::parse().what {
            What::Tasks(arguments) => tasks::run(arguments).await,
            What::Storm(arguments) => storm::run(arguments).await,
            What::Idle(arguments) => idle::run(arguments).await,
            What::Registry(arguments) => registry::run(arguments).await,
            What::Failover(arguments) => failover::run(arguments).await,
        }
    };
    match LocalSet::new().run_until(run).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kaon-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }
}
