// SPDX-License-Identifier: Apache-2.0

//! The figures of operations, by kind and state.

use kaon_api::v1::OperationState;
use kaon_api::v1::offer::operation::Type;
use kaon_api::wire::Enumeration;

use super::Figures;
use crate::state::Counters;

/// Those that a figure is kept of. Mesos: tasks are launched by operations too, yet counted elsewhere.
const KINDS: [Type; 8] = [
    Type::Reserve,
    Type::Unreserve,
    Type::Create,
    Type::Destroy,
    Type::GrowVolume,
    Type::ShrinkVolume,
    Type::CreateDisk,
    Type::DestroyDisk,
];

const STATES: [OperationState; 8] = [
    OperationState::OperationPending,
    OperationState::OperationRecovering,
    OperationState::OperationUnreachable,
    OperationState::OperationFinished,
    OperationState::OperationFailed,
    OperationState::OperationError,
    OperationState::OperationDropped,
    OperationState::OperationGoneByOperator,
];

pub(super) fn add(figures: &mut Figures, counters: &Counters) {
    let count = |kind: Type, state: OperationState| {
        counters.operations.get(&(kind.name(), state.name())).copied().unwrap_or(0)
    };
    let mut all = [0; STATES.len()];
    for kind in KINDS {
        let own = STATES.map(|state| count(kind, state));
        all.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
        put(figures, &format!("master/operations/{}/", kind.name().to_ascii_lowercase()), own);
    }
    put(figures, "master/operations/", all);
}

fn put(figures: &mut Figures, prefix: &str, counts: [u64; STATES.len()]) {
    for (state, count) in STATES.iter().zip(counts) {
        let name = state.name().trim_start_matches("OPERATION_").to_ascii_lowercase();
        figures.set(format!("{prefix}{name}"), count as f64);
    }
    figures.set(format!("{prefix}total"), counts.iter().sum::<u64>() as f64);
}
