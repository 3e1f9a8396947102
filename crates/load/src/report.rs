// SPDX-License-Identifier: Apache-2.0

//! Prints what a run has come to.

use crate::board::Board;
use crate::clocks::Cost;
use crate::cluster::Mark;

/// One figure, aligned with the others.
pub fn figure(value: f64, digits: usize, what: &str) {
    println!("{value:>12.digits$} {what}");
}

/// Throughput, and what each task has cost.
pub fn tasks(start: &Mark, end: &Mark, accepts: u64) {
    let seconds = end.at.duration_since(start.at).as_secs_f64();
    let tasks = (end.finished - start.finished).max(1) as f64;
    figure(tasks / seconds, 0, &format!("tasks/s over {seconds:.1} s"));
    figure(tasks / accepts.max(1) as f64, 1, "tasks by each accept");
    let own = end.own.cpu - start.own.cpu;
    if let (Some(before), Some(after)) = (start.master, end.master) {
        let master = after.cpu - before.cpu;
        figure(master.as_secs_f64() * 1e6 / tasks, 1, "µs of the master's CPU time per task");
        figure(master.as_secs_f64() / seconds, 2, "cores taken by the master");
        let share = own.as_secs_f64() / (own + master).as_secs_f64().max(0.01);
        figure(100.0 * share, 0, "% of all CPU time taken by this generator");
    }
    figure(own.as_secs_f64() * 1e6 / tasks, 1, "µs of this generator's CPU time per task");
}

/// The master's memory over time, oldest first.
pub fn memory(costs: &[Cost]) {
    let texts: Vec<String> = costs.iter().map(|cost| format!("{:.1}", mib(cost.resident))).collect();
    if !texts.is_empty() {
        println!("{:>12} MiB resident, every 10 s", texts.join(" "));
    }
}

pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

pub fn latencies(board: &Board) {
    println!("  accept to agent:      {}", board.to_agent.borrow().summary());
    println!("  freed, offered again: {}", board.to_offer.borrow().summary());
    figure(board.waited.get() as f64, 0, "accepts were due before there was an offer for them");
}
