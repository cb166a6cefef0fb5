//! Dynamic client registration (RFC 7591) and its management (RFC 7592). TS 33.180 B.3 leaves the way of registration
//! open; here whoever holds an initial access token may register.

use super::registration::is_safe_redirect;
use super::userinfo::bearer;
use super::{
    ApplicationType, Client, ClientDetails, ClientKind, ClientRepository, ConsentPolicy,
    GrantOwner, GrantRepository, StoreError,
};
use crate::scope::OPENID;
use crate::{
    ClientSecret, InitialAccessToken, OauthClientId, RedirectUri, RegistrationAccessToken,
    ScopeSet, TokenDigest,
};
use roger_base::{Random, RandomError, SecretBytes, UnixTime};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

/// Largest registration read, in octets.
const MAX_OCTETS: usize = 16 * 1024;
/// Most redirect URIs of one kind.
const MAX_URIS: usize = 16;
/// Longest name of a client, in characters.
const MAX_NAME: usize = 64;

/// A permission to register clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegistrationPermit {
    /// How many registrations are left.
    pub uses: u32,
    /// When it ends.
    pub expires_at: UnixTime,
}

/// Clients that register themselves, and who may.
pub trait ClientRegistry: ClientRepository {
    /// Keeps a client, replacing one of the same id.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot keep it.
    fn keep_client(&self, client: &Client) -> Result<(), StoreError>;

    /// Forgets a client.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot do it.
    fn remove_client(&self, id: &OauthClientId) -> Result<(), StoreError>;

    /// Keeps an initial access token, replacing one of the same digest.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot keep it.
    fn put_permit(
        &self,
        token: &TokenDigest,
        permit: &RegistrationPermit,
    ) -> Result<(), StoreError>;

    /// Takes one use of an initial access token; `false` when it is unknown, used up or has ended. Of two at once on
    /// the last use one succeeds.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot keep it.
    fn use_permit(&self, token: &TokenDigest, now: UnixTime) -> Result<bool, StoreError>;
}

/// Why a registration was refused (RFC 7591 3.2.2, RFC 6750 3.1).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RegistrationRefusal {
    /// The bearer token is absent, wrong, used up or another client's.
    #[error("the token does not allow this")]
    DeniedToken,
    /// A redirect URI that this kind of application must not have.
    #[error("{0}")]
    PeerRedirectUri(&'static str),
    /// Something else in the metadata.
    #[error("{0}")]
    PeerMetadata(&'static str),
    /// The store failed.
    #[error(transparent)]
    Local(#[from] StoreError),
    /// No randomness.
    #[error(transparent)]
    LocalRandom(#[from] RandomError),
}

impl RegistrationRefusal {
    /// The `error` value.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::DeniedToken => "invalid_token",
            Self::PeerRedirectUri(_) => "invalid_redirect_uri",
            Self::PeerMetadata(_) => "invalid_client_metadata",
            Self::Local(_) | Self::LocalRandom(_) => "server_error",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn http_status(&self) -> u16 {
        match self {
            Self::DeniedToken => 401,
            Self::PeerRedirectUri(_) | Self::PeerMetadata(_) => 400,
            Self::Local(_) | Self::LocalRandom(_) => 503,
        }
    }

    /// The JSON body.
    #[must_use]
    pub fn to_json(&self) -> String {
        let description = match self {
            Self::Local(_) | Self::LocalRandom(_) => "try again later".to_owned(),
            other => other.to_string(),
        };
        serde_json::json!({"error": self.code(), "error_description": description}).to_string()
    }
}

/// Client metadata (RFC 7591 2); what we do not know is ignored, as the RFC says.
#[derive(Deserialize)]
struct Metadata {
    redirect_uris: Option<Vec<String>>,
    token_endpoint_auth_method: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    client_name: Option<String>,
    scope: Option<String>,
    application_type: Option<String>,
    post_logout_redirect_uris: Option<Vec<String>>,
    client_id: Option<String>,
    client_secret: Option<SecretJson>,
}

/// A secret in a JSON body; erased on drop.
#[derive(Deserialize)]
#[serde(from = "String")]
struct SecretJson(zeroize::Zeroizing<String>);

impl From<String> for SecretJson {
    fn from(text: String) -> Self {
        Self(zeroize::Zeroizing::new(text))
    }
}

/// Metadata that passed every check.
struct Checked {
    name: String,
    confidential: bool,
    redirect_uris: Vec<RedirectUri>,
    scopes: ScopeSet,
    application: ApplicationType,
    post_logout_redirect_uris: Vec<RedirectUri>,
}

/// What happened to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAct {
    /// It registered itself.
    Registered,
    /// It changed its registration.
    Changed,
    /// It removed its registration.
    Removed,
}

/// Hears what is about to happen to a client; when it fails, nothing happens.
pub type ClientLog<'a> = Box<dyn Fn(ClientAct, &OauthClientId) -> Result<(), StoreError> + 'a>;

/// The registration endpoint.
pub struct RegistrationEndpoint<'a> {
    /// Its own URL; a client's is below it.
    pub url: &'a str,
    /// Clients and permits.
    pub registry: &'a dyn ClientRegistry,
    /// What a deleted client had.
    pub grants: &'a dyn GrantRepository,
    /// What a client that registers itself may ask for.
    pub scopes: &'a ScopeSet,
    /// Hears of every change first.
    pub log: ClientLog<'a>,
}

impl RegistrationEndpoint<'_> {
    /// Registers a client: `authorization` carries the initial access token, `body` the metadata. Gives the answer's
    /// JSON with the client's credentials, for 201.
    ///
    /// # Errors
    /// [`RegistrationRefusal`]; a refused request uses no permit up.
    pub fn register(
        &self,
        authorization: Option<&str>,
        body: &[u8],
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<SecretBytes, RegistrationRefusal> {
        let token = authorization.and_then(bearer);
        let token = token.and_then(|token| InitialAccessToken::new(token).ok());
        let token = token.ok_or(RegistrationRefusal::DeniedToken)?;
        let checked = self.checked(&parse(body)?)?;
        if !self.registry.use_permit(&token.digest(), now)? {
            return Err(RegistrationRefusal::DeniedToken);
        }
        let secret = match checked.confidential {
            true => Some(ClientSecret::random(random)?),
            false => None,
        };
        let management = RegistrationAccessToken::random(random)?;
        let id = RegistrationAccessToken::random(random)?.digest();
        let id = hex_id(&id).ok_or(RegistrationRefusal::LocalRandom(RandomError))?;
        let kind = match &secret {
            Some(secret) => ClientKind::Confidential {
                secret: secret.digest(),
            },
            None => ClientKind::Public,
        };
        let client = checked.into_client(id, kind, management.digest());
        (self.log)(ClientAct::Registered, &client.id)?;
        self.registry.keep_client(&client)?;
        Ok(self.answer(&client, secret.as_ref(), Some(&management)))
    }

    /// Reads a registration (RFC 7592 2.1); secrets are not shown again, since only their digests are kept.
    ///
    /// # Errors
    /// [`RegistrationRefusal::DeniedToken`] when the token is not this client's.
    pub fn read(
        &self,
        id: &str,
        authorization: Option<&str>,
    ) -> Result<SecretBytes, RegistrationRefusal> {
        let client = self.own_client(id, authorization)?;
        Ok(self.answer(&client, None, None))
    }

    /// Replaces a registration (RFC 7592 2.2); the kind of client stays.
    ///
    /// # Errors
    /// [`RegistrationRefusal`] when the token is not this client's or the metadata is refused.
    pub fn update(
        &self,
        id: &str,
        authorization: Option<&str>,
        body: &[u8],
    ) -> Result<SecretBytes, RegistrationRefusal> {
        let client = self.own_client(id, authorization)?;
        let metadata = parse(body)?;
        if metadata.client_id.as_deref() != Some(client.id.as_str()) {
            return Err(RegistrationRefusal::PeerMetadata(
                "client_id is not this client's",
            ));
        }
        let own_secret = match (&metadata.client_secret, &client.kind) {
            (None, _) => true,
            (Some(shown), ClientKind::Confidential { secret }) => {
                let shown = TokenDigest::of(shown.0.as_bytes());
                secret.octets().ct_eq(shown.octets()).into()
            }
            (Some(_), _) => false,
        };
        let checked = self.checked(&metadata)?;
        let confidential = matches!(client.kind, ClientKind::Confidential { .. });
        if !own_secret || checked.confidential != confidential {
            return Err(RegistrationRefusal::PeerMetadata(
                "secret and authentication method cannot be changed",
            ));
        }
        let management = client.details.registration_token;
        let management = management.ok_or(RegistrationRefusal::DeniedToken)?;
        let updated = checked.into_client(client.id, client.kind, management);
        (self.log)(ClientAct::Changed, &updated.id)?;
        self.registry.keep_client(&updated)?;
        Ok(self.answer(&updated, None, None))
    }

    /// Deletes a registration and everything that the client was given (RFC 7592 2.3).
    ///
    /// # Errors
    /// [`RegistrationRefusal::DeniedToken`] when the token is not this client's.
    pub fn delete(&self, id: &str, authorization: Option<&str>) -> Result<(), RegistrationRefusal> {
        let client = self.own_client(id, authorization)?;
        (self.log)(ClientAct::Removed, &client.id)?;
        let owner = GrantOwner::Client(client.id.clone());
        self.grants.revoke_grants_of(&owner)?;
        Ok(self.registry.remove_client(&client.id)?)
    }

    /// The client whose registration access token was shown.
    fn own_client(
        &self,
        id: &str,
        authorization: Option<&str>,
    ) -> Result<Client, RegistrationRefusal> {
        const DENIED: RegistrationRefusal = RegistrationRefusal::DeniedToken;
        let token = authorization.and_then(bearer);
        let token = token.and_then(|token| RegistrationAccessToken::new(token).ok());
        let token = token.ok_or(DENIED)?.digest();
        let id = OauthClientId::new(id).map_err(|_| DENIED)?;
        let client = self.registry.client(&id)?.ok_or(DENIED)?;
        let own = client.details.registration_token.ok_or(DENIED)?;
        if bool::from(own.octets().ct_eq(token.octets())) {
            Ok(client)
        } else {
            Err(DENIED)
        }
    }

    fn checked(&self, metadata: &Metadata) -> Result<Checked, RegistrationRefusal> {
        let application = match metadata.application_type.as_deref() {
            Some("native") => ApplicationType::Native,
            // RFC 7591 and OpenID Connect Dynamic Client Registration 2: `web` when omitted.
            None | Some("web") => ApplicationType::Web,
            Some(_) => {
                return Err(RegistrationRefusal::PeerMetadata(
                    "application_type is native or web",
                ));
            }
        };
        let confidential = match metadata.token_endpoint_auth_method.as_deref() {
            Some("none") => false,
            None | Some("client_secret_basic") => true,
            Some(_) => {
                return Err(RegistrationRefusal::PeerMetadata(
                    "token_endpoint_auth_method is none or client_secret_basic",
                ));
            }
        };
        check_flow(metadata)?;
        let redirect_uris = uris(metadata.redirect_uris.as_deref(), application)?;
        if redirect_uris.is_empty() {
            return Err(RegistrationRefusal::PeerRedirectUri(
                "a redirect URI is needed",
            ));
        }
        let asked = metadata.scope.as_deref().map(ScopeSet::parse).transpose();
        let asked = asked.map_err(|_| RegistrationRefusal::PeerMetadata("scope is malformed"))?;
        let asked = asked.unwrap_or_else(|| self.scopes.clone());
        let scopes = asked.intersection(self.scopes);
        if !scopes.contains(OPENID) {
            return Err(RegistrationRefusal::PeerMetadata(
                "the scope openid is needed",
            ));
        }
        Ok(Checked {
            name: name(metadata.client_name.as_deref())?,
            confidential,
            redirect_uris,
            scopes,
            application,
            post_logout_redirect_uris: uris(
                metadata.post_logout_redirect_uris.as_deref(),
                application,
            )?,
        })
    }

    fn answer(
        &self,
        client: &Client,
        secret: Option<&ClientSecret>,
        management: Option<&RegistrationAccessToken>,
    ) -> SecretBytes {
        #[derive(Serialize)]
        struct Body<'a> {
            client_id: &'a str,
            client_name: &'a str,
            redirect_uris: Vec<&'a str>,
            post_logout_redirect_uris: Vec<&'a str>,
            application_type: &'static str,
            token_endpoint_auth_method: &'static str,
            grant_types: [&'static str; 2],
            response_types: [&'static str; 1],
            scope: String,
            registration_client_uri: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            client_secret: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            client_secret_expires_at: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            registration_access_token: Option<&'a str>,
        }
        let texts = |uris: &'_ [RedirectUri]| -> Vec<String> {
            uris.iter().map(|uri| uri.as_str().to_owned()).collect()
        };
        let redirect = texts(&client.redirect_uris);
        let bye = texts(&client.details.post_logout_redirect_uris);
        let body = Body {
            client_id: client.id.as_str(),
            client_name: &client.name,
            redirect_uris: redirect.iter().map(String::as_str).collect(),
            post_logout_redirect_uris: bye.iter().map(String::as_str).collect(),
            application_type: match client.details.application {
                ApplicationType::Native => "native",
                ApplicationType::Web => "web",
            },
            token_endpoint_auth_method: match client.kind {
                ClientKind::Public => "none",
                _ => "client_secret_basic",
            },
            grant_types: ["authorization_code", "refresh_token"],
            response_types: ["code"],
            scope: client.scopes.to_string(),
            registration_client_uri: format!("{}/{}", self.url, client.id),
            client_secret: secret.map(ClientSecret::expose),
            // Never (RFC 7591 3.2.1).
            client_secret_expires_at: secret.map(|_| 0),
            registration_access_token: management.map(RegistrationAccessToken::expose),
        };
        // Strings, numbers and lists always serialise.
        SecretBytes::new(serde_json::to_vec(&body).unwrap_or_default())
    }
}

impl Checked {
    fn into_client(self, id: OauthClientId, kind: ClientKind, management: TokenDigest) -> Client {
        Client {
            id,
            name: self.name,
            kind,
            redirect_uris: self.redirect_uris,
            scopes: self.scopes,
            details: ClientDetails {
                // Nobody vouches for it, so every user is asked.
                consent: ConsentPolicy::Ask,
                application: self.application,
                post_logout_redirect_uris: self.post_logout_redirect_uris,
                registration_token: Some(management),
            },
        }
    }
}

fn parse(body: &[u8]) -> Result<Metadata, RegistrationRefusal> {
    const MALFORMED: RegistrationRefusal =
        RegistrationRefusal::PeerMetadata("the metadata is malformed");
    if body.len() > MAX_OCTETS {
        return Err(MALFORMED);
    }
    serde_json::from_slice(body).map_err(|_| MALFORMED)
}

/// Only the code flow with refresh tokens exists.
fn check_flow(metadata: &Metadata) -> Result<(), RegistrationRefusal> {
    let within = |given: Option<&[String]>, known: &[&str]| {
        let mut given = given.unwrap_or_default().iter();
        given.all(|one| known.contains(&one.as_str()))
    };
    let grants = ["authorization_code", "refresh_token"];
    if !within(metadata.grant_types.as_deref(), &grants) {
        return Err(RegistrationRefusal::PeerMetadata(
            "grant_types are authorization_code and refresh_token",
        ));
    }
    if !within(metadata.response_types.as_deref(), &["code"]) {
        return Err(RegistrationRefusal::PeerMetadata("response_types is code"));
    }
    Ok(())
}

fn name(given: Option<&str>) -> Result<String, RegistrationRefusal> {
    let name = given.unwrap_or("Unnamed application").trim();
    let fits = (1..=MAX_NAME).contains(&name.chars().count());
    if !fits || name.chars().any(char::is_control) {
        return Err(RegistrationRefusal::PeerMetadata(
            "client_name is malformed",
        ));
    }
    Ok(name.to_owned())
}

fn uris(
    given: Option<&[String]>,
    application: ApplicationType,
) -> Result<Vec<RedirectUri>, RegistrationRefusal> {
    let given = given.unwrap_or_default();
    if given.len() > MAX_URIS {
        return Err(RegistrationRefusal::PeerRedirectUri(
            "there are too many redirect URIs",
        ));
    }
    let mut uris = Vec::new();
    for text in given {
        let uri = RedirectUri::new(text.as_str())
            .map_err(|_| RegistrationRefusal::PeerRedirectUri("a redirect URI is malformed"))?;
        if !is_safe_redirect(&uri, application) {
            return Err(RegistrationRefusal::PeerRedirectUri(
                "sites redirect to https; apps to https, a scheme with a dot, or http on 127.0.0.1 or [::1]",
            ));
        }
        if !uris.contains(&uri) {
            uris.push(uri);
        }
    }
    Ok(uris)
}

/// A random `client_id` of 128 bits.
fn hex_id(random: &TokenDigest) -> Option<OauthClientId> {
    let octets = random.octets().iter().take(16);
    let text: String = octets.map(|octet| format!("{octet:02x}")).collect();
    OauthClientId::new(text).ok()
}
