//! What happens to requests of the user (RFC 3261 17.1).

use super::client::hop_request;
use super::client_state::{Cancel, Client, Machine, Owner};
use super::event::{Answer, Failure, Origin, Output, Ticket, Transmit};
use super::flow::{Target, Transport};
use super::{Endpoint, EndpointError, Flow, Role};
use crate::dialog::DialogKey;
use crate::message::{HeaderName, Method, Request, Response, StatusCode};
use crate::transaction::timed::SlotId;
use crate::transaction::{Action, ClientEvent, TransactionKey};
use roger_base::{Instant, Random};
use std::sync::Arc;

/// Early dialogs that one INVITE may make; further forks are told without a dialog.
const MAX_EARLY_DIALOGS: usize = 16;
/// What a response does to dialogs.
pub(super) enum DialogOf {
    /// The user knows it already.
    Suppress,
    /// It made or confirmed this one.
    Call(SlotId),
    /// Nothing.
    None,
}

impl Endpoint {
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
            Action::Timeout => self.fail_client(now, random, id, Failure::Timeout),
            Action::TransportFailed => self.fail_client(now, random, id, Failure::Transport),
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
        if response.status() == StatusCode::SERVICE_UNAVAILABLE && self.goes_on(now, random, id) {
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
            handle: self.known_handle(id),
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

    fn fail_client(&mut self, now: Instant, random: &mut dyn Random, id: SlotId, failure: Failure) {
        if self.goes_on(now, random, id) {
            return;
        }
        let handle = self.known_handle(id);
        let Some(client) = self.clients.get(id) else {
            return;
        };
        let call = client.call;
        if client.owner == Owner::User {
            self.outputs.push_back(Output::Failed { handle, failure });
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
        self.forget_move(id, &client);
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
            self.fail_client(now, random, id, Failure::Transport);
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
