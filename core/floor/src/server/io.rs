//! What goes into the floor control server and what comes out.

use super::Attributes;
use crate::field::{FloorIndicator, MediaFlowControlIndicator};
use crate::{FloorMessage, FloorRequest};
use core::fmt;

/// A participant of one session, numbered by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParticipantId(pub u32);

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Something that happened.
// Made, moved once and taken apart: boxing the message would buy nothing.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A client is in the call: the originator when the 200 OK to it is sent, an invited member when its 200 OK has
    /// come, a late entrant or chat member when the 200 OK to it is sent (TS 24.380 cl. 6.3.2, 6.3.5.2.2).
    Join {
        /// Number chosen by the caller.
        participant: ParticipantId,
        /// What was negotiated and configured for it.
        attributes: Box<Attributes>,
        /// The implicit request of its INVITE, when call control accepts that one: not on rejoining, not on joining
        /// an ongoing call (TS 24.380 cl. 14).
        implicit_request: Option<FloorRequest>,
    },
    /// A client has left the call.
    Leave(ParticipantId),
    /// What was negotiated for a participant has changed.
    Attributes {
        /// Whose.
        participant: ParticipantId,
        /// The new values.
        attributes: Box<Attributes>,
    },
    /// A message came in.
    Floor {
        /// From whom.
        from: ParticipantId,
        /// The message.
        message: FloorMessage,
    },
    /// An RTP packet came in.
    Rtp {
        /// From whom.
        from: ParticipantId,
    },
    /// An implicit request in a re-INVITE, such as an upgrade to an emergency call.
    ImplicitRequest {
        /// From whom.
        from: ParticipantId,
        /// What it asks for.
        request: FloorRequest,
    },
    /// The kind of call has changed: these bits go into every message from now on.
    FloorIndicator(FloorIndicator),
    /// After [`Output::CallInactive`]: the call stays, T4 runs again.
    KeepCall,
    /// Release, step 1: no floor message and no media any more (TS 24.380 cl. 6.3.3).
    ReleaseCall,
    /// Release, step 2: call control has confirmed.
    CallReleased,
    /// Time has passed; every other input looks at the time too.
    Timeout,
}

/// Something to do.
// Made, moved once and taken apart: boxing the message would buy nothing.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Send a message.
    Send {
        /// To whom.
        to: ParticipantId,
        /// The message.
        message: FloorMessage,
    },
    /// Forward the RTP packets of this participant to the others; of nobody else.
    AcceptMediaFrom(ParticipantId),
    /// Do not forward the RTP packets of this participant any more.
    StopMedia(ParticipantId),
    /// The floor has passed on. Between two holders there is always a `None`.
    FloorHolderChanged(Option<ParticipantId>),
    /// What became of an implicit request, for the SDP answer.
    ImplicitRequest {
        /// Whose request.
        participant: ParticipantId,
        /// What to write.
        outcome: ImplicitOutcome,
    },
    /// A client wants its unicast media stopped or resumed.
    UnicastMedia {
        /// Which.
        participant: ParticipantId,
        /// Stop or resume.
        indicator: MediaFlowControlIndicator,
    },
    /// T4 expired: nobody has talked for a while. Release the call, or answer [`Input::KeepCall`].
    CallInactive,
}

/// What the SDP answer to an implicit request says (TS 24.380 cl. 14.3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImplicitOutcome {
    /// `mc_implicit_request;mc_granted`: the floor is granted. Floor Granted is sent too.
    Granted,
    /// `mc_implicit_request` alone: the request was processed; the result is a floor message.
    Accepted,
}
