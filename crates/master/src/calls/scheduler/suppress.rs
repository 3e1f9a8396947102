// SPDX-License-Identifier: Apache-2.0

//! SUPPRESS: a framework wants no offers for now.

use std::sync::Arc;

use crate::master::Master;
use crate::state::FrameworkRow;

impl Master {
    /// Mesos: a role that is not one, or not the framework's, makes the whole call void.
    pub(super) fn suppress(&mut self, row: FrameworkRow, roles: &[String]) {
        self.state.tables.counters.messages_suppress_offers += 1;
        let Ok(named) = Master::roles_named(roles) else { return };
        let id = self.state.framework(row).id.clone();
        if self.allocator.suppress(&id, &named).is_ok() {
            let framework = self.state.framework_mut(row);
            let meant = if named.is_empty() { (*framework.roles).clone() } else { named };
            Arc::make_mut(&mut framework.suppressed).extend(meant);
        }
    }
}
