//! What the decoders refuse, with the offset they name.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use roger_base::{GroupId, IdentityError, PurposeTag, UnixTime};
use roger_mikey::message::{MAX_MESSAGE, MAX_PAYLOADS};
use roger_mikey::payload::{
    CsIdMap, GeneralExtension, GenericSession, Header, Identity, Payload, PolicyParameter, Role,
    SecurityPolicy, SrtpSession, Timestamp,
};
use roger_mikey::{
    Body, Compatibility, EncodeError, Fault, Field, IMessage, KeyParameters, Message, Part, Party,
    ProtectedPayload, Status, StructureError,
};
use support::*;

const CSK: &str = "CSK";

fn fault(octets: &[u8]) -> (usize, Fault) {
    let error = Message::decode(octets).unwrap_err();
    (error.offset, error.fault)
}

/// The CSK message with one octet replaced.
fn with(at: usize, value: u8) -> Vec<u8> {
    let mut octets = message(CSK);
    octets[at] = value;
    octets
}

#[test]
fn the_header_must_be_that_of_a_sakke_message() {
    assert_eq!(fault(&with(0, 2)), (0, Fault::Version(2)));
    assert_eq!(fault(&with(1, 6)), (1, Fault::ErrorMessage));
    assert_eq!(fault(&with(1, 0)), (1, Fault::DataType(0)));
    assert_eq!(fault(&with(8, 1)), (8, Fault::EmptyMapWithSessions(1)));
    assert_eq!(fault(&with(9, 3)), (9, Fault::MapType(3)));
}

#[test]
fn the_chain_must_name_payloads_that_have_a_place() {
    assert_eq!(fault(&with(2, 0)), (10, Fault::MissingSignature));
    for misplaced in [1, 2, 3, 6, 7, 8, 9, 12, 13, 15, 16, 17, 20] {
        assert_eq!(
            fault(&with(2, misplaced)),
            (10, Fault::MisplacedPayload(misplaced))
        );
    }
    for unknown in [18, 19, 22, 25, 27, 255] {
        assert_eq!(
            fault(&with(2, unknown)),
            (10, Fault::UnknownPayload(unknown))
        );
    }
}

#[test]
fn a_timestamp_of_unknown_type_or_an_empty_rand() {
    assert_eq!(fault(&with(11, 3)), (11, Fault::TimestampType(3)));
    assert_eq!(fault(&with(21, 0)), (22, Fault::EmptyRand));
}

#[test]
fn lengths_that_lie() {
    let octets = message(CSK);
    let (offset, error) = fault(with(21, 255).split_at(200).0);
    assert_eq!(offset, 22);
    let needed = 255;
    assert_eq!(
        error,
        Fault::Truncated {
            field: Field::Rand,
            needed,
            left: 178
        }
    );
    let mut long = octets.clone();
    long[41] = 0xFF;
    let (_, error) = fault(&long);
    assert!(matches!(
        error,
        Fault::Truncated {
            field: Field::Identity,
            needed: 0xFF1E,
            ..
        }
    ));
}

#[test]
fn sakke_data_and_signature_of_another_length_or_kind() {
    let octets = message(CSK);
    let sign = octets.len() - 131;
    let sakke = sign - 278;
    assert_eq!(
        fault(&with(sakke + 4, 0x12)),
        (sakke + 3, Fault::SakkeLength(0x112))
    );
    assert_eq!(fault(&with(sign, 0x10)), (sign, Fault::SignatureType(1)));
    assert_eq!(
        fault(&with(sign + 1, 0x20)),
        (sign, Fault::SignatureLength(0x20))
    );
}

#[test]
fn nothing_may_follow_the_signature() {
    let mut octets = message(CSK);
    let length = octets.len();
    octets.extend([0, 0]);
    assert_eq!(fault(&octets), (length, Fault::Trailing(2)));
}

#[test]
fn a_message_that_is_far_too_long_is_not_looked_at() {
    let octets = vec![1; MAX_MESSAGE + 1];
    assert_eq!(fault(&octets), (0, Fault::TooLong(MAX_MESSAGE + 1)));
}

#[test]
fn more_payloads_than_any_message_needs() {
    let mut body = Message::decode(&message(CSK)).unwrap().body;
    let empty = Payload::GeneralExtension(GeneralExtension {
        kind: 0,
        data: Vec::new(),
    });
    body.payloads.resize(MAX_PAYLOADS, empty.clone());
    let octets = sign(&body, &key_set(USER_1));
    assert!(Message::decode(&octets).is_ok());
    body.payloads.push(empty);
    let octets = sign(&body, &key_set(USER_1));
    assert_eq!(fault(&octets).1, Fault::TooManyPayloads);
}

#[test]
fn every_shorter_piece_of_every_message_is_refused() {
    for case in vectors()["messages"].as_array().unwrap() {
        let octets = octets(case, "message");
        for length in 0..octets.len() {
            assert!(Message::decode(&octets[..length]).is_err());
        }
    }
}

fn structure(change: impl FnOnce(&mut Vec<Payload>)) -> Result<IMessage, StructureError> {
    structure_with(Compatibility::NONE, change)
}

fn structure_with(
    compatibility: Compatibility,
    change: impl FnOnce(&mut Vec<Payload>),
) -> Result<IMessage, StructureError> {
    let mut message = Message::decode(&message("PCK")).unwrap();
    change(&mut message.body.payloads);
    IMessage::new(&message, compatibility)
}

/// T, RAND, IDRi, IDRr, IDRkmsi, IDRkmsr, SAKKE, SAKKE-to-self.
const PARTS: [Part; 8] = [
    Part::Timestamp,
    Part::Rand,
    Part::Initiator,
    Part::Responder,
    Part::InitiatorKms,
    Part::ResponderKms,
    Part::Sakke,
    Part::SakkeToSelf,
];

#[test]
fn every_part_is_there_once() {
    for (at, part) in PARTS.iter().enumerate() {
        let repeated = structure(|payloads| payloads.push(payloads[at].clone()));
        assert_eq!(repeated, Err(StructureError::Repeated(*part)));
        let missing = structure(|payloads| drop(payloads.remove(at)));
        match part {
            Part::SakkeToSelf => assert!(missing.is_ok()),
            part => assert_eq!(missing, Err(StructureError::Missing(*part))),
        }
    }
}

#[test]
fn the_parts_may_come_in_any_order() {
    let usual = structure(|_| {}).unwrap();
    assert_eq!(structure(|payloads| payloads.reverse()).unwrap(), usual);
}

#[test]
fn a_party_is_either_named_or_hidden() {
    let both = structure(|payloads| {
        payloads.push(Payload::Identity(Identity::new(
            Role::InitiatorUid,
            &[7; 32],
        )));
    });
    assert_eq!(both, Err(StructureError::Repeated(Part::Initiator)));
    let hidden = structure(|payloads| {
        payloads[3] = Payload::Identity(Identity {
            id_type: 2,
            ..Identity::new(Role::ResponderUid, &[7; 32])
        });
    });
    assert!(matches!(hidden.unwrap().responder, Party::Hidden(_)));
    let role = Role::ResponderUid;
    let short = structure(|payloads| {
        payloads[3] = Payload::Identity(Identity::new(role, &[7; 31]));
    });
    assert_eq!(short, Err(StructureError::UidLength { role, length: 31 }));
    let odd = structure(|payloads| {
        payloads[3] = Payload::Identity(Identity {
            id_type: 0,
            ..Identity::new(role, &[7; 32])
        });
    });
    assert_eq!(odd, Err(StructureError::IdentityType { role, id_type: 0 }));
}

#[test]
fn identities_are_checked_strings_of_type_uri() {
    let role = Role::Responder;
    let with = |identity: Identity| {
        structure(move |payloads| payloads[3] = Payload::Identity(identity)).unwrap_err()
    };
    let error = with(Identity {
        id_type: 2,
        ..Identity::new(role, b"sip:a@b")
    });
    assert_eq!(error, StructureError::IdentityType { role, id_type: 2 });
    let error = with(Identity::new(role, &[0xFF, 0xFE]));
    assert_eq!(error, StructureError::IdentityNotUtf8(role));
    let error = with(Identity::new(role, b""));
    assert_eq!(
        error,
        StructureError::Identity {
            role,
            error: IdentityError::Empty
        }
    );
    let error = with(Identity::new(role, b"sip:a@b\0"));
    let expected = IdentityError::ForbiddenCharacter;
    assert_eq!(
        error,
        StructureError::Identity {
            role,
            error: expected
        }
    );
}

#[test]
fn roles_and_extensions_that_nobody_uses_have_no_effect() {
    let usual = structure(|_| {}).unwrap();
    let with = structure(|payloads| {
        payloads.push(Payload::Identity(Identity::new(Role::Other(5), b"\xFF")));
        payloads.insert(0, Payload::Identity(Identity::new(Role::Other(200), b"")));
        let vendor = GeneralExtension {
            kind: 0,
            data: vec![1, 2, 3],
        };
        payloads.push(Payload::GeneralExtension(vendor));
        let unknown = GeneralExtension {
            kind: 99,
            data: Vec::new(),
        };
        payloads.push(Payload::GeneralExtension(unknown));
    });
    assert_eq!(with.unwrap(), usual);
}

#[test]
fn only_utc_timestamps_and_known_prfs() {
    for (timestamp, ts_type) in [(Timestamp::Ntp(1), 1), (Timestamp::Counter(1), 2)] {
        let error = structure(|payloads| payloads[0] = Payload::Timestamp(timestamp));
        assert_eq!(error, Err(StructureError::TimestampType(ts_type)));
    }
    let mut message = Message::decode(&message("PCK")).unwrap();
    message.body.header.prf = 2;
    assert_eq!(
        IMessage::new(&message, Compatibility::NONE),
        Err(StructureError::Prf(2))
    );
    message.body.header.prf = 0;
    message.body.header.v = true;
    assert!(IMessage::new(&message, Compatibility::NONE).is_ok());
}

#[test]
fn a_short_rand_only_when_switched_on() {
    let short = |payloads: &mut Vec<Payload>| {
        payloads[1] = Payload::Rand(roger_keys::Rand::new(&[1; 15]).unwrap());
    };
    assert_eq!(structure(short), Err(StructureError::ShortRand(15)));
    let mut compatibility = Compatibility::NONE;
    compatibility.short_rand = true;
    assert!(structure_with(compatibility, short).is_ok());
}

#[test]
fn sakke_of_another_set_or_scheme() {
    let change = |parameters, id_scheme| {
        move |payloads: &mut Vec<Payload>| {
            let Payload::Sakke(sakke) = &mut payloads[6] else {
                panic!("not SAKKE");
            };
            sakke.parameters = parameters;
            sakke.id_scheme = id_scheme;
        }
    };
    assert_eq!(
        structure(change(2, 2)),
        Err(StructureError::SakkeParameters(2))
    );
    assert_eq!(
        structure(change(1, 1)),
        Err(StructureError::SakkeIdScheme(1))
    );
    assert_eq!(
        structure(change(1, 240)),
        Err(StructureError::SakkeIdScheme(240))
    );
    let mut compatibility = Compatibility::NONE;
    compatibility.sakke_id_scheme_1 = true;
    assert!(structure_with(compatibility, change(1, 1)).is_ok());
    let error = structure_with(compatibility, change(1, 0));
    assert_eq!(error, Err(StructureError::SakkeIdScheme(0)));
}

#[test]
fn malformed_data_of_known_extensions() {
    let to_self = |change: fn(&mut Vec<u8>)| {
        structure(|payloads| {
            let Payload::GeneralExtension(extension) = &mut payloads[7] else {
                panic!("not SAKKE-to-self");
            };
            change(&mut extension.data);
        })
    };
    let broken: [fn(&mut Vec<u8>); 3] = [
        |data| data.truncate(277),
        |data| data.push(0),
        |data| data[4] = 0,
    ];
    for change in broken {
        assert!(matches!(
            to_self(change),
            Err(StructureError::SakkeToSelf(_))
        ));
    }
    assert_eq!(
        to_self(|data| data[2] = 3),
        Err(StructureError::SakkeIdScheme(3))
    );
    assert!(
        to_self(|data| data[0] = 77).is_ok(),
        "its next payload is ignored"
    );
    let container = |data: &[u8]| {
        structure(|payloads| {
            let extension = GeneralExtension {
                kind: 7,
                data: data.to_vec(),
            };
            payloads.push(Payload::GeneralExtension(extension));
        })
    };
    let whole = octets(vector("GMK, GENERIC-ID"), "protected_payload");
    assert!(container(&whole).is_ok());
    assert!(matches!(
        container(&whole[1..]),
        Err(StructureError::KeyParameters(_))
    ));
}

#[test]
fn policies_have_one_number_each_and_sessions_name_one_that_is_there() {
    let mut message = Message::decode(&message("GMK, GENERIC-ID")).unwrap();
    let CsIdMap::GenericId(sessions) = &mut message.body.header.map else {
        panic!("no GENERIC-ID");
    };
    sessions[0].policies = vec![1];
    let error = IMessage::new(&message, Compatibility::NONE).unwrap_err();
    assert_eq!(error, StructureError::PolicyMissing(1));
    let policy = roger_mikey::profile::gmk_policy();
    message.body.payloads.push(Payload::SecurityPolicy(policy));
    let error = IMessage::new(&message, Compatibility::NONE).unwrap_err();
    assert_eq!(error, StructureError::PolicyRepeated(0));
}

#[test]
fn the_protected_payload_is_exact() {
    let whole = octets(vector("GMK, GENERIC-ID"), "protected_payload");
    let container = ProtectedPayload::decode(&whole).unwrap();
    assert_eq!(container.encode().unwrap(), whole);
    let aad = octets(vector("GMK, GENERIC-ID"), "AAD");
    assert_eq!(container.additional_data(), aad);
    for length in 0..whole.len() {
        assert!(ProtectedPayload::decode(&whole[..length]).is_err());
    }
    let longer = [whole.as_slice(), &[0]].concat();
    let error = ProtectedPayload::decode(&longer).unwrap_err();
    assert_eq!(
        (error.offset, error.fault),
        (whole.len(), Fault::TrailingElement(1))
    );
    for accepted in [0x43, 0x03, 0x83, 0xC3, 0x40] {
        let octets = [&[accepted], &whole[1..]].concat();
        assert!(ProtectedPayload::decode(&octets).is_ok());
    }
    let octets = [&[0x41], &whole[1..]].concat();
    let error = ProtectedPayload::decode(&octets).unwrap_err();
    assert_eq!(
        (error.offset, error.fault),
        (0, Fault::PayloadMessageType(0x41))
    );
}

#[test]
fn key_parameters_come_bare_or_wrapped() {
    let bare = octets(vector("GMK, GENERIC-ID"), "key_parameters_plain");
    let mut wrapped = vec![0x78];
    wrapped.extend(u16::try_from(bare.len()).unwrap().to_be_bytes());
    wrapped.extend(&bare);
    let expected = KeyParameters::decode(&bare).unwrap();
    assert_eq!(KeyParameters::decode(&wrapped).unwrap(), expected);
    assert_eq!(expected.groups.unwrap()[0].as_str(), GROUP);
}

#[test]
fn the_smallest_forms_seen_in_the_field() {
    let gmk = hex::decode("0000000001000000000000000000000000000100").unwrap();
    let parameters = KeyParameters::decode(&gmk).unwrap();
    assert_eq!(parameters, KeyParameters::new(PurposeTag::Gmk));
    assert_eq!(parameters.encode().unwrap(), gmk);
    let pck = hex::decode("0100000001000000000000000000000000").unwrap();
    let parameters = KeyParameters::decode(&pck).unwrap();
    assert_eq!(parameters, KeyParameters::new(PurposeTag::Pck));
    assert_eq!(parameters.encode().unwrap(), pck);
    let without_groups = &gmk[..17];
    assert_eq!(KeyParameters::decode(without_groups).unwrap().groups, None);
}

#[test]
fn key_parameters_are_refused_when_their_lengths_lie() {
    let plain = octets(vector("GMK, GENERIC-ID"), "key_parameters_plain");
    for length in 0..plain.len() {
        // Without the whole group element nothing is missing.
        if length != 27 {
            assert!(KeyParameters::decode(&plain[..length]).is_err(), "{length}");
        }
    }
    let groups = plain.len() - 37;
    let mut two = plain.clone();
    two[groups + 2] = 2;
    assert!(KeyParameters::decode(&two).is_err());
    let mut none = plain.clone();
    none[groups + 2] = 0;
    let error = KeyParameters::decode(&none).unwrap_err();
    assert_eq!(error.fault, Fault::GroupsLength(34));
    let mut bad = plain.clone();
    *bad.last_mut().unwrap() = 0xFF;
    assert_eq!(
        KeyParameters::decode(&bad).unwrap_err().fault,
        Fault::GroupNotUtf8
    );
    let mut space = plain.clone();
    *space.last_mut().unwrap() = b' ';
    let expected = Fault::Group(IdentityError::ForbiddenCharacter);
    assert_eq!(KeyParameters::decode(&space).unwrap_err().fault, expected);
    let reserved = [plain.as_slice(), &[1, 2, 3]].concat();
    assert_eq!(
        KeyParameters::decode(&reserved),
        KeyParameters::decode(&plain)
    );
}

#[test]
fn times_and_status_of_key_parameters() {
    let parameters = KeyParameters {
        activation: Some(UnixTime(1)),
        expiry: Some(UnixTime((1 << 40) - 1)),
        status: Status(3),
        text: "Löschzug".to_owned(),
        ..KeyParameters::new(PurposeTag::Mkfc)
    };
    let decoded = KeyParameters::decode(&parameters.encode().unwrap()).unwrap();
    assert_eq!(decoded, parameters);
    assert!(decoded.status.is_shared_with_gateway() && !decoded.status.is_revoked());
    let beyond = KeyParameters {
        expiry: Some(UnixTime(u64::MAX)),
        ..parameters
    };
    let decoded = KeyParameters::decode(&beyond.encode().unwrap()).unwrap();
    assert_eq!(decoded.expiry, Some(UnixTime((1 << 40) - 1)));
}

#[test]
fn every_map_type_survives_the_wire() {
    let maps = [
        CsIdMap::Empty,
        CsIdMap::SrtpId(vec![
            SrtpSession {
                policy: 3,
                ssrc: 0xDEAD_BEEF,
                roc: 7
            };
            2
        ]),
        CsIdMap::SrtpId(Vec::new()),
        CsIdMap::GenericId(Vec::new()),
        CsIdMap::GenericId(vec![GenericSession {
            cs_id: 1,
            protocol: 0,
            s: true,
            policies: vec![0, 9],
            session_data: vec![1; 10],
            spi: vec![2; 4],
        }]),
    ];
    for map in maps {
        let mut message = Message::decode(&message(CSK)).unwrap();
        message.body.header = Header {
            map,
            v: true,
            prf: 0x55,
            ..message.body.header
        };
        let octets = message.encode().unwrap();
        assert_eq!(Message::decode(&octets).unwrap(), message);
    }
}

fn encode_error(change: impl FnOnce(&mut Body)) -> EncodeError {
    let mut body = Message::decode(&message("GMK, GENERIC-ID")).unwrap().body;
    change(&mut body);
    body.signed_octets().unwrap_err()
}

#[test]
fn what_does_not_fit_its_length_field_is_not_sent() {
    let session = |body: &mut Body| match &mut body.header.map {
        CsIdMap::GenericId(sessions) => sessions[0].clone(),
        _ => panic!("no GENERIC-ID"),
    };
    let error = encode_error(|body| {
        let session = session(body);
        body.header.map = CsIdMap::GenericId(vec![session; 256]);
    });
    assert_eq!(
        error,
        EncodeError {
            field: Field::CsCount,
            length: 256,
            max: 255
        }
    );
    let error = encode_error(|body| {
        let session = GenericSession {
            policies: vec![0; 128],
            ..session(body)
        };
        body.header.map = CsIdMap::GenericId(vec![session]);
    });
    assert_eq!(
        error,
        EncodeError {
            field: Field::CsFlags,
            length: 128,
            max: 127
        }
    );
    let error = encode_error(|body| {
        let session = GenericSession {
            spi: vec![0; 256],
            ..session(body)
        };
        body.header.map = CsIdMap::GenericId(vec![session]);
    });
    assert_eq!(
        error,
        EncodeError {
            field: Field::SpiLength,
            length: 256,
            max: 255
        }
    );
    let error = encode_error(|body| {
        body.payloads[2] = Payload::Identity(Identity::new(Role::Initiator, &[b'a'; 65_536]));
    });
    assert_eq!(
        error,
        EncodeError {
            field: Field::IdentityLength,
            length: 65_536,
            max: 65_535
        }
    );
    let error = encode_error(|body| {
        let parameters = vec![PolicyParameter {
            kind: 0,
            value: vec![0; 256],
        }];
        let policy = SecurityPolicy {
            number: 0,
            protocol: 0,
            parameters,
        };
        body.payloads.push(Payload::SecurityPolicy(policy));
    });
    assert_eq!(
        error,
        EncodeError {
            field: Field::ParameterLength,
            length: 256,
            max: 255
        }
    );
    let group = GroupId::new("sip:a@b").unwrap();
    let groups = Some(vec![group; 256]);
    let error = KeyParameters {
        groups,
        ..KeyParameters::new(PurposeTag::Gmk)
    }
    .encode();
    assert_eq!(
        error,
        Err(EncodeError {
            field: Field::GroupCount,
            length: 256,
            max: 255
        })
    );
}
