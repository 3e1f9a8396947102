// SPDX-License-Identifier: Apache-2.0

//! The calls that a framework makes.

use kaon_api::v1::offer::{self, Operation};
use kaon_api::v1::scheduler::Call;
use kaon_api::v1::scheduler::call::{
    Accept, AcceptInverseOffers, Acknowledge, AcknowledgeOperationStatus, Decline, DeclineInverseOffers,
    Kill, Message, Reconcile, Revive, Shutdown, Suppress, Type, UpdateFramework, reconcile,
};
use kaon_api::v1::{
    AgentID, ExecutorID, Filters, FrameworkInfo, KillPolicy, OfferID, OperationStatus, TaskID, TaskInfo,
    TaskStatus,
};

use super::Scheduler;
use crate::Error;

impl Scheduler {
    /// Uses offers of one agent. What the operations leave over is declined for `refuse_seconds`, or for Mesos's 5.
    pub async fn accept(
        &self,
        offers: impl IntoIterator<Item = OfferID>,
        operations: Vec<Operation>,
        refuse_seconds: Option<f64>,
    ) -> Result<(), Error> {
        let offer_ids = offers.into_iter().collect();
        let accept = Accept { offer_ids, operations, filters: filters(refuse_seconds), ..Default::default() };
        self.call(Call { accept: Some(accept), ..of_type(Type::Accept) }).await
    }

    /// Runs tasks on offers of one agent.
    pub async fn launch(
        &self,
        offers: impl IntoIterator<Item = OfferID>,
        tasks: Vec<TaskInfo>,
        refuse_seconds: Option<f64>,
    ) -> Result<(), Error> {
        let launch = offer::operation::Launch { task_infos: tasks, ..Default::default() };
        let operation = Operation {
            r#type: Some(offer::operation::Type::Launch),
            launch: Some(launch),
            ..Default::default()
        };
        self.accept(offers, vec![operation], refuse_seconds).await
    }

    /// Gives offers back, and wants no such resources again for `refuse_seconds`, or for Mesos's 5.
    pub async fn decline(
        &self,
        offers: impl IntoIterator<Item = OfferID>,
        refuse_seconds: Option<f64>,
    ) -> Result<(), Error> {
        let offer_ids = offers.into_iter().collect();
        let decline = Decline { offer_ids, filters: filters(refuse_seconds), ..Default::default() };
        self.call(Call { decline: Some(decline), ..of_type(Type::Decline) }).await
    }

    /// Agrees that the agents of inverse offers will be free in time. The framework is asked again after
    /// `refuse_seconds`, whether it agrees or not.
    pub async fn accept_inverse_offers(
        &self,
        offers: impl IntoIterator<Item = OfferID>,
        refuse_seconds: Option<f64>,
    ) -> Result<(), Error> {
        let inverse_offer_ids = offers.into_iter().collect();
        let accept =
            AcceptInverseOffers { inverse_offer_ids, filters: filters(refuse_seconds), ..Default::default() };
        self.call(Call { accept_inverse_offers: Some(accept), ..of_type(Type::AcceptInverseOffers) }).await
    }

    /// Does not agree. Unless the operator enforces it, what runs there goes on until the machine is taken down.
    pub async fn decline_inverse_offers(
        &self,
        offers: impl IntoIterator<Item = OfferID>,
        refuse_seconds: Option<f64>,
    ) -> Result<(), Error> {
        let inverse_offer_ids = offers.into_iter().collect();
        let decline = DeclineInverseOffers {
            inverse_offer_ids,
            filters: filters(refuse_seconds),
            ..Default::default()
        };
        self.call(Call { decline_inverse_offers: Some(decline), ..of_type(Type::DeclineInverseOffers) }).await
    }

    /// Wants offers again, forgetting what was declined; for some roles, or for all if none is named.
    pub async fn revive(&self, roles: &[&str]) -> Result<(), Error> {
        let revive = Revive { roles: owned(roles), ..Default::default() };
        self.call(Call { revive: Some(revive), ..of_type(Type::Revive) }).await
    }

    /// Wants no offers until revived; for some roles, or for all if none is named.
    pub async fn suppress(&self, roles: &[&str]) -> Result<(), Error> {
        let suppress = Suppress { roles: owned(roles), ..Default::default() };
        self.call(Call { suppress: Some(suppress), ..of_type(Type::Suppress) }).await
    }

    /// Ends a task; what becomes of it is told by an update.
    pub async fn kill(
        &self,
        task: impl Into<TaskID>,
        agent: Option<AgentID>,
        policy: Option<KillPolicy>,
    ) -> Result<(), Error> {
        let kill = Kill { task_id: task.into(), agent_id: agent, kill_policy: policy, ..Default::default() };
        self.call(Call { kill: Some(kill), ..of_type(Type::Kill) }).await
    }

    /// Ends an executor with all its tasks.
    pub async fn shutdown(&self, executor: ExecutorID, agent: AgentID) -> Result<(), Error> {
        let shutdown = Shutdown { executor_id: executor, agent_id: agent, ..Default::default() };
        self.call(Call { shutdown: Some(shutdown), ..of_type(Type::Shutdown) }).await
    }

    /// Says that an update has been dealt with, so that the next one of its task may come. Only where
    /// [`explicit_acknowledgements`](super::Options::explicit_acknowledgements) are asked for. What needs none is
    /// passed over.
    pub async fn acknowledge(&self, status: &TaskStatus) -> Result<(), Error> {
        match acknowledge(status) {
            Some(call) => self.call(call).await,
            None => Ok(()),
        }
    }

    /// Says that an update of an operation has been dealt with. What needs no acknowledgement is passed over.
    pub async fn acknowledge_operation(&self, status: &OperationStatus) -> Result<(), Error> {
        let (Some(uuid), Some(operation_id)) = (&status.uuid, &status.operation_id) else { return Ok(()) };
        let acknowledge = AcknowledgeOperationStatus {
            agent_id: status.agent_id.clone(),
            resource_provider_id: status.resource_provider_id.clone(),
            uuid: uuid.value.clone(),
            operation_id: operation_id.clone(),
            ..Default::default()
        };
        let acknowledge = Some(Box::new(acknowledge));
        let call = of_type(Type::AcknowledgeOperationStatus);
        self.call(Call { acknowledge_operation_status: acknowledge, ..call }).await
    }

    /// Asks how tasks are, each with its agent if that is known; or how all are, if none is named.
    pub async fn reconcile(
        &self,
        tasks: impl IntoIterator<Item = (TaskID, Option<AgentID>)>,
    ) -> Result<(), Error> {
        let task = |(task_id, agent_id)| reconcile::Task { task_id, agent_id, ..Default::default() };
        let reconcile = Reconcile { tasks: tasks.into_iter().map(task).collect(), ..Default::default() };
        self.call(Call { reconcile: Some(reconcile), ..of_type(Type::Reconcile) }).await
    }

    /// Sends bytes to an executor, which may or may not arrive.
    pub async fn message(&self, agent: AgentID, executor: ExecutorID, data: Vec<u8>) -> Result<(), Error> {
        let message = Message { agent_id: agent, executor_id: executor, data, ..Default::default() };
        self.call(Call { message: Some(message), ..of_type(Type::Message) }).await
    }

    /// Changes what the master knows of the framework.
    pub async fn update_framework(&self, mut framework: FrameworkInfo) -> Result<(), Error> {
        framework.id = Some(self.framework_id());
        let update = UpdateFramework {
            framework_info: Box::new(framework.clone()),
            suppressed_roles: self.shared.suppressed(),
            offer_constraints: self.shared.lock().offer_constraints.clone(),
            ..Default::default()
        };
        self.call(Call { update_framework: Some(update), ..of_type(Type::UpdateFramework) }).await?;
        self.shared.lock().framework = framework;
        Ok(())
    }
}

/// None where the update needs no acknowledgement.
pub(super) fn acknowledge(status: &TaskStatus) -> Option<Call> {
    let acknowledge = Acknowledge {
        agent_id: status.agent_id.clone()?,
        task_id: status.task_id.clone(),
        uuid: status.uuid.clone()?,
        ..Default::default()
    };
    Some(Call { acknowledge: Some(acknowledge), ..of_type(Type::Acknowledge) })
}

fn of_type(r#type: Type) -> Call {
    Call { r#type: Some(r#type), ..Default::default() }
}

fn filters(refuse_seconds: Option<f64>) -> Option<Filters> {
    refuse_seconds.map(|seconds| Filters { refuse_seconds: Some(seconds), ..Default::default() })
}

fn owned(roles: &[&str]) -> Vec<String> {
    roles.iter().map(|role| (*role).to_owned()).collect()
}
