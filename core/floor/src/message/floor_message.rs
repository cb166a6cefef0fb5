//! One message of any type.

use super::macros::application;
use super::{
    FloorAck, FloorDeny, FloorGranted, FloorIdle, FloorQueuePositionInfo,
    FloorQueuePositionRequest, FloorRelease, FloorReleaseMultiTalker, FloorRequest, FloorRevoke,
    FloorRevokeRequest, FloorTaken, QueuedFloorRequests, UnicastMediaFlowControl,
};
use crate::field::Field;
use crate::wire::{AckRequest, Packet, Profile, Release, Subtype, split};
use crate::{Error, Ssrc};

/// A floor control message as its fields in the order of the wire.
pub type FloorPacket = Packet<Field>;

/// Whether a message type has a variant with the acknowledgement bit.
#[derive(PartialEq, Eq)]
enum AckVariant {
    Exists,
    None,
}

/// Name and clause of a message (TS 24.380 table 8.2.2.1-1); `None` when the pair is not defined.
pub(crate) fn message_name(
    subtype: Subtype,
    profile: &Profile,
) -> Option<(&'static str, &'static str)> {
    use AckVariant::{Exists, None as Never};
    let (name, clause, ack, since) = match subtype.message_type() {
        0 => ("Floor Request", "8.2.4", Never, Release::R13),
        1 => ("Floor Granted", "8.2.5", Exists, Release::R13),
        2 => ("Floor Taken", "8.2.9", Exists, Release::R13),
        3 => ("Floor Deny", "8.2.6", Exists, Release::R13),
        4 => ("Floor Release", "8.2.7", Exists, Release::R13),
        5 => ("Floor Idle", "8.2.8", Exists, Release::R13),
        6 => ("Floor Revoke", "8.2.10", Never, Release::R13),
        7 => ("Floor Revoke Request", "8.2.17", Never, Release::R19),
        8 => (
            "Floor Queue Position Request",
            "8.2.11",
            Never,
            Release::R13,
        ),
        9 => ("Floor Queue Position Info", "8.2.12", Exists, Release::R13),
        10 => ("Floor Ack", "8.2.13", Never, Release::R13),
        11 => ("Unicast Media Flow Control", "8.2.16", Exists, Release::R17),
        14 if profile.release < Release::R18 => {
            ("Floor Queued Cancel", "8.2.15", Exists, Release::R17)
        }
        14 => ("Queued Floor Requests", "8.2.15", Exists, Release::R18),
        15 => ("Floor Release Multi Talker", "8.2.14", Never, Release::R15),
        _ => return None,
    };
    let ack_defined = subtype.ack() == AckRequest::NotRequested || ack == Exists;
    (ack_defined && profile.release >= since).then_some((name, clause))
}

application! {
    /// One floor control message (TS 24.380 cl. 8.2). Datagrams from the network go through [`Datagram`].
    FloorMessage,
    /// What a floor control message says.
    FloorBody;
    0 FloorRequest,
    1 FloorGranted,
    2 FloorTaken,
    3 FloorDeny,
    4 FloorRelease,
    5 FloorIdle,
    6 FloorRevoke,
    7 FloorRevokeRequest,
    8 FloorQueuePositionRequest,
    9 FloorQueuePositionInfo,
    10 FloorAck,
    11 UnicastMediaFlowControl,
    14 QueuedFloorRequests,
    15 FloorReleaseMultiTalker,
}

/// The messages of one UDP datagram, one after the other by their RTCP length (TS 24.380 cl. 4.3).
///
/// A message with a wrong field is an error and the next one is read all the same; a header that cannot be trusted
/// ends the datagram. Protection covers the whole datagram: remove it first.
#[derive(Debug, Clone)]
pub struct Datagram<'a> {
    rest: &'a [u8],
    profile: Profile,
    started: bool,
}

impl<'a> Datagram<'a> {
    /// Reads `octets` with the settings of `profile`. An empty datagram is one error.
    #[must_use]
    pub const fn new(octets: &'a [u8], profile: Profile) -> Self {
        Self {
            rest: octets,
            profile,
            started: false,
        }
    }
}

impl Iterator for Datagram<'_> {
    type Item = Result<FloorMessage, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() && self.started {
            return None;
        }
        self.started = true;
        match split(self.rest) {
            Ok((packet, rest)) => {
                self.rest = rest;
                let packet = Packet::<Field>::from_app_packet(&packet, &self.profile);
                Some(packet.and_then(|packet| FloorMessage::try_from(&packet)))
            }
            Err(error) => {
                self.rest = &[];
                Some(Err(error))
            }
        }
    }
}
