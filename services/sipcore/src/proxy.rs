//! Requests that are not for the core itself (RFC 3261 16).

use crate::core::{Moment, SipCore, put};
use crate::identity::{Sender, hide_identity, strip_assertions};
use crate::location::{Binding, canonical, choose_binding};
use crate::subscriber::SubscriberRepository;
use core::time::Duration;
use roger_base::Instant;
use roger_sip::endpoint::{
    EndpointError, Failure, Flow, Incoming, RequestHandle, Target, TransactionId, Transport,
};
use roger_sip::header::NameAddr;
use roger_sip::message::{HeaderName, Method, Request, Response, StatusCode};
use roger_sip::uri::Uri;
use roger_sip::validate::take_hop;
use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Routes that may mean this core in one request: two for each time that it has been passed.
const MAX_OWN_ROUTES: usize = 8;

/// Added to the life of an accepted INVITE, so that its transaction is gone first.
const MARGIN: Duration = Duration::from_secs(1);

/// Requests on their way.
#[derive(Debug, Default)]
pub(crate) struct Forwards {
    by_handle: HashMap<RequestHandle, Forward>,
    by_transaction: HashMap<TransactionId, RequestHandle>,
    /// Accepted INVITEs, kept for repeated and forked 2xx as long as their transaction (timer M).
    accepted: VecDeque<(Instant, RequestHandle)>,
    /// Marks of requests without a final response, for loop detection.
    active: HashMap<u64, usize>,
}

/// One request on its way.
#[derive(Debug, Clone)]
struct Forward {
    transaction: TransactionId,
    /// The way it came.
    flow: Flow,
    /// The request as received, without body.
    original: Box<Request>,
    towards: Towards,
    mark: u64,
}

/// Whom a request is sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Towards {
    /// A server of the trust domain.
    Server,
    /// A UE, known by this identity.
    Ue(String),
    /// A UE at the flow of a token, known by this identity.
    Flow(String),
}

impl Towards {
    fn ue(&self) -> Option<&str> {
        match self {
            Self::Server => None,
            Self::Ue(identity) | Self::Flow(identity) => Some(identity),
        }
    }
}

/// A decision about the next hop (16.5, 16.6).
struct NextHop {
    target: Target,
    towards: Towards,
    /// The contact that replaces the identity in the Request-URI.
    contact: Option<Uri>,
    /// The proxies before the UE.
    path: Vec<NameAddr>,
}

impl NextHop {
    const fn new(target: Target, towards: Towards) -> Self {
        Self {
            target,
            towards,
            contact: None,
            path: Vec::new(),
        }
    }
}

impl Forwards {
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.accepted.front().map(|(at, _)| *at)
    }

    pub(crate) fn forget_old(&mut self, now: Instant) {
        while let Some((at, handle)) = self.accepted.front().copied()
            && at <= now
        {
            self.accepted.pop_front();
            self.by_handle.remove(&handle);
        }
    }

    fn add(&mut self, handle: RequestHandle, forward: Forward) {
        *self.active.entry(forward.mark).or_default() += 1;
        self.by_transaction.insert(forward.transaction, handle);
        self.by_handle.insert(handle, forward);
    }

    /// The final response has come, or never will; `false` when that was known.
    fn finish(&mut self, forward: &Forward) -> bool {
        if self.by_transaction.remove(&forward.transaction).is_none() {
            return false;
        }
        if let Some(count) = self.active.get_mut(&forward.mark) {
            *count -= 1;
            if *count == 0 {
                self.active.remove(&forward.mark);
            }
        }
        true
    }
}

impl<R: SubscriberRepository> SipCore<R> {
    pub(crate) fn forward(&mut self, moment: &mut Moment<'_>, incoming: Incoming, uri: Uri) {
        let Incoming {
            mut request,
            flow,
            transaction,
            ..
        } = incoming;
        let mut original = Box::new(request.clone());
        if original.clear_body().is_err() {
            return;
        }
        let prepared = self.prepare(&mut request, &flow, &uri);
        let sent = prepared.and_then(|(hop, mark)| {
            let sent = self
                .endpoint
                .send_request(moment.now, moment.random, request, hop.target);
            sent.map(|handle| (handle, hop.towards, mark))
                .map_err(|error| status_of(&error))
        });
        match sent {
            Ok((handle, towards, mark)) => {
                self.forwards.add(
                    handle,
                    Forward {
                        transaction,
                        flow,
                        original,
                        towards,
                        mark,
                    },
                );
            }
            Err(status) => self.refuse(moment, (transaction, &flow), &original, status),
        }
    }

    fn refuse(
        &mut self,
        moment: &mut Moment<'_>,
        received: (TransactionId, &Flow),
        original: &Request,
        status: StatusCode,
    ) {
        let mut response = Response::to(original, status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = self.endpoint.settings().retry_after.as_secs().max(1);
            let _ = response
                .headers_mut()
                .set(HeaderName::RETRY_AFTER, seconds.to_string());
        }
        if status == StatusCode::BAD_EXTENSION {
            let unknown = original
                .headers()
                .tokens(HeaderName::PROXY_REQUIRE)
                .join(", ");
            let _ = response.headers_mut().set(HeaderName::UNSUPPORTED, unknown);
        }
        self.send_refusal(moment, received, response);
    }

    /// Checks and edits a request for its next hop (16.3 to 16.6).
    fn prepare(
        &self,
        request: &mut Request,
        flow: &Flow,
        uri: &Uri,
    ) -> Result<(NextHop, u64), StatusCode> {
        take_hop(request.headers_mut()).map_err(|refusal| refusal.status)?;
        if request.headers().contains(HeaderName::PROXY_REQUIRE) {
            return Err(StatusCode::BAD_EXTENSION);
        }
        let flow_asked = self.remove_own_routes(request, flow)?;
        let mark = mark_of(request);
        if self.forwards.active.contains_key(&mark) && self.has_passed_here(request) {
            return Err(StatusCode::LOOP_DETECTED);
        }
        let sender = self.identify(request, flow)?;
        // A third-party REGISTER is this core's word: with one of a UE it could log others off at the servers.
        if sender == Sender::Ue && *request.method() == Method::Register {
            return Err(StatusCode::FORBIDDEN);
        }
        let hop = match flow_asked {
            Some(flow) => self.flow_hop(flow)?,
            None => self.next_hop(request, uri, sender)?,
        };
        self.edit_for(request, uri, &hop);
        self.record_route(request, (flow, sender), &hop);
        Ok((hop, mark))
    }

    fn edit_for(&self, request: &mut Request, uri: &Uri, hop: &NextHop) {
        if let Some(contact) = &hop.contact {
            put(request, HeaderName::P_CALLED_PARTY_ID, &format!("<{uri}>"));
            request.set_uri(&contact.without_headers());
        }
        for proxy in hop.path.iter().rev() {
            let _ = request
                .headers_mut()
                .push_front(HeaderName::ROUTE, proxy.to_string());
        }
        if hop.towards != Towards::Server {
            hide_identity(request.headers_mut());
        }
    }

    /// Takes away the Routes that mean this core. One with the token of a flow means that flow, unless the
    /// request has come over it or another one of the same user: then it is on its way out (RFC 5626 5.3.1). A forged token
    /// is refused, and so are Routes without end.
    fn remove_own_routes(
        &self,
        request: &mut Request,
        from: &Flow,
    ) -> Result<Option<Flow>, StatusCode> {
        let mut asked = None;
        let mut taken = 0;
        while let Some(route) = self.own_route(request) {
            // Each one taken off the front moves all that follow.
            taken += 1;
            if taken > MAX_OWN_ROUTES {
                return Err(StatusCode::BAD_REQUEST);
            }
            if let Some(token) = route.uri.user() {
                let flow = self.flow_tokens.flow(token).ok_or(StatusCode::FORBIDDEN)?;
                asked = Some(flow).filter(|flow| {
                    !is_same_flow(flow, from) && !self.locations.is_same_user(flow, from)
                });
            }
            request
                .headers_mut()
                .remove_first_element(HeaderName::ROUTE);
        }
        Ok(asked)
    }

    fn own_route(&self, request: &Request) -> Option<NameAddr> {
        let first = request.headers().elements(HeaderName::ROUTE).next()?;
        let route = NameAddr::parse(first).ok()?;
        self.is_self(&route.uri).then_some(route)
    }

    /// The UE at a flow, and when it has come back over another one, there. A flow that is gone is 430, unless
    /// the UE knows nothing of outbound and may be called at its Contact (RFC 5626 5.3.1).
    fn flow_hop(&self, flow: Flow) -> Result<NextHop, StatusCode> {
        let registered = self.locations.of_flow(&flow);
        if let Some(aor) = registered.and_then(|aors| aors.first()) {
            let towards = Towards::Flow(aor.to_string());
            return Ok(NextHop::new(Target::Flow(flow), towards));
        }
        let (aor, binding) = self
            .locations
            .of_former_flow(&flow)
            .filter(|(_, binding)| binding.flow.is_some() || binding.reg_id.is_none())
            .ok_or(StatusCode::FLOW_FAILED)?;
        let target = self.way_to(binding).ok_or(StatusCode::FLOW_FAILED)?;
        Ok(NextHop::new(target, Towards::Flow(aor.to_string())))
    }

    fn has_passed_here(&self, request: &Request) -> bool {
        let own = &self.endpoint.settings().sent_by;
        let vias = request.headers().vias().unwrap_or_default();
        vias.iter().any(|via| {
            own.values()
                .any(|address| via.sent_by() == address.to_string())
        })
    }

    fn next_hop(
        &self,
        request: &Request,
        uri: &Uri,
        sender: Sender,
    ) -> Result<NextHop, StatusCode> {
        if let Some(route) = request.headers().elements(HeaderName::ROUTE).next() {
            let route = NameAddr::parse(route).map_err(|_| StatusCode::BAD_REQUEST)?;
            return self
                .server_hop(&route.uri, sender)
                .ok_or(StatusCode::FORBIDDEN);
        }
        if let Some(target) = self.services.get(&canonical(uri)) {
            return Ok(NextHop::new(*target, Towards::Server));
        }
        // In the home domain there are identities only: nobody gets the requests for another by a Contact like his.
        if !self.is_home(uri)
            && let Some((aor, binding)) = self.locations.of_contact(uri)
        {
            let target = self
                .way_to(binding)
                .ok_or(StatusCode::TEMPORARILY_UNAVAILABLE)?;
            let mut hop = NextHop::new(target, Towards::Ue(aor.to_string()));
            hop.path.clone_from(&binding.path);
            return Ok(hop);
        }
        if let Some(hop) = self.user_hop(uri)? {
            return Ok(hop);
        }
        self.server_hop(uri, sender).ok_or(StatusCode::NOT_FOUND)
    }

    /// A registered identity; `None` when the URI is nobody of this domain.
    fn user_hop(&self, uri: &Uri) -> Result<Option<NextHop>, StatusCode> {
        let aor = canonical(uri);
        let registered = match self.locations.get(&aor) {
            Some(registration) => Some((aor.clone(), registration)),
            None => self.sibling_of(&aor),
        };
        let Some((aor, registration)) = registered else {
            if self.subscribers.by_identity(&aor).is_some() {
                return Err(StatusCode::TEMPORARILY_UNAVAILABLE);
            }
            return Ok(None);
        };
        let binding = choose_binding(&registration.bindings, uri.param("gr"))
            .ok_or(StatusCode::TEMPORARILY_UNAVAILABLE)?;
        let target = self
            .way_to(binding)
            .ok_or(StatusCode::TEMPORARILY_UNAVAILABLE)?;
        Ok(Some(NextHop {
            target,
            towards: Towards::Ue(aor),
            contact: Some(binding.contact.uri.clone()),
            path: binding.path.clone(),
        }))
    }

    /// Another identity of the same subscriber that is registered.
    fn sibling_of(&self, aor: &str) -> Option<(String, &crate::location::Registration)> {
        let subscriber = self.subscribers.by_identity(aor)?;
        subscriber.identities.iter().find_map(|identity| {
            let uri = Uri::parse(identity.as_str().as_bytes()).ok()?;
            let sibling = canonical(&uri);
            self.locations
                .get(&sibling)
                .map(|registration| (sibling, registration))
        })
    }

    /// An address that is a server's: a UE reaches trusted ones only, a server any (no open relay).
    fn server_hop(&self, uri: &Uri, sender: Sender) -> Option<NextHop> {
        let target = match self.services.get(&canonical(uri)) {
            Some(target) => *target,
            None => self.endpoint.resolve(uri)?,
        };
        let allowed = sender == Sender::Trusted || self.is_trusted_address(target.peer());
        (allowed && !self.is_self(uri)).then_some(NextHop::new(target, Towards::Server))
    }

    /// The first proxy of the Path, or the flow of the REGISTER; without either the address of the Contact.
    fn way_to(&self, binding: &Binding) -> Option<Target> {
        match (binding.path.first(), binding.flow) {
            (Some(proxy), _) => self.endpoint.resolve(&proxy.uri),
            (None, Some(flow)) => Some(Target::Flow(flow)),
            (None, None) => self.endpoint.resolve(&binding.contact.uri),
        }
    }

    /// Requests inside the dialog must pass here too (16.6 item 4); a NOTIFY can overtake the 2xx and make the
    /// dialog, so that it is treated alike (RFC 6665 4.3). A side that is a UE is told the token of its flow, so that
    /// it is reached over it. When the transports of both sides differ, each side is told its own (RFC 5658).
    fn record_route(&self, request: &mut Request, (flow, sender): (&Flow, Sender), hop: &NextHop) {
        let makes_dialog = matches!(
            request.method(),
            Method::Invite | Method::Subscribe | Method::Refer
        );
        let inside = request.headers().to().is_ok_and(|to| to.tag().is_some());
        if *request.method() != Method::Notify && (!makes_dialog || inside) {
            return;
        }
        let from = (sender == Sender::Ue).then_some(flow);
        let to = match &hop.target {
            Target::Flow(flow) if hop.towards != Towards::Server => Some(flow),
            _ => None,
        };
        let mut sides = vec![self.own_route_for(flow.transport, from)];
        if to.is_some() || hop.target.transport() != flow.transport {
            sides.push(self.own_route_for(hop.target.transport(), to));
        }
        for route in sides.into_iter().flatten() {
            let _ = request
                .headers_mut()
                .push_front(HeaderName::RECORD_ROUTE, route);
        }
    }

    /// This core as a Route, with the token of a flow.
    fn own_route_for(&self, transport: Transport, flow: Option<&Flow>) -> Option<String> {
        let uri = self.own_uri(transport)?.with_param("lr", None);
        let uri = match flow {
            None => uri,
            Some(flow) => {
                let token = self.flow_tokens.token(flow);
                let (scheme, rest) = uri.as_str().split_once(':')?;
                Uri::parse(format!("{scheme}:{token}@{rest}").as_bytes()).ok()?
            }
        };
        Some(NameAddr::new(uri).to_string())
    }

    /// The ACK of a 2xx goes its own way (16.11).
    pub(crate) fn forward_ack(&mut self, moment: &mut Moment<'_>, mut ack: Request, flow: &Flow) {
        let Ok(uri) = ack.uri() else {
            return;
        };
        let Ok((hop, _)) = self.prepare(&mut ack, flow, &uri) else {
            return;
        };
        if let Err(error) = self.endpoint.send_stateless(moment.random, ack, hop.target) {
            tracing::debug!(%error, "an ACK could not be sent on");
        }
    }

    pub(crate) fn forward_cancel(&mut self, moment: &mut Moment<'_>, transaction: TransactionId) {
        if let Some(handle) = self.forwards.by_transaction.get(&transaction).copied() {
            // Too late is no error: the final response is on its way.
            let _ = self.endpoint.cancel(moment.now, handle);
        }
    }

    /// A response of the next hop (16.7). A 100 stays here, 2xx to INVITE all pass.
    pub(crate) fn forward_response(
        &mut self,
        moment: &mut Moment<'_>,
        handle: RequestHandle,
        mut response: Response,
    ) {
        let Some(forward) = self.forwards.by_handle.get(&handle).cloned() else {
            return;
        };
        let status = response.status();
        if status == StatusCode::TRYING {
            return;
        }
        if let Some(identity) = forward.towards.ue() {
            strip_assertions(response.headers_mut());
            response
                .headers_mut()
                .remove(HeaderName::P_PREFERRED_IDENTITY);
            let _ = response
                .headers_mut()
                .set(HeaderName::P_ASSERTED_IDENTITY, format!("<{identity}>"));
        }
        if !self.is_trusted(&forward.flow) {
            hide_identity(response.headers_mut());
        }
        if status.is_final() {
            let first = self.forwards.finish(&forward);
            if *forward.original.method() != Method::Invite || !status.is_success() {
                self.forwards.by_handle.remove(&handle);
            } else if first {
                // Repeated and forked 2xx follow until timer M of the transaction.
                let end = moment.now + self.settings.timings.t1_times_64() + MARGIN;
                self.forwards.accepted.push_back((end, handle));
            }
        }
        self.relay_response(moment, forward.transaction, response);
    }

    /// No final response will come (16.9). A request other than INVITE gets no 408 (RFC 4320 4.1).
    pub(crate) fn forward_failed(
        &mut self,
        moment: &mut Moment<'_>,
        handle: RequestHandle,
        failure: Failure,
    ) {
        let Some(forward) = self.forwards.by_handle.remove(&handle) else {
            return;
        };
        self.forwards.finish(&forward);
        let status = match (failure, &forward.towards) {
            (Failure::Timeout, _) if *forward.original.method() != Method::Invite => return,
            (Failure::Timeout, _) => StatusCode::REQUEST_TIMEOUT,
            (_, Towards::Flow(_)) => StatusCode::FLOW_FAILED,
            (_, Towards::Ue(_)) => StatusCode::TEMPORARILY_UNAVAILABLE,
            (_, Towards::Server) => StatusCode::SERVICE_UNAVAILABLE,
        };
        let received = (forward.transaction, &forward.flow);
        self.refuse(moment, received, &forward.original, status);
    }

    /// The client of a request is gone, or its time is up.
    pub(crate) fn forward_abandoned(
        &mut self,
        moment: &mut Moment<'_>,
        transaction: TransactionId,
    ) {
        if let Some(handle) = self.forwards.by_transaction.get(&transaction).copied()
            && let Some(forward) = self.forwards.by_handle.remove(&handle)
        {
            self.forwards.finish(&forward);
            let _ = self.endpoint.cancel(moment.now, handle);
        }
    }
}

/// Whether two flows are one.
fn is_same_flow(one: &Flow, other: &Flow) -> bool {
    one.transport == other.transport
        && match one.transport {
            Transport::Udp => one.peer == other.peer,
            _ => one.connection == other.connection,
        }
}

fn status_of(error: &EndpointError) -> StatusCode {
    match error {
        EndpointError::LocalBuild(_) => StatusCode::BAD_REQUEST,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// What a looping request cannot change on its way (16.6 item 8).
fn mark_of(request: &Request) -> u64 {
    let mut hasher = DefaultHasher::new();
    request.method().hash(&mut hasher);
    request.uri_octets().hash(&mut hasher);
    let names = [
        HeaderName::FROM,
        HeaderName::TO,
        HeaderName::CALL_ID,
        HeaderName::CSEQ,
    ];
    for name in names {
        request.headers().get(name).hash(&mut hasher);
    }
    for route in request.headers().values(HeaderName::ROUTE) {
        route.hash(&mut hasher);
    }
    hasher.finish()
}
