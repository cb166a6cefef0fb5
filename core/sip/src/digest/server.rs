//! The side that asks for credentials.
//!
//! A nonce carries its own proof, so that a challenge costs no memory:
//!
//! ```text
//! 8 octets microseconds of issue | 8 random octets | first 16 octets of HMAC-SHA-256(key, both and the realm)
//! ```
//!
//! Only nonces that were used are remembered, each with its highest count. When there are too many, the oldest
//! are forgotten, and every nonce issued no later than a forgotten one counts as stale: nothing can be replayed.

use crate::digest::{Algorithm, Covered, Ha1, Place, Protection, hex_text, same};
use crate::header::{Auth, HeaderError};
use crate::message::{BuildError, Request, Response};
use crate::uri::Uri;
use aws_lc_rs::hmac;
use core::time::Duration;
use roger_base::{Instant, Random, RandomError, Secret, SecretBytes};
use std::collections::{BTreeMap, HashMap};
use thiserror::Error;

/// Life of a nonce.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(3600);
/// Most used nonces that are remembered.
const DEFAULT_REMEMBERED: usize = 100_000;
/// Hex digits of a nonce.
const NONCE_DIGITS: usize = 64;
/// Longest user name.
const MAX_USER: usize = 1024;

/// Why credentials do not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Denied {
    /// No Digest credentials for this realm: challenge. Other schemes count as none (RFC 4475 3.3.7).
    #[error("no credentials for this realm")]
    NoCredentials,
    /// The nonce is unknown, too old or its count was used: challenge with `stale=true`.
    #[error("the nonce is too old or its count was used before")]
    Stale,
    /// User or password is wrong: challenge again, or refuse with 403.
    #[error("wrong user or password")]
    Wrong,
    /// A parameter is missing or malformed, or the algorithm was not offered: 400.
    #[error("malformed credentials: {0}")]
    Malformed(&'static str),
    /// The header breaks its grammar: 400.
    #[error(transparent)]
    Header(#[from] HeaderError),
}

/// Why a challenge cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChallengeError {
    /// No randomness for the nonce.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The header cannot be written.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Whether a challenge follows credentials that were right but for their nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Ask the user.
    First,
    /// The client may retry without asking the user (`stale=true`).
    Stale,
}

/// Who proved to be whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// User name of the credentials.
    pub user: String,
    /// Algorithm used.
    pub algorithm: Algorithm,
}

/// Challenges and checks the users of one realm.
pub struct DigestServer {
    place: Place,
    realm: String,
    algorithms: Vec<Algorithm>,
    protections: Vec<Protection>,
    key: hmac::Key,
    lifetime: Duration,
    remembered: usize,
    /// Highest count of each used nonce, by (issue, random) of the nonce.
    used: HashMap<[u8; 16], u32>,
    /// The same nonces by issue.
    by_issue: BTreeMap<[u8; 16], ()>,
    /// Nonces issued no later than this are stale.
    forgotten: Option<Instant>,
}

impl DigestServer {
    /// A server for one realm with a fresh key; SHA-256 is offered before MD5 (RFC 8760 2.4).
    ///
    /// # Errors
    /// [`RandomError`].
    pub fn new(place: Place, realm: &str, random: &mut dyn Random) -> Result<Self, RandomError> {
        let key = Secret::<32>::random(random)?;
        Ok(Self {
            place,
            realm: realm.to_owned(),
            algorithms: vec![Algorithm::Sha256, Algorithm::Md5],
            protections: vec![Protection::Authentication],
            key: hmac::Key::new(hmac::HMAC_SHA256, key.expose()),
            lifetime: DEFAULT_LIFETIME,
            remembered: DEFAULT_REMEMBERED,
            used: HashMap::new(),
            by_issue: BTreeMap::new(),
            forgotten: None,
        })
    }

    /// Other algorithms, the preferred one first.
    #[must_use]
    pub fn with_algorithms(mut self, algorithms: &[Algorithm]) -> Self {
        self.algorithms = algorithms.to_vec();
        self
    }

    /// What responses may cover, the preferred one first; without this `auth` only.
    #[must_use]
    pub fn with_protections(mut self, protections: &[Protection]) -> Self {
        self.protections = protections.to_vec();
        self
    }

    /// Another life of nonces, and another number of used nonces that are remembered (at least one).
    #[must_use]
    pub fn with_limits(mut self, lifetime: Duration, remembered: usize) -> Self {
        self.lifetime = lifetime;
        self.remembered = remembered.max(1);
        self
    }

    /// The realm.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// The challenge a request is answered with: 401 or 407, one header an algorithm.
    ///
    /// # Errors
    /// [`ChallengeError`] when no nonce can be drawn or the realm has a line break.
    pub fn challenge(
        &self,
        now: Instant,
        request: &Request,
        freshness: Freshness,
        random: &mut dyn Random,
    ) -> Result<Response, ChallengeError> {
        let nonce = self.nonce(now, random)?;
        let offered: Vec<&str> = self.protections.iter().map(|p| p.as_str()).collect();
        let qop = offered.join(",");
        let mut response = Response::to(request, self.place.status());
        for algorithm in &self.algorithms {
            let mut auth = Auth::digest();
            auth.params.set_quoted("realm", &self.realm);
            auth.params.set_quoted("nonce", &nonce);
            auth.params.set("algorithm", algorithm.as_str());
            auth.params.set_quoted("qop", &qop);
            if freshness == Freshness::Stale {
                auth.params.set("stale", "true");
            }
            response
                .headers_mut()
                .push(self.place.challenge_header(), auth.to_string())?;
        }
        Ok(response)
    }

    /// Checks the credentials of a request. `ha1` looks a user up; an unknown user costs the same time as a
    /// wrong password. A count is used up only by a right response.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn check(
        &mut self,
        now: Instant,
        request: &Request,
        ha1: impl FnOnce(&str, Algorithm) -> Option<Ha1>,
    ) -> Result<Identity, Denied> {
        let credentials = self.credentials(request)?;
        let algorithm = self.algorithm(&credentials)?;
        no_user_hash(&credentials)?;
        let user = parameter(&credentials, "username")?;
        if user.len() > MAX_USER {
            return Err(Denied::Malformed("username"));
        }
        let (nonce, cnonce) = (
            parameter(&credentials, "nonce")?,
            parameter(&credentials, "cnonce")?,
        );
        let protection = self.protection(&credentials)?;
        let (nc, count) = nonce_count(&credentials)?;
        let uri = digest_uri(&credentials, request)?;
        let known = ha1(&user, algorithm).filter(|known| known.algorithm == algorithm);
        let expected = known
            .as_ref()
            .unwrap_or(&nobody(algorithm))
            .response(&Covered {
                method: request.method().as_str(),
                uri: &uri,
                nonce: &nonce,
                count: Some((&nc, &cnonce, protection)),
                body: request.body(),
            });
        let given = parameter(&credentials, "response")?;
        if !same(expected.expose(), given.as_bytes()) || known.is_none() {
            return Err(Denied::Wrong);
        }
        self.use_up(now, &nonce, count)?;
        Ok(Identity { user, algorithm })
    }

    /// The Digest credentials for this realm.
    fn credentials(&self, request: &Request) -> Result<Auth, Denied> {
        for value in request.headers().values(self.place.credentials_header()) {
            let auth = Auth::parse(value)?;
            if auth.is_digest()
                && auth
                    .params
                    .get("realm")
                    .is_some_and(|realm| realm == self.realm)
            {
                return Ok(auth);
            }
        }
        Err(Denied::NoCredentials)
    }

    fn algorithm(&self, credentials: &Auth) -> Result<Algorithm, Denied> {
        let algorithm = match credentials.params.get("algorithm") {
            None => Some(Algorithm::Md5),
            Some(token) => Algorithm::parse(&token),
        };
        algorithm
            .filter(|algorithm| self.algorithms.contains(algorithm))
            .ok_or(Denied::Malformed("algorithm"))
    }

    /// What the response covers: it must have been offered.
    fn protection(&self, credentials: &Auth) -> Result<Protection, Denied> {
        Protection::parse(&parameter(credentials, "qop")?)
            .filter(|protection| self.protections.contains(protection))
            .ok_or(Denied::Malformed("qop"))
    }

    fn nonce(&self, now: Instant, random: &mut dyn Random) -> Result<String, RandomError> {
        let mut octets = [0; 16];
        random.fill(&mut octets)?;
        let micros = u64::try_from(now.since_origin().as_micros()).unwrap_or(u64::MAX);
        for (to, from) in octets.iter_mut().zip(micros.to_be_bytes()) {
            *to = from;
        }
        Ok(hex_text(&[&octets[..], &self.proof(&octets)].concat()))
    }

    /// First half of the HMAC over issue, random part and realm.
    fn proof(&self, octets: &[u8; 16]) -> [u8; 16] {
        let tag = hmac::sign(&self.key, &[octets, self.realm.as_bytes()].concat());
        tag.as_ref().first_chunk().copied().unwrap_or_default()
    }

    /// Takes a count of a nonce; a count may be used once, and only upwards.
    fn use_up(&mut self, now: Instant, nonce: &str, count: u32) -> Result<(), Denied> {
        let octets = self.own_nonce(nonce).ok_or(Denied::Stale)?;
        let issued = issue(&octets);
        let too_old = now.since(issued) > self.lifetime || issued > now;
        if too_old || self.forgotten.is_some_and(|forgotten| issued <= forgotten) {
            return Err(Denied::Stale);
        }
        let last = self.used.get(&octets).copied().unwrap_or(0);
        if count <= last {
            return Err(Denied::Stale);
        }
        self.used.insert(octets, count);
        self.by_issue.insert(octets, ());
        self.forget(now);
        Ok(())
    }

    /// Issue and random part of a nonce whose proof is right.
    fn own_nonce(&self, nonce: &str) -> Option<[u8; 16]> {
        if nonce.len() != NONCE_DIGITS {
            return None;
        }
        let octets = unhex(nonce)?;
        let (content, proof) = octets.split_first_chunk::<16>()?;
        same(&self.proof(content), proof).then_some(*content)
    }

    /// Drops nonces that are too old, and the oldest ones when there are too many.
    fn forget(&mut self, now: Instant) {
        while let Some((octets, ())) = self.by_issue.first_key_value() {
            let octets = *octets;
            let issued = issue(&octets);
            let too_old = now.since(issued) > self.lifetime;
            if !too_old && self.used.len() <= self.remembered {
                return;
            }
            if !too_old {
                self.forgotten = Some(issued);
            }
            self.by_issue.remove(&octets);
            self.used.remove(&octets);
        }
    }
}

fn issue(nonce: &[u8; 16]) -> Instant {
    let micros = nonce
        .first_chunk()
        .copied()
        .map_or(u64::MAX, u64::from_be_bytes);
    Instant::from_origin(Duration::from_micros(micros))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |octet: &u8| match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'a'..=b'f' => Some(octet - b'a' + 10),
        _ => None,
    };
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

/// What an unknown user's response is compared with: no password has this hash.
fn nobody(algorithm: Algorithm) -> Ha1 {
    Ha1::from_hex(algorithm, SecretBytes::new(b"no such user".to_vec()))
}

fn parameter(credentials: &Auth, name: &'static str) -> Result<String, Denied> {
    let value = credentials
        .params
        .get(name)
        .filter(|value| !value.is_empty());
    value
        .map(std::borrow::Cow::into_owned)
        .ok_or(Denied::Malformed(name))
}

/// A hashed user name is not offered (RFC 7616 3.4.4), and must not be taken for a name.
fn no_user_hash(credentials: &Auth) -> Result<(), Denied> {
    match credentials.params.get("userhash") {
        Some(asked) if !asked.eq_ignore_ascii_case("false") => Err(Denied::Malformed("userhash")),
        _ => Ok(()),
    }
}

/// `nc`: eight hex digits.
fn nonce_count(credentials: &Auth) -> Result<(String, u32), Denied> {
    let nc = parameter(credentials, "nc")?;
    let hex = nc.len() == 8 && nc.bytes().all(|octet| octet.is_ascii_hexdigit());
    let count = u32::from_str_radix(&nc, 16)
        .ok()
        .filter(|count| hex && *count > 0);
    Ok((nc, count.ok_or(Denied::Malformed("nc"))?))
}

/// `uri`: it must mean the Request-URI, or a response could be used for another resource (RFC 3261 22.4).
fn digest_uri(credentials: &Auth, request: &Request) -> Result<String, Denied> {
    const FAULT: Denied = Denied::Malformed("uri");
    let text = parameter(credentials, "uri")?;
    let uri = Uri::parse(text.as_bytes()).map_err(|_| FAULT)?;
    let target = request.uri().map_err(|_| FAULT)?;
    if uri == target || uri.is_equivalent(&target) {
        Ok(text)
    } else {
        Err(FAULT)
    }
}
