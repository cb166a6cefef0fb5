//! SRTP and SRTCP crossed with libsrtp2 in both directions.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod common;

use common::{SUITES, libsrtp2::Libsrtp2, test_key_and_salt, test_master};
use roger_srtp::{Mki, Profile, ReceiverContext, RtpIndex, SenderContext, SrtcpProtection, Suite};
use roger_testkit::SeededRandom;

const MKI_LENGTHS: [usize; 6] = [0, 1, 4, 8, 16, 128];
const SSRC: u32 = 0xA1B2_C3D4;

fn profile(suite: Suite, mki: &Mki) -> Profile {
    Profile::PRIVATE
        .with_suite(suite)
        .unwrap()
        .with_mki_octets(mki.octets().len())
        .unwrap()
}

fn contexts(profile: Profile, mki: &Mki) -> (SenderContext, ReceiverContext) {
    let master = test_master(profile.suite());
    let mut receiver = ReceiverContext::new(profile);
    receiver.add_key(mki.clone(), &master).unwrap();
    (
        SenderContext::new(profile, mki.clone(), &master).unwrap(),
        receiver,
    )
}

fn mki(length: usize) -> Mki {
    Mki::new(&(1..=length).map(|n| n as u8).collect::<Vec<_>>()).unwrap()
}

fn random_octets(random: &mut SeededRandom, most: u64) -> Vec<u8> {
    let length = random.next_u64() % (most + 1);
    (0..length).map(|_| random.next_u64() as u8).collect()
}

/// An RTP packet with random CSRC list, extension and payload.
fn rtp(random: &mut SeededRandom, ssrc: u32, sequence: u16) -> Vec<u8> {
    let csrc = (random.next_u64() % 4) as u8;
    let extension = random.next_u64().is_multiple_of(3);
    let mut packet = vec![0x80 | csrc | if extension { 0x10 } else { 0 }, 96];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 320).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend((0..4 * csrc).map(|n| n + 1));
    if extension {
        packet.extend([0xBE, 0xDE, 0, 2, 0x10, 0xAB, 0, 0, 0, 0, 0, 0]);
    }
    packet.extend(random_octets(random, 200));
    packet
}

/// An RTCP packet: eight clear octets and words.
fn rtcp(random: &mut SeededRandom, ssrc: u32) -> Vec<u8> {
    let words = (random.next_u64() % 40) as u16;
    let mut packet = vec![0x80, 204];
    packet.extend((words + 1).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend((0..4 * words).map(|_| random.next_u64() as u8));
    packet
}

#[test]
fn srtp_across_the_wrap_in_both_directions() {
    let Some(mut peer) = Libsrtp2::start() else {
        return;
    };
    let mut random = SeededRandom::new(1);
    let mut count = 0;
    for suite in SUITES {
        for length in MKI_LENGTHS {
            let mki = mki(length);
            let key = test_key_and_salt(suite);
            let (mut sender, mut receiver) = contexts(profile(suite, &mki), &mki);
            let sequences = (65_400..65_536u32).chain(0..150).map(|n| n as u16);
            let packets: Vec<Vec<u8>> = sequences.map(|n| rtp(&mut random, SSRC, n)).collect();
            peer.session(suite, "in", None, &[(&key, mki.octets())]);
            let ours: Vec<Vec<u8>> = packets
                .iter()
                .map(|packet| sender.protect_rtp(packet).unwrap())
                .collect();
            for (packet, protected) in packets.iter().zip(&ours) {
                assert_eq!(&peer.unprotect(protected).unwrap(), packet);
                assert!(
                    peer.unprotect(protected).is_err(),
                    "libsrtp2 takes a replay"
                );
            }
            peer.session(suite, "out", None, &[(&key, mki.octets())]);
            for (packet, protected) in packets.iter().zip(&ours) {
                let theirs = peer.protect(packet).unwrap();
                assert_eq!(&theirs, protected);
                let opened = receiver.unprotect_rtp(&theirs).unwrap();
                assert_eq!(&opened.packet, packet);
                assert!(receiver.unprotect_rtp(&theirs).is_err());
                count += 2;
            }
            assert_eq!(sender.last_rtp_index(SSRC), Some(RtpIndex::new(1, 149)));
        }
    }
    println!("{count} SRTP packets crossed with libsrtp2");
}

#[test]
fn srtcp_encrypted_and_authenticated_only_in_both_directions() {
    let Some(mut peer) = Libsrtp2::start() else {
        return;
    };
    let mut random = SeededRandom::new(2);
    let mut count = 0;
    for suite in SUITES {
        for length in MKI_LENGTHS {
            for (rtcp_service, protection) in [
                ("enc", SrtcpProtection::Encrypted),
                ("auth", SrtcpProtection::AuthenticatedOnly),
            ] {
                let mki = mki(length);
                let key = test_key_and_salt(suite);
                let (mut sender, mut receiver) =
                    contexts(profile(suite, &mki).with_srtcp(protection), &mki);
                let packets: Vec<Vec<u8>> = (0..60).map(|_| rtcp(&mut random, SSRC)).collect();
                let ours: Vec<Vec<u8>> = packets
                    .iter()
                    .map(|p| sender.protect_rtcp(p).unwrap())
                    .collect();
                peer.session_with_rtcp(suite, "in", rtcp_service, None, &[(&key, mki.octets())]);
                for (packet, protected) in packets.iter().zip(&ours) {
                    assert_eq!(&peer.unprotect_rtcp(protected).unwrap(), packet);
                }
                peer.session_with_rtcp(suite, "out", rtcp_service, None, &[(&key, mki.octets())]);
                for (packet, protected) in packets.iter().zip(&ours) {
                    let theirs = peer.protect_rtcp(packet).unwrap();
                    assert_eq!(&theirs, protected, "{suite:?} MKI {length} {rtcp_service}");
                    assert_eq!(&receiver.unprotect_rtcp(&theirs).unwrap().packet, packet);
                    count += 2;
                }
            }
        }
    }
    println!("{count} SRTCP packets crossed with libsrtp2");
}

/// libsrtp2 has no RCCm3: the trailer is cut off before it and put on after it.
#[test]
fn group_packets_with_and_without_their_trailer() {
    let Some(mut peer) = Libsrtp2::start() else {
        return;
    };
    let mut random = SeededRandom::new(3);
    let mki = mki(8);
    let key = test_key_and_salt(Suite::AeadAes128Gcm);
    let (mut sender, mut receiver) = contexts(Profile::GROUP, &mki);
    let start = RtpIndex::new(4, 65_500);
    sender.continue_rtp(SSRC, start).unwrap();
    let sequences: Vec<u16> = (65_501..65_536u32).chain(0..40).map(|n| n as u16).collect();
    peer.session(
        Suite::AeadAes128Gcm,
        "in",
        Some(SSRC),
        &[(&key, mki.octets())],
    );
    peer.set_roc(SSRC, start.roc());
    let mut crossed = Vec::new();
    for sequence in sequences {
        let packet = rtp(&mut random, SSRC, sequence);
        let ours = sender.protect_rtp(&packet).unwrap();
        let (srtp, roc) = ours.split_at(ours.len() - 4);
        assert_eq!(peer.unprotect(srtp).unwrap(), packet);
        assert_eq!(
            roc,
            sender.last_rtp_index(SSRC).unwrap().roc().to_be_bytes()
        );
        crossed.push((packet, roc.to_vec()));
    }
    peer.session(
        Suite::AeadAes128Gcm,
        "out",
        Some(SSRC),
        &[(&key, mki.octets())],
    );
    peer.set_roc(SSRC, start.roc());
    for (packet, roc) in crossed {
        let theirs = [peer.protect(&packet).unwrap(), roc].concat();
        assert_eq!(receiver.unprotect_rtp(&theirs).unwrap().packet, packet);
    }
}

/// Both must come to the same verdict on reordered, repeated and altered packets around the wrap.
#[test]
fn the_same_verdicts_on_a_hostile_network() {
    let Some(mut peer) = Libsrtp2::start() else {
        return;
    };
    let mut random = SeededRandom::new(4);
    for suite in SUITES {
        let mki = mki(4);
        let key = test_key_and_salt(suite);
        let (mut sender, mut receiver) = contexts(profile(suite, &mki), &mki);
        peer.session(suite, "in", None, &[(&key, mki.octets())]);
        let sent: Vec<Vec<u8>> = (65_000..66_000u32)
            .map(|n| {
                sender
                    .protect_rtp(&rtp(&mut random, SSRC, n as u16))
                    .unwrap()
            })
            .collect();
        let (mut accepted, mut refused) = (0, 0);
        for position in 0..sent.len() {
            let jitter = (random.next_u64() % 160) as usize;
            let mut packet = sent[position.saturating_sub(jitter)].clone();
            if random.next_u64().is_multiple_of(5) {
                let at = (random.next_u64() as usize) % packet.len();
                packet[at] ^= 1 << (random.next_u64() % 8);
            }
            let ours = receiver
                .unprotect_rtp(&packet)
                .map(|opened| opened.packet)
                .ok();
            let theirs = peer.unprotect(&packet).ok();
            assert_eq!(ours, theirs, "{suite:?} packet {position}");
            if ours.is_some() {
                accepted += 1
            } else {
                refused += 1
            }
        }
        assert!(
            accepted > 100 && refused > 100,
            "{accepted} accepted, {refused} refused"
        );
        println!("{suite:?}: {accepted} accepted, {refused} refused by both");
    }
}

#[test]
fn a_key_change_in_mid_stream() {
    let Some(mut peer) = Libsrtp2::start() else {
        return;
    };
    let mut random = SeededRandom::new(5);
    let suite = Suite::AeadAes128Gcm;
    let (old, new) = (mki(4), Mki::new(&[9, 9, 9, 9]).unwrap());
    let new_key = vec![0x77; 28];
    let new_master = common::master(&new_key[..16], &new_key[16..]);
    let (mut sender, _) = contexts(Profile::PRIVATE, &old);
    let key = test_key_and_salt(suite);
    peer.session(
        suite,
        "in",
        None,
        &[(&key, old.octets()), (&new_key, new.octets())],
    );
    for sequence in 65_530..65_545u32 {
        if sequence == 65_538 {
            let mut next = SenderContext::new(Profile::PRIVATE, new.clone(), &new_master).unwrap();
            next.take_over(&sender, SSRC).unwrap();
            sender = next;
        }
        let packet = rtp(&mut random, SSRC, sequence as u16);
        assert_eq!(
            peer.unprotect(&sender.protect_rtp(&packet).unwrap())
                .unwrap(),
            packet
        );
    }
}
