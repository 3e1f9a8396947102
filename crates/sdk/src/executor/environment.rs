// SPDX-License-Identifier: Apache-2.0

//! What an agent tells an executor by environment variables.

use std::path::PathBuf;
use std::time::Duration;

use kaon_api::v1::{ExecutorID, FrameworkID};
use kaon_model::Span;

use crate::{Address, Error};

/// Mesos: what holds where the agent says nothing.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(15 * 60);
const SUBSCRIPTION_BACKOFF_MAX: Duration = Duration::from_secs(2);
const SHUTDOWN_GRACE_PERIOD: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    pub agent: Address,
    pub framework_id: FrameworkID,
    pub executor_id: ExecutorID,
    /// Where the executor and its tasks may write.
    pub sandbox: PathBuf,
    /// Whether tasks are to go on while the agent is away.
    pub checkpoint: bool,
    /// How long the agent may stay away.
    pub recovery_timeout: Duration,
    /// The longest pause between attempts to subscribe again.
    pub subscription_backoff_max: Duration,
    /// How long [`Shutdown`](super::Event::Shutdown) may take.
    pub shutdown_grace_period: Duration,
    pub authentication_token: Option<String>,
}

impl Environment {
    /// Reads the variables of this process.
    ///
    /// # Errors
    /// [`Error::Environment`] with the variable that is missing or malformed.
    pub fn from_process() -> Result<Environment, Error> {
        Environment::read(|name| std::env::var(name).ok())
    }

    fn read(get: impl Fn(&'static str) -> Option<String>) -> Result<Environment, Error> {
        let required =
            |name| get(name).ok_or_else(|| Error::Environment { name, problem: "is not set".to_owned() });
        let duration = |name, default| match get(name) {
            None => Ok(default),
            Some(text) => {
                let malformed = |_| malformed(name, &text, "a duration such as 5secs");
                text.parse::<Span>().map(Span::to_std).map_err(malformed)
            }
        };
        let endpoint = required("MESOS_AGENT_ENDPOINT")?;
        let agent = endpoint.parse();
        Ok(Environment {
            agent: agent.map_err(|_| malformed("MESOS_AGENT_ENDPOINT", &endpoint, "HOST:PORT"))?,
            framework_id: FrameworkID::from(required("MESOS_FRAMEWORK_ID")?),
            executor_id: ExecutorID::from(required("MESOS_EXECUTOR_ID")?),
            sandbox: get("MESOS_SANDBOX").map_or_else(|| required("MESOS_DIRECTORY"), Ok)?.into(),
            checkpoint: get("MESOS_CHECKPOINT").as_deref() == Some("1"),
            recovery_timeout: duration("MESOS_RECOVERY_TIMEOUT", RECOVERY_TIMEOUT)?,
            subscription_backoff_max: duration("MESOS_SUBSCRIPTION_BACKOFF_MAX", SUBSCRIPTION_BACKOFF_MAX)?,
            shutdown_grace_period: duration("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", SHUTDOWN_GRACE_PERIOD)?,
            authentication_token: get("MESOS_EXECUTOR_AUTHENTICATION_TOKEN"),
        })
    }
}

fn malformed(name: &'static str, text: &str, expected: &str) -> Error {
    Error::Environment { name, problem: format!("is '{text}' and not {expected}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changes: &[(&str, Option<&str>)]) -> Result<Environment, String> {
        let usual = |name: &str| match name {
            "MESOS_AGENT_ENDPOINT" => Some("10.0.0.1:5051"),
            "MESOS_FRAMEWORK_ID" => Some("F"),
            "MESOS_EXECUTOR_ID" => Some("E"),
            "MESOS_DIRECTORY" => Some("/d"),
            _ => None,
        };
        let get = |name: &'static str| {
            let changed = changes.iter().find(|change| change.0 == name);
            changed.map_or_else(|| usual(name), |change| change.1).map(str::to_owned)
        };
        Environment::read(get).map_err(|error| error.to_string())
    }

    #[test]
    fn an_executor_knows_its_agent_and_its_patience() {
        let environment = read(&[]).unwrap();
        assert_eq!(environment.agent, Address::new("10.0.0.1", 5051));
        assert!(!environment.checkpoint);
        assert_eq!(environment.recovery_timeout, Duration::from_secs(900));
        let changes = [("MESOS_CHECKPOINT", Some("1")), ("MESOS_RECOVERY_TIMEOUT", Some("1.5mins"))];
        let environment = read(&changes).unwrap();
        assert!(environment.checkpoint);
        assert_eq!(environment.recovery_timeout, Duration::from_secs(90));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let missing = read(&[("MESOS_EXECUTOR_ID", None)]).unwrap_err();
        assert!(missing.contains("MESOS_EXECUTOR_ID is not set"), "{missing}");
        let malformed = read(&[("MESOS_RECOVERY_TIMEOUT", Some("soon"))]).unwrap_err();
        assert!(malformed.contains("MESOS_RECOVERY_TIMEOUT is 'soon'"), "{malformed}");
        assert!(read(&[("MESOS_AGENT_ENDPOINT", Some("nowhere"))]).is_err());
    }
}
