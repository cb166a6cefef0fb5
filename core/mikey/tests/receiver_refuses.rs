//! Every check of the receiver procedure has a message that fails just this check (TS 33.180 cl. 5.2).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use core::time::Duration;
use roger_base::{GroupId, KeyId, KmsUri, PurposeTag, UnixTime};
use roger_ibc::{KmsDomain, UserKeySet};
use roger_keys::store::KeyStatus;
use roger_keys::{Gmk, KeyMaterial, Pck};
use roger_mikey::create::{Envelope, Hiding, SakkeToSelf};
use roger_mikey::open::ReceiverSettings;
use roger_mikey::payload::{
    CsIdMap, GenericSession, Payload, Role, SecurityPolicy, Timestamp, parameter,
};
use roger_mikey::profile::{CipherSuite, ProfileError, RocTransport, gmk_policy, pck_policy};
use roger_mikey::{
    Body, Carriage, Compatibility, Context, CreateOptions, KeyParameters, OpenError, Party,
    PayloadError, ProtectedPayload, Receiver, Sender, Status, StructureError,
};
use support::*;

const GMK: &str = "GMK, GENERIC-ID";

struct Member {
    key_sets: Vec<UserKeySet>,
    domains: Vec<KmsDomain>,
}

impl Member {
    fn user_1() -> Self {
        Self {
            key_sets: vec![key_set(USER_1)],
            domains: Vec::new(),
        }
    }

    fn user_2() -> Self {
        Self {
            key_sets: vec![key_set(USER_2)],
            domains: Vec::new(),
        }
    }

    fn context<'a>(&'a self, senders: &'a [&'a str]) -> Context<'a> {
        Context {
            key_sets: &self.key_sets,
            domains: &self.domains,
            sender: Sender::OneOf(senders),
            carriage: Carriage::Live,
            now: NOW,
        }
    }

    fn gmk_error(&self, octets: &[u8]) -> OpenError {
        let context = self.context(&[GMS]);
        Receiver::default()
            .open_gmk(octets, &context, None)
            .err()
            .unwrap()
    }

    fn pck_error(&self, octets: &[u8]) -> OpenError {
        let context = self.context(&[USER_1]);
        Receiver::default()
            .open_pck(octets, &context)
            .err()
            .unwrap()
    }
}

/// The GMK message of the vectors with a change, signed again by the GMS.
fn gmk_with(change: impl FnOnce(&mut Body)) -> Vec<u8> {
    altered(GMK, &key_set(GMS), change)
}

fn pck_with(change: impl FnOnce(&mut Body)) -> Vec<u8> {
    altered("PCK", &key_set(USER_1), change)
}

fn identity(body: &mut Body, role: Role) -> &mut Vec<u8> {
    let found = body.payloads.iter_mut().find_map(|payload| match payload {
        Payload::Identity(identity) if identity.role == role => Some(&mut identity.data),
        _ => None,
    });
    found.unwrap()
}

/// A GMK message built with these parameters.
fn gmk_saying(parameters: &KeyParameters) -> Vec<u8> {
    let material = material(vector(GMK));
    let envelope = Envelope {
        key: &material,
        csb_id: material.id(),
        signer: &key_set(GMS),
        receiver: USER_1,
        receiver_domain: domain(),
        sessions: Vec::new(),
        parameters: Some(parameters),
        now: NOW,
        options: CreateOptions::PLAIN,
    };
    envelope
        .build(&mut Script::new(&[&Script::iv(), &Script::j()]))
        .unwrap()
}

fn parameters() -> KeyParameters {
    KeyParameters {
        groups: Some(vec![group()]),
        ..KeyParameters::new(PurposeTag::Gmk)
    }
}

#[test]
fn the_unaltered_messages_open_so_the_refusals_below_mean_something() {
    let member = Member::user_1();
    let resigned = gmk_with(|_| {});
    assert!(
        Receiver::default()
            .open_gmk(&resigned, &member.context(&[GMS]), None)
            .is_ok()
    );
    let said = gmk_saying(&parameters());
    assert!(
        Receiver::default()
            .open_gmk(&said, &member.context(&[GMS]), None)
            .is_ok()
    );
    let callee = Member::user_2();
    assert!(
        Receiver::default()
            .open_pck(&pck_with(|_| {}), &callee.context(&[USER_1]))
            .is_ok()
    );
}

#[test]
fn a_truncated_message() {
    let octets = message(GMK);
    for length in 0..octets.len() {
        let error = Member::user_1().gmk_error(&octets[..length]);
        assert!(
            matches!(error, OpenError::PeerMalformed(_)),
            "{length}: {error}"
        );
    }
}

#[test]
fn one_altered_bit_anywhere() {
    let octets = message(GMK);
    let member = Member::user_1();
    let context = Context {
        sender: Sender::DecidedLater,
        ..member.context(&[])
    };
    // Header and identities octet by octet, the long fields in steps.
    for at in (0..200).chain((200..octets.len()).step_by(7)) {
        let mut altered = octets.clone();
        altered[at] ^= 1 << (at % 8);
        assert!(
            Receiver::default()
                .open_gmk(&altered, &context, None)
                .is_err(),
            "octet {at}"
        );
    }
}

#[test]
fn a_message_without_a_part() {
    let octets = gmk_with(|body| body.payloads.retain(|p| !matches!(p, Payload::Rand(_))));
    assert!(matches!(
        Member::user_1().gmk_error(&octets),
        OpenError::PeerStructure(_)
    ));
}

#[test]
fn a_key_for_another_procedure() {
    let member = Member::user_1();
    let context = member.context(&[GMS, USER_1]);
    let error = Receiver::default()
        .open_pck(&message(GMK), &context)
        .err()
        .unwrap();
    let id = KeyId::from(0x08C4_4583);
    assert_eq!(
        error,
        OpenError::PeerPurpose {
            id,
            found: PurposeTag::Gmk
        }
    );
    let error = Receiver::default()
        .open_gmk(&message("PCK"), &context, None)
        .err()
        .unwrap();
    let id = KeyId::from(0x1699_2638);
    assert_eq!(
        error,
        OpenError::PeerPurpose {
            id,
            found: PurposeTag::Pck
        }
    );
}

#[test]
fn a_reserved_purpose_tag() {
    let octets = pck_with(|body| body.header.csb_id = KeyId::from(0x7699_2638));
    let error = Member::user_2().pck_error(&octets);
    assert!(matches!(
        error,
        OpenError::PeerStructure(StructureError::CsbId(_))
    ));
}

#[test]
fn the_same_message_twice_unless_it_was_stored() {
    let member = Member::user_1();
    let context = member.context(&[GMS]);
    let mut receiver = Receiver::default();
    let octets = message(GMK);
    assert!(!receiver.has_processed(&octets));
    assert!(receiver.open_gmk(&octets, &context, None).is_ok());
    assert!(receiver.has_processed(&octets));
    let again = receiver.open_gmk(&octets, &context, None);
    assert_eq!(again.err(), Some(OpenError::PeerReplayed));
    let stored = Context {
        carriage: Carriage::Stored,
        ..context
    };
    assert!(receiver.open_gmk(&octets, &stored, None).is_ok());
    assert!(receiver.open_gmk(&octets, &stored, None).is_ok());
}

#[test]
fn as_many_messages_as_the_settings_say_are_remembered() {
    let member = Member::user_1();
    let context = member.context(&[GMS]);
    for remembered in [1, 2] {
        let mut receiver = Receiver::new(ReceiverSettings {
            remembered,
            ..ReceiverSettings::default()
        });
        for octets in [message(GMK), gmk_saying(&parameters())] {
            assert!(receiver.open_gmk(&octets, &context, None).is_ok());
        }
        assert_eq!(receiver.remembered(), remembered);
    }
}

/// ECCSI signatures have a twin: s and q - s both verify. A replay with the twin must not pass as new.
#[test]
fn the_same_message_under_the_twin_of_its_signature() {
    const ORDER: &str = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";
    let octets = message(GMK);
    let s_at = octets.len() - 129 + 32;
    let mut twin = octets.clone();
    let mut borrow = 0i32;
    for (n, order) in hex::decode(ORDER).unwrap().iter().enumerate().rev() {
        let digit = i32::from(*order) - i32::from(octets[s_at + n]) - borrow;
        borrow = i32::from(digit < 0);
        twin[s_at + n] = (digit & 0xFF) as u8;
    }
    assert_ne!(twin, octets);
    let member = Member::user_1();
    let context = member.context(&[GMS]);
    assert!(
        Receiver::default().open_gmk(&twin, &context, None).is_ok(),
        "the twin verifies"
    );
    let mut receiver = Receiver::default();
    receiver.open_gmk(&octets, &context, None).unwrap();
    let replay = receiver.open_gmk(&twin, &context, None);
    assert_eq!(replay.err(), Some(OpenError::PeerReplayed));
}

#[test]
fn a_refused_message_is_not_remembered() {
    let member = Member::user_1();
    let mut receiver = Receiver::default();
    let octets = message(GMK);
    assert!(
        receiver
            .open_gmk(&octets, &member.context(&[SERVER]), None)
            .is_err()
    );
    assert!(!receiver.has_processed(&octets));
    assert!(
        receiver
            .open_gmk(&octets, &member.context(&[GMS]), None)
            .is_ok()
    );
}

#[test]
fn a_live_message_outside_the_skew_window() {
    let member = Member::user_1();
    let at = |seconds| {
        let context = Context {
            now: later(seconds),
            ..member.context(&[GMS])
        };
        Receiver::default()
            .open_gmk(&message(GMK), &context, None)
            .err()
    };
    assert_eq!(at(600), None);
    assert_eq!(at(-600), None);
    assert_eq!(
        at(601),
        Some(OpenError::PeerTooOld {
            time: NOW,
            now: later(601)
        })
    );
    assert_eq!(
        at(-601),
        Some(OpenError::PeerFromFuture {
            time: NOW,
            now: later(-601)
        })
    );
}

#[test]
fn a_stored_message_older_than_two_key_periods_or_from_the_future() {
    let member = Member::user_1();
    let said = gmk_saying(&parameters());
    let at = |seconds| {
        let carriage = Carriage::Stored;
        let context = Context {
            now: later(seconds),
            carriage,
            ..member.context(&[GMS])
        };
        Receiver::default().open_gmk(&said, &context, None).err()
    };
    assert_eq!(at(2 * 2_592_000), None);
    let now = later(2 * 2_592_000 + 1);
    assert_eq!(
        at(2 * 2_592_000 + 1),
        Some(OpenError::PeerTooOld { time: NOW, now })
    );
    assert_eq!(
        at(-601),
        Some(OpenError::PeerFromFuture {
            time: NOW,
            now: later(-601)
        })
    );
}

#[test]
fn a_timestamp_that_is_not_utc() {
    let octets = gmk_with(|body| body.payloads[0] = Payload::Timestamp(Timestamp::Ntp(NOW.wire())));
    let expected = OpenError::PeerStructure(StructureError::TimestampType(1));
    assert_eq!(Member::user_1().gmk_error(&octets), expected);
}

#[test]
fn a_kms_without_a_certificate() {
    for role in [Role::InitiatorKms, Role::ResponderKms] {
        let octets = gmk_with(|body| *identity(body, role) = b"kms.example.com".to_vec());
        let kms = KmsUri::new("kms.example.com").unwrap();
        assert_eq!(
            Member::user_1().gmk_error(&octets),
            OpenError::PeerUnknownKms(kms)
        );
    }
}

#[test]
fn a_message_for_somebody_else() {
    let error = Member::user_2().gmk_error(&message(GMK));
    assert_eq!(
        error,
        OpenError::PeerNotForMe(Party::Named(USER_1.to_owned()))
    );
    let error = Member::user_2().gmk_error(&message("GMK, empty map"));
    assert!(matches!(error, OpenError::PeerNotForMe(Party::Hidden(_))));
}

/// Spelling counts: identities are compared octet by octet.
#[test]
fn a_message_for_my_name_in_other_letters() {
    let octets = gmk_with(|body| {
        *identity(body, Role::Responder) = USER_1.to_uppercase().into_bytes();
    });
    assert!(matches!(
        Member::user_1().gmk_error(&octets),
        OpenError::PeerNotForMe(_)
    ));
}

#[test]
fn a_message_of_a_key_period_whose_keys_are_not_held() {
    let member = Member::user_1();
    let octets = gmk_with(|body| {
        body.payloads[0] = Payload::Timestamp(Timestamp::new(later(2_592_000)));
    });
    let context = Context {
        now: later(2_592_000),
        ..member.context(&[GMS])
    };
    let error = Receiver::default()
        .open_gmk(&octets, &context, None)
        .err()
        .unwrap();
    let kms = KmsUri::new("kms.example.org").unwrap();
    let identity = USER_1.to_owned();
    assert_eq!(
        error,
        OpenError::LocalKeySetMissing {
            identity,
            kms,
            period: 1389
        }
    );
}

#[test]
fn a_sender_who_is_not_authorised() {
    let member = Member::user_1();
    let context = member.context(&[SERVER, USER_2]);
    let error = Receiver::default()
        .open_gmk(&message(GMK), &context, None)
        .err()
        .unwrap();
    assert_eq!(error, OpenError::DeniedSender(Party::Named(GMS.to_owned())));
    let hidden = message("GMK, empty map");
    let error = Receiver::default()
        .open_gmk(&hidden, &context, Some(&group()))
        .err()
        .unwrap();
    assert!(matches!(error, OpenError::DeniedSender(Party::Hidden(_))));
}

#[test]
fn a_hidden_initiator_is_someone_only_after_comparison() {
    let member = Member::user_1();
    let context = Context {
        sender: Sender::DecidedLater,
        ..member.context(&[])
    };
    let hidden = message("GMK, empty map");
    let opened = Receiver::default()
        .open_gmk(&hidden, &context, Some(&group()))
        .unwrap();
    assert!(matches!(opened.signer.party, Party::Hidden(_)));
    assert!(opened.signer.clone().require(USER_2).is_err());
    assert_eq!(
        opened.signer.require(GMS).unwrap().party,
        Party::Named(GMS.to_owned())
    );
}

/// IDRi says GMS, but a user signed.
#[test]
fn rejects_gmk_signed_by_a_user() {
    let octets = altered(GMK, &key_set(USER_2), |_| {});
    assert!(matches!(
        Member::user_1().gmk_error(&octets),
        OpenError::PeerSignature(_)
    ));
}

#[test]
fn rejects_gmk_that_names_a_user_as_its_sender() {
    let octets = altered(GMK, &key_set(USER_2), |body| {
        *identity(body, Role::Initiator) = USER_2.as_bytes().to_vec();
    });
    let denied = OpenError::DeniedSender(Party::Named(USER_2.to_owned()));
    assert_eq!(Member::user_1().gmk_error(&octets), denied);
}

#[test]
fn a_signature_that_leaves_out_its_length_unless_switched_on() {
    let body = roger_mikey::Message::decode(&message(GMK)).unwrap().body;
    let mut octets = body.signed_octets().unwrap();
    let shorter = &octets[..octets.len() - 2];
    let mut script = Script::new(&[&Script::j()]);
    let signature = key_set(GMS).signing.sign(shorter, &mut script).unwrap();
    octets.extend(signature.as_octets());
    let member = Member::user_1();
    assert!(matches!(
        member.gmk_error(&octets),
        OpenError::PeerSignature(_)
    ));
    let mut compatibility = Compatibility::NONE;
    compatibility.signature_without_length = true;
    let settings = ReceiverSettings {
        compatibility,
        ..ReceiverSettings::default()
    };
    let mut receiver = Receiver::new(settings);
    assert!(
        receiver
            .open_gmk(&octets, &member.context(&[GMS]), None)
            .is_ok()
    );
    let forged = altered(GMK, &key_set(USER_2), |_| {});
    assert!(
        receiver
            .open_gmk(&forged, &member.context(&[GMS]), None)
            .is_err()
    );
}

#[test]
fn a_key_encapsulated_to_somebody_else() {
    let other = roger_mikey::Message::decode(&message("PCK")).unwrap().body;
    let foreign = other
        .payloads
        .into_iter()
        .find(|p| matches!(p, Payload::Sakke(_)))
        .unwrap();
    let octets = gmk_with(|body| {
        let sakke = body
            .payloads
            .iter_mut()
            .find(|p| matches!(p, Payload::Sakke(_)));
        *sakke.unwrap() = foreign;
    });
    assert_eq!(Member::user_1().gmk_error(&octets), OpenError::PeerSakke);
}

#[test]
fn a_message_without_sakke_to_self_for_another_device() {
    let member = Member::user_1();
    let context = member.context(&[]);
    let error = Receiver::default().open_to_self(&message("CSK"), &context, &[PurposeTag::Csk]);
    assert_eq!(error.err(), Some(OpenError::PeerNoSakkeToSelf));
}

/// A GMS's other device cannot tell the GMK-ID of a hidden member.
#[test]
fn a_group_key_to_self_for_a_hidden_member() {
    let material = material(vector(GMK));
    let gms = Member {
        key_sets: vec![key_set(GMS)],
        domains: Vec::new(),
    };
    let build = |hiding| {
        let options = CreateOptions {
            hiding,
            to_self: SakkeToSelf::Include,
            ..CreateOptions::PLAIN
        };
        let envelope = Envelope {
            key: &material,
            csb_id: material.id(),
            signer: &key_set(GMS),
            receiver: USER_1,
            receiver_domain: domain(),
            sessions: Vec::new(),
            parameters: None,
            now: NOW,
            options,
        };
        let octets = envelope.build(&mut Script::new(&[&Script::j()])).unwrap();
        Receiver::default().open_to_self(&octets, &gms.context(&[]), &[PurposeTag::Gmk])
    };
    assert_eq!(
        build(Hiding::Responder).err(),
        Some(OpenError::LocalHiddenMember)
    );
    let opened = build(Hiding::Nobody).unwrap();
    assert_eq!(opened.key.id().to_string(), "01234567");
}

#[test]
fn an_spi_that_is_not_the_mki() {
    let spi = |body: &mut Body, octets: &[u8]| {
        let CsIdMap::GenericId(sessions) = &mut body.header.map else {
            panic!("no GENERIC-ID map");
        };
        sessions[0].spi = octets.to_vec();
    };
    let gmk_id = KeyId::from(0x0123_4567);
    let octets = gmk_with(|body| spi(body, &[0x01, 0x23, 0x45, 0x67, 0x08, 0xC4, 0x45, 0x84]));
    assert_eq!(
        Member::user_1().gmk_error(&octets),
        OpenError::PeerSpi(gmk_id)
    );
    let octets = gmk_with(|body| spi(body, &gmk_id.octets()));
    assert_eq!(
        Member::user_1().gmk_error(&octets),
        OpenError::PeerSpi(gmk_id)
    );
    let session = GenericSession {
        cs_id: 0,
        protocol: 0,
        s: false,
        policies: Vec::new(),
        session_data: Vec::new(),
        spi: vec![0x16, 0x99, 0x26, 0x39],
    };
    let octets = pck_with(|body| body.header.map = CsIdMap::GenericId(vec![session]));
    let pck_id = KeyId::from(0x1699_2638);
    assert_eq!(
        Member::user_2().pck_error(&octets),
        OpenError::PeerSpi(pck_id)
    );
}

fn with_policy(policy: SecurityPolicy) -> Vec<u8> {
    gmk_with(|body| {
        let found = body
            .payloads
            .iter_mut()
            .find(|p| matches!(p, Payload::SecurityPolicy(_)));
        *found.unwrap() = Payload::SecurityPolicy(policy);
    })
}

fn changed(kind: u8, value: u8) -> SecurityPolicy {
    let mut policy = gmk_policy();
    policy.parameters.retain(|parameter| parameter.kind != kind);
    policy
        .parameters
        .extend(SecurityPolicy::srtp(0, &[(kind, value)]).parameters);
    policy
}

#[test]
fn a_policy_with_another_cipher_key_salt_or_tag_length_unless_enabled() {
    let suite = CipherSuite::AEAD_AES_128_GCM;
    let cases = [
        (
            parameter::ENCRYPTION,
            0,
            CipherSuite {
                encryption: 0,
                ..suite
            },
        ),
        (
            parameter::ENCRYPTION,
            1,
            CipherSuite {
                encryption: 1,
                ..suite
            },
        ),
        (
            parameter::ENCRYPTION_KEY_LENGTH,
            32,
            CipherSuite {
                key_length: 32,
                ..suite
            },
        ),
        (
            parameter::SALT_LENGTH,
            14,
            CipherSuite {
                salt_length: 14,
                ..suite
            },
        ),
        (
            parameter::AEAD_TAG_LENGTH,
            8,
            CipherSuite {
                tag_length: 8,
                ..suite
            },
        ),
    ];
    let member = Member::user_1();
    for (kind, value, suite) in cases {
        let octets = with_policy(changed(kind, value));
        let refused = OpenError::PeerProfile(ProfileError::Suite(suite));
        assert_eq!(member.gmk_error(&octets), refused);
        let settings = ReceiverSettings {
            suites: vec![suite],
            ..ReceiverSettings::default()
        };
        let opened = Receiver::new(settings).open_gmk(&octets, &member.context(&[GMS]), None);
        assert_eq!(opened.unwrap().profile.suite, suite);
    }
}

#[test]
fn a_policy_that_switches_protection_off_or_asks_for_what_is_not_done() {
    let cases = [
        (parameter::SRTP_ENCRYPTION, 0),
        (parameter::SRTCP_ENCRYPTION, 0),
        (parameter::SRTP_AUTHENTICATION, 0),
        (parameter::PRF, 1),
        (parameter::KEY_DERIVATION_RATE, 3),
        (parameter::ROC_RATE, 2),
        (parameter::SRTP_TAG_LENGTH, 10),
        (parameter::SRTCP_TAG_LENGTH, 4),
    ];
    for (kind, value) in cases {
        let error = Member::user_1().gmk_error(&with_policy(changed(kind, value)));
        assert_eq!(
            error,
            OpenError::PeerProfile(ProfileError::Parameter { kind })
        );
    }
}

#[test]
fn a_policy_that_says_a_thing_twice_or_with_a_value_too_large() {
    let mut twice = gmk_policy();
    twice
        .parameters
        .extend(SecurityPolicy::srtp(0, &[(parameter::ENCRYPTION, 6)]).parameters);
    let mut large = gmk_policy();
    large.parameters[0].value = vec![1, 6];
    let mut empty = gmk_policy();
    empty.parameters[0].value = Vec::new();
    for policy in [twice, large, empty] {
        let error = Member::user_1().gmk_error(&with_policy(policy));
        let kind = parameter::ENCRYPTION;
        assert_eq!(
            error,
            OpenError::PeerProfile(ProfileError::Parameter { kind })
        );
    }
    let mut wide = gmk_policy();
    wide.parameters[0].value = vec![0, 0, 6];
    let member = Member::user_1();
    let octets = with_policy(wide);
    assert!(
        Receiver::default()
            .open_gmk(&octets, &member.context(&[GMS]), None)
            .is_ok()
    );
}

#[test]
fn a_policy_for_another_protocol() {
    let policy = SecurityPolicy {
        protocol: 1,
        ..gmk_policy()
    };
    let error = Member::user_1().gmk_error(&with_policy(policy));
    assert_eq!(error, OpenError::PeerProfile(ProfileError::Protocol(0)));
}

#[test]
fn the_policy_decides_on_the_roc_and_a_missing_rate_means_every_packet() {
    let member = Member::user_1();
    let roc = |policy| {
        let octets = with_policy(policy);
        let opened = Receiver::default().open_gmk(&octets, &member.context(&[GMS]), None);
        opened.unwrap().profile.roc
    };
    assert_eq!(roc(pck_policy()), RocTransport::None);
    let mut policy = gmk_policy();
    policy
        .parameters
        .retain(|parameter| parameter.kind != parameter::ROC_RATE);
    assert_eq!(roc(policy), RocTransport::EveryPacket);
}

/// A 33.179 V13.4.0 product sends the GMK table with keys that only protect SRTCP.
#[test]
fn a_key_for_srtcp_only_has_no_roc_whatever_its_policy_says() {
    let octets = altered("CSK", &key_set(USER_1), |body| {
        body.payloads
            .insert(6, Payload::SecurityPolicy(gmk_policy()));
    });
    let server = Member {
        key_sets: vec![key_set(SERVER)],
        domains: Vec::new(),
    };
    let opened = Receiver::default()
        .open_csk(&octets, &server.context(&[USER_1]))
        .unwrap();
    assert_eq!(opened.profile.roc, RocTransport::None);
}

/// Replaces the container of the key parameters and signs again.
fn with_container(change: impl FnOnce(&mut ProtectedPayload)) -> Vec<u8> {
    gmk_with(|body| {
        let found = body.payloads.iter_mut().find_map(|payload| match payload {
            Payload::GeneralExtension(extension) if extension.kind == 7 => Some(extension),
            _ => None,
        });
        let extension = found.unwrap();
        let mut container = ProtectedPayload::decode(&extension.data).unwrap();
        change(&mut container);
        extension.data = container.encode().unwrap();
    })
}

fn payload_error(octets: &[u8]) -> PayloadError {
    match Member::user_1().gmk_error(octets) {
        OpenError::PeerKeyParameters(error) => error,
        other => panic!("{other}"),
    }
}

#[test]
fn key_parameters_that_do_not_belong_to_the_key() {
    let error = payload_error(&with_container(|container| container.algorithm = 2));
    assert_eq!(error, PayloadError::Algorithm(2));
    let found = KeyId::from(0x08C4_4584);
    let error = payload_error(&with_container(|container| container.dppk_id = found));
    assert_eq!(
        error,
        PayloadError::DppkId {
            expected: KeyId::from(0x08C4_4583),
            found
        }
    );
    let altered: [fn(&mut ProtectedPayload); 6] = [
        |container| container.ciphertext[0] ^= 1,
        |container| *container.ciphertext.last_mut().unwrap() ^= 1,
        |container| container.iv[15] ^= 1,
        |container| container.time = UnixTime(1),
        |container| container.payload_id = 1,
        |container| container.message_type = 0x03,
    ];
    for change in altered {
        let error = payload_error(&with_container(change));
        assert!(matches!(error, PayloadError::Decrypt(_)), "{error}");
    }
    let error = payload_error(&with_container(|container| {
        container.ciphertext.truncate(15)
    }));
    assert!(matches!(error, PayloadError::Decrypt(_)));
}

#[test]
fn key_parameters_that_decrypt_to_nonsense() {
    let material = material(vector(GMK));
    let error = payload_error(&with_container(|container| {
        let dpck = roger_keys::payload::dpck(material.secret(), material.id());
        let aad = container.additional_data();
        container.ciphertext = roger_keys::gcm::seal(&dpck, &container.iv, &aad, &[0; 9]).unwrap();
    }));
    assert!(matches!(error, PayloadError::Content(_)));
}

#[test]
fn the_iei_of_the_ciphertext_is_not_looked_at() {
    let member = Member::user_1();
    let octets = with_container(|container| container.iei = 0);
    assert!(
        Receiver::default()
            .open_gmk(&octets, &member.context(&[GMS]), None)
            .is_ok()
    );
}

#[test]
fn key_parameters_of_another_kind_of_key() {
    let material = material(vector(GMK));
    let other = KeyParameters::new(PurposeTag::Musik);
    let octets = gmk_with(|body| {
        let mut script = Script::new(&[&Script::iv()]);
        let now = NOW.to_unix();
        let sealed =
            ProtectedPayload::seal(&other, material.secret(), material.id(), now, &mut script);
        let Some(Payload::GeneralExtension(extension)) = body.payloads.last_mut() else {
            panic!("no extension");
        };
        extension.data = sealed.unwrap().encode().unwrap();
    });
    let expected = OpenError::PeerKeyType {
        expected: PurposeTag::Gmk,
        found: 6,
    };
    assert_eq!(Member::user_1().gmk_error(&octets), expected);
}

#[test]
fn an_expired_key() {
    let expiry = NOW.to_unix();
    let octets = gmk_saying(&KeyParameters {
        expiry: Some(expiry),
        ..parameters()
    });
    let expected = OpenError::PeerExpired {
        id: KeyId::from(0x0123_4567),
        expiry,
    };
    assert_eq!(Member::user_1().gmk_error(&octets), expected);
    let expiry = expiry + Duration::from_secs(1);
    let octets = gmk_saying(&KeyParameters {
        expiry: Some(expiry),
        ..parameters()
    });
    let member = Member::user_1();
    assert!(
        Receiver::default()
            .open_gmk(&octets, &member.context(&[GMS]), None)
            .is_ok()
    );
}

#[test]
fn a_revoked_group_key_is_handed_to_the_store_as_revoked() {
    let revoked = KeyParameters {
        status: Status::REVOKED,
        ..parameters()
    };
    let member = Member::user_1();
    let opened = Receiver::default().open_gmk(&gmk_saying(&revoked), &member.context(&[GMS]), None);
    assert_eq!(opened.unwrap().group_key.status, KeyStatus::Revoked);
    let old = KeyParameters {
        expiry: Some(UnixTime(5)),
        ..revoked
    };
    let opened = Receiver::default().open_gmk(&gmk_saying(&old), &member.context(&[GMS]), None);
    assert_eq!(opened.unwrap().group_key.status, KeyStatus::Revoked);
}

#[test]
fn any_other_revoked_key() {
    let material: KeyMaterial = Pck::try_from(material(vector("PCK"))).unwrap().into();
    let revoked = KeyParameters {
        status: Status(2),
        ..KeyParameters::new(PurposeTag::Pck)
    };
    let envelope = Envelope {
        key: &material,
        csb_id: material.id(),
        signer: &key_set(USER_1),
        receiver: USER_2,
        receiver_domain: domain(),
        sessions: Vec::new(),
        parameters: Some(&revoked),
        now: NOW,
        options: CreateOptions::PLAIN,
    };
    let octets = envelope
        .build(&mut Script::new(&[&Script::iv(), &Script::j()]))
        .unwrap();
    assert_eq!(
        Member::user_2().pck_error(&octets),
        OpenError::PeerRevoked(material.id())
    );
}

#[test]
fn a_group_key_without_a_group_or_for_another_one() {
    let octets = gmk_saying(&KeyParameters::new(PurposeTag::Gmk));
    let id = KeyId::from(0x0123_4567);
    assert_eq!(
        Member::user_1().gmk_error(&octets),
        OpenError::PeerNoGroup(id)
    );
    let hidden = message("GMK, empty map");
    assert_eq!(
        Member::user_1().gmk_error(&hidden),
        OpenError::PeerNoGroup(id)
    );
    let other = GroupId::new("sip:police-1@mcptt.example.org").unwrap();
    let member = Member::user_1();
    let opened = Receiver::default().open_gmk(&message(GMK), &member.context(&[GMS]), Some(&other));
    assert_eq!(
        opened.err(),
        Some(OpenError::PeerWrongGroup { id, group: other })
    );
}

#[test]
fn a_key_taken_for_another_type() {
    let callee = Member::user_2();
    let context = callee.context(&[USER_1]);
    let opened = Receiver::default().open_key(&message("PCK"), &context, &[PurposeTag::Pck]);
    assert!(matches!(
        opened.unwrap().typed::<Gmk>().err(),
        Some(OpenError::PeerKeyId(_))
    ));
}

/// No error text may contain the key.
#[test]
fn errors_never_show_the_key() {
    let secret = hex::encode(material(vector(GMK)).secret().expose());
    let octets = message(GMK);
    for at in (0..octets.len()).step_by(7) {
        let mut altered = octets.clone();
        altered[at] ^= 0x80;
        let member = Member::user_1();
        if let Err(error) = Receiver::default().open_gmk(&altered, &member.context(&[GMS]), None) {
            assert!(!format!("{error} {error:?}").contains(&secret));
        }
    }
}
