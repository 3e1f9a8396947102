// SPDX-License-Identifier: Apache-2.0

//! What operators do to agents.

mod naming;
mod progress;

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;

use anyhow::{Context, bail};
use kaon_sdk::Operator;

use crate::arguments::{AgentCommand, DrainArguments, DutyArguments, GoneArguments, NamedAgents};
use naming::Found;

pub async fn run(command: AgentCommand) -> anyhow::Result<ExitCode> {
    match command {
        AgentCommand::Drain(arguments) => drain(arguments).await,
        AgentCommand::Deactivate(arguments) => deactivate(arguments).await,
        AgentCommand::Reactivate(arguments) => reactivate(arguments).await,
        AgentCommand::Gone(arguments) => gone(arguments).await,
    }
}

async fn deactivate(arguments: DutyArguments) -> anyhow::Result<ExitCode> {
    let (operator, agents) = find(&arguments.agents).await?;
    for agent in &agents {
        operator.deactivate_agent(&agent.id).await.with_context(|| format!("cannot deactivate {agent}"))?;
        writeln!(io::stdout(), "{agent} is deactivated")?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn reactivate(arguments: DutyArguments) -> anyhow::Result<ExitCode> {
    let (operator, agents) = find(&arguments.agents).await?;
    for agent in &agents {
        operator.reactivate_agent(&agent.id).await.with_context(|| format!("cannot reactivate {agent}"))?;
        writeln!(io::stdout(), "{agent} is in service")?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn gone(arguments: GoneArguments) -> anyhow::Result<ExitCode> {
    let (operator, agents) = find(&arguments.agents).await?;
    if !arguments.yes && !is_meant("Its tasks are over, and it is never let in again.", &agents)? {
        return Ok(ExitCode::FAILURE);
    }
    for agent in &agents {
        operator.mark_agent_gone(&agent.id).await.with_context(|| format!("cannot mark {agent} gone"))?;
        writeln!(io::stdout(), "{agent} is gone")?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn drain(arguments: DrainArguments) -> anyhow::Result<ExitCode> {
    let (operator, agents) = find(&arguments.agents).await?;
    let question = "When it is empty, it is never let in again.";
    if arguments.gone && !arguments.yes && !is_meant(question, &agents)? {
        return Ok(ExitCode::FAILURE);
    }
    for agent in &agents {
        operator
            .drain_agent(&agent.id, arguments.grace, arguments.gone)
            .await
            .with_context(|| format!("cannot drain {agent}"))?;
        if !arguments.wait {
            writeln!(io::stdout(), "{agent} is being drained")?;
        }
    }
    if !arguments.wait {
        return Ok(ExitCode::SUCCESS);
    }
    tokio::select! {
        outcome = progress::follow(&operator, agents, arguments.gone) => outcome,
        _ = tokio::signal::ctrl_c() => {
            writeln!(io::stderr(), "kaon: the drain goes on; to end it, `kaon agent reactivate` once it is drained")?;
            Ok(ExitCode::from(130))
        }
    }
}

async fn find(named: &NamedAgents) -> anyhow::Result<(Operator, Vec<Found>)> {
    let operator = named.master.operator();
    let known = naming::known(&operator).await?;
    let mut agents: Vec<Found> = Vec::new();
    for name in &named.agents {
        let agent = naming::pick(&known, name)?;
        if !agents.iter().any(|other| other.id == agent.id) {
            agents.push(agent);
        }
    }
    Ok((operator, agents))
}

/// Asks for what cannot be undone.
fn is_meant(what: &str, agents: &[Found]) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        bail!("--yes is needed where nobody can be asked. {what}");
    }
    let mut out = io::stderr();
    for agent in agents {
        write!(out, "Mark {agent}, which is {}, gone? {what} [y/N] ", agent.state)?;
        out.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        if !matches!(answer.trim(), "y" | "Y" | "yes") {
            writeln!(out, "kaon: nothing was done")?;
            return Ok(false);
        }
    }
    Ok(true)
}
