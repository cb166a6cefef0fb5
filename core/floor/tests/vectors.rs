//! Every case of `vectors/floor.json`, octet for octet.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use roger_floor::call_control::{CallControlMessage, CallControlPacket};
use roger_floor::mbms::{MbmsMessage, MbmsPacket};
use roger_floor::{
    AckRequest, Datagram, Error, FloorBody, FloorMessage, FloorPacket, OldFieldIds, Profile,
    Release, describe, is_canonical,
};
use serde_json::Value;
use support::vectors::{self, hex_of, name_of};

fn profile() -> Profile {
    Profile::default()
}

#[test]
fn the_file_has_all_its_cases() {
    let file = vectors::file();
    let counts = ["cases", "datagrams", "tolerated", "negative"]
        .map(|part| file[part].as_array().unwrap().len());
    assert_eq!(counts, [115, 2, 8, 54]);
}

#[test]
fn fields_encode_to_the_octets_of_every_case() {
    for case in vectors::part("cases") {
        let encoded = match case["app_name"].as_str().unwrap() {
            "MCPT" => vectors::floor_packet(&case).encode(),
            "MCPC" => vectors::call_control_packet(&case).encode(),
            "MCMC" => vectors::mbms_packet(&case).encode(),
            other => panic!("application {other}"),
        };
        assert_eq!(
            hex::encode_upper(encoded.unwrap()),
            case["hex"].as_str().unwrap(),
            "{}",
            name_of(&case)
        );
    }
}

#[test]
fn octets_decode_to_the_fields_of_every_case() {
    for case in vectors::part("cases") {
        let (octets, name) = (hex_of(&case), name_of(&case));
        match case["app_name"].as_str().unwrap() {
            "MCPT" => assert_eq!(
                FloorPacket::decode(&octets, &profile()).unwrap(),
                vectors::floor_packet(&case),
                "{name}"
            ),
            "MCPC" => assert_eq!(
                CallControlPacket::decode(&octets, &profile()).unwrap(),
                vectors::call_control_packet(&case),
                "{name}"
            ),
            _ => assert_eq!(
                MbmsPacket::decode(&octets, &profile()).unwrap(),
                vectors::mbms_packet(&case),
                "{name}"
            ),
        }
    }
}

#[test]
fn typed_messages_keep_every_field_of_every_case() {
    for case in vectors::part("cases") {
        let (octets, name) = (hex_of(&case), name_of(&case));
        let (message, again) = match case["app_name"].as_str().unwrap() {
            "MCPT" => {
                let message = FloorMessage::decode(&octets, &profile()).unwrap();
                (message.body.name(), message.encode().unwrap())
            }
            "MCPC" => {
                let message = CallControlMessage::decode(&octets, &profile()).unwrap();
                (message.body.name(), message.encode().unwrap())
            }
            _ => {
                let message = MbmsMessage::decode(&octets, &profile()).unwrap();
                (message.body.name(), message.encode().unwrap())
            }
        };
        assert_eq!(message, case["message"].as_str().unwrap(), "{name}");
        assert_eq!(
            vectors::sorted_words(&again),
            vectors::sorted_words(&octets),
            "{name}"
        );
    }
}

#[test]
fn the_usual_messages_are_sent_in_the_order_of_the_vectors() {
    let other_order = [
        "request-emergency",
        "granted-dual-floor-emergency",
        "granted-offnetwork-queue",
        "digest-example-5",
        "digest-example-8",
    ];
    let mut same = 0;
    for case in vectors::part("cases") {
        if case["app_name"] != "MCPT" || other_order.contains(&name_of(&case)) {
            continue;
        }
        let again = FloorMessage::decode(&hex_of(&case), &profile())
            .unwrap()
            .encode()
            .unwrap();
        assert_eq!(
            hex::encode_upper(again),
            case["hex"].as_str().unwrap(),
            "{}",
            name_of(&case)
        );
        same += 1;
    }
    println!("{same} typed messages re-encoded octet for octet");
}

#[test]
fn the_ack_bit_is_the_one_of_the_listing() {
    for case in vectors::part("cases")
        .into_iter()
        .filter(|case| case["app_name"] == "MCPT")
    {
        let message = FloorMessage::decode(&hex_of(&case), &profile()).unwrap();
        assert_eq!(
            message.ack == AckRequest::Requested,
            case["ack_requested"].as_bool().unwrap()
        );
    }
}

#[test]
fn several_messages_come_out_of_one_datagram() {
    let cases = vectors::part("cases");
    for datagram in vectors::part("datagrams") {
        let octets = hex_of(&datagram);
        let found: Vec<_> = Datagram::new(&octets, profile())
            .collect::<Result<_, _>>()
            .unwrap();
        let wanted: Vec<_> = datagram["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| {
                let case = cases.iter().find(|case| case["name"] == *name).unwrap();
                FloorMessage::decode(&hex_of(case), &profile()).unwrap()
            })
            .collect();
        assert_eq!(found, wanted);
        assert!(describe(&octets, &profile()).problems.is_empty());
    }
}

#[test]
fn tolerated_forms_mean_what_the_listing_says() {
    let cases = vectors::part("cases");
    for tolerated in vectors::part("tolerated") {
        let case = cases
            .iter()
            .find(|case| case["name"] == tolerated["decoded_as"])
            .unwrap();
        let wanted = FloorMessage::decode(&hex_of(case), &profile()).unwrap();
        assert_eq!(
            FloorMessage::decode(&hex_of(&tolerated), &profile()).unwrap(),
            wanted,
            "{}",
            name_of(&tolerated)
        );
    }
}

/// What this decoder says about a negative case.
fn refusal(octets: &[u8]) -> Option<Error> {
    Datagram::new(octets, profile()).find_map(Result::err)
}

#[test]
fn every_negative_case_is_refused() {
    let mut refused = 0;
    for case in vectors::part("negative")
        .iter()
        .filter(|case| case["expect"] == "discard")
    {
        let octets = hex_of(case);
        let messages: Vec<_> = Datagram::new(&octets, profile()).collect();
        assert!(
            messages.iter().all(Result::is_err),
            "{}: {messages:?}",
            name_of(case)
        );
        assert!(!messages.is_empty(), "{}", name_of(case));
        assert!(
            !describe(&octets, &profile()).problems.is_empty(),
            "{}",
            name_of(case)
        );
        refused += 1;
    }
    println!("{refused} negative cases refused");
    assert_eq!(refused, 46);
}

fn negative(name: &str) -> Vec<u8> {
    let part = vectors::part("negative");
    hex_of(part.iter().find(|case| case["name"] == name).unwrap())
}

#[test]
fn negative_cases_are_refused_for_their_own_reason() {
    use Error as E;
    let field = |error: Option<Error>| match error {
        Some(E::PeerField { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(refusal(&negative("version-1")), Some(E::PeerVersion(1)));
    assert_eq!(
        refusal(&negative("padding-bit-set")),
        Some(E::PeerPaddingBit)
    );
    assert_eq!(
        refusal(&negative("payload-type-203")),
        Some(E::PeerPayloadType(203))
    );
    assert_eq!(
        refusal(&negative("name-mcvideo")),
        Some(E::PeerName(*b"MCV1"))
    );
    assert_eq!(
        refusal(&negative("name-lower-case")),
        Some(E::PeerName(*b"mcpt"))
    );
    assert_eq!(
        refusal(&negative("length-too-long")),
        Some(E::PeerLengthTooLong {
            declared: 24,
            available: 20
        })
    );
    assert_eq!(
        refusal(&negative("length-too-short")),
        Some(E::PeerLengthTooShort(8))
    );
    assert_eq!(
        refusal(&negative("truncated-11")),
        Some(E::PeerPacketTooShort(11))
    );
    assert_eq!(refusal(&negative("subtype-1A")), Some(E::PeerSubtype(0x1A)));
    assert!(matches!(
        refusal(&negative("field-length-overruns")),
        Some(E::PeerFieldOverrun { id: 4, .. })
    ));
    assert!(matches!(
        refusal(&negative("field-16-bit-length-overruns")),
        Some(E::PeerFieldOverrun { id: 200, .. })
    ));
    assert_eq!(
        field(refusal(&negative("priority-length-1"))),
        "Floor Priority"
    );
    assert_eq!(field(refusal(&negative("duration-length-0"))), "Duration");
    assert_eq!(field(refusal(&negative("ssrc-length-4"))), "SSRC");
    assert_eq!(
        field(refusal(&negative("reject-cause-length-1"))),
        "Reject Cause"
    );
    assert_eq!(
        field(refusal(&negative("identity-with-nul"))),
        "Granted Party's Identity"
    );
    assert_eq!(
        field(refusal(&negative("list-count-too-big"))),
        "List of Granted Users"
    );
    assert_eq!(
        field(refusal(&negative("ssrc-list-count-too-big"))),
        "List of SSRCs"
    );
    assert_eq!(
        field(refusal(&negative("track-info-partial-reference"))),
        "Track Info"
    );
    assert_eq!(field(refusal(&negative("location-short"))), "Location");
    let missing = E::PeerFieldMissing {
        message: "Floor Ack",
        field: "Message Type",
    };
    assert_eq!(refusal(&negative("ack-without-type")), Some(missing));
}

#[test]
fn cases_left_open_are_answered_as_documented() {
    let decode = |name| FloorMessage::decode(&negative(name), &profile());
    let FloorBody::FloorRequest(request) = decode("request-without-priority").unwrap().body else {
        panic!()
    };
    assert_eq!(
        request.floor_priority.0, 0,
        "an absent priority is priority 0"
    );
    let FloorBody::FloorIdle(idle) = decode("idle-without-sequence").unwrap().body else {
        panic!()
    };
    assert_eq!(idle.message_sequence_number, None);
    let FloorBody::FloorRequest(request) = decode("duplicate-field").unwrap().body else {
        panic!()
    };
    assert_eq!(
        request.floor_priority.0, 1,
        "the first of two fields counts"
    );
    assert!(
        decode("field-padding-nonzero").is_ok(),
        "padding is not looked at"
    );
    assert!(!is_canonical(
        &negative("field-padding-nonzero"),
        &profile()
    ));
    let FloorBody::FloorDeny(deny) = decode("field-padding-missing-aligned-total").unwrap().body
    else {
        panic!()
    };
    assert_eq!(
        deny.floor_indicator, None,
        "the swallowed field is lost, the cause is not"
    );
    let broken = negative("second-message-broken");
    let both: Vec<_> = Datagram::new(&broken, profile())
        .map(|message| message.is_ok())
        .collect();
    assert_eq!(both, [true, false]);
    let tail = negative("second-message-tail");
    let both: Vec<_> = Datagram::new(&tail, profile())
        .map(|message| message.is_ok())
        .collect();
    assert_eq!(both, [true, false]);
}

#[test]
fn old_field_ids_need_the_switch() {
    let octets = negative("old-13.0-field-ids");
    let cases = vectors::part("cases");
    let usual = cases
        .iter()
        .find(|case| case["name"] == "request-usual")
        .unwrap();
    let old = Profile {
        old_field_ids: OldFieldIds::Understood,
        ..profile()
    };
    assert_eq!(
        FloorMessage::decode(&octets, &old),
        FloorMessage::decode(&hex_of(usual), &profile())
    );
    let FloorBody::FloorRequest(request) = FloorMessage::decode(&octets, &profile()).unwrap().body
    else {
        panic!()
    };
    assert_eq!(
        (request.floor_priority.0, request.floor_indicator),
        (0, None)
    );
}

#[test]
fn messages_of_later_releases_are_undefined_earlier() {
    let early = Profile {
        release: Release::R13,
        ..profile()
    };
    for case in vectors::part("cases")
        .iter()
        .filter(|case| case["app_name"] == "MCPT")
    {
        let defined = matches!(case["subtype"].as_u64().unwrap() & 0xF, 0..=6 | 8..=10);
        assert_eq!(
            FloorPacket::decode(&hex_of(case), &early).is_ok(),
            defined,
            "{}",
            name_of(case)
        );
    }
    let r17 = Profile {
        release: Release::R17,
        ..profile()
    };
    let octets = hex::decode("8ECC00031A2B3C4D4D43505415020000").unwrap();
    assert_eq!(
        describe(&octets, &r17).lines[0].meaning,
        "Floor Queued Cancel, type 14"
    );
}

#[test]
fn describe_covers_every_octet_of_every_case() {
    for case in vectors::part("cases") {
        let octets = hex_of(&case);
        let description = describe(&octets, &profile());
        assert!(
            description.problems.is_empty(),
            "{}: {:?}",
            name_of(&case),
            description.problems
        );
        let joined: Vec<u8> = description
            .lines
            .iter()
            .flat_map(|line| line.octets.clone())
            .collect();
        assert_eq!(joined, octets, "{}", name_of(&case));
        let names: Vec<_> = description.lines[5..]
            .iter()
            .map(|line| Value::from(line.field.as_str()))
            .collect();
        let wanted: Vec<_> = case["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| field["name"].clone())
            .collect();
        assert_eq!(names, wanted, "{}", name_of(&case));
    }
}

#[test]
fn a_group_of_13_2_and_the_old_application_name_are_accepted() {
    let octets =
        hex::decode("81CC00070F00BA124D43435003127369703A6731406D63782E6578616D706C65").unwrap();
    let message = MbmsMessage::decode(&octets, &profile()).unwrap();
    let today =
        hex::decode("81CC00070F00BA124D434D4302127369703A6731406D63782E6578616D706C65").unwrap();
    assert_eq!(message, MbmsMessage::decode(&today, &profile()).unwrap());
}

#[test]
fn values_that_do_not_fit_are_not_sent() {
    let mut packet =
        FloorPacket::decode(&negative("request-without-priority"), &profile()).unwrap();
    let long = roger_base::McpttId::new(format!("sip:{}", "a".repeat(252))).unwrap();
    packet.fields = vec![roger_floor::field::UserId(long).into()];
    assert_eq!(
        packet.encode(),
        Err(Error::LocalFieldTooLong { id: 6, length: 256 })
    );
    packet.fields = vec![roger_floor::field::ListOfSsrcs(Vec::new()).into()];
    assert_eq!(packet.encode(), Err(Error::LocalListLength(0)));
    packet.fields = Vec::new();
    packet.subtype = roger_floor::Subtype::from_bits(0x10);
    assert_eq!(
        packet.encode(),
        Err(Error::LocalNoAcknowledgement("Floor Request"))
    );
}
