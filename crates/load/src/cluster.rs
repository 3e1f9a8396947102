// SPDX-License-Identifier: Apache-2.0

//! What all runs are told alike: which master, how many agents, how they are connected.

use std::net::SocketAddrV4;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::board::Board;
use crate::clocks::{Cost, cost};
use crate::fleet::{Fleet, Terms};
use crate::owner::owner;

#[derive(Clone, clap::Args)]
// Each command's own group has the same name.
#[group(skip)]
pub struct Arguments {
    /// The master to drive
    #[arg(long, default_value = "127.0.0.1:5050")]
    pub master: SocketAddrV4,
    /// The master's process, for its CPU time and memory; found by its port if it runs on this machine
    #[arg(long)]
    pub master_pid: Option<u32>,
    /// Emulated agents
    #[arg(long, default_value_t = 100)]
    pub agents: usize,
    /// Gives each agent an address and connections of its own on loopback, where otherwise all share one
    #[arg(long)]
    pub own_sockets: bool,
    /// Emulated frameworks, each in a role of its own
    #[arg(long, default_value_t = 10)]
    pub frameworks: usize,
    /// Lets each message be answered by 202, as agents of Mesos do; agents of Kaon want no replies
    #[arg(long)]
    pub replies: bool,
}

/// How long all agents may take to be registered, and frameworks to be subscribed.
const PATIENCE: Duration = Duration::from_secs(120);

impl Arguments {
    /// The process of the master, if it can be looked at.
    pub fn pid(&self) -> Option<u32> {
        self.master_pid.or_else(|| owner(self.master))
    }

    /// Begins to register agents, each with room for so many tasks.
    pub async fn agents(
        &self,
        board: &Rc<Board>,
        slots: u32,
        task_length: Option<Duration>,
    ) -> Result<Rc<Fleet>> {
        let terms = Terms {
            master: self.master,
            count: self.agents,
            own_sockets: self.own_sockets,
            replies: self.replies,
            slots,
            task_length,
        };
        Fleet::start(terms, board.clone()).await
    }

    /// Waits until the master has admitted all agents.
    pub async fn all_registered(&self, board: &Board) -> Result<()> {
        let all = self.agents as u64;
        wait(board, "agents registered", all, || board.registered.get()).await
    }
}

/// Waits until so many are there.
pub async fn wait(board: &Board, what: &str, all: u64, count: impl Fn() -> u64) -> Result<()> {
    let begun = Instant::now();
    let poll = async {
        while count() < all {
            ensure!(begun.elapsed() < PATIENCE, "after {PATIENCE:?} {} of {all} {what}", count());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    };
    board.unless_failed(poll).await?
}

/// Where counters stand at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    pub at: Instant,
    pub finished: u64,
    pub own: Cost,
    pub master: Option<Cost>,
}

impl Mark {
    pub fn now(board: &Board, master: Option<u32>) -> Result<Mark> {
        Ok(Mark {
            at: Instant::now(),
            finished: board.finished.get(),
            own: cost(std::process::id())?,
            master: master.map(cost).transpose()?,
        })
    }
}
