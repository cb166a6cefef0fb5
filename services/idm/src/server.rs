//! The IdM server without its sockets.

use crate::lockout::Strangers;
use crate::login::{self, Credentials, MAX_ATTEMPTS};
use crate::ports::{
    ClientRepository, GrantRepository, LoginSession, LoginSessionRepository, SigningKeyRepository,
    StoreError, UserRepository,
};
use crate::{
    KeyRing, KeyRingError, LockoutPolicy, LoginForm, LoginName, LoginOutcome, LoginRefusal,
    Password, User, UserState,
};
use core::time::Duration;
use roger_base::{Random, UnixTime};
use roger_oidc::form::FormParameters;
use roger_oidc::provider::{
    Account, AccountDirectory, Authentication, AuthorizationRequest, Endpoints, TokenEndpoint,
    TokenError, TokenErrorCode, TokenPolicy, TokenResponse,
};
use roger_oidc::{Algorithm, GrantId, Issuer, JwkSet, LoginSessionKey, Revocations, Subject};
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
            },
            audience: audience.into(),
            tokens: TokenPolicy::default(),
            lockout: LockoutPolicy::default(),
            login_life: Duration::from_secs(600),
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
    pub clients: Arc<dyn ClientRepository>,
    /// Codes and refresh tokens.
    pub grants: Arc<dyn GrantRepository>,
    /// Log-ins in progress.
    pub sessions: Arc<dyn LoginSessionRepository>,
    /// Signing keys.
    pub keys: Arc<dyn SigningKeyRepository>,
}

/// The IdM server.
pub struct Idm {
    config: IdmConfig,
    ports: Ports,
    keys: RwLock<KeyRing>,
    strangers: Strangers,
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
        })
    }

    /// Checks an authentication request (the query without `?`) and begins a log-in.
    ///
    /// # Errors
    /// [`LoginRefusal::PeerRequest`] says whether to show a page or to redirect.
    pub fn begin_login(
        &self,
        query: &str,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<LoginForm, LoginRefusal> {
        let request = AuthorizationRequest::check(query, &*self.ports.clients)?;
        let key = LoginSessionKey::random(random)?;
        let session = LoginSession {
            request,
            expires_at: now + self.config.login_life,
            attempts: 0,
        };
        self.ports.sessions.put(&key.digest(), &session, now)?;
        Ok(login::form_of(&session, key, now))
    }

    /// Takes the submitted form: `session`, `username`, `password`. `cookie` is the session key that the browser
    /// brought along; it must be the one in the form, so that a form of an attacker's log-in is of no use.
    ///
    /// # Errors
    /// [`LoginRefusal`] when the form, the session or the store is at fault; a wrong password is an outcome.
    pub fn submit_login(
        &self,
        body: &str,
        cookie: Option<&LoginSessionKey>,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<LoginOutcome, LoginRefusal> {
        let form = FormParameters::parse(body).map_err(|_| LoginRefusal::PeerForm)?;
        let field = |name| form.optional(name).map_err(|_| LoginRefusal::PeerForm);
        let key = field("session")?.and_then(|text| LoginSessionKey::new(text).ok());
        let key = key
            .filter(|key| Some(key) == cookie)
            .ok_or(LoginRefusal::PeerNoSession)?;
        let digest = key.digest();
        let session = self
            .ports
            .sessions
            .attempt(&digest, now)?
            .ok_or(LoginRefusal::PeerNoSession)?;
        if session.attempts > MAX_ATTEMPTS {
            self.ports.sessions.end(&digest)?;
            return Err(LoginRefusal::DeniedTooManyAttempts);
        }
        let typed = (
            field("username")?.map(LoginName::new),
            field("password")?.map(Password::new),
        );
        let (Some(Ok(login)), Some(Ok(password))) = typed else {
            return Ok(LoginOutcome::TryAgain(login::form_of(&session, key, now)));
        };
        match login::check_credentials(
            &*self.ports.users,
            &self.strangers,
            &self.config.lockout,
            &login,
            &password,
            now,
        )? {
            Credentials::Right(user) => self.finish_login(&session, &digest, &user, now, random),
            Credentials::Wrong => {
                tracing::info!(client = %session.request.parts().client_id, "log-in refused: wrong name or password");
                Ok(LoginOutcome::TryAgain(login::form_of(&session, key, now)))
            }
            Credentials::Wait(wait) => {
                tracing::info!(client = %session.request.parts().client_id, "log-in refused: too many attempts");
                Ok(LoginOutcome::Wait(login::form_of(&session, key, now), wait))
            }
        }
    }

    /// One session gives one code.
    fn finish_login(
        &self,
        session: &LoginSession,
        digest: &roger_oidc::TokenDigest,
        user: &User,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<LoginOutcome, LoginRefusal> {
        if !self.ports.sessions.end(digest)? {
            return Err(LoginRefusal::PeerNoSession);
        }
        let user = Authentication {
            account: account_of(user),
            at: now,
        };
        let location =
            session
                .request
                .grant(&user, &self.config.tokens, &*self.ports.grants, random)?;
        tracing::info!(client = %session.request.parts().client_id, subject = %user.account.subject, "logged in");
        Ok(LoginOutcome::Redirect(location))
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
        let key = self
            .keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .current()
            .clone();
        let endpoint = TokenEndpoint {
            issuer: &self.config.endpoints.issuer,
            audience: &self.config.audience,
            clients: &*self.ports.clients,
            accounts: self,
            grants: &*self.ports.grants,
            key: &key,
            policy: &self.config.tokens,
        };
        let answer = endpoint.handle(authorization, body, now, random);
        if let Err(refusal) = &answer {
            report(refusal);
        }
        answer
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

    /// A new signing key takes over; the old one stays published until its last token has expired.
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
}

fn report(refusal: &TokenError) {
    match refusal.code {
        TokenErrorCode::ServerError => tracing::error!(%refusal, "token request failed"),
        _ => tracing::info!(%refusal, "token request refused"),
    }
}

fn account_of(user: &User) -> Account {
    Account {
        subject: user.subject.clone(),
        mcptt_id: user.mcptt_id.clone(),
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

impl Revocations for Idm {
    fn is_revoked(&self, grant: &GrantId) -> bool {
        self.ports.grants.is_revoked(grant).unwrap_or(true)
    }
}
