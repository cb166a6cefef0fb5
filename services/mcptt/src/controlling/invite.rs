//! INVITE from a participating function: what is asked, and the answer when it comes to a call
//! (TS 24.379 cl. 6.3.3.2, 10.1.1.4.2, 11.1.1.4).

use super::call::{AnswerMode, Call, CallEvent, CallId, Kind};
use super::leg::{Leg, LegNumber, LegState};
use super::{ControllingFunction, answer, header};
use crate::media::Pair;
use roger_base::{ClientId, McpttId, Random};
use roger_call::answer::{plain, refusal};
use roger_call::body::{Body, BodyError};
use roger_call::feature::{CONTACT_PARAMETERS, ICSI, accepts_mcptt, has_isfocus, media_type};
use roger_call::sdp::{
    self, Direction, FloorParameters, LocalMedia, Origin, SessionDescription, Unusable,
};
use roger_call::warning::WarningCode;
use roger_documents::mcptt_info::{McpttInfo, SessionType};
use roger_floor::field::{FloorIndicator, FloorPriority};
use roger_floor::server::{Attributes, FloorControlServer, ServerConfig};
use roger_floor::{FloorRequest, Ssrc};
use roger_sip::application::Context;
use roger_sip::endpoint::{EndpointError, Incoming, ident};
use roger_sip::message::{HeaderName, Request, Response, StatusCode};
use tracing::{info, warn};

/// An INVITE that was read and opened.
pub(super) struct Invitation {
    pub(super) info: McpttInfo,
    pub(super) body: Body,
    pub(super) caller: McpttId,
    pub(super) client: Option<ClientId>,
    pub(super) offer: Vec<u8>,
    pub(super) description: SessionDescription,
}

/// Why an INVITE is not taken.
pub(super) enum InviteError {
    Warned(WarningCode),
    Unusable(Unusable),
}

impl From<BodyError> for InviteError {
    fn from(error: BodyError) -> Self {
        info!(%error, "body refused");
        Self::Warned(error.warning())
    }
}

impl From<Unusable> for InviteError {
    fn from(error: Unusable) -> Self {
        Self::Unusable(error)
    }
}

impl ControllingFunction {
    pub(super) fn on_invite(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        if self.calls.len() >= self.settings.max_calls {
            return Self::refuse_for_now(context, incoming);
        }
        if has_isfocus(request.headers()) {
            return self.refuse(context, incoming, WarningCode::ISFOCUS_ASSIGNED);
        }
        if !accepts_mcptt(request.headers()) {
            return answer(context, incoming, plain(request, StatusCode::FORBIDDEN));
        }
        let invitation = match self.read(request) {
            Ok(invitation) => invitation,
            Err(InviteError::Warned(warning)) => return self.refuse(context, incoming, warning),
            Err(InviteError::Unusable(error)) => {
                info!(%error, "offer refused");
                return answer(
                    context,
                    incoming,
                    plain(request, StatusCode::NOT_ACCEPTABLE_HERE),
                );
            }
        };
        match invitation.info.session_type {
            Some(SessionType::Prearranged) => self.on_prearranged(context, incoming, invitation),
            Some(SessionType::Private) => self.on_private(context, incoming, invitation),
            _ => self.refuse(context, incoming, WarningCode::FUNCTION_NOT_ALLOWED),
        }
    }

    fn read(&self, request: &Request) -> Result<Invitation, InviteError> {
        let body = Body::of(request.headers(), request.body())?;
        let body = body
            .opened(self.settings.hop.receiving())
            .map_err(BodyError::from)?;
        let info: McpttInfo = body.required()?;
        let caller = info
            .calling_user_id
            .clone()
            .ok_or(InviteError::Warned(WarningCode::INVALID_BODY))?;
        let offer = body
            .octets(media_type::SDP)
            .ok_or(Unusable::NoAudio)?
            .to_vec();
        let description = SessionDescription::parse(&offer)?;
        description.speech()?;
        let client = info.client_id.clone();
        Ok(Invitation {
            info,
            body,
            caller,
            client,
            offer,
            description,
        })
    }

    /// Makes the call with its originator, who waits for the answer.
    pub(super) fn create_call(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        invitation: &Invitation,
        kind: Kind,
        pair: Pair,
    ) -> Result<(CallId, LegNumber), EndpointError> {
        let request = &incoming.request;
        let session = format!(
            "sip:session-{}@{}",
            ident::tag(context.random)?,
            self.settings.contact
        );
        let floor = match &invitation.description.floor {
            Some(_) => Some(self.floor_server(context.random)?),
            None => None,
        };
        let attributes = attributes(&kind, &invitation.caller, &invitation.description);
        let mut call = Call::new(
            kind,
            session,
            invitation.offer.clone(),
            invitation.caller.clone(),
            floor,
        );
        call.answer_mode = AnswerMode {
            answer: header(request, HeaderName::ANSWER_MODE),
            privileged: header(request, HeaderName::PRIV_ANSWER_MODE),
        };
        let transaction = incoming.transaction;
        let state = LegState::Originating {
            transaction,
            request: Box::new(request.clone()),
        };
        let mut leg = Leg::new(invitation.caller.clone(), pair, state, attributes);
        leg.use_description(&invitation.description, &self.floor_protection());
        let number = call.add(leg);
        call.start_tng3(context.now);
        let id = CallId(self.next_call);
        self.next_call += 1;
        self.calls.insert(id, call);
        self.pairs.insert(pair.id, (id, number));
        self.transactions.insert(transaction, id);
        Ok((id, number))
    }

    /// Adds a leg for a member who calls into a running call.
    pub(super) fn add_originating_leg(
        &mut self,
        incoming: &Incoming,
        invitation: &Invitation,
        id: CallId,
        pair: Pair,
    ) -> Option<LegNumber> {
        let protection = self.floor_protection();
        let call = self.calls.get_mut(&id)?;
        let attributes = attributes(&call.kind, &invitation.caller, &invitation.description);
        let transaction = incoming.transaction;
        let request = Box::new(incoming.request.clone());
        let state = LegState::Originating {
            transaction,
            request,
        };
        let mut leg = Leg::new(invitation.caller.clone(), pair, state, attributes);
        leg.use_description(&invitation.description, &protection);
        let number = call.add(leg);
        self.pairs.insert(pair.id, (id, number));
        self.transactions.insert(transaction, id);
        Some(number)
    }

    fn floor_server(&self, random: &mut dyn Random) -> Result<FloorControlServer, EndpointError> {
        let mut octets = [0; 4];
        random.fill(&mut octets)?;
        let mut config = ServerConfig::new(Ssrc(u32::from_be_bytes(octets)));
        config.timers = self.settings.floor_timers;
        Ok(FloorControlServer::new(config))
    }

    /// Answers the originator with 200, and with it the implicit floor request (TS 24.380 cl. 14.3).
    pub(super) fn accept_originator(
        &mut self,
        context: &mut Context<'_>,
        id: CallId,
        number: LegNumber,
        occasion: Answering,
    ) -> Result<(), EndpointError> {
        let Some((transaction, request, description)) = self.originator(id, number) else {
            return Ok(());
        };
        let implicit = match occasion {
            Answering::Start => implicit_request(&description),
            Answering::Join => None,
        };
        let asked = implicit.is_some();
        let events = self.with_call(context, id, |call, bench| {
            call.join(bench, number, implicit)
        });
        let granted = events
            .unwrap_or_default()
            .contains(&CallEvent::ImplicitGranted);
        let wish = FloorParameters {
            granted,
            implicit_request: asked,
            ..FloorParameters::default()
        };
        let response =
            match self.originator_answer(context, id, number, &request, &description, wish) {
                Ok(response) => response,
                Err(error) => {
                    info!(%error, "the offer cannot be answered");
                    return self.give_up(
                        context,
                        id,
                        transaction,
                        &request,
                        StatusCode::NOT_ACCEPTABLE_HERE,
                        None,
                    );
                }
            };
        let response = joined(response, occasion, &self.settings.host)?;
        self.transactions.remove(&transaction);
        let dialog =
            context
                .endpoint
                .respond(context.now, context.random, transaction, response)?;
        if let (Some(dialog), Some(leg)) = (
            dialog,
            self.calls
                .get_mut(&id)
                .and_then(|call| call.legs.get_mut(&number)),
        ) {
            leg.state = LegState::Connected(dialog);
            self.dialogs.insert(dialog, (id, number));
        }
        Ok(())
    }

    fn originator(
        &self,
        id: CallId,
        number: LegNumber,
    ) -> Option<(
        roger_sip::endpoint::TransactionId,
        Request,
        SessionDescription,
    )> {
        let call = self.calls.get(&id)?;
        let LegState::Originating {
            transaction,
            request,
        } = &call.legs.get(&number)?.state
        else {
            return None;
        };
        let body = Body::of(request.headers(), request.body()).ok()?;
        let description = SessionDescription::parse(body.octets(media_type::SDP)?).ok()?;
        Some((*transaction, request.as_ref().clone(), description))
    }

    fn originator_answer(
        &self,
        context: &mut Context<'_>,
        id: CallId,
        number: LegNumber,
        request: &Request,
        offer: &SessionDescription,
        floor: FloorParameters,
    ) -> Result<Response, AnswerError> {
        let call = self.calls.get(&id).ok_or(AnswerError::Gone)?;
        let leg = call.legs.get(&number).ok_or(AnswerError::Gone)?;
        let local = LocalMedia {
            origin: Origin::random(context.random)?,
            address: leg.pair.rtp.ip(),
            audio_port: leg.pair.rtp.port(),
            rtcp_port: leg.pair.rtp.port().saturating_add(1),
            direction: Direction::SendReceive,
            floor: call
                .has_floor_control()
                .then(|| (leg.pair.floor.port(), floor)),
        };
        let (octets, _) = sdp::answer(offer, &local)?;
        let mut response = Response::to(request, StatusCode::OK);
        let headers = response.headers_mut();
        headers.push(
            HeaderName::CONTACT,
            format!("<{}>{CONTACT_PARAMETERS};isfocus", call.session_identity),
        )?;
        headers.push(
            HeaderName::P_ASSERTED_IDENTITY,
            format!("<{}>", self.settings.psi),
        )?;
        headers.push(HeaderName::P_ASSERTED_SERVICE, ICSI)?;
        headers.push(
            HeaderName::SUPPORTED,
            "tdialog, norefersub, explicitsub, nosub",
        )?;
        response.set_body(media_type::SDP, octets)?;
        Ok(response)
    }

    /// Refuses the originator and drops the call.
    pub(super) fn give_up(
        &mut self,
        context: &mut Context<'_>,
        id: CallId,
        transaction: roger_sip::endpoint::TransactionId,
        request: &Request,
        status: StatusCode,
        warning: Option<WarningCode>,
    ) -> Result<(), EndpointError> {
        let response = match warning {
            Some(warning) => refusal(request, status, warning, &self.settings.host),
            None => plain(request, status),
        };
        self.transactions.remove(&transaction);
        if let Some(call) = self.calls.get_mut(&id) {
            let waiting = |leg: &Leg| matches!(leg.state, LegState::Originating { .. });
            let number = call
                .legs
                .iter()
                .find(|(_, leg)| waiting(leg))
                .map(|(number, _)| *number);
            if let Some(leg) = number.and_then(|number| call.legs.remove(&number)) {
                self.pairs.remove(&leg.pair.id);
                self.ports.close(leg.pair.id);
            }
        }
        let answered = context
            .endpoint
            .respond(context.now, context.random, transaction, response);
        self.release(context, id);
        answered.map(|_| ())
    }

    /// The caller gave up before anybody answered; the endpoint has answered 487.
    pub(super) fn on_cancelled(
        &mut self,
        context: &mut Context<'_>,
        transaction: roger_sip::endpoint::TransactionId,
    ) {
        let Some(id) = self.transactions.remove(&transaction) else {
            return;
        };
        let number = self.calls.get(&id).and_then(|call| {
            let waiting = |leg: &Leg| matches!(leg.state, LegState::Originating { .. });
            call.legs
                .iter()
                .find(|(_, leg)| waiting(leg))
                .map(|(number, _)| *number)
        });
        if let Some(number) = number {
            self.remove_leg(context, id, number);
        }
        self.release(context, id);
    }

    pub(super) fn open_pair(&mut self) -> Option<Pair> {
        match self.ports.open() {
            Ok(pair) => Some(pair),
            Err(error) => {
                warn!(%error, "a call leg has no media ports");
                None
            }
        }
    }
}

/// Whether the originator starts the call or joins it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answering {
    Start,
    Join,
}

/// Why an answer could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum AnswerError {
    #[error("the call is gone")]
    Gone,
    #[error(transparent)]
    Random(#[from] roger_base::RandomError),
    #[error(transparent)]
    Unusable(#[from] Unusable),
    #[error(transparent)]
    Build(#[from] roger_sip::message::BuildError),
}

/// A 200 that joins an ongoing call says so (TS 24.379 cl. 10.1.1.4.2).
fn joined(
    mut response: Response,
    occasion: Answering,
    host: &str,
) -> Result<Response, EndpointError> {
    if occasion == Answering::Join {
        let warning = WarningCode::SESSION_EXISTS.header_value(host);
        response.headers_mut().push(HeaderName::WARNING, warning)?;
    }
    Ok(response)
}

/// The floor request that an offer with `mc_implicit_request` stands for.
fn implicit_request(offer: &SessionDescription) -> Option<FloorRequest> {
    let parameters = &offer.floor.as_ref()?.parameters;
    parameters.implicit_request.then(|| FloorRequest {
        floor_priority: FloorPriority(parameters.priority.unwrap_or(0)),
        user_id: None,
        track_info: None,
        floor_indicator: Some(FloorIndicator::NORMAL_CALL),
        functional_alias: None,
        location: None,
    })
}

/// What floor control has to know of a member.
pub(super) fn attributes(
    kind: &Kind,
    user: &McpttId,
    description: &SessionDescription,
) -> Attributes {
    let mut attributes = Attributes::new(user.clone());
    let configured = match kind {
        Kind::Group(group) => group.member(user).and_then(|member| member.user_priority),
        Kind::Private => None,
    };
    attributes.member_priority = FloorPriority(configured.unwrap_or(0));
    let parameters = description
        .floor
        .as_ref()
        .map(|channel| &channel.parameters);
    let wanted = parameters.and_then(|parameters| parameters.priority);
    attributes.negotiated.priority =
        wanted.map(|wanted| FloorPriority(configured.map_or(wanted, |most| wanted.min(most))));
    attributes.floor_ssrc = parameters
        .and_then(|parameters| parameters.floor_ssrc)
        .map(Ssrc);
    attributes
}
