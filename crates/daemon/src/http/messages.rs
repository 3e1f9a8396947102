// SPDX-License-Identifier: Apache-2.0

//! One connection on which a libprocess peer sends its messages.
//!
//! Between messages it has no time limit, and we close it first only if the peer says so: to the peer it would mean that
//! this process has gone.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use kaon_api::libprocess::{Decoder, FrameError, Message};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout};

use super::encode::date;
use super::incoming::{Share, USUAL};
use super::{Delivery, Service};

/// With this header, a sender that is Kaon says that it wants no replies. Mesos ignores it.
pub const REPLIES: (&str, &str) = ("Kaon-Replies", "none");

/// Bound: replies that the peer has not taken; beyond it nothing more is read from that peer.
const REPLIES_MAX: usize = 1 << 20;
/// Bound: what is read at once. There may be thousands of peers, each with a buffer.
const READ: usize = 16 << 10;

/// `begun` was read from the connection already. Where `only` is set, messages that say that they come from another
/// address are refused. What has arrived of large messages is counted in `share`; a message that has begun must be whole
/// within `patience`.
pub async fn serve<C, S>(
    connection: C,
    begun: Vec<u8>,
    service: &S,
    only: Option<IpAddr>,
    mut share: Share,
    patience: Duration,
) -> io::Result<()>
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: Service,
{
    let (mut reader, mut writer) = tokio::io::split(connection);
    let mut decoder = Decoder::default();
    let mut replies = Vec::new();
    let mut read = begun;
    // When the message that has begun must be whole.
    let mut end = None;
    loop {
        decoder.feed(&read);
        match take_messages(&mut decoder, &mut replies, service, only).await {
            Ok(Taken { is_last: true, .. }) => return finish(&mut writer, &replies, patience).await,
            Ok(Taken { any: true, .. }) => end = None,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!("Closing a peer's connection: {error}");
                replies.extend_from_slice(&reply("400 Bad Request", &error.to_string()));
                return finish(&mut writer, &replies, patience).await;
            }
        }
        end = decoder.is_within_message().then(|| end.unwrap_or_else(|| Instant::now() + patience));
        if !share.set(decoder.held().saturating_sub(USUAL)) {
            tracing::warn!("Closing a peer's connection: large messages of others leave no room for its own");
            replies.extend_from_slice(&reply("503 Service Unavailable", ""));
            return finish(&mut writer, &replies, patience).await;
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
                },
                () = sleep_until(end.unwrap_or_else(Instant::now)), if end.is_some() => {
                    tracing::warn!("Closing a peer's connection: its message takes too long to arrive");
                    replies.extend_from_slice(&reply("408 Request Timeout", ""));
                    return finish(&mut writer, &replies, patience).await;
                }
            }
        }
    }
}

/// Writes what is left to be said before a connection ends. A peer that does not take it is not waited for any longer.
async fn finish<W: AsyncWrite + Unpin>(writer: &mut W, replies: &[u8], patience: Duration) -> io::Result<()> {
    timeout(patience, writer.write_all(replies)).await?
}

#[derive(Default)]
struct Taken {
    any: bool,
    /// The connection is to end.
    is_last: bool,
}

/// Hands on the messages that are whole.
async fn take_messages<S: Service>(
    decoder: &mut Decoder,
    replies: &mut Vec<u8>,
    service: &S,
    only: Option<IpAddr>,
) -> Result<Taken, FrameError> {
    let mut taken = Taken::default();
    while !taken.is_last
        && let Some(message) = decoder.next_message()?
    {
        taken = Taken { any: true, is_last: message.is_last };
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
    Ok(taken)
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
