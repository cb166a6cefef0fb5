//! What can be wrong with a message.

use roger_base::IdentityError;
use thiserror::Error;

/// Why a packet was refused, or cannot be made.
///
/// `Peer…`: the octets received break TS 24.380 cl. 8; discard the message.
/// `Local…`: the caller asked for something that has no encoding.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// Fewer than the twelve octets of an RTCP APP packet are left.
    #[error("a control message has at least 12 octets, {0} are left (TS 24.380 cl. 8.1.2)")]
    PeerPacketTooShort(usize),
    /// The RTCP version is not 2.
    #[error("RTCP version {0}, must be 2 (RFC 3550 6.7)")]
    PeerVersion(u8),
    /// The padding bit is set.
    #[error("the RTCP padding bit is set, must be 0 (TS 24.380 cl. 8.1.2)")]
    PeerPaddingBit,
    /// Not an APP packet.
    #[error("RTCP payload type {0}, must be 204 (APP)")]
    PeerPayloadType(u8),
    /// The RTCP length leaves no room for the header.
    #[error("the RTCP length says {0} octets, an APP packet has at least 12")]
    PeerLengthTooShort(usize),
    /// The RTCP length points beyond the datagram.
    #[error("the RTCP length says {declared} octets, the datagram has {available}")]
    PeerLengthTooLong {
        /// Octets the length field promises.
        declared: usize,
        /// Octets there are.
        available: usize,
    },
    /// The four-octet name is that of another application.
    #[error("the application name is {0:02x?}, not the expected one (TS 24.380 cl. 8.1.2)")]
    PeerName([u8; 4]),
    /// Message type and acknowledgement bit are no pair of the message table.
    #[error("subtype {0:#04x} is not defined (TS 24.380 table 8.2.2.1-1)")]
    PeerSubtype(u8),
    /// A field runs beyond the end of the message.
    #[error("field {id} at octet {offset} needs {wanted} octets, {available} are left")]
    PeerFieldOverrun {
        /// Field id.
        id: u8,
        /// Octet of the message at which the field begins.
        offset: usize,
        /// Octets of header and value.
        wanted: usize,
        /// Octets there are.
        available: usize,
    },
    /// The value of a field breaks its clause.
    #[error("{field} (TS 24.380 cl. {clause}): {problem}")]
    PeerField {
        /// Name of the field.
        field: &'static str,
        /// Its clause.
        clause: &'static str,
        /// What is wrong.
        problem: FieldProblem,
    },
    /// A field that the message must carry is absent.
    #[error("{message} without {field}")]
    PeerFieldMissing {
        /// Name of the message.
        message: &'static str,
        /// Name of the field.
        field: &'static str,
    },
    /// Octets follow where exactly one message was expected.
    #[error("{0} octets follow the message")]
    PeerTrailingOctets(usize),
    /// The value does not fit the length octets of its field.
    #[error("a value of {length} octets does not fit field {id}")]
    LocalFieldTooLong {
        /// Field id.
        id: u8,
        /// Octets of the value.
        length: usize,
    },
    /// The message is longer than an RTCP packet may be.
    #[error("a message of {0} octets is longer than an RTCP packet may be")]
    LocalPacketTooLong(usize),
    /// The acknowledgement bit was asked for on a message that has none.
    #[error("{0} has no acknowledgement bit (TS 24.380 table 8.2.2.1-1)")]
    LocalNoAcknowledgement(&'static str),
    /// A list field would be empty or has more than 255 entries.
    #[error("a list of {0} entries cannot be sent in a field")]
    LocalListLength(usize),
    /// The input makes no sense in this state of the call; the caller has lost track.
    #[error("{input} is not possible in the state {state}")]
    LocalWrongState {
        /// The input.
        input: &'static str,
        /// The state.
        state: &'static str,
    },
    /// The participant is not part of the session.
    #[error("participant {0} is not part of the session")]
    LocalUnknownParticipant(u32),
    /// The participant is already part of the session.
    #[error("participant {0} is already part of the session")]
    LocalParticipantExists(u32),
}

/// What is wrong with the value of a field.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FieldProblem {
    /// The length is not the one of the field.
    #[error("a value of {0} octets has the wrong length")]
    Length(usize),
    /// Text that is not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// Not an identity.
    #[error("{0}")]
    Identity(#[from] IdentityError),
    /// The number of entries and the length disagree.
    #[error("{0} entries do not fit the value")]
    ListCount(u8),
    /// A text or entry inside the value runs beyond its end.
    #[error("an inner length points beyond the value")]
    InnerOverrun,
    /// A number that the clause does not allow.
    #[error("the number {0} is not allowed")]
    Number(u32),
}
