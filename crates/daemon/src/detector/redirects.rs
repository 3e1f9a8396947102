// SPDX-License-Identifier: Apache-2.0

//! Finds the leader among several masters by asking any of them.

use std::net::SocketAddrV4;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::LOCATION;
use kaon_agent::Agent;
use kaon_agent::input::Input;
use kaon_sdk::Address;
use kaon_sdk::http::Client;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use super::{info, locate, split};
use crate::runtime::Door;

/// How often it is asked who leads while all seems well: many agents ask.
const CALM: Duration = Duration::from_secs(60);
/// The same, while no leader is known, or the last one has just been lost.
const EAGER: Duration = Duration::from_secs(1);
/// How long after a loss that goes on.
const EAGER_FOR: Duration = Duration::from_secs(120);
/// Bound: how long one master may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Tells an agent who leads until its loop has ended.
pub async fn follow(masters: Vec<(String, u16)>, lost: &Notify, door: &Door<Agent>) {
    let client = Client::new();
    let mut known = None;
    let mut eager_until = Instant::now() + EAGER_FOR;
    loop {
        if let Some(leader) = ask(&client, &masters).await
            && known != Some(leader)
        {
            known = Some(leader);
            let master = Some(Box::new(info(leader).await));
            if door.put(Input::Leader { master }).await.is_err() {
                return;
            }
            eager_until = Instant::now();
        }
        let calm = known.is_some() && Instant::now() >= eager_until;
        tokio::select! {
            () = sleep(if calm { CALM } else { EAGER }) => {}
            () = lost.notified(), if calm => eager_until = Instant::now() + EAGER_FOR,
        }
    }
}

/// The leader by the first answer that names one.
async fn ask(client: &Client, masters: &[(String, u16)]) -> Option<SocketAddrV4> {
    for (host, port) in masters {
        let address = Address::new(host.clone(), *port);
        let asked = timeout(ANSWER, client.get(&address, "/master/redirect")).await;
        let Ok(Ok(response)) = asked else { continue };
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        if response.status() != StatusCode::TEMPORARY_REDIRECT {
            continue;
        }
        let Some((host, port)) = location.and_then(|location| split(location.strip_prefix("//")?)) else {
            continue;
        };
        match locate(&host, port).await {
            Some(leader) => return Some(leader),
            None => {
                tracing::warn!("The leading master calls its host '{host}', which has no IPv4 address here")
            }
        }
    }
    None
}
