// SPDX-License-Identifier: Apache-2.0

//! An agent in a process of its own, made to be killed.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, ExitCode, Stdio};
use std::time::Duration;

use kaon_containerizer::{Command, ContainerId, Containerizer, Spawner};

use crate::host;

pub const VERB: &str = "doomed-agent";

/// What the doomed agent is to launch.
pub struct Errand<'a> {
    pub id: &'a ContainerId,
    pub sandbox: PathBuf,
    pub script: &'a str,
    pub die_with_agent: bool,
    pub recovery_timeout: Duration,
    /// How many more to launch after the first, one after the other: `<id>-1`, `<id>-2`, …
    pub more: u32,
}

/// Starts an agent that launches its containers and then waits to be killed. Returns when the first one runs.
pub fn start(runtime: &Path, errand: &Errand<'_>) -> Child {
    let mut child = Process::new("/proc/self/exe")
        .args([
            VERB,
            &runtime.display().to_string(),
            errand.id.as_str(),
            &errand.sandbox.display().to_string(),
        ])
        .args([errand.script, &errand.die_with_agent.to_string()])
        .args([errand.recovery_timeout.as_millis().to_string(), errand.more.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the doomed agent starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("is piped")).read_line(&mut line).expect("reads");
    assert_eq!(line, "launched\n");
    child
}

/// `kill -9`, and gone for good.
pub fn kill(mut agent: Child) {
    agent.kill().expect("kills");
    agent.wait().expect("reaps");
}

/// The agent's own process.
pub fn run() -> ExitCode {
    let spawner = Spawner::prepare().expect("seals");
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let [runtime, id, sandbox, script, die_with_agent, recovery_timeout, more] = &arguments[..] else {
        return ExitCode::FAILURE;
    };
    let containers = Containerizer::new(Path::new(runtime), spawner).expect("starts");
    let mut config = host::config(sandbox.into(), Command::shell(script));
    config.die_with_agent = die_with_agent == "true";
    config.recovery_timeout = Duration::from_millis(recovery_timeout.parse().expect("a number"));
    containers.launch(&host::id(id), &config).expect("launches");
    std::io::stdout().write_all(b"launched\n").expect("says so");
    for number in 1..=more.parse().expect("a number") {
        containers.launch(&host::id(&format!("{id}-{number}")), &config).expect("launches");
    }
    // Until killed; and if the test itself dies, its end of our standard input closes.
    let _end = std::io::stdin().lock().read_line(&mut String::new());
    ExitCode::SUCCESS
}
