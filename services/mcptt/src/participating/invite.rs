//! The INVITE that goes on: what both roles do alike (TS 24.379 cl. 6.3.2.1.3, 6.3.2.2.3).

use super::session::{CallKind, FloorProtections, Role, Session, State};
use super::{ParticipatingFunction, answer};
use crate::controlling::FloorControlProtection;
use crate::media::Pair;
use roger_base::{GroupId, Impu, McpttId, Random};
use roger_call::answer::plain;
use roger_call::body::{Body, BodyError, Part};
use roger_call::feature::{CONTACT_PARAMETERS, media_type};
use roger_call::request::{RequestError, Trust, finish, start};
use roger_call::sdp::{FloorAnchor, MediaAnchor, Origin, SessionDescription, Unusable, rewrite};
use roger_call::warning::WarningCode;
use roger_media::{FloorProtection, Side};
use roger_sip::application::Context;
use roger_sip::endpoint::{EndpointError, Incoming, RequestHandle, ident};
use roger_sip::message::{HeaderName, Method, StatusCode};
use thiserror::Error;
use tracing::{info, warn};

/// Why an INVITE is not taken.
#[derive(Debug)]
pub(super) enum InviteError {
    /// A Warning says it.
    Warned(WarningCode),
    /// A status without Warning says it.
    Status(StatusCode),
}

impl From<WarningCode> for InviteError {
    fn from(warning: WarningCode) -> Self {
        Self::Warned(warning)
    }
}

impl From<BodyError> for InviteError {
    fn from(error: BodyError) -> Self {
        info!(%error, "body refused");
        Self::Warned(error.warning())
    }
}

impl From<Unusable> for InviteError {
    fn from(error: Unusable) -> Self {
        info!(%error, "offer refused");
        Self::Status(StatusCode::NOT_ACCEPTABLE_HERE)
    }
}

/// Why a message could not be passed on.
#[derive(Debug, Error)]
pub(super) enum PassingError {
    #[error("the session or its binding is gone")]
    Gone,
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Unusable(#[from] Unusable),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Random(#[from] roger_base::RandomError),
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
}

/// An INVITE to send, and the session that it begins.
pub(super) struct Plan {
    pub(super) role: Role,
    pub(super) kind: CallKind,
    pub(super) impu: Impu,
    pub(super) user: McpttId,
    pub(super) protection: FloorProtections,
    /// The offer as received.
    pub(super) offer: Vec<u8>,
    pub(super) description: SessionDescription,
    /// XML parts in clear.
    pub(super) documents: Body,
    /// Request-URI.
    pub(super) to: String,
    /// From and P-Asserted-Identity.
    pub(super) from: String,
    /// Answer-Mode and others.
    pub(super) headers: Vec<(HeaderName<'static>, String)>,
}

/// The offer of an opened body.
pub(super) fn offer_of(body: &Body) -> Result<(Vec<u8>, SessionDescription), InviteError> {
    let offer = body.octets(media_type::SDP).ok_or(Unusable::NoAudio)?;
    let description = SessionDescription::parse(offer)?;
    description.speech()?;
    Ok((offer.to_vec(), description))
}

impl ParticipatingFunction {
    pub(super) fn refuse_invite(
        &self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        error: &InviteError,
    ) -> Result<(), EndpointError> {
        match error {
            InviteError::Warned(warning) => self.refuse(context, incoming, *warning),
            InviteError::Status(status) => {
                info!(%status, "INVITE refused");
                answer(context, incoming, plain(&incoming.request, *status))
            }
        }
    }

    /// Whether floor control is SRTCP on the two hops (TS 33.180 cl. 9.4). On without a CSK: 488.
    pub(super) fn floor_protections(
        &self,
        impu: &Impu,
        kind: CallKind,
        group: Option<&GroupId>,
        description: &SessionDescription,
    ) -> Result<FloorProtections, InviteError> {
        let server = match self.settings.server_floor_protection {
            FloorControlProtection::On => FloorProtection::Key(self.settings.hop.key_id()),
            FloorControlProtection::Off => FloorProtection::Clear,
        };
        let client = match self.client_floor_protection(kind, group) {
            FloorControlProtection::Off => FloorProtection::Clear,
            FloorControlProtection::On => {
                let binding = self.bindings.get(impu);
                let csk = binding.and_then(|binding| binding.csk.as_ref());
                match csk {
                    Some(csk) => FloorProtection::Key(csk.csk.id()),
                    // Without floor control there is nothing to protect.
                    None if description.floor.is_none() => FloorProtection::Clear,
                    None => return Err(InviteError::Status(StatusCode::NOT_ACCEPTABLE_HERE)),
                }
            }
        };
        Ok(FloorProtections { client, server })
    }

    /// The group document decides for a group call; whatever is absent or unknown means on.
    fn client_floor_protection(
        &self,
        kind: CallKind,
        group: Option<&GroupId>,
    ) -> FloorControlProtection {
        if kind == CallKind::Private {
            return self.settings.private_floor_protection;
        }
        let document = group.and_then(|group| self.groups.group(group).ok().flatten());
        match document {
            Some(document) if !document.protects_floor_control() => FloorControlProtection::Off,
            _ => FloorControlProtection::On,
        }
    }

    /// Sends the INVITE on; the one received waits for its answer.
    pub(super) fn start_session(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        plan: Plan,
    ) -> Result<(), EndpointError> {
        let Some((client, server)) = self.open_pairs() else {
            return Self::refuse_for_now(context, incoming);
        };
        let outbound = match plan.role.inbound().other() {
            Side::Client => client,
            Side::Server => server,
        };
        let sent = self.send_invite(context, &plan, outbound);
        let (handle, identity) = match sent {
            Ok(sent) => sent,
            Err(error) => {
                warn!(%error, "an INVITE could not be passed on");
                self.ports.close(client.id);
                self.ports.close(server.id);
                return match error {
                    PassingError::Unusable(_) | PassingError::Body(_) => answer(
                        context,
                        incoming,
                        plain(&incoming.request, StatusCode::NOT_ACCEPTABLE_HERE),
                    ),
                    _ => Self::refuse_for_now(context, incoming),
                };
            }
        };
        let state = State::Inviting {
            transaction: incoming.transaction,
            request: Box::new(incoming.request.clone()),
            handle,
        };
        let id = self.sessions.insert(Session {
            impu: plan.impu,
            user: plan.user,
            role: plan.role,
            kind: plan.kind,
            client,
            server,
            identity,
            protection: plan.protection,
            offer: plan.description,
            state,
            relay: None,
            early: Vec::new(),
            dialogs: Vec::new(),
        });
        info!(session = id.0, role = ?plan.role, kind = ?plan.kind, "INVITE passed on");
        Ok(())
    }

    fn open_pairs(&mut self) -> Option<(Pair, Pair)> {
        let client = self.open_pair()?;
        match self.open_pair() {
            Some(server) => Some((client, server)),
            None => {
                self.ports.close(client.id);
                None
            }
        }
    }

    fn open_pair(&mut self) -> Option<Pair> {
        match self.ports.open() {
            Ok(pair) => Some(pair),
            Err(error) => {
                warn!(%error, "a session has no media ports");
                None
            }
        }
    }

    fn send_invite(
        &self,
        context: &mut Context<'_>,
        plan: &Plan,
        pair: Pair,
    ) -> Result<(RequestHandle, String), PassingError> {
        let identity = format!(
            "sip:session-{}@{}",
            ident::tag(context.random)?,
            self.settings.contact
        );
        let outbound = plan.role.inbound().other();
        let offer = anchored(&plan.offer, &plan.description, pair, context.random)?;
        let body = with_offer(offer, &plan.documents);
        let body = self.protect_for(outbound, &plan.impu, body, context.random)?;
        let contact = contact(&identity, outbound);
        let (to, from) = (plan.to.as_str(), plan.from.as_str());
        let mut builder = start(Method::Invite, to, from, Trust::Asserted, context.random)?
            .header(HeaderName::CONTACT, contact)
            .header(HeaderName::SUPPORTED, "tdialog, norefersub");
        for (name, value) in &plan.headers {
            builder = builder.header(*name, value);
        }
        let request = finish(builder, &body, context.random)?;
        let (now, core) = (context.now, self.settings.core);
        let handle = context
            .endpoint
            .send_request(now, context.random, request, core)?;
        Ok((handle, identity))
    }

    /// Protects a body for one of the two hops: a body never carries the KeyName of the hop it came by
    /// (TS 24.379 cl. 6.6.2.5).
    pub(super) fn protect_for(
        &self,
        side: Side,
        impu: &Impu,
        body: Body,
        random: &mut dyn Random,
    ) -> Result<Body, PassingError> {
        match side {
            Side::Server => Ok(body
                .protected(self.settings.hop.sending(), random)
                .map_err(BodyError::from)?),
            Side::Client => {
                let binding = self.bindings.get(impu).ok_or(PassingError::Gone)?;
                let (protection, domain) = (self.settings.protection, &self.settings.domain);
                Ok(binding.protect(body, protection, domain, random)?)
            }
        }
    }
}

/// Our Contact; a client sees a focus (TS 24.379 cl. 6.3.2).
pub(super) fn contact(identity: &str, towards: Side) -> String {
    match towards {
        Side::Client => format!("<{identity}>{CONTACT_PARAMETERS};isfocus"),
        Side::Server => format!("<{identity}>{CONTACT_PARAMETERS}"),
    }
}

/// A description with our ports in the place of the sender's; all else stays octet for octet, the key message of a
/// private call included.
pub(super) fn anchored(
    octets: &[u8],
    description: &SessionDescription,
    pair: Pair,
    random: &mut dyn Random,
) -> Result<Vec<u8>, PassingError> {
    let floor = description.floor.as_ref().map(|_| FloorAnchor {
        port: pair.floor.port(),
        parameters: None,
    });
    let anchor = MediaAnchor {
        address: pair.rtp.ip(),
        audio_port: pair.rtp.port(),
        rtcp_port: pair.rtp.port().saturating_add(1),
        floor,
        origin: Some(Origin::random(random)?),
    };
    Ok(rewrite(octets, &anchor)?)
}

/// The parts of a message: the description first, then the documents.
pub(super) fn with_offer(offer: Vec<u8>, documents: &Body) -> Body {
    let body = Body::new().with(Part::new(media_type::SDP, offer));
    [media_type::MCPTT_INFO, media_type::RESOURCE_LISTS]
        .iter()
        .filter_map(|wanted| documents.part(wanted))
        .fold(body, |body, part| {
            body.with(Part::new(part.content_type.clone(), part.octets.to_vec()))
        })
}
