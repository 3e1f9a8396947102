// SPDX-License-Identifier: Apache-2.0

//! Ids, times, task states, amounts by name on the wire.

use crate::{
    AgentId, ExecutorId, FrameworkId, InverseOfferId, OfferId, OperationId, Quantities, Range, Ranges,
    ResourceName, ResourceProviderId, Scalar, Span, TaskId, TaskState, Wall,
};
use kaon_api::v1;
use std::collections::BTreeMap;

macro_rules! ids {
    ($($model:ident = $wire:ident;)+) => {$(
        impl From<&v1::$wire> for $model {
            fn from(wire: &v1::$wire) -> $model {
                $model::new(&wire.value)
            }
        }

        impl From<&$model> for v1::$wire {
            fn from(id: &$model) -> v1::$wire {
                v1::$wire { value: id.as_str().to_string(), ..Default::default() }
            }
        }
    )+};
}

// An inverse offer's id travels as an `OfferID` too; the two conversions from one message are told apart by target.
ids! {
    TaskId = TaskID;
    FrameworkId = FrameworkID;
    AgentId = AgentID;
    ExecutorId = ExecutorID;
    OfferId = OfferID;
    InverseOfferId = OfferID;
    OperationId = OperationID;
    ResourceProviderId = ResourceProviderID;
}

impl From<&v1::DurationInfo> for Span {
    fn from(wire: &v1::DurationInfo) -> Span {
        Span::from_nanos(wire.nanoseconds)
    }
}

impl From<Span> for v1::DurationInfo {
    fn from(span: Span) -> v1::DurationInfo {
        v1::DurationInfo { nanoseconds: span.nanos(), ..Default::default() }
    }
}

impl From<&v1::TimeInfo> for Wall {
    fn from(wire: &v1::TimeInfo) -> Wall {
        Wall::from_nanos(wire.nanoseconds)
    }
}

impl From<Wall> for v1::TimeInfo {
    fn from(wall: Wall) -> v1::TimeInfo {
        v1::TimeInfo { nanoseconds: wall.nanos(), ..Default::default() }
    }
}

impl From<v1::TaskState> for TaskState {
    fn from(wire: v1::TaskState) -> TaskState {
        match wire {
            v1::TaskState::TaskStaging => TaskState::Staging,
            v1::TaskState::TaskStarting => TaskState::Starting,
            v1::TaskState::TaskRunning => TaskState::Running,
            v1::TaskState::TaskKilling => TaskState::Killing,
            v1::TaskState::TaskFinished => TaskState::Finished,
            v1::TaskState::TaskFailed => TaskState::Failed,
            v1::TaskState::TaskKilled => TaskState::Killed,
            v1::TaskState::TaskError => TaskState::Error,
            v1::TaskState::TaskLost => TaskState::Lost,
            v1::TaskState::TaskDropped => TaskState::Dropped,
            v1::TaskState::TaskUnreachable => TaskState::Unreachable,
            v1::TaskState::TaskGone => TaskState::Gone,
            v1::TaskState::TaskGoneByOperator => TaskState::GoneByOperator,
            v1::TaskState::TaskUnknown => TaskState::Unknown,
        }
    }
}

impl From<TaskState> for v1::TaskState {
    fn from(state: TaskState) -> v1::TaskState {
        match state {
            TaskState::Staging => v1::TaskState::TaskStaging,
            TaskState::Starting => v1::TaskState::TaskStarting,
            TaskState::Running => v1::TaskState::TaskRunning,
            TaskState::Killing => v1::TaskState::TaskKilling,
            TaskState::Finished => v1::TaskState::TaskFinished,
            TaskState::Failed => v1::TaskState::TaskFailed,
            TaskState::Killed => v1::TaskState::TaskKilled,
            TaskState::Error => v1::TaskState::TaskError,
            TaskState::Lost => v1::TaskState::TaskLost,
            TaskState::Dropped => v1::TaskState::TaskDropped,
            TaskState::Unreachable => v1::TaskState::TaskUnreachable,
            TaskState::Gone => v1::TaskState::TaskGone,
            TaskState::GoneByOperator => v1::TaskState::TaskGoneByOperator,
            TaskState::Unknown => v1::TaskState::TaskUnknown,
        }
    }
}

/// As in quota and `min_allocatable_resources`. Mesos: zero amounts are dropped.
///
/// Infinity saturates, so the limits of a task, which may be infinite, are not read this way.
impl From<&BTreeMap<String, v1::value::Scalar>> for Quantities {
    fn from(wire: &BTreeMap<String, v1::value::Scalar>) -> Quantities {
        let amount = |scalar: &v1::value::Scalar| Scalar::from_f64(scalar.value);
        wire.iter().map(|(name, scalar)| (ResourceName::from(name.as_str()), amount(scalar))).collect()
    }
}

impl From<&Quantities> for BTreeMap<String, v1::value::Scalar> {
    fn from(quantities: &Quantities) -> BTreeMap<String, v1::value::Scalar> {
        let scalar = |amount: Scalar| v1::value::Scalar { value: amount.to_f64(), ..Default::default() };
        quantities.iter().map(|(name, amount)| (name.as_str().to_string(), scalar(amount))).collect()
    }
}

pub(crate) fn ranges_to_wire(ranges: &Ranges) -> v1::value::Ranges {
    let one = |range: Range| v1::value::Range { begin: range.begin, end: range.end, ..Default::default() };
    v1::value::Ranges { range: ranges.iter().map(one).collect(), ..Default::default() }
}
