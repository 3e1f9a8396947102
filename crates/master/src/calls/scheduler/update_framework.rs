// SPDX-License-Identifier: Apache-2.0

//! UPDATE_FRAMEWORK: a framework changes its description.

use kaon_allocator::Withdrawal;
use kaon_api::v1::FrameworkInfo;
use kaon_api::v1::scheduler::call;

use super::subscribe::Wishes;
use crate::effect::Reply;
use crate::master::{Answer, Master, Turn};
use crate::rejection::Rejection;
use crate::state::FrameworkRow;
use crate::state::frameworks::roles_of;
use crate::validate::{framework_info, offer_constraints};

impl Master {
    pub(super) fn update_framework(
        &mut self,
        turn: &mut Turn,
        row: FrameworkRow,
        call: call::UpdateFramework,
    ) -> Answer {
        let mut info = *call.framework_info;
        let roles = roles_of(&info);
        let suppressed = self
            .check_framework(&info, &call.suppressed_roles)
            .map_err(|e| Rejection::Invalid(format!("Supplied FrameworkInfo is not valid: {e}")))?;
        let old = self.state.framework(row).info.clone();
        if info.principal.is_none() {
            info.principal = old.principal.clone();
        }
        framework_info::update(&old, &info, true)
            .map_err(|e| Rejection::Invalid(format!("FrameworkInfo update is not valid: {e}")))?;
        let constraints = call.offer_constraints;
        let compiled = offer_constraints::offer_constraints(constraints.as_ref(), &roles, &self.config)
            .map_err(|e| {
                Rejection::Invalid(format!("'UpdateFramework.offer_constraints' are not valid: {e}"))
            })?;
        let wishes = Wishes::new(suppressed, constraints, compiled);
        let framework = self.state.framework_mut(row);
        framework.set_info(info);
        let changed = in_order(&old) != in_order(&framework.info);
        wishes.put_into(framework);
        self.reshape_framework(row);
        self.rescind_offers_of_left_roles(turn, row);
        if changed {
            self.watch_framework_updated(turn, row);
            self.broadcast_framework(turn, row);
        }
        Ok(Reply::Ok)
    }

    /// Tasks in roles that the framework left go on.
    fn rescind_offers_of_left_roles(&mut self, turn: &mut Turn, row: FrameworkRow) {
        for number in self.state.offers.of_framework(row) {
            let roles = &self.state.framework(row).roles;
            if self.state.offer(number).is_some_and(|offer| !roles.contains(&offer.role)) {
                self.rescind_offer(turn, number, Withdrawal::Rescinded);
            }
        }
    }
}

/// Roles and capabilities stand in no order.
fn in_order(info: &FrameworkInfo) -> FrameworkInfo {
    let mut info = info.clone();
    info.roles.sort_unstable();
    info.capabilities.sort_by_key(|capability| capability.r#type);
    info
}
