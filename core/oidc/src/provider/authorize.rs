//! The authentication request at the authorization endpoint (TS 33.180 B.4.2.2, RFC 6749 4.1.1).
//!
//! A request whose client or redirect URI is wrong gets a page and is never redirected; every other fault goes
//! back to the client by redirect with `error` and `state` (RFC 6749 4.1.2.1).

use super::{Client, ClientRepository, ConsentPolicy, StoreError};
use crate::form::{FormError, FormParameters};
use crate::scope::OPENID;
use crate::{Acr, CodeChallenge, Nonce, OauthClientId, RedirectUri, ScopeSet, State};
use core::time::Duration;
use roger_base::UnixTime;
use thiserror::Error;

/// A request that passed every check; a log-in may begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationRequest {
    parts: AuthorizationRequestParts,
}

/// The checked parts of a request, for a store that keeps a log-in in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationRequestParts {
    /// The registered client.
    pub client_id: OauthClientId,
    /// Its name for the log-in page.
    pub client_name: String,
    /// The registered redirect URI of the request.
    pub redirect_uri: RedirectUri,
    /// Requested scopes that the client may have; `openid` is among them.
    pub scopes: ScopeSet,
    /// `state` of the request.
    pub state: State,
    /// `nonce` of the request.
    pub nonce: Option<Nonce>,
    /// PKCE challenge of the request.
    pub challenge: CodeChallenge,
    /// What the client likes best of what we offer.
    pub acr: Acr,
    /// Login name that the client proposes, shown in the form.
    pub login_hint: Option<String>,
    /// What the client wants the user to be asked.
    pub prompt: Prompt,
    /// Oldest authentication that the client takes.
    pub max_age: Option<Duration>,
    /// Whether the user is asked before this client gets something.
    pub consent: ConsentPolicy,
}

/// `prompt` (OpenID Connect Core 3.1.2.1); values that we do not know are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Prompt {
    interaction: Interaction,
    consent: Consent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Interaction {
    /// Nothing was said: log in only when nobody is.
    #[default]
    WhenNeeded,
    /// `none`: no page may be shown.
    Never,
    /// `login` or `select_account`: log in again, possibly as somebody else.
    Always,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Consent {
    #[default]
    WhenNeeded,
    /// `consent`: ask again.
    Always,
}

impl Prompt {
    fn parse(text: &str) -> Result<Self, Fault> {
        let mut prompt = Self::default();
        for value in text.split(' ').filter(|value| !value.is_empty()) {
            match value {
                "none" if text.trim() == "none" => prompt.interaction = Interaction::Never,
                "none" => {
                    return Err(Fault(
                        AuthorizationError::InvalidRequest,
                        "prompt has none beside other values",
                    ));
                }
                "login" | "select_account" => prompt.interaction = Interaction::Always,
                "consent" => prompt.consent = Consent::Always,
                _ => {}
            }
        }
        Ok(prompt)
    }

    /// Whether no page may be shown.
    #[must_use]
    pub fn forbids_pages(self) -> bool {
        self.interaction == Interaction::Never
    }

    /// Whether the user has to log in although somebody is logged in.
    #[must_use]
    pub fn demands_login(self) -> bool {
        self.interaction == Interaction::Always
    }

    /// Whether the user has to be asked although he has consented before.
    #[must_use]
    pub fn demands_consent(self) -> bool {
        self.consent == Consent::Always
    }
}

impl AuthorizationRequestParts {
    /// Whether an authentication of that time is good for this request (`prompt`, `max_age`).
    #[must_use]
    pub fn accepts_login_of(&self, at: UnixTime, now: UnixTime) -> bool {
        let fresh = self
            .max_age
            .is_none_or(|age| now.0.saturating_sub(at.0) <= age.as_secs());
        fresh && !self.prompt.demands_login()
    }
}

/// An `error` value of RFC 6749 4.1.2.1 and OpenID Connect Core 3.1.2.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorizationError {
    /// A parameter is missing, repeated or wrong.
    InvalidRequest,
    /// The user or the server said no.
    AccessDenied,
    /// Another `response_type` than `code`.
    UnsupportedResponseType,
    /// `openid` is missing, or the scope is malformed.
    InvalidScope,
    /// Our fault.
    ServerError,
    /// `prompt=none`, but the user must log in.
    LoginRequired,
    /// `prompt=none`, but the user must show something more, such as a second factor.
    InteractionRequired,
    /// `prompt=none`, but the user must be asked whether the client may have this.
    ConsentRequired,
    /// A request object is not supported.
    RequestNotSupported,
}

impl AuthorizationError {
    /// The value on the wire.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::AccessDenied => "access_denied",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::ServerError => "server_error",
            Self::LoginRequired => "login_required",
            Self::InteractionRequired => "interaction_required",
            Self::ConsentRequired => "consent_required",
            Self::RequestNotSupported => "request_not_supported",
        }
    }
}

/// What to answer instead of a log-in form.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AuthorizationRefusal {
    /// Show this on a page; redirecting would hand an attacker the browser.
    #[error("{0}")]
    PeerPage(&'static str),
    /// Redirect there (302); `error` and `state` are in the query.
    #[error("authentication request refused: {}", error.code())]
    PeerRedirect {
        /// The `error` value.
        error: AuthorizationError,
        /// The `Location`.
        location: String,
    },
    /// The clients could not be read.
    #[error(transparent)]
    Local(#[from] StoreError),
}

/// A fault found after the redirect URI was proved.
struct Fault(AuthorizationError, &'static str);

impl From<FormError> for Fault {
    fn from(_: FormError) -> Self {
        Self(
            AuthorizationError::InvalidRequest,
            "a parameter is missing, repeated or malformed",
        )
    }
}

impl AuthorizationRequest {
    /// Checks the query (or form body) of an authentication request.
    ///
    /// # Errors
    /// [`AuthorizationRefusal`]: a page, a redirect, or a store that cannot answer.
    pub fn check(
        query: &str,
        clients: &dyn ClientRepository,
    ) -> Result<Self, AuthorizationRefusal> {
        let form = FormParameters::parse(query)
            .map_err(|_| AuthorizationRefusal::PeerPage("The request is malformed."))?;
        let client = registered_client(&form, clients)?;
        let redirect_uri = registered_redirect_uri(&form, &client)?;
        Self::check_rest(&form, &client, &redirect_uri).map_err(|Fault(error, description)| {
            let state = form.optional("state").ok().flatten();
            let location = error_location(&redirect_uri, error, description, state);
            AuthorizationRefusal::PeerRedirect { error, location }
        })
    }

    fn check_rest(
        form: &FormParameters,
        client: &Client,
        redirect_uri: &RedirectUri,
    ) -> Result<Self, Fault> {
        use AuthorizationError::{InvalidRequest, InvalidScope};
        check_response_type(form)?;
        let state = State::new(form.required("state")?)
            .map_err(|_| Fault(InvalidRequest, "state is malformed"))?;
        let nonce = form.optional("nonce")?.map(Nonce::new).transpose();
        let nonce = nonce.map_err(|_| Fault(InvalidRequest, "nonce is malformed"))?;
        let challenge = CodeChallenge::from_parameters(
            form.optional("code_challenge")?,
            form.optional("code_challenge_method")?,
        )
        .map_err(|_| {
            Fault(
                InvalidRequest,
                "code_challenge with method S256 is required",
            )
        })?;
        let scopes = ScopeSet::parse(form.required("scope")?)
            .map_err(|_| Fault(InvalidScope, "scope is malformed"))?
            .intersection(&client.scopes);
        if !scopes.contains(OPENID) {
            return Err(Fault(InvalidScope, "the scope openid is required"));
        }
        let prompt = form.optional("prompt")?.unwrap_or_default();
        Ok(Self {
            parts: AuthorizationRequestParts {
                client_id: client.id.clone(),
                client_name: client.name.clone(),
                redirect_uri: redirect_uri.clone(),
                scopes,
                state,
                nonce,
                challenge,
                acr: chosen_acr(form)?,
                login_hint: login_hint(form)?,
                prompt: Prompt::parse(prompt)?,
                max_age: max_age(form)?,
                consent: client.details.consent,
            },
        })
    }

    /// A request read back from a store, where only checked ones lie.
    #[must_use]
    pub const fn from_parts(parts: AuthorizationRequestParts) -> Self {
        Self { parts }
    }

    /// The checked parts.
    #[must_use]
    pub const fn parts(&self) -> &AuthorizationRequestParts {
        &self.parts
    }

    /// The `Location` that tells the client that the log-in failed.
    #[must_use]
    pub fn error_location(&self, error: AuthorizationError) -> String {
        let description = "the log-in did not succeed";
        error_location(
            &self.parts.redirect_uri,
            error,
            description,
            Some(self.parts.state.as_str()),
        )
    }
}

fn error_location(
    to: &RedirectUri,
    error: AuthorizationError,
    description: &str,
    state: Option<&str>,
) -> String {
    let mut parameters = vec![("error", error.code()), ("error_description", description)];
    parameters.extend(state.map(|state| ("state", state)));
    to.with_parameters(&parameters)
}

fn registered_client(
    form: &FormParameters,
    clients: &dyn ClientRepository,
) -> Result<Client, AuthorizationRefusal> {
    const UNKNOWN: AuthorizationRefusal =
        AuthorizationRefusal::PeerPage("This application is not registered here.");
    let id = form.required("client_id").map_err(|_| UNKNOWN)?;
    let id = OauthClientId::new(id).map_err(|_| UNKNOWN)?;
    clients.client(&id)?.ok_or(UNKNOWN)
}

fn registered_redirect_uri(
    form: &FormParameters,
    client: &Client,
) -> Result<RedirectUri, AuthorizationRefusal> {
    const WRONG: AuthorizationRefusal = AuthorizationRefusal::PeerPage(
        "The application asked to return to an address that is not registered for it.",
    );
    let text = form.required("redirect_uri").map_err(|_| WRONG)?;
    client.redirect_uri(text).ok_or(WRONG)
}

/// Only the code flow exists; request objects and other response modes do not.
fn check_response_type(form: &FormParameters) -> Result<(), Fault> {
    if form.required("response_type")? != "code" {
        return Err(Fault(
            AuthorizationError::UnsupportedResponseType,
            "response_type must be code",
        ));
    }
    if form.optional("request")?.is_some() || form.optional("request_uri")?.is_some() {
        return Err(Fault(
            AuthorizationError::RequestNotSupported,
            "request objects are not supported",
        ));
    }
    if form
        .optional("response_mode")?
        .is_some_and(|mode| mode != "query")
    {
        return Err(Fault(
            AuthorizationError::InvalidRequest,
            "response_mode must be query",
        ));
    }
    Ok(())
}

fn max_age(form: &FormParameters) -> Result<Option<Duration>, Fault> {
    let seconds = form.optional("max_age")?.map(str::parse::<u32>).transpose();
    let seconds =
        seconds.map_err(|_| Fault(AuthorizationError::InvalidRequest, "max_age is malformed"))?;
    Ok(seconds.map(|seconds| Duration::from_secs(seconds.into())))
}

/// `acr_values` is mandatory in the profile, but generic OpenID clients do not send it: absence means the
/// password, and so does a list without a value we offer, since `acr` is a voluntary claim.
fn chosen_acr(form: &FormParameters) -> Result<Acr, Fault> {
    let asked = form.optional("acr_values")?.unwrap_or_default();
    let offered = [Acr::password(), Acr::phishing_resistant()];
    let liked = asked
        .split(' ')
        .find_map(|value| offered.iter().find(|own| own.as_str() == value));
    Ok(liked.cloned().unwrap_or_else(Acr::password))
}

fn login_hint(form: &FormParameters) -> Result<Option<String>, Fault> {
    const LONGEST: usize = 128;
    let hint = form.optional("login_hint")?;
    Ok(hint
        .filter(|hint| hint.len() <= LONGEST && !hint.chars().any(char::is_control))
        .map(str::to_owned))
}
