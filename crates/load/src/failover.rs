// SPDX-License-Identifier: Apache-2.0

//! `kaon-load failover`: how long it takes until a new leader knows all that the old one knew.

use std::net::SocketAddrV4;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

use crate::board::Board;
use crate::clocks::{Cost, cost};
use crate::cluster::{self, wait};
use crate::frameworks::{self, Life, Load};
use crate::owner::owner;
use crate::report;
use crate::snapshot::Snapshot;

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    cluster: cluster::Arguments,
    /// The other masters, which may lead after it; without any, the same one must be started again by somebody else
    #[arg(long, value_delimiter = ',')]
    standbys: Vec<SocketAddrV4>,
    /// Tasks that run on each agent
    #[arg(long, default_value_t = 10)]
    tasks: u32,
}

/// Bound: how long it may take until another master leads, and until it knows all.
const PATIENCE: Duration = Duration::from_secs(300);
/// How often masters are asked.
const INTERVAL: Duration = Duration::from_millis(20);

pub async fn run(arguments: Arguments) -> Result<()> {
    let cluster = &arguments.cluster;
    ensure!(arguments.tasks > 0 && cluster.frameworks > 0, "there must be frameworks with tasks");
    let all = cluster.agents as u64 * u64::from(arguments.tasks);
    let board = Rc::new(Board::new(cluster.agents));
    let pid = cluster.pid().with_context(|| {
        format!(
            "no process of this machine that may be killed listens at {}: is the leader there?",
            cluster.master
        )
    })?;
    // One slot is left: so there is something to offer.
    let agents = cluster.agents(&board, arguments.tasks + 1, None).await?;
    cluster.all_registered(&board).await?;
    let mut lives = Vec::new();
    for index in 0..cluster.frameworks {
        let load = Load::Fill { tasks: arguments.tasks as usize };
        lives.push(frameworks::start(cluster.master, index, load, Life::Lasting, board.clone()).await?);
    }
    wait(&board, "tasks running", all, || board.running.get()).await?;
    ensure!(board.launched.get() == all, "{} tasks were launched, not {all}", board.launched.get());
    println!("{} agents, {all} tasks: the master at {} is killed", cluster.agents, cluster.master);

    board.leaderless.set(true);
    let killed = Instant::now();
    kill(pid)?;
    let leader = elected(&arguments).await?;
    let elected = Instant::now();
    report::figure(
        (elected - killed).as_secs_f64(),
        2,
        &format!("s from the kill until {leader} leads; since then:"),
    );
    let before = owner(leader).map(cost).transpose()?;
    board.leaderless.set(false);
    board.registered.set(0);
    board.first_offer.set(None);
    for (index, id) in lives.into_iter().enumerate() {
        frameworks::start(leader, index, Load::Decline, Life::Again(id), board.clone()).await?;
    }
    agents.move_to(leader).await?;
    board.unless_failed(all_back(&arguments, leader, &board, elected)).await??;
    tell_cost(leader, before)
}

/// Ends the leader as a power cut would.
fn kill(pid: u32) -> Result<()> {
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw).context("no process has this id")?;
    kill_process(process, Signal::KILL).with_context(|| format!("process {pid} cannot be killed"))
}

/// The master that leads after the one that was killed.
async fn elected(arguments: &Arguments) -> Result<SocketAddrV4> {
    let begun = Instant::now();
    let masters = || arguments.standbys.iter().chain([&arguments.cluster.master]);
    while begun.elapsed() < PATIENCE {
        for master in masters() {
            if Snapshot::of(*master)
                .await
                .is_ok_and(|snapshot| snapshot.figure("master/elected") == Some(1.0))
            {
                return Ok(*master);
            }
        }
        sleep(INTERVAL).await;
    }
    anyhow::bail!("after {PATIENCE:?} none of the masters leads")
}

async fn all_back(
    arguments: &Arguments,
    leader: SocketAddrV4,
    board: &Board,
    elected: Instant,
) -> Result<()> {
    let agents = arguments.cluster.agents as u64;
    let tasks = agents * u64::from(arguments.tasks);
    let tell = |what: &str| report::figure(elected.elapsed().as_secs_f64(), 2, what);
    let (mut most, mut every, mut known) = (false, false, false);
    while !known || board.first_offer.get().is_none() {
        sleep(INTERVAL).await;
        if !most && board.registered.get() * 100 >= agents * 99 {
            most = true;
            tell("s until 99 % of the agents were back");
        }
        if !every && board.registered.get() >= agents {
            every = true;
            tell("s until all were back");
        }
        if every && !known {
            known = Snapshot::of(leader).await?.figure("master/tasks_running") == Some(tasks as f64);
            if known {
                tell("s until all tasks were known");
            }
        }
        ensure!(
            elected.elapsed() < PATIENCE,
            "after {PATIENCE:?} {} agents are back",
            board.registered.get()
        );
    }
    let first = board.first_offer.get().map_or(0.0, |at| (at - elected).as_secs_f64());
    report::figure(first, 2, "s until the first offer");
    ensure!(board.lost.get() == 0, "{} tasks were lost", board.lost.get());
    Ok(())
}

fn tell_cost(leader: SocketAddrV4, before: Option<Cost>) -> Result<()> {
    let after = owner(leader).map(cost).transpose()?;
    if let (Some(before), Some(after)) = (before, after) {
        report::figure((after.cpu - before.cpu).as_secs_f64(), 2, "s of the new leader's CPU time");
        report::figure(report::mib(after.resident), 1, "MiB resident");
    }
    Ok(())
}
