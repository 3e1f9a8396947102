// SPDX-License-Identifier: Apache-2.0

//! The life of an executor that runs groups of tasks.

use std::collections::BTreeMap;
use std::time::Duration;

use kaon_model::{Mono, Now, TaskId, TaskState};

use crate::command::{Action, Attached, Cause, Command, Input};
use crate::spec::Spec;

/// What is to be done for one task.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub task: TaskId,
    pub action: Action,
}

#[derive(Clone, Debug, PartialEq)]
struct Member {
    group: u32,
    command: Command,
    /// Whether its process runs, though it may be that others of its group do not yet.
    launched: bool,
}

/// Tasks that live and die in groups.
///
/// Mesos: a member that ends FAILED or KILLED takes the others of its group with it; one that finishes does not.
/// Groups of one executor do not touch each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    members: BTreeMap<TaskId, Member>,
    next_group: u32,
}

impl Group {
    pub fn new() -> Group {
        Group::default()
    }

    /// Begins the launch of a group's tasks, and says the number under which they stand together.
    pub fn launch(&mut self, tasks: Vec<(TaskId, Spec)>, out: &mut Vec<Order>) -> u32 {
        let group = self.next_group;
        self.next_group += 1;
        for (task, spec) in tasks {
            let mut actions = Vec::new();
            let command = Command::new(spec, &mut actions);
            push(&task, actions, out);
            self.members.insert(task, Member { group, command, launched: false });
        }
        group
    }

    /// Takes in the machine of a task that was launched before the host ended.
    pub fn restore(&mut self, task: TaskId, group: u32, command: Command) {
        self.next_group = self.next_group.max(group.saturating_add(1));
        let launched = !command.is_launching();
        self.members.insert(task, Member { group, command, launched });
    }

    /// Advances one task; others of its group follow where its end demands it.
    pub fn handle(&mut self, now: Now, task: &TaskId, input: Input, out: &mut Vec<Order>) {
        let Some(member) = self.members.get_mut(task) else { return };
        let group = member.group;
        if input == Input::Launched {
            member.launched = true;
            return self.all_launched(now, group, out);
        }
        let mut actions = Vec::new();
        if member.launched && member.command.is_launching() {
            // It ran, whatever becomes of the others.
            member.command.handle(now, Input::Launched, &mut actions);
        }
        member.command.handle(now, input, &mut actions);
        if member.command.has_ended() {
            self.members.remove(task);
        }
        let end = actions.iter().find_map(ends_the_group);
        push(task, actions, out);
        match end {
            Some(cause) => self.end(now, group, cause, out),
            // The rest of the group waited for it.
            None if !self.members.contains_key(task) => self.all_launched(now, group, out),
            None => {}
        }
    }

    /// Ends what is left of a group of which a task could not be launched.
    pub fn end_group(&mut self, now: Now, group: u32, out: &mut Vec<Order>) {
        self.end(now, group, Cause::Asked, out);
    }

    fn end(&mut self, now: Now, group: u32, cause: Cause, out: &mut Vec<Order>) {
        self.each(|member| member.group == group, |command, out| command.end_for(now, cause, out), out);
    }

    /// Mesos: no task of a group is told to be running before all of them are. A task that was seen running thus never
    /// ends because another could not be launched.
    fn all_launched(&mut self, now: Now, group: u32, out: &mut Vec<Order>) {
        let mut others = self.members.values().filter(|member| member.group == group);
        if others.all(|member| member.launched) {
            let launched = |command: &mut Command, out: &mut Vec<Action>| {
                command.handle(now, Input::Launched, out);
            };
            self.each(|member| member.group == group, launched, out);
        }
    }

    /// Ends every task: each with its own grace period, unless another is given.
    pub fn shutdown(&mut self, now: Now, grace: Option<Duration>, out: &mut Vec<Order>) {
        self.each(|_| true, |command, out| command.handle(now, Input::Kill { grace }, out), out);
    }

    fn each(
        &mut self,
        matches: impl Fn(&Member) -> bool,
        act: impl Fn(&mut Command, &mut Vec<Action>),
        out: &mut Vec<Order>,
    ) {
        for (task, member) in self.members.iter_mut().filter(|(_, member)| matches(member)) {
            let mut actions = Vec::new();
            act(&mut member.command, &mut actions);
            push(task, actions, out);
        }
    }

    /// Advances every task whose deadline has come.
    pub fn tick(&mut self, now: Now, out: &mut Vec<Order>) {
        let due = |member: &Member| member.command.deadline().is_some_and(|at| at <= now.mono);
        let tasks: Vec<TaskId> =
            self.members.iter().filter(|(_, member)| due(member)).map(|(task, _)| task.clone()).collect();
        tasks.iter().for_each(|task| self.handle(now, task, Input::Tick, out));
    }

    /// When the next `tick` is due.
    pub fn deadline(&self) -> Option<Mono> {
        self.members.values().filter_map(|member| member.command.deadline()).min()
    }

    /// Mesos: the executor ends when none of its tasks is left.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The machine of a task that has not ended.
    pub fn command(&self, task: &TaskId) -> Option<&Command> {
        self.members.get(task).map(|member| &member.command)
    }

    /// The tasks that have not ended, each with the number of its group.
    pub fn members(&self) -> impl Iterator<Item = (&TaskId, u32, &Command)> {
        self.members.iter().map(|(task, member)| (task, member.group, &member.command))
    }
}

fn push(task: &TaskId, actions: Vec<Action>, out: &mut Vec<Order>) {
    out.extend(actions.into_iter().map(|action| Order { task: task.clone(), action }));
}

/// Why the others of a group are to end, if this ends them. Mesos: once a task was not healthy, whatever ends in its
/// executor counts as that, other groups included; here it is the task's own group.
fn ends_the_group(action: &Action) -> Option<Cause> {
    match action {
        Action::Report(report, Attached { healthy, .. })
            if matches!(report.state, TaskState::Failed | TaskState::Killed) =>
        {
            Some(if *healthy == Some(false) { Cause::Unhealthy } else { Cause::Asked })
        }
        _ => None,
    }
}
