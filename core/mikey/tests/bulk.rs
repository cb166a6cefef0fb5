//! The messages of one GMK to all members: theirs alone, in order, the same on any number of threads.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use core::convert::Infallible;
use core::num::NonZeroUsize;
use proptest::prelude::*;
use roger_base::{KmsUri, McpttId, PurposeTag, Random, RandomError};
use roger_ibc::uid::KeyPeriod;
use roger_ibc::{KmsDomain, KmsMaster, UserKeySet};
use roger_keys::Gmk;
use roger_mikey::create::{MESSAGES_PER_CHUNK, SakkeToSelf, most_in_flight};
use roger_mikey::message::MAX_MESSAGE;
use roger_mikey::{
    Carriage, Context, CreateError, CreateOptions, GroupKeyDistribution, KeyParameters, OpenError,
    Receiver, Sender, group_key_messages_in_bulk,
};
use roger_testkit::SeededRandom;
use std::cell::Cell;
use support::{GMS, NOW, Script, domain, group, key_set, later, user};

type Message = Result<Vec<u8>, CreateError>;

fn threads(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

fn gmk() -> Gmk {
    Gmk::random(&mut SeededRandom::new(1)).unwrap()
}

fn parameters() -> KeyParameters {
    KeyParameters {
        groups: Some(vec![group()]),
        ..KeyParameters::new(PurposeTag::Gmk)
    }
}

fn members(number: usize) -> Vec<McpttId> {
    (0..number)
        .map(|n| user(&format!("sip:user.{n}@mcptt.example.org")))
        .collect()
}

fn distribution<'a>(
    gmk: &'a Gmk,
    gms: &'a UserKeySet,
    parameters: &'a KeyParameters,
) -> GroupKeyDistribution<'a> {
    GroupKeyDistribution {
        gmk,
        gms,
        parameters,
        now: NOW,
        options: CreateOptions::GROUP_KEY,
    }
}

fn in_bulk<'m>(
    distribution: GroupKeyDistribution<'_>,
    members: &'m [McpttId],
    threads: NonZeroUsize,
    random: &mut dyn Random,
) -> Vec<(&'m McpttId, Message)> {
    let mut messages = Vec::new();
    let addressed = members.iter().map(|member| (member, domain()));
    let sink = |member, message| {
        messages.push((member, message));
        Ok::<(), Infallible>(())
    };
    group_key_messages_in_bulk(distribution, addressed, threads, random, sink).unwrap();
    messages
}

fn one_by_one<'m>(
    distribution: GroupKeyDistribution<'m>,
    members: &'m [McpttId],
    random: &mut dyn Random,
) -> Vec<(&'m McpttId, Message)> {
    let single = |member| (member, distribution.to(member, domain()).build(random));
    members.iter().map(single).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    /// Whatever the number of threads and of members, the octets are those of single messages in the same order.
    #[test]
    fn the_octets_are_those_of_single_messages(
        seed: u64, number in 0usize..3 * MESSAGES_PER_CHUNK, to_self: bool,
    ) {
        let (gmk, gms, parameters, members) = (gmk(), key_set(GMS), parameters(), members(number));
        let mut distribution = distribution(&gmk, &gms, &parameters);
        if to_self {
            distribution.options.to_self = SakkeToSelf::Include;
        }
        let expected = one_by_one(distribution, &members, &mut SeededRandom::new(seed));
        prop_assert!(expected.iter().all(|(_, message)| message.is_ok()));
        for number in [1, 2, 7] {
            let mut random = SeededRandom::new(seed);
            let made = in_bulk(distribution, &members, threads(number), &mut random);
            prop_assert_eq!(&made, &expected);
        }
    }
}

/// Members under two KMSs with different key periods, each with the keys of her own.
#[test]
fn each_message_opens_at_its_member_and_nowhere_else() {
    let mut random = SeededRandom::new(2);
    let kms: Vec<KmsMaster> = [("kms.one.example", 2_592_000), ("kms.two.example", 604_800)]
        .into_iter()
        .map(|(uri, period)| {
            let (uri, period) = (
                KmsUri::new(uri).unwrap(),
                KeyPeriod::new(period, 0).unwrap(),
            );
            KmsMaster::generate(uri, period, &mut random).unwrap()
        })
        .collect();
    let (gmk, parameters, members) = (gmk(), parameters(), members(6));
    let gms = issue(&kms[0], GMS);
    let distribution = distribution(&gmk, &gms, &parameters);
    let addressed = members
        .iter()
        .zip(kms.iter().cycle())
        .map(|(member, kms)| (member, kms.domain()));
    let mut messages = Vec::new();
    let sink = |member: &McpttId, message: Message| {
        messages.push((member.clone(), message.unwrap()));
        Ok::<(), Infallible>(())
    };
    group_key_messages_in_bulk(distribution, addressed, threads(2), &mut random, sink).unwrap();
    for (member, kms) in members.iter().zip(kms.iter().cycle()) {
        let key_set = issue(kms, member.as_str());
        for (addressee, message) in &messages {
            let domains = [gms.domain.clone()];
            let opened = opens(message, &key_set, &domains);
            assert_eq!(opened.is_ok(), addressee == member);
            if let Ok(opened) = opened {
                assert!(opened == gmk);
            }
        }
    }
}

fn issue(kms: &KmsMaster, identity: &str) -> UserKeySet {
    let period = kms.domain().key_period.number_at(NOW);
    let keys = kms.issue(identity, period).unwrap();
    UserKeySet::validate(kms.domain(), &keys).unwrap()
}

fn opens(message: &[u8], key_set: &UserKeySet, domains: &[KmsDomain]) -> Result<Gmk, OpenError> {
    let context = Context {
        key_sets: core::slice::from_ref(key_set),
        domains,
        sender: Sender::OneOf(&[GMS]),
        carriage: Carriage::Stored,
        now: NOW,
    };
    let opened = Receiver::default().open_gmk(message, &context, None)?;
    Ok(opened.group_key.gmk)
}

/// Key parameters that fill the message leave no room for the longest identity.
#[test]
fn a_member_whose_message_fails_is_reported_in_her_place() {
    let (gmk, gms) = (gmk(), key_set(GMS));
    let mut members = members(MESSAGES_PER_CHUNK + 3);
    let shortest = members[0].clone();
    let mut parameters = parameters();
    let bare = distribution(&gmk, &gms, &parameters)
        .to(&shortest, domain())
        .build(&mut SeededRandom::new(1));
    let room = MAX_MESSAGE - bare.unwrap().len() - 100;
    parameters.text = "x".repeat(room);
    let failing = [5, MESSAGES_PER_CHUNK];
    for at in failing {
        members[at] = user(&format!("sip:{}@mcptt.example.org", "y".repeat(900)));
    }
    let distribution = distribution(&gmk, &gms, &parameters);
    let expected = one_by_one(distribution, &members, &mut SeededRandom::new(3));
    for number in [1, 2] {
        let mut random = SeededRandom::new(3);
        let made = in_bulk(distribution, &members, threads(number), &mut random);
        assert_eq!(made, expected);
        for (at, (member, message)) in made.iter().enumerate() {
            assert_eq!(*member, &members[at]);
            match message {
                Ok(_) => assert!(!failing.contains(&at)),
                Err(error) => {
                    assert!(matches!(error, CreateError::LocalTooLong(_)));
                    assert!(failing.contains(&at));
                }
            }
        }
    }
}

#[test]
fn what_concerns_all_is_refused_for_each_before_anything_is_drawn() {
    let (gmk, gms, members) = (gmk(), key_set(GMS), members(3));
    let wrong = KeyParameters::new(PurposeTag::Pck);
    let good = parameters();
    let late = GroupKeyDistribution {
        now: later(2 * 2_592_000),
        ..distribution(&gmk, &gms, &good)
    };
    for refused in [distribution(&gmk, &gms, &wrong), late] {
        let mut nothing = Script::new(&[]);
        let made = in_bulk(refused, &members, threads(2), &mut nothing);
        assert_eq!(made, one_by_one(refused, &members, &mut Script::new(&[])));
        let reported = |message: &Message| {
            matches!(
                message,
                Err(CreateError::LocalKeyType { .. } | CreateError::LocalSignerPeriod { .. })
            )
        };
        assert!(made.len() == 3 && made.iter().all(|(_, message)| reported(message)));
    }
}

/// The sink is slow: members are asked for only as it takes messages.
#[test]
fn no_more_messages_are_in_memory_than_are_in_flight() {
    let (gmk, gms, parameters) = (gmk(), key_set(GMS), parameters());
    let distribution = distribution(&gmk, &gms, &parameters);
    for number in [1, 2] {
        let all = members(2 * most_in_flight(threads(2)) + 5);
        let (asked, taken, most) = (Cell::new(0), Cell::new(0), Cell::new(0));
        let addressed = all.iter().map(|member| {
            asked.set(asked.get() + 1);
            most.set(most.get().max(asked.get() - taken.get()));
            (member, domain())
        });
        let sink = |member: &McpttId, _: Message| {
            assert_eq!(member, &all[taken.get()]);
            taken.set(taken.get() + 1);
            Ok::<(), Infallible>(())
        };
        let mut random = SeededRandom::new(4);
        group_key_messages_in_bulk(distribution, addressed, threads(number), &mut random, sink)
            .unwrap();
        assert_eq!((asked.get(), taken.get()), (all.len(), all.len()));
        assert!(most.get() <= most_in_flight(threads(number)));
    }
}

#[test]
fn the_sink_stops_the_run() {
    let (gmk, gms, parameters) = (gmk(), key_set(GMS), parameters());
    let distribution = distribution(&gmk, &gms, &parameters);
    let all = members(20 * MESSAGES_PER_CHUNK);
    for number in [1, 3] {
        let (mut asked, mut taken) = (0, 0);
        let addressed = all.iter().inspect(|_| asked += 1).map(|m| (m, domain()));
        let sink = |_: &McpttId, _: Message| {
            taken += 1;
            if taken == 10 { Err("enough") } else { Ok(()) }
        };
        let mut random = SeededRandom::new(5);
        let stopped =
            group_key_messages_in_bulk(distribution, addressed, threads(number), &mut random, sink);
        assert_eq!((stopped, taken), (Err("enough"), 10));
        assert!(asked <= most_in_flight(threads(number)));
    }
}

/// j = q and more is drawn again (chance 2^-32), by a single message and by one in bulk alike.
#[test]
fn a_signature_that_needs_another_draw_gets_it() {
    let (gmk, gms, parameters, members) = (gmk(), key_set(GMS), parameters(), members(1));
    let distribution = distribution(&gmk, &gms, &parameters);
    let (iv, j) = (Script::iv(), Script::j());
    let draws: [&[u8]; 4] = [&iv, &[0xFF; 32], &[0xFF; 32], &j];
    let made = in_bulk(distribution, &members, threads(2), &mut Script::new(&draws));
    assert_eq!(
        made,
        one_by_one(distribution, &members, &mut Script::new(&draws))
    );
    let plain = one_by_one(distribution, &members, &mut Script::new(&[&iv, &j]));
    assert_eq!(made, plain);
}

/// Fails at one draw and works at the others.
struct Unreliable {
    source: SeededRandom,
    until: usize,
}

impl Random for Unreliable {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
        self.until = self.until.wrapping_sub(1);
        if self.until == 0 {
            return Err(RandomError);
        }
        self.source.fill(buffer)
    }
}

#[test]
fn a_source_that_fails_once_is_asked_again_and_a_dead_one_is_reported() {
    let (gmk, gms, parameters, members) = (gmk(), key_set(GMS), parameters(), members(4));
    let distribution = distribution(&gmk, &gms, &parameters);
    let mut random = Unreliable {
        source: SeededRandom::new(6),
        until: 4,
    };
    let made = in_bulk(distribution, &members, threads(2), &mut random);
    assert!(made.iter().all(|(_, message)| message.is_ok()));
    let dead = in_bulk(distribution, &members, threads(2), &mut Script::new(&[]));
    assert!(dead.len() == 4 && dead.iter().all(|(_, message)| message.is_err()));
}
