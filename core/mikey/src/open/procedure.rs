//! The checks in their order.

use super::{Carriage, Context, OpenError, ReceiverSettings, Sender, Signer, Verified};
use crate::i_message::{IMessage, Party};
use crate::key_parameters::KeyParameters;
use crate::message::Message;
use crate::payload::{CsIdMap, SIGNATURE, SIGNATURE_HEADER, Sakke};
use crate::profile::Profile;
use crate::replay::ReplayCache;
use roger_base::{KeyId, KmsUri, McpttId, NtpTime, PurposeTag, Secret};
use roger_ibc::eccsi::Signature;
use roger_ibc::sakke::{EncapsulatedData, ReceiverSecretKey};
use roger_ibc::uid::Uid;
use roger_ibc::{KmsDomain, UserKeySet};
use roger_keys::{Gmk, KeyMaterial, group};

/// Which SAKKE payload is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Addressee {
    /// The one for the responder.
    Responder,
    /// SAKKE-to-self: this receiver is another device of the initiator.
    InitiatorItself,
}

/// One run of the receiver procedure.
pub(super) struct Procedure<'a> {
    pub(super) settings: &'a ReceiverSettings,
    pub(super) replay: &'a ReplayCache,
    pub(super) context: &'a Context<'a>,
    pub(super) addressee: Addressee,
    pub(super) purposes: &'a [PurposeTag],
}

/// The octets under the signature: all but the signature.
pub(crate) fn signed_octets(octets: &[u8]) -> &[u8] {
    octets
        .split_at_checked(octets.len().saturating_sub(SIGNATURE))
        .map_or(octets, |(s, _)| s)
}

impl Procedure<'_> {
    pub(super) fn run(&self, octets: &[u8]) -> Result<Verified<KeyMaterial>, OpenError> {
        let message = self.read(octets)?;
        self.check_replay(octets)?;
        let time = self.check_time(&message)?;
        let domains = self.check_kms(&message, time)?;
        let key_set = self.key_set(&message, time)?;
        let signer = self.signer(&message, octets, &domains, time)?;
        let secret = self.decapsulate(&message, key_set)?;
        let key = self.identify(&message, secret, key_set)?;
        check_spi(&message, key.id())?;
        let profile = self.profile(&message)?;
        let parameters = self.parameters(&message, &key)?;
        Ok(Verified {
            key,
            csb_id: message.csb_id,
            signer,
            responder: message.responder,
            responder_kms: message.responder_kms,
            time,
            profile,
            parameters,
        })
    }

    fn read(&self, octets: &[u8]) -> Result<IMessage, OpenError> {
        let message = Message::decode(octets)?;
        let message = IMessage::new(&message, self.settings.compatibility)?;
        if !self.purposes.contains(&message.purpose) {
            return Err(OpenError::PeerPurpose {
                id: message.csb_id,
                found: message.purpose,
            });
        }
        Ok(message)
    }

    fn check_replay(&self, octets: &[u8]) -> Result<(), OpenError> {
        let live = self.context.carriage == Carriage::Live;
        if live && self.replay.contains(signed_octets(octets)) {
            return Err(OpenError::PeerReplayed);
        }
        Ok(())
    }

    fn check_time(&self, message: &IMessage) -> Result<NtpTime, OpenError> {
        let now = self.context.now;
        let time = message.time(now);
        let skew = self.settings.skew.as_secs();
        if time.seconds > now.seconds.saturating_add(skew) {
            return Err(OpenError::PeerFromFuture { time, now });
        }
        let oldest = now.seconds.saturating_sub(skew);
        if self.context.carriage == Carriage::Live && time.seconds < oldest {
            return Err(OpenError::PeerTooOld { time, now });
        }
        Ok(time)
    }

    /// The domains of the initiator's KMS; the responder's must be known too.
    fn check_kms(&self, message: &IMessage, time: NtpTime) -> Result<Vec<&KmsDomain>, OpenError> {
        let domains = self.domains(&message.initiator_kms);
        if domains.is_empty() {
            return Err(OpenError::PeerUnknownKms(message.initiator_kms.clone()));
        }
        let mut known = self.known_domains();
        if known.all(|domain| domain.kms_uri != message.responder_kms) {
            return Err(OpenError::PeerUnknownKms(message.responder_kms.clone()));
        }
        let period = domains
            .iter()
            .map(|domain| domain.key_period.period_secs())
            .max();
        let stale = u64::from(self.settings.stale_periods).saturating_mul(period.unwrap_or(0));
        let now = self.context.now;
        if self.context.carriage == Carriage::Stored
            && time.seconds < now.seconds.saturating_sub(stale)
        {
            return Err(OpenError::PeerTooOld { time, now });
        }
        Ok(domains)
    }

    fn known_domains(&self) -> impl Iterator<Item = &KmsDomain> {
        let own = self.context.key_sets.iter().map(|key_set| &key_set.domain);
        self.context.domains.iter().chain(own)
    }

    fn domains(&self, kms: &KmsUri) -> Vec<&KmsDomain> {
        let mut found: Vec<&KmsDomain> = Vec::new();
        for domain in self.known_domains() {
            if domain.kms_uri == *kms && !found.contains(&domain) {
                found.push(domain);
            }
        }
        found
    }

    /// This receiver's key set in the key period of `T`.
    fn key_set(&self, message: &IMessage, time: NtpTime) -> Result<&UserKeySet, OpenError> {
        let (party, kms) = match self.addressee {
            Addressee::Responder => (&message.responder, &message.responder_kms),
            Addressee::InitiatorItself => (&message.initiator, &message.initiator_kms),
        };
        let mut missing = None;
        for key_set in self.context.key_sets {
            let domain = &key_set.domain;
            let period = domain.key_period.number_at(time);
            if domain.kms_uri != *kms || !is(party, &key_set.identity, domain, period) {
                continue;
            }
            if key_set.period_number == period {
                return Ok(key_set);
            }
            missing = Some((key_set.identity.clone(), period));
        }
        let Some((identity, period)) = missing else {
            return Err(OpenError::PeerNotForMe(party.clone()));
        };
        Err(OpenError::LocalKeySetMissing {
            identity,
            kms: kms.clone(),
            period,
        })
    }

    /// Authorised sender, then signature, under each certificate held of the initiator's KMS.
    fn signer(
        &self,
        message: &IMessage,
        octets: &[u8],
        domains: &[&KmsDomain],
        time: NtpTime,
    ) -> Result<Signer, OpenError> {
        let mut failure = OpenError::PeerUnknownKms(message.initiator_kms.clone());
        for domain in domains {
            match self.signer_under(message, octets, domain, time) {
                Ok(signer) => return Ok(signer),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn signer_under(
        &self,
        message: &IMessage,
        octets: &[u8],
        domain: &KmsDomain,
        time: NtpTime,
    ) -> Result<Signer, OpenError> {
        let period_number = domain.key_period.number_at(time);
        let uid = match &message.initiator {
            Party::Named(identity) => domain.uid_of(identity, period_number),
            Party::Hidden(uid) => *uid,
        };
        let signer = Signer {
            party: message.initiator.clone(),
            uid,
            kms: domain.kms_uri.clone(),
            key_period: domain.key_period,
            period_number,
        };
        let signer = self.authorise(signer)?;
        self.verify(message, octets, domain, &uid)?;
        Ok(signer)
    }

    fn authorise(&self, signer: Signer) -> Result<Signer, OpenError> {
        if self.addressee == Addressee::InitiatorItself {
            return Ok(signer);
        }
        match self.context.sender {
            Sender::DecidedLater => Ok(signer),
            Sender::OneOf(identities) => match identities.iter().find(|name| signer.is(name)) {
                Some(identity) => signer.require(identity),
                None => Err(OpenError::DeniedSender(signer.party)),
            },
        }
    }

    fn verify(
        &self,
        message: &IMessage,
        octets: &[u8],
        domain: &KmsDomain,
        uid: &Uid,
    ) -> Result<(), OpenError> {
        let signature = Signature::from_octets(message.signature.as_slice());
        let signature = signature.map_err(OpenError::PeerSignature)?;
        let signed = signed_octets(octets);
        let result = domain.auth.verify(uid.as_octets(), signed, &signature);
        if result.is_err() && self.settings.compatibility.signature_without_length {
            let shorter = signed.len().saturating_sub(SIGNATURE_HEADER);
            let shorter = signed
                .split_at_checked(shorter)
                .map_or(signed, |(start, _)| start);
            let result = domain.auth.verify(uid.as_octets(), shorter, &signature);
            return result.map_err(OpenError::PeerSignature);
        }
        result.map_err(OpenError::PeerSignature)
    }

    fn decapsulate(
        &self,
        message: &IMessage,
        key_set: &UserKeySet,
    ) -> Result<Secret<16>, OpenError> {
        let sakke = match self.addressee {
            Addressee::Responder => &message.sakke,
            Addressee::InitiatorItself => message
                .sakke_to_self
                .as_ref()
                .ok_or(OpenError::PeerNoSakkeToSelf)?,
        };
        decapsulate(sakke, &key_set.receiver)
    }

    /// The key under its own id: for a GMK the GMK-ID behind the GUK-ID of the member.
    fn identify(
        &self,
        message: &IMessage,
        secret: Secret<16>,
        key_set: &UserKeySet,
    ) -> Result<KeyMaterial, OpenError> {
        let id = match message.purpose {
            Gmk::PURPOSE => {
                let member = self.member(message, key_set)?;
                group::gmk_id(&secret, message.csb_id, &member)
            }
            _ => message.csb_id,
        };
        Ok(KeyMaterial::new(secret, id, message.rand.clone()))
    }

    /// The member whose user salt is in the GUK-ID.
    fn member(&self, message: &IMessage, key_set: &UserKeySet) -> Result<McpttId, OpenError> {
        let identity = match (&message.responder, self.addressee) {
            (_, Addressee::Responder) => &key_set.identity,
            (Party::Named(identity), Addressee::InitiatorItself) => identity,
            (Party::Hidden(_), Addressee::InitiatorItself) => {
                return Err(OpenError::LocalHiddenMember);
            }
        };
        let not_a_user = |_| OpenError::PeerNotForMe(message.responder.clone());
        McpttId::new(identity.as_str()).map_err(not_a_user)
    }

    /// The SP that the sessions name, else the only one there, else the default profile.
    fn profile(&self, message: &IMessage) -> Result<Profile, OpenError> {
        let named = message.map.policies();
        let mut chosen = None;
        for policy in &message.policies {
            if !named.is_empty() && !named.contains(&policy.number) {
                continue;
            }
            let profile = Profile::of(policy, message.purpose, &self.settings.suites)?;
            chosen = chosen.or(Some(profile));
        }
        Ok(chosen.unwrap_or(Profile::default_of(message.purpose)))
    }

    fn parameters(
        &self,
        message: &IMessage,
        key: &KeyMaterial,
    ) -> Result<Option<KeyParameters>, OpenError> {
        let Some(payload) = &message.key_parameters else {
            return Ok(None);
        };
        let parameters = payload.open(key.secret(), message.csb_id)?;
        let found = parameters.key_type;
        if found != message.purpose as u8 {
            return Err(OpenError::PeerKeyType {
                expected: message.purpose,
                found,
            });
        }
        let now = self.context.now.to_unix();
        match parameters.expiry {
            Some(expiry) if expiry <= now && !parameters.status.is_revoked() => {
                Err(OpenError::PeerExpired {
                    id: key.id(),
                    expiry,
                })
            }
            _ => Ok(Some(parameters)),
        }
    }
}

/// Whether a party of the message is this identity.
fn is(party: &Party, identity: &str, domain: &KmsDomain, period: u64) -> bool {
    match party {
        Party::Named(name) => name == identity,
        Party::Hidden(uid) => domain.uid_of(identity, period) == *uid,
    }
}

pub(crate) fn decapsulate(
    sakke: &Sakke,
    receiver: &ReceiverSecretKey,
) -> Result<Secret<16>, OpenError> {
    let data = EncapsulatedData::from_octets(sakke.data.as_slice());
    let data = data.map_err(|_| OpenError::PeerSakke)?;
    receiver
        .decapsulate(&data)
        .map_err(|_| OpenError::PeerSakke)
}

/// An SPI that is there is the MKI: GMK-ID and GUK-ID, or the key id (TS 33.180 cl. E.1.3).
fn check_spi(message: &IMessage, id: KeyId) -> Result<(), OpenError> {
    let CsIdMap::GenericId(sessions) = &message.map else {
        return Ok(());
    };
    let mki = match message.purpose {
        Gmk::PURPOSE => group::mki(id, message.csb_id).to_vec(),
        _ => id.octets().to_vec(),
    };
    let fits = |spi: &Vec<u8>| spi.is_empty() || *spi == mki;
    if !sessions.iter().all(|session| fits(&session.spi)) {
        return Err(OpenError::PeerSpi(id));
    }
    Ok(())
}
