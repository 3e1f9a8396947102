// SPDX-License-Identifier: Apache-2.0

//! Registration of a driver: for the first time, again, or in the place of another.

use kaon_api::libprocess::Upid;
use kaon_api::v0::scheduler::call::Subscribe;
use kaon_api::v1::FrameworkInfo;
use kaon_api::v1::scheduler::{call, event};
use kaon_api::{internal, v1};

use super::recoded;
use crate::calls::scheduler::Subscription;
use crate::effect::{Effect, ToPeer};
use crate::master::{Master, Turn};
use crate::state::FrameworkRow;
use crate::state::frameworks::Connection;

impl Master {
    pub(crate) fn register_framework(
        &mut self,
        turn: &mut Turn,
        from: &Upid,
        message: internal::RegisterFrameworkMessage,
    ) {
        if has_id(&message.framework) {
            return self.refuse_driver(turn, from, "Registering with 'id' already set".to_string());
        }
        let framework_info = message.framework;
        self.driver_subscribes(turn, from, Subscribe { framework_info, ..Default::default() });
    }

    pub(crate) fn reregister_framework(
        &mut self,
        turn: &mut Turn,
        from: &Upid,
        message: internal::ReregisterFrameworkMessage,
    ) {
        if !has_id(&message.framework) {
            return self.refuse_driver(turn, from, "Re-registering without an 'id'".to_string());
        }
        let (framework_info, force) = (message.framework, Some(message.failover));
        self.driver_subscribes(turn, from, Subscribe { framework_info, force, ..Default::default() });
    }

    pub(super) fn driver_subscribes(&mut self, turn: &mut Turn, from: &Upid, subscribe: Subscribe) {
        if let Err(message) = self.driver_subscribed(turn, from, subscribe) {
            self.refuse_driver(turn, from, message);
        }
    }

    fn driver_subscribed(
        &mut self,
        turn: &mut Turn,
        from: &Upid,
        subscribe: Subscribe,
    ) -> Result<(), String> {
        let Subscribe { framework_info, force, suppressed_roles, offer_constraints, .. } = subscribe;
        let mut info = *framework_info;
        let constraints = offer_constraints.as_ref().and_then(recoded);
        let principal = self.authentication.principal(from).map(str::to_string);
        let claimed = info.principal.is_some();
        if !claimed {
            // Mesos: whoever does not say who it is, is who it authenticated as.
            info.principal = principal.clone();
        }
        let subscription = self.check_subscription(info, suppressed_roles, constraints)?;
        self.check_driver(from, principal.as_deref(), &subscription.info)?;
        let own = self.state.frameworks.row_of_driver(from);
        let connection = Connection::Driver { pid: from.clone(), active: true };
        let known = subscription.id.as_deref().map(|id| self.state.frameworks.row(id));
        let row = match (known, own) {
            // It asks again because the answer was lost, or crossed its question.
            (None, Some(own)) => {
                self.welcome(turn, own);
                own
            }
            // Mesos: an address that is another framework's is not answered.
            (Some(known), Some(own)) if known != Some(own) => {
                self.drop_message();
                return Ok(());
            }
            (None | Some(None), _) => self.add_framework(turn, subscription, connection)?,
            (Some(Some(row)), _) => {
                self.driver_returns(turn, row, subscription, connection, force.unwrap_or(false))?;
                row
            }
        };
        self.count_call(row, call::Type::Subscribe);
        Ok(())
    }

    /// Mesos: the texts, in this order.
    fn check_driver(
        &self,
        from: &Upid,
        authenticated: Option<&str>,
        info: &FrameworkInfo,
    ) -> Result<(), String> {
        match (authenticated, &info.principal) {
            (None, _) if self.config.authenticate_frameworks => {
                Err(format!("Framework at {from} is not authenticated"))
            }
            (Some(authenticated), Some(claimed)) if authenticated != claimed => Err(format!(
                "Framework principal '{claimed}' does not match authenticated principal '{authenticated}'"
            )),
            _ => Ok(()),
        }
    }

    /// Only a driver that says that it fails over takes the place of another process.
    fn driver_returns(
        &mut self,
        turn: &mut Turn,
        row: FrameworkRow,
        subscription: Subscription,
        connection: Connection,
        force: bool,
    ) -> Result<(), String> {
        let framework = self.state.framework(row);
        if force || framework.is_recovered() {
            return self.take_over(turn, row, subscription, connection);
        }
        let Connection::Driver { pid, .. } = &connection else { return Ok(()) };
        if framework.driver() != Some(pid) {
            return Err("Framework failed over".to_string());
        }
        // Mesos: the same process, which may have answered offers without being heard.
        self.rescind_framework_offers(turn, row);
        let to = pid.clone();
        self.renew(turn, row, subscription, connection)?;
        turn.out.push(Effect::Link { to: to.clone() });
        let message = internal::FrameworkReregisteredMessage {
            framework_id: v1::FrameworkID::from(self.state.framework(row).id.as_str()),
            master_info: Box::new((*self.info).clone()),
            ..Default::default()
        };
        self.state.framework_mut(row).counters.count_event(event::Type::Subscribed);
        turn.send(&to, ToPeer::FrameworkReregistered(message));
        self.watch_framework_updated(turn, row);
        self.broadcast_framework(turn, row);
        Ok(())
    }
}

fn has_id(info: &FrameworkInfo) -> bool {
    info.id.as_ref().is_some_and(|id| !id.value.is_empty())
}
