// SPDX-License-Identifier: Apache-2.0

//! An executor whose tasks sleep for the seconds that stand in their data, any number of them at once.
//!
//! A framework names the built program in `ExecutorInfo.command`; see `crates/sdk` for the API.

use std::collections::BTreeMap;
use std::time::Duration;

use kaon_sdk::executor::{Environment, Event, Executor};
use kaon_sdk::v1::{TaskInfo, TaskState, TaskStatus};
use tokio::task::AbortHandle;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (executor, mut events) = Executor::connect(Environment::from_process()?).await?;
    let mut sleepers: BTreeMap<String, AbortHandle> = BTreeMap::new();
    while let Some(event) = events.next().await {
        match event {
            Event::Launch(task) => {
                let id = task.task_id.value.clone();
                let sleeper = tokio::spawn(sleep(executor.clone(), *task));
                sleepers.insert(id, sleeper.abort_handle());
            }
            Event::Kill { task_id, .. } => {
                if let Some(sleeper) = sleepers.remove(&task_id.value)
                    && !sleeper.is_finished()
                {
                    sleeper.abort();
                    executor.update(executor.status(&task_id, TaskState::TaskKilled)).await?;
                }
            }
            Event::Shutdown => break,
            Event::Error(message) => return Err(message.into()),
            _ => {}
        }
    }
    Ok(())
}

async fn sleep(executor: Executor, task: TaskInfo) {
    let id = &task.task_id;
    let data = task.data.as_deref().unwrap_or_default();
    let seconds = std::str::from_utf8(data).ok().and_then(|text| text.trim().parse().ok());
    let Some(duration) = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) else {
        let message = Some("the task's data are not a number of seconds".to_owned());
        return report(&executor, TaskStatus { message, ..executor.status(id, TaskState::TaskFailed) }).await;
    };
    report(&executor, executor.status(id, TaskState::TaskRunning)).await;
    tokio::time::sleep(duration).await;
    report(&executor, executor.status(id, TaskState::TaskFinished)).await;
}

#[allow(clippy::print_stderr, reason = "an executor's stderr is a file in its sandbox")]
async fn report(executor: &Executor, status: TaskStatus) {
    if let Err(error) = executor.update(status).await {
        eprintln!("the agent did not take an update: {error}");
    }
}
