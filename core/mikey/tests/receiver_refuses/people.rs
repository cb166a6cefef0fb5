//! Whom a message is for, and who may send it.

use crate::bench::{GMK, Member, gmk_with, identity, pck_with};
use crate::support::*;
use roger_base::{KeyId, KmsUri, PurposeTag};
use roger_mikey::create::{Envelope, Hiding, SakkeToSelf};
use roger_mikey::open::ReceiverSettings;
use roger_mikey::payload::{CsIdMap, GenericSession, Payload, Role, Timestamp};
use roger_mikey::{
    Body, Compatibility, Context, CreateOptions, OpenError, Party, Receiver, Sender,
};

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
