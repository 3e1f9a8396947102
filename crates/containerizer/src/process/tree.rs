// SPDX-License-Identifier: Apache-2.0

//! Process trees.
//!
//! The root of a container's tree is its supervisor. Since that is a subreaper, a process whose parent has ended is
//! still beneath it, whatever session or group it has moved to.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use std::{fs, io};

use rustix::process::Signal;

use super::{Stat, is_gone, open_verified, send};

/// What a tree of processes uses, summed from `/proc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Time in user mode, ended processes included.
    pub user: Duration,
    /// Time in the kernel, ended processes included.
    pub system: Duration,
    /// Resident memory in bytes; pages shared by several processes count in each.
    pub resident: u64,
    /// Living processes.
    pub processes: u64,
    /// Their threads.
    pub threads: u64,
}

/// What the tree beneath `root` uses, `root` itself not included, but the time of those that it has reaped.
pub(crate) fn usage(root: i32) -> io::Result<Usage> {
    let ticks = rustix::param::clock_ticks_per_second().max(1);
    let page = rustix::param::page_size() as u64;
    let time = |count: u64| Duration::from_micros(count.saturating_mul(1_000_000) / ticks);
    let mut usage = Usage::default();
    if let Some(stat) = Stat::of(root)? {
        usage.user += time(stat.user[1]);
        usage.system += time(stat.system[1]);
    }
    for stat in descendants(root)? {
        usage.user += time(stat.user.iter().sum());
        usage.system += time(stat.system.iter().sum());
        usage.resident += resident_pages(stat.pid)? * page;
        usage.processes += u64::from(stat.state != b'Z');
        usage.threads += if stat.state == b'Z' { 0 } else { stat.threads };
    }
    Ok(usage)
}

/// The pages that a process holds in memory; none if it has ended.
///
/// Not from `stat`: since Linux 6.2 the figure there leaves out what each processor has not passed on yet, which for a
/// small process is all of it.
fn resident_pages(pid: i32) -> io::Result<u64> {
    match fs::read_to_string(format!("/proc/{pid}/statm")) {
        Ok(line) => {
            Ok(line.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0))
        }
        Err(error) if is_gone(&error) => Ok(0),
        Err(error) => Err(error),
    }
}

/// Signals each living process beneath `root` once; how many were reached.
///
/// Looks until it finds nobody new, so that a child born during the walk is reached through its parent's listing. A
/// process that never stops forking can still slip through: whoever must win repeats the call.
pub(crate) fn signal_descendants(root: i32, signal: Signal) -> io::Result<usize> {
    let (mut tried, mut reached) = (BTreeSet::new(), 0);
    // Bound: rounds of one call; a fork bomb must not hold up the caller for ever.
    for _ in 0..8 {
        let fresh: Vec<Stat> = descendants(root)?
            .into_iter()
            .filter(|stat| stat.state != b'Z' && tried.insert((stat.pid, stat.start_time)))
            .collect();
        if fresh.is_empty() {
            break;
        }
        for stat in fresh {
            reached += usize::from(signal_one(&stat, signal)?);
        }
    }
    Ok(reached)
}

/// Signals every process that carries `entry` ("NAME=value") in its environment and started no earlier than `since`.
///
/// For what a killed supervisor leaves behind, when there is no tree any more to walk down.
pub(crate) fn signal_marked(entry: &str, since: u64, signal: Signal) -> io::Result<usize> {
    let mut reached = 0;
    for stat in all()?.into_iter().filter(|stat| stat.start_time >= since && stat.state != b'Z') {
        let Some(pidfd) = open_verified(stat.pid, stat.start_time)? else { continue };
        let environment = fs::read(format!("/proc/{}/environ", stat.pid)).unwrap_or_default();
        if environment.split(|byte| *byte == 0).any(|line| line == entry.as_bytes()) && send(&pidfd, signal)?
        {
            reached += 1;
        }
    }
    Ok(reached)
}

/// Signals the very process that was seen; whether it was reached.
///
/// One that we may not signal, because an agent without root runs a program that switches user, must not shield the others.
fn signal_one(stat: &Stat, signal: Signal) -> io::Result<bool> {
    let Some(pidfd) = open_verified(stat.pid, stat.start_time)? else { return Ok(false) };
    match send(&pidfd, signal) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(false),
        sent => sent,
    }
}

/// All processes beneath `root`, parents before children, zombies included.
fn descendants(root: i32) -> io::Result<Vec<Stat>> {
    let by_parent = if kernel_lists_children() { None } else { Some(children_by_parent()?) };
    let mut found = Vec::new();
    let mut seen = BTreeSet::from([root]);
    let mut queue = VecDeque::from([root]);
    while let Some(parent) = queue.pop_front() {
        let children = match &by_parent {
            Some(table) => table.get(&parent).cloned().unwrap_or_default(),
            None => listed_children(parent)?,
        };
        for child in children {
            // A pid may be used again while we walk: only who names this parent is its child.
            let Some(stat) = Stat::of(child)?.filter(|stat| stat.parent == parent) else { continue };
            if seen.insert(child) {
                found.push(stat);
                queue.push_back(child);
            }
        }
    }
    Ok(found)
}

/// Whether the kernel lists a thread's children itself (CONFIG_PROC_CHILDREN), which spares reading all of `/proc`.
fn kernel_lists_children() -> bool {
    fs::metadata("/proc/thread-self/children").is_ok()
}

fn listed_children(pid: i32) -> io::Result<Vec<i32>> {
    let threads = match fs::read_dir(format!("/proc/{pid}/task")) {
        Ok(threads) => threads,
        Err(error) if is_gone(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut children = Vec::new();
    // A thread that ends meanwhile hands its children to another, and is found in the next round.
    for thread in threads.flatten() {
        let text = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        children.extend(text.split_ascii_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
    }
    Ok(children)
}

fn children_by_parent() -> io::Result<BTreeMap<i32, Vec<i32>>> {
    let mut table: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for stat in all()? {
        table.entry(stat.parent).or_default().push(stat.pid);
    }
    Ok(table)
}

fn all() -> io::Result<Vec<Stat>> {
    let mut stats = Vec::new();
    for entry in fs::read_dir("/proc")? {
        if let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) {
            stats.extend(Stat::of(pid)?);
        }
    }
    Ok(stats)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_finding_children_agree() {
        let mut child = std::process::Command::new("sleep").arg("30").spawn().expect("sleep runs");
        let me = std::process::id() as i32;
        let pid = child.id() as i32;
        let scanned = children_by_parent().expect("scans").remove(&me).unwrap_or_default();
        assert!(scanned.contains(&pid));
        if kernel_lists_children() {
            assert!(listed_children(me).expect("lists").contains(&pid));
        }
        assert!(descendants(me).expect("walks").iter().any(|stat| stat.pid == pid));
        child.kill().expect("kills");
        child.wait().expect("reaps");
    }
}
