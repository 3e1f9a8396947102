// SPDX-License-Identifier: Apache-2.0

//! Keeps a framework subscribed.

use std::sync::Arc;
use std::time::Duration;

use kaon_api::v1;
use kaon_api::v1::scheduler::Call;
use kaon_api::v1::scheduler::call::{Subscribe, Type};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::{Active, Event, Phase, Shared, Subscribed};
use crate::backoff::Backoff;
use crate::calls::Calls;
use crate::finder::Finder;
use crate::http::ANSWER_TIMEOUT;
use crate::records::Records;
use crate::subscription::{self, Answer};
use crate::{Address, Error, Masters, random};

const PATH: &str = "/api/v1/scheduler";
/// Bound: redirects followed before the next pause; masters that disagree on the leader would send us in circles.
const REDIRECTS_MAX: usize = 4;
/// A master that says nothing for so many heartbeat intervals is given up.
const SILENT_INTERVALS: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// A subscription that lasted so long was a good one: the next loss starts with short waits again.
const GOOD_SUBSCRIPTION: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Session {
    finder: Finder,
    shared: Arc<Shared>,
    backoff: Backoff,
    /// Who led last.
    leader: Option<Address>,
    /// Who was asked last.
    tried: Option<Address>,
    /// Which of the masters is asked next.
    next: usize,
}

/// A subscription that stands.
#[derive(Debug)]
pub(super) struct Live {
    records: Records,
    subscribed: Subscribed,
    calls: JoinHandle<()>,
    since: Instant,
}

/// Why a subscription is over.
enum End {
    /// Nobody wants it any more.
    Unwanted,
    Refused(String),
    Lost(String),
}

impl Session {
    pub(super) fn new(masters: Masters, shared: Arc<Shared>) -> Session {
        Session {
            finder: Finder::new(masters),
            shared,
            backoff: Backoff::new(FIRST_WAIT, LONGEST_WAIT),
            leader: None,
            tried: None,
            next: 0,
        }
    }

    /// Subscribes with the leader, trying again until `deadline`.
    pub(super) async fn establish(&mut self, deadline: Option<Instant>) -> Result<Live, Error> {
        loop {
            let error = match self.attempt().await {
                Ok(live) => return Ok(live),
                Err(error) => error,
            };
            let wait = self.backoff.wait(random::number());
            let in_vain = deadline.is_some_and(|deadline| Instant::now() + wait > deadline);
            if in_vain || !error.is_passing() {
                return Err(error);
            }
            tracing::debug!(%error, ?wait, "will try to subscribe again");
            // A new leader need not be waited for.
            let replaced = async {
                match &self.tried {
                    Some(tried) => self.finder.replaced(tried).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = sleep(wait) => {}
                // It may not be ready yet.
                () = replaced => self.backoff.reset(),
            }
        }
    }

    async fn attempt(&mut self) -> Result<Live, Error> {
        let mut address = match self.leader.take() {
            Some(leader) => leader,
            None => self.next_master().await?,
        };
        for _ in 0..=REDIRECTS_MAX {
            self.tried = Some(address.clone());
            let call = self.shared.subscribe();
            match subscription::open(&address, PATH, self.shared.encoding, None, &call).await? {
                Answer::Redirect(leader) => address = leader,
                Answer::Stream { records, stream_id } => return self.begin(records, stream_id).await,
            }
        }
        Err(Error::NoLeader { address })
    }

    async fn next_master(&mut self) -> Result<Address, Error> {
        let addresses = self.finder.candidates().await?;
        let address = addresses[self.next % addresses.len()].clone();
        self.next = self.next.wrapping_add(1);
        Ok(address)
    }

    /// Reads the first event, which decides whether there is a subscription at all.
    async fn begin(&mut self, mut records: Records, stream_id: Option<String>) -> Result<Live, Error> {
        let address = records.address().clone();
        let first = timeout(ANSWER_TIMEOUT, records.next::<v1::scheduler::Event>()).await;
        let what = "confirm the subscription";
        let first = first.map_err(|_| Error::Timeout {
            address: address.clone(),
            what,
            within: ANSWER_TIMEOUT,
        })??;
        let subscribed = match first.and_then(Event::from_wire) {
            Some(Event::Subscribed(subscribed)) => subscribed,
            Some(Event::Error(message)) => return Err(Error::Refused(message)),
            _ => {
                let reason = "the event stream does not begin with SUBSCRIBED".to_owned();
                return Err(Error::Unreadable { address, reason });
            }
        };
        let stream_id = stream_id.map_or(String::new(), |id| format!("Mesos-Stream-Id: {id}\r\n"));
        let headers = format!("Content-Type: {}\r\n{stream_id}", self.shared.encoding.media_type());
        let (calls, task) = Calls::open(address.clone(), PATH, &headers);
        self.leader = Some(address.clone());
        let mut state = self.shared.lock();
        state.framework.id = Some(subscribed.framework_id.clone());
        state.active = Some(Active { address, calls });
        drop(state);
        Ok(Live { records, subscribed, calls: task, since: Instant::now() })
    }

    /// Hands events on and subscribes again whenever that is needed, until nobody listens or a master refuses.
    pub(super) async fn run(mut self, mut live: Live, events: mpsc::Sender<Event>) {
        loop {
            let end = self.listen(&mut live, &events).await;
            if matches!(end, End::Lost(_)) && self.shared.is_torn_down().await {
                return;
            }
            self.shared.lock().active = None;
            let refused = match end {
                End::Unwanted => return,
                End::Refused(message) => Some(message),
                End::Lost(reason) => {
                    // Who waits for an answer is to learn now that none will come.
                    live.calls.abort();
                    tracing::info!(reason, "the subscription is lost");
                    if live.since.elapsed() > GOOD_SUBSCRIPTION {
                        self.backoff.reset();
                    }
                    let told = events.send(Event::Disconnected(reason)).await;
                    match self.establish_while_wanted(&events).await {
                        _ if told.is_err() => return,
                        None => return,
                        Some(Ok(next)) => {
                            live = next;
                            None
                        }
                        Some(Err(Error::Refused(message))) => Some(message),
                        Some(Err(error)) => Some(error.to_string()),
                    }
                }
            };
            if let Some(message) = refused {
                // Whether anybody still listens makes no difference at the end.
                drop(events.send(Event::Error(message)).await);
                return;
            }
        }
    }

    async fn establish_while_wanted(&mut self, events: &mpsc::Sender<Event>) -> Option<Result<Live, Error>> {
        let shared = Arc::clone(&self.shared);
        let wait = self.backoff.wait(random::number());
        let establish = async {
            // All frameworks lost the master at the same moment.
            sleep(wait).await;
            self.establish(None).await
        };
        tokio::select! {
            live = establish => Some(live),
            () = events.closed() => None,
            () = shared.until_ended() => None,
        }
    }

    async fn listen(&self, live: &mut Live, events: &mpsc::Sender<Event>) -> End {
        if events.send(Event::Subscribed(live.subscribed.clone())).await.is_err() {
            return End::Unwanted;
        }
        let address = live.records.address().clone();
        let silence = live.subscribed.heartbeat_interval * SILENT_INTERVALS;
        loop {
            let event = tokio::select! {
                event = timeout(silence, live.records.next::<v1::scheduler::Event>()) => event,
                () = events.closed() => return End::Unwanted,
                () = self.shared.until_ended() => return End::Unwanted,
                () = self.finder.replaced(&address) => {
                    return End::Lost(format!("another master than {address} leads"));
                }
            };
            let event = match event {
                Err(_) => return End::Lost(format!("no word from the master at {address} for {silence:?}")),
                Ok(Err(error)) => return End::Lost(error.to_string()),
                Ok(Ok(None)) => return End::Lost(format!("the master at {address} ended the event stream")),
                Ok(Ok(Some(event))) => event,
            };
            let Some(event) = Event::from_wire(event) else { continue };
            if let Event::Error(message) = event {
                return End::Refused(message);
            }
            if events.send(event).await.is_err() {
                return End::Unwanted;
            }
        }
    }
}

impl Shared {
    fn subscribe(&self) -> Call {
        let state = self.lock();
        let subscribe = Subscribe {
            framework_info: Box::new(state.framework.clone()),
            suppressed_roles: state.suppressed.iter().cloned().collect(),
            offer_constraints: state.offer_constraints.clone(),
            ..Default::default()
        };
        Call {
            framework_id: state.framework.id.clone(),
            r#type: Some(Type::Subscribe),
            subscribe: Some(subscribe),
            ..Default::default()
        }
    }

    async fn until_ended(&self) {
        // The sender lives in `self`, so this cannot fail.
        drop(self.phase.subscribe().wait_for(|phase| *phase == Phase::Ended).await);
    }

    /// Awaits the answer to a teardown that is under way, while calls can still be answered.
    async fn is_torn_down(&self) -> bool {
        let mut phase = self.phase.subscribe();
        let decided = phase.wait_for(|phase| *phase != Phase::Ending);
        matches!(timeout(ANSWER_TIMEOUT, decided).await, Ok(Ok(phase)) if *phase == Phase::Ended)
    }
}
