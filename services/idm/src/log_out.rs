//! Log-out (OpenID Connect RP-Initiated Logout 1.0): the browser's session ends with all that was given in it.

use crate::ports::{BrowserSession, StoreError};
use crate::server::Idm;
use roger_base::UnixTime;
use roger_oidc::BrowserKey;
use roger_oidc::provider::{LogoutRefusal, LogoutRequest};

/// Answer to a request to log out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogoutOutcome {
    /// Logged out; the browser goes there, or is told so.
    LoggedOut {
        /// Where the application wants the browser.
        location: Option<String>,
    },
    /// Nobody proved that the application may log this browser out: ask the user.
    AskUser,
}

/// Whether the user himself said that he wants to log out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// Not asked yet.
    None,
    /// He pressed the button on our page.
    ByUser,
}

impl Idm {
    /// Ends the session that the `id_token_hint` names, or the browser's own after its user confirmed it.
    ///
    /// # Errors
    /// [`LogoutRefusal`] when the client or the redirect URI is wrong or the store fails.
    pub fn log_out(
        &self,
        query: &str,
        browser: Option<&BrowserKey>,
        confirmation: Confirmation,
        now: UnixTime,
    ) -> Result<LogoutOutcome, LogoutRefusal> {
        let issuer = &self.config.endpoints.issuer;
        let keys = self.public_keys();
        let request = LogoutRequest::check(query, issuer, &keys, &*self.ports.clients)?;
        let session = self.session_of(browser, now)?;
        let (own, owner) = session.map(|own| (own.id, own.subject)).unzip();
        let proved = request.session.is_some() && (own.is_none() || own == request.session);
        if own.is_some() && !proved && confirmation == Confirmation::None {
            return Ok(LogoutOutcome::AskUser);
        }
        for session in own.into_iter().chain(request.session.filter(|_| proved)) {
            let owner = owner.clone().or_else(|| request.subject.clone());
            self.end_one(session, owner, now)?;
        }
        Ok(LogoutOutcome::LoggedOut {
            location: request.location,
        })
    }

    fn session_of(
        &self,
        browser: Option<&BrowserKey>,
        now: UnixTime,
    ) -> Result<Option<BrowserSession>, StoreError> {
        match browser {
            Some(browser) => self.ports.browsers.browser(&browser.digest(), now),
            None => Ok(None),
        }
    }
}
