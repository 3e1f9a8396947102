// SPDX-License-Identifier: Apache-2.0

//! The agent's daemon.

mod front;
mod narrator;
mod operator;
mod settings;
mod shell;

use std::ffi::OsString;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use kaon_agent::effect::Effect;
use kaon_agent::input::Input;
use kaon_agent::{Agent, View};
use kaon_containerizer::Spawner;
use kaon_model::{Mono, Now};
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc};

use crate::address::{Place, place};
use crate::flags::{self, Flags};
use crate::front::{Common, aside};
use crate::host::{Found, Host};
use crate::http::{Limits, serve};
use crate::links::{Links, Options};
use crate::process::{self, Ending, Signal};
use crate::replies::Replies;
use crate::runtime::{Clock, Core, Door, Perform, channel, turn};
use crate::streams::Streams;
use crate::{detector, host};
use front::Front;
pub use front::ROUTES;
use settings::Folders;
use shell::Shell;

/// Bound: what has happened on the host and is not yet before the core; the threads that bring more wait.
const HAPPENED_MAX: usize = 1024;

impl Core for Agent {
    type Input = Input;
    type Effect = Effect;
    type View = View;

    fn handle(&mut self, now: Now, input: Input, out: &mut Vec<Effect>) {
        narrator::input(&input);
        let told = out.len();
        Agent::handle(self, now, input, out);
        out[told..].iter().for_each(narrator::effect);
    }

    fn deadline(&self) -> Option<Mono> {
        Agent::deadline(self)
    }

    fn view(&self) -> View {
        let mut view = Agent::view(self);
        view.build = crate::version::build();
        view
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
            Signal::Leave => Input::Leave,
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
        flags.boolean("quiet"),
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
    let source = detector::find(master).await.map_err(|error| text(&error))?;
    let folders = Folders::of(flags)?;
    let place = place(flags, |name| std::env::var(name).ok()).await.map_err(|error| text(&error))?;
    let Place { listener, address, hostname } = place;
    flags.set_text("hostname", &hostname);
    let config = settings::config(flags, address, &folders)?;

    let seed = process::entropy().map_err(|error| format!("No random numbers can be had: {error}"))?;
    let clock = Clock::default();
    let (door, inside) = channel::<Agent>(clock);
    let pid = config.pid.clone();
    let (host, Found { recovered, containers }) =
        take_host(folders.settings(&config, flags), spawner, door.clone(), ending.clone()).await?;
    let meter = host.meter();
    let mut effects = Vec::new();
    let agent = Agent::new(config, recovered, containers, seed, clock.now(), &mut effects);
    tracing::info!("Agent at {address} ({hostname}), of the masters at {source:?}");

    let (links, exited) = Links::new(Handle::current(), Options::default());
    let lost = Arc::new(Notify::new());
    tell_exits(exited, door.clone(), lost.clone());
    let common = Common::default();
    show_files(&common, log, flags, &folders.work_dir);
    let streams = Arc::new(Streams::new(common.counters.clone()));
    let replies = Arc::new(Replies::default());
    let mut shell = Shell {
        pid,
        links,
        host,
        streams: streams.clone(),
        replies: replies.clone(),
        runtime: Handle::current(),
        ending,
        exit: None,
    };
    effects.into_iter().for_each(|effect| shell.perform(effect));
    turn("agent", inside, agent, shell, Shell::end).map_err(|error| text(&error))?;
    let front = Front { door: door.clone(), streams, replies, common, meter };
    tokio::spawn(serve(listener, Arc::new(front), Limits::of_daemon()));
    detector::follow(source, flags.set_duration("zk_session_timeout"), lost, door.clone());
    Ok(Started { address, door })
}

/// All sandboxes, of what runs and of what has run, lie below one folder; it is shown under its own path, as Mesos
/// shows each sandbox. The second name is for those who know only the ids.
fn show_files(common: &Common, log: Option<PathBuf>, flags: &Flags, work_dir: &Path) {
    let agents = work_dir.join("slaves");
    common.files.attach(&agents.to_string_lossy(), &agents);
    common.files.attach("/frameworks", &agents.join("latest/frameworks"));
    common.show_log("/slave/log", log.or(flags.text("external_log_file").map(PathBuf::from)));
}

/// Takes the host over from the last agent. What happens there from now on goes to the core.
async fn take_host(
    settings: host::Settings,
    spawner: Spawner,
    door: Door<Agent>,
    ending: Ending,
) -> Result<(Host, Found), String> {
    let (happened, inputs) = mpsc::channel(HAPPENED_MAX);
    let runtime = Handle::current();
    // What was to follow that fact never will; tasks go on without this process.
    let failed = move |error: host::JournalError| ending.end(1, error.to_string());
    let opened = aside(move || Host::open(&settings, spawner, runtime, happened, failed)).await;
    tell(inputs, door);
    opened.map_err(|error| error.to_string())
}

/// Carries the ends of links to the core, and to those who look for the leader.
fn tell_exits(mut exited: mpsc::Receiver<SocketAddrV4>, door: Door<Agent>, lost: Arc<Notify>) {
    tokio::spawn(async move {
        while let Some(peer) = exited.recv().await {
            lost.notify_one();
            if door.put(Input::Exited { peer }).await.is_err() {
                return;
            }
        }
    });
}

/// Carries what happens on the host to the core.
fn tell(mut inputs: mpsc::Receiver<Input>, door: Door<Agent>) {
    tokio::spawn(async move {
        while let Some(input) = inputs.recv().await {
            if door.put(input).await.is_err() {
                return;
            }
        }
    });
}
