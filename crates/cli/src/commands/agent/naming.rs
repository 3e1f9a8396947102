// SPDX-License-Identifier: Apache-2.0

//! Which agent is meant.

use std::fmt;

use anyhow::{Context, bail};
use kaon_sdk::Operator;
use serde_json::Value;

use crate::commands::view::registry;
use crate::records;

/// How many of the agents that may be meant are named.
const NAMED_MAX: usize = 5;

/// An agent that somebody named.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub id: String,
    /// Not known of one that is unreachable.
    pub hostname: Option<String>,
    pub state: String,
}

impl fmt::Display for Found {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hostname {
            Some(hostname) => write!(out, "{hostname} ({})", records::short_id(&self.id)),
            None => write!(out, "{}", self.id),
        }
    }
}

/// All agents that the masters remember, but for those that are gone.
pub async fn known(operator: &Operator) -> anyhow::Result<Vec<Found>> {
    let listed = operator.get_json("/slaves").await;
    let listed = listed.context("cannot read the agents of the cluster (--master says which)")?;
    let mut known: Vec<Found> = records::agents(&listed).iter().map(found).collect();
    // Who may not read the registry can still name an unreachable agent by its whole id.
    let registry = registry(operator).await;
    known.extend(records::unreachable_agents(&listed, &registry).iter().map(found));
    Ok(known)
}

fn found(agent: &Value) -> Found {
    let text = |name: &str| agent[name].as_str().map(str::to_owned);
    Found {
        id: text("id").unwrap_or_default(),
        hostname: text("hostname"),
        state: text("state").unwrap_or_default(),
    }
}

/// The one agent of that name. What is named whole comes before what only begins so.
pub fn pick(known: &[Found], name: &str) -> anyhow::Result<Found> {
    let whole = |agent: &&Found| {
        agent.id == name || agent.hostname.as_deref() == Some(name) || records::short_id(&agent.id) == name
    };
    let begins = |agent: &&Found| {
        agent.id.starts_with(name) || agent.hostname.as_deref().is_some_and(|host| host.starts_with(name))
    };
    let mut meant: Vec<&Found> = known.iter().filter(whole).collect();
    if meant.is_empty() {
        meant = known.iter().filter(begins).collect();
    }
    match meant[..] {
        [agent] => Ok(agent.clone()),
        // It may be unreachable, or gone: the master knows.
        [] if is_id(name) => {
            Ok(Found { id: name.to_owned(), hostname: None, state: "not listed".to_owned() })
        }
        [] => bail!("no agent is called '{name}', nor begins so; `kaon agents` lists them"),
        _ => {
            let names: Vec<String> = meant.iter().take(NAMED_MAX).map(|agent| agent.to_string()).collect();
            let more = if meant.len() > NAMED_MAX { ", …" } else { "" };
            bail!("'{name}' may be any of {}: {}{more}; name it by its id", meant.len(), names.join(", "))
        }
    }
}

/// Whether this is the whole of an id as masters give them: `9faade45-1d0c-4b9c-b8a5-4a51d8a3c0a1-S3`.
fn is_id(name: &str) -> bool {
    let number = name.rsplit_once("-S").filter(|(master, _)| master.len() == 36);
    number.is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(id: &str, hostname: &str) -> Found {
        Found { id: id.to_owned(), hostname: Some(hostname.to_owned()), state: "active".to_owned() }
    }

    #[test]
    fn an_agent_is_named_by_id_hostname_or_the_beginning_of_one() {
        let known = [
            agent("aa11-x-S1", "web1"),
            agent("aa11-x-S10", "web10"),
            agent("bb22-x-S2", "db.example"),
            agent("bb22-x-S3", "shared"),
            agent("cc33-x-S4", "shared"),
        ];
        for (name, expected) in [
            ("aa11-x-S1", Ok("web1")),
            ("web1", Ok("web1")),
            ("web10", Ok("web10")),
            ("aa11-S10", Ok("web10")),
            ("db", Ok("db.example")),
            ("cc", Ok("shared")),
            ("web", Err("may be any of 2: web1 (aa11-S1), web10 (aa11-S10)")),
            ("shared", Err("may be any of 2")),
            ("nobody", Err("no agent is called 'nobody'")),
        ] {
            match (pick(&known, name), expected) {
                (Ok(found), Ok(hostname)) => assert_eq!(found.hostname.as_deref(), Some(hostname), "{name}"),
                (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{name}: {error}"),
                (found, expected) => panic!("{name}: {found:?}, not {expected:?}"),
            }
        }
        let unlisted = "9faade45-1d0c-4b9c-b8a5-4a51d8a3c0a1-S3";
        assert_eq!(pick(&known, unlisted).unwrap().id, unlisted);
    }
}
