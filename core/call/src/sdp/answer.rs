//! Answering an offer, and checking the answer to an own one (RFC 3264 6; TS 24.379 cl. 6.2.2).

use crate::sdp::offer::{empty_session, floor_media, speech_attributes, to_octets};
use crate::sdp::{
    Codec, Direction, FloorChannel, FloorParameters, MediaLine, Origin, SessionDescription,
    Unusable,
};
use sdp_types::{Media, MediaType, TransportProto};
use std::net::IpAddr;

/// What an answerer brings.
#[derive(Debug, Clone)]
pub struct LocalMedia {
    /// Session id and version of the answer.
    pub origin: Origin,
    /// Own address.
    pub address: IpAddr,
    /// Own RTP port.
    pub audio_port: u16,
    /// Own RTCP port.
    pub rtcp_port: u16,
    /// Direction wished for.
    pub direction: Direction,
    /// Own floor control port and the parameters wished for; `None` refuses floor control.
    pub floor: Option<(u16, FloorParameters)>,
}

/// What both sides have agreed on, seen from whoever asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// The codec, with the payload type that both use.
    pub codec: Codec,
    /// Own direction.
    pub direction: Direction,
    /// Floor control parameters of the answer; `None` for a call without floor control.
    pub floor: Option<FloorParameters>,
}

/// The answer to an offer and what was agreed: same order of media lines, the first codec of the offer that is
/// spoken here with its parameters as offered, the offered transport token, port 0 for everything else.
///
/// # Errors
/// [`Unusable::NoAudio`] or [`Unusable::NoCodec`].
pub fn answer(
    offer: &SessionDescription,
    local: &LocalMedia,
) -> Result<(Vec<u8>, Agreement), Unusable> {
    let audio = offer.speech()?;
    let codec = audio
        .codecs
        .iter()
        .find(|codec| codec.amr_wb().is_some())
        .ok_or(Unusable::NoCodec)?;
    let direction = audio.direction.answered(local.direction);
    let floor = offer.floor.as_ref().zip(local.floor.as_ref());
    let floor = floor.map(|(offered, (port, wish))| (*port, wish.within(&offered.parameters)));
    let mut session = empty_session(&local.origin, local.address);
    for (index, line) in offer.media.iter().enumerate() {
        session.add_media(match &floor {
            _ if index == audio.index => audio_media(&audio.transport, codec, direction, local),
            Some((port, parameters)) if is_at(offer.floor.as_ref(), index) => {
                floor_media(*port, parameters)
            }
            _ => refused(line),
        });
    }
    let agreed = Agreement {
        codec: codec.clone(),
        direction,
        floor: floor.map(|(_, parameters)| parameters),
    };
    Ok((to_octets(&session), agreed))
}

fn is_at(channel: Option<&FloorChannel>, index: usize) -> bool {
    channel.is_some_and(|channel| channel.index == index)
}

fn audio_media(transport: &str, codec: &Codec, direction: Direction, local: &LocalMedia) -> Media {
    let any = TransportProto::from(transport);
    let mut media = Media::new(MediaType::Audio, local.audio_port, any, codec.payload_type);
    // The token as offered: the library would change its case.
    transport.clone_into(&mut media.proto);
    let parameters = codec.answered_parameters();
    speech_attributes(
        &mut media,
        codec.payload_type,
        "AMR-WB/16000/1",
        parameters.as_deref(),
    );
    media.add_attribute_with_value("rtcp", local.rtcp_port);
    media.add_attribute_from_str(direction);
    media
}

/// The same media line with port 0.
fn refused(line: &MediaLine) -> Media {
    let mut media = Media::new(
        MediaType::Audio,
        0,
        TransportProto::from("RTP/AVP"),
        &line.formats,
    );
    media.media.clone_from(&line.media);
    media.proto.clone_from(&line.transport);
    media
}

/// What the answer to an own offer agrees on.
///
/// # Errors
/// [`Unusable::Answer`] when number or kind of media lines, payload types, the payload format or floor
/// parameters are not those of the offer, [`Unusable::NoAudio`] when speech was refused.
pub fn agree(
    offer: &SessionDescription,
    answer: &SessionDescription,
) -> Result<Agreement, Unusable> {
    if answer.media.len() != offer.media.len() {
        return Err(Unusable::Answer("another number of media lines"));
    }
    let same_kind = |(a, b): (&MediaLine, &MediaLine)| a.media.eq_ignore_ascii_case(&b.media);
    if !offer.media.iter().zip(&answer.media).all(same_kind) {
        return Err(Unusable::Answer("another order of media lines"));
    }
    let (offered, answered) = (offer.speech()?, answer.speech()?);
    if offered.index != answered.index {
        return Err(Unusable::Answer("speech on another media line"));
    }
    let codec = answered
        .codecs
        .iter()
        .find(|codec| codec.amr_wb().is_some())
        .ok_or(Unusable::NoCodec)?;
    let ours = offered
        .codecs
        .iter()
        .find(|ours| ours.payload_type == codec.payload_type);
    let ours = ours
        .and_then(Codec::amr_wb)
        .ok_or(Unusable::Answer("a payload type that was not offered"))?;
    if codec.amr_wb().map(|theirs| theirs.octet_aligned) != Some(ours.octet_aligned) {
        return Err(Unusable::Answer("another payload format than offered"));
    }
    Ok(Agreement {
        codec: codec.clone(),
        direction: answered.direction.answered(offered.direction),
        floor: agreed_floor(offer, answer)?,
    })
}

fn agreed_floor(
    offer: &SessionDescription,
    answer: &SessionDescription,
) -> Result<Option<FloorParameters>, Unusable> {
    let Some(answered) = &answer.floor else {
        return Ok(None);
    };
    let offered = offer
        .floor
        .as_ref()
        .ok_or(Unusable::Answer("floor control that was not offered"))?;
    if answered.index != offered.index {
        return Err(Unusable::Answer("floor control on another media line"));
    }
    if answered.parameters.within(&offered.parameters) != answered.parameters {
        return Err(Unusable::Answer("floor parameters beyond the offer"));
    }
    Ok(Some(answered.parameters.clone()))
}
