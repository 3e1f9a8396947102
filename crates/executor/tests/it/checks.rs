// SPDX-License-Identifier: Apache-2.0

//! Tables for the checks of a task.

use std::time::Duration;

use kaon_api::v1;
use kaon_executor::check::{self, Health, Outcome, Probe, Which};
use kaon_executor::command::Input;
use kaon_executor::{Action, Command, Spec};

use super::{at, describe};

const HEALTH: Which = Which::Health;

fn probe(delay: u64, interval: u64) -> check::Spec {
    check::Spec {
        probe: Probe::Tcp { port: 80 },
        delay: Duration::from_millis(delay),
        interval: Duration::from_millis(interval),
        timeout: Some(Duration::from_secs(20)),
    }
}

pub fn health(delay: u64, interval: u64, grace: u64, failures: u32) -> Option<(check::Spec, Health)> {
    Some((probe(delay, interval), Health { grace: Duration::from_millis(grace), failures }))
}

fn healthy(delay: u64, interval: u64, grace: u64, failures: u32) -> Spec {
    Spec { health: health(delay, interval, grace, failures), ..Spec::default() }
}

fn checked(delay: u64, interval: u64) -> Spec {
    Spec { check: Some(probe(delay, interval)), ..Spec::default() }
}

/// A task under way, each of whose looks takes 10 ms.
struct Watched {
    command: Command,
    now: u64,
    out: Vec<Action>,
}

impl Watched {
    fn launch(spec: Spec) -> Watched {
        let mut out = Vec::new();
        let mut command = Command::new(spec, &mut out);
        command.handle(at(0), Input::Launched, &mut out);
        out.clear();
        Watched { command, now: 0, out }
    }

    /// Lets time pass to the next deadline, and answers what is looked at. Gives the time with what was done.
    fn next(&mut self, found: Outcome) -> Vec<String> {
        self.look();
        let Some(Action::Look { which, number, .. }) = self.out.last().cloned() else {
            panic!("no look: {:?}", self.out)
        };
        self.out.pop();
        self.now += 10;
        self.command.handle(at(self.now), Input::Checked { which, number, outcome: found }, &mut self.out);
        self.told()
    }

    fn look(&mut self) {
        let deadline = self.command.deadline().expect("a look is due");
        self.now = self.now.max(deadline.nanos() / 1_000_000);
        self.command.handle(at(self.now), Input::Tick, &mut self.out);
    }

    fn told(&mut self) -> Vec<String> {
        let now = self.now;
        self.out.drain(..).map(|action| format!("{now}ms {}", describe(&action))).collect()
    }
}

fn tcp(succeeded: bool) -> Outcome {
    Outcome::Tcp { succeeded }
}

#[test]
fn looks_begin_after_the_delay_and_are_an_interval_apart() {
    let mut task = Watched::launch(healthy(500, 1000, 0, 9));
    task.look();
    assert_eq!(task.told(), ["500ms Health 1 tcp 80 within 20s"]);
    assert_eq!(task.command.deadline(), None, "a look is waited for");
    task.command.handle(
        at(900),
        Input::Checked { which: HEALTH, number: 1, outcome: tcp(true) },
        &mut task.out,
    );
    assert_eq!(task.command.deadline(), Some(at(1900).mono), "the interval begins with the end of a look");
}

#[test]
fn health_is_told_when_it_changes_and_failures_each_time() {
    let mut task = Watched::launch(healthy(0, 1000, 0, 3));
    let reason = "TASK_RUNNING REASON_TASK_HEALTH_CHECK_STATUS_UPDATED";
    assert_eq!(task.next(tcp(true)), [format!("10ms {reason} healthy=true")]);
    assert!(task.next(tcp(true)).is_empty());
    assert_eq!(task.next(tcp(false)), [format!("2030ms {reason} healthy=false")]);
    assert_eq!(task.next(tcp(false)), [format!("3040ms {reason} healthy=false")]);
    assert_eq!(task.next(tcp(true)), [format!("4050ms {reason} healthy=true")]);
}

#[test]
fn too_many_failures_in_a_row_end_the_task() {
    let mut task = Watched::launch(healthy(0, 1000, 0, 2));
    let reason = "TASK_RUNNING REASON_TASK_HEALTH_CHECK_STATUS_UPDATED";
    assert_eq!(task.next(tcp(false)), [format!("10ms {reason} healthy=false")]);
    let failed = Outcome::Failed { message: "timed out".into() };
    assert_eq!(task.next(failed), [format!("1020ms {reason} healthy=false"), "1020ms signal 15".to_string()]);
    // The kill policy's grace applies.
    task.look();
    assert_eq!(task.told(), ["4020ms destroy"]);
    task.command.handle(at(4021), Input::Exited { status: Some(9) }, &mut task.out);
    assert_eq!(task.told(), ["4020ms TASK_KILLED: Command terminated with signal Killed healthy=false"]);
}

#[test]
fn a_task_that_was_never_healthy_has_its_grace() {
    // Nothing is told of failures within it.
    let mut task = Watched::launch(healthy(0, 1000, 2500, 1));
    for _ in 0..3 {
        assert!(task.next(tcp(false)).is_empty());
    }
    assert_eq!(task.next(tcp(false)).len(), 2, "the fourth, after 3 s, counts, and is fatal");
    // A first success ends it.
    let mut task = Watched::launch(healthy(0, 1000, 60_000, 1));
    assert_eq!(task.next(tcp(true)).len(), 1);
    assert_eq!(task.next(tcp(false)).len(), 2);
}

#[test]
fn answers_below_400_are_healthy() {
    for (outcome, expected) in [
        (Outcome::Http { status: 199 }, false),
        (Outcome::Http { status: 200 }, true),
        (Outcome::Http { status: 399 }, true),
        (Outcome::Http { status: 400 }, false),
        (Outcome::Command { exit_code: 0 }, true),
        (Outcome::Command { exit_code: 3 }, false),
    ] {
        assert_eq!(outcome.is_healthy(), expected, "{outcome:?}");
    }
}

#[test]
fn a_check_tells_its_result_when_it_changes_and_never_kills() {
    let mut out = Vec::new();
    let mut command = Command::new(checked(0, 1000), &mut out);
    command.handle(at(0), Input::Launched, &mut out);
    let begun: Vec<_> = out.iter().map(describe).collect();
    assert_eq!(begun, ["TASK_STARTING check=", "TASK_RUNNING check="], "an empty status of its kind");
    let mut task = Watched::launch(checked(0, 1000));
    let reason = "TASK_RUNNING REASON_TASK_CHECK_STATUS_UPDATED";
    assert!(task.next(Outcome::Failed { message: "x".into() }).is_empty(), "no result is no news");
    assert_eq!(task.next(tcp(false)), [format!("1020ms {reason} check=false")]);
    assert!(task.next(tcp(false)).is_empty());
    assert_eq!(task.next(tcp(true)), [format!("3040ms {reason} check=true")]);
    assert_eq!(task.next(Outcome::Failed { message: "x".into() }), [format!("4050ms {reason} check=")]);
    task.command.handle(at(9000), Input::Exited { status: Some(0) }, &mut task.out);
    assert_eq!(task.told(), ["4050ms TASK_FINISHED: Command exited with status 0 check="]);
}

#[test]
fn a_status_carries_what_both_checks_told() {
    let spec = Spec { check: Some(probe(0, 60_000)), ..healthy(5000, 60_000, 0, 3) };
    let mut task = Watched::launch(spec);
    task.next(tcp(true));
    assert_eq!(
        task.next(tcp(true)),
        ["5010ms TASK_RUNNING REASON_TASK_HEALTH_CHECK_STATUS_UPDATED healthy=true check=true"]
    );
}

#[test]
fn a_kill_calls_the_look_off() {
    let mut task = Watched::launch(healthy(0, 1000, 0, 1));
    task.look();
    task.out.clear();
    task.command.handle(at(5), Input::Kill { grace: None }, &mut task.out);
    assert_eq!(task.told(), ["0ms Health 1 called off", "0ms signal 15"]);
    // It may be answered all the same.
    task.command.handle(
        at(6),
        Input::Checked { which: HEALTH, number: 1, outcome: tcp(false) },
        &mut task.out,
    );
    assert!(task.told().is_empty());
    assert_eq!(task.command.deadline(), Some(at(3005).mono), "only SIGKILL is due");
}

#[test]
fn the_end_of_a_task_calls_the_look_off() {
    let mut task = Watched::launch(checked(0, 1000));
    task.look();
    task.out.clear();
    task.command.handle(at(5), Input::Exited { status: Some(0) }, &mut task.out);
    assert_eq!(
        task.told(),
        ["0ms Check 1 called off", "0ms TASK_FINISHED: Command exited with status 0 check="]
    );
}

#[test]
fn checks_go_on_under_the_next_host() {
    let mut before = Watched::launch(healthy(500, 1000, 2000, 3));
    before.next(tcp(true));
    before.next(tcp(false));
    let Some(Action::Report(_, told)) = ({
        before.look();
        let outcome = tcp(false);
        before.command.handle(
            at(before.now),
            Input::Checked { which: HEALTH, number: 3, outcome },
            &mut before.out,
        );
        before.out.last().cloned()
    }) else {
        panic!("a failure is told")
    };
    let snapshot = before.command.snapshot();
    let mut out = Vec::new();
    let command = Command::restore(healthy(500, 1000, 2000, 3), snapshot, Some(told), at(60_000), &mut out);
    assert!(out.is_empty());
    assert_eq!(command.snapshot(), snapshot);
    let mut after = Watched { command, now: 60_000, out };
    // The two failures from before count.
    assert_eq!(
        after.next(tcp(false)),
        ["60010ms TASK_RUNNING REASON_TASK_HEALTH_CHECK_STATUS_UPDATED healthy=false", "60010ms signal 15"]
    );
}

#[test]
fn a_delay_and_a_grace_go_on_too() {
    let spec = healthy(5000, 1000, 8000, 1);
    let before = Watched::launch(spec.clone());
    let mut out = Vec::new();
    let told = Some(kaon_executor::Attached::default());
    let command = Command::restore(spec, before.command.snapshot(), told, at(2000), &mut out);
    assert_eq!(command.deadline(), Some(at(5000).mono));
    let mut after = Watched { command, now: 2000, out };
    assert!(after.next(tcp(false)).is_empty(), "within the grace");
    after.now = 8001;
    assert_eq!(after.next(tcp(false)).len(), 2);
}

#[test]
fn a_result_that_was_told_is_no_news_after_a_restart() {
    let mut before = Watched::launch(checked(0, 1000));
    before.next(tcp(true));
    let told = kaon_executor::Attached {
        healthy: None,
        check_status: Some(v1::CheckStatusInfo {
            r#type: Some(v1::check_info::Type::Tcp),
            tcp: Some(v1::check_status_info::Tcp { succeeded: Some(true), ..Default::default() }),
            ..Default::default()
        }),
    };
    let mut out = Vec::new();
    let command =
        Command::restore(checked(0, 1000), before.command.snapshot(), Some(told), at(5000), &mut out);
    let mut after = Watched { command, now: 5000, out };
    assert!(after.next(tcp(true)).is_empty());
    assert_eq!(after.next(tcp(false)).len(), 1);
}
