//! Dialogs of a user agent, the 2xx of an INVITE and its ACK (RFC 3261 12, 13, 15).

use super::client::DialogOf;
use super::event::{DialogId, Origin, Output, RequestHandle, Ticket, TransactionId, Transmit};
use super::flow::{Flow, Target, Transport};
use super::{Endpoint, EndpointError, ident};
use crate::dialog::{Dialog, DialogKey, DialogState};
use crate::message::{HeaderName, Method, Request, RequestBuilder, Response, StatusCode};
use crate::transaction::timed::{SlotId, Timed};
use crate::transaction::{Retransmission, TimerName, earlier};
use crate::uri::Uri;
use roger_base::{Instant, Random};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// A 2xx of ours without its ACK.
#[derive(Debug)]
struct Accept {
    cseq: u32,
    octets: Arc<[u8]>,
    target: Target,
    repeat: Retransmission,
    end: Instant,
}

/// The ACK we sent, for repeated 2xx.
#[derive(Debug)]
struct SentAck {
    octets: Arc<[u8]>,
    target: Target,
    until: Instant,
}

/// Our INVITE in this dialog that had a 2xx.
#[derive(Debug)]
struct Accepted {
    cseq: u32,
    ack: Option<SentAck>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bye {
    No,
    /// The callee waits for the ACK first (15).
    AfterAck,
    Sent(SlotId),
}

/// A dialog with what an INVITE in it needs.
#[derive(Debug)]
pub(super) struct Call {
    dialog: Dialog,
    /// How the peer was reached when the dialog began.
    way: Target,
    accept: Option<Box<Accept>>,
    accepted: Option<Accepted>,
    bye: Bye,
}

impl Call {
    const fn new(dialog: Dialog, way: Target) -> Self {
        Self {
            dialog,
            way,
            accept: None,
            accepted: None,
            bye: Bye::No,
        }
    }
}

impl Timed for Call {
    fn next_timer(&self) -> Option<(Instant, TimerName)> {
        let accept = self.accept.as_ref().and_then(|accept| {
            earlier(
                Some((accept.end, TimerName::SuccessEnd)),
                Some((accept.repeat.at, TimerName::Success)),
            )
        });
        let ack = self
            .accepted
            .as_ref()
            .and_then(|accepted| accepted.ack.as_ref());
        earlier(accept, ack.map(|ack| (ack.until, TimerName::M)))
    }
}

const GONE: EndpointError = EndpointError::LocalState("the dialog is gone");

impl Endpoint {
    /// A dialog.
    #[must_use]
    pub fn dialog(&self, id: DialogId) -> Option<&Dialog> {
        self.calls.get(id.0).map(|call| &call.dialog)
    }

    /// Starts a request inside a dialog: Request-URI, Route, From, To, Call-ID and the next `CSeq` are there.
    /// Send it with [`Endpoint::send_in_dialog`].
    ///
    /// # Errors
    /// [`EndpointError::LocalState`] when the dialog is gone.
    pub fn request_in_dialog(
        &mut self,
        id: DialogId,
        method: Method,
    ) -> Result<RequestBuilder, EndpointError> {
        let built = self
            .calls
            .update(id.0, |call| call.dialog.request(method))
            .ok_or(GONE)?;
        built.map_err(|_| EndpointError::LocalState("the sequence numbers are used up"))
    }

    /// Sends a request made by [`Endpoint::request_in_dialog`]. It goes to the first Route or the remote
    /// target, and when that has no address, the way the dialog began. Target refresh requests get a Contact
    /// when they have none.
    ///
    /// # Errors
    /// As [`Endpoint::send_request`], and [`EndpointError::LocalState`] when the dialog is gone.
    pub fn send_in_dialog(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        id: DialogId,
        mut request: Request,
    ) -> Result<RequestHandle, EndpointError> {
        let target = self.way(id.0).ok_or(GONE)?;
        let target = self.choose_transport(&request, target)?;
        if matches!(
            request.method(),
            Method::Invite | Method::Update | Method::Subscribe | Method::Notify
        ) {
            self.add_contact(target, request.headers_mut())?;
        }
        self.start_client(now, random, request, target, Some(id.0))
            .map(RequestHandle)
    }

    /// Acknowledges the 2xx of our last INVITE in the dialog; repeated 2xx get the same ACK again by
    /// themselves. `body` is content type and octets.
    ///
    /// # Errors
    /// [`EndpointError::LocalState`] when the dialog is gone or no 2xx waits for an ACK.
    pub fn ack(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        id: DialogId,
        body: Option<(&str, Vec<u8>)>,
    ) -> Result<(), EndpointError> {
        let call = self.calls.get(id.0).ok_or(GONE)?;
        let accepted = call
            .accepted
            .as_ref()
            .filter(|accepted| accepted.ack.is_none());
        let cseq = accepted
            .ok_or(EndpointError::LocalState("no 2xx waits for an ACK"))?
            .cseq;
        let mut builder = call.dialog.ack(cseq);
        if let Some((content_type, octets)) = body {
            builder = builder.body(content_type, octets);
        }
        let target = self.way(id.0).ok_or(GONE)?;
        let (octets, target) = self.seal(random, builder.build()?, target)?;
        self.transmit(Transmit {
            target,
            octets: Arc::clone(&octets),
            ticket: Ticket(Origin::Stateless),
        });
        let until = now + self.settings.timings.t1_times_64();
        self.calls.update(id.0, |call| {
            if let Some(accepted) = &mut call.accepted {
                accepted.ack = Some(SentAck {
                    octets,
                    target,
                    until,
                });
            }
        });
        Ok(())
    }

    /// Ends a call. The dialog is gone once the BYE has its final response or timed out. A callee whose 2xx
    /// has no ACK yet sends the BYE when the ACK comes or is given up (15); `None` then.
    ///
    /// # Errors
    /// As [`Endpoint::send_in_dialog`], and [`EndpointError::LocalState`] when a BYE was sent already.
    pub fn bye(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        id: DialogId,
    ) -> Result<Option<RequestHandle>, EndpointError> {
        let call = self.calls.get(id.0).ok_or(GONE)?;
        if matches!(call.bye, Bye::Sent(_)) {
            return Err(EndpointError::LocalState("a BYE is under way"));
        }
        if call.accept.is_some() {
            self.calls.update(id.0, |call| call.bye = Bye::AfterAck);
            return Ok(None);
        }
        let bye = self.request_in_dialog(id, Method::Bye)?.build()?;
        let handle = self.send_in_dialog(now, random, id, bye)?;
        self.calls
            .update(id.0, |call| call.bye = Bye::Sent(handle.0));
        Ok(Some(handle))
    }

    /// Forgets a dialog without a word to the peer: a subscription that is over, a fork that is not wanted
    /// after its BYE failed.
    pub fn forget_dialog(&mut self, id: DialogId) {
        self.drop_call(Some(id.0));
    }

    /// The address a URI stands for: numeric hosts and those of [`Settings::hosts`](super::Settings::hosts).
    #[must_use]
    pub fn resolve(&self, uri: &Uri) -> Option<Target> {
        let host = uri.host()?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let peer = match bare.parse::<IpAddr>() {
            Ok(address) => SocketAddr::new(address, uri.port().unwrap_or(5060)),
            Err(_) => {
                let mut address = *self.settings.hosts.get(&bare.to_ascii_lowercase())?;
                if let Some(port) = uri.port() {
                    address.set_port(port);
                }
                address
            }
        };
        let transport = match uri.transport() {
            Some(name) => Transport::parse(name.as_bytes())?,
            None if self.settings.sent_by.contains_key(&Transport::Udp) => Transport::Udp,
            None => Transport::Tcp,
        };
        Some(Target::Address { transport, peer })
    }

    fn way(&self, id: SlotId) -> Option<Target> {
        let call = self.calls.get(id)?;
        let Some(target) = self.resolve(call.dialog.next_hop()) else {
            return Some(call.way);
        };
        let same = target.transport() == call.way.transport() && target.peer() == call.way.peer();
        Some(if same { call.way } else { target })
    }

    /// Adds Via and prints.
    fn seal(
        &mut self,
        random: &mut dyn Random,
        request: Request,
        target: Target,
    ) -> Result<(Arc<[u8]>, Target), EndpointError> {
        let target = self.choose_transport(&request, target)?;
        let mut request = request;
        let branch = ident::branch(random)?;
        self.push_via(&mut request, target.transport(), &branch)?;
        Ok((request.to_octets().into(), target))
    }

    fn add_contact(
        &self,
        target: Target,
        headers: &mut crate::message::Headers,
    ) -> Result<(), EndpointError> {
        if headers.contains(HeaderName::CONTACT) {
            return Ok(());
        }
        let transport = target.transport();
        let address = self.settings.sent_by.get(&transport);
        let address = address
            .ok_or_else(|| EndpointError::LocalNoRoute(format!("a peer over {transport}")))?;
        let uri = Uri::sip_address(*address).with_param("transport", Some(transport.parameter()));
        headers.push(HeaderName::CONTACT, format!("<{uri}>"))?;
        Ok(())
    }

    fn add_call(&mut self, dialog: Dialog, way: Target) -> Option<SlotId> {
        let key = dialog.key().clone();
        let id = self.calls.insert(Call::new(dialog, way)).ok()?;
        self.call_keys.insert(key, id);
        Some(id)
    }

    // As UAC ------------------------------------------------------------------------------------------------

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

    // As UAS ------------------------------------------------------------------------------------------------

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

    // Ends --------------------------------------------------------------------------------------------------

    pub(super) fn end_early(&mut self, id: SlotId) {
        if self
            .calls
            .get(id)
            .is_some_and(|call| call.dialog.state() == DialogState::Early)
        {
            self.end_call(id);
        }
    }

    pub(super) fn end_call(&mut self, id: SlotId) {
        if self.drop_call(Some(id)) {
            self.outputs.push_back(Output::DialogEnded {
                dialog: DialogId(id),
            });
        }
    }

    pub(super) fn drop_call(&mut self, id: Option<SlotId>) -> bool {
        let Some(call) = id.and_then(|id| self.calls.remove(id)) else {
            return false;
        };
        self.call_keys.remove(call.dialog.key());
        true
    }

    /// Refuses an INVITE or any other request in one step.
    ///
    /// # Errors
    /// As [`Endpoint::respond`].
    pub fn refuse_request(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        transaction: TransactionId,
        request: &Request,
        status: StatusCode,
    ) -> Result<(), EndpointError> {
        self.respond(now, random, transaction, Response::to(request, status))
            .map(|_| ())
    }
}
