//! Why a request is refused, and how that is said in HTTP (TS 33.180 Annex D).

use crate::config::MissingTokenAnswer;
use crate::ports::{StoreError, TokenDenial};
use roger_documents::kms::KmsDocumentError;
use roger_ibc::IssueError;
use roger_xml::sibling::IntegrityError;
use thiserror::Error;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A method other than POST.
    #[error("requests to the KMS are POST")]
    PeerMethod,
    /// The path names nothing here.
    #[error("the KMS has no such resource")]
    PeerPath,
    /// The body is longer than 64 KiB.
    #[error("the request is longer than the KMS takes")]
    PeerTooLarge,
    /// No credential came.
    #[error("the request has no access token")]
    DeniedNoToken(MissingTokenAnswer),
    /// The token is not taken.
    #[error(transparent)]
    DeniedToken(#[from] TokenDenial),
    /// The TLS client certificate belongs to no server known here.
    #[error("the client certificate belongs to no server known to the KMS")]
    DeniedCertificate,
    /// No account, and none is needed only where the configuration says so.
    #[error("the user is not provisioned in the KMS")]
    DeniedUnknownUser,
    /// The document is no request.
    #[error("the request is malformed: {0}")]
    PeerDocument(KmsDocumentError),
    /// The signature does not verify under a key of this client.
    #[error("the signature of the request is not good: {0}")]
    DeniedSignature(IntegrityError),
    /// This client has keys and did not sign, or not with the key it has to use.
    #[error("the request has to be signed with the integrity key of this client")]
    DeniedUnsigned,
    /// The client has to be better protected, and has no keys for it yet.
    #[error("this client has to be served with a transport key and has none")]
    DeniedLevel,
    /// Private keys may not go through a proxy in clear.
    #[error("private keys are not sent in clear through a proxy")]
    DeniedClearThroughProxy,
    /// `KrrList` is missing at `/redirect`, or stands elsewhere.
    #[error("the list of redirect responses is missing or in the wrong request")]
    PeerKrrList,
    /// The domains of a user are asked for, and nobody knows the user.
    #[error("no domain is known for this user")]
    PeerUnknownUser,
    /// `KmsUri` names another KMS.
    #[error("the request is for another KMS")]
    PeerKmsUri,
    /// `ClientReqUrl` names another resource than the path.
    #[error("the request was made for another URL")]
    PeerUrl,
    /// `Time` is too far away.
    #[error("the clock of the client is {0} s away from that of the KMS")]
    PeerTime(u64),
    /// The request came before.
    #[error("the request was received before")]
    PeerReplay,
    /// More requests than one user or address may make.
    #[error("too many requests; wait before the next one")]
    PeerTooOften,
    /// `UserUri` is not who the credential proves.
    #[error("the user of the request is not the user of the credential")]
    DeniedUser,
    /// The proxy in between has authenticated somebody else.
    #[error("the proxy vouches for another user than the credential proves")]
    DeniedAsserted,
    /// The keys of this identity are not for this caller.
    #[error("the keys of this identity are not for this caller")]
    DeniedIdentity,
    /// The key period is not issued now.
    #[error("keys of this period are not issued now")]
    PeerPeriod,
    /// No certificate of this KMS is held.
    #[error("no certificate held for {0}")]
    PeerUnknownKms(String),
    /// The store or the audit log cannot do its work.
    #[error("the KMS cannot answer now")]
    LocalStore(#[from] StoreError),
    /// What the KMS made does not pass its own checks; nothing is released.
    #[error("the KMS cannot issue keys now")]
    LocalKeys,
    /// The master keys of this domain are not in service at the time of the period: not yet, no more, or revoked.
    #[error("the KMS has no keys in service for this time")]
    LocalNotInService,
    /// Another request changed the account at the same time.
    #[error("another request of this client is in progress")]
    LocalConflict,
}

impl From<IssueError> for Refusal {
    fn from(error: IssueError) -> Self {
        tracing::error!(%error, "the KMS cannot issue keys");
        Self::LocalKeys
    }
}

impl From<KmsDocumentError> for Refusal {
    fn from(error: KmsDocumentError) -> Self {
        match error {
            KmsDocumentError::PeerIntegrity(IntegrityError::PeerMarkup(markup)) => {
                Self::PeerDocument(markup.into())
            }
            KmsDocumentError::PeerIntegrity(error) => Self::DeniedSignature(error),
            error => Self::PeerDocument(error),
        }
    }
}

impl Refusal {
    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::PeerDocument(_)
            | Self::PeerKmsUri
            | Self::PeerKrrList
            | Self::PeerUrl
            | Self::PeerTime(_)
            | Self::PeerReplay
            | Self::PeerPeriod => 400,
            Self::DeniedNoToken(MissingTokenAnswer::Unauthorized)
            | Self::DeniedToken(TokenDenial::DeniedInvalid(_)) => 401,
            Self::DeniedNoToken(MissingTokenAnswer::Forbidden)
            | Self::DeniedToken(_)
            | Self::DeniedCertificate
            | Self::DeniedSignature(_)
            | Self::DeniedUnsigned
            | Self::DeniedLevel
            | Self::DeniedClearThroughProxy
            | Self::DeniedUser
            | Self::DeniedAsserted
            | Self::DeniedIdentity => 403,
            Self::PeerPath
            | Self::DeniedUnknownUser
            | Self::PeerUnknownKms(_)
            | Self::PeerUnknownUser => 404,
            Self::PeerMethod => 405,
            Self::PeerTooLarge => 413,
            Self::PeerTooOften => 429,
            Self::LocalStore(_)
            | Self::LocalKeys
            | Self::LocalNotInService
            | Self::LocalConflict => 503,
        }
    }

    /// The header field that goes with the status.
    #[must_use]
    pub const fn header(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::DeniedNoToken(MissingTokenAnswer::Unauthorized) => {
                Some(("WWW-Authenticate", "Bearer"))
            }
            Self::DeniedToken(TokenDenial::DeniedInvalid(_)) => {
                Some(("WWW-Authenticate", "Bearer error=\"invalid_token\""))
            }
            Self::DeniedToken(_) => {
                Some(("WWW-Authenticate", "Bearer error=\"insufficient_scope\""))
            }
            Self::PeerMethod => Some(("Allow", "POST")),
            _ if self.status() == 503 => Some(("Retry-After", "5")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_status() {
        let invalid = TokenDenial::DeniedInvalid("x".into());
        let table = [
            (Refusal::PeerMethod, 405, Some("Allow")),
            (Refusal::PeerPath, 404, None),
            (Refusal::PeerTooLarge, 413, None),
            (
                Refusal::DeniedNoToken(MissingTokenAnswer::Unauthorized),
                401,
                Some("WWW-Authenticate"),
            ),
            (
                Refusal::DeniedNoToken(MissingTokenAnswer::Forbidden),
                403,
                None,
            ),
            (Refusal::DeniedToken(invalid), 401, Some("WWW-Authenticate")),
            (
                Refusal::DeniedToken(TokenDenial::DeniedScope),
                403,
                Some("WWW-Authenticate"),
            ),
            (Refusal::DeniedCertificate, 403, None),
            (Refusal::DeniedUnknownUser, 404, None),
            (
                Refusal::PeerDocument(KmsDocumentError::DeniedTransportKey),
                400,
                None,
            ),
            (
                Refusal::DeniedSignature(IntegrityError::DeniedKey),
                403,
                None,
            ),
            (Refusal::DeniedUnsigned, 403, None),
            (Refusal::PeerKmsUri, 400, None),
            (Refusal::PeerUrl, 400, None),
            (Refusal::PeerTime(1), 400, None),
            (Refusal::PeerReplay, 400, None),
            (Refusal::DeniedUser, 403, None),
            (Refusal::DeniedAsserted, 403, None),
            // When to come back is told by who counts.
            (Refusal::PeerTooOften, 429, None),
            (Refusal::DeniedIdentity, 403, None),
            (Refusal::PeerPeriod, 400, None),
            (Refusal::PeerUnknownKms("k".into()), 404, None),
            (
                Refusal::LocalStore(StoreError("x".into())),
                503,
                Some("Retry-After"),
            ),
            (Refusal::LocalNotInService, 503, Some("Retry-After")),
            (Refusal::DeniedLevel, 403, None),
            (Refusal::DeniedClearThroughProxy, 403, None),
            (Refusal::PeerKrrList, 400, None),
            (Refusal::PeerUnknownUser, 404, None),
            (Refusal::LocalKeys, 503, Some("Retry-After")),
            (Refusal::LocalConflict, 503, Some("Retry-After")),
        ];
        for (refusal, status, header) in table {
            assert_eq!(refusal.status(), status, "{refusal:?}");
            assert_eq!(
                refusal.header().map(|(name, _)| name),
                header,
                "{refusal:?}"
            );
        }
    }

    #[test]
    fn a_message_never_tells_the_store() {
        let refusal = Refusal::LocalStore(StoreError("/var/lib/x".into()));
        assert_eq!(refusal.to_string(), "the KMS cannot answer now");
    }
}
