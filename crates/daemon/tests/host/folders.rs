// SPDX-License-Identifier: Apache-2.0

//! The folders of an agent are its own, and what is removed from them stays removed.

use std::fs;

use kaon_daemon::host::Settings;

use crate::scratch::{Scratch, eventually, exit, sandbox};

crate::tests![
    two_agents_never_share_a_work_folder,
    two_agents_never_share_a_runtime_folder,
    what_is_launched_after_a_removal_survives_it,
    nothing_outside_is_removed,
    a_removal_that_was_cut_short_is_finished,
];

fn two_agents_never_share_a_work_folder() {
    let scratch = Scratch::new();
    let second = Settings { runtime_dir: scratch.root.join("runtime2"), ..scratch.settings() };
    let Err(error) = scratch.open(&second) else { panic!("it opens") };
    let error = error.to_string();
    assert!(
        error.contains(&format!("pid {}", std::process::id())) && error.contains("--work_dir"),
        "{error}"
    );
}

fn two_agents_never_share_a_runtime_folder() {
    let scratch = Scratch::new();
    let second = Settings { work_dir: scratch.root.join("work2"), ..scratch.settings() };
    let Err(error) = scratch.open(&second) else { panic!("it opens") };
    let error = error.to_string();
    assert!(
        error.contains(&format!("pid {}", std::process::id())) && error.contains("--runtime_dir"),
        "{error}"
    );
}

fn what_is_launched_after_a_removal_survives_it() {
    let mut scratch = Scratch::new();
    let framework = "slaves/S0/frameworks/F";
    let old = scratch.work(&sandbox("old"));
    fs::create_dir_all(&old).expect("makes");
    for number in 0..5000 {
        fs::write(old.join(format!("file{number}")), "").expect("writes");
    }
    scratch.host().remove(framework);
    scratch.launch("new", "echo here");
    scratch.launched();
    assert_eq!(scratch.exited(), exit(0));
    eventually("the old one is gone", || {
        fs::read_dir(scratch.work(".removed")).expect("lists").next().is_none().then_some(())
    });
    assert!(!old.exists());
    assert_eq!(scratch.read("new", "stdout"), "here\n");
}

fn nothing_outside_is_removed() {
    let mut scratch = Scratch::new();
    let outside = scratch.root.join("outside");
    fs::create_dir_all(&outside).expect("makes");
    fs::create_dir_all(scratch.work("slaves")).expect("makes");
    for path in ["../outside", "", "slaves/../../outside", outside.to_str().expect("is text")] {
        scratch.host().remove(path);
    }
    // Orders are carried out one after the other.
    scratch.launch("c", "true");
    scratch.launched();
    assert!(outside.is_dir() && scratch.work("slaves").is_dir());
}

fn a_removal_that_was_cut_short_is_finished() {
    let mut scratch = Scratch::without_agent();
    fs::create_dir_all(scratch.work(".removed/0123/deep")).expect("makes");
    scratch.start();
    eventually("it is gone", || (!scratch.work(".removed/0123").exists()).then_some(()));
}
