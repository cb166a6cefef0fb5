//! Answers of the user (RFC 3261 8.2).

use super::event::{AckReceived, Incoming, Origin, Output, Ticket, Transmit};
use super::flow::{Flow, Target, Transport};
use super::server_state::{Machine, Server};
use super::{DialogId, Endpoint, EndpointError, TransactionId, ident};
use crate::message::{HeaderName, Method, Request, Response, StatusCode};
use crate::transaction::timed::SlotId;
use crate::transaction::{Action, ServerEvent, ServerInvite, TransactionKey};
use roger_base::{Instant, Random};
use std::net::SocketAddr;
use std::sync::Arc;

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

    /// Answers a request for good and forgets it: a repetition is served anew. For refusals of those who have not
    /// proved who they are, since a transaction of each would let them fill the table (RFC 3261 26.3.2.4). The
    /// response needs its To tag.
    ///
    /// # Errors
    /// [`EndpointError::LocalState`] when the transaction is gone, has an answer or a dialog.
    pub fn respond_and_forget(
        &mut self,
        transaction: TransactionId,
        response: &Response,
    ) -> Result<(), EndpointError> {
        const FAULT: EndpointError =
            EndpointError::LocalState("the transaction is gone or has state");
        let server = self.servers.get(transaction.0).ok_or(FAULT)?;
        if server.last.is_some() || server.call.is_some() || !server.machine.is_proceeding() {
            return Err(FAULT);
        }
        let server = self.servers.remove(transaction.0).ok_or(FAULT)?;
        self.server_keys.remove(&server.key);
        self.transmit(Transmit {
            target: server.target,
            octets: response.to_octets().into(),
            ticket: Ticket(Origin::Stateless),
        });
        Ok(())
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

    pub(super) fn transmit_answer(&mut self, id: SlotId, octets: Arc<[u8]>) {
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

/// Source address with the port of sent-by, for streams; nobody listens at the other end of a WebSocket.
fn fallback(flow: Flow, request: &Request) -> Option<Box<SocketAddr>> {
    if !matches!(flow.transport, Transport::Tcp | Transport::Tls) {
        return None;
    }
    let via = request.headers().top_via().ok()?;
    let mut address = flow.peer;
    address.set_port(via.port.unwrap_or(flow.transport.default_port()));
    Some(Box::new(address))
}
