// SPDX-License-Identifier: Apache-2.0

//! What a rolling maintenance has done, in a file, so that another process can go on.
//!
//! Its first line says what was wanted, each other line what has become of a machine. A line that was not written to its
//! end is as if it were not there.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::roll::{Host, Limits, Stage};

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub hosts: Vec<Host>,
    pub limits: Limits,
    /// How long frameworks are asked before the window begins.
    pub notice: Duration,
    pub grace: Option<Duration>,
    pub command: Option<String>,
}

/// A step that was, or is about to be, made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// About to be scheduled.
    Begun,
    /// About to be brought up.
    Worked,
    Done,
    Failed,
}

const STEPS: [(Step, &str); 4] =
    [(Step::Begun, "begun"), (Step::Worked, "worked"), (Step::Done, "done"), (Step::Failed, "failed")];

pub struct Journal {
    file: File,
}

impl Journal {
    /// Begins a journal; one that is there already must be over.
    pub fn create(path: &Path, order: &Order) -> anyhow::Result<Journal> {
        if path.exists() {
            let (_, stages) = read(path)?;
            if stages.iter().any(|stage| *stage != Stage::Done) {
                bail!(
                    "'{}' tells of a roll that is not over: go on with --resume, or remove it",
                    path.display()
                );
            }
        }
        let mut file = File::create(path).with_context(|| format!("cannot write '{}'", path.display()))?;
        write(&mut file, &header(order))?;
        Ok(Journal { file })
    }

    /// Goes on with a journal.
    pub fn resume(path: &Path) -> anyhow::Result<(Journal, Order, Vec<Stage>)> {
        let (order, stages) = read(path)?;
        let mut file = OpenOptions::new()
            .append(true)
            .open(path)
            .with_context(|| format!("cannot write '{}'", path.display()))?;
        // Whatever an earlier process did not end.
        file.write_all(b"\n")?;
        Ok((Journal { file }, order, stages))
    }

    /// Durable when this returns: what is done next must not be done twice.
    pub fn note(&mut self, at: usize, step: Step) -> anyhow::Result<()> {
        let name = STEPS.iter().find(|(own, _)| *own == step).map_or("", |(_, name)| name);
        write(&mut self.file, &json!({ "host": at, "step": name }))
    }
}

fn write(file: &mut File, line: &Value) -> anyhow::Result<()> {
    writeln!(file, "{line}").and_then(|()| file.sync_data()).context("cannot write the journal of the roll")
}

fn header(order: &Order) -> Value {
    let hosts = order.hosts.iter().map(
        |host| json!({ "hostname": host.key.0, "ip": host.key.1, "name": host.name, "domain": host.domain }),
    );
    let limits = &order.limits;
    json!({
        "hosts": hosts.collect::<Vec<_>>(),
        "at_a_time": limits.at_a_time,
        "per_domain": limits.per_domain,
        "max_failures": limits.max_failures,
        "pause": limits.pause.as_secs(),
        "patience": limits.patience.as_secs(),
        "notice": order.notice.as_secs(),
        "grace": order.grace.map(|grace| grace.as_secs()),
        "command": order.command,
    })
}

fn read(path: &Path) -> anyhow::Result<(Order, Vec<Stage>)> {
    let file = File::open(path)
        .with_context(|| format!("there is no roll to go on with: cannot read '{}'", path.display()))?;
    let mut lines = BufReader::new(file).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let order = serde_json::from_str(&first).ok().as_ref().and_then(order);
    let order = order.with_context(|| format!("'{}' is no journal of a roll", path.display()))?;
    // One that failed is tried again from where it failed.
    let mut last: BTreeMap<usize, Step> = BTreeMap::new();
    for line in lines {
        let Ok(line) = serde_json::from_str::<Value>(&line?) else { continue };
        let step = STEPS.iter().find(|(_, name)| line["step"] == *name).map(|(step, _)| *step);
        let at = line["host"].as_u64().and_then(|at| usize::try_from(at).ok());
        if let Some((at, step)) = at.zip(step).filter(|(_, step)| *step != Step::Failed) {
            last.insert(at, step);
        }
    }
    let stage = |at: usize| match last.get(&at) {
        None | Some(Step::Failed) => Stage::Waiting,
        Some(Step::Begun) => Stage::Leaving { since: Duration::ZERO },
        Some(Step::Worked) => Stage::Returning { since: Duration::ZERO },
        Some(Step::Done) => Stage::Done,
    };
    let stages = (0..order.hosts.len()).map(stage).collect();
    Ok((order, stages))
}

fn order(json: &Value) -> Option<Order> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let host = |host: &Value| {
        Some(Host {
            key: (text(&host["hostname"]), text(&host["ip"])),
            name: text(&host["name"])?,
            domain: text(&host["domain"]),
        })
    };
    let count = |name: &str| json[name].as_u64().and_then(|count| usize::try_from(count).ok());
    let span = |name: &str| json[name].as_u64().map(Duration::from_secs);
    let (notice, grace) = (span("notice")?, span("grace"));
    let limits = Limits {
        at_a_time: count("at_a_time")?,
        per_domain: count("per_domain"),
        max_failures: count("max_failures")?,
        pause: span("pause")?,
        patience: span("patience")?,
        notice: notice + grace.unwrap_or_default(),
    };
    let hosts = json["hosts"].as_array()?.iter().map(host).collect::<Option<Vec<_>>>()?;
    Some(Order { hosts, limits, notice, grace, command: text(&json["command"]) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_process_goes_on_with_what_was_written() {
        let path = std::env::temp_dir().join(format!("kaon-journal-{}", std::process::id()));
        let host = |name: &str| Host {
            key: (Some(name.to_owned()), Some("10.0.0.1".to_owned())),
            name: name.to_owned(),
            domain: Some("rack".to_owned()),
        };
        let order = Order {
            hosts: ["a", "b", "c", "d", "e"].map(host).to_vec(),
            limits: Limits {
                at_a_time: 2,
                per_domain: None,
                max_failures: 1,
                pause: Duration::from_secs(3),
                patience: Duration::from_secs(600),
                notice: Duration::from_secs(15),
            },
            notice: Duration::from_secs(5),
            grace: Some(Duration::from_secs(10)),
            command: Some("ssh {} reboot".to_owned()),
        };
        let mut journal = Journal::create(&path, &order).unwrap();
        for (at, step) in [
            (0, Step::Begun),
            (1, Step::Begun),
            (0, Step::Worked),
            (0, Step::Done),
            (1, Step::Worked),
            (2, Step::Begun),
            (3, Step::Begun),
            (3, Step::Failed),
        ] {
            journal.note(at, step).unwrap();
        }
        journal.file.write_all(br#"{"host":4,"st"#).unwrap();
        let text = Journal::create(&path, &order).err().unwrap().to_string();
        assert!(text.contains("--resume"), "{text}");
        let (mut journal, again, stages) = Journal::resume(&path).unwrap();
        assert_eq!(again, order);
        let since = Duration::ZERO;
        let (leaving, returning) = (Stage::Leaving { since }, Stage::Returning { since });
        let expected = [Stage::Done, returning, leaving, leaving, Stage::Waiting];
        assert_eq!(stages, expected);
        for at in 0..5 {
            journal.note(at, Step::Done).unwrap();
        }
        assert!(Journal::create(&path, &order).is_ok(), "that one is over");
        std::fs::remove_file(&path).unwrap();
        assert!(Journal::resume(&path).is_err());
    }
}
