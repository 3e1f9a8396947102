// SPDX-License-Identifier: Apache-2.0

//! One connection on which a libprocess peer sends its messages.
//!
//! It has no time limit, and we never close it first: to the peer that would mean that this process has gone.

use std::io;
use std::net::IpAddr;

use kaon_api::libprocess::{Decoder, FrameError, Message};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::encode::date;
use super::incoming::Share;
use super::{Delivery, Service};

/// With this header, a sender that is Kaon says that it wants no replies. Mesos ignores it.
pub const REPLIES: (&str, &str) = ("Kaon-Replies", "none");

/// Bound: replies that the peer has not taken; beyond it nothing more is read from that peer.
const REPLIES_MAX: usize = 1 << 20;
/// Bound: what is read at once. There may be thousands of peers, each with a buffer.
const READ: usize = 16 << 10;
/// What a connection may keep of unfinished messages without asking whether there is room.
const USUAL: usize = 64 << 10;

/// `begun` was read from the connection already. Where `only` is set, messages that say that they come from another
/// address are refused. What has arrived of large messages is counted in `share`.
pub async fn serve<C, S>(
    connection: C,
    begun: Vec<u8>,
    service: &S,
    only: Option<IpAddr>,
    mut share: Share,
) -> io::Result<()>
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: Service,
{
    let (mut reader, mut writer) = tokio::io::split(connection);
    let mut decoder = Decoder::default();
    let mut replies = Vec::new();
    let mut read = begun;
    loop {
        decoder.feed(&read);
        if let Err(error) = take_messages(&mut decoder, &mut replies, service, only).await {
            tracing::warn!("Closing a peer's connection: {error}");
            replies.extend_from_slice(&reply("400 Bad Request", &error.to_string()));
            return writer.write_all(&replies).await;
        }
        if !share.set(decoder.held().saturating_sub(USUAL)) {
            tracing::warn!("Closing a peer's connection: large messages of others leave no room for its own");
            replies.extend_from_slice(&reply("503 Service Unavailable", ""));
            return writer.write_all(&replies).await;
        }
        read.clear();
        read.reserve(READ);
        // The replies are written while more is read: a peer need not read before it has sent everything.
        while read.is_empty() {
            let may_read = replies.len() < REPLIES_MAX;
            tokio::select! {
                written = writer.write(&replies), if !replies.is_empty() => {
                    replies.drain(..written?);
                }
                count = reader.read_buf(&mut read), if may_read => if count? == 0 {
                    return Ok(());
                }
            }
        }
    }
}

async fn take_messages<S: Service>(
    decoder: &mut Decoder,
    replies: &mut Vec<u8>,
    service: &S,
    only: Option<IpAddr>,
) -> Result<(), FrameError> {
    while let Some(message) = decoder.next_message()? {
        if let Some(ip) = only.filter(|ip| *ip != message.from.ip) {
            let from = &message.from;
            let text =
                format!("UPID IP address validation failed: Message from {from} was sent from IP {ip}");
            replies.extend_from_slice(&reply("400 Bad Request", &text));
            continue;
        }
        let silent = wants_no_reply(&message);
        let delivery = service.message(message).await;
        if !silent {
            replies.extend_from_slice(&match delivery {
                Delivery::Accepted => reply("202 Accepted", ""),
                Delivery::NoActor => reply("404 Not Found", ""),
            });
        }
    }
    Ok(())
}

fn wants_no_reply(message: &Message) -> bool {
    let says = |(name, value): &(String, String)| name.eq_ignore_ascii_case(REPLIES.0) && value == REPLIES.1;
    message.headers.iter().any(says)
}

fn reply(status: &str, text: &str) -> Vec<u8> {
    let date = date();
    let date = date.to_str().unwrap_or_default();
    let kind = if text.is_empty() { "" } else { "Content-Type: text/plain; charset=utf-8\r\n" };
    format!("HTTP/1.1 {status}\r\nDate: {date}\r\n{kind}Content-Length: {}\r\n\r\n{text}", text.len())
        .into_bytes()
}
