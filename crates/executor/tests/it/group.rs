// SPDX-License-Identifier: Apache-2.0

//! Tables for the executor of task groups.

use super::{at, describe};
use kaon_executor::check::{Outcome, Which};
use kaon_executor::command::Input;
use kaon_executor::group::Order;
use kaon_executor::{Group, Spec};
use kaon_model::TaskId;
use std::time::Duration;

use crate::checks;

fn launch(group: &mut Group, tasks: &[&str], out: &mut Vec<Order>) {
    let spec = Spec::default();
    group.launch(tasks.iter().map(|task| (TaskId::from(*task), spec.clone())).collect(), out);
    for task in tasks {
        group.handle(at(0), &TaskId::from(*task), Input::Launched, out);
    }
}

fn lines(out: &mut Vec<Order>) -> Vec<String> {
    out.drain(..).map(|order| format!("{} {}", order.task, describe(&order.action))).collect()
}

fn exit(group: &mut Group, task: &str, status: i32, out: &mut Vec<Order>) {
    group.handle(at(1), &TaskId::from(task), Input::Exited { status: Some(status) }, out);
}

#[test]
fn a_failed_member_takes_its_group_with_it_and_no_other() {
    let (mut group, mut out) = (Group::new(), Vec::new());
    launch(&mut group, &["a", "b"], &mut out);
    launch(&mut group, &["x", "y"], &mut out);
    out.clear();
    exit(&mut group, "a", 1 << 8, &mut out);
    assert_eq!(lines(&mut out), ["a TASK_FAILED: Command exited with status 1", "b signal 15"]);
    group.tick(at(3001), &mut out);
    assert_eq!(lines(&mut out), ["b destroy"]);
    exit(&mut group, "b", 9, &mut out);
    assert_eq!(lines(&mut out), ["b TASK_KILLED: Command terminated with signal Killed"]);
    assert_eq!(group.members().map(|(task, ..)| task.as_str()).collect::<Vec<_>>(), ["x", "y"]);
}

#[test]
fn a_finished_member_leaves_the_others_alone() {
    let (mut group, mut out) = (Group::new(), Vec::new());
    launch(&mut group, &["a", "b"], &mut out);
    out.clear();
    exit(&mut group, "a", 0, &mut out);
    assert_eq!(lines(&mut out), ["a TASK_FINISHED: Command exited with status 0"]);
    assert!(!group.is_empty());
    exit(&mut group, "b", 0, &mut out);
    assert!(group.is_empty());
    assert_eq!(group.deadline(), None);
}

#[test]
fn a_killed_member_takes_members_that_still_launch() {
    let (mut group, mut out) = (Group::new(), Vec::new());
    let spec = Spec { kill_grace: Duration::ZERO, ..Spec::default() };
    group.launch(["a", "b"].map(|task| (TaskId::from(task), spec.clone())).into(), &mut out);
    group.handle(at(0), &"a".into(), Input::Launched, &mut out);
    group.handle(at(1), &"a".into(), Input::Kill { grace: None }, &mut out);
    out.clear();
    exit(&mut group, "a", 15, &mut out);
    assert_eq!(lines(&mut out), ["a TASK_KILLED: Command terminated with signal Terminated", "b destroy"]);
}

#[test]
fn a_shutdown_ends_all_groups() {
    let (mut group, mut out) = (Group::new(), Vec::new());
    launch(&mut group, &["a"], &mut out);
    launch(&mut group, &["x"], &mut out);
    out.clear();
    group.shutdown(at(5), None, &mut out);
    assert_eq!(lines(&mut out), ["a signal 15", "x signal 15"]);
    assert_eq!(group.deadline(), Some(at(3005).mono));
}

#[test]
fn a_shutdown_may_set_the_grace() {
    let (mut group, mut out) = (Group::new(), Vec::new());
    launch(&mut group, &["a"], &mut out);
    group.shutdown(at(5), Some(Duration::from_secs(8)), &mut out);
    assert_eq!(group.deadline(), Some(at(8005).mono));
}

#[test]
fn an_unhealthy_member_makes_its_group_unhealthy_and_no_other() {
    let (mut group, mut out) = (Group::new(), Vec::new());
    let checked = Spec { health: checks::health(0, 1000, 0, 1), ..Spec::default() };
    group.launch(vec![("a".into(), checked), ("b".into(), Spec::default())], &mut out);
    for task in ["a", "b"] {
        group.handle(at(0), &task.into(), Input::Launched, &mut out);
    }
    launch(&mut group, &["x"], &mut out);
    group.tick(at(0), &mut out);
    out.clear();
    let outcome = Outcome::Tcp { succeeded: false };
    let found = Input::Checked { which: Which::Health, number: 1, outcome };
    group.handle(at(1), &"a".into(), found, &mut out);
    assert_eq!(
        lines(&mut out),
        ["a TASK_RUNNING REASON_TASK_HEALTH_CHECK_STATUS_UPDATED healthy=false", "a signal 15"]
    );
    exit(&mut group, "a", 15, &mut out);
    assert_eq!(
        lines(&mut out),
        ["a TASK_KILLED: Command terminated with signal Terminated healthy=false", "b signal 15"]
    );
    exit(&mut group, "b", 0, &mut out);
    assert_eq!(lines(&mut out), ["b TASK_KILLED: Command exited with status 0 healthy=false"]);
    exit(&mut group, "x", 1 << 8, &mut out);
    assert_eq!(lines(&mut out), ["x TASK_FAILED: Command exited with status 1"]);
}
