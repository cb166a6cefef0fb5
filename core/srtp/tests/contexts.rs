//! Behaviour of senders and receivers: indices, replay, sizes, lengths, refusals.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod common;

use common::{SUITES, master, test_master};
use core::num::NonZeroU16;
use proptest::prelude::*;
use roger_base::{KeyId, Secret};
use roger_keys::{CallSide, Csk, Gmk, Pck, Rand};
use roger_srtp::{
    FloorContext, GroupKeys, GroupMki, GroupReceiver, MasterKey, Mki, Profile, REPLAY_WINDOW,
    ReceiverContext, RocTransport, RtcpIndex, RtpFields, RtpIndex, SenderContext, SrtcpProtection,
    SrtpError, Suite, describe_plain_rtp, describe_rtcp, describe_rtp,
};
use std::{cell::Cell, collections::HashSet};

const SSRC: u32 = 0x1122_3344;

fn pair(profile: Profile) -> (SenderContext, ReceiverContext) {
    let mki = Mki::new(&vec![7; profile.mki_octets()]).unwrap();
    let master = test_master(profile.suite());
    let mut receiver = ReceiverContext::new(profile);
    receiver.add_key(mki.clone(), &master).unwrap();
    (SenderContext::new(profile, mki, &master).unwrap(), receiver)
}

fn rtp(ssrc: u32, sequence: u16) -> Vec<u8> {
    let timestamp = u32::from(sequence) * 320;
    RtpFields {
        marker: false,
        payload_type: 96,
        sequence,
        timestamp,
        ssrc,
    }
    .packet(&[0xF0, 0x14, 1, 2, 3])
}

fn rtcp(ssrc: u32) -> Vec<u8> {
    [
        vec![0x80, 204, 0, 4],
        ssrc.to_be_bytes().to_vec(),
        b"MCPT\0\x02\0\x00ABCD".to_vec(),
    ]
    .concat()
}

fn all_profiles() -> Vec<Profile> {
    let mut all = vec![
        Profile::GROUP,
        Profile::GROUP.with_srtcp(SrtcpProtection::AuthenticatedOnly),
    ];
    let every_third = RocTransport::Every(NonZeroU16::new(3).unwrap());
    all.push(Profile::GROUP.with_roc(every_third).unwrap());
    for suite in SUITES {
        for mki in [0, 1, 4, 8, 127, 128] {
            let profile = Profile::PRIVATE
                .with_suite(suite)
                .unwrap()
                .with_mki_octets(mki)
                .unwrap();
            all.extend([
                profile,
                profile.with_srtcp(SrtcpProtection::AuthenticatedOnly),
            ]);
        }
    }
    all
}

#[test]
fn every_length_from_0_to_64_is_answered() {
    for profile in all_profiles() {
        for length in 0..=64usize {
            let (mut sender, mut receiver) = pair(profile);
            let mut packet = vec![0x80; length];
            if let Some(second) = packet.get_mut(1) {
                *second = 96;
            }
            // 0x80 in every octet makes a header of 12 octets without extension.
            assert_eq!(
                sender.protect_rtp(&packet).is_ok(),
                length >= 12,
                "{length}"
            );
            assert_eq!(
                sender.protect_rtcp(&packet).is_ok(),
                length >= 8,
                "{length}"
            );
            assert!(receiver.unprotect_rtp(&packet).is_err());
            assert!(receiver.unprotect_rtcp(&packet).is_err());
        }
    }
}

#[test]
fn every_cut_of_a_good_packet_is_refused_and_the_whole_is_then_accepted() {
    for profile in all_profiles() {
        let (mut sender, mut receiver) = pair(profile);
        let media = sender.protect_rtp(&rtp(SSRC, 9)).unwrap();
        let floor = sender.protect_rtcp(&rtcp(SSRC)).unwrap();
        for length in 0..media.len() {
            assert!(
                receiver.unprotect_rtp(&media[..length]).is_err(),
                "{profile:?} {length}"
            );
        }
        for length in 0..floor.len() {
            assert!(
                receiver.unprotect_rtcp(&floor[..length]).is_err(),
                "{profile:?} {length}"
            );
        }
        assert_eq!(receiver.unprotect_rtp(&media).unwrap().packet, rtp(SSRC, 9));
        assert_eq!(receiver.unprotect_rtcp(&floor).unwrap().packet, rtcp(SSRC));
    }
}

#[test]
fn outputs_have_exactly_the_promised_size_and_smaller_buffers_stay_untouched() {
    for profile in all_profiles() {
        let (mut sender, mut receiver) = pair(profile);
        let plain = rtp(SSRC, 9);
        let size = plain.len() + profile.rtp_overhead(9);
        let mut short = vec![0xEE; size - 1];
        let refused = Err(SrtpError::LocalOutputTooSmall {
            needed: size,
            given: size - 1,
        });
        assert_eq!(sender.protect_rtp_into(&plain, &mut short), refused);
        assert!(short.iter().all(|octet| *octet == 0xEE));
        let mut exact = vec![0; size];
        assert_eq!(sender.protect_rtp_into(&plain, &mut exact), Ok(size));
        let mut short = vec![0xEE; plain.len() - 1];
        assert!(matches!(
            receiver.unprotect_rtp_into(&exact, &mut short),
            Err(SrtpError::LocalOutputTooSmall { .. })
        ));
        let mut opened = vec![0xEE; plain.len()];
        exact[14] ^= 1;
        assert!(receiver.unprotect_rtp_into(&exact, &mut opened).is_err());
        assert!(
            opened.iter().all(|octet| *octet == 0xEE),
            "written before verified"
        );
        exact[14] ^= 1;
        assert_eq!(
            receiver.unprotect_rtp_into(&exact, &mut opened),
            Ok(plain.len())
        );
        assert_eq!(opened, plain);
    }
}

#[test]
fn srtcp_outputs_have_exactly_the_promised_size() {
    for profile in all_profiles() {
        let (mut sender, mut receiver) = pair(profile);
        let plain = rtcp(SSRC);
        let size = plain.len() + profile.rtcp_overhead();
        let mut short = vec![0xEE; size - 1];
        assert!(sender.protect_rtcp_into(&plain, &mut short).is_err());
        assert!(short.iter().all(|octet| *octet == 0xEE));
        let mut exact = vec![0; size];
        assert_eq!(sender.protect_rtcp_into(&plain, &mut exact), Ok(size));
        let mut short = vec![0xEE; plain.len() - 1];
        assert!(matches!(
            receiver.unprotect_rtcp_into(&exact, &mut short),
            Err(SrtpError::LocalOutputTooSmall { .. })
        ));
        let mut opened = vec![0xEE; plain.len()];
        exact[5] ^= 1;
        assert!(receiver.unprotect_rtcp_into(&exact, &mut opened).is_err());
        assert!(
            opened.iter().all(|octet| *octet == 0xEE),
            "written before verified"
        );
        exact[5] ^= 1;
        assert_eq!(
            receiver.unprotect_rtcp_into(&exact, &mut opened),
            Ok(plain.len())
        );
        assert_eq!(opened, plain);
    }
}

#[test]
fn a_refused_buffer_uses_no_index() {
    let (mut sender, _) = pair(Profile::PRIVATE);
    assert!(sender.protect_rtp_into(&rtp(SSRC, 5), &mut [0; 3]).is_err());
    assert!(sender.protect_rtcp_into(&rtcp(SSRC), &mut [0; 3]).is_err());
    assert_eq!(sender.last_rtp_index(SSRC), None);
    assert_eq!(sender.last_rtcp_index(SSRC), None);
}

#[test]
fn an_index_is_never_used_twice() {
    let (mut sender, _) = pair(Profile::GROUP);
    sender.protect_rtp(&rtp(SSRC, 100)).unwrap();
    let refused = |sequence| {
        Err(SrtpError::LocalIndexNotIncreasing {
            sequence,
            last: 100,
        })
    };
    assert_eq!(sender.protect_rtp(&rtp(SSRC, 100)), refused(100));
    assert_eq!(sender.protect_rtp(&rtp(SSRC, 99)), refused(99));
    assert_eq!(
        sender.protect_rtp(&rtp(SSRC, 100u16.wrapping_add(1 << 15))),
        refused(100 + (1 << 15))
    );
    assert!(sender.protect_rtp(&rtp(SSRC, 101)).is_ok());
    assert!(
        sender.protect_rtp(&rtp(SSRC + 1, 100)).is_ok(),
        "another SSRC has its own counter"
    );
}

#[test]
fn a_stream_is_only_continued_ahead() {
    let (mut sender, _) = pair(Profile::GROUP);
    sender.protect_rtp(&rtp(SSRC, 100)).unwrap();
    sender.protect_rtcp(&rtcp(SSRC)).unwrap();
    sender.protect_rtcp(&rtcp(SSRC)).unwrap();
    assert_eq!(
        sender.continue_rtp(SSRC, RtpIndex::new(0, 99)),
        Err(SrtpError::LocalIndexUsed(SSRC))
    );
    assert_eq!(
        sender.continue_rtcp(SSRC, RtcpIndex::FIRST),
        Err(SrtpError::LocalIndexUsed(SSRC))
    );
    assert!(sender.continue_rtp(SSRC, RtpIndex::new(3, 99)).is_ok());
    sender.protect_rtp(&rtp(SSRC, 100)).unwrap();
    assert_eq!(sender.last_rtp_index(SSRC), Some(RtpIndex::new(3, 100)));
}

#[test]
fn a_sender_stops_when_its_indices_are_used_up() {
    let (mut sender, _) = pair(Profile::PRIVATE);
    sender
        .continue_rtp(SSRC, RtpIndex::new(u32::MAX, 65_534))
        .unwrap();
    assert!(sender.protect_rtp(&rtp(SSRC, 65_535)).is_ok());
    assert_eq!(
        sender.protect_rtp(&rtp(SSRC, 0)),
        Err(SrtpError::LocalIndexExhausted(SSRC))
    );
    sender
        .continue_rtcp(SSRC, RtcpIndex::new(RtcpIndex::LAST.get() - 1).unwrap())
        .unwrap();
    assert!(sender.protect_rtcp(&rtcp(SSRC)).is_ok());
    assert_eq!(
        sender.protect_rtcp(&rtcp(SSRC)),
        Err(SrtpError::LocalIndexExhausted(SSRC))
    );
}

#[test]
fn counters_are_bounded_and_never_forgotten() {
    let (mut sender, _) = pair(Profile::PRIVATE);
    for ssrc in 0..65_536 {
        sender.continue_rtp(ssrc, RtpIndex::new(0, 5)).unwrap();
    }
    let refused = Err(SrtpError::LocalTooManyStreams(65_536));
    assert_eq!(sender.protect_rtp(&rtp(70_000, 1)), refused);
    assert!(sender.protect_rtp(&rtp(3, 6)).is_ok());
    assert!(sender.protect_rtp(&rtp(3, 5)).is_err());
}

#[test]
fn a_key_change_goes_on_with_ssrc_seq_roc_and_srtcp_index() {
    let (mut sender, mut receiver) = pair(Profile::PRIVATE);
    let mki = Mki::new(&[9; 4]).unwrap();
    let new = master(&[1; 16], &[2; 12]);
    receiver.add_key(mki.clone(), &new).unwrap();
    for sequence in [65_535, 0] {
        receiver
            .unprotect_rtp(&sender.protect_rtp(&rtp(SSRC, sequence)).unwrap())
            .unwrap();
    }
    sender.protect_rtcp(&rtcp(SSRC)).unwrap();
    let previous = sender;
    let mut sender = SenderContext::new(Profile::PRIVATE, mki.clone(), &new).unwrap();
    sender.take_over(&previous, SSRC).unwrap();
    let opened = receiver
        .unprotect_rtp(&sender.protect_rtp(&rtp(SSRC, 1)).unwrap())
        .unwrap();
    assert_eq!((opened.index, opened.mki), (RtpIndex::new(1, 1), mki));
    let floor = receiver
        .unprotect_rtcp(&sender.protect_rtcp(&rtcp(SSRC)).unwrap())
        .unwrap();
    assert_eq!(floor.index.get(), 2);
}

#[test]
fn taking_over_never_goes_behind_what_the_key_has_sent() {
    let (mut current, _) = pair(Profile::PRIVATE);
    let (mut previous, _) = pair(Profile::PRIVATE);
    current.protect_rtp(&rtp(SSRC, 500)).unwrap();
    previous.protect_rtp(&rtp(SSRC, 400)).unwrap();
    current.take_over(&previous, SSRC).unwrap();
    assert_eq!(current.last_rtp_index(SSRC), Some(RtpIndex::new(0, 500)));
    assert!(current.protect_rtp(&rtp(SSRC, 401)).is_err());
}

#[test]
fn a_removed_key_opens_nothing() {
    let (mut sender, mut receiver) = pair(Profile::PRIVATE);
    let packet = sender.protect_rtp(&rtp(SSRC, 1)).unwrap();
    let mki = Mki::new(&[7; 4]).unwrap();
    assert!(receiver.remove_key(&mki));
    assert!(!receiver.remove_key(&mki));
    assert_eq!(
        receiver.unprotect_rtp(&packet),
        Err(SrtpError::PeerUnknownMki(mki))
    );
}

#[test]
fn adding_a_key_again_keeps_its_replay_list() {
    let (mut sender, mut receiver) = pair(Profile::PRIVATE);
    let packet = sender.protect_rtp(&rtp(SSRC, 1)).unwrap();
    receiver.unprotect_rtp(&packet).unwrap();
    receiver
        .add_key(
            Mki::new(&[7; 4]).unwrap(),
            &test_master(Suite::AeadAes128Gcm),
        )
        .unwrap();
    assert_eq!(
        receiver.unprotect_rtp(&packet),
        Err(SrtpError::PeerReplay(1))
    );
}

#[test]
fn keys_that_do_not_fit_the_profile_are_refused() {
    let gcm = test_master(Suite::AeadAes128Gcm);
    let cm = test_master(Suite::AesCm128HmacSha1Tag80);
    let four = Mki::new(&[1; 4]).unwrap();
    let wrong_mki = SrtpError::LocalMkiLength {
        wanted: 8,
        given: 4,
    };
    let wrong_salt = SrtpError::LocalSaltLength {
        wanted: 12,
        given: 14,
    };
    assert_eq!(
        SenderContext::new(Profile::GROUP, four.clone(), &gcm).err(),
        Some(wrong_mki.clone())
    );
    assert_eq!(
        SenderContext::new(Profile::PRIVATE, four.clone(), &cm).err(),
        Some(wrong_salt.clone())
    );
    assert_eq!(
        ReceiverContext::new(Profile::GROUP).add_key(four.clone(), &gcm),
        Err(wrong_mki.clone())
    );
    let mut receiver = ReceiverContext::new(Profile::PRIVATE);
    assert_eq!(receiver.add_key(four.clone(), &cm), Err(wrong_salt.clone()));
    receiver.add_key(four.clone(), &gcm).unwrap();
    assert_eq!(receiver.add_key(four, &cm), Err(wrong_salt));
    assert_eq!(GroupReceiver::new(Profile::PRIVATE).err(), Some(wrong_mki));
}

#[test]
fn the_e_bit_of_the_profile_is_demanded() {
    let (mut sender, _) = pair(Profile::FLOOR.with_srtcp(SrtcpProtection::AuthenticatedOnly));
    let (_, mut receiver) = pair(Profile::FLOOR);
    let clear = sender.protect_rtcp(&rtcp(SSRC)).unwrap();
    assert!(
        clear.windows(4).any(|window| window == b"ABCD"),
        "readable by design"
    );
    assert_eq!(
        receiver.unprotect_rtcp(&clear),
        Err(SrtpError::PeerEncryptionBit)
    );
}

#[test]
fn another_rtp_version_is_refused() {
    let (mut sender, mut receiver) = pair(Profile::FLOOR);
    let mut packet = sender.protect_rtcp(&rtcp(SSRC)).unwrap();
    packet[0] = 0x40;
    assert_eq!(
        receiver.unprotect_rtcp(&packet),
        Err(SrtpError::PeerVersion(1))
    );
    let own = SrtpError::LocalPacket(Box::new(SrtpError::PeerVersion(1)));
    assert_eq!(sender.protect_rtcp(&packet), Err(own));
}

#[test]
fn packets_longer_than_a_datagram_are_refused() {
    let (mut sender, mut receiver) = pair(Profile::PRIVATE);
    let mut longest = rtp(SSRC, 1);
    longest.resize(65_535 - 20, 0);
    assert_eq!(sender.protect_rtp(&longest).unwrap().len(), 65_535);
    let mut longer = rtp(SSRC, 2);
    longer.resize(65_535 - 19, 0);
    let refused = SrtpError::LocalPacket(Box::new(SrtpError::PeerTooLong(65_536)));
    assert_eq!(sender.protect_rtp(&longer), Err(refused));
    let mut floor = rtcp(SSRC);
    floor.resize(65_535 - 23, 0);
    assert!(sender.protect_rtcp(&floor).is_err());
    assert_eq!(
        receiver.unprotect_rtcp(&vec![0x80; 65_536]),
        Err(SrtpError::PeerTooLong(65_536))
    );
}

#[test]
fn streams_of_one_ssrc_under_two_keys_have_two_replay_lists() {
    let (mut first, mut receiver) = pair(Profile::GROUP);
    let mki = Mki::new(&[8; 8]).unwrap();
    let other = master(&[1; 16], &[2; 12]);
    receiver.add_key(mki.clone(), &other).unwrap();
    let mut second = SenderContext::new(Profile::GROUP, mki, &other).unwrap();
    for sender in [&mut first, &mut second] {
        let packet = sender.protect_rtp(&rtp(SSRC, 1)).unwrap();
        assert!(receiver.unprotect_rtp(&packet).is_ok());
        assert_eq!(
            receiver.unprotect_rtp(&packet),
            Err(SrtpError::PeerReplay(1))
        );
    }
}

#[test]
fn the_window_has_128_places() {
    let (mut sender, mut receiver) = pair(Profile::PRIVATE);
    let packets: Vec<Vec<u8>> = (0..200)
        .map(|n| sender.protect_rtp(&rtp(SSRC, n)).unwrap())
        .collect();
    receiver.unprotect_rtp(&packets[199]).unwrap();
    let edge = 199 - REPLAY_WINDOW as usize;
    assert!(receiver.unprotect_rtp(&packets[edge + 1]).is_ok());
    let (index, highest) = (edge as u64, 199);
    assert_eq!(
        receiver.unprotect_rtp(&packets[edge]),
        Err(SrtpError::PeerTooOld { index, highest })
    );
}

/// GMK, counting how often a key is derived, with a switch for its expiry.
struct Keys {
    gmk: Gmk,
    valid: Cell<bool>,
    derived: Cell<usize>,
}

impl Keys {
    fn new() -> Self {
        let gmk = Gmk::new(Secret::new([3; 16]), KeyId::from(0x0123_4567), rand()).unwrap();
        Self {
            gmk,
            valid: Cell::new(true),
            derived: Cell::new(0),
        }
    }

    fn sender(&self, guk_id: u32) -> SenderContext {
        SenderContext::for_gmk(&self.gmk, KeyId::from(guk_id)).unwrap()
    }
}

impl GroupKeys for Keys {
    fn may_receive(&self, gmk_id: KeyId) -> bool {
        self.valid.get() && gmk_id == self.gmk.id()
    }
    fn media_key(&self, mki: GroupMki) -> Option<MasterKey> {
        self.derived.set(self.derived.get() + 1);
        self.may_receive(mki.gmk_id)
            .then(|| self.gmk.media_key(mki.guk_id).into())
    }
}

fn rand() -> Rand {
    Rand::new(&[9; 16]).unwrap()
}

#[test]
fn two_senders_with_the_same_ssrc_are_heard_separately() {
    let keys = Keys::new();
    let mut receiver = GroupReceiver::new(Profile::GROUP).unwrap();
    for guk_id in [0x0111_1111, 0x0222_2222] {
        let mut sender = keys.sender(guk_id);
        for sequence in 0..3 {
            let opened = receiver
                .unprotect_rtp(&keys, &sender.protect_rtp(&rtp(SSRC, sequence)).unwrap())
                .unwrap();
            assert_eq!(
                GroupMki::from_octets(opened.mki.octets()).unwrap().guk_id,
                KeyId::from(guk_id)
            );
        }
    }
    assert_eq!((receiver.sender_count(), keys.derived.get()), (2, 2));
}

#[test]
fn a_late_joiner_takes_the_roc_verifies_and_only_then_stores_it() {
    let keys = Keys::new();
    let mut sender = keys.sender(0x0111_1111);
    sender.continue_rtp(SSRC, RtpIndex::new(7, 65_533)).unwrap();
    let mut packets: Vec<Vec<u8>> = [65_534u16, 65_535, 0, 1]
        .iter()
        .map(|n| sender.protect_rtp(&rtp(SSRC, *n)).unwrap())
        .collect();
    let mut receiver = GroupReceiver::new(Profile::GROUP).unwrap();
    let last = packets[0].len() - 1;
    packets[0][last] ^= 1;
    assert_eq!(
        receiver.unprotect_rtp(&keys, &packets[0]),
        Err(SrtpError::PeerAuthentication)
    );
    assert_eq!(
        receiver.sender_count(),
        0,
        "nothing is kept of an unverified packet"
    );
    packets[0][last] ^= 1;
    // Reordered across the wrap.
    for (at, roc) in [(0, 7), (2, 8), (1, 7), (3, 8)] {
        assert_eq!(
            receiver
                .unprotect_rtp(&keys, &packets[at])
                .unwrap()
                .index
                .roc(),
            roc
        );
    }
}

#[test]
fn with_a_rate_above_one_the_roc_comes_from_the_trailer_or_the_first_guesses() {
    let keys = Keys::new();
    let profile = Profile::GROUP
        .with_roc(RocTransport::Every(NonZeroU16::new(5).unwrap()))
        .unwrap();
    let mki = GroupMki {
        gmk_id: keys.gmk.id(),
        guk_id: KeyId::from(0x0111_1111),
    };
    let master: MasterKey = keys.gmk.media_key(mki.guk_id).into();
    for (roc, heard_at) in [(0, 1), (2, 1), (40, 5)] {
        let mut sender = SenderContext::new(profile, mki.into(), &master).unwrap();
        sender.continue_rtp(SSRC, RtpIndex::new(roc, 0)).unwrap();
        let mut receiver = GroupReceiver::new(profile).unwrap();
        let first = (1..20).find(|n| {
            receiver
                .unprotect_rtp(&keys, &sender.protect_rtp(&rtp(SSRC, *n)).unwrap())
                .is_ok()
        });
        assert_eq!(first, Some(heard_at), "ROC {roc}");
        let next = sender.protect_rtp(&rtp(SSRC, heard_at + 1)).unwrap();
        assert_eq!(
            receiver.unprotect_rtp(&keys, &next).unwrap().index,
            RtpIndex::new(roc, heard_at + 1)
        );
    }
}

#[test]
fn an_expired_gmk_opens_nothing_although_its_keys_were_ready() {
    let keys = Keys::new();
    let mut sender = keys.sender(0x0111_1111);
    let mut receiver = GroupReceiver::new(Profile::GROUP).unwrap();
    receiver
        .unprotect_rtp(&keys, &sender.protect_rtp(&rtp(SSRC, 1)).unwrap())
        .unwrap();
    keys.valid.set(false);
    let packet = sender.protect_rtp(&rtp(SSRC, 2)).unwrap();
    assert!(matches!(
        receiver.unprotect_rtp(&keys, &packet),
        Err(SrtpError::PeerUnknownMki(_))
    ));
    assert_eq!(receiver.sender_count(), 0);
}

#[test]
fn ready_sender_keys_are_bounded() {
    let keys = Keys::new();
    let mut receiver = GroupReceiver::new(Profile::GROUP).unwrap();
    for guk_id in 0..600 {
        let packet = keys.sender(guk_id).protect_rtcp(&rtcp(SSRC)).unwrap();
        receiver.unprotect_rtcp(&keys, &packet).unwrap();
    }
    assert_eq!(receiver.sender_count(), 512);
}

#[test]
fn the_two_sides_of_a_private_call_have_their_own_keys() {
    let pck = Pck::new(Secret::new([4; 16]), KeyId::from(0x1699_2638), rand()).unwrap();
    let mut caller = SenderContext::for_pck(&pck, CallSide::Initiator).unwrap();
    let packet = caller.protect_rtp(&rtp(SSRC, 1)).unwrap();
    assert!(
        ReceiverContext::for_pck(&pck, CallSide::Receiver)
            .unwrap()
            .unprotect_rtp(&packet)
            .is_ok()
    );
    let mut reflected = ReceiverContext::for_pck(&pck, CallSide::Initiator).unwrap();
    assert_eq!(
        reflected.unprotect_rtp(&packet),
        Err(SrtpError::PeerAuthentication)
    );
}

#[test]
fn a_reflected_floor_message_is_refused_though_both_sides_share_the_key() {
    let csk = Csk::new(Secret::new([5; 16]), KeyId::from(0x2DDD_5BF0), rand()).unwrap();
    let mut client = FloorContext::for_csk(&csk).unwrap();
    let mut server = FloorContext::for_csk(&csk).unwrap();
    let request = client.protect(&rtcp(SSRC)).unwrap();
    assert_eq!(
        client.unprotect(&request),
        Err(SrtpError::PeerUsesOwnSsrc(SSRC))
    );
    assert_eq!(server.unprotect(&request).unwrap().packet, rtcp(SSRC));
    assert_eq!(server.unprotect(&request), Err(SrtpError::PeerReplay(1)));
    assert_eq!(
        server.protect(&rtcp(SSRC)),
        Err(SrtpError::PeerUsesOwnSsrc(SSRC))
    );
    let granted = server.protect(&rtcp(SSRC + 1)).unwrap();
    assert!(client.unprotect(&granted).is_ok());
    assert!(client.is_used_by_peer(SSRC + 1) && client.is_used_by_us(SSRC));
}

#[test]
fn a_description_covers_every_octet_once() {
    for profile in all_profiles() {
        let (mut sender, _) = pair(profile);
        let media = sender.protect_rtp(&rtp(SSRC, 9)).unwrap();
        let floor = sender.protect_rtcp(&rtcp(SSRC)).unwrap();
        for (packet, description) in [
            (&media, describe_rtp(&media, &profile).unwrap()),
            (&floor, describe_rtcp(&floor, &profile).unwrap()),
        ] {
            let mut at = 0;
            for field in &description.fields {
                assert_eq!(field.octets.start, at, "{description}");
                at = field.octets.end;
            }
            assert_eq!(at, packet.len(), "{description}");
        }
    }
    assert!(describe_rtp(&[0x80; 20], &Profile::GROUP).is_err());
    assert!(describe_rtcp(&[0x80; 20], &Profile::GROUP).is_err());
}

#[test]
fn a_plain_packet_is_described_with_its_padding() {
    let mut packet = rtp(SSRC, 9);
    packet[0] |= 0x20;
    packet.extend([0, 0, 3]);
    let description = describe_plain_rtp(&packet).unwrap();
    let last: Vec<(&str, usize)> = description
        .fields
        .iter()
        .rev()
        .take(2)
        .map(|field| (field.name, field.octets.len()))
        .collect();
    assert_eq!(last, [("padding", 3), ("payload", 5)]);
    assert_eq!(description.fields.last().unwrap().octets.end, packet.len());
    assert!(describe_plain_rtp(&packet[..11]).is_err());
}

#[test]
fn a_description_names_ids_and_roc() {
    let keys = Keys::new();
    let packet = keys.sender(0x08C4_4583).protect_rtp(&rtp(SSRC, 9)).unwrap();
    let text = describe_rtp(&packet, &Profile::GROUP).unwrap().to_string();
    for part in [
        "0123456708c44583",
        "GMK-ID",
        "0 (RCCm3)",
        "RFC 4771",
        "sequence number",
        "11223344",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

/// Model of a receiver: a set of true indices, with the window below the highest.
fn model_accepts(accepted: &HashSet<u64>, index: u64) -> bool {
    let highest = accepted.iter().max().copied();
    highest.is_none_or(|highest| index + REPLAY_WINDOW > highest) && !accepted.contains(&index)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Reorder, loss and repetition around the wrap: the receiver behaves as one that knew the true indices.
    #[test]
    fn roc_and_replay_follow_the_true_indices(
        group: bool,
        start in 65_200u16..65_535,
        order in prop::collection::vec((0usize..500, 0usize..160), 1..300),
    ) {
        let (mut sender, mut receiver) = pair(if group { Profile::GROUP } else { Profile::PRIVATE });
        let packets: Vec<(u64, Vec<u8>)> = (0..700u16)
            .map(|n| {
                let packet = sender.protect_rtp(&rtp(SSRC, start.wrapping_add(n))).unwrap();
                (sender.last_rtp_index(SSRC).unwrap().get(), packet)
            })
            .collect();
        let mut accepted = HashSet::new();
        let mut position = 0;
        for (step, back) in order {
            position = (position + step % 4).min(packets.len() - 1);
            let (index, packet) = &packets[position.saturating_sub(back)];
            let verdict = receiver.unprotect_rtp(packet);
            prop_assert_eq!(verdict.is_ok(), model_accepts(&accepted, *index), "{:?}", verdict);
            if let Ok(opened) = verdict {
                prop_assert_eq!(opened.index.get(), *index);
                accepted.insert(*index);
            }
        }
    }

    #[test]
    fn what_is_protected_opens_again(
        which in 0usize..27, payload in prop::collection::vec(any::<u8>(), 0..300), sequence: u16, ssrc: u32,
    ) {
        let profile = all_profiles()[which];
        let (mut sender, mut receiver) = pair(profile);
        let plain = RtpFields { marker: true, payload_type: 97, sequence, timestamp: 5, ssrc }.packet(&payload);
        let protected = sender.protect_rtp(&plain).unwrap();
        prop_assert_eq!(protected.len(), plain.len() + profile.rtp_overhead(sequence));
        let opened = receiver.unprotect_rtp(&protected).unwrap();
        prop_assert_eq!(opened.payload().unwrap(), payload.clone());
        let plain = [vec![0x81, 204, 0, 9], ssrc.to_be_bytes().to_vec(), payload].concat();
        let protected = sender.protect_rtcp(&plain).unwrap();
        prop_assert_eq!(protected.len(), plain.len() + profile.rtcp_overhead());
        prop_assert_eq!(receiver.unprotect_rtcp(&protected).unwrap().packet, plain);
    }

    /// Every single bit of a packet matters.
    #[test]
    fn a_changed_bit_is_refused(which in 0usize..27, at: prop::sample::Index, bit in 0u8..8) {
        let profile = all_profiles()[which];
        let (mut sender, mut receiver) = pair(profile);
        for media in [true, false] {
            let mut packet = if media { sender.protect_rtp(&rtp(SSRC, 9)) } else { sender.protect_rtcp(&rtcp(SSRC)) }.unwrap();
            let at = at.index(packet.len());
            packet[at] ^= 1 << bit;
            let opened = if media { receiver.unprotect_rtp(&packet).is_ok() } else { receiver.unprotect_rtcp(&packet).is_ok() };
            prop_assert!(!opened, "octet {} bit {}", at, bit);
        }
    }

    #[test]
    fn noise_is_refused(which in 0usize..27, noise in prop::collection::vec(any::<u8>(), 0..400)) {
        let (_, mut receiver) = pair(all_profiles()[which]);
        prop_assert!(receiver.unprotect_rtp(&noise).is_err());
        prop_assert!(receiver.unprotect_rtcp(&noise).is_err());
        let _ = describe_rtp(&noise, &all_profiles()[which]);
        let _ = describe_rtcp(&noise, &all_profiles()[which]);
    }
}
