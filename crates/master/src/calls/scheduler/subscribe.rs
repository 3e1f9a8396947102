// SPDX-License-Identifier: Apache-2.0

//! SUBSCRIBE: a framework opens its event stream, for the first time or again.

use std::collections::BTreeSet;

use kaon_allocator::Constraints;
use kaon_api::v1::scheduler::{Call, call};
use kaon_api::v1::{FrameworkInfo, scheduler};
use kaon_model::{FrameworkId, Role};

use crate::caller::Caller;
use crate::effect::{Effect, ToPeer};
use crate::events;
use crate::input::Stream;
use crate::master::{Master, TimerKey, Turn};
use crate::state::frameworks::{Connection, roles_of};
use crate::state::{Framework, FrameworkRow};
use crate::validate::{framework_info, offer_constraints};

impl Master {
    /// The answer 200 is on its way already: a refusal is an ERROR event and the end of the stream.
    pub(crate) fn subscribe(&mut self, turn: &mut Turn, stream: Stream, call: Call, caller: Caller) {
        let id = self.entropy.uuid().to_string();
        turn.out.push(Effect::OpenStream { stream, id: id.clone() });
        let result = match call.subscribe {
            Some(subscribe) => {
                self.subscribed(turn, Connection::Subscribed { stream, id }, subscribe, caller)
            }
            None => Err("Expecting 'subscribe' to be present".to_string()),
        };
        if let Err(message) = result {
            turn.event(stream, events::error(message));
            turn.out.push(Effect::Close { stream });
        }
    }

    fn subscribed(
        &mut self,
        turn: &mut Turn,
        connection: Connection,
        call: call::Subscribe,
        caller: Caller,
    ) -> Result<(), String> {
        let mut info = *call.framework_info;
        if info.principal.is_none() {
            // Mesos: whoever does not say who it is, is who it authenticated as.
            info.principal = caller.principal;
        }
        let subscription = self.check_subscription(info, call.suppressed_roles, call.offer_constraints)?;
        let known = subscription.id.as_deref().and_then(|id| self.state.frameworks.row(id));
        let row = match known {
            None => self.add_framework(turn, subscription, connection)?,
            Some(row) => {
                self.take_over(turn, row, subscription, connection)?;
                row
            }
        };
        self.count_call(row, call::Type::Subscribe);
        Ok(())
    }

    /// What must hold of every subscription, whoever makes it.
    pub(in crate::calls) fn check_subscription(
        &mut self,
        info: FrameworkInfo,
        suppressed: Vec<String>,
        constraints: Option<scheduler::OfferConstraints>,
    ) -> Result<Subscription, String> {
        let id = info.id.as_ref().map(|id| id.value.clone()).filter(|id| !id.is_empty());
        self.count_subscription(id.is_some());
        let suppressed = self.check_framework(&info, &suppressed)?;
        let compiled =
            offer_constraints::offer_constraints(constraints.as_ref(), &roles_of(&info), &self.config)?;
        Ok(Subscription { id, info, wishes: Wishes::new(suppressed, constraints, compiled) })
    }

    /// What must hold of every description. Returns the roles in which no offers are wanted.
    pub(super) fn check_framework(
        &self,
        info: &FrameworkInfo,
        suppressed: &[String],
    ) -> Result<BTreeSet<Role>, String> {
        let is_over = |id: &str| self.state.tables.history.is_completed(id);
        framework_info::framework_info(info, suppressed, &self.config, is_over)
    }

    fn count_subscription(&mut self, again: bool) {
        let counters = &mut self.state.tables.counters;
        if again {
            counters.messages_reregister_framework += 1;
        } else {
            counters.messages_register_framework += 1;
        }
    }

    fn has_room(&self) -> Result<(), String> {
        let most = self.config.max_frameworks;
        if self.state.tables.frameworks.len() < most {
            return Ok(());
        }
        Err(format!(
            "This master has {most} frameworks and takes no more; subscribe again when some have ended"
        ))
    }

    /// A framework that this master does not know. One with an id was known to a master before.
    pub(in crate::calls) fn add_framework(
        &mut self,
        turn: &mut Turn,
        subscription: Subscription,
        connection: Connection,
    ) -> Result<FrameworkRow, String> {
        self.has_room()?;
        let Subscription { id, info, wishes } = subscription;
        let again = id.is_some();
        let id = id.unwrap_or_else(|| self.new_framework_id());
        let mut framework = Framework::new(FrameworkId::from(id), info, connection, turn.now.wall);
        wishes.put_into(&mut framework);
        let row = self.state.insert_framework(framework);
        self.enrol_framework(row);
        self.welcome(turn, row);
        self.watch_framework_added(turn, row);
        if again {
            self.broadcast_framework(turn, row);
        }
        Ok(row)
    }

    /// An agent may have brought a framework whose id looks like one of ours.
    fn new_framework_id(&mut self) -> String {
        loop {
            let id = format!("{}-{:04}", self.info.id, self.ids.frameworks);
            self.ids.frameworks += 1;
            if self.state.frameworks.row(&id).is_none() && !self.state.tables.history.is_completed(&id) {
                return id;
            }
        }
    }

    /// A framework comes back, or another process takes its place. Whoever was it before is told.
    pub(in crate::calls) fn take_over(
        &mut self,
        turn: &mut Turn,
        row: FrameworkRow,
        subscription: Subscription,
        connection: Connection,
    ) -> Result<(), String> {
        framework_info::update(&self.state.framework(row).info, &subscription.info, false)?;
        self.displace(turn, row, &connection);
        self.discard_framework_offers(row);
        self.renew(turn, row, subscription, connection)?;
        self.welcome(turn, row);
        self.watch_framework_updated(turn, row);
        self.broadcast_framework(turn, row);
        Ok(())
    }

    /// Mesos: a driver that registers anew from the same address is not told, since it would give up.
    fn displace(&mut self, turn: &mut Turn, row: FrameworkRow, by: &Connection) {
        let framework = self.state.framework(row);
        let same = matches!((&framework.connection, by),
            (Connection::Driver { pid: old, .. }, Connection::Driver { pid: new, .. }) if old == new);
        if same {
            return;
        }
        let stream = framework.stream();
        self.tell(turn, row, events::error("Framework failed over"));
        if let Some(stream) = stream {
            turn.out.push(Effect::Close { stream });
        }
    }

    /// A framework that is known has a new connection, and perhaps a new description.
    pub(in crate::calls) fn renew(
        &mut self,
        turn: &mut Turn,
        row: FrameworkRow,
        subscription: Subscription,
        connection: Connection,
    ) -> Result<(), String> {
        let Subscription { mut info, wishes, .. } = subscription;
        let old = self.state.framework(row).info.clone();
        framework_info::update(&old, &info, false)?;
        // Mesos: these cannot change; a subscription with others keeps the old ones.
        info.user = old.user.clone();
        info.checkpoint = old.checkpoint;
        self.timers.cancel(&TimerKey::Failover(row));
        self.timers.cancel(&TimerKey::Heartbeat(row));
        let was = self.state.reconnect_framework(row, connection);
        let framework = self.state.framework_mut(row);
        framework.set_info(info);
        framework.reregistered = turn.now.wall;
        if was == Connection::Recovered {
            // Mesos: to this master it is a new one.
            framework.registered = turn.now.wall;
        }
        wishes.put_into(framework);
        self.reshape_framework(row);
        self.retune_framework(row);
        Ok(())
    }

    /// SUBSCRIBED with a first HEARTBEAT at once: clients that read line by line see an event only with the next one.
    /// Drivers are linked instead, which tells when they go.
    pub(in crate::calls) fn welcome(&mut self, turn: &mut Turn, row: FrameworkRow) {
        let framework = self.state.framework(row);
        let is_stream = framework.stream().is_some();
        if let Some(driver) = framework.driver() {
            turn.out.push(Effect::Link { to: driver.clone() });
        }
        let seconds = self.config.heartbeat_interval.as_secs_f64();
        let subscribed = events::subscribed(&framework.id, seconds, &self.info);
        self.tell(turn, row, subscribed);
        if is_stream {
            self.heartbeat_due(turn, row);
        }
    }

    /// All agents learn how the framework looks now; it is their sign to send what waits for it.
    pub(in crate::calls) fn broadcast_framework(&mut self, turn: &mut Turn, row: FrameworkRow) {
        let update = self.framework_update(row);
        for agent in self.state.agents.rows() {
            turn.send(&self.state.agent(agent).pid, ToPeer::UpdateFramework(update.clone()));
        }
    }
}

/// A subscription that may be granted.
pub(in crate::calls) struct Subscription {
    /// None for a framework that is new.
    pub id: Option<String>,
    pub info: FrameworkInfo,
    wishes: Wishes,
}

/// How a framework wants to be offered resources.
pub(super) struct Wishes {
    suppressed: BTreeSet<Role>,
    constraints: Option<scheduler::OfferConstraints>,
    compiled: Constraints,
}

impl Wishes {
    pub(super) fn new(
        suppressed: BTreeSet<Role>,
        constraints: Option<scheduler::OfferConstraints>,
        compiled: Constraints,
    ) -> Wishes {
        Wishes { suppressed, constraints, compiled }
    }

    pub(super) fn put_into(self, framework: &mut Framework) {
        framework.suppressed = self.suppressed.into();
        framework.offer_constraints = self.constraints.map(Into::into);
        framework.constraints = self.compiled.into();
    }
}
