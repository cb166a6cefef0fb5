//! The end of a log-in: a code in a redirect (TS 33.180 B.4.2.3).

use super::{Account, AuthorizationRequest, CodeGrant, GrantRepository, StoreError, TokenPolicy};
use crate::{Acr, Amr, AuthorizationCode, GrantId, SessionId};
use roger_base::{Random, RandomError, UnixTime};
use thiserror::Error;

/// Why no code was issued.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IssueError {
    /// No randomness, no code.
    #[error(transparent)]
    LocalRandom(#[from] RandomError),
    /// The store failed.
    #[error(transparent)]
    LocalStore(#[from] StoreError),
}

/// A user who has proved who he is, now or earlier in the same session of the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentication {
    /// The account.
    pub account: Account,
    /// When.
    pub at: UnixTime,
    /// By what.
    pub amr: Amr,
    /// The browser's session, when there is one.
    pub session: Option<SessionId>,
}

impl AuthorizationRequest {
    /// Issues a code at `now` for the user and gives the `Location` of the 302. Granted is what was requested, the client
    /// may have and the user may have.
    ///
    /// # Errors
    /// [`IssueError`] when randomness or the store fails; then no code exists.
    pub fn grant(
        &self,
        user: &Authentication,
        policy: &TokenPolicy,
        now: UnixTime,
        grants: &dyn GrantRepository,
        random: &mut dyn Random,
    ) -> Result<String, IssueError> {
        let parts = self.parts();
        let code = AuthorizationCode::random(random)?;
        let grant = CodeGrant {
            grant: GrantId::random(random)?,
            client_id: parts.client_id.clone(),
            redirect_uri: parts.redirect_uri.clone(),
            challenge: parts.challenge.clone(),
            subject: user.account.subject.clone(),
            scopes: parts.scopes.intersection(&user.account.entitlement),
            nonce: parts.nonce.clone(),
            authenticated_at: user.at,
            acr: reached(&parts.acr, user.amr),
            amr: user.amr,
            session: user.session.clone(),
            expires_at: now + policy.code(),
        };
        grants.put_code(&code.digest(), &grant)?;
        Ok(parts
            .redirect_uri
            .with_parameters(&[("code", code.expose()), ("state", parts.state.as_str())]))
    }
}

/// The class that the log-in reached: the one asked for when the methods are worth it, else that of the password.
fn reached(asked: &Acr, amr: Amr) -> Acr {
    if *asked == Acr::phishing_resistant() && !amr.resists_phishing() {
        return Acr::password();
    }
    asked.clone()
}
