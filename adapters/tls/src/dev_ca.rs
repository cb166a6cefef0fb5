//! A certificate authority for demonstration and development: made on the spot, short-lived, never for production.

use crate::tls::ServerIdentity;
use core::time::Duration;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use roger_base::UnixTime;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use thiserror::Error;
use time::OffsetDateTime;

/// Life of everything this authority signs.
const LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
/// How far certificates reach back, for clocks that are behind.
const BACKDATED: Duration = Duration::from_secs(3600);

/// Why a certificate could not be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DevelopmentCaError {
    /// A name is no DNS name or address, or the library failed.
    #[error("a development certificate cannot be made: {0}")]
    LocalCertificate(String),
    /// A time beyond the calendar.
    #[error("the time is beyond the calendar")]
    LocalTime,
}

impl From<rcgen::Error> for DevelopmentCaError {
    fn from(error: rcgen::Error) -> Self {
        Self::LocalCertificate(error.to_string())
    }
}

/// The authority: P-256, marked as development in its name.
pub struct DevelopmentCa {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

impl DevelopmentCa {
    /// A fresh authority.
    ///
    /// # Errors
    /// [`DevelopmentCaError`] when the library fails.
    pub fn generate(now: UnixTime) -> Result<Self, DevelopmentCaError> {
        let mut params = CertificateParams::new(Vec::default())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.distinguished_name.push(
            DnType::CommonName,
            "Roger DEVELOPMENT authority, not for production",
        );
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        set_life(&mut params, now)?;
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let pem = certificate.pem();
        Ok(Self {
            certificate: certificate.der().clone(),
            pem,
            issuer: Issuer::new(params, key),
        })
    }

    /// The authority's certificate, for those who shall trust it.
    #[must_use]
    pub const fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The same as PEM, for a file that a second program reads.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for a server or a client known by these names: DNS names or IP addresses.
    ///
    /// # Errors
    /// [`DevelopmentCaError`] when a name is malformed.
    pub fn issue(
        &self,
        names: &[&str],
        now: UnixTime,
    ) -> Result<ServerIdentity, DevelopmentCaError> {
        let mut params =
            CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        params.distinguished_name.push(
            DnType::CommonName,
            names.first().copied().unwrap_or("Roger DEVELOPMENT"),
        );
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        set_life(&mut params, now)?;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(ServerIdentity {
            chain: vec![certificate.der().clone()],
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        })
    }
}

fn set_life(params: &mut CertificateParams, now: UnixTime) -> Result<(), DevelopmentCaError> {
    let date = |time: UnixTime| {
        let seconds = i64::try_from(time.0).map_err(|_| DevelopmentCaError::LocalTime)?;
        OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| DevelopmentCaError::LocalTime)
    };
    params.not_before = date(now - BACKDATED)?;
    params.not_after = date(now + LIFE)?;
    Ok(())
}
