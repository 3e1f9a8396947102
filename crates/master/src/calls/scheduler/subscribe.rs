// SPDX-License-Identifier: Apache-2.0

//! SUBSCRIBE: a framework opens its event stream, for the first time or again.

use std::collections::BTreeSet;

use kaon_api::v1::scheduler::{Call, call};
use kaon_api::v1::{FrameworkInfo, scheduler};
use kaon_model::{FrameworkId, Role};

use crate::effect::{Effect, ToPeer};
use crate::events;
use crate::input::{Caller, Stream};
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
        mut call: call::Subscribe,
        caller: Caller,
    ) -> Result<(), String> {
        let mut info = std::mem::take(&mut *call.framework_info);
        if info.principal.is_none() {
            // Mesos: whoever does not say who it is, is who it authenticated as.
            info.principal = caller.principal;
        }
        let given = info.id.as_ref().map(|id| id.value.clone()).filter(|id| !id.is_empty());
        self.count_subscription(given.is_some());
        framework_info::framework_info(&info, &self.config)?;
        if given.as_deref().is_some_and(|id| self.state.tables.history.is_completed(id)) {
            return Err("Framework has been removed".to_string());
        }
        let wishes = Wishes::check(&info, &mut call)?;
        let row = match given {
            None => {
                self.has_room()?;
                self.add_framework(turn, None, info, connection, wishes)
            }
            Some(id) => match self.state.frameworks.row(&id) {
                Some(row) => {
                    self.take_over(turn, row, info, connection, wishes)?;
                    row
                }
                None => {
                    self.has_room()?;
                    self.add_framework(turn, Some(id), info, connection, wishes)
                }
            },
        };
        self.count_call(row, call::Type::Subscribe);
        Ok(())
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
    fn add_framework(
        &mut self,
        turn: &mut Turn,
        id: Option<String>,
        info: FrameworkInfo,
        connection: Connection,
        wishes: Wishes,
    ) -> FrameworkRow {
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
        row
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

    /// A framework comes back, or another process takes its place. Whoever held the stream before is told.
    fn take_over(
        &mut self,
        turn: &mut Turn,
        row: FrameworkRow,
        mut info: FrameworkInfo,
        connection: Connection,
        wishes: Wishes,
    ) -> Result<(), String> {
        let old = self.state.framework(row).info.clone();
        framework_info::update(&old, &info, false)?;
        // Mesos: these cannot change; a subscription with others keeps the old ones.
        info.user = old.user.clone();
        info.checkpoint = old.checkpoint;
        if let Some(stream) = self.state.framework(row).stream() {
            self.tell(turn, row, events::error("Framework failed over"));
            turn.out.push(Effect::Close { stream });
        }
        self.discard_framework_offers(row);
        self.timers.cancel(&TimerKey::Failover(row));
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
        self.welcome(turn, row);
        self.watch_framework_updated(turn, row);
        self.broadcast_framework(turn, row);
        Ok(())
    }

    /// SUBSCRIBED with a first HEARTBEAT at once: clients that read line by line see an event only with the next one.
    fn welcome(&mut self, turn: &mut Turn, row: FrameworkRow) {
        let seconds = self.config.heartbeat_interval.as_secs_f64();
        let subscribed = events::subscribed(&self.state.framework(row).id, seconds, &self.info);
        self.tell(turn, row, subscribed);
        self.heartbeat_due(turn, row);
    }

    /// All agents learn how the framework looks now; it is their sign to send what waits for it.
    pub(super) fn broadcast_framework(&mut self, turn: &mut Turn, row: FrameworkRow) {
        let update = self.framework_update(row);
        for agent in self.state.agents.rows() {
            turn.send(&self.state.agent(agent).pid, ToPeer::UpdateFramework(update.clone()));
        }
    }
}

/// How a framework wants to be offered resources.
pub(super) struct Wishes {
    suppressed: BTreeSet<Role>,
    constraints: Option<scheduler::OfferConstraints>,
}

impl Wishes {
    /// Both can be about the framework's own roles alone.
    fn check(info: &FrameworkInfo, call: &mut call::Subscribe) -> Result<Wishes, String> {
        let roles = roles_of(info);
        let suppressed = framework_info::suppressed(&call.suppressed_roles, &roles)?;
        let constraints = call.offer_constraints.take();
        offer_constraints::offer_constraints(constraints.as_ref(), &roles)?;
        Ok(Wishes { suppressed, constraints })
    }

    pub(super) fn new(
        suppressed: BTreeSet<Role>,
        constraints: Option<scheduler::OfferConstraints>,
    ) -> Wishes {
        Wishes { suppressed, constraints }
    }

    pub(super) fn put_into(self, framework: &mut Framework) {
        framework.suppressed = self.suppressed.into();
        framework.offer_constraints = self.constraints.map(Into::into);
    }
}
