//! Dialogs that our requests make (RFC 3261 12.1.2, 13.2).

use super::Endpoint;
use super::call_state::{Accepted, Bye};
use super::client_events::DialogOf;
use super::event::{Origin, Ticket, Transmit};
use super::flow::{Flow, Target};
use crate::dialog::{Dialog, DialogKey};
use crate::message::{Method, Request, Response, StatusCode};
use crate::transaction::timed::SlotId;
use roger_base::{Instant, Random};
use std::sync::Arc;

impl Endpoint {
    pub(super) fn dialog_of_response(
        &mut self,
        now: Instant,
        _random: &mut dyn Random,
        id: SlotId,
        response: &Response,
    ) -> DialogOf {
        let Some(request) = self.client_request(id) else {
            return DialogOf::None;
        };
        let status = response.status();
        match request.method() {
            Method::Invite if status.is_success() => self.on_invite_success(now, id, response),
            Method::Invite if status.is_final() => {
                for call in self.take_early(id) {
                    self.end_early(call);
                }
                DialogOf::None
            }
            Method::Invite if status != StatusCode::TRYING => self.on_invite_progress(id, response),
            Method::Subscribe if status.is_success() => self.on_subscribed(id, response),
            _ => DialogOf::None,
        }
    }

    fn call_of_response(&self, response: &Response) -> Option<SlotId> {
        self.call_keys
            .get(&DialogKey::of_response(response).ok()?)
            .copied()
    }

    fn new_call_of_response(&mut self, id: SlotId, response: &Response) -> Option<SlotId> {
        let dialog = Dialog::of_response(self.client_request(id)?, response).ok()?;
        let way = self.client_target(id)?;
        self.add_call(dialog, way)
    }

    fn on_invite_progress(&mut self, id: SlotId, response: &Response) -> DialogOf {
        if !response.headers().to().is_ok_and(|to| to.tag().is_some()) {
            return DialogOf::None;
        }
        if let Some(call) = self.call_of_response(response) {
            return DialogOf::Call(call);
        }
        let Some(call) = self.new_call_of_response(id, response) else {
            return DialogOf::None;
        };
        if !self.note_early(id, call) {
            self.drop_call(Some(call));
            return DialogOf::None;
        }
        DialogOf::Call(call)
    }

    fn on_invite_success(&mut self, _now: Instant, id: SlotId, response: &Response) -> DialogOf {
        let Ok(cseq) = response.headers().cseq() else {
            return DialogOf::None;
        };
        let cseq = cseq.number;
        let Some(call) = self.call_of_response(response) else {
            let Some(call) = self.new_call_of_response(id, response) else {
                return DialogOf::None;
            };
            self.calls.update(call, |call| {
                call.accepted = Some(Accepted { cseq, ack: None })
            });
            return DialogOf::Call(call);
        };
        if self.repeat_ack(call, cseq) {
            return DialogOf::Suppress;
        }
        self.calls.update(call, |call| {
            // A 2xx that does not confirm properly leaves the dialog as it was; the user may still end it.
            if call.dialog.on_success(response).is_err() {
                call.dialog.confirm();
            }
            call.accepted = Some(Accepted { cseq, ack: None });
        });
        DialogOf::Call(call)
    }

    /// `true` when this 2xx was seen before; its ACK, if there is one, is sent again.
    fn repeat_ack(&mut self, call: SlotId, cseq: u32) -> bool {
        let Some(accepted) = self.calls.get(call).and_then(|call| call.accepted.as_ref()) else {
            return false;
        };
        if cseq < accepted.cseq {
            // A late 2xx of an INVITE before the last one.
            return true;
        }
        if accepted.cseq != cseq {
            return false;
        }
        if let Some(ack) = &accepted.ack {
            let transmit = Transmit {
                target: ack.target,
                octets: Arc::clone(&ack.octets),
                ticket: Ticket(Origin::Stateless),
            };
            self.counters.retransmissions += 1;
            self.transmit(transmit);
        }
        true
    }

    fn on_subscribed(&mut self, id: SlotId, response: &Response) -> DialogOf {
        let known = self.call_of_response(response);
        match known.or_else(|| self.new_call_of_response(id, response)) {
            Some(call) => DialogOf::Call(call),
            None => DialogOf::None,
        }
    }

    /// A NOTIFY that came before the 2xx of its SUBSCRIBE makes the dialog (RFC 6665 4.4.1).
    pub(super) fn call_of_notify(&mut self, flow: Flow, request: &Request) -> Option<SlotId> {
        if *request.method() != Method::Notify {
            return None;
        }
        let half = DialogKey::half_of_request_received(request).ok()?;
        let id = self.subscribing.get(&half).copied()?;
        let dialog = Dialog::of_notify(self.client_request(id)?, request).ok()?;
        self.add_call(dialog, Target::Flow(flow))
    }

    /// A BYE, or a final response that says that the peer has no dialog, ends it (12.2.1.2).
    pub(super) fn after_answer_in_dialog(&mut self, client: SlotId, call: SlotId, status: u16) {
        let Some(held) = self.calls.get(call) else {
            return;
        };
        let ended = match held.bye {
            Bye::Sent(id) if id == client => status >= 200,
            _ => matches!(status, 408 | 481),
        };
        if ended {
            self.end_call(call);
        }
    }
}
