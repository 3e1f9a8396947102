// SPDX-License-Identifier: Apache-2.0

//! Finds the master that an agent is told of.

mod redirects;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use kaon_agent::Agent;
use kaon_agent::input::Input;
use kaon_api::libprocess::Upid;
use kaon_api::v1;
use kaon_sdk::zookeeper::{BadUrl, Detector, Url};
use tokio::sync::Notify;

use crate::address::{name_of, resolve};
use crate::runtime::Door;
use crate::version::VERSION;

#[derive(Debug, thiserror::Error)]
pub enum DetectorError {
    #[error("'{0}' does not say where masters meet in ZooKeeper: {1}")]
    ZooKeeper(String, BadUrl),
    #[error(
        "Failed to parse '{0}'; --master must be host:port, several of them divided by commas, zk://host:port,…/path, or \
         file:///path of a file that holds one of these"
    )]
    Form(String),
    #[error("the host of the master, '{0}', has no IPv4 address")]
    Unresolved(String),
}

/// Who says which master leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// There is but one.
    Fixed(SocketAddrV4),
    /// Any of them, by a redirect.
    Several(Vec<(String, u16)>),
    Ensemble(Url),
}

/// Reads `--master`. Mesos: one address, or that of an ensemble; several addresses are ours.
pub async fn find(master: &str) -> Result<Source, DetectorError> {
    let text = master.trim();
    if text.starts_with("zk://") {
        let failed = |reason| DetectorError::ZooKeeper(text.to_owned(), reason);
        return text.parse().map(Source::Ensemble).map_err(failed);
    }
    let split = |one: &str| split(one.trim()).ok_or_else(|| DetectorError::Form(master.to_owned()));
    let parts: Vec<_> = text.split(',').map(split).collect::<Result<_, _>>()?;
    match parts.as_slice() {
        [(host, port)] => {
            let address = locate(host, *port).await;
            address.map(Source::Fixed).ok_or_else(|| DetectorError::Unresolved(host.clone()))
        }
        _ => Ok(Source::Several(parts)),
    }
}

/// `host:port` or `master@host:port`.
fn split(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.strip_prefix("master@").unwrap_or(text).rsplit_once(':')?;
    let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
    (!host.is_empty() && !host.contains(['/', ':', '@'])).then(|| (host.to_owned(), port))
}

async fn locate(host: &str, port: u16) -> Option<SocketAddrV4> {
    let ip = match host.parse::<Ipv4Addr>() {
        Ok(ip) => ip,
        Err(_) => resolve(host).await?,
    };
    Some(SocketAddrV4::new(ip, port))
}

/// Tells an agent who leads, now and whenever that changes. `lost` is notified when the leader's connection has broken.
pub fn follow(source: Source, session_timeout: Duration, lost: Arc<Notify>, door: Door<Agent>) {
    tokio::spawn(async move {
        match source {
            Source::Fixed(address) => {
                let master = Some(Box::new(info(address).await));
                // The loop has ended only if the process is about to.
                let _ = door.put(Input::Leader { master }).await;
            }
            Source::Several(masters) => redirects::follow(masters, &lost, &door).await,
            Source::Ensemble(url) => {
                let mut detector = Detector::start(url, session_timeout);
                loop {
                    let leader = detector.changed().await;
                    let master = leader.map(|leader| Box::new(v1::MasterInfo::clone(&leader)));
                    if door.put(Input::Leader { master }).await.is_err() {
                        return;
                    }
                }
            }
        }
    });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn masters_are_named_in_three_forms() {
        let fixed = |text: &str| Source::Fixed(text.parse().unwrap());
        assert_eq!(find(" 127.0.0.1:5050 ").await.unwrap(), fixed("127.0.0.1:5050"));
        assert_eq!(find("master@127.0.0.1:1").await.unwrap(), fixed("127.0.0.1:1"));
        let several = vec![("a".to_owned(), 1), ("127.0.0.1".to_owned(), 2)];
        assert_eq!(find("a:1, 127.0.0.1:2").await.unwrap(), Source::Several(several));
        let url = "zk://h:2181/mesos".parse().unwrap();
        assert_eq!(find("zk://h:2181/mesos").await.unwrap(), Source::Ensemble(url));
        assert!(matches!(find("zk://h:2181").await, Err(DetectorError::ZooKeeper(..))));
        for text in ["", "a", "a:0", "a:1,", "a:1,b", "http://a:1", "u@a:1", ":1"] {
            assert!(matches!(find(text).await, Err(DetectorError::Form(_))), "{text}");
        }
    }
}
