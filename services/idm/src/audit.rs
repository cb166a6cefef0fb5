//! What the audit log hears of the IdM server. Never a password, a code, a token or a login name.

use crate::server::Idm;
use roger_base::UnixTime;
use roger_oidc::provider::{ClientAct, StoreError, TokenAct, TokenEvent, TokenLog};
use roger_oidc::{Amr, OauthClientId, Subject};

/// What was done, or tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditAct {
    /// Somebody proved who he is.
    LogIn(Amr),
    /// Somebody tried, and was refused.
    LogInRefused(LogInFault),
    /// Something happened to a grant.
    Token(TokenAct),
    /// Something is about to happen to a client.
    Client(ClientAct),
    /// A password was changed by its owner.
    PasswordChanged,
    /// An authenticator app was enrolled.
    AppAdded,
    /// An authenticator app was taken away.
    AppRemoved,
    /// A passkey was registered.
    PasskeyAdded,
    /// A passkey was taken away.
    PasskeyRemoved,
    /// A browser's session was ended.
    SessionEnded,
}

/// Why a log-in was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogInFault {
    /// Wrong name or password, or a disabled account.
    Password,
    /// Wrong code of an app, or a used one.
    Code,
    /// A passkey that is unknown, of somebody else, or did not prove itself.
    Passkey,
    /// The counter of a passkey went back: somebody has a copy of it.
    ClonedPasskey,
    /// The name has to wait after too many attempts.
    LockedOut,
}

impl AuditAct {
    /// A name that stays the same for ever: people and programs search for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LogIn(_) | Self::LogInRefused(_) => "log-in",
            Self::Token(act) => match act {
                TokenAct::Issued => "tokens-issued",
                TokenAct::Refreshed => "tokens-refreshed",
                TokenAct::Exchanged => "security-token-issued",
                TokenAct::Admitted => "partner-token-issued",
                TokenAct::CodeReplayed => "code-replayed",
                TokenAct::RefreshReused => "refresh-token-reused",
                TokenAct::Revoked => "grant-revoked",
                TokenAct::AccountDisabled => "grant-of-disabled-account-ended",
            },
            Self::Client(act) => match act {
                ClientAct::Registered => "client-registered",
                ClientAct::Changed => "client-changed",
                ClientAct::Removed => "client-removed",
            },
            Self::PasswordChanged => "password-changed",
            Self::AppAdded => "authenticator-app-added",
            Self::AppRemoved => "authenticator-app-removed",
            Self::PasskeyAdded => "passkey-added",
            Self::PasskeyRemoved => "passkey-removed",
            Self::SessionEnded => "session-ended",
        }
    }

    /// Why it was refused; nothing when it was done.
    #[must_use]
    pub const fn refusal(self) -> Option<&'static str> {
        match self {
            Self::LogInRefused(fault) => Some(match fault {
                LogInFault::Password => "wrong name or password",
                LogInFault::Code => "wrong code",
                LogInFault::Passkey => "the passkey was not accepted",
                LogInFault::ClonedPasskey => "the counter of the passkey went back: it was copied",
                LogInFault::LockedOut => "too many attempts",
            }),
            Self::Token(TokenAct::CodeReplayed) => Some("the code was presented twice"),
            Self::Token(TokenAct::RefreshReused) => Some("the refresh token was presented twice"),
            Self::Token(TokenAct::AccountDisabled) => Some("the account is disabled"),
            _ => None,
        }
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub time: UnixTime,
    /// What.
    pub act: AuditAct,
    /// Whose account it is about, by its internal name; nothing when nobody has the name that was typed.
    pub subject: Option<Subject>,
    /// The application.
    pub client: Option<OauthClientId>,
    /// The grant, session or passkey it is about.
    pub about: Option<String>,
}

impl AuditEntry {
    /// An act on an account.
    #[must_use]
    pub const fn new(time: UnixTime, act: AuditAct, subject: Option<Subject>) -> Self {
        Self {
            time,
            act,
            subject,
            client: None,
            about: None,
        }
    }

    /// The same with the grant, session or passkey.
    #[must_use]
    pub fn about(self, name: impl Into<String>) -> Self {
        Self {
            about: Some(name.into()),
            ..self
        }
    }

    /// The same with the application.
    #[must_use]
    pub fn by(self, client: Option<&OauthClientId>) -> Self {
        Self {
            client: client.cloned(),
            ..self
        }
    }
}

impl Idm {
    /// Keeps a record. When that fails, what it is about must not be done.
    pub(crate) fn keep(&self, entry: AuditEntry) -> Result<(), StoreError> {
        self.ports.audit.record(&entry)
    }

    /// Keeps that an account was changed.
    pub(crate) fn keep_change(
        &self,
        act: AuditAct,
        subject: &Subject,
        now: UnixTime,
    ) -> Result<(), StoreError> {
        self.keep(AuditEntry::new(now, act, Some(subject.clone())))
    }
}

/// The token endpoint's log at one time.
pub(crate) struct TokenAudit<'a> {
    pub(crate) idm: &'a Idm,
    pub(crate) now: UnixTime,
}

impl TokenLog for TokenAudit<'_> {
    fn ready(&self) -> Result<(), StoreError> {
        self.idm.ports.audit.ready()
    }

    fn keep(&self, event: &TokenEvent<'_>) -> Result<(), StoreError> {
        self.idm.tell_if_revoked(event);
        let act = AuditAct::Token(event.act);
        let entry = AuditEntry::new(self.now, act, event.subject.cloned())
            .by(Some(event.client))
            .about(event.grant.as_str());
        self.idm.keep(entry)
    }
}
