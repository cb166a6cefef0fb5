//! A KMS certificate as JSON; nothing in it is secret.

use crate::StoreFault;
use roger_base::{KmsUri, UnixTime};
use roger_documents::kms::{CertificateRole, KmsCertificate};
use serde::{Deserialize, Serialize};

const CORRUPT: StoreFault = StoreFault::LocalCorrupt("KMS certificate");

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    root: bool,
    is_security_gateway: Option<bool>,
    cert_uri: Option<String>,
    kms_uri: String,
    issuer: Option<String>,
    valid_from: Option<u64>,
    valid_to: Option<u64>,
    revoked: bool,
    user_key_period: u64,
    user_key_offset: u64,
    pub_enc_key: String,
    pub_auth_key: String,
    domains: Vec<String>,
}

/// The JSON text.
pub(super) fn write(certificate: &KmsCertificate) -> Result<String, StoreFault> {
    let written = Written {
        root: certificate.role == CertificateRole::Root,
        is_security_gateway: certificate.is_security_gateway,
        cert_uri: certificate.cert_uri.clone(),
        kms_uri: certificate.kms_uri.as_str().to_owned(),
        issuer: certificate.issuer.clone(),
        valid_from: certificate.valid_from.map(|time| time.0),
        valid_to: certificate.valid_to.map(|time| time.0),
        revoked: certificate.revoked,
        user_key_period: certificate.user_key_period,
        user_key_offset: certificate.user_key_offset,
        pub_enc_key: hex::encode(certificate.pub_enc_key),
        pub_auth_key: hex::encode(certificate.pub_auth_key),
        domains: certificate.domains.clone(),
    };
    serde_json::to_string(&written).map_err(|_| CORRUPT)
}

/// The certificate of a JSON text.
pub(super) fn read(text: &str) -> Result<KmsCertificate, StoreFault> {
    let written: Written = serde_json::from_str(text).map_err(|_| CORRUPT)?;
    Ok(KmsCertificate {
        role: if written.root {
            CertificateRole::Root
        } else {
            CertificateRole::External
        },
        is_security_gateway: written.is_security_gateway,
        cert_uri: written.cert_uri,
        kms_uri: KmsUri::new(written.kms_uri).map_err(|_| CORRUPT)?,
        issuer: written.issuer,
        valid_from: written.valid_from.map(UnixTime),
        valid_to: written.valid_to.map(UnixTime),
        revoked: written.revoked,
        user_key_period: written.user_key_period,
        user_key_offset: written.user_key_offset,
        pub_enc_key: octets(&written.pub_enc_key)?,
        pub_auth_key: octets(&written.pub_auth_key)?,
        domains: written.domains,
    })
}

fn octets<const N: usize>(text: &str) -> Result<[u8; N], StoreFault> {
    hex::decode(text)
        .ok()
        .and_then(|octets| octets.try_into().ok())
        .ok_or(CORRUPT)
}
