// SPDX-License-Identifier: Apache-2.0

//! That flags are read by Mesos's rules.

use std::time::Duration;

use kaon_daemon::flags::{FlagError, Flags, agent, help, local, master};

use crate::support::Folder;

fn load(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Flags, FlagError> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Flags::load(master::TABLE, arguments.iter().map(ToString::to_string), environment.iter().map(owned))
}

fn error(arguments: &[&str]) -> String {
    load(arguments, &[]).expect_err("must be refused").to_string()
}

#[test]
fn values_come_from_the_command_line_then_the_environment_then_the_defaults() {
    let flags = load(
        &[
            "skipped",
            "--Port=6000",
            "--no-root_submissions",
            "--cluster=c=d",
            "--quiet",
            "skipped",
            "--roles",
            "a,b",
            "--",
            "--x",
        ],
        &[
            ("MESOS_PORT", "7000"),
            ("MESOS_WORK_DIR", "/w"),
            ("MESOS_SLAVE_PING_TIMEOUT", "20secs"),
            ("MESOS_NOSUCH", "x"),
            ("MESOS_ROOT_SUBMISSIONS", "true"),
            ("KAON_PORT", "1"),
        ],
    )
    .unwrap();
    assert_eq!(flags.integer("port"), Some(6000));
    assert_eq!(flags.text("work_dir"), Some("/w"));
    assert_eq!((flags.text("cluster"), flags.text("roles")), (Some("c=d"), Some("a,b")));
    assert!(flags.boolean("quiet"));
    assert!(!flags.boolean("root_submissions"));
    assert_eq!(flags.duration("agent_ping_timeout"), Some(Duration::from_secs(20)));
    assert_eq!(flags.duration("offer_timeout"), None);
    assert_eq!(flags.duration("allocation_interval"), Some(Duration::from_secs(1)));
    assert_eq!(
        flags.warnings,
        ["Loaded deprecated flag 'slave_ping_timeout', which is now named 'agent_ping_timeout'"]
    );
}

#[test]
fn mistakes_are_told_in_the_words_of_mesos() {
    for (arguments, text) in [
        (&["--nosuch=1"][..], "Failed to load unknown flag 'nosuch'"),
        (&["--no-nosuch"], "Failed to load unknown flag 'nosuch' via 'no-nosuch'"),
        (&["--port=1", "--port=2"], "Duplicate flag 'port' on command line"),
        (&["--quiet", "--no-quiet"], "Duplicate flag 'no-quiet' on command line"),
        (&["--port"], "Failed to load non-boolean flag 'port': Missing value"),
        (&["--no-port"], "Failed to load non-boolean flag 'port' via 'no-port'"),
        (&["--no-quiet=true"], "Failed to load boolean flag 'quiet' via 'no-quiet' with value 'true'"),
        (
            &["--quiet=maybe"],
            "Failed to load flag 'quiet': Failed to load value 'maybe': Expecting a boolean (e.g., true or false)",
        ),
        (
            &["--port=x"],
            "Failed to load flag 'port': Failed to load value 'x': Failed to convert 'x' to number",
        ),
        (
            &["--offer_timeout=5"],
            "Failed to load flag 'offer_timeout': Failed to load value '5': Invalid duration '5'",
        ),
        (
            &["--slave_ping_timeout=20secs", "--agent_ping_timeout=20secs"],
            "Flag 'slave_ping_timeout' is already loaded via name 'agent_ping_timeout'",
        ),
        (
            &["--agent_ping_timeout=1ms"],
            "Expected '--agent_ping_timeout' to be between 1secs and 15mins, but it is 1ms",
        ),
        (
            &["--cluster=file:///nosuch"],
            "Failed to load flag 'cluster': Error reading file '/nosuch': No such file or directory (os error 2)",
        ),
    ] {
        assert_eq!(error(arguments), text);
    }
}

#[test]
fn a_flag_that_cannot_be_had_is_refused_unless_it_asks_for_nothing() {
    assert!(
        error(&["--authenticate_http_frameworks"])
            .starts_with("The flag '--authenticate_http_frameworks=true' cannot be had: ")
    );
    assert_eq!(load(&["--no-authenticate_frameworks"], &[]).unwrap().warnings, [] as [&str; 0]);
    assert_eq!(load(&["--role_sorter=drf"], &[]).unwrap().warnings, [] as [&str; 0]);
    let warnings = load(&["--quorum=2"], &[]).unwrap().warnings;
    assert!(
        warnings.len() == 1 && warnings[0].starts_with("The flag '--quorum' has no effect: "),
        "{warnings:?}"
    );
}

/// Ends of tasks that cannot come, since nothing here would cause them: whoever asks for the cause is refused. What they
/// would be told stands in the agent's `limitations.rs`.
#[test]
fn what_would_end_tasks_in_other_ways_cannot_be_had() {
    let agent = |argument: &str| {
        let arguments = [argument.to_owned(), "--master=127.0.0.1:5050".to_owned()];
        Flags::load(agent::TABLE, arguments, []).map(|_| ())
    };
    for (end, refused) in [
        ("A14 CONTAINER_LIMITATION_MEMORY", agent("--isolation=cgroups/mem")),
        ("A14 CONTAINER_LIMITATION_DISK by project quotas", agent("--isolation=posix/cpu,disk/xfs")),
        ("A14 CONTAINER_LIMITATION", agent("--isolation=network/ports")),
        ("A15 CONTAINER_PREEMPTED", agent("--qos_controller=other")),
        ("A16 CONTAINER_UPDATE_FAILED", agent("--isolation=cgroups/cpu")),
    ] {
        let text = refused.expect_err(end).to_string();
        assert!(text.contains(" cannot be had: "), "{end}: {text}");
    }
    for isolation in ["posix/mem,posix/cpu", "posix/cpu,posix/mem,disk/du", "posix/disk", ""] {
        assert_eq!(agent(&format!("--isolation={isolation}")), Ok(()), "{isolation}");
    }
}

#[test]
fn values_are_read_from_files() {
    let folder = Folder::new();
    let path = folder.path().join("weights");
    std::fs::write(&path, "a=1,b=2\n").unwrap();
    let flags =
        load(&[&format!("--weights=file://{}", path.display()), "--work_dir=file:///w"], &[]).unwrap();
    assert_eq!((flags.text("weights"), flags.text("work_dir")), (Some("a=1,b=2"), Some("/w")));
}

#[test]
fn the_flags_are_shown_as_mesos_shows_them() {
    let json = Flags::json(&load(&["--agent_ping_timeout=60secs", "--port=0"], &[]).unwrap().shown());
    let json = String::from_utf8(json).unwrap();
    assert!(json.starts_with(
        "{\"flags\":{\"agent_ping_timeout\":\"1mins\",\"agent_reregister_timeout\":\"10mins\","
    ));
    for part in [
        "\"port\":\"0\"",
        "\"registry_max_agent_age\":\"2weeks\"",
        "\"offer_constraints_re2_max_mem\":\"4KB\"",
    ] {
        assert!(json.contains(part), "{part} in {json}");
    }
    assert!(!json.contains("\"zk\""));
    let zk = |url: &str| load(&[&format!("--zk={url}")], &[]).unwrap().shown()["zk"].clone();
    assert_eq!(zk("zk://u:p@ss@h:1,i:2/m@n"), "zk://***@h:1,i:2/m@n", "the password is nobody's business");
    assert_eq!(zk("zk://h:1/m"), "zk://h:1/m");
}

#[test]
fn the_defaults_and_the_help_name_every_flag() {
    for table in [master::TABLE, agent::TABLE, local::TABLE] {
        let flags = Flags::load(table, [], []).unwrap();
        assert_eq!(flags.warnings, [] as [&str; 0]);
        let help = help("mesos-master", table);
        for name in flags.shown().keys() {
            assert!(
                help.contains(&format!("--{name}=VALUE")) || help.contains(&format!("--[no-]{name}")),
                "{name}"
            );
        }
        assert!(help.lines().all(|line| line.len() <= 110));
    }
    let count = |table: kaon_daemon::flags::Table| table.iter().map(|flags| flags.len()).sum::<usize>();
    assert!(count(master::TABLE) >= 71 && count(agent::TABLE) >= 160);
}
