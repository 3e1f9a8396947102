// SPDX-License-Identifier: Apache-2.0

//! Looks at tasks, as their checks ask for.

mod http;
mod insecure;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use kaon_api::v1;
use kaon_containerizer::companion::Output;
use kaon_containerizer::{Command, ContainerConfig, Spawner};
use kaon_executor::check::{Outcome, Probe};
use kaon_model::Span;
use tokio::net::TcpStream;

use crate::companions;

/// Where a command looks from.
#[derive(Clone, Debug)]
pub struct Place {
    pub sandbox: PathBuf,
    /// The whole environment, in order.
    pub environment: Vec<(String, String)>,
    /// None: our own user.
    pub user: Option<String>,
}

/// Looks once. When `timeout` is over, or nobody waits for this any more, what was started for it is ended.
pub async fn look(spawner: &Spawner, probe: &Probe, place: Place, timeout: Option<Duration>) -> Outcome {
    let looking = async {
        match probe {
            Probe::Command(command) => run(spawner, command, place).await,
            Probe::Http { https, ipv6, port, path } => http::get(*https, *ipv6, *port, path).await,
            Probe::Tcp { port } => connect(*port).await,
        }
    };
    let what = match probe {
        Probe::Command(_) => "Command",
        Probe::Http { .. } => "HTTP request",
        Probe::Tcp { .. } => "TCP connection",
    };
    let found = match timeout {
        None => looking.await,
        Some(timeout) => match tokio::time::timeout(timeout, looking).await {
            Ok(found) => found,
            Err(_) => Err(format!("{what} timed out after {}", Span::from_std(timeout))),
        },
    };
    found.unwrap_or_else(|message| Outcome::Failed { message })
}

/// Mesos: what a check's command says goes where the task's errors go.
async fn run(spawner: &Spawner, command: &v1::CommandInfo, place: Place) -> Result<Outcome, String> {
    let config = ContainerConfig {
        command: Command {
            shell: command.shell(),
            value: command.value.clone(),
            arguments: command.arguments.clone(),
        },
        environment: place.environment,
        user: place.user,
        sandbox: place.sandbox,
        rlimits: Vec::new(),
        die_with_agent: true,
        recovery_timeout: Duration::ZERO,
    };
    let mut running = companions::start(spawner, config, Output::Stderr).await?;
    match running.ended().await {
        None => Err("Nobody knows how the command ended".to_string()),
        Some(status) => match status.code() {
            Some(exit_code) => Ok(Outcome::Command { exit_code }),
            None => Err(format!("Command {}", kaon_executor::describe(status.raw()))),
        },
    }
}

async fn connect(port: u32) -> Result<Outcome, String> {
    let port = u16::try_from(port).map_err(|_| format!("{port} is not the number of a port"))?;
    let succeeded = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok();
    Ok(Outcome::Tcp { succeeded })
}
