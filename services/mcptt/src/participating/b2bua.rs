//! Answers, ends and media of a session: what arrives on one side goes on to the other (TS 24.379 cl. 6.3.2).

use super::invite::{PassingError, anchored, contact, with_offer};
use super::session::{Session, SessionId, State};
use super::{ParticipatingFunction, answer};
use crate::media::{MediaPacket, MediaTransmit};
use roger_base::Impu;
use roger_call::answer::{plain, refusal, warning_of};
use roger_call::body::{Body, BodyError};
use roger_call::feature::{ICSI, media_type};
use roger_call::sdp::{SessionDescription, Unusable};
use roger_media::{Relay, RelayInput, Side};
use roger_sip::application::Context;
use roger_sip::endpoint::{Answer, DialogId, EndpointError, Incoming, TransactionId};
use roger_sip::message::{HeaderName, Request, Response, StatusCode};
use tracing::{debug, info, warn};

impl ParticipatingFunction {
    // Answers -----------------------------------------------------------------------------------------------

    pub(super) fn on_invite_answered(
        &mut self,
        context: &mut Context<'_>,
        id: SessionId,
        answer: &Answer,
    ) -> Result<(), EndpointError> {
        let status = answer.response.status();
        if status.is_provisional() {
            return self.on_progress(context, id, status);
        }
        match answer.dialog.filter(|_| status.is_success()) {
            Some(dialog) => self.on_accepted(context, id, dialog, &answer.response),
            None => self.on_refused(context, id, &answer.response),
        }
    }

    /// A 2xx to an INVITE that was given up: the dialog is acknowledged and ended (RFC 3261 9.1).
    pub(super) fn on_stray_answer(
        context: &mut Context<'_>,
        answer: &Answer,
    ) -> Result<(), EndpointError> {
        let Some(dialog) = answer
            .dialog
            .filter(|_| answer.response.status().is_success())
        else {
            return Ok(());
        };
        // A success to anything else has no INVITE to acknowledge.
        let acknowledged = context
            .endpoint
            .ack(context.now, context.random, dialog, None);
        if acknowledged.is_ok() {
            context.endpoint.bye(context.now, context.random, dialog)?;
        }
        Ok(())
    }

    /// 180 and 183 go on, without description.
    fn on_progress(
        &mut self,
        context: &mut Context<'_>,
        id: SessionId,
        status: StatusCode,
    ) -> Result<(), EndpointError> {
        let Some((session, transaction, request)) = self.waiting(id) else {
            return Ok(());
        };
        if status == StatusCode::TRYING {
            return Ok(());
        }
        let inbound = session.role.inbound();
        let mut response = Response::to(request, status);
        let contact = contact(&session.identity, inbound);
        response.headers_mut().push(HeaderName::CONTACT, contact)?;
        let dialog =
            context
                .endpoint
                .respond(context.now, context.random, transaction, response)?;
        if let Some(dialog) = dialog {
            self.sessions.note_dialog(dialog, id, inbound);
        }
        Ok(())
    }

    fn waiting(&self, id: SessionId) -> Option<(&Session, TransactionId, &Request)> {
        let session = self.sessions.get(id)?;
        match &session.state {
            State::Inviting {
                transaction,
                request,
                ..
            } => Some((session, *transaction, request)),
            State::Connected { .. } => None,
        }
    }

    fn on_accepted(
        &mut self,
        context: &mut Context<'_>,
        id: SessionId,
        dialog: DialogId,
        received: &Response,
    ) -> Result<(), EndpointError> {
        context
            .endpoint
            .ack(context.now, context.random, dialog, None)?;
        let Some((session, transaction, request)) = self.waiting(id) else {
            context.endpoint.bye(context.now, context.random, dialog)?;
            return Ok(());
        };
        let made = self.accepted_response(context, session, request, received);
        let inbound = session.role.inbound();
        let (response, relay) = match made {
            Ok(made) => made,
            Err(error) => {
                info!(session = id.0, %error, "an answer could not be passed on");
                let refused = plain(request, StatusCode::NOT_ACCEPTABLE_HERE);
                context.endpoint.bye(context.now, context.random, dialog)?;
                self.close(id);
                return respond(context, transaction, refused);
            }
        };
        if let Some(session) = self.sessions.get_mut(id) {
            session.relay = Some(relay);
        }
        let answered = context
            .endpoint
            .respond(context.now, context.random, transaction, response);
        let Ok(Some(own)) = answered else {
            context.endpoint.bye(context.now, context.random, dialog)?;
            self.close(id);
            return answered.map(|_| ());
        };
        match inbound {
            Side::Client => self.sessions.connect(id, own, dialog),
            Side::Server => self.sessions.connect(id, dialog, own),
        }
        self.look_at_early_messages(context, id);
        Ok(())
    }

    /// The 200 for the inbound side, and the media between both.
    fn accepted_response(
        &self,
        context: &mut Context<'_>,
        session: &Session,
        request: &Request,
        received: &Response,
    ) -> Result<(Response, Relay), PassingError> {
        let inbound = session.role.inbound();
        let body = Body::of(received.headers(), received.body())?;
        let opened = self.open_from(inbound.other(), &session.impu, &body)?;
        let answer = opened.octets(media_type::SDP).ok_or(Unusable::NoAudio)?;
        let description = SessionDescription::parse(answer)?;
        let relay = session.relay_to(&description, &self.settings)?;
        let answer = anchored(answer, &description, session.pair(inbound), context.random)?;
        let body = with_offer(answer, &opened);
        let body = self.protect_for(inbound, &session.impu, body, context.random)?;
        let mut response = Response::to(request, StatusCode::OK);
        self.write_answer(session, received, &mut response)
            .map_err(EndpointError::from)?;
        if let Some((content_type, octets)) = body.encode(context.random)? {
            response
                .set_body(&content_type, octets)
                .map_err(EndpointError::from)?;
        }
        Ok((response, relay))
    }

    fn write_answer(
        &self,
        session: &Session,
        received: &Response,
        response: &mut Response,
    ) -> Result<(), roger_sip::message::BuildError> {
        let headers = response.headers_mut();
        let inbound = session.role.inbound();
        headers.push(HeaderName::CONTACT, contact(&session.identity, inbound))?;
        headers.push(HeaderName::P_ASSERTED_SERVICE, ICSI)?;
        headers.push(HeaderName::SUPPORTED, "tdialog, norefersub")?;
        if inbound == Side::Client {
            let psi = format!("<{}>", self.settings.psi);
            headers.push(HeaderName::P_ASSERTED_IDENTITY, psi)?;
        }
        if let Some(warning) = warning_of(received.headers()) {
            headers.push(
                HeaderName::WARNING,
                warning.header_value(&self.settings.host),
            )?;
        }
        Ok(())
    }

    /// Opens a body that came by one of the two hops.
    fn open_from(&self, side: Side, impu: &Impu, body: &Body) -> Result<Body, PassingError> {
        match side {
            Side::Server => Ok(body
                .opened(self.settings.hop.receiving())
                .map_err(BodyError::from)?),
            Side::Client => {
                let binding = self.bindings.get(impu).ok_or(PassingError::Gone)?;
                Ok(super::binding::open_body(body, binding, &self.rules)?.0)
            }
        }
    }

    /// A refusal goes on with its status, Warning and Retry-After.
    fn on_refused(
        &mut self,
        context: &mut Context<'_>,
        id: SessionId,
        received: &Response,
    ) -> Result<(), EndpointError> {
        let status = received.status();
        let Some((_, transaction, request)) = self.waiting(id) else {
            return Ok(());
        };
        let mut response = match warning_of(received.headers()) {
            Some(warning) => refusal(request, status, warning, &self.settings.host),
            // A success without dialog and a redirection lead nowhere here.
            None if !status.is_final() || status.as_u16() < 400 => {
                plain(request, StatusCode::TEMPORARILY_UNAVAILABLE)
            }
            None => plain(request, status),
        };
        if let Ok(Some(seconds)) = received.headers().retry_after() {
            response
                .headers_mut()
                .set(HeaderName::RETRY_AFTER, seconds.to_string())?;
        }
        info!(session = id.0, %status, "the call was refused");
        self.close(id);
        respond(context, transaction, response)
    }

    /// No final response came.
    pub(super) fn on_invite_failed(
        &mut self,
        context: &mut Context<'_>,
        id: SessionId,
    ) -> Result<(), EndpointError> {
        let Some((_, transaction, request)) = self.waiting(id) else {
            return Ok(());
        };
        let response = plain(request, StatusCode::REQUEST_TIMEOUT);
        self.close(id);
        respond(context, transaction, response)
    }

    // Ends --------------------------------------------------------------------------------------------------

    /// The inbound side cancelled, and the endpoint has answered 487; or its transaction is gone.
    pub(super) fn on_cancelled(&mut self, context: &mut Context<'_>, transaction: TransactionId) {
        let Some(id) = self.sessions.by_transaction(transaction) else {
            return;
        };
        if let Some(session) = self.close(id)
            && let State::Inviting { handle, .. } = session.state
            && let Err(error) = context.endpoint.cancel(context.now, handle)
        {
            debug!(%error, "too late to cancel");
        }
    }

    pub(super) fn on_bye(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        let Some(dialog) = incoming.dialog else {
            return answer(
                context,
                incoming,
                plain(request, StatusCode::CALL_DOES_NOT_EXIST),
            );
        };
        let found = self.sessions.by_dialog(dialog);
        answer(context, incoming, plain(request, StatusCode::OK))?;
        if let Some((id, side)) = found {
            self.end(context, id, Some(side));
        }
        Ok(())
    }

    /// A dialog is gone; the other one goes too. What ends an early dialog is told by an event of its own.
    pub(super) fn on_dialog_ended(&mut self, context: &mut Context<'_>, dialog: DialogId) {
        let Some((id, side)) = self.sessions.by_dialog(dialog) else {
            return;
        };
        if self.waiting(id).is_none() {
            self.end(context, id, Some(side));
        }
    }

    /// No ACK came for a 200: both dialogs end.
    pub(super) fn on_no_ack(&mut self, context: &mut Context<'_>, dialog: DialogId) {
        if let Some((id, _)) = self.sessions.by_dialog(dialog) {
            self.end(context, id, None);
        }
    }

    /// Log-off: calls of this client end.
    pub(super) fn end_sessions_of(&mut self, context: &mut Context<'_>, impu: &Impu) {
        for id in self.sessions.of_impu(impu) {
            self.end(context, id, None);
        }
    }

    /// Ends a session; the side that ended it need not be told.
    fn end(&mut self, context: &mut Context<'_>, id: SessionId, by: Option<Side>) {
        let Some(session) = self.close(id) else {
            return;
        };
        let told = match session.state {
            State::Connected { client, server } => [(Side::Client, client), (Side::Server, server)]
                .into_iter()
                .filter(|(side, _)| Some(*side) != by)
                .try_for_each(|(_, dialog)| {
                    context
                        .endpoint
                        .bye(context.now, context.random, dialog)
                        .map(|_| ())
                }),
            State::Inviting {
                transaction,
                request,
                handle,
            } => {
                let cancelled = context.endpoint.cancel(context.now, handle);
                let status = match by {
                    Some(_) => StatusCode::REQUEST_TERMINATED,
                    None => StatusCode::TEMPORARILY_UNAVAILABLE,
                };
                let answered = respond(context, transaction, plain(&request, status));
                cancelled.and(answered)
            }
        };
        if let Err(error) = told {
            warn!(session = id.0, %error, "a side could not be told that the call is over");
        }
    }

    /// Forgets a session and frees its sockets.
    fn close(&mut self, id: SessionId) -> Option<Session> {
        let session = self.sessions.remove(id)?;
        self.ports.close(session.client.id);
        self.ports.close(session.server.id);
        info!(session = id.0, "session closed");
        Some(session)
    }

    // Media -------------------------------------------------------------------------------------------------

    /// The answer is there: what came before it is served as if it came now.
    fn look_at_early_messages(&mut self, context: &mut Context<'_>, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        for packet in core::mem::take(&mut session.early) {
            self.on_media(context, &packet);
        }
    }

    pub(super) fn on_media(&mut self, context: &mut Context<'_>, packet: &MediaPacket) {
        let Some((id, side)) = self.sessions.by_pair(packet.pair) else {
            return;
        };
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let pairs = (session.client.id, session.server.id);
        let Some(relay) = &mut session.relay else {
            return session.hold(side, packet);
        };
        let input = RelayInput {
            from: side,
            flow: packet.flow,
            source: packet.source,
            octets: &packet.octets,
        };
        if let Err(reason) = relay.handle(&input, &mut self.keys, context.random) {
            debug!(session = id.0, %reason, "a media packet was dropped");
        }
        while let Some(output) = relay.poll() {
            let pair = match output.side {
                Side::Client => pairs.0,
                Side::Server => pairs.1,
            };
            self.outputs.push_back(MediaTransmit {
                pair,
                flow: output.flow,
                to: output.to,
                octets: output.octets,
            });
        }
    }
}

fn respond(
    context: &mut Context<'_>,
    transaction: TransactionId,
    response: Response,
) -> Result<(), EndpointError> {
    context
        .endpoint
        .respond(context.now, context.random, transaction, response)
        .map(|_| ())
}
