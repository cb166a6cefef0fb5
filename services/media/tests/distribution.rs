//! The media distribution of a call.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use core::net::SocketAddr;
use core::time::Duration;
use proptest::prelude::*;
use roger_base::{GroupId, Instant, KeyId, McpttId, Secret};
use roger_keys::{Gmk, Rand};
use roger_media::{
    AddressRule, Direction, Discard, Distribution, DistributionInput, DistributionOutput,
    FloorRule, HoldSettings, LegId, LegSettings, MediaEvent, RemoteAddress,
};
use roger_srtp::{
    GroupKeys, GroupMki, GroupReceiver, MasterKey, Profile, RtpFields, SenderContext, SrtpError,
};

const A: LegId = LegId(1);
const B: LegId = LegId(2);
const C: LegId = LegId(3);

fn address(leg: LegId) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 5000 + leg.0 as u16))
}

fn stranger() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 9], 9))
}

fn at(milliseconds: u64) -> Instant {
    Instant::from_origin(Duration::from_millis(milliseconds))
}

fn settings(leg: LegId, rule: AddressRule) -> LegSettings {
    LegSettings {
        remote: RemoteAddress::new(address(leg), rule),
        direction: Direction::SendReceive,
    }
}

/// Three legs, A has the floor.
fn call() -> Distribution {
    let mut call = Distribution::new(FloorRule::Controlled);
    [A, B, C]
        .into_iter()
        .for_each(|leg| call.add_leg(leg, settings(leg, AddressRule::Pinned)));
    call.permit(A).unwrap();
    call
}

fn rtp(sequence: u16) -> Vec<u8> {
    RtpFields {
        marker: sequence == 0,
        payload_type: 96,
        sequence,
        timestamp: 0,
        ssrc: 0xAA,
    }
    .packet(&[0xF0, 0x14, 7])
}

fn send(
    call: &mut Distribution,
    now: u64,
    leg: LegId,
    source: SocketAddr,
    octets: &[u8],
) -> Result<(), Discard> {
    call.handle(
        at(now),
        &DistributionInput::Rtp {
            leg,
            source,
            octets,
        },
    )
}

fn outputs(call: &mut Distribution) -> Vec<DistributionOutput> {
    std::iter::from_fn(|| call.poll()).collect()
}

fn copies(call: &mut Distribution) -> Vec<(LegId, SocketAddr, Vec<u8>)> {
    outputs(call)
        .into_iter()
        .filter_map(|output| match output {
            DistributionOutput::Send { leg, to, octets } => Some((leg, to, octets.to_vec())),
            DistributionOutput::Event(_) => None,
        })
        .collect()
}

fn events(call: &mut Distribution) -> Vec<MediaEvent> {
    outputs(call)
        .into_iter()
        .filter_map(|output| match output {
            DistributionOutput::Event(event) => Some(event),
            DistributionOutput::Send { .. } => None,
        })
        .collect()
}

#[test]
fn the_talker_is_copied_to_every_other_leg_octet_by_octet() {
    let mut call = call();
    send(&mut call, 0, A, address(A), &rtp(1)).unwrap();
    let event = DistributionOutput::Event(MediaEvent::RtpArrived { leg: A, ssrc: 0xAA });
    let copy = |leg| DistributionOutput::Send {
        leg,
        to: address(leg),
        octets: rtp(1).into(),
    };
    assert_eq!(outputs(&mut call), [event, copy(B), copy(C)]);
    assert_eq!(call.counters(A).unwrap().taken, 1);
    assert_eq!(call.counters(B).unwrap().sent, 1);
}

#[test]
fn media_without_the_floor_goes_nowhere_and_is_reported_now_and_then() {
    let mut call = call();
    let offence = MediaEvent::RtpWithoutFloor { leg: B, ssrc: 0xAA };
    for (now, expected) in [
        (0, vec![offence]),
        (20, vec![]),
        (999, vec![]),
        (1000, vec![offence]),
        (1020, vec![]),
    ] {
        assert_eq!(
            send(&mut call, now, B, address(B), &rtp(1)),
            Err(Discard::DeniedNoFloor(B))
        );
        assert_eq!(events(&mut call), expected, "{now} ms");
    }
    assert_eq!(call.counters(B).unwrap().denied, 5);
    assert_eq!(call.counters(A).unwrap().sent, 0);
}

#[test]
fn the_floor_moves_from_one_leg_to_another() {
    let mut call = call();
    call.forbid(A);
    call.permit(B).unwrap();
    assert_eq!(call.talkers().collect::<Vec<_>>(), [B]);
    assert_eq!(
        send(&mut call, 0, A, address(A), &rtp(1)),
        Err(Discard::DeniedNoFloor(A))
    );
    send(&mut call, 0, B, address(B), &rtp(1)).unwrap();
    let heard: Vec<LegId> = copies(&mut call).into_iter().map(|(leg, ..)| leg).collect();
    assert_eq!(heard, [A, C]);
}

#[test]
fn two_talkers_hear_each_other() {
    let mut call = call();
    call.permit(B).unwrap();
    send(&mut call, 0, A, address(A), &rtp(1)).unwrap();
    send(&mut call, 0, B, address(B), &rtp(2)).unwrap();
    let heard: Vec<LegId> = copies(&mut call).into_iter().map(|(leg, ..)| leg).collect();
    assert_eq!(heard, [B, C, A, C]);
}

#[test]
fn without_floor_control_everybody_talks() {
    let mut call = Distribution::new(FloorRule::Open);
    [A, B]
        .into_iter()
        .for_each(|leg| call.add_leg(leg, settings(leg, AddressRule::Pinned)));
    send(&mut call, 0, A, address(A), &rtp(1)).unwrap();
    send(&mut call, 0, B, address(B), &rtp(1)).unwrap();
    assert_eq!(copies(&mut call).len(), 2);
}

#[test]
fn a_foreign_source_is_dropped_even_with_the_floor() {
    let mut call = call();
    assert_eq!(
        send(&mut call, 0, A, stranger(), &rtp(1)),
        Err(Discard::PeerForeignSource(stranger()))
    );
    assert_eq!(outputs(&mut call), []);
    assert_eq!(call.counters(A).unwrap().foreign_source, 1);
}

#[test]
fn a_foreign_source_is_not_reported_as_an_offence_of_the_leg() {
    let mut call = call();
    assert_eq!(
        send(&mut call, 0, B, stranger(), &rtp(1)),
        Err(Discard::PeerForeignSource(stranger()))
    );
    assert_eq!(events(&mut call), []);
}

#[test]
fn behind_a_nat_the_first_source_is_learned_and_kept() {
    let mut call = call();
    call.add_leg(A, settings(A, AddressRule::LearnOnce));
    send(&mut call, 0, A, stranger(), &rtp(1)).unwrap();
    assert!(send(&mut call, 0, A, address(A), &rtp(2)).is_err());
    outputs(&mut call);
    call.permit(B).unwrap();
    send(&mut call, 0, B, address(B), &rtp(1)).unwrap();
    assert_eq!(copies(&mut call)[0], (A, stranger(), rtp(1)));
}

#[test]
fn nothing_is_learned_from_a_packet_that_is_refused() {
    let mut call = call();
    call.add_leg(B, settings(B, AddressRule::LearnOnce));
    assert!(send(&mut call, 0, B, stranger(), &rtp(1)).is_err());
    assert!(send(&mut call, 0, B, stranger(), &[1, 2, 3]).is_err());
    outputs(&mut call);
    send(&mut call, 0, A, address(A), &rtp(1)).unwrap();
    assert_eq!(copies(&mut call)[0].1, address(B));
}

#[test]
fn what_is_no_rtp_is_dropped() {
    let mut call = call();
    let rtcp = [0x80, 200, 0, 1, 0, 0, 0, 0xAA, 0, 0, 0, 0];
    assert_eq!(
        send(&mut call, 0, A, address(A), &rtcp),
        Err(Discard::PeerRtcpOnRtpPort)
    );
    assert!(matches!(
        send(&mut call, 0, A, address(A), &[0; 40]),
        Err(Discard::PeerNotRtp(_))
    ));
    assert!(matches!(
        send(&mut call, 0, A, address(A), &rtp(1)[..11]),
        Err(Discard::PeerNotRtp(_))
    ));
    assert_eq!(
        send(&mut call, 0, A, address(A), &[0x80; 5000]),
        Err(Discard::PeerTooLong(5000))
    );
    assert_eq!(outputs(&mut call), []);
    assert_eq!(call.counters(A).unwrap().malformed, 4);
}

#[test]
fn directions_are_obeyed() {
    let mut call = call();
    call.set_direction(B, Direction::Inactive).unwrap();
    call.set_direction(C, Direction::SendOnly).unwrap();
    send(&mut call, 0, A, address(A), &rtp(1)).unwrap();
    assert_eq!(copies(&mut call), []);
    call.set_direction(B, Direction::ReceiveOnly).unwrap();
    send(&mut call, 0, A, address(A), &rtp(2)).unwrap();
    assert_eq!(copies(&mut call).len(), 1);
    call.set_direction(A, Direction::ReceiveOnly).unwrap();
    assert_eq!(
        send(&mut call, 0, A, address(A), &rtp(3)),
        Err(Discard::DeniedDirection(A))
    );
}

#[test]
fn legs_come_and_go() {
    let mut call = call();
    call.remove_leg(B);
    send(&mut call, 0, A, address(A), &rtp(1)).unwrap();
    assert_eq!(copies(&mut call).len(), 1);
    call.remove_leg(A);
    assert_eq!(call.talkers().count(), 0, "the floor goes with the leg");
    let unknown = Discard::LocalUnknownLeg(A);
    assert_eq!(
        send(&mut call, 0, A, address(A), &rtp(2)),
        Err(unknown.clone())
    );
    assert_eq!(call.permit(A), Err(unknown.clone()));
    assert_eq!(
        call.set_direction(A, Direction::Inactive),
        Err(unknown.clone())
    );
    assert_eq!(call.renegotiate(A, stranger()), Err(unknown));
    call.add_leg(A, settings(A, AddressRule::Pinned));
    assert_eq!(
        send(&mut call, 0, A, address(A), &rtp(3)),
        Err(Discard::DeniedNoFloor(A))
    );
}

#[test]
fn a_new_offer_moves_a_leg() {
    let mut call = call();
    call.renegotiate(B, stranger()).unwrap();
    send(&mut call, 0, A, address(A), &rtp(1)).unwrap();
    assert_eq!(copies(&mut call)[0].1, stranger());
}

/// The first syllable of an unconfirmed call is heard, with its spacing.
#[test]
fn held_media_goes_out_from_its_beginning_with_the_original_spacing() {
    let mut call = Distribution::new(FloorRule::Controlled);
    call.add_leg(A, settings(A, AddressRule::Pinned));
    call.permit(A).unwrap();
    call.hold(HoldSettings::default());
    for n in 0..50u16 {
        send(&mut call, 1000 + 20 * u64::from(n), A, address(A), &rtp(n)).unwrap();
    }
    assert_eq!(copies(&mut call), []);
    assert_eq!(call.deadline(), None);
    call.add_leg(B, settings(B, AddressRule::Pinned));
    call.release(at(2000));
    let mut heard = Vec::new();
    let mut sent = 50u16;
    for now in 2000..4000u64 {
        // The talker goes on for half a second and the leg C joins late.
        if now % 20 == 0 && now < 2500 {
            send(&mut call, now, A, address(A), &rtp(sent)).unwrap();
            sent += 1;
        }
        if now == 2500 {
            call.add_leg(C, settings(C, AddressRule::Pinned));
        }
        if call.deadline().is_some_and(|deadline| deadline <= at(now)) {
            call.handle(at(now), &DistributionInput::Timeout).unwrap();
        }
        heard.extend(
            copies(&mut call)
                .into_iter()
                .filter(|(leg, ..)| *leg == B)
                .map(|(_, _, octets)| (now, octets)),
        );
    }
    let expected: Vec<(u64, Vec<u8>)> = (0..sent)
        .map(|n| (2000 + 20 * u64::from(n), rtp(n)))
        .collect();
    assert_eq!(heard, expected);
    assert_eq!(
        call.counters(C).unwrap().sent,
        50,
        "who joins late hears the stream from there on"
    );
    send(&mut call, 5000, A, address(A), &rtp(sent)).unwrap();
    assert_eq!(copies(&mut call).len(), 2, "afterwards it flows directly");
    assert_eq!(call.deadline(), None);
}

#[test]
fn held_media_is_bounded_and_keeps_the_beginning() {
    for settings_of_hold in [
        HoldSettings {
            max_packets: 10,
            max_octets: 1 << 20,
        },
        HoldSettings {
            max_packets: 1000,
            max_octets: 150,
        },
    ] {
        let mut call = Distribution::new(FloorRule::Controlled);
        call.add_leg(A, settings(A, AddressRule::Pinned));
        call.permit(A).unwrap();
        call.hold(settings_of_hold);
        for n in 0..10 {
            send(&mut call, 0, A, address(A), &rtp(n)).unwrap();
        }
        assert_eq!(
            send(&mut call, 0, A, address(A), &rtp(10)),
            Err(Discard::LocalHoldFull)
        );
        call.add_leg(B, settings(B, AddressRule::Pinned));
        call.release(at(500));
        let heard: Vec<Vec<u8>> = copies(&mut call)
            .into_iter()
            .map(|(_, _, octets)| octets)
            .collect();
        assert_eq!(heard, (0..10).map(rtp).collect::<Vec<_>>());
    }
}

#[test]
fn a_release_without_held_media_changes_nothing() {
    let mut call = call();
    call.hold(HoldSettings::default());
    call.release(at(0));
    send(&mut call, 0, A, address(A), &rtp(1)).unwrap();
    assert_eq!(copies(&mut call).len(), 2);
}

struct Member(Gmk);

impl GroupKeys for Member {
    fn may_receive(&self, gmk_id: KeyId) -> bool {
        gmk_id == self.0.id()
    }
    fn media_key(&self, mki: GroupMki) -> Option<MasterKey> {
        self.may_receive(mki.gmk_id)
            .then(|| self.0.media_key(mki.guk_id).into())
    }
}

fn gmk(octet: u8) -> Gmk {
    Gmk::new(
        Secret::new([octet; 16]),
        KeyId::from(0x0123_4567),
        Rand::new(&[9; 16]).unwrap(),
    )
    .unwrap()
}

/// What the distribution passes on opens with the group key, which it does not have; with another key it does not.
#[test]
fn encrypted_speech_crosses_without_the_group_key() {
    let (member, outsider) = (Member(gmk(1)), Member(gmk(2)));
    let alice = McpttId::new("sip:alice@mcptt.example.org").unwrap();
    assert!(GroupId::new("sip:fire-1@mcptt.example.org").is_ok());
    let mut sender = SenderContext::for_gmk(&member.0, member.0.guk_id(&alice)).unwrap();
    let mut call = call();
    let mut hearing = GroupReceiver::new(Profile::GROUP).unwrap();
    let mut outside = GroupReceiver::new(Profile::GROUP).unwrap();
    for n in 0..10 {
        send(
            &mut call,
            0,
            A,
            address(A),
            &sender.protect_rtp(&rtp(n)).unwrap(),
        )
        .unwrap();
        for (leg, _, octets) in copies(&mut call) {
            assert_eq!(
                outside.unprotect_rtp(&outsider, &octets),
                Err(SrtpError::PeerAuthentication)
            );
            if leg == B {
                assert_eq!(
                    hearing.unprotect_rtp(&member, &octets).unwrap().packet,
                    rtp(n)
                );
            }
        }
    }
}

proptest! {
    /// Whatever comes: nothing is sent that did not come from a talker's leg and address, and never back to it.
    #[test]
    fn only_the_talker_is_ever_copied(
        packets in prop::collection::vec((0u64..5, 0u64..6, prop::collection::vec(any::<u8>(), 0..60), any::<bool>()), 0..60),
    ) {
        let mut call = call();
        for (leg, source, noise, good) in packets {
            let octets = if good { rtp(noise.len() as u16) } else { noise };
            let _ = send(&mut call, 0, LegId(leg), address(LegId(source)), &octets);
            for (to, _, copy) in copies(&mut call) {
                prop_assert!(leg == A.0 && source == A.0 && to != A);
                prop_assert_eq!(&copy, &octets);
            }
        }
    }
}
