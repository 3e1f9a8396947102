// SPDX-License-Identifier: Apache-2.0

//! Resources on the wire in their three forms.

use crate::some;
use kaon_api::json::{Dialect, to_json};
use kaon_api::v1;
use kaon_api::wire::Message;
use kaon_model::{Reservation, Resource, Resources, Scalar, format};
use proptest::prelude::*;

fn cpus(reservations: &[Reservation]) -> Resource {
    Resource { reservations: reservations.to_vec(), ..Resource::scalar("cpus", Scalar::from_units(1)) }
}

fn json(wire: &v1::Resource) -> String {
    to_json(wire, Dialect::V1)
}

proptest! {
    #[test]
    fn the_wire_brings_back_what_was_sent(all in some::resources()) {
        let wire = all.to_wire();
        let bytes: Vec<Vec<u8>> = wire.iter().map(Message::encode).collect();
        let decoded: Result<Vec<v1::Resource>, _> = bytes.iter().map(|bytes| Message::decode(bytes)).collect();
        prop_assert_eq!(Resources::from_wire(&decoded.unwrap()), Ok(all));
    }

    #[test]
    fn each_form_means_the_same(resource in some::resource()) {
        let stacked = resource.to_wire();
        let mut endpoint = stacked.clone();
        format::to_endpoint(&mut endpoint);
        prop_assert_eq!(Resource::from_wire(&endpoint), Ok(resource.clone()));
        let mut old = stacked.clone();
        match format::downgrade(&mut old) {
            Ok(()) => prop_assert!(old.reservations.is_empty() && old.role.is_some()),
            Err(format::RefinedReservation) => prop_assert!(resource.is_refined() && old == stacked),
        }
        prop_assert_eq!(Resource::from_wire(&old), Ok(resource));
        for mut form in [endpoint, old] {
            format::upgrade(&mut form);
            prop_assert_eq!(&form, &stacked);
        }
    }
}

#[test]
fn the_forms_as_mesos_writes_them() {
    let dynamic = Reservation::dynamic(some::role("r"), Some("p"));
    let head = r#"{"name":"cpus","type":"SCALAR","scalar":{"value":1.0}"#;
    for (reservations, stacked, old, endpoint) in [
        (vec![], "", r#","role":"*""#, r#","role":"*""#),
        (
            vec![Reservation::fixed(some::role("r"))],
            r#","reservations":[{"type":"STATIC","role":"r"}]"#,
            r#","role":"r""#,
            r#","role":"r","reservations":[{"type":"STATIC","role":"r"}]"#,
        ),
        (
            vec![dynamic],
            r#","reservations":[{"type":"DYNAMIC","role":"r","principal":"p"}]"#,
            r#","role":"r","reservation":{"principal":"p"}"#,
            r#","role":"r","reservation":{"principal":"p"},"reservations":[{"type":"DYNAMIC","role":"r","principal":"p"}]"#,
        ),
    ] {
        let wire = cpus(&reservations).to_wire();
        assert_eq!(json(&wire), format!("{head}{stacked}}}"));
        let mut downgraded = wire.clone();
        format::downgrade(&mut downgraded).unwrap();
        assert_eq!(json(&downgraded), format!("{head}{old}}}"));
        let mut both = wire;
        format::to_endpoint(&mut both);
        assert_eq!(json(&both), format!("{head}{endpoint}}}"));
    }
}

#[test]
fn downgrading_stops_at_the_first_refined_resource() {
    let fixed = Reservation::fixed(some::role("r"));
    let refined = [fixed.clone(), Reservation::dynamic(some::role("r/s"), None)];
    let mut list =
        [cpus(std::slice::from_ref(&fixed)), cpus(&refined), cpus(&[fixed])].map(|one| one.to_wire());
    assert_eq!(format::downgrade_all(&mut list), Err(format::RefinedReservation));
    assert_eq!(list.each_ref().map(|one| one.role.is_some()), [true, false, false]);
    let all = Resources::from_wire(&list).unwrap();
    assert_eq!(
        all.to_string(),
        "cpus(reservations: [(STATIC,r)]):2; cpus(reservations: [(STATIC,r),(DYNAMIC,r/s)]):1"
    );
    format::upgrade_all(&mut list);
    assert!(list.iter().all(|one| one.role.is_none() && !one.reservations.is_empty()));
}
