// SPDX-License-Identifier: Apache-2.0

//! Containers end when they are told to, at whatever moment, and their end is told exactly once.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use kaon_agent::input::ContainerEvent;
use kaon_api::v1;
use kaon_model::ContainerId;

use crate::scratch::{Scratch, eventually, exit, launch, lives, number};

crate::tests![
    a_signal_reaches_every_process,
    what_is_destroyed_leaves_nothing_behind,
    what_is_destroyed_while_it_fetches_never_runs,
    what_is_destroyed_at_once_ends_exactly_once,
    many_end_at_once,
    an_end_without_a_supervisor_is_an_end,
];

const QUIET: Duration = Duration::from_millis(200);

fn a_signal_reaches_every_process() {
    let mut scratch = Scratch::new();
    let child = "trap 'exit 0' TERM; echo $$ > child; while :; do sleep 0.1; done";
    scratch.launch("c", &format!("trap 'wait; exit 7' TERM; setsid sh -c \"{child}\" & wait"));
    scratch.launched();
    let child = number(&scratch.sandbox("c").join("child"));
    scratch.host().signal(&ContainerId::from("c"), 15);
    assert_eq!(scratch.exited(), exit(7));
    assert!(!lives(child), "though it had left for a session of its own");
}

fn what_is_destroyed_leaves_nothing_behind() {
    let mut scratch = Scratch::new();
    scratch.launch("c", "trap '' TERM; setsid sleep 60 & echo $! > child; wait");
    let pid = scratch.launched();
    let child = number(&scratch.sandbox("c").join("child"));
    let id = ContainerId::from("c");
    scratch.host().destroy(&id);
    scratch.host().destroy(&id);
    assert_eq!(scratch.exited(), Some(9));
    assert!(!lives(pid) && !lives(child));
    assert!(scratch.next_within(QUIET).is_none(), "the end is told once");
    scratch.host().forget(&id);
    eventually("it is forgotten", || (!scratch.folder("c").exists()).then_some(()));
}

fn what_is_destroyed_while_it_fetches_never_runs() {
    let mut scratch = Scratch::new();
    // A server that never answers.
    let server = TcpListener::bind("127.0.0.1:0").expect("listens");
    let mut order = launch("c", "touch ran");
    let value = format!("http://{}/file", server.local_addr().expect("an address"));
    order.command.uris = vec![v1::command_info::URI { value, ..Default::default() }];
    scratch.host().launch(order);
    let (mut client, _) = server.accept().expect("the fetcher connects");
    let id = ContainerId::from("c");
    // To nobody: it does not run yet.
    scratch.host().signal(&id, 9);
    scratch.host().destroy(&id);
    let message = scratch.refused();
    assert!(message.contains("destroyed"), "{message}");
    // The fetcher is gone: its connection ends.
    client.set_read_timeout(Some(crate::scratch::PATIENCE)).expect("sets");
    std::io::copy(&mut client, &mut std::io::sink()).expect("the connection ends");
    assert!(scratch.next_within(QUIET).is_none(), "the end is told once");
    assert!(!scratch.sandbox("c").join("ran").exists() && !scratch.folder("c").exists());
}

fn what_is_destroyed_at_once_ends_exactly_once() {
    let mut scratch = Scratch::new();
    let count = 40;
    for number in 0..count {
        let id = format!("c{number}");
        scratch.launch(&id, "sleep 60");
        if number % 3 == 0 {
            std::thread::sleep(Duration::from_millis(number % 7));
        }
        scratch.host().destroy(&ContainerId::from(id.as_str()));
    }
    let ends = ends(&mut scratch, count as usize);
    assert!(ends.values().all(|end| *end == 1), "{ends:?}");
    for id in ends.keys() {
        scratch.host().forget(&ContainerId::from(id.as_str()));
    }
    let runtime = scratch.root.join("runtime/containers");
    let left = || fs::read_dir(&runtime).expect("lists").count();
    eventually("nothing is kept", || (left() == 0).then_some(()));
}

fn many_end_at_once() {
    let mut scratch = Scratch::new();
    let count = 50;
    let gate = scratch.root.join("gate");
    let script = format!("while [ ! -e {} ]; do sleep 0.2; done; exit 5", gate.display());
    (0..count).for_each(|number| scratch.launch(&format!("c{number}"), &script));
    for _ in 0..count {
        scratch.launched();
    }
    fs::write(&gate, "").expect("writes");
    let mut ended = BTreeMap::new();
    for _ in 0..count {
        match scratch.event() {
            (id, ContainerEvent::Exited { status }) => *ended.entry((id, status)).or_insert(0) += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ended.len(), count);
    assert!(ended.iter().all(|((_, status), times)| *status == exit(5) && *times == 1), "{ended:?}");
}

fn an_end_without_a_supervisor_is_an_end() {
    let mut scratch = Scratch::new();
    scratch.launch("c", "setsid sleep 60 & echo $! > child; wait");
    scratch.launched();
    let child = number(&scratch.sandbox("c").join("child"));
    let claim = fs::read(scratch.folder("c").join("supervisor.json")).expect("reads");
    let killed = rustix::process::Pid::from_raw(supervisor(&claim)).expect("a pid");
    rustix::process::kill_process(killed, rustix::process::Signal::KILL).expect("kills");
    assert_eq!(scratch.exited(), None, "nobody knows how it ended");
    eventually("nothing of it is left", || (!lives(child)).then_some(()));
}

/// The pid that a supervisor has written down.
fn supervisor(claim: &[u8]) -> i32 {
    use kaon_api::json::{Json, parse};
    let Ok(Json::Object(claim)) = parse(claim) else { panic!("it is no JSON object") };
    let Some(Json::Object(supervisor)) = claim.get("supervisor") else { panic!("there is no supervisor") };
    let Some(Json::Integer(pid)) = supervisor.get("pid") else { panic!("it has no pid") };
    i32::try_from(*pid).expect("a pid")
}

/// How often each of `count` containers is said to have ended.
fn ends(scratch: &mut Scratch, count: usize) -> BTreeMap<String, u32> {
    let mut ends = BTreeMap::new();
    while ends.len() < count {
        let (id, event) = scratch.event();
        if !matches!(event, ContainerEvent::Launched { .. }) {
            *ends.entry(id).or_default() += 1;
        }
    }
    assert!(scratch.next_within(QUIET).is_none(), "and then it is quiet");
    ends
}
