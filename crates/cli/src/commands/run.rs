// SPDX-License-Identifier: Apache-2.0

//! `kaon run`.

use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use kaon_frameworks::run::batch::Settings;
use kaon_frameworks::run::{self, Options, Source, Template, interrupts};
use kaon_sdk::resources::Wanted;

use crate::arguments::RunArguments;

/// The exit status of a program that SIGINT ended, as shells show it.
const INTERRUPTED: u8 = 130;
/// Bound: how long a second interrupt may take to end us in the usual way.
const LEAVING_MAX: Duration = Duration::from_secs(3);

pub async fn run(arguments: RunArguments) -> anyhow::Result<ExitCode> {
    let wanted = Wanted::new(arguments.cpus, arguments.mem);
    if wanted == Wanted::default() {
        bail!("a task needs some resources: --cpus or --mem must be at least 0.001");
    }
    let source = match (&arguments.input, arguments.tasks) {
        (Some(path), _) if path == Path::new("-") => Source::Stdin,
        (Some(path), _) => Source::File(path.clone()),
        (None, count) => Source::Count(count.unwrap_or(1)),
    };
    let options = Options {
        credential: arguments.master.credential,
        masters: arguments.master.master,
        name: arguments.name,
        role: arguments.role,
        settings: Settings {
            wanted,
            max_parallel: arguments.max_parallel.map_or(usize::MAX, |max| max as usize),
            retries: arguments.retries,
            master_patience: Duration::from_secs(arguments.give_up_after),
            // It follows from the id that the master gives to the job.
            id_prefix: String::new(),
        },
        command: Template::new(arguments.command).context("the command is empty")?,
        environment: arguments.env,
        uris: arguments.uri,
        source,
        output: arguments.output,
    };
    thread::spawn(leave_at_last);
    let outcome = run::run(options).await?;
    Ok(match outcome {
        outcome if outcome.interrupted => ExitCode::from(INTERRUPTED),
        outcome if outcome.success => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// Ends us after a second interrupt, whatever stands still: that may be everything where what we say is not read, as in
/// `kaon run … 2>&1 | less`.
fn leave_at_last() {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    if runtime.block_on(interrupts::second()).is_ok() {
        thread::sleep(LEAVING_MAX);
        std::process::exit(INTERRUPTED.into());
    }
}
