// SPDX-License-Identifier: Apache-2.0

//! Takes hosts out of service.

use std::time::Duration;

use kaon_api::google::protobuf;
use kaon_api::v1;
use kaon_api::v1::master::{Call, call};

use super::Operator;
use crate::Error;

impl Operator {
    /// The agent is offered no more. What it runs goes on.
    pub async fn deactivate_agent(&self, agent: &str) -> Result<(), Error> {
        let deactivate = call::DeactivateAgent { agent_id: v1::AgentID::from(agent), ..Default::default() };
        let deactivate_agent = Some(deactivate);
        self.order(Call { r#type: Some(call::Type::DeactivateAgent), deactivate_agent, ..Default::default() })
            .await
    }

    /// The agent is offered again. One that is still being drained is refused with the status 400.
    pub async fn reactivate_agent(&self, agent: &str) -> Result<(), Error> {
        let reactivate = call::ReactivateAgent { agent_id: v1::AgentID::from(agent), ..Default::default() };
        let reactivate_agent = Some(reactivate);
        self.order(Call { r#type: Some(call::Type::ReactivateAgent), reactivate_agent, ..Default::default() })
            .await
    }

    /// The agent is offered no more, and kills what it runs: with the grace that each task asks for, but no more
    /// than `grace`, which those have that ask for none. This returns when the order is durable, long before the agent is empty. With `then_gone` it is marked
    /// gone when it is.
    pub async fn drain_agent(
        &self,
        agent: &str,
        grace: Option<Duration>,
        then_gone: bool,
    ) -> Result<(), Error> {
        let drain = call::DrainAgent {
            agent_id: v1::AgentID::from(agent),
            max_grace_period: grace.map(duration),
            mark_gone: Some(then_gone),
            ..Default::default()
        };
        let drain_agent = Some(drain);
        self.order(Call { r#type: Some(call::Type::DrainAgent), drain_agent, ..Default::default() }).await
    }

    /// The agent will never be let in again; its tasks are over.
    pub async fn mark_agent_gone(&self, agent: &str) -> Result<(), Error> {
        let gone = call::MarkAgentGone { agent_id: v1::AgentID::from(agent), ..Default::default() };
        let mark_agent_gone = Some(gone);
        self.order(Call { r#type: Some(call::Type::MarkAgentGone), mark_agent_gone, ..Default::default() })
            .await
    }

    pub(super) async fn order(&self, call: Call) -> Result<(), Error> {
        self.call(&call).await.map(drop)
    }
}

fn duration(span: Duration) -> protobuf::Duration {
    protobuf::Duration {
        seconds: Some(i64::try_from(span.as_secs()).unwrap_or(i64::MAX)),
        nanos: Some(i32::try_from(span.subsec_nanos()).unwrap_or_default()),
        ..Default::default()
    }
}
