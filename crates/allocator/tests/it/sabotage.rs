// SPDX-License-Identifier: Apache-2.0

//! Each deliberate bug of the ledger is one that somebody can notice.

use super::world::{World, resources, task};
use kaon_allocator::{Sabotage, Withdrawal};
use kaon_model::{AgentId, FrameworkId};

fn sabotaged(sabotage: Sabotage) -> World {
    let mut world = World::new();
    world.allocator.sabotage(sabotage);
    world.add_agent("a", "cpus:10;mem:100");
    world.add_framework("f", &["r"]);
    world
}

#[test]
fn the_books_show_a_sum_that_was_left() {
    let mut world = sabotaged(Sabotage::WithdrawalLeavesTheSum);
    let offer = world.settle().remove(0);
    world.allocator.withdraw(world.now, &offer.id, Withdrawal::Rescinded).unwrap();
    assert!(world.allocator.check().is_err());
}

#[test]
fn the_books_show_what_is_free_and_used() {
    let mut world = sabotaged(Sabotage::UsedIsFree);
    let offer = world.settle().remove(0);
    let mut holding = world.allocator.open([&offer.id]).unwrap();
    world.allocator.take(&mut holding, task(1), resources("cpus:10;mem:100")).unwrap();
    world.allocator.close(world.now, holding, None);
    assert!(world.allocator.check().is_err());
}

#[test]
fn what_has_ended_is_still_claimed() {
    let mut world = sabotaged(Sabotage::ReleaseKeepsTheClaim);
    let offer = world.settle().remove(0);
    world.launch(&offer, "t", "cpus:10", None);
    let (agent, framework) = (AgentId::from("a"), FrameworkId::from("f"));
    world.allocator.release(world.now, &agent, &framework, &task("t"));
    assert!(world.allocator.books().claim(&agent, &framework, &task("t")).is_some());
}

#[test]
fn each_goes_by_its_name() {
    for sabotage in Sabotage::ALL {
        assert_eq!(sabotage.name().parse(), Ok(sabotage));
    }
}
