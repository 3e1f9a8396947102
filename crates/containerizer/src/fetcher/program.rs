// SPDX-License-Identifier: Apache-2.0

//! The fetcher's own process.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use super::beneath::Beneath;
use super::uri::{self, Source};
use super::{Action, FetcherInfo, Uri, download, extract};
use crate::supervisor::open_output;
use crate::user::Credentials;

/// Mesos: the variable from which its fetcher takes its work.
pub(crate) const WORK: &str = "MESOS_FETCHER_INFO";
/// Mesos: the default of `--fetcher_stall_timeout`.
const DEFAULT_STALL: Duration = Duration::from_secs(60);
/// Bound: of a work order; a task has a few URIs, not millions.
const LARGEST_WORK: u64 = 16 << 20;

/// Runs as our agent's fetcher: a line of work on standard input, the reason of a failure on standard output.
pub(crate) fn run() -> ExitCode {
    // The agent reads our standard output after our end, so no one else may hold it open: we start nothing.
    match read_work().and_then(|info| work(&info, true)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            // Without an agent nobody is left to tell.
            let _no_agent = io::stdout().write_all(reason.as_bytes());
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
    // First of all, while there is one thread: credentials are a thread's.
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
    for item in &info.items {
        if item.uri.cache || item.action != Action::BypassCache {
            eprintln!("Fetching '{}' without the cache", item.uri.value);
        }
        fetch(&sandbox, &item.uri, info)
            .map_err(|reason| format!("Failed to fetch '{}': {reason}", item.uri.value))?;
    }
    Ok(())
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

fn fetch(sandbox: &Beneath, uri: &Uri, info: &FetcherInfo) -> Result<(), String> {
    let source = uri::source(uri, info.frameworks_home.as_deref())?;
    let destination = uri::destination(uri)?;
    eprintln!(
        "Fetching '{}' to '{}'",
        uri.value,
        Path::new(&info.sandbox_directory).join(&destination).display()
    );

    // A source that cannot be read leaves nothing behind.
    let local = match &source {
        Source::Local(path) => Some(open_source(path)?),
        Source::Web(_) => None,
    };
    let mode = if uri.executable { 0o755 } else { 0o644 };
    let mut file = sandbox
        .create(&destination, mode)
        .map_err(|error| format!("Cannot write '{}' in the sandbox: {error}", destination.display()))?;
    match (source, local) {
        (Source::Web(url), _) => download::download(&url, &mut file, stall(info))?,
        (Source::Local(path), Some(mut original)) => {
            io::copy(&mut original, &mut file)
                .map_err(|error| format!("Cannot copy '{}': {error}", path.display()))?;
            if !uri.executable {
                keep_permissions(&original, &file)
                    .map_err(|error| format!("Cannot set its mode: {error}"))?;
            }
        }
        (Source::Local(path), None) => return Err(format!("Cannot read '{}'", path.display())),
    }
    drop(file);

    if uri.extract && !uri.executable {
        unpack(sandbox, &destination)?;
    }
    Ok(())
}

fn unpack(sandbox: &Beneath, file: &Path) -> Result<(), String> {
    let Some(format) = extract::format(file) else {
        // Mesos: no failure. `extract` is the default, and most files are no archives.
        eprintln!("Not extracting '{}': its name is not that of an archive", file.display());
        return Ok(());
    };
    eprintln!("Extracting '{}'", file.display());
    extract::extract(sandbox, file, format)
        .map_err(|error| format!("Cannot extract '{}': {error}", file.display()))
}

fn open_source(path: &Path) -> Result<File, String> {
    let refuse = |reason: String| format!("Cannot read '{}': {reason}", path.display());
    // Not waiting for a writer if this is a named pipe.
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, rustix::fs::Mode::empty())
        .map_err(|error| refuse(error.to_string()))?;
    let file = File::from(file);
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(file),
        Ok(_) => Err(refuse("it is not a regular file".into())),
        Err(error) => Err(refuse(error.to_string())),
    }
}

/// Mesos: its `cp` keeps who may execute a local file. Bits that switch users are not kept.
fn keep_permissions(original: &File, copy: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = original.metadata()?.permissions().mode() & 0o777;
    copy.set_permissions(std::fs::Permissions::from_mode(mode))
}

fn stall(info: &FetcherInfo) -> Duration {
    let given =
        info.stall_timeout.and_then(|stall| u64::try_from(stall.nanoseconds).ok()).filter(|stall| *stall > 0);
    given.map_or(DEFAULT_STALL, Duration::from_nanos)
}
