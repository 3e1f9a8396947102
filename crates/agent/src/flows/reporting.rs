// SPDX-License-Identifier: Apache-2.0

//! The way of a status update: noted, made durable, sent, acknowledged.

use std::sync::Arc;

use kaon_api::internal::{StatusUpdate, StatusUpdateMessage};
use kaon_api::v1;
use kaon_api::v1::executor::{Event, event};
use kaon_executor::{Attached, Report};
use kaon_model::{ContainerId, FrameworkId, TaskId, TaskState, Uuid};

use crate::agent::{Agent, Awaited, Cx, Timer};
use crate::effect::{Effect, ToPeer};
use crate::journal::{facts, layout};
use crate::state::{Executor, Key, Kind, Phase, add_status, is_terminal};
use crate::updates::{Admission, Source, StreamKey, new_update, update_uuid};

impl Agent {
    /// Tells of a task on the agent's own behalf.
    pub(crate) fn report_own(
        &mut self,
        cx: &mut Cx,
        framework: &FrameworkId,
        key: Option<&Key>,
        task: &TaskId,
        report: Report,
    ) {
        let Some(agent) = self.state.id.clone() else { return };
        let executor = key.map(|key| &key.executor);
        let uuid = self.entropy.uuid();
        let source = Source::SourceAgent;
        let update = new_update(&agent, framework, executor, task, report, source, uuid, cx.now.wall);
        self.report(cx, update, key, None);
    }

    /// Tells on the agent's own behalf that a task has ended with its executor. `limited` is what there was too little of.
    pub(crate) fn report_ended(
        &mut self,
        cx: &mut Cx,
        key: &Key,
        task: &TaskId,
        report: Report,
        limited: &[v1::Resource],
    ) {
        let Some(agent) = self.state.id.clone() else { return };
        let uuid = self.entropy.uuid();
        let (framework, executor) = (&key.framework, Some(&key.executor));
        let source = Source::SourceAgent;
        let mut update = new_update(&agent, framework, executor, task, report, source, uuid, cx.now.wall);
        if !limited.is_empty() {
            let resources = limited.to_vec();
            update.status.limitation = Some(v1::TaskResourceLimitation { resources, ..Default::default() });
        }
        self.report(cx, update, Some(key), None);
    }

    /// Tells what the machine of a built-in executor says of a task.
    pub(crate) fn report_task(
        &mut self,
        cx: &mut Cx,
        key: &Key,
        task: &TaskId,
        report: Report,
        attached: Attached,
        source: Source,
    ) {
        let Some(agent) = self.state.id.clone() else { return };
        let uuid = self.entropy.uuid();
        let (framework, executor) = (&key.framework, Some(&key.executor));
        let mut update = new_update(&agent, framework, executor, task, report, source, uuid, cx.now.wall);
        (update.status.healthy, update.status.check_status) = (attached.healthy, attached.check_status);
        self.report(cx, update, Some(key), None);
    }

    /// Takes in an update. `sender` is the custom executor that is to hear that it is safe here.
    pub(crate) fn report(
        &mut self,
        cx: &mut Cx,
        mut update: StatusUpdate,
        key: Option<&Key>,
        sender: Option<(Key, ContainerId)>,
    ) {
        let Some(uuid) = update_uuid(&update) else { return };
        let framework = FrameworkId::from(update.framework_id.value.as_str());
        let task = TaskId::from(update.status.task_id.value.as_str());
        let executor = key.and_then(|key| self.state.executor(key));
        if let Some(executor) = executor.filter(|executor| is_contained(executor, &update.status)) {
            let ip = self.config.pid.ip.to_string();
            add_container_status(&mut update.status, executor, &task, ip);
        }
        self.mark_drained(&mut update);
        // Mesos: nobody hears of the tasks of a framework that is ending.
        if self.state.framework(&framework).is_some_and(|framework| framework.terminating) {
            if let Some((key, container)) = sender {
                self.send_acknowledged(cx, &key, &container, &task, &uuid);
            }
            self.note_silently(key, &task, &update.status);
            return self.tell_held_after(cx, key, &update.status);
        }
        let log = executor.filter(|executor| executor.checkpoints).and_then(|executor| {
            let run = facts::run_folder(self.state.id.as_ref()?, executor);
            Some(layout::updates(&run, &task))
        });
        let stream = (framework, task);
        match self.updates.admit(stream.clone(), update.clone(), uuid, log) {
            Admission::New => {
                self.note_status(key, &stream.1, &update.status);
                self.tell_held_after(cx, key, &update.status);
                let ops = self.updates.write_update(&stream, &update).map(|op| vec![op]);
                self.after(cx, ops, Awaited::Update { stream, uuid, executor: sender });
            }
            Admission::Duplicate | Admission::AfterEnd => {
                if let Some((key, container)) = sender {
                    self.send_acknowledged(cx, &key, &container, &stream.1, &uuid);
                }
            }
            Admission::Underway => {}
            Admission::Full => cx.warn(format!(
                "Dropping a status update of task {}: too many of its updates wait for acknowledgement",
                stream.1
            )),
        }
    }

    fn note_status(&mut self, key: Option<&Key>, task: &TaskId, status: &v1::TaskStatus) {
        let record = key
            .and_then(|key| self.state.executor_mut(key))
            .and_then(|executor| executor.tasks.get_mut(task));
        if let Some(record) = record {
            add_status(Arc::make_mut(record), status);
        }
        use kaon_api::wire::Enumeration;
        if let Some(state) = TaskState::from_number(status.state.number()) {
            self.state.counters.count_end(state);
        }
    }

    /// A task whose framework is ending goes to the history at once, since no acknowledgement will come.
    fn note_silently(&mut self, key: Option<&Key>, task: &TaskId, status: &v1::TaskStatus) {
        self.note_status(key, task, status);
        if is_terminal(status.state)
            && let Some(executor) = key.and_then(|key| self.state.executor_mut(key))
            && let Some(record) = executor.tasks.remove(task)
        {
            executor.remember(record);
        }
    }

    /// An update is durable: its sender hears of it, and it may go on its way.
    pub(crate) fn update_recorded(
        &mut self,
        cx: &mut Cx,
        stream: &StreamKey,
        uuid: &Uuid,
        sender: Option<(Key, ContainerId)>,
    ) {
        if let Some((key, container)) = sender {
            self.send_acknowledged(cx, &key, &container, &stream.1, uuid);
        }
        if self.updates.made_durable(stream, uuid) {
            self.send_next(cx, stream);
        }
    }

    fn send_acknowledged(&self, cx: &mut Cx, key: &Key, container: &ContainerId, task: &TaskId, uuid: &Uuid) {
        if self.state.executor(key).is_none_or(|executor| executor.container != *container) {
            return;
        }
        let task_id = v1::TaskID::from(task.as_str());
        let acknowledged = event::Acknowledged { task_id, uuid: uuid.to_vec(), ..Default::default() };
        let event = Event {
            r#type: Some(event::Type::Acknowledged),
            acknowledged: Some(acknowledged),
            ..Default::default()
        };
        self.tell_executor(cx, key, event);
    }

    /// Sends the oldest update of a task, if it may go, and looks again when no acknowledgement has come.
    pub(crate) fn send_next(&mut self, cx: &mut Cx, stream: &StreamKey) {
        let Some(to) = self.state.master.as_ref().map(|master| master.pid.clone()) else { return };
        let Some((update, wait)) = self.updates.next(stream) else { return };
        self.timers.set(Timer::Retry(stream.0.clone(), stream.1.clone()), cx.now.mono + wait);
        if let Some(key) = self.state.executor_of(&stream.0, &stream.1)
            && let Some(executor) = self.state.executor_mut(&key)
            && let Some(task) = executor.tasks.get_mut(&stream.1)
        {
            let task = Arc::make_mut(task);
            task.status_update_state = Some(update.status.state);
            task.status_update_uuid = update.status.uuid.clone();
        }
        // Mesos: a master aborts where the pid is missing.
        let pid = Some(self.config.pid.to_string());
        let message = StatusUpdateMessage { update: Box::new(update), pid, ..Default::default() };
        cx.push(Effect::Send { to, message: Box::new(ToPeer::StatusUpdate(message)) });
    }

    /// An acknowledgement is durable: the next update goes, or the task is done with.
    pub(crate) fn acknowledgement_recorded(&mut self, cx: &mut Cx, stream: &StreamKey, uuid: &Uuid) {
        match self.updates.advance(stream, uuid) {
            Some(advanced) if advanced.ended => self.task_settled(cx, stream),
            Some(_) => self.send_next(cx, stream),
            None => {}
        }
    }

    /// The end of a task is acknowledged: it goes to the history.
    fn task_settled(&mut self, cx: &mut Cx, (framework, task): &StreamKey) {
        let Some(key) = self.state.executor_of(framework, task) else { return };
        let Some(executor) = self.state.executor_mut(&key) else { return };
        let Some(record) = executor.tasks.remove(task) else { return };
        executor.remember(record);
        executor.checked.remove(task);
        if executor.kind == Kind::Default
            && let Some(container) = executor.nested.remove(task)
        {
            self.owners.remove(&container);
            cx.push(Effect::Forget { container });
        }
        self.end_if_drained(cx, &key);
        self.remove_executor_if_settled(cx, &key);
    }

    /// Sends what waits for acknowledgement, as after a registration.
    pub(crate) fn resume_updates(&mut self, cx: &mut Cx) {
        self.updates.paused = false;
        let streams: Vec<StreamKey> = self.updates.keys().cloned().collect();
        for stream in streams {
            #[cfg(feature = "sabotage")]
            if self.breaks(crate::Sabotage::DropUpdateAtReregistration) {
                self.updates.drop_framework(&stream.0);
            }
            self.updates.rewind(&stream);
            self.send_next(cx, &stream);
        }
        self.resume_operations(cx);
    }

    pub(crate) fn pause_updates(&mut self) {
        self.updates.paused = true;
        self.pause_operations();
        for (framework, task) in self.updates.keys() {
            self.timers.cancel(&Timer::Retry(framework.clone(), task.clone()));
        }
    }
}

/// Whether there is a container to tell of: not for what ended before it had one, nor when it is gone.
fn is_contained(executor: &Executor, status: &v1::TaskStatus) -> bool {
    use v1::task_status::Reason;
    let never = matches!(
        status.reason,
        Some(Reason::ReasonTaskKilledDuringLaunch | Reason::ReasonContainerLaunchFailed)
    );
    !never && executor.phase != Phase::Terminated
}

/// Mesos: the agent says in which container a task runs; where no network is named, it has the agent's own address.
fn add_container_status(status: &mut v1::TaskStatus, executor: &Executor, task: &TaskId, ip: String) {
    let own = status.container_status.get_or_insert_default();
    own.container_id.get_or_insert_with(|| Box::new(executor.container_status_id(Some(task))));
    own.executor_pid = own.executor_pid.or(executor.pid);
    if own.network_infos.is_empty() {
        let address = v1::network_info::IPAddress {
            protocol: Some(v1::network_info::Protocol::Ipv4),
            ip_address: Some(ip),
            ..Default::default()
        };
        own.network_infos.push(v1::NetworkInfo { ip_addresses: vec![address], ..Default::default() });
    }
}
