// SPDX-License-Identifier: Apache-2.0

//! `zk://user:pass@host1:port1,host2:port2/path`.

use std::fmt;
use std::str::FromStr;

/// Where an ensemble is, and where in it the masters meet.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    /// `host1:port1,host2:port2`.
    pub servers: String,
    /// Below which the candidates stand; never the root.
    pub path: String,
    /// `user:pass`.
    pub credentials: Option<String>,
}

/// Why a text is no such url.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    #[error("Expecting 'zk://' at the beginning of the URL")]
    Scheme,
    #[error("Expecting one or more 'host:port' after 'zk://', separated by commas, and not '{0}'")]
    Servers(String),
    #[error("Expecting a (chroot) path for ZooKeeper ('/' is not supported)")]
    Path,
    #[error("Expecting 'user:pass' before the '@' of the URL")]
    Credentials,
}

impl FromStr for Url {
    type Err = BadUrl;

    /// Mesos: the path begins at the first `/`, the credentials end at the last `@` before it.
    fn from_str(text: &str) -> Result<Url, BadUrl> {
        let rest = text.trim().strip_prefix("zk://").ok_or(BadUrl::Scheme)?;
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        let (credentials, servers) = match authority.rsplit_once('@') {
            Some((credentials, servers)) => (Some(credentials), servers),
            None => (None, authority),
        };
        if credentials.is_some_and(|pair| pair.split_once(':').is_none_or(|(user, _)| user.is_empty())) {
            return Err(BadUrl::Credentials);
        }
        if !servers.split(',').all(is_server) {
            return Err(BadUrl::Servers(servers.to_owned()));
        }
        let path = path.trim_end_matches('/');
        if path.is_empty() || path.split('/').skip(1).any(|name| matches!(name, "" | "." | "..")) {
            return Err(BadUrl::Path);
        }
        let (servers, credentials) = (servers.to_owned(), credentials.map(str::to_owned));
        Ok(Url { servers, path: path.to_owned(), credentials })
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Without the credentials, which nobody is to read.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "zk://{}{}", self.servers, self.path)
    }
}

fn is_server(server: &str) -> bool {
    let (host, port) = server.rsplit_once(':').unwrap_or((server, "2181"));
    !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_as_mesos_reads_them() {
        let cases = [
            ("zk://h:2181/mesos", Ok(("h:2181", "/mesos", None))),
            (" zk://h1:1,h2:2,h3/a/b/ ", Ok(("h1:1,h2:2,h3", "/a/b", None))),
            ("zk://u:p@h:1/m", Ok(("h:1", "/m", Some("u:p")))),
            ("zk://u:p@ss@h:1/m@n", Ok(("h:1", "/m@n", Some("u:p@ss")))),
            ("zk://[::1]:2181/m", Ok(("[::1]:2181", "/m", None))),
            ("h:2181/mesos", Err(BadUrl::Scheme)),
            ("zk://h:2181", Err(BadUrl::Path)),
            ("zk://h:2181/", Err(BadUrl::Path)),
            ("zk://h:2181/a//b", Err(BadUrl::Path)),
            ("zk://h:2181/a/../b", Err(BadUrl::Path)),
            ("zk:///mesos", Err(BadUrl::Servers(String::new()))),
            ("zk://h:0/m", Err(BadUrl::Servers("h:0".into()))),
            ("zk://h:x/m", Err(BadUrl::Servers("h:x".into()))),
            ("zk://h:1,,h:2/m", Err(BadUrl::Servers("h:1,,h:2".into()))),
            ("zk://user@h:1/m", Err(BadUrl::Credentials)),
            ("zk://:p@h:1/m", Err(BadUrl::Credentials)),
        ];
        for (text, expected) in cases {
            let expected = expected.map(|(servers, path, credentials)| Url {
                servers: servers.into(),
                path: path.into(),
                credentials: credentials.map(str::to_owned),
            });
            assert_eq!(text.parse::<Url>(), expected, "{text}");
        }
    }
}
