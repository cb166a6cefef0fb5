//! Who sent a request, and what it may assert (RFC 3325, RFC 6050, TS 24.229 cl. 5.2.6.3).

use crate::core::{SipCore, put};
use crate::location::{Aor, canonical};
use crate::subscriber::SubscriberRepository;
use roger_sip::endpoint::Flow;
use roger_sip::header::NameAddr;
use roger_sip::message::{HeaderName, Headers, Request, StatusCode};
use std::collections::BTreeSet;

/// Registrations of one flow that are searched for a preferred identity.
const MAX_SEARCHED: usize = 16;

/// The sender of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sender {
    /// An application server.
    Trusted,
    /// A registered UE.
    Ue,
}

impl<R: SubscriberRepository> SipCore<R> {
    /// Finds the sender by the way its message came. A UE's message is freed of everything it must not
    /// assert and gets the identity it is registered with.
    pub(crate) fn identify(
        &self,
        request: &mut Request,
        flow: &Flow,
    ) -> Result<Sender, StatusCode> {
        if self.is_trusted(flow) {
            return Ok(Sender::Trusted);
        }
        let aors = self.locations.of_flow(flow).ok_or(StatusCode::FORBIDDEN)?;
        let identity = self
            .identity_of(request, aors)
            .ok_or(StatusCode::FORBIDDEN)?;
        strip_assertions(request.headers_mut());
        put(
            request,
            HeaderName::P_ASSERTED_IDENTITY,
            &format!("<{identity}>"),
        );
        request
            .headers_mut()
            .remove(HeaderName::P_PREFERRED_IDENTITY);
        if let Some(service) = request
            .headers()
            .get(HeaderName::P_PREFERRED_SERVICE)
            .map(<[u8]>::to_vec)
        {
            request
                .headers_mut()
                .remove(HeaderName::P_PREFERRED_SERVICE);
            let _ = request
                .headers_mut()
                .set(HeaderName::P_ASSERTED_SERVICE, service);
        }
        Ok(Sender::Ue)
    }

    /// The preferred identity when it is one of the registered subscriber, else the one in From when it is
    /// registered on this flow, else the default identity.
    fn identity_of(&self, request: &Request, aors: &BTreeSet<Aor>) -> Option<String> {
        let preferred = request
            .headers()
            .addresses(HeaderName::P_PREFERRED_IDENTITY)
            .unwrap_or_default();
        let allowed = preferred
            .iter()
            .find_map(|preferred| self.own_identity(preferred, aors));
        if allowed.is_some() {
            return allowed;
        }
        let from = request.headers().from().ok()?;
        let from = canonical(&from.uri);
        if aors.contains(from.as_str()) {
            return Some(from);
        }
        let registration = self.locations.get(aors.first()?)?;
        registration.identities.first().cloned()
    }

    fn own_identity(&self, preferred: &NameAddr, aors: &BTreeSet<Aor>) -> Option<String> {
        let wanted = canonical(&preferred.uri);
        if aors.contains(wanted.as_str()) {
            return Some(wanted);
        }
        let text = preferred.uri.as_str();
        let registrations = aors
            .iter()
            .take(MAX_SEARCHED)
            .filter_map(|aor| self.locations.get(aor));
        registrations
            .flat_map(|registration| &registration.identities)
            .find(|identity| identity.as_str() == text || identity.as_str() == wanted)
            .cloned()
    }
}

/// Removes what only the trust domain may say.
pub(crate) fn strip_assertions(headers: &mut Headers) {
    for name in [
        HeaderName::P_ASSERTED_IDENTITY,
        HeaderName::P_ASSERTED_SERVICE,
        HeaderName::P_CALLED_PARTY_ID,
        HeaderName::P_CHARGING_VECTOR,
    ] {
        headers.remove(name);
    }
}

/// A user who asked for privacy is not shown to a UE (RFC 3325 7).
pub(crate) fn hide_identity(headers: &mut Headers) {
    let asked = headers.values(HeaderName::PRIVACY).any(|value| {
        roger_sip::header::scan::split(value, b';').any(|token| token.eq_ignore_ascii_case(b"id"))
    });
    if asked {
        headers.remove(HeaderName::P_ASSERTED_IDENTITY);
    }
}
