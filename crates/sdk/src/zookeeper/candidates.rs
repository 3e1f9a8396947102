// SPDX-License-Identifier: Apache-2.0

//! The nodes by which masters stand for election, as they are read.

use std::time::Duration;

use kaon_api::json::{self, Dialect, from_json};
use kaon_api::v1::MasterInfo;
use zookeeper_client::{Client, Error};

use super::{Url, ZooKeeperError, failed};

/// Mesos: the label of nodes that hold a MasterInfo as JSON.
pub const LABEL: &str = "json.info";

/// Bound: what is read of a candidate's node; a description of a master takes some hundred bytes.
const INFO_MAX: usize = 64 * 1024;

/// A candidate's node, by its name below the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub name: String,
    pub sequence: i32,
}

/// Who leads by these names. Mesos: whose number is the least, whatever the label; other names do not count.
pub fn first(names: impl IntoIterator<Item = String>) -> Option<Candidate> {
    let candidates = names.into_iter().filter_map(|name| {
        let sequence = name.rsplit('_').next()?.parse().ok()?;
        Some(Candidate { name, sequence })
    });
    candidates.min_by_key(|candidate| candidate.sequence)
}

/// The description of who leads, or none while nobody stands.
///
/// Mesos: a first node of a label that nobody knows is an error, and not passed over.
pub async fn read(
    client: &Client,
    url: &Url,
    first: &Candidate,
) -> Result<Option<MasterInfo>, ZooKeeperError> {
    let path = format!("{}/{}", url.path, first.name);
    let data = match client.get_data(&path).await {
        Ok((data, _)) => data,
        // It has just gone; the watch on its parent tells.
        Err(Error::NoNode) => return Ok(None),
        Err(error) => return Err(failed("read", &path)(error)),
    };
    parse(&first.name, &data).map(Some).map_err(|reason| ZooKeeperError::NoMaster { path, reason })
}

fn parse(name: &str, data: &[u8]) -> Result<MasterInfo, String> {
    let label = name.rsplit_once('_').map_or("", |(label, _)| label);
    if label != LABEL {
        return Err(format!("Failed to parse data of unknown label '{label}'"));
    }
    if data.len() > INFO_MAX {
        return Err(format!("it is {} bytes long, and {INFO_MAX} are enough", data.len()));
    }
    let json = json::parse(data).map_err(|error| error.to_string())?;
    from_json(&json, Dialect::V0).map_err(|error| error.to_string())
}

/// How long to wait before the ensemble is asked again. Mesos: twice as long each time, up to a minute.
#[derive(Debug)]
pub struct Patience(Duration);

impl Default for Patience {
    fn default() -> Patience {
        Patience(Duration::from_secs(2))
    }
}

impl Patience {
    pub async fn wait(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(Duration::from_secs(60));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_number_leads() {
        let first = |names: &[&str]| first(names.iter().map(|name| name.to_string())).map(|one| one.name);
        let cases: [(&[&str], Option<&str>); 6] = [
            (&[], None),
            (&["log_replicas", "kaon.registry"], None),
            (&["json.info_0000000007", "json.info_0000000003"], Some("json.info_0000000003")),
            (&["info_0000000002", "json.info_0000000003"], Some("info_0000000002")),
            (&["0000000001", "json.info_0000000003"], Some("0000000001")),
            (&["json.info_", "json.info_99999999999", "json.info_5"], Some("json.info_5")),
        ];
        for (names, expected) in cases {
            assert_eq!(first(names).as_deref(), expected, "{names:?}");
        }
    }

    #[test]
    fn nodes_of_other_labels_are_refused() {
        let told = parse("info_0000000002", b"\x0a\x01x").unwrap_err();
        assert_eq!(told, "Failed to parse data of unknown label 'info'");
        assert!(parse("json.info_1", b"{").is_err());
        assert!(parse("json.info_1", &[0xff]).is_err());
        assert!(parse("json.info_1", &vec![b' '; INFO_MAX + 1]).is_err());
        let info = parse("json.info_1", br#"{"id":"m","ip":16777226,"port":5050}"#).unwrap();
        assert_eq!((info.id.as_str(), info.port), ("m", 5050));
    }
}
