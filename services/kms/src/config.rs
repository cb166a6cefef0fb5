//! Settings of the KMS.

use core::time::Duration;
use roger_base::UnixTime;

/// Users for whom there is no account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnprovisionedUsers {
    /// Unknown: 404.
    #[default]
    Refuse,
    /// Served in clear inside TLS (security level A). For laboratories and direct HTTPS without a proxy.
    ClearInsideTls,
}

/// What `/keyprov` without a time gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NextPeriod {
    /// The current key set, and in the last tenth of its period the next one too.
    #[default]
    NearTheEnd,
    /// The current key set only; the next one by its time.
    ByTimeOnly,
}

/// The answer to a request without a token (TS 33.180 Annex B, D).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingTokenAnswer {
    /// 401 with `WWW-Authenticate: Bearer` (RFC 6750 3.1).
    #[default]
    Unauthorized,
    /// 403: strict mode.
    Forbidden,
}

/// Settings of one KMS.
#[derive(Debug, Clone)]
pub struct KmsConfig {
    /// `KmsId` of responses.
    pub kms_id: Option<String>,
    /// `CertUri` of the own certificate and of key sets.
    pub cert_uri: Option<String>,
    /// `Issuer`.
    pub issuer: Option<String>,
    /// `ValidFrom` of the own certificate.
    pub valid_from: Option<UnixTime>,
    /// `ValidTo` of the own certificate.
    pub valid_to: Option<UnixTime>,
    /// `Revoked` of the own certificate: nothing is issued under it.
    pub revoked: bool,
    /// `KmsDomainList` of the own certificate.
    pub domains: Vec<String>,
    /// How far a client's clock may be off; the time for which a request is remembered is twice this.
    pub time_window: Duration,
    /// Key periods before the current one that are still issued.
    pub past_periods: u64,
    /// Next key set with the current one or not.
    pub next_period: NextPeriod,
    /// Users without account.
    pub unprovisioned_users: UnprovisionedUsers,
    /// Requests without token.
    pub missing_token: MissingTokenAnswer,
}

impl Default for KmsConfig {
    fn default() -> Self {
        Self {
            kms_id: None,
            cert_uri: None,
            issuer: None,
            valid_from: None,
            valid_to: None,
            revoked: false,
            domains: Vec::new(),
            time_window: Duration::from_secs(300),
            past_periods: 0,
            next_period: NextPeriod::default(),
            unprovisioned_users: UnprovisionedUsers::default(),
            missing_token: MissingTokenAnswer::default(),
        }
    }
}
