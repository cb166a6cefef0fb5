//! The log-in itself: a form, a name and a password (TS 24.482 6.2.1, 6.3.1).

use crate::lockout::{LockoutPolicy, Strangers};
use crate::password::pretend;
use crate::ports::{LoginSession, StoreError, UserRepository};
use crate::{LoginName, Password, PasswordError, User, UserState};
use core::time::Duration;
use roger_base::{RandomError, UnixTime};
use roger_oidc::LoginSessionKey;
use roger_oidc::provider::{AuthorizationRefusal, IssueError};
use thiserror::Error;

/// What the log-in page shows and carries.
pub struct LoginForm {
    /// Goes into a hidden field and into a cookie of the same life; both must come back.
    pub session: LoginSessionKey,
    /// Name of the application that asks.
    pub client_name: String,
    /// Proposal for the name field.
    pub login_hint: Option<String>,
    /// How long the form is good for.
    pub expires_in: Duration,
}

/// Answer to a submitted form.
pub enum LoginOutcome {
    /// Redirect there (302): the code is in the query.
    Redirect(String),
    /// Name or password is wrong, or the account is disabled; which one is not told. Show the form again.
    TryAgain(LoginForm),
    /// Too many wrong passwords: show the form again and say how long to wait.
    Wait(LoginForm, Duration),
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
    /// No randomness.
    #[error(transparent)]
    LocalRandom(#[from] RandomError),
    /// No code could be issued.
    #[error(transparent)]
    LocalIssue(#[from] IssueError),
}

/// Most wrong forms in one session.
pub(crate) const MAX_ATTEMPTS: u32 = 20;

/// Result of checking name and password.
pub(crate) enum Credentials {
    Right(Box<User>),
    Wrong,
    Wait(Duration),
}

/// Checks a name and password. The attempt is counted as a failure before the password is looked at, so that
/// a hundred guesses at once count as a hundred.
pub(crate) fn check_credentials(
    users: &dyn UserRepository,
    strangers: &Strangers,
    policy: &LockoutPolicy,
    login: &LoginName,
    password: &Password,
    now: UnixTime,
) -> Result<Credentials, LoginRefusal> {
    let Some(user) = users.by_login(login)? else {
        if let Some(wait) = strangers.attempt(login.as_str(), policy, now) {
            return Ok(Credentials::Wait(wait));
        }
        pretend(password)?;
        return Ok(Credentials::Wrong);
    };
    if let Some(wait) = policy.wait(user.failures, now) {
        return Ok(Credentials::Wait(wait));
    }
    let counted = user.failures.and_one(now);
    if !users.replace_failures(&user.subject, user.failures, counted)? {
        // Somebody tries the same name at this very moment.
        return Ok(Credentials::Wait(Duration::from_secs(1)));
    }
    if !user.password.verify(password)? || user.state == UserState::Disabled {
        return Ok(Credentials::Wrong);
    }
    users.replace_failures(&user.subject, counted, crate::Failures::default())?;
    Ok(Credentials::Right(Box::new(user)))
}

/// The form of a session that goes on.
pub(crate) fn form_of(session: &LoginSession, key: LoginSessionKey, now: UnixTime) -> LoginForm {
    let parts = session.request.parts();
    LoginForm {
        session: key,
        client_name: parts.client_name.clone(),
        login_hint: parts.login_hint.clone(),
        expires_in: Duration::from_secs(session.expires_at.0.saturating_sub(now.0)),
    }
}
