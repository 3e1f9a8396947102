// SPDX-License-Identifier: Apache-2.0

//! The master's daemon.

mod forms;
mod front;
mod narrator;
mod settings;
mod shell;
mod size;
mod whitelist;

use std::ffi::OsString;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use kaon_master::{Effect, Input, Master, Registry, View};
use kaon_model::{Mono, Now};
use tokio::runtime::Handle;

use crate::address::{Place, place};
use crate::flags::{self, Flags};
use crate::front::Common;
use crate::http::{Limits, serve};
use crate::links::{Links, Options};
use crate::process::{self, Ending, Signal};
use crate::replies::Replies;
use crate::runtime::{Clock, Core, Door, channel, turn};
use crate::store::{Entry, FileStore, MemoryStore, Store};
use crate::streams::Streams;
use crate::writer::Writer;
use front::Front;
pub use front::ROUTES;
use shell::Shell;

impl Core for Master {
    type Input = Input;
    type Effect = Effect;
    type View = View;

    fn handle(&mut self, now: Now, input: Input, out: &mut Vec<Effect>) {
        narrator::input(&input);
        let told = out.len();
        Master::handle(self, now, input, out);
        out[told..].iter().for_each(narrator::effect);
    }

    fn deadline(&self) -> Option<Mono> {
        Master::deadline(self)
    }

    fn view(&self) -> View {
        View { build: crate::version::master_build(), ..Master::view(self) }
    }

    fn tick() -> Input {
        Input::Tick
    }
}

/// A master that serves.
pub struct Started {
    pub address: SocketAddrV4,
    door: Door<Master>,
}

impl Started {
    /// How many agents are registered, and offered.
    pub async fn active_agents(&self) -> usize {
        let view = self.door.view().await;
        view.map_or(0, |view| view.tables.agents.values().filter(|agent| agent.connected).count())
    }
}

/// Runs a master until a signal ends it. `arguments` do not include the program's name.
pub fn main_master(arguments: Vec<OsString>) -> ExitCode {
    let mut flags = match process::flags("mesos-master", flags::master::TABLE, arguments) {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    let log = match crate::log::start(&flags, "mesos-master") {
        Ok(log) => log,
        Err(error) => return process::complain(&error.to_string()),
    };
    flags.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    process::run(
        flags.boolean("quiet"),
        async |ending| {
            let started = start(&mut flags, log, ending).await?;
            process::say(&format!("kaon: ready at http://{}\n", started.address));
            Ok(started)
        },
        async |_, signal, ending| match signal {
            Signal::Stop => ending.end(0, "Stopped by a signal"),
            Signal::Drain => tracing::warn!("Ignoring SIGUSR1, which means something to agents alone"),
        },
    )
}

/// Starts a master; it is served by the current runtime until the process ends.
pub async fn start(flags: &mut Flags, log: Option<PathBuf>, ending: Ending) -> Result<Started, String> {
    let store = open_store(flags)?;
    let place = place(flags, |name| std::env::var(name).ok()).await.map_err(|error| error.to_string())?;
    let Place { listener, address, hostname } = place;
    flags.set_text("hostname", &hostname);
    let config = settings::config(flags, address)?;
    let contents = store.load().map_err(|error| error.to_string())?;
    let registry = Registry::recover(contents.snapshot.as_deref(), &contents.records)
        .map_err(|error| format!("The registry cannot be read: {error}"))?;
    let seed = process::entropy().map_err(|error| format!("No random numbers can be had: {error}"))?;
    let clock = Clock::default();
    let options = Options { dead_after: config.agent_ping_timeout, ..Options::default() };
    let master = Master::new(config, registry, seed, clock.now());
    tracing::info!("Master {} at {address} ({hostname})", master.id());

    let (door, inside) = channel::<Master>(clock);
    let (links, exited) = Links::new(Handle::current(), options);
    tell_exits(exited, door.clone());
    let common = Common::default();
    common.show_log("/master/log", log.or(flags.text("external_log_file").map(PathBuf::from)));
    let streams = Arc::new(Streams::new(common.counters.clone()));
    let replies = Arc::new(Replies::default());
    let registry = write_registry(store, door.clone(), ending.clone()).map_err(|error| error.to_string())?;
    let shell = Shell {
        address,
        links,
        streams: streams.clone(),
        replies: replies.clone(),
        registry,
        ending,
        is_over: false,
    };
    turn("master", inside, master, shell, drop).map_err(|error| error.to_string())?;
    // Mesos: `*` was once the way to say that all hosts are allowed.
    if let Some(path) = flags.text("whitelist").filter(|path| *path != "*") {
        whitelist::watch(PathBuf::from(path.strip_prefix("file://").unwrap_or(path)), door.clone());
    }
    let leader = format!("{hostname}:{}", address.port());
    let front = Front { door: door.clone(), streams, replies, common, leader };
    tokio::spawn(serve(listener, Arc::new(front), Limits::of_daemon()));
    Ok(Started { address, door })
}

fn open_store(flags: &Flags) -> Result<Box<dyn Store>, String> {
    match (flags.text("registry"), flags.text("work_dir")) {
        (Some("in_memory"), _) => Ok(Box::new(MemoryStore::default())),
        (_, None) => Err("--work_dir needed for replicated log based registry".to_owned()),
        (_, Some(folder)) => {
            let store = FileStore::open(Path::new(folder)).map_err(|error| error.to_string())?;
            Ok(Box::new(store))
        }
    }
}

fn write_registry(
    mut store: Box<dyn Store>,
    door: Door<Master>,
    ending: Ending,
) -> std::io::Result<Writer<kaon_master::Write, Entry>> {
    let stored = move |write| {
        // The loop has ended only if the process is about to.
        let _ = door.put_blocking(Input::Stored { write });
    };
    Writer::spawn(
        "registry",
        move |batch: &[Entry]| store.append(batch),
        stored,
        move |error| {
            ending.end(1, error.to_string());
        },
    )
}

/// Carries the ends of links to the core.
fn tell_exits(mut exited: tokio::sync::mpsc::Receiver<SocketAddrV4>, door: Door<Master>) {
    tokio::spawn(async move {
        while let Some(peer) = exited.recv().await {
            if door.put(Input::Exited { peer }).await.is_err() {
                return;
            }
        }
    });
}
