// SPDX-License-Identifier: Apache-2.0

//! `kaon task logs`.

use std::collections::VecDeque;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use http_body_util::BodyExt;
use kaon_sdk::operator::Agent;
use kaon_sdk::{Error, Operator};
use serde_json::Value;

use super::view::{state, tasks_of};
use crate::arguments::LogsArguments;
use crate::{output, records};

/// How often a file is looked at that is being followed, and the state of its task.
const FILE_INTERVAL: Duration = Duration::from_millis(500);
const STATE_INTERVAL: Duration = Duration::from_secs(2);
/// Mesos: an agent sends 16 pages at most in one answer.
const PIECE_MAX: u64 = 16 * 4096;
/// Bound: bytes of one UTF-8 character.
const CHARACTER_MAX: u64 = 4;

pub async fn logs(arguments: LogsArguments) -> anyhow::Result<ExitCode> {
    let operator = arguments.master.operator();
    let tasks = tasks_of(&state(&operator).await?, true, arguments.framework.as_deref())?;
    let task = choose(tasks, &arguments.task)?;
    let text = |key: &str| task[key].as_str().unwrap_or_default();
    let Some(address) = task["agent_address"].as_str() else {
        bail!(
            "the agent {} on which the task ran is not registered, so its files are out of reach",
            text("agent_id")
        );
    };
    let agent = operator.agent(address.parse().context("the master names no usable address of the agent")?);
    let path = path(&agent, &task, if arguments.stderr { "stderr" } else { "stdout" }).await;
    let read = print_now(&agent, &path, arguments.tail).await.with_context(|| {
        format!(
            "cannot read '{path}' on {address}; sandboxes are deleted some time after their executors ended"
        )
    })?;
    if arguments.follow {
        follow(&operator, &agent, &path, read, (text("id"), text("framework_id"))).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The task that is meant. An id may be used by several frameworks: then the one that was heard of last.
fn choose(tasks: Vec<Value>, id: &str) -> anyhow::Result<Value> {
    let mut found: Vec<Value> = tasks.into_iter().filter(|task| task["id"] == id).collect();
    let heard = |task: &Value| task["last_update"].as_f64().unwrap_or(0.0);
    found.sort_by(|one, other| heard(one).total_cmp(&heard(other)));
    let many = found.len() > 1;
    let Some(task) = found.pop() else {
        bail!("no task '{id}' is known to the master; `kaon tasks --all` lists those that are");
    };
    if many {
        let framework = task["framework_id"].as_str().unwrap_or_default();
        let note = format!("kaon: several frameworks have a task '{id}'; this is that of {framework}");
        // The choice matters less than the output.
        drop(writeln!(std::io::stderr(), "{note} (--framework picks another)"));
    }
    Ok(task)
}

/// Where a task writes: in a folder of its own if it is one of a group, else where its executor does.
async fn path(agent: &Agent, task: &Value, file: &str) -> String {
    let text = |key: &str| task[key].as_str().unwrap_or_default();
    let (framework, executor, id) = (text("framework_id"), text("executor_id"), text("id"));
    // Mesos: an agent shows each executor's last sandbox under this path.
    let sandbox = format!("/frameworks/{framework}/executors/{executor}/runs/latest");
    let (own, shared) = (format!("{sandbox}/tasks/{id}/{file}"), format!("{sandbox}/{file}"));
    if executor == id || matches!(agent.file_size(&own).await, Err(Error::Status { status: 404, .. })) {
        return shared;
    }
    own
}

/// Prints what is there, or its last lines; returns how many bytes that was.
async fn print_now(agent: &Agent, path: &str, tail: Option<usize>) -> anyhow::Result<u64> {
    let mut body = agent.download(path).await?.into_body();
    let mut read = 0;
    let mut last = tail.map(Tail::new);
    while let Some(frame) = body.frame().await {
        let frame = frame?;
        let Some(data) = frame.data_ref() else { continue };
        read += data.len() as u64;
        match &mut last {
            Some(last) => last.feed(data),
            None => output::write_bytes(data)?,
        }
    }
    if let Some(last) = last {
        output::write_bytes(&last.into_bytes())?;
    }
    Ok(read)
}

/// Prints what is appended to the file until the task has ended.
async fn follow(
    operator: &Operator,
    agent: &Agent,
    path: &str,
    mut read: u64,
    task: (&str, &str),
) -> anyhow::Result<()> {
    let mut ended = false;
    let mut looked = tokio::time::Instant::now();
    loop {
        let size = agent.file_size(path).await?;
        while read < size {
            read += print_piece(agent, path, read, size).await?;
        }
        if ended {
            return Ok(());
        }
        tokio::time::sleep(FILE_INTERVAL).await;
        if looked.elapsed() >= STATE_INTERVAL {
            looked = tokio::time::Instant::now();
            // What it wrote last is read in another round.
            ended = has_ended(&state(operator).await?, task);
        }
    }
}

fn has_ended(state: &Value, (id, framework): (&str, &str)) -> bool {
    let is_task = |task: &Value| task["id"] == id && task["framework_id"] == framework;
    let ends = ["finished", "failed", "killed", "error", "lost", "dropped", "gone", "gone_by_operator"];
    let tasks = records::tasks(state, true);
    let found = tasks.iter().find(|task| is_task(task));
    found.is_none_or(|task| ends.iter().any(|end| task["state"] == **end))
}

/// Prints the file from `offset` on, at most up to `size`; returns how many bytes that was.
async fn print_piece(agent: &Agent, path: &str, offset: u64, size: u64) -> anyhow::Result<u64> {
    let length = (size - offset).min(PIECE_MAX);
    let shortest = length.saturating_sub(CHARACTER_MAX - 1).max(1);
    // A character that is cut in two reads as one that is unknown: then a little less is asked for.
    for length in (shortest..=length).rev() {
        let piece = agent.read_file(path, offset, length).await?;
        if length == shortest || !piece.data.ends_with(char::REPLACEMENT_CHARACTER) {
            output::write_bytes(piece.data.as_bytes())?;
            return Ok(length);
        }
    }
    Ok(0)
}

/// The last lines of what passes by.
struct Tail {
    lines: usize,
    complete: VecDeque<Vec<u8>>,
    open: Vec<u8>,
}

impl Tail {
    fn new(lines: usize) -> Tail {
        Tail { lines, complete: VecDeque::new(), open: Vec::new() }
    }

    fn feed(&mut self, data: &[u8]) {
        for part in data.split_inclusive(|byte| *byte == b'\n') {
            self.open.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.complete.push_back(std::mem::take(&mut self.open));
            }
            while self.complete.len() > self.lines {
                self.complete.pop_front();
            }
        }
    }

    fn into_bytes(mut self) -> Vec<u8> {
        if !self.open.is_empty() {
            self.complete.push_back(self.open);
        }
        let first = self.complete.len().saturating_sub(self.lines);
        self.complete.into_iter().skip(first).flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tail(lines: usize, pieces: &[&str]) -> String {
        let mut tail = Tail::new(lines);
        pieces.iter().for_each(|piece| tail.feed(piece.as_bytes()));
        String::from_utf8(tail.into_bytes()).unwrap()
    }

    #[test]
    fn the_last_lines_are_the_last_however_they_come() {
        assert_eq!(tail(2, &["a\nb", "b\nc", "\nd\n"]), "c\nd\n");
        assert_eq!(tail(2, &["a\nb\nopen"]), "b\nopen");
        assert_eq!(tail(9, &["a\n", "b\n"]), "a\nb\n");
        assert_eq!(tail(0, &["a\nb"]), "");
    }

    #[test]
    fn the_task_meant_is_the_latest() {
        let task =
            |framework: &str, time: f64| json!({ "id": "t", "framework": framework, "last_update": time });
        let tasks = vec![task("a", 3.0), task("b", 5.0), task("c", 4.0)];
        assert_eq!(choose(tasks.clone(), "t").unwrap()["framework"], "b");
        let error = choose(tasks, "u").unwrap_err().to_string();
        assert!(error.contains("kaon tasks --all"), "{error}");
    }
}
