// SPDX-License-Identifier: Apache-2.0

//! `kaon-load storm`: many agents come at once.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::board::Board;
use crate::cluster::{self, Mark, wait};
use crate::frameworks::{self, Life, Load};
use crate::report;

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    cluster: cluster::Arguments,
}

/// Slots of each agent: enough to be offered.
const SLOTS: u32 = 10;

pub async fn run(arguments: Arguments) -> Result<()> {
    let cluster = &arguments.cluster;
    let board = Rc::new(Board::new(cluster.agents));
    for index in 0..cluster.frameworks {
        frameworks::start(cluster.master, index, Load::Decline, Life::Once, board.clone()).await?;
    }
    let pid = cluster.pid();
    let (begun, start) = (Instant::now(), Mark::now(&board, pid)?);
    let _agents = cluster.agents(&board, SLOTS, Some(Duration::ZERO)).await?;
    report::figure(begun.elapsed().as_secs_f64(), 3, "s until all were connected");
    cluster.all_registered(&board).await?;
    report::figure(begun.elapsed().as_secs_f64(), 3, "s until all were registered");
    if cluster.frameworks > 0 {
        let all = cluster.agents as u64;
        wait(&board, "agents offered", all, || board.agents_offered()).await?;
        report::figure(begun.elapsed().as_secs_f64(), 3, "s until all were offered");
    }
    let end = Mark::now(&board, pid)?;
    if let (Some(before), Some(after)) = (start.master, end.master) {
        let micros = (after.cpu - before.cpu).as_secs_f64() * 1e6;
        report::figure(micros / cluster.agents.max(1) as f64, 1, "µs of the master's CPU time per agent");
        report::memory(&[before, after]);
    }
    Ok(())
}
