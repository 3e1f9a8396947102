// SPDX-License-Identifier: Apache-2.0

//! Facts are written in order, told when they are, and found again.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use kaon_agent::input::{Input, Record};
use kaon_agent::journal::{FileOp, VolumeFolder};

use crate::scratch::{Scratch, eventually};

crate::tests![
    facts_are_written_in_order_and_then_told,
    a_fact_that_would_lie_elsewhere_ends_the_agent,
    a_full_disk_is_waited_for,
    an_agent_ends_although_its_disk_is_full,
    names_may_be_as_long_as_a_file_system_has_them,
    a_volume_that_cannot_be_made_stops_nothing,
    facts_are_found_again,
    a_damaged_fact_is_refused_by_name,
];

fn replace(path: &str, text: &str) -> FileOp {
    FileOp::Replace { path: path.into(), bytes: text.into() }
}

fn append(path: &str, text: &str) -> FileOp {
    FileOp::Append { path: path.into(), bytes: text.into() }
}

fn link(path: &str, target: &str) -> FileOp {
    FileOp::Symlink { path: path.into(), target: target.into() }
}

fn facts_are_written_in_order_and_then_told() {
    let mut scratch = Scratch::new();
    let records = [
        vec![replace("meta/a/b/file", "old"), append("meta/a/log", "1"), link("meta/runs/latest", "one")],
        vec![append("meta/a/log", "2"), replace("meta/a/b/file", "new"), replace("meta/gone/file", "")],
        vec![link("meta/runs/latest", "two"), append("meta/a/log", "3")],
        vec![FileOp::Remove { path: "meta/gone".into() }, FileOp::Remove { path: "meta/never".into() }],
    ];
    for (number, ops) in records.into_iter().enumerate() {
        scratch.host().record(Record(number as u64 + 1), ops);
    }
    for number in 1..=4 {
        assert_eq!(scratch.recorded(), Record(number));
    }
    let read = |path: &str| fs::read_to_string(scratch.work(path)).expect("reads");
    assert_eq!((read("meta/a/b/file"), read("meta/a/log")), ("new".into(), "123".into()));
    assert_eq!(fs::read_link(scratch.work("meta/runs/latest")).expect("is a link").to_str(), Some("two"));
    assert!(!scratch.work("meta/gone").exists());
    let names = |path: &str| -> Vec<_> {
        let entries = fs::read_dir(scratch.work(path)).expect("lists");
        entries.map(|entry| entry.expect("lists").file_name().into_string().expect("is text")).collect()
    };
    assert_eq!((names("meta/a/b"), names("meta/runs")), (vec!["file".into()], vec!["latest".to_owned()]));
    assert_eq!(names("meta").len(), 2, "nothing unfinished is left: {:?}", names("meta"));
}

fn a_fact_that_would_lie_elsewhere_ends_the_agent() {
    for path in ["../outside", "/tmp/outside", "meta/../../outside", ""] {
        let scratch = Scratch::new();
        scratch.host().record(Record(1), vec![replace(path, "no")]);
        let failure = eventually("it fails", || scratch.failure.lock().expect("not poisoned").clone());
        assert!(failure.contains("no path below"), "{failure}");
        assert!(!scratch.root.join("outside").exists());
    }
}

fn a_full_disk_is_waited_for() {
    let mut scratch = Scratch::new();
    scratch.host().record(Record(1), vec![replace("meta/file", "")]);
    assert_eq!(scratch.recorded(), Record(1));
    symlink("/dev/full", scratch.work("meta/log")).expect("links");
    scratch.host().record(Record(2), vec![append("meta/first", "1"), append("meta/log", "2")]);
    scratch.host().record(Record(3), vec![replace("meta/later", "")]);
    let Input::Disk { problem: Some(problem) } = scratch.next() else { panic!("it is told otherwise") };
    assert!(problem.contains("meta/log") && problem.contains("No space left"), "{problem}");
    assert!(scratch.next_within(Duration::from_millis(300)).is_none(), "nothing is acknowledged");
    assert!(!scratch.work("meta/later").exists(), "nothing is written out of order");

    fs::remove_file(scratch.work("meta/log")).expect("removes");
    assert!(matches!(scratch.next(), Input::Disk { problem: None }));
    assert_eq!((scratch.recorded(), scratch.recorded()), (Record(2), Record(3)));
    let read = |path: &str| fs::read_to_string(scratch.work(path)).expect("reads");
    assert_eq!((read("meta/first"), read("meta/log")), ("1".into(), "2".into()), "each is written once");
}

fn an_agent_ends_although_its_disk_is_full() {
    let mut scratch = Scratch::new();
    fs::create_dir_all(scratch.work("meta")).expect("makes");
    symlink("/dev/full", scratch.work("meta/log")).expect("links");
    scratch.host().record(Record(1), vec![append("meta/log", "1")]);
    assert!(matches!(scratch.next(), Input::Disk { problem: Some(_) }));
    let begun = Instant::now();
    scratch.stop();
    assert!(begun.elapsed() < Duration::from_secs(5), "it took {:?}", begun.elapsed());
    let failure = scratch.failure.lock().expect("not poisoned").clone().expect("it is told");
    assert!(failure.contains("meta/log") && failure.contains("No space left"), "{failure}");
}

fn names_may_be_as_long_as_a_file_system_has_them() {
    let mut scratch = Scratch::new();
    let name = "h".repeat(255);
    let (file, task) = (format!("meta/{name}"), format!("meta/tasks/{name}"));
    scratch.host().record(Record(1), vec![replace(&file, "1"), link(&task, "../containers/c")]);
    assert_eq!(scratch.recorded(), Record(1));
    assert!(scratch.work(&file).is_file() && scratch.work(&task).is_symlink());
}

fn a_volume_that_cannot_be_made_stops_nothing() {
    let mut scratch = Scratch::new();
    fs::write(scratch.root.join("disk"), "no folder").expect("writes");
    let disk = Some(scratch.root.join("disk").to_str().expect("is text").to_owned());
    let folder = VolumeFolder { disk, path: "volumes/roles/a/v".into() };
    let ops = [FileOp::MakeVolume { folder: folder.clone() }, FileOp::RemoveVolume { folder }];
    for (number, op) in [1, 2].into_iter().zip(ops) {
        scratch.host().record(Record(number), vec![op, replace("meta/after", "")]);
        assert_eq!(scratch.recorded(), Record(number));
    }
    assert!(scratch.work("meta/after").exists());
}

fn facts_are_found_again() {
    let mut scratch = Scratch::new();
    assert_eq!(scratch.found().recovered, Default::default());
    scratch.host().record(Record(1), vec![replace("meta/boot_id", "the-boot")]);
    scratch.recorded();
    scratch.stop();
    // An agent that died while it wrote, and another agent of long ago whose facts nobody can read any more.
    fs::write(scratch.work("meta/.boot_id.0123456789abcdef.new"), "half").expect("writes");
    fs::create_dir_all(scratch.work("meta/slaves/S0")).expect("makes");
    fs::create_dir_all(scratch.work("meta/slaves/old")).expect("makes");
    fs::write(scratch.work("meta/slaves/old/slave.info"), "damaged").expect("writes");
    symlink("S0", scratch.work("meta/slaves/latest")).expect("links");
    scratch.start();
    assert_eq!(scratch.found().recovered.boot_id.as_deref(), Some("the-boot"));
    assert!(!scratch.work("meta/.boot_id.0123456789abcdef.new").exists());
}

fn a_damaged_fact_is_refused_by_name() {
    let scratch = Scratch::without_agent();
    fs::create_dir_all(scratch.work("meta/slaves/S0")).expect("makes");
    fs::write(scratch.work("meta/slaves/S0/slave.info"), "damaged").expect("writes");
    symlink("S0", scratch.work("meta/slaves/latest")).expect("links");
    let Err(error) = scratch.open(&scratch.settings()) else { panic!("it opens") };
    assert!(error.to_string().contains("meta/slaves/S0/slave.info"), "{error}");
}
