// SPDX-License-Identifier: Apache-2.0

//! The batch framework behind `kaon run`: one task for each line of input.
//!
//! [`batch`] decides; the rest carries out what it decides and tells it what happened.

pub mod batch;
mod command;
mod input;
pub mod interrupts;
mod job;
mod output;
mod progress;
mod user;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use kaon_sdk::v1::FrameworkInfo;
use kaon_sdk::v1::framework_info::{Capability, capability};
use kaon_sdk::{Credential, Error, Events, Masters, Scheduler};
use tokio::time::timeout;

use batch::{Settings, Tally};
pub use command::Template;
use input::Lines;
pub use input::{InputError, Source};
use interrupts::Interrupts;
use job::{Job, REJECTED_MAX};
use output::{Fetcher, Printer, SpillFolder};
use progress::Progress;

/// Mesos: how long a master keeps our tasks when it does not hear of us. Long enough for a master to be replaced,
/// short enough that the tasks of a job that was killed do not run on for long.
const FAILOVER_TIMEOUT_SECS: f64 = 60.0;
/// When people are told that no master has answered yet.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);

/// A job.
#[derive(Clone, Debug)]
pub struct Options {
    pub masters: Masters,
    /// Who looks at the cluster, where masters ask.
    pub credential: Option<Credential>,
    pub name: String,
    pub role: String,
    /// What each task needs and how they are run.
    pub settings: Settings,
    pub command: Template,
    pub environment: Vec<(String, String)>,
    pub uris: Vec<String>,
    pub source: Source,
    /// Where outputs go as one file a task, instead of to standard output.
    pub output: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Cluster(#[from] Error),
    #[error(transparent)]
    Input(#[from] InputError),
    #[error("the master ended the job: {0}")]
    Ended(String),
    #[error("the master turned down {REJECTED_MAX} calls in a row; the last: {0}")]
    Rejected(Error),
    #[error(
        "no master has led at {masters} for {} s, so the job is given up; {}",
        patience.as_secs(), how_it_ends(framework)
    )]
    NoMaster { masters: Masters, patience: Duration, framework: String },
    #[error("cannot use the folder '{path}' for output: {reason}")]
    Folder { path: PathBuf, reason: io::Error },
    #[error(
        "cannot write '{path}': {reason}, so the job is given up, as the output of its tasks would be lost; make room, or \
         choose another folder by --output or TMPDIR"
    )]
    Unwritable { path: PathBuf, reason: io::Error },
    #[error("cannot write the tasks' output: {0}")]
    Print(io::Error),
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub tally: Tally,
    pub success: bool,
    pub interrupted: bool,
}

/// Runs a job to its end. Tasks' standard output goes to ours, in the order of the input; what people want to know
/// goes to standard error.
pub async fn run(mut options: Options) -> Result<Outcome, RunError> {
    let lines = Lines::open(options.source.clone())?;
    let interrupts = Interrupts::listen().map_err(RunError::Signals)?;
    let (folder, _spill) = folder(&options)?;
    let progress = Progress::new("kaon run");
    let connected = tokio::select! {
        connected = connect(&options, &progress) => connected?,
        () = interrupts.heard(1) => {
            return Ok(Outcome { tally: Tally::default(), success: false, interrupted: true });
        }
    };
    tokio::spawn(tell_interrupted(interrupts.clone(), progress.clone()));
    let (scheduler, mut events) = connected;
    let framework = scheduler.framework_id().value;
    options.settings.id_prefix = id_prefix(&framework);
    let printer = Printer::start(folder.clone(), progress.clone());
    let fetcher = Fetcher::new(scheduler.framework_id(), folder, options.output.is_some());
    let mut job = Job::new(options, scheduler, fetcher, printer, progress);
    let ended = tokio::select! {
        ended = job.run_to_end(lines, &mut events, &interrupts) => Some(ended),
        () = interrupts.cut_off() => None,
    };
    let result = ended.unwrap_or_else(|| {
        job.abandon();
        Ok(())
    });
    // Also after an error, and while still subscribed.
    let torn_down = tear_down(&job.scheduler, &interrupts).await;
    drop(events);
    let (mut outcome, took, progress) = (job.outcome(), job.started.elapsed(), job.progress.clone());
    let printed = finish(job.printer, &interrupts).await;
    progress.end();
    match printed {
        // Once standard output has failed, everything else failed because of it.
        Some(printed) => printed.map_err(RunError::Print)?,
        None => outcome.interrupted = true,
    }
    result?;
    if let Err(error) = torn_down {
        let how = how_it_ends(&framework);
        progress.note(&format!("the framework could not be torn down: {error}; {how}"));
    }
    summarize(&progress, &outcome, took);
    Ok(outcome)
}

async fn tell_interrupted(interrupts: Interrupts, progress: Progress) {
    interrupts.heard(1).await;
    progress.note("interrupted: ending the job; once more to leave at once");
}

/// Ends the framework with all its tasks.
async fn tear_down(scheduler: &Scheduler, interrupts: &Interrupts) -> Result<(), String> {
    tokio::select! {
        torn_down = scheduler.teardown() => torn_down.map_err(|error| error.to_string()),
        () = interrupts.teardown_cut_off() => Err("its master does not answer".to_owned()),
    }
}

/// Awaits that all that is due has been printed. None: whoever reads it is not waited for any longer.
async fn finish(printer: Printer, interrupts: &Interrupts) -> Option<io::Result<()>> {
    let printing = tokio::task::spawn_blocking(move || printer.finish());
    tokio::select! {
        printed = printing => Some(printed.unwrap_or_else(|error| Err(io::Error::other(error)))),
        () = interrupts.heard(2) => None,
    }
}

/// What becomes of a framework whose master did not hear that it is over.
fn how_it_ends(framework: &str) -> String {
    // Mesos: what a framework has asked for dies with the master that it told; the next one knows it from its agents.
    format!(
        "the master that it had ends the framework {framework} with its tasks {FAILOVER_TIMEOUT_SECS} s after it lost \
         it; the next master lets the tasks run to their end, unless it has --recovered_framework_timeout; to end them: \
         curl -d frameworkId={framework} http://MASTER/master/teardown"
    )
}

/// What tells the tasks of one framework from those of others: the id of a framework is that of its first master, with
/// a number, of which the beginning and the end will do.
fn id_prefix(framework: &str) -> String {
    match framework.rsplit_once('-') {
        Some((master, number)) => {
            let short: String = master.chars().take(8).collect();
            format!("{short}-{number}-")
        }
        None => format!("{framework}-"),
    }
}

async fn connect(options: &Options, progress: &Progress) -> Result<(Scheduler, Events), Error> {
    let sdk_options = kaon_sdk::Options::new(options.masters.clone(), framework(options));
    let mut connecting = Box::pin(Scheduler::connect(sdk_options));
    match timeout(CONNECT_PATIENCE, &mut connecting).await {
        Ok(connected) => connected,
        Err(_) => {
            progress.note(&format!("no master leads at {} yet; trying on for a while", options.masters));
            connecting.await
        }
    }
}

/// Where outputs go, with the folder to be deleted in the end if they only pass through.
fn folder(options: &Options) -> Result<(PathBuf, Option<SpillFolder>), RunError> {
    if let Some(path) = &options.output {
        let failed = |reason| RunError::Folder { path: path.clone(), reason };
        output::try_folder(path).map_err(failed)?;
        return Ok((path.clone(), None));
    }
    let failed = |reason| RunError::Folder { path: std::env::temp_dir(), reason };
    let spill = SpillFolder::create().map_err(failed)?;
    Ok((spill.path().to_owned(), Some(spill)))
}

fn framework(options: &Options) -> FrameworkInfo {
    use capability::Type;
    let capability = |r#type| Capability { r#type: Some(r#type), ..Default::default() };
    FrameworkInfo {
        user: user::current(),
        name: options.name.clone(),
        roles: vec![options.role.clone()],
        failover_timeout: Some(FAILOVER_TIMEOUT_SECS),
        // Tasks are to survive a restart of their agent.
        checkpoint: Some(true),
        capabilities: [Type::PartitionAware, Type::MultiRole, Type::ReservationRefinement]
            .map(capability)
            .into(),
        ..Default::default()
    }
}

fn summarize(progress: &Progress, outcome: &Outcome, took: Duration) {
    let Tally { succeeded, failed, abandoned, retried, .. } = outcome.tally;
    let mut text = format!("{succeeded} succeeded, {failed} failed");
    for (count, what) in [(retried, "retried"), (abandoned, "abandoned")] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    progress.note(&format!("{text} in {:.1} s", took.as_secs_f64()));
}
