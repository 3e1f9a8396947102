// SPDX-License-Identifier: Apache-2.0

//! The commands that show something of the cluster.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use kaon_sdk::Operator;
use serde_json::Value;

use crate::arguments::{
    AgentsArguments, FrameworksArguments, StatusArguments, TasksArguments, ViewArguments,
};
use crate::{output, records};

/// How often a watched view is renewed.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

pub async fn status(arguments: StatusArguments) -> anyhow::Result<ExitCode> {
    let format = arguments.view.output;
    let write = |state| Ok(output::write_one(format, &records::cluster(&state), records::describe_cluster)?);
    show(&arguments.view, state, write).await
}

pub async fn agents(arguments: AgentsArguments) -> anyhow::Result<ExitCode> {
    let format = arguments.view.output;
    let read = async |operator: &Operator| {
        let state = state(operator).await?;
        let unreachable = records::unreachable_agents(&state, &registry(operator).await);
        Ok([records::agents(&state), unreachable].concat())
    };
    let write = |agents| Ok(output::write_list(format, &records::AGENTS, agents)?);
    show(&arguments.view, read, write).await
}

pub async fn frameworks(arguments: FrameworksArguments) -> anyhow::Result<ExitCode> {
    let (format, all) = (arguments.view.output, arguments.all);
    let write =
        |state| Ok(output::write_list(format, &records::FRAMEWORKS, records::frameworks(&state, all))?);
    show(&arguments.view, state, write).await
}

pub async fn tasks(arguments: TasksArguments) -> anyhow::Result<ExitCode> {
    let (format, all, wanted) = (arguments.view.output, arguments.all, arguments.framework);
    let write = |state| {
        let tasks = tasks_of(&state, all, wanted.as_deref())?;
        Ok(output::write_list(format, &records::TASKS, tasks)?)
    };
    show(&arguments.view, state, write).await
}

/// The tasks, or those of one framework.
pub fn tasks_of(state: &Value, all: bool, framework: Option<&str>) -> anyhow::Result<Vec<Value>> {
    let Some(framework) = framework else { return Ok(records::tasks(state, all)) };
    records::tasks_of(state, all, framework).with_context(|| {
        format!(
            "no framework is called '{framework}'; `kaon frameworks --all` lists those that the master knows"
        )
    })
}

/// Writes what is read once, or again and again.
async fn show<T>(
    view: &ViewArguments,
    read: impl AsyncFn(&Operator) -> anyhow::Result<T>,
    write: impl Fn(T) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    let operator = view.master.operator();
    if !view.watch {
        write(read(&operator).await?)?;
        return Ok(ExitCode::SUCCESS);
    }
    loop {
        let seen = read(&operator).await;
        output::clear_screen()?;
        match seen {
            Ok(seen) => write(seen)?,
            // It may come back, and then people want to see that.
            Err(error) => drop(writeln!(std::io::stderr(), "kaon: {error:#}")),
        }
        tokio::time::sleep(WATCH_INTERVAL).await;
    }
}

pub async fn state(operator: &Operator) -> anyhow::Result<Value> {
    operator.get_json("/state").await.context("cannot read the state of the cluster (--master says which)")
}

/// What masters keep durably, which alone tells of agents that are unreachable. Nothing for who may not read it.
pub async fn registry(operator: &Operator) -> Value {
    operator.get_json("/registrar(1)/registry").await.unwrap_or_default()
}
