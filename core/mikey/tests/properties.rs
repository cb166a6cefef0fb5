//! What is written is read again, and what is read is written again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use roger_base::{GroupId, KeyId, NtpTime, Secret, UnixTime};
use roger_keys::Rand;
use roger_mikey::describe::{Keys, describe, octets_from};
use roger_mikey::payload::{
    CsIdMap, GeneralExtension, GenericSession, Header, Identity, Payload, PolicyParameter, Role,
    SED, Sakke, SecurityPolicy, SrtpSession, Timestamp,
};
use roger_mikey::{Body, IMessage, KeyParameters, Message, ProtectedPayload, Status, sdp};
use support::{NOW, Script, domain, key_set};

fn octets(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..=most)
}

fn session() -> impl Strategy<Value = GenericSession> {
    let parts = (
        any::<u8>(),
        any::<u8>(),
        any::<bool>(),
        octets(127),
        octets(40),
        octets(255),
    );
    parts.prop_map(
        |(cs_id, protocol, s, policies, session_data, spi)| GenericSession {
            cs_id,
            protocol,
            s,
            policies,
            session_data,
            spi,
        },
    )
}

fn map() -> impl Strategy<Value = CsIdMap> {
    let srtp = (any::<u8>(), any::<u32>(), any::<u32>())
        .prop_map(|(policy, ssrc, roc)| SrtpSession { policy, ssrc, roc });
    prop_oneof![
        Just(CsIdMap::Empty),
        vec(srtp, 0..6).prop_map(CsIdMap::SrtpId),
        vec(session(), 0..3).prop_map(CsIdMap::GenericId),
    ]
}

fn timestamp() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        any::<u64>().prop_map(Timestamp::NtpUtc),
        any::<u64>().prop_map(Timestamp::Ntp),
        any::<u32>().prop_map(Timestamp::Counter),
    ]
}

fn policy() -> impl Strategy<Value = SecurityPolicy> {
    let parameter =
        (any::<u8>(), octets(255)).prop_map(|(kind, value)| PolicyParameter { kind, value });
    (any::<u8>(), any::<u8>(), vec(parameter, 0..6)).prop_map(|(number, protocol, parameters)| {
        SecurityPolicy {
            number,
            protocol,
            parameters,
        }
    })
}

fn payload() -> impl Strategy<Value = Payload> {
    let identity = (any::<u8>(), any::<u8>(), octets(60)).prop_map(|(role, id_type, data)| {
        Payload::Identity(Identity {
            role: Role::from(role),
            id_type,
            data,
        })
    });
    let sakke =
        (any::<u8>(), any::<u8>(), any::<u8>()).prop_map(|(parameters, id_scheme, fill)| {
            Payload::Sakke(Sakke {
                parameters,
                id_scheme,
                data: Box::new([fill; SED]),
            })
        });
    let extension = (any::<u8>(), octets(80))
        .prop_map(|(kind, data)| Payload::GeneralExtension(GeneralExtension { kind, data }));
    prop_oneof![
        timestamp().prop_map(Payload::Timestamp),
        vec(any::<u8>(), 1..=255).prop_map(|octets| Payload::Rand(Rand::new(&octets).unwrap())),
        identity,
        policy().prop_map(Payload::SecurityPolicy),
        sakke,
        extension,
    ]
}

fn message() -> impl Strategy<Value = Message> {
    let header =
        (any::<bool>(), 0u8..128, any::<u32>(), map()).prop_map(|(v, prf, csb_id, map)| Header {
            v,
            prf,
            csb_id: KeyId::from(csb_id),
            map,
        });
    (header, vec(payload(), 0..12), any::<u8>()).prop_map(|(header, payloads, fill)| Message {
        body: Body { header, payloads },
        signature: Box::new([fill; 129]),
    })
}

fn parameters() -> impl Strategy<Value = KeyParameters> {
    let time = || prop::option::of((1u64..1 << 40).prop_map(UnixTime));
    let group =
        "[a-z]{1,20}".prop_map(|name| GroupId::new(format!("sip:{name}@x.example")).unwrap());
    // The upper half of the status is always 0; octets there would look like the length of a wrapped form.
    let parts = (
        0u8..16,
        0u32..0x1_0000,
        time(),
        time(),
        "\\PC{0,30}",
        vec(group, 0..5),
    );
    parts.prop_map(
        |(key_type, status, activation, expiry, text, groups)| KeyParameters {
            key_type,
            status: Status(status),
            activation,
            expiry,
            text,
            groups: matches!(key_type, 0 | 4 | 6).then_some(groups),
        },
    )
}

proptest! {
    #[test]
    fn a_message_survives_the_wire(message in message()) {
        let octets = message.encode().unwrap();
        prop_assert_eq!(Message::decode(&octets).unwrap(), message);
    }

    #[test]
    fn what_decodes_encodes_to_the_same_octets(noise in octets(400)) {
        if let Ok(message) = Message::decode(&noise) {
            prop_assert_eq!(message.encode().unwrap(), noise);
        }
    }

    /// Octets that begin like a message reach deep into the decoders.
    #[test]
    fn altered_messages_never_panic(
        case in 0usize..5,
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let messages = support::vectors()["messages"].as_array().unwrap();
        let mut octets = support::octets(&messages[case], "message");
        for (at, value) in changes {
            let at = at.index(octets.len());
            octets[at] = value;
        }
        let description = describe(&octets, None, NOW);
        prop_assert!(!description.to_string().is_empty());
        if let Ok(message) = Message::decode(&octets) {
            prop_assert_eq!(message.encode().unwrap(), octets);
            let _ = IMessage::new(&message, Default::default());
        }
    }

    #[test]
    fn key_parameters_survive_the_wire(parameters in parameters()) {
        let octets = parameters.encode().unwrap();
        prop_assert_eq!(KeyParameters::decode(&octets).unwrap(), parameters);
    }

    #[test]
    fn key_parameters_survive_encryption(
        parameters in parameters(), key: [u8; 16], id: u32, now in 0u64..1 << 40,
    ) {
        let (key, id) = (Secret::new(key), KeyId::from(id));
        let mut script = Script::new(&[&Script::iv()]);
        let sealed = ProtectedPayload::seal(&parameters, &key, id, UnixTime(now), &mut script);
        let octets = sealed.unwrap().encode().unwrap();
        let container = ProtectedPayload::decode(&octets).unwrap();
        prop_assert_eq!(container.encode().unwrap(), octets);
        prop_assert_eq!(container.open(&key, id).unwrap(), parameters);
    }

    #[test]
    fn noise_never_panics(noise in octets(300)) {
        let _ = KeyParameters::decode(&noise);
        let _ = ProtectedPayload::decode(&noise);
        let _ = octets_from(&noise);
        let _ = describe(&noise, None, NOW).to_string();
    }

    #[test]
    fn an_sdp_attribute_survives(octets in vec(any::<u8>(), 1..=600)) {
        let value = sdp::attribute_value(&octets);
        prop_assert_eq!(sdp::parse_attribute_value(&value).unwrap(), octets.clone());
        let line = sdp::attribute_line(&octets);
        prop_assert_eq!(octets_from(line.as_bytes()).unwrap(), octets);
    }

    #[test]
    fn the_era_of_a_timestamp_is_the_nearest(seconds in 3_000_000_000u64..12_000_000_000, off in -1000i64..1000) {
        let time = NtpTime { seconds, fraction: 5 };
        let reference = NtpTime { seconds: seconds.checked_add_signed(off).unwrap(), fraction: 0 };
        let Timestamp::NtpUtc(wire) = Timestamp::new(time) else {
            panic!("not UTC");
        };
        prop_assert_eq!(NtpTime::from_wire(wire, reference), time);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// With keys at hand, altered messages are explained without a panic and never called verified.
    #[test]
    fn altered_messages_are_never_verified(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut octets = support::message("GMK, GENERIC-ID");
        let at = at.index(octets.len());
        octets[at] ^= 1 << bit;
        let keys = Keys {
            domains: vec![domain().clone()],
            opening: vec![key_set(support::USER_1).into()],
            secret: None,
        };
        prop_assert!(!describe(&octets, Some(&keys), NOW).signature_verified);
    }
}
