//! The account page: what a user sees and changes after a fresh log-in.

use crate::account::AccountFault;
use crate::audit::{AuditAct, AuditEntry};
use crate::passkey::{MAX_ANSWER, MAX_PASSKEYS, Registered};
use crate::ports::{BrowserSession, StoreError};
use crate::server::{Idm, PasskeyPorts};
use crate::sign_on::field;
use crate::{
    LoginName, LoginRefusal, Passkey, PasskeyFault, PasskeyName, PasskeyUse, User, Verification,
};
use core::time::Duration;
use roger_base::UnixTime;
use roger_oidc::form::FormParameters;
use roger_oidc::provider::GrantOwner;
use roger_oidc::{BrowserKey, SessionId, Subject, TokenDigest};
use zeroize::Zeroizing;

/// How long after a log-in the account may be changed.
const FRESH: Duration = Duration::from_secs(600);

/// What the account page shows.
pub struct AccountPage {
    /// Goes into the hidden field `form` of every form, so that no other site can post one.
    pub form: String,
    /// The user's login name.
    pub login: LoginName,
    /// The user's passkeys, oldest first.
    pub passkeys: Vec<Passkey>,
    /// The question to a new passkey, as JSON for the page's script; none when passkeys are not offered or the user has
    /// as many as one may have.
    pub registration: Option<String>,
    /// Whether an authenticator app is enrolled.
    pub has_app: bool,
    /// This browser's session.
    pub own: SessionId,
    /// Every session of the user, newest first.
    pub sessions: Vec<BrowserSession>,
}

/// A form of the account page that is good: by the right browser, soon after its log-in.
struct Change {
    form: FormParameters,
    session: BrowserSession,
}

impl Idm {
    /// The account page of the user who logged in in this browser a moment ago; nothing when the user has to log in
    /// first ([`Idm::log_in_to_account`]).
    ///
    /// # Errors
    /// [`LoginRefusal`] when the store fails.
    pub fn account_page(
        &self,
        browser: Option<&BrowserKey>,
        now: UnixTime,
    ) -> Result<Option<AccountPage>, LoginRefusal> {
        let (Some(browser), Some(session)) = (browser, self.fresh_session(browser, now)?) else {
            return Ok(None);
        };
        let Some(user) = self.ports.users.by_subject(&session.subject)? else {
            return Ok(None);
        };
        let passkeys = match &self.ports.passkeys {
            Some(ports) => ports.repository.passkeys_of(&user.subject)?,
            None => Vec::new(),
        };
        Ok(Some(AccountPage {
            form: form_token(browser),
            registration: self.ask_registration(browser, &user, &passkeys, now)?,
            has_app: self.ports.factors.second_factor(&user.subject)?.is_some(),
            sessions: self.ports.browsers.browsers_of(&user.subject, now)?,
            own: session.id,
            login: user.login,
            passkeys,
        }))
    }

    /// Registers a passkey: `passkey` is the authenticator's answer, `name` what the user calls it, and `second_factor`
    /// is there when it is to be demanded after the password as well.
    ///
    /// # Errors
    /// [`LoginRefusal`] when the form or the store is at fault; what the user did wrong is an answer.
    pub fn add_passkey(
        &self,
        body: &str,
        browser: Option<&BrowserKey>,
        now: UnixTime,
    ) -> Result<Result<(), AccountFault>, LoginRefusal> {
        let Some(change) = self.change(body, browser, now)? else {
            return Ok(Err(AccountFault::NotFresh));
        };
        let subject = &change.session.subject;
        let waiting = browser.and_then(|own| self.registrations.take(&own.digest(), now));
        let waiting = waiting.filter(|(owner, _)| owner == subject);
        let (Some(ports), Some((_, state))) = (&self.ports.passkeys, waiting) else {
            return Ok(Err(AccountFault::NoEnrolment));
        };
        let Some(name) = field(&change.form, "name")?.and_then(PasskeyName::new) else {
            return Ok(Err(AccountFault::Name));
        };
        let answer = field(&change.form, "passkey")?.unwrap_or_default();
        if answer.len() > MAX_ANSWER {
            return Ok(Err(AccountFault::Passkey));
        }
        let registered = match ports.verifier.register(&state, answer) {
            Ok(registered) => registered,
            Err(fault @ PasskeyFault::Local(_)) => return Err(fault.into()),
            Err(fault) => {
                tracing::info!(%fault, %subject, "new passkey refused");
                return Ok(Err(AccountFault::Passkey));
            }
        };
        let usage = match field(&change.form, "second_factor")? {
            Some(_) => PasskeyUse::AfterPassword,
            // It would open nothing.
            None if registered.verification == Verification::PresenceOnly => {
                return Ok(Err(AccountFault::PresenceOnly));
            }
            None => PasskeyUse::Alone,
        };
        self.keep_passkey(ports, subject, registered, name, usage, now)
    }

    fn keep_passkey(
        &self,
        ports: &PasskeyPorts,
        subject: &Subject,
        registered: Registered,
        name: PasskeyName,
        usage: PasskeyUse,
        now: UnixTime,
    ) -> Result<Result<(), AccountFault>, LoginRefusal> {
        if ports.repository.passkeys_of(subject)?.len() >= MAX_PASSKEYS {
            return Ok(Err(AccountFault::TooMany));
        }
        let passkey = Passkey {
            id: registered.id,
            subject: subject.clone(),
            name,
            usage,
            credential: registered.credential,
            created_at: now,
            used_at: None,
        };
        let entry = AuditEntry::new(now, AuditAct::PasskeyAdded, Some(subject.clone()));
        self.keep(entry.about(passkey.id.label()))?;
        match ports.repository.add_passkey(&passkey) {
            Ok(()) => Ok(Ok(())),
            // A name that is taken: an authenticator that is made to take over somebody's passkey.
            Err(StoreError::LocalDuplicate(_)) => Ok(Err(AccountFault::Passkey)),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a passkey away: `remove` is its label.
    ///
    /// # Errors
    /// [`LoginRefusal`] when the form or the store is at fault; what the user did wrong is an answer.
    pub fn remove_passkey(
        &self,
        body: &str,
        browser: Option<&BrowserKey>,
        now: UnixTime,
    ) -> Result<Result<(), AccountFault>, LoginRefusal> {
        let Some(change) = self.change(body, browser, now)? else {
            return Ok(Err(AccountFault::NotFresh));
        };
        let Some(ports) = &self.ports.passkeys else {
            return Ok(Err(AccountFault::Passkey));
        };
        let (subject, label) = (&change.session.subject, field(&change.form, "remove")?);
        let own = ports.repository.passkeys_of(subject)?;
        let mut own = own.into_iter();
        let Some(passkey) = own.find(|own| Some(own.id.label().as_str()) == label) else {
            return Ok(Err(AccountFault::Passkey));
        };
        let entry = AuditEntry::new(now, AuditAct::PasskeyRemoved, Some(subject.clone()));
        self.keep(entry.about(passkey.id.label()))?;
        ports.repository.remove_passkey(subject, &passkey.id)?;
        Ok(Ok(()))
    }

    /// Takes the authenticator app away, with its recovery codes.
    ///
    /// # Errors
    /// [`LoginRefusal`] when the form or the store is at fault; what the user did wrong is an answer.
    pub fn remove_app(
        &self,
        body: &str,
        browser: Option<&BrowserKey>,
        now: UnixTime,
    ) -> Result<Result<(), AccountFault>, LoginRefusal> {
        let Some(change) = self.change(body, browser, now)? else {
            return Ok(Err(AccountFault::NotFresh));
        };
        let subject = &change.session.subject;
        self.keep_change(AuditAct::AppRemoved, subject, now)?;
        self.ports.factors.put_second_factor(subject, None)?;
        Ok(Ok(()))
    }

    /// Ends one of the user's sessions with everything that was given in it: `end` is its id. `true` when it was this
    /// browser's own.
    ///
    /// # Errors
    /// [`LoginRefusal`] when the form or the store is at fault; what the user did wrong is an answer.
    pub fn end_session(
        &self,
        body: &str,
        browser: Option<&BrowserKey>,
        now: UnixTime,
    ) -> Result<Result<bool, AccountFault>, LoginRefusal> {
        let Some(change) = self.change(body, browser, now)? else {
            return Ok(Err(AccountFault::NotFresh));
        };
        let (subject, id) = (&change.session.subject, field(&change.form, "end")?);
        let own = self.ports.browsers.browsers_of(subject, now)?;
        let mut own = own.into_iter().map(|session| session.id);
        // One that has ended by itself meanwhile is as good as ended.
        if let Some(session) = own.find(|session| Some(session.as_str()) == id) {
            self.end_one(session, Some(subject.clone()), now)?;
        }
        Ok(Ok(id == Some(change.session.id.as_str())))
    }

    /// Ends a session with everything that was given in it.
    pub(crate) fn end_one(
        &self,
        session: SessionId,
        owner: Option<Subject>,
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let entry = AuditEntry::new(now, AuditAct::SessionEnded, owner.clone());
        self.keep(entry.about(session.as_str()))?;
        self.ports.browsers.end_browser(&session)?;
        let grants = GrantOwner::Session(session);
        self.revoke_grants(&grants, owner.as_ref())
    }

    /// The session of a browser in which the user proved himself a moment ago, by everything that is asked of him.
    pub(crate) fn fresh_session(
        &self,
        browser: Option<&BrowserKey>,
        now: UnixTime,
    ) -> Result<Option<BrowserSession>, LoginRefusal> {
        let session = self.signed_on(browser, now)?;
        let Some(session) = session.filter(|own| now < own.authenticated_at + FRESH) else {
            return Ok(None);
        };
        let lacks = self.lacks_second_factor(&session)?;
        Ok((!lacks).then_some(session))
    }

    /// Reads a form of the account page; nothing when it is too late or of another browser.
    fn change(
        &self,
        body: &str,
        browser: Option<&BrowserKey>,
        now: UnixTime,
    ) -> Result<Option<Change>, LoginRefusal> {
        let form = FormParameters::parse(body).map_err(|_| LoginRefusal::PeerForm)?;
        let own = browser.map(form_token);
        if own.is_none() || field(&form, "form")? != own.as_deref() {
            return Ok(None);
        }
        let session = self.fresh_session(browser, now)?;
        Ok(session.map(|session| Change { form, session }))
    }

    fn ask_registration(
        &self,
        browser: &BrowserKey,
        user: &User,
        known: &[Passkey],
        now: UnixTime,
    ) -> Result<Option<String>, LoginRefusal> {
        let Some(ports) = &self.ports.passkeys else {
            return Ok(None);
        };
        if known.len() >= MAX_PASSKEYS {
            return Ok(None);
        }
        let question = ports.verifier.ask_registration(user, known)?;
        let owner = user.subject.clone();
        self.registrations
            .put(browser.digest(), owner, question.state, now);
        Ok(Some(question.options))
    }
}

/// What a form of this browser's account page carries: it tells nothing about the cookie.
fn form_token(browser: &BrowserKey) -> String {
    let text = Zeroizing::new(format!("account form {}", browser.expose()));
    let digest = TokenDigest::of(text.as_bytes());
    let octets = digest.octets().iter();
    octets.map(|octet| format!("{octet:02x}")).collect()
}
