// SPDX-License-Identifier: Apache-2.0

//! Whole trees of processes: signalled, measured and ended together.

use std::time::{Duration, Instant};

use kaon_containerizer::{Command, Scope};

use crate::host::{Host, eventually, id, lives, pids};

crate::tests![
    destroying_reaches_every_session_and_group,
    what_the_init_leaves_behind_ends_with_it,
    a_graceful_signal_reaches_the_whole_tree,
    a_signal_for_the_init_reaches_it_alone,
    a_tree_that_keeps_forking_is_destroyed,
    a_stopped_tree_is_destroyed,
    the_supervisor_shrugs_at_signals_for_the_agent,
    usage_counts_the_living_and_the_ended,
];

/// Leaves a daemon in a session of its own, orphaned twice over, and one in the session of its parent.
const DAEMONS: &str = "\
    (setsid sh -c 'sh -c \"echo \\$\\$ > daemon; exec sleep 300\" & exit' &) ; \
    (sh -c 'echo $$ > orphan; exec sleep 300' &) ; \
    sh -c 'echo $$ > child; exec sleep 300' & ";

fn destroying_reaches_every_session_and_group() {
    let host = Host::new();
    let id = id("tree");
    let running = host.launch(&id, Command::shell(format!("{DAEMONS} wait")));
    let sandbox = host.root.join("work/slaves/S0/frameworks/F/executors/tree/runs/tree");
    let all = pids(&sandbox, &["daemon", "orphan", "child"]);
    eventually("the daemon is orphaned", || {
        (host.agent().usage(&id).expect("measures").processes == 4).then_some(())
    });
    assert!(all.iter().all(|pid| lives(*pid)));
    assert!(host.agent().destroy(&id).expect("destroys"));
    assert_eq!(host.wait(&id, &running.supervisor).signal(), Some(9));
    assert!(!all.iter().any(|pid| lives(*pid)), "all have ended before the supervisor");
    assert!(!host.agent().destroy(&id).expect("again"), "nothing is left to destroy");
}

fn what_the_init_leaves_behind_ends_with_it() {
    let host = Host::new();
    let id = id("leaver");
    let running = host.launch(
        &id,
        Command::shell(format!(
            "{DAEMONS} while ! test -s daemon -a -s orphan -a -s child; do sleep 0.01; done; exit 5"
        )),
    );
    assert_eq!(host.wait(&id, &running.supervisor).code(), Some(5));
    let sandbox = host.root.join("work/slaves/S0/frameworks/F/executors/leaver/runs/leaver");
    let all = pids(&sandbox, &["daemon", "orphan", "child"]);
    assert!(!all.iter().any(|pid| lives(*pid)));
}

/// A process that writes down that it was asked to end; the first of them waits for `$2` others, since they are
/// killed when it exits. Its helpers may be hit by the signal as well, and then it asks again.
const POLITE: &str = "\
    end() { until test \"$(cat ended | wc -l)\" -ge $2 2>&-; do sleep 0.01; done; echo $1 >> ended; exit 0; }; \
    polite() { touch ended; trap \"end $1 $2\" TERM; echo $$ > $1; while :; do sleep 0.05; done; }; ";

fn a_graceful_signal_reaches_the_whole_tree() {
    let host = Host::new();
    let id = id("polite");
    let each = "sh -c '. ./functions; polite NAME 0'";
    let config = host.config(
        &id,
        Command::shell(format!(
            "setsid {} & {} & . ./functions; polite init 2",
            each.replace("NAME", "other-session"),
            each.replace("NAME", "child")
        )),
    );
    std::fs::write(config.sandbox.join("functions"), POLITE).expect("writes");
    let running = host.agent().launch(&id, &config).expect("launches");
    pids(&config.sandbox, &["init", "child", "other-session"]);
    assert!(host.agent().signal(&id, 15, Scope::Tree).expect("signals") >= 3);
    assert_eq!(host.wait(&id, &running.supervisor).code(), Some(0));
    let text = std::fs::read_to_string(config.sandbox.join("ended")).expect("reads");
    let mut ended: Vec<&str> = text.lines().collect();
    ended.sort_unstable();
    assert_eq!(ended, ["child", "init", "other-session"]);
    assert!(host.agent().signal(&id, 15, Scope::Tree).expect("nobody is left") == 0);
    assert!(host.agent().signal(&id, 99, Scope::Tree).is_err());
}

fn a_signal_for_the_init_reaches_it_alone() {
    let host = Host::new();
    let id = id("alone");
    let config = host.config(
        &id,
        Command::shell("sh -c '. ./functions; polite child 0' & trap 'echo init >> asked' TERM; echo $$ > init; while :; do sleep 0.05; done"),
    );
    std::fs::write(config.sandbox.join("functions"), POLITE).expect("writes");
    host.agent().launch(&id, &config).expect("launches");
    let all = pids(&config.sandbox, &["init", "child"]);
    assert_eq!(host.agent().signal(&id, 15, Scope::Init).expect("signals"), 1);
    eventually("the init answers", || config.sandbox.join("asked").exists().then_some(()));
    assert!(lives(all[1]));
    assert_eq!(
        std::fs::read_to_string(config.sandbox.join("ended")).expect("reads"),
        "",
        "the child was not asked"
    );
}

fn a_tree_that_keeps_forking_is_destroyed() {
    let host = Host::new();
    let id = id("forking");
    let running =
        host.launch(&id, Command::shell("while :; do (sleep 0.02 &) ; (setsid sleep 0.02 &) ; done"));
    std::thread::sleep(Duration::from_millis(200));
    host.agent().destroy(&id).expect("destroys");
    assert_eq!(host.wait(&id, &running.supervisor).signal(), Some(9));
}

fn a_stopped_tree_is_destroyed() {
    let host = Host::new();
    let id = id("stopped");
    let running = host.launch(&id, Command::shell("kill -STOP $$"));
    host.agent().destroy(&id).expect("destroys");
    assert_eq!(host.wait(&id, &running.supervisor).signal(), Some(9));
}

fn the_supervisor_shrugs_at_signals_for_the_agent() {
    let host = Host::new();
    let id = id("shrug");
    let running = host.launch(&id, Command::shell("sleep 0.3; exit 4"));
    for signal in ["HUP", "INT", "QUIT", "TERM", "USR2"] {
        let signal = rustix::process::Signal::from_named_raw(match signal {
            "HUP" => 1,
            "INT" => 2,
            "QUIT" => 3,
            "TERM" => 15,
            _ => 12,
        });
        rustix::process::pidfd_send_signal(&running.supervisor, signal.expect("named")).expect("sends");
    }
    assert_eq!(host.wait(&id, &running.supervisor).code(), Some(4));
}

fn usage_counts_the_living_and_the_ended() {
    let host = Host::new();
    let id = id("busy");
    let burn = "i=0; while test $i -lt 150000; do i=$((i+1)); done";
    host.launch(
        &id,
        Command::shell(format!("(sh -c '{burn}' &) ; sh -c '{burn}'; echo > burnt; exec sleep 300")),
    );
    let sandbox = host.root.join("work/slaves/S0/frameworks/F/executors/busy/runs/busy");
    eventually("it has worked", || sandbox.join("burnt").exists().then_some(()));
    let begun = Instant::now();
    let usage = eventually("only the sleeper is left", || {
        let usage = host.agent().usage(&id).expect("measures");
        (usage.processes == 1 && usage.resident > 100_000).then_some(usage)
    });
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(usage.user + usage.system >= Duration::from_millis(60), "{usage:?}");
    assert_eq!(usage.threads, 1, "{usage:?}");
}
