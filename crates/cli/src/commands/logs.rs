// SPDX-License-Identifier: Apache-2.0

//! `kaon task logs`.

mod follow;

use std::collections::VecDeque;
use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};
use http_body_util::BodyExt;
use kaon_sdk::Error;
use kaon_sdk::operator::Agent;
use serde_json::Value;

use super::view::{state, tasks_of};
use crate::arguments::LogsArguments;
use crate::output;

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
        let file = follow::File { agent: &agent, path: &path, read, task: &task };
        follow::follow(&operator, file).await?;
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
