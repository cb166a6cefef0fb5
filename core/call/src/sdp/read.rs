//! Reading a session description. The grammar is checked by `sdp-types`, the meaning here.

use crate::sdp::{
    Audio, Codec, Direction, FloorChannel, FloorParameters, KeyManagement, MAX_KEY_MANAGEMENT,
    MAX_LINES, MAX_MEDIA, MAX_OCTETS, MediaLine, SessionDescription, Unusable,
};
use sdp_types::{Attribute, Connection, Media, Session};
use std::net::IpAddr;

/// Transports that all mean RTP or SRTP (TS 24.379 cl. 6.2.1: the token does not decide).
const RTP_TRANSPORTS: [&str; 4] = ["RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF"];

/// A decimal number up to `largest`.
pub(super) fn number(text: &str, largest: u32, place: &'static str) -> Result<u32, Unusable> {
    let digits =
        !text.is_empty() && text.len() <= 10 && text.bytes().all(|octet| octet.is_ascii_digit());
    let value = if digits {
        text.parse::<u32>().ok()
    } else {
        None
    };
    value
        .filter(|value| *value <= largest)
        .ok_or(Unusable::Number(place))
}

pub(super) fn read(octets: &[u8]) -> Result<SessionDescription, Unusable> {
    let session = parse(octets)?;
    let audio = speech_index(&session)
        .map(|index| read_audio(&session, index))
        .transpose()?;
    let floor = floor_index(&session)?
        .map(|index| read_floor(&session, index))
        .transpose()?;
    Ok(SessionDescription {
        session_id: session.origin.sess_id.clone(),
        version: session.origin.sess_version,
        audio,
        floor,
        media: session.medias.iter().map(line).collect(),
    })
}

/// Checks bounds, then the grammar.
pub(super) fn parse(octets: &[u8]) -> Result<Session, Unusable> {
    let starts = |letter: &[u8]| {
        octets
            .split(|octet| *octet == b'\n')
            .filter(|line| line.starts_with(letter))
            .count()
    };
    if octets.len() > MAX_OCTETS || starts(b"") > MAX_LINES || starts(b"m=") > MAX_MEDIA {
        return Err(Unusable::TooLarge);
    }
    if core::str::from_utf8(octets).is_err() {
        return Err(Unusable::Malformed("not UTF-8".to_owned()));
    }
    let session = Session::parse(octets).map_err(|error| Unusable::Malformed(error.to_string()))?;
    let bandwidths = session
        .bandwidths
        .iter()
        .chain(session.medias.iter().flat_map(|media| &media.bandwidths));
    if bandwidths
        .into_iter()
        .any(|bandwidth| u32::try_from(bandwidth.bandwidth).is_err())
    {
        return Err(Unusable::Number("b="));
    }
    Ok(session)
}

fn line(media: &Media) -> MediaLine {
    MediaLine {
        media: media.media.clone(),
        transport: media.proto.clone(),
        formats: media.fmt.clone(),
    }
}

/// The m=audio labelled speech, else the first m=audio; switched-off ones do not count.
pub(super) fn speech_index(session: &Session) -> Option<usize> {
    let is_audio = |media: &Media| media.media.eq_ignore_ascii_case("audio") && media.port != 0;
    let labelled = session
        .medias
        .iter()
        .position(|media| is_audio(media) && is_speech(media));
    labelled.or_else(|| session.medias.iter().position(is_audio))
}

/// The m=application of floor control; a switched-off one does not count.
pub(super) fn floor_index(session: &Session) -> Result<Option<usize>, Unusable> {
    let mut found = session
        .medias
        .iter()
        .enumerate()
        .filter(|(_, media)| is_floor(media) && media.port != 0);
    let first = found.next().map(|(index, _)| index);
    if found.next().is_some() {
        Err(Unusable::TwoFloorChannels)
    } else {
        Ok(first)
    }
}

fn is_speech(media: &Media) -> bool {
    media
        .media_title
        .as_deref()
        .is_some_and(|title| title.trim().eq_ignore_ascii_case("speech"))
}

fn is_floor(media: &Media) -> bool {
    let format = media
        .fmt
        .split_ascii_whitespace()
        .next()
        .unwrap_or_default();
    media.media.eq_ignore_ascii_case("application")
        && media.proto.eq_ignore_ascii_case("udp")
        && format.eq_ignore_ascii_case("MCPTT")
}

fn read_audio(session: &Session, index: usize) -> Result<Audio, Unusable> {
    let media = session.medias.get(index).ok_or(Unusable::NoAudio)?;
    if media.num_ports.is_some_and(|ports| ports > 1) {
        return Err(Unusable::Port);
    }
    if !RTP_TRANSPORTS
        .iter()
        .any(|known| media.proto.eq_ignore_ascii_case(known))
    {
        return Err(Unusable::Transport);
    }
    Ok(Audio {
        index,
        address: address(session, media)?,
        port: media.port,
        rtcp_port: rtcp_port(media)?,
        transport: media.proto.clone(),
        codecs: codecs(media)?,
        direction: direction(session, media),
        is_speech: is_speech(media),
        key_management: match key_management(&media.attributes)? {
            Some(key) => Some(key),
            None => key_management(&session.attributes)?,
        },
    })
}

fn read_floor(session: &Session, index: usize) -> Result<FloorChannel, Unusable> {
    let media = session.medias.get(index).ok_or(Unusable::FloorParameter)?;
    if media.num_ports.is_some_and(|ports| ports > 1) {
        return Err(Unusable::Port);
    }
    let mut texts = values(&media.attributes, "fmtp").filter_map(floor_text);
    let parameters = texts
        .next()
        .map(FloorParameters::parse)
        .transpose()?
        .unwrap_or_default();
    if texts.next().is_some() {
        return Err(Unusable::FloorParameter);
    }
    Ok(FloorChannel {
        index,
        address: address(session, media)?,
        port: media.port,
        parameters,
    })
}

/// The parameters of an a=fmtp value when its format is MCPTT.
pub(super) fn floor_text(value: &str) -> Option<&str> {
    let (format, text) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
    format.eq_ignore_ascii_case("MCPTT").then_some(text)
}

/// The connection address of the medium, or else of the session: one unicast IP address. `0.0.0.0` is the old
/// way to hold a call.
fn address(session: &Session, media: &Media) -> Result<IpAddr, Unusable> {
    let connection = media
        .connections
        .first()
        .or(session.connection.as_ref())
        .ok_or(Unusable::Address)?;
    if media.connections.len() > 1 {
        return Err(Unusable::Address);
    }
    ip(connection)
}

fn ip(connection: &Connection) -> Result<IpAddr, Unusable> {
    let address: IpAddr = connection
        .connection_address
        .parse()
        .map_err(|_| Unusable::Address)?;
    let broadcast = matches!(address, IpAddr::V4(four) if four.is_broadcast());
    if address.is_multicast() || broadcast {
        Err(Unusable::Address)
    } else {
        Ok(address)
    }
}

/// `a=rtcp:port [IN IP4 address]`, the RTP port with a=rtcp-mux, the next port otherwise (RFC 3605, 5761).
fn rtcp_port(media: &Media) -> Result<u16, Unusable> {
    if media.has_attribute("rtcp-mux") {
        return Ok(media.port);
    }
    let Some(value) = values(&media.attributes, "rtcp").next() else {
        return media.port.checked_add(1).ok_or(Unusable::Port);
    };
    let port = value.split_ascii_whitespace().next().unwrap_or_default();
    let port = number(port, u32::from(u16::MAX), "a=rtcp")?;
    u16::try_from(port)
        .ok()
        .filter(|port| *port != 0)
        .ok_or(Unusable::Number("a=rtcp"))
}

fn codecs(media: &Media) -> Result<Vec<Codec>, Unusable> {
    let mut found: Vec<Codec> = Vec::new();
    for format in media.fmt.split_ascii_whitespace() {
        let payload_type = number(format, 127, "m=audio").map_err(|_| Unusable::PayloadType)?;
        let payload_type = u8::try_from(payload_type).map_err(|_| Unusable::PayloadType)?;
        if found.iter().any(|codec| codec.payload_type == payload_type) {
            return Err(Unusable::PayloadType);
        }
        let of_type =
            |name| values(&media.attributes, name).find_map(|value| text_of(value, payload_type));
        found.push(Codec::read(
            payload_type,
            of_type("rtpmap"),
            of_type("fmtp"),
        )?);
    }
    if found.is_empty() {
        Err(Unusable::PayloadType)
    } else {
        Ok(found)
    }
}

/// The text of an a=rtpmap or a=fmtp value when it is for this payload type.
fn text_of(value: &str, payload_type: u8) -> Option<&str> {
    let (format, text) = value.trim().split_once(' ')?;
    (format.parse::<u8>() == Ok(payload_type)).then(|| text.trim())
}

fn direction(session: &Session, media: &Media) -> Direction {
    let of = |attributes: &[Attribute]| {
        attributes.iter().find_map(|attribute| {
            Direction::ALL
                .into_iter()
                .find(|known| attribute.attribute.eq_ignore_ascii_case(known.as_str()))
        })
    };
    of(&media.attributes)
        .or_else(|| of(&session.attributes))
        .unwrap_or(Direction::SendReceive)
}

/// The one `mikey` message of a level (RFC 4567 3.1); other protocols are ignored.
fn key_management(attributes: &[Attribute]) -> Result<Option<KeyManagement>, Unusable> {
    let mut found = None;
    for value in values(attributes, "key-mgmt") {
        let (protocol, text) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
        if !protocol.eq_ignore_ascii_case("mikey") {
            continue;
        }
        let key = KeyManagement(text.trim().to_owned());
        let bad = key.0.is_empty() || key.0.len() > MAX_KEY_MANAGEMENT || key.message().is_err();
        if bad || found.replace(key).is_some() {
            return Err(Unusable::KeyManagement);
        }
    }
    Ok(found)
}

fn values<'a>(attributes: &'a [Attribute], name: &'a str) -> impl Iterator<Item = &'a str> {
    let named = attributes
        .iter()
        .filter(move |attribute| attribute.attribute.eq_ignore_ascii_case(name));
    named.map(|attribute| attribute.value.as_deref().unwrap_or_default())
}
