//! Every message of `vectors/mikey.json` rebuilt octet by octet from its secrets, and opened.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use roger_base::{GroupId, KmsUri, NtpTime, PurposeTag, Secret, UnixTime};
use roger_ibc::eccsi::KmsPublicAuthKey;
use roger_ibc::sakke::KmsPublicEncKey;
use roger_ibc::uid::{KeyPeriod, Uid};
use roger_ibc::{IssuedKeys, KmsDomain, UserKeySet};
use roger_keys::{Csk, Gmk, Musik, Pck, Rand};
use roger_mikey::create::{Envelope, Hiding, SakkeToSelf, SessionMap};
use roger_mikey::message::Message;
use roger_mikey::profile::RocTransport;
use roger_mikey::{
    Carriage, Context, CreateClientServerKey, CreateGroupKey, CreateKeyDownload, CreateOptions,
    CreatePrivateCallKey, KeyParameters, Party, Receiver, Sender, sdp,
};
use support::*;

fn parameters(case: &serde_json::Value) -> KeyParameters {
    KeyParameters::decode(&octets(case, "key_parameters_plain")).unwrap()
}

fn gmk() -> Gmk {
    let material = material(vector("GMK, GENERIC-ID"));
    Gmk::new(
        material.secret().clone(),
        0x0123_4567.into(),
        material.rand().clone(),
    )
    .unwrap()
}

#[test]
fn rebuilds_the_gmk_message() {
    let case = vector("GMK, GENERIC-ID");
    let gmk = gmk();
    let message = CreateGroupKey {
        gmk: &gmk,
        member: &user(USER_1),
        member_domain: domain(),
        gms: &key_set(GMS),
        parameters: &parameters(case),
        now: NOW,
        options: CreateOptions::GROUP_KEY,
    };
    let octets = message
        .build(&mut Script::new(&[&Script::iv(), &Script::j()]))
        .unwrap();
    assert_eq!(
        hex::encode_upper(&octets),
        case["message"].as_str().unwrap()
    );
    assert_eq!(octets.len(), 728);
}

#[test]
fn rebuilds_the_gmk_message_with_hidden_identities() {
    let case = vector("GMK, empty map");
    let material = material(case);
    let options = CreateOptions {
        hiding: Hiding::Both,
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
    assert_eq!(hex::encode_upper(octets), case["message"].as_str().unwrap());
}

#[test]
fn rebuilds_the_pck_message() {
    let case = vector("PCK");
    let message = CreatePrivateCallKey {
        pck: &Pck::try_from(material(case)).unwrap(),
        caller: &key_set(USER_1),
        callee: &user(USER_2),
        callee_domain: domain(),
        parameters: None,
        now: NOW,
        options: CreateOptions {
            to_self: SakkeToSelf::Include,
            ..CreateOptions::PLAIN
        },
    };
    let octets = message.build(&mut Script::new(&[&Script::j()])).unwrap();
    assert_eq!(hex::encode_upper(octets), case["message"].as_str().unwrap());
}

#[test]
fn rebuilds_the_csk_message() {
    let case = vector("CSK");
    let message = CreateClientServerKey {
        csk: &Csk::try_from(material(case)).unwrap(),
        user: &key_set(USER_1),
        server: SERVER,
        server_domain: domain(),
        parameters: None,
        now: NOW,
        options: CreateOptions::PLAIN,
    };
    let octets = message.build(&mut Script::new(&[&Script::j()])).unwrap();
    assert_eq!(hex::encode_upper(octets), case["message"].as_str().unwrap());
}

#[test]
fn rebuilds_the_musik_message() {
    let case = vector("MuSiK");
    let message = CreateKeyDownload {
        key: &material(case),
        server: &key_set(SERVER),
        user: &user(USER_1),
        user_domain: domain(),
        parameters: Some(&parameters(case)),
        now: NOW,
        options: CreateOptions::PLAIN,
    };
    let octets = message
        .build(&mut Script::new(&[&Script::iv(), &Script::j()]))
        .unwrap();
    assert_eq!(hex::encode_upper(octets), case["message"].as_str().unwrap());
}

#[test]
fn every_message_decodes_and_encodes_to_itself() {
    for case in vectors()["messages"].as_array().unwrap() {
        let octets = octets(case, "message");
        let message = Message::decode(&octets).unwrap();
        assert_eq!(message.encode().unwrap(), octets, "{}", case["name"]);
        let signed = message.body.signed_octets().unwrap();
        assert_eq!(signed.len() as u64, case["signed_length"].as_u64().unwrap());
        let value = format!("mikey {}", case["base64"].as_str().unwrap());
        assert_eq!(sdp::parse_attribute_value(&value).unwrap(), octets);
        assert_eq!(sdp::attribute_value(&octets), value);
    }
}

#[test]
fn key_parameters_encode_to_the_plaintext_of_the_vectors() {
    for start in ["GMK, GENERIC-ID", "MuSiK"] {
        let case = vector(start);
        let plain = octets(case, "key_parameters_plain");
        assert_eq!(
            KeyParameters::decode(&plain).unwrap().encode().unwrap(),
            plain
        );
    }
}

fn context<'a>(key_sets: &'a [UserKeySet], sender: &'a [&'a str]) -> Context<'a> {
    let sender = Sender::OneOf(sender);
    Context {
        key_sets,
        domains: &[],
        sender,
        carriage: Carriage::Live,
        now: NOW,
    }
}

#[test]
fn opens_the_gmk_message() {
    let key_sets = [key_set(USER_1)];
    let context = context(&key_sets, &[GMS]);
    let group = group();
    let opened = Receiver::default().open_gmk(&message("GMK, GENERIC-ID"), &context, Some(&group));
    let opened = opened.unwrap();
    assert!(opened.group_key.gmk == gmk());
    assert_eq!(opened.guk_id.to_string(), "08c44583");
    assert_eq!(opened.group_key.groups, [GroupId::new(GROUP).unwrap()]);
    assert_eq!(opened.group_key.activation, Some(UnixTime(1_390_730_834)));
    assert_eq!(opened.group_key.expiry, Some(UnixTime(1_393_322_834)));
    assert_eq!(opened.group_key.text, "Fire group");
    assert_eq!(opened.profile.roc, RocTransport::EveryPacket);
    assert_eq!(opened.time(), NOW);
}

#[test]
fn opens_the_gmk_message_with_hidden_identities() {
    let key_sets = [key_set(USER_2), key_set(USER_1)];
    let context = context(&key_sets, &[SERVER, GMS]);
    let group = group();
    let octets = message("GMK, empty map");
    let opened = Receiver::default()
        .open_gmk(&octets, &context, Some(&group))
        .unwrap();
    assert!(opened.group_key.gmk == gmk());
    assert_eq!(opened.signer.party, Party::Named(GMS.to_owned()));
    assert_eq!(opened.group_key.groups, [group]);
}

#[test]
fn opens_the_pck_message_and_its_sakke_to_self() {
    let callee = [key_set(USER_2)];
    let octets = message("PCK");
    let opened = Receiver::default()
        .open_pck(&octets, &context(&callee, &[USER_1]))
        .unwrap();
    let pck = Pck::try_from(material(vector("PCK"))).unwrap();
    assert!(opened.key == pck);
    assert_eq!(opened.profile.roc, RocTransport::None);

    let caller = [key_set(USER_1)];
    let context = context(&caller, &[]);
    let own = Receiver::default()
        .open_to_self(&octets, &context, &[PurposeTag::Pck])
        .unwrap();
    assert!(own.typed::<Pck>().unwrap().key == pck);
}

#[test]
fn opens_the_csk_message_before_the_user_is_known() {
    let server = [key_set(SERVER)];
    let context = Context {
        sender: Sender::DecidedLater,
        ..context(&server, &[])
    };
    let opened = Receiver::default()
        .open_csk(&message("CSK"), &context)
        .unwrap();
    assert!(opened.key == Csk::try_from(material(vector("CSK"))).unwrap());
    assert!(opened.signer.is(USER_1) && !opened.signer.is(USER_2));
}

#[test]
fn opens_the_musik_message() {
    let key_sets = [key_set(USER_1)];
    let context = context(&key_sets, &[SERVER]);
    let purposes = [PurposeTag::Csk, PurposeTag::Musik];
    let opened = Receiver::default()
        .open_key(&message("MuSiK"), &context, &purposes)
        .unwrap();
    let opened = opened.typed::<Musik>().unwrap();
    assert!(opened.key == Musik::try_from(material(vector("MuSiK"))).unwrap());
    assert_eq!(opened.parameters.unwrap().groups, Some(Vec::new()));
}

/// A message of another implementer, signed and encapsulated under its own KMS, with hidden identities.
#[test]
fn opens_the_message_of_another_implementation() {
    let Some(set) = third_party("streamwide-pck.json") else {
        return;
    };
    let domain = KmsDomain {
        kms_uri: KmsUri::new(set["KmsUri"].as_str().unwrap()).unwrap(),
        key_period: KeyPeriod::new(set["UserKeyPeriod"].as_u64().unwrap(), 0).unwrap(),
        auth: KmsPublicAuthKey::from_octets(&octets(&set, "PubAuthKey")).unwrap(),
        enc: KmsPublicEncKey::from_octets(&octets(&set, "PubEncKey")).unwrap(),
    };
    let key_sets: Vec<UserKeySet> = set["key_sets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|keys| {
            let issued = IssuedKeys {
                identity: keys["UserUri"].as_str().unwrap().to_owned(),
                period_number: keys["KeyPeriodNo"].as_str().unwrap().parse().unwrap(),
                uid: Uid(octets(keys, "UserID").try_into().unwrap()),
                ssk: Secret::try_from(octets(keys, "UserSigningKeySSK").as_slice()).unwrap(),
                pvt: octets(keys, "UserPubTokenPVT"),
                rsk: Secret::try_from(octets(keys, "UserDecryptKey").as_slice()).unwrap(),
            };
            UserKeySet::validate(&domain, &issued).unwrap()
        })
        .collect();
    assert_eq!(key_sets.len(), 4);

    for case in set["messages"].as_array().unwrap() {
        let value = format!("mikey {}", case["base64"].as_str().unwrap());
        let octets_received = sdp::parse_attribute_value(&value).unwrap();
        let decoded = Message::decode(&octets_received).unwrap();
        assert_eq!(decoded.encode().unwrap(), octets_received);
        let structure = roger_mikey::IMessage::new(&decoded, Default::default()).unwrap();
        let now = NtpTime {
            seconds: structure.timestamp >> 32,
            fraction: 0,
        };
        let caller = case["Initiator URI"].as_str().unwrap();
        let context = Context {
            key_sets: &key_sets,
            domains: &[],
            sender: Sender::OneOf(&[caller]),
            carriage: Carriage::Live,
            now,
        };
        let opened = Receiver::default()
            .open_pck(&octets_received, &context)
            .unwrap();
        assert_eq!(opened.key.secret().expose()[..], octets(case, "PCK"));
        assert_eq!(opened.key.id().octets()[..], octets(case, "PCK-ID"));
        assert_eq!(
            opened.key.rand(),
            &Rand::new(&octets(case, "PCK-RAND")).unwrap()
        );
        assert_eq!(opened.signer.party, Party::Named(caller.to_owned()));
        assert!(opened.parameters.is_some());

        let outsider = Context {
            sender: Sender::OneOf(&["sip:mallory@x.example"]),
            ..context
        };
        assert!(
            Receiver::default()
                .open_pck(&octets_received, &outsider)
                .is_err()
        );
    }
}

#[test]
fn the_generic_map_of_a_pck_names_both_streams() {
    let options = CreateOptions {
        map: SessionMap::Generic,
        ..CreateOptions::PLAIN
    };
    let message = CreatePrivateCallKey {
        pck: &Pck::try_from(material(vector("PCK"))).unwrap(),
        caller: &key_set(USER_1),
        callee: &user(USER_2),
        callee_domain: domain(),
        parameters: None,
        now: NOW,
        options,
    };
    let octets = message.build(&mut Script::new(&[&Script::j()])).unwrap();
    assert_eq!(hex::encode(&octets[..10]), "011a05011699263802020000"[..20]);
    let callee = [key_set(USER_2)];
    let opened = Receiver::default()
        .open_pck(&octets, &context(&callee, &[USER_1]))
        .unwrap();
    assert_eq!(opened.profile.roc, RocTransport::None);
}
