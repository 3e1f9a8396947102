// SPDX-License-Identifier: Apache-2.0

//! `kaon-sim`: runs simulated clusters, seed after seed, and shows the first that breaks a law.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line talks to people")]

mod progress;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use kaon_sim::cluster::{self, Options, Outcome};
use kaon_sim::division;
use kaon_sim::faults::Fault;
use kaon_sim::laws;
use kaon_sim::report::Counts;
use progress::Progress;

/// With the C library's allocator a third of the time went into it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Simulates whole clusters under faults and checks the laws of the system.
///
/// Example: kaon-sim --seeds 1000
#[derive(Parser)]
struct Arguments {
    /// How many clusters to run, with seeds from --first on
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Run this one seed, and print each event
    #[arg(long)]
    seed: Option<u64>,
    /// Simulated minutes under faults; healing follows
    // What breaks does so early: many short runs find more than few long ones.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// How many clusters run at once
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Strict priority instead of fair shares
    #[arg(long)]
    priority: bool,
    /// How one master divides a cluster, by quotas, weights, reservations and filters, instead of whole clusters
    #[arg(long)]
    quota: bool,
    /// Break this rule on purpose, to see which law notices
    #[cfg(feature = "sabotage")]
    #[arg(long)]
    sabotage: Option<kaon_sim::sabotage::Sabotage>,
}

impl Arguments {
    fn scenario(&self) -> fn(u64, Options) -> Outcome {
        if self.quota { division::run } else { cluster::run }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let policy = if arguments.priority {
        kaon_master::config::Policy::Priority
    } else {
        kaon_master::config::Policy::Hierarchical
    };
    let safety = Duration::from_secs(60 * arguments.minutes);
    let options = Options {
        safety,
        policy,
        #[cfg(feature = "sabotage")]
        sabotage: arguments.sabotage,
        ..Options::default()
    };
    if let Some(seed) = arguments.seed {
        let outcome = arguments.scenario()(seed, Options { echo: true, ..options });
        return show(&outcome);
    }
    run_all(&arguments, options)
}

/// What came of many seeds.
#[derive(Default)]
struct Tally {
    counts: Counts,
    simulated: Duration,
    runs: u64,
    /// The lowest seed that failed.
    worst: Option<Outcome>,
}

impl Tally {
    fn add(&mut self, outcome: Outcome) {
        self.counts.merge(&outcome.counts);
        self.simulated += outcome.simulated;
        self.runs += 1;
        if outcome.broken.is_some() && self.worst.as_ref().is_none_or(|worst| outcome.seed < worst.seed) {
            self.worst = Some(outcome);
        }
    }
}

/// Runs the seeds on a few threads; the lowest seed that fails is the one that is shown.
fn run_all(arguments: &Arguments, options: Options) -> ExitCode {
    let started = Instant::now();
    let end = arguments.first + arguments.seeds;
    let next = AtomicU64::new(arguments.first);
    let failed = AtomicU64::new(u64::MAX);
    let tally = Mutex::new(Tally::default());
    let worker = || {
        loop {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if seed >= end || seed > failed.load(Ordering::SeqCst) {
                return;
            }
            let outcome = arguments.scenario()(seed, options);
            if outcome.broken.is_some() {
                failed.fetch_min(seed, Ordering::SeqCst);
            }
            tally.lock().expect("a simulation panicked; its message is above").add(outcome);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..arguments.jobs.max(1)).map(|_| scope.spawn(worker)).collect();
        let progress = Progress::new(arguments.seeds);
        while !workers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            std::thread::sleep(Duration::from_millis(50));
            let tally = tally.lock().expect("a simulation panicked; its message is above");
            progress.show(started.elapsed(), tally.runs, tally.simulated);
        }
        progress.end();
    });
    let tally = tally.into_inner().expect("a simulation panicked; its message is above");
    if let Some(outcome) = tally.worst {
        return show_failure(&outcome, tally.runs, arguments.quota);
    }
    if let Some(never) = untested(arguments, &tally.counts) {
        println!("{never} did not come about in {} seeds: the simulation proves nothing of it", tally.runs);
        return ExitCode::FAILURE;
    }
    let hours = tally.simulated.as_secs_f64() / 3600.0;
    println!(
        "{} seeds, no broken law, {hours:.0} simulated hours in {:.0} s",
        tally.runs,
        started.elapsed().as_secs_f64()
    );
    print_counts(&tally.counts);
    ExitCode::SUCCESS
}

/// A fault or a law that a run of this many seeds should have met, and did not.
fn untested(arguments: &Arguments, counts: &Counts) -> Option<&'static str> {
    if arguments.quota || arguments.seeds < SEEDS_FOR_ALL {
        return None;
    }
    let expected = Fault::KINDS.into_iter().chain(laws::COUNTED);
    expected.into_iter().find(|name| counts.get(name) == 0)
}

/// So many seeds meet everything.
const SEEDS_FOR_ALL: u64 = 20;

fn show_failure(outcome: &Outcome, runs: u64, quota: bool) -> ExitCode {
    for line in &outcome.log {
        println!("{line}");
    }
    let scenario = if quota { " --quota" } else { "" };
    println!("seed {} fails after {runs} runs: {}", outcome.seed, outcome.plan);
    println!("replay: kaon-sim{scenario} --seed {}", outcome.seed);
    if let Some(broken) = &outcome.broken {
        println!("{broken}");
    }
    ExitCode::FAILURE
}

fn show(outcome: &Outcome) -> ExitCode {
    print_counts(&outcome.counts);
    let minutes = outcome.simulated.as_secs_f64() / 60.0;
    println!("seed {}: {}", outcome.seed, outcome.plan);
    println!("{} events, {minutes:.0} simulated minutes", outcome.events);
    match &outcome.broken {
        Some(broken) => {
            println!("{broken}");
            ExitCode::FAILURE
        }
        None => {
            println!("no broken law");
            ExitCode::SUCCESS
        }
    }
}

fn print_counts(counts: &Counts) {
    for (name, count) in counts.iter() {
        println!("{count:>12}  {name}");
    }
}
