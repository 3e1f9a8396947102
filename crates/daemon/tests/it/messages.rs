// SPDX-License-Identifier: Apache-2.0

//! How peers' messages are taken.

use std::io::{Read, Write};
use std::time::Duration;

use kaon_api::libprocess::{Upid, encode};
use kaon_daemon::http::Limits;

use crate::support::{Server, eventually, read_until};

fn message(to: &str, body: &[u8], headers: &[(&str, &str)]) -> Vec<u8> {
    let from: Upid = "slave(1)@10.0.0.7:5051".parse().unwrap();
    let to: Upid = format!("{to}@10.0.0.1:5050").parse().unwrap();
    let mut out = Vec::new();
    encode(&from, &to, "mesos.internal.PongSlaveMessage", body, headers, &mut out);
    out
}

#[test]
fn pipelined_messages_are_taken_in_order_and_answered() {
    let server = Server::start(Limits::default());
    let mut stream = server.connect();
    let mut out = Vec::new();
    for number in 0..1000u32 {
        out.extend(message("master", number.to_string().as_bytes(), &[]));
    }
    out.extend(message("nobody", b"", &[]));
    // All is written before anything is read, and in pieces that fit no message.
    for piece in out.chunks(777) {
        stream.write_all(piece).unwrap();
    }
    for _ in 0..1000 {
        let reply = read_until(&mut stream, "\r\n\r\n");
        assert!(reply.starts_with("HTTP/1.1 202 Accepted\r\nDate: "), "{reply}");
    }
    assert!(read_until(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 404 Not Found\r\n"));
    let messages = server.service.messages.lock().unwrap();
    let bodies: Vec<_> = messages[..1000].iter().map(|message| message.body.clone()).collect();
    assert_eq!(bodies, (0..1000u32).map(|number| number.to_string().into_bytes()).collect::<Vec<_>>());
}

#[test]
fn a_sender_that_wants_no_replies_gets_none_and_stays_connected() {
    let server = Server::start(Limits { head_patience: Duration::from_millis(100), ..Limits::default() });
    let mut stream = server.connect();
    stream.write_all(&message("master", b"1", &[("Kaon-Replies", "none")])).unwrap();
    eventually("the message is taken", || server.service.messages.lock().unwrap().len() == 1);
    // Beyond every limit that a client's connection has.
    std::thread::sleep(Duration::from_millis(300));
    stream.write_all(&message("master", b"2", &[])).unwrap();
    assert!(read_until(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 202 Accepted\r\n"));
    assert_eq!(server.service.messages.lock().unwrap().len(), 2);
}

#[test]
fn a_message_that_has_begun_must_become_whole() {
    let server = Server::start(Limits { body_patience: Duration::from_millis(300), ..Limits::default() });
    let whole = message("master", &[b'x'; 100], &[]);
    // Never without a part of one, but each comes in time.
    let mut steady = server.connect();
    let (first, second) = whole.split_at(150);
    steady.write_all(first).unwrap();
    for _ in 0..10 {
        std::thread::sleep(Duration::from_millis(60));
        steady.write_all(&[second, first].concat()).unwrap();
    }
    steady.write_all(second).unwrap();
    for _ in 0..11 {
        assert!(read_until(&mut steady, "\r\n\r\n").starts_with("HTTP/1.1 202"));
    }
    for begun in [&whole[..20], first] {
        let mut stream = server.connect();
        stream.write_all(&whole).unwrap();
        stream.write_all(begun).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let replies: Vec<_> = answer.matches("HTTP/1.1 ").collect();
        assert!(answer.starts_with("HTTP/1.1 202") && replies.len() == 2, "{answer}");
        assert!(answer.contains("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    }
    // Those that wait between messages are waited for.
    steady.write_all(&whole).unwrap();
    assert!(read_until(&mut steady, "\r\n\r\n").starts_with("HTTP/1.1 202"));
}

#[test]
fn a_sender_that_says_so_is_left_after_its_reply() {
    let server = Server::start(Limits::default());
    let from = "Libprocess-From: a@1.2.3.4:1\r\n";
    for (head, count) in [
        (format!("POST /master/m HTTP/1.1\r\n{from}Connection: close\r\n\r\n"), 1),
        (format!("POST /master/m HTTP/1.0\r\n{from}\r\n"), 1),
        (
            format!(
                "POST /master/m HTTP/1.0\r\n{from}Connection: Keep-Alive\r\n\r\n\
                 POST /master/m HTTP/1.1\r\n{from}Connection: Close\r\n\r\n"
            ),
            2,
        ),
    ] {
        let answer = server.exchange(&head);
        assert!(answer.starts_with("HTTP/1.1 202 Accepted\r\n"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1 202").count(), count, "{answer} to {head}");
    }
}

#[test]
fn a_sender_without_an_address_is_heard() {
    let server = Server::start(Limits::default());
    let mut stream = server.connect();
    for from in ["nobody", "master@localhost:5050", "master@10.0.0.1:99999"] {
        let head = format!("POST /master/m HTTP/1.1\r\nLibprocess-From: {from}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        assert!(read_until(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 202"), "{from}");
    }
    let messages = server.service.messages.lock().unwrap();
    assert!(messages.len() == 3 && messages.iter().all(|message| message.from.is_empty()), "{messages:?}");
}

#[test]
fn what_is_no_message_ends_its_connection_alone() {
    let server = Server::start(Limits::default());
    let mut good = server.connect();
    good.write_all(&message("master", b"1", &[])).unwrap();
    read_until(&mut good, "\r\n\r\n");
    for bad in [
        "POST /master HTTP/1.1\r\nLibprocess-From: a@1.2.3.4:1\r\n\r\n",
        "POST / HTTP/1.1\r\nLibprocess-From: a@1.2.3.4:1\r\n\r\n",
        "POST /master/m HTTP/1.1\r\nLibprocess-From: a@1.2.3.4:1\r\nContent-Length: 99999999999\r\n\r\n",
        "POST /master/m HTTP/1.1\r\nLibprocess-From: a@1.2.3.4:1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let mut stream = server.connect();
        stream.write_all(bad.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer} for {bad}");
    }
    good.write_all(&message("master", b"2", &[])).unwrap();
    assert!(read_until(&mut good, "\r\n\r\n").starts_with("HTTP/1.1 202"));
}

#[test]
fn a_message_may_have_to_come_from_where_it_says() {
    let server = Server::start(Limits { match_peer_ip: true, ..Limits::default() });
    let mut stream = server.connect();
    stream.write_all(&message("master", b"1", &[])).unwrap();
    let reply = read_until(&mut stream, "127.0.0.1");
    assert!(reply.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{reply}");
    assert!(reply.ends_with("Message from slave(1)@10.0.0.7:5051 was sent from IP 127.0.0.1"), "{reply}");
    let own: Upid = "slave(1)@127.0.0.1:5051".parse().unwrap();
    let mut out = Vec::new();
    encode(
        &own,
        &"master@127.0.0.1:5050".parse().unwrap(),
        "mesos.internal.PongSlaveMessage",
        b"2",
        &[],
        &mut out,
    );
    stream.write_all(&out).unwrap();
    assert!(read_until(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 202"));
    assert_eq!(server.service.messages.lock().unwrap().len(), 1);
}
