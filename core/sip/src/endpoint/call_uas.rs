//! Dialogs that our answers make, and the 2xx of an INVITE until its ACK (RFC 3261 12.1.1, 13.3).

use super::call_state::{Accept, Bye};
use super::event::{DialogId, Origin, Output, Ticket, Transmit};
use super::flow::Flow;
use super::{Endpoint, EndpointError};
use crate::dialog::{Dialog, DialogKey};
use crate::message::{Method, Request, Response, StatusCode};
use crate::transaction::timed::SlotId;
use crate::transaction::{Retransmission, TimerName};
use roger_base::{Instant, Random};
use std::sync::Arc;

impl Endpoint {
    pub(super) fn request_in_call(
        &mut self,
        id: SlotId,
        request: &Request,
    ) -> Result<(), StatusCode> {
        let is_bye = *request.method() == Method::Bye;
        let taken = self.calls.update(id, |call| {
            if is_bye {
                call.accept = None;
            }
            call.dialog.on_request(request)
        });
        match taken {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(error.status()),
            None => Err(StatusCode::CALL_DOES_NOT_EXIST),
        }
    }

    /// The dialog that this answer makes or confirms.
    pub(super) fn call_of_answer(
        &mut self,
        id: SlotId,
        response: &mut Response,
    ) -> Result<Option<SlotId>, EndpointError> {
        let Some((request, call, target)) = self.server_request(id) else {
            return Ok(None);
        };
        let status = response.status();
        let makes = match request.method() {
            Method::Invite => !status.is_final() || status.is_success(),
            _ => status.is_success(),
        };
        if status == StatusCode::TRYING || !makes {
            if let Some(call) = call
                && status.is_final()
            {
                self.end_early(call);
            }
            return Ok(None);
        }
        self.add_contact(target, response.headers_mut())?;
        if let Some(call) = call {
            if status.is_success() {
                self.calls.update(call, |call| call.dialog.confirm());
            }
            return Ok(Some(call));
        }
        let Some((request, _, _)) = self.server_request(id) else {
            return Ok(None);
        };
        let dialog = Dialog::of_request(request, response).map_err(|_| {
            EndpointError::LocalState("the request makes no dialog: Contact, From or Record-Route")
        })?;
        let call = self
            .add_call(dialog, target)
            .ok_or(EndpointError::LocalFull("dialogs"))?;
        self.set_server_call(id, call);
        Ok(Some(call))
    }

    /// Our 2xx to an INVITE is repeated from now on (13.3.1.4).
    pub(super) fn after_answer(
        &mut self,
        now: Instant,
        id: SlotId,
        call: SlotId,
        response: &Response,
        octets: Arc<[u8]>,
    ) {
        let Ok(cseq) = response.headers().cseq() else {
            return;
        };
        if cseq.method != Method::Invite || !response.status().is_success() {
            return;
        }
        let Some(target) = self.server_target(id) else {
            return;
        };
        let timings = self.settings.timings;
        let repeat = Retransmission {
            at: now + timings.t1,
            interval: timings.t1,
        };
        let end = now + timings.t1_times_64();
        let accept = Accept {
            cseq: cseq.number,
            octets,
            target,
            repeat,
            end,
        };
        self.calls
            .update(call, |call| call.accept = Some(Box::new(accept)));
    }

    pub(super) fn on_ack_in_dialog(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        flow: Flow,
        request: Request,
    ) {
        let Ok(key) = DialogKey::of_request(&request) else {
            return;
        };
        let Some(id) = self.call_keys.get(&key).copied() else {
            return;
        };
        let Ok(cseq) = request.headers().cseq() else {
            return;
        };
        let taken = self.calls.update(id, |call| {
            call.accept
                .take_if(|accept| accept.cseq == cseq.number)
                .is_some()
        });
        if taken != Some(true) {
            return;
        }
        self.deliver_ack(flow, request, Some(id));
        self.bye_after_ack(now, random, id);
    }

    fn bye_after_ack(&mut self, now: Instant, random: &mut dyn Random, id: SlotId) {
        if self
            .calls
            .get(id)
            .is_some_and(|call| call.bye == Bye::AfterAck)
            && self.bye(now, random, DialogId(id)).is_err()
        {
            self.end_call(id);
        }
    }

    pub(super) fn call_timer(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        id: SlotId,
        name: TimerName,
    ) {
        match name {
            TimerName::Success => self.repeat_success(id),
            TimerName::SuccessEnd => {
                self.calls.update(id, |call| call.accept = None);
                self.outputs.push_back(Output::NoAck {
                    dialog: DialogId(id),
                });
                self.bye_after_ack(now, random, id);
            }
            _ => {
                self.calls.update(id, |call| {
                    if let Some(accepted) = &mut call.accepted {
                        accepted.ack = None;
                    }
                });
            }
        }
    }

    fn repeat_success(&mut self, id: SlotId) {
        let limit = self.settings.timings.t2;
        let transmit = self.calls.update(id, |call| {
            let accept = call.accept.as_mut()?;
            accept.repeat = accept.repeat.doubled_up_to(limit);
            let octets = Arc::clone(&accept.octets);
            Some(Transmit {
                target: accept.target,
                octets,
                ticket: Ticket(Origin::Stateless),
            })
        });
        if let Some(Some(transmit)) = transmit {
            self.counters.retransmissions += 1;
            self.transmit(transmit);
        }
    }
}
