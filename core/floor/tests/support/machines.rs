//! Messages and short names of outputs for tests of the machines.

use core::time::Duration;
use roger_base::{Instant, McpttId};
use roger_floor::field::*;
use roger_floor::*;

pub(crate) const SERVER: Ssrc = Ssrc(0x0F00_BA12);
pub(crate) const CLIENT: Ssrc = Ssrc(0x1A2B_3C4D);
pub(crate) const AUDIO: Ssrc = Ssrc(0xA1B2_C3D4);

pub(crate) fn at(milliseconds: u64) -> Instant {
    Instant::from_origin(Duration::from_millis(milliseconds))
}

pub(crate) fn user(name: &str) -> McpttId {
    McpttId::new(format!("sip:{name}@mcx.example")).unwrap()
}

pub(crate) fn granted(indicator: FloorIndicator) -> FloorMessage {
    let body = FloorGranted {
        duration: Duration16(30).into(),
        floor_priority: FloorPriority(5),
        ssrc: Some(AUDIO),
        user_id: None,
        queue_size: None,
        queued_participants: Vec::new(),
        track_info: None,
        floor_indicator: Some(indicator),
    };
    FloorMessage::new(SERVER, body)
}

/// The field, which has the name of the standard library's type.
pub(crate) struct Duration16(pub(crate) u16);

impl From<Duration16> for roger_floor::field::Duration {
    fn from(value: Duration16) -> Self {
        Self(value.0)
    }
}

pub(crate) fn taken(
    number: u16,
    permission: PermissionToRequestTheFloor,
    indicator: FloorIndicator,
) -> FloorMessage {
    let body = FloorTaken {
        granted_partys_identity: Some(GrantedPartysIdentity(user("bob"))),
        user_id: None,
        permission: Some(permission),
        message_sequence_number: Some(MessageSequenceNumber(number)),
        track_info: None,
        floor_indicator: Some(indicator),
        ssrc: Some(Ssrc(0x5566_7788)),
        functional_alias: None,
        location: None,
        granted_users: None,
        ssrcs: None,
        functional_aliases: None,
        locations: None,
    };
    FloorMessage::new(SERVER, body)
}

pub(crate) fn idle(number: u16, indicator: FloorIndicator) -> FloorMessage {
    let body = FloorIdle {
        message_sequence_number: Some(MessageSequenceNumber(number)),
        track_info: None,
        floor_indicator: Some(indicator),
    };
    FloorMessage::new(SERVER, body)
}

pub(crate) fn deny(cause: DenyCause) -> FloorMessage {
    let indicator = Some(FloorIndicator::NORMAL_CALL);
    let body = FloorDeny {
        reject_cause: cause.into(),
        user_id: None,
        track_info: None,
        floor_indicator: indicator,
    };
    FloorMessage::new(SERVER, body)
}

pub(crate) fn revoke(cause: RevokeCause) -> FloorMessage {
    let indicator = Some(FloorIndicator::NORMAL_CALL);
    FloorMessage::new(
        SERVER,
        FloorRevoke {
            reject_cause: cause.into(),
            track_info: None,
            floor_indicator: indicator,
        },
    )
}

pub(crate) fn position(position: QueuePosition) -> FloorMessage {
    let body = FloorQueuePositionInfo {
        user_id: None,
        ssrc: None,
        queued_user_id: None,
        queue_info: QueueInfo {
            position,
            priority: 5,
        },
        track_info: None,
        floor_indicator: Some(FloorIndicator::NORMAL_CALL),
    };
    FloorMessage::new(SERVER, body)
}

pub(crate) fn ack(source: Source, message_type: u8) -> FloorMessage {
    let message_type = MessageType::new(message_type);
    FloorMessage::new(
        SERVER,
        FloorAck {
            source,
            message_type,
            track_info: None,
            location: None,
        },
    )
}

pub(crate) fn request(priority: u8, indicator: FloorIndicator) -> FloorRequest {
    FloorRequest {
        floor_priority: FloorPriority(priority),
        user_id: None,
        track_info: None,
        floor_indicator: Some(indicator),
        functional_alias: None,
        location: None,
    }
}

pub(crate) fn request_message(priority: u8, indicator: FloorIndicator) -> FloorMessage {
    FloorMessage::new(CLIENT, request(priority, indicator))
}

pub(crate) fn release() -> FloorMessage {
    let indicator = Some(FloorIndicator::NORMAL_CALL);
    FloorMessage::new(
        CLIENT,
        FloorRelease {
            user_id: None,
            track_info: None,
            floor_indicator: indicator,
        },
    )
}

/// A message in a few words.
pub(crate) fn brief(message: &FloorMessage) -> String {
    let ack = if message.ack == AckRequest::Requested {
        " +ack"
    } else {
        ""
    };
    let detail = match &message.body {
        FloorBody::FloorDeny(deny) => format!(" #{}", deny.reject_cause.cause.code()),
        FloorBody::FloorRevoke(revoke) => format!(" #{}", revoke.reject_cause.cause.code()),
        FloorBody::FloorIdle(idle) => format!(" n{}", idle.message_sequence_number.unwrap().0),
        FloorBody::FloorTaken(taken) => {
            let may = taken.permission == Some(PermissionToRequestTheFloor::Permitted);
            let who = taken
                .granted_partys_identity
                .as_ref()
                .map_or("?", |who| &who.0.as_str()[4..7]);
            format!(
                " {who} n{}{}",
                taken.message_sequence_number.unwrap().0,
                if may { "" } else { " listen" }
            )
        }
        FloorBody::FloorGranted(granted) => format!(" {}s", granted.duration.0),
        FloorBody::FloorAck(ack) => format!(" of {}", ack.message_type.get()),
        FloorBody::FloorQueuePositionInfo(info) => format!(" {}", info.queue_info.position.code()),
        _ => String::new(),
    };
    format!(
        "{}{detail}{ack}",
        message.body.name().trim_start_matches("Floor ")
    )
}

/// Compares a table with the reviewed one in `tests/tables`. With `ROGER_WRITE_TABLES` set it is written instead, to
/// be read line by line against the standard before it is committed.
pub(crate) fn compare(file: &str, table: &str) {
    let path = format!("{}/tests/tables/{file}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("ROGER_WRITE_TABLES").is_some() {
        std::fs::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
        std::fs::write(&path, table).unwrap();
    }
    let reviewed = std::fs::read_to_string(&path).unwrap();
    for (index, (found, wanted)) in table.lines().zip(reviewed.lines()).enumerate() {
        assert_eq!(found, wanted, "{file} line {}", index + 1);
    }
    assert_eq!(table.lines().count(), reviewed.lines().count(), "{file}");
}
