// SPDX-License-Identifier: Apache-2.0

//! TEARDOWN: an operator ends a framework.

use kaon_api::v1::master::call;

use crate::effect::Reply;
use crate::master::{Answer, Master, Turn};
use crate::rejection::Rejection;

impl Master {
    pub(super) fn operator_teardown(&mut self, turn: &mut Turn, call: &call::Teardown) -> Answer {
        let row = self.state.frameworks.row(&call.framework_id.value);
        let row =
            row.ok_or_else(|| Rejection::Invalid("No framework found with specified ID".to_string()))?;
        self.remove_framework(turn, row);
        Ok(Reply::Ok)
    }
}
