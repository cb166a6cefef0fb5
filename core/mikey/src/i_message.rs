//! The I_MESSAGE as MCPTT means it: every part once and of the right kind (TS 33.180 cl. E.1.2).

use crate::message::Message;
use crate::payload::{
    CsIdMap, GeneralExtension, ID_SCHEME_MCX_HASHED_UID, ID_SCHEME_TEL_MONTHLY, Identity,
    KEY_PARAMETERS, PARAMETER_SET_1, PRF_HMAC_SHA_256, PRF_MIKEY_1, Payload, Role, SAKKE_TO_SELF,
    SIGNATURE, Sakke, SecurityPolicy, TYPE_BYTE_STRING, TYPE_URI, Timestamp,
};
use crate::protected_payload::ProtectedPayload;
use crate::wire::DecodeError;
use core::fmt;
use roger_base::{IdentityError, KeyId, KeyIdError, KmsUri, NtpTime, PurposeTag};
use roger_ibc::uid::Uid;
use roger_keys::Rand;
use thiserror::Error;

/// Octets of RAND that a sender must use at least (RFC 3830 6.11).
const MIN_RAND: usize = 16;
/// Octets of a UID.
const UID: usize = 32;

/// Why a readable message is not an I_MESSAGE of MCPTT.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StructureError {
    /// A part that must be there once is missing.
    #[error("{0} is missing (TS 33.180 cl. E.1.2)")]
    Missing(Part),
    /// A part is there more than once.
    #[error("{0} is there more than once (TS 33.180 cl. E.1.2)")]
    Repeated(Part),
    /// The timestamp is not NTP-UTC.
    #[error("TS type {0} is not 0, NTP-UTC (TS 33.180 cl. E.1.2)")]
    TimestampType(u8),
    /// RAND is too short.
    #[error("RAND has {0} octets, at least {MIN_RAND} are needed (RFC 3830 6.11)")]
    ShortRand(usize),
    /// A PRF that is not known.
    #[error("PRF func {0} is not known (RFC 6043 6.1)")]
    Prf(u8),
    /// The key id has no purpose.
    #[error("CSB ID: {0}")]
    CsbId(#[from] KeyIdError),
    /// An identity has another ID type.
    #[error("{role} has ID type {id_type} (TS 33.180 cl. E.1.2)")]
    IdentityType {
        /// Role.
        role: Role,
        /// ID type found.
        id_type: u8,
    },
    /// An identity is not UTF-8.
    #[error("{0} is not UTF-8")]
    IdentityNotUtf8(Role),
    /// An identity is empty or has characters no identity has.
    #[error("{role}: {error}")]
    Identity {
        /// Role.
        role: Role,
        /// What is wrong.
        error: IdentityError,
    },
    /// A UID of another length.
    #[error("{role} has {length} octets, a UID has {UID} (TS 33.180 cl. E.7)")]
    UidLength {
        /// Role.
        role: Role,
        /// Length found.
        length: usize,
    },
    /// A policy number is named by a session but no SP has it.
    #[error("no SP has policy number {0}, which the CS ID map names (RFC 6043 6.1.1)")]
    PolicyMissing(u8),
    /// Two SP payloads share a number.
    #[error("two SP payloads have policy number {0} (RFC 3830 6.10)")]
    PolicyRepeated(u8),
    /// SAKKE with another parameter set.
    #[error("SAKKE params {0} is not 1 (RFC 6509 4.2)")]
    SakkeParameters(u8),
    /// SAKKE with another ID scheme.
    #[error("SAKKE ID scheme {0} is not 2, 3GPP MCX hashed UID (TS 33.180 cl. E.1.2)")]
    SakkeIdScheme(u8),
    /// The data of a SAKKE-to-self are malformed.
    #[error("SAKKE-to-self, {0}")]
    SakkeToSelf(DecodeError),
    /// The container of the key parameters is malformed.
    #[error("key parameters, {0}")]
    KeyParameters(DecodeError),
}

/// A part of an I_MESSAGE that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// T.
    Timestamp,
    /// RAND.
    Rand,
    /// SAKKE.
    Sakke,
    /// IDRi or IDRuidi.
    Initiator,
    /// IDRr or IDRuidr.
    Responder,
    /// IDRkmsi.
    InitiatorKms,
    /// IDRkmsr.
    ResponderKms,
    /// SAKKE-to-self.
    SakkeToSelf,
    /// Key parameters.
    KeyParameters,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timestamp => "T",
            Self::Rand => "RAND",
            Self::Sakke => "SAKKE",
            Self::Initiator => "IDRi (or IDRuidi)",
            Self::Responder => "IDRr (or IDRuidr)",
            Self::InitiatorKms => "IDRkmsi",
            Self::ResponderKms => "IDRkmsr",
            Self::SakkeToSelf => "SAKKE-to-self",
            Self::KeyParameters => "the key parameters extension",
        })
    }
}

/// Deviations of known products, each accepted only when switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Compatibility {
    /// Accept a RAND of 1 to 15 octets.
    pub short_rand: bool,
    /// Accept SAKKE ID scheme 1 and treat it as 2: a 33.179 V13.4.0 product writes so.
    pub sakke_id_scheme_1: bool,
    /// Accept a signature that leaves out S type and signature length: two vendor stacks do.
    pub signature_without_length: bool,
}

impl Compatibility {
    /// Nothing but the standard.
    pub const NONE: Self = Self {
        short_rand: false,
        sakke_id_scheme_1: false,
        signature_without_length: false,
    };
}

/// Initiator or responder: a URI, or the UID in its place (TS 33.180 cl. E.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Party {
    /// The URI as configured, octet by octet.
    Named(String),
    /// A hidden identity.
    Hidden(Uid),
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(uri) => f.write_str(uri),
            Self::Hidden(uid) => write!(f, "hidden, UID {uid}"),
        }
    }
}

/// An I_MESSAGE with every part found; nothing is verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IMessage {
    /// CSB ID: key id, or GUK-ID for a GMK.
    pub csb_id: KeyId,
    /// Purpose tag of the CSB ID.
    pub purpose: PurposeTag,
    /// PRF func; derivations use PRF-HMAC-SHA-256 in any case (TS 33.180 cl. 7.4).
    pub prf: u8,
    /// The crypto sessions.
    pub map: CsIdMap,
    /// T as on the wire.
    pub timestamp: u64,
    /// RAND.
    pub rand: Rand,
    /// IDRi or IDRuidi.
    pub initiator: Party,
    /// IDRr or IDRuidr.
    pub responder: Party,
    /// IDRkmsi.
    pub initiator_kms: KmsUri,
    /// IDRkmsr.
    pub responder_kms: KmsUri,
    /// SP payloads.
    pub policies: Vec<SecurityPolicy>,
    /// The key for the responder.
    pub sakke: Sakke,
    /// The key for the initiator's other devices.
    pub sakke_to_self: Option<Sakke>,
    /// Key parameters, still encrypted.
    pub key_parameters: Option<ProtectedPayload>,
    /// The signature.
    pub signature: Box<[u8; SIGNATURE]>,
}

impl IMessage {
    /// Finds every part of a message.
    ///
    /// # Errors
    /// [`StructureError`] naming the part that is missing, repeated or wrong.
    pub fn new(message: &Message, compatibility: Compatibility) -> Result<Self, StructureError> {
        let header = &message.body.header;
        if !matches!(header.prf, PRF_HMAC_SHA_256 | PRF_MIKEY_1) {
            return Err(StructureError::Prf(header.prf));
        }
        let purpose = header.csb_id.purpose()?;
        let parts = Parts::collect(&message.body.payloads)?;
        let policies = policies(&message.body.payloads, &header.map)?;
        let sakke = required(parts.sakke, Part::Sakke)?;
        check_sakke(&sakke, compatibility)?;
        if let Some(sakke) = &parts.sakke_to_self {
            check_sakke(sakke, compatibility)?;
        }
        Ok(Self {
            csb_id: header.csb_id,
            purpose,
            prf: header.prf,
            map: header.map.clone(),
            timestamp: timestamp(required(parts.timestamp, Part::Timestamp)?)?,
            rand: rand(required(parts.rand, Part::Rand)?, compatibility)?,
            initiator: required(parts.initiator, Part::Initiator)?,
            responder: required(parts.responder, Part::Responder)?,
            initiator_kms: required(parts.initiator_kms, Part::InitiatorKms)?,
            responder_kms: required(parts.responder_kms, Part::ResponderKms)?,
            policies,
            sakke,
            sakke_to_self: parts.sakke_to_self,
            key_parameters: parts.key_parameters,
            signature: message.signature.clone(),
        })
    }

    /// T in the era nearest to `now`.
    #[must_use]
    pub fn time(&self, now: NtpTime) -> NtpTime {
        NtpTime::from_wire(self.timestamp, now)
    }
}

#[derive(Default)]
struct Parts {
    timestamp: Option<Timestamp>,
    rand: Option<Rand>,
    sakke: Option<Sakke>,
    initiator: Option<Party>,
    responder: Option<Party>,
    initiator_kms: Option<KmsUri>,
    responder_kms: Option<KmsUri>,
    sakke_to_self: Option<Sakke>,
    key_parameters: Option<ProtectedPayload>,
}

impl Parts {
    fn collect(payloads: &[Payload]) -> Result<Self, StructureError> {
        let mut parts = Self::default();
        for payload in payloads {
            match payload {
                Payload::Timestamp(timestamp) => {
                    once(&mut parts.timestamp, *timestamp, Part::Timestamp)?;
                }
                Payload::Rand(rand) => once(&mut parts.rand, rand.clone(), Part::Rand)?,
                Payload::Sakke(sakke) => once(&mut parts.sakke, sakke.clone(), Part::Sakke)?,
                Payload::Identity(identity) => parts.identity(identity)?,
                Payload::GeneralExtension(extension) => parts.extension(extension)?,
                Payload::SecurityPolicy(_) => {}
            }
        }
        Ok(parts)
    }

    /// Roles that MCPTT does not use have no effect.
    fn identity(&mut self, identity: &Identity) -> Result<(), StructureError> {
        match identity.role {
            Role::Initiator => once(&mut self.initiator, named(identity)?, Part::Initiator),
            Role::Responder => once(&mut self.responder, named(identity)?, Part::Responder),
            Role::InitiatorUid => once(&mut self.initiator, hidden(identity)?, Part::Initiator),
            Role::ResponderUid => once(&mut self.responder, hidden(identity)?, Part::Responder),
            Role::InitiatorKms => once(&mut self.initiator_kms, kms(identity)?, Part::InitiatorKms),
            Role::ResponderKms => once(&mut self.responder_kms, kms(identity)?, Part::ResponderKms),
            Role::Other(_) => Ok(()),
        }
    }

    /// Unknown extensions have no effect (RFC 3830 6.15).
    fn extension(&mut self, extension: &GeneralExtension) -> Result<(), StructureError> {
        match extension.kind {
            SAKKE_TO_SELF => {
                let sakke = GeneralExtension::read_sakke_to_self(&extension.data, 0, &mut ());
                let sakke = sakke.map_err(StructureError::SakkeToSelf)?;
                once(&mut self.sakke_to_self, sakke, Part::SakkeToSelf)
            }
            KEY_PARAMETERS => {
                let payload = ProtectedPayload::decode(&extension.data);
                let payload = payload.map_err(StructureError::KeyParameters)?;
                once(&mut self.key_parameters, payload, Part::KeyParameters)
            }
            _ => Ok(()),
        }
    }
}

fn once<T>(slot: &mut Option<T>, value: T, part: Part) -> Result<(), StructureError> {
    if slot.is_some() {
        return Err(StructureError::Repeated(part));
    }
    *slot = Some(value);
    Ok(())
}

fn required<T>(slot: Option<T>, part: Part) -> Result<T, StructureError> {
    slot.ok_or(StructureError::Missing(part))
}

fn uri(identity: &Identity) -> Result<&str, StructureError> {
    let role = identity.role;
    if identity.id_type != TYPE_URI {
        return Err(StructureError::IdentityType {
            role,
            id_type: identity.id_type,
        });
    }
    core::str::from_utf8(&identity.data).map_err(|_| StructureError::IdentityNotUtf8(role))
}

/// Any configured string may name a party, so the rule is that of a bare name.
fn named(identity: &Identity) -> Result<Party, StructureError> {
    kms(identity).map(|checked| Party::Named(checked.as_str().to_owned()))
}

fn kms(identity: &Identity) -> Result<KmsUri, StructureError> {
    let role = identity.role;
    KmsUri::new(uri(identity)?).map_err(|error| StructureError::Identity { role, error })
}

fn hidden(identity: &Identity) -> Result<Party, StructureError> {
    let role = identity.role;
    if !matches!(identity.id_type, TYPE_URI | TYPE_BYTE_STRING) {
        return Err(StructureError::IdentityType {
            role,
            id_type: identity.id_type,
        });
    }
    let length = identity.data.len();
    let uid = identity.data.as_slice().try_into();
    let uid = uid.map_err(|_| StructureError::UidLength { role, length })?;
    Ok(Party::Hidden(Uid(uid)))
}

const fn timestamp(timestamp: Timestamp) -> Result<u64, StructureError> {
    match timestamp {
        Timestamp::NtpUtc(value) => Ok(value),
        other => Err(StructureError::TimestampType(other.ts_type())),
    }
}

fn rand(rand: Rand, compatibility: Compatibility) -> Result<Rand, StructureError> {
    let length = rand.octets().len();
    if length < MIN_RAND && !compatibility.short_rand {
        return Err(StructureError::ShortRand(length));
    }
    Ok(rand)
}

fn check_sakke(sakke: &Sakke, compatibility: Compatibility) -> Result<(), StructureError> {
    if sakke.parameters != PARAMETER_SET_1 {
        return Err(StructureError::SakkeParameters(sakke.parameters));
    }
    match sakke.id_scheme {
        ID_SCHEME_MCX_HASHED_UID => Ok(()),
        ID_SCHEME_TEL_MONTHLY if compatibility.sakke_id_scheme_1 => Ok(()),
        other => Err(StructureError::SakkeIdScheme(other)),
    }
}

fn policies(payloads: &[Payload], map: &CsIdMap) -> Result<Vec<SecurityPolicy>, StructureError> {
    let mut policies: Vec<SecurityPolicy> = Vec::new();
    for payload in payloads {
        let Payload::SecurityPolicy(policy) = payload else {
            continue;
        };
        if policies.iter().any(|known| known.number == policy.number) {
            return Err(StructureError::PolicyRepeated(policy.number));
        }
        policies.push(policy.clone());
    }
    for number in map.policies() {
        // Without any SP the default profile applies to every session.
        if !policies.is_empty() && policies.iter().all(|policy| policy.number != number) {
            return Err(StructureError::PolicyMissing(number));
        }
    }
    Ok(policies)
}
