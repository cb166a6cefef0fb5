//! The side that is asked for credentials.

use crate::digest::{Algorithm, Covered, Ha1, Place, Protection, hex_text};
use crate::header::{Auth, HeaderError};
use crate::message::{BuildError, Request, Response};
use roger_base::{Random, RandomError, SecretBytes};
use thiserror::Error;

/// Most realms that are answered to at a time.
const MAX_REALMS: usize = 8;

/// Why a challenge is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The response is neither 401 nor 407.
    #[error("the response is no challenge")]
    NoChallenge,
    /// No challenge has a scheme, algorithm and quality of protection that are known.
    #[error("no challenge can be answered (Digest with SHA-256 or MD5, qop auth or auth-int)")]
    Unsupported,
    /// The server refused what was sent for this very challenge: user or password is wrong.
    #[error("the server refused the credentials of realm")]
    Refused,
    /// A challenge header breaks its grammar.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The header cannot be written.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// No randomness for the client nonce.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// A challenge that is being answered to.
struct Context {
    place: Place,
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    /// Count of the last request and what is covered, when the challenge has `qop`; the old form has none.
    count: Option<(u32, Protection)>,
}

/// Credentials of one user. After a challenge every later request carries credentials without being asked.
pub struct DigestClient {
    user: String,
    password: SecretBytes,
    contexts: Vec<Context>,
}

impl DigestClient {
    /// A user with a password.
    #[must_use]
    pub fn new(user: &str, password: SecretBytes) -> Self {
        Self {
            user: user.to_owned(),
            password,
            contexts: Vec::new(),
        }
    }

    /// Learns the challenges of a 401 or 407. Of several for one realm the first that is known counts
    /// (RFC 8760 2.4). Then [`DigestClient::authorise`] the request, with a new `CSeq`, and send it again.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when the last request already carried credentials for this realm and the
    /// nonce is not merely stale; other [`ClientError`]s when no challenge can be answered.
    pub fn learn(&mut self, response: &Response, sent: &Request) -> Result<(), ClientError> {
        let places = [Place::UserAgent, Place::Proxy];
        let place = places
            .into_iter()
            .find(|place| place.status() == response.status());
        let place = place.ok_or(ClientError::NoChallenge)?;
        let mut learned: Vec<Context> = Vec::new();
        for value in response.headers().values(place.challenge_header()) {
            let challenge = Auth::parse(value)?;
            let Some(context) = context(place, &challenge) else {
                continue;
            };
            if learned.iter().any(|known| known.realm == context.realm)
                || learned.len() == MAX_REALMS
            {
                continue;
            }
            let stale = challenge
                .params
                .get("stale")
                .is_some_and(|stale| stale.eq_ignore_ascii_case("true"));
            if !stale && was_sent(sent, place, &context.realm) {
                return Err(ClientError::Refused);
            }
            learned.push(context);
        }
        if learned.is_empty() {
            return Err(ClientError::Unsupported);
        }
        self.contexts.retain(|known| {
            !learned
                .iter()
                .any(|new| new.place == place && new.realm == known.realm)
        });
        self.contexts.extend(learned);
        let surplus = self.contexts.len().saturating_sub(MAX_REALMS);
        self.contexts.drain(..surplus);
        Ok(())
    }

    /// Puts credentials for every learned challenge into a request; those already there are replaced.
    ///
    /// # Errors
    /// [`ClientError::Random`], [`ClientError::Build`].
    pub fn authorise(
        &mut self,
        request: &mut Request,
        random: &mut dyn Random,
    ) -> Result<(), ClientError> {
        for place in [Place::UserAgent, Place::Proxy] {
            request.headers_mut().remove(place.credentials_header());
        }
        for context in &mut self.contexts {
            let credentials = context.credentials(&self.user, &self.password, request, random)?;
            request
                .headers_mut()
                .push(context.place.credentials_header(), credentials.to_string())?;
        }
        Ok(())
    }
}

impl Context {
    fn credentials(
        &mut self,
        user: &str,
        password: &SecretBytes,
        request: &Request,
        random: &mut dyn Random,
    ) -> Result<Auth, ClientError> {
        let uri = String::from_utf8_lossy(request.uri_octets()).into_owned();
        let ha1 = Ha1::from_password(self.algorithm, user, &self.realm, password);
        let counted = self.next_count(random)?;
        let count = counted
            .as_ref()
            .map(|(nc, cnonce, protection)| (nc.as_str(), cnonce.as_str(), *protection));
        let response = ha1.response(&Covered {
            method: request.method().as_str(),
            uri: &uri,
            nonce: &self.nonce,
            count,
            body: request.body(),
        });
        let mut auth = Auth::digest();
        auth.params.set_quoted("username", user);
        auth.params.set_quoted("realm", &self.realm);
        auth.params.set_quoted("nonce", &self.nonce);
        auth.params.set_quoted("uri", &uri);
        auth.params
            .set_quoted("response", &String::from_utf8_lossy(response.expose()));
        auth.params.set("algorithm", self.algorithm.as_str());
        if let Some((nc, cnonce, protection)) = counted {
            auth.params.set("qop", protection.as_str());
            auth.params.set("nc", &nc);
            auth.params.set_quoted("cnonce", &cnonce);
        }
        if let Some(opaque) = &self.opaque {
            auth.params.set_quoted("opaque", opaque);
        }
        Ok(auth)
    }

    /// The next nonce count and a client nonce; `None` for a challenge without `qop`.
    fn next_count(
        &mut self,
        random: &mut dyn Random,
    ) -> Result<Option<(String, String, Protection)>, RandomError> {
        let Some((count, protection)) = &mut self.count else {
            return Ok(None);
        };
        *count = count.saturating_add(1);
        let mut octets = [0; 16];
        random.fill(&mut octets)?;
        Ok(Some((
            format!("{count:08x}"),
            hex_text(&octets),
            *protection,
        )))
    }
}

/// What a challenge asks for; `None` when it cannot be answered.
fn context(place: Place, challenge: &Auth) -> Option<Context> {
    let params = &challenge.params;
    let algorithm = match params.get("algorithm") {
        None => Algorithm::Md5,
        Some(token) => Algorithm::parse(&token)?,
    };
    let count = match params.get("qop") {
        None => None,
        Some(list) => {
            let offered = || {
                list.split(',')
                    .filter_map(|qop| Protection::parse(qop.trim()))
            };
            // Proxies on the way may change a body; it is covered when the server will have it so only.
            let plain = offered().find(|protection| *protection == Protection::Authentication);
            Some((0, plain.or_else(|| offered().next())?))
        }
    };
    challenge.is_digest().then_some(Context {
        place,
        realm: params.get("realm")?.into_owned(),
        nonce: params.get("nonce")?.into_owned(),
        opaque: params.get("opaque").map(std::borrow::Cow::into_owned),
        algorithm,
        count,
    })
}

/// Whether a request carried credentials for the realm.
fn was_sent(sent: &Request, place: Place, realm: &str) -> bool {
    let mut credentials = sent
        .headers()
        .values(place.credentials_header())
        .filter_map(|value| Auth::parse(value).ok());
    credentials.any(|auth| auth.params.get("realm").is_some_and(|known| known == realm))
}
