// SPDX-License-Identifier: Apache-2.0

//! Counts of what has happened since this master began to lead.

use std::collections::BTreeMap;

use kaon_api::v1;
use kaon_api::wire::Enumeration;

macro_rules! counters {
    ($($field:ident => $name:literal,)+) => {
        /// The counters whose names are fixed; the names are those of `/metrics/snapshot`.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Counters {
            $(pub $field: u64,)+
            /// Task ends by state, source, reason.
            pub task_ends: BTreeMap<String, u64>,
            /// Terminal states that tasks came to, by lower-case name.
            pub task_states: BTreeMap<&'static str, u64>,
            /// Operations by kind and state: those under way are counted now, those that ended once and for all.
            pub operations: BTreeMap<(&'static str, &'static str), u64>,
            /// Calls of each principal that were received.
            pub principals: BTreeMap<String, u64>,
        }

        impl Counters {
            /// Each fixed counter with its name.
            pub fn named(&self) -> Vec<(&'static str, u64)> {
                vec![$(($name, self.$field),)+]
            }
        }
    };
}

counters! {
    messages_authenticate => "master/messages_authenticate",
    messages_deactivate_framework => "master/messages_deactivate_framework",
    dropped_messages => "master/dropped_messages",
    messages_register_framework => "master/messages_register_framework",
    messages_reregister_framework => "master/messages_reregister_framework",
    messages_unregister_framework => "master/messages_unregister_framework",
    messages_kill_task => "master/messages_kill_task",
    messages_status_update_acknowledgement => "master/messages_status_update_acknowledgement",
    messages_operation_status_update_acknowledgement => "master/messages_operation_status_update_acknowledgement",
    messages_resource_request => "master/messages_resource_request",
    messages_launch_tasks => "master/messages_launch_tasks",
    messages_decline_offers => "master/messages_decline_offers",
    messages_revive_offers => "master/messages_revive_offers",
    messages_suppress_offers => "master/messages_suppress_offers",
    messages_reconcile_operations => "master/messages_reconcile_operations",
    messages_reconcile_tasks => "master/messages_reconcile_tasks",
    messages_framework_to_executor => "master/messages_framework_to_executor",
    messages_executor_to_framework => "master/messages_executor_to_framework",
    messages_register_slave => "master/messages_register_slave",
    messages_reregister_slave => "master/messages_reregister_slave",
    messages_unregister_slave => "master/messages_unregister_slave",
    messages_status_update => "master/messages_status_update",
    messages_operation_status_update => "master/messages_operation_status_update",
    messages_exited_executor => "master/messages_exited_executor",
    messages_update_slave => "master/messages_update_slave",
    valid_framework_to_executor_messages => "master/valid_framework_to_executor_messages",
    invalid_framework_to_executor_messages => "master/invalid_framework_to_executor_messages",
    valid_executor_to_framework_messages => "master/valid_executor_to_framework_messages",
    invalid_executor_to_framework_messages => "master/invalid_executor_to_framework_messages",
    valid_status_updates => "master/valid_status_updates",
    invalid_status_updates => "master/invalid_status_updates",
    valid_operation_status_updates => "master/valid_operation_status_updates",
    invalid_operation_status_updates => "master/invalid_operation_status_updates",
    valid_operation_status_update_acknowledgements => "master/valid_operation_status_update_acknowledgements",
    invalid_operation_status_update_acknowledgements => "master/invalid_operation_status_update_acknowledgements",
    valid_status_update_acknowledgements => "master/valid_status_update_acknowledgements",
    invalid_status_update_acknowledgements => "master/invalid_status_update_acknowledgements",
    recovery_slave_removals => "master/recovery_slave_removals",
    slave_registrations => "master/slave_registrations",
    slave_reregistrations => "master/slave_reregistrations",
    slave_removals => "master/slave_removals",
    slave_removals_unhealthy => "master/slave_removals/reason_unhealthy",
    slave_removals_unregistered => "master/slave_removals/reason_unregistered",
    slave_removals_registered => "master/slave_removals/reason_registered",
    slave_unreachable_scheduled => "master/slave_unreachable_scheduled",
    slave_unreachable_canceled => "master/slave_unreachable_canceled",
    slave_unreachable_completed => "master/slave_unreachable_completed",
}

/// Bound: principals that are counted apart; the calls of any more are not.
const PRINCIPALS_MAX: usize = 1000;

impl Counters {
    /// A task came to a terminal or unreachable state.
    pub fn count_end(&mut self, status: &v1::TaskStatus) {
        let state = status.state.v0_name();
        *self.task_states.entry(state).or_default() += 1;
        let source = status.source.map_or("SOURCE_MASTER", |source| source.v0_name());
        let mut name = format!("master/{state}/{source}");
        if let Some(reason) = status.reason {
            name.push('/');
            name.push_str(reason.v0_name());
        }
        name.make_ascii_lowercase();
        *self.task_ends.entry(name).or_default() += 1;
    }

    /// An operation came to a state.
    pub fn count_operation(&mut self, kind: v1::offer::operation::Type, state: v1::OperationState) {
        *self.operations.entry((kind.name(), state.name())).or_default() += 1;
    }

    /// An operation is in this state no more.
    pub fn uncount_operation(&mut self, kind: v1::offer::operation::Type, state: v1::OperationState) {
        if let Some(count) = self.operations.get_mut(&(kind.name(), state.name())) {
            *count = count.saturating_sub(1);
        }
    }

    pub fn count_principal(&mut self, principal: &str) {
        if let Some(count) = self.principals.get_mut(principal) {
            *count += 1;
        } else if self.principals.len() < PRINCIPALS_MAX {
            self.principals.insert(principal.to_string(), 1);
        }
    }
}

/// What one framework did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameworkCounters {
    pub calls: BTreeMap<&'static str, u64>,
    pub events: BTreeMap<&'static str, u64>,
    pub offers_sent: u64,
    pub offers_accepted: u64,
    pub offers_declined: u64,
    pub offers_rescinded: u64,
    pub operations: BTreeMap<&'static str, u64>,
    pub task_ends: BTreeMap<&'static str, u64>,
}

impl FrameworkCounters {
    pub fn count_call(&mut self, kind: v1::scheduler::call::Type) {
        *self.calls.entry(kind.name()).or_default() += 1;
    }

    pub fn count_event(&mut self, kind: v1::scheduler::event::Type) {
        *self.events.entry(kind.name()).or_default() += 1;
    }

    pub fn count_operation(&mut self, kind: v1::offer::operation::Type) {
        *self.operations.entry(kind.name()).or_default() += 1;
    }

    pub fn count_end(&mut self, state: v1::TaskState) {
        *self.task_ends.entry(state.name()).or_default() += 1;
    }
}
