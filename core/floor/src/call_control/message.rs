//! The messages of call control over a pre-established session (TS 24.380 cl. 8.3.2).

use super::field::{
    AnswerState, CallControlField as Field, InvitedMcpttUserIdentity, InvitingMcpttUserIdentity,
    McpttGroupIdentity, McpttSessionIdentity, MediaStreams, PckIMessage, ReasonCause, ReasonCode,
    WarningText,
};
use crate::message::macros::{application, message};
use crate::wire::{AckRequest, Packet, Profile, Subtype};
use crate::{Error, Ssrc};

/// A call control message as its fields in the order of the wire.
pub type CallControlPacket = Packet<Field>;

/// Name and clause of a message; `None` when type and acknowledgement bit are no pair of the table.
pub(super) fn message_name(
    subtype: Subtype,
    _profile: &Profile,
) -> Option<(&'static str, &'static str)> {
    match (subtype.message_type(), subtype.ack()) {
        (0, _) => Some(("Connect", "8.3")),
        (1, _) => Some(("Disconnect", "8.3")),
        (2, AckRequest::NotRequested) => Some(("Acknowledgement", "8.3")),
        _ => None,
    }
}

message! {
    /// Connect, type 0, from the participating function to the client (TS 24.380 cl. 8.3.2).
    Connect = "Connect" {
        /// Lines of the session's SDP.
        required media_streams: MediaStreams,
        /// The session.
        required session_identity: McpttSessionIdentity,
        /// Words for the user.
        optional warning_text: WarningText,
        /// The group of a group call.
        optional group_identity: McpttGroupIdentity,
        /// Whether a member has answered.
        optional answer_state: AnswerState,
        /// Who calls.
        optional inviting_user: InvitingMcpttUserIdentity,
        /// Who is called.
        optional invited_user: InvitedMcpttUserIdentity,
        /// The key of a private call.
        optional pck_i_message: PckIMessage,
    }
}

message! {
    /// Disconnect, type 1, from the participating function to the client (TS 24.380 cl. 8.3.2).
    Disconnect = "Disconnect" {
        /// The session.
        required session_identity: McpttSessionIdentity,
    }
}

message! {
    /// Acknowledgement, type 2, from the client (TS 24.380 cl. 8.3.2).
    Acknowledgement = "Acknowledgement" {
        /// The answer.
        required reason_code: ReasonCode,
        /// More about the answer.
        optional reason_cause: ReasonCause,
    }
}

application! {
    /// One call control message (TS 24.380 cl. 8.3).
    CallControlMessage,
    /// What a call control message says.
    CallControlBody;
    0 Connect,
    1 Disconnect,
    2 Acknowledgement,
}
