//! Server and participants joined in virtual time over a network that loses, delays and reorders.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use proptest::prelude::*;
use roger_floor::Ssrc;
use roger_floor::field::FloorIndicator;
use roger_floor::participant::Input;
use roger_floor::server::ServerConfig;
use support::network::{Dice, Happening, World, id};

fn config() -> ServerConfig {
    ServerConfig::new(Ssrc(0x0F00_BA12))
}

/// Everybody is silent, the network is good again: the floor must be idle and nobody may believe anything else.
fn settles(world: &mut World) {
    world.loss = 0;
    world.delay = 5;
    world.run(60_000);
    assert_eq!(world.server.state(), "G: Floor Idle");
    assert_eq!((world.accepted, world.holder), (None, None));
    for index in 0..world.clients.len() {
        assert_eq!(
            world.clients[index].machine.state(),
            "U: has no permission",
            "client {index}"
        );
        assert!(!world.clients[index].open);
        if let Some(state) = world.server.participant_state(id(index)) {
            assert_eq!(state, "U: not permitted and Floor Idle", "client {index}");
        }
    }
}

#[test]
fn a_call_without_loss() {
    let mut world = World::new(1, 3, config());
    world.plan(100, Happening::Press(0));
    world.plan(200, Happening::Press(1));
    world.run(1000);
    assert_eq!((world.clients[0].grants, world.clients[1].grants), (1, 0));
    assert_eq!(world.clients[1].answers, 1, "the second talker is denied");
    assert!(
        world.clients[1].heard > 10 && world.clients[2].heard > 10,
        "both hear the first"
    );
    world.plan(0, Happening::Release(1));
    world.plan(0, Happening::Release(0));
    world.plan(300, Happening::Press(1));
    world.plan(900, Happening::Release(1));
    world.run(2000);
    assert_eq!((world.clients[0].grants, world.clients[1].grants), (1, 1));
    settles(&mut world);
    assert_eq!(world.bursts, 2);
}

#[test]
fn an_emergency_takes_the_floor_within_a_round_trip() {
    let mut world = World::new(2, 3, config());
    world.client(2, Input::FloorIndicator(FloorIndicator::EMERGENCY_CALL));
    world.plan(0, Happening::Press(0));
    world.plan(1000, Happening::Press(2));
    world.run(1010);
    assert!(world.clients[2].open && !world.clients[0].open);
    assert_eq!(world.holder, Some(id(2)));
    world.plan(0, Happening::Release(0));
    world.plan(500, Happening::Release(2));
    settles(&mut world);
}

#[test]
fn a_talker_that_never_stops_is_revoked_after_t2() {
    let mut world = World::new(3, 2, config());
    world.plan(0, Happening::Press(0));
    world.run(29_000);
    assert!(world.clients[0].open);
    world.run(2000);
    assert!(!world.clients[0].open);
    assert_eq!(world.server.state(), "G: Floor Idle");
    world.plan(0, Happening::Release(0));
    settles(&mut world);
}

#[test]
fn a_late_entrant_hears_and_knows_the_talker() {
    let mut world = World::new(4, 3, config());
    world.plan(0, Happening::Leave(2));
    world.plan(100, Happening::Press(0));
    world.plan(1000, Happening::Join(2));
    world.run(1100);
    assert_eq!(
        world.server.participant_state(id(2)),
        Some("U: not permitted and Floor Taken")
    );
    assert!(world.clients[2].heard > 0);
    world.plan(0, Happening::Release(0));
    settles(&mut world);
}

/// Random presses, joins and leaves for two minutes.
fn storm(seed: u64, members: usize, loss: u64, delay: u64) -> World {
    let mut world = World::new(seed, members, config());
    world.client(
        members - 1,
        Input::FloorIndicator(FloorIndicator::EMERGENCY_CALL),
    );
    world.loss = loss;
    world.delay = delay;
    let mut dice = Dice(seed ^ 0xABCD);
    for _ in 0..60 {
        let who = dice.below(members as u64) as usize;
        let start = dice.below(120_000);
        match dice.below(10) {
            0 => world.plan(start, Happening::Leave(who)),
            1 => world.plan(start, Happening::Join(who)),
            _ => {
                world.plan(start, Happening::Press(who));
                world.plan(start + dice.below(8000), Happening::Release(who));
            }
        }
    }
    world.run(130_000);
    for who in 0..members {
        world.plan(0, Happening::Release(who));
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn never_two_holders_and_always_settled(
        seed in any::<u64>(),
        members in 2usize..6,
        loss in 0u64..400,
        delay in 1u64..400,
    ) {
        let mut world = storm(seed, members, loss, delay);
        settles(&mut world);
        prop_assert!(loss > 0 || world.bursts > 0);
    }
}

#[test]
fn a_press_is_always_answered_when_nothing_is_lost() {
    for seed in 0..40 {
        let mut world = World::new(seed, 4, config());
        world.delay = 100;
        let mut dice = Dice(seed);
        for turn in 0..20u32 {
            let who = dice.below(3) as usize;
            let before = world.clients[who].answers;
            world.plan(0, Happening::Press(who));
            world.run(400);
            assert_eq!(
                world.clients[who].answers,
                before + 1,
                "seed {seed} turn {turn}"
            );
            world.plan(0, Happening::Release(who));
            world.run(dice.below(1000) + 300);
        }
        settles(&mut world);
    }
}
