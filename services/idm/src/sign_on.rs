//! From an authentication request to a code: single sign-on, password, second factor, consent
//! (OpenID Connect Core 3.1.2, TS 33.180 C.1).

use crate::audit::{AuditAct, AuditEntry, LogInFault};
use crate::login::{self, CodeCheck, Credentials, Gate, MAX_ATTEMPTS};
use crate::ports::{BrowserSession, LoginSession, Stage, Target};
use crate::server::{Idm, account_of};
use crate::{
    Asked, LoginAnswer, LoginForm, LoginName, LoginRefusal, LoginStep, Password, SignedOn, User,
};
use roger_base::{Random, UnixTime};
use roger_oidc::form::FormParameters;
use roger_oidc::provider::{
    AccountDirectory as _, Authentication, AuthorizationError, AuthorizationRequest, ConsentPolicy,
};
use roger_oidc::{
    Amr, BrowserKey, CATALOGUE, LoginSessionKey, OauthClientId, ScopeSet, SessionId, Subject,
    TokenDigest,
};

/// A log-in in progress with the key that names it.
pub(crate) struct Attempt {
    pub(crate) key: LoginSessionKey,
    pub(crate) digest: TokenDigest,
    pub(crate) session: LoginSession,
}

impl Idm {
    /// Checks an authentication request (the query without `?`). A browser in which somebody is logged in gets its
    /// redirect at once, unless the request, the consent or a second factor wants a page.
    ///
    /// # Errors
    /// [`LoginRefusal::PeerRequest`] says whether to show a page or to redirect.
    pub fn authorize(
        &self,
        query: &str,
        browser: Option<&BrowserKey>,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<LoginAnswer, LoginRefusal> {
        let request = AuthorizationRequest::check(query, &*self.ports.clients)?;
        let Some(signed_on) = self.signed_on(browser, now)? else {
            return self.ask(request, AuthorizationError::LoginRequired, now, random);
        };
        if !request
            .parts()
            .accepts_login_of(signed_on.authenticated_at, now)
        {
            return self.ask(request, AuthorizationError::LoginRequired, now, random);
        }
        if self.lacks_second_factor(&signed_on)? {
            return self.ask(
                request,
                AuthorizationError::InteractionRequired,
                now,
                random,
            );
        }
        if self.consent_is_missing(&request, &signed_on.subject)? {
            if request.parts().prompt.forbids_pages() {
                let error = AuthorizationError::ConsentRequired;
                return Ok(LoginStep::Redirect(request.error_location(error)).into());
            }
            let stage = Stage::Consent(signed_on);
            let target = Target::Application(Box::new(request));
            let attempt = self.begin(target, stage, now, random)?;
            return Ok(ask_consent(attempt, now).into());
        }
        let location = self.grant(&request, &signed_on, now, random)?;
        Ok(LoginStep::Redirect(location).into())
    }

    /// Takes the submitted form. `cookie` is the session key that the browser brought along; it must be the one in
    /// the form's field `session`, so that a form of an attacker's log-in is of no use. The other fields belong to
    /// the stage: `username` and `password`, `code`, or `decision`; `passkey` goes for the first two.
    ///
    /// # Errors
    /// [`LoginRefusal`] when the form, the session or the store is at fault; a wrong password is a step.
    pub fn submit_login(
        &self,
        body: &str,
        cookie: Option<&LoginSessionKey>,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<LoginAnswer, LoginRefusal> {
        let form = FormParameters::parse(body).map_err(|_| LoginRefusal::PeerForm)?;
        let attempt = self.attempt(&form, cookie, now)?;
        let answer = field(&form, "passkey")?.filter(|answer| !answer.is_empty());
        if let Some(answer) = answer {
            return self.on_passkey(attempt, answer, now, random);
        }
        match attempt.session.stage.clone() {
            Stage::Password => self.on_password(attempt, &form, now, random),
            Stage::SecondFactor(subject) => self.on_code(attempt, &subject, &form, now, random),
            Stage::Consent(signed_on) => self.on_decision(attempt, signed_on, &form, now, random),
        }
    }

    /// Begins a log-in to the user's own account pages.
    ///
    /// # Errors
    /// [`LoginRefusal`] when the store or randomness fails.
    pub fn log_in_to_account(
        &self,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<LoginAnswer, LoginRefusal> {
        let attempt = self.begin(Target::Account, Stage::Password, now, random)?;
        Ok(LoginStep::Form(self.form(attempt, now)?).into())
    }

    /// Whether a session was made without the second factor that its user has now.
    pub(crate) fn lacks_second_factor(
        &self,
        session: &BrowserSession,
    ) -> Result<bool, LoginRefusal> {
        let shown = session.amr.has_second_factor();
        Ok(!shown && self.gate().demands_second_factor(&session.subject)?)
    }

    /// The live session of a browser whose user may still log in.
    pub(crate) fn signed_on(
        &self,
        browser: Option<&BrowserKey>,
        now: UnixTime,
    ) -> Result<Option<BrowserSession>, LoginRefusal> {
        let Some(browser) = browser else {
            return Ok(None);
        };
        let Some(session) = self.ports.browsers.browser(&browser.digest(), now)? else {
            return Ok(None);
        };
        let enabled = self.account(&session.subject)?.is_some();
        Ok(enabled.then_some(session))
    }

    /// Shows the form, or says by redirect what would have to be shown.
    fn ask(
        &self,
        request: AuthorizationRequest,
        reason: AuthorizationError,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<LoginAnswer, LoginRefusal> {
        if request.parts().prompt.forbids_pages() {
            return Ok(LoginStep::Redirect(request.error_location(reason)).into());
        }
        let target = Target::Application(Box::new(request));
        let attempt = self.begin(target, Stage::Password, now, random)?;
        Ok(LoginStep::Form(self.form(attempt, now)?).into())
    }

    /// The form of a stage, with a fresh question to a passkey where one may answer.
    pub(crate) fn form(&self, attempt: Attempt, now: UnixTime) -> Result<LoginForm, LoginRefusal> {
        let app = match &attempt.session.stage {
            Stage::SecondFactor(subject) => self.ports.factors.second_factor(subject)?,
            Stage::Password | Stage::Consent(_) => None,
        };
        let passkey = match self.ask_passkey(&attempt.session.stage)? {
            Some(question) => {
                let sessions = &self.ports.sessions;
                sessions.put_ceremony(&attempt.digest, &question.state)?;
                Some(question.options)
            }
            None => None,
        };
        let form = login::form_of(&attempt.session, attempt.key, now);
        let asked = app.map_or(form.asked, |_| Asked::Code);
        Ok(LoginForm {
            passkey,
            asked,
            ..form
        })
    }

    fn begin(
        &self,
        target: Target,
        stage: Stage,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<Attempt, LoginRefusal> {
        let key = LoginSessionKey::random(random)?;
        let digest = key.digest();
        let session = LoginSession {
            target,
            stage,
            expires_at: now + self.config.login_life,
            attempts: 0,
        };
        self.ports.sessions.put(&digest, &session, now)?;
        Ok(Attempt {
            key,
            digest,
            session,
        })
    }

    fn attempt(
        &self,
        form: &FormParameters,
        cookie: Option<&LoginSessionKey>,
        now: UnixTime,
    ) -> Result<Attempt, LoginRefusal> {
        let key = field(form, "session")?.and_then(|text| LoginSessionKey::new(text).ok());
        let key = key
            .filter(|key| Some(key) == cookie)
            .ok_or(LoginRefusal::PeerNoSession)?;
        let digest = key.digest();
        let session = self.ports.sessions.attempt(&digest, now)?;
        let session = session.ok_or(LoginRefusal::PeerNoSession)?;
        if session.attempts > MAX_ATTEMPTS {
            self.ports.sessions.end(&digest)?;
            return Err(LoginRefusal::DeniedTooManyAttempts);
        }
        Ok(Attempt {
            key,
            digest,
            session,
        })
    }

    pub(crate) fn gate(&self) -> Gate<'_> {
        Gate {
            users: &*self.ports.users,
            factors: &*self.ports.factors,
            strangers: &self.strangers,
            policy: &self.config.lockout,
            passkeys: self.ports.passkeys.as_ref().map(|ports| &*ports.repository),
        }
    }

    fn on_password(
        &self,
        mut attempt: Attempt,
        form: &FormParameters,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<LoginAnswer, LoginRefusal> {
        let typed = (
            field(form, "username")?.map(LoginName::new),
            field(form, "password")?.map(Password::new),
        );
        let (Some(Ok(login)), Some(Ok(password))) = typed else {
            return Ok(LoginStep::TryAgain(self.form(attempt, now)?).into());
        };
        match self.gate().check_password(&login, &password, now)? {
            Credentials::Right(user) => {
                self.authenticated(attempt, &user, Amr::Password, now, random)
            }
            Credentials::NeedsSecondFactor(user) => {
                attempt.session.stage = Stage::SecondFactor(user.subject);
                let sessions = &self.ports.sessions;
                sessions.put(&attempt.digest, &attempt.session, now)?;
                Ok(LoginStep::AskCode(self.form(attempt, now)?).into())
            }
            Credentials::Wrong(subject) => {
                self.refuse(&attempt, LogInFault::Password, subject, now)?;
                let form = self.form(attempt, now)?.with_name(&login);
                Ok(LoginStep::TryAgain(form).into())
            }
            Credentials::Wait(wait, subject) => {
                self.refuse(&attempt, LogInFault::LockedOut, subject, now)?;
                let form = self.form(attempt, now)?.with_name(&login);
                Ok(LoginStep::Wait(form, wait).into())
            }
        }
    }

    fn on_code(
        &self,
        attempt: Attempt,
        subject: &Subject,
        form: &FormParameters,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<LoginAnswer, LoginRefusal> {
        let user = self.ports.users.by_subject(subject)?;
        let user = user.ok_or(LoginRefusal::PeerNoSession)?;
        let Some(code) = field(form, "code")? else {
            return Ok(LoginStep::WrongCode(self.form(attempt, now)?).into());
        };
        let owner = Some(subject.clone());
        match self.gate().check_code(user, code, now)? {
            CodeCheck::Right(user, amr) => self.authenticated(attempt, &user, amr, now, random),
            CodeCheck::Wrong => {
                self.refuse(&attempt, LogInFault::Code, owner, now)?;
                Ok(LoginStep::WrongCode(self.form(attempt, now)?).into())
            }
            CodeCheck::Wait(wait) => {
                self.refuse(&attempt, LogInFault::LockedOut, owner, now)?;
                Ok(LoginStep::Wait(self.form(attempt, now)?, wait).into())
            }
        }
    }

    /// Records that a log-in was refused.
    pub(crate) fn refuse(
        &self,
        attempt: &Attempt,
        fault: LogInFault,
        subject: Option<Subject>,
        now: UnixTime,
    ) -> Result<(), LoginRefusal> {
        let client = attempt.client();
        tracing::info!(client, ?fault, "log-in refused");
        let act = AuditAct::LogInRefused(fault);
        let entry = AuditEntry::new(now, act, subject).by(attempt.client_id());
        Ok(self.keep(entry)?)
    }

    /// The user has proved who he is: the browser gets a session under a fresh key, the application its code or the
    /// user a question.
    pub(crate) fn authenticated(
        &self,
        attempt: Attempt,
        user: &User,
        amr: Amr,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<LoginAnswer, LoginRefusal> {
        // One log-in gives one session and one code.
        if !self.ports.sessions.end(&attempt.digest)? {
            return Err(LoginRefusal::PeerNoSession);
        }
        let (key, life) = (BrowserKey::random(random)?, self.config.browser_life);
        let signed_on = BrowserSession {
            id: SessionId::random(random)?,
            subject: user.subject.clone(),
            authenticated_at: now,
            amr,
            expires_at: now + life,
        };
        let act = AuditAct::LogIn(amr);
        let entry = AuditEntry::new(now, act, Some(user.subject.clone()));
        let entry = entry.by(attempt.client_id()).about(signed_on.id.as_str());
        self.keep(entry)?;
        let browsers = &self.ports.browsers;
        browsers.put_browser(&key.digest(), &signed_on, now)?;
        let step = match attempt.session.target {
            Target::Account => LoginStep::Account,
            Target::Application(request) => self.go_on(*request, signed_on, now, random)?,
        };
        Ok(LoginAnswer {
            step,
            signed_on: Some(SignedOn { key, life }),
        })
    }

    /// The user is known: asks for consent where it is missing, else gives the code.
    fn go_on(
        &self,
        request: AuthorizationRequest,
        signed_on: BrowserSession,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<LoginStep, LoginRefusal> {
        if !self.consent_is_missing(&request, &signed_on.subject)? {
            let location = self.grant(&request, &signed_on, now, random)?;
            return Ok(LoginStep::Redirect(location));
        }
        let stage = Stage::Consent(signed_on);
        let target = Target::Application(Box::new(request));
        Ok(ask_consent(self.begin(target, stage, now, random)?, now))
    }

    fn on_decision(
        &self,
        attempt: Attempt,
        signed_on: BrowserSession,
        form: &FormParameters,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<LoginAnswer, LoginRefusal> {
        let decision = field(form, "decision")?;
        let allowed = match decision {
            Some("allow") => true,
            Some("deny") => false,
            _ => return Ok(ask_consent(attempt, now).into()),
        };
        if !self.ports.sessions.end(&attempt.digest)? {
            return Err(LoginRefusal::PeerNoSession);
        }
        let Target::Application(request) = attempt.session.target else {
            return Err(LoginRefusal::PeerNoSession);
        };
        if !allowed {
            let error = AuthorizationError::AccessDenied;
            return Ok(LoginStep::Redirect(request.error_location(error)).into());
        }
        let (subject, client) = (&signed_on.subject, &request.parts().client_id);
        let before = self.ports.consents.consent(subject, client)?;
        let asked = &request.parts().scopes;
        let kept = before.union(asked).unwrap_or_else(|| asked.clone());
        self.ports.consents.put_consent(subject, client, &kept)?;
        let location = self.grant(&request, &signed_on, now, random)?;
        Ok(LoginStep::Redirect(location).into())
    }

    fn consent_is_missing(
        &self,
        request: &AuthorizationRequest,
        subject: &Subject,
    ) -> Result<bool, LoginRefusal> {
        let parts = request.parts();
        if parts.prompt.demands_consent() {
            return Ok(true);
        }
        if parts.consent == ConsentPolicy::Implied {
            return Ok(false);
        }
        let given = self.ports.consents.consent(subject, &parts.client_id)?;
        Ok(!parts.scopes.is_subset(&given))
    }

    fn grant(
        &self,
        request: &AuthorizationRequest,
        signed_on: &BrowserSession,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<String, LoginRefusal> {
        let user = self.ports.users.by_subject(&signed_on.subject)?;
        let user = user.ok_or(LoginRefusal::PeerNoSession)?;
        let authentication = Authentication {
            account: account_of(&user),
            at: signed_on.authenticated_at,
            amr: signed_on.amr,
            session: Some(signed_on.id.clone()),
        };
        let (policy, grants) = (&self.config.tokens, &*self.ports.grants);
        let location = request.grant(&authentication, policy, now, grants, random)?;
        tracing::info!(client = %request.parts().client_id, subject = %user.subject, "logged in");
        Ok(location)
    }
}

impl Attempt {
    /// The application, unless the user wants to see his account.
    pub(crate) fn client_id(&self) -> Option<&OauthClientId> {
        match &self.session.target {
            Target::Application(request) => Some(&request.parts().client_id),
            Target::Account => None,
        }
    }

    fn client(&self) -> Option<&str> {
        self.client_id().map(OauthClientId::as_str)
    }
}

fn ask_consent(attempt: Attempt, now: UnixTime) -> LoginStep {
    let purposes = match &attempt.session.target {
        Target::Application(request) => purposes(&request.parts().scopes),
        Target::Account => Vec::new(),
    };
    let form = login::form_of(&attempt.session, attempt.key, now);
    LoginStep::AskConsent(form, purposes)
}

/// What the scopes are for, each once.
fn purposes(scopes: &ScopeSet) -> Vec<&'static str> {
    let mut purposes = vec!["Your user identity"];
    let asked = CATALOGUE
        .iter()
        .filter(|entry| scopes.contains(entry.scope));
    for entry in asked {
        if !purposes.contains(&entry.purpose) {
            purposes.push(entry.purpose);
        }
    }
    purposes
}

pub(crate) fn field<'f>(
    form: &'f FormParameters,
    name: &'static str,
) -> Result<Option<&'f str>, LoginRefusal> {
    form.optional(name).map_err(|_| LoginRefusal::PeerForm)
}
