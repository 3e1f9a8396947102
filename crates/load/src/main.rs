// SPDX-License-Identifier: Apache-2.0

//! `kaon-load`: drives any Mesos-compatible master with emulated agents and frameworks, over real sockets.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line talks to people")]

mod agents;
mod clocks;
mod frameworks;
mod tasks;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Drives a master with emulated agents and frameworks, and measures it.
///
/// Example: kaon-load tasks --master 127.0.0.1:5050 --agents 100 --frameworks 4 --seconds 20
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Tasks per second, and the master's CPU time per task
    Tasks(tasks::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Arguments::parse().what {
        What::Tasks(arguments) => tasks::run(arguments).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kaon-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}
