// SPDX-License-Identifier: Apache-2.0

//! How a daemon's process begins and ends.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::flags::{Flags, Table, help};
use crate::version::{KAON_VERSION, VERSION};

/// Bound: threads that serve connections; what blocks runs on others. More than there are cores would only take turns.
const WORKERS_MAX: usize = 4;
/// Bound: threads for what blocks. Each renders a view, reads a file, or starts a container.
const BLOCKING_MAX: usize = 32;
/// Bound: how long a core may take to end well after a signal.
const PATIENCE: Duration = Duration::from_secs(10);

/// Any part of a daemon may end its process, with a code and a text for people.
#[derive(Clone, Debug)]
pub struct Ending(mpsc::UnboundedSender<(u8, String)>);

impl Ending {
    pub fn end(&self, code: u8, text: impl Into<String>) {
        // The process ends already.
        let _ = self.0.send((code, text.into()));
    }
}

/// What ends a process, and where that is heard.
pub fn ending() -> (Ending, mpsc::UnboundedReceiver<(u8, String)>) {
    let (sender, ended) = mpsc::unbounded_channel();
    (Ending(sender), ended)
}

/// Reads the flags; where there is nothing to be run, says so and gives the exit code.
///
/// `arguments` do not include the program's name.
pub fn flags(program: &str, table: Table, arguments: Vec<OsString>) -> Result<Flags, ExitCode> {
    let text = |text: OsString| text.to_string_lossy().into_owned();
    let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    match Flags::load(table, arguments.into_iter().map(text), variables) {
        Ok(flags) if flags.boolean("help") => {
            say(&help(program, table));
            Err(ExitCode::SUCCESS)
        }
        Ok(flags) if flags.boolean("version") => {
            say(&format!("kaon {KAON_VERSION} (mesos {VERSION})\n"));
            Err(ExitCode::SUCCESS)
        }
        Ok(flags) => Ok(flags),
        Err(error) => Err(complain(&format!("{error}\n\nSee {program} --help for all flags."))),
    }
}

/// Writes to standard output. A reader that has gone is no reason to stop.
pub fn say(text: &str) {
    let mut out = io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Writes to standard error, whatever becomes of the log.
pub fn complain(text: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "{text}");
    ExitCode::FAILURE
}

/// Makes the threads that a daemon runs on.
pub fn runtime() -> io::Result<Runtime> {
    raise_file_limit();
    let cores = std::thread::available_parallelism().map_or(WORKERS_MAX, usize::from);
    Builder::new_multi_thread()
        .worker_threads(cores.clamp(2, WORKERS_MAX))
        .max_blocking_threads(BLOCKING_MAX)
        .thread_name("kaon")
        .enable_all()
        .build()
}

/// Each peer and each client takes a file descriptor, of which the usual limit allows too few.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!("The limit of open files stays as it is: {error}");
    }
}

/// The signals that a daemon knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM or SIGINT.
    Stop,
    /// SIGUSR1.
    Leave,
}

/// Runs a daemon until something ends it. `start` begins it; `notify` is told of signals, and whoever is told ends the
/// process through [`Ending`], or is ended after a while. `quiet` says that the log is not seen by whoever started it.
pub fn run<S, N>(quiet: bool, start: impl AsyncFnOnce(Ending) -> Result<S, String>, notify: N) -> ExitCode
where
    N: AsyncFn(&S, Signal, &Ending),
{
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("Cannot start threads: {error}")),
    };
    let (ending, mut ended) = ending();
    let (code, text) = runtime.block_on(async {
        let started = match start(ending.clone()).await {
            Ok(started) => started,
            Err(text) => return (1, text),
        };
        let result = attend(&mut ended, async |signal| notify(&started, signal, &ending).await).await;
        drop(started);
        result
    });
    // Not ended but left behind: a core's thread may be about to sleep by its clock, which panics where there is none.
    std::mem::forget(runtime);
    if code != 0 {
        tracing::error!("{text}");
        if quiet {
            complain(&text);
        }
    } else if !text.is_empty() {
        tracing::info!("{text}");
    }
    ExitCode::from(code)
}

async fn attend(
    ended: &mut mpsc::UnboundedReceiver<(u8, String)>,
    notify: impl AsyncFn(Signal),
) -> (u8, String) {
    let failed = |error: io::Error| (1, format!("Cannot listen to signals: {error}"));
    let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::user_defined1()];
    let [mut terminate, mut interrupt, mut user] = match kinds.map(signal) {
        [Ok(terminate), Ok(interrupt), Ok(user)] => [terminate, interrupt, user],
        [a, b, c] => {
            return failed(
                [a, b, c].into_iter().find_map(Result::err).unwrap_or(io::ErrorKind::Other.into()),
            );
        }
    };
    let mut asked = false;
    loop {
        let signal = tokio::select! {
            Some(end) = ended.recv() => return end,
            _ = terminate.recv() => Signal::Stop,
            _ = interrupt.recv() => Signal::Stop,
            _ = user.recv() => Signal::Leave,
            () = tokio::time::sleep(PATIENCE), if asked => return (1, "It did not end in time".to_owned()),
        };
        if signal == Signal::Stop && asked {
            return (1, "Ended by a second signal".to_owned());
        }
        asked |= signal == Signal::Stop;
        notify(signal).await;
    }
}

/// Numbers that nobody can guess: the seed of a core.
pub fn entropy() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    let mut filled = 0;
    while filled < seed.len() {
        filled += rustix::rand::getrandom(&mut seed[filled..], rustix::rand::GetRandomFlags::empty())?;
    }
    Ok(seed)
}
