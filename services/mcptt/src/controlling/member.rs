//! Inviting a member, and what she answers (TS 24.379 cl. 6.3.3.1, 6.3.3.3).

use super::ControllingFunction;
use super::call::{Call, CallId, Kind};
use super::invite::{Answering, attributes};
use super::leg::{Leg, LegNumber, LegState};
use crate::media::Pair;
use roger_base::{ClientId, McpttId};
use roger_call::answer::warning_of;
use roger_call::body::{Body, Part};
use roger_call::feature::{CONTACT_PARAMETERS, media_type};
use roger_call::request::{RequestError, Trust, finish, start};
use roger_call::sdp::{
    FloorAnchor, FloorParameters, MediaAnchor, Origin, SessionDescription, rewrite,
};
use roger_call::warning::WarningCode;
use roger_documents::mcptt_info::{McpttInfo, RequestUri, SessionType};
use roger_floor::server::Attributes;
use roger_sip::application::{Context, end_unwanted};
use roger_sip::endpoint::{Answer, DialogId, EndpointError, RequestHandle};
use roger_sip::message::{HeaderName, Method, Request, Response, StatusCode};
use thiserror::Error;
use tracing::{info, warn};

/// Why a member could not be invited; the others are.
#[derive(Debug, Error)]
pub(super) enum InvitingError {
    #[error("the call is gone")]
    Gone,
    #[error("no media ports")]
    NoPorts,
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("the offer cannot be passed on: {0}")]
    Offer(#[from] roger_call::sdp::Unusable),
    #[error(transparent)]
    Random(#[from] roger_base::RandomError),
    #[error("{0}")]
    Protection(#[from] roger_call::protection::ProtectionError),
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
}

impl ControllingFunction {
    /// Invites a member, for a group call to one client of hers.
    pub(super) fn invite(
        &mut self,
        context: &mut Context<'_>,
        id: CallId,
        member: &McpttId,
        client: Option<&ClientId>,
    ) -> Result<(), InvitingError> {
        let pair = self.open_pair().ok_or(InvitingError::NoPorts)?;
        let sent = self.send_invite(context, id, member, client, pair);
        let (handle, attributes) = match sent {
            Ok(sent) => sent,
            Err(error) => {
                self.ports.close(pair.id);
                return Err(error);
            }
        };
        let call = self.calls.get_mut(&id).ok_or(InvitingError::Gone)?;
        let leg = Leg::new(member.clone(), pair, LegState::Invited(handle), attributes);
        let number = call.add(leg);
        self.pairs.insert(pair.id, (id, number));
        self.requests.insert(handle, (id, number));
        Ok(())
    }

    fn send_invite(
        &self,
        context: &mut Context<'_>,
        id: CallId,
        member: &McpttId,
        client: Option<&ClientId>,
        pair: Pair,
    ) -> Result<(RequestHandle, Attributes), InvitingError> {
        let call = self.calls.get(&id).ok_or(InvitingError::Gone)?;
        let offer = self.offer_to(context, call, member, pair)?;
        let body = Body::new()
            .with(Part::new(media_type::SDP, offer.clone()))
            .with_document(&info_for(call, member, client))
            .protected(self.settings.hop.sending(), context.random)?;
        let (psi, to) = (
            self.settings.psi.as_str(),
            self.settings.participating.as_str(),
        );
        let mut builder = start(Method::Invite, to, psi, Trust::Asserted, context.random)?
            .header(
                HeaderName::CONTACT,
                format!("<{}>{CONTACT_PARAMETERS};isfocus", call.session_identity),
            )
            .header(HeaderName::SUPPORTED, "tdialog, norefersub");
        for (name, value) in [
            (HeaderName::ANSWER_MODE, &call.answer_mode.answer),
            (HeaderName::PRIV_ANSWER_MODE, &call.answer_mode.privileged),
        ] {
            if let Some(value) = value {
                builder = builder.header(name, value);
            }
        }
        let request: Request = finish(builder, &body, context.random)?;
        let handle = context.endpoint.send_request(
            context.now,
            context.random,
            request,
            self.settings.core,
        )?;
        let description = SessionDescription::parse(&offer)?;
        Ok((handle, attributes(&call.kind, member, &description)))
    }

    /// The originator's offer with our ports; codec lines and key management stay octet for octet.
    fn offer_to(
        &self,
        context: &mut Context<'_>,
        call: &Call,
        member: &McpttId,
        pair: Pair,
    ) -> Result<Vec<u8>, InvitingError> {
        let priority = match &call.kind {
            Kind::Group(group) => group.member(member).and_then(|member| member.user_priority),
            Kind::Private => None,
        };
        // Never mc_implicit_request or mc_granted towards an invited member (TS 24.380 cl. 14.2).
        let parameters = FloorParameters {
            priority: priority.filter(|priority| *priority > 0),
            ..FloorParameters::default()
        };
        let anchor = MediaAnchor {
            address: pair.rtp.ip(),
            audio_port: pair.rtp.port(),
            rtcp_port: pair.rtp.port().saturating_add(1),
            floor: call.has_floor_control().then(|| FloorAnchor {
                port: pair.floor.port(),
                parameters: Some(parameters),
            }),
            origin: Some(Origin::random(context.random)?),
        };
        Ok(rewrite(&call.offer, &anchor)?)
    }

    // Answers -----------------------------------------------------------------------------------------------

    pub(super) fn on_response(
        &mut self,
        context: &mut Context<'_>,
        answer: &Answer,
    ) -> Result<(), EndpointError> {
        let status = answer.response.status();
        let Some((id, number)) = self.requests.get(&answer.handle).copied() else {
            return end_unwanted(context, answer);
        };
        if status.is_provisional() {
            return self.on_ringing(context, id, status);
        }
        self.requests.remove(&answer.handle);
        match answer.dialog.filter(|_| status.is_success()) {
            Some(dialog) => self.on_accepted(context, id, number, dialog, &answer.response),
            None => self.on_refused(
                context,
                id,
                number,
                status,
                warning_of(answer.response.headers()),
            ),
        }
    }

    pub(super) fn on_no_answer(&mut self, context: &mut Context<'_>, handle: RequestHandle) {
        let Some((id, number)) = self.requests.remove(&handle) else {
            return;
        };
        let result = self.on_refused(context, id, number, StatusCode::REQUEST_TIMEOUT, None);
        if let Err(error) = result {
            warn!(%error, "the caller could not be told that nobody answered");
        }
    }

    /// The called user of a private call is being alerted: the caller hears it.
    fn on_ringing(
        &self,
        context: &mut Context<'_>,
        id: CallId,
        status: StatusCode,
    ) -> Result<(), EndpointError> {
        let Some(call) = self.calls.get(&id) else {
            return Ok(());
        };
        if status == StatusCode::TRYING || matches!(call.kind, Kind::Group(_)) {
            return Ok(());
        }
        let waiting = call.legs.values().find_map(|leg| match &leg.state {
            LegState::Originating {
                transaction,
                request,
            } => Some((*transaction, request)),
            _ => None,
        });
        let Some((transaction, request)) = waiting else {
            return Ok(());
        };
        let response = Response::to(request, StatusCode::RINGING);
        context
            .endpoint
            .respond(context.now, context.random, transaction, response)
            .map(|_| ())
    }

    fn on_accepted(
        &mut self,
        context: &mut Context<'_>,
        id: CallId,
        number: LegNumber,
        dialog: DialogId,
        response: &Response,
    ) -> Result<(), EndpointError> {
        context
            .endpoint
            .ack(context.now, context.random, dialog, None)?;
        let protection = self.floor_protection();
        let description = description(response);
        let leg = self
            .calls
            .get_mut(&id)
            .and_then(|call| call.legs.get_mut(&number));
        let (Some(leg), Some(description)) = (leg, description) else {
            info!("a member answered without a usable session description");
            context.endpoint.bye(context.now, context.random, dialog)?;
            self.remove_leg(context, id, number);
            return self.settle(context, id, StatusCode::NOT_ACCEPTABLE_HERE, None);
        };
        leg.use_description(&description, &protection);
        leg.state = LegState::Connected(dialog);
        self.dialogs.insert(dialog, (id, number));
        if let Some(originator) = self.waiting_originator(id) {
            self.accept_originator(context, id, originator, Answering::Start)?;
        }
        let events = self.with_call(context, id, |call, bench| call.join(bench, number, None));
        self.on_call_events(context, id, &events.unwrap_or_default());
        Ok(())
    }

    fn on_refused(
        &mut self,
        context: &mut Context<'_>,
        id: CallId,
        number: LegNumber,
        status: StatusCode,
        warning: Option<WarningCode>,
    ) -> Result<(), EndpointError> {
        self.remove_leg(context, id, number);
        self.settle(context, id, status, warning)
    }

    /// After a member dropped out: with nobody left to wait for, the caller gets the last refusal.
    fn settle(
        &mut self,
        context: &mut Context<'_>,
        id: CallId,
        status: StatusCode,
        warning: Option<WarningCode>,
    ) -> Result<(), EndpointError> {
        let Some(call) = self.calls.get(&id) else {
            return Ok(());
        };
        if call.legs.len() > 1 {
            return Ok(());
        }
        let waiting = call.legs.values().find_map(|leg| match &leg.state {
            LegState::Originating {
                transaction,
                request,
            } => Some((*transaction, request.as_ref().clone())),
            _ => None,
        });
        match waiting {
            Some((transaction, request)) => {
                self.give_up(context, id, transaction, &request, status, warning)
            }
            None => {
                self.release_if_alone(context, id);
                Ok(())
            }
        }
    }

    pub(super) fn waiting_originator(&self, id: CallId) -> Option<LegNumber> {
        let waiting = |leg: &Leg| matches!(leg.state, LegState::Originating { .. });
        let call = self.calls.get(&id)?;
        call.legs
            .iter()
            .find(|(_, leg)| waiting(leg))
            .map(|(number, _)| *number)
    }
}

fn description(response: &Response) -> Option<SessionDescription> {
    let body = Body::of(response.headers(), response.body()).ok()?;
    let description = SessionDescription::parse(body.octets(media_type::SDP)?).ok()?;
    description.speech().is_ok().then_some(description)
}

/// What a member is told: who calls her, and for which group (TS 24.379 cl. 6.3.3.1.2).
fn info_for(call: &Call, member: &McpttId, client: Option<&ClientId>) -> McpttInfo {
    let (session_type, group) = match &call.kind {
        Kind::Group(group) => (SessionType::Prearranged, Some(group.id.clone())),
        Kind::Private => (SessionType::Private, None),
    };
    McpttInfo {
        session_type: Some(session_type),
        request_uri: Some(RequestUri::from(member)),
        calling_user_id: Some(call.originator.clone()),
        calling_group_id: group,
        // Our participating function takes it as the client to invite; others may ignore it \[I\].
        client_id: client.cloned(),
        ..McpttInfo::default()
    }
}
