// SPDX-License-Identifier: Apache-2.0

//! The laws of adding, subtracting and containing resources.

use crate::some::{self, role};
use kaon_model::{
    DiskInfo, Persistence, Quantities, Reservation, Resource, ResourceName, Resources, Role, Scalar, Value,
};
use proptest::prelude::*;
use std::sync::Arc;

fn parse(text: &str) -> Resources {
    Resources::parse(text, &Role::star()).unwrap()
}

fn volume(id: &str, shared: bool) -> Resource {
    let persistence = Some(Persistence { id: Arc::from(id), principal: None });
    let disk = Some(Box::new(DiskInfo { persistence, ..DiskInfo::default() }));
    Resource { disk, shared, ..Resource::scalar("disk", Scalar::from_units(10)) }
        .reserved_by(Reservation::dynamic(role("a"), None))
}

/// Whether no integer or item occurs in both: their sum would forget that there were two.
fn disjoint(a: &Resources, b: &Resources) -> bool {
    a.iter().filter(|own| !own.is_indivisible()).all(|own| {
        b.iter().filter(|other| own.same_identity(other)).all(|other| match (&own.value, &other.value) {
            (Value::Ranges(own), Value::Ranges(other)) => !own.intersects(other),
            (Value::Set(own), Value::Set(other)) => !own.intersects(other),
            _ => true,
        })
    })
}

proptest! {
    #[test]
    fn addition_forgets_the_order(list in prop::collection::vec(some::resource(), 0..10), seed: u64) {
        let mut shuffled = list.clone();
        kaon_model::Entropy::from_u64(seed).shuffle(&mut shuffled);
        prop_assert_eq!(list.iter().collect::<Resources>(), shuffled.iter().collect::<Resources>());
    }

    #[test]
    fn addition_commutes_and_associates(a in some::resources(), b in some::resources(), c in some::resources()) {
        prop_assert_eq!(&a + &b, &b + &a);
        prop_assert_eq!(&(&a + &b) + &c, &a + &(&b + &c));
    }

    #[test]
    fn subtraction_undoes_addition(a in some::resources(), b in some::resources()) {
        prop_assume!(disjoint(&a, &b));
        let sum = &a + &b;
        prop_assert!(sum.contains_all(&a) && sum.contains_all(&b));
        prop_assert_eq!(sum.checked_sub(&b), Some(a.clone()));
        prop_assert_eq!(&sum - &a, b);
    }

    #[test]
    fn what_is_contained_can_be_taken_and_put_back(a in some::resources(), b in some::resources()) {
        match a.checked_sub(&b) {
            Some(rest) => prop_assert_eq!(&rest + &b, a),
            None => prop_assert!(!a.contains_all(&b)),
        }
    }

    #[test]
    fn containment_is_an_order_that_grows_with_addition(
        a in some::resources(), b in some::resources(), c in some::resources(),
    ) {
        prop_assert!(a.contains_all(&a) && a.contains_all(&Resources::new()));
        if a.contains_all(&b) {
            prop_assert!((&a + &c).contains_all(&b));
            prop_assert!(!b.contains_all(&a) || a == b);
            if b.contains_all(&c) {
                prop_assert!(a.contains_all(&c));
            }
        }
    }

    #[test]
    fn taking_more_than_there_is_leaves_no_trace(a in some::resources(), b in some::resources()) {
        let rest = &a - &b;
        prop_assert!(a.contains_all(&rest));
        prop_assert!(rest.iter().all(|resource| !resource.is_empty()));
        prop_assert!((&Resources::new() - &a).is_empty());
    }

    #[test]
    fn quantities_add_up(a in some::resources(), b in some::resources()) {
        prop_assume!(disjoint(&a, &b) && a.shared().is_empty());
        let mut sum = a.quantities();
        sum += &b.quantities();
        prop_assert_eq!((&a + &b).quantities(), sum);
        prop_assert!(a.contains_quantities(&a.all_quantities()));
    }

    #[test]
    fn parts_make_the_whole(a in some::resources()) {
        let star = role("a/b");
        prop_assert_eq!(&(&a.reserved() + &a.unreserved()), &a);
        prop_assert_eq!(&(&a.revocable() + &a.non_revocable()), &a);
        prop_assert_eq!(&(&a.shared() + &a.non_shared()), &a);
        prop_assert!(a.contains_all(&a.allocatable_to(&star)));
        let reserved: Resources = a.by_reservation().values().sum();
        prop_assert_eq!(reserved, a.reserved());
        let charged = a.allocate(&star);
        prop_assert_eq!(charged.by_allocation().get(&star).cloned().unwrap_or_default(), charged.clone());
        prop_assert_eq!(charged.unallocate(), a.unallocate());
    }

    #[test]
    fn a_pushed_reservation_pops(a in some::resources()) {
        prop_assert_eq!(a.push_reservation(&Reservation::dynamic(role("a/b/c"), Some("p"))).pop_reservation(), a);
    }
}

#[test]
fn amounts_of_one_identity_are_one_entry() {
    let both = &parse("cpus:1;mem:5;ports:[1-5];cpus(r):1") + &parse("cpus:2;ports:[6-9];x:{b}");
    assert_eq!(both.to_string(), "cpus:3; cpus(reservations: [(STATIC,r)]):1; mem:5; ports:[1-9]; x:{b}");
    assert_eq!(both.get_scalar("cpus"), Scalar::from_units(4));
    assert!(both.contains_quantities(&parse("cpus:4").quantities()));
    assert!(!both.contains_all(&parse("cpus:4")));
    assert_eq!(Resources::new().to_string(), "{}");
}

#[test]
fn volumes_are_taken_whole() {
    let all: Resources = [volume("v", false), volume("w", false), volume("v", false)].iter().collect();
    assert_eq!(all.len(), 3);
    let half = Resource { value: Value::Scalar(Scalar::from_units(5)), ..volume("v", false) };
    assert!(!all.contains(&half));
    assert_eq!(&all - &half.into(), all);
    let two: Resources = [volume("v", false), volume("v", false)].iter().collect();
    assert!(all.contains_all(&two));
    assert!(!(&all - &volume("v", false).into()).contains_all(&two));
}

#[test]
fn shared_volumes_count_their_holders() {
    let mut all: Resources = volume("v", true).into();
    all.insert(&volume("v", true));
    assert_eq!(all.to_string(), "disk(reservations: [(DYNAMIC,a)])[v]<SHARED>:10<2>");
    assert_eq!((all.len(), all.repeated().count()), (1, 2));
    assert_eq!(all.get_scalar("disk"), Scalar::from_units(10));
    all.remove(&volume("v", true));
    assert!(!all.is_empty() && !all.contains_all(&[volume("v", true), volume("v", true)].iter().collect()));
    all.remove(&volume("v", true));
    assert!(all.is_empty());
}

#[test]
fn who_may_have_what() {
    let all = parse("cpus:1;cpus(eng):2;cpus(eng/web):4;cpus(ops):8");
    let amount = |name: &str| all.allocatable_to(&role(name)).get_scalar("cpus");
    assert_eq!(amount("eng"), Scalar::from_units(3));
    assert_eq!(amount("eng/web"), Scalar::from_units(7));
    assert_eq!(amount("engine"), Scalar::from_units(1));
    assert_eq!(all.reserved_to(&role("eng")).get_scalar("cpus"), Scalar::from_units(2));
}

#[test]
fn operations_convert() {
    let free = parse("cpus:4;mem:100");
    let cpu = parse("cpus:1");
    let reserved = cpu.push_reservation(&Reservation::dynamic(role("a"), Some("p")));
    let after = free.convert(&cpu, &reserved).unwrap();
    assert_eq!(after.to_string(), "cpus:3; cpus(reservations: [(DYNAMIC,a,p)]):1; mem:100");
    assert_eq!(after.quantities(), free.quantities());
    assert_eq!(after.convert(&reserved, &cpu), Some(free.clone()));
    assert_eq!(free.convert(&reserved, &cpu), None);
    let one: Quantities = [(ResourceName::CPUS, Scalar::from_units(1))].into_iter().collect();
    assert_eq!(after.dynamically_reserved().quantities(), one);
}
