// SPDX-License-Identifier: Apache-2.0

//! What is launched runs as it was ordered, or is refused.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use kaon_api::v1;
use kaon_api::v1::r_limit_info::{RLimit, r_limit};
use kaon_containerizer::user::Credentials;
use kaon_model::{ContainerId, Resources, Role};

use crate::scratch::{Scratch, eventually, exit, launch, number, sandbox};

crate::tests![
    a_script_runs_in_its_sandbox_and_its_end_is_told,
    a_program_gets_its_arguments,
    limits_are_set,
    files_are_fetched_before_the_launch,
    what_cannot_be_fetched_is_told,
    what_cannot_be_given_is_refused_by_name,
    a_program_that_is_not_there_is_a_failed_launch,
    tasks_of_a_group_have_sandboxes_of_their_own,
    a_sandbox_elsewhere_is_refused,
    orders_for_unknown_containers_are_ignored,
    use_is_measured,
];

fn a_script_runs_in_its_sandbox_and_its_end_is_told() {
    let mut scratch = Scratch::new();
    scratch.launch("c", "echo $GREETING; pwd; exit 3");
    scratch.launched();
    assert_eq!(scratch.exited(), exit(3));
    let stdout = scratch.read("c", "stdout");
    assert_eq!(stdout, format!("hello\n{}\n", scratch.sandbox("c").display()));
    assert!(scratch.folder("c").is_dir(), "kept until it is forgotten");
    scratch.host().forget(&ContainerId::from("c"));
    eventually("it is forgotten", || (!scratch.folder("c").exists()).then_some(()));
    assert!(scratch.sandbox("c").is_dir(), "the sandbox stays");
}

fn a_program_gets_its_arguments() {
    let mut scratch = Scratch::new();
    let mut order = launch("c", "printf");
    order.command.shell = Some(false);
    order.command.arguments = ["printf", "%s|", "a b", "$GREETING"].map(String::from).to_vec();
    scratch.host().launch(order);
    scratch.launched();
    assert_eq!(scratch.exited(), exit(0));
    assert_eq!(scratch.read("c", "stdout"), "a b|$GREETING|");
}

fn limits_are_set() {
    let mut scratch = Scratch::new();
    let kind = Some(r_limit::Type::RlmtNofile);
    let rlimits = vec![RLimit { r#type: kind, soft: Some(77), hard: Some(99), ..Default::default() }];
    let info = v1::ContainerInfo {
        r#type: v1::container_info::Type::Mesos,
        rlimit_info: Some(v1::RLimitInfo { rlimits, ..Default::default() }),
        ..Default::default()
    };
    let mut order = launch("c", "ulimit -Sn; ulimit -Hn");
    order.container_info = Some(Box::new(info));
    scratch.host().launch(order);
    scratch.launched();
    assert_eq!(scratch.exited(), exit(0));
    assert_eq!(scratch.read("c", "stdout"), "77\n99\n");
}

fn files_are_fetched_before_the_launch() {
    let mut scratch = Scratch::new();
    let file = scratch.root.join("run.sh");
    fs::write(&file, "#!/bin/sh\necho fetched\n").expect("writes");
    let mut order = launch("c", "./run.sh");
    order.command.uris = vec![v1::command_info::URI {
        value: file.display().to_string(),
        executable: Some(true),
        ..Default::default()
    }];
    scratch.host().launch(order);
    scratch.launched();
    assert_eq!(scratch.exited(), exit(0));
    assert_eq!(scratch.read("c", "stdout"), "fetched\n");
}

fn what_cannot_be_fetched_is_told() {
    let mut scratch = Scratch::new();
    let mut order = launch("c", "true");
    let value = scratch.root.join("no-such-file").display().to_string();
    order.command.uris = vec![v1::command_info::URI { value: value.clone(), ..Default::default() }];
    scratch.host().launch(order);
    let message = scratch.refused();
    assert!(message.contains("fetch") && message.contains(&value), "{message}");
    assert!(!scratch.folder("c").exists(), "nothing was launched");
}

fn what_cannot_be_given_is_refused_by_name() {
    let mut scratch = Scratch::new();
    let info = v1::ContainerInfo {
        r#type: v1::container_info::Type::Mesos,
        volumes: vec![v1::Volume::default()],
        ..Default::default()
    };
    let mut order = launch("c", "true");
    order.container_info = Some(Box::new(info));
    scratch.host().launch(order);
    let message = scratch.refused();
    assert!(message.contains("volumes"), "{message}");
    assert!(!scratch.sandbox("c").exists(), "refused before anything was done");
}

fn a_program_that_is_not_there_is_a_failed_launch() {
    let mut scratch = Scratch::new();
    let mut order = launch("c", "/no/such/program");
    order.command.shell = Some(false);
    scratch.host().launch(order);
    let message = scratch.refused();
    assert!(message.starts_with("Failed to launch container: "), "{message}");
    assert!(message.contains("/no/such/program"), "{message}");
    assert!(!scratch.folder("c").exists(), "nothing is kept of it");
}

fn tasks_of_a_group_have_sandboxes_of_their_own() {
    let mut scratch = Scratch::new();
    let script = "id -un; pwd; echo mine > file; ls .. 2>/dev/null";
    for (id, user) in [("one", None), ("two", Some("nobody")), ("three", Some("daemon"))] {
        let mut order = launch(id, script);
        order.sandbox = format!("{}/containers/{id}", sandbox("run"));
        order.user = user.map(String::from);
        scratch.host().launch(order);
    }
    let mut ends = BTreeMap::new();
    while ends.len() < 3 {
        if let (id, kaon_agent::input::ContainerEvent::Exited { status }) = scratch.event() {
            ends.insert(id, status);
        }
    }
    for (id, user) in [("two", "nobody"), ("three", "daemon")] {
        let own = scratch.sandbox("run").join("containers").join(id);
        let stdout = fs::read_to_string(own.join("stdout")).expect("reads");
        assert_eq!(stdout, format!("{user}\n{}\n", own.display()), "and does not see who else is there");
        let found = fs::metadata(&own).expect("is there");
        let owner = Credentials::of(user).expect("is on every host");
        assert_eq!((found.uid(), found.permissions().mode() & 0o777), (owner.uid, 0o750));
        assert_eq!(fs::metadata(own.join("file")).expect("is there").uid(), owner.uid);
    }
    let runs = scratch.work("slaves/S0/frameworks/F/executors/e/runs");
    assert_eq!(fs::read_link(runs.join("latest")).expect("is linked"), runs.join("run"));
}

fn a_sandbox_elsewhere_is_refused() {
    let mut scratch = Scratch::new();
    let paths = [
        "../outside".to_owned(),
        "slaves/S0".to_owned(),
        format!("{}/containers/..", sandbox("run")),
        format!("{}/elsewhere/c", sandbox("run")),
        "slaves/../frameworks/F/executors/e/runs/c".to_owned(),
    ];
    for (number, path) in paths.into_iter().enumerate() {
        let mut order = launch(&format!("c{number}"), "true");
        order.sandbox = path.clone();
        scratch.host().launch(order);
        let message = scratch.refused();
        assert!(!message.is_empty(), "{path}");
    }
    let left: Vec<_> = fs::read_dir(scratch.root.join("work")).expect("lists").collect();
    assert!(left.iter().all(|entry| entry.as_ref().is_ok_and(|entry| entry.file_name() != "outside")));
    assert!(!scratch.root.join("outside").exists());
}

fn orders_for_unknown_containers_are_ignored() {
    let mut scratch = Scratch::new();
    let nobody = ContainerId::from("nobody");
    scratch.host().signal(&nobody, 15);
    scratch.host().destroy(&nobody);
    scratch.host().forget(&nobody);
    scratch.launch("c", "true");
    assert!(matches!(scratch.event(), (id, _) if id == "c"), "the only one to be heard of");
    assert_eq!(scratch.exited(), exit(0));
}

fn use_is_measured() {
    let mut scratch = Scratch::new();
    scratch.launch(
        "c",
        "sleep 60 & echo $! > pid; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo 1 > done; wait",
    );
    scratch.launched();
    number(&scratch.sandbox("c").join("done"));
    let role: Role = "*".parse().expect("a role");
    let resources = Resources::parse("cpus:0.5;mem:64", &role).expect("resources");
    let meter = scratch.host().meter();
    let ids = [ContainerId::from("c"), ContainerId::from("nobody")];
    let used = scratch.runtime.block_on(meter.usage(&ids[0], &ids, &resources));
    assert_eq!(used.processes, Some(2), "the shell and what it waits for: {used:?}");
    assert!(used.mem_rss_bytes.is_some_and(|bytes| bytes > 100_000), "{used:?}");
    assert!(used.cpus_user_time_secs.is_some_and(|seconds| seconds > 0.0), "{used:?}");
    assert_eq!((used.cpus_soft_limit, used.mem_limit_bytes), (Some(0.5), Some(64 << 20)));
    scratch.host().destroy(&ContainerId::from("c"));
    scratch.exited();
    let after = scratch.runtime.block_on(meter.usage(&ids[0], &ids, &resources));
    assert_eq!((after.processes, after.mem_rss_bytes), (Some(0), Some(0)));
}
