// SPDX-License-Identifier: Apache-2.0

//! What is fetched once for many tasks.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kaon_agent::effect::Launch;
use kaon_agent::input::{ContainerEvent, Input};
use kaon_api::v1::command_info::URI;

use crate::scratch::{Scratch, exit, launch};

crate::tests!(one_download_serves_many, what_failed_is_tried_again, a_new_agent_begins_empty);

/// Serves `hello` until the tests are over, after a first answer that may be an error; counts the requests.
fn serve(first: &'static str) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let port = listener.local_addr().expect("has an address").port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("accepts");
            let _request = stream.read(&mut [0; 4096]);
            // Long enough for others to come meanwhile.
            std::thread::sleep(std::time::Duration::from_millis(100));
            let status = if counted.fetch_add(1, Ordering::SeqCst) == 0 { first } else { "200 OK" };
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
            let _hung_up = stream.write_all(answer.as_bytes());
        }
    });
    (port, count)
}

fn fetching(id: &str, port: u16) -> Launch {
    let mut launch = launch(id, "cat note");
    let value = format!("http://127.0.0.1:{port}/note");
    launch.command.uris = vec![URI { value, cache: Some(true), ..Default::default() }];
    launch
}

/// Waits for the ends of so many containers; the wait status of each, none of those that never ran.
fn ends(scratch: &mut Scratch, count: usize) -> Vec<Option<i32>> {
    let mut ends = Vec::new();
    while ends.len() < count {
        match scratch.next() {
            Input::Container { event: ContainerEvent::Launched { .. }, .. } => {}
            Input::Container { event: ContainerEvent::Exited { status }, .. } => ends.push(status),
            Input::Container { event: ContainerEvent::LaunchFailed { .. }, .. } => ends.push(None),
            other => panic!("{other:?}"),
        }
    }
    ends
}

fn one_download_serves_many() {
    let (port, count) = serve("200 OK");
    let mut scratch = Scratch::new();
    let ids = ["a", "b", "c", "d", "e"];
    ids.iter().for_each(|id| scratch.host().launch(fetching(id, port)));
    assert_eq!(ends(&mut scratch, ids.len()), [exit(0); 5]);
    ids.iter().for_each(|id| assert_eq!(scratch.read(id, "stdout"), "hello", "{id}"));
    scratch.host().launch(fetching("f", port));
    assert_eq!(ends(&mut scratch, 1), [exit(0)]);
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

fn what_failed_is_tried_again() {
    let (port, count) = serve("500 No");
    let mut scratch = Scratch::new();
    scratch.host().launch(fetching("a", port));
    assert_eq!(ends(&mut scratch, 1), [None]);
    scratch.host().launch(fetching("b", port));
    scratch.host().launch(fetching("c", port));
    assert_eq!(ends(&mut scratch, 2), [exit(0); 2]);
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

fn a_new_agent_begins_empty() {
    let (port, count) = serve("200 OK");
    let mut scratch = Scratch::new();
    scratch.host().launch(fetching("a", port));
    assert_eq!(ends(&mut scratch, 1), [exit(0)]);
    scratch.stop();
    scratch.start();
    scratch.host().launch(fetching("b", port));
    assert_eq!(ends(&mut scratch, 1), [exit(0)]);
    assert_eq!(count.load(Ordering::SeqCst), 2);
}
