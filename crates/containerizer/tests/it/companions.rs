// SPDX-License-Identifier: Apache-2.0

//! Commands that end with whoever wants them to run.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use kaon_containerizer::companion::{Output, Said, signal};
use kaon_containerizer::{Command, Companion, ContainerConfig, WaitStatus};

use crate::host::{Host, PATIENCE, config, eventually, id, lives, pids, spawner, wait_for_end};

crate::tests!(
    its_end_is_told,
    what_cannot_run_says_why,
    nothing_is_left_when_the_stream_ends,
    nothing_is_left_when_the_command_ends,
    a_signal_reaches_all_of_it,
    it_runs_as_its_user_in_its_sandbox,
    it_ends_with_its_starter,
);

struct Started {
    companion: Companion,
    lines: BufReader<std::os::unix::net::UnixStream>,
}

impl Started {
    fn new(config: &ContainerConfig, output: Output) -> Started {
        let companion = Companion::start(&spawner(), config, output).expect("starts");
        companion.stream.set_read_timeout(Some(PATIENCE)).expect("takes a timeout");
        let lines = BufReader::new(companion.stream.try_clone().expect("clones"));
        Started { companion, lines }
    }

    fn next(&mut self) -> Said {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("says something in time");
        Said::parse(line.trim_end_matches('\n')).unwrap_or_else(|| panic!("{line:?}"))
    }

    fn started(&mut self) -> u32 {
        match self.next() {
            Said::Started(pid) => pid,
            other => panic!("{other:?}"),
        }
    }

    fn order(&mut self, order: &str) {
        self.companion.stream.write_all(order.as_bytes()).expect("takes orders");
    }

    /// The starter goes.
    fn abandon(self) {
        let Companion { stream, pidfd, mut child } = self.companion;
        drop((stream, self.lines));
        wait_for_end(pidfd);
        child.wait().expect("was a child");
    }
}

fn script(host: &Host, script: &str) -> ContainerConfig {
    config(host.sandbox(&id("box"), None), Command::shell(script))
}

fn read(sandbox: &Path, name: &str) -> String {
    fs::read_to_string(sandbox.join(name)).unwrap_or_default()
}

fn its_end_is_told() {
    let host = Host::without_agent();
    let config = script(&host, "echo out; echo err >&2; exit 3");
    let mut started = Started::new(&config, Output::Stderr);
    started.started();
    assert_eq!(started.next(), Said::Ended(WaitStatus::from_raw(3 << 8)));
    started.abandon();
    assert_eq!(read(&config.sandbox, "stderr"), "out\nerr\n");
    assert_eq!(read(&config.sandbox, "stdout"), "");

    let mut started = Started::new(&script_again(&config, "kill -9 $$"), Output::Files);
    started.started();
    assert_eq!(started.next(), Said::Ended(WaitStatus::from_raw(9)));
    started.abandon();
}

fn script_again(config: &ContainerConfig, script: &str) -> ContainerConfig {
    ContainerConfig { command: Command::shell(script), ..config.clone() }
}

fn what_cannot_run_says_why() {
    let host = Host::without_agent();
    let empty = script(&host, "");
    let config = ContainerConfig { command: Command::program("/no/such", ["x"]), ..empty.clone() };
    let mut started = Started::new(&config, Output::Stderr);
    let Said::Failed(text) = started.next() else { panic!("it cannot run") };
    assert!(text.contains("cannot execute '/no/such'"), "{text}");
    started.abandon();
    // Longer than a pipe, through which the child tells the companion.
    let program = "x".repeat(70_000);
    let config = ContainerConfig { command: Command::program(program, ["x"]), ..empty.clone() };
    let mut started = Started::new(&config, Output::Stderr);
    let Said::Failed(text) = started.next() else { panic!("it cannot run") };
    assert!(text.ends_with("File name too long (os error 36)"), "{text}");
    started.abandon();
    let refused = Companion::start(&spawner(), &empty, Output::Stderr);
    assert_eq!(refused.expect_err("refused").to_string(), "the command cannot be run: it has no value");
}

/// A script with a child in a session of its own, which does not listen to signals that can be ignored.
const STUBBORN: &str = "trap '' TERM HUP; setsid sh -c 'trap \"\" TERM HUP; echo $$ >child; sleep 1000' & echo $$ >self; wait; sleep 1000";

fn nothing_is_left_when_the_stream_ends() {
    let host = Host::without_agent();
    let config = script(&host, STUBBORN);
    let mut started = Started::new(&config, Output::Stderr);
    started.started();
    let pids = pids(&config.sandbox, &["self", "child"]);
    assert!(pids.iter().all(|pid| lives(*pid)));
    started.abandon();
    assert!(!pids.iter().any(|pid| lives(*pid)), "the companion ends last");
}

fn nothing_is_left_when_the_command_ends() {
    let host = Host::without_agent();
    let config =
        script(&host, "setsid sh -c 'echo $$ >child; sleep 1000' & until [ -s child ]; do sleep 0.01; done");
    let mut started = Started::new(&config, Output::Stderr);
    started.started();
    assert_eq!(started.next(), Said::Ended(WaitStatus::from_raw(0)));
    wait_for_end(&started.companion.pidfd);
    assert!(!lives(pids(&config.sandbox, &["child"])[0]));
    started.abandon();
}

fn a_signal_reaches_all_of_it() {
    let host = Host::without_agent();
    let config = script(
        &host,
        "trap 'echo one >>heard' USR2; setsid sh -c 'trap \"echo two >>heard\" USR2; echo 1 >child; while :; do sleep 0.01; done' & \
         echo 1 >self; while :; do sleep 0.01; done",
    );
    let mut started = Started::new(&config, Output::Stderr);
    started.started();
    pids(&config.sandbox, &["self", "child"]);
    started.order(&signal(12));
    let heard = eventually("both hear the signal", || {
        let mut heard: Vec<String> = read(&config.sandbox, "heard").lines().map(str::to_owned).collect();
        heard.sort();
        (heard.len() > 1).then_some(heard)
    });
    assert_eq!(heard, ["one", "two"]);
    started.order(&signal(15));
    assert_eq!(started.next(), Said::Ended(WaitStatus::from_raw(15)));
    started.abandon();
}

fn it_runs_as_its_user_in_its_sandbox() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let host = Host::without_agent();
    let sandbox = host.sandbox(&id("box"), Some("nobody"));
    // The way to the sandbox must be open to that user.
    for folder in sandbox.ancestors().skip(1).take_while(|folder| *folder != Path::new("/tmp")) {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(folder, mode).expect("opens the way");
    }
    let mut config = config(sandbox, Command::shell("id -un; pwd; echo $GREETING"));
    config.user = Some("nobody".into());
    config.environment = vec![("GREETING".into(), "hello".into())];
    let mut started = Started::new(&config, Output::Files);
    started.started();
    assert_eq!(started.next(), Said::Ended(WaitStatus::from_raw(0)));
    started.abandon();
    let expected = format!("nobody\n{}\nhello\n", config.sandbox.display());
    assert_eq!(read(&config.sandbox, "stdout"), expected);
}

fn it_ends_with_its_starter() {
    let host = Host::without_agent();
    let config = script(&host, "echo $$ >self; sleep 1000");
    let mut started = Started::new(&config, Output::Stderr);
    started.started();
    let pid = pids(&config.sandbox, &["self"])[0];
    // As if the companion itself were killed: its command goes with it.
    started.companion.child.kill().expect("is a child");
    wait_for_end(&started.companion.pidfd);
    eventually("the command ends", || (!lives(pid)).then_some(()));
    started.abandon();
}
