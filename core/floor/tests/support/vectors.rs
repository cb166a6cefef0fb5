//! Reads `vectors/floor.json` and builds packets from its listings.

use core::net::IpAddr;
use core::num::NonZeroU8;
use roger_base::{GroupId, McpttId};
use roger_floor::call_control::{self, CallControlField, CallControlPacket};
use roger_floor::field::*;
use roger_floor::mbms::{self, MbmsField, MbmsPacket};
use roger_floor::{FloorPacket, Packet, Ssrc, Subtype};
use serde_json::Value;

pub(crate) fn file() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/floor.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub(crate) fn part(name: &str) -> Vec<Value> {
    file()[name].as_array().unwrap().clone()
}

pub(crate) fn hex_of(case: &Value) -> Vec<u8> {
    hex::decode(case["hex"].as_str().unwrap()).unwrap()
}

pub(crate) fn name_of(case: &Value) -> &str {
    case["name"].as_str().unwrap()
}

/// The octets of a message as words after the header, sorted: equal for two orders of the same fields.
pub(crate) fn sorted_words(octets: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut fields = Vec::new();
    let mut rest = &octets[12..];
    while !rest.is_empty() {
        let length = if rest[0] >= 192 {
            3 + usize::from(rest[1]) * 256 + usize::from(rest[2])
        } else {
            2 + usize::from(rest[1])
        };
        let (field, tail) = rest.split_at(length.next_multiple_of(4));
        fields.push(field.to_vec());
        rest = tail;
    }
    fields.sort();
    (octets[..12].to_vec(), fields)
}

fn packet<F>(case: &Value, field: impl Fn(&Value) -> F) -> Packet<F> {
    Packet {
        subtype: Subtype::from_bits(case["subtype"].as_u64().unwrap() as u8),
        ssrc: ssrc(&case["ssrc"]),
        fields: case["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(field)
            .collect(),
    }
}

pub(crate) fn floor_packet(case: &Value) -> FloorPacket {
    packet(case, floor_field)
}

pub(crate) fn call_control_packet(case: &Value) -> CallControlPacket {
    packet(case, call_control_field)
}

pub(crate) fn mbms_packet(case: &Value) -> MbmsPacket {
    packet(case, mbms_field)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn number(value: &Value) -> u16 {
    value.as_u64().unwrap().try_into().unwrap()
}

fn octet(value: &Value) -> u8 {
    value.as_u64().unwrap().try_into().unwrap()
}

fn bits32(value: &Value) -> u32 {
    u32::from_str_radix(value.as_str().unwrap(), 16).unwrap()
}

fn ssrc(value: &Value) -> Ssrc {
    Ssrc(bits32(value))
}

fn user(value: &Value) -> McpttId {
    McpttId::new(text(value)).unwrap()
}

fn list<T>(value: &Value, entry: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().unwrap().iter().map(entry).collect()
}

fn octets<const N: usize>(value: &Value) -> [u8; N] {
    hex::decode(value.as_str().unwrap())
        .unwrap()
        .try_into()
        .unwrap()
}

fn location(value: &Value) -> Location {
    match value[0].as_str().unwrap() {
        "none" => Location::NotProvided,
        "ecgi" => Location::Ecgi {
            plmn: octets(&value[1]),
            eci: value[2].as_u64().unwrap() as u32,
        },
        "tac" => Location::TrackingArea {
            plmn: octets(&value[1]),
            tac: number(&value[2]),
        },
        "plmn" => Location::Plmn(octets(&value[1])),
        "sai" => Location::MbmsServiceArea(number(&value[1])),
        "mbsfn" => Location::MbsfnArea(octet(&value[1])),
        "geo" => Location::Coordinate {
            latitude: octets(&value[1]),
            longitude: octets(&value[2]),
        },
        other => panic!("location {other}"),
    }
}

fn track_info(value: &Value) -> TrackInfo {
    TrackInfo {
        queueing: if value["queueing"] == 1 {
            Queueing::Supported
        } else {
            Queueing::NotSupported
        },
        participant_type: text(&value["participant_type"]),
        references: list(&value["references"], bits32),
    }
}

fn alias(value: &Value) -> FunctionalAlias {
    FunctionalAlias::new(text(value)).unwrap()
}

fn floor_field(field: &Value) -> Field {
    let value = &field["value"];
    match field["id"].as_u64().unwrap() {
        0 => FloorPriority(octet(value)).into(),
        1 => Duration(number(value)).into(),
        2 => {
            let phrase = text(&value["phrase"]);
            let phrase = (!phrase.is_empty()).then_some(phrase);
            RejectCause {
                cause: number(&value["cause"]),
                phrase,
            }
            .into()
        }
        3 => {
            let position = QueuePosition::from_code(octet(&value["position"]));
            QueueInfo {
                position,
                priority: octet(&value["priority"]),
            }
            .into()
        }
        4 => GrantedPartysIdentity(user(value)).into(),
        5 => PermissionToRequestTheFloor::from_code(number(value)).into(),
        6 => UserId(user(value)).into(),
        7 => QueueSize(number(value)).into(),
        8 => MessageSequenceNumber(number(value)).into(),
        9 => QueuedUserId(user(value)).into(),
        10 => Source::from_code(number(value)).into(),
        11 => track_info(value).into(),
        12 => MessageType::new(octet(value)).into(),
        13 => FloorIndicator::from_bits(bits32(value) as u16).into(),
        14 => ssrc(value).into(),
        15 => ListOfGrantedUsers(list(value, user)).into(),
        16 => ListOfSsrcs(list(value, ssrc)).into(),
        17 => alias(value).into(),
        18 => ListOfFunctionalAliases(list(value, alias)).into(),
        19 => location(value).into(),
        20 => ListOfLocations(list(value, location)).into(),
        21 => QueuedFloorRequestsPurpose::from_code(octet(value)).into(),
        22 => ListOfQueuedUsers(list(value, user)).into(),
        23 => ResponseState::from_code(octet(value)).into(),
        24 if value == "stop" => MediaFlowControlIndicator::Stop.into(),
        24 if value == "resume" => MediaFlowControlIndicator::Resume.into(),
        25 => FloorRevokeRequestUserId(user(value)).into(),
        other => panic!("field {other}"),
    }
}

fn call_control_field(field: &Value) -> CallControlField {
    let value = &field["value"];
    match field["id"].as_u64().unwrap() {
        0 => {
            let floor = NonZeroU8::new(octet(&value["floor"]));
            call_control::MediaStreams {
                audio: octet(&value["audio"]),
                floor,
            }
            .into()
        }
        1 => {
            let session_type = call_control::SessionType::from_code(octet(&value["session_type"]));
            let uri = SessionUri::new(text(&value["uri"])).unwrap();
            call_control::McpttSessionIdentity { session_type, uri }.into()
        }
        2 => call_control::WarningText(text(value)).into(),
        3 => call_control::McpttGroupIdentity(GroupId::new(text(value)).unwrap()).into(),
        4 => call_control::AnswerState::from_code(number(value)).into(),
        5 => call_control::InvitingMcpttUserIdentity(user(value)).into(),
        6 => call_control::ReasonCode::from_code(number(value)).into(),
        8 => call_control::InvitedMcpttUserIdentity(user(value)).into(),
        192 => call_control::PckIMessage(hex::decode(text(value)).unwrap()).into(),
        other => panic!("field {other}"),
    }
}

fn mbms_field(field: &Value) -> MbmsField {
    let value = &field["value"];
    match field["id"].as_u64().unwrap() {
        0 => {
            let line = octet(&value["floor"]);
            let port = || number(&value["floor_port"]);
            mbms::MbmsSubchannel {
                audio_line: octet(&value["audio"]),
                floor: (line != 0).then(|| mbms::SubchannelFloor { line, port: port() }),
                media_port: number(&value["media_port"]),
                address: text(&value["ip"]).parse::<IpAddr>().unwrap(),
            }
            .into()
        }
        1 => mbms::Tmgi(octets(value)).into(),
        2 => mbms::McpttGroupIdentifier(GroupId::new(text(value)).unwrap()).into(),
        other => panic!("field {other}"),
    }
}
