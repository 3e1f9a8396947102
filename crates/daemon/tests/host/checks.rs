// SPDX-License-Identifier: Apache-2.0

//! Looks at what tasks are doing, with real commands and servers.

use std::io::{Read, Write};
use std::net::{Ipv6Addr, TcpListener};
use std::time::{Duration, Instant};

use kaon_agent::effect::{Check, Probe, Which};
use kaon_agent::input::{CheckOutcome, Input, Look};
use kaon_api::v1;

use crate::scratch::{Scratch, eventually, lives, number, sandbox};

crate::tests!(
    a_command_looks_from_within_the_task,
    a_command_that_takes_too_long_is_ended_with_its_tree,
    a_look_that_is_called_off_is_ended_and_not_answered,
    looks_end_with_the_agent,
    a_server_is_asked,
    redirects_are_followed_within_bounds,
    a_server_that_does_not_answer_is_not_waited_for,
    an_endless_answer_is_an_answer,
    a_connection_is_made_or_not,
);

fn check(probe: Probe, timeout: Option<Duration>) -> Check {
    Check {
        look: Look { container: "c".into(), which: Which::Health, number: 1 },
        probe,
        timeout,
        sandbox: sandbox("c"),
        environment: vec![("PATH".into(), "/usr/bin:/bin".into()), ("GREETING".into(), "hello".into())],
        user: None,
    }
}

fn command(script: &str) -> Probe {
    Probe::Command(Box::new(v1::CommandInfo { value: Some(script.into()), ..Default::default() }))
}

fn http(port: u16, path: &str) -> Probe {
    Probe::Http { https: false, ipv6: false, port: port.into(), path: path.into() }
}

/// A host on which the container `c` runs.
fn host() -> Scratch {
    let mut scratch = Scratch::new();
    scratch.launch("c", "sleep 1000");
    scratch.launched();
    scratch
}

fn look(scratch: &mut Scratch, probe: Probe, timeout: Option<Duration>) -> CheckOutcome {
    let check = check(probe, timeout);
    let expected = check.look.clone();
    scratch.host().check(check);
    match scratch.next() {
        Input::Checked { look, outcome } if look == expected => outcome,
        other => panic!("{other:?}"),
    }
}

fn failed(outcome: CheckOutcome) -> String {
    match outcome {
        CheckOutcome::Failed { message } => message,
        other => panic!("{other:?}"),
    }
}

fn a_command_looks_from_within_the_task() {
    let mut scratch = host();
    let outcome = look(&mut scratch, command("pwd; echo $GREETING; touch seen; exit 3"), None);
    assert_eq!(outcome, CheckOutcome::Command { exit_code: 3 });
    let place = scratch.sandbox("c");
    assert_eq!(scratch.read("c", "stderr"), format!("{}\nhello\n", place.display()));
    assert!(place.join("seen").exists());
    assert_eq!(
        failed(look(&mut scratch, command("kill -9 $$"), None)),
        "Command terminated with signal Killed"
    );
    let missing =
        v1::CommandInfo { shell: Some(false), value: Some("/no/such".into()), ..Default::default() };
    let text = failed(look(&mut scratch, Probe::Command(Box::new(missing)), None));
    assert!(text.contains("cannot execute '/no/such'"), "{text}");
}

const STUBBORN: &str =
    "trap '' TERM; setsid sh -c 'echo $$ >child; sleep 1000' & echo $$ >self; wait; sleep 1000";

fn a_command_that_takes_too_long_is_ended_with_its_tree() {
    let mut scratch = host();
    let begun = Instant::now();
    let text = failed(look(&mut scratch, command(STUBBORN), Some(Duration::from_millis(500))));
    assert_eq!(text, "Command timed out after 500ms");
    assert!(begun.elapsed() >= Duration::from_millis(500) && begun.elapsed() < Duration::from_millis(2500));
    for file in ["self", "child"] {
        let pid = number(&scratch.sandbox("c").join(file));
        eventually("the tree ends", || (!lives(pid)).then_some(()));
    }
    // The task itself is let alone.
    assert_eq!(look(&mut scratch, command("true"), None), CheckOutcome::Command { exit_code: 0 });
}

fn a_look_that_is_called_off_is_ended_and_not_answered() {
    let mut scratch = host();
    let check = check(command(STUBBORN), None);
    let name = check.look.clone();
    scratch.host().check(check);
    let pids = ["self", "child"].map(|file| number(&scratch.sandbox("c").join(file)));
    scratch.host().call_off(&name);
    for pid in pids {
        eventually("the tree ends", || (!lives(pid)).then_some(()));
    }
    assert!(scratch.next_within(Duration::from_millis(200)).is_none());
}

fn looks_end_with_the_agent() {
    let mut scratch = host();
    scratch.host().check(check(command(STUBBORN), None));
    let pids = ["self", "child"].map(|file| number(&scratch.sandbox("c").join(file)));
    scratch.stop();
    for pid in pids {
        eventually("the tree ends", || (!lives(pid)).then_some(()));
    }
}

/// Serves so many connections, each with the text that `answer` gives to the request's first line.
fn serve(connections: usize, answer: impl Fn(&str) -> String + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let port = listener.local_addr().expect("has an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(connections) {
            let mut stream = stream.expect("accepts");
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).expect("reads");
            let text = String::from_utf8_lossy(&request[..read]).into_owned();
            let _hung_up = stream.write_all(answer(text.lines().next().unwrap_or_default()).as_bytes());
        }
    });
    port
}

fn answer(status: &str, more: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{more}Content-Length: 2\r\nConnection: close\r\n\r\nok")
}

fn a_server_is_asked() {
    let mut scratch = Scratch::new();
    let port = serve(2, |request| {
        answer(
            if request.starts_with("GET /health?deep=yes%20sir HTTP/1.1") { "204 No" } else { "503 No" },
            "",
        )
    });
    let outcome = look(&mut scratch, http(port, "/health?deep=yes sir"), None);
    assert_eq!(outcome, CheckOutcome::Http { status: 204 });
    assert_eq!(look(&mut scratch, http(port, ""), None), CheckOutcome::Http { status: 503 });
    let text = failed(look(&mut scratch, http(1, "/"), None));
    assert!(text.contains("127.0.0.1:1") && text.contains("refused"), "{text}");
    let text = failed(look(
        &mut scratch,
        Probe::Http { https: false, ipv6: false, port: 70_000, path: "/".into() },
        None,
    ));
    assert!(text.contains("70000"), "{text}");
    // A server that breaks off has not answered.
    let port = serve(1, |_| "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok".into());
    assert!(failed(look(&mut scratch, http(port, "/"), None)).contains("broke off"));
    let port = serve(1, |_| "what?\r\n\r\n".into());
    failed(look(&mut scratch, http(port, "/"), None));
    if let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        let port = listener.local_addr().expect("has an address").port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("accepts");
            let _request = stream.read(&mut [0; 4096]);
            let _hung_up = stream.write_all(answer("200 OK", "").as_bytes());
        });
        let probe = Probe::Http { https: false, ipv6: true, port: port.into(), path: "/".into() };
        assert_eq!(look(&mut scratch, probe, None), CheckOutcome::Http { status: 200 });
    }
}

fn redirects_are_followed_within_bounds() {
    let mut scratch = Scratch::new();
    let port = serve(3, |request| match request.split(' ').nth(1) {
        Some("/a/b") => answer("302 Found", "Location: ../c\r\n"),
        Some("/a/../c") => answer("307 Elsewhere", "Location: /d\r\n"),
        Some("/d") => answer("418 Teapot", ""),
        _ => answer("500 What", ""),
    });
    assert_eq!(look(&mut scratch, http(port, "/a/b"), None), CheckOutcome::Http { status: 418 });
    let port = serve(1, |_| answer("304 Not Modified", ""));
    assert_eq!(look(&mut scratch, http(port, "/"), None), CheckOutcome::Http { status: 304 });
    let port = serve(60, |_| answer("301 Moved", "Location: /\r\n"));
    assert_eq!(failed(look(&mut scratch, http(port, "/"), None)), "Maximum (50) redirects followed");
    let port = serve(1, |_| answer("301 Moved", "Location: file:///etc/passwd\r\n"));
    assert!(failed(look(&mut scratch, http(port, "/"), None)).contains("not an address of HTTP"));
}

fn a_server_that_does_not_answer_is_not_waited_for() {
    let mut scratch = Scratch::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let port = listener.local_addr().expect("has an address").port();
    let begun = Instant::now();
    let text = failed(look(&mut scratch, http(port, "/"), Some(Duration::from_millis(300))));
    assert_eq!(text, "HTTP request timed out after 300ms");
    assert!(begun.elapsed() >= Duration::from_millis(300) && begun.elapsed() < Duration::from_millis(1500));
    let tls = Probe::Http { https: true, ipv6: false, port: port.into(), path: "/".into() };
    let text = failed(look(&mut scratch, tls, Some(Duration::from_millis(300))));
    assert_eq!(text, "HTTP request timed out after 300ms");
}

fn an_endless_answer_is_an_answer() {
    let mut scratch = Scratch::new();
    let port = serve(1, |_| {
        format!("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{}", "x".repeat(2 << 20))
    });
    assert_eq!(look(&mut scratch, http(port, "/"), None), CheckOutcome::Http { status: 200 });
}

fn a_connection_is_made_or_not() {
    let mut scratch = Scratch::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let port = u32::from(listener.local_addr().expect("has an address").port());
    assert_eq!(look(&mut scratch, Probe::Tcp { port }, None), CheckOutcome::Tcp { succeeded: true });
    drop(listener);
    assert_eq!(look(&mut scratch, Probe::Tcp { port }, None), CheckOutcome::Tcp { succeeded: false });
    assert!(failed(look(&mut scratch, Probe::Tcp { port: 65_536 }, None)).contains("65536"));
}
