// SPDX-License-Identifier: Apache-2.0

//! `kaon-load tasks`: how many tasks a master gets through, and what each costs it.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::agents::Fleet;
use crate::clocks::{Cost, cost};
use crate::frameworks;

#[derive(clap::Args)]
pub struct Arguments {
    /// The master to drive
    #[arg(long, default_value = "127.0.0.1:5050")]
    master: SocketAddrV4,
    /// The master's process on this machine, for its CPU time and memory
    #[arg(long)]
    master_pid: Option<u32>,
    /// Emulated agents, all on one address
    #[arg(long, default_value_t = 100)]
    agents: u64,
    /// Emulated frameworks, each in a role of its own
    #[arg(long, default_value_t = 4)]
    frameworks: u64,
    /// Tasks launched by one accept, at most
    #[arg(long, default_value_t = 20)]
    per_accept: usize,
    /// How long a task runs, in milliseconds
    #[arg(long, default_value_t = 0)]
    task_length: u64,
    /// How long to measure
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// How long to run before measuring
    #[arg(long, default_value_t = 3)]
    warmup: u64,
}

/// Where the counters stand at one moment.
struct Mark {
    at: Instant,
    finished: u64,
    own: Cost,
    master: Option<Cost>,
}

pub async fn run(arguments: Arguments) -> Result<()> {
    let length = Duration::from_millis(arguments.task_length);
    let agents = Fleet::start(arguments.master, arguments.agents, length).await?;
    let begun = Instant::now();
    while agents.registered.load(Ordering::Relaxed) < arguments.agents {
        let registered = agents.registered.load(Ordering::Relaxed);
        ensure!(
            begun.elapsed() < Duration::from_secs(60),
            "after a minute the master has admitted {registered} of {} agents",
            arguments.agents
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("{} agents registered in {:.2} s", arguments.agents, begun.elapsed().as_secs_f64());

    let tally = Arc::new(frameworks::Tally::default());
    let mut running = tokio::task::JoinSet::new();
    for index in 0..arguments.frameworks {
        running.spawn(frameworks::run(arguments.master, index, arguments.per_accept, tally.clone()));
    }
    let mark = |tally: &frameworks::Tally| -> Result<Mark> {
        Ok(Mark {
            at: Instant::now(),
            finished: tally.finished.load(Ordering::Relaxed),
            own: cost(std::process::id())?,
            master: arguments.master_pid.map(cost).transpose()?,
        })
    };
    wait(Duration::from_secs(arguments.warmup), &mut running).await?;
    let start = mark(&tally)?;
    wait(Duration::from_secs(arguments.seconds), &mut running).await?;
    let end = mark(&tally)?;
    report(&start, &end);
    let lost = tally.lost.load(Ordering::Relaxed);
    ensure!(lost == 0, "{lost} tasks ended otherwise than finished");
    ensure!(end.finished > start.finished, "no task finished while measuring");
    Ok(())
}

/// Sleeps, unless a framework ends, which none should.
async fn wait(span: Duration, running: &mut tokio::task::JoinSet<Result<()>>) -> Result<()> {
    tokio::select! {
        () = tokio::time::sleep(span) => Ok(()),
        Some(ended) = running.join_next() => ended?.and_then(|()| anyhow::bail!("a framework ended by itself")),
    }
}

fn report(start: &Mark, end: &Mark) {
    let seconds = end.at.duration_since(start.at).as_secs_f64();
    let tasks = (end.finished - start.finished).max(1);
    println!("{:>12.0} tasks/s over {seconds:.1} s", tasks as f64 / seconds);
    let per_task = |before: &Cost, after: &Cost| (after.cpu - before.cpu).as_secs_f64() * 1e6 / tasks as f64;
    if let (Some(before), Some(after)) = (&start.master, &end.master) {
        println!("{:>12.1} µs of the master's CPU time per task", per_task(before, after));
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        println!("{:>12.1} MiB resident before, {:.1} MiB after", mib(before.resident), mib(after.resident));
    }
    println!("{:>12.1} µs of the generator's CPU time per task", per_task(&start.own, &end.own));
}
