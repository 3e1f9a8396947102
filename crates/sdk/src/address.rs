// SPDX-License-Identifier: Apache-2.0

//! Where masters and agents are reached.

use std::fmt;
use std::str::FromStr;

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
    #[error(
        "'{0}': finding the leader through ZooKeeper is not supported yet; \
         give the masters themselves, as HOST:PORT,HOST:PORT,…"
    )]
    ZooKeeper(String),
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

/// The masters of one cluster, of which one leads; any of them tells which.
///
/// Invariant: at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masters(Vec<Address>);

impl Masters {
    pub fn addresses(&self) -> &[Address] {
        &self.0
    }
}

impl From<Address> for Masters {
    fn from(address: Address) -> Masters {
        Masters(vec![address])
    }
}

impl FromStr for Masters {
    type Err = AddressError;

    /// Reads `HOST[:PORT],…`, with 5050 as the port where none is given.
    fn from_str(text: &str) -> Result<Masters, AddressError> {
        let text = text.trim();
        if text.starts_with("zk://") || text.starts_with("file://") {
            return Err(AddressError::ZooKeeper(text.to_owned()));
        }
        let plain = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
        let parts = plain.split(',').map(str::trim).filter(|part| !part.is_empty());
        let addresses =
            parts.map(|part| Address::parse(part, Some(MASTER_PORT))).collect::<Result<Vec<_>, _>>()?;
        if addresses.is_empty() { Err(AddressError::Empty) } else { Ok(Masters(addresses)) }
    }
}

impl fmt::Display for Masters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.0.iter().enumerate() {
            write!(f, "{}{address}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
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
        assert!(matches!(read("zk://z:2181/mesos"), Err(AddressError::ZooKeeper(_))));
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
