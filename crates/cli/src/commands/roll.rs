// SPDX-License-Identifier: Apache-2.0

//! Maintenance of many machines, a few at a time.

mod journal;

use std::collections::BTreeSet;
use std::io::{BufRead, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use kaon_sdk::Operator;
use kaon_sdk::maintenance::{Enforcement, Window};
use kaon_sdk::v1::{MachineID, TimeInfo, Unavailability};
use serde_json::Value;
use tokio::task::JoinSet;

use super::maintenance::{duration, plans};
use crate::arguments::maintenance::{RollArguments, Share};
use crate::machines::{Key, key};
use crate::roll::{Action, Host, Limits, Roll, Seen, Stage};
use journal::{Journal, Order, Step};

/// How often the cluster is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Bound: how long no master may answer before the roll stops; it can go on with --resume.
const MASTER_PATIENCE: Duration = Duration::from_secs(600);

pub async fn run(arguments: RollArguments) -> anyhow::Result<ExitCode> {
    let operator = arguments.master.operator();
    let (journal, order, stages) = if arguments.resume {
        Journal::resume(&arguments.journal)?
    } else {
        let order = order(&operator, &arguments).await?;
        if arguments.dry_run {
            return tell_plan(&order);
        }
        let stages = vec![Stage::Waiting; order.hosts.len()];
        (Journal::create(&arguments.journal, &order)?, order, stages)
    };
    let resumed = arguments.resume;
    let roll = Roll::new(order.hosts.clone(), stages, order.limits.clone());
    let mut rolling = Rolling { operator, roll, journal, order, commands: JoinSet::new() };
    rolling.run(resumed).await
}

/// What the arguments ask for, in this cluster.
async fn order(operator: &Operator, arguments: &RollArguments) -> anyhow::Result<Order> {
    let hosts = hosts(operator, arguments).await?;
    if hosts.is_empty() {
        bail!("no agent is meant by that");
    }
    let share = |share: Share| share.of(hosts.len());
    let limits = Limits {
        at_a_time: share(arguments.at_a_time),
        per_domain: arguments.per_domain,
        max_failures: arguments.max_failures,
        pause: arguments.pause,
        patience: arguments.patience,
        notice: arguments.notice + arguments.grace.unwrap_or_default(),
    };
    let (notice, grace, command) = (arguments.notice, arguments.grace, arguments.command.clone());
    Ok(Order { hosts, limits, notice, grace, command })
}

/// The machines of the agents that are meant, each once, in the order in which they come.
async fn hosts(operator: &Operator, arguments: &RollArguments) -> anyhow::Result<Vec<Host>> {
    let agents = operator.get_json("/slaves").await.context("cannot read the agents")?;
    let mut wanted = arguments.hosts.as_deref().map(wanted_hosts).transpose()?;
    let (mut hosts, mut seen) = (Vec::new(), BTreeSet::new());
    for agent in agents["slaves"].as_array().into_iter().flatten() {
        let Some((machine, name)) = machine_of(agent) else { continue };
        let is_meant = match (&mut wanted, &arguments.attribute) {
            (Some(wanted), _) => wanted.remove(&name.to_ascii_lowercase()),
            (None, Some((name, value))) => shown(&agent["attributes"][name]) == *value,
            (None, None) => true,
        };
        if is_meant && seen.insert(key(&machine)) {
            let domain = domain_of(agent, arguments.domain_by.as_deref());
            hosts.push(Host { key: key(&machine), name, domain });
        }
    }
    if let Some(missing) = wanted.into_iter().flatten().next() {
        bail!("no agent runs on '{missing}'");
    }
    hosts.sort_by(|one, other| one.name.cmp(&other.name).then_with(|| one.key.cmp(&other.key)));
    Ok(hosts)
}

fn wanted_hosts(file: &std::path::Path) -> anyhow::Result<BTreeSet<String>> {
    let context = || format!("cannot read '{}'", file.display());
    let source: Box<dyn BufRead> = match file.to_str() {
        Some("-") => Box::new(std::io::stdin().lock()),
        _ => Box::new(std::io::BufReader::new(std::fs::File::open(file).with_context(context)?)),
    };
    let mut wanted = BTreeSet::new();
    for line in source.lines() {
        let line = line.with_context(context)?;
        let name = line.trim();
        if !name.is_empty() && !name.starts_with('#') {
            wanted.insert(name.to_ascii_lowercase());
        }
    }
    Ok(wanted)
}

fn machine_of(agent: &Value) -> Option<(MachineID, String)> {
    let hostname = agent["hostname"].as_str()?.to_owned();
    let (_, address) = agent["pid"].as_str()?.rsplit_once('@')?;
    let (ip, _) = address.rsplit_once(':')?;
    let machine =
        MachineID { hostname: Some(hostname.clone()), ip: Some(ip.to_owned()), ..Default::default() };
    Some((machine, hostname))
}

/// The rack or zone of an agent: an attribute, or the zone in which it says it is.
fn domain_of(agent: &Value, attribute: Option<&str>) -> Option<String> {
    if let Some(name) = attribute {
        let value = &agent["attributes"][name];
        return (!value.is_null()).then(|| shown(value));
    }
    let domain = &agent["domain"]["fault_domain"];
    let (region, zone) = (domain["region"]["name"].as_str()?, domain["zone"]["name"].as_str()?);
    Some(format!("{region}/{zone}"))
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn tell_plan(order: &Order) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    let limits = &order.limits;
    writeln!(out, "{} machines, at most {} at a time:", order.hosts.len(), limits.at_a_time)?;
    for host in &order.hosts {
        writeln!(out, "  {}  {}", host.name, host.domain.as_deref().unwrap_or("-"))?;
    }
    if let Some(most) = limits.per_domain {
        writeln!(out, "at most {most} of one domain")?;
    }
    writeln!(
        out,
        "command: {}",
        order.command.as_deref().unwrap_or("none; something else must start the agents")
    )?;
    Ok(ExitCode::SUCCESS)
}

/// A roll that is going on.
struct Rolling {
    operator: Operator,
    roll: Roll,
    journal: Journal,
    order: Order,
    /// The commands that run, each with the machine that it is about.
    commands: JoinSet<(usize, Result<(), String>)>,
}

impl Rolling {
    async fn run(&mut self, mut resumed: bool) -> anyhow::Result<ExitCode> {
        let (begun, mut heard) = (Instant::now(), Instant::now());
        while !self.roll.is_over() {
            let mut actions = Vec::new();
            match self.look().await {
                Ok(seen) => {
                    heard = Instant::now();
                    if std::mem::take(&mut resumed) {
                        self.roll.resume(&seen, &mut actions);
                    }
                    while let Some(ended) = self.commands.try_join_next() {
                        let (at, result) = ended.context("a command was lost")?;
                        self.roll.worked(begun.elapsed(), at, result, &mut actions);
                    }
                    let works = self.order.command.is_some();
                    self.roll.look(begun.elapsed(), &seen, works, &mut actions);
                }
                Err(error) if heard.elapsed() > MASTER_PATIENCE => {
                    return Err(error.context("no master answers; --resume goes on where this stops"));
                }
                Err(_) => {}
            }
            self.perform(actions).await?;
            tokio::time::sleep(LOOK).await;
        }
        let failed = self.roll.count(|stage| *stage == Stage::Failed);
        let done = self.roll.count(|stage| *stage == Stage::Done);
        say(&format!("{done} of {} machines done, {failed} failed", self.roll.len()))?;
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn look(&self) -> anyhow::Result<Seen> {
        let (schedule, status) = plans(&self.operator).await?;
        let agents = self.operator.get_json("/slaves").await?;
        let agents = agents["slaves"].as_array().into_iter().flatten();
        let active = agents.filter(|agent| agent["active"] == true).filter_map(machine_of);
        Ok(Seen {
            scheduled: schedule.windows.iter().flat_map(|window| &window.machine_ids).map(key).collect(),
            down: status.down_machines.iter().map(key).collect(),
            active: active.map(|(machine, _)| key(&machine)).collect(),
        })
    }

    /// What is about to be done is written down first, where it must not be done twice.
    async fn perform(&mut self, actions: Vec<Action>) -> anyhow::Result<()> {
        for action in actions {
            match action {
                Action::Schedule(at) => {
                    self.journal.note(at, Step::Begun)?;
                    self.tell(at, "asked for; it goes down when its time has come")?;
                    self.schedule(at).await?;
                }
                Action::Work(at) => {
                    self.tell(at, "down; the command runs")?;
                    let command = self.order.command.clone().unwrap_or_default();
                    let name = self.roll.host(at).name.clone();
                    self.commands.spawn(async move { (at, work(&command, &name).await) });
                }
                Action::BringUp(at) => {
                    self.journal.note(at, Step::Worked)?;
                    self.tell(at, "may come up; its agent is waited for")?;
                    let machine = machine(&self.roll.host(at).key);
                    self.operator.stop_maintenance(vec![machine]).await.context(RESUME)?;
                }
                Action::Done(at) => {
                    self.journal.note(at, Step::Done)?;
                    self.tell(at, "done")?;
                }
                Action::Failed(at, why) => {
                    self.journal.note(at, Step::Failed)?;
                    self.tell(at, &format!("failed: {why}"))?;
                }
            }
        }
        Ok(())
    }

    /// Adds an enforced window for one machine.
    async fn schedule(&self, at: usize) -> anyhow::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
        let start = i64::try_from((now + self.order.notice).as_nanos()).unwrap_or(i64::MAX);
        let window = Window {
            machine_ids: vec![machine(&self.roll.host(at).key)],
            unavailability: Unavailability {
                start: TimeInfo { nanoseconds: start, ..Default::default() },
                ..Default::default()
            },
            enforcement: Some(Enforcement {
                max_grace_period: self.order.grace.map(duration),
                ..Default::default()
            }),
            ..Default::default()
        };
        let edited = self.operator.edit_maintenance_schedule(|schedule| {
            schedule.windows.push(window.clone());
            Ok::<(), kaon_sdk::Error>(())
        });
        edited.await.context(RESUME)
    }

    fn tell(&self, at: usize, what: &str) -> anyhow::Result<()> {
        let done = self.roll.count(|stage| *stage == Stage::Done);
        say(&format!("[{done}/{}] {}: {what}", self.roll.len(), self.roll.host(at).name))
    }
}

const RESUME: &str = "the roll stops; --resume goes on";

fn machine((hostname, ip): &Key) -> MachineID {
    MachineID { hostname: hostname.clone(), ip: ip.clone(), ..Default::default() }
}

/// Runs the operator's command for a host, by the shell. The host's name is put in quoted.
async fn work(command: &str, host: &str) -> Result<(), String> {
    let quoted = format!("'{}'", host.replace('\'', r"'\''"));
    let text = command.replace("{}", &quoted);
    let status = tokio::process::Command::new("/bin/sh")
        .args(["-c", &text])
        .stdin(std::process::Stdio::null())
        .status()
        .await
        .map_err(|error| format!("the command cannot be run: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("the command ended with {status}")) }
}

fn say(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stderr(), "kaon: {text}").map_err(Into::into)
}
