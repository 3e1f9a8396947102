// SPDX-License-Identifier: Apache-2.0

//! An agent that comes back finds its containers as they are.

use std::fs;

use kaon_agent::input::RecoveredContainer;
use kaon_daemon::host::Settings;
use kaon_model::ContainerId;

use crate::scratch::{Scratch, eventually, exit, lives, number};

crate::tests![
    what_runs_runs_on_and_its_end_is_told,
    what_ended_meanwhile_is_known,
    what_is_found_can_be_destroyed,
    what_is_still_ending_is_forgotten_when_it_has_ended,
    what_cannot_be_read_is_refused_or_counted_as_lost,
];

fn status(scratch: &Scratch, id: &str) -> Option<RecoveredContainer> {
    let id = ContainerId::from(id);
    scratch.found().containers.iter().find(|(found, _)| *found == id).map(|(_, state)| state.clone())
}

fn what_runs_runs_on_and_its_end_is_told() {
    let mut scratch = Scratch::new();
    scratch.launch("c", "while [ ! -e end ]; do sleep 0.05; done; exit 4");
    let pid = scratch.launched();
    scratch.stop();
    scratch.start();
    assert_eq!(status(&scratch, "c"), Some(RecoveredContainer::Running { pid }));
    assert!(lives(pid));
    fs::write(scratch.sandbox("c").join("end"), "").expect("writes");
    assert_eq!(scratch.exited(), exit(4));
}

fn what_ended_meanwhile_is_known() {
    let mut scratch = Scratch::new();
    scratch.launch("c", "while [ ! -e end ]; do sleep 0.05; done; exit 4");
    scratch.launched();
    scratch.stop();
    fs::write(scratch.sandbox("c").join("end"), "").expect("writes");
    eventually("it ends", || fs::read(scratch.folder("c").join("status")).ok());
    scratch.start();
    assert_eq!(status(&scratch, "c"), Some(RecoveredContainer::Ended { status: exit(4) }));
    scratch.host().forget(&ContainerId::from("c"));
    eventually("it is forgotten", || (!scratch.folder("c").exists()).then_some(()));
    assert!(
        scratch.next_within(std::time::Duration::from_millis(100)).is_none(),
        "its end is not told again"
    );
}

fn what_is_found_can_be_destroyed() {
    let mut scratch = Scratch::new();
    scratch.launch("c", "sleep 60 & echo $! > child; wait");
    scratch.launched();
    let child = number(&scratch.sandbox("c").join("child"));
    scratch.stop();
    scratch.start();
    scratch.host().destroy(&ContainerId::from("c"));
    assert_eq!(scratch.exited(), Some(9));
    assert!(!lives(child));
}

fn what_is_still_ending_is_forgotten_when_it_has_ended() {
    let mut scratch = Scratch::new();
    let id = ContainerId::from("c");
    scratch.launch("c", "sleep 60");
    scratch.launched();
    scratch.stop();
    scratch.start();
    // Forgotten and destroyed at once: the folder goes only when nothing of it runs.
    scratch.host().forget(&id);
    scratch.host().destroy(&id);
    assert_eq!(scratch.exited(), Some(9));
    eventually("it is forgotten", || (!scratch.folder("c").exists()).then_some(()));
}

fn what_cannot_be_read_is_refused_or_counted_as_lost() {
    let mut scratch = Scratch::new();
    scratch.launch("good", "sleep 60");
    let pid = scratch.launched();
    scratch.stop();
    fs::create_dir_all(scratch.folder("bad")).expect("makes");
    fs::write(scratch.folder("bad").join("supervisor.json"), "{").expect("writes");
    let Err(error) = scratch.open(&scratch.settings()) else { panic!("it opens") };
    assert!(error.to_string().contains("container bad"), "{error}");
    let settings = Settings { strict: false, ..scratch.settings() };
    scratch.agent = Some(scratch.open(&settings).expect("opens"));
    assert_eq!(status(&scratch, "bad"), Some(RecoveredContainer::Ended { status: None }));
    assert_eq!(status(&scratch, "good"), Some(RecoveredContainer::Running { pid }));
    fs::remove_dir_all(scratch.folder("bad")).expect("removes");
}
