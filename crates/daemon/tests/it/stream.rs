// SPDX-License-Identifier: Apache-2.0

//! Event streams, as a client on the wire sees them.

use std::io::{Read, Write};
use std::net::TcpStream;

use kaon_daemon::http::{Limits, stream};

use crate::support::{STREAM_MAX, Server, eventually, read_until};

fn open(server: &Server) -> (TcpStream, stream::Writer<String>) {
    let mut stream = server.connect();
    stream.write_all(b"GET /stream HTTP/1.1\r\n\r\n").unwrap();
    let head = read_until(&mut stream, "\r\n\r\n");
    assert!(head.contains("Transfer-Encoding: chunked\r\n"), "{head}");
    (stream, server.service.writers.lock().unwrap().pop().unwrap())
}

/// The size of a text is its length.
fn send(writer: &stream::Writer<String>, record: String) -> Result<(), stream::Refused> {
    let size = record.len();
    writer.send(record, size)
}

#[test]
fn each_record_is_one_chunk_and_the_end_is_the_zero_chunk() {
    let server = Server::start(Limits::default());
    let (mut client, writer) = open(&server);
    // The first is seen before there is a second.
    send(&writer, "{\"a\":1}".into()).unwrap();
    assert_eq!(read_until(&mut client, "}\r\n"), "9\r\n7\n{\"a\":1}\r\n");
    send(&writer, "bb".into()).unwrap();
    send(&writer, "x".repeat(300)).unwrap();
    send(&writer, String::new()).unwrap();
    writer.finish();
    let expected = format!("4\r\n2\nbb\r\n130\r\n300\n{}\r\n2\r\n0\n\r\n0\r\n\r\n", "x".repeat(300));
    assert_eq!(read_until(&mut client, "\r\n0\r\n\r\n"), expected);
    assert_eq!(send(&writer, "late".into()), Err(stream::Refused::Closed));
}

#[test]
fn a_client_that_goes_is_noticed() {
    let server = Server::start(Limits::default());
    let (client, writer) = open(&server);
    drop(client);
    let gone = writer.gone();
    server.runtime.block_on(async {
        tokio::time::timeout(std::time::Duration::from_secs(20), gone.wait()).await.expect("noticed in time")
    });
    assert_eq!(send(&writer, "late".into()), Err(stream::Refused::Closed));
}

#[test]
fn a_client_that_does_not_read_is_cut_off_at_the_bound() {
    let server = Server::start(Limits::default());
    let (mut slow, slow_writer) = open(&server);
    let (mut good, good_writer) = open(&server);
    let record = "x".repeat(1 << 20);
    let mut sent = 0;
    // The kernel's buffers take some megabytes first.
    eventually("the bound is reached", || {
        sent += 1;
        send(&slow_writer, record.clone()) == Err(stream::Refused::TooSlow)
    });
    assert!(sent > STREAM_MAX.records);
    let gone = slow_writer.gone();
    server.runtime.block_on(async {
        tokio::time::timeout(std::time::Duration::from_secs(20), gone.wait()).await.expect("cut in time")
    });
    // The connection ends without the zero chunk: the client cannot take what it has for all.
    let mut rest = Vec::new();
    let ended = slow.read_to_end(&mut rest);
    assert!(ended.is_err() || !rest.ends_with(b"\r\n0\r\n\r\n"));
    send(&good_writer, "still here".into()).unwrap();
    assert_eq!(read_until(&mut good, "here\r\n"), "D\r\n10\nstill here\r\n");
}

#[test]
fn a_client_that_reads_gets_more_than_the_bound_at_once() {
    let server = Server::start(Limits::default());
    let (mut client, writer) = open(&server);
    let count = 1000 * STREAM_MAX.records;
    for _ in 0..count {
        send(&writer, "x".into()).unwrap();
    }
    writer.finish();
    let expected = "3\r\n1\nx\r\n".repeat(count) + "0\r\n\r\n";
    let mut all = vec![0; expected.len()];
    client.read_exact(&mut all).unwrap();
    assert!(all == expected.as_bytes());
}

#[test]
fn large_records_are_bounded_by_their_bytes_and_a_single_one_is_not() {
    let server = Server::start(Limits::default());
    let (mut client, writer) = open(&server);
    let large = "x".repeat(STREAM_MAX.bytes + 1);
    send(&writer, large.clone()).unwrap();
    // Who reads gets it, however large.
    let mut read = vec![0; large.len()];
    client.read_exact(&mut read).unwrap();
    let (_slow, writer) = open(&server);
    for _ in 0..6 {
        // A slow machine may run out of patience here already.
        let _ = send(&writer, "x".repeat(STREAM_MAX.bytes / 4));
    }
    // The kernel has taken a part of the first by now, and nothing more is read.
    std::thread::sleep(3 * STREAM_MAX.patience);
    assert_eq!(send(&writer, "x".repeat(STREAM_MAX.bytes / 4)), Err(stream::Refused::TooSlow));
}
