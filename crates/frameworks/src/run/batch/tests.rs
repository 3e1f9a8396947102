// SPDX-License-Identifier: Apache-2.0

//! Batch jobs, told what happens and asked what they do.

use kaon_sdk::v1::{TaskState, task_status::Reason, value};

use super::*;

struct Job {
    batch: Batch,
    now: Duration,
    offers: u32,
}

impl Job {
    /// A job of tasks with 1 cpu each that has subscribed and read its input.
    fn new(tasks: usize, max_parallel: usize, retries: u32) -> Job {
        let settings = Settings {
            wanted: Wanted::new(1.0, 0.0),
            max_parallel,
            retries,
            master_patience: Duration::from_secs(60),
            id_prefix: String::new(),
        };
        let mut job = Job { batch: Batch::new(settings), now: Duration::ZERO, offers: 0 };
        job.tell(Input::Subscribed);
        for number in 1..=tasks {
            job.tell(Input::Line(format!("line {number}")));
        }
        job.tell(Input::InputEnded);
        job
    }

    fn tell(&mut self, input: Input) -> Vec<Action> {
        let mut out = Vec::new();
        self.batch.handle(self.now, input, &mut out);
        out
    }

    fn after(&mut self, seconds: u64) -> &mut Job {
        self.now += Duration::from_secs(seconds);
        self
    }

    /// Offers cpus of agents; returns the ids of what is launched, with its agent, and for how long each rest is
    /// refused.
    fn offer(&mut self, agents: &[(&str, f64)]) -> (Vec<String>, Vec<f64>) {
        let offers = agents.iter().map(|(agent, cpus)| self.make_offer(agent, *cpus)).collect();
        let (mut launched, mut refused) = (Vec::new(), Vec::new());
        for action in self.tell(Input::Offers(offers)) {
            match action {
                Action::Launch { launches, refuse_seconds, .. } => {
                    refused.push(refuse_seconds);
                    let name =
                        |launch: &Launch| format!("{}@{}", launch.task_id.value, launch.agent_id.value);
                    launched.extend(launches.iter().map(name));
                }
                Action::Decline { refuse_seconds, .. } => refused.push(refuse_seconds),
                _ => {}
            }
        }
        (launched, refused)
    }

    fn make_offer(&mut self, agent: &str, cpus: f64) -> Offer {
        self.offers += 1;
        let resource = Resource {
            name: "cpus".into(),
            r#type: value::Type::Scalar,
            scalar: Some(value::Scalar { value: cpus, ..Default::default() }),
            ..Default::default()
        };
        Offer {
            id: OfferID::from(format!("O{}", self.offers)),
            agent_id: AgentID::from(agent),
            hostname: format!("host-{agent}"),
            resources: vec![resource],
            ..Default::default()
        }
    }

    fn update(&mut self, task: &str, state: TaskState) -> Vec<Action> {
        self.update_because(task, state, None)
    }

    fn update_because(&mut self, task: &str, state: TaskState, reason: Option<Reason>) -> Vec<Action> {
        let status = TaskStatus {
            task_id: TaskID::from(task),
            state,
            reason,
            agent_id: Some(AgentID::from("a")),
            message: Some("because".into()),
            ..Default::default()
        };
        self.tell(Input::Update(Box::new(status)))
    }

    /// A task that ran, succeeded, and whose output was fetched.
    fn succeed(&mut self, task: &str) -> Vec<Action> {
        self.update(task, TaskState::TaskRunning);
        let actions = self.update(task, TaskState::TaskFinished);
        assert!(matches!(actions[0], Action::Collect { succeeded: true, .. }), "{actions:?}");
        let number = parse_task_id("", &TaskID::from(task)).unwrap().0;
        self.tell(Input::Collected { number, result: Ok(()) })
    }
}

#[test]
fn tasks_are_spread_in_order_and_what_is_left_is_refused() {
    let mut job = Job::new(5, usize::MAX, 0);
    let (launched, refused) = job.offer(&[("a", 2.5), ("b", 8.0), ("c", 0.5)]);
    assert_eq!(launched, ["1-1@a", "3-1@a", "2-1@b", "4-1@b", "5-1@b"]);
    assert_eq!(refused, [60.0, 60.0, 60.0], "no task waits any more");
    for task in ["1-1", "2-1", "3-1", "4-1"] {
        assert_eq!(job.succeed(task), []);
    }
    assert_eq!(job.succeed("5-1"), [Action::Finish]);
    assert!(job.batch.is_success());
    assert_eq!(job.batch.tally().succeeded, 5);
}

#[test]
fn offers_are_wanted_only_while_tasks_wait() {
    let mut job = Job::new(1, usize::MAX, 1);
    let offer = job.make_offer("a", 4.0);
    let actions = job.tell(Input::Offers(vec![offer]));
    assert!(matches!(actions[..], [Action::Launch { .. }, Action::Suppress]), "{actions:?}");
    let actions = job.update("1-1", TaskState::TaskFailed);
    assert!(matches!(actions[..], [Action::Say(_), Action::Revive]), "{actions:?}");
}

#[test]
fn no_more_run_at_once_than_allowed() {
    let mut job = Job::new(3, 2, 0);
    let (launched, refused) = job.offer(&[("a", 8.0)]);
    assert_eq!((launched.len(), refused), (2, vec![60.0]));
    assert_eq!(job.offer(&[("b", 8.0)]).0, [""; 0]);
    assert_eq!(
        job.after(60).tell(Input::Tick).len(),
        1,
        "unconfirmed tasks are asked after; nothing is revived"
    );
    job.succeed("1-1");
    assert_eq!(job.offer(&[("a", 1.0)]).0, ["3-1@a"]);
}

#[test]
fn offers_of_one_agent_are_used_together() {
    let mut job = Job::new(1, usize::MAX, 0);
    let offers = vec![job.make_offer("a", 0.5), job.make_offer("a", 0.5)];
    let actions = job.tell(Input::Offers(offers));
    let Action::Launch { offers, launches, .. } = &actions[0] else { panic!("{actions:?}") };
    assert_eq!((offers.len(), launches.len(), launches[0].resources.len()), (2, 1, 2));
}

#[test]
fn a_failed_task_is_tried_elsewhere() {
    let mut job = Job::new(1, usize::MAX, 3);
    job.offer(&[("a", 1.0), ("b", 1.0)]);
    job.update("1-1", TaskState::TaskRunning);
    let said = job.update("1-1", TaskState::TaskFailed);
    assert_eq!(said[0], Action::Say("task 1 failed on host-a: because; trying again (1 of 3)".into()));
    assert_eq!(job.offer(&[("a", 1.0)]), (vec![], vec![1.0]), "b is there too");
    assert_eq!(job.offer(&[("a", 1.0), ("b", 1.0)]).0, ["1-2@b"]);
    job.update("1-2", TaskState::TaskFailed);
    // It has failed on both, so none is better; and there is a pause now.
    assert_eq!(job.offer(&[("a", 1.0)]).0, [""; 0]);
    assert_eq!(job.after(1).offer(&[("a", 1.0)]).0, ["1-3@a"]);
}

#[test]
fn if_there_is_no_elsewhere_the_same_agent_must_do() {
    let mut job = Job::new(2, usize::MAX, 1);
    job.offer(&[("a", 1.0), ("b", 1.0)]);
    job.update("1-1", TaskState::TaskFailed);
    assert_eq!(job.after(4).offer(&[("a", 1.0)]).0, [""; 0]);
    assert_eq!(job.after(2).offer(&[("a", 1.0)]).0, ["1-2@a"], "b had its time");

    let mut alone = Job::new(1, usize::MAX, 1);
    alone.offer(&[("a", 1.0)]);
    alone.update("1-1", TaskState::TaskFailed);
    assert_eq!(alone.offer(&[("a", 1.0)]).0, ["1-2@a"]);
}

#[test]
fn after_the_last_retry_the_job_goes_on_without_the_task() {
    let mut job = Job::new(2, usize::MAX, 1);
    job.offer(&[("a", 2.0)]);
    job.update("1-1", TaskState::TaskFailed);
    job.offer(&[("a", 1.0)]);
    let actions = job.update("1-2", TaskState::TaskFailed);
    assert!(
        matches!(actions[..], [Action::Say(_), Action::Collect { number: 1, succeeded: false, .. }, ..]),
        "{actions:?}"
    );
    job.tell(Input::Collected { number: 1, result: Ok(()) });
    assert_eq!(job.succeed("2-1"), [Action::Finish]);
    assert!(!job.batch.is_success());
    let tally = job.batch.tally();
    assert_eq!((tally.succeeded, tally.failed, tally.retried), (1, 1, 1));
}

#[test]
fn an_invalid_task_is_not_tried_again() {
    let mut job = Job::new(1, usize::MAX, 9);
    job.offer(&[("a", 1.0)]);
    let actions = job.update("1-1", TaskState::TaskError);
    assert!(
        matches!(actions[..], [Action::Say(_), Action::NoOutput { number: 1 }, Action::Finish]),
        "{actions:?}"
    );
}

#[test]
fn what_never_ran_is_not_held_against_the_task() {
    let mut job = Job::new(1, usize::MAX, 0);
    let losses = [
        (TaskState::TaskDropped, None),
        (TaskState::TaskGone, None),
        (TaskState::TaskUnknown, None),
        (TaskState::TaskFailed, Some(Reason::ReasonAgentRestarted)),
    ];
    for (attempt, (state, reason)) in (1..).zip(losses) {
        let launched = job.after(1).offer(&[("a", 1.0)]).0;
        assert_eq!(launched, [format!("1-{attempt}@a")], "{state:?}");
        job.update_because(&format!("1-{attempt}"), state, reason);
        assert_eq!(job.offer(&[("a", 1.0)]).0, [""; 0], "there is a pause first");
    }
    job.after(1).offer(&[("a", 1.0)]);
    job.update("1-5", TaskState::TaskRunning);
    let actions = job.update("1-5", TaskState::TaskGone);
    assert!(matches!(actions[..], [Action::Say(_), Action::NoOutput { .. }, Action::Finish]), "{actions:?}");
}

#[test]
fn a_host_that_is_drained_is_not_held_against_the_task() {
    let mut job = Job::new(1, usize::MAX, 0);
    job.offer(&[("a", 1.0)]);
    job.update("1-1", TaskState::TaskRunning);
    job.update_because("1-1", TaskState::TaskKilled, Some(Reason::ReasonAgentDraining));
    assert_eq!(job.after(1).offer(&[("b", 1.0)]).0, ["1-2@b"]);
    assert_eq!(job.succeed("1-2"), [Action::Finish]);
    assert_eq!(job.batch.tally().retried, 0);
}

#[test]
fn a_launch_that_was_not_sent_is_made_again() {
    let mut job = Job::new(2, usize::MAX, 0);
    job.offer(&[("a", 2.0)]);
    job.tell(Input::Disconnected);
    job.tell(Input::NotLaunched(vec![1, 2]));
    job.tell(Input::Subscribed);
    assert_eq!(job.offer(&[("a", 2.0)]).0, ["1-2@a", "2-2@a"]);
}

#[test]
fn an_unreachable_task_is_waited_for_and_then_replaced() {
    let mut job = Job::new(1, usize::MAX, 1);
    job.offer(&[("a", 1.0)]);
    job.update("1-1", TaskState::TaskRunning);
    job.update("1-1", TaskState::TaskUnreachable);
    assert_eq!(job.after(29).tell(Input::Tick), []);
    job.update("1-1", TaskState::TaskRunning);
    assert_eq!(job.after(2).tell(Input::Tick), [], "it came back");
    job.update("1-1", TaskState::TaskUnreachable);
    let actions = job.after(30).tell(Input::Tick);
    assert!(matches!(actions[..], [Action::Say(_), Action::Revive]), "{actions:?}");
    assert_eq!(job.offer(&[("b", 1.0)]).0, ["1-2@b"]);
    let kill = Action::Kill { task_id: TaskID::from("1-1"), agent_id: AgentID::from("a") };
    assert_eq!(job.update("1-1", TaskState::TaskRunning), [kill], "nothing is to run twice");
    assert_eq!(job.succeed("1-2"), [Action::Finish]);
}

#[test]
fn tasks_are_asked_after() {
    let mut job = Job::new(2, usize::MAX, 0);
    job.offer(&[("a", 2.0)]);
    job.update("1-1", TaskState::TaskRunning);
    let ask = |ids: &[&str]| {
        Action::Reconcile(ids.iter().map(|id| (TaskID::from(*id), AgentID::from("a"))).collect())
    };
    assert_eq!(job.after(29).tell(Input::Tick), []);
    assert_eq!(job.after(1).tell(Input::Tick), [ask(&["2-1"])], "its launch may be lost");
    job.tell(Input::Disconnected);
    assert_eq!(job.tell(Input::Subscribed)[0], ask(&["1-1", "2-1"]));
}

#[test]
fn filters_are_dropped_when_nothing_else_helps() {
    let mut job = Job::new(1, usize::MAX, 0);
    job.offer(&[("a", 0.5)]);
    assert!(matches!(job.after(9).tell(Input::Tick)[..], [Action::Say(_)]));
    assert_eq!(job.after(1).tell(Input::Tick), [Action::Revive]);
    assert_eq!(job.after(1).tell(Input::Tick), []);
}

#[test]
fn output_that_is_lost_counts_as_failure() {
    let mut job = Job::new(1, usize::MAX, 1);
    job.offer(&[("a", 1.0)]);
    job.update("1-1", TaskState::TaskFinished);
    job.tell(Input::Collected { number: 1, result: Err("the agent is gone".into()) });
    assert_eq!(job.offer(&[("a", 1.0)]).0, ["1-2@a"]);
    assert_eq!(job.succeed("1-2"), [Action::Finish]);
    assert!(job.batch.is_success());
}

#[test]
fn an_interrupt_kills_what_runs_and_starts_nothing() {
    let mut job = Job::new(3, 2, 9);
    job.offer(&[("a", 2.0)]);
    job.update("1-1", TaskState::TaskRunning);
    let actions = job.tell(Input::Interrupt);
    let killed: Vec<_> = actions.iter().filter(|action| matches!(action, Action::Kill { .. })).collect();
    assert_eq!((killed.len(), actions.last()), (2, Some(&Action::Suppress)));
    assert!(!job.batch.wants_input());
    assert_eq!(job.offer(&[("a", 9.0)]).0, [""; 0]);
    assert_eq!(job.update("1-1", TaskState::TaskKilled), []);
    assert_eq!(job.update("2-1", TaskState::TaskKilled), [Action::Finish]);
    assert!(!job.batch.is_success());
    assert_eq!(job.batch.tally().abandoned, 3);
}

#[test]
fn an_interrupt_has_an_end() {
    let mut job = Job::new(1, usize::MAX, 0);
    job.offer(&[("a", 1.0)]);
    job.tell(Input::Interrupt);
    assert_eq!(job.after(9).tell(Input::Tick), []);
    assert_eq!(job.after(1).tell(Input::Tick), [Action::Finish]);

    let mut hasty = Job::new(1, usize::MAX, 0);
    hasty.offer(&[("a", 1.0)]);
    hasty.tell(Input::Interrupt);
    assert_eq!(hasty.tell(Input::Interrupt), [Action::Finish]);
    assert_eq!(hasty.tell(Input::Interrupt), [], "once is enough");
}

#[test]
fn input_may_be_endless() {
    let mut job = Job::new(0, usize::MAX, 0);
    assert_eq!(job.batch.tally().total, 0);
    let settings = Settings {
        wanted: Wanted::new(1.0, 0.0),
        max_parallel: 1,
        retries: 0,
        master_patience: Duration::from_secs(60),
        id_prefix: String::new(),
    };
    let mut batch = Batch::new(settings);
    let mut lines = 0;
    while batch.wants_input() {
        batch.handle(Duration::ZERO, Input::Line("x".into()), &mut Vec::new());
        lines += 1;
    }
    assert_eq!(lines, LOOKAHEAD);
    assert_eq!(job.tell(Input::Tick), [], "an empty job has finished already");
}

#[test]
fn people_are_told_once_why_nothing_starts() {
    let mut job = Job::new(1, usize::MAX, 0);
    let said = |actions: Vec<Action>| {
        actions.into_iter().find_map(|action| match action {
            Action::Say(text) => Some(text),
            _ => None,
        })
    };
    assert_eq!(said(job.after(4).tell(Input::Tick)), None);
    job.offer(&[("a", 0.667), ("b", 0.5)]);
    let text = "nothing that was offered is enough for a task: it needs cpus 1, agents offer at most cpus 0.667; --cpus \
                and --mem ask for less";
    assert_eq!(said(job.after(1).tell(Input::Tick)).as_deref(), Some(text));
    assert_eq!(said(job.after(9).tell(Input::Tick)), None);

    let mut job = Job::new(1, usize::MAX, 0);
    let text = said(job.after(5).tell(Input::Tick)).unwrap();
    assert!(text.starts_with("no agent has offered anything yet"), "{text}");

    let mut job = Job::new(1, usize::MAX, 0);
    job.offer(&[("a", 1.0)]);
    assert_eq!(said(job.after(5).tell(Input::Tick)), None, "it has started");
}

#[test]
fn a_master_that_stays_away_is_given_up() {
    let mut job = Job::new(1, usize::MAX, 0);
    job.after(10).tell(Input::Disconnected);
    assert_eq!(job.after(59).tell(Input::Tick), []);
    job.tell(Input::Subscribed);
    job.after(59).tell(Input::Disconnected);
    assert_eq!(job.after(59).tell(Input::Tick), [], "each absence counts by itself");
    job.tell(Input::Disconnected);
    assert_eq!(job.after(1).tell(Input::Tick), [Action::GiveUp]);
    assert_eq!(job.after(1).tell(Input::Tick), []);
}
