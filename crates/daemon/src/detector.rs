// SPDX-License-Identifier: Apache-2.0

//! Finds the master that an agent is told of.

use std::net::{Ipv4Addr, SocketAddrV4};

use kaon_api::libprocess::Upid;
use kaon_api::v1;

use crate::address::{name_of, resolve};
use crate::version::VERSION;

#[derive(Debug, thiserror::Error)]
pub enum DetectorError {
    #[error("several masters behind ZooKeeper are not implemented yet: '{0}'; give --master=host:port")]
    ZooKeeper(String),
    #[error("Failed to parse '{0}'; --master must be host:port, or file:///path of a file that says so")]
    Form(String),
    #[error("the host of the master, '{0}', has no IPv4 address")]
    Unresolved(String),
}

/// Finds the address in `host:port` or `master@host:port`.
pub async fn find(master: &str) -> Result<SocketAddrV4, DetectorError> {
    let form = || DetectorError::Form(master.to_owned());
    let text = master.trim();
    if text.starts_with("zk://") {
        return Err(DetectorError::ZooKeeper(master.to_owned()));
    }
    let (host, port) = text.strip_prefix("master@").unwrap_or(text).rsplit_once(':').ok_or_else(form)?;
    let port: u16 = port.parse().ok().filter(|port| *port > 0).ok_or_else(form)?;
    let ip = match host.parse::<Ipv4Addr>() {
        Ok(ip) => ip,
        Err(_) if host.is_empty() || host.contains(['/', ':', '@']) => return Err(form()),
        Err(_) => resolve(host).await.ok_or_else(|| DetectorError::Unresolved(host.to_owned()))?,
    };
    Ok(SocketAddrV4::new(ip, port))
}

/// What is known of a master of which only the address is.
pub async fn info(address: SocketAddrV4) -> v1::MasterInfo {
    let hostname = name_of(*address.ip()).await.unwrap_or_else(|| address.ip().to_string());
    let pid = Upid::new("master", address).to_string();
    v1::MasterInfo {
        id: pid.clone(),
        // Mesos: the bytes of the address in network order, read as if they were the host's.
        ip: u32::from_ne_bytes(address.ip().octets()),
        port: u32::from(address.port()),
        pid: Some(pid),
        hostname: Some(hostname.clone()),
        version: Some(VERSION.to_owned()),
        address: Some(v1::Address {
            hostname: Some(hostname),
            ip: Some(address.ip().to_string()),
            port: i32::from(address.port()),
            ..Default::default()
        }),
        ..Default::default()
    }
}
