// SPDX-License-Identifier: Apache-2.0

//! Decides what a batch job does next.
//!
//! A pure state machine: it is told what happened and answers what is to be done. It keeps no offers: each is used or
//! declined at once, so that nothing is withheld from other frameworks.

mod place;
mod status;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kaon_sdk::resources::Wanted;
use kaon_sdk::v1::{AgentID, Offer, OfferID, Resource, TaskID, TaskStatus};

/// Bound: input lines read ahead of what is launched.
const LOOKAHEAD: usize = 1000;
/// Bound: tasks asked after in one call.
const RECONCILE_MAX: usize = 1000;
/// After so long without a word a task that was launched is asked after: the launch itself may be lost.
const UNCONFIRMED_PATIENCE: Duration = Duration::from_secs(30);
/// Tasks that run are asked after now and then, too, should an update have been lost for good.
const CONFIRMED_PATIENCE: Duration = Duration::from_secs(300);
/// How long a task on an unreachable agent is waited for.
const UNREACHABLE_PATIENCE: Duration = Duration::from_secs(30);
/// How long killed tasks are waited for.
const KILL_PATIENCE: Duration = Duration::from_secs(10);
/// When people are told that nothing could be started yet.
const FIRST_LAUNCH_PATIENCE: Duration = Duration::from_secs(5);
/// How often filters are dropped while tasks wait and no offer comes.
const REVIVE_INTERVAL: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub struct Settings {
    pub wanted: Wanted,
    /// How many tasks may run at once.
    pub max_parallel: usize,
    /// How often each task may be tried again.
    pub retries: u32,
    /// How long a master that went away is waited for.
    pub master_patience: Duration,
    /// What the ids of tasks begin with, so that they differ from those of other jobs.
    pub id_prefix: String,
}

/// What happened. Times are counted from the start of the job.
#[derive(Clone, Debug)]
pub enum Input {
    Line(String),
    InputEnded,
    Subscribed,
    Disconnected,
    Offers(Vec<Offer>),
    Update(Box<TaskStatus>),
    /// A launch was certainly not sent.
    NotLaunched(Vec<u64>),
    /// The output of a task has been fetched, or cannot be.
    Collected {
        number: u64,
        result: Result<(), String>,
    },
    Interrupt,
    Tick,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Use offers of one agent, and want no part of the rest for some time.
    Launch {
        offers: Vec<OfferID>,
        launches: Vec<Launch>,
        refuse_seconds: f64,
    },
    Decline {
        offers: Vec<OfferID>,
        refuse_seconds: f64,
    },
    Suppress,
    Revive,
    Kill {
        task_id: TaskID,
        agent_id: AgentID,
    },
    Reconcile(Vec<(TaskID, AgentID)>),
    /// Fetch what a task has written. It has failed for good if it did not succeed.
    Collect {
        number: u64,
        task_id: TaskID,
        agent_id: AgentID,
        succeeded: bool,
    },
    /// A task has failed for good without output.
    NoOutput {
        number: u64,
    },
    /// Tell people.
    Say(String),
    /// The master has been away for too long.
    GiveUp,
    /// Nothing is left to be done.
    Finish,
}

/// One task to be launched.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// Counted from 1, in the order of the input.
    pub number: u64,
    pub task_id: TaskID,
    pub line: String,
    pub agent_id: AgentID,
    pub resources: Vec<Resource>,
}

/// How far the job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tasks that are known of.
    pub total: u64,
    pub succeeded: u64,
    pub failed: u64,
    /// Tasks that were given up because of an interrupt.
    pub abandoned: u64,
    /// How often a task was tried again.
    pub retried: u64,
    pub running: usize,
}

#[derive(Debug)]
pub struct Batch {
    settings: Settings,
    /// Those that have not ended for good, by number.
    tasks: BTreeMap<u64, Task>,
    /// Invariant: the numbers of tasks whose stage is `Ready`.
    ready: BTreeSet<u64>,
    /// Invariant: the numbers of tasks whose stage is `Launched`.
    launched: BTreeSet<u64>,
    /// When each agent last made an offer.
    agents: BTreeMap<String, Duration>,
    input_ended: bool,
    connected: bool,
    /// Since when there is no master.
    disconnected: Option<Duration>,
    suppressed: bool,
    /// Until the first launch, the most that was offered of each resource; none where nothing was.
    first_launch: Waiting,
    /// When something was last offered, or filters dropped, whichever is later.
    last_offer: Duration,
    interrupted: Option<Duration>,
    finished: bool,
    tally: Tally,
}

/// What is known before any task was launched.
#[derive(Debug, Default)]
struct Waiting {
    over: bool,
    most: Option<Wanted>,
}

#[derive(Debug)]
struct Task {
    line: String,
    /// Counts launches; part of the task's id, as an id is never used twice.
    attempt: u32,
    /// What counts against the retries.
    failures: u32,
    /// Losses that were not the task's fault.
    misfortunes: u32,
    /// Agents on which it failed.
    failed_on: Vec<String>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// To be launched, not before the given time.
    Ready {
        since: Duration,
        not_before: Duration,
    },
    Launched(Launched),
    /// Its output is being fetched.
    Collecting {
        succeeded: bool,
        agent: String,
        host: String,
    },
}

#[derive(Debug)]
struct Launched {
    agent: String,
    host: String,
    /// Whether it was seen on its agent.
    confirmed: bool,
    /// When it was last heard of or asked after.
    heard: Duration,
    unreachable_since: Option<Duration>,
}

impl Batch {
    pub fn new(settings: Settings) -> Batch {
        Batch {
            settings,
            tasks: BTreeMap::new(),
            ready: BTreeSet::new(),
            launched: BTreeSet::new(),
            agents: BTreeMap::new(),
            input_ended: false,
            connected: false,
            disconnected: None,
            suppressed: false,
            first_launch: Waiting::default(),
            last_offer: Duration::ZERO,
            interrupted: None,
            finished: false,
            tally: Tally::default(),
        }
    }

    /// Advances by one input.
    pub fn handle(&mut self, now: Duration, input: Input, out: &mut Vec<Action>) {
        if self.finished {
            return;
        }
        match input {
            Input::Line(line) => self.add(now, line),
            Input::InputEnded => self.input_ended = true,
            Input::Subscribed => {
                self.connected = true;
                self.disconnected = None;
                self.reconcile(now, Duration::ZERO, Duration::ZERO, out);
            }
            Input::Disconnected => {
                self.connected = false;
                self.disconnected.get_or_insert(now);
            }
            Input::Offers(offers) => self.place(now, offers, out),
            Input::Update(status) => self.update(now, &status, out),
            Input::NotLaunched(numbers) => self.return_to_queue(now, &numbers),
            Input::Collected { number, result } => self.collected(now, number, result, out),
            Input::Interrupt => self.interrupt(now, out),
            Input::Tick => self.tick(now, out),
        }
        self.want_offers(now, out);
        self.finish_if_done(now, out);
    }

    fn task_id(&self, number: u64, attempt: u32) -> TaskID {
        task_id(&self.settings.id_prefix, number, attempt)
    }

    /// Whether more lines are of use now.
    pub fn wants_input(&self) -> bool {
        !self.input_ended && self.interrupted.is_none() && self.ready.len() < LOOKAHEAD
    }

    pub fn tally(&self) -> Tally {
        Tally { running: self.launched.len(), ..self.tally }
    }

    pub fn is_interrupted(&self) -> bool {
        self.interrupted.is_some()
    }

    /// Whether all that was to be done succeeded.
    pub fn is_success(&self) -> bool {
        self.interrupted.is_none() && self.input_ended && self.tally.succeeded == self.tally.total
    }

    fn add(&mut self, now: Duration, line: String) {
        if self.interrupted.is_some() {
            return;
        }
        self.tally.total += 1;
        let number = self.tally.total;
        let stage = Stage::Ready { since: now, not_before: now };
        let task = Task { line, attempt: 0, failures: 0, misfortunes: 0, failed_on: Vec::new(), stage };
        self.tasks.insert(number, task);
        self.ready.insert(number);
    }

    fn interrupt(&mut self, now: Duration, out: &mut Vec<Action>) {
        if self.interrupted.is_some() {
            // Who asks twice does not want to wait.
            return self.finish(out);
        }
        self.interrupted = Some(now);
        for number in std::mem::take(&mut self.ready) {
            self.tasks.remove(&number);
            self.tally.abandoned += 1;
        }
        for number in &self.launched {
            if let Some(Task { attempt, stage: Stage::Launched(launched), .. }) = self.tasks.get(number) {
                let agent_id = AgentID::from(launched.agent.as_str());
                out.push(Action::Kill { task_id: self.task_id(*number, *attempt), agent_id });
            }
        }
    }

    fn tick(&mut self, now: Duration, out: &mut Vec<Action>) {
        if self.disconnected.is_some_and(|since| now >= since + self.settings.master_patience) {
            self.finished = true;
            return out.push(Action::GiveUp);
        }
        if self.connected {
            self.reconcile(now, UNCONFIRMED_PATIENCE, CONFIRMED_PATIENCE, out);
        }
        let gone = |task: &Task| match &task.stage {
            Stage::Launched(Launched { unreachable_since: Some(since), .. }) => {
                now >= *since + UNREACHABLE_PATIENCE
            }
            _ => false,
        };
        let gone: Vec<u64> = self.launched.iter().copied().filter(|n| gone(&self.tasks[n])).collect();
        for number in gone {
            self.failed(now, number, "its agent is unreachable", false, out);
        }
        let has_slot = self.launched.len() < self.settings.max_parallel;
        let waits = !self.ready.is_empty() && has_slot && self.connected;
        if waits && now >= FIRST_LAUNCH_PATIENCE && !self.first_launch.over {
            self.first_launch.over = true;
            out.push(Action::Say(self.why_nothing_fits()));
        }
        if waits && now >= self.last_offer + REVIVE_INTERVAL {
            // What was declined earlier may be the only place left.
            self.last_offer = now;
            self.suppressed = false;
            out.push(Action::Revive);
        }
    }

    fn why_nothing_fits(&self) -> String {
        let wanted = &self.settings.wanted;
        match &self.first_launch.most {
            None => format!(
                "no agent has offered anything yet to tasks of {wanted}; `kaon agents` shows what there is"
            ),
            Some(most) if *most == Wanted::default() => {
                format!(
                    "no agent has offered any of what a task needs ({wanted}); `kaon agents` shows what there is"
                )
            }
            Some(most) => format!(
                "nothing that was offered is enough for a task: it needs {wanted}, agents offer at most {most}; --cpus \
                 and --mem ask for less"
            ),
        }
    }

    /// Asks after launched tasks that have not been heard of for so long.
    fn reconcile(
        &mut self,
        now: Duration,
        unconfirmed: Duration,
        confirmed: Duration,
        out: &mut Vec<Action>,
    ) {
        let mut asked = Vec::new();
        let id = |number: u64, attempt: u32| task_id(&self.settings.id_prefix, number, attempt);
        for number in &self.launched {
            let Some(Task { attempt, stage: Stage::Launched(launched), .. }) = self.tasks.get_mut(number)
            else {
                continue;
            };
            let patience = if launched.confirmed { confirmed } else { unconfirmed };
            if now >= launched.heard + patience {
                launched.heard = now;
                asked.push((id(*number, *attempt), AgentID::from(launched.agent.as_str())));
            }
        }
        out.extend(asked.chunks(RECONCILE_MAX).map(|chunk| Action::Reconcile(chunk.to_vec())));
    }

    /// Asks for offers when tasks wait, and for none when none does.
    fn want_offers(&mut self, now: Duration, out: &mut Vec<Action>) {
        let suppress = self.ready.is_empty() || self.interrupted.is_some();
        if suppress == self.suppressed || !self.connected {
            return;
        }
        self.suppressed = suppress;
        self.last_offer = now;
        out.push(if suppress { Action::Suppress } else { Action::Revive });
    }

    fn finish_if_done(&mut self, now: Duration, out: &mut Vec<Action>) {
        let done = match self.interrupted {
            None => self.input_ended && self.tasks.is_empty(),
            Some(since) => self.launched.is_empty() || now >= since + KILL_PATIENCE,
        };
        if done {
            self.finish(out);
        }
    }

    fn finish(&mut self, out: &mut Vec<Action>) {
        if !self.finished {
            self.finished = true;
            self.tally.abandoned += self.tasks.len() as u64;
            out.push(Action::Finish);
        }
    }
}

/// The id of one attempt at a task.
fn task_id(prefix: &str, number: u64, attempt: u32) -> TaskID {
    TaskID::from(format!("{prefix}{number}-{attempt}"))
}

/// The task and the attempt of an id.
fn parse_task_id(prefix: &str, id: &TaskID) -> Option<(u64, u32)> {
    let (number, attempt) = id.value.strip_prefix(prefix)?.split_once('-')?;
    Some((number.parse().ok()?, attempt.parse().ok()?))
}
