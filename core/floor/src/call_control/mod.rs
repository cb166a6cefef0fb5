//! Call control over a pre-established session, application `MCPC` (TS 24.380 cl. 8.3, 9).
//!
//! The participating function sends Connect on the floor channel of a session that exists already; the client
//! answers Acknowledgement, and floor control of the call begins on the same channel. Disconnect ends the call, the
//! session stays.

mod field;
mod message;

pub use field::{
    AnswerState, CallControlField, InvitedMcpttUserIdentity, InvitingMcpttUserIdentity,
    McpttGroupIdentity, McpttSessionIdentity, MediaStreams, PckIMessage, ReasonCause, ReasonCode,
    SessionType, WarningText,
};
pub use message::{
    Acknowledgement, CallControlBody, CallControlMessage, CallControlPacket, Connect, Disconnect,
};
