//! The IdM server without its sockets.

use crate::audit::{AuditAct, AuditEntry, TokenAudit};
use crate::lockout::Strangers;
use crate::passkey::CeremonyState;
use crate::ports::{
    AuditLog, BrowserSessionRepository, ClientRegistry, ConsentRepository, GrantRepository,
    LoginSessionRepository, PasskeyRepository, PasskeyVerifier, SecondFactorRepository,
    SigningKeyRepository, StoreError, UserRepository,
};
use crate::revocation::RevocationListener;
use crate::shelf::Shelf;
use crate::{KeyRing, KeyRingError, LockoutPolicy, PasswordRules, TotpSecret, User, UserState};
use core::time::Duration;
use roger_base::{Random, UnixTime};
use roger_oidc::provider::{
    Account, AccountDirectory, Endpoints, Federation, Introspection, RegistrationEndpoint,
    TokenEndpoint, TokenError, TokenErrorCode, TokenPolicy, TokenResponse, UserInfo,
    UserInfoRefusal,
};
use roger_oidc::{Algorithm, GrantId, Issuer, JwkSet, KeySource, Revocations, ScopeSet, Subject};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use thiserror::Error;

/// Why the server cannot start or rotate its key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdmError {
    /// No usable signing key.
    #[error(transparent)]
    LocalKeyRing(#[from] KeyRingError),
}

/// How the server is configured.
#[derive(Debug, Clone)]
pub struct IdmConfig {
    /// Issuer and URLs of the endpoints.
    pub endpoints: Endpoints,
    /// `aud` of access tokens: the MC domain.
    pub audience: String,
    /// Lives of codes and tokens.
    pub tokens: TokenPolicy,
    /// Waiting after wrong passwords.
    pub lockout: LockoutPolicy,
    /// How long a log-in form is good for.
    pub login_life: Duration,
    /// How long a browser stays logged in.
    pub browser_life: Duration,
    /// What a new password must be.
    pub passwords: PasswordRules,
    /// How long a key signs.
    pub key_life: Duration,
    /// What a client that registers itself may ask for.
    pub registrable: ScopeSet,
    /// Partner domains.
    pub federation: Federation,
    /// Users of partners, and whom they act as here.
    pub partner_users: HashMap<(Issuer, Subject), Subject>,
    /// What tokens are signed with; ES256 unless foreign servers need RS256.
    pub algorithm: Algorithm,
}

impl IdmConfig {
    /// The usual configuration for an issuer such as `https://idm.example.org`: endpoints below it, default lives.
    #[must_use]
    pub fn new(issuer: Issuer, audience: impl Into<String>) -> Self {
        let base = issuer.as_str().trim_end_matches('/').to_owned();
        Self {
            endpoints: Endpoints {
                issuer,
                authorization: format!("{base}/oauth2/authorize"),
                token: format!("{base}/oauth2/token"),
                jwks: format!("{base}/oauth2/jwks"),
                revocation: format!("{base}/oauth2/revoke"),
                introspection: format!("{base}/oauth2/introspect"),
                userinfo: format!("{base}/oauth2/userinfo"),
                registration: format!("{base}/oauth2/register"),
                end_session: format!("{base}/oauth2/logout"),
            },
            audience: audience.into(),
            tokens: TokenPolicy::default(),
            lockout: LockoutPolicy::default(),
            login_life: Duration::from_secs(600),
            browser_life: Duration::from_secs(8 * 3600),
            passwords: PasswordRules::default(),
            registrable: ScopeSet::every_mc_scope(),
            federation: Federation::default(),
            partner_users: HashMap::new(),
            key_life: Duration::from_secs(90 * 24 * 3600),
            algorithm: Algorithm::Es256,
        }
    }
}

/// The world around the server.
#[derive(Clone)]
pub struct Ports {
    /// Users.
    pub users: Arc<dyn UserRepository>,
    /// Registered clients.
    pub clients: Arc<dyn ClientRegistry>,
    /// Codes and refresh tokens.
    pub grants: Arc<dyn GrantRepository>,
    /// Log-ins in progress.
    pub sessions: Arc<dyn LoginSessionRepository>,
    /// Browsers in which somebody is logged in.
    pub browsers: Arc<dyn BrowserSessionRepository>,
    /// What users let clients have.
    pub consents: Arc<dyn ConsentRepository>,
    /// Second factors.
    pub factors: Arc<dyn SecondFactorRepository>,
    /// Passkeys; nothing where they are not offered.
    pub passkeys: Option<PasskeyPorts>,
    /// Signing keys.
    pub keys: Arc<dyn SigningKeyRepository>,
    /// What hears of everything first.
    pub audit: Arc<dyn AuditLog>,
}

/// What passkeys need.
#[derive(Clone)]
pub struct PasskeyPorts {
    /// Where they are kept.
    pub repository: Arc<dyn PasskeyRepository>,
    /// What verifies them.
    pub verifier: Arc<dyn PasskeyVerifier>,
}

/// The IdM server.
pub struct Idm {
    pub(crate) config: IdmConfig,
    pub(crate) ports: Ports,
    keys: RwLock<KeyRing>,
    pub(crate) strangers: Strangers,
    /// Secrets that wait for the first code of an app.
    pub(crate) enrolments: Shelf<TotpSecret>,
    /// Questions that wait for a new passkey, by the browser that asked.
    pub(crate) registrations: Shelf<CeremonyState>,
    /// Who hears of revoked grants.
    pub(crate) listener: Option<Arc<dyn RevocationListener>>,
}

impl Idm {
    /// Starts the server; makes its first signing key when the store has none.
    ///
    /// # Errors
    /// [`IdmError`] when there is no usable key.
    pub fn start(config: IdmConfig, ports: Ports, now: UnixTime) -> Result<Self, IdmError> {
        let keys = KeyRing::open(&*ports.keys, config.algorithm, now)?;
        Ok(Self {
            config,
            ports,
            keys: RwLock::new(keys),
            strangers: Strangers::default(),
            enrolments: Shelf::default(),
            registrations: Shelf::default(),
            listener: None,
        })
    }

    /// Answers the token endpoint: `authorization` is the header of that name, `body` the form.
    ///
    /// # Errors
    /// [`TokenError`] with the standard's code.
    pub fn token(
        &self,
        authorization: Option<&str>,
        body: &str,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<TokenResponse, TokenError> {
        let mark = tracing::trace_span!(target: "roger::cpu", parent: None, "token");
        let answer = self.with_endpoint(now, |endpoint| {
            mark.in_scope(|| endpoint.handle(authorization, body, now, random))
        });
        answer.inspect_err(report)
    }

    /// Answers the revocation endpoint (RFC 7009).
    ///
    /// # Errors
    /// [`TokenError`] with the standard's code.
    pub fn revoke(
        &self,
        authorization: Option<&str>,
        body: &str,
        now: UnixTime,
    ) -> Result<(), TokenError> {
        let answer = self.with_endpoint(now, |endpoint| endpoint.revoke(authorization, body, now));
        answer.inspect_err(report)
    }

    /// Answers the introspection endpoint (RFC 7662).
    ///
    /// # Errors
    /// [`TokenError`] with the standard's code.
    pub fn introspect(
        &self,
        authorization: Option<&str>,
        body: &str,
        now: UnixTime,
    ) -> Result<Introspection, TokenError> {
        let answer = self.with_endpoint(now, |endpoint| {
            endpoint.introspect(authorization, body, now)
        });
        answer.inspect_err(report)
    }

    /// Answers the userinfo endpoint (OpenID Connect Core 5.3).
    ///
    /// # Errors
    /// [`UserInfoRefusal`] naming what is wrong with the token.
    pub fn userinfo(
        &self,
        authorization: Option<&str>,
        now: UnixTime,
    ) -> Result<UserInfo, UserInfoRefusal> {
        self.with_endpoint(now, |endpoint| endpoint.userinfo(authorization, now))
    }

    /// The registration endpoint (RFC 7591, RFC 7592).
    #[must_use]
    pub fn registration(&self, now: UnixTime) -> RegistrationEndpoint<'_> {
        RegistrationEndpoint {
            url: &self.config.endpoints.registration,
            registry: &*self.ports.clients,
            grants: &*self.ports.grants,
            scopes: &self.config.registrable,
            log: Box::new(move |act, client| {
                let entry = AuditEntry::new(now, AuditAct::Client(act), None);
                self.keep(entry.by(Some(client)))
            }),
        }
    }

    fn with_endpoint<T>(&self, now: UnixTime, work: impl FnOnce(TokenEndpoint<'_>) -> T) -> T {
        let (key, keys) = {
            let ring = self.keys.read().unwrap_or_else(PoisonError::into_inner);
            (ring.current(now).clone(), ring.public())
        };
        work(TokenEndpoint {
            issuer: &self.config.endpoints.issuer,
            audience: &self.config.audience,
            clients: &*self.ports.clients,
            accounts: self,
            grants: &*self.ports.grants,
            federation: &self.config.federation,
            partner_users: &self.config.partner_users,
            log: &TokenAudit { idm: self, now },
            key: &key,
            keys: &keys,
            policy: &self.config.tokens,
        })
    }

    /// The public keys, for the key set endpoint and for verifiers in the same process.
    #[must_use]
    pub fn public_keys(&self) -> JwkSet {
        self.keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .public()
    }

    /// The discovery document.
    #[must_use]
    pub fn discovery_json(&self) -> String {
        self.config.endpoints.discovery_json(self.config.algorithm)
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &IdmConfig {
        &self.config
    }

    /// Publishes a new signing key, which takes over ten minutes later; the old one stays published until its last
    /// token has expired.
    ///
    /// # Errors
    /// [`IdmError`] when the key cannot be made or kept; then the old one goes on signing.
    pub fn rotate_key(&self, now: UnixTime) -> Result<(), IdmError> {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.rotate(
            &*self.ports.keys,
            self.config.algorithm,
            self.config.tokens.access(),
            now,
        )?;
        Ok(())
    }

    /// To be called now and then: rotates a key that has signed for its time and forgets keys that are done.
    ///
    /// # Errors
    /// [`IdmError`] when the key cannot be made or kept; then the old one goes on signing.
    pub fn maintain_keys(&self, now: UnixTime) -> Result<(), IdmError> {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let (store, life) = (&*self.ports.keys, self.config.tokens.access());
        keys.prune(store, life, now)?;
        if now >= keys.current_since(now) + self.config.key_life {
            keys.rotate(store, self.config.algorithm, life, now)?;
        }
        Ok(())
    }
}

fn report(refusal: &TokenError) {
    match refusal.code {
        TokenErrorCode::ServerError => tracing::error!(%refusal, "token request failed"),
        _ => tracing::info!(%refusal, "token request refused"),
    }
}

pub(crate) fn account_of(user: &User) -> Account {
    Account {
        subject: user.subject.clone(),
        mcptt_id: user.mcptt_id.clone(),
        others: user.others.clone(),
        entitlement: user.entitlement.clone(),
    }
}

impl AccountDirectory for Idm {
    fn account(&self, subject: &Subject) -> Result<Option<Account>, StoreError> {
        let user = self.ports.users.by_subject(subject)?;
        Ok(user
            .filter(|user| user.state == UserState::Enabled)
            .map(|user| account_of(&user)))
    }
}

impl KeySource for Idm {
    /// For verifiers in the same process, which have to know a new key at once.
    fn keys(&self, issuer: &Issuer, _: Option<&str>, _: UnixTime) -> Option<JwkSet> {
        (*issuer == self.config.endpoints.issuer).then(|| self.public_keys())
    }
}

impl Revocations for Idm {
    fn is_revoked(&self, grant: &GrantId) -> bool {
        self.ports.grants.is_revoked(grant).unwrap_or(true)
    }
}
