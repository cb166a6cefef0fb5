//! What users change themselves: the password and the second factor. Every form proves the user anew.

use crate::audit::{AuditAct, AuditEntry, LogInFault};
use crate::login::{CodeCheck, Credentials};
use crate::server::Idm;
use crate::sign_on::field;
use crate::{
    LoginName, LoginRefusal, Password, PasswordHash, RecoveryCodes, SecondFactor, TotpSecret, User,
};
use core::time::Duration;
use roger_base::{Random, SecretBytes, UnixTime};
use roger_oidc::form::FormParameters;
use roger_oidc::provider::GrantOwner;
use roger_oidc::{BrowserKey, LoginSessionKey, Subject};

/// Why a form of the account pages changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountFault {
    /// Name, password or code is wrong.
    Credentials,
    /// Too many attempts.
    Wait(Duration),
    /// The two new passwords differ.
    Different,
    /// The new password is not allowed, or is the old one.
    Rules,
    /// The enrolment has expired.
    NoEnrolment,
    /// The code is not of this secret.
    Code,
    /// The log-in is too long ago, or the form is not of this browser.
    NotFresh,
    /// The passkey did not answer well.
    Passkey,
    /// The passkey cannot verify its user, so it is of use after the password only.
    PresenceOnly,
    /// A passkey needs a name.
    Name,
    /// The user has as many passkeys as one may have.
    TooMany,
}

/// A secret that waits for its first code.
pub struct Enrolment {
    /// Goes into a hidden field.
    pub key: LoginSessionKey,
    /// `otpauth:` URI for the QR code.
    pub uri: SecretBytes,
    /// The secret as a person types it.
    pub typed: SecretBytes,
}

impl Idm {
    /// Changes a password: `username`, `password`, `code` where one is enrolled, `new` and `again`. A `browser` in which
    /// the user has just shown a second factor needs no code. Everything that was given under the old one ends.
    ///
    /// # Errors
    /// [`LoginRefusal`] when the form or the store is at fault; what the user did wrong is an answer.
    pub fn change_password(
        &self,
        body: &str,
        browser: Option<&BrowserKey>,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<Result<(), AccountFault>, LoginRefusal> {
        let form = FormParameters::parse(body).map_err(|_| LoginRefusal::PeerForm)?;
        let password = |name| Ok::<_, LoginRefusal>(field(&form, name)?.map(Password::new));
        let (Some(Ok(new)), Some(Ok(again))) = (password("new")?, password("again")?) else {
            return Ok(Err(AccountFault::Different));
        };
        if new != again {
            return Ok(Err(AccountFault::Different));
        }
        let user = match self.prove(&form, browser, now)? {
            Ok(user) => user,
            Err(fault) => return Ok(Err(fault)),
        };
        let unchanged = user.password.verify(&new)?;
        if unchanged || !self.config.passwords.allow(&new, &user.login) {
            return Ok(Err(AccountFault::Rules));
        }
        let hash = PasswordHash::of(&new, random)?;
        self.keep_change(AuditAct::PasswordChanged, &user.subject, now)?;
        let users = &self.ports.users;
        if !users.replace_password(&user.subject, &user.password, &hash)? {
            return Ok(Err(AccountFault::Credentials));
        }
        self.end_everything_of(&user.subject)?;
        tracing::info!(subject = %user.subject, "password changed");
        Ok(Ok(()))
    }

    /// Begins to enrol a second factor: `username`, `password`, and `code` to replace one, or a `browser` in which the
    /// user has just shown a second factor.
    ///
    /// # Errors
    /// [`LoginRefusal`] when the form or the store is at fault; what the user did wrong is an answer.
    pub fn begin_enrolment(
        &self,
        body: &str,
        browser: Option<&BrowserKey>,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<Result<Enrolment, AccountFault>, LoginRefusal> {
        let form = FormParameters::parse(body).map_err(|_| LoginRefusal::PeerForm)?;
        let user = match self.prove(&form, browser, now)? {
            Ok(user) => user,
            Err(fault) => return Ok(Err(fault)),
        };
        let (key, secret) = (
            LoginSessionKey::random(random)?,
            TotpSecret::random(random)?,
        );
        let typed = secret.to_base32();
        let uri = otpauth_uri(&typed, &user.login, self.config.endpoints.issuer.as_str());
        self.enrolments.put(key.digest(), user.subject, secret, now);
        Ok(Ok(Enrolment { key, uri, typed }))
    }

    /// Ends an enrolment: `enrolment` and the first `code`. Sessions made without the second factor stay, but have to
    /// show it before anything is given again.
    ///
    /// # Errors
    /// [`LoginRefusal`] when the form or the store is at fault; what the user did wrong is an answer.
    pub fn finish_enrolment(
        &self,
        body: &str,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<Result<RecoveryCodes, AccountFault>, LoginRefusal> {
        let form = FormParameters::parse(body).map_err(|_| LoginRefusal::PeerForm)?;
        let key = field(&form, "enrolment")?.and_then(|text| LoginSessionKey::new(text).ok());
        // A wrong code means beginning again.
        let waiting = key.and_then(|key| self.enrolments.take(&key.digest(), now));
        let Some((subject, secret)) = waiting else {
            return Ok(Err(AccountFault::NoEnrolment));
        };
        let code = crate::totp::typed(field(&form, "code")?.unwrap_or_default());
        let Some(step) = secret.step_of(&code, now, 0) else {
            return Ok(Err(AccountFault::Code));
        };
        let codes = RecoveryCodes::random(random)?;
        let factor = SecondFactor {
            secret,
            last_step: step,
            recovery: codes.digests(),
        };
        self.keep_change(AuditAct::AppAdded, &subject, now)?;
        let factors = &self.ports.factors;
        factors.put_second_factor(&subject, Some(&factor))?;
        tracing::info!(%subject, "second factor enrolled");
        Ok(Ok(codes))
    }

    /// Proves a user by the fields of one form, and by what the browser has shown a moment ago.
    fn prove(
        &self,
        form: &FormParameters,
        browser: Option<&BrowserKey>,
        now: UnixTime,
    ) -> Result<Result<User, AccountFault>, LoginRefusal> {
        let typed = (
            field(form, "username")?.map(LoginName::new),
            field(form, "password")?.map(Password::new),
        );
        let (Some(Ok(login)), Some(Ok(password))) = typed else {
            return Ok(Err(AccountFault::Credentials));
        };
        let refused = |fault, subject: Option<&Subject>| {
            let act = AuditAct::LogInRefused(fault);
            self.keep(AuditEntry::new(now, act, subject.cloned()))
        };
        let user = match self.gate().check_password(&login, &password, now)? {
            Credentials::Right(user) => return Ok(Ok(*user)),
            Credentials::NeedsSecondFactor(user) => user,
            Credentials::Wrong(subject) => {
                refused(LogInFault::Password, subject.as_ref())?;
                return Ok(Err(AccountFault::Credentials));
            }
            Credentials::Wait(wait, subject) => {
                refused(LogInFault::LockedOut, subject.as_ref())?;
                return Ok(Err(AccountFault::Wait(wait)));
            }
        };
        // Read anew: the check of the password wrote the failures.
        let Some(user) = self.ports.users.by_subject(&user.subject)? else {
            return Ok(Err(AccountFault::Credentials));
        };
        let shown = self.fresh_session(browser, now)?;
        if shown.is_some_and(|own| own.subject == user.subject && own.amr.has_second_factor()) {
            return Ok(Ok(user));
        }
        let subject = user.subject.clone();
        let code = field(form, "code")?.unwrap_or_default();
        Ok(match self.gate().check_code(user, code, now)? {
            CodeCheck::Right(user, _) => Ok(*user),
            CodeCheck::Wrong => {
                refused(LogInFault::Code, Some(&subject))?;
                Err(AccountFault::Credentials)
            }
            CodeCheck::Wait(wait) => {
                refused(LogInFault::LockedOut, Some(&subject))?;
                Err(AccountFault::Wait(wait))
            }
        })
    }

    fn end_everything_of(&self, subject: &Subject) -> Result<(), LoginRefusal> {
        self.ports.browsers.end_browsers_of(subject)?;
        let owner = GrantOwner::Subject(subject.clone());
        Ok(self.revoke_grants(&owner, Some(subject))?)
    }
}

/// The URI that authenticator apps read (the Key URI Format that all of them share).
fn otpauth_uri(secret: &SecretBytes, login: &LoginName, issuer: &str) -> SecretBytes {
    let host = issuer.split("//").nth(1).unwrap_or(issuer);
    let encoded = |text: &str| {
        let pair = roger_oidc::form::encode(&[("", text)]);
        pair.trim_start_matches('=').replace('+', "%20")
    };
    let secret = core::str::from_utf8(secret.expose()).unwrap_or_default();
    let (host, login) = (encoded(host), encoded(login.as_str()));
    let uri = format!("otpauth://totp/{host}:{login}?secret={secret}&issuer={host}");
    SecretBytes::new(uri.into_bytes())
}
