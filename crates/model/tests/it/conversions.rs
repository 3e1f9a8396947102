// SPDX-License-Identifier: Apache-2.0

//! What operations do to resources: laws, with the cases that have a text of Mesos's.

use crate::some;
use kaon_api::json::{Dialect, from_json, parse};
use kaon_api::v1;
use kaon_api::v1::offer::Operation;
use kaon_model::{Conversion, Reservation, Resource, Resources, Role, conversions};
use proptest::prelude::*;

fn operation(text: &str) -> Operation {
    from_json(&parse(text.as_bytes()).unwrap(), Dialect::V1).unwrap()
}

fn of_kind(kind: v1::offer::operation::Type) -> Operation {
    Operation { r#type: Some(kind), ..Default::default() }
}

fn reserve(resources: &Resources) -> Operation {
    let reserve = v1::offer::operation::Reserve { resources: resources.to_wire(), ..Default::default() };
    Operation { reserve: Some(reserve), ..of_kind(v1::offer::operation::Type::Reserve) }
}

fn unreserve(resources: &Resources) -> Operation {
    let unreserve = v1::offer::operation::Unreserve { resources: resources.to_wire(), ..Default::default() };
    Operation { unreserve: Some(unreserve), ..of_kind(v1::offer::operation::Type::Unreserve) }
}

fn steps(operation: &Operation) -> Vec<Conversion> {
    conversions(operation).unwrap()
}

fn disk(more: &str, amount: u32) -> String {
    format!(
        r#"{{"name":"disk","type":"SCALAR","scalar":{{"value":{amount}}},
            "reservations":[{{"type":"DYNAMIC","role":"a","principal":"p"}}]{more}}}"#
    )
}

fn volume(more: &str, amount: u32) -> String {
    let volume = r#","disk":{"persistence":{"id":"v"},"volume":{"container_path":"data","mode":"RW"}}"#;
    disk(&format!("{volume}{more}"), amount)
}

fn one(text: &str) -> Resource {
    let wire: v1::Resource = from_json(&parse(text.as_bytes()).unwrap(), Dialect::V1).unwrap();
    Resource::from_wire(&wire).unwrap()
}

proptest! {
    /// Nothing comes of nothing, and nothing is lost.
    #[test]
    fn reserving_conserves_and_unreserving_undoes(all in some::resources(), some in some::resources()) {
        // Allocation and sharing are not what a reservation changes.
        let all = all.filter(|r| !r.is_indivisible() && r.reservations.len() < 2);
        let wanted = some.filter(|r| all.contains(r));
        prop_assume!(all.contains_all(&wanted));
        let deeper = Role::new("a/b/c").unwrap();
        let reserved = wanted.push_reservation(&Reservation::dynamic(deeper, Some("p")));
        let after = all.apply(&steps(&reserve(&reserved))).unwrap();
        prop_assert_eq!(after.all_quantities(), all.all_quantities());
        prop_assert!(after.contains_all(&reserved));
        prop_assert_eq!(after.apply(&steps(&unreserve(&reserved))).unwrap(), all);
    }

    /// What an agent remembers, put on what it was described with, is what it had.
    #[test]
    fn a_total_is_made_again_of_what_was_checkpointed(base in some::resources(), some in some::resources()) {
        let base = base.filter(|r| !r.is_checkpointed() && r.allocation_role.is_none());
        let wanted = some.filter(|r| r.is_unreserved() && base.contains(r));
        prop_assume!(base.contains_all(&wanted) && wanted.iter().all(|r| r.provider_id.is_none()));
        let reserved = wanted.push_reservation(&Reservation::dynamic(Role::new("a").unwrap(), Some("p")));
        let total = base.apply(&steps(&reserve(&reserved))).unwrap();
        prop_assert_eq!(base.with_checkpointed(&total.checkpointed()).unwrap(), total);
    }
}

#[test]
fn volumes_are_made_and_unmade() {
    let plain: Resources = one(&disk("", 100)).into();
    let create = operation(&format!(r#"{{"type":"CREATE","create":{{"volumes":[{}]}}}}"#, volume("", 60)));
    let made = plain.apply(&steps(&create)).unwrap();
    assert_eq!(
        made.to_string(),
        "disk(reservations: [(DYNAMIC,a,p)]):40; disk(reservations: [(DYNAMIC,a,p)])[v:data]:60"
    );
    assert_eq!(
        plain.apply(&[steps(&create), steps(&create)].concat()).unwrap_err().to_string(),
        "disk(reservations: [(DYNAMIC,a,p)]):40; disk(reservations: [(DYNAMIC,a,p)])[v:data]:60 does not contain \
         disk(reservations: [(DYNAMIC,a,p)]):60"
    );
    let destroy = operation(&format!(r#"{{"type":"DESTROY","destroy":{{"volumes":[{}]}}}}"#, volume("", 60)));
    assert_eq!(made.apply(&steps(&destroy)).unwrap(), plain);
}

#[test]
fn volumes_grow_and_shrink() {
    let all: Resources = [one(&disk("", 40)), one(&volume("", 60))].into_iter().collect();
    let grow = operation(&format!(
        r#"{{"type":"GROW_VOLUME","grow_volume":{{"volume":{},"addition":{}}}}}"#,
        volume("", 60),
        disk("", 10)
    ));
    let grown = all.apply(&steps(&grow)).unwrap();
    assert_eq!(grown, [one(&disk("", 30)), one(&volume("", 70))].into_iter().collect());
    let shrink = operation(&format!(
        r#"{{"type":"SHRINK_VOLUME","shrink_volume":{{"volume":{},"subtract":{{"value":10}}}}}}"#,
        volume("", 70)
    ));
    assert_eq!(grown.apply(&steps(&shrink)).unwrap(), all);
}

#[test]
fn a_shared_volume_goes_only_as_a_whole() {
    let shared = volume(r#","shared":{}"#, 60);
    let destroy = operation(&format!(r#"{{"type":"DESTROY","destroy":{{"volumes":[{shared}]}}}}"#));
    let (one_copy, two): (Resources, Resources) =
        (one(&shared).into(), [one(&shared), one(&shared)].into_iter().collect());
    assert_eq!(one_copy.apply(&steps(&destroy)).unwrap(), one(&disk("", 60)).into());
    assert_eq!(
        two.apply(&steps(&destroy)).unwrap_err().to_string(),
        "Persistent volume disk(reservations: [(DYNAMIC,a,p)])[v:data]<SHARED>:60 cannot be removed due to additional \
         shared copies"
    );
}

#[test]
fn what_is_no_conversion_is_refused() {
    for (text, problem) in [
        (r#"{}"#, "Unknown operation"),
        (r#"{"type":"RESERVE"}"#, "Unknown operation"),
        (r#"{"type":"LAUNCH","launch":{}}"#, "Operation not supported"),
        (
            r#"{"type":"CREATE_DISK","create_disk":{"source":{"name":"disk","type":"SCALAR","scalar":{"value":1}},
               "target_type":"MOUNT"}}"#,
            "Operation not supported",
        ),
    ] {
        assert_eq!(conversions(&operation(text)).unwrap_err().to_string(), problem);
    }
    let plain: Resources = one(&disk("", 5)).into();
    assert_eq!(
        plain.with_checkpointed(&Resources::parse("cpus:1", &Role::star()).unwrap()).unwrap_err().to_string(),
        "Unexpected checkpointed resources cpus:1"
    );
    assert_eq!(
        Resources::parse("disk:5", &Role::star())
            .unwrap()
            .with_checkpointed(&one(&volume("", 60)).into())
            .unwrap_err()
            .to_string(),
        "Incompatible agent resources: disk:5 does not contain disk:60"
    );
}
