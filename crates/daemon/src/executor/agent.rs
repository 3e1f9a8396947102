// SPDX-License-Identifier: Apache-2.0

//! The agent that an executor works for, by whichever of the two APIs.

use kaon_api::v1;
use kaon_sdk::executor::{Environment, Event, Events, Executor};

use super::driver::Driver;

pub enum Agent {
    /// Messages between processes.
    V0(Box<Driver>),
    /// Calls and events over HTTP.
    V1(Executor, Events),
}

impl Agent {
    pub async fn connect(environment: Environment) -> Result<Agent, String> {
        if std::env::var("MESOS_HTTP_COMMAND_EXECUTOR").as_deref() == Ok("1") {
            let connected = Executor::connect(environment).await;
            let (executor, events) = connected.map_err(|error| error.to_string())?;
            return Ok(Agent::V1(executor, events));
        }
        Driver::connect(environment).await.map(|driver| Agent::V0(Box::new(driver)))
    }

    /// What the agent tells; none after the last event. May be cancelled without loss.
    pub async fn next(&mut self) -> Option<Event> {
        match self {
            Agent::V0(driver) => driver.next().await,
            Agent::V1(_, events) => events.next().await,
        }
    }

    /// Reports how a task is; its identity, the time and the source are filled in.
    pub async fn update(&mut self, status: v1::TaskStatus) {
        match self {
            Agent::V0(driver) => driver.update(status),
            Agent::V1(executor, _) => {
                if let Err(error) = executor.update(status).await {
                    tracing::warn!("The agent does not take a status update: {error}");
                }
            }
        }
    }

    /// Waits until the agent has stored all updates; what it tells meanwhile is not listened to.
    pub async fn until_acknowledged(&mut self) {
        match self {
            Agent::V0(driver) => driver.until_acknowledged().await,
            Agent::V1(executor, _) => executor.until_acknowledged().await,
        }
    }
}
