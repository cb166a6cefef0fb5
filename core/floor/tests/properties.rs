//! Any message survives the wire; no octets do harm.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use proptest::prelude::*;
use roger_base::McpttId;
use roger_floor::call_control::CallControlPacket;
use roger_floor::field::*;
use roger_floor::mbms::MbmsPacket;
use roger_floor::*;

fn identity() -> impl Strategy<Value = McpttId> {
    "sip:[a-z0-9.]{1,120}@[a-z]{1,20}(é|ß|x)".prop_map(|text| McpttId::new(text).unwrap())
}

fn alias() -> impl Strategy<Value = FunctionalAlias> {
    identity().prop_map(|id| FunctionalAlias::new(id.as_str()).unwrap())
}

fn few<T: core::fmt::Debug>(entry: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    // Three of these fit the 255 octets of a field only when short: the encoder may refuse.
    prop::collection::vec(entry, 1..3)
}

fn location() -> impl Strategy<Value = Location> {
    prop_oneof![
        Just(Location::NotProvided),
        (any::<[u8; 3]>(), any::<u32>()).prop_map(|(plmn, eci)| Location::Ecgi { plmn, eci }),
        (any::<[u8; 3]>(), any::<u16>())
            .prop_map(|(plmn, tac)| Location::TrackingArea { plmn, tac }),
        any::<[u8; 3]>().prop_map(Location::Plmn),
        any::<u16>().prop_map(Location::MbmsServiceArea),
        any::<u8>().prop_map(Location::MbsfnArea),
        any::<[[u8; 3]; 2]>().prop_map(|[latitude, longitude]| Location::Coordinate {
            latitude,
            longitude
        }),
    ]
}

fn track_info() -> impl Strategy<Value = TrackInfo> {
    (
        any::<bool>(),
        "[a-z]{0,40}",
        prop::collection::vec(any::<u32>(), 0..5),
    )
        .prop_map(|(queueing, participant_type, references)| {
            let queueing = if queueing {
                Queueing::Supported
            } else {
                Queueing::NotSupported
            };
            TrackInfo {
                queueing,
                participant_type,
                references,
            }
        })
}

fn field() -> impl Strategy<Value = Field> {
    let phrase = prop::option::of("[a-zäöü ]{1,100}");
    prop_oneof![
        any::<u8>().prop_map(|v| FloorPriority(v).into()),
        any::<u16>().prop_map(|v| Duration(v).into()),
        (any::<u16>(), phrase).prop_map(|(cause, phrase)| RejectCause { cause, phrase }.into()),
        any::<[u8; 2]>().prop_map(|[p, priority]| QueueInfo {
            position: QueuePosition::from_code(p),
            priority
        }
        .into()),
        identity().prop_map(|v| GrantedPartysIdentity(v).into()),
        any::<u16>().prop_map(|v| PermissionToRequestTheFloor::from_code(v).into()),
        identity().prop_map(|v| UserId(v).into()),
        any::<u16>().prop_map(|v| QueueSize(v).into()),
        any::<u16>().prop_map(|v| MessageSequenceNumber(v).into()),
        identity().prop_map(|v| QueuedUserId(v).into()),
        any::<u16>().prop_map(|v| Source::from_code(v).into()),
        track_info().prop_map(Into::into),
        any::<u8>().prop_map(|v| MessageType::new(v).into()),
        any::<u16>().prop_map(|v| FloorIndicator::from_bits(v).into()),
        any::<u32>().prop_map(|v| Ssrc(v).into()),
        few(identity()).prop_map(|v| ListOfGrantedUsers(v).into()),
        prop::collection::vec(any::<u32>().prop_map(Ssrc), 1..64)
            .prop_map(|v| ListOfSsrcs(v).into()),
        alias().prop_map(Into::into),
        few(alias()).prop_map(|v| ListOfFunctionalAliases(v).into()),
        location().prop_map(Into::into),
        prop::collection::vec(location(), 0..30).prop_map(|v| ListOfLocations(v).into()),
        any::<u8>().prop_map(|v| QueuedFloorRequestsPurpose::from_code(v).into()),
        few(identity()).prop_map(|v| ListOfQueuedUsers(v).into()),
        any::<u8>().prop_map(|v| ResponseState::from_code(v).into()),
        prop_oneof![
            Just(MediaFlowControlIndicator::Stop),
            Just(MediaFlowControlIndicator::Resume)
        ]
        .prop_map(Into::into),
        identity().prop_map(|v| FloorRevokeRequestUserId(v).into()),
        (26u8..=255, prop::collection::vec(any::<u8>(), 0..200))
            .prop_map(|(id, value)| Field::Unknown(UnknownField { id, value })),
    ]
}

fn packet() -> impl Strategy<Value = FloorPacket> {
    let subtype = prop::sample::select(vec![
        0x00u8, 0x01, 0x11, 0x02, 0x12, 0x03, 0x13, 0x04, 0x14, 0x05, 0x15, 0x06, 0x07, 0x08, 0x09,
        0x19, 0x0A, 0x0B, 0x1B, 0x0E, 0x1E, 0x0F,
    ]);
    (subtype, any::<u32>(), prop::collection::vec(field(), 0..12)).prop_map(
        |(subtype, ssrc, fields)| FloorPacket {
            subtype: Subtype::from_bits(subtype),
            ssrc: Ssrc(ssrc),
            fields,
        },
    )
}

/// Values that are too long for their field are refused by the encoder, not cut.
fn encoded(packet: &FloorPacket) -> Option<Vec<u8>> {
    match packet.encode() {
        Ok(octets) => Some(octets),
        Err(Error::LocalFieldTooLong { length, .. }) => {
            assert!(length > 255);
            None
        }
        Err(other) => panic!("{other}"),
    }
}

proptest! {
    #[test]
    fn packets_survive_the_wire(packet in packet()) {
        if let Some(octets) = encoded(&packet) {
            prop_assert_eq!(octets.len() % 4, 0);
            prop_assert!(is_canonical(&octets, &Profile::default()));
            prop_assert_eq!(FloorPacket::decode(&octets, &Profile::default()), Ok(packet));
        }
    }

    #[test]
    fn typed_messages_survive_the_wire(packet in packet()) {
        let Ok(message) = FloorMessage::try_from(&packet) else { return Ok(()) };
        if let Some(octets) = encoded(&message.to_packet()) {
            prop_assert_eq!(FloorMessage::decode(&octets, &Profile::default()), Ok(message));
        }
    }

    #[test]
    fn every_message_of_a_datagram_is_found(packets in prop::collection::vec(packet(), 1..4)) {
        let octets: Vec<_> = packets.iter().filter_map(encoded).collect();
        let datagram = octets.concat();
        prop_assume!(!datagram.is_empty());
        prop_assert_eq!(Datagram::new(&datagram, Profile::default()).count(), octets.len());
    }

    #[test]
    fn random_octets_do_no_harm(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Datagram::new(&octets, Profile::default()).count();
        let description = describe(&octets, &Profile::default());
        let told: usize = description.lines.iter().map(|line| line.octets.len()).sum();
        prop_assert!(told <= octets.len());
    }

    #[test]
    fn changed_octets_do_no_harm(packet in packet(), at in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<prop::sample::Index>()) {
        let Some(mut octets) = encoded(&packet) else { return Ok(()) };
        let index = at.index(octets.len());
        octets[index] ^= 1 << bit;
        for end in [octets.len(), cut.index(octets.len())] {
            for message in Datagram::new(&octets[..end], Profile::default()).flatten() {
                let again = message.encode().unwrap();
                prop_assert_eq!(FloorMessage::decode(&again, &Profile::default()), Ok(message));
            }
            let _ = describe(&octets[..end], &Profile::default());
        }
    }

    #[test]
    fn fields_of_the_other_applications_survive_the_wire(fields in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..40)), 0..8), mbms in any::<bool>(), subtype in 0u8..3) {
        let mut octets = vec![0x80 | subtype, 204, 0, 0, 1, 2, 3, 4];
        octets.extend_from_slice(if mbms { b"MCMC" } else { b"MCPC" });
        for (id, value) in fields {
            octets.push(id);
            if id >= 192 { octets.push(0); }
            octets.push(value.len() as u8);
            octets.extend_from_slice(&value);
            octets.resize(octets.len().next_multiple_of(4), 0);
        }
        octets[3] = (octets.len() / 4 - 1) as u8;
        if let Ok(packet) = CallControlPacket::decode(&octets, &Profile::default()) {
            let again = packet.encode().unwrap();
            prop_assert_eq!(CallControlPacket::decode(&again, &Profile::default()), Ok(packet));
        }
        if let Ok(packet) = MbmsPacket::decode(&octets, &Profile::default()) {
            let again = packet.encode().unwrap();
            prop_assert_eq!(MbmsPacket::decode(&again, &Profile::default()), Ok(packet));
        }
        let _ = describe(&octets, &Profile::default());
    }
}
