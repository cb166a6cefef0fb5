//! MIKEY-SAKKE I_MESSAGE (RFC 3830, RFC 6043, RFC 6509, TS 33.180 Annex E).
//!
//! One message carries one 16-octet key to one receiver: encapsulated with SAKKE to the receiver's UID and
//! signed with ECCSI by the initiator. Three layers:
//!
//! | layer | module | does |
//! |---|---|---|
//! | octets | [`Message`], [`payload`], [`ProtectedPayload`], [`KeyParameters`] | encode and decode, byte exact |
//! | meaning | [`IMessage`], [`profile`] | every part once and of the right kind |
//! | procedure | [`create`], [`open`], [`replay`], [`sdp`] | the sender and receiver procedures of TS 33.180 cl. 5.2 |
//!
//! [`describe`] explains any octets field by field, for people.

pub mod create;
pub mod describe;
mod field;
mod i_message;
mod key_parameters;
pub mod message;
pub mod open;
pub mod payload;
pub mod profile;
mod protected_payload;
mod purpose;
pub mod replay;
pub mod sdp;
mod wire;

pub use create::{
    CreateClientServerKey, CreateError, CreateGroupKey, CreateKeyDownload, CreateOptions,
    CreatePrivateCallKey, GroupKeyDistribution, group_key_messages_in_bulk,
};
pub use field::Field;
pub use i_message::{Compatibility, IMessage, Part, Party, StructureError};
pub use key_parameters::{KeyParameters, Status};
pub use message::{Body, Message};
pub use open::{
    Carriage, Context, OpenError, OpenedGroupKey, Receiver, ReceiverSettings, Sender, Signer,
    Verified,
};
pub use protected_payload::{PayloadError, ProtectedPayload, SealError};
pub use wire::{DecodeError, EncodeError, Fault};
