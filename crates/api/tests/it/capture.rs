// SPDX-License-Identifier: Apache-2.0

//! A recorded conversation of Mesos's own processes, read and written again byte by byte.

use std::collections::BTreeMap;

use kaon_api::libprocess::{self, Decoder, Message, Upid};
use kaon_api::reencode;

const CAPTURE: &[u8] = include_bytes!("../golden/libprocess_agent_and_v0driver.pcap");

/// What each TCP connection carried in one direction, by source and destination port.
fn streams(capture: &[u8]) -> BTreeMap<(u16, u16), Vec<u8>> {
    let mut segments: BTreeMap<(u16, u16), BTreeMap<u32, &[u8]>> = BTreeMap::new();
    let big = |bytes: &[u8], at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let mut rest = &capture[24..];
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        let frame = &rest[16..16 + length];
        rest = &rest[16 + length..];
        // Ethernet, then IPv4, then TCP.
        let ip = &frame[14..];
        let tcp = &ip[usize::from(ip[0] & 15) * 4..usize::from(big(ip, 2))];
        let payload = &tcp[usize::from(tcp[12] >> 4) * 4..];
        if !payload.is_empty() {
            let sequence = u32::from_be_bytes(tcp[4..8].try_into().unwrap());
            segments.entry((big(tcp, 0), big(tcp, 2))).or_default().insert(sequence, payload);
        }
    }
    segments
        .into_iter()
        .map(|(ports, segments)| (ports, segments.into_values().collect::<Vec<_>>().concat()))
        .collect()
}

fn messages(stream: &[u8], piece: usize) -> Vec<Message> {
    let mut decoder = Decoder::default();
    let mut messages = Vec::new();
    for piece in stream.chunks(piece) {
        decoder.feed(piece);
        while let Some(message) = decoder.next_message().unwrap() {
            messages.push(message);
        }
    }
    messages
}

#[test]
fn recorded_messages_are_read_and_written_byte_by_byte() {
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for (ports, stream) in streams(CAPTURE) {
        if !stream.starts_with(b"POST ") {
            assert!(stream.starts_with(b"HTTP/1.1 202 Accepted\r\n"), "{ports:?}");
            continue;
        }
        let messages = messages(&stream, 7);
        let mut written = Vec::new();
        for message in &messages {
            let body = reencode(&message.name, &message.body).expect("the name is in the contract");
            assert_eq!(body.as_ref(), Ok(&message.body), "{}", message.name);
            let to: Upid = format!("{}@127.0.0.1:{}", message.to, ports.1).parse().unwrap();
            libprocess::encode(&message.from, &to, &message.name, &message.body, &[], &mut written);
            *names.entry(message.name.clone()).or_default() += 1;
        }
        // Mesos 1.11 leaves the host empty; later ones name it, as HTTP wants it.
        let host = format!("Host: 127.0.0.1:{}\r\n", ports.1);
        let written = String::from_utf8_lossy(&written).replace(&host, "Host: \r\n");
        assert_eq!(written, String::from_utf8_lossy(&stream), "{ports:?}");
    }
    let names: Vec<(&str, usize)> = names.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(
        names,
        [
            ("mesos.internal.FrameworkRegisteredMessage", 1),
            ("mesos.internal.PingSlaveMessage", 5),
            ("mesos.internal.PongSlaveMessage", 5),
            ("mesos.internal.RegisterSlaveMessage", 1),
            ("mesos.internal.ResourceOffersMessage", 2),
            ("mesos.internal.ShutdownFrameworkMessage", 2),
            ("mesos.internal.SlaveRegisteredMessage", 1),
            ("mesos.internal.UpdateSlaveMessage", 1),
            ("mesos.scheduler.Call", 1),
        ]
    );
}
