// SPDX-License-Identifier: Apache-2.0

//! The isolator `disk/du` with a real process: what it uses of the disk is told, and what it uses too much ends it.

use std::process::Command;

use kaon_model::Bytes;

use crate::cluster::{Framework, agent_flags, master};
use crate::daemon::{Daemon, member};
use crate::support::{Folder, eventually};

#[test]
fn a_task_that_fills_the_disk_ends_though_its_agent_was_killed_meanwhile() {
    let folder = Folder::new();
    let master = master();
    let mut flags = agent_flags(&master, &folder);
    flags.extend(
        [
            "--isolation=posix/cpu,posix/mem,disk/du",
            "--enforce_container_disk_quota",
            "--container_disk_watch_interval=100ms",
        ]
        .map(str::to_string),
    );
    let mut agent = Daemon::start("agent", &flags);
    let mut framework = Framework::subscribe(&master);
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (gate, large) = (path("gate"), path("large"));
    // It comes into the sandbox at once, so that it is measured whole; and once it is on the disk, as it stays.
    let script = format!(
        "until [ -e {gate} ]; do sleep 0.1; done; dd if=/dev/zero of={large} bs=1M count=20 conv=fsync; mv {large} here; sleep 1000"
    );
    let agent_id =
        framework.run_with(&master, "t1", &script, &[("cpus", "0.1"), ("mem", "32"), ("disk", "10")]);
    framework.until(&master, &agent_id, "TASK_RUNNING");
    let figure = |agent: &Daemon, name: &str| -> Option<u64> {
        let (_, _, told) = agent.get("/monitor/statistics");
        let (_, rest) = told.split_once(&format!("\"{name}\":"))?;
        rest.split([',', '}']).next()?.parse().ok()
    };
    eventually("its sandbox is measured", || figure(&agent, "disk_used_bytes").is_some_and(|used| used > 0));
    assert_eq!(figure(&agent, "disk_limit_bytes"), Some(10 << 20));

    agent.child.kill().unwrap();
    agent.child.wait().unwrap();
    let port = agent.address.rsplit(':').next().unwrap().to_string();
    flags.iter_mut().filter(|flag| *flag == "--port=0").for_each(|flag| *flag = format!("--port={port}"));
    let agent = Daemon::start("agent", &flags);
    std::fs::write(&gate, "").unwrap();
    let update = framework.until(&master, &agent_id, "TASK_FAILED");

    let sandbox = folder
        .path()
        .join(format!("work/slaves/{agent_id}/frameworks/{}/executors/t1/runs/latest/", framework.id));
    let told = Command::new("du").arg("-ks").arg(&sandbox).output().unwrap().stdout;
    let kilobytes =
        String::from_utf8(told).unwrap().split_whitespace().next().unwrap().parse::<u64>().unwrap();
    let expected = format!("Disk usage ({}) exceeds quota (10MB)", Bytes(kilobytes << 10));
    assert_eq!(member(&update, "message"), expected);
    assert_eq!(member(&update, "reason"), "REASON_CONTAINER_LIMITATION_DISK");
    assert_eq!(member(&update, "source"), "SOURCE_AGENT");
    let (_, limitation) = update.split_once("\"limitation\":").expect("what there was too little of");
    assert!(limitation.contains(r#""name":"disk""#) && limitation.contains(r#""value":10"#), "{limitation}");
    eventually("nothing of it runs or is watched", || {
        agent.get("/containers").2 == "[]" && figure(&agent, "disk_used_bytes").is_none()
    });
}
