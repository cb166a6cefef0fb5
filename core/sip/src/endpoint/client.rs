//! Requests of the user (RFC 3261 8.1, 17.1).

use super::event::{Answer, Failure, Origin, Output, RequestHandle, Ticket, Transmit};
use super::flow::{Target, Transport};
use super::{Endpoint, EndpointError, Flow, Role, ident};
use crate::dialog::DialogKey;
use crate::header::Via;
use crate::message::{HeaderName, Method, Request, Response};
use crate::transaction::timed::{SlotId, Timed};
use crate::transaction::{
    Action, Actions, ClientEvent, ClientInvite, ClientNonInvite, Context, TimerName, TransactionKey,
};
use roger_base::{Instant, Random};
use std::sync::Arc;

/// Early dialogs that one INVITE may make; further forks are told without a dialog.
const MAX_EARLY_DIALOGS: usize = 16;

#[derive(Debug, Clone, Copy)]
enum Machine {
    Invite(ClientInvite),
    Other(ClientNonInvite),
}

impl Machine {
    fn start(method: &Method, context: &Context) -> Self {
        match method {
            Method::Invite => Self::Invite(ClientInvite::start(context)),
            _ => Self::Other(ClientNonInvite::start(context)),
        }
    }

    fn on(&mut self, event: ClientEvent, context: &Context) -> Actions {
        match self {
            Self::Invite(machine) => {
                let (next, actions) = machine.on(event, context);
                *machine = next;
                actions
            }
            Self::Other(machine) => {
                let (next, actions) = machine.on(event, context);
                *machine = next;
                actions
            }
        }
    }

    fn is_terminated(&self) -> bool {
        matches!(
            self,
            Self::Invite(ClientInvite::Terminated) | Self::Other(ClientNonInvite::Terminated)
        )
    }

    fn is_unanswered(&self) -> bool {
        match self {
            Self::Invite(machine) => {
                matches!(
                    machine,
                    ClientInvite::Calling { .. } | ClientInvite::Proceeding { .. }
                )
            }
            Self::Other(machine) => {
                matches!(
                    machine,
                    ClientNonInvite::Trying { .. } | ClientNonInvite::Proceeding { .. }
                )
            }
        }
    }
}

/// Whether a CANCEL goes out: only after a provisional response (9.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cancel {
    No,
    Wanted,
    Sent,
}

/// Whose request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    User,
    /// Ours: nobody hears of its end.
    Endpoint,
}

/// A client transaction.
#[derive(Debug)]
pub(super) struct Client {
    machine: Machine,
    key: TransactionKey,
    target: Target,
    owner: Owner,
    cancel: Cancel,
    /// The request as sent, while it may have to be repeated.
    octets: Option<Arc<[u8]>>,
    /// INVITE and SUBSCRIBE without body, while ACK, CANCEL or dialogs may follow from it.
    request: Option<Box<Request>>,
    /// The ACK of a final response from 300 to 699.
    ack: Option<Arc<[u8]>>,
    /// The dialog it was sent in.
    call: Option<SlotId>,
    /// Early dialogs it made.
    early: Vec<SlotId>,
}

impl Timed for Client {
    fn next_timer(&self) -> Option<(Instant, TimerName)> {
        match &self.machine {
            Machine::Invite(machine) => machine.next_timer(),
            Machine::Other(machine) => machine.next_timer(),
        }
    }
}

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
        let branch = ident::branch(random)?;
        let target = self.choose_transport(&request, target)?;
        self.push_via(&mut request, target.transport(), &branch)?;
        self.add_client(now, request, target, &branch, Owner::User, call)
    }

    fn add_client(
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
        let address = self.settings.sent_by.get(&transport);
        let address = address
            .ok_or_else(|| EndpointError::LocalNoRoute(format!("a peer over {transport}")))?;
        let host = match address {
            std::net::SocketAddr::V4(address) => address.ip().to_string(),
            std::net::SocketAddr::V6(address) => format!("[{}]", address.ip()),
        };
        let mut via = Via::new(transport.as_str(), &host, Some(address.port()), branch);
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
        let client = self
            .clients
            .get(handle.0)
            .ok_or(EndpointError::LocalState("the request is gone"))?;
        match client.machine {
            Machine::Invite(ClientInvite::Calling { .. }) => {
                self.clients
                    .update(handle.0, |client| client.cancel = Cancel::Wanted);
                Ok(())
            }
            Machine::Invite(ClientInvite::Proceeding { .. }) => self.send_cancel(now, handle.0),
            _ => Err(EndpointError::LocalState(
                "only an INVITE without final response is cancelled",
            )),
        }
    }

    fn send_cancel(&mut self, now: Instant, id: SlotId) -> Result<(), EndpointError> {
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

    pub(super) fn on_response(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        _flow: Flow,
        mut response: Response,
    ) -> Result<(), EndpointError> {
        let Some(id) = self.client_of(&response) else {
            self.counters.stray_responses += 1;
            return Err(EndpointError::PeerStrayResponse);
        };
        response.headers_mut().remove_first_element(HeaderName::VIA);
        let event = ClientEvent::response(response.status().as_u16());
        self.client_event(now, random, id, event, Some(response));
        Ok(())
    }

    fn client_of(&self, response: &Response) -> Option<SlotId> {
        let via = response.headers().top_via().ok()?;
        let cseq = response.headers().cseq().ok()?;
        let key = TransactionKey::client(via.branch()?, &cseq.method);
        self.client_keys.get(&key).copied()
    }

    /// One event of a client transaction, and what follows from it.
    pub(super) fn client_event(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        id: SlotId,
        event: ClientEvent,
        response: Option<Response>,
    ) {
        let Some(client) = self.clients.get(id) else {
            return;
        };
        let context = self.context(now, client.target.transport().reliability());
        let Some(actions) = self
            .clients
            .update(id, |client| client.machine.on(event, &context))
        else {
            return;
        };
        let mut response = response;
        for action in actions.iter() {
            self.client_action(now, random, id, action, &mut response);
        }
        self.settle_client(id);
    }

    fn client_action(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        id: SlotId,
        action: Action,
        response: &mut Option<Response>,
    ) {
        match action {
            Action::Send | Action::Repeat => self.repeat_request(id),
            Action::SendAck => self.acknowledge_failure(id, response.as_ref()),
            Action::Cancel => {
                // What cannot be cancelled ends 64·T1 later by itself.
                let _ = self.send_cancel(now, id);
            }
            Action::Deliver => {
                if let Some(response) = response.take() {
                    self.deliver_response(now, random, id, response);
                }
            }
            Action::Timeout => self.fail_client(id, Failure::Timeout),
            Action::TransportFailed => self.fail_client(id, Failure::Transport),
            Action::AnswerTrying | Action::Refuse => {}
        }
    }

    fn repeat_request(&mut self, id: SlotId) {
        let Some(client) = self.clients.get(id) else {
            return;
        };
        let (Some(octets), target) = (client.octets.clone(), client.target) else {
            return;
        };
        self.counters.retransmissions += 1;
        self.transmit(Transmit {
            target,
            octets,
            ticket: Ticket(Origin::Client(id)),
        });
    }

    /// Sends the ACK of a final response from 300 to 699 (17.1.1.3).
    fn acknowledge_failure(&mut self, id: SlotId, response: Option<&Response>) {
        let Some(client) = self.clients.get(id) else {
            return;
        };
        let target = client.target;
        let octets = match &client.ack {
            Some(octets) => Arc::clone(octets),
            None => {
                let to = response.and_then(|response| response.headers().get(HeaderName::TO));
                let ack = client
                    .request
                    .as_ref()
                    .and_then(|invite| hop_request(invite, Method::Ack, to).ok());
                let Some(ack) = ack else { return };
                let octets: Arc<[u8]> = ack.to_octets().into();
                self.clients
                    .update(id, |client| client.ack = Some(Arc::clone(&octets)));
                octets
            }
        };
        self.transmit(Transmit {
            target,
            octets,
            ticket: Ticket(Origin::Client(id)),
        });
    }

    fn deliver_response(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        id: SlotId,
        response: Response,
    ) {
        let Some(client) = self.clients.get(id) else {
            return;
        };
        let (owner, cancel, call) = (client.owner, client.cancel, client.call);
        let is_invite = matches!(client.machine, Machine::Invite(_));
        if cancel == Cancel::Wanted && response.status().is_provisional() {
            // Nothing to report when it fails: the INVITE ends by itself.
            let _ = self.send_cancel(now, id);
        }
        if owner == Owner::Endpoint {
            return;
        }
        let dialog = if self.is_user_agent() {
            match self.dialog_of_response(now, random, id, &response) {
                DialogOf::Suppress => return,
                DialogOf::Call(call) => Some(call),
                DialogOf::None => call,
            }
        } else {
            None
        };
        let ends_dialog = !is_invite || response.status().is_final();
        let status = response.status().as_u16();
        let answer = Answer {
            handle: RequestHandle(id),
            response,
            dialog: dialog.map(super::DialogId),
        };
        self.outputs.push_back(Output::Response(Box::new(answer)));
        if let Some(call) = call
            && ends_dialog
        {
            self.after_answer_in_dialog(id, call, status);
        }
    }

    fn fail_client(&mut self, id: SlotId, failure: Failure) {
        let Some(client) = self.clients.get(id) else {
            return;
        };
        let call = client.call;
        if client.owner == Owner::User {
            self.outputs.push_back(Output::Failed {
                handle: RequestHandle(id),
                failure,
            });
        }
        if let Some(call) = call {
            let status = if failure == Failure::Timeout {
                408
            } else {
                503
            };
            self.after_answer_in_dialog(id, call, status);
        }
    }

    /// Frees what is not needed any more, and the transaction once it is terminated.
    fn settle_client(&mut self, id: SlotId) {
        let Some(client) = self.clients.get(id) else {
            return;
        };
        if client.machine.is_terminated() {
            self.remove_client(id);
            return;
        }
        let idle = !client.machine.is_unanswered();
        if idle && (client.octets.is_some() || client.keeps_request_in_vain()) {
            self.clients.update(id, |client| {
                client.octets = None;
                if client.keeps_request_in_vain() {
                    client.request = None;
                }
            });
        }
    }

    fn remove_client(&mut self, id: SlotId) {
        let Some(client) = self.clients.remove(id) else {
            return;
        };
        self.client_keys.remove(&client.key);
        if let Some(request) = client
            .request
            .filter(|request| *request.method() == Method::Subscribe)
            && let Ok(key) = DialogKey::half_of_request_sent(&request)
            && self.subscribing.get(&key) == Some(&id)
        {
            self.subscribing.remove(&key);
        }
        if client.target.transport() != Transport::Udp {
            let peer = client.target.peer();
            if let Some(count) = self.clients_by_peer.get_mut(&peer) {
                *count -= 1;
                if *count == 0 {
                    self.clients_by_peer.remove(&peer);
                }
            }
        }
        for call in client.early {
            self.end_early(call);
        }
    }

    /// A connection is gone: what waits for an answer on it has failed.
    pub(super) fn on_closed(&mut self, now: Instant, random: &mut dyn Random, flow: Flow) {
        if self.clients_by_peer.contains_key(&flow.peer) {
            let waiting: Vec<SlotId> = self
                .clients
                .iter()
                .filter(|(_, client)| client.machine.is_unanswered() && client.target.is_on(&flow))
                .map(|(id, _)| id)
                .collect();
            for id in waiting {
                self.client_lost(now, random, id);
            }
        }
        self.outputs.push_back(Output::FlowClosed {
            connection: flow.connection,
        });
    }

    /// Also in Proceeding, where the standard has no transport error, since the answer had to come that way.
    fn client_lost(&mut self, now: Instant, random: &mut dyn Random, id: SlotId) {
        self.client_event(now, random, id, ClientEvent::TransportError, None);
        if self
            .clients
            .get(id)
            .is_some_and(|client| client.machine.is_unanswered())
        {
            self.fail_client(id, Failure::Transport);
            self.remove_client(id);
        }
    }

    pub(super) const fn is_user_agent(&self) -> bool {
        matches!(self.settings.role, Role::UserAgent)
    }

    /// The INVITE or SUBSCRIBE of a client transaction.
    pub(super) fn client_request(&self, id: SlotId) -> Option<&Request> {
        self.clients.get(id)?.request.as_deref()
    }

    /// Where a request was sent.
    pub(super) fn client_target(&self, id: SlotId) -> Option<Target> {
        self.clients.get(id).map(|client| client.target)
    }

    /// Notes an early dialog of an INVITE; `false` when it has too many.
    pub(super) fn note_early(&mut self, id: SlotId, call: SlotId) -> bool {
        let note = |client: &mut Client| {
            let fits = client.early.len() < MAX_EARLY_DIALOGS;
            if fits {
                client.early.push(call);
            }
            fits
        };
        self.clients.update(id, note).unwrap_or(false)
    }

    /// Early dialogs of an INVITE, which are no more when it fails.
    pub(super) fn take_early(&mut self, id: SlotId) -> Vec<SlotId> {
        self.clients
            .update(id, |client| core::mem::take(&mut client.early))
            .unwrap_or_default()
    }
}

/// What a response does to dialogs.
pub(super) enum DialogOf {
    /// The user knows it already.
    Suppress,
    /// It made or confirmed this one.
    Call(SlotId),
    /// Nothing.
    None,
}

impl Machine {
    /// Whether the request may be sent again.
    fn repeats(&self) -> bool {
        match self {
            Self::Invite(ClientInvite::Calling { a, .. }) => a.is_some(),
            Self::Other(ClientNonInvite::Trying { e, .. }) => e.is_some(),
            _ => false,
        }
    }
}

impl Client {
    /// An INVITE that was refused needs only its ACK.
    const fn keeps_request_in_vain(&self) -> bool {
        self.request.is_some()
            && matches!(
                self.machine,
                Machine::Invite(ClientInvite::Completed { .. })
            )
    }
}

impl Target {
    /// Whether messages for this target go over that connection.
    fn is_on(&self, flow: &Flow) -> bool {
        match self {
            Self::Flow(own) => own.connection == flow.connection && own.transport == flow.transport,
            Self::Address { transport, peer } => *transport == flow.transport && *peer == flow.peer,
        }
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
fn hop_request(
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
