// SPDX-License-Identifier: Apache-2.0

//! The one file of a run that Mesos does not have: what its tasks' machines must remember.
//!
//! One line of text for each fact, so that an operator can read it:
//!
//! ```text
//! kaon.run 2
//! ended 1795316912448612300
//! task <container> <group> <limit|-> <completion|-> <asked|completion|unhealthy|-> <escalation|-> <task id>
//! since <container> <time of the kill>
//! check <container> <first look>
//! health <container> <first look> <end of the grace> <seen|new> <failures in a row>
//! checked <container> <what the checks need to know of the task, as JSON>
//! ```
//!
//! The limit is what a task may run for, in nanoseconds; times are nanoseconds since 1970. The task id comes last because it may
//! hold blanks. Files of the first version have no lines but the first three.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use kaon_api::json::{Dialect, from_json, parse, to_json};
use kaon_api::v1;
use kaon_executor::Note;
use kaon_executor::command::{Cause, KillNote, Snapshot};
use kaon_model::{ContainerId, TaskId, Wall};

pub(crate) const NAME: &str = "kaon.run";
const HEADER: &str = "kaon.run 2";
const OLD_HEADER: &str = "kaon.run 1";

/// What is remembered of one task.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskNote {
    pub task: TaskId,
    pub container: ContainerId,
    pub group: u32,
    /// What it may run for, counted from its launch.
    pub limit: Option<Duration>,
    pub snapshot: Snapshot,
    /// What its checks need to know of it, if it has any.
    pub checked: Option<Arc<v1::TaskInfo>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunFile {
    /// When the run was over; what its sandbox's removal is counted from.
    pub ended: Option<Wall>,
    pub tasks: Vec<TaskNote>,
}

/// Names the line, counted from 1, that was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {0} is not understood")]
pub struct RunFileError(pub usize);

impl RunFile {
    pub fn note(&self, task: &TaskId) -> Option<&TaskNote> {
        self.tasks.iter().find(|note| note.task == *task)
    }
}

impl fmt::Display for RunFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(ended) = self.ended {
            writeln!(f, "ended {}", ended.nanos())?;
        }
        self.tasks.iter().try_for_each(|note| write_task(f, note))
    }
}

fn write_task(f: &mut fmt::Formatter<'_>, note: &TaskNote) -> fmt::Result {
    let TaskNote { task, container, group, limit, snapshot, checked } = note;
    let time = |time: Option<Wall>| time.map_or_else(|| "-".to_string(), |time| time.nanos().to_string());
    let cause = match snapshot.killing.map(|killing| killing.cause) {
        None => "-",
        Some(Cause::Asked) => "asked",
        Some(Cause::Completion) => "completion",
        Some(Cause::Unhealthy) => "unhealthy",
    };
    let limit = limit.map_or_else(|| "-".to_string(), |limit| limit.as_nanos().to_string());
    let completion = time(snapshot.completion);
    let escalation = time(snapshot.killing.and_then(|killing| killing.escalate));
    writeln!(f, "task {container} {group} {limit} {completion} {cause} {escalation} {task}")?;
    if let Some(killing) = snapshot.killing {
        writeln!(f, "since {container} {}", killing.since.nanos())?;
    }
    if let Some(check) = snapshot.check {
        writeln!(f, "check {container} {}", check.first.nanos())?;
    }
    if let Some(Note { first, grace, seen_healthy, failures }) = snapshot.health {
        let seen = if seen_healthy { "seen" } else { "new" };
        writeln!(f, "health {container} {} {} {seen} {failures}", first.nanos(), grace.nanos())?;
    }
    match checked {
        Some(info) => writeln!(f, "checked {container} {}", to_json(&**info, Dialect::V1)),
        None => Ok(()),
    }
}

impl FromStr for RunFile {
    type Err = RunFileError;

    fn from_str(text: &str) -> Result<RunFile, RunFileError> {
        let mut file = RunFile::default();
        // A file cut short by a power failure would lose tasks silently if its last line passed without its end.
        let body = text.strip_suffix('\n').ok_or(RunFileError(text.lines().count()))?;
        for (index, line) in body.split('\n').enumerate() {
            let wrong = RunFileError(index + 1);
            match line.split_once(' ') {
                _ if index == 0 => [HEADER, OLD_HEADER].contains(&line).then_some(()).ok_or(wrong)?,
                Some(("ended", time)) => file.ended = Some(parse_time(time).ok_or(wrong)?),
                Some(("task", rest)) => file.tasks.push(parse_task(rest).ok_or(wrong)?),
                Some((fact, rest)) => {
                    let (container, rest) = rest.split_once(' ').ok_or(wrong.clone())?;
                    let mut notes = file.tasks.iter_mut();
                    let note =
                        notes.find(|note| *note.container.as_str() == *container).ok_or(wrong.clone())?;
                    parse_fact(note, fact, rest).ok_or(wrong)?;
                }
                None => return Err(wrong),
            }
        }
        Ok(file)
    }
}

fn parse_time(text: &str) -> Option<Wall> {
    text.parse().ok().map(Wall::from_nanos)
}

fn parse_optional_time(text: &str) -> Option<Option<Wall>> {
    if text == "-" { Some(None) } else { parse_time(text).map(Some) }
}

fn parse_task(text: &str) -> Option<TaskNote> {
    let mut words = text.splitn(7, ' ');
    let container = words.next()?;
    let group = words.next()?.parse().ok()?;
    let limit = match words.next()? {
        "-" => None,
        nanos => Some(Duration::from_nanos(nanos.parse().ok()?)),
    };
    let completion = parse_optional_time(words.next()?)?;
    let cause = match words.next()? {
        "-" => None,
        "asked" => Some(Cause::Asked),
        "completion" => Some(Cause::Completion),
        "unhealthy" => Some(Cause::Unhealthy),
        _ => return None,
    };
    let escalation = parse_optional_time(words.next()?)?;
    let task = words.next()?;
    kaon_model::validate_id(container).ok()?;
    kaon_model::validate_id(task).ok()?;
    // The first version did not say when a kill began: its end tells enough.
    let since = escalation.unwrap_or(Wall::from_nanos(0));
    let killing = cause.map(|cause| KillNote { cause, since, escalate: escalation });
    let snapshot = Snapshot { completion, killing, ..Snapshot::default() };
    Some(TaskNote {
        task: TaskId::from(task),
        container: ContainerId::from(container),
        group,
        limit,
        snapshot,
        checked: None,
    })
}

/// A line that follows that of its task.
fn parse_fact(note: &mut TaskNote, fact: &str, rest: &str) -> Option<()> {
    let words: Vec<&str> = rest.split(' ').collect();
    match (fact, words.as_slice()) {
        ("since", [since]) => note.snapshot.killing.as_mut()?.since = parse_time(since)?,
        ("check", [first]) => {
            let first = parse_time(first)?;
            note.snapshot.check = Some(Note { first, grace: first, seen_healthy: false, failures: 0 });
        }
        ("health", [first, grace, seen, failures]) => {
            note.snapshot.health = Some(Note {
                first: parse_time(first)?,
                grace: parse_time(grace)?,
                seen_healthy: parse_seen(seen)?,
                failures: failures.parse().ok()?,
            });
        }
        ("checked", _) => {
            let json = parse(rest.as_bytes()).ok()?;
            note.checked = Some(Arc::new(from_json(&json, Dialect::V1).ok()?));
        }
        _ => return None,
    }
    Some(())
}

fn parse_seen(word: &str) -> Option<bool> {
    match word {
        "seen" => Some(true),
        "new" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> RunFile {
        let note = |task: &str, snapshot| TaskNote {
            task: TaskId::from(task),
            container: ContainerId::from(format!("c-{}", task.len())),
            group: 3,
            limit: (task == "x").then_some(Duration::from_millis(1500)),
            snapshot,
            checked: (task == "plain").then(|| {
                let check = v1::CheckInfo {
                    delay_seconds: Some(1.5),
                    interval_seconds: Some(2.0),
                    timeout_seconds: Some(3.0),
                    ..Default::default()
                };
                Arc::new(v1::TaskInfo { check: Some(Box::new(check)), ..Default::default() })
            }),
        };
        let wall = Wall::from_nanos;
        let kill = |cause, escalate| Some(KillNote { cause, since: wall(3), escalate });
        let look = |first, grace, seen_healthy, failures| {
            Some(Note { first: wall(first), grace: wall(grace), seen_healthy, failures })
        };
        let checks =
            Snapshot { check: look(8, 8, false, 0), health: look(8, 9, true, 2), ..Snapshot::default() };
        let asked = Snapshot {
            completion: Some(wall(5)),
            killing: kill(Cause::Asked, Some(wall(7))),
            health: look(8, 9, false, 0),
            ..Snapshot::default()
        };
        RunFile {
            ended: Some(wall(1_795_316_912_448_612_300)),
            tasks: vec![
                note("plain", checks),
                note("with blanks in it", asked),
                note("x", Snapshot { killing: kill(Cause::Completion, None), ..Snapshot::default() }),
                note("yy", Snapshot { killing: kill(Cause::Unhealthy, None), ..Snapshot::default() }),
            ],
        }
    }

    #[test]
    fn survives_its_text() {
        for file in [RunFile::default(), sample()] {
            assert_eq!(file.to_string().parse(), Ok(file));
        }
    }

    #[test]
    fn no_cut_passes_for_the_whole() {
        let text = sample().to_string();
        for cut in 0..text.len() {
            let read: Result<RunFile, _> = text[..cut].parse();
            assert!(read.is_err() || text[..cut].ends_with('\n'), "{cut}: {read:?}");
        }
        for text in
            ["kaon.run 3\n", "kaon.run 1\ntask c x - - - - t\n", "kaon.run 1\ntask ../c 0 - - - - t\n"]
        {
            assert!(text.parse::<RunFile>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_first_version_is_read() {
        let text = "kaon.run 1\nended 7\ntask c 0 - - asked 9 t\n";
        let file: RunFile = text.parse().expect("reads");
        let killing = file.tasks[0].snapshot.killing.expect("a kill");
        assert_eq!((file.ended, killing.escalate), (Some(Wall::from_nanos(7)), Some(Wall::from_nanos(9))));
    }

    #[test]
    fn facts_stand_after_their_task() {
        for line in ["since c 1", "since d 1", "check d 1", "health c 1 1 old 0", "checked c {", "spent c 1"]
        {
            let text = format!("kaon.run 2\ntask c 0 - - - - t\n{line}\n");
            assert_eq!(text.parse::<RunFile>(), Err(RunFileError(3)), "{line}");
        }
    }
}
