// SPDX-License-Identifier: Apache-2.0

//! Tables for the command executor.

use super::{at, describe, is_terminal};
use kaon_executor::command::{Cause, Input, KillNote, Snapshot};
use kaon_executor::{Attached, Command, Spec, max_completion};
use std::time::Duration;

const GRACE: Duration = Duration::from_secs(3);

fn spec() -> Spec {
    Spec { kill_grace: GRACE, ..Spec::default() }
}

fn kill(grace: Option<u64>) -> Input {
    Input::Kill { grace: grace.map(Duration::from_millis) }
}

fn exit(status: i32) -> Input {
    Input::Exited { status: Some(status) }
}

/// Runs a script of (milliseconds, input), ticking whenever a deadline comes, and compares what was done.
fn check(spec: Spec, script: &[(u64, Input)], expected: &[&str]) {
    let mut out = Vec::new();
    let mut command = Command::new(spec, &mut out);
    for (when, input) in script {
        while let Some(deadline) = command.deadline().filter(|deadline| *deadline < at(*when).mono) {
            command.handle(at(deadline.nanos() / 1_000_000), Input::Tick, &mut out);
        }
        command.handle(at(*when), input.clone(), &mut out);
    }
    assert_eq!(out.iter().map(describe).collect::<Vec<_>>(), expected, "{script:?}");
    assert!(out.iter().filter(|action| is_terminal(action)).count() <= 1);
}

#[test]
fn the_wait_status_decides_how_it_ended() {
    for (status, end) in [
        (Some(0), "TASK_FINISHED: Command exited with status 0"),
        (Some(3 << 8), "TASK_FAILED: Command exited with status 3"),
        (Some(9), "TASK_FAILED: Command terminated with signal Killed"),
        (None, "TASK_FAILED: Failed to get exit status for Command"),
    ] {
        let script = [(1, Input::Launched), (2, Input::Exited { status })];
        check(spec(), &script, &["TASK_STARTING", "TASK_RUNNING", end]);
    }
}

#[test]
fn sigkill_follows_sigterm_after_the_grace() {
    check(
        spec(),
        &[(0, Input::Launched), (10, kill(None)), (3011, exit(9))],
        &[
            "TASK_STARTING",
            "TASK_RUNNING",
            "signal 15",
            "destroy",
            "TASK_KILLED: Command terminated with signal Killed",
        ],
    );
    check(
        spec(),
        &[(0, Input::Launched), (10, kill(None)), (3009, exit(0))],
        &["TASK_STARTING", "TASK_RUNNING", "signal 15", "TASK_KILLED: Command exited with status 0"],
    );
}

#[test]
fn a_later_kill_only_shortens_the_grace() {
    // 500 ms counted from the first kill, in place of three seconds.
    let shortened = [(0, Input::Launched), (10, kill(None)), (100, kill(Some(500))), (511, exit(9))];
    let expected = [
        "TASK_STARTING",
        "TASK_RUNNING",
        "signal 15",
        "destroy",
        "TASK_KILLED: Command terminated with signal Killed",
    ];
    check(spec(), &shortened, &expected);
    // What has passed of a shorter one is over at once.
    let at_once = [(0, Input::Launched), (10, kill(None)), (100, kill(Some(50))), (102, exit(9))];
    check(spec(), &at_once, &expected);
    // A minute from the second changes nothing.
    let lengthened = [(0, Input::Launched), (10, kill(None)), (100, kill(Some(60_000))), (3011, exit(9))];
    check(spec(), &lengthened, &expected);
    let before = [(0, Input::Launched), (10, kill(None)), (100, kill(Some(60_000))), (3009, exit(15))];
    let expected = [
        "TASK_STARTING",
        "TASK_RUNNING",
        "signal 15",
        "TASK_KILLED: Command terminated with signal Terminated",
    ];
    check(spec(), &before, &expected);
}

#[test]
fn killing_is_told_to_those_who_asked() {
    check(
        Spec { tells_killing: true, ..spec() },
        &[(0, Input::Launched), (10, kill(Some(1000))), (20, kill(None)), (30, exit(15))],
        &[
            "TASK_STARTING",
            "TASK_RUNNING",
            "TASK_KILLING",
            "signal 15",
            "TASK_KILLED: Command terminated with signal Terminated",
        ],
    );
}

#[test]
fn a_task_has_no_more_than_its_time() {
    let spec = Spec { max_completion: Some(Duration::from_secs(60)), ..spec() };
    let killed = "TASK_FAILED REASON_MAX_COMPLETION_TIME_REACHED: Command terminated with signal Killed";
    check(
        Spec { tells_killing: true, ..spec.clone() },
        &[(5, Input::Launched), (60_006, exit(9))],
        &["TASK_STARTING", "TASK_RUNNING", "signal 15", "destroy", killed],
    );
    check(
        spec.clone(),
        &[(5, Input::Launched), (60_004, exit(0))],
        &["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED: Command exited with status 0"],
    );
    // Once somebody has asked for its end, it is a killed task, however long that takes.
    check(
        spec,
        &[(5, Input::Launched), (59_000, kill(None)), (61_000, exit(15))],
        &[
            "TASK_STARTING",
            "TASK_RUNNING",
            "signal 15",
            "TASK_KILLED: Command terminated with signal Terminated",
        ],
    );
}

#[test]
fn a_kill_before_the_launch_takes_the_container() {
    let end = "TASK_KILLED REASON_TASK_KILLED_DURING_LAUNCH: Killed before delivery to the executor";
    let failed = Input::LaunchFailed { message: "destroyed".to_string() };
    check(spec(), &[(1, kill(None)), (2, kill(None)), (3, failed)], &["TASK_STARTING", "destroy", end]);
    // The process may have started in the same moment: the framework hears only of its end.
    check(spec(), &[(1, kill(None)), (2, Input::Launched), (3, exit(9))], &["TASK_STARTING", "destroy", end]);
}

#[test]
fn a_failed_launch_says_why() {
    let failed = Input::LaunchFailed { message: "Failed to fetch http://x/y: 404".to_string() };
    let end = "TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED: Failed to fetch http://x/y: 404";
    check(spec(), &[(1, failed), (2, exit(0)), (3, kill(None))], &["TASK_STARTING", end]);
}

#[test]
fn a_kill_in_progress_outlives_the_host() {
    let mut out = Vec::new();
    let mut before = Command::new(spec(), &mut out);
    before.handle(at(0), Input::Launched, &mut out);
    before.handle(at(1000), kill(None), &mut out);
    let snapshot = before.snapshot();
    out.clear();

    let mut after = Command::restore(spec(), snapshot, Some(Attached::default()), at(2000), &mut out);
    assert_eq!(after.deadline(), Some(at(4000).mono));
    assert_eq!(after.snapshot(), snapshot, "what is known is noted again");
    after.handle(at(3000), Input::Tick, &mut out);
    after.handle(at(4000), Input::Tick, &mut out);
    after.handle(at(4001), exit(9), &mut out);
    assert_eq!(
        out.iter().map(describe).collect::<Vec<_>>(),
        ["signal 15", "destroy", "TASK_KILLED: Command terminated with signal Killed"]
    );
}

#[test]
fn a_deadline_that_passed_while_the_host_was_away_comes_at_once() {
    let mut out = Vec::new();
    let spec = Spec { max_completion: Some(Duration::from_secs(1)), ..spec() };
    let mut before = Command::new(spec.clone(), &mut out);
    before.handle(at(0), Input::Launched, &mut out);
    let snapshot = before.snapshot();
    assert_eq!(snapshot, Snapshot { completion: Some(at(1000).wall), ..Snapshot::default() });
    out.clear();
    let mut after = Command::restore(spec, snapshot, Some(Attached::default()), at(9000), &mut out);
    assert_eq!(after.deadline(), Some(at(9000).mono));
    after.handle(at(9000), Input::Tick, &mut out);
    assert_eq!(out.iter().map(describe).collect::<Vec<_>>(), ["signal 15", "destroy"]);
    let killing = KillNote { cause: Cause::Completion, since: at(9000).wall, escalate: None };
    assert_eq!(after.snapshot().killing, Some(killing));
}

#[test]
fn no_time_is_no_limit() {
    let of = |nanoseconds| {
        let time = kaon_api::v1::DurationInfo { nanoseconds, ..Default::default() };
        max_completion(&kaon_api::v1::TaskInfo { max_completion_time: Some(time), ..Default::default() })
    };
    assert_eq!(of(0), None);
    assert_eq!(of(-1), None);
    assert_eq!(of(1), Some(Duration::from_nanos(1)));
}
