// SPDX-License-Identifier: Apache-2.0

//! The executor that the suite's tasks run under: `kaon-conformance executor`.
//!
//! A task runs and finishes at once. One whose name begins with `stay` runs until it is killed.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use kaon_api::json::{Dialect, to_json};
use kaon_api::v1;
use kaon_api::v1::TaskState;
use kaon_api::v1::executor::Call;
use kaon_api::v1::executor::call::{Subscribe, Type, Update};
use serde_json::Value;

use crate::framework::text;
use crate::http::{Stream, post, post_request, record};

struct Executor {
    agent: String,
    framework_id: String,
    executor_id: String,
}

const TARGET: &str = "/slave(1)/api/v1/executor";

/// Serves its agent until it is told to shut down, or the agent is gone.
pub fn run() -> Result<()> {
    let variable =
        |name: &str| std::env::var(name).with_context(|| format!("{name}, which an agent sets, is not set"));
    let executor = Executor {
        agent: variable("MESOS_AGENT_ENDPOINT")?,
        framework_id: variable("MESOS_FRAMEWORK_ID")?,
        executor_id: variable("MESOS_EXECUTOR_ID")?,
    };
    let subscribe = Call { subscribe: Some(Subscribe::default()), ..executor.call(Type::Subscribe) };
    let request = post_request(TARGET, "", &to_json(&subscribe, Dialect::V1));
    let mut stream = Stream::open(&executor.agent, &request)?;
    if stream.head.status != 200 {
        bail!("{} answered SUBSCRIBE with {}", executor.agent, stream.head.status);
    }
    // An agent says nothing for half an hour if there is nothing to say.
    stream.wait_without_end()?;
    loop {
        let Some(chunk) = stream.next_chunk()? else { return Ok(()) };
        let event: Value = serde_json::from_slice(record(&chunk)?)?;
        match event["type"].as_str() {
            Some("LAUNCH") => executor.launch(&event["launch"]["task"])?,
            Some("KILL") => executor.update(text(&event, "/kill/task_id/value")?, TaskState::TaskKilled)?,
            Some("SHUTDOWN") => return Ok(()),
            _ => {}
        }
    }
}

impl Executor {
    fn launch(&self, task: &Value) -> Result<()> {
        let id = text(task, "/task_id/value")?;
        self.update(id, TaskState::TaskRunning)?;
        if !text(task, "/name")?.starts_with("stay") {
            self.update(id, TaskState::TaskFinished)?;
        }
        Ok(())
    }

    fn update(&self, task: &str, state: TaskState) -> Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let status = v1::TaskStatus {
            task_id: v1::TaskID { value: task.to_owned(), ..Default::default() },
            state,
            source: Some(v1::task_status::Source::SourceExecutor),
            timestamp: Some(now.as_secs_f64()),
            uuid: Some(crate::random::uuid_bytes()?.to_vec()),
            ..Default::default()
        };
        let update = Update { status: Box::new(status), ..Default::default() };
        let call = Call { update: Some(update), ..self.call(Type::Update) };
        let answer = post(&self.agent, TARGET, "", &to_json(&call, Dialect::V1))?;
        match answer.status {
            202 => Ok(()),
            status => bail!("UPDATE was answered {status}: {}", String::from_utf8_lossy(&answer.body)),
        }
    }

    fn call(&self, kind: Type) -> Call {
        Call {
            framework_id: v1::FrameworkID { value: self.framework_id.clone(), ..Default::default() },
            executor_id: v1::ExecutorID { value: self.executor_id.clone(), ..Default::default() },
            r#type: Some(kind),
            ..Default::default()
        }
    }
}
