// SPDX-License-Identifier: Apache-2.0

//! The ledger gives nothing twice, and knows the sum of everything.

use super::world::{agent_shape, framework_shape, resources, role, task};
use kaon_allocator::{Account, Claim, FrameworkShape, Ledger, Refusal};
use kaon_model::{AgentId, DiskInfo, ExecutorId, FrameworkId, OfferId, Persistence, Reservation, Resource};
use kaon_model::{Resources, Scalar, Uuid};
use std::sync::Arc;

fn agent() -> AgentId {
    AgentId::from("a")
}

fn framework() -> FrameworkId {
    FrameworkId::from("f")
}

/// One agent of ten cpus, one framework in `r` and `s`.
fn ledger() -> Ledger {
    let mut ledger = Ledger::new();
    ledger.add_agent(agent(), agent_shape("cpus:10;mem:100;ports:[1-10]")).unwrap();
    ledger.add_framework(framework(), &framework_shape(&["r", "s"]), true).unwrap();
    ledger
}

fn offer(ledger: &mut Ledger, id: &str, of: &str) -> Result<(), Refusal> {
    ledger.offer(OfferId::from(id), &framework(), &role("r"), &agent(), resources(of))
}

fn free(ledger: &Ledger) -> String {
    ledger.books().agent(&agent()).unwrap().free().to_string()
}

fn held(ledger: &Ledger, account: Account) -> String {
    ledger.books().of_framework(&framework(), account).unallocate().to_string()
}

#[test]
fn an_acceptance_moves_an_offer_into_tasks_and_gives_back_the_rest() {
    let mut ledger = ledger();
    offer(&mut ledger, "o1", "cpus:4;mem:100;ports:[1-4]").unwrap();
    offer(&mut ledger, "o2", "cpus:2").unwrap();
    let (o1, o2) = (OfferId::from("o1"), OfferId::from("o2"));
    let mut holding = ledger.open([&o1, &o2]).unwrap();
    assert_eq!(holding.rest(), &resources("cpus:6;mem:100;ports:[1-4]"));
    ledger.take(&mut holding, task(1), resources("cpus:1;ports:[2-2]").allocate(&role("r"))).unwrap();
    ledger.take(&mut holding, Claim::Executor(ExecutorId::from("e")), resources("cpus:1;mem:10")).unwrap();
    ledger.take(&mut holding, Claim::Operation(Uuid::from_random([1; 16])), resources("cpus:3")).unwrap();
    let returned = ledger.close(holding);
    assert_eq!(*returned.resources, resources("cpus:1;mem:90;ports:[1-1,3-4]"));
    assert_eq!(free(&ledger), "cpus:5; mem:90; ports:[1-1, 3-10]");
    assert_eq!(held(&ledger, Account::Used), "cpus:2; mem:10; ports:[2-2]");
    assert_eq!(held(&ledger, Account::Pending), "cpus:3");
    assert_eq!(held(&ledger, Account::Offered), "{}");
    let in_role = ledger.books().role(&role("r")).unwrap().subtree().of(Account::Used).quantities();
    assert_eq!(in_role.to_string(), "cpus:2; mem:10");
    let entry = ledger.books().claim(&agent(), &framework(), &task(1)).unwrap();
    assert_eq!((entry.role, entry.account), (&role("r"), Account::Used));
    ledger.release(&agent(), &framework(), &task(1)).unwrap();
    assert!(ledger.release(&agent(), &framework(), &task(1)).is_none(), "a second end changes nothing");
    assert_eq!(free(&ledger), "cpus:6; mem:90; ports:[1-10]");
    ledger.check().unwrap();
}

#[test]
fn refuses_to_give_anything_twice() {
    let mut ledger = ledger();
    offer(&mut ledger, "o1", "cpus:6;ports:[1-4]").unwrap();
    let o1 = OfferId::from("o1");
    let twice = [
        offer(&mut ledger, "o2", "cpus:5").unwrap_err().to_string(),
        offer(&mut ledger, "o2", "ports:[4-5]").unwrap_err().to_string(),
        offer(&mut ledger, "o1", "cpus:1").unwrap_err().to_string(),
        ledger.open([&o1, &o1]).unwrap_err().to_string(),
    ];
    assert_eq!(
        twice,
        [
            "agent a has cpus:4; mem:100; ports:[5-10] free, which does not hold cpus:5",
            "agent a has cpus:4; mem:100; ports:[5-10] free, which does not hold ports:[4-5]",
            "offer o1 is out already: each offer needs an id of its own",
            "offer o1 is not out: it was answered, withdrawn, or never made",
        ]
    );
    let mut holding = ledger.open([&o1]).unwrap();
    assert_eq!(ledger.open([&o1]).unwrap_err(), Refusal::UnknownOffer(o1.clone()));
    assert_eq!(ledger.withdraw(&o1).unwrap_err(), Refusal::UnknownOffer(o1));
    ledger.take(&mut holding, task(1), resources("cpus:4")).unwrap();
    assert_eq!(
        ledger.take(&mut holding, task(2), resources("cpus:3")).unwrap_err().to_string(),
        "the offers hold cpus:2; ports:[1-4], not cpus:3"
    );
    let claimed = ledger.take(&mut holding, task(1), resources("cpus:1")).unwrap_err();
    assert!(matches!(claimed, Refusal::Claimed { .. }));
    ledger.close(holding);
    ledger.check().unwrap();
}

#[test]
fn refuses_what_makes_no_sense() {
    let mut ledger = ledger();
    let (r, other) = (role("r"), FrameworkId::from("g"));
    let id = || OfferId::from("o");
    let one = || resources("cpus:1");
    let nobody = ledger.offer(id(), &other, &r, &agent(), one()).unwrap_err();
    assert_eq!(nobody, Refusal::UnknownFramework(other));
    let nowhere = ledger.offer(id(), &framework(), &r, &AgentId::from("b"), one()).unwrap_err();
    assert_eq!(nowhere, Refusal::UnknownAgent(AgentId::from("b")));
    let nothing = ledger.offer(id(), &framework(), &r, &agent(), Resources::new()).unwrap_err();
    assert_eq!(nothing, Refusal::Nothing);
    let unwanted = ledger.offer(id(), &framework(), &role("x"), &agent(), one()).unwrap_err();
    assert_eq!(unwanted, Refusal::Unwanted { framework: framework(), role: role("x") });
    ledger.set_agent_active(&agent(), false).unwrap();
    assert_eq!(offer(&mut ledger, "o", "cpus:1").unwrap_err(), Refusal::InactiveAgent(agent()));
    ledger.set_agent_active(&agent(), true).unwrap();
    ledger.set_framework_active(&framework(), false).unwrap();
    assert!(matches!(offer(&mut ledger, "o", "cpus:1"), Err(Refusal::Unwanted { .. })));
    for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(ledger.set_weight(&r, weight), Err(Refusal::BadWeight { .. })), "{weight}");
    }
    ledger.check().unwrap();
}

#[test]
fn offers_of_two_roles_are_not_accepted_together() {
    let mut ledger = ledger();
    offer(&mut ledger, "o1", "cpus:1").unwrap();
    ledger.offer(OfferId::from("o2"), &framework(), &role("s"), &agent(), resources("cpus:1")).unwrap();
    let (o1, o2) = (OfferId::from("o1"), OfferId::from("o2"));
    let mixed = ledger.open([&o1, &o2]).unwrap_err();
    assert_eq!(mixed, Refusal::MixedOffers { first: o1.clone(), other: o2 });
    assert_eq!(*ledger.withdraw(&o1).unwrap().resources, resources("cpus:1"), "it is out as before");
    ledger.check().unwrap();
}

#[test]
fn an_agent_that_comes_back_smaller_offers_nothing_until_enough_has_ended() {
    let mut ledger = ledger();
    for id in 1..=3 {
        ledger.charge(&agent(), &framework(), &role("r"), task(id), resources("cpus:3;mem:10")).unwrap();
    }
    ledger.update_agent(&agent(), agent_shape("cpus:4;mem:100;ports:[1-10]")).unwrap();
    assert_eq!((free(&ledger).as_str(), ledger.books().overbooked_agents()), ("{}", 1));
    assert_eq!(held(&ledger, Account::Used), "cpus:9; mem:30");
    ledger.release(&agent(), &framework(), &task(1)).unwrap();
    ledger.check().unwrap();
    assert_eq!(free(&ledger), "{}");
    ledger.release(&agent(), &framework(), &task(3)).unwrap();
    ledger.check().unwrap();
    assert_eq!(
        (free(&ledger).as_str(), ledger.books().overbooked_agents()),
        ("cpus:1; mem:90; ports:[1-10]", 0)
    );
}

#[test]
fn a_port_claimed_twice_is_free_once_both_have_ended() {
    let mut ledger = ledger();
    for id in 1..=2 {
        ledger.charge(&agent(), &framework(), &role("r"), task(id), resources("cpus:1;ports:[5-5]")).unwrap();
    }
    assert_eq!(ledger.books().overbooked_agents(), 1);
    ledger.release(&agent(), &framework(), &task(1)).unwrap();
    assert_eq!(free(&ledger), "cpus:9; mem:100; ports:[1-4, 6-10]");
    ledger.check().unwrap();
    ledger.release(&agent(), &framework(), &task(2)).unwrap();
    assert_eq!(free(&ledger), "cpus:10; mem:100; ports:[1-10]");
    ledger.check().unwrap();
}

#[test]
fn a_shared_volume_stays_free_and_counts_once() {
    let mut volume = Resource::scalar("disk", Scalar::from_units(50));
    volume.reservations.push(Reservation::dynamic(role("r"), None));
    let persistence = Persistence { id: Arc::from("v"), principal: None };
    let disk = DiskInfo { persistence: Some(persistence), ..DiskInfo::default() };
    (volume.disk, volume.shared) = (Some(Box::new(disk)), true);
    let volume = Resources::from(volume);
    let mut shape = agent_shape("cpus:10");
    shape.total += &volume;
    let mut ledger = Ledger::new();
    ledger.add_agent(agent(), shape).unwrap();
    ledger.add_framework(framework(), &framework_shape(&["r"]), true).unwrap();
    let wanted = &resources("cpus:2") + &volume;
    for id in 1..=2 {
        let offer = OfferId::from(format!("o{id}"));
        ledger.offer(offer.clone(), &framework(), &role("r"), &agent(), wanted.clone()).unwrap();
        let mut holding = ledger.open([&offer]).unwrap();
        ledger.take(&mut holding, task(id), &resources("cpus:1") + &volume).unwrap();
        ledger.take(&mut holding, task(id + 10), &resources("cpus:1") + &volume).unwrap();
        ledger.close(holding);
        ledger.check().unwrap();
    }
    let used = || ledger.books().of_seat(&framework(), &role("r")).unwrap().of(Account::Used).quantities();
    assert_eq!(used().to_string(), "cpus:4; disk:50");
    assert!(ledger.books().agent(&agent()).unwrap().free().contains_all(&volume));
    for id in [1, 2, 11, 12] {
        ledger.release(&agent(), &framework(), &task(id)).unwrap();
        ledger.check().unwrap();
    }
    let used = ledger.books().of_seat(&framework(), &role("r")).unwrap();
    assert!(used.is_empty());
}

#[test]
fn a_picture_of_the_books_does_not_change() {
    let mut ledger = ledger();
    offer(&mut ledger, "o1", "cpus:4").unwrap();
    let picture = ledger.books().clone();
    ledger.withdraw(&OfferId::from("o1")).unwrap();
    ledger.remove_agent(&agent()).unwrap();
    ledger.remove_framework(&framework()).unwrap();
    picture.check().unwrap();
    assert_eq!(picture.of_framework(&framework(), Account::Offered).to_string(), "cpus(allocated: r):4");
    assert!(ledger.books().agent(&agent()).is_none() && ledger.books().role(&role("r")).is_none());
}

#[test]
fn what_is_held_in_a_role_that_was_left_stays_charged_to_it() {
    let mut ledger = ledger();
    ledger.charge(&agent(), &framework(), &role("r"), task(1), resources("cpus:3")).unwrap();
    ledger.update_framework(&framework(), &framework_shape(&["s"])).unwrap();
    ledger.check().unwrap();
    let used =
        |ledger: &Ledger| ledger.books().role(&role("r")).map(|r| r.own().of(Account::Used).quantities());
    assert_eq!(used(&ledger).unwrap().to_string(), "cpus:3");
    ledger.release(&agent(), &framework(), &task(1)).unwrap();
    assert_eq!(used(&ledger), None, "nobody is in the role any more");
    ledger.update_framework(&framework(), &FrameworkShape::default()).unwrap();
    ledger.check().unwrap();
}

#[test]
fn a_forgotten_holding_is_noticed() {
    let mut ledger = ledger();
    offer(&mut ledger, "o1", "cpus:4").unwrap();
    let holding = ledger.open([&OfferId::from("o1")]).unwrap();
    drop(holding);
    assert_eq!(
        ledger.check().unwrap_err().to_string(),
        "the books are wrong: holding 0 was opened and never closed"
    );
}

fn steps(json: &str) -> Vec<kaon_model::Conversion> {
    use kaon_api::json::{Dialect, from_json, parse};
    kaon_model::conversions(&from_json(&parse(json.as_bytes()).unwrap(), Dialect::V1).unwrap()).unwrap()
}

fn disk(amount: u32, more: &str) -> String {
    format!(
        r#"{{"name":"disk","type":"SCALAR","scalar":{{"value":{amount}}},
            "reservations":[{{"type":"DYNAMIC","role":"r"}}]{more}}}"#
    )
}

fn volume(amount: u32, more: &str) -> String {
    let volume = r#","disk":{"persistence":{"id":"v"},"volume":{"container_path":"d","mode":"RW"}}"#;
    disk(amount, &format!("{volume}{more}"))
}

/// One agent of a hundred disk, all of it offered.
fn disk_on_offer(ledger: &mut Ledger) -> kaon_allocator::Holding {
    ledger.update_agent(&agent(), agent_shape("disk:100")).unwrap();
    offer(ledger, "o1", "disk:100").unwrap();
    ledger.open([&OfferId::from("o1")]).unwrap()
}

#[test]
fn operations_follow_one_another_on_what_is_held() {
    let mut ledger = ledger();
    let mut holding = disk_on_offer(&mut ledger);
    let reserve = steps(&format!(r#"{{"type":"RESERVE","reserve":{{"resources":[{}]}}}}"#, disk(40, "")));
    let create = steps(&format!(r#"{{"type":"CREATE","create":{{"volumes":[{}]}}}}"#, volume(30, "")));
    let refused = ledger.convert(&mut holding, &create, true).unwrap_err();
    assert_eq!(refused.to_string(), "disk:100 does not contain disk(reservations: [(DYNAMIC,r)]):30");
    ledger.convert(&mut holding, &reserve, true).unwrap();
    ledger.convert(&mut holding, &create, true).unwrap();
    let volumes = holding.rest().persistent_volumes();
    ledger.take(&mut holding, task(1), volumes).unwrap();
    let returned = ledger.close(holding);
    assert_eq!(returned.resources.to_string(), "disk:60; disk(reservations: [(DYNAMIC,r)]):10");
    assert_eq!(returned.declined.to_string(), "disk:60", "what was made was not on offer");
    let total = ledger.books().agent(&agent()).unwrap().shape().total.clone();
    assert_eq!(
        total.to_string(),
        "disk:60; disk(reservations: [(DYNAMIC,r)]):10; disk(reservations: [(DYNAMIC,r)])[v:d]:30"
    );
    assert_eq!(free(&ledger), "disk:60; disk(reservations: [(DYNAMIC,r)]):10");
    ledger.check().unwrap();
}

#[test]
fn what_is_set_aside_comes_back_but_cannot_be_taken() {
    let mut ledger = ledger();
    let mut holding = disk_on_offer(&mut ledger);
    let reserve = steps(&format!(r#"{{"type":"RESERVE","reserve":{{"resources":[{}]}}}}"#, disk(40, "")));
    ledger.convert(&mut holding, &reserve, false).unwrap();
    assert_eq!(holding.rest().to_string(), "disk:60");
    let returned = ledger.close(holding);
    assert_eq!(returned.resources.to_string(), "disk:60; disk(reservations: [(DYNAMIC,r)]):40");
    assert_eq!(returned.declined.to_string(), "disk:60");
    ledger.check().unwrap();
}

#[test]
fn a_shared_volume_is_not_destroyed_under_its_holders() {
    let mut ledger = ledger();
    let mut holding = disk_on_offer(&mut ledger);
    let shared = volume(30, r#","shared":{}"#);
    let reserve = steps(&format!(r#"{{"type":"RESERVE","reserve":{{"resources":[{}]}}}}"#, disk(30, "")));
    let create = steps(&format!(r#"{{"type":"CREATE","create":{{"volumes":[{shared}]}}}}"#));
    let destroy = steps(&format!(r#"{{"type":"DESTROY","destroy":{{"volumes":[{shared}]}}}}"#));
    ledger.convert(&mut holding, &reserve, true).unwrap();
    ledger.convert(&mut holding, &create, true).unwrap();
    let volume = holding.rest().shared();
    ledger.take(&mut holding, task(1), volume).unwrap();
    let _ = ledger.close(holding);
    let refused = ledger.convert_free(&agent(), &destroy).unwrap_err();
    assert!(matches!(refused, Refusal::NotFree { .. }), "{refused}");
    ledger.release(&agent(), &framework(), &task(1)).unwrap();
    ledger.convert_free(&agent(), &destroy).unwrap();
    assert_eq!(free(&ledger), "disk:70; disk(reservations: [(DYNAMIC,r)]):30");
    ledger.check().unwrap();
}
