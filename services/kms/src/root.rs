//! The master keys of a domain with their certificates: one, and two while the master keys change.

use crate::config::KmsConfig;
use crate::pre_issue::RootId;
use crate::together::Together;
use roger_base::UnixTime;
use roger_documents::kms::{CertificateRole, KmsCertificate};
use roger_ibc::uid::KeyPeriod;
use roger_ibc::{IssueError, IssuedKeys, KmsDomain, KmsMaster};
use thiserror::Error;

/// What a certificate says beside the public keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateTerms {
    /// `CertUri`, by which key sets name the certificate that they belong to.
    pub cert_uri: Option<String>,
    /// `ValidFrom`, inclusive.
    pub valid_from: Option<UnixTime>,
    /// `ValidTo`, inclusive.
    pub valid_to: Option<UnixTime>,
    /// `Revoked`: nothing is issued under it, and who asks is told.
    pub revoked: bool,
}

impl CertificateTerms {
    /// Whether some of a key period lies in the validity of a certificate that is not revoked.
    #[must_use]
    pub fn serves(&self, key_period: KeyPeriod, number: u64) -> bool {
        let begin = key_period.start_of(number);
        let end = key_period.start_of(number.saturating_add(1));
        !self.revoked
            && self.valid_from.is_none_or(|from| from.to_ntp() < end)
            && self.valid_to.is_none_or(|to| begin <= to.to_ntp())
    }
}

/// Master keys and their certificate, `Role="Root"`.
pub(crate) struct Root {
    pub(crate) id: RootId,
    pub(crate) master: KmsMaster,
    terms: CertificateTerms,
    pub(crate) certificate: KmsCertificate,
    together: Together,
}

/// The Root certificate of master keys: what clients get from `/init`, and what other domains are given.
#[must_use]
pub fn certificate(
    domain: &KmsDomain,
    terms: &CertificateTerms,
    issuer: Option<&str>,
    mc_domains: &[String],
) -> KmsCertificate {
    KmsCertificate {
        role: CertificateRole::Root,
        is_security_gateway: None,
        cert_uri: terms.cert_uri.clone(),
        kms_uri: domain.kms_uri.clone(),
        issuer: issuer.map(str::to_owned),
        valid_from: terms.valid_from,
        valid_to: terms.valid_to,
        revoked: terms.revoked,
        user_key_period: domain.key_period.period_secs(),
        user_key_offset: domain.key_period.offset_secs(),
        pub_enc_key: *domain.enc.as_octets(),
        pub_auth_key: *domain.auth.as_octets(),
        domains: mc_domains.to_vec(),
    }
}

impl Root {
    pub(crate) fn new(master: KmsMaster, terms: CertificateTerms, config: &KmsConfig) -> Self {
        let issuer = config.issuer.as_deref();
        let certificate = certificate(master.domain(), &terms, issuer, &config.domains);
        Self {
            id: RootId::of(&master),
            master,
            terms,
            certificate,
            together: Together::default(),
        }
    }

    /// Makes the key set of an identity and key period.
    pub(crate) fn issue(&self, identity: &str, period: u64) -> Result<IssuedKeys, IssueError> {
        self.together.issue(&self.master, identity, period)
    }

    /// Whether a set that was kept is the one of this identity and key period.
    pub(crate) fn is_of(&self, issued: &IssuedKeys, identity: &str, period: u64) -> bool {
        issued.identity == identity
            && issued.period_number == period
            && issued.uid == self.master.domain().uid_of(identity, period)
    }

    /// Whether some of a key period lies in the validity of the certificate.
    pub(crate) fn serves(&self, period: u64) -> bool {
        self.terms.serves(self.master.domain().key_period, period)
    }
}

/// Why certificates do not make one domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RootError {
    /// The new master keys are of another KMS URI: that is another domain.
    #[error("the master keys belong to another domain")]
    LocalOtherDomain,
    /// Two certificates have one `CertUri`: the new one would replace the old one at every client.
    #[error("two certificates of the domain have the same CertUri")]
    LocalSameCertUri,
}

/// The certificates of a domain, in the order in which they came into service.
pub(crate) struct Roots {
    first: Root,
    later: Vec<Root>,
}

impl Roots {
    pub(crate) const fn new(first: Root) -> Self {
        Self {
            first,
            later: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, root: Root) -> Result<(), RootError> {
        for known in self.all() {
            if known.certificate.kms_uri != root.certificate.kms_uri {
                return Err(RootError::LocalOtherDomain);
            }
            if known.certificate.cert_uri == root.certificate.cert_uri {
                return Err(RootError::LocalSameCertUri);
            }
        }
        self.later.push(root);
        Ok(())
    }

    /// The newest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Root> {
        self.later.iter().rev().chain([&self.first])
    }

    /// The one that `/init` gives: the newest in service; when none is, the newest of all, so that a client learns that
    /// it is revoked.
    pub(crate) fn current(&self, now: UnixTime) -> &Root {
        let in_service = self.all().find(|root| root.certificate.is_valid_at(now));
        in_service
            .or_else(|| self.all().next())
            .unwrap_or(&self.first)
    }

    pub(crate) const fn first(&self) -> &Root {
        &self.first
    }
}
