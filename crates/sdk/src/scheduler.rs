// SPDX-License-Identifier: Apache-2.0

//! The side of a framework that asks for resources.
//!
//! [`Scheduler::connect`] subscribes and stays subscribed: when the master goes away or falls silent, it is looked for
//! anew, among all masters given, and the framework goes on under its id. Updates that were not acknowledged are
//! sent again by their agents; offers are void after [`Event::Disconnected`].

mod call;
mod event;
mod session;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kaon_api::v1::scheduler::{Call, OfferConstraints, call::Type};
use kaon_api::v1::{FrameworkID, FrameworkInfo};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::calls::Calls;
use crate::{Address, Encoding, Error, Masters};
pub use event::{Event, ExecutorMessage, Failure, Subscribed};
use session::Session;

/// Bound: events that wait for the framework; beyond that the master is made to wait.
const EVENTS_MAX: usize = 256;

/// How to subscribe.
#[derive(Clone, Debug)]
pub struct Options {
    pub masters: Masters,
    /// With `id` set, the framework of that id is taken over.
    pub framework: FrameworkInfo,
    pub encoding: Encoding,
    /// Which offers are wanted at all.
    pub offer_constraints: Option<OfferConstraints>,
    /// Whether the framework calls [`Scheduler::acknowledge`] itself. Otherwise an update is acknowledged when the
    /// event after it is asked for: it has been dealt with then, and is not lost if the framework dies before.
    pub explicit_acknowledgements: bool,
    /// How long [`Scheduler::connect`] looks for a leading master. Later there is no limit.
    pub patience: Duration,
}

impl Options {
    pub fn new(masters: Masters, framework: FrameworkInfo) -> Options {
        Options {
            masters,
            framework,
            encoding: Encoding::default(),
            offer_constraints: None,
            explicit_acknowledgements: false,
            patience: Duration::from_secs(15),
        }
    }
}

/// Makes calls. Clones speak for the same framework.
#[derive(Clone, Debug)]
pub struct Scheduler {
    shared: Arc<Shared>,
}

impl Scheduler {
    /// Subscribes; the first event is [`Event::Subscribed`].
    ///
    /// # Errors
    /// [`Error::Refused`] with the master's words, or why no master could be subscribed to in time.
    pub async fn connect(options: Options) -> Result<(Scheduler, Events), Error> {
        let explicit = options.explicit_acknowledgements;
        let deadline = Instant::now() + options.patience;
        let shared = Arc::new(Shared::new(&options));
        let (sender, receiver) = mpsc::channel(EVENTS_MAX);
        let mut session = Session::new(options.masters, Arc::clone(&shared));
        let live = session.establish(Some(deadline)).await?;
        tokio::spawn(session.run(live, sender));
        let events = Events { receiver, shared: Arc::clone(&shared), explicit, unacknowledged: None };
        Ok((Scheduler { shared }, events))
    }

    pub fn framework_id(&self) -> FrameworkID {
        self.shared.lock().framework.id.clone().unwrap_or_default()
    }

    /// Makes any call; the framework's id is filled in. It has been taken, not carried out, when this returns.
    pub async fn call(&self, mut call: Call) -> Result<(), Error> {
        self.shared.remember_suppression(&call);
        let (active, framework_id) = self.shared.active()?;
        call.framework_id = Some(framework_id);
        let reply = active.calls.call(self.shared.encoding.encode(&call)).await?;
        reply.taken(&active.address)
    }

    /// Ends the framework with all its tasks; then [`Events::next`] returns none.
    pub async fn teardown(&self) -> Result<(), Error> {
        let call = Call { r#type: Some(Type::Teardown), ..Default::default() };
        // The master closes the event stream, and may do so before its answer arrives.
        self.shared.phase.send_replace(Phase::Ending);
        let torn_down = self.call(call).await;
        self.shared.phase.send_replace(if torn_down.is_ok() { Phase::Ended } else { Phase::Running });
        torn_down
    }
}

/// What the master tells. Dropping it ends the subscription: the master then waits for the framework's failover
/// timeout before it ends the framework.
#[derive(Debug)]
pub struct Events {
    receiver: mpsc::Receiver<Event>,
    shared: Arc<Shared>,
    explicit: bool,
    unacknowledged: Option<Call>,
}

impl Events {
    /// The next event; none after [`Event::Error`] or [`Scheduler::teardown`]. May be cancelled without loss.
    pub async fn next(&mut self) -> Option<Event> {
        self.acknowledge_last().await;
        let event = self.receiver.recv().await?;
        if let Event::Update(status) = &event
            && !self.explicit
        {
            self.unacknowledged = call::acknowledge(status);
        }
        Some(event)
    }

    async fn acknowledge_last(&mut self) {
        let Some(call) = &mut self.unacknowledged else { return };
        // Without a subscription the agent will send the update again, and it is acknowledged then.
        if let Ok((active, framework_id)) = self.shared.active()
            && let Ok(room) = active.calls.room().await
        {
            call.framework_id = Some(framework_id);
            room.post(self.shared.encoding.encode(call));
        }
        self.unacknowledged = None;
    }
}

/// Whether the framework is being torn down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    /// The call is under way.
    Ending,
    Ended,
}

/// What handles, events and the session know together.
#[derive(Debug)]
struct Shared {
    encoding: Encoding,
    state: Mutex<State>,
    phase: watch::Sender<Phase>,
}

#[derive(Debug)]
struct State {
    /// What is presented to masters; its id is unset until the first subscription.
    framework: FrameworkInfo,
    offer_constraints: Option<OfferConstraints>,
    /// Mesos: a master that fails over forgets it, so it is said again with each subscription.
    suppressed: BTreeSet<String>,
    active: Option<Active>,
}

/// The present subscription.
#[derive(Clone, Debug)]
struct Active {
    address: Address,
    calls: Calls,
}

impl Shared {
    fn new(options: &Options) -> Shared {
        let state = State {
            framework: options.framework.clone(),
            offer_constraints: options.offer_constraints.clone(),
            suppressed: BTreeSet::new(),
            active: None,
        };
        Shared {
            encoding: options.encoding,
            state: Mutex::new(state),
            phase: watch::Sender::new(Phase::Running),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn suppressed(&self) -> Vec<String> {
        self.lock().suppressed.iter().cloned().collect()
    }

    fn active(&self) -> Result<(Active, FrameworkID), Error> {
        let state = self.lock();
        let active = state.active.clone().ok_or(Error::NotSubscribed)?;
        Ok((active, state.framework.id.clone().unwrap_or_default()))
    }

    fn remember_suppression(&self, call: &Call) {
        let mut state = self.lock();
        let State { framework, suppressed, .. } = &mut *state;
        match call.r#type {
            Some(Type::Suppress) => {
                let named = call.suppress.as_ref().map_or(&[][..], |suppress| &suppress.roles);
                let roles = roles(framework).into_iter();
                suppressed.extend(roles.filter(|role| named.is_empty() || named.contains(role)));
            }
            Some(Type::Revive) => {
                let named = call.revive.as_ref().map_or(&[][..], |revive| &revive.roles);
                suppressed.retain(|role| !named.is_empty() && !named.contains(role));
            }
            _ => {}
        }
    }
}

/// The roles that a framework is in.
fn roles(framework: &FrameworkInfo) -> Vec<String> {
    match framework.roles.as_slice() {
        [] => vec![framework.role().to_owned()],
        roles => roles.to_vec(),
    }
}
