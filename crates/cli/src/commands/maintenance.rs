// SPDX-License-Identifier: Apache-2.0

//! What is planned for machines: shown, changed, carried out.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use kaon_sdk::Operator;
use kaon_sdk::maintenance::{Enforcement, Schedule, Window};
use kaon_sdk::v1::maintenance::ClusterStatus;
use kaon_sdk::v1::{DurationInfo, MachineID, TimeInfo, Unavailability};

use crate::arguments::maintenance::{
    HostsArguments, MaintenanceCommand, MaintenanceShowArguments, ScheduleArguments,
};
use crate::machines::{Key, Machines, key, show};
use crate::{output, records};

pub async fn run(command: MaintenanceCommand) -> anyhow::Result<ExitCode> {
    match command {
        MaintenanceCommand::Show(arguments) => return show_machines(arguments).await,
        MaintenanceCommand::Roll(arguments) => return super::roll::run(*arguments).await,
        MaintenanceCommand::Schedule(arguments) => schedule(arguments).await?,
        MaintenanceCommand::Cancel(arguments) => cancel(arguments).await?,
        MaintenanceCommand::Start(arguments) => {
            let (operator, machines) = named(&arguments).await?;
            let text = names(&machines);
            operator.start_maintenance(machines).await.context("the machines were not taken down")?;
            say(&format!("down: {text}; agents there are told to end, and may not come back before `stop`"))?;
        }
        MaintenanceCommand::Stop(arguments) => {
            let (operator, machines) = named(&arguments).await?;
            let text = names(&machines);
            operator.stop_maintenance(machines).await.context("the machines were not brought up")?;
            say(&format!("up: {text}; agents there may register again"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn show_machines(arguments: MaintenanceShowArguments) -> anyhow::Result<ExitCode> {
    let operator = arguments.master.operator();
    let (schedule, status) = plans(&operator).await?;
    let machines = records::machines(&schedule, &status);
    output::write_list(arguments.output, &records::MACHINES, machines)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn plans(operator: &Operator) -> anyhow::Result<(Schedule, ClusterStatus)> {
    let schedule = operator.maintenance_schedule().await;
    let schedule = schedule.context("cannot read the maintenance schedule (--master says whose)")?;
    let status = operator.maintenance_status().await.context("cannot read the status of the machines")?;
    Ok((schedule, status))
}

/// The machines that were named.
async fn named(arguments: &HostsArguments) -> anyhow::Result<(Operator, Vec<MachineID>)> {
    let operator = arguments.master.operator();
    let (schedule, status) = plans(&operator).await?;
    let machines = Machines::of(&operator, &schedule, &status).await?.find(&arguments.hosts)?;
    Ok((operator, machines))
}

/// Adds a window.
async fn schedule(arguments: ScheduleArguments) -> anyhow::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    let operator = arguments.hosts.master.operator();
    let (schedule, status) = plans(&operator).await?;
    let machines = Machines::of(&operator, &schedule, &status).await?.find(&arguments.hosts.hosts)?;
    let text = names(&machines);
    let unavailability = Unavailability {
        start: TimeInfo { nanoseconds: arguments.start.nanos(now), ..Default::default() },
        duration: arguments.duration.map(duration),
        ..Default::default()
    };
    let enforcement = arguments.enforce.then(|| Enforcement {
        max_grace_period: arguments.grace.map(duration),
        up_again: arguments.up_again.then_some(true),
        ..Default::default()
    });
    let window = Window { machine_ids: machines, unavailability, enforcement, ..Default::default() };
    let edited = operator.edit_maintenance_schedule(|schedule| {
        let planned = planned(schedule);
        if let Some(machine) = window.machine_ids.iter().find(|machine| planned.contains(&key(machine))) {
            let machine = show(machine);
            bail!("{machine} is scheduled already; `kaon maintenance cancel` takes it off the schedule");
        }
        schedule.windows.push(window.clone());
        Ok(())
    });
    edited.await.context("nothing was scheduled")?;
    say(&format!("scheduled: {text}; frameworks are asked to give them back"))
}

/// Takes machines off the schedule; windows without machines go.
async fn cancel(arguments: HostsArguments) -> anyhow::Result<()> {
    let (operator, machines) = named(&arguments).await?;
    let cancelled: BTreeSet<Key> = machines.iter().map(key).collect();
    let edited = operator.edit_maintenance_schedule(|schedule| {
        let planned = planned(schedule);
        if let Some(machine) = machines.iter().find(|machine| !planned.contains(&key(machine))) {
            bail!("{} is not scheduled", show(machine));
        }
        for window in &mut schedule.windows {
            window.machine_ids.retain(|known| !cancelled.contains(&key(known)));
        }
        schedule.windows.retain(|window| !window.machine_ids.is_empty());
        Ok(())
    });
    edited.await.context("the schedule is as it was")?;
    say(&format!("taken off the schedule: {}", names(&machines)))
}

fn planned(schedule: &Schedule) -> BTreeSet<Key> {
    schedule.windows.iter().flat_map(|window| &window.machine_ids).map(key).collect()
}

pub(super) fn duration(span: Duration) -> DurationInfo {
    let nanoseconds = i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    DurationInfo { nanoseconds, ..Default::default() }
}

fn names(machines: &[MachineID]) -> String {
    machines.iter().map(show).collect::<Vec<_>>().join(", ")
}

fn say(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stderr(), "kaon: {text}").map_err(Into::into)
}
