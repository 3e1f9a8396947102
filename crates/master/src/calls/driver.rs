// SPDX-License-Identifier: Apache-2.0

//! What drivers of the v0 API ask for: checked as theirs, then carried out as the calls that every scheduler makes.
//!
//! Read next: `events/driver.rs`, for what they are told.

mod single;
mod subscribe;

use kaon_api::libprocess::Upid;
use kaon_api::v1::scheduler::{Call, call};
use kaon_api::wire::Message;
use kaon_api::{internal, v0};

use crate::effect::ToPeer;
use crate::events;
use crate::master::{Master, Turn};
use crate::state::FrameworkRow;
use crate::state::frameworks::Connection;
use crate::validate;

impl Master {
    /// `mesos.scheduler.Call`, in which newer drivers put nearly all that they want.
    ///
    /// Mesos: what is not well-formed, or not from the framework's own driver, is dropped without a word.
    pub(crate) fn driver_call(&mut self, turn: &mut Turn, from: &Upid, mut call: v0::scheduler::Call) {
        let subscribe = call.subscribe.take();
        if call.r#type == Some(v0::scheduler::call::Type::Subscribe) {
            let agrees = |info: &kaon_api::v1::FrameworkInfo| info.id == call.framework_id;
            match subscribe.filter(|subscribe| agrees(&subscribe.framework_info)) {
                Some(subscribe) => self.driver_subscribes(turn, from, subscribe),
                None => self.drop_message(),
            }
            return;
        }
        let call = recoded::<_, Call>(&call).filter(|call| validate::scheduler_call(call, None).is_ok());
        let Some((row, call)) = call.and_then(|call| Some((self.called_by(from, &call)?, call))) else {
            return self.drop_message();
        };
        if !self.state.framework(row).is_connected() {
            // Mesos: the link from here to the driver is broken, which it has no other way to find out.
            return self.refuse_driver(turn, from, "Framework disconnected".to_string());
        }
        match call.r#type.unwrap_or_default() {
            // Mesos: not for drivers, which are never told of operations.
            call::Type::AcknowledgeOperationStatus
            | call::Type::ReconcileOperations
            | call::Type::Unknown => self.drop_message(),
            _ => self.carry_out_for_driver(turn, row, call),
        }
    }

    /// A message that stands for one call. Mesos: a driver that is disconnected is not told so here.
    pub(crate) fn driver_message(&mut self, turn: &mut Turn, from: &Upid, call: Call) {
        let row = self.called_by(from, &call).filter(|_| validate::scheduler_call(&call, None).is_ok());
        match row {
            Some(row) => self.carry_out_for_driver(turn, row, call),
            None => self.drop_message(),
        }
    }

    fn carry_out_for_driver(&mut self, turn: &mut Turn, row: FrameworkRow, call: Call) {
        if let Err(rejection) = self.carry_out_call(turn, row, call) {
            self.tell(turn, row, events::error(rejection.to_string()));
        }
    }

    /// The framework that a call names, if it comes from that framework's driver.
    fn called_by(&self, from: &Upid, call: &Call) -> Option<FrameworkRow> {
        let row = self.state.frameworks.row(&call.framework_id.as_ref()?.value)?;
        (self.state.framework(row).driver() == Some(from)).then_some(row)
    }

    /// SubmitSchedulerRequest. Mesos: nobody's scheduler is run by a master any more.
    pub(crate) fn submit_scheduler(&mut self, turn: &mut Turn, from: &Upid) {
        let response = internal::SubmitSchedulerResponse { okay: false, ..Default::default() };
        turn.send(from, ToPeer::SubmitSchedulerResponse(response));
    }

    /// DeactivateFrameworkMessage: the driver stays, but wants no offers before it registers again.
    pub(crate) fn deactivate_framework(
        &mut self,
        turn: &mut Turn,
        from: &Upid,
        message: &internal::DeactivateFrameworkMessage,
    ) {
        self.state.tables.counters.messages_deactivate_framework += 1;
        let row = self.state.frameworks.row(&message.framework_id.value);
        let Some(row) = row.filter(|_| self.state.frameworks.row_of_driver(from) == row) else {
            return self.drop_message();
        };
        self.state.reconnect_framework(row, Connection::Driver { pid: from.clone(), active: false });
        self.retune_framework(row);
        self.rescind_framework_offers(turn, row);
        self.watch_framework_updated(turn, row);
    }

    fn refuse_driver(&mut self, turn: &mut Turn, to: &Upid, message: String) {
        let error = internal::FrameworkErrorMessage { message, ..Default::default() };
        turn.send(to, ToPeer::FrameworkError(error));
    }

    pub(crate) fn drop_message(&mut self) {
        self.state.tables.counters.dropped_messages += 1;
    }
}

/// The same bytes read as a message of the other family. They differ in names alone, or this is none.
fn recoded<A: Message, B: Message>(message: &A) -> Option<B> {
    B::decode(&message.encode()).ok()
}
