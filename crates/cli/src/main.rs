// SPDX-License-Identifier: Apache-2.0

//! The binary `kaon`.

mod arguments;
mod commands;
mod output;
mod records;
mod table;
mod yaml;

use std::process::ExitCode;

use clap::Parser;

use arguments::Cli;

fn main() -> ExitCode {
    // Invariant: no thread exists yet, which the supervisor and the fetcher rely on.
    if let Some(code) = kaon_containerizer::dispatch(std::env::args_os()) {
        return code;
    }
    commands::run(Cli::parse())
}
