// SPDX-License-Identifier: Apache-2.0

//! REQUEST: a framework says which resources it would like.

use crate::master::Master;

impl Master {
    /// Mesos: the allocator takes no notice of it.
    pub(super) fn request(&mut self) {
        self.state.tables.counters.messages_resource_request += 1;
    }
}
