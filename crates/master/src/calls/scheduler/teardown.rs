// SPDX-License-Identifier: Apache-2.0

//! TEARDOWN: a framework ends with all its tasks.

use crate::master::{Master, Turn};
use crate::state::FrameworkRow;

impl Master {
    pub(super) fn teardown(&mut self, turn: &mut Turn, row: FrameworkRow) {
        self.state.tables.counters.messages_unregister_framework += 1;
        self.remove_framework(turn, row);
    }
}
