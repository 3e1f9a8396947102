// SPDX-License-Identifier: Apache-2.0

//! Calls of schedulers: who may call, and which file answers.

mod accept;
mod acknowledge;
mod acknowledge_operation;
mod answer_inverse_offers;
mod decline;
mod kill;
mod message;
mod reconcile;
mod reconcile_operations;
mod request;
mod revive;
mod shutdown;
mod subscribe;
mod suppress;
mod teardown;
mod update_framework;

pub(in crate::calls) use subscribe::Subscription;

use kaon_api::v1::allocator::inverse_offer_status::Status;
use kaon_api::v1::scheduler::{Call, Event, call, event};
use kaon_api::{internal, v1};
use kaon_model::FrameworkId;

use crate::caller::Caller;
use crate::effect::{Reply, ToPeer};
use crate::events;
use crate::master::{Answer, Master, Turn};
use crate::rejection::Rejection;
use crate::state::frameworks::Connection;
use crate::state::{AgentRow, FrameworkRow};

impl Master {
    /// Any call but SUBSCRIBE. The checks stand in the order in which clients see them fail.
    pub(crate) fn scheduler_call(
        &mut self,
        turn: &mut Turn,
        stream_id: Option<String>,
        call: Call,
        caller: &Caller,
    ) -> Answer {
        let id = call.framework_id.as_ref().map(|id| id.value.as_str()).unwrap_or_default();
        let row = self.state.frameworks.row(id).ok_or(Rejection::UnknownFramework)?;
        self.may_call(row, stream_id.as_deref(), caller)?;
        self.carry_out_call(turn, row, call)
    }

    /// A call of which it is known that the framework makes it.
    pub(in crate::calls) fn carry_out_call(
        &mut self,
        turn: &mut Turn,
        row: FrameworkRow,
        call: Call,
    ) -> Answer {
        let kind = call.r#type.unwrap_or_default();
        self.count_call(row, kind);
        self.dispatch(turn, row, kind, call)
    }

    fn may_call(&self, row: FrameworkRow, stream_id: Option<&str>, caller: &Caller) -> Result<(), Rejection> {
        let framework = self.state.framework(row);
        let claimed = framework.info.principal.as_deref().unwrap_or_default();
        if let Some(authenticated) = caller.principal.as_deref().filter(|principal| *principal != claimed) {
            let (authenticated, claimed) = (authenticated.to_string(), claimed.to_string());
            return Err(Rejection::PrincipalMismatch { authenticated, claimed });
        }
        let id = match &framework.connection {
            Connection::Subscribed { id, .. } => id,
            Connection::Driver { .. } => return Err(Rejection::NotByHttp),
            Connection::Disconnected { .. } | Connection::Recovered => return Err(Rejection::NotSubscribed),
        };
        let given = stream_id.ok_or(Rejection::NoStreamId)?;
        if given != id {
            let framework = framework.id.to_string();
            return Err(Rejection::WrongStreamId { given: given.to_string(), framework });
        }
        Ok(())
    }

    pub(in crate::calls) fn count_call(&mut self, row: FrameworkRow, kind: call::Type) {
        let framework = self.state.framework_mut(row);
        framework.counters.count_call(kind);
        let info = framework.info.clone();
        if let Some(principal) = &info.principal {
            self.state.tables.counters.count_principal(principal);
        }
    }

    fn dispatch(&mut self, turn: &mut Turn, row: FrameworkRow, kind: call::Type, call: Call) -> Answer {
        let missing = |name: &str| Rejection::Invalid(format!("Expecting '{name}' to be present"));
        macro_rules! member {
            ($name:ident) => {
                call.$name.ok_or_else(|| missing(stringify!($name)))?
            };
        }
        match kind {
            call::Type::Teardown => self.teardown(turn, row),
            call::Type::Accept => self.accept(turn, row, member!(accept)),
            call::Type::Decline => self.decline(row, &member!(decline)),
            call::Type::Revive => self.revive(turn, row, &call.revive.unwrap_or_default().roles),
            call::Type::Suppress => self.suppress(row, &call.suppress.unwrap_or_default().roles),
            call::Type::Kill => self.kill(turn, row, member!(kill)),
            call::Type::Shutdown => self.shutdown_executor(turn, row, member!(shutdown)),
            call::Type::Acknowledge => self.acknowledge(turn, row, member!(acknowledge)),
            call::Type::Reconcile => self.reconcile(turn, row, &member!(reconcile)),
            call::Type::Message => self.framework_message(turn, row, member!(message)),
            call::Type::Request => self.request(),
            call::Type::UpdateFramework => {
                return self.update_framework(turn, row, member!(update_framework));
            }
            call::Type::AcceptInverseOffers => {
                let own = member!(accept_inverse_offers);
                self.answer_inverse_offers(turn, row, &own.inverse_offer_ids, own.filters, Status::Accept);
            }
            call::Type::DeclineInverseOffers => {
                let own = member!(decline_inverse_offers);
                self.answer_inverse_offers(turn, row, &own.inverse_offer_ids, own.filters, Status::Decline);
            }
            call::Type::AcknowledgeOperationStatus => {
                self.acknowledge_operation(turn, row, &*member!(acknowledge_operation_status));
            }
            call::Type::ReconcileOperations => {
                self.reconcile_operations(turn, row, &member!(reconcile_operations))
            }
            call::Type::Subscribe => {
                return Err(Rejection::Invalid("Subscribe calls open a stream of their own".to_string()));
            }
            call::Type::Unknown => return Err(Rejection::NotImplemented("501 Not Implemented.".to_string())),
        }
        Ok(Reply::Accepted)
    }

    /// Tells a framework something, if it is there to hear it.
    pub(crate) fn tell(&mut self, turn: &mut Turn, row: FrameworkRow, event: Event) {
        let kind = event.r#type.unwrap_or_default();
        let framework = self.state.framework(row);
        match &framework.connection {
            Connection::Subscribed { stream, .. } => turn.event(*stream, event),
            Connection::Driver { pid, .. } => match events::driver::message(&self.state, framework, event) {
                Some(message) => turn.send(pid, message),
                None => return,
            },
            Connection::Disconnected { .. } | Connection::Recovered => return,
        }
        self.state.framework_mut(row).counters.count_event(kind);
    }

    /// Hands on what an agent says of a task. Mesos: drivers get it as it came; they put into the status what the wrapper
    /// knows themselves.
    pub(crate) fn forward_update(
        &mut self,
        turn: &mut Turn,
        row: FrameworkRow,
        agent: AgentRow,
        update: &internal::StatusUpdate,
        status: v1::TaskStatus,
    ) {
        let Connection::Driver { pid, .. } = &self.state.framework(row).connection else {
            return self.tell(turn, row, events::update(status));
        };
        let message = internal::StatusUpdateMessage {
            update: Box::new(update.clone()),
            pid: Some(self.state.agent(agent).pid.to_string()),
            ..Default::default()
        };
        turn.send(pid, ToPeer::StatusUpdate(message));
        self.state.framework_mut(row).counters.count_event(event::Type::Update);
    }

    /// Tells all frameworks that are there to hear it.
    pub(crate) fn tell_everybody(&mut self, turn: &mut Turn, event: impl Fn(&FrameworkId) -> Event) {
        for row in self.state.frameworks.rows().collect::<Vec<_>>() {
            let event = event(&self.state.framework(row).id);
            self.tell(turn, row, event);
        }
    }
}
