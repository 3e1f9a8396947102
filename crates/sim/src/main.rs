// SPDX-License-Identifier: Apache-2.0

//! `kaon-sim`: runs simulated clusters, seed after seed, and shows the first that breaks a law.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line talks to people")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use kaon_sim::cluster::{self, Options, Outcome};
use kaon_sim::division;
use kaon_sim::report::Counts;

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
    #[arg(long, default_value_t = 30)]
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
    /// Break this rule of the ledger on purpose, to see which law notices
    #[cfg(feature = "sabotage")]
    #[arg(long)]
    sabotage: Option<kaon_allocator::Sabotage>,
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
        return show(&outcome, &outcome.counts, outcome.simulated, 1);
    }
    run_all(&arguments, options)
}

/// Runs the seeds on a few threads; the lowest seed that fails is the one that is shown.
fn run_all(arguments: &Arguments, options: Options) -> ExitCode {
    let started = Instant::now();
    let end = arguments.first + arguments.seeds;
    let next = AtomicU64::new(arguments.first);
    let failed = AtomicU64::new(u64::MAX);
    let worker = || {
        let mut counts = Counts::default();
        let (mut simulated, mut runs, mut worst): (Duration, u64, Option<Outcome>) = Default::default();
        loop {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if seed >= end || seed > failed.load(Ordering::SeqCst) {
                return (counts, simulated, runs, worst);
            }
            let outcome = arguments.scenario()(seed, options);
            counts.merge(&outcome.counts);
            simulated += outcome.simulated;
            runs += 1;
            if outcome.broken.is_some() {
                failed.fetch_min(seed, Ordering::SeqCst);
                worst = Some(outcome);
            }
        }
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..arguments.jobs.max(1)).map(|_| scope.spawn(worker)).collect();
        handles
            .into_iter()
            .map(|handle| handle.join().expect("a simulation panicked; its message is above"))
            .collect()
    });
    let mut counts = Counts::default();
    let (mut simulated, mut runs, mut worst): (Duration, u64, Option<Outcome>) = Default::default();
    for (some, hours, some_runs, outcome) in results {
        counts.merge(&some);
        simulated += hours;
        runs += some_runs;
        if let Some(outcome) = outcome
            && worst.as_ref().is_none_or(|worst| outcome.seed < worst.seed)
        {
            worst = Some(outcome);
        }
    }
    if let Some(outcome) = worst {
        for line in &outcome.log {
            println!("{line}");
        }
        let scenario = if arguments.quota { " --quota" } else { "" };
        println!(
            "seed {} fails after {runs} runs; replay: kaon-sim{scenario} --seed {}",
            outcome.seed, outcome.seed
        );
        return ExitCode::FAILURE;
    }
    let hours = simulated.as_secs_f64() / 3600.0;
    println!(
        "{runs} seeds, no broken law, {hours:.0} simulated hours in {:.0} s",
        started.elapsed().as_secs_f64()
    );
    print_counts(&counts);
    ExitCode::SUCCESS
}

fn show(outcome: &Outcome, counts: &Counts, simulated: Duration, runs: u64) -> ExitCode {
    print_counts(counts);
    println!(
        "{runs} seed, {} events, {:.0} simulated minutes",
        outcome.events,
        simulated.as_secs_f64() / 60.0
    );
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
