//! The RTCP APP packet and the fields in it, still without meaning (TS 24.380 cl. 8.1).

mod app_packet;
mod field_walk;
mod packet;
mod profile;

pub use app_packet::{AckRequest, Subtype};
pub(crate) use app_packet::{AppPacket, HEADER_OCTETS, split};
pub(crate) use field_walk::{FieldWalk, put_field};
pub use field_walk::{RawField, ValueForm};
pub use packet::{FieldSet, Packet};
pub use profile::{OldFieldIds, Profile, Release};
