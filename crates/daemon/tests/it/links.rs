// SPDX-License-Identifier: Apache-2.0

//! How messages reach peers, and what is told of peers that end.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::time::Duration;

use kaon_api::libprocess::{Decoder, Message, Upid};
use kaon_daemon::links::{Links, Options, Outgoing};
use tokio::sync::mpsc::Receiver;

struct Peers {
    links: Links,
    ended: Receiver<SocketAddrV4>,
    runtime: tokio::runtime::Runtime,
}

fn peers(options: Options) -> Peers {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (links, ended) = Links::new(runtime.handle().clone(), options);
    Peers { links, ended, runtime }
}

impl Peers {
    fn send(&mut self, to: SocketAddrV4, body: &str) {
        let body = body.as_bytes().to_vec();
        self.links.send(Outgoing {
            from: "master@10.0.0.1:5050".parse().unwrap(),
            to: Upid::new("slave(1)", to),
            encode: Box::new(move || ("mesos.internal.PingSlaveMessage", body)),
        });
    }

    /// The next link that ends within so many milliseconds.
    fn ended(&mut self, millis: u64) -> Option<SocketAddrV4> {
        let next = self.ended.recv();
        self.runtime.block_on(async {
            tokio::time::timeout(Duration::from_millis(millis), next).await.ok().flatten()
        })
    }
}

fn listen() -> (TcpListener, SocketAddrV4) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = match listener.local_addr().unwrap() {
        std::net::SocketAddr::V4(address) => address,
        std::net::SocketAddr::V6(_) => unreachable!("the address was given as v4"),
    };
    (listener, address)
}

/// The accepting end of a connection.
struct Inbox {
    stream: TcpStream,
    decoder: Decoder,
}

fn accept(listener: &TcpListener) -> Inbox {
    let stream = listener.accept().unwrap().0;
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    Inbox { stream, decoder: Decoder::default() }
}

impl Inbox {
    /// Reads so many messages, answering each as Mesos does.
    fn read(&mut self, count: usize) -> Vec<Message> {
        let mut buffer = [0; 4096];
        let mut messages = Vec::new();
        loop {
            while let Some(message) = self.decoder.next_message().unwrap() {
                self.stream.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").unwrap();
                messages.push(message);
                if messages.len() == count {
                    return messages;
                }
            }
            let length = self.stream.read(&mut buffer).unwrap();
            assert!(length > 0, "the connection ended after {} messages", messages.len());
            self.decoder.feed(&buffer[..length]);
        }
    }
}

#[test]
fn linked_messages_come_in_order_on_one_connection_that_stays() {
    let (listener, address) = listen();
    let mut peers = peers(Options { idle: Duration::from_millis(50), ..Options::default() });
    peers.links.link(address);
    let mut stream = accept(&listener);
    for number in 0..5000 {
        peers.send(address, &number.to_string());
    }
    let messages = stream.read(5000);
    let bodies: Vec<String> = messages.iter().map(|m| String::from_utf8(m.body.clone()).unwrap()).collect();
    assert_eq!(bodies, (0..5000).map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!((messages[0].to.as_str(), messages[0].from.id.as_str()), ("slave(1)", "master"));
    std::thread::sleep(Duration::from_millis(200));
    peers.send(address, "after a pause");
    assert_eq!(stream.read(1)[0].body, b"after a pause");
    assert_eq!(peers.ended(100), None);
}

#[test]
fn an_unlinked_connection_ends_when_all_is_said() {
    let (listener, address) = listen();
    let mut peers = peers(Options { idle: Duration::from_millis(50), ..Options::default() });
    for round in ["first", "second"] {
        peers.send(address, round);
        peers.send(address, "more");
        let mut stream = accept(&listener);
        let messages = stream.read(2);
        assert_eq!(messages[0].body, round.as_bytes());
        assert_eq!(stream.stream.read(&mut [0; 10]).unwrap(), 0, "the sender closes");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(peers.ended(100), None);
}

#[test]
fn a_peer_that_closes_has_exited_and_can_be_linked_again() {
    let (listener, address) = listen();
    let mut peers = peers(Options::default());
    for reset in [false, true, false] {
        peers.links.link(address);
        peers.send(address, "hello");
        let mut stream = accept(&listener);
        assert_eq!(stream.read(1)[0].body, b"hello");
        if reset {
            rustix::net::sockopt::set_socket_linger(&stream.stream, Some(Duration::ZERO)).unwrap();
        }
        drop(stream);
        assert_eq!(peers.ended(20_000), Some(address));
        assert_eq!(peers.ended(100), None, "the end is told once");
    }
}

#[test]
fn a_peer_that_refuses_has_exited_if_it_was_to_be_linked() {
    let (listener, address) = listen();
    drop(listener);
    let mut peers = peers(Options::default());
    peers.send(address, "lost");
    assert_eq!(peers.ended(300), None);
    peers.links.link(address);
    peers.send(address, "lost");
    assert_eq!(peers.ended(20_000), Some(address));
}

#[test]
fn linking_again_replaces_the_connection_without_an_end() {
    let (listener, address) = listen();
    let mut peers = peers(Options::default());
    peers.links.link(address);
    peers.send(address, "1");
    let mut first = accept(&listener);
    assert_eq!(first.read(1)[0].body, b"1");
    peers.send(address, "2");
    peers.links.link(address);
    peers.send(address, "3");
    assert_eq!(first.read(1)[0].body, b"2");
    let mut second = accept(&listener);
    assert_eq!(second.read(1)[0].body, b"3");
    assert_eq!(first.stream.read(&mut [0; 10]).unwrap(), 0, "the old connection is closed");
    assert_eq!(peers.ended(200), None);
    drop(second);
    assert_eq!(peers.ended(20_000), Some(address));
}

#[test]
fn a_peer_that_falls_silent_is_redialled_and_has_not_exited() {
    let (listener, address) = listen();
    let mut peers = peers(Options { dead_after: Duration::from_millis(500), ..Options::default() });
    peers.links.link(address);
    let first = accept(&listener);
    // It takes nothing, so its window closes, and what is sent stays unacknowledged.
    for _ in 0..8 {
        peers.send(address, &"x".repeat(2 << 20));
    }
    let mut second = accept(&listener);
    assert_eq!(peers.ended(200), None);
    peers.send(address, "again");
    let last = loop {
        let message = second.read(1).remove(0);
        if message.body.len() < 100 {
            break message;
        }
    };
    assert_eq!(last.body, b"again");
    drop(first);
    assert_eq!(peers.ended(200), None);
}

#[test]
fn messages_to_nobody_are_dropped() {
    let mut peers = peers(Options::default());
    peers.send("0.0.0.0:0".parse().unwrap(), "to an HTTP framework");
    assert_eq!(peers.ended(100), None);
}
