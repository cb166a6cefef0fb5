//! The sender procedure: choose, encapsulate, sign (TS 33.180 cl. 5.2.2; RFC 6509 2.1).
//!
//! Every message is made in two draws of randomness: the IV of the key parameters, when there are any, then the
//! signature's. Keys, ids and RANDs are drawn before, by `roger_keys`, because they outlive the message.
//!
//! A GMK goes to every member of its group in a message of her own; [`group_key_messages_in_bulk`] makes them all,
//! on as many threads as there are, in the memory of a few.

mod bulk;
mod envelope;
mod group;
mod in_order;

pub use bulk::{MESSAGES_PER_CHUNK, group_key_messages_in_bulk, most_in_flight};
pub use envelope::Envelope;
pub use group::{CreateGroupKey, GroupKeyDistribution};

use crate::key_parameters::KeyParameters;
use crate::message::MAX_MESSAGE;
use crate::payload::GenericSession;
use crate::protected_payload::SealError;
use crate::purpose::name;
use crate::wire::EncodeError;
use roger_base::{KeyId, KeyIdError, McpttId, NtpTime, PurposeTag, Random, RandomError};
use roger_ibc::{KmsDomain, UserKeySet};
use roger_keys::{Csk, KeyMaterial, Pck};
use thiserror::Error;

/// Whose identity is replaced by a UID (TS 33.180 cl. E.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hiding {
    /// Both URIs are readable.
    #[default]
    Nobody,
    /// The initiator is hidden; the message around it must name the initiator under encryption.
    Initiator,
    /// The responder is hidden.
    Responder,
    /// Both are hidden.
    Both,
}

impl Hiding {
    const fn initiator(self) -> bool {
        matches!(self, Self::Initiator | Self::Both)
    }

    const fn responder(self) -> bool {
        matches!(self, Self::Responder | Self::Both)
    }
}

/// Whether the initiator's other devices can recover the key (TS 33.180 cl. E.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SakkeToSelf {
    /// They cannot.
    #[default]
    Omit,
    /// They can; recommended for a PCK that leaves an MC system (TS 33.180 cl. E.3.1).
    Include,
}

/// How the crypto sessions are described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionMap {
    /// #CS = 0 and the empty map: the default profile of the key.
    Empty,
    /// GENERIC-ID with the MKI, and an SP with the default profile spelled out.
    Generic,
}

/// Choices about the form of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreateOptions {
    /// Description of the crypto sessions.
    pub map: SessionMap,
    /// Hidden identities.
    pub hiding: Hiding,
    /// SAKKE-to-self.
    pub to_self: SakkeToSelf,
}

impl CreateOptions {
    /// \[I\] GMK messages: GENERIC-ID and SP, nothing hidden.
    pub const GROUP_KEY: Self = Self {
        map: SessionMap::Generic,
        hiding: Hiding::Nobody,
        to_self: SakkeToSelf::Omit,
    };
    /// \[I\] All other messages: empty map, nothing hidden.
    pub const PLAIN: Self = Self {
        map: SessionMap::Empty,
        hiding: Hiding::Nobody,
        to_self: SakkeToSelf::Omit,
    };
}

/// Why a message was not made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CreateError {
    /// The signer's keys are for another key period than the one of now.
    #[error("{identity} holds keys of key period {held}, a message made now needs {needed}")]
    LocalSignerPeriod {
        /// The signer.
        identity: String,
        /// Period of the key set.
        held: u64,
        /// Period of the time now.
        needed: u64,
    },
    /// The key id has another purpose than this kind of message.
    #[error("a {} is not sent in this kind of message (TS 33.180 cl. 5.8, E.4)", name(*.0))]
    LocalPurpose(PurposeTag),
    /// The key id has no purpose.
    #[error(transparent)]
    LocalKeyId(#[from] KeyIdError),
    /// The key parameters speak of another kind of key.
    #[error(
        "key parameters are for key type {found}, the key is a {expected:?} (TS 33.180 E.6.11)"
    )]
    LocalKeyType {
        /// Purpose of the key.
        expected: PurposeTag,
        /// Key Type in the parameters.
        found: u8,
    },
    /// A part is too long.
    #[error(transparent)]
    LocalLength(#[from] EncodeError),
    /// The message would be longer than receivers read.
    #[error("the message would have {0} octets, at most {MAX_MESSAGE} are read")]
    LocalTooLong(usize),
    /// The key parameters could not be encrypted.
    #[error(transparent)]
    LocalSeal(#[from] SealError),
    /// No randomness for the signature.
    #[error(transparent)]
    LocalRandom(#[from] RandomError),
}

/// The message that carries a PCK from the caller to the callee (TS 33.180 cl. 5.6, E.3).
pub struct CreatePrivateCallKey<'a> {
    /// The key.
    pub pck: &'a Pck,
    /// The caller, who signs.
    pub caller: &'a UserKeySet,
    /// The callee.
    pub callee: &'a McpttId,
    /// The callee's KMS.
    pub callee_domain: &'a KmsDomain,
    /// Key parameters, seldom needed for a PCK.
    pub parameters: Option<&'a KeyParameters>,
    /// The time now.
    pub now: NtpTime,
    /// Form of the message, [`CreateOptions::PLAIN`] unless there is a reason.
    pub options: CreateOptions,
}

impl CreatePrivateCallKey<'_> {
    /// The octets of the message.
    ///
    /// # Errors
    /// [`CreateError`].
    pub fn build(&self, random: &mut dyn Random) -> Result<Vec<u8>, CreateError> {
        let envelope = Envelope {
            key: self.pck.material(),
            csb_id: self.pck.id(),
            signer: self.caller,
            receiver: self.callee.as_str(),
            receiver_domain: self.callee_domain,
            sessions: private_call_sessions(self.options.map, self.pck.id()),
            parameters: self.parameters,
            now: self.now,
            options: self.options,
        };
        envelope.build(random)
    }
}

/// The message that carries a CSK from the client to its server (TS 33.180 cl. 5.4, E.4).
pub struct CreateClientServerKey<'a> {
    /// The key.
    pub csk: &'a Csk,
    /// The user, who signs.
    pub user: &'a UserKeySet,
    /// The server: the MDSI of the MC domain, or in Release 13 the PSI of the participating function.
    pub server: &'a str,
    /// The server's KMS.
    pub server_domain: &'a KmsDomain,
    /// Key parameters, seldom needed for an upload.
    pub parameters: Option<&'a KeyParameters>,
    /// The time now.
    pub now: NtpTime,
    /// Form of the message, [`CreateOptions::PLAIN`] unless there is a reason.
    pub options: CreateOptions,
}

impl CreateClientServerKey<'_> {
    /// The octets of the message.
    ///
    /// # Errors
    /// [`CreateError`].
    pub fn build(&self, random: &mut dyn Random) -> Result<Vec<u8>, CreateError> {
        let cs_id = roger_keys::CsId::CSK.0;
        let envelope = Envelope {
            key: self.csk.material(),
            csb_id: self.csk.id(),
            signer: self.user,
            receiver: self.server,
            receiver_domain: self.server_domain,
            sessions: sessions(self.options.map, &[cs_id], &self.csk.id().octets()),
            parameters: self.parameters,
            now: self.now,
            options: self.options,
        };
        envelope.build(random)
    }
}

/// The message by which a server gives a key to a user: CSK update, MuSiK, MSCCK, or an MKFC from a GMS
/// (TS 33.180 cl. 5.8, E.4; TS 33.179 cl. 7.7, 9.4).
pub struct CreateKeyDownload<'a> {
    /// A CSK, MuSiK, MSCCK or MKFC.
    pub key: &'a KeyMaterial,
    /// The server, who signs.
    pub server: &'a UserKeySet,
    /// The user.
    pub user: &'a McpttId,
    /// The user's KMS.
    pub user_domain: &'a KmsDomain,
    /// Key parameters: recommended for MuSiK, needed for MKFC to name its groups.
    pub parameters: Option<&'a KeyParameters>,
    /// The time now.
    pub now: NtpTime,
    /// Form of the message, [`CreateOptions::PLAIN`] unless there is a reason.
    pub options: CreateOptions,
}

impl CreateKeyDownload<'_> {
    /// The octets of the message.
    ///
    /// # Errors
    /// [`CreateError`], also for a GMK, PCK or SPK.
    pub fn build(&self, random: &mut dyn Random) -> Result<Vec<u8>, CreateError> {
        let id = self.key.id();
        let cs_id = match id.purpose()? {
            PurposeTag::Csk => roger_keys::CsId::CSK,
            PurposeTag::Musik => roger_keys::CsId::MUSIK,
            PurposeTag::Mkfc => roger_keys::CsId::MKFC,
            PurposeTag::Mscck => roger_keys::CsId::MSCCK,
            other => return Err(CreateError::LocalPurpose(other)),
        };
        let envelope = Envelope {
            key: self.key,
            csb_id: id,
            signer: self.server,
            receiver: self.user.as_str(),
            receiver_domain: self.user_domain,
            sessions: sessions(self.options.map, &[cs_id.0], &id.octets()),
            parameters: self.parameters,
            now: self.now,
            options: self.options,
        };
        envelope.build(random)
    }
}

fn private_call_sessions(map: SessionMap, id: KeyId) -> Vec<GenericSession> {
    let initiator = roger_keys::CsId::PRIVATE_CALL_INITIATOR.0;
    let receiver = roger_keys::CsId::PRIVATE_CALL_RECEIVER.0;
    sessions(map, &[initiator, receiver], &id.octets())
}

/// GENERIC-ID entries of SRTP sessions under policy 0, without session data.
fn sessions(map: SessionMap, cs_ids: &[u8], mki: &[u8]) -> Vec<GenericSession> {
    if map == SessionMap::Empty {
        return Vec::new();
    }
    let session = |cs_id: &u8| GenericSession {
        cs_id: *cs_id,
        protocol: 0,
        s: false,
        policies: vec![0],
        session_data: Vec::new(),
        spi: mki.to_vec(),
    };
    cs_ids.iter().map(session).collect()
}
