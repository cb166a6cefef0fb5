//! Writing the offer of a client or server (TS 24.379 cl. 6.2.1, 6.3.3.1.1).

use crate::sdp::{Direction, FloorParameters, KeyManagement, Origin};
use sdp_types::{Connection, Media, MediaType, Session, Time, TransportProto};
use std::net::IpAddr;

/// The payload type our offers use.
pub(super) const PAYLOAD_TYPE: u8 = 96;
/// Parameters of our AMR-WB offer (TS 24.379 cl. 6.2.1 \[I\]): octet-aligned, no redundancy.
pub(super) const AMR_WB_PARAMETERS: &str = "mode-change-capability=2;max-red=0;octet-align=1";
/// Transport token of our offers (TS 24.379 cl. 6.2.1 \[I\]).
const TRANSPORT: &str = "RTP/AVP";

/// An offer of one speech stream and maybe a floor control channel.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Session id and version.
    pub origin: Origin,
    /// Own address.
    pub address: IpAddr,
    /// Own RTP port.
    pub audio_port: u16,
    /// Own RTCP port.
    pub rtcp_port: u16,
    /// Direction.
    pub direction: Direction,
    /// Port and parameters of floor control; `None` for a private call without it.
    pub floor: Option<(u16, FloorParameters)>,
    /// Key message of a private call; never for a group call.
    pub key_management: Option<KeyManagement>,
}

impl Offer {
    /// The session description.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut audio = Media::new(
            MediaType::Audio,
            self.audio_port,
            TransportProto::from(TRANSPORT),
            PAYLOAD_TYPE,
        );
        speech_attributes(
            &mut audio,
            PAYLOAD_TYPE,
            "AMR-WB/16000/1",
            Some(AMR_WB_PARAMETERS),
        );
        audio.add_attribute_with_value("rtcp", self.rtcp_port);
        audio.add_attribute_from_str(self.direction);
        if let Some(key) = &self.key_management {
            audio.add_attribute_with_value("key-mgmt", format!("mikey {}", key.as_str()));
        }
        let mut session = empty_session(&self.origin, self.address);
        session.add_media(audio);
        if let Some((port, parameters)) = &self.floor {
            session.add_media(floor_media(*port, parameters));
        }
        to_octets(&session)
    }
}

/// Label, codec and packet times of the speech stream.
pub(super) fn speech_attributes(
    media: &mut Media,
    payload_type: u8,
    map: &str,
    parameters: Option<&str>,
) {
    media.set_media_title("speech");
    media.add_attribute_with_value("rtpmap", format!("{payload_type} {map}"));
    if let Some(parameters) = parameters {
        media.add_attribute_with_value("fmtp", format!("{payload_type} {parameters}"));
    }
    media.add_attribute_with_value("ptime", 20);
    media.add_attribute_with_value("maxptime", 240);
}

/// The m=application of floor control.
pub(super) fn floor_media(port: u16, parameters: &FloorParameters) -> Media {
    let mut media = Media::new(
        MediaType::Application,
        port,
        TransportProto::from("udp"),
        "MCPTT",
    );
    if !parameters.is_empty() {
        media.add_attribute_with_value("fmtp", format!("MCPTT {parameters}"));
    }
    media
}

/// Session lines without media.
pub(super) fn empty_session(origin: &Origin, address: IpAddr) -> Session {
    let written =
        sdp_types::Origin::with_ip_addr(origin.session_id.to_string(), origin.version, address);
    let mut session = Session::new(written, "-");
    session.connection = Some(Connection::from_ip_addr(address));
    session.times = vec![Time::new(0, 0)];
    session
}

pub(super) fn to_octets(session: &Session) -> Vec<u8> {
    let mut octets = Vec::with_capacity(1024);
    let written = session.write(&mut octets);
    debug_assert!(written.is_ok(), "writing into memory does not fail");
    octets
}
