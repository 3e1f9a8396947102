// SPDX-License-Identifier: Apache-2.0

//! What a container finds when it starts, and how its end is told.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};

use kaon_containerizer::{Command, State};

use crate::host::{Host, eventually, id, lives};

crate::tests![
    an_exit_code_is_recorded,
    a_signal_is_recorded,
    an_exit_is_seen_at_once_and_freed,
    a_program_gets_its_argv_and_is_found_in_its_own_path,
    the_environment_is_exactly_what_was_given,
    it_starts_clean_in_its_sandbox,
    output_is_appended,
    what_cannot_start_says_why_and_leaves_nothing,
    a_long_reason_does_not_stop_it,
    output_never_goes_through_what_lies_in_the_way,
    an_id_is_used_once,
    mesos_finds_its_files,
    supervisors_run_from_sealed_memory,
    many_launch_at_once,
];

fn an_exit_code_is_recorded() {
    let host = Host::new();
    assert_eq!(host.run("zero", "true").0.code(), Some(0));
    assert_eq!(host.run("three", "exit 3").0.code(), Some(3));
}

fn a_signal_is_recorded() {
    let host = Host::new();
    let (status, _) = host.run("signalled", "kill -SEGV $$");
    assert_eq!((status.code(), status.signal()), (None, Some(11)));
}

fn an_exit_is_seen_at_once_and_freed() {
    let host = Host::new();
    let id = id("short");
    let running = host.launch(&id, Command::shell("sleep 0.1"));
    assert_eq!(host.agent().state(&id).expect("known"), State::Running { pid: Some(running.pid) });
    assert!(host.agent().remove(&id).expect_err("runs").to_string().contains("still runs"));
    assert!(lives(pid_of(&running.supervisor).expect("lives")));
    assert_eq!(host.wait(&id, &running.supervisor).code(), Some(0));
    assert_eq!(pid_of(&running.supervisor), None, "it was reaped, and is no zombie");
    host.agent().remove(&id).expect("removes");
    assert!(!host.folder(&id).exists());
    assert!(host.agent().state(&id).expect_err("forgotten").to_string().contains("there is no container"));
}

/// The process of a pidfd, until it has been reaped.
fn pid_of(pidfd: &OwnedFd) -> Option<i32> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd())).expect("reads");
    let pid = info.lines().find_map(|line| line.strip_prefix("Pid:")).expect("is a pidfd");
    pid.trim().parse().ok().filter(|pid| *pid > 0)
}

fn a_program_gets_its_argv_and_is_found_in_its_own_path() {
    let host = Host::new();
    let id = id("argv");
    let mut config = host.config(&id, Command::program("sh", ["other-name", "-c", "echo $0,$1", "a b", "*"]));
    config.environment = vec![("PATH".into(), "/nowhere:/bin".into())];
    let (status, output) = host.run_config(&id, &config);
    assert_eq!((status.code(), output.as_str()), (Some(0), "a b,*\n"));
}

fn the_environment_is_exactly_what_was_given() {
    let host = Host::new();
    let id = id("env");
    let mut config = host.config(&id, Command::program("/usr/bin/env", ["env", "-0"]));
    config.environment = vec![("LINES".into(), "a\nb".into()), ("EMPTY".into(), "".into())];
    let (_, output) = host.run_config(&id, &config);
    let mut lines: Vec<&str> = output.split_terminator('\0').collect();
    lines.sort_unstable();
    let sandbox = format!("MESOS_SANDBOX={}", config.sandbox.display());
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    assert_eq!(lines, ["EMPTY=", "LINES=a\nb", &sandbox, path]);
}

fn it_starts_clean_in_its_sandbox() {
    let host = Host::new();
    // An agent under `nohup` ignores SIGHUP, and a careless parent leaves descriptors open: neither is inherited.
    let script = "pwd; umask; ls -l /proc/self/fd | grep -c ' -> /'; readlink /proc/self/fd/0; \
                  grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -s '[:space:]' ' '; echo; \
                  cut -d' ' -f5,6 /proc/$$/stat | tr ' ' '\\n' | sort -u | wc -l; \
                  test $(cut -d' ' -f6 /proc/$$/stat) = $$ && echo leads";
    let leaked = fs::File::open("/etc/passwd").expect("opens");
    rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::empty()).expect("stays open over an exec");
    let (_, output) = host.run("clean", script);
    let sandbox = host.root.join("work/slaves/S0/frameworks/F/executors/clean/runs/clean");
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines[0], sandbox.to_str().expect("is text"));
    assert_eq!(lines[1], "0022");
    // 0, 2 and what `ls` itself opens; 1 is its pipe.
    assert_eq!(lines[2], "3", "{output}");
    assert_eq!(lines[3], "/dev/null");
    assert_eq!(lines[4], "SigBlk: 0000000000000000 SigIgn: 0000000000000000 ");
    assert_eq!(lines[5..], ["1", "leads"], "own session and group");
}

fn output_is_appended() {
    let host = Host::new();
    let id = id("append");
    let config = host.config(&id, Command::shell("echo out; echo err >&2"));
    fs::write(config.sandbox.join("stderr"), "fetched\n").expect("writes");
    let (_, output) = host.run_config(&id, &config);
    assert_eq!(output, "out\n");
    assert_eq!(fs::read_to_string(config.sandbox.join("stderr")).expect("reads"), "fetched\nerr\n");
}

fn what_cannot_start_says_why_and_leaves_nothing() {
    let host = Host::new();
    let cases: [(&str, Command, &str); 3] = [
        (
            "absent",
            Command::program("/no/such", ["x"]),
            "cannot execute '/no/such': No such file or directory",
        ),
        (
            "in-path",
            Command::program("no-such-program", ["x"]),
            "cannot execute 'no-such-program': No such file",
        ),
        ("directory", Command::program("/etc", ["x"]), "cannot execute '/etc': Permission denied"),
    ];
    for (name, command, expected) in cases {
        let id = id(name);
        let config = host.config(&id, command);
        let refusal = host.refusal(&id, &config);
        assert!(refusal.starts_with(expected), "{refusal}");
        // The framework's own people look here.
        let told = fs::read_to_string(config.sandbox.join("stderr")).expect("reads");
        assert!(told.starts_with(expected), "{told}");
        assert!(!host.folder(&id).exists());
    }
    let id = id("no-sandbox");
    let mut config = host.config(&id, Command::shell("true"));
    config.sandbox = "/no/such".into();
    assert!(host.refusal(&id, &config).starts_with("cannot enter the directory '/no/such': No such file"));
    config.sandbox = "relative".into();
    assert!(host.refusal(&id, &config).contains("it is not an absolute path"));
}

fn a_long_reason_does_not_stop_it() {
    let host = Host::new();
    let id = id("long");
    // No pipe holds so much, and the supervisor reads it only after the child's end.
    let program = "é".repeat(35_000);
    let config = host.config(&id, Command::program(&program, ["x"]));
    let refusal = host.refusal(&id, &config);
    assert!(refusal.len() <= 4096, "{}", refusal.len());
    assert!(refusal.starts_with("cannot execute 'éé"), "{refusal}");
    assert!(refusal.ends_with("File name too long (os error 36)"), "{refusal}");
    assert!(fs::read_to_string(config.sandbox.join("stderr")).expect("reads").contains(&program));
    assert!(!host.folder(&id).exists());
}

fn output_never_goes_through_what_lies_in_the_way() {
    let host = Host::new();
    let victim = host.root.join("victim");
    fs::write(&victim, "untouched").expect("writes");
    for name in ["link", "pipe"] {
        let id = id(name);
        let config = host.config(&id, Command::shell("echo overwritten"));
        let stdout = config.sandbox.join("stdout");
        if name == "link" {
            std::os::unix::fs::symlink(&victim, stdout).expect("links");
        } else {
            let made = std::process::Command::new("mkfifo").arg(stdout).status().expect("runs");
            assert!(made.success());
        }
        let refusal = host.refusal(&id, &config);
        assert!(refusal.starts_with("cannot open") && refusal.contains("/stdout' for output"), "{refusal}");
    }
    assert_eq!(fs::read_to_string(&victim).expect("reads"), "untouched");
}

fn an_id_is_used_once() {
    let host = Host::new();
    let id = id("twice");
    let config = host.config(&id, Command::shell("sleep 60"));
    host.agent().launch(&id, &config).expect("launches");
    assert_eq!(host.refusal(&id, &config), "container twice exists already");
}

fn mesos_finds_its_files() {
    let host = Host::new();
    let id = id("files");
    let running = host.launch(&id, Command::shell("exit 7"));
    host.wait(&id, &running.supervisor);
    let text = |name| fs::read_to_string(host.folder(&id).join(name)).expect("reads");
    assert_eq!((text("pid"), text("status")), (running.pid.to_string(), (7 << 8).to_string()));
    let stray = || {
        let names = fs::read_dir(host.folder(&id)).expect("lists").flatten().map(|entry| entry.file_name());
        names.into_iter().all(|name| !name.to_string_lossy().starts_with('.')).then_some(())
    };
    eventually("no temporary file is left", stray);
}

fn supervisors_run_from_sealed_memory() {
    let host = Host::new();
    let id = id("sealed");
    // As root the container may look at its supervisor's binary, and try what CVE-2019-5736 did.
    let script = "read -r _ _ _ parent _ < /proc/self/stat; readlink /proc/$parent/exe; \
                  tr '\\0' ' ' < /proc/$parent/cmdline; echo; \
                  ( exec 9>> /proc/$parent/exe && echo x >&9 && echo overwritten ) 2>/dev/null; true";
    let (_, output) = host.run(id.as_str(), script);
    let folder = std::fs::canonicalize(host.folder(&id)).expect("exists");
    assert_eq!(output, format!("/memfd:kaon (deleted)\nkaon supervise {} \n", folder.display()));
}

fn many_launch_at_once() {
    let host = Host::new();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let host = &host;
            scope.spawn(move || {
                for round in 0..5 {
                    let name = format!("many-{thread}-{round}");
                    let (status, output) = host.run(&name, &format!("echo {name}; exit {round}"));
                    assert_eq!((status.code(), output), (Some(round), format!("{name}\n")));
                }
            });
        }
    });
    assert_eq!(host.agent().recover().expect("lists").len(), 40);
}
