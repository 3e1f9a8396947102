// SPDX-License-Identifier: Apache-2.0

//! The one file of a run that Mesos does not have: what its tasks' machines must remember.
//!
//! One line of text for each fact, so that an operator can read it:
//!
//! ```text
//! kaon.run 1
//! ended 1795316912448612300
//! task <container> <group> <limit|-> <completion|-> <asked|completion|-> <escalation|-> <task id>
//! ```
//!
//! The limit is what a task may run for, in nanoseconds; times are nanoseconds since 1970. The task id comes last because it may hold blanks.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use kaon_executor::command::{Cause, Snapshot};
use kaon_model::{ContainerId, TaskId, Wall};

pub(crate) const NAME: &str = "kaon.run";
const HEADER: &str = "kaon.run 1";

/// What is remembered of one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskNote {
    pub task: TaskId,
    pub container: ContainerId,
    pub group: u32,
    /// What it may run for, counted from its launch.
    pub limit: Option<Duration>,
    pub snapshot: Snapshot,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
        for TaskNote { task, container, group, limit, snapshot } in &self.tasks {
            let time =
                |time: Option<Wall>| time.map_or_else(|| "-".to_string(), |time| time.nanos().to_string());
            let (cause, escalation) = match snapshot.killing {
                None => ("-", None),
                Some((Cause::Asked, escalation)) => ("asked", escalation),
                Some((Cause::Completion, escalation)) => ("completion", escalation),
            };
            let limit = limit.map_or_else(|| "-".to_string(), |limit| limit.as_nanos().to_string());
            let (completion, escalation) = (time(snapshot.completion), time(escalation));
            writeln!(f, "task {container} {group} {limit} {completion} {cause} {escalation} {task}")?;
        }
        Ok(())
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
                _ if index == 0 => (line == HEADER).then_some(()).ok_or(wrong)?,
                Some(("ended", time)) => file.ended = Some(parse_time(time).ok_or(wrong)?),
                Some(("task", rest)) => file.tasks.push(parse_task(rest).ok_or(wrong)?),
                _ => return Err(wrong),
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
        _ => return None,
    };
    let escalation = parse_optional_time(words.next()?)?;
    let task = words.next()?;
    kaon_model::validate_id(container).ok()?;
    kaon_model::validate_id(task).ok()?;
    let snapshot = Snapshot { completion, killing: cause.map(|cause| (cause, escalation)) };
    Some(TaskNote {
        task: TaskId::from(task),
        container: ContainerId::from(container),
        group,
        limit,
        snapshot,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> RunFile {
        let note = |task: &str, snapshot| TaskNote {
            task: TaskId::from(task),
            container: ContainerId::from("c-1"),
            group: 3,
            limit: (task == "x").then_some(Duration::from_millis(1500)),
            snapshot,
        };
        let killing = Some((Cause::Asked, Some(Wall::from_nanos(7))));
        RunFile {
            ended: Some(Wall::from_nanos(1_795_316_912_448_612_300)),
            tasks: vec![
                note("plain", Snapshot::default()),
                note("with blanks in it", Snapshot { completion: Some(Wall::from_nanos(5)), killing }),
                note("x", Snapshot { completion: None, killing: Some((Cause::Completion, None)) }),
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
            ["kaon.run 2\n", "kaon.run 1\ntask c x - - - - t\n", "kaon.run 1\ntask ../c 0 - - - - t\n"]
        {
            assert!(text.parse::<RunFile>().is_err(), "{text}");
        }
    }
}
