//! What the KMS needs of the world.

use crate::account::KeyAccount;
use roger_base::{KmsUri, McpttId, UnixTime};
use roger_documents::kms::{KmsCertificate, KrrList};
use roger_oidc::{AccessTokenVerifier, Resource, TokenRefusal};
use thiserror::Error;

/// A store or log cannot do its work now.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the store of the KMS is not available: {0}")]
pub struct StoreError(pub String);

/// Accounts, replay memory, certificates of other domains and revocations of one security domain. Two domains never
/// share one.
pub trait KeyRepository: Send + Sync {
    /// The account of a user or server by its URI.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn account(&self, user_uri: &str) -> Result<Option<KeyAccount>, StoreError>;

    /// The account of a server by the name of its TLS client certificate.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn account_of_certificate(&self, certificate: &str) -> Result<Option<KeyAccount>, StoreError>;

    /// Replaces an account if it is still `from`; `false` when somebody was faster.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot keep it.
    fn replace_account(&self, from: &KeyAccount, to: &KeyAccount) -> Result<bool, StoreError>;

    /// Remembers the digest of a request until a time; `false` when it is remembered already.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot keep it: then nothing may be issued.
    fn remember_request(
        &self,
        digest: &[u8; 32],
        until: UnixTime,
        now: UnixTime,
    ) -> Result<bool, StoreError>;

    /// Whether the key set of an identity and key period is revoked.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer: then nothing may be issued.
    fn is_revoked(&self, identity: &str, period: u64) -> Result<bool, StoreError>;

    /// The KMS URIs of a user's domains as the operator has them: none for an unknown user. The home domain, for a user
    /// who has an account, need not be among them.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn domains_of(&self, user_uri: &str) -> Result<Vec<KmsUri>, StoreError>;

    /// Keeps KMS redirect responses that a client uploaded, a bounded number of lists, the newest.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot keep them.
    fn keep_redirects(&self, from: &str, list: &KrrList, now: UnixTime) -> Result<(), StoreError>;

    /// Number and content of the cache of External certificates; the number grows with each change.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn external_certificates(&self) -> Result<(u64, Vec<KmsCertificate>), StoreError>;
}

/// What a good access token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedClaims {
    /// `mcptt_id`: the only claim that names the user.
    pub mcptt_id: McpttId,
}

/// Why a token is not taken (RFC 6750 3.1).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TokenDenial {
    /// Malformed, forged, expired or revoked: 401.
    #[error("the access token is not valid: {0}")]
    DeniedInvalid(String),
    /// Valid, and not for the KMS: 403.
    #[error("the access token lacks the scope of the key management server")]
    DeniedScope,
}

/// Checks access tokens for the scope of the KMS.
pub trait TokenVerifier: Send + Sync {
    /// The claims of a token that opens the KMS.
    ///
    /// # Errors
    /// [`TokenDenial`].
    fn verify(&self, token: &str, now: UnixTime) -> Result<VerifiedClaims, TokenDenial>;
}

impl TokenVerifier for AccessTokenVerifier {
    fn verify(&self, token: &str, now: UnixTime) -> Result<VerifiedClaims, TokenDenial> {
        match Self::verify(self, token, Resource::KeyManagement, now) {
            Ok(token) => Ok(VerifiedClaims {
                mcptt_id: token.mcptt_id,
            }),
            Err(TokenRefusal::DeniedScope { .. }) => Err(TokenDenial::DeniedScope),
            Err(refusal) => Err(TokenDenial::DeniedInvalid(refusal.to_string())),
        }
    }
}

/// Who asked for what, and what came of it. Never a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub time: UnixTime,
    /// The domain that was asked.
    pub kms_uri: String,
    /// Who proved to be whom: MCPTT ID or URI of a server; nothing when nobody did.
    pub caller: Option<String>,
    /// Path of the request.
    pub path: String,
    /// Key sets about to be released, as identity and key period.
    pub released: Vec<(String, u64)>,
    /// HTTP status.
    pub status: u16,
    /// Why it was refused.
    pub refusal: Option<String>,
}

/// The audit log. Keys are released only after the entry is kept (design lesson: key issue fails closed).
pub trait AuditLog: Send + Sync {
    /// Keeps an entry.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be kept.
    fn record(&self, entry: &AuditEntry) -> Result<(), StoreError>;
}
