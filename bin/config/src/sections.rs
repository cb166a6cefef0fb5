//! The sections of the file, by type. A key that is not here is an error.

use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

/// What one process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Identity management server (TS 33.180 Annex B).
    Idm,
    /// Key management server (TS 33.180 cl. 5.3, Annex D).
    Kms,
}

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Roles of this process.
    #[serde(default = "every_role")]
    pub roles: Vec<Role>,
    /// The log.
    #[serde(default)]
    pub log: Log,
    /// The database.
    pub store: Store,
    /// What keeps the key under which the database is sealed.
    pub secrets: Secrets,
    /// Where the audit log goes. There is no flag and no variable for it.
    pub audit: Audit,
    /// Identity management server.
    pub idm: Option<Idm>,
    /// Key management server.
    pub kms: Option<Kms>,
    /// `/healthz` and `/metrics`.
    #[serde(default)]
    pub management: Management,
    /// Bounds of each listener.
    #[serde(default)]
    pub limits: Limits,
    /// Bounds on the rate of requests of each listener.
    #[serde(default)]
    pub rate: Rate,
    /// When certificates are read again.
    #[serde(default)]
    pub tls_reload: TlsReload,
}

fn every_role() -> Vec<Role> {
    vec![Role::Idm, Role::Kms]
}

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Form of the log.
    pub format: LogFormat,
    /// Least level, or a filter such as `info,roger_kms=debug`.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            level: "info".to_owned(),
        }
    }
}

/// `[store]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// File of an SQLite database.
    pub sqlite: Option<PathBuf>,
    /// URL of a PostgreSQL database, in place of the file.
    pub postgres: Option<DatabaseUrl>,
}

/// A URL that may hold a password.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The URL, for the database alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_of_postgres(&self) -> bool {
        let scheme = self.0.split_once("://").map(|(scheme, _)| scheme);
        matches!(scheme, Some("postgres" | "postgresql"))
    }
}

impl core::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("DatabaseUrl")
    }
}

/// What keeps the store key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keeper {
    /// A key derived from a passphrase.
    Passphrase,
    /// A token with PKCS #11.
    Pkcs11,
}

/// `[secrets]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// What keeps the store key.
    pub keeper: Keeper,
    /// File with the sealed store key.
    pub key_file: PathBuf,
    /// File with the passphrase; without it the terminal is asked.
    pub passphrase_file: Option<PathBuf>,
    /// The token.
    pub pkcs11: Option<Pkcs11>,
}

/// `[secrets.pkcs11]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pkcs11 {
    /// Library of the token's maker.
    pub module: PathBuf,
    /// Label of the token.
    pub slot_label: String,
    /// Label of the wrapping key inside.
    #[serde(default = "store_key_label")]
    pub key_label: String,
    /// File with the PIN.
    pub pin_file: PathBuf,
}

fn store_key_label() -> String {
    "roger-store".to_owned()
}

/// `[audit]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// Folder of the audit log; each process writes a chain of its own below it.
    pub folder: PathBuf,
}

/// Whether clients are asked for certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificates {
    /// Not asked for.
    #[default]
    None,
    /// Asked for, not demanded.
    Accepted,
    /// Demanded.
    Required,
}

/// `[idm.tls]`, `[kms.tls]`, `[management.tls]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM: the chain, own certificate first.
    pub certificate: PathBuf,
    /// PEM: the private key.
    pub key: PathBuf,
    /// Whether clients are asked for certificates.
    #[serde(default)]
    pub client_certificates: ClientCertificates,
    /// PEM: authorities of client certificates.
    pub client_authority: Option<PathBuf>,
}

/// `[idm]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Idm {
    /// Address of the listener.
    pub listen: SocketAddr,
    /// URL under which everybody knows the server; `iss` of its tokens.
    pub issuer: String,
    /// `aud` of its access tokens.
    pub audience: String,
    /// TLS of the listener.
    pub tls: Tls,
    /// Clients known in advance.
    #[serde(default)]
    pub clients: Vec<Client>,
}

/// `[[idm.clients]]`: an OAuth client (TS 33.180 B.3).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// `client_id`.
    pub id: String,
    /// Name for the log-in page.
    pub name: String,
    /// Where the answer may go.
    pub redirect_uris: Vec<String>,
    /// What it may ask for; without it, every scope of MCPTT.
    pub scopes: Option<Vec<String>>,
}

/// `[kms]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kms {
    /// Address of the listener.
    pub listen: SocketAddr,
    /// KMS URI, part of every UID.
    pub uri: String,
    /// `KmsId` of responses.
    pub kms_id: Option<String>,
    /// `CertUri` of the own certificate.
    pub cert_uri: Option<String>,
    /// `KmsDomainList`.
    pub domains: Vec<String>,
    /// Length of a key period in seconds.
    #[serde(default = "thirty_days")]
    pub key_period_seconds: u64,
    /// Where the first key period begins, in seconds after 1900-01-01.
    #[serde(default)]
    pub key_period_offset_seconds: u64,
    /// Key periods before the current one that are still issued.
    #[serde(default)]
    pub past_periods: u64,
    /// How far a client's clock may be off.
    #[serde(default = "five_minutes")]
    pub time_window_seconds: u64,
    /// Names in the client certificates of HTTP proxies, behind which keys are given wrapped only.
    #[serde(default)]
    pub proxies: Vec<String>,
    /// TLS of the listener.
    pub tls: Tls,
    /// IdM servers of other processes whose tokens count. The one of this process always does.
    #[serde(default)]
    pub trusted_issuers: Vec<TrustedIssuer>,
}

/// Key period of the published example of TS 33.180 F.2.1.2.
const fn thirty_days() -> u64 {
    2_592_000
}

const fn five_minutes() -> u64 {
    300
}

/// `[[kms.trusted_issuers]]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedIssuer {
    /// `iss` of its tokens.
    pub issuer: String,
    /// File with its public keys (a JWK set).
    pub keys_file: Option<PathBuf>,
    /// https URL of its public keys, asked again when they may have changed.
    pub keys_uri: Option<String>,
    /// PEM: authorities of the certificate of `keys_uri`.
    pub authority: Option<PathBuf>,
}

/// `[management]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Management {
    /// Address of the listener.
    pub listen: SocketAddr,
    /// TLS; without it the address must be loopback.
    pub tls: Option<Tls>,
}

impl Default for Management {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9464)),
            tls: None,
        }
    }
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Most connections.
    pub connections: NonZeroUsize,
    /// Most connections of one address.
    pub connections_per_address: NonZeroUsize,
    /// Largest request body.
    pub body_octets: NonZeroUsize,
    /// Largest request head.
    pub head_octets: NonZeroU32,
    /// Most requests under way on one HTTP/2 connection.
    pub streams: NonZeroU32,
    /// Most requests that a client may break off on one connection.
    pub broken_off: NonZeroU32,
    /// Longest TLS handshake.
    pub handshake_seconds: NonZeroU32,
    /// Longest wait for a request head.
    pub head_seconds: NonZeroU32,
    /// Longest wait for a request body.
    pub body_seconds: NonZeroU32,
    /// Longest time from the head to the answer.
    pub request_seconds: NonZeroU32,
    /// Longest time without a request under way.
    pub idle_seconds: NonZeroU32,
    /// Longest life of a connection.
    pub connection_seconds: NonZeroU32,
    /// Longest wait for running requests at the end.
    pub drain_seconds: NonZeroU32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: size(4096),
            connections_per_address: size(256),
            body_octets: size(65_536),
            head_octets: number(32_768),
            streams: number(64),
            broken_off: number(100),
            handshake_seconds: number(10),
            head_seconds: number(15),
            body_seconds: number(10),
            request_seconds: number(20),
            idle_seconds: number(60),
            connection_seconds: number(600),
            drain_seconds: number(10),
        }
    }
}

/// `[rate]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rate {
    /// Requests a second of one address, on average.
    pub address_per_second: NonZeroU32,
    /// Requests at once of one address.
    pub address_burst: NonZeroU32,
    /// Requests a second with one access token or client certificate, on average.
    pub user_per_second: NonZeroU32,
    /// Requests at once with one access token or client certificate.
    pub user_burst: NonZeroU32,
    /// Addresses of proxies, which are bounded by user only.
    pub proxies: Vec<IpAddr>,
    /// Addresses and users remembered.
    pub buckets: NonZeroUsize,
}

impl Default for Rate {
    fn default() -> Self {
        Self {
            address_per_second: number(20),
            address_burst: number(100),
            user_per_second: number(5),
            user_burst: number(30),
            proxies: Vec::new(),
            buckets: size(65_536),
        }
    }
}

/// `[tls_reload]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsReload {
    /// How often certificates are compared with their files; SIGHUP does it at once.
    pub every_seconds: NonZeroU32,
}

impl Default for TlsReload {
    fn default() -> Self {
        Self {
            every_seconds: number(60),
        }
    }
}

const fn number(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

const fn size(size: usize) -> NonZeroUsize {
    match NonZeroUsize::new(size) {
        Some(size) => size,
        None => NonZeroUsize::MIN,
    }
}
