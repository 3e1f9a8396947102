// SPDX-License-Identifier: Apache-2.0

//! The deepest role that there may be fits on a stack.

use super::world::{World, ms};
use kaon_model::FrameworkId;
use kaon_model::role::DEPTH_MAX;

/// Half of what a thread has.
const STACK: usize = 1 << 20;

#[test]
fn the_deepest_role_comes_and_goes_on_half_a_stack() {
    let play = || {
        let deepest = ["a"; DEPTH_MAX].join("/");
        let mut world = World::new();
        world.add_agent("h", "cpus:2");
        world.add_framework("f", &[&deepest]);
        let offers = world.pass(ms(1000));
        assert_eq!(offers.len(), 1);
        world.launch(&offers[0], "t", "cpus:1", None);
        world.pass(ms(10_000));
        world.allocator.remove_framework(world.now, &FrameworkId::from("f")).unwrap();
        world.allocator.check().unwrap();
    };
    std::thread::Builder::new().stack_size(STACK).spawn(play).unwrap().join().unwrap();
}
