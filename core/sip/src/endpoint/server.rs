//! Answers of the user (RFC 3261 8.2, 17.2).

use super::event::{AckReceived, Incoming, Origin, Output, ServerFailure, Ticket, Transmit};
use super::flow::{Flow, Target, Transport};
use super::{DialogId, Endpoint, EndpointError, TransactionId, ident};
use crate::message::{HeaderName, Method, Request, Response, StatusCode};
use crate::transaction::timed::{SlotId, Timed};
use crate::transaction::{
    Action, Actions, Context, ServerEvent, ServerInvite, ServerNonInvite, TimerName, TransactionKey,
};
use roger_base::{Instant, Random};
use std::net::SocketAddr;
use std::sync::Arc;

#[derive(Debug, Clone, Copy)]
enum Machine {
    Invite(ServerInvite),
    Other(ServerNonInvite),
}

impl Machine {
    fn start(method: &Method, context: &Context) -> Self {
        match method {
            Method::Invite => Self::Invite(ServerInvite::start(context)),
            _ => Self::Other(ServerNonInvite::start(context)),
        }
    }

    fn on(&mut self, event: ServerEvent, context: &Context) -> Actions {
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

    const fn is_terminated(&self) -> bool {
        matches!(
            self,
            Self::Invite(ServerInvite::Terminated) | Self::Other(ServerNonInvite::Terminated)
        )
    }

    const fn is_proceeding(&self) -> bool {
        matches!(
            self,
            Self::Invite(ServerInvite::Proceeding { .. })
                | Self::Other(ServerNonInvite::Trying { .. } | ServerNonInvite::Proceeding { .. })
        )
    }

    /// Whether the last response may have to be sent again.
    const fn repeats(&self) -> bool {
        !matches!(
            self,
            Self::Invite(ServerInvite::Accepted { .. } | ServerInvite::Confirmed { .. })
        )
    }
}

/// A server transaction.
#[derive(Debug)]
pub(super) struct Server {
    machine: Machine,
    key: TransactionKey,
    target: Target,
    /// Where a response goes when its connection is gone (18.2.2).
    fallback: Option<Box<SocketAddr>>,
    /// The last response, while it may have to be repeated.
    last: Option<Arc<[u8]>>,
    /// INVITE and SUBSCRIBE without body, until the final answer.
    request: Option<Box<Request>>,
    /// The To tag we chose.
    tag: Option<Box<str>>,
    /// The dialog it came in or made.
    call: Option<SlotId>,
    is_bye: bool,
}

impl Timed for Server {
    fn next_timer(&self) -> Option<(Instant, TimerName)> {
        match &self.machine {
            Machine::Invite(machine) => machine.next_timer(),
            Machine::Other(machine) => machine.next_timer(),
        }
    }
}

impl Endpoint {
    /// Answers a request. A To tag is added to all but 100; a user agent's 2xx to an INVITE gets a Contact
    /// when it has none, is repeated until the ACK, and makes a dialog, which is returned (also for 101 to
    /// 199, and for a 2xx to SUBSCRIBE).
    ///
    /// # Errors
    /// [`EndpointError::LocalState`] when the transaction is gone or already has its final answer,
    /// [`EndpointError::LocalFull`] when there are too many dialogs.
    pub fn respond(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        transaction: TransactionId,
        mut response: Response,
    ) -> Result<Option<DialogId>, EndpointError> {
        let id = transaction.0;
        let server = self
            .servers
            .get(id)
            .ok_or(EndpointError::LocalState("the transaction is gone"))?;
        let was_bye = server.is_bye && response.status().is_final();
        let old_call = server.call;
        self.tag_response(random, id, &mut response)?;
        let call = if self.is_user_agent() {
            self.call_of_answer(id, &mut response)?
        } else {
            None
        };
        let octets: Arc<[u8]> = response.to_octets().into();
        if let Err(error) = self.send_answer(now, random, id, response.status(), &octets) {
            if call.is_some() && old_call.is_none() {
                self.drop_call(call);
            }
            return Err(error);
        }
        if let Some(call) = call {
            self.after_answer(now, id, call, &response, octets);
        }
        if was_bye && let Some(call) = old_call {
            self.end_call(call);
        }
        Ok(call.or(old_call).map(DialogId))
    }

    /// Hands the octets to the machine and sends them when it allows.
    fn send_answer(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        id: SlotId,
        status: StatusCode,
        octets: &Arc<[u8]>,
    ) -> Result<(), EndpointError> {
        let server = self
            .servers
            .get(id)
            .ok_or(EndpointError::LocalState("the transaction is gone"))?;
        let context = self.context(now, server.target.transport().reliability());
        let actions = self.servers.update(id, |server| {
            let actions = server
                .machine
                .on(ServerEvent::answer(status.as_u16()), &context);
            if actions.iter().any(|action| action == Action::Send) {
                server.last = server.machine.repeats().then(|| Arc::clone(octets));
            }
            if status.is_final() {
                server.request = None;
            }
            actions
        });
        let actions = actions.unwrap_or_default();
        if actions.iter().any(|action| action == Action::Refuse) {
            return Err(EndpointError::LocalState(
                "the request has its final answer",
            ));
        }
        for action in actions.iter() {
            if action == Action::Send {
                self.transmit_answer(id, Arc::clone(octets));
            } else {
                self.server_action(now, random, id, action, None);
            }
        }
        self.settle_server(id);
        Ok(())
    }

    fn transmit_answer(&mut self, id: SlotId, octets: Arc<[u8]>) {
        if let Some(server) = self.servers.get(id) {
            let target = server.target;
            self.transmit(Transmit {
                target,
                octets,
                ticket: Ticket(Origin::Server(id)),
            });
        }
    }

    fn tag_response(
        &mut self,
        random: &mut dyn Random,
        id: SlotId,
        response: &mut Response,
    ) -> Result<(), EndpointError> {
        let has_tag = response.headers().to().is_ok_and(|to| to.tag().is_some());
        if has_tag || response.status() == StatusCode::TRYING || !self.is_user_agent() {
            return Ok(());
        }
        let known = self.servers.get(id).and_then(|server| server.tag.clone());
        let tag = match known {
            Some(tag) => tag,
            None => ident::tag(random)?.into(),
        };
        response.add_to_tag(&tag)?;
        // Only an INVITE is answered more than once.
        if !response.status().is_final() {
            self.servers.update(id, |server| server.tag = Some(tag));
        }
        Ok(())
    }

    /// A request that belongs to no transaction yet.
    pub(super) fn start_server(
        &mut self,
        now: Instant,
        flow: Flow,
        key: TransactionKey,
        request: &Request,
        call: Option<SlotId>,
    ) -> Result<SlotId, EndpointError> {
        let context = self.context(now, flow.transport.reliability());
        let kept = self.is_user_agent()
            && matches!(request.method(), Method::Invite | Method::Subscribe)
            || *request.method() == Method::Invite;
        let request_kept = if kept {
            let mut copy = request.clone();
            copy.clear_body()?;
            Some(Box::new(copy))
        } else {
            None
        };
        let server = Server {
            machine: Machine::start(request.method(), &context),
            key: key.clone(),
            target: answer_target(flow, request),
            fallback: fallback(flow, request),
            last: None,
            request: request_kept,
            tag: None,
            call,
            is_bye: *request.method() == Method::Bye,
        };
        let id = self
            .servers
            .insert(server)
            .map_err(|_| EndpointError::LocalFull("server transactions"))?;
        self.server_keys.insert(key, id);
        Ok(id)
    }

    pub(super) fn deliver_request(&mut self, id: SlotId, flow: Flow, request: Request) {
        let call = self.servers.get(id).and_then(|server| server.call);
        let incoming = Incoming {
            request,
            flow,
            transaction: TransactionId(id),
            dialog: call.map(DialogId),
        };
        self.outputs.push_back(Output::Incoming(Box::new(incoming)));
    }

    /// A CANCEL (9.2): answered here; a user agent's INVITE gets 487.
    pub(super) fn on_cancel(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        flow: Flow,
        request: Request,
        key: TransactionKey,
    ) -> Result<(), EndpointError> {
        let invite = TransactionKey::cancelled(&request)
            .ok()
            .and_then(|key| self.server_keys.get(&key));
        let invite = invite.copied();
        let id = self.start_server(now, flow, key, &request, None)?;
        let status = if invite.is_some() {
            StatusCode::OK
        } else {
            StatusCode::CALL_DOES_NOT_EXIST
        };
        let mut response = Response::to(&request, status);
        let tag = match invite
            .and_then(|id| self.servers.get(id))
            .and_then(|invite| invite.tag.clone())
        {
            Some(tag) => tag,
            None => ident::tag(random)?.into(),
        };
        response.add_to_tag(&tag)?;
        let octets = response.to_octets().into();
        self.send_answer(now, random, id, status, &octets)?;
        let Some(invite) = invite else { return Ok(()) };
        let Some(server) = self.servers.update(invite, |server| {
            server.tag.get_or_insert(tag);
            (server.machine.is_proceeding(), server.request.clone())
        }) else {
            return Ok(());
        };
        let (true, Some(original)) = server else {
            return Ok(());
        };
        if self.is_user_agent() {
            let terminated = Response::to(&original, StatusCode::REQUEST_TERMINATED);
            self.respond(now, random, TransactionId(invite), terminated)?;
        }
        let transaction = TransactionId(invite);
        self.outputs.push_back(Output::Cancelled {
            transaction,
            request: Box::new(request),
        });
        Ok(())
    }

    /// An ACK whose branch is that of an INVITE; `false` when there is none.
    pub(super) fn on_ack_of_transaction(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        key: &TransactionKey,
    ) -> bool {
        let Some(id) = self.server_keys.get(key).copied() else {
            return false;
        };
        let accepted = self.servers.get(id).is_some_and(|server| {
            matches!(
                server.machine,
                Machine::Invite(ServerInvite::Accepted { .. })
            )
        });
        if accepted {
            return false;
        }
        self.server_event(now, random, id, ServerEvent::Ack);
        true
    }

    pub(super) fn deliver_ack(&mut self, flow: Flow, request: Request, dialog: Option<SlotId>) {
        let dialog = dialog.map(DialogId);
        self.outputs.push_back(Output::Ack(Box::new(AckReceived {
            request,
            flow,
            dialog,
        })));
    }

    /// One event of a server transaction, and what follows from it.
    pub(super) fn server_event(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        id: SlotId,
        event: ServerEvent,
    ) {
        let Some(server) = self.servers.get(id) else {
            return;
        };
        let context = self.context(now, server.target.transport().reliability());
        let original = server
            .request
            .clone()
            .filter(|_| matches!(event, ServerEvent::Timer(_)));
        let Some(actions) = self
            .servers
            .update(id, |server| server.machine.on(event, &context))
        else {
            return;
        };
        for action in actions.iter() {
            self.server_action(now, random, id, action, original.as_deref());
        }
        self.settle_server(id);
    }

    fn server_action(
        &mut self,
        _now: Instant,
        _random: &mut dyn Random,
        id: SlotId,
        action: Action,
        original: Option<&Request>,
    ) {
        match action {
            Action::Repeat => {
                if let Some(octets) = self.servers.get(id).and_then(|server| server.last.clone()) {
                    self.counters.retransmissions += 1;
                    self.transmit_answer(id, octets);
                }
            }
            Action::AnswerTrying => {
                let Some(original) = original else { return };
                let octets: Arc<[u8]> = Response::to(original, StatusCode::TRYING)
                    .to_octets()
                    .into();
                self.servers
                    .update(id, |server| server.last = Some(Arc::clone(&octets)));
                self.transmit_answer(id, octets);
            }
            Action::Timeout => self.fail_server(id, original),
            Action::TransportFailed => {
                let transaction = TransactionId(id);
                self.outputs.push_back(Output::ServerFailed {
                    transaction,
                    failure: ServerFailure::Transport,
                });
            }
            Action::Send | Action::SendAck | Action::Deliver | Action::Cancel | Action::Refuse => {}
        }
    }

    /// Timer H, or an answer that never came. An INVITE gets 408 then; other requests get nothing, since
    /// their client has given up (RFC 4320 4.1).
    fn fail_server(&mut self, id: SlotId, original: Option<&Request>) {
        let failure = if original.is_some() || self.is_unanswered(id) {
            ServerFailure::Unanswered
        } else {
            ServerFailure::NoAck
        };
        if let Some(invite) = original.filter(|request| *request.method() == Method::Invite) {
            let mut response = Response::to(invite, StatusCode::REQUEST_TIMEOUT);
            let tag = self.servers.get(id).and_then(|server| server.tag.clone());
            let tagged = response.add_to_tag(tag.as_deref().unwrap_or("unanswered"));
            if tagged.is_ok() {
                self.transmit_answer(id, response.to_octets().into());
            }
        }
        self.outputs.push_back(Output::ServerFailed {
            transaction: TransactionId(id),
            failure,
        });
        if let Some(call) = self.servers.get(id).and_then(|server| server.call) {
            self.end_early(call);
        }
    }

    fn is_unanswered(&self, id: SlotId) -> bool {
        self.servers
            .get(id)
            .is_some_and(|server| matches!(server.machine, Machine::Other(_)))
    }

    fn settle_server(&mut self, id: SlotId) {
        if self
            .servers
            .get(id)
            .is_some_and(|server| server.machine.is_terminated())
        {
            let Some(server) = self.servers.remove(id) else {
                return;
            };
            self.server_keys.remove(&server.key);
        } else if self
            .servers
            .get(id)
            .is_some_and(|s| s.last.is_some() && !s.machine.repeats())
        {
            self.servers.update(id, |server| server.last = None);
        }
    }

    pub(super) fn on_transmit_failed(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        ticket: Ticket,
    ) {
        match ticket.0 {
            Origin::Client(id) => {
                let event = crate::transaction::ClientEvent::TransportError;
                self.client_event(now, random, id, event, None);
            }
            Origin::Server(id) => {
                if !self.answer_elsewhere(id) {
                    self.server_event(now, random, id, ServerEvent::TransportError);
                }
            }
            Origin::Stateless => {}
        }
    }

    /// The connection of a request is gone: its answer goes to the address of its Via, once (18.2.2).
    fn answer_elsewhere(&mut self, id: SlotId) -> bool {
        let moved = self.servers.update(id, |server| {
            let peer = *server.fallback.take()?;
            server.target = Target::tcp(peer);
            server.last.clone()
        });
        let Some(Some(octets)) = moved else {
            return false;
        };
        self.transmit_answer(id, octets);
        true
    }

    /// The INVITE or SUBSCRIBE of a server transaction and the dialog it is in.
    pub(super) fn server_request(&self, id: SlotId) -> Option<(&Request, Option<SlotId>, Target)> {
        let server = self.servers.get(id)?;
        Some((server.request.as_deref()?, server.call, server.target))
    }

    /// Where answers go.
    pub(super) fn server_target(&self, id: SlotId) -> Option<Target> {
        self.servers.get(id).map(|server| server.target)
    }

    pub(super) fn set_server_call(&mut self, id: SlotId, call: SlotId) {
        self.servers.update(id, |server| server.call = Some(call));
    }

    /// Answers without a transaction: repeated requests get the same answer again.
    pub(super) fn answer_stateless(
        &mut self,
        flow: Flow,
        request: &Request,
        mut response: Response,
    ) {
        if response.add_to_tag(&stateless_tag(request)).is_err() {
            return;
        }
        let target = answer_target(flow, request);
        let octets = response.to_octets().into();
        self.transmit(Transmit {
            target,
            octets,
            ticket: Ticket(Origin::Stateless),
        });
    }
}

/// The same tag for the same request (8.2.7).
fn stateless_tag(request: &Request) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    for name in [
        HeaderName::VIA,
        HeaderName::CALL_ID,
        HeaderName::FROM,
        HeaderName::CSEQ,
    ] {
        request.headers().get(name).hash(&mut hasher);
    }
    format!("s{:016x}", hasher.finish())
}

/// A response goes back on its connection; by UDP to the source port when the client asked for it, else to
/// the port of sent-by (18.2.2, RFC 3581 4).
fn answer_target(flow: Flow, request: &Request) -> Target {
    let mut flow = flow;
    if flow.transport == Transport::Udp
        && let Ok(via) = request.headers().top_via()
        && !via.wants_rport()
    {
        flow.peer.set_port(via.port.unwrap_or(5060));
    }
    Target::Flow(flow)
}

/// Source address with the port of sent-by, for streams.
fn fallback(flow: Flow, request: &Request) -> Option<Box<SocketAddr>> {
    if flow.transport == Transport::Udp {
        return None;
    }
    let via = request.headers().top_via().ok()?;
    let mut address = flow.peer;
    address.set_port(via.port.unwrap_or(5060));
    Some(Box::new(address))
}
