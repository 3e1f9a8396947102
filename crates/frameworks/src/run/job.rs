// SPDX-License-Identifier: Apache-2.0

//! Carries out what the batch decides.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kaon_sdk::v1::{AgentID, CommandInfo, Environment, Offer, TaskID, TaskInfo, command_info, environment};
use kaon_sdk::{Address, Error, Event, Events, Operator, Scheduler};

use super::batch::{Action, Batch, Input, Launch};
use super::input::Lines;
use super::interrupts::Interrupts;
use super::output::{self, Fetcher, Missing, Output, Printer};
use super::progress::Progress;
use super::{Options, Outcome, RunError};

/// Bound: calls in a row that a master may turn down before the job is given up.
pub const REJECTED_MAX: u32 = 10;
/// How long after it agreed the batch is asked for an agent again.
const ASKED_AGAIN_SECS: f64 = 60.0;
/// How often the batch looks at the time.
const TICK: Duration = Duration::from_millis(500);

/// A job that runs.
pub struct Job {
    options: Options,
    pub started: Instant,
    batch: Batch,
    pub scheduler: Scheduler,
    operator: Operator,
    fetcher: Fetcher,
    pub printer: Printer,
    pub progress: Progress,
    /// Where agents are reached, by id.
    agents: BTreeMap<String, Address>,
    /// Calls in a row that were turned down.
    rejected: u32,
}

impl Job {
    pub fn new(
        options: Options,
        scheduler: Scheduler,
        fetcher: Fetcher,
        printer: Printer,
        progress: Progress,
    ) -> Job {
        let operator = Operator::new(options.masters.clone());
        Job {
            batch: Batch::new(options.settings.clone()),
            operator: match &options.credential {
                Some(credential) => operator.with_credential(credential),
                None => operator,
            },
            options,
            started: Instant::now(),
            scheduler,
            fetcher,
            printer,
            progress,
            agents: BTreeMap::new(),
            rejected: 0,
        }
    }

    /// Returns when nothing is left to be done, or when it cannot be done.
    pub async fn run_to_end(
        &mut self,
        mut lines: Lines,
        events: &mut Events,
        interrupts: &Interrupts,
    ) -> Result<(), RunError> {
        let mut ticks = tokio::time::interval(TICK);
        let mut last_line = self.progress.begin();
        let mut read = Vec::new();
        loop {
            let inputs = tokio::select! {
                event = events.next() => self.learn(event).await?,
                count = lines.next(&mut read), if self.batch.wants_input() => match count {
                    0 => vec![Input::InputEnded],
                    _ => read.drain(..).map(|line| line.map(Input::Line)).collect::<Result<_, _>>()?,
                },
                Some(fetched) = self.fetcher.next() => vec![self.fetched(fetched)?],
                () = interrupts.heard(1), if !self.batch.is_interrupted() => vec![Input::Interrupt],
                _ = ticks.tick() => vec![Input::Tick],
            };
            for input in inputs {
                if self.tell(input).await? {
                    return Ok(());
                }
            }
            self.progress.show(self.batch.tally(), self.batch.wants_input(), &mut last_line);
        }
    }

    /// What an event means for the batch.
    async fn learn(&mut self, event: Option<Event>) -> Result<Vec<Input>, RunError> {
        Ok(match event {
            None => return Err(RunError::Ended("it ended the event stream".into())),
            Some(Event::Error(message)) => return Err(RunError::Ended(message)),
            Some(Event::Subscribed(_)) => vec![Input::Subscribed],
            Some(Event::Disconnected(reason)) => {
                self.progress.note(&format!("{reason}; tasks go on, looking for the master"));
                vec![Input::Disconnected]
            }
            Some(Event::Offers(offers)) => {
                self.agents.extend(offers.iter().filter_map(address_of));
                vec![Input::Offers(offers)]
            }
            Some(Event::InverseOffers(asked)) => {
                // What is killed there is tried again elsewhere, so that a batch can always agree.
                let asked = asked.into_iter().map(|offer| offer.id);
                let agreed = self.scheduler.accept_inverse_offers(asked, Some(ASKED_AGAIN_SECS)).await;
                self.judge(agreed)?;
                Vec::new()
            }
            Some(Event::Update(status)) => vec![Input::Update(status)],
            Some(_) => Vec::new(),
        })
    }

    fn fetched(&mut self, fetched: output::Fetched) -> Result<Input, RunError> {
        for line in fetched.stderr {
            self.progress.say(&format!("task {} | {line}", fetched.number));
        }
        let number = fetched.number;
        let result = match fetched.output {
            Ok(output) => {
                self.print(number, output);
                Ok(())
            }
            // It may be tried again, and then its turn is still to come.
            Err(Missing::Lost(why)) => Err(why),
            Err(Missing::Unwritable { path, reason }) => return Err(RunError::Unwritable { path, reason }),
        };
        Ok(Input::Collected { number, result })
    }

    fn print(&self, number: u64, output: Output) {
        self.printer.print(number, output);
    }

    /// Tells the batch and does what it says; returns whether the job is over.
    async fn tell(&mut self, input: Input) -> Result<bool, RunError> {
        let mut actions = Vec::new();
        self.batch.handle(self.started.elapsed(), input, &mut actions);
        let mut not_launched = Vec::new();
        for action in actions {
            if self.perform(action, &mut not_launched).await? {
                return Ok(true);
            }
        }
        if !not_launched.is_empty() {
            let mut actions = Vec::new();
            let input = Input::NotLaunched(not_launched);
            self.batch.handle(self.started.elapsed(), input, &mut actions);
            for action in actions {
                if self.perform(action, &mut Vec::new()).await? {
                    return Ok(true);
                }
            }
        }
        Ok(self.printer.is_gone())
    }

    async fn perform(&mut self, action: Action, not_launched: &mut Vec<u64>) -> Result<bool, RunError> {
        let called = match action {
            Action::Launch { offers, launches, refuse_seconds } => {
                let numbers: Vec<u64> = launches.iter().map(|launch| launch.number).collect();
                let tasks = launches.into_iter().map(|launch| self.task(launch)).collect();
                let called = self.scheduler.launch(offers, tasks, Some(refuse_seconds)).await;
                if let Err(Error::NotSubscribed) = called {
                    not_launched.extend(numbers);
                }
                called
            }
            Action::Decline { offers, refuse_seconds } => {
                self.scheduler.decline(offers, Some(refuse_seconds)).await
            }
            Action::Suppress => self.scheduler.suppress(&[]).await,
            Action::Revive => self.scheduler.revive(&[]).await,
            Action::Kill { task_id, agent_id } => self.scheduler.kill(task_id, Some(agent_id), None).await,
            Action::Reconcile(tasks) => {
                self.scheduler.reconcile(tasks.into_iter().map(|(task, agent)| (task, Some(agent)))).await
            }
            Action::Collect { number, task_id, agent_id, succeeded } => {
                self.collect(number, task_id, &agent_id, succeeded);
                Ok(())
            }
            Action::NoOutput { number } => {
                self.print(number, Output::Nothing);
                Ok(())
            }
            Action::Say(text) => {
                self.progress.say(&text);
                Ok(())
            }
            Action::GiveUp => {
                let (masters, patience) =
                    (self.options.masters.clone(), self.options.settings.master_patience);
                let framework = self.scheduler.framework_id().value;
                return Err(RunError::NoMaster { masters, patience, framework });
            }
            Action::Finish => return Ok(true),
        };
        self.judge(called)?;
        Ok(false)
    }

    /// A connection that broke is mended by the SDK, and the batch asks after what may be lost. A master that keeps
    /// saying no will not change its mind.
    fn judge(&mut self, called: Result<(), Error>) -> Result<(), RunError> {
        match called {
            Ok(()) => self.rejected = 0,
            Err(error @ Error::Status { .. }) => {
                self.rejected += 1;
                self.progress.say(&error.to_string());
                if self.rejected >= REJECTED_MAX {
                    return Err(RunError::Rejected(error));
                }
            }
            Err(_) => {}
        }
        Ok(())
    }

    fn collect(&mut self, number: u64, task_id: TaskID, agent_id: &AgentID, succeeded: bool) {
        let address = self.agents.get(&agent_id.value).cloned();
        let agent = address.map(|address| self.operator.agent(address));
        self.fetcher.start(output::Wish { number, task_id, agent, with_stderr: !succeeded });
    }

    fn task(&self, launch: Launch) -> TaskInfo {
        let Launch { number, task_id, line, agent_id, resources } = launch;
        let command = self.options.command.fill(&line, number);
        let uri = |uri: &String| command_info::URI { value: uri.clone(), ..Default::default() };
        let variable = |(name, value): &(String, String)| environment::Variable {
            name: name.clone(),
            value: Some(value.clone()),
            ..Default::default()
        };
        let variables: Vec<_> = self.options.environment.iter().map(variable).collect();
        let environment = Environment { variables, ..Default::default() };
        let command = CommandInfo {
            uris: self.options.uris.iter().map(uri).collect(),
            environment: (!self.options.environment.is_empty()).then_some(environment),
            ..command
        };
        TaskInfo {
            name: format!("{} {number}", self.options.name),
            task_id,
            agent_id,
            resources,
            command: Some(Box::new(command)),
            ..Default::default()
        }
    }

    /// Nothing is waited for any more.
    pub fn abandon(&mut self) {
        for _ in 0..2 {
            self.batch.handle(self.started.elapsed(), Input::Interrupt, &mut Vec::new());
        }
    }

    pub fn outcome(&self) -> Outcome {
        Outcome {
            tally: self.batch.tally(),
            success: self.batch.is_success(),
            interrupted: self.batch.is_interrupted(),
        }
    }
}

/// Where the agent of an offer is reached.
fn address_of(offer: &Offer) -> Option<(String, Address)> {
    let address = &offer.url.as_ref()?.address;
    let host = address.ip.clone().or_else(|| address.hostname.clone())?;
    let port = u16::try_from(address.port).ok()?;
    Some((offer.agent_id.value.clone(), Address::new(host, port)))
}
