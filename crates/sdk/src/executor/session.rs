// SPDX-License-Identifier: Apache-2.0

//! Keeps an executor subscribed with its agent.

use std::sync::Arc;
use std::time::Duration;

use kaon_api::v1;
use kaon_api::v1::executor::Call;
use kaon_api::v1::executor::call::Type;
use kaon_api::v1::executor::event;
use kaon_api::v1::{ExecutorID, FrameworkID};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval_at, sleep};

use super::{Event, Shared, Subscribed};
use crate::backoff::Backoff;
use crate::calls::Calls;
use crate::records::Records;
use crate::subscription::{self, Answer};
use crate::{Error, random};

const PATH: &str = "/api/v1/executor";
/// How long the agent is waited for at first. Mesos: it gives an executor a minute to subscribe.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// Mesos: heartbeats only keep the connection from being taken for dead on its way.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(30 * 60);

#[derive(Debug)]
pub(super) struct Session {
    shared: Arc<Shared>,
}

/// A subscription that stands.
#[derive(Debug)]
pub(super) struct Live {
    records: Records,
    calls: JoinHandle<()>,
}

/// Why a subscription is over.
enum End {
    /// The last event has been handed on, or nobody listens.
    Over,
    Lost(String),
}

impl Session {
    pub(super) fn new(shared: Arc<Shared>) -> Session {
        Session { shared }
    }

    /// Subscribes, trying again for as long as `patience`.
    pub(super) async fn establish(&mut self, patience: Duration) -> Result<Live, Error> {
        let started = Instant::now();
        let longest = self.shared.environment.subscription_backoff_max.max(FIRST_WAIT);
        let mut backoff = Backoff::new(FIRST_WAIT, longest);
        loop {
            let error = match self.attempt().await {
                Ok(live) => return Ok(live),
                Err(error) => error,
            };
            let wait = backoff.wait(random::number());
            if !error.is_passing() {
                return Err(error);
            }
            if started.elapsed() + wait > patience {
                return Err(Error::AgentLost(patience));
            }
            tracing::debug!(%error, ?wait, "will try to subscribe again");
            sleep(wait).await;
        }
    }

    async fn attempt(&mut self) -> Result<Live, Error> {
        let address = self.shared.address().clone();
        let token = self.shared.environment.authentication_token.as_deref();
        let authorization = token.map(|token| format!("Bearer {token}"));
        let encoding = self.shared.encoding;
        let call = self.shared.subscribe();
        let answer = subscription::open(&address, PATH, encoding, authorization.as_deref(), &call).await?;
        let Answer::Stream { records, .. } = answer else {
            return Err(Error::Unreadable { address, reason: "an agent does not redirect".to_owned() });
        };
        let shown = authorization.map_or(String::new(), |shown| format!("Authorization: {shown}\r\n"));
        let headers = format!("Content-Type: {}\r\n{shown}", encoding.media_type());
        let (calls, task) = Calls::open(address, PATH, &headers);
        self.shared.open(calls, &call)?;
        Ok(Live { records, calls: task })
    }

    /// Hands events on until the executor is to end.
    pub(super) async fn run(mut self, mut live: Live, events: mpsc::Sender<Event>) {
        loop {
            let end = self.listen(&mut live, &events).await;
            let End::Lost(reason) = end else { return };
            self.shared.lock().calls = None;
            live.calls.abort();
            // Whether anybody still listens is seen below.
            drop(events.send(Event::Disconnected(reason)).await);
            let environment = &self.shared.environment;
            let patience = environment.checkpoint.then_some(environment.recovery_timeout);
            let next = match patience {
                None => Err(Event::Shutdown),
                Some(patience) => self.establish_while_wanted(patience, &events).await,
            };
            match next {
                Ok(next) => live = next,
                Err(last) => return drop(events.send(last).await),
            }
        }
    }

    /// The next subscription, or the last event.
    async fn establish_while_wanted(
        &mut self,
        patience: Duration,
        events: &mpsc::Sender<Event>,
    ) -> Result<Live, Event> {
        let live = tokio::select! {
            live = self.establish(patience) => live,
            () = events.closed() => return Err(Event::Shutdown),
        };
        live.map_err(|error| match error {
            Error::AgentLost(_) => Event::Shutdown,
            error => Event::Error(error.to_string()),
        })
    }

    async fn listen(&self, live: &mut Live, events: &mpsc::Sender<Event>) -> End {
        let mut heartbeat = interval_at(Instant::now() + HEARTBEAT_INTERVAL, HEARTBEAT_INTERVAL);
        let agent = self.shared.address();
        // From then on only acknowledgements matter: the executor tells the ends of its tasks.
        let mut shut_down = false;
        loop {
            let event = tokio::select! {
                event = live.records.next::<v1::executor::Event>() => event,
                () = events.closed() => return End::Over,
                _ = heartbeat.tick() => {
                    self.send_heartbeat().await;
                    continue;
                }
            };
            let event = match event {
                Err(_) | Ok(None) if shut_down => return End::Over,
                Err(error) => return End::Lost(error.to_string()),
                Ok(None) => return End::Lost(format!("the agent at {agent} ended the event stream")),
                Ok(Some(event)) => event,
            };
            let Some(event) = Event::from_wire(event) else { continue };
            self.shared.note(&event);
            if shut_down {
                continue;
            }
            shut_down = matches!(event, Event::Shutdown);
            let is_last = matches!(event, Event::Error(_));
            if events.send(event).await.is_err() || is_last {
                return End::Over;
            }
        }
    }

    async fn send_heartbeat(&self) {
        let calls = self.shared.lock().calls.clone();
        let unused = "unused";
        let heartbeat = Call {
            executor_id: ExecutorID::from(unused),
            framework_id: FrameworkID::from(unused),
            r#type: Some(Type::Heartbeat),
            ..Default::default()
        };
        if let Some(calls) = calls
            && let Ok(room) = calls.room().await
        {
            room.post(self.shared.encoding.encode(&heartbeat));
        }
    }
}

impl Event {
    /// None for heartbeats, for kinds that are newer than this library, and for events without their content.
    fn from_wire(event: v1::executor::Event) -> Option<Event> {
        use event::Type;
        Some(match event.r#type? {
            Type::Subscribed => Event::Subscribed(Box::new((*event.subscribed?).into())),
            Type::Launch => Event::Launch(event.launch?.task),
            Type::LaunchGroup => Event::LaunchGroup(event.launch_group?.task_group),
            Type::Kill => {
                let kill = event.kill?;
                Event::Kill { task_id: kill.task_id, policy: kill.kill_policy }
            }
            Type::Acknowledged => {
                let acknowledged = event.acknowledged?;
                Event::Acknowledged { task_id: acknowledged.task_id, uuid: acknowledged.uuid }
            }
            Type::Message => Event::Message(event.message?.data),
            Type::Error => Event::Error(event.error?.message),
            Type::Shutdown => Event::Shutdown,
            Type::Unknown | Type::Heartbeat => return None,
        })
    }
}

impl From<event::Subscribed> for Subscribed {
    fn from(subscribed: event::Subscribed) -> Subscribed {
        Subscribed {
            executor: *subscribed.executor_info,
            framework: *subscribed.framework_info,
            agent: *subscribed.agent_info,
            container_id: subscribed.container_id,
        }
    }
}
