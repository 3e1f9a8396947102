// SPDX-License-Identifier: Apache-2.0

//! Operations on the agent's resources: carried out, made durable, told of until they are acknowledged.

use std::sync::Arc;

use kaon_api::internal::UpdateOperationStatusMessage;
use kaon_api::v1;
use kaon_model::{Resource, Resources, Role, Uuid, conversions, resources_of};

use crate::agent::{Agent, Cx, Timer};
use crate::effect::{Effect, ToPeer};
use crate::journal::resources;
use crate::journal::{RecoveredResources, VolumeFolder};
use crate::state::is_terminal;
use crate::updates::{RETRY_MAX, RETRY_MIN};

impl Agent {
    /// The resources that the operator described.
    pub(crate) fn described(&self) -> Resources {
        Resources::from_wire(&self.state.info.resources).unwrap_or_default()
    }

    /// Carries out an operation as far as it can be, and sees to it that its end is told.
    pub(crate) fn apply(&mut self, cx: &mut Cx, uuid: Uuid, mut operation: Arc<v1::Operation>) {
        let before = self.state.total.clone();
        let done = self.converted(&operation.info);
        let status = Arc::make_mut(&mut operation);
        status.latest_status.uuid = Some(wire_uuid(self.entropy.uuid()));
        match done {
            Ok(total) => {
                self.state.total = total;
                status.latest_status.state = v1::OperationState::OperationFinished;
            }
            // Mesos: an agent that cannot do what its master orders ends itself.
            Err(message) => {
                status.latest_status.state = v1::OperationState::OperationError;
                status.latest_status.message = Some(message);
            }
        }
        status.statuses = vec![(*status.latest_status).clone()];
        self.state.operations.insert(uuid, operation);
        let (before, after) = (before.checkpointed(), self.state.total.checkpointed());
        let ops = resources::change(&before, &after, self.state.operations.values().map(|one| &**one));
        self.after_operation(cx, ops, uuid);
    }

    /// The total after an operation.
    fn converted(&self, info: &v1::offer::Operation) -> Result<Resources, String> {
        let mut info = info.clone();
        resources_of(&mut info).into_iter().for_each(|resource| resource.allocation_info = None);
        let steps = conversions(&info).map_err(|error| error.to_string())?;
        let total = self.state.total.apply(&steps).map_err(|error| error.to_string())?;
        let cannot_be = |volume: &&Resource| VolumeFolder::of(volume).is_some_and(|folder| !folder.can_be());
        if let Some(volume) = total.iter().find(cannot_be) {
            let role = volume.reservation_role().map_or("", Role::as_str);
            return Err(format!(
                "The role '{role}' is too long for the name of the persistent volume's folder"
            ));
        }
        // Its data would be gone under the feet of whoever works on them.
        let gone = |resource: &&Resource| resource.is_persistent_volume() && !total.contains(resource);
        let destroyed = self.state.total.iter().filter(gone).filter(|volume| {
            let id = volume.persistence_id();
            !total
                .iter()
                .any(|other| other.persistence_id() == id && other.reservations == volume.reservations)
        });
        let used = self.volumes_in_use();
        match destroyed.into_iter().find(|volume| used.contains(volume)) {
            Some(volume) => Err(format!("Persistent volume {volume} is in use")),
            None => Ok(total),
        }
    }

    fn volumes_in_use(&self) -> Resources {
        let of = |wire: &[v1::Resource]| {
            let volumes = wire.iter().filter(|one| one.disk.is_some());
            volumes.filter_map(|one| Resource::from_wire(one).ok()).collect::<Resources>().unallocate()
        };
        let mut used = Resources::new();
        for executor in self.state.executors() {
            used += &of(&executor.info.resources);
            let tasks = executor.tasks.values().filter(|task| !is_terminal(task.state));
            let queued = executor.queue.iter().map(|queued| &queued.task);
            tasks.chain(queued).for_each(|task| used += &of(&task.resources));
        }
        used
    }

    /// Takes up what the agent before did to its resources. False where that cannot be had here any more.
    pub(crate) fn recover_resources(&mut self, cx: &mut Cx, recovered: &RecoveredResources) -> bool {
        let base = self.described();
        match base.with_checkpointed(&recovered.checkpointed) {
            Ok(total) => {
                self.state.total = total;
                true
            }
            Err(error) => {
                let message = format!(
                    "Checkpointed resources {} are incompatible with agent resources {base}: {error}. Restore \
                     --resources, or give the reservations and volumes up first",
                    recovered.checkpointed
                );
                cx.push(Effect::Exit { code: 1, message });
                false
            }
        }
    }

    /// Operations whose end nobody has acknowledged are told of again, once the agent is registered.
    ///
    /// Mesos: an agent remembers volumes that it was about to make or destroy, too; they are made or destroyed now.
    pub(crate) fn recover_operations(&mut self, cx: &mut Cx, operations: Vec<v1::Operation>) {
        for operation in operations {
            let Ok(uuid) = Uuid::from_bytes(&operation.uuid.value) else { continue };
            if operation.latest_status.uuid.is_some() {
                self.state.operations.insert(uuid, Arc::new(operation));
                self.operation_waits.insert(uuid, None);
            } else if operation.latest_status.state == v1::OperationState::OperationPending {
                self.apply(cx, uuid, Arc::new(operation));
            }
        }
    }

    /// Tells the end of an operation, if it may be told, and looks again when no acknowledgement has come.
    pub(crate) fn send_operation(&mut self, cx: &mut Cx, uuid: Uuid) {
        if self.updates.paused {
            return;
        }
        let Some(operation) = self.state.operations.get(&uuid).cloned() else { return };
        // What is not durable yet may not be told.
        let Some(wait) = self.operation_waits.get_mut(&uuid) else { return };
        let next = wait.map_or(RETRY_MIN, |wait| (wait * 2).min(RETRY_MAX));
        *wait = Some(next);
        self.timers.set(Timer::OperationRetry(uuid), cx.now.mono + next);
        let status = (*operation.latest_status).clone();
        let (framework, uuid) = (operation.framework_id.clone(), operation.uuid.clone());
        self.send_operation_status(cx, framework, status, Some(uuid));
    }

    pub(crate) fn resume_operations(&mut self, cx: &mut Cx) {
        for uuid in self.operation_waits.keys().copied().collect::<Vec<_>>() {
            self.operation_waits.insert(uuid, None);
            self.send_operation(cx, uuid);
        }
    }

    pub(crate) fn pause_operations(&mut self) {
        for uuid in self.operation_waits.keys() {
            self.timers.cancel(&Timer::OperationRetry(*uuid));
        }
    }

    /// The operation was not carried out, and nothing of it is remembered.
    pub(crate) fn send_dropped(&self, cx: &mut Cx, operation: &v1::Operation, why: Option<&str>) {
        let status = v1::OperationStatus {
            state: v1::OperationState::OperationDropped,
            message: why.map(str::to_string),
            ..(*operation.latest_status).clone()
        };
        let uuid = Some(operation.uuid.clone());
        self.send_operation_status(cx, operation.framework_id.clone(), status, uuid);
    }

    /// The master knows of an operation that never came here.
    pub(crate) fn send_unknown(&self, cx: &mut Cx, uuid: Uuid) {
        let status = v1::OperationStatus {
            state: v1::OperationState::OperationDropped,
            agent_id: self.state.id.as_ref().map(|id| v1::AgentID::from(id.as_str())),
            ..Default::default()
        };
        self.send_operation_status(cx, None, status, Some(wire_uuid(uuid)));
    }

    pub(crate) fn send_operation_status(
        &self,
        cx: &mut Cx,
        framework_id: Option<v1::FrameworkID>,
        status: v1::OperationStatus,
        operation_uuid: Option<v1::UUID>,
    ) {
        let (Some(master), Some(agent)) = (&self.state.master, &self.state.id) else { return };
        let message = UpdateOperationStatusMessage {
            framework_id,
            agent_id: Some(v1::AgentID::from(agent.as_str())),
            latest_status: status.uuid.is_some().then(|| Box::new(status.clone())),
            status: Box::new(status),
            operation_uuid,
            ..Default::default()
        };
        let message = Box::new(ToPeer::UpdateOperationStatus(message));
        cx.push(Effect::Send { to: master.pid.clone(), message });
    }
}

fn wire_uuid(uuid: Uuid) -> v1::UUID {
    v1::UUID { value: uuid.to_vec(), ..Default::default() }
}
