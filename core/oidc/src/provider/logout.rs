//! Log-out that an application asks for (OpenID Connect RP-Initiated Logout 1.0).

use super::{Client, ClientRepository, StoreError};
use crate::claims::ReceivedClaims;
use crate::form::FormParameters;
use crate::jose::CompactJws;
use crate::{Issuer, JwkSet, OauthClientId, SessionId, State, Subject};
use thiserror::Error;

/// Why a request to log out got a page.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LogoutRefusal {
    /// Show this on a page; nothing ended and nobody is redirected.
    #[error("{0}")]
    PeerPage(&'static str),
    /// The clients could not be read.
    #[error(transparent)]
    Local(#[from] StoreError),
}

/// A checked request to log out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutRequest {
    /// The session that a good `id_token_hint` names.
    pub session: Option<SessionId>,
    /// Whose session that is.
    pub subject: Option<Subject>,
    /// Where the browser goes afterwards; registered for the client.
    pub location: Option<String>,
}

const MALFORMED: LogoutRefusal = LogoutRefusal::PeerPage("The request is malformed.");
const UNREGISTERED: LogoutRefusal = LogoutRefusal::PeerPage(
    "The application asked to return to an address that is not registered for it.",
);

impl LogoutRequest {
    /// Checks the query or form. An `id_token_hint` may have expired, but must be ours (cl. 4); without a good one
    /// the user has to confirm.
    ///
    /// # Errors
    /// [`LogoutRefusal`] when the client or the redirect URI is wrong.
    pub fn check(
        query: &str,
        issuer: &Issuer,
        keys: &JwkSet,
        clients: &dyn ClientRepository,
    ) -> Result<Self, LogoutRefusal> {
        let form = FormParameters::parse(query).map_err(|_| MALFORMED)?;
        let field = |name| form.optional(name).map_err(|_| MALFORMED);
        let hint = field("id_token_hint")?.and_then(|token| Hint::read(token, issuer, keys));
        let client = client(field("client_id")?, hint.as_ref(), clients)?;
        let location = match field("post_logout_redirect_uri")? {
            Some(uri) => Some(location(uri, field("state")?, client.as_ref())?),
            None => None,
        };
        let (session, subject) = hint.map(|hint| (hint.session, hint.subject)).unzip();
        Ok(Self {
            session: session.flatten(),
            subject: subject.flatten(),
            location,
        })
    }
}

/// What an ID token of ours says.
struct Hint {
    client: OauthClientId,
    session: Option<SessionId>,
    subject: Option<Subject>,
}

impl Hint {
    fn read(token: &str, issuer: &Issuer, keys: &JwkSet) -> Option<Self> {
        let jws = CompactJws::parse(token).ok()?;
        let claims = ReceivedClaims::parse(jws.verify(keys).ok()?).ok()?;
        // An access token has `client_id`; its holder is a server, which logs nobody out.
        if claims.iss.as_deref() != Some(issuer.as_str()) || claims.client_id.is_some() {
            return None;
        }
        Some(Self {
            client: OauthClientId::new(claims.aud?.only()?).ok()?,
            session: claims.sid.and_then(|sid| SessionId::new(sid).ok()),
            subject: claims.sub.and_then(|sub| Subject::new(sub).ok()),
        })
    }
}

fn client(
    named: Option<&str>,
    hint: Option<&Hint>,
    clients: &dyn ClientRepository,
) -> Result<Option<Client>, LogoutRefusal> {
    const UNKNOWN: LogoutRefusal =
        LogoutRefusal::PeerPage("This application is not registered here.");
    let id = match (named, hint) {
        (Some(named), Some(hint)) if hint.client.as_str() != named => return Err(UNKNOWN),
        (Some(named), _) => OauthClientId::new(named).map_err(|_| UNKNOWN)?,
        (None, Some(hint)) => hint.client.clone(),
        (None, None) => return Ok(None),
    };
    clients.client(&id)?.map(Some).ok_or(UNKNOWN)
}

fn location(
    uri: &str,
    state: Option<&str>,
    client: Option<&Client>,
) -> Result<String, LogoutRefusal> {
    let client = client.ok_or(UNREGISTERED)?;
    let mut registered = client.details.post_logout_redirect_uris.iter();
    let uri = registered
        .find(|own| own.as_str() == uri)
        .ok_or(UNREGISTERED)?;
    let state = state.map(State::new).transpose().map_err(|_| MALFORMED)?;
    Ok(match state {
        Some(state) => uri.with_parameters(&[("state", state.as_str())]),
        None => uri.as_str().to_owned(),
    })
}
