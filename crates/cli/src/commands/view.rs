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
    show(&arguments.view, |state| {
        Ok(output::write_one(format, &records::cluster(state), records::describe_cluster)?)
    })
    .await
}

pub async fn agents(arguments: AgentsArguments) -> anyhow::Result<ExitCode> {
    let format = arguments.view.output;
    let write = |state: &Value| Ok(output::write_list(format, &records::AGENTS, records::agents(state))?);
    show(&arguments.view, write).await
}

pub async fn frameworks(arguments: FrameworksArguments) -> anyhow::Result<ExitCode> {
    let (format, all) = (arguments.view.output, arguments.all);
    let write = |state: &Value| {
        Ok(output::write_list(format, &records::FRAMEWORKS, records::frameworks(state, all))?)
    };
    show(&arguments.view, write).await
}

pub async fn tasks(arguments: TasksArguments) -> anyhow::Result<ExitCode> {
    let (format, all, wanted) = (arguments.view.output, arguments.all, arguments.framework);
    let write = |state: &Value| {
        let tasks = tasks_of(state, all, wanted.as_deref())?;
        Ok(output::write_list(format, &records::TASKS, tasks)?)
    };
    show(&arguments.view, write).await
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

/// Writes the state once, or again and again.
async fn show(
    view: &ViewArguments,
    write: impl Fn(&Value) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    let operator = view.master.operator();
    if !view.watch {
        write(&state(&operator).await?)?;
        return Ok(ExitCode::SUCCESS);
    }
    loop {
        let state = state(&operator).await;
        output::clear_screen()?;
        match state {
            Ok(state) => write(&state)?,
            // It may come back, and then people want to see that.
            Err(error) => drop(writeln!(std::io::stderr(), "kaon: {error:#}")),
        }
        tokio::time::sleep(WATCH_INTERVAL).await;
    }
}

pub async fn state(operator: &Operator) -> anyhow::Result<Value> {
    operator.get_json("/state").await.context("cannot read the state of the cluster (--master says which)")
}
