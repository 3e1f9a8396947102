// SPDX-License-Identifier: Apache-2.0

//! Where masters and agents are reached.

use std::fmt;
use std::io::Read;
use std::str::FromStr;

use crate::zookeeper::{BadUrl, Url};

/// Mesos: the port of a master unless said otherwise.
const MASTER_PORT: u16 = 5050;

/// A host with a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// A name or an IP address, without the brackets of IPv6.
    pub host: String,
    pub port: u16,
}

/// Why a text names no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("no address is given; expected HOST:PORT")]
    Empty,
    #[error("'{0}' is not an address; expected HOST:PORT, such as 127.0.0.1:5050")]
    Malformed(String),
    #[error("'{url}' does not say where masters meet in ZooKeeper: {reason}")]
    ZooKeeper { url: String, reason: BadUrl },
    #[error("the file '{path}' that should say where the masters are cannot be read: {reason}")]
    File { path: String, reason: String },
}

impl Address {
    pub fn new(host: impl Into<String>, port: u16) -> Address {
        Address { host: host.into(), port }
    }

    /// Reads `HOST:PORT`, or `HOST` where `default_port` stands for the rest.
    fn parse(text: &str, default_port: Option<u16>) -> Result<Address, AddressError> {
        let malformed = || AddressError::Malformed(text.to_owned());
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']').ok_or_else(malformed)?;
                (host, rest.strip_prefix(':').or(rest.is_empty().then_some("")))
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, Some("")),
            },
        };
        let port = match (port, default_port) {
            (Some(""), Some(default_port)) if !text.ends_with(':') => default_port,
            (Some(port), _) => port.parse().map_err(|_| malformed())?,
            (None, _) => return Err(malformed()),
        };
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:%".contains(&byte);
        if host.is_empty() || port == 0 || !host.bytes().all(is_host) {
            return Err(malformed());
        }
        Ok(Address::new(host, port))
    }

    /// Mesos: a redirect names the leader without a scheme, as `//host:port/path`.
    pub(crate) fn from_location(location: &str) -> Option<Address> {
        let rest = location.strip_prefix("http:").unwrap_or(location).strip_prefix("//")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        Address::parse(authority, Some(80)).ok()
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        Address::parse(text.trim(), None)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            return write!(f, "[{}]:{}", self.host, self.port);
        }
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// The masters of one cluster, of which one leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Masters {
    /// Any of them tells which. Invariant: at least one.
    Fixed(Vec<Address>),
    /// Where they stand for election.
    ZooKeeper(Url),
}

impl From<Address> for Masters {
    fn from(address: Address) -> Masters {
        Masters::Fixed(vec![address])
    }
}

/// Bound: the content of a file that says where the masters are.
const FILE_MAX: u64 = 64 * 1024;

fn read(path: &str) -> Result<String, AddressError> {
    let fail = |reason: String| AddressError::File { path: path.to_owned(), reason };
    let file = std::fs::File::open(path).map_err(|error| fail(error.to_string()))?;
    let mut text = String::new();
    file.take(FILE_MAX).read_to_string(&mut text).map_err(|error| fail(error.to_string()))?;
    Ok(text)
}

impl FromStr for Masters {
    type Err = AddressError;

    /// Reads `HOST[:PORT],…`, with 5050 as the port where none is given; or `zk://HOST:PORT,…/PATH`; or `file:///PATH` of
    /// a file that holds one of them.
    fn from_str(text: &str) -> Result<Masters, AddressError> {
        let text = text.trim();
        match text.strip_prefix("file://") {
            Some(path) => parse(read(path)?.trim()),
            None => parse(text),
        }
    }
}

fn parse(text: &str) -> Result<Masters, AddressError> {
    if text.starts_with("zk://") {
        let reason = |reason| AddressError::ZooKeeper { url: text.to_owned(), reason };
        return text.parse().map(Masters::ZooKeeper).map_err(reason);
    }
    let plain = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
    let parts = plain.split(',').map(str::trim).filter(|part| !part.is_empty());
    let addresses =
        parts.map(|part| Address::parse(part, Some(MASTER_PORT))).collect::<Result<Vec<_>, _>>()?;
    if addresses.is_empty() { Err(AddressError::Empty) } else { Ok(Masters::Fixed(addresses)) }
}

impl fmt::Display for Masters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Masters::Fixed(addresses) => {
                for (index, address) in addresses.iter().enumerate() {
                    write!(f, "{}{address}", if index == 0 { "" } else { "," })?;
                }
                Ok(())
            }
            Masters::ZooKeeper(url) => write!(f, "{url}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        let read = |text: &str| text.parse::<Masters>().map(|masters| masters.to_string());
        assert_eq!(read("127.0.0.1:5051").unwrap(), "127.0.0.1:5051");
        assert_eq!(read(" a.example , b:99,").unwrap(), "a.example:5050,b:99");
        assert_eq!(read("http://[::1]:5050/").unwrap(), "[::1]:5050");
        assert_eq!(read("[::1]").unwrap(), "[::1]:5050");
        assert_eq!(read(""), Err(AddressError::Empty));
        assert_eq!(read("zk://u:secret@y:1,z:2181/mesos").unwrap(), "zk://y:1,z:2181/mesos");
        assert!(matches!(read("zk://z:2181"), Err(AddressError::ZooKeeper { .. })));
        assert!(matches!(read("file:///nowhere/at/all"), Err(AddressError::File { .. })));
        for text in ["a:", "a:0", "a:65536", "a:5050/x y", ":5050", "::1:5050", "[::1]x", "a b:1"] {
            assert!(matches!(read(text), Err(AddressError::Malformed(_))), "{text}");
        }
        assert_eq!("a".parse::<Address>(), Err(AddressError::Malformed("a".into())));
    }

    #[test]
    fn a_redirect_names_the_leader() {
        let leader = |location| Address::from_location(location).map(|address| address.to_string());
        assert_eq!(leader("//m2:5050/api/v1/scheduler").unwrap(), "m2:5050");
        assert_eq!(leader("http://m2:5050").unwrap(), "m2:5050");
        assert_eq!(leader("/elsewhere"), None);
        assert_eq!(leader("//:5050/"), None);
    }
}
