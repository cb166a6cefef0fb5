//! Path, Service-Route, outbound and GRUU of a REGISTER (RFC 3327, RFC 3608, RFC 5626 6, RFC 5627 5).

use crate::core::SipCore;
use crate::location::Binding;
use crate::subscriber::SubscriberRepository;
use roger_sip::endpoint::{Flow, Incoming};
use roger_sip::header::NameAddr;
use roger_sip::message::{HeaderName, Headers, Request, StatusCode};

/// Proxies that may stand in Path.
const MAX_PATH: usize = 8;

/// Octets of all of Path.
const MAX_PATH_OCTETS: usize = 2_048;

/// Extensions of a REGISTER that are served.
pub(crate) const SUPPORTED: [&str; 3] = ["path", "outbound", "gruu"];

/// How the UE of a REGISTER is to be reached.
#[derive(Debug, Clone, Default)]
pub(crate) struct Way {
    pub(crate) flow: Option<Flow>,
    pub(crate) path: Vec<NameAddr>,
    /// The UE supports outbound, and so does its first hop.
    pub(crate) outbound: bool,
}

impl<R: SubscriberRepository> SipCore<R> {
    /// Reads the way to the UE.
    pub(crate) fn read_way(&self, incoming: &Incoming) -> Result<Way, StatusCode> {
        let headers = incoming.request.headers();
        let path = self.read_path(incoming)?;
        let supports = headers.has_token(HeaderName::SUPPORTED, "outbound");
        // The first hop of the UE stands last in Path: each proxy puts itself before those it came through.
        let first_hop = path.last();
        let first_hop_supports = first_hop.is_none_or(|hop| hop.uri.param("ob").is_some());
        let uses = supports && uses_outbound(headers);
        if uses && !first_hop_supports {
            return Err(StatusCode::FIRST_HOP_LACKS_OUTBOUND);
        }
        Ok(Way {
            flow: path.is_empty().then_some(incoming.flow),
            path,
            outbound: uses,
        })
    }

    /// Path counts from proxies of the trust domain only: with one of its own a UE would have what is meant for it
    /// sent anywhere.
    fn read_path(&self, incoming: &Incoming) -> Result<Vec<NameAddr>, StatusCode> {
        let headers = incoming.request.headers();
        if !headers.contains(HeaderName::PATH) {
            return Ok(Vec::new());
        }
        let octets: usize = headers.values(HeaderName::PATH).map(<[u8]>::len).sum();
        let path = headers
            .addresses(HeaderName::PATH)
            .map_err(|_| StatusCode::BAD_REQUEST)?;
        let legal = (1..=MAX_PATH).contains(&path.len()) && octets <= MAX_PATH_OCTETS;
        if !legal {
            return Err(StatusCode::BAD_REQUEST);
        }
        let nearest = path.first().and_then(|hop| self.endpoint.resolve(&hop.uri));
        let trusted = nearest.is_some_and(|target| self.is_trusted_address(target.peer()));
        if !self.is_trusted(&incoming.flow) || !trusted {
            tracing::warn!("a Path from or to a proxy that is not trusted was refused");
            return Err(StatusCode::FORBIDDEN);
        }
        Ok(path)
    }

    /// What a 200 to a REGISTER tells besides the contacts.
    pub(crate) fn describe_way(&self, incoming: &Incoming, headers: &mut Headers) {
        let asked = incoming.request.headers();
        for value in asked.values(HeaderName::PATH) {
            let _ = headers.push(HeaderName::PATH, value);
        }
        if let Some(own) = self.own_uri(incoming.flow.transport) {
            let route = NameAddr::new(own.with_param("lr", None));
            let _ = headers.push(HeaderName::SERVICE_ROUTE, route.to_string());
        }
        let _ = headers.push(HeaderName::SUPPORTED, SUPPORTED.join(", "));
        if !(asked.has_token(HeaderName::SUPPORTED, "outbound") && uses_outbound(asked)) {
            return;
        }
        let _ = headers.push(HeaderName::REQUIRE, "outbound");
        // The keep-alives of a UE behind a proxy are that proxy's business.
        if !asked.contains(HeaderName::PATH)
            && let Ok(name) = HeaderName::new("Flow-Timer")
        {
            let _ = headers.push(name, self.settings.flow_timer.to_string());
        }
    }

    /// The contact as the 200 shows it: with the rest of its life, and the public GRUU of its device for a UE
    /// that knows such.
    pub(crate) fn show_contact(
        &self,
        request: &Request,
        identity: &str,
        binding: &Binding,
        seconds_left: u32,
    ) -> NameAddr {
        let mut contact = binding.contact.clone();
        contact.params.set("expires", &seconds_left.to_string());
        if request.headers().has_token(HeaderName::SUPPORTED, "gruu")
            && let Some(instance) = binding.contact.instance()
        {
            contact
                .params
                .set_quoted("pub-gruu", &format!("{identity};gr={instance}"));
        }
        contact
    }
}

/// Whether a Contact has both an instance and a flow number; the number alone says nothing (RFC 5626 6).
fn uses_outbound(headers: &Headers) -> bool {
    let contacts = headers.addresses(HeaderName::CONTACT).unwrap_or_default();
    contacts
        .iter()
        .any(|contact| contact.instance().is_some() && contact.params.contains("reg-id"))
}

/// Number of the flow of a contact, 1 to 2³¹ − 1; `None` when it has none.
///
/// # Errors
/// 400 when it is no such number.
pub(crate) fn reg_id(contact: &NameAddr) -> Result<Option<u32>, StatusCode> {
    let Some(text) = contact.params.raw("reg-id") else {
        return Ok(None);
    };
    if contact.instance().is_none() {
        return Ok(None);
    }
    let digits = text.bytes().all(|octet| octet.is_ascii_digit());
    let number = text
        .parse()
        .ok()
        .filter(|number| digits && (1..=0x7fff_ffff).contains(number));
    number.map(Some).ok_or(StatusCode::BAD_REQUEST)
}
