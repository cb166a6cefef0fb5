//! From octets to a transaction (RFC 3261 18.2.1, 17.2.3, 12.2.2).

use super::flow::Flow;
use super::{Endpoint, EndpointError, Role};
use crate::dialog::DialogKey;
use crate::header::HeaderError;
use crate::message::{
    HeaderName, Message, Method, ParseError, Request, Response, StatusCode, StreamError,
};
use crate::overload::Standing;
use crate::transaction::timed::SlotId;
use crate::transaction::{ServerEvent, TransactionKey};
use crate::validate::{Refusal, validate, validate_response, validate_response_at_user_agent};
use roger_base::{Instant, Random};

impl Endpoint {
    pub(super) fn on_datagram(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        (flow, standing): (Flow, Standing),
        octets: &[u8],
    ) -> Result<(), EndpointError> {
        // Not worth reading: whatever it says it is a stranger's.
        if standing == Standing::Stranger && self.queue_delay > self.settings.shedding.stranger {
            self.shed(now, flow, octets);
            return Err(EndpointError::LocalFull("messages that wait"));
        }
        match Message::parse_datagram(octets, &self.settings.limits) {
            Ok(message) => self.on_message(now, random, (flow, standing), message),
            Err(ParseError::KeepAlive) => Ok(()),
            Err(error) => {
                self.counters.unreadable += 1;
                Err(error.into())
            }
        }
    }

    pub(super) fn on_message(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        (flow, standing): (Flow, Standing),
        message: Message,
    ) -> Result<(), EndpointError> {
        match message {
            Message::Request(request) => self.on_request(now, random, (flow, standing), request),
            Message::Response(response) => {
                self.check_response(&response)?;
                self.on_response(now, random, flow, response)
            }
        }
    }

    /// Answers the request whose framing cannot be trusted; the rim closes the stream.
    pub(super) fn on_broken_stream(
        &mut self,
        flow: Flow,
        error: StreamError,
    ) -> Result<(), EndpointError> {
        self.counters.unreadable += 1;
        let (status, reason) = (error.status(), error.reason.to_string());
        if let Some(message) = error.message
            && let Message::Request(mut request) = *message
        {
            // An unreadable Via gets no answer.
            if mark_source(&mut request, flow).is_ok() {
                self.refuse(flow, &request, Response::to(&request, status));
            }
        }
        Err(EndpointError::PeerInvalid {
            status: status.as_u16(),
            reason,
        })
    }

    fn on_request(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        (flow, standing): (Flow, Standing),
        mut request: Request,
    ) -> Result<(), EndpointError> {
        // A Via that cannot be read makes the validation fail.
        let marked = mark_source(&mut request, flow);
        if let Err(refusal) = validate(&request) {
            return Err(self.refuse_invalid(flow, &request, &refusal));
        }
        marked.map_err(|error| self.invalid(StatusCode::BAD_REQUEST, &error))?;
        let key = match TransactionKey::server(&request) {
            Ok(key) => key,
            Err(error) => {
                self.refuse(
                    flow,
                    &request,
                    Response::to(&request, StatusCode::BAD_REQUEST),
                );
                return Err(self.invalid(StatusCode::BAD_REQUEST, &error));
            }
        };
        if *request.method() == Method::Ack {
            self.on_ack(now, random, flow, request, &key);
            return Ok(());
        }
        if let Some(id) = self.server_keys.get(&key).copied() {
            self.server_event(now, random, id, ServerEvent::Retransmission);
            return Ok(());
        }
        self.admit(now, (flow, standing), &request)?;
        if *request.method() == Method::Cancel {
            return self.on_cancel(now, random, flow, request, key);
        }
        if let Some(capabilities) = &self.settings.capabilities
            && let Err(refusal) = capabilities.admit(&request)
        {
            return Err(self.refuse_invalid(flow, &request, &refusal));
        }
        self.on_new_request(now, flow, request, key)
    }

    fn on_new_request(
        &mut self,
        now: Instant,
        flow: Flow,
        request: Request,
        key: TransactionKey,
    ) -> Result<(), EndpointError> {
        let call = match self.call_of_request(flow, &request) {
            Ok(call) => call,
            Err(status) => {
                // The transaction absorbs repetitions only when it exists; a stateless answer is the same each time.
                self.refuse(flow, &request, Response::to(&request, status));
                let reason = status.reason().to_owned();
                return Err(EndpointError::PeerInvalid {
                    status: status.as_u16(),
                    reason,
                });
            }
        };
        let id = self.start_server(now, flow, key, &request, call)?;
        self.deliver_request(id, flow, request);
        Ok(())
    }

    fn on_ack(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        flow: Flow,
        request: Request,
        key: &TransactionKey,
    ) {
        if self.on_ack_of_transaction(now, random, key) {
            return;
        }
        match self.settings.role {
            Role::Proxy => self.deliver_ack(flow, request, None),
            Role::UserAgent => self.on_ack_in_dialog(now, random, flow, request),
        }
    }

    /// The dialog of a request with a To tag, or the status of its refusal.
    fn call_of_request(
        &mut self,
        flow: Flow,
        request: &Request,
    ) -> Result<Option<SlotId>, StatusCode> {
        let inside = request.headers().to().is_ok_and(|to| to.tag().is_some());
        if !self.is_user_agent() || !inside {
            return Ok(None);
        }
        let key = DialogKey::of_request(request).map_err(|_| StatusCode::BAD_REQUEST)?;
        let known = self.call_keys.get(&key).copied();
        match known.or_else(|| self.call_of_notify(flow, request)) {
            Some(id) => self.request_in_call(id, request).map(|()| Some(id)),
            None => Err(StatusCode::CALL_DOES_NOT_EXIST),
        }
    }

    fn check_response(&mut self, response: &Response) -> Result<(), EndpointError> {
        let checked = validate_response(response).and_then(|()| match self.settings.role {
            Role::UserAgent => validate_response_at_user_agent(response),
            Role::Proxy => Ok(()),
        });
        checked.map_err(|cause| self.invalid(response.status(), &cause))
    }

    fn refuse_invalid(
        &mut self,
        flow: Flow,
        request: &Request,
        refusal: &Refusal,
    ) -> EndpointError {
        if let Ok(Some(answer)) = refusal.answer(request) {
            self.answer_stateless(flow, request, answer);
        }
        self.invalid(refusal.status, &refusal.cause)
    }

    pub(super) fn refuse(&mut self, flow: Flow, request: &Request, response: Response) {
        if *request.method() != Method::Ack {
            self.answer_stateless(flow, request, response);
        }
    }

    fn invalid(&mut self, status: StatusCode, reason: &dyn core::fmt::Display) -> EndpointError {
        self.counters.invalid += 1;
        EndpointError::PeerInvalid {
            status: status.as_u16(),
            reason: reason.to_string(),
        }
    }
}

/// Writes into the top Via where the request really came from (18.2.1, RFC 3581 4).
pub(super) fn mark_source(request: &mut Request, flow: Flow) -> Result<(), HeaderError> {
    let mut via = request.headers().top_via()?;
    let source = flow.peer.ip();
    let host = via.host.trim_start_matches('[').trim_end_matches(']');
    let same = host
        .parse()
        .is_ok_and(|host: std::net::IpAddr| host == source);
    let asks = via.wants_rport();
    if same && !asks && via.received().is_none() {
        return Ok(());
    }
    via.params.set("received", &source.to_string());
    if asks {
        via.params.set("rport", &flow.peer.port().to_string());
    }
    let replaced = request
        .headers_mut()
        .replace_first_element(HeaderName::VIA, via.to_string());
    replaced.map(|_| ()).map_err(|_| HeaderError::Via)
}
