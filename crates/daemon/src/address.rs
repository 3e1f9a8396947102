// SPDX-License-Identifier: Apache-2.0

//! Where a daemon listens, and under which address and name others know it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, lookup_host};

use crate::flags::Flags;

/// A daemon's place in the network.
#[derive(Debug)]
pub struct Place {
    pub listener: TcpListener,
    /// What others are told.
    pub address: SocketAddrV4,
    pub hostname: String,
}

#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    #[error("Only one of `--ip` or `--ip_discovery_command` should be specified")]
    TwoAddresses,
    #[error("'{value}' is not an IPv4 address, which {name} must be")]
    NoAddress { name: &'static str, value: String },
    #[error("the command '{command}' of --ip_discovery_command failed: {reason}")]
    Discovery { command: String, reason: String },
    #[error("cannot listen on {address}: {error}; is another daemon running there?")]
    Listen { address: SocketAddrV4, error: io::Error },
    #[error(
        "the name of this host, '{0}', has no IPv4 address to tell others; set --ip or --advertise_ip, or add the name to /etc/hosts"
    )]
    Unresolved(String),
}

/// Bound: how long the name of an address is looked up.
const LOOKUP: Duration = Duration::from_secs(5);
/// Bound: connections that wait to be accepted.
const BACKLOG: u32 = 4096;

/// Listens, and finds out who we are. `variable` reads a variable of the environment.
pub async fn place(flags: &Flags, variable: impl Fn(&str) -> Option<String>) -> Result<Place, PlaceError> {
    let bound = SocketAddrV4::new(bind_ip(flags, &variable)?, port(flags.integer("port")).unwrap_or(0));
    let listener = listen(bound).map_err(|error| PlaceError::Listen { address: bound, error })?;
    let local = listener.local_addr().map_err(|error| PlaceError::Listen { address: bound, error })?;
    let advertise_port = variable("LIBPROCESS_ADVERTISE_PORT").and_then(|text| text.parse().ok());
    let port = port(flags.integer("advertise_port")).or(advertise_port).unwrap_or(local.port());
    let ip = match named(flags, "advertise_ip", "LIBPROCESS_ADVERTISE_IP", &variable) {
        Some((name, text)) => ipv4(name, &text)?,
        None if bound.ip().is_unspecified() => own_ip().await?,
        None => *bound.ip(),
    };
    let hostname = match flags.text("hostname") {
        Some(name) => name.to_owned(),
        None if flags.boolean("hostname_lookup") => name_of(ip).await.unwrap_or_else(|| ip.to_string()),
        None => ip.to_string(),
    };
    Ok(Place { listener, address: SocketAddrV4::new(ip, port), hostname })
}

/// Mesos: without a flag or variable, every address of the host.
fn bind_ip(flags: &Flags, variable: &impl Fn(&str) -> Option<String>) -> Result<Ipv4Addr, PlaceError> {
    match (flags.text("ip"), flags.text("ip_discovery_command")) {
        (Some(_), Some(_)) => Err(PlaceError::TwoAddresses),
        (None, Some(command)) => ipv4("the output of --ip_discovery_command", &discover(command)?),
        _ => match named(flags, "ip", "LIBPROCESS_IP", variable) {
            Some((name, text)) => ipv4(name, &text),
            None => Ok(Ipv4Addr::UNSPECIFIED),
        },
    }
}

/// A flag, or the variable for which it stands.
fn named(
    flags: &Flags,
    flag: &'static str,
    name: &'static str,
    variable: &impl Fn(&str) -> Option<String>,
) -> Option<(&'static str, String)> {
    let given = flags.text(flag).map(|text| (flag, text.to_owned()));
    given.or_else(|| variable(name).map(|text| (name, text)))
}

fn ipv4(name: &'static str, text: &str) -> Result<Ipv4Addr, PlaceError> {
    text.trim().parse().map_err(|_| PlaceError::NoAddress { name, value: text.to_owned() })
}

fn port(number: Option<u64>) -> Option<u16> {
    number.and_then(|number| u16::try_from(number).ok())
}

/// Runs once, before anything is served, so that waiting harms nobody.
fn discover(command: &str) -> Result<String, PlaceError> {
    let fail = |reason: String| PlaceError::Discovery { command: command.to_owned(), reason };
    let run = Command::new("sh").args(["-c", command]).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let Output { status, stdout, .. } = run.map_err(|error| fail(error.to_string()))?;
    if !status.success() {
        return Err(fail(status.to_string()));
    }
    Ok(String::from_utf8_lossy(&stdout).trim().to_owned())
}

fn listen(address: SocketAddrV4) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address.into())?;
    socket.listen(BACKLOG)
}

/// Mesos: the address of the host's own name.
async fn own_ip() -> Result<Ipv4Addr, PlaceError> {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let ip = resolve(&name).await.ok_or_else(|| PlaceError::Unresolved(name.clone()))?;
    if ip.is_loopback() {
        tracing::warn!(
            "The name of this host, '{name}', means {ip}: other hosts cannot reach it. Set --ip or --advertise_ip"
        );
    }
    Ok(ip)
}

/// The first IPv4 address of a name.
pub async fn resolve(name: &str) -> Option<Ipv4Addr> {
    let v4 = |address: SocketAddr| match address.ip() {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    };
    lookup_host((name, 0)).await.ok()?.find_map(v4)
}

/// The name of an address. No part of the standard library asks for it, but a program of every Linux does.
pub async fn name_of(ip: Ipv4Addr) -> Option<String> {
    let mut getent = tokio::process::Command::new("getent");
    getent.args(["hosts", &ip.to_string()]).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(LOOKUP, getent.output()).await.ok()?.ok()?;
    String::from_utf8(output.stdout).ok()?.split_whitespace().nth(1).map(str::to_owned)
}
