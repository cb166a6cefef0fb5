//! Every packet of `srtp.json`, in both directions, and every packet that must be refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod common;

use common::{context, octets, vectors};
use roger_keys::session::session_keys;
use roger_srtp::{
    GroupKeys, GroupMki, GroupReceiver, Guess, MasterKey, Mki, ReceiverContext, RtcpIndex,
    RtpIndex, SenderContext, SrtpError, Suite, guess,
};
use serde_json::Value;
use std::collections::HashMap;

/// Receives under all contexts of a case, as a UE with these keys would.
struct Receiver(ReceiverContext);

impl Receiver {
    fn with(vectors: &Value, names: &[&str]) -> Self {
        let profile = context(vectors, names[0]).profile;
        let mut receiver = ReceiverContext::new(profile);
        for name in names {
            let context = context(vectors, name);
            receiver.add_key(context.mki, &context.master).unwrap();
        }
        Self(receiver)
    }

    fn open(&mut self, kind: &str, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
        match kind {
            "rtp" => self.0.unprotect_rtp(packet).map(|opened| opened.packet),
            _ => self.0.unprotect_rtcp(packet).map(|opened| opened.packet),
        }
    }
}

fn names(case: &Value) -> Vec<&str> {
    let packets = case["packets_in_receive_order"].as_array().unwrap();
    packets
        .iter()
        .map(|packet| packet["context"].as_str().unwrap())
        .collect()
}

#[test]
fn every_packet_opens_in_receive_order() {
    let vectors = vectors();
    let mut count = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let mut receiver = Receiver::with(&vectors, &names(case));
        for packet in case["packets_in_receive_order"].as_array().unwrap() {
            let kind = packet["kind"].as_str().unwrap();
            let protected = octets(&packet["protected"]);
            assert_eq!(
                receiver.open(kind, &protected).unwrap(),
                octets(&packet["plain"]),
                "{}",
                case["name"]
            );
            assert!(
                receiver.open(kind, &protected).is_err(),
                "replay in {}",
                case["name"]
            );
            count += 1;
        }
    }
    assert_eq!(count, 70);
    println!("{count} packets opened");
}

/// Sends in index order; a stream that does not start at the beginning is continued from the index before.
#[test]
fn every_packet_is_produced_byte_for_byte() {
    let vectors = vectors();
    let mut count = 0;
    for case in vectors["cases"].as_array().unwrap() {
        for packet in case["packets_in_receive_order"].as_array().unwrap() {
            // A sender of ours starts at SRTCP index 1; receivers are tested with index 0 above.
            if packet["srtcp_index"] == 0 {
                continue;
            }
            let context = context(&vectors, packet["context"].as_str().unwrap());
            let mut sender =
                SenderContext::new(context.profile, context.mki, &context.master).unwrap();
            let protected = send(&mut sender, packet);
            assert_eq!(protected, octets(&packet["protected"]), "{}", case["name"]);
            count += 1;
        }
    }
    assert_eq!(count, 69);
}

fn send(sender: &mut SenderContext, packet: &Value) -> Vec<u8> {
    let plain = octets(&packet["plain"]);
    let ssrc = u32::from_str_radix(packet["ssrc"].as_str().unwrap(), 16).unwrap();
    if packet["kind"] == "rtp" {
        let roc = packet["roc"].as_u64().unwrap() as u32;
        let sequence = packet["seq"].as_u64().unwrap() as u16;
        let before = RtpIndex::new(roc, sequence).get().saturating_sub(1);
        if roc > 0 {
            sender
                .continue_rtp(ssrc, RtpIndex::new((before >> 16) as u32, before as u16))
                .unwrap();
        }
        return sender.protect_rtp(&plain).unwrap();
    }
    let index = packet["srtcp_index"].as_u64().unwrap() as u32;
    sender
        .continue_rtcp(ssrc, RtcpIndex::new(index - 1).unwrap())
        .unwrap();
    sender.protect_rtcp(&plain).unwrap()
}

#[test]
fn a_sender_produces_whole_bursts_byte_for_byte() {
    let vectors = vectors();
    for name in [
        "group-first-packet",
        "group-sequence-wrap",
        "private-caller-first-packet",
        "floor-csk",
        "cm-floor-csk",
    ] {
        let all = vectors["cases"].as_array().unwrap();
        let case = all.iter().find(|case| case["name"] == name).unwrap();
        let context = context(&vectors, names(case)[0]);
        let mut sender = SenderContext::new(context.profile, context.mki, &context.master).unwrap();
        for packet in case["packets_in_receive_order"].as_array().unwrap() {
            let plain = octets(&packet["plain"]);
            let protected = match packet["kind"].as_str().unwrap() {
                "rtp" => sender.protect_rtp(&plain),
                _ => sender.protect_rtcp(&plain),
            };
            assert_eq!(protected.unwrap(), octets(&packet["protected"]), "{name}");
        }
    }
}

#[test]
fn every_negative_packet_is_refused_and_changes_nothing() {
    let vectors = vectors();
    let negatives = vectors["negative"].as_array().unwrap();
    for negative in negatives {
        let name = negative["name"].as_str().unwrap();
        let kind = negative["kind"].as_str().unwrap();
        let mut receiver = Receiver::with(&vectors, &[negative["context"].as_str().unwrap()]);
        for first in negative["accept_first"].as_array().unwrap() {
            receiver.open(kind, &octets(first)).unwrap();
        }
        let error = receiver
            .open(kind, &octets(&negative["packet"]))
            .unwrap_err();
        assert_eq!(fault(&error), expected_fault(name), "{name}: {error}");
    }
    assert_eq!(negatives.len(), 61);
    println!("{} packets refused", negatives.len());
}

fn fault(error: &SrtpError) -> &'static str {
    match error {
        SrtpError::PeerTooShort { .. } => "short",
        SrtpError::PeerUnknownMki(_) => "mki",
        SrtpError::PeerAuthentication => "authentication",
        SrtpError::PeerReplay(_) => "replay",
        SrtpError::PeerTooOld { .. } => "old",
        SrtpError::PeerEncryptionBit => "e-bit",
        _ => "other",
    }
}

/// The reason for which each packet must fall, so that no check hides behind another.
fn expected_fault(name: &str) -> &'static str {
    match name {
        _ if name.contains("replay-window") => "old",
        _ if name.contains("replay") => "replay",
        "floor-e-bit-cleared" => "e-bit",
        "group-mki-of-other-sender" | "group-mki-gukid-altered" | "group-mki-gmkid-altered" => {
            "mki"
        }
        // Cut from the end, these packets show an MKI that nobody knows.
        "group-unprotected" | "group-truncated-after-tag" | "group-truncated-after-mki" => "mki",
        "group-truncated-inside-roc" | "group-one-octet-more" => "mki",
        "private-truncated-after-tag" | "cm-truncated-after-mki" | "cm-mki-after-tag" => "mki",
        "group-truncated-after-ciphertext" | "private-truncated-after-ciphertext" => "mki",
        "cm-truncated-after-ciphertext"
        | "floor-truncated-after-e_index"
        | "floor-truncated-after-tag" => "mki",
        "private-mki-altered" | "floor-mki-altered" | "floor-under-musik" | "cm-mki-altered" => {
            "mki"
        }
        "group-media-srtcp-as-cs6" => "mki",
        "group-truncated-after-header"
        | "group-truncated-inside-header"
        | "group-csrc-count-lies" => "short",
        "private-truncated-after-header"
        | "cm-truncated-after-header"
        | "floor-truncated-after-header" => "short",
        "cm-floor-truncated-after-header"
        | "floor-unprotected"
        | "floor-truncated-after-ciphertext" => "short",
        "cm-floor-truncated-after-ciphertext" | "cm-floor-truncated-after-e_index" => "short",
        "cm-floor-truncated-after-mki" => "mki",
        _ => "authentication",
    }
}

#[test]
fn an_altered_roc_leaves_the_stream_alone() {
    let vectors = vectors();
    let all = vectors["negative"].as_array().unwrap();
    let negative = all
        .iter()
        .find(|n| n["name"] == "group-roc-altered-after-good")
        .unwrap();
    let mut receiver = Receiver::with(&vectors, &["gmk-a"]);
    receiver
        .open("rtp", &octets(&negative["accept_first"][0]))
        .unwrap();
    let mut altered = octets(&negative["packet"]);
    assert_eq!(
        receiver.open("rtp", &altered),
        Err(SrtpError::PeerAuthentication)
    );
    let last = altered.len() - 1;
    altered[last] = 0;
    assert!(receiver.open("rtp", &altered).is_ok());
}

/// Group keys by (GMK-ID, GUK-ID), as the vectors list them.
struct Keys(HashMap<GroupMki, MasterKey>);

impl GroupKeys for Keys {
    fn may_receive(&self, gmk_id: roger_base::KeyId) -> bool {
        self.0.keys().any(|mki| mki.gmk_id == gmk_id)
    }
    fn media_key(&self, mki: GroupMki) -> Option<MasterKey> {
        self.0.get(&mki).cloned()
    }
}

#[test]
fn a_group_receiver_opens_every_group_packet() {
    let vectors = vectors();
    let mut keys = HashMap::new();
    for name in ["gmk-a", "gmk-b", "gmk2-a"] {
        let context = context(&vectors, name);
        keys.insert(
            GroupMki::from_octets(context.mki.octets()).unwrap(),
            context.master,
        );
    }
    let keys = Keys(keys);
    let mut count = 0;
    for case in vectors["cases"].as_array().unwrap() {
        if !names(case).iter().all(|name| name.starts_with("gmk")) {
            continue;
        }
        let mut receiver = GroupReceiver::new(roger_srtp::Profile::GROUP).unwrap();
        for packet in case["packets_in_receive_order"].as_array().unwrap() {
            let protected = octets(&packet["protected"]);
            let plain = match packet["kind"].as_str().unwrap() {
                "rtp" => receiver
                    .unprotect_rtp(&keys, &protected)
                    .map(|opened| opened.packet),
                _ => receiver
                    .unprotect_rtcp(&keys, &protected)
                    .map(|opened| opened.packet),
            };
            assert_eq!(plain.unwrap(), octets(&packet["plain"]), "{}", case["name"]);
            count += 1;
        }
    }
    assert_eq!(count, 31);
}

#[test]
fn session_keys_are_those_of_the_vectors() {
    let file: Value = serde_json::from_str(include_str!("vectors/kdf-srtp-session.json")).unwrap();
    let entries = file["srtp_session"].as_array().unwrap();
    for entry in entries {
        let master = roger_keys::MasterKey {
            key: octets(&entry["master_key"]).as_slice().try_into().unwrap(),
            salt: octets(&entry["master_salt"]).as_slice().try_into().unwrap(),
        };
        let keys = session_keys(&master).unwrap();
        assert_eq!(
            keys.srtp_key.expose()[..],
            octets(&entry["srtp_key"]),
            "{}",
            entry["name"]
        );
        assert_eq!(
            keys.srtp_salt.expose()[..],
            octets(&entry["srtp_salt"]),
            "{}",
            entry["name"]
        );
        assert_eq!(
            keys.srtcp_key.expose()[..],
            octets(&entry["srtcp_key"]),
            "{}",
            entry["name"]
        );
        assert_eq!(
            keys.srtcp_salt.expose()[..],
            octets(&entry["srtcp_salt"]),
            "{}",
            entry["name"]
        );
    }
    assert_eq!(entries.len(), 4);
}

/// The worked packets of the media digest: `F014`, then 00..1F.
#[test]
fn the_worked_packets_of_the_digest() {
    let vectors = vectors();
    let payload = [vec![0xF0, 0x14], (0..32).collect()].concat();
    let plain = [hex::decode("80E0123400000140A1B2C3D4").unwrap(), payload].concat();
    for (name, rest) in [
        (
            "gmk-a",
            "F2664A8EF786E891D42EDDCB0588D792CE296488C7F8441AAE74D911B03D5752233E\
             F69389FC1A65AFEFC1C128B527CDDD4A012345670 8C4458300000000",
        ),
        (
            "pck-caller",
            "59A068934804D91969254D8138C54B631657B04110DB00701DAF622F762753BBE4AA\
             057EB2FB4D7F3EACBC4E733484BBF17316992638",
        ),
    ] {
        let context = context(&vectors, name);
        let mut sender = SenderContext::new(context.profile, context.mki, &context.master).unwrap();
        let protected = sender.protect_rtp(&plain).unwrap();
        assert_eq!(hex::encode_upper(&protected[12..]), rest.replace(' ', ""));
    }
    assert!(Mki::new(&[]).is_ok());
}

#[test]
fn a_guess_for_people_finds_kind_and_profile_of_every_gcm_packet() {
    let vectors = vectors();
    let mut count = 0;
    for case in vectors["cases"].as_array().unwrap() {
        for packet in case["packets_in_receive_order"].as_array().unwrap() {
            let context = context(&vectors, packet["context"].as_str().unwrap());
            if context.profile.suite() != Suite::AeadAes128Gcm {
                continue;
            }
            let protected = octets(&packet["protected"]);
            let expected = match packet["kind"].as_str().unwrap() {
                "rtp" => Guess::Rtp(context.profile),
                _ => Guess::Rtcp(context.profile),
            };
            assert_eq!(guess(&protected), Some(expected), "{}", case["name"]);
            count += 1;
        }
    }
    assert_eq!(count, 61);
    assert_eq!(guess(&[]), None);
    assert_eq!(guess(&[0x80, 204, 0, 0, 0, 0, 0, 0]), None);
    assert_eq!(guess(&[0x80, 96, 0, 0, 0, 0, 0, 0]), None);
}
