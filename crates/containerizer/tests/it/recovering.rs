// SPDX-License-Identifier: Apache-2.0

//! Containers outlive their agent, unless they must not.

use std::fs;
use std::time::Duration;

use kaon_containerizer::containerizer::ContainerError;
use kaon_containerizer::{Command, Containerizer, State};
use rustix::process::{Pid, Signal, kill_process};

use crate::doomed_agent::{self, Errand};
use crate::host::{Host, ends_within, eventually, id, lives, pids, spawner, wait_for_end};

crate::tests![
    a_container_outlives_its_agent,
    an_exit_without_an_agent_is_kept,
    without_checkpointing_it_dies_with_its_agent,
    without_an_agent_for_too_long_it_ends,
    an_agent_that_comes_back_in_time_keeps_it,
    a_killed_supervisor_takes_its_container_along,
    one_runtime_folder_has_one_agent,
    a_launch_that_was_cut_short_is_given_up,
    an_agent_killed_at_any_moment_leaves_no_riddle,
    what_lies_in_the_runtime_folder_may_be_damaged,
];

const LONG: Duration = Duration::from_secs(900);

fn errand<'a>(host: &Host, id: &'a kaon_containerizer::ContainerId, script: &'a str) -> Errand<'a> {
    Errand {
        id,
        sandbox: host.sandbox(id, None),
        script,
        die_with_agent: false,
        recovery_timeout: LONG,
        more: 0,
    }
}

fn a_container_outlives_its_agent() {
    let mut host = Host::without_agent();
    let id = id("survivor");
    let errand = errand(&host, &id, "echo $$ > init; while ! test -e go; do sleep 0.01; done; exit 6");
    let agent = doomed_agent::start(&host.runtime(), &errand);
    let init = pids(&errand.sandbox, &["init"])[0];
    doomed_agent::kill(agent);

    host.start_agent();
    let mut found = host.agent().recover().expect("recovers");
    assert_eq!(found.len(), 1);
    let survivor = found.remove(0);
    assert_eq!((&survivor.id, &survivor.state), (&id, &State::Running { pid: Some(init) }));
    assert!(lives(init));
    fs::write(errand.sandbox.join("go"), "").expect("writes");
    assert_eq!(host.wait(&id, survivor.supervisor.expect("lives")).code(), Some(6));
}

fn an_exit_without_an_agent_is_kept() {
    let mut host = Host::without_agent();
    let id = id("orphan");
    let errand = errand(&host, &id, "echo $$ > init; sleep 0.2; exit 9");
    let agent = doomed_agent::start(&host.runtime(), &errand);
    let init = pids(&errand.sandbox, &["init"])[0];
    doomed_agent::kill(agent);
    eventually("it exits", || (!lives(init)).then_some(()));
    eventually("its supervisor is done", || host.folder(&id).join("status").exists().then_some(()));

    host.start_agent();
    let state =
        eventually("it is over", || match host.agent().recover().expect("recovers").remove(0).state {
            State::Ending(_) => None,
            state => Some(state),
        });
    assert!(matches!(state, State::Exited(status) if status.code() == Some(9)), "{state:?}");
}

fn without_checkpointing_it_dies_with_its_agent() {
    let mut host = Host::without_agent();
    let id = id("volatile");
    let errand = Errand { die_with_agent: true, ..errand(&host, &id, "echo $$ > init; exec sleep 300") };
    let agent = doomed_agent::start(&host.runtime(), &errand);
    let init = pids(&errand.sandbox, &["init"])[0];
    doomed_agent::kill(agent);
    eventually("it ends by itself", || (!lives(init)).then_some(()));
    host.start_agent();
    let found = host.agent().recover().expect("recovers").remove(0);
    found.supervisor.iter().for_each(wait_for_end);
    assert!(matches!(host.agent().state(&id), Ok(State::Exited(status)) if status.signal() == Some(9)));
}

fn without_an_agent_for_too_long_it_ends() {
    let mut host = Host::without_agent();
    let id = id("forlorn");
    let recovery_timeout = Duration::from_millis(300);
    let errand = Errand { recovery_timeout, ..errand(&host, &id, "echo $$ > init; exec sleep 300") };
    let agent = doomed_agent::start(&host.runtime(), &errand);
    let init = pids(&errand.sandbox, &["init"])[0];
    std::thread::sleep(recovery_timeout * 2);
    assert!(lives(init), "with an agent it lives on");
    doomed_agent::kill(agent);
    eventually("it ends by itself", || (!lives(init)).then_some(()));
    let log = eventually("the supervisor says why", || {
        fs::read_to_string(host.folder(&id).join("supervisor.log")).ok().filter(|log| !log.is_empty())
    });
    assert!(log.contains("no agent has come back for 0 s"), "{log}");
    host.start_agent();
    eventually("and is done", || match host.agent().state(&id) {
        Ok(State::Exited(status)) if status.signal() == Some(9) => Some(()),
        _ => None,
    });
}

fn an_agent_that_comes_back_in_time_keeps_it() {
    let mut host = Host::without_agent();
    let id = id("patient");
    let recovery_timeout = Duration::from_secs(3);
    let errand = Errand { recovery_timeout, ..errand(&host, &id, "echo $$ > init; exec sleep 300") };
    let agent = doomed_agent::start(&host.runtime(), &errand);
    let init = pids(&errand.sandbox, &["init"])[0];
    doomed_agent::kill(agent);
    host.start_agent();
    let found = host.agent().recover().expect("recovers").remove(0);
    let supervisor = found.supervisor.expect("lives");
    assert!(!ends_within(&supervisor, recovery_timeout + Duration::from_secs(1)), "the new agent counts");
    assert!(lives(init));
}

fn a_killed_supervisor_takes_its_container_along() {
    let host = Host::new();
    let id = id("beheaded");
    let running = host.launch(
        &id,
        Command::shell("(setsid sh -c 'echo $$ > daemon; sleep 300; :' &) ; echo $$ > init; exec sleep 300"),
    );
    let sandbox = host.root.join("work/slaves/S0/frameworks/F/executors/beheaded/runs/beheaded");
    let all = pids(&sandbox, &["init", "daemon"]);
    rustix::process::pidfd_send_signal(&running.supervisor, Signal::KILL).expect("sends");
    wait_for_end(&running.supervisor);
    eventually("the init dies with it", || (!lives(all[0])).then_some(()));
    assert_eq!(host.agent().state(&id).expect("known"), State::Lost, "nobody knows how it ended");
    assert!(lives(all[1]), "a daemon of it does not notice");
    assert!(host.agent().destroy(&id).expect("destroys"));
    eventually("until it is cleared away", || (!lives(all[1])).then_some(()));
    host.agent().remove(&id).expect("removes");
}

fn one_runtime_folder_has_one_agent() {
    let host = Host::new();
    let error = Containerizer::new(&host.runtime(), spawner()).err().expect("is refused");
    assert!(matches!(error, ContainerError::Locked { .. }), "{error}");
    assert!(error.to_string().contains(&format!("pid {}", std::process::id())), "{error}");
}

fn a_launch_that_was_cut_short_is_given_up() {
    let host = Host::new();
    let id = id("half");
    let config = host.config(&id, Command::shell("echo $$ > init; sleep 300"));
    // As an agent leaves it that is killed between making the folder and starting the supervisor.
    let finished = super::host::id("whole");
    host.agent().launch(&finished, &host.config(&finished, Command::shell("true"))).expect("launches");
    fs::create_dir(host.folder(&id)).expect("makes");
    fs::copy(host.folder(&finished).join("spec.json"), host.folder(&id).join("spec.json")).expect("copies");
    let found = host.agent().recover().expect("recovers");
    assert!(found.iter().any(|found| found.id == id && found.state == State::GivenUp));

    // The supervisor that was on its way finds that it is not wanted.
    let mut late = std::process::Command::new("/proc/self/exe");
    let output = late.arg("supervise").arg(host.folder(&id)).output().expect("runs");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("given up"), "{output:?}");
    assert!(!config.sandbox.join("init").exists());
    host.agent().remove(&id).expect("removes");
}

fn an_agent_killed_at_any_moment_leaves_no_riddle() {
    for round in 0..20 {
        let mut host = Host::without_agent();
        let id = id("many");
        let errand = Errand { more: 1000, ..errand(&host, &id, "exec sleep 300") };
        let agent = doomed_agent::start(&host.runtime(), &errand);
        std::thread::sleep(Duration::from_micros(round * 700));
        doomed_agent::kill(agent);

        host.start_agent();
        let found = host.agent().recover().expect("recovers");
        assert!(found.iter().any(|found| found.id == id));
        for found in found {
            match (&found.state, &found.supervisor) {
                (State::Running { .. }, Some(supervisor)) => {
                    host.agent().destroy(&found.id).expect("destroys");
                    assert_eq!(host.wait(&found.id, supervisor).signal(), Some(9));
                }
                (State::GivenUp, None) => {}
                other => panic!("{other:?}"),
            }
            host.agent().remove(&found.id).expect("removes");
        }
        let mark = format!("MESOS_SANDBOX={}", errand.sandbox.display());
        eventually("nothing of them is left", || (!anyone_carries(&mark)).then_some(()));
    }
}

fn anyone_carries(mark: &str) -> bool {
    fs::read_dir("/proc").expect("lists").flatten().any(|process| {
        let environment = fs::read(process.path().join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes())
    })
}

fn what_lies_in_the_runtime_folder_may_be_damaged() {
    let host = Host::new();
    let id = id("damaged");
    let running = host.launch(&id, Command::shell("exec sleep 300"));
    let claim = host.folder(&id).join("supervisor.json");
    let whole = fs::read(&claim).expect("reads");
    for damage in [&whole[..whole.len() / 2], b"", b"{}", b"[1,2]"] {
        fs::write(&claim, damage).expect("writes");
        assert!(host.agent().state(&id).expect_err("is told").to_string().contains("supervisor.json"));
    }
    let told = host.agent().recover().expect("goes on").remove(0);
    assert!(matches!(told.state, State::Unreadable(why) if why.contains("supervisor.json")));
    fs::write(&claim, br#"{"protocol":2,"supervisor":null,"more":1}"#).expect("writes");
    assert!(host.agent().state(&id).expect_err("is told").to_string().contains("a supervisor of protocol 2"));

    // A pid that has become another's is not taken for the supervisor's.
    let text = String::from_utf8(whole.clone()).expect("is text");
    let pid = std::process::id();
    let own = text.replacen(
        &text[text.find("\"pid\":").expect("has")..text.find(",\"start").expect("has")],
        &format!("\"pid\":{pid}"),
        1,
    );
    fs::write(&claim, own).expect("writes");
    assert_eq!(host.agent().state(&id).expect("reads"), State::Lost);
    fs::write(&claim, whole).expect("writes");
    assert_eq!(host.agent().state(&id).expect("reads"), State::Running { pid: Some(running.pid) });
    assert!(kill_process(Pid::from_raw(running.pid).expect("a pid"), Signal::KILL).is_ok());
    host.wait(&id, running.supervisor);
}
