//! The UE's side of the KMS interface: make a request, verify and open the response (TS 33.180 D.2, D.3).
//!
//! What comes out are raw keys. Before they are stored, the UID has to be recomputed, the SSK checked against
//! KPAK and the RSK by its pairing (RFC 6507 5.1.2, RFC 6508 6.1.2); that is for the crate that knows the curves.

use crate::kms::{
    Dialect, KeyContent, KeyKind, KmsCertificate, KmsDocumentError, KmsErrorBody, KmsKeySet,
    KmsMessage, KmsRequest, KmsResponse, KrrList, NamedKey, NewKey, ROOT_PATH,
};
use core::time::Duration;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use roger_base::{KmsUri, NtpTime, Secret, UnixTime};
use roger_xml::sibling::IntegrityError;
use thiserror::Error;

/// How far the clocks of client and KMS may be apart (TS 33.180 Annex D, inferred).
pub const TIME_WINDOW: Duration = Duration::from_secs(300);

/// Everything but the unreserved characters of RFC 3986 is escaped in a path segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// The Root certificate, and maybe new keys.
    Init,
    /// Key sets of an identity: the current one and maybe the next.
    KeyProv(String),
    /// The key set of an identity for the period that contains a time.
    KeyProvAt(String, NtpTime),
    /// Certificates of other domains, if newer than the number held.
    CertCache(Option<u64>),
    /// The certificate of one other domain.
    Cert(KmsUri),
    /// The domains of a user.
    Lookup(String),
    /// The KMS redirect responses that this client received are told the KMS.
    Redirect(KrrList),
}

impl Resource {
    /// The path from the root of the host, percent-encoded (TS 33.180 D.2).
    #[must_use]
    pub fn path(&self) -> String {
        let escape = |text: &str| utf8_percent_encode(text, SEGMENT).to_string();
        match self {
            Self::Init => format!("{ROOT_PATH}/init"),
            Self::KeyProv(identity) => format!("{ROOT_PATH}/keyprov/{}", escape(identity)),
            Self::KeyProvAt(identity, time) => {
                format!(
                    "{ROOT_PATH}/keyprov/{}/{:016X}",
                    escape(identity),
                    time.wire()
                )
            }
            Self::CertCache(None) => format!("{ROOT_PATH}/certcache"),
            Self::CertCache(Some(number)) => format!("{ROOT_PATH}/certcache/{number}"),
            Self::Cert(kms_uri) => format!("{ROOT_PATH}/cert/{}", escape(kms_uri.as_str())),
            Self::Lookup(user) => format!("{ROOT_PATH}/lookup/{}", escape(user)),
            Self::Redirect(_) => format!("{ROOT_PATH}/redirect"),
        }
    }
}

/// The keys that a client shares with the KMS: provisioned out of band, renewed in responses.
#[derive(Clone, Default)]
pub struct ClientKeys {
    /// Transport keys, the newest first. They unwrap; without an InK the newest signs.
    pub transport: Vec<NamedKey>,
    /// Integrity keys, the newest first. The newest signs.
    pub integrity: Vec<NamedKey>,
}

impl ClientKeys {
    /// The key that signs requests: InK, else TrK (TS 33.180 D.2.2).
    #[must_use]
    pub fn signer(&self) -> Option<&NamedKey> {
        self.integrity.first().or_else(|| self.transport.first())
    }

    /// A key that may have signed a response: an InK if there is one, else a TrK.
    fn verifier(&self, name: &str) -> Option<Secret<32>> {
        let keys = if self.integrity.is_empty() {
            &self.transport
        } else {
            &self.integrity
        };
        keys.iter()
            .find(|key| key.name == name)
            .map(|key| key.key.clone())
    }

    /// Takes over the new keys of a response; to be called after everything else in it was accepted.
    pub fn adopt(&mut self, new: NewKeys) {
        for (keys, new) in [
            (&mut self.transport, new.transport),
            (&mut self.integrity, new.integrity),
        ] {
            keys.retain(|old| new.iter().all(|key| key.name != old.name));
            keys.splice(0..0, new);
            keys.truncate(KEPT_KEYS);
        }
    }
}

/// The current key and the one before: the KMS keeps the old until it sees the new.
const KEPT_KEYS: usize = 2;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsClient {
    /// `UserUri`: MC service ID, or URI of a server.
    pub user_uri: String,
    /// The configured KMS URI.
    pub kms_uri: KmsUri,
    /// `ClientId`.
    pub client_id: Option<String>,
    /// `DeviceId`.
    pub device_id: Option<String>,
}

/// Whether keys may come in clear inside TLS (security level A) or have to be wrapped (levels B and C).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyTransport {
    /// Wrapped under a TrK only.
    WrappedOnly,
    /// In clear too: direct TLS to the KMS, by local policy.
    ClearInsideTls,
}

/// What a client takes from its KMS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientPolicy {
    /// Wrapped keys or not.
    pub key_transport: KeyTransport,
    /// How the KMS writes.
    pub dialect: Dialect,
}

impl ClientPolicy {
    /// TS 33.180 with wrapped keys.
    pub const STANDARD: Self = Self {
        key_transport: KeyTransport::WrappedOnly,
        dialect: Dialect::Standard,
    };
}

/// Why a response is not used. The client keeps its old state.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KmsClientError {
    /// It is no response, or altered.
    #[error(transparent)]
    PeerDocument(#[from] KmsDocumentError),
    /// We hold keys and the response is not signed with them.
    #[error("the KMS response is not signed")]
    PeerNotSigned,
    /// It answers somebody or something else.
    #[error("the KMS response is for another {0}")]
    PeerOtherRequest(&'static str),
    /// It is from another time.
    #[error("the KMS response is {0} s away from our clock")]
    PeerTime(u64),
    /// The keys are in clear and must not be.
    #[error("the KMS sent keys in clear")]
    PeerKeysInClear,
    /// The message is not the one asked for.
    #[error("the KMS answered with another message than asked for")]
    PeerOtherMessage,
}

/// New TrK and InK out of a response.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewKeys {
    /// New transport keys.
    pub transport: Vec<NamedKey>,
    /// New integrity keys.
    pub integrity: Vec<NamedKey>,
}

/// The raw keys of one identity and key period.
#[derive(Clone, PartialEq, Eq)]
pub struct RawKeySet {
    /// `KmsUri`.
    pub kms_uri: KmsUri,
    /// `CertUri`.
    pub cert_uri: Option<String>,
    /// `UserUri`.
    pub user_uri: String,
    /// `UserID`, to be recomputed.
    pub user_id: [u8; 32],
    /// `KeyPeriodNo`.
    pub key_period_no: u64,
    /// Begin of the period.
    pub valid_from: Option<UnixTime>,
    /// End of the period.
    pub valid_to: Option<UnixTime>,
    /// Revoked: drop the keys of this period.
    pub revoked: bool,
    /// RSK, `04 || x || y`.
    pub rsk: Secret<257>,
    /// SSK.
    pub ssk: Secret<32>,
    /// PVT, `04 || x || y`.
    pub pvt: [u8; 65],
}

/// Shows whose keys they are, never the keys.
impl core::fmt::Debug for RawKeySet {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "RawKeySet({}, period {})",
            self.user_uri, self.key_period_no
        )
    }
}

/// What a response gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KmsAnswer {
    /// Answer to [`Resource::Init`].
    Init {
        /// The Root certificate; the points on it are not checked here.
        certificate: Box<KmsCertificate>,
        /// New keys, to be adopted with [`ClientKeys::adopt`].
        new_keys: NewKeys,
    },
    /// Answer to [`Resource::KeyProv`] and [`Resource::KeyProvAt`].
    KeyProv {
        /// Key sets.
        key_sets: Vec<RawKeySet>,
        /// New keys.
        new_keys: NewKeys,
    },
    /// Answer to [`Resource::CertCache`] and [`Resource::Cert`].
    Certificates {
        /// Number of the cache.
        cache_num: Option<u64>,
        /// Certificates.
        certificates: Vec<KmsCertificate>,
    },
    /// Answer to [`Resource::Lookup`]: the KMS URIs of the user's domains, the home domain first.
    Lookup(Vec<KmsUri>),
    /// Answer to [`Resource::Redirect`].
    Taken,
    /// The KMS refused.
    Refused(KmsErrorBody),
}

impl KmsClient {
    /// Writes a request, signed when there is a key. `url` is what it will be posted to.
    ///
    /// # Errors
    /// [`IntegrityError`] never for identities that keep their bounds.
    pub fn request(
        &self,
        url: &str,
        keys: &ClientKeys,
        now: UnixTime,
    ) -> Result<String, IntegrityError> {
        self.write(url, keys, now, None)
    }

    /// Writes the request for a resource: [`Self::request`] with what [`Resource::Redirect`] uploads.
    ///
    /// # Errors
    /// As there.
    pub fn request_for(
        &self,
        resource: &Resource,
        url: &str,
        keys: &ClientKeys,
        now: UnixTime,
    ) -> Result<String, IntegrityError> {
        let krr_list = match resource {
            Resource::Redirect(list) => Some(list.clone()),
            _ => None,
        };
        self.write(url, keys, now, krr_list)
    }

    fn write(
        &self,
        url: &str,
        keys: &ClientKeys,
        now: UnixTime,
        krr_list: Option<KrrList>,
    ) -> Result<String, IntegrityError> {
        let request = KmsRequest {
            user_uri: self.user_uri.clone(),
            kms_uri: self.kms_uri.as_str().to_owned(),
            time: now,
            client_id: self.client_id.clone(),
            device_id: self.device_id.clone(),
            client_req_url: url.to_owned(),
            krr_list,
            trk_id: None,
        };
        match keys.signer() {
            Some(key) => request.sign(key),
            None => Ok(request.write()),
        }
    }

    /// Verifies and opens the response to a request for `resource` that was posted to `url`.
    ///
    /// # Errors
    /// [`KmsClientError`]: nothing of the response may be used then.
    pub fn open_response(
        &self,
        octets: &[u8],
        resource: &Resource,
        url: &str,
        keys: &ClientKeys,
        policy: ClientPolicy,
        now: UnixTime,
    ) -> Result<KmsAnswer, KmsClientError> {
        let opened = KmsResponse::open(octets, policy.dialect, &|name| keys.verifier(name))?;
        if keys.signer().is_some() && opened.signer.is_none() {
            return Err(KmsClientError::PeerNotSigned);
        }
        let response = opened.response;
        self.check_envelope(&response, resource, url, now)?;
        let opener = Opener {
            transport: &keys.transport,
            policy,
        };
        match (response.message, resource) {
            (KmsMessage::Error(error), _) => Ok(KmsAnswer::Refused(error)),
            (
                KmsMessage::Init {
                    certificate,
                    new_transport_keys,
                    new_integrity_keys,
                },
                Resource::Init,
            ) => {
                let new_keys = opener.new_keys(&new_transport_keys, &new_integrity_keys)?;
                Ok(KmsAnswer::Init {
                    certificate,
                    new_keys,
                })
            }
            (
                KmsMessage::KeyProv {
                    key_sets,
                    new_transport_keys,
                    new_integrity_keys,
                },
                Resource::KeyProv(identity) | Resource::KeyProvAt(identity, _),
            ) => {
                if key_sets.iter().any(|set| set.user_uri != *identity) {
                    return Err(KmsClientError::PeerOtherRequest("identity"));
                }
                let key_sets = key_sets
                    .iter()
                    .map(|set| opener.key_set(set))
                    .collect::<Result<_, _>>()?;
                let new_keys = opener.new_keys(&new_transport_keys, &new_integrity_keys)?;
                Ok(KmsAnswer::KeyProv { key_sets, new_keys })
            }
            (
                KmsMessage::CertCache {
                    cache_num,
                    certificates,
                },
                Resource::CertCache(_) | Resource::Cert(_),
            ) => Ok(KmsAnswer::Certificates {
                cache_num,
                certificates,
            }),
            (KmsMessage::Lookup { user_uri, kms_uris }, Resource::Lookup(user)) => {
                if user_uri != *user {
                    return Err(KmsClientError::PeerOtherRequest("identity"));
                }
                Ok(KmsAnswer::Lookup(kms_uris))
            }
            (KmsMessage::Empty, Resource::Redirect(_)) => Ok(KmsAnswer::Taken),
            _ => Err(KmsClientError::PeerOtherMessage),
        }
    }

    /// The response answers this request, now. Only at `/init` the KMS may tell its own URI (TS 33.180 Annex D).
    fn check_envelope(
        &self,
        response: &KmsResponse,
        resource: &Resource,
        url: &str,
        now: UnixTime,
    ) -> Result<(), KmsClientError> {
        if response.user_uri != self.user_uri {
            return Err(KmsClientError::PeerOtherRequest("user"));
        }
        if *resource != Resource::Init && response.kms_uri != self.kms_uri.as_str() {
            return Err(KmsClientError::PeerOtherRequest("KMS"));
        }
        if response.client_req_url != url {
            return Err(KmsClientError::PeerOtherRequest("URL"));
        }
        let distance = response.time.0.abs_diff(now.0);
        if distance > TIME_WINDOW.as_secs() {
            return Err(KmsClientError::PeerTime(distance));
        }
        Ok(())
    }
}

struct Opener<'a> {
    transport: &'a [NamedKey],
    policy: ClientPolicy,
}

impl Opener<'_> {
    fn new_keys(
        &self,
        transport: &[NewKey],
        integrity: &[NewKey],
    ) -> Result<NewKeys, KmsClientError> {
        let open = |keys: &[NewKey]| {
            keys.iter()
                .map(|key| key.open(self.transport))
                .collect::<Result<_, _>>()
        };
        Ok(NewKeys {
            transport: open(transport)?,
            integrity: open(integrity)?,
        })
    }

    fn key_set(&self, set: &KmsKeySet) -> Result<RawKeySet, KmsClientError> {
        Ok(RawKeySet {
            kms_uri: set.kms_uri.clone(),
            cert_uri: set.cert_uri.clone(),
            user_uri: set.user_uri.clone(),
            user_id: set.user_id,
            key_period_no: set.key_period_no,
            valid_from: set.valid_from,
            valid_to: set.valid_to,
            revoked: set.revoked,
            rsk: self.key(&set.user_decrypt_key, KeyKind::UserDecryptKey)?,
            ssk: self.key(&set.user_signing_key_ssk, KeyKind::UserSigningKeySsk)?,
            pvt: *self
                .key(&set.user_pub_token_pvt, KeyKind::UserPubTokenPvt)?
                .expose(),
        })
    }

    fn key<const N: usize>(
        &self,
        content: &KeyContent,
        kind: KeyKind,
    ) -> Result<Secret<N>, KmsClientError> {
        let clear = matches!(content, KeyContent::Plain(_));
        if clear && self.policy.key_transport == KeyTransport::WrappedOnly {
            return Err(KmsClientError::PeerKeysInClear);
        }
        let octets = content.open(kind, self.transport)?;
        let key = Secret::try_from(octets.expose());
        Ok(key.map_err(|_| KmsDocumentError::PeerKeyLength(kind.name()))?)
    }
}
