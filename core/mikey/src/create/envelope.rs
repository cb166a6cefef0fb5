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
use roger_ibc::uid::Uid;
use roger_ibc::{KmsDomain, UserKeySet, sakke};
use roger_keys::KeyMaterial;

/// Everything a message is made of; the typed calls fill it in.
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
    pub fn build(&self, random: &mut dyn Random) -> Result<Vec<u8>, CreateError> {
        let purpose = self.csb_id.purpose()?;
        self.check_signer()?;
        let mut payloads = self.preamble();
        if !self.sessions.is_empty() {
            payloads.push(Payload::SecurityPolicy(policy(purpose)));
        }
        payloads.push(Payload::Sakke(
            self.encapsulate(self.receiver_domain, &self.receiver_uid()),
        ));
        if self.options.to_self == SakkeToSelf::Include {
            let sakke = self.encapsulate(&self.signer.domain, &self.signer.uid);
            payloads.push(Payload::GeneralExtension(GeneralExtension::sakke_to_self(
                &sakke,
            )));
        }
        if let Some(parameters) = self.parameters {
            payloads.push(self.seal(parameters, purpose, random)?);
        }
        let body = Body {
            header: self.header(),
            payloads,
        };
        let mut octets = body.signed_octets()?;
        let signature = self.signer.signing.sign(&octets, random)?;
        octets.extend(signature.as_octets());
        if octets.len() > MAX_MESSAGE {
            return Err(CreateError::LocalTooLong(octets.len()));
        }
        Ok(octets)
    }

    fn check_signer(&self) -> Result<(), CreateError> {
        let held = self.signer.period_number;
        let needed = self.signer.domain.key_period.number_at(self.now);
        if held != needed {
            let identity = self.signer.identity.clone();
            return Err(CreateError::LocalSignerPeriod {
                identity,
                held,
                needed,
            });
        }
        Ok(())
    }

    fn header(&self) -> Header {
        let map = match self.sessions.as_slice() {
            [] => CsIdMap::Empty,
            sessions => CsIdMap::GenericId(sessions.to_vec()),
        };
        Header {
            v: false,
            prf: PRF_HMAC_SHA_256,
            csb_id: self.csb_id,
            map,
        }
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

    /// UID of the receiver in *its* KMS's key period (TS 33.180 cl. 5.2.7).
    fn receiver_uid(&self) -> Uid {
        let period = self.receiver_domain.key_period.number_at(self.now);
        self.receiver_domain.uid_of(self.receiver, period)
    }

    fn encapsulate(&self, domain: &KmsDomain, uid: &Uid) -> Sakke {
        let data = sakke::encapsulate(&domain.enc, uid.as_octets(), self.key.secret());
        let mut octets = [0; SED];
        for (to, from) in octets.iter_mut().zip(data.as_octets()) {
            *to = *from;
        }
        Sakke::new(octets)
    }

    fn seal(
        &self,
        parameters: &KeyParameters,
        purpose: PurposeTag,
        random: &mut dyn Random,
    ) -> Result<Payload, CreateError> {
        let found = parameters.key_type;
        if found != purpose as u8 {
            return Err(CreateError::LocalKeyType {
                expected: purpose,
                found,
            });
        }
        let now = self.now.to_unix();
        let secret = self.key.secret();
        let sealed = ProtectedPayload::seal(parameters, secret, self.csb_id, now, random)?;
        let data = sealed.encode()?;
        Ok(Payload::GeneralExtension(GeneralExtension {
            kind: KEY_PARAMETERS,
            data,
        }))
    }
}

/// The default profile spelled out.
fn policy(purpose: PurposeTag) -> SecurityPolicy {
    match purpose {
        PurposeTag::Gmk => profile::gmk_policy(),
        _ => profile::pck_policy(),
    }
}
