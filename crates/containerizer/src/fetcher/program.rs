// SPDX-License-Identifier: Apache-2.0

//! The fetcher's own process.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::beneath::Beneath;
use super::job::Job;
use super::{Action, FetcherInfo};
use crate::reason;
use crate::supervisor::open_output;
use crate::user::Credentials;

/// Mesos: the variable from which its fetcher takes its work.
pub(crate) const WORK: &str = "MESOS_FETCHER_INFO";
/// Mesos: the default of `--fetcher_stall_timeout`.
const DEFAULT_STALL: Duration = Duration::from_secs(60);
/// Bound: of a work order; a task has a few URIs, not millions.
const LARGEST_WORK: u64 = 16 << 20;
/// Bound: memory of the process. How much an archive takes is chosen by who made it. An allocator may set half of this
/// aside at once, and never use it.
const MOST_MEMORY: u64 = 2 << 30;

/// Runs as our agent's fetcher: a line of work on standard input, the reason of a failure on standard output.
pub(crate) fn run() -> ExitCode {
    // The agent reads our standard output after our end, so no one else may hold it open: we start nothing.
    match read_work().and_then(|info| work(&info, true)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            // Without an agent nobody is left to tell.
            let _no_agent = io::stdout().write_all(reason::fitting(&reason).as_bytes());
            ExitCode::FAILURE
        }
    }
}

/// Runs as Mesos's agents call their fetcher: the log goes where they point standard error.
pub(crate) fn run_as_mesos_fetcher() -> ExitCode {
    let info = std::env::var(WORK)
        .map_err(|_| format!("Missing {WORK} environment variable"))
        .and_then(|text| serde_json::from_str(&text).map_err(|error| format!("Cannot read {WORK}: {error}")));
    match info.and_then(|info| work(&info, false)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

fn read_work() -> Result<FetcherInfo, String> {
    let mut line = Vec::new();
    let read = io::stdin().lock().take(LARGEST_WORK).read_until(b'\n', &mut line);
    read.map_err(|error| format!("Cannot read the fetcher's work: {error}"))?;
    serde_json::from_slice(&line).map_err(|error| format!("Cannot read the fetcher's work: {error}"))
}

fn work(info: &FetcherInfo, own_agent: bool) -> Result<(), String> {
    // What does not bear to be refused memory aborts, and a dump of it would be as large.
    for (resource, most) in [(Resource::Data, MOST_MEMORY), (Resource::Core, 0)] {
        lower(resource, most).map_err(|error| format!("Cannot limit the fetcher: {error}"))?;
    }
    if !own_agent {
        make_cache(info)?;
    }
    // Before there is a second thread: credentials are a thread's.
    if let Some(user) = &info.user {
        let user = Credentials::of(user).map_err(|error| error.to_string())?;
        user.assume().map_err(|error| format!("Cannot become the user '{}': {error}", user.name))?;
    }
    if own_agent {
        std::thread::Builder::new()
            .spawn(end_with_agent)
            .map_err(|error| format!("Cannot watch the agent: {error}"))?;
    }
    let root = Path::new(&info.sandbox_directory);
    let opened = Beneath::open(root).and_then(|sandbox| {
        if own_agent {
            log_into(&open_output(&root.join("stderr"))?)?;
        }
        Ok(sandbox)
    });
    let sandbox = opened.map_err(|error| format!("Cannot use the sandbox '{}': {error}", root.display()))?;
    let cache = info.cache_directory.as_deref().map(Path::new);
    let job = Job { sandbox, root, cache, home: info.frameworks_home.as_deref(), stall: stall(info) };
    for item in &info.items {
        job.fetch(item).map_err(|reason| format!("Failed to fetch '{}': {reason}", item.uri.value))?;
    }
    Ok(())
}

fn lower(resource: Resource, most: u64) -> io::Result<()> {
    let lowered = |limit: Option<u64>| Some(limit.map_or(most, |limit| limit.min(most)));
    let limit = getrlimit(resource);
    Ok(setrlimit(resource, Rlimit { current: lowered(limit.current), maximum: lowered(limit.maximum) })?)
}

/// Mesos: its agents leave it to the fetcher to make the folder of the cache, which is the user's own.
fn make_cache(info: &FetcherInfo) -> Result<(), String> {
    let used = info.items.iter().any(|item| item.action != Action::BypassCache);
    let Some(folder) = info.cache_directory.as_deref().filter(|_| used) else { return Ok(()) };
    let failed = |error: io::Error| format!("Cannot make the cache '{folder}': {error}");
    std::fs::create_dir_all(folder).map_err(failed)?;
    let Some(user) = &info.user else { return Ok(()) };
    let user = Credentials::of(user).map_err(|error| error.to_string())?;
    std::os::unix::fs::lchown(folder, Some(user.uid), Some(user.gid)).map_err(failed)
}

/// Ends this process when the agent has: nobody would launch what is being fetched.
fn end_with_agent() {
    let mut rest = [0u8; 64];
    while matches!(io::stdin().read(&mut rest), Ok(count) if count > 0) {}
    std::process::exit(1);
}

fn log_into(file: &File) -> io::Result<()> {
    Ok(rustix::stdio::dup2_stderr(file.as_fd())?)
}

fn stall(info: &FetcherInfo) -> Duration {
    let given =
        info.stall_timeout.and_then(|stall| u64::try_from(stall.nanoseconds).ok()).filter(|stall| *stall > 0);
    given.map_or(DEFAULT_STALL, Duration::from_nanos)
}
