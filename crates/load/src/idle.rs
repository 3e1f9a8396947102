// SPDX-License-Identifier: Apache-2.0

//! `kaon-load idle`: agents and frameworks that do nothing.

use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use crate::board::Board;
use crate::cluster::{self, Mark};
use crate::frameworks::{self, Life, Load};
use crate::report;

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    cluster: cluster::Arguments,
    /// How long to measure
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How long to wait before measuring
    #[arg(long, default_value_t = 5)]
    warmup: u64,
}

/// Slots of each agent: enough to be offered, and declined.
const SLOTS: u32 = 10;

pub async fn run(arguments: Arguments) -> Result<()> {
    let cluster = &arguments.cluster;
    let board = Rc::new(Board::new(cluster.agents));
    let _agents = cluster.agents(&board, SLOTS, Some(Duration::ZERO)).await?;
    cluster.all_registered(&board).await?;
    for index in 0..cluster.frameworks {
        frameworks::start(cluster.master, index, Load::Decline, Life::Once, board.clone()).await?;
    }
    let pid = cluster.pid();
    board.unless_failed(sleep(Duration::from_secs(arguments.warmup))).await?;
    let (start, pings) = (Mark::now(&board, pid)?, board.pings.get());
    board.unless_failed(sleep(Duration::from_secs(arguments.seconds))).await?;
    let end = Mark::now(&board, pid)?;
    let seconds = end.at.duration_since(start.at).as_secs_f64();
    report::figure((board.pings.get() - pings) as f64 / seconds, 1, "pings/s answered");
    if let (Some(before), Some(after)) = (start.master, end.master) {
        let cpu = (after.cpu - before.cpu).as_secs_f64();
        report::figure(100.0 * cpu / seconds, 2, "% of one core taken by the master");
        report::figure(report::mib(after.resident), 1, "MiB resident");
    }
    Ok(())
}
