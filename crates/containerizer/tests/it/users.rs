// SPDX-License-Identifier: Apache-2.0

//! Containers of other users, with limits. As root: nobody else may switch users.

use std::fs;
use std::os::unix::fs::MetadataExt;

use kaon_containerizer::user::Credentials;
use kaon_containerizer::{Command, Resource, Rlimit};

use crate::host::{Host, id};

crate::tests![
    a_sandbox_belongs_to_its_user,
    latest_follows_the_newest_run,
    a_container_becomes_its_user_for_good,
    a_user_who_may_not_enter_is_told,
    an_unknown_user_is_refused,
    files_that_the_agent_takes_for_itself_are_not_the_containers,
    limits_are_seen_inside,
];

fn a_sandbox_belongs_to_its_user() {
    let host = Host::without_agent();
    let id = id("owned");
    let nobody = Credentials::of("nobody").expect("exists");
    let sandbox = host.sandbox(&id, Some("nobody"));
    let seen = fs::metadata(&sandbox).expect("exists");
    assert_eq!((seen.uid(), seen.gid(), seen.mode() & 0o7777), (nobody.uid, nobody.gid, 0o750));
    let above = fs::metadata(sandbox.parent().expect("has one")).expect("exists");
    assert_eq!((above.uid(), above.mode() & 0o7777), (rustix::process::geteuid().as_raw(), 0o755));
}

fn latest_follows_the_newest_run() {
    let host = Host::without_agent();
    let work = host.root.join("work");
    for run in ["r1", "r2"] {
        let sandbox =
            kaon_containerizer::Sandbox { agent: "S0", framework: "F", executor: "e", container: run };
        let path = sandbox.create(&work, None).expect("makes");
        assert_eq!(fs::read_link(path.with_file_name("latest")).expect("links"), path);
        assert_eq!(fs::read_link(work.join("slaves/latest")).expect("links"), work.join("slaves/S0"));
        assert!(sandbox.create(&work, None).is_err(), "a run has its sandbox to itself");
    }
}

fn a_container_becomes_its_user_for_good() {
    let host = Host::new();
    let id = id("nobody");
    let mut config = host.config(&id, Command::shell("id -u; id -g; id -G; grep -E '^(Uid|CapEff)' /proc/self/status; echo x > mine; stat -c %u mine stdout"));
    config.sandbox = host.sandbox(&super::host::id("nobodys"), Some("nobody"));
    config.user = Some("nobody".into());
    let (status, output) = host.run_config(&id, &config);
    let nobody = Credentials::of("nobody").expect("exists");
    let (uid, gid) = (nobody.uid, nobody.gid);
    let groups: Vec<String> = nobody.groups.iter().map(u32::to_string).collect();
    let expected = format!(
        "{uid}\n{gid}\n{}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nCapEff:\t0000000000000000\n{uid}\n{uid}\n",
        groups.join(" ")
    );
    assert_eq!((status.code(), output), (Some(0), expected));
}

fn a_user_who_may_not_enter_is_told() {
    let host = Host::new();
    let id = id("outsider");
    let mut config = host.config(&id, Command::shell("true"));
    config.user = Some("nobody".into());
    let refusal = host.refusal(&id, &config);
    assert!(
        refusal.starts_with("cannot enter the directory") && refusal.contains("Permission denied"),
        "{refusal}"
    );
}

fn an_unknown_user_is_refused() {
    let host = Host::new();
    let id = id("unknown");
    let mut config = host.config(&id, Command::shell("true"));
    config.user = Some("no-such-user-here".into());
    let refusal = host.refusal(&id, &config);
    assert_eq!(
        refusal,
        "container unknown cannot be launched: no user is called 'no-such-user-here' on this host"
    );
}

fn files_that_the_agent_takes_for_itself_are_not_the_containers() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(500), ..limit }).expect("lowered");
    let host = Host::new();
    setrlimit(Resource::Nofile, limit).expect("raised again");
    let id = id("modest");
    let config = host.config(&id, Command::shell("ulimit -Sn; ulimit -Hn"));
    let hard = limit.maximum.map_or("unlimited".to_owned(), |hard| hard.to_string());
    assert_eq!(host.run_config(&id, &config).1, format!("500\n{hard}\n"));
}

fn limits_are_seen_inside() {
    let host = Host::new();
    let id = id("limited");
    let mut config = host.config(&id, Command::shell("ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -Sf"));
    config.rlimits = vec![
        Rlimit { resource: Resource::OpenFiles, soft: Some(77), hard: Some(99) },
        Rlimit { resource: Resource::Core, soft: Some(0), hard: Some(0) },
        Rlimit { resource: Resource::FileSize, soft: None, hard: None },
    ];
    assert_eq!(host.run_config(&id, &config).1, "77\n99\n0\nunlimited\n");
}
