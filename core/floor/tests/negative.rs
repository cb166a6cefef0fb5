//! Each check of the decoders beyond the shared vectors has a message that only it refuses.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use roger_floor::call_control::{CallControlBody, CallControlMessage};
use roger_floor::field::Location;
use roger_floor::mbms::{MbmsBody, MbmsMessage};
use roger_floor::{Error, FieldProblem, FloorBody, FloorMessage, Profile};

/// A message of an application: subtype, fields in hex.
fn message(name: &str, subtype: u8, fields: &str) -> Vec<u8> {
    let fields = hex::decode(fields.replace(' ', "")).unwrap();
    assert_eq!(fields.len() % 4, 0);
    let words = (12 + fields.len()) / 4 - 1;
    let mut octets = vec![0x80 | subtype, 204, 0, words as u8, 0, 0, 0, 1];
    octets.extend_from_slice(name.as_bytes());
    octets.extend_from_slice(&fields);
    octets
}

fn floor(subtype: u8, fields: &str) -> Result<FloorMessage, Error> {
    FloorMessage::decode(&message("MCPT", subtype, fields), &Profile::default())
}

fn problem<T: core::fmt::Debug>(result: Result<T, Error>) -> (&'static str, FieldProblem) {
    match result {
        Err(Error::PeerField { field, problem, .. }) => (field, problem),
        other => panic!("{other:?}"),
    }
}

#[test]
fn octets_behind_the_entries_of_a_list_are_refused() {
    let wanted = ("List of Granted Users", FieldProblem::ListCount(1));
    assert_eq!(problem(floor(2, "0F09 01 05 7369703A61 0000 00")), wanted);
}

#[test]
fn a_list_that_promises_more_entries_than_octets_is_refused_before_any_is_read() {
    let wanted = ("List of Queued Users", FieldProblem::ListCount(255));
    assert_eq!(problem(floor(14, "1502 0000 1602 FF00")), wanted);
}

#[test]
fn a_list_of_ssrcs_needs_an_entry() {
    let wanted = ("List of SSRCs", FieldProblem::Length(0));
    assert_eq!(problem(floor(2, "1000 0000")), wanted);
}

#[test]
fn a_location_with_octets_behind_it_is_refused() {
    assert_eq!(
        problem(floor(0, "1303 0509 01 000000")),
        ("Location", FieldProblem::Length(3))
    );
    assert_eq!(
        problem(floor(0, "1300 0000")),
        ("Location", FieldProblem::Length(0))
    );
}

#[test]
fn a_location_of_an_unknown_type_is_kept_alone_and_refused_in_a_list() {
    let FloorBody::FloorRequest(request) = floor(0, "1303 0701 02 000000").unwrap().body else {
        panic!()
    };
    assert!(matches!(
        request.location,
        Some(Location::Other {
            kind: 7,
            length: 2,
            ..
        })
    ));
    assert_eq!(
        problem(floor(2, "1404 0107 0102 0000")),
        ("List of Locations", FieldProblem::Number(7))
    );
    let long = "1311 09 00000000000000000000000000000000 00";
    assert_eq!(
        problem(floor(0, long)),
        ("Location", FieldProblem::Length(17))
    );
}

#[test]
fn a_participant_type_needs_its_inner_padding() {
    assert_eq!(
        problem(floor(0, "0B05 0103 616263 00")),
        ("Track Info", FieldProblem::InnerOverrun)
    );
}

#[test]
fn an_acknowledged_type_has_five_bits_at_most() {
    assert_eq!(
        problem(floor(10, "0A02 0000 0C02 2000")),
        ("Message Type", FieldProblem::Number(0x20))
    );
    let FloorBody::FloorAck(ack) = floor(10, "0A02 0000 0C02 1100").unwrap().body else {
        panic!()
    };
    assert_eq!(
        ack.message_type.get(),
        1,
        "an acknowledgement bit left set is cleared"
    );
}

#[test]
fn numbers_of_two_octets_have_two_octets() {
    for (subtype, field) in [
        (0, "0D01 8000"),
        (1, "0103 001E00 000000"),
        (2, "0501 0100"),
        (2, "0803 000100 000000"),
        (9, "0301 0100"),
        (10, "0A01 0000"),
        (1, "0701 0000"),
        (14, "1501 0000"),
        (14, "1701 0000"),
        (11, "1801 8000"),
    ] {
        let (_, problem) = problem(floor(subtype, field));
        assert!(matches!(problem, FieldProblem::Length(1 | 3)), "{field}");
    }
}

#[test]
fn required_fields_are_required() {
    for (subtype, fields, field) in [
        (1, "0002 0500", "Duration"),
        (1, "0102 001E", "Floor Priority"),
        (6, "", "Reject Cause"),
        (7, "", "Floor Revoke Request User ID"),
        (9, "", "Queue Info"),
        (10, "0C02 0100", "Source"),
        (11, "", "Media Flow Control Indicator"),
        (14, "", "Queued Floor Requests Purpose"),
    ] {
        match floor(subtype, fields) {
            Err(Error::PeerFieldMissing { field: missing, .. }) => assert_eq!(missing, field),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_message_with_another_behind_it_is_not_one_message() {
    let mut octets = message("MCPT", 4, "");
    octets.extend_from_slice(&message("MCPT", 4, ""));
    assert_eq!(
        FloorMessage::decode(&octets, &Profile::default()),
        Err(Error::PeerTrailingOctets(12))
    );
}

fn call_control(subtype: u8, fields: &str) -> Result<CallControlMessage, Error> {
    CallControlMessage::decode(&message("MCPC", subtype, fields), &Profile::default())
}

#[test]
fn call_control_checks_its_fields() {
    let session = "0106 03 7369703A78";
    assert!(call_control(0, &format!("0002 0102 {session}")).is_ok());
    assert_eq!(
        problem(call_control(1, "0100 0000")),
        ("MCPTT Session Identity", FieldProblem::Length(0))
    );
    assert_eq!(
        problem(call_control(1, "0101 0300")).0,
        "MCPTT Session Identity",
        "a type without a URI"
    );
    assert_eq!(
        problem(call_control(2, "0601 0000")),
        ("Reason Code", FieldProblem::Length(1))
    );
    assert_eq!(
        problem(call_control(0, "0001 0100")),
        ("Media Streams", FieldProblem::Length(1))
    );
    assert_eq!(
        problem(call_control(0, "0201 FF00")),
        ("Warning Text", FieldProblem::NotUtf8)
    );
    assert_eq!(
        problem(call_control(0, "0302 6731")).0,
        "MCPTT Group Identity",
        "a group is a URI"
    );
    assert!(matches!(
        call_control(0, session),
        Err(Error::PeerFieldMissing {
            field: "Media Streams",
            ..
        })
    ));
    assert_eq!(
        call_control(0x12, "0602 0000"),
        Err(Error::PeerSubtype(0x12)),
        "no acknowledgement of one"
    );
    assert_eq!(call_control(3, ""), Err(Error::PeerSubtype(3)));
    let floor_name = message("MCPT", 2, "0602 0000");
    let refused = CallControlMessage::decode(&floor_name, &Profile::default());
    assert_eq!(refused, Err(Error::PeerName(*b"MCPT")));
}

#[test]
fn a_call_without_floor_control_has_line_0() {
    let message = call_control(0, "0002 0100 0106 01 7369703A78").unwrap();
    let CallControlBody::Connect(connect) = message.body else {
        panic!()
    };
    assert_eq!(
        (connect.media_streams.audio, connect.media_streams.floor),
        (1, None)
    );
}

fn mbms(subtype: u8, fields: &str) -> Result<MbmsMessage, Error> {
    MbmsMessage::decode(&message("MCMC", subtype, fields), &Profile::default())
}

#[test]
fn mbms_checks_its_fields() {
    let group = "0206 7369703A6731";
    let with = |subchannel: &str| mbms(0, &format!("{group} {subchannel}"));
    assert!(with("000A 1000 00001388 EF010203").is_ok());
    assert_eq!(
        problem(with("000A 1000 00011388 EF010203")),
        ("MBMS Subchannel", FieldProblem::Number(0x11388))
    );
    assert_eq!(
        problem(with("000A 1020 00001388 EF010203")),
        ("MBMS Subchannel", FieldProblem::Number(2))
    );
    assert_eq!(
        problem(with("000A 1010 00001388 EF010203")),
        ("MBMS Subchannel", FieldProblem::Length(4))
    );
    assert_eq!(
        problem(with("000A 1200 00001388 00001770")),
        ("MBMS Subchannel", FieldProblem::Length(0))
    );
    assert_eq!(
        problem(with("0001 1000")),
        ("MBMS Subchannel", FieldProblem::InnerOverrun)
    );
    assert_eq!(
        problem(mbms(0, "0105 0000000142 00")),
        ("TMGI", FieldProblem::Length(5))
    );
    assert!(matches!(
        mbms(1, ""),
        Err(Error::PeerFieldMissing {
            field: "MCPTT Group ID",
            ..
        })
    ));
    assert_eq!(
        mbms(0x10, group),
        Err(Error::PeerSubtype(0x10)),
        "there is no acknowledgement bit"
    );
    assert_eq!(mbms(4, group), Err(Error::PeerSubtype(4)));
}

#[test]
fn field_3_is_a_group_only_when_it_is_a_uri() {
    let MbmsBody::BearerAnnouncement(announcement) = mbms(3, "0302 0001").unwrap().body else {
        panic!()
    };
    assert_eq!(announcement.monitoring_state.unwrap().0, [0, 1]);
}
