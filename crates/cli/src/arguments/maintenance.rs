// SPDX-License-Identifier: Apache-2.0

//! The commands for maintenance, as they are written.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{Format, MasterArgument};
use crate::moment::{Moment, parse_moment, parse_span};

#[derive(Debug, Subcommand)]
pub enum MaintenanceCommand {
    Show(MaintenanceShowArguments),
    Schedule(ScheduleArguments),
    Roll(Box<RollArguments>),
    /// Takes machines off the schedule
    ///
    /// What was enforced of a window that changes so goes on for the machines that are left in it. Agents that were
    /// being drained stay drained: reactivate them.
    #[command(after_help = "Example:
  kaon maintenance cancel --hosts web1")]
    Cancel(HostsArguments),
    /// Takes scheduled machines down: their agents end, and everything that still runs there is lost
    ///
    /// The agents are not let in again before `kaon maintenance stop`.
    #[command(after_help = "Example:
  kaon maintenance start --hosts web1,web2")]
    Start(HostsArguments),
    /// Lets the agents of machines that are down come back, and ends the machines' windows
    #[command(after_help = "Example:
  kaon maintenance stop --hosts web1,web2")]
    Stop(HostsArguments),
}

/// Lists the machines that are scheduled or down, with what frameworks say to that
#[derive(Debug, Args)]
#[command(after_help = "Example:
  kaon maintenance show -o wide")]
pub struct MaintenanceShowArguments {
    #[command(flatten)]
    pub master: MasterArgument,
    /// The form in which it is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Format,
}

#[derive(Debug, Args)]
pub struct HostsArguments {
    #[command(flatten)]
    pub master: MasterArgument,
    /// The machines: host, address, id of an agent, or how one of these begins; HOST/ADDRESS for one that is not there
    #[arg(long, required = true, value_delimiter = ',', value_name = "HOST,…")]
    pub hosts: Vec<String>,
}

/// Schedules machines for maintenance: frameworks see it in offers, and are asked to give the machines back
///
/// By itself nothing is killed: `kaon maintenance start` takes the machines down. With --enforce that happens when the
/// window begins: what frameworks have not given back is drained, then the machines go down.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kaon maintenance schedule --hosts web1,web2 --start 2026-11-23T02:00Z --duration 2h
  kaon maintenance schedule --hosts web1 --start +30m --duration 1h --enforce --grace 2m --up-again")]
pub struct ScheduleArguments {
    #[command(flatten)]
    pub hosts: HostsArguments,
    /// When the machines will be gone: a time of UTC such as 2026-11-23T02:00Z, a span from now such as +30m, or now
    #[arg(long, value_parser = parse_moment, value_name = "TIME")]
    pub start: Moment,
    /// For how long: 90s, 30m, 1h30m, 2d; nobody knows where it is not given
    #[arg(long, value_parser = parse_span, value_name = "SPAN")]
    pub duration: Option<Duration>,
    /// Takes what was not given back when the window begins, and the machines down
    #[arg(long)]
    pub enforce: bool,
    /// The longest that tasks may take to end then; each its own time where it is not given
    #[arg(long, requires = "enforce", value_parser = parse_span, value_name = "SPAN")]
    pub grace: Option<Duration>,
    /// Brings the machines up by themselves when the window ends
    #[arg(long, requires_all = ["enforce", "duration"])]
    pub up_again: bool,
}

/// Maintains many machines, a few at a time
///
/// Each machine is asked for by inverse offers, drained when --notice is over, and goes down; then the command runs, the
/// machine comes up, and the next one begins when its agent is back. It stops at the first failure, and can be stopped at
/// any time: --resume goes on. A machine that failed stays as it is, and is tried again by --resume.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kaon maintenance roll --all --at-a-time 5% --per-domain 1 --grace 2m --command 'ssh {} sudo reboot' --dry-run
  kaon maintenance roll --attribute rack:r7 --at-a-time 1 --grace 2m --command 'ansible-playbook patch.yml -l {}'
  kaon maintenance roll --resume

Exit status: 0 if all machines are done, 1 if some failed, 2 if it could not go on.")]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub struct RollArguments {
    #[command(flatten)]
    pub master: MasterArgument,
    /// The hosts that a file names, a line each; - is the standard input
    #[arg(long, group = "which", value_name = "FILE")]
    pub hosts: Option<PathBuf>,
    /// The hosts of agents with an attribute
    #[arg(long, group = "which", value_name = "NAME:VALUE", value_parser = attribute)]
    pub attribute: Option<(String, String)>,
    /// The hosts of all agents
    #[arg(long, group = "which")]
    pub all: bool,
    /// Goes on where an earlier roll stopped, with all that was given to it
    #[arg(long, group = "which")]
    pub resume: bool,
    /// How many may be out at once: a number, or a part of those that are meant
    #[arg(long, default_value = "1", value_name = "N|P%", value_parser = share, conflicts_with = "resume")]
    pub at_a_time: Share,
    /// How many of one domain may be out at once
    #[arg(long, value_name = "N", conflicts_with = "resume")]
    pub per_domain: Option<usize>,
    /// The attribute of agents that names their domain, such as rack; their zone where it is not given
    #[arg(long, value_name = "ATTRIBUTE", conflicts_with = "resume")]
    pub domain_by: Option<String>,
    /// How long frameworks are asked before a machine is taken from them
    #[arg(long, default_value = "30s", value_parser = parse_span, value_name = "SPAN", conflicts_with = "resume")]
    pub notice: Duration,
    /// The longest that tasks may take to end then; each its own time where it is not given
    #[arg(long, value_parser = parse_span, value_name = "SPAN", conflicts_with = "resume")]
    pub grace: Option<Duration>,
    /// How long nothing is begun after a machine is back
    #[arg(long, default_value = "0s", value_parser = parse_span, value_name = "SPAN", conflicts_with = "resume")]
    pub pause: Duration,
    /// How long a machine may take to go down, and how long its agent to come back
    #[arg(long, default_value = "10m", value_parser = parse_span, value_name = "SPAN", conflicts_with = "resume")]
    pub patience: Duration,
    /// What the shell runs for each machine while it is down; {} is its host, quoted
    #[arg(long, conflicts_with = "resume")]
    pub command: Option<String>,
    /// How many machines may fail before no other is begun
    #[arg(long, default_value_t = 0, value_name = "N", conflicts_with = "resume")]
    pub max_failures: usize,
    /// Where it is written down what has been done
    #[arg(long, default_value = "kaon-roll.journal", value_name = "FILE")]
    pub journal: PathBuf,
    /// Prints what would be done, and does nothing
    #[arg(long, conflicts_with = "resume")]
    pub dry_run: bool,
}

/// So many, or a part of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    Count(usize),
    Percent(usize),
}

impl Share {
    /// One at least, or nothing would ever be done.
    pub fn of(self, all: usize) -> usize {
        match self {
            Share::Count(count) => count,
            Share::Percent(percent) => (all * percent / 100).max(1),
        }
    }
}

fn share(text: &str) -> Result<Share, String> {
    let wrong = || "expected a number from 1 on, or a part such as 5%".to_owned();
    match text.strip_suffix('%') {
        Some(percent) => {
            let percent = percent.parse().ok().filter(|percent| (1..=100).contains(percent));
            percent.map(Share::Percent).ok_or_else(wrong)
        }
        None => text.parse().ok().filter(|count| *count > 0).map(Share::Count).ok_or_else(wrong),
    }
}

fn attribute(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME:VALUE".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_one_machine_at_least() {
        let of = |text: &str, all: usize| share(text).map(|share| share.of(all));
        assert_eq!((of("3", 10), of("5%", 10), of("50%", 7), of("100%", 7)), (Ok(3), Ok(1), Ok(3), Ok(7)));
        for text in ["0", "0%", "101%", "-1", "x", "%"] {
            assert!(share(text).is_err(), "{text}");
        }
    }
}
