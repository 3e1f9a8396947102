// SPDX-License-Identifier: Apache-2.0

//! Follows what a task writes until it has ended, also where its master or its agent is away for a while.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Context, anyhow};
use kaon_sdk::operator::Agent;
use kaon_sdk::{Error, Operator};
use serde_json::Value;
use tokio::time::Instant;

use crate::commands::view::state;
use crate::{output, records};

/// How often a file is looked at that is being followed, and the state of its task.
const FILE_INTERVAL: Duration = Duration::from_millis(500);
const STATE_INTERVAL: Duration = Duration::from_secs(2);
/// Bound: how long nothing may be learnt of the one or the other.
const PATIENCE: Duration = Duration::from_secs(300);
/// Mesos: an agent sends 16 pages at most in one answer.
const PIECE_MAX: u64 = 16 * 4096;
/// Bound: bytes of one UTF-8 character.
const CHARACTER_MAX: u64 = 4;

/// A file, and the task that writes it.
pub struct File<'a> {
    pub agent: &'a Agent,
    pub path: &'a str,
    /// How much of it has been printed.
    pub read: u64,
    pub task: &'a Value,
}

/// Prints what is appended to the file until the task has ended.
pub async fn follow(operator: &Operator, mut file: File<'_>) -> anyhow::Result<()> {
    let mut ended = false;
    let mut looked = Instant::now();
    let (mut unread, mut unknown) = (Trouble::default(), Trouble::default());
    loop {
        match file.print_new().await {
            Ok(()) if ended => return Ok(()),
            Ok(()) => unread.is_over(),
            Err(error) => unread.goes_on(Instant::now(), error)?,
        }
        tokio::time::sleep(FILE_INTERVAL).await;
        if !ended && looked.elapsed() >= STATE_INTERVAL {
            looked = Instant::now();
            // What it wrote last is read in another round.
            match has_ended(operator, file.task).await {
                Ok(has_ended) => {
                    ended = has_ended;
                    unknown.is_over();
                }
                Err(error) => unknown.goes_on(Instant::now(), error)?,
            }
        }
    }
}

async fn has_ended(operator: &Operator, task: &Value) -> anyhow::Result<bool> {
    let ended = ended(&state(operator).await?, task);
    ended.with_context(|| format!("neither the task {} nor its agent is known to the master yet", task["id"]))
}

/// Whether a task has ended. None: a new master learns of tasks from their agents, and this one's has not come yet.
fn ended(state: &Value, task: &Value) -> Option<bool> {
    let is_same = |other: &&Value| ["id", "framework_id"].iter().all(|key| other[*key] == task[*key]);
    let ends = ["finished", "failed", "killed", "error", "lost", "dropped", "gone", "gone_by_operator"];
    match records::tasks(state, true).iter().find(is_same) {
        Some(task) => Some(ends.iter().any(|end| task["state"] == **end)),
        None => records::is_registered(state, &task["agent_id"]).then_some(true),
    }
}

impl File<'_> {
    async fn print_new(&mut self) -> anyhow::Result<()> {
        let cannot = || format!("cannot read '{}'", self.path);
        let size = self.agent.file_size(self.path).await.with_context(cannot)?;
        while self.read < size {
            self.read += self.print_piece(size).await?;
        }
        Ok(())
    }

    /// Prints what comes next, at most up to `size`; returns how many bytes that was.
    async fn print_piece(&self, size: u64) -> anyhow::Result<u64> {
        let length = (size - self.read).min(PIECE_MAX);
        let shortest = length.saturating_sub(CHARACTER_MAX - 1).max(1);
        // A character that is cut in two reads as one that is unknown: then a little less is asked for.
        for length in (shortest..=length).rev() {
            let piece = self.agent.read_file(self.path, self.read, length).await?;
            if length == shortest || !piece.data.ends_with(char::REPLACEMENT_CHARACTER) {
                output::write_bytes(piece.data.as_bytes())?;
                return Ok(length);
            }
        }
        Ok(0)
    }
}

/// What is amiss for some time. It is told once.
#[derive(Default)]
struct Trouble {
    since: Option<Instant>,
}

impl Trouble {
    fn is_over(&mut self) {
        self.since = None;
    }

    /// Fails with the error if it will not pass, or has not for too long.
    fn goes_on(&mut self, now: Instant, error: anyhow::Error) -> anyhow::Result<()> {
        if !may_pass(&error) {
            return Err(error);
        }
        let minutes = PATIENCE.as_secs() / 60;
        match self.since {
            None => {
                self.since = Some(now);
                // The task's output matters more.
                drop(writeln!(io::stderr(), "kaon: {error:#}; trying again for {minutes} minutes"));
                Ok(())
            }
            Some(since) if now < since + PATIENCE => Ok(()),
            Some(_) => Err(anyhow!("given up after {minutes} minutes: {error:#}")),
        }
    }
}

/// Whether masters and agents may give another answer later. Who reads us does not come back.
fn may_pass(error: &anyhow::Error) -> bool {
    let is_refused = matches!(error.downcast_ref(), Some(Error::Status { status: 401 | 403, .. }));
    !is_refused && !error.is::<io::Error>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_task_that_is_not_listed_has_ended_only_if_its_agent_is_known() {
        let task = json!({ "id": "t", "framework_id": "F", "agent_id": "S" });
        let listed = |its_state: &str| {
            let task = json!({ "id": "t", "framework_id": "F", "slave_id": "S", "state": its_state });
            json!({ "slaves": [], "frameworks": [{ "id": "F", "tasks": [task] }] })
        };
        assert_eq!(ended(&listed("TASK_RUNNING"), &task), Some(false));
        assert_eq!(ended(&listed("TASK_FAILED"), &task), Some(true));
        let agents = |registered: Value, recovered: Value| json!({ "slaves": registered, "recovered_slaves": recovered });
        assert_eq!(ended(&agents(json!([{ "id": "S" }]), json!([])), &task), Some(true));
        assert_eq!(ended(&agents(json!([]), json!([{ "id": "S" }])), &task), None);
        assert_eq!(ended(&agents(json!([{ "id": "S2" }]), json!([])), &task), None);
    }

    #[test]
    fn what_may_pass_is_waited_for_with_patience() {
        let away =
            || anyhow!(Error::Status { address: "h:1".parse().unwrap(), status: 503, text: String::new() });
        let (begun, second) = (Instant::now(), Duration::from_secs(1));
        let mut trouble = Trouble::default();
        assert!(trouble.goes_on(begun, away()).is_ok());
        assert!(trouble.goes_on(begun + PATIENCE - second, away()).is_ok());
        trouble.is_over();
        assert!(trouble.goes_on(begun + PATIENCE, away()).is_ok());
        assert!(trouble.goes_on(begun + PATIENCE * 2, away()).is_err());
        let refused = Error::Status { address: "h:1".parse().unwrap(), status: 403, text: String::new() };
        for error in
            [anyhow!(refused).context("cannot read"), io::Error::from(io::ErrorKind::BrokenPipe).into()]
        {
            assert!(Trouble::default().goes_on(begun, error).is_err());
        }
    }
}
