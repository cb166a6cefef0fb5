//! Keys from the KMS over HTTPS: certificate, key sets, every check before they are used
//! (TS 33.180 cl. 5.3, Annex D). A UE shows its token, an MCX server its TLS certificate.

use roger_adapter_http::{Clock as _, HttpsClient, HttpsClientError, SystemClock};
use roger_base::{KmsUri, UnixTime};
use roger_documents::kms::{CertificateRole, KmsCertificate, MEDIA_TYPE};
use roger_documents::kms_client::{
    ClientKeys, ClientPolicy, KmsAnswer, KmsClient, KmsClientError, NewKeys, RawKeySet, Resource,
};
use roger_ibc::eccsi::KmsPublicAuthKey;
use roger_ibc::sakke::KmsPublicEncKey;
use roger_ibc::uid::{KeyPeriod, Uid};
use roger_ibc::{IssuedKeys, KeyError, KmsDomain, UserKeySet};
use roger_oidc::AccessToken;
use thiserror::Error;

/// Why there are no keys; what was held before stays.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyProvisioningError {
    /// No answer.
    #[error(transparent)]
    Http(#[from] HttpsClientError),
    /// The request could not be signed.
    #[error("the request to the KMS cannot be signed: {0}")]
    LocalRequest(String),
    /// The answer is not one of our KMS.
    #[error("HTTP status {status} of the KMS: {error}")]
    PeerAnswer {
        /// Status.
        status: u16,
        /// What is wrong.
        error: KmsClientError,
    },
    /// The KMS refused.
    #[error("the KMS refused (HTTP {status}): {reason}")]
    DeniedByKms {
        /// Status.
        status: u16,
        /// `KmsError` of the answer.
        reason: String,
    },
    /// The answer brings something else than was asked for.
    #[error("the KMS answered with something else than {0}")]
    PeerOther(&'static str),
    /// The certificate is not usable now.
    #[error("the certificate of the KMS {0}")]
    PeerCertificate(&'static str),
    /// Keys or certificate fail a check of the standard.
    #[error("keys of {identity}: {error}")]
    PeerKeys {
        /// Whose keys.
        identity: String,
        /// The check.
        error: KeyError,
    },
    /// There is no key set for now among those that came.
    #[error("the KMS gave no key set of {0} for the key period of now")]
    PeerNoCurrentKeySet(String),
}

/// One client of one KMS.
pub struct KeyProvisioning {
    http: HttpsClient,
    base_url: String,
    client: KmsClient,
    keys: ClientKeys,
}

impl KeyProvisioning {
    /// A client of the KMS at `base_url` (scheme and host) that shares `keys` with it.
    #[must_use]
    pub fn new(
        http: HttpsClient,
        base_url: String,
        user_uri: String,
        kms_uri: KmsUri,
        keys: ClientKeys,
    ) -> Self {
        let client = KmsClient {
            user_uri,
            kms_uri,
            client_id: None,
            device_id: None,
        };
        Self {
            http,
            base_url,
            client,
            keys,
        }
    }

    /// The public parameters of the KMS (`/init`).
    ///
    /// # Errors
    /// [`KeyProvisioningError`].
    pub async fn domain(
        &mut self,
        token: Option<&AccessToken>,
    ) -> Result<KmsDomain, KeyProvisioningError> {
        let KmsAnswer::Init {
            certificate,
            new_keys,
        } = self.ask(&Resource::Init, token).await?
        else {
            return Err(KeyProvisioningError::PeerOther("its certificate"));
        };
        let domain = self.usable(&certificate, SystemClock.now())?;
        self.adopt(new_keys);
        Ok(domain)
    }

    /// The checked key sets of an identity, one of them for the key period of now (`/keyprov`).
    ///
    /// # Errors
    /// [`KeyProvisioningError`]; the whole set is discarded when one check fails.
    pub async fn key_sets(
        &mut self,
        identity: &str,
        domain: &KmsDomain,
        token: Option<&AccessToken>,
    ) -> Result<Vec<UserKeySet>, KeyProvisioningError> {
        let resource = Resource::KeyProv(identity.to_owned());
        let KmsAnswer::KeyProv { key_sets, new_keys } = self.ask(&resource, token).await? else {
            return Err(KeyProvisioningError::PeerOther("key sets"));
        };
        let checked: Result<Vec<UserKeySet>, _> = key_sets
            .iter()
            .filter(|set| !set.revoked)
            .map(|set| checked(domain, set))
            .collect();
        let checked = checked?;
        let now = domain.key_period.number_at(SystemClock.now().to_ntp());
        if !checked.iter().any(|set| set.period_number == now) {
            return Err(KeyProvisioningError::PeerNoCurrentKeySet(
                identity.to_owned(),
            ));
        }
        self.adopt(new_keys);
        Ok(checked)
    }

    fn adopt(&mut self, new_keys: NewKeys) {
        self.keys.adopt(new_keys);
    }

    async fn ask(
        &self,
        resource: &Resource,
        token: Option<&AccessToken>,
    ) -> Result<KmsAnswer, KeyProvisioningError> {
        let url = format!("{}{}", self.base_url, resource.path());
        let request = self
            .client
            .request(&url, &self.keys, SystemClock.now())
            .map_err(|error| KeyProvisioningError::LocalRequest(error.to_string()))?;
        let answer = self
            .http
            .post(&url, token, MEDIA_TYPE, request.into_bytes())
            .await?;
        let status = answer.status.as_u16();
        let opened = self.client.open_response(
            answer.body.expose(),
            resource,
            &url,
            &self.keys,
            ClientPolicy::STANDARD,
            SystemClock.now(),
        );
        match opened {
            Ok(KmsAnswer::Refused(error)) => Err(KeyProvisioningError::DeniedByKms {
                status,
                reason: error.message,
            }),
            Ok(answer) => Ok(answer),
            Err(error) => Err(KeyProvisioningError::PeerAnswer { status, error }),
        }
    }

    /// The domain of a certificate that may be used now.
    fn usable(
        &self,
        certificate: &KmsCertificate,
        now: UnixTime,
    ) -> Result<KmsDomain, KeyProvisioningError> {
        let refuse = |why| Err(KeyProvisioningError::PeerCertificate(why));
        if certificate.role != CertificateRole::Root {
            return refuse("is not a Root certificate");
        }
        if certificate.kms_uri != self.client.kms_uri {
            return refuse("is of another KMS than the configured one");
        }
        if certificate.revoked {
            return refuse("is revoked");
        }
        let begun = certificate.valid_from.is_none_or(|from| from <= now);
        let ended = certificate.valid_to.is_some_and(|to| to < now);
        if !begun || ended {
            return refuse("is not valid now; check the clock");
        }
        let Ok(key_period) =
            KeyPeriod::new(certificate.user_key_period, certificate.user_key_offset)
        else {
            return refuse("has an impossible key period");
        };
        let Ok(auth) = KmsPublicAuthKey::from_octets(&certificate.pub_auth_key) else {
            return refuse("has a KPAK that is no point of the curve");
        };
        let Ok(enc) = KmsPublicEncKey::from_octets(&certificate.pub_enc_key) else {
            return refuse("has a Z_T that is no point of the curve");
        };
        Ok(KmsDomain {
            kms_uri: certificate.kms_uri.clone(),
            key_period,
            auth,
            enc,
        })
    }
}

fn checked(domain: &KmsDomain, set: &RawKeySet) -> Result<UserKeySet, KeyProvisioningError> {
    let issued = IssuedKeys {
        identity: set.user_uri.clone(),
        period_number: set.key_period_no,
        uid: Uid(set.user_id),
        ssk: set.ssk.clone(),
        pvt: set.pvt.to_vec(),
        rsk: set.rsk.clone(),
    };
    UserKeySet::validate(domain, &issued).map_err(|error| KeyProvisioningError::PeerKeys {
        identity: set.user_uri.clone(),
        error,
    })
}
