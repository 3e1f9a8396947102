// SPDX-License-Identifier: Apache-2.0

//! Arbitrary values for the laws.

use kaon_model::{
    DiskInfo, DiskKind, DiskSource, Label, Labels, Persistence, Range, Reservation, ReservationKind,
    Resource, Resources, Role, Scalar, Value,
};
use proptest::prelude::*;
use std::sync::Arc;

pub fn role(name: &str) -> Role {
    Role::new(name).unwrap()
}

/// Few different identities, so that sums meet.
pub fn resource() -> impl Strategy<Value = Resource> {
    prop_oneof![4 => plain(), 2 => disk()]
}

pub fn resources() -> impl Strategy<Value = Resources> {
    prop::collection::vec(resource(), 0..8).prop_map(|list| list.into_iter().collect())
}

fn value() -> impl Strategy<Value = (&'static str, Value)> {
    let scalar = (prop::sample::select(vec!["cpus", "mem", "zeta"]), 0i64..5000)
        .prop_map(|(name, millis)| (name, Value::Scalar(Scalar::from_millis(millis))));
    let ranges = prop::collection::vec((0u64..40, 0u64..9), 0..4).prop_map(|pairs| {
        (
            "ports",
            Value::Ranges(
                pairs.iter().filter_map(|(begin, more)| Range::new(*begin, begin + more)).collect(),
            ),
        )
    });
    let set = prop::collection::btree_set("[a-d]", 0..3)
        .prop_map(|items| ("zones", Value::Set(items.iter().collect())));
    prop_oneof![3 => scalar, 2 => ranges, 1 => set]
}

fn reservations() -> impl Strategy<Value = Vec<Reservation>> {
    let labels = || Some(Labels(vec![Label { key: "k".into(), value: Some("v".into()) }]));
    prop::sample::select(vec![
        vec![],
        vec![],
        vec![Reservation::fixed(role("a"))],
        vec![Reservation::dynamic(role("a"), Some("p"))],
        vec![Reservation { labels: labels(), ..Reservation::dynamic(role("a"), None) }],
        vec![Reservation::fixed(role("a")), Reservation::dynamic(role("a/b"), Some("p"))],
    ])
}

fn plain() -> impl Strategy<Value = Resource> {
    let allocation = prop::sample::select(vec![None, None, Some(role("*")), Some(role("a/b"))]);
    (value(), reservations(), allocation, any::<bool>()).prop_map(
        |((name, value), reservations, allocation_role, x)| {
            let provider_id = (x && name == "zeta").then(|| "provider".into());
            Resource {
                reservations,
                allocation_role,
                revocable: x,
                provider_id,
                ..Resource::new(name, value)
            }
        },
    )
}

fn source(kind: DiskKind, id: Option<&str>) -> DiskSource {
    let root = matches!(kind, DiskKind::Path | DiskKind::Mount).then(|| Some(Arc::from("/mnt")));
    DiskSource { kind, root, vendor: None, id: id.map(Arc::from), profile: None, metadata: None }
}

fn disk() -> impl Strategy<Value = Resource> {
    let source = prop::sample::select(vec![
        None,
        Some(source(DiskKind::Path, None)),
        Some(source(DiskKind::Mount, None)),
        Some(source(DiskKind::Block, Some("b1"))),
        Some(source(DiskKind::Raw, None)),
    ]);
    let volume = prop::sample::select(vec![None, Some("v1"), Some("v2")]);
    (source, volume, any::<bool>(), 1i64..4).prop_map(|(source, volume, shared, gigabytes)| {
        let persistence = volume.map(|id| Persistence { id: Arc::from(id), principal: None });
        let shared = shared && persistence.is_some();
        let reservation = Reservation { kind: ReservationKind::Dynamic, ..Reservation::fixed(role("a")) };
        Resource {
            shared,
            reservations: persistence.iter().map(|_| reservation.clone()).collect(),
            disk: Some(Box::new(DiskInfo { persistence, volume: None, source })),
            ..Resource::scalar("disk", Scalar::from_units(gigabytes * 1024))
        }
    })
}
