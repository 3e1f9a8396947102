// SPDX-License-Identifier: Apache-2.0

//! The address of an actor: `slave(1)@10.0.0.7:5051`.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::str::FromStr;

/// Names an actor in an operating-system process. Messages to it are sent to its own address, whatever connection
/// was seen before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Upid {
    pub id: String,
    pub ip: Ipv4Addr,
    pub port: u16,
}

impl Upid {
    pub fn new(id: impl Into<String>, address: SocketAddrV4) -> Upid {
        Upid { id: id.into(), ip: *address.ip(), port: address.port() }
    }

    /// The address that stands for "none"; it prints as `@0.0.0.0:0`.
    pub fn empty() -> Upid {
        Upid { id: String::new(), ip: Ipv4Addr::UNSPECIFIED, port: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.id.is_empty() && self.ip.is_unspecified() && self.port == 0
    }

    pub fn address(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.ip, self.port)
    }
}

impl fmt::Display for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}:{}", self.id, self.ip, self.port)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an address of the form <id>@<IPv4>:<port>")]
pub struct UpidError(String);

impl FromStr for Upid {
    type Err = UpidError;

    fn from_str(text: &str) -> Result<Upid, UpidError> {
        let fail = || UpidError(text.to_owned());
        let (id, address) = text.split_once('@').ok_or_else(fail)?;
        let (ip, port) = address.split_once(':').ok_or_else(fail)?;
        Ok(Upid {
            id: id.to_owned(),
            ip: ip.parse().map_err(|_| fail())?,
            port: port.parse().map_err(|_| fail())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Upid;

    #[test]
    fn upids_are_parsed_as_they_are_printed() {
        for text in ["slave(1)@10.0.0.7:5051", "master@127.0.0.1:5050", "@0.0.0.0:0"] {
            assert_eq!(text.parse::<Upid>().unwrap().to_string(), text);
        }
        for text in ["", "master", "master@", "master@host:1", "master@1.2.3.4", "a@1.2.3.4:70000"] {
            assert!(text.parse::<Upid>().is_err(), "{text}");
        }
        assert!("@0.0.0.0:0".parse::<Upid>().unwrap().is_empty());
    }
}
