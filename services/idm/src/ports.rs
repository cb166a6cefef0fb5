//! What the IdM server needs of the world. `roger_oidc` defines the ports of its flow; the rest are here.

use crate::audit::AuditEntry;
use crate::passkey::{
    Ceremony, CeremonyState, Claimed, Passkey, PasskeyFault, PasskeyId, Registered, Verification,
};
use crate::{Failures, LoginName, PasswordHash, SecondFactor, StoredSigningKey, User};
use roger_base::UnixTime;
use roger_oidc::provider::AuthorizationRequest;
use roger_oidc::{Amr, OauthClientId, ScopeSet, SessionId, Subject, TokenDigest};

pub use roger_oidc::provider::{ClientRegistry, ClientRepository, GrantRepository, StoreError};

/// Users.
pub trait UserRepository: Send + Sync {
    /// The user with this login name.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn by_login(&self, login: &LoginName) -> Result<Option<User>, StoreError>;

    /// The user with this subject.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn by_subject(&self, subject: &Subject) -> Result<Option<User>, StoreError>;

    /// Adds a user; subject, login name and MCPTT ID are each taken once only.
    ///
    /// # Errors
    /// [`StoreError::LocalDuplicate`] when one of them is taken.
    fn add(&self, user: &User) -> Result<(), StoreError>;

    /// Replaces the failures of a user if they are still `from`; `false` when somebody was faster.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot keep it.
    fn replace_failures(
        &self,
        subject: &Subject,
        from: Failures,
        to: Failures,
    ) -> Result<bool, StoreError>;

    /// Replaces the password of a user if it is still `from`; `false` when somebody was faster.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot keep it.
    fn replace_password(
        &self,
        subject: &Subject,
        from: &PasswordHash,
        to: &PasswordHash,
    ) -> Result<bool, StoreError>;
}

/// A browser in which somebody logged in: single sign-on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserSession {
    /// Names the session in ID tokens and grants.
    pub id: SessionId,
    /// Who.
    pub subject: Subject,
    /// When.
    pub authenticated_at: UnixTime,
    /// By what.
    pub amr: Amr,
    /// When the session ends by itself.
    pub expires_at: UnixTime,
}

/// Sessions of browsers, keyed by the digest of the cookie.
pub trait BrowserSessionRepository: Send + Sync {
    /// Begins a session; those that have ended by now may be forgotten.
    ///
    /// # Errors
    /// [`StoreError`] when there is no room.
    fn put_browser(
        &self,
        key: &TokenDigest,
        session: &BrowserSession,
        now: UnixTime,
    ) -> Result<(), StoreError>;

    /// The session, when it has not ended.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn browser(
        &self,
        key: &TokenDigest,
        now: UnixTime,
    ) -> Result<Option<BrowserSession>, StoreError>;

    /// The sessions of a user that have not ended, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn browsers_of(
        &self,
        subject: &Subject,
        now: UnixTime,
    ) -> Result<Vec<BrowserSession>, StoreError>;

    /// Ends the session of this id.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot do it.
    fn end_browser(&self, id: &SessionId) -> Result<(), StoreError>;

    /// Ends every session of a user.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot do it.
    fn end_browsers_of(&self, subject: &Subject) -> Result<(), StoreError>;
}

/// What users let clients have.
pub trait ConsentRepository: Send + Sync {
    /// The scopes that the user has let the client have so far; empty when never asked.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn consent(&self, subject: &Subject, client: &OauthClientId) -> Result<ScopeSet, StoreError>;

    /// Keeps a consent in place of the one before.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot keep it.
    fn put_consent(
        &self,
        subject: &Subject,
        client: &OauthClientId,
        scopes: &ScopeSet,
    ) -> Result<(), StoreError>;
}

/// Second factors; a code and a recovery code work once each, also of two at once.
pub trait SecondFactorRepository: Send + Sync {
    /// The user's second factor, when one is enrolled.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn second_factor(&self, subject: &Subject) -> Result<Option<SecondFactor>, StoreError>;

    /// Enrols a second factor, replacing the one before; `None` takes it away.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot keep it.
    fn put_second_factor(
        &self,
        subject: &Subject,
        factor: Option<&SecondFactor>,
    ) -> Result<(), StoreError>;

    /// Uses the code of a step up; `false` when that step or a later one was used before.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot keep it.
    fn use_step(&self, subject: &Subject, step: u64) -> Result<bool, StoreError>;

    /// Uses a recovery code up; `false` when there is no such code.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot keep it.
    fn use_recovery_code(&self, subject: &Subject, code: &TokenDigest) -> Result<bool, StoreError>;
}

/// Passkeys by the names that authenticators gave them.
pub trait PasskeyRepository: Send + Sync {
    /// Adds a passkey.
    ///
    /// # Errors
    /// [`StoreError::LocalDuplicate`] when its name is taken, whoever has it.
    fn add_passkey(&self, passkey: &Passkey) -> Result<(), StoreError>;

    /// The passkey of this name.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn passkey(&self, id: &PasskeyId) -> Result<Option<Passkey>, StoreError>;

    /// The passkeys of a user, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn passkeys_of(&self, subject: &Subject) -> Result<Vec<Passkey>, StoreError>;

    /// Keeps that a passkey was used, with its new counter, if its credential is still the one of `before`; `false`
    /// when somebody was faster or it is gone.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot keep it.
    fn passkey_used(
        &self,
        before: &Passkey,
        credential: &str,
        now: UnixTime,
    ) -> Result<bool, StoreError>;

    /// Takes a passkey of this user away; `false` when the user has none of this name.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot do it.
    fn remove_passkey(&self, subject: &Subject, id: &PasskeyId) -> Result<bool, StoreError>;
}

/// Asks authenticators and verifies what they sign (WebAuthn level 3 cl. 7). It keeps nothing itself.
pub trait PasskeyVerifier: Send + Sync {
    /// Asks for a new passkey of a user; an authenticator that has one of `known` refuses.
    ///
    /// # Errors
    /// [`PasskeyFault::Local`].
    fn ask_registration(&self, user: &User, known: &[Passkey]) -> Result<Ceremony, PasskeyFault>;

    /// Verifies the answer to a registration (cl. 7.1).
    ///
    /// # Errors
    /// [`PasskeyFault`].
    fn register(&self, state: &CeremonyState, answer: &str) -> Result<Registered, PasskeyFault>;

    /// Asks whoever is there for a passkey that verifies its user, naming none.
    ///
    /// # Errors
    /// [`PasskeyFault::Local`].
    fn ask_log_in(&self) -> Result<Ceremony, PasskeyFault>;

    /// Asks for one of these passkeys; presence is enough of one that was registered without verification.
    ///
    /// # Errors
    /// [`PasskeyFault::Local`].
    fn ask_second_factor(&self, own: &[Passkey]) -> Result<Ceremony, PasskeyFault>;

    /// Reads whom an answer claims to be of.
    ///
    /// # Errors
    /// [`PasskeyFault::PeerAnswer`] when it is malformed.
    fn claimed(&self, answer: &str) -> Result<Claimed, PasskeyFault>;

    /// Verifies the answer of a passkey to either question (cl. 7.2); gives the credential with its new counter.
    ///
    /// # Errors
    /// [`PasskeyFault`].
    fn verify(
        &self,
        state: &CeremonyState,
        answer: &str,
        passkey: &Passkey,
    ) -> Result<(String, Verification), PasskeyFault>;
}

/// The audit log. What an entry is about happens only when the entry is kept.
pub trait AuditLog: Send + Sync {
    /// Whether an entry would be kept now.
    ///
    /// # Errors
    /// [`StoreError`] when it would not.
    fn ready(&self) -> Result<(), StoreError>;

    /// Keeps an entry.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be kept.
    fn record(&self, entry: &AuditEntry) -> Result<(), StoreError>;
}

/// How far a log-in has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Name and password are asked for.
    Password,
    /// They were right; a code or a passkey is asked for.
    SecondFactor(Subject),
    /// The user is known; consent is asked for.
    Consent(BrowserSession),
}

/// Where a log-in leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To the application of this checked request.
    Application(Box<AuthorizationRequest>),
    /// To the user's own account pages.
    Account,
}

/// A log-in in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginSession {
    /// Where it leads.
    pub target: Target,
    /// How far it has come.
    pub stage: Stage,
    /// When it ends.
    pub expires_at: UnixTime,
    /// Forms answered wrongly so far.
    pub attempts: u32,
}

/// Log-ins in progress, keyed by the digest of what the browser holds.
pub trait LoginSessionRepository: Send + Sync {
    /// Begins a session, or replaces it at its next stage.
    ///
    /// # Errors
    /// [`StoreError`] when there is no room.
    fn put(
        &self,
        key: &TokenDigest,
        session: &LoginSession,
        now: UnixTime,
    ) -> Result<(), StoreError>;

    /// The session, when it has not ended; its attempts are counted up by one.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn attempt(&self, key: &TokenDigest, now: UnixTime)
    -> Result<Option<LoginSession>, StoreError>;

    /// Keeps the question to a passkey in place of the one before; nothing happens when the session has ended.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot keep it.
    fn put_ceremony(&self, key: &TokenDigest, state: &CeremonyState) -> Result<(), StoreError>;

    /// Takes the question to a passkey: it is given once, also of two answers at the same time.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn take_ceremony(
        &self,
        key: &TokenDigest,
        now: UnixTime,
    ) -> Result<Option<CeremonyState>, StoreError>;

    /// Ends a session; `true` for the one caller who ended it.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn end(&self, key: &TokenDigest) -> Result<bool, StoreError>;
}

/// Signing keys of the IdM server.
pub trait SigningKeyRepository: Send + Sync {
    /// Every key that is still published, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError>;

    /// Adds a key.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot keep it.
    fn add_signing_key(&self, key: &StoredSigningKey) -> Result<(), StoreError>;

    /// Forgets a key by its id.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot do it.
    fn remove_signing_key(&self, kid: &str) -> Result<(), StoreError>;
}
