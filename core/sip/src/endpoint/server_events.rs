//! What happens to requests of the peer (RFC 3261 17.2).

use super::event::{Origin, Output, ServerFailure, Ticket};
use super::flow::Target;
use super::server_state::Machine;
use super::{Endpoint, TransactionId};
use crate::message::{Method, Request, Response, StatusCode};
use crate::transaction::timed::SlotId;
use crate::transaction::{Action, ClientEvent, ServerEvent};
use roger_base::{Instant, Random};
use std::sync::Arc;

impl Endpoint {
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

    pub(super) fn server_action(
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

    pub(super) fn settle_server(&mut self, id: SlotId) {
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
                let event = ClientEvent::TransportError;
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
            let transport = server.target.transport();
            server.target = Target::Address { transport, peer };
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
}
