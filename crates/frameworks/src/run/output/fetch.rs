// SPDX-License-Identifier: Apache-2.0

//! Fetches what tasks have written from the agents where they ran.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use kaon_sdk::operator::Agent;
use kaon_sdk::v1::{FrameworkID, TaskID};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Output;

/// Bound: files fetched at once.
const PARALLEL_MAX: usize = 16;
/// Bound: an output that is kept in memory.
const SMALL_MAX: usize = 16 * 1024;
/// Bound: the end of a failed task's stderr that is shown, in bytes and in lines.
const TAIL_BYTES_MAX: u64 = 4096;
const TAIL_LINES_MAX: usize = 10;
/// The pauses between attempts; an agent that restarts takes a moment.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(6)];

/// Why an output is not here.
#[derive(Debug)]
pub enum Missing {
    /// It cannot be fetched, and the task may be tried again.
    Lost(String),
    /// We cannot keep it, which would be no other with another.
    Unwritable { path: PathBuf, reason: io::Error },
}

/// What came of it.
#[derive(Debug)]
pub struct Fetched {
    pub number: u64,
    pub output: Result<Output, Missing>,
    /// The end of the stderr of a task that failed.
    pub stderr: Vec<String>,
}

/// Which file is to be fetched.
#[derive(Debug)]
pub struct Wish {
    pub number: u64,
    pub task_id: TaskID,
    /// None if no offer said where it is.
    pub agent: Option<Agent>,
    pub with_stderr: bool,
}

#[derive(Debug)]
pub struct Fetcher {
    framework_id: FrameworkID,
    /// Where large outputs go.
    folder: PathBuf,
    /// Whether that folder is the user's, who wants every output there as a file.
    keep: bool,
    permits: Arc<Semaphore>,
    running: JoinSet<Fetched>,
}

impl Fetcher {
    pub fn new(framework_id: FrameworkID, folder: PathBuf, keep: bool) -> Fetcher {
        let permits = Arc::new(Semaphore::new(PARALLEL_MAX));
        Fetcher { framework_id, folder, keep, permits, running: JoinSet::new() }
    }

    pub fn start(&mut self, wish: Wish) {
        let Wish { number, task_id, agent, with_stderr } = wish;
        // Mesos: a command task's executor has the id of the task.
        let sandbox =
            format!("/frameworks/{}/executors/{}/runs/latest", self.framework_id.value, task_id.value);
        let Some(agent) = agent else {
            let output = Err(Missing::Lost("no offer said where its agent is".to_owned()));
            self.running.spawn(async move { Fetched { number, output, stderr: Vec::new() } });
            return;
        };
        let job = Job {
            agent,
            sandbox,
            target: self.folder.join(format!("{number}.out")),
            keep: self.keep,
            permits: Arc::clone(&self.permits),
        };
        self.running.spawn(async move {
            let output = job.fetch_patiently().await;
            let stderr = if with_stderr { job.tail_of_stderr().await } else { Vec::new() };
            Fetched { number, output, stderr }
        });
    }

    /// The next that is done, if any is under way. May be cancelled without loss.
    pub async fn next(&mut self) -> Option<Fetched> {
        // A fetch that panicked is a bug of ours, to be seen as one.
        self.running.join_next().await.map(|fetched| fetched.expect("fetching does not panic"))
    }
}

struct Job {
    agent: Agent,
    sandbox: String,
    target: PathBuf,
    keep: bool,
    permits: Arc<Semaphore>,
}

impl Job {
    async fn fetch_patiently(&self) -> Result<Output, Missing> {
        let mut pauses = PAUSES.iter();
        loop {
            match self.fetch().await {
                Err(Missing::Lost(why)) => match pauses.next() {
                    Some(pause) => tokio::time::sleep(*pause).await,
                    None => return Err(Missing::Lost(why)),
                },
                fetched => return fetched,
            }
        }
    }

    async fn fetch(&self) -> Result<Output, Missing> {
        let _permit = self.permits.acquire().await.map_err(|error| Missing::Lost(error.to_string()))?;
        let response = self.agent.download(&format!("{}/stdout", self.sandbox)).await;
        let mut body = response.map_err(|error| Missing::Lost(error.to_string()))?.into_body();
        let mut small = Vec::new();
        let mut file = None;
        while let Some(frame) = body.frame().await {
            let broke_off = |error| Missing::Lost(format!("{} broke off: {error}", self.agent.address()));
            let frame = frame.map_err(broke_off)?;
            let Some(data) = frame.data_ref() else { continue };
            if file.is_none() && small.len() + data.len() <= SMALL_MAX && !self.keep {
                small.extend_from_slice(data);
                continue;
            }
            let file = match &mut file {
                Some(file) => file,
                none => none.insert(self.create(&small).await?),
            };
            file.write_all(data).await.map_err(|reason| self.unwritable(reason))?;
        }
        if self.keep && file.is_none() {
            file = Some(self.create(&[]).await?);
        }
        let Some(mut file) = file else { return Ok(Output::Memory(small)) };
        file.flush().await.map_err(|reason| self.unwritable(reason))?;
        // Under its name a file is whole, whatever happens to us.
        tokio::fs::rename(self.part(), &self.target).await.map_err(|reason| self.unwritable(reason))?;
        Ok(if self.keep { Output::Nothing } else { Output::Spilled(self.target.clone()) })
    }

    async fn create(&self, begin: &[u8]) -> Result<File, Missing> {
        let mut file = File::create(self.part()).await.map_err(|reason| self.unwritable(reason))?;
        file.write_all(begin).await.map_err(|reason| self.unwritable(reason))?;
        Ok(file)
    }

    fn part(&self) -> PathBuf {
        self.target.with_extension("part")
    }

    fn unwritable(&self, reason: io::Error) -> Missing {
        Missing::Unwritable { path: self.target.clone(), reason }
    }

    /// The last lines, or none if they cannot be had: the task has failed already.
    async fn tail_of_stderr(&self) -> Vec<String> {
        let path = format!("{}/stderr", self.sandbox);
        let Ok(_permit) = self.permits.acquire().await else { return Vec::new() };
        let Ok(size) = self.agent.file_size(&path).await else { return Vec::new() };
        let from = size.saturating_sub(TAIL_BYTES_MAX);
        let Ok(piece) = self.agent.read_file(&path, from, TAIL_BYTES_MAX).await else { return Vec::new() };
        let lines: Vec<&str> = piece.data.lines().collect();
        let first = lines.len().saturating_sub(TAIL_LINES_MAX);
        lines[first..].iter().map(|line| (*line).to_owned()).collect()
    }
}
