//! Dialogs of a user agent, as the user sees them (RFC 3261 12, 15).

use super::call_state::{Bye, Call, SentAck};
use super::event::{DialogId, Origin, Output, RequestHandle, Ticket, TransactionId, Transmit};
use super::flow::{Target, Transport};
use super::{Endpoint, EndpointError, ident};
use crate::dialog::{Dialog, DialogState};
use crate::message::{HeaderName, Headers, Method, Request, RequestBuilder, Response, StatusCode};
use crate::transaction::timed::SlotId;
use crate::uri::Uri;
use roger_base::{Instant, Random};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

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

    /// The address a URI stands for without asking the DNS: numeric hosts and those of
    /// [`Settings::hosts`](super::Settings::hosts). A sips URI, or `transport=tls`, leads to TLS only.
    #[must_use]
    pub fn resolve(&self, uri: &Uri) -> Option<Target> {
        let transport = self.transport_of(uri)?;
        let host = uri.host()?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let peer = match bare.parse::<IpAddr>() {
            Ok(address) => SocketAddr::new(address, uri.port().unwrap_or(transport.default_port())),
            Err(_) => {
                let mut address = *self.settings.hosts.get(&bare.to_ascii_lowercase())?;
                if let Some(port) = uri.port() {
                    address.set_port(port);
                }
                address
            }
        };
        Some(Target::Address { transport, peer })
    }

    fn transport_of(&self, uri: &Uri) -> Option<Transport> {
        let named = match uri.transport() {
            Some(name) => Transport::parse(name.as_bytes())?,
            None if uri.is_secure() => Transport::Tls,
            None if self.settings.sent_by.contains_key(&Transport::Udp) => Transport::Udp,
            None => Transport::Tcp,
        };
        if uri.is_secure() {
            named.secured()
        } else {
            Some(named)
        }
    }

    fn way(&self, id: SlotId) -> Option<Target> {
        let call = self.calls.get(id)?;
        let Some(target) = self.resolve(call.dialog.next_hop()) else {
            return Some(call.way);
        };
        let same =
            target.transport().may_mean(call.way.transport()) && target.peer() == call.way.peer();
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

    pub(super) fn add_contact(
        &self,
        target: Target,
        headers: &mut Headers,
    ) -> Result<(), EndpointError> {
        if headers.contains(HeaderName::CONTACT) {
            return Ok(());
        }
        let transport = target.transport();
        let own = self.settings.own_host(transport);
        let (host, port) =
            own.ok_or_else(|| EndpointError::LocalNoRoute(format!("a peer over {transport}")))?;
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let transport = transport.parameter();
        headers.push(
            HeaderName::CONTACT,
            format!("<sip:{host}{port};transport={transport}>"),
        )?;
        Ok(())
    }

    pub(super) fn add_call(&mut self, dialog: Dialog, way: Target) -> Option<SlotId> {
        let key = dialog.key().clone();
        let id = self.calls.insert(Call::new(dialog, way)).ok()?;
        self.call_keys.insert(key, id);
        Some(id)
    }

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
