// SPDX-License-Identifier: Apache-2.0

//! Measures what supervisors cost on this host.
//!
//! `cargo run --release -p kaon-containerizer --example supervisors`, as root. The figures of
//! `docs/design/supervisor.md` are its output.

use std::fs;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use kaon_containerizer::{Command, ContainerConfig, ContainerId, Containerizer, Running, Spawner, dispatch};
use rustix::event::{PollFd, PollFlags, poll};

const LAUNCHES: usize = 1000;
const SUPERVISORS: usize = 100;

fn main() -> ExitCode {
    if let Some(code) = dispatch(std::env::args_os()) {
        return code;
    }
    let root = std::env::temp_dir().join(format!("kaon-supervisors-{}", std::process::id()));
    measure(&root);
    fs::remove_dir_all(&root).expect("the scratch folder is removed");
    ExitCode::SUCCESS
}

fn measure(root: &Path) {
    let begun = Instant::now();
    let spawner = Spawner::prepare().expect("the binary can be sealed");
    println!("prepare: {:.1} ms", begun.elapsed().as_secs_f64() * 1e3);
    fs::create_dir_all(root.join("box")).expect("makes the sandbox");
    let agent = Containerizer::new(&root.join("runtime"), spawner).expect("the agent starts");

    let (mut launched, mut collected) = (Vec::new(), Vec::new());
    for number in 0..LAUNCHES {
        let id = ContainerId::new(format!("true-{number}")).expect("valid");
        let begun = Instant::now();
        let running = launch(&agent, root, &id, Command::program("/bin/true", ["true"]));
        launched.push(begun.elapsed());
        wait(&running.supervisor);
        agent.state(&id).expect("reads the status");
        collected.push(begun.elapsed());
        agent.remove(&id).expect("removes");
    }
    report("launch of `true`", &mut launched);
    report("launch to exit status", &mut collected);

    let many: Vec<(ContainerId, Running)> = (0..SUPERVISORS)
        .map(|number| {
            let id = ContainerId::new(format!("sleep-{number}")).expect("valid");
            let running = launch(&agent, root, &id, Command::program("/bin/sleep", ["sleep", "600"]));
            (id, running)
        })
        .collect();
    memory(&many);
    let mut usage: Vec<Duration> = many
        .iter()
        .map(|(id, _)| {
            let begun = Instant::now();
            agent.usage(id).expect("measures");
            begun.elapsed()
        })
        .collect();
    report("usage of one container", &mut usage);
    let mut ended: Vec<Duration> = many
        .iter()
        .map(|(id, running)| {
            let begun = Instant::now();
            agent.destroy(id).expect("destroys");
            wait(&running.supervisor);
            begun.elapsed()
        })
        .collect();
    report("destroy to seen", &mut ended);
    many.iter().for_each(|(id, _)| agent.remove(id).expect("removes"));
}

fn launch(agent: &Containerizer, root: &Path, id: &ContainerId, command: Command) -> Running {
    let config = ContainerConfig {
        command,
        environment: Vec::new(),
        user: None,
        sandbox: root.join("box"),
        rlimits: Vec::new(),
        die_with_agent: true,
        recovery_timeout: Duration::from_secs(60),
    };
    agent.launch(id, &config).expect("launches")
}

fn wait(pidfd: impl AsFd) {
    poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], None).expect("polls");
}

fn report(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
    println!("{what}: p50 {:.2} ms, p99 {:.2} ms, worst {:.2} ms", at(50), at(99), at(100));
}

/// Sums the kernel's own account of the supervisors' memory.
fn memory(many: &[(ContainerId, Running)]) {
    let mut sums = [("Rss", 0), ("Pss", 0), ("Private_Dirty", 0), ("Private_Clean", 0)];
    for (_, running) in many {
        let fdinfo = fs::read_to_string(format!("/proc/self/fdinfo/{}", running.supervisor.as_raw_fd()))
            .expect("reads");
        let pid = fdinfo.lines().find_map(|line| line.strip_prefix("Pid:")).expect("is a pidfd").trim();
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("reads");
        for (name, sum) in &mut sums {
            let line =
                rollup.lines().find_map(|line| line.strip_prefix(&format!("{name}:"))).expect("is listed");
            *sum += line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).expect("a number");
        }
    }
    for (name, sum) in sums {
        println!("{name} of a supervisor, mean of {}: {} KiB", many.len(), sum / many.len() as u64);
    }
}
