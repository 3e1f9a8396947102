// SPDX-License-Identifier: Apache-2.0

//! `kaon-load tasks`: how many tasks a master gets through, what each costs it, and how long each step takes.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::board::Board;
use crate::clocks::{Cost, cost};
use crate::cluster::{self, Mark, wait};
use crate::frameworks::{self, Life, Load};
use crate::report;

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    cluster: cluster::Arguments,
    /// Tasks launched by one accept, at most
    #[arg(long, default_value_t = 20)]
    per_accept: usize,
    /// How many tasks fit on an agent; where a rate is given, as many as one accept launches
    #[arg(long, default_value_t = 20)]
    slots: u32,
    /// How long a task runs, in milliseconds
    #[arg(long, default_value_t = 0)]
    task_length: u64,
    /// Tasks launched each second, by a fixed schedule, with their latencies; without it as many as the master takes
    #[arg(long)]
    rate: Option<f64>,
    /// How long to measure
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// How long to run before measuring
    #[arg(long, default_value_t = 5)]
    warmup: u64,
}

/// How often the master's memory is looked at.
const MEMORY_INTERVAL: Duration = Duration::from_secs(10);

pub async fn run(arguments: Arguments) -> Result<()> {
    let Arguments { cluster, per_accept, .. } = &arguments;
    let board = Rc::new(Board::new(cluster.agents));
    let length = Duration::from_millis(arguments.task_length);
    // Where latency is measured an accept uses up its agent: what is offered next can only be what has become free.
    let slots = if arguments.rate.is_some() { u32::try_from(*per_accept)? } else { arguments.slots };
    let begun = Instant::now();
    let _agents = cluster.agents(&board, slots, Some(length)).await?;
    cluster.all_registered(&board).await?;
    println!("{} agents registered in {:.2} s", cluster.agents, begun.elapsed().as_secs_f64());

    let mut schedules = Vec::new();
    for index in 0..cluster.frameworks {
        let load = match arguments.rate {
            None => Load::Full { per_accept: *per_accept },
            Some(_) => {
                let (schedule, due) = mpsc::unbounded_channel();
                schedules.push(schedule);
                Load::Paced { per_accept: *per_accept, due }
            }
        };
        frameworks::start(cluster.master, index, load, Life::Once, board.clone()).await?;
    }
    if let Some(rate) = arguments.rate {
        ensure!(rate > 0.0 && rate.is_finite(), "--rate must be a positive number");
        // So that the first accepts do not wait for the first offers.
        let all = cluster.agents as u64;
        wait(&board, "agents offered", all, || board.agents_offered()).await?;
        pace(rate / *per_accept as f64, schedules)?;
    }
    measure(&arguments, &board).await?;
    drain(&board).await
}

async fn measure(arguments: &Arguments, board: &Board) -> Result<()> {
    let pid = arguments.cluster.pid();
    board.unless_failed(sleep(Duration::from_secs(arguments.warmup))).await?;
    board.measure(true);
    let (start, accepts) = (Mark::now(board, pid)?, board.accepts.get());
    let end = start.at + Duration::from_secs(arguments.seconds);
    let mut costs: Vec<Cost> = start.master.into_iter().collect();
    loop {
        let left = end.saturating_duration_since(Instant::now());
        board.unless_failed(sleep(left.min(MEMORY_INTERVAL))).await?;
        if left <= MEMORY_INTERVAL {
            break;
        }
        costs.extend(pid.map(cost).transpose()?);
    }
    let end = Mark::now(board, pid)?;
    board.measure(false);
    costs.extend(end.master);
    report::tasks(&start, &end, board.accepts.get() - accepts);
    report::memory(&costs);
    if arguments.rate.is_some() {
        report::latencies(board);
    }
    ensure!(end.finished > start.finished, "no task finished while measuring");
    Ok(())
}

/// Launches no more, and waits for the end of all tasks: none may be missing.
async fn drain(board: &Board) -> Result<()> {
    board.stop();
    let all = board.launched.get();
    let over = || board.finished.get() + board.lost.get();
    wait(board, "tasks ended", all, over).await?;
    let lost = board.lost.get();
    ensure!(lost == 0, "{lost} of {all} tasks ended otherwise than finished");
    let arrived = board.arrived.get();
    ensure!(arrived == all, "{all} tasks were launched, and {arrived} came to an agent");
    report::figure(all as f64, 0, "tasks launched in all; each finished, once");
    Ok(())
}

/// Tells the frameworks, one after the other, when an accept is due: so many each second.
///
/// A thread of its own, since timers of the runtime are no finer than a millisecond.
fn pace(rate: f64, schedules: Vec<mpsc::UnboundedSender<Instant>>) -> Result<()> {
    let interval = Duration::from_secs_f64(1.0 / rate);
    let run = move || {
        let mut due = Instant::now();
        for schedule in schedules.iter().cycle() {
            due += interval;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if schedule.send(due).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("pace".into()).spawn(run).context("no thread for the schedule")?;
    Ok(())
}
