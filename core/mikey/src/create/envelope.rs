//! One key in one message to one receiver, whatever the key is for.

use super::{CreateError, CreateOptions, SakkeToSelf};
use crate::key_parameters::KeyParameters;
use crate::message::{Body, MAX_MESSAGE};
use crate::payload::{
    CsIdMap, GeneralExtension, GenericSession, Header, Identity, KEY_PARAMETERS, PRF_HMAC_SHA_256,
    Payload, Role, SED, Sakke, SecurityPolicy, Timestamp,
};
use crate::profile;
use crate::protected_payload::ProtectedPayload;
use roger_base::{KeyId, NtpTime, PurposeTag, Random};
use roger_ibc::sakke::{self, EncapsulatedData};
use roger_ibc::uid::Uid;
use roger_ibc::{KmsDomain, UserKeySet};
use roger_keys::KeyMaterial;

/// Everything a message is made of; the typed calls fill it in.
///
/// A message is made in three steps, so that many can share the first two: `check`, the encapsulation to
/// `receiver_uid`, `complete`.
pub struct Envelope<'a> {
    /// Secret and RAND.
    pub key: &'a KeyMaterial,
    /// CSB ID: the key id, or the receiver's GUK-ID for a GMK.
    pub csb_id: KeyId,
    /// The initiator, who signs.
    pub signer: &'a UserKeySet,
    /// Identity of the responder, octet by octet as configured.
    pub receiver: &'a str,
    /// KMS of the responder.
    pub receiver_domain: &'a KmsDomain,
    /// Entries of the GENERIC-ID map; none: the empty map and no SP.
    pub sessions: Vec<GenericSession>,
    /// Key parameters.
    pub parameters: Option<&'a KeyParameters>,
    /// The time now, for T and the key periods.
    pub now: NtpTime,
    /// Form of the message.
    pub options: CreateOptions,
}

impl Envelope<'_> {
    /// Encapsulates, encrypts, signs and encodes.
    ///
    /// # Errors
    /// [`CreateError`].
    pub fn build(self, random: &mut dyn Random) -> Result<Vec<u8>, CreateError> {
        check(
            self.csb_id.purpose()?,
            self.signer,
            self.parameters,
            self.now,
        )?;
        let uid = self.receiver_uid();
        let data = encapsulate(self.receiver_domain, &uid, self.key);
        let to_self = sakke_to_self(self.options, self.signer, self.key);
        self.complete(&data, to_self.as_ref(), random)
    }

    /// UID of the receiver in *its* KMS's key period (TS 33.180 cl. 5.2.7).
    pub(super) fn receiver_uid(&self) -> Uid {
        let period = self.receiver_domain.key_period.number_at(self.now);
        self.receiver_domain.uid_of(self.receiver, period)
    }

    /// Takes the encapsulated key; encrypts the key parameters, signs and encodes.
    ///
    /// # Errors
    /// [`CreateError`].
    pub(super) fn complete(
        self,
        data: &EncapsulatedData,
        to_self: Option<&GeneralExtension>,
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, CreateError> {
        let mut payloads = self.preamble();
        if !self.sessions.is_empty() {
            payloads.push(Payload::SecurityPolicy(policy(self.csb_id.purpose()?)));
        }
        payloads.push(Payload::Sakke(payload(data)));
        payloads.extend(to_self.cloned().map(Payload::GeneralExtension));
        if let Some(parameters) = self.parameters {
            payloads.push(self.seal(parameters, random)?);
        }
        let signing = &self.signer.signing;
        let header = self.header();
        let mut octets = Body { header, payloads }.signed_octets()?;
        let signature = signing.sign(&octets, random)?;
        octets.extend(signature.as_octets());
        if octets.len() > MAX_MESSAGE {
            return Err(CreateError::LocalTooLong(octets.len()));
        }
        Ok(octets)
    }

    /// T, RAND and the four identities.
    fn preamble(&self) -> Vec<Payload> {
        let signer_kms = self.signer.domain.kms_uri.as_str().as_bytes();
        let receiver_kms = self.receiver_domain.kms_uri.as_str().as_bytes();
        let initiator = match self.options.hiding.initiator() {
            true => Identity::new(Role::InitiatorUid, self.signer.uid.as_octets()),
            false => Identity::new(Role::Initiator, self.signer.identity.as_bytes()),
        };
        let responder = match self.options.hiding.responder() {
            true => Identity::new(Role::ResponderUid, self.receiver_uid().as_octets()),
            false => Identity::new(Role::Responder, self.receiver.as_bytes()),
        };
        vec![
            Payload::Timestamp(Timestamp::new(self.now)),
            Payload::Rand(self.key.rand().clone()),
            Payload::Identity(initiator),
            Payload::Identity(responder),
            Payload::Identity(Identity::new(Role::InitiatorKms, signer_kms)),
            Payload::Identity(Identity::new(Role::ResponderKms, receiver_kms)),
        ]
    }

    fn seal(
        &self,
        parameters: &KeyParameters,
        random: &mut dyn Random,
    ) -> Result<Payload, CreateError> {
        let now = self.now.to_unix();
        let secret = self.key.secret();
        let sealed = ProtectedPayload::seal(parameters, secret, self.csb_id, now, random)?;
        let data = sealed.encode()?;
        Ok(Payload::GeneralExtension(GeneralExtension {
            kind: KEY_PARAMETERS,
            data,
        }))
    }

    fn header(self) -> Header {
        let map = match self.sessions.is_empty() {
            true => CsIdMap::Empty,
            false => CsIdMap::GenericId(self.sessions),
        };
        Header {
            v: false,
            prf: PRF_HMAC_SHA_256,
            csb_id: self.csb_id,
            map,
        }
    }
}

/// What is refused before any work is done and before anything is drawn.
pub(super) fn check(
    purpose: PurposeTag,
    signer: &UserKeySet,
    parameters: Option<&KeyParameters>,
    now: NtpTime,
) -> Result<(), CreateError> {
    let (held, needed) = (
        signer.period_number,
        signer.domain.key_period.number_at(now),
    );
    if held != needed {
        let identity = signer.identity.clone();
        return Err(CreateError::LocalSignerPeriod {
            identity,
            held,
            needed,
        });
    }
    match parameters.map(|parameters| parameters.key_type) {
        Some(found) if found != purpose as u8 => Err(CreateError::LocalKeyType {
            expected: purpose,
            found,
        }),
        _ => Ok(()),
    }
}

/// The default profile spelled out.
fn policy(purpose: PurposeTag) -> SecurityPolicy {
    match purpose {
        PurposeTag::Gmk => profile::gmk_policy(),
        _ => profile::pck_policy(),
    }
}

fn encapsulate(domain: &KmsDomain, uid: &Uid, key: &KeyMaterial) -> EncapsulatedData {
    sakke::encapsulate(&domain.enc, uid.as_octets(), key.secret())
}

/// The key for the signer's other devices, where it is wanted; the same in every message of a key.
pub(super) fn sakke_to_self(
    options: CreateOptions,
    signer: &UserKeySet,
    key: &KeyMaterial,
) -> Option<GeneralExtension> {
    let wanted = options.to_self == SakkeToSelf::Include;
    wanted.then(|| {
        let data = encapsulate(&signer.domain, &signer.uid, key);
        GeneralExtension::sakke_to_self(&payload(&data))
    })
}

fn payload(data: &EncapsulatedData) -> Sakke {
    let mut octets = [0; SED];
    for (to, from) in octets.iter_mut().zip(data.as_octets()) {
        *to = *from;
    }
    Sakke::new(octets)
}
