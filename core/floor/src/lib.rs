//! Floor control (TS 24.380): who may talk now.
//!
//! - [`FloorMessage`], [`FloorPacket`], [`Datagram`]: the messages between floor participant and floor control
//!   server (application `MCPT`); [`call_control`] (`MCPC`) and [`mbms`] (`MCMC`) are the two other applications.
//! - [`describe`]: any of them, field by field, for people.
//!
//! Nothing here opens a socket, reads a clock or draws a random number.

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
