// SPDX-License-Identifier: Apache-2.0

//! The commands for maintenance, as they are written.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::{Format, MasterArgument};
use crate::moment::{Moment, parse_moment, parse_span};

#[derive(Debug, Subcommand)]
pub enum MaintenanceCommand {
    Show(MaintenanceShowArguments),
    Schedule(ScheduleArguments),
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
