// SPDX-License-Identifier: Apache-2.0

//! `kaon-load registry`: what it costs to remember agents.

use std::net::SocketAddrV4;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::time::sleep;

use crate::board::Board;
use crate::cluster::{self, wait};
use crate::report;
use crate::snapshot::Snapshot;

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    cluster: cluster::Arguments,
    /// So many agents come after the others, and are measured apart
    #[arg(long, default_value_t = 1000)]
    more: usize,
    /// Lets all agents fall silent in the end, and waits until they are unreachable. The master's pings decide how long
    /// that takes: --agent_ping_timeout=1secs --max_agent_ping_timeouts=5
    #[arg(long)]
    silence: bool,
}

/// Slots of each agent: what one has makes up most of what is remembered of it.
const SLOTS: u32 = 10;
/// Bound: how long agents may take to be unreachable.
const PATIENCE: Duration = Duration::from_secs(600);

pub async fn run(arguments: Arguments) -> Result<()> {
    let cluster = &arguments.cluster;
    let (all, more) = (cluster.agents as u64, arguments.more as u64);
    let board = Rc::new(Board::new(cluster.agents + arguments.more));
    let before = Figures::of(cluster.master).await?;
    let begun = Instant::now();
    let _agents = cluster.agents(&board, SLOTS, Some(Duration::ZERO)).await?;
    wait(&board, "agents registered", all, || board.registered.get()).await?;
    let first = Figures::of(cluster.master).await?;
    tell("admissions", all, begun.elapsed(), before, first);

    let begun = Instant::now();
    let others = cluster::Arguments { agents: arguments.more, ..cluster.clone() };
    let _others = others.agents(&board, SLOTS, Some(Duration::ZERO)).await?;
    wait(&board, "agents registered", all + more, || board.registered.get()).await?;
    let second = Figures::of(cluster.master).await?;
    tell(&format!("more admissions, beside {all} agents"), more, begun.elapsed(), first, second);

    if arguments.silence {
        board.silent.set(true);
        let silent = until_silent(cluster.master, (all + more) as f64, second).await?;
        tell("agents marked unreachable", all + more, silent.0, second, silent.1);
    }
    Ok(())
}

fn tell(what: &str, count: u64, took: Duration, before: Figures, after: Figures) {
    let count = count.max(1) as f64;
    report::figure(count, 0, what);
    report::figure(count / took.as_secs_f64(), 0, "  a second");
    report::figure((after.bytes - before.bytes) / count, 0, "  bytes written for each");
    report::figure(count / (after.writes - before.writes).max(1.0), 1, "  in each record");
}

/// The time from the first that is unreachable to the last.
async fn until_silent(master: SocketAddrV4, all: f64, before: Figures) -> Result<(Duration, Figures)> {
    let (asked, mut first) = (Instant::now(), None);
    loop {
        let figures = Figures::of(master).await?;
        if figures.unreachable > before.unreachable {
            let begun = *first.get_or_insert_with(Instant::now);
            if figures.unreachable >= all {
                return Ok((begun.elapsed(), figures));
            }
        }
        ensure!(asked.elapsed() < PATIENCE, "only {} of {all} are unreachable", figures.unreachable);
        sleep(Duration::from_millis(100)).await;
    }
}

/// What the master says of its registry.
#[derive(Clone, Copy)]
struct Figures {
    writes: f64,
    bytes: f64,
    unreachable: f64,
}

impl Figures {
    async fn of(master: SocketAddrV4) -> Result<Figures> {
        let snapshot = Snapshot::of(master).await?;
        let figure = |name: &str| {
            snapshot.figure(name).with_context(|| {
                format!("the master has no figure '{name}': only those of Kaon count what they write")
            })
        };
        Ok(Figures {
            writes: figure("kaon/registry_writes")?,
            bytes: figure("kaon/registry_bytes")?,
            unreachable: figure("master/slaves_unreachable")?,
        })
    }
}
