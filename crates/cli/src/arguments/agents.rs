// SPDX-License-Identifier: Apache-2.0

//! What can be done to agents, as it is written.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::MasterArgument;
use crate::moment::parse_span;

#[derive(Debug, Subcommand)]
pub enum AgentCommand {
    Drain(DrainArguments),
    /// Offers agents no more; what they run goes on
    #[command(after_help = "Example:
  kaon agent deactivate host7 host8")]
    Deactivate(DutyArguments),
    /// Offers agents again that were deactivated or drained
    #[command(after_help = "Example:
  kaon agent reactivate host7 host8")]
    Reactivate(DutyArguments),
    Gone(GoneArguments),
}

#[derive(Debug, Args)]
pub struct NamedAgents {
    #[command(flatten)]
    pub master: MasterArgument,
    /// Agents, each by its id, its hostname, or the beginning of either if no other begins so
    #[arg(required = true, value_name = "AGENT")]
    pub agents: Vec<String>,
    /// Prints this
    #[arg(short, long, action = clap::ArgAction::HelpLong)]
    pub help: Option<bool>,
}

#[derive(Debug, Args)]
pub struct DutyArguments {
    #[command(flatten)]
    pub agents: NamedAgents,
}

/// Offers agents no more, and has them kill what they run
///
/// Between SIGTERM and SIGKILL each task has the grace that it asks for, but no more than --grace; one that asks for none
/// has --grace. An agent without a task stays in the cluster, drained, until it is reactivated.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kaon agent drain host7 --grace 5m --wait
  kaon agent drain 9faade45-S3 --gone --yes

Exit status: 0 if it was ordered, with --wait if it was done; 1 if an agent is taken back, or is gone without having \
been drained; 2 if it cannot be ordered; 130 if it was interrupted, which does not end the drain.")]
pub struct DrainArguments {
    #[command(flatten)]
    pub agents: NamedAgents,
    /// The most that a task may take to end, such as 30s or 5m [default: what each task asks for, else 3s]
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    pub grace: Option<Duration>,
    /// Marks each agent gone when it is empty: it is never let in again
    #[arg(long)]
    pub gone: bool,
    /// Does not ask before --gone
    #[arg(short, long)]
    pub yes: bool,
    /// Shows what is left, until nothing is
    #[arg(short, long)]
    pub wait: bool,
}

/// Marks agents gone, which will never come back: their tasks are over, and they are never let in again
///
/// This is for hosts that are dead. To empty one that lives, drain it.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  kaon agent gone 9faade45-1d0c-4b9c-b8a5-4a51d8a3c0a1-S3")]
pub struct GoneArguments {
    #[command(flatten)]
    pub agents: NamedAgents,
    /// Does not ask
    #[arg(short, long)]
    pub yes: bool,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::{AgentArguments, Cli, Command};

    fn agent(arguments: &[&str]) -> AgentArguments {
        let all = ["kaon", "agent"].iter().chain(arguments);
        match Cli::try_parse_from(all).unwrap().command {
            Command::Agent(arguments) => arguments,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_done_to_agents_is_told_from_the_flags_of_one() {
        let Some(AgentCommand::Drain(drain)) =
            agent(&["drain", "host7", "S3", "--grace", "90s", "--wait"]).command
        else {
            panic!("another command")
        };
        assert_eq!(
            (&drain.agents.agents[..], drain.wait),
            (&["host7".to_owned(), "S3".to_owned()][..], true)
        );
        assert_eq!(drain.grace, Some(Duration::from_secs(90)));
        assert!(matches!(agent(&["gone", "a", "--yes"]).command, Some(AgentCommand::Gone(_))));
        for flags in [&["--master=drain", "drain"][..], &["--master", "m:1", "--help"], &["-v"], &[]] {
            let parsed = agent(flags);
            assert!(parsed.command.is_none(), "{flags:?}");
            assert_eq!(parsed.flags, flags);
        }
        assert!(Cli::try_parse_from(["kaon", "agent", "drain"]).is_err());
    }
}
