//! What the KMS gives once a request has passed every check: certificates and key sets (TS 33.180 D.3).

use crate::account::KeyAccount;
use crate::config::{KmsConfig, NextPeriod};
use crate::refusal::Refusal;
use crate::server::{Context, Kms};
use crate::target::Target;
use roger_base::{Random, SecretBytes, UnixTime};
use roger_documents::kms::{
    CertificateRole, KeyContent, KmsCertificate, KmsKeySet, KmsMessage, NamedKey, OpenedRequest,
    WrappedKey,
};
use roger_ibc::{IssuedKeys, KmsMaster, UserKeySet};

impl Kms {
    pub(crate) fn serve(
        &self,
        target: &Target,
        account: &KeyAccount,
        opened: &OpenedRequest,
        now: UnixTime,
        random: &mut dyn Random,
        context: &mut Context,
    ) -> Result<KmsMessage, Refusal> {
        let named = opened
            .request
            .trk_id
            .as_deref()
            .and_then(|name| account.adopted_transport_key(name));
        let current = account.current.as_ref().map(|pair| &pair.transport);
        let transport_key = named.or(current);
        match target {
            Target::Init => {
                let (new_transport_keys, new_integrity_keys) = account.new_keys(transport_key)?;
                let certificate = Box::new(self.certificate.clone());
                Ok(KmsMessage::Init {
                    certificate,
                    new_transport_keys,
                    new_integrity_keys,
                })
            }
            Target::OwnKeys | Target::Keys(_) | Target::KeysAt(..) => {
                let (identity, periods) = self.periods(target, account, now)?;
                let mut key_sets = Vec::new();
                for period in periods {
                    let issued = self.issue(identity, period, random)?;
                    key_sets.push(self.key_set(&issued, account, transport_key)?);
                    context.released.push((identity.to_owned(), period));
                }
                let (new_transport_keys, new_integrity_keys) = account.new_keys(transport_key)?;
                Ok(KmsMessage::KeyProv {
                    key_sets,
                    new_transport_keys,
                    new_integrity_keys,
                })
            }
            Target::CertCache(held) => self.cert_cache(*held),
            Target::Cert(kms_uri) => self.cert(kms_uri),
        }
    }

    /// The identity whose keys are asked for and the key periods to issue.
    fn periods<'a>(
        &self,
        target: &'a Target,
        account: &'a KeyAccount,
        now: UnixTime,
    ) -> Result<(&'a str, Vec<u64>), Refusal> {
        let period = self.master.domain().key_period;
        let current = period.number_at(now.to_ntp());
        match target {
            Target::KeysAt(identity, wire) => {
                let number = period.number_at(Target::time(*wire, now.to_ntp()));
                let oldest = current.saturating_sub(self.config.past_periods);
                if !(oldest..=current.saturating_add(1)).contains(&number) {
                    return Err(Refusal::PeerPeriod);
                }
                Ok((identity, vec![number]))
            }
            Target::Keys(identity) => Ok((identity, self.current_periods(current, now))),
            _ => Ok((&account.user_uri, self.current_periods(current, now))),
        }
    }

    fn current_periods(&self, current: u64, now: UnixTime) -> Vec<u64> {
        let period = self.master.domain().key_period;
        let next = current.saturating_add(1);
        let left = period
            .start_of(next)
            .seconds
            .saturating_sub(now.to_ntp().seconds);
        let near = left <= period.period_secs() / 10;
        if near && self.config.next_period == NextPeriod::NearTheEnd {
            vec![current, next]
        } else {
            vec![current]
        }
    }

    /// Issues a key set and makes every check that its user will make, before anything is released.
    fn issue(
        &self,
        identity: &str,
        period: u64,
        random: &mut dyn Random,
    ) -> Result<IssuedKeys, Refusal> {
        let issued = self.master.issue(identity, period, random)?;
        UserKeySet::validate(self.master.domain(), &issued).map_err(|_| Refusal::LocalKeys)?;
        Ok(issued)
    }

    fn key_set(
        &self,
        issued: &IssuedKeys,
        account: &KeyAccount,
        transport_key: Option<&NamedKey>,
    ) -> Result<KmsKeySet, Refusal> {
        let content = |octets: &[u8]| match transport_key {
            Some(key) => {
                let wrapped = WrappedKey::wrap(octets, key, account.wrap_profile);
                wrapped
                    .map(KeyContent::Wrapped)
                    .map_err(|_| Refusal::LocalKeys)
            }
            None => Ok(KeyContent::Plain(SecretBytes::new(octets.to_vec()))),
        };
        let period = self.master.domain().key_period;
        let number = issued.period_number;
        Ok(KmsKeySet {
            kms_uri: self.kms_uri().clone(),
            cert_uri: self.config.cert_uri.clone(),
            issuer: self.config.issuer.clone(),
            user_uri: issued.identity.clone(),
            user_id: issued.uid.0,
            valid_from: Some(period.start_of(number).to_unix()),
            valid_to: Some(period.start_of(number.saturating_add(1)).to_unix()),
            key_period_no: number,
            revoked: false,
            user_decrypt_key: content(issued.rsk.expose())?,
            user_signing_key_ssk: content(issued.ssk.expose())?,
            user_pub_token_pvt: content(&issued.pvt)?,
        })
    }

    fn cert_cache(&self, held: Option<u64>) -> Result<KmsMessage, Refusal> {
        let (number, certificates) = self.ports.repository.external_certificates()?;
        let certificates = if held == Some(number) {
            Vec::new()
        } else {
            certificates
        };
        Ok(KmsMessage::CertCache {
            cache_num: Some(number),
            certificates,
        })
    }

    fn cert(&self, kms_uri: &str) -> Result<KmsMessage, Refusal> {
        let (number, certificates) = self.ports.repository.external_certificates()?;
        let mut known = certificates.into_iter().chain([self.certificate.clone()]);
        let found = known.find(|certificate| certificate.kms_uri.as_str() == kms_uri);
        let certificate = found.ok_or_else(|| Refusal::PeerUnknownKms(kms_uri.to_owned()))?;
        Ok(KmsMessage::CertCache {
            cache_num: Some(number),
            certificates: vec![certificate],
        })
    }
}

/// The own certificate out of master secrets and settings.
pub(crate) fn certificate(master: &KmsMaster, config: &KmsConfig) -> KmsCertificate {
    let domain = master.domain();
    KmsCertificate {
        role: CertificateRole::Root,
        is_security_gateway: None,
        cert_uri: config.cert_uri.clone(),
        kms_uri: domain.kms_uri.clone(),
        issuer: config.issuer.clone(),
        valid_from: config.valid_from,
        valid_to: config.valid_to,
        revoked: false,
        user_key_period: domain.key_period.period_secs(),
        user_key_offset: domain.key_period.offset_secs(),
        pub_enc_key: *domain.enc.as_octets(),
        pub_auth_key: *domain.auth.as_octets(),
        domains: config.domains.clone(),
    }
}
