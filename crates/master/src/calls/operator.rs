// SPDX-License-Identifier: Apache-2.0

//! Calls of operators that change something. Those that only read are answered from a picture.

mod mark_agent_gone;
mod operations;
mod teardown;

use kaon_api::v1::master::{Call, call};
use kaon_api::wire::Enumeration;

use crate::effect::Reply;
use crate::input::{Caller, Ticket};
use crate::master::{Master, Turn};
use crate::rejection::Rejection;

pub(crate) use mark_agent_gone::Gone;

impl Master {
    /// The reply, or none where it comes once something is durable.
    pub(crate) fn operator_call(
        &mut self,
        turn: &mut Turn,
        ticket: Ticket,
        call: Call,
        caller: &Caller,
    ) -> Result<Option<Reply>, Rejection> {
        let kind = call.r#type.unwrap_or_default();
        if is_operation(kind) {
            return self.operate_on_agent(turn, call, caller).map(Some);
        }
        match (kind, call.teardown, call.mark_agent_gone) {
            (call::Type::Teardown, Some(call), _) => self.operator_teardown(turn, &call).map(Some),
            (call::Type::MarkAgentGone, _, Some(call)) => self.mark_agent_gone(turn, ticket, &call),
            (call::Type::Teardown | call::Type::MarkAgentGone, _, _) => {
                let member = kind.name().to_ascii_lowercase();
                Err(Rejection::Invalid(format!("Expecting '{member}' to be present")))
            }
            (call::Type::Unknown, ..) => Err(Rejection::NotImplemented("501 Not Implemented.".to_string())),
            _ => Err(Rejection::NotImplemented(format!("{} is not supported by this master", kind.name()))),
        }
    }
}

fn is_operation(kind: call::Type) -> bool {
    use call::Type::{
        CreateVolumes, DestroyVolumes, GrowVolume, ReserveResources, ShrinkVolume, UnreserveResources,
    };
    matches!(
        kind,
        ReserveResources | UnreserveResources | CreateVolumes | DestroyVolumes | GrowVolume | ShrinkVolume
    )
}
