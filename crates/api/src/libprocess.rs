// SPDX-License-Identifier: Apache-2.0

//! The transport of Mesos's internal messages: one HTTP request per message, written by one process to another.
//!
//! Replies never travel back over the same connection: a peer answers by a message to the address in
//! `Libprocess-From`. So a sender may pipeline as much as it likes.

mod decode;
mod upid;

pub use decode::{Decoder, FrameError, Message};
pub use upid::Upid;

/// Appends the request that carries one message, byte for byte as libprocess writes it.
///
/// `headers` are further lines that only Kaon's own parts understand; Mesos ignores them.
pub fn encode(from: &Upid, to: &Upid, name: &str, body: &[u8], headers: &[(&str, &str)], out: &mut Vec<u8>) {
    use std::io::Write;
    let sink = "writing to memory succeeds";
    if to.id.is_empty() {
        write!(out, "POST /{name} HTTP/1.1\r\n").expect(sink);
    } else {
        write!(out, "POST /{}/{name} HTTP/1.1\r\n", to.id).expect(sink);
    }
    out.extend_from_slice(b"User-Agent: libprocess/");
    let start = out.len();
    write!(out, "{from}").expect(sink);
    let sender = start..out.len();
    out.extend_from_slice(b"\r\nLibprocess-From: ");
    out.extend_from_within(sender);
    out.extend_from_slice(b"\r\nConnection: Keep-Alive\r\n");
    write!(out, "Host: {}:{}\r\n", to.ip, to.port).expect(sink);
    for (header, value) in headers {
        write!(out, "{header}: {value}\r\n").expect(sink);
    }
    // Mesos: an empty message says nothing of its length at all.
    if body.is_empty() {
        out.extend_from_slice(b"\r\n");
        return;
    }
    write!(out, "Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len()).expect(sink);
    out.extend_from_slice(body);
    out.extend_from_slice(b"\r\n0\r\n\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn upid(text: &str) -> Upid {
        text.parse().unwrap()
    }

    #[test]
    fn a_message_is_framed_as_libprocess_does() {
        let mut out = Vec::new();
        let (from, to) = (upid("slave(1)@10.0.0.7:5051"), upid("master@10.0.0.1:5050"));
        encode(&from, &to, "mesos.internal.X", b"hello world, hello", &[], &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "POST /master/mesos.internal.X HTTP/1.1\r\nUser-Agent: libprocess/slave(1)@10.0.0.7:5051\r\n\
             Libprocess-From: slave(1)@10.0.0.7:5051\r\nConnection: Keep-Alive\r\nHost: 10.0.0.1:5050\r\n\
             Transfer-Encoding: chunked\r\n\r\n12\r\nhello world, hello\r\n0\r\n\r\n"
        );
    }

    proptest! {
        #[test]
        fn pipelined_messages_survive_any_split(bodies: Vec<Vec<u8>>, cut in 1..300usize) {
            let (from, to) = (upid("slave(1)@10.0.0.7:5051"), upid("master@10.0.0.1:5050"));
            let mut stream = Vec::new();
            for body in &bodies {
                encode(&from, &to, "mesos.internal.PongSlaveMessage", body, &[("Kaon-Hint", "1")], &mut stream);
            }
            let mut decoder = Decoder::default();
            let mut read = Vec::new();
            for piece in stream.chunks(cut) {
                decoder.feed(piece);
                while let Some(message) = decoder.next_message().unwrap() {
                    prop_assert_eq!(&message.from, &from);
                    prop_assert_eq!(&message.to, "master");
                    prop_assert_eq!(&message.name, "mesos.internal.PongSlaveMessage");
                    prop_assert!(message.headers.contains(&("Kaon-Hint".into(), "1".into())));
                    read.push(message.body);
                }
            }
            prop_assert_eq!(read, bodies);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let mut decoder = Decoder::default();
            decoder.feed(&bytes);
            while let Ok(Some(_)) = decoder.next_message() {}
        }
    }
}
