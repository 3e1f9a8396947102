// SPDX-License-Identifier: Apache-2.0

//! The master's daemon.

mod election;
mod forms;
mod front;
mod narrator;
mod office;
mod reign;
mod settings;
mod shell;
mod size;
mod whitelist;

use std::ffi::OsString;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use kaon_master::{Config, Effect, Input, Master, Registry, View};
use kaon_model::{Mono, Now};
use kaon_sdk::zookeeper::{BadUrl, Url};

use crate::access::Guard;
use crate::address::{Place, place};
use crate::flags::{self, Flags};
use crate::front::Common;
use crate::http::{Limits, serve};
use crate::lease::Lease;
use crate::process::{self, Ending, Signal};
use crate::runtime::{Clock, Core};
use crate::store::{FileStore, MemoryStore, Store, StoreError};
use election::Election;
pub use front::ROUTES;
use office::{Office, Post};
use reign::{Ground, Reign};

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
        View { build: crate::version::build(), ..Master::view(self) }
    }

    fn tick() -> Input {
        Input::Tick
    }
}

/// A master that serves.
pub struct Started {
    pub address: SocketAddrV4,
    office: Arc<Office>,
    election: Option<Arc<Election>>,
}

impl Started {
    /// How many agents are registered, and offered.
    pub async fn active_agents(&self) -> usize {
        let Post::Leading(reign) = self.office.post() else { return 0 };
        let view = reign.front.door.view().await;
        view.map_or(0, |view| view.tables.agents.values().filter(|agent| agent.connected).count())
    }

    /// Lets another master lead at once.
    async fn leave(&self) {
        if let Some(election) = &self.election {
            election.leave().await;
        }
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
        async |started: &Started, signal, ending| match signal {
            Signal::Stop => {
                started.leave().await;
                ending.end(0, "Stopped by a signal");
            }
            Signal::Leave => tracing::warn!("Ignoring SIGUSR1, which means something to agents alone"),
        },
    )
}

/// Starts a master; it is served by the current runtime until the process ends.
pub async fn start(flags: &mut Flags, log: Option<PathBuf>, ending: Ending) -> Result<Started, String> {
    let ensemble = flags.text("zk").map(ensemble).transpose()?;
    // What cannot be opened is found out before anything is served.
    let store = if ensemble.is_some() { None } else { Some(open_store(flags)?) };
    let place = place(flags, |name| std::env::var(name).ok()).await.map_err(|error| error.to_string())?;
    let Place { listener, address, hostname } = place;
    flags.set_text("hostname", &hostname);
    let config = settings::config(flags, address)?;
    let seed = process::entropy().map_err(|error| format!("No random numbers can be had: {error}"))?;
    let guard = Arc::new(Guard::of_master(flags, config.credentials.as_deref())?);
    let config = Config {
        process_started: Some(Clock::default().now().wall),
        run_tasks: guard.run_tasks().clone(),
        ..config
    };
    let common = Common { guard, ..Common::default() };
    common.show_log("/master/log", log.or(flags.text("external_log_file").map(PathBuf::from)));
    let ground = Ground {
        name: format!("{hostname}:{}", address.port()),
        common: common.clone(),
        whitelist: whitelist(flags),
        ending: ending.clone(),
        config,
        address,
    };
    tracing::info!("Master at {address} ({hostname})");
    let mut dormant =
        Core::view(&Master::new(ground.config.clone(), Registry::default(), seed, Clock::default().now()));
    dormant.elected = None;
    let post = match store {
        None => Post::Standby { leader: None },
        Some(store) => {
            let ending = ending.clone();
            let failed = move |error: StoreError| ending.end(1, error.to_string());
            let reign = Reign::begin(&ground, seed, store, Lease::default(), failed).await;
            Post::Leading(Arc::new(reign.map_err(|error| error.to_string())?))
        }
    };
    let office = Arc::new(Office::new(post, common, dormant));
    let election = ensemble.map(|url| stand(flags, url, ground, office.clone(), ending));
    tokio::spawn(serve(listener, office.clone(), Limits::of_daemon()));
    Ok(Started { address, office, election })
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

/// Where masters meet.
fn ensemble(text: &str) -> Result<Url, String> {
    text.parse().map_err(|error: BadUrl| format!("Invalid value of --zk: {error}"))
}

/// Stands for election in the background.
fn stand(flags: &Flags, url: Url, ground: Ground, office: Arc<Office>, ending: Ending) -> Arc<Election> {
    let in_memory = flags.text("registry") == Some("in_memory");
    if in_memory {
        tracing::warn!("With --registry=in_memory, each change of leaders forgets the agents and the quota");
    }
    let session = flags.set_duration("zk_session_timeout");
    let election = Arc::new(Election::new(url, session, in_memory, ground, office));
    let standing = election.clone();
    tokio::spawn(async move { ending.end(1, standing.run().await.to_string()) });
    election
}

/// Mesos: `*` was once the way to say that all hosts are allowed.
fn whitelist(flags: &Flags) -> Option<PathBuf> {
    let path = flags.text("whitelist").filter(|path| *path != "*")?;
    Some(PathBuf::from(path.strip_prefix("file://").unwrap_or(path)))
}
