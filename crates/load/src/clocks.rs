// SPDX-License-Identifier: Apache-2.0

//! What a process has cost so far, as the kernel accounts it.

use std::time::Duration;

use anyhow::{Context, Result};

/// The CPU time of a process with all its threads, and its resident memory in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    pub cpu: Duration,
    pub resident: u64,
}

/// Reads the cost of a process from /proc. Linux counts in ticks of 10 ms, which is fine over seconds of load.
pub fn cost(pid: u32) -> Result<Cost> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("process {pid} cannot be read; is --master-pid right?"))?;
    // The command may hold spaces and parentheses: what follows the last one is fields of numbers.
    let fields: Vec<&str> =
        stat.rsplit_once(')').context("/proc/PID/stat has no command")?.1.split_whitespace().collect();
    let number = |index: usize| -> Result<u64> {
        Ok(fields.get(index).context("/proc/PID/stat is too short")?.parse::<u64>()?)
    };
    let ticks = number(11)? + number(12)?;
    Ok(Cost { cpu: Duration::from_millis(ticks * 10), resident: number(21)? * 4096 })
}

#[cfg(test)]
mod tests {
    #[test]
    fn our_own_cost_is_readable() {
        let cost = super::cost(std::process::id()).unwrap();
        assert!(cost.resident > 100_000);
    }
}
