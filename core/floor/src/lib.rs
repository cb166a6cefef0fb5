//! Floor control (TS 24.380): who may talk now.
//!
//! - [`FloorMessage`], [`FloorPacket`], [`Datagram`]: the messages between floor participant and floor control
//!   server (application `MCPT`); [`call_control`] (`MCPC`) and [`mbms`] (`MCMC`) are the two other applications.
//! - [`describe`]: any of them, field by field, for people.
//!
//! - [`participant::FloorParticipant`]: the client's machine for one call.
//! - [`server::FloorControlServer`]: the server's machine for one call, and towards each participant.
//!
//! Nothing here opens a socket, reads a clock or draws a random number. Protection (SRTCP over the whole datagram) is
//! removed before [`Datagram`] and added after [`FloorMessage::encode`].
//!
//! # Deviations from TS 24.380
//!
//! What the standard leaves open, or where its letter would lose a talk burst:
//!
//! - Queueing, dual floor (timers T11, T12), audio cut-in and multi-talker groups are not served; their messages and
//!   fields are read and written. A request that finds the floor taken overrides or is denied with #1.
//! - The emergency bit of a request counts only as far as call control has authorised the participant
//!   ([`server::Attributes::authorised_condition`]); by default only a higher condition overrides.
//! - cl. 6.3.5.3.8: RTP that arrives within [`server::ServerTimers::late_media`] after its talker's Release is
//!   discarded without Revoke #3; it was under way on another path.
//! - cl. 6.3.5.6: a request of a participant that is being revoked is answered with the Revoke.
//! - cl. 6.3.4.2: T4 runs from the beginning of a call in which nobody talks.
//! - The last listener leaving revokes the talker with #1.
//! - cl. 6.2.4.3: a grant without a pending request is taken up while the button is pressed (a Floor Taken or the
//!   last T101 has overtaken it), else handed back by a Release at once; a Revoke is answered with a Release.
//! - cl. 6.2.4.6: a grant while a Release is pending is handed back by another Release; a button pressed meanwhile
//!   asks for the floor when the Release is answered.
//! - cl. 6.2.4.2: T101 of an implicit request runs before the answer to the INVITE but sends nothing, and starts anew
//!   with the answer.
//! - Absent Floor Priority is priority 0, and that is the member's own; absent Message Sequence Number is tolerated;
//!   of two equal fields the first counts; spare bits and padding are not looked at.
//! - List of SSRCs is sent with a length of 2 + 4N and read in all three forms.

pub mod call_control;
mod describe;
mod error;
pub mod field;
pub mod mbms;
mod message;
pub mod participant;
pub mod server;
mod ssrc;
mod timer;
mod wire;

pub use describe::{Description, Line, describe, is_canonical};
pub use error::{Error, FieldProblem};
pub use message::*;
pub use ssrc::Ssrc;
pub use timer::TimerName;
pub use wire::{
    AckRequest, FieldSet, OldFieldIds, Packet, Profile, RawField, Release, Subtype, ValueForm,
};
