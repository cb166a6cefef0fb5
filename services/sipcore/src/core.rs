//! The core as an element: an endpoint in the role of a proxy, and what becomes of its events.

use crate::event::CoreEvent;
use crate::flow_token::FlowTokens;
use crate::location::{Locations, canonical};
use crate::proxy::Forwards;
use crate::settings::CoreSettings;
use crate::subscriber::SubscriberRepository;
use crate::third_party::ThirdParties;
use core::time::Duration;
use roger_base::{Instant, Random, RandomError};
use roger_sip::application::Clocks;
use roger_sip::digest::{DigestServer, Place};
use roger_sip::endpoint::{
    Answer, Element, Endpoint, EndpointError, Failure, Flow, Incoming, Input, Load, Output,
    Overflow, Polled, RequestHandle, Role, Settings, Target, TransactionId, Transmit, Transport,
    ident,
};
use roger_sip::message::{HeaderName, Method, Request, Response, StatusCode};
use roger_sip::overload::Standing;
use roger_sip::uri::Uri;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

/// Events that wait for a log; the oldest is dropped beyond.
const MAX_EVENTS: usize = 1_024;

/// Used nonces that are remembered, so that none is used twice.
const MAX_NONCES: usize = 100_000;

/// Registrar, proxy and the part of an S-CSCF that MCPTT needs, for one home domain.
///
/// Drive it like an endpoint: it is an [`Element`].
pub struct SipCore<R> {
    pub(crate) settings: CoreSettings,
    pub(crate) endpoint: Endpoint,
    pub(crate) subscribers: R,
    pub(crate) digest: DigestServer,
    pub(crate) locations: Locations,
    pub(crate) flow_tokens: FlowTokens,
    pub(crate) forwards: Forwards,
    pub(crate) third_parties: ThirdParties,
    /// Targets of public service identities in canonical form.
    pub(crate) services: HashMap<String, Target>,
    transmits: VecDeque<Transmit>,
    events: VecDeque<CoreEvent>,
}

/// What every step of a procedure is lent.
pub(crate) struct Moment<'a> {
    pub(crate) now: Instant,
    pub(crate) random: &'a mut dyn Random,
}

impl<R: SubscriberRepository> SipCore<R> {
    /// A core with no registration and a fresh key for its nonces.
    ///
    /// # Errors
    /// [`RandomError`].
    pub fn new(
        settings: CoreSettings,
        subscribers: R,
        random: &mut dyn Random,
    ) -> Result<Self, RandomError> {
        let mut below = Settings::new(Role::Proxy);
        below.timings = settings.timings;
        below.capacity = settings.capacity;
        below.shedding = settings.shedding;
        below.retry_after = settings.retry_after;
        let services = settings.services.iter().filter_map(|service| {
            let uri = Uri::parse(service.identity.as_str().as_bytes()).ok()?;
            Some((canonical(&uri), service.target))
        });
        let digest = DigestServer::new(Place::UserAgent, &settings.domain, random)?
            .with_algorithms(&settings.algorithms)
            .with_limits(settings.nonce_life, MAX_NONCES);
        Ok(Self {
            services: services.collect(),
            digest,
            endpoint: Endpoint::new(below),
            subscribers,
            locations: Locations::default(),
            flow_tokens: FlowTokens::new(random)?,
            forwards: Forwards::default(),
            third_parties: ThirdParties::default(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            settings,
        })
    }

    /// Number of registered identities.
    #[must_use]
    pub fn registrations(&self) -> usize {
        self.locations.len()
    }

    /// What the endpoint below holds.
    #[must_use]
    pub fn load(&self) -> Load {
        self.endpoint.load()
    }

    /// What the endpoint below has counted.
    #[must_use]
    pub fn counters(&self) -> roger_sip::endpoint::Counters {
        self.endpoint.counters()
    }

    /// Adds or moves a public service identity while the core runs.
    pub fn set_service(&mut self, identity: &Uri, target: Target) {
        self.services.insert(canonical(identity), target);
    }

    pub(crate) fn tell(&mut self, event: CoreEvent) {
        if self.events.len() >= MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    fn standing_of(&self, input: &Input<'_>) -> Standing {
        match input {
            Input::Datagram { flow, .. } | Input::Message { flow, .. } => self.standing(flow),
            _ => Standing::Stranger,
        }
    }

    /// Works off what the endpoint has to say.
    fn run(&mut self, moment: &mut Moment<'_>) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                Output::Transmit(transmit) => self.transmits.push_back(transmit),
                Output::Incoming(incoming) => self.on_request(moment, *incoming),
                Output::Ack(ack) => self.forward_ack(moment, ack.request, &ack.flow),
                Output::Cancelled { transaction, .. } => self.forward_cancel(moment, transaction),
                Output::Response(answer) => self.on_response(moment, *answer),
                Output::Failed { handle, failure } => self.on_failed(moment, handle, failure),
                Output::ServerFailed { transaction, .. } => {
                    self.forward_abandoned(moment, transaction)
                }
                Output::FlowClosed { connection } => self.locations.forget_flow(connection),
                _ => {}
            }
        }
        self.forwards.forget_old(moment.now);
    }

    fn on_response(&mut self, moment: &mut Moment<'_>, answer: Answer) {
        let status = answer.response.status();
        if self.on_third_party_answer(answer.handle, Some(status)) {
            return;
        }
        self.forward_response(moment, answer.handle, answer.response);
    }

    fn on_failed(&mut self, moment: &mut Moment<'_>, handle: RequestHandle, failure: Failure) {
        if self.on_third_party_answer(handle, None) {
            return;
        }
        self.forward_failed(moment, handle, failure);
    }

    fn on_request(&mut self, moment: &mut Moment<'_>, incoming: Incoming) {
        let Ok(uri) = incoming.request.uri() else {
            return self.answer(moment, &incoming, StatusCode::BAD_REQUEST);
        };
        match incoming.request.method() {
            Method::Register if self.is_registrar(&uri) => self.register(moment, &incoming),
            Method::Options if self.is_self(&uri) => self.answer(moment, &incoming, StatusCode::OK),
            _ => self.forward(moment, incoming, uri),
        }
    }

    /// Whether the peer may assert identities.
    pub(crate) fn is_trusted(&self, flow: &Flow) -> bool {
        self.is_trusted_address(flow.peer)
    }

    pub(crate) fn is_trusted_address(&self, peer: SocketAddr) -> bool {
        self.settings
            .trusted
            .iter()
            .any(|trusted| trusted.matches(peer))
    }

    /// The Request-URI of a REGISTER is the home domain, or this core.
    fn is_registrar(&self, uri: &Uri) -> bool {
        uri.user().is_none() && (self.is_home(uri) || self.is_self(uri))
    }

    pub(crate) fn is_home(&self, uri: &Uri) -> bool {
        uri.host()
            .is_some_and(|host| host.eq_ignore_ascii_case(&self.settings.domain))
    }

    /// Whether a URI, such as that of a Route, is this core.
    pub(crate) fn is_self(&self, uri: &Uri) -> bool {
        let Some(host) = uri.host() else {
            return false;
        };
        let own = &self.settings.aliases;
        if own.iter().any(|alias| alias.eq_ignore_ascii_case(host)) {
            return true;
        }
        if uri.user().is_none() && self.is_home(uri) {
            return true;
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let Ok(ip) = bare.parse::<IpAddr>() else {
            return false;
        };
        let named = uri
            .transport()
            .and_then(|name| Transport::parse(name.as_bytes()));
        let usual = match named {
            None if uri.is_secure() => Transport::Tls,
            None => Transport::Udp,
            Some(named) => named,
        };
        let address = SocketAddr::new(ip, uri.port().unwrap_or(usual.default_port()));
        self.endpoint
            .settings()
            .sent_by
            .values()
            .any(|own| *own == address)
    }

    /// The URI of this core for one transport.
    pub(crate) fn own_uri(&self, transport: Transport) -> Option<Uri> {
        let address = self.endpoint.settings().sent_by.get(&transport)?;
        Some(Uri::sip_address(*address).with_param("transport", Some(transport.parameter())))
    }

    pub(crate) fn answer(
        &mut self,
        moment: &mut Moment<'_>,
        incoming: &Incoming,
        status: StatusCode,
    ) {
        let response = Response::to(&incoming.request, status);
        self.send_response(moment, incoming.transaction, response);
    }

    /// An answer of the core itself: it needs a To tag.
    pub(crate) fn send_response(
        &mut self,
        moment: &mut Moment<'_>,
        transaction: TransactionId,
        mut response: Response,
    ) {
        if response.status() != StatusCode::TRYING {
            // Without randomness the client gets no answer and tries again.
            let Ok(tag) = ident::tag(moment.random) else {
                return;
            };
            if response.add_to_tag(&tag).is_err() {
                return;
            }
        }
        self.relay_response(moment, transaction, response);
    }

    /// Refuses a request. Of a stranger's nothing is kept, however many it sends.
    pub(crate) fn send_refusal(
        &mut self,
        moment: &mut Moment<'_>,
        (transaction, flow): (TransactionId, &Flow),
        mut response: Response,
    ) {
        if self.standing(flow) != Standing::Stranger {
            return self.send_response(moment, transaction, response);
        }
        let Ok(tag) = ident::tag(moment.random) else {
            return;
        };
        let tagged = response.add_to_tag(&tag).is_ok();
        if !tagged
            || self
                .endpoint
                .respond_and_forget(transaction, &response)
                .is_err()
        {
            tracing::debug!("a refusal could not be sent");
        }
    }

    /// An answer as it is; one that comes too late is dropped.
    pub(crate) fn relay_response(
        &mut self,
        moment: &mut Moment<'_>,
        transaction: TransactionId,
        response: Response,
    ) {
        let sent = self
            .endpoint
            .respond(moment.now, moment.random, transaction, response);
        if let Err(error) = sent {
            tracing::debug!(%error, "an answer came too late");
        }
    }

    fn expire(&mut self, moment: &mut Moment<'_>) {
        while let Some((aor, left)) = self.locations.pop_expired(moment.now) {
            let gone = left.bindings.is_empty();
            if gone {
                self.tell(CoreEvent::Deregistered {
                    identity: aor.to_string(),
                });
                self.tell_application_servers(moment, &aor, left, None);
            }
        }
    }
}

impl<R: SubscriberRepository> Element for SipCore<R> {
    type Event = CoreEvent;

    fn bound(&mut self, transport: Transport, address: SocketAddr) {
        self.endpoint.bound(transport, address);
    }

    fn opens(&mut self, transport: Transport, host: &str) {
        self.endpoint.opens(transport, host);
    }

    fn handle(
        &mut self,
        clocks: Clocks,
        random: &mut dyn Random,
        input: Input<'_>,
    ) -> Result<(), EndpointError> {
        let standing = self.standing_of(&input);
        let result = self
            .endpoint
            .handle_from(clocks.now, random, input, standing);
        self.run(&mut Moment {
            now: clocks.now,
            random,
        });
        result
    }

    fn handle_timeout(&mut self, clocks: Clocks, random: &mut dyn Random) {
        self.endpoint.handle_timeout(clocks.now, random);
        let mut moment = Moment {
            now: clocks.now,
            random,
        };
        self.expire(&mut moment);
        self.run(&mut moment);
    }

    fn poll(&mut self) -> Option<Polled<CoreEvent>> {
        let transmit = self.transmits.pop_front().map(Polled::Transmit);
        transmit.or_else(|| self.events.pop_front().map(Polled::Event))
    }

    fn deadline(&self) -> Option<Instant> {
        let timers = self.endpoint.deadline().map(|(at, _)| at);
        [timers, self.locations.deadline(), self.forwards.deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Events are for logs only.
    fn overflow(
        &mut self,
        _clocks: Clocks,
        _random: &mut dyn Random,
        _event: CoreEvent,
    ) -> Overflow<CoreEvent> {
        Overflow::Gone
    }

    /// A UE is known once it has registered with digest, over the very flow it registered from. Until then its
    /// To tags and its Resource-Priority are worth nothing.
    fn standing(&self, flow: &Flow) -> Standing {
        if self.is_trusted(flow) {
            Standing::Trusted
        } else if self.locations.of_flow(flow).is_some() {
            Standing::Known
        } else {
            Standing::Stranger
        }
    }

    fn set_queue_delay(&mut self, delay: Duration) {
        self.endpoint.set_queue_delay(delay);
    }

    fn shed(&mut self, clocks: Clocks, flow: Flow, octets: &[u8]) {
        self.endpoint.shed(clocks.now, flow, octets);
        // A refusal without state is all that can come of it.
        while let Some(Output::Transmit(transmit)) = self.endpoint.poll() {
            self.transmits.push_back(transmit);
        }
    }
}

/// Sets or removes a header.
pub(crate) fn put(request: &mut Request, name: HeaderName<'static>, value: &str) {
    // Values come from checked URIs and numbers, which cannot break a line.
    let _ = request.headers_mut().set(name, value);
}
