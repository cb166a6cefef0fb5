//! The log-in itself: a form, a name and a password, a code where one is enrolled (TS 24.482 6.2.1, 6.3.1).

use crate::lockout::{LockoutPolicy, Strangers};
use crate::password::pretend;
use crate::ports::{
    LoginSession, PasskeyRepository, SecondFactorRepository, Stage, StoreError, Target,
    UserRepository,
};
use crate::totp::typed;
use crate::{Failures, LoginName, PasskeyUse, Password, PasswordError, User, UserState};
use core::time::Duration;
use roger_base::{RandomError, UnixTime};
use roger_oidc::provider::{AuthorizationRefusal, IssueError};
use roger_oidc::{Amr, BrowserKey, LoginSessionKey, Subject, TokenDigest};
use thiserror::Error;

/// What a page of a log-in shows and carries.
pub struct LoginForm {
    /// Goes into a hidden field and into a cookie of the same life; both must come back.
    pub session: LoginSessionKey,
    /// Name of the application that asks.
    pub client_name: String,
    /// Proposal for the name field.
    pub login_hint: Option<String>,
    /// How long the form is good for.
    pub expires_in: Duration,
    /// The question to a passkey, as JSON for the page's script; the answer goes into the field `passkey`.
    pub passkey: Option<String>,
    /// What is asked for.
    pub asked: Asked,
}

impl LoginForm {
    /// The same with the name that was typed, so that a wrong password is typed again alone.
    pub(crate) fn with_name(self, login: &LoginName) -> Self {
        Self {
            login_hint: Some(login.as_str().to_owned()),
            ..self
        }
    }
}

/// What a form asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Name and password.
    Password,
    /// A second factor: one of the user's passkeys only.
    Passkey,
    /// A second factor: the code of an app or a recovery code, or a passkey where one is offered.
    Code,
    /// Consent.
    Consent,
}

/// What comes next.
pub enum LoginStep {
    /// Redirect there (302): a code or an error is in the query.
    Redirect(String),
    /// The user logged in to his own account pages: show them.
    Account,
    /// Show the form for name and password.
    Form(LoginForm),
    /// Name or password is wrong, or the account is disabled; which one is not told. Show the form again.
    TryAgain(LoginForm),
    /// Too many wrong passwords or codes: show the form again and say how long to wait.
    Wait(LoginForm, Duration),
    /// Name and password were right: ask for the second factor, a code or a passkey.
    AskCode(LoginForm),
    /// The code was wrong: ask again.
    WrongCode(LoginForm),
    /// The passkey was not accepted, whatever the reason: show the form of this stage again.
    WrongPasskey(LoginForm),
    /// Ask whether the application may have this; one line for each purpose.
    AskConsent(LoginForm, Vec<&'static str>),
}

/// Answer to a request or a form of a log-in.
pub struct LoginAnswer {
    /// What comes next.
    pub step: LoginStep,
    /// A session of the browser that began just now; it goes into a cookie.
    pub signed_on: Option<SignedOn>,
}

impl From<LoginStep> for LoginAnswer {
    fn from(step: LoginStep) -> Self {
        Self {
            step,
            signed_on: None,
        }
    }
}

/// A new session of a browser.
pub struct SignedOn {
    /// The cookie's value.
    pub key: BrowserKey,
    /// How long the session lasts.
    pub life: Duration,
}

/// Why a submitted form or a request got no form and no redirect.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LoginRefusal {
    /// The request that should begin a log-in was refused.
    #[error(transparent)]
    PeerRequest(#[from] AuthorizationRefusal),
    /// The form is malformed.
    #[error("the form is malformed")]
    PeerForm,
    /// The session ended, never was, or belongs to another browser.
    #[error("this log-in has expired; go back to the application and begin again")]
    PeerNoSession,
    /// Too many wrong forms in one session.
    #[error("too many attempts; go back to the application and begin again")]
    DeniedTooManyAttempts,
    /// The store failed.
    #[error(transparent)]
    LocalStore(#[from] StoreError),
    /// A stored hash is damaged or memory is short.
    #[error(transparent)]
    LocalPassword(#[from] PasswordError),
    /// The adapter for passkeys failed.
    #[error(transparent)]
    LocalPasskey(#[from] crate::PasskeyFault),
    /// No randomness.
    #[error(transparent)]
    LocalRandom(#[from] RandomError),
    /// No code could be issued.
    #[error(transparent)]
    LocalIssue(#[from] IssueError),
}

/// Most wrong forms in one session.
pub(crate) const MAX_ATTEMPTS: u32 = 20;

/// What credentials are checked against.
pub(crate) struct Gate<'a> {
    pub(crate) users: &'a dyn UserRepository,
    pub(crate) factors: &'a dyn SecondFactorRepository,
    pub(crate) strangers: &'a Strangers,
    pub(crate) policy: &'a LockoutPolicy,
    pub(crate) passkeys: Option<&'a dyn PasskeyRepository>,
}

/// Result of checking name and password.
pub(crate) enum Credentials {
    /// Right, and nothing more is needed.
    Right(Box<User>),
    /// Right, but a second factor is needed as well.
    NeedsSecondFactor(Box<User>),
    /// Wrong; whose name it is, when anybody's.
    Wrong(Option<Subject>),
    /// Not looked at; whose name it is, when anybody's.
    Wait(Duration, Option<Subject>),
}

/// Result of checking a code.
pub(crate) enum CodeCheck {
    Right(Box<User>, Amr),
    Wrong,
    Wait(Duration),
}

/// Somebody tries the same name at this very moment.
const COLLISION: Duration = Duration::from_secs(1);

impl Gate<'_> {
    /// Checks a name and password. The attempt is counted as a failure before the password is looked at, so that
    /// a hundred guesses at once count as a hundred. With a second factor a right password takes only its own
    /// count back: codes guessed wrong before stay counted.
    pub(crate) fn check_password(
        &self,
        login: &LoginName,
        password: &Password,
        now: UnixTime,
    ) -> Result<Credentials, LoginRefusal> {
        let Some(user) = self.users.by_login(login)? else {
            if let Some(wait) = self.strangers.attempt(login.as_str(), self.policy, now) {
                return Ok(Credentials::Wait(wait, None));
            }
            pretend(password)?;
            return Ok(Credentials::Wrong(None));
        };
        let counted = match self.count(&user, now)? {
            Ok(counted) => counted,
            Err(wait) => return Ok(Credentials::Wait(wait, Some(user.subject))),
        };
        if !user.password.verify(password)? || user.state == UserState::Disabled {
            return Ok(Credentials::Wrong(Some(user.subject)));
        }
        let enrolled = self.demands_second_factor(&user.subject)?;
        let after = if enrolled {
            user.failures
        } else {
            Failures::default()
        };
        self.users.replace_failures(&user.subject, counted, after)?;
        Ok(match enrolled {
            true => Credentials::NeedsSecondFactor(Box::new(user)),
            false => Credentials::Right(Box::new(user)),
        })
    }

    /// Whether the password alone lets this user in nowhere.
    pub(crate) fn demands_second_factor(&self, subject: &Subject) -> Result<bool, StoreError> {
        if self.factors.second_factor(subject)?.is_some() {
            return Ok(true);
        }
        let Some(passkeys) = self.passkeys else {
            return Ok(false);
        };
        let own = passkeys.passkeys_of(subject)?;
        Ok(own.iter().any(|own| own.usage == PasskeyUse::AfterPassword))
    }

    /// Checks the code of an app or a recovery code, counted like a password.
    pub(crate) fn check_code(
        &self,
        user: User,
        code: &str,
        now: UnixTime,
    ) -> Result<CodeCheck, LoginRefusal> {
        let counted = match self.count(&user, now)? {
            Ok(counted) => counted,
            Err(wait) => return Ok(CodeCheck::Wait(wait)),
        };
        let factor = self.factors.second_factor(&user.subject)?;
        let Some(factor) = factor.filter(|_| user.state == UserState::Enabled) else {
            return Ok(CodeCheck::Wrong);
        };
        let code = typed(code);
        let amr = match factor.secret.step_of(&code, now, factor.last_step) {
            Some(step) if self.factors.use_step(&user.subject, step)? => Amr::PasswordAndCode,
            Some(_) => return Ok(CodeCheck::Wrong),
            None => {
                let digest = TokenDigest::of(code.as_bytes());
                if !self.factors.use_recovery_code(&user.subject, &digest)? {
                    return Ok(CodeCheck::Wrong);
                }
                Amr::PasswordAndRecovery
            }
        };
        self.users
            .replace_failures(&user.subject, counted, Failures::default())?;
        Ok(CodeCheck::Right(Box::new(user), amr))
    }

    /// Counts an attempt, or says how long to wait.
    fn count(
        &self,
        user: &User,
        now: UnixTime,
    ) -> Result<Result<Failures, Duration>, LoginRefusal> {
        if let Some(wait) = self.policy.wait(user.failures, now) {
            return Ok(Err(wait));
        }
        let counted = user.failures.and_one(now);
        let first = self
            .users
            .replace_failures(&user.subject, user.failures, counted)?;
        Ok(if first { Ok(counted) } else { Err(COLLISION) })
    }
}

/// The form of a session that goes on, without a question to a passkey.
pub(crate) fn form_of(session: &LoginSession, key: LoginSessionKey, now: UnixTime) -> LoginForm {
    let (client_name, login_hint) = match &session.target {
        Target::Application(request) => {
            let parts = request.parts();
            (parts.client_name.clone(), parts.login_hint.clone())
        }
        Target::Account => ("your account".to_owned(), None),
    };
    LoginForm {
        session: key,
        client_name,
        login_hint,
        expires_in: Duration::from_secs(session.expires_at.0.saturating_sub(now.0)),
        passkey: None,
        asked: match session.stage {
            Stage::Password => Asked::Password,
            Stage::SecondFactor(_) => Asked::Passkey,
            Stage::Consent(_) => Asked::Consent,
        },
    }
}
