//! What a sender makes, and what it refuses to make.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use roger_base::{GroupId, KmsUri, McpttId, NtpTime, PurposeTag, Random};
use roger_ibc::uid::KeyPeriod;
use roger_ibc::{KmsDomain, KmsMaster, UserKeySet};
use roger_keys::store::{KeyStatus, Stored};
use roger_keys::{CallSide, Gmk, GroupKeyStore, KeyMaterial, Mkfc, Mscck, Pck};
use roger_mikey::create::{Hiding, SakkeToSelf, SessionMap};
use roger_mikey::{
    Carriage, Context, CreateError, CreateGroupKey, CreateKeyDownload, CreateOptions,
    CreatePrivateCallKey, GroupKeyDistribution, IMessage, KeyParameters, Message, Receiver, Sender,
    Status,
};
use roger_testkit::SeededRandom;
use support::*;

fn parameters() -> KeyParameters {
    KeyParameters {
        groups: Some(vec![group()]),
        ..KeyParameters::new(PurposeTag::Gmk)
    }
}

struct Kms {
    master: KmsMaster,
}

impl Kms {
    fn new(uri: &str, period: u64, offset: u64, seed: u64) -> Self {
        let mut random = SeededRandom::new(seed);
        let period = KeyPeriod::new(period, offset).unwrap();
        let master = KmsMaster::generate(KmsUri::new(uri).unwrap(), period, &mut random).unwrap();
        Self { master }
    }

    fn domain(&self) -> &KmsDomain {
        self.master.domain()
    }

    fn key_set(&mut self, identity: &str, at: NtpTime) -> UserKeySet {
        let period = self.domain().key_period.number_at(at);
        let keys = self.master.issue(identity, period).unwrap();
        UserKeySet::validate(self.domain(), &keys).unwrap()
    }
}

/// Caller and callee under different KMSs with different key periods: each UID in its own (TS 33.180 cl. 5.2.7).
#[test]
fn crosses_two_kms_with_different_key_periods() {
    let mut one = Kms::new("kms.one.example", 2_592_000, 0, 1);
    let mut two = Kms::new("https://kms.two.example", 604_800, 86_400, 2);
    let caller = one.key_set(USER_1, NOW);
    let callee = [two.key_set(USER_2, NOW)];
    let mut random = SeededRandom::new(3);
    let pck = Pck::random(&mut random).unwrap();
    for hiding in [
        Hiding::Nobody,
        Hiding::Initiator,
        Hiding::Responder,
        Hiding::Both,
    ] {
        let options = CreateOptions {
            hiding,
            to_self: SakkeToSelf::Include,
            map: SessionMap::Generic,
        };
        let message = CreatePrivateCallKey {
            pck: &pck,
            caller: &caller,
            callee: &user(USER_2),
            callee_domain: two.domain(),
            parameters: Some(&KeyParameters::new(PurposeTag::Pck)),
            now: NOW,
            options,
        };
        let octets = message.build(&mut random).unwrap();
        let domains = [one.domain().clone()];
        let context = Context {
            key_sets: &callee,
            domains: &domains,
            sender: Sender::OneOf(&[USER_1]),
            carriage: Carriage::Live,
            now: later(5),
        };
        let opened = Receiver::default().open_pck(&octets, &context).unwrap();
        assert!(opened.key == pck && opened.signer.is(USER_1));
        let ours = pck.media_key(CallSide::Initiator);
        assert!(opened.key.media_key(CallSide::Receiver.peer()) == ours);

        let without = Context {
            domains: &[],
            ..context
        };
        assert!(Receiver::default().open_pck(&octets, &without).is_err());
        let own = [caller.clone()];
        let domains = [two.domain().clone()];
        let mine = Context {
            key_sets: &own,
            domains: &domains,
            ..context
        };
        let own = Receiver::default()
            .open_to_self(&octets, &mine, &[PurposeTag::Pck])
            .unwrap();
        assert!(own.key.secret() == pck.secret());
    }
}

/// A message made in the last second of a key period is opened with that period's keys, not with those of now.
#[test]
fn the_key_period_is_that_of_the_message() {
    let mut kms = Kms::new("kms.example.org", 1000, 0, 4);
    let last = NtpTime {
        seconds: 3_599_999,
        fraction: 0,
    };
    let first = NtpTime {
        seconds: 3_600_000,
        fraction: 0,
    };
    let caller = kms.key_set(USER_1, last);
    let mut random = SeededRandom::new(5);
    let pck = Pck::random(&mut random).unwrap();
    let callee = user(USER_2);
    let message = CreatePrivateCallKey {
        pck: &pck,
        caller: &caller,
        callee: &callee,
        callee_domain: kms.domain(),
        parameters: None,
        now: last,
        options: CreateOptions::PLAIN,
    };
    let octets = message.build(&mut random).unwrap();
    let late = CreatePrivateCallKey {
        now: first,
        ..message
    }
    .build(&mut random);
    let expected = CreateError::LocalSignerPeriod {
        identity: USER_1.to_owned(),
        held: 3599,
        needed: 3600,
    };
    assert_eq!(late, Err(expected));
    let domain = kms.domain().clone();
    let mut open = |at| {
        let key_sets = [kms.key_set(USER_2, at)];
        let context = Context {
            key_sets: &key_sets,
            domains: std::slice::from_ref(&domain),
            sender: Sender::OneOf(&[USER_1]),
            carriage: Carriage::Live,
            now: first,
        };
        Receiver::default().open_pck(&octets, &context).is_ok()
    };
    assert!(open(last));
    assert!(!open(first));
}

/// T is 64 bits of NTP: after 2036 the era is found again.
#[test]
fn a_message_of_the_next_ntp_era() {
    let after_2036 = NtpTime {
        seconds: (1 << 32) + 1000,
        fraction: 0,
    };
    let mut kms = Kms::new("kms.example.org", 2_592_000, 0, 6);
    let caller = kms.key_set(USER_1, after_2036);
    let key_sets = [kms.key_set(USER_2, after_2036)];
    let mut random = SeededRandom::new(7);
    let pck = Pck::random(&mut random).unwrap();
    let message = CreatePrivateCallKey {
        pck: &pck,
        caller: &caller,
        callee: &user(USER_2),
        callee_domain: kms.domain(),
        parameters: None,
        now: after_2036,
        options: CreateOptions::PLAIN,
    };
    let octets = message.build(&mut random).unwrap();
    let context = Context {
        key_sets: &key_sets,
        domains: &[],
        sender: Sender::OneOf(&[USER_1]),
        carriage: Carriage::Live,
        now: after_2036,
    };
    let opened = Receiver::default().open_pck(&octets, &context).unwrap();
    assert_eq!(opened.time, after_2036);
}

/// Each member gets its own message; all hold the same key and RAND and different GUK-IDs.
#[test]
fn one_gmk_to_all_members_and_its_revocation() {
    let mut kms = Kms::new("kms.example.org", 2_592_000, 0, 8);
    let gms = kms.key_set(GMS, NOW);
    let mut random = SeededRandom::new(9);
    let gmk = Gmk::random(&mut random).unwrap();
    let members: Vec<McpttId> = (0..5)
        .map(|n| user(&format!("sip:m{n}@mcptt.example.org")))
        .collect();
    let domain = kms.domain().clone();
    let parameters = parameters();
    let distribution = GroupKeyDistribution {
        gmk: &gmk,
        gms: &gms,
        parameters: &parameters,
        now: NOW,
        options: CreateOptions::GROUP_KEY,
    };
    let single = |member| (member, distribution.to(member, &domain).build(&mut random));
    let messages: Vec<_> = members.iter().map(single).collect();
    assert_eq!(messages.len(), 5);
    let mut guk_ids = Vec::new();
    for (member, octets) in messages {
        let key_sets = [kms.key_set(member.as_str(), NOW)];
        let context = Context {
            key_sets: &key_sets,
            domains: &[],
            sender: Sender::OneOf(&[GMS]),
            carriage: Carriage::Stored,
            now: NOW,
        };
        let mut receiver = Receiver::default();
        let opened = receiver.open_gmk(&octets.unwrap(), &context, None).unwrap();
        assert!(opened.group_key.gmk == gmk);
        assert_eq!(opened.guk_id, gmk.guk_id(member));
        guk_ids.push(opened.guk_id);
        let mut store = GroupKeyStore::default();
        assert_eq!(
            store.insert(opened.group_key, NOW.to_unix()),
            Ok(Stored::New)
        );
        assert!(store.sending(&group(), NOW.to_unix()).unwrap().gmk == gmk);

        let revoked = KeyParameters {
            status: Status::REVOKED,
            ..parameters.clone()
        };
        let message = CreateGroupKey {
            gmk: &gmk,
            member,
            member_domain: &domain,
            gms: &gms,
            parameters: &revoked,
            now: later(60),
            options: CreateOptions::PLAIN,
        };
        let octets = message.build(&mut random).unwrap();
        let context = Context {
            now: later(60),
            ..context
        };
        let opened = receiver.open_gmk(&octets, &context, None).unwrap();
        assert_eq!(opened.group_key.status, KeyStatus::Revoked);
        store.insert(opened.group_key, later(60).to_unix()).unwrap();
        assert!(store.sending(&group(), later(60).to_unix()).is_none());
    }
    guk_ids.sort();
    guk_ids.dedup();
    assert_eq!(guk_ids.len(), 5);
}

/// MKFC from the GMS, MSCCK from the server: the same machinery (TS 33.179 cl. 7.7, 9.4).
#[test]
fn keys_of_release_13_travel_the_same_way() {
    let mut random = SeededRandom::new(10);
    let mkfc = Mkfc::random(&mut random).unwrap();
    let mscck = Mscck::random(&mut random).unwrap();
    let groups = Some(vec![group()]);
    let about = KeyParameters {
        groups,
        ..KeyParameters::new(PurposeTag::Mkfc)
    };
    let cases: [(&KeyMaterial, &str, Option<&KeyParameters>); 2] = [
        (mkfc.material(), GMS, Some(&about)),
        (mscck.material(), SERVER, None),
    ];
    for (key, server, parameters) in cases {
        for map in [SessionMap::Empty, SessionMap::Generic] {
            let message = CreateKeyDownload {
                key,
                server: &key_set(server),
                user: &user(USER_1),
                user_domain: domain(),
                parameters,
                now: NOW,
                options: CreateOptions {
                    map,
                    ..CreateOptions::PLAIN
                },
            };
            let octets = message.build(&mut random).unwrap();
            let key_sets = [key_set(USER_1)];
            let context = Context {
                key_sets: &key_sets,
                domains: &[],
                sender: Sender::OneOf(&[server]),
                carriage: Carriage::Live,
                now: NOW,
            };
            let purposes = [PurposeTag::Mkfc, PurposeTag::Mscck];
            let opened = Receiver::default()
                .open_key(&octets, &context, &purposes)
                .unwrap();
            assert!(opened.key == *key);
            assert_eq!(opened.parameters.as_ref(), parameters);
        }
    }
}

#[test]
fn a_download_of_a_key_that_is_not_downloaded() {
    let mut random = SeededRandom::new(11);
    let pck = Pck::random(&mut random).unwrap();
    let message = CreateKeyDownload {
        key: pck.material(),
        server: &key_set(SERVER),
        user: &user(USER_1),
        user_domain: domain(),
        parameters: None,
        now: NOW,
        options: CreateOptions::PLAIN,
    };
    let refused = CreateError::LocalPurpose(PurposeTag::Pck);
    assert_eq!(message.build(&mut random), Err(refused));
}

#[test]
fn what_cannot_be_said_or_signed_is_not_sent() {
    let mut random = SeededRandom::new(12);
    let gmk = Gmk::random(&mut random).unwrap();
    let gms = key_set(GMS);
    let build = |parameters: &KeyParameters, random: &mut dyn Random| {
        let message = CreateGroupKey {
            gmk: &gmk,
            member: &user(USER_1),
            member_domain: domain(),
            gms: &gms,
            parameters,
            now: NOW,
            options: CreateOptions::GROUP_KEY,
        };
        message.build(random).err()
    };
    let wrong = KeyParameters::new(PurposeTag::Pck);
    let expected = CreateError::LocalKeyType {
        expected: PurposeTag::Gmk,
        found: 1,
    };
    assert_eq!(build(&wrong, &mut random), Some(expected));
    let long = KeyParameters {
        text: "x".repeat(65_536),
        ..parameters()
    };
    assert!(matches!(
        build(&long, &mut random),
        Some(CreateError::LocalSeal(_))
    ));
    let many = vec![GroupId::new(format!("sip:{}@x", "g".repeat(1000))).unwrap(); 64];
    let many = KeyParameters {
        groups: Some(many),
        ..parameters()
    };
    assert!(matches!(
        build(&many, &mut random),
        Some(CreateError::LocalTooLong(_))
    ));
    assert!(matches!(
        build(&parameters(), &mut Script::new(&[])),
        Some(CreateError::LocalSeal(_))
    ));
    let only_iv = &mut Script::new(&[&Script::iv()]);
    assert!(matches!(
        build(&parameters(), only_iv),
        Some(CreateError::LocalRandom(_))
    ));
    assert_eq!(build(&parameters(), &mut random), None);
}

/// The order of the payloads of a message with everything in it (TS 33.180 cl. E.1.2).
#[test]
fn everything_at_once_in_the_usual_order() {
    let mut random = SeededRandom::new(13);
    let gmk = Gmk::random(&mut random).unwrap();
    let message = CreateGroupKey {
        gmk: &gmk,
        member: &user(USER_1),
        member_domain: domain(),
        gms: &key_set(GMS),
        parameters: &parameters(),
        now: NOW,
        options: CreateOptions {
            to_self: SakkeToSelf::Include,
            ..CreateOptions::GROUP_KEY
        },
    };
    let octets = message.build(&mut random).unwrap();
    let decoded = Message::decode(&octets).unwrap();
    let types: Vec<u8> = decoded
        .body
        .payloads
        .iter()
        .map(|p| p.payload_type() as u8)
        .collect();
    assert_eq!(types, [5, 11, 14, 14, 14, 14, 10, 26, 21, 21]);
    assert!(
        IMessage::new(&decoded, Default::default())
            .unwrap()
            .sakke_to_self
            .is_some()
    );
}
