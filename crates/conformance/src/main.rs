// SPDX-License-Identifier: Apache-2.0

//! A black box for clusters: replays what was recorded of Mesos 1.11 and compares the answers.

mod compare;
mod difference;
mod divergence;
mod executor;
mod figures;
mod framework;
mod http;
mod live;
mod peer;
mod random;
mod recording;
mod report;
mod stage;
mod suite;
mod verdict;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

/// Compares a cluster with recordings of Apache Mesos 1.11.
///
/// The cluster must be fresh: a master and one agent, both with --hostname=localhost, the agent with
/// --resources='cpus:4;mem:1024;disk:1024;ports:[31000-32000]', on this host.
#[derive(Parser)]
#[command(name = "kaon-conformance", version)]
struct Arguments {
    /// The master, HOST:PORT.
    #[arg(long)]
    master: Option<String>,
    /// The agent, HOST:PORT; the one that the master knows by default.
    #[arg(long)]
    agent: Option<String>,
    /// Tears down the frameworks that run there first.
    #[arg(long)]
    clear: bool,
    /// Compares nothing, but writes the recordings whose names begin with `live` anew into this folder.
    #[arg(long, value_name = "FOLDER")]
    record: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// The executor that the suite's tasks run under, which an agent starts.
    Executor,
}

fn main() -> ExitCode {
    let result = match Arguments::parse() {
        Arguments { command: Some(Command::Executor), .. } => executor::run().map(|()| true),
        arguments => compare(&arguments),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            // Nobody can be told that nobody can be told.
            let _ = writeln!(std::io::stderr(), "kaon-conformance: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether all is as recorded.
fn compare(arguments: &Arguments) -> Result<bool> {
    let master = arguments.master.as_deref().context("--master=HOST:PORT is missing")?;
    let program = std::env::current_exe().context("the path of this program is not known")?;
    let executor = format!("exec '{}' executor", program.display());
    let cluster = stage::Cluster::find(master, arguments.agent.as_deref(), &executor, arguments.clear)?;
    let mut suite = suite::Suite::new(cluster);
    if let Some(folder) = &arguments.record {
        suite.without_live()?;
        return live::record(&suite.cluster, folder).map(|()| true);
    }
    let ran = suite.run();
    std::io::stdout().write_all(suite.report.text().as_bytes())?;
    ran?;
    Ok(suite.report.is_good())
}
