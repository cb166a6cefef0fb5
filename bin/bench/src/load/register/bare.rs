//! What the parts of an authorisation cost alone, in CPU time of one thread.

use super::client::Prepared;
use super::domain::{Domain, MC_DOMAIN, user};
use crate::error::BenchError;
use crate::system::thread_time;
use core::time::Duration;
use roger_adapter_http::{Clock as _, SystemClock};
use roger_base::McpttId;
use roger_call::body::Body;
use roger_call::feature::media_type;
use roger_call::protection::Protection;
use roger_call::service_authorisation::{Authority, authorise};
use roger_call::user_index::UserIndex;
use roger_keys::signalling::XmlKeyMode;
use roger_mikey::{Carriage, Context, Receiver, Sender};
use roger_oidc::Resource;
use roger_xml::signed_body::Coverage;
use roger_xml::uri::{ProtectedDomains, UriTolerance};

/// Clients that are authorised.
const CLIENTS: usize = 256;

/// CPU time of one authorisation in microseconds.
pub(super) struct Bare {
    /// All of it, from the body in octets to the user.
    pub(super) whole_us: f64,
    /// The CSK message.
    pub(super) mikey_us: f64,
    /// The access token.
    pub(super) token_us: f64,
}

impl Bare {
    pub(super) fn measure(domain: &Domain) -> Result<Self, BenchError> {
        let users: Vec<McpttId> = (0..CLIENTS).map(user).collect::<Result<_, _>>()?;
        let prepared = super::prepare(domain, &users, 0)?;
        let index = UserIndex::new(users.clone());
        let whole = whole(domain, &index, &prepared)?;
        let bodies: Vec<Body> = prepared
            .iter()
            .map(Prepared::body)
            .collect::<Result<_, _>>()?;
        let mikey = mikey(domain, &bodies)?;
        let token = token(domain, &users)?;
        let each = |time: Duration| time.as_secs_f64() * 1e6 / CLIENTS as f64;
        Ok(Self {
            whole_us: each(whole),
            mikey_us: each(mikey),
            token_us: each(token),
        })
    }
}

fn whole(
    domain: &Domain,
    users: &UserIndex,
    prepared: &[Prepared],
) -> Result<Duration, BenchError> {
    let tokens = domain.tokens.verifier()?;
    let domains = ProtectedDomains::new(vec![MC_DOMAIN.to_owned()], UriTolerance::AsSent);
    let authority = Authority {
        key_sets: core::slice::from_ref(&domain.server),
        domains: core::slice::from_ref(domain.master.domain()),
        tokens: &tokens,
        resource: Resource::McpttServer,
        users,
        protection: Protection::Full,
        uri_domains: &domains,
        coverage: Coverage::EveryXmlPart,
        key_mode: XmlKeyMode::Derived,
    };
    let (mut receiver, now) = (Receiver::default(), SystemClock.now());
    let begin = thread_time();
    for one in prepared {
        authorise(&one.body()?, &authority, None, &mut receiver, now)
            .map_err(BenchError::wrong("authorisation"))?;
    }
    Ok(thread_time().saturating_sub(begin))
}

fn mikey(domain: &Domain, bodies: &[Body]) -> Result<Duration, BenchError> {
    let context = Context {
        key_sets: core::slice::from_ref(&domain.server),
        domains: core::slice::from_ref(domain.master.domain()),
        sender: Sender::DecidedLater,
        carriage: Carriage::Live,
        now: SystemClock.now().to_ntp(),
    };
    let mut receiver = Receiver::default();
    let begin = thread_time();
    for body in bodies {
        let message = body.octets(media_type::MIKEY).unwrap_or_default();
        receiver
            .open_csk(message, &context)
            .map_err(BenchError::wrong("CSK message"))?;
    }
    Ok(thread_time().saturating_sub(begin))
}

fn token(domain: &Domain, users: &[McpttId]) -> Result<Duration, BenchError> {
    let (verifier, now) = (domain.tokens.verifier()?, SystemClock.now());
    let token = |user: &McpttId| {
        domain
            .tokens
            .token(user.as_str(), Resource::McpttServer, now)
    };
    let tokens: Vec<String> = users.iter().map(token).collect::<Result<_, _>>()?;
    let begin = thread_time();
    for token in &tokens {
        verifier
            .verify(token, Resource::McpttServer, now)
            .map_err(BenchError::wrong("access token"))?;
    }
    Ok(thread_time().saturating_sub(begin))
}
