// SPDX-License-Identifier: Apache-2.0

//! The agent's daemon.

mod front;
pub mod host;
mod settings;
mod shell;

use std::ffi::OsString;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use kaon_agent::effect::Effect;
use kaon_agent::input::{ContainerEvent, Input, Record};
use kaon_agent::journal::{FileOp, recover};
use kaon_agent::{Agent, View};
use kaon_containerizer::Spawner;
use kaon_model::{ContainerId, Mono, Now};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::address::{Place, place};
use crate::containers::Containers;
use crate::flags::{self, Flags};
use crate::front::Common;
use crate::http::{Limits, serve};
use crate::journal::Journal;
use crate::links::{Links, Options};
use crate::process::{self, Ending, Signal};
use crate::replies::Replies;
use crate::runtime::{Clock, Core, Door, Loop, Perform, channel};
use crate::streams::Streams;
use crate::writer::Writer;
use crate::{detector, master};
use front::Front;
use settings::Folders;
use shell::Shell;

impl Core for Agent {
    type Input = Input;
    type Effect = Effect;
    type View = View;

    fn handle(&mut self, now: Now, input: Input, out: &mut Vec<Effect>) {
        Agent::handle(self, now, input, out);
    }

    fn deadline(&self) -> Option<Mono> {
        Agent::deadline(self)
    }

    fn view(&self) -> View {
        Agent::view(self)
    }

    fn tick() -> Input {
        Input::Tick
    }
}

/// An agent that serves.
pub struct Started {
    pub address: SocketAddrV4,
    door: Door<Agent>,
}

impl Started {
    /// Hands a signal to the core, which ends the process when it is ready to.
    pub async fn notify(&self, signal: Signal) {
        let input = match signal {
            Signal::Stop => Input::Stop,
            Signal::Drain => Input::Drain,
        };
        // The loop has ended only if the process is about to.
        let _ = self.door.put(input).await;
    }
}

/// Runs an agent until a signal, or what it is told, ends it. `arguments` do not include the program's name.
///
/// To be called before there is a second thread, after `kaon_containerizer::dispatch`.
pub fn main_agent(arguments: Vec<OsString>) -> ExitCode {
    let mut flags = match process::flags("mesos-agent", flags::agent::TABLE, arguments) {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    let spawner = match Spawner::prepare() {
        Ok(spawner) => spawner,
        Err(error) => return process::complain(&error.to_string()),
    };
    let log = match crate::log::start(&flags, "mesos-agent") {
        Ok(log) => log,
        Err(error) => return process::complain(&error.to_string()),
    };
    flags.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    process::run(
        async |ending| {
            let started = start(&mut flags, log, spawner, ending).await?;
            process::say(&format!("kaon: ready at http://{}\n", started.address));
            Ok(started)
        },
        async |started: &Started, signal, _| started.notify(signal).await,
    )
}

/// Starts an agent; it is served by the current runtime until the process ends.
pub async fn start(
    flags: &mut Flags,
    log: Option<PathBuf>,
    spawner: Spawner,
    ending: Ending,
) -> Result<Started, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let master = flags.text("master").ok_or("Missing required option --master")?;
    let leader = detector::find(master).await.map_err(|error| text(&error))?;
    let folders = Folders::of(flags)?;
    let place = place(flags, |name| std::env::var(name).ok()).await.map_err(|error| text(&error))?;
    let Place { listener, address, hostname } = place;
    flags.set_text("hostname", &hostname);
    let config = settings::config(flags, address, &folders)?;

    let journal = Journal::new(&folders.work_dir);
    let files = journal.read().map_err(|error| text(&error))?;
    let recovered = recover(files, flags.boolean("strict")).map_err(|error| text(&error))?;
    let (containers, found, events) = Containers::recover(
        Handle::current(),
        &folders.runtime_dir,
        &folders.work_dir,
        config.recovery_timeout,
        spawner,
    )
    .map_err(|error| text(&error))?;
    let seed = process::entropy().map_err(|error| format!("No random numbers can be had: {error}"))?;
    let clock = Clock::default();
    let pid = config.pid.clone();
    let mut effects = Vec::new();
    let agent = Agent::new(config, recovered, found, seed, clock.now(), &mut effects);
    tracing::info!("Agent at {address} ({hostname}), of the master at {leader}");

    let (door, inside) = channel::<Agent>(clock);
    let (links, exited) = Links::new(Handle::current(), Options::default());
    tell_exits(exited, door.clone());
    tell_containers(events, door.clone());
    let common = Common::default();
    show_files(&common, log, flags, &folders.work_dir);
    let streams = Arc::new(Streams::new(common.counters.clone()));
    let replies = Arc::new(Replies::default());
    let mut shell = Shell {
        pid,
        links,
        containers,
        streams: streams.clone(),
        replies: replies.clone(),
        journal: write_journal(journal, door.clone(), ending.clone()).map_err(|error| text(&error))?,
        work_dir: folders.work_dir,
        door: door.clone(),
        runtime: Handle::current(),
        ending,
    };
    effects.into_iter().for_each(|effect| shell.perform(effect));
    begin(inside, agent, shell)?;
    let front = Front { door: door.clone(), streams, replies, common };
    tokio::spawn(serve(listener, Arc::new(front), Limits::default()));
    let leader = Box::new(detector::info(leader).await);
    door.put(Input::Leader { master: Some(leader) }).await.map_err(|error| text(&error))?;
    Ok(Started { address, door })
}

fn begin(inside: Loop<Agent>, agent: Agent, shell: Shell) -> Result<(), String> {
    master::turn("agent", inside, agent, shell).map_err(|error| format!("Cannot start a thread: {error}"))
}

/// All sandboxes, of what runs and of what has run, lie below one folder; it is shown under its own path, as Mesos
/// shows each sandbox. The second name is for those who know only the ids.
fn show_files(common: &Common, log: Option<PathBuf>, flags: &Flags, work_dir: &Path) {
    let agents = work_dir.join("slaves");
    common.files.attach(&agents.to_string_lossy(), &agents);
    common.files.attach("/frameworks", &agents.join("latest/frameworks"));
    common.show_log("/slave/log", log.or(flags.text("external_log_file").map(PathBuf::from)));
}

fn write_journal(
    journal: Journal,
    door: Door<Agent>,
    ending: Ending,
) -> std::io::Result<Writer<Record, Vec<FileOp>>> {
    let written = move |record| {
        // The loop has ended only if the process is about to.
        let _ = door.put_blocking(Input::Recorded { record });
    };
    Writer::spawn(
        "journal",
        move |batch: &[Vec<FileOp>]| journal.write(batch),
        written,
        move |error| {
            ending.end(1, error.to_string());
        },
    )
}

/// Carries the ends of links to the core.
fn tell_exits(mut exited: mpsc::Receiver<SocketAddrV4>, door: Door<Agent>) {
    tokio::spawn(async move {
        while let Some(peer) = exited.recv().await {
            if door.put(Input::Exited { peer }).await.is_err() {
                return;
            }
        }
    });
}

/// Carries the news of containers to the core.
fn tell_containers(mut events: mpsc::Receiver<(ContainerId, ContainerEvent)>, door: Door<Agent>) {
    tokio::spawn(async move {
        while let Some((container, event)) = events.recv().await {
            if door.put(Input::Container { container, event }).await.is_err() {
                return;
            }
        }
    });
}
