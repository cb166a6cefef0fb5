//! Requests of the user (RFC 3261 8.1).

use super::client_state::{Cancel, Client, Machine, Owner};
use super::event::{Origin, RequestHandle, Ticket, Transmit};
use super::flow::{Target, Transport};
use super::{Endpoint, EndpointError, ident};
use crate::dialog::DialogKey;
use crate::header::Via;
use crate::message::{HeaderName, Method, Request};
use crate::transaction::timed::SlotId;
use crate::transaction::{ClientEvent, ClientInvite, TransactionKey};
use roger_base::{Instant, Random};
use std::sync::Arc;

impl Endpoint {
    /// Sends a request in a new transaction. The top Via is added here; From, To, Call-ID, `CSeq` and
    /// Max-Forwards must be there. A request that is too long for UDP goes by TCP to the same address.
    ///
    /// # Errors
    /// [`EndpointError`]: the table is full, no address for the transport, no randomness, or the method is
    /// ACK or CANCEL (see [`Endpoint::ack`], [`Endpoint::cancel`]).
    pub fn send_request(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        request: Request,
        target: Target,
    ) -> Result<RequestHandle, EndpointError> {
        self.start_client(now, random, request, target, None)
            .map(RequestHandle)
    }

    pub(super) fn start_client(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        mut request: Request,
        target: Target,
        call: Option<SlotId>,
    ) -> Result<SlotId, EndpointError> {
        if matches!(request.method(), Method::Ack | Method::Cancel) {
            return Err(EndpointError::LocalState(
                "ACK and CANCEL have calls of their own",
            ));
        }
        // An answer that finds no room for its dialog could not be acknowledged.
        let makes_dialog = matches!(request.method(), Method::Invite | Method::Subscribe);
        if makes_dialog && call.is_none() && self.is_user_agent() && self.calls.is_full() {
            return Err(EndpointError::LocalFull("dialogs"));
        }
        let branch = ident::branch(random)?;
        let target = self.choose_transport(&request, target)?;
        self.push_via(&mut request, target.transport(), &branch)?;
        self.add_client(now, request, target, &branch, Owner::User, call)
    }

    pub(super) fn add_client(
        &mut self,
        now: Instant,
        request: Request,
        target: Target,
        branch: &str,
        owner: Owner,
        call: Option<SlotId>,
    ) -> Result<SlotId, EndpointError> {
        let reliability = target.transport().reliability();
        let machine = Machine::start(request.method(), &self.context(now, reliability));
        let key = TransactionKey::client(branch, request.method());
        let octets: Arc<[u8]> = request.to_octets().into();
        let repeat = machine.repeats().then(|| Arc::clone(&octets));
        let subscribing = (*request.method() == Method::Subscribe && self.is_user_agent())
            .then(|| DialogKey::half_of_request_sent(&request).ok())
            .flatten();
        let kept = matches!(request.method(), Method::Invite | Method::Subscribe);
        let client = Client {
            machine,
            key: key.clone(),
            target,
            owner,
            cancel: Cancel::No,
            octets: repeat,
            request: if kept {
                Some(Box::new(without_body(request)?))
            } else {
                None
            },
            ack: None,
            call,
            early: Vec::new(),
            fail_over: None,
        };
        let id = self
            .clients
            .insert(client)
            .map_err(|_| EndpointError::LocalFull("client transactions"))?;
        self.client_keys.insert(key, id);
        if let Some(key) = subscribing {
            self.subscribing.insert(key, id);
        }
        if target.transport() != Transport::Udp {
            *self.clients_by_peer.entry(target.peer()).or_default() += 1;
        }
        self.transmit(Transmit {
            target,
            octets,
            ticket: Ticket(Origin::Client(id)),
        });
        Ok(id)
    }

    /// Sends a request that has no transaction: the ACK of a 2xx that a proxy hands on (16.6). A Via with a
    /// fresh branch is added.
    ///
    /// # Errors
    /// [`EndpointError`]: no address for the transport, or no randomness.
    pub fn send_stateless(
        &mut self,
        random: &mut dyn Random,
        mut request: Request,
        target: Target,
    ) -> Result<(), EndpointError> {
        let branch = ident::branch(random)?;
        let target = self.choose_transport(&request, target)?;
        self.push_via(&mut request, target.transport(), &branch)?;
        let octets = request.to_octets().into();
        self.transmit(Transmit {
            target,
            octets,
            ticket: Ticket(Origin::Stateless),
        });
        Ok(())
    }

    /// UDP becomes TCP when the request with its Via would exceed the limit (18.1.1).
    pub(super) fn choose_transport(
        &self,
        request: &Request,
        target: Target,
    ) -> Result<Target, EndpointError> {
        /// Octets of the Via to come: protocol, IPv6 address, branch, rport.
        const VIA: usize = 100;
        let length =
            request.line().len() + request.headers().octets_len() + request.body().len() + VIA;
        if target.transport() == Transport::Udp && length > self.settings.datagram_limit {
            return Ok(Target::tcp(target.peer()));
        }
        Ok(target)
    }

    pub(super) fn push_via(
        &self,
        request: &mut Request,
        transport: Transport,
        branch: &str,
    ) -> Result<(), EndpointError> {
        let own = self.settings.own_host(transport);
        let (host, port) =
            own.ok_or_else(|| EndpointError::LocalNoRoute(format!("a peer over {transport}")))?;
        let mut via = Via::new(transport.as_str(), &host, port, branch);
        via.params.set_flag("rport");
        request
            .headers_mut()
            .push_front(HeaderName::VIA, via.to_string())?;
        Ok(())
    }

    /// Cancels an INVITE. The CANCEL leaves once a provisional response has come (9.1); the INVITE still ends
    /// with a final response, 487 as a rule, or with [`Failure::Timeout`].
    ///
    /// # Errors
    /// [`EndpointError::LocalState`] when it is no INVITE or has its final response.
    pub fn cancel(&mut self, now: Instant, handle: RequestHandle) -> Result<(), EndpointError> {
        let id = self.current(handle);
        let client = self
            .clients
            .get(id)
            .ok_or(EndpointError::LocalState("the request is gone"))?;
        match client.machine {
            Machine::Invite(ClientInvite::Calling { .. }) => {
                self.clients
                    .update(id, |client| client.cancel = Cancel::Wanted);
                Ok(())
            }
            Machine::Invite(ClientInvite::Proceeding { .. }) => self.send_cancel(now, id),
            _ => Err(EndpointError::LocalState(
                "only an INVITE without final response is cancelled",
            )),
        }
    }

    pub(super) fn send_cancel(&mut self, now: Instant, id: SlotId) -> Result<(), EndpointError> {
        let client = self
            .clients
            .get(id)
            .ok_or(EndpointError::LocalState("the request is gone"))?;
        if client.cancel == Cancel::Sent {
            return Ok(());
        }
        let (target, reliability) = (client.target, client.target.transport().reliability());
        let invite = client
            .request
            .as_ref()
            .ok_or(EndpointError::LocalState("no INVITE is kept"))?;
        let branch = branch_of(invite)?;
        let cancel = hop_request(invite, Method::Cancel, invite.headers().get(HeaderName::TO))?;
        let context = self.context(now, reliability);
        self.clients.update(id, |client| {
            client.cancel = Cancel::Sent;
            client.machine.on(ClientEvent::Cancelled, &context)
        });
        self.add_client(now, cancel, target, &branch, Owner::Endpoint, None)?;
        Ok(())
    }
}

fn without_body(mut request: Request) -> Result<Request, EndpointError> {
    request.clear_body()?;
    Ok(request)
}

fn branch_of(request: &Request) -> Result<String, EndpointError> {
    let via = request.headers().top_via().ok();
    let branch = via.as_ref().and_then(Via::branch).map(str::to_owned);
    branch.ok_or(EndpointError::LocalState("the INVITE has no branch"))
}

/// CANCEL, or ACK of a failure: the INVITE's Request-URI, top Via, From, Call-ID, `CSeq` number and Routes
/// (9.1, 17.1.1.3).
pub(super) fn hop_request(
    invite: &Request,
    method: Method,
    to: Option<&[u8]>,
) -> Result<Request, EndpointError> {
    const GONE: EndpointError = EndpointError::LocalState("the INVITE is incomplete");
    let headers = invite.headers();
    let number = headers.cseq().map_err(|_| GONE)?.number;
    let via = headers.elements(HeaderName::VIA).next().ok_or(GONE)?;
    let mut builder = Request::builder(method, invite.uri().map_err(|_| GONE)?)
        .header(HeaderName::VIA, via)
        .header(HeaderName::FROM, headers.get(HeaderName::FROM).ok_or(GONE)?)
        .header(HeaderName::TO, to.ok_or(GONE)?)
        .header(
            HeaderName::CALL_ID,
            headers.get(HeaderName::CALL_ID).ok_or(GONE)?,
        )
        .header(HeaderName::CSEQ, number.to_string());
    for route in headers.values(HeaderName::ROUTE) {
        builder = builder.header(HeaderName::ROUTE, route);
    }
    Ok(builder.build()?)
}
