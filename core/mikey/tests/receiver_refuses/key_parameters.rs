//! Key parameters in their protected container, status and groups.

use crate::bench::{GMK, Member, gmk_saying, gmk_with, parameters};
use crate::support::*;
use core::time::Duration;
use roger_base::{GroupId, KeyId, PurposeTag, UnixTime};
use roger_keys::store::KeyStatus;
use roger_keys::{Gmk, KeyMaterial, Pck};
use roger_mikey::create::Envelope;
use roger_mikey::payload::Payload;
use roger_mikey::{
    CreateOptions, KeyParameters, OpenError, PayloadError, ProtectedPayload, Receiver, Status,
};

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
