//! MESSAGE from a client and to one: locations (TS 24.379 cl. 13.2) and proposals of affiliations (cl. 9.2.2.2.11).

use super::{ParticipatingFunction, answer};
use roger_base::{Impu, McpttId};
use roger_call::answer::plain;
use roger_call::body::{Body, BodyError};
use roger_call::feature::media_type;
use roger_call::request::{RequestError, Trust, finish, start};
use roger_call::warning::WarningCode;
use roger_documents::affiliation_command::AffiliationCommand;
use roger_documents::mcptt_info::{McpttInfo, RequestUri};
use roger_sip::application::Context;
use roger_sip::endpoint::{EndpointError, Incoming, RequestHandle};
use roger_sip::message::{Method, StatusCode};
use std::collections::HashMap;
use tracing::{info, warn};

/// What a MESSAGE under way is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MessagePurpose {
    /// A location configuration for this client.
    LocationConfiguration(Impu),
    /// Nothing depends on its answer.
    Delivery,
}

/// The MESSAGEs under way.
#[derive(Default)]
pub(super) struct Messages(HashMap<RequestHandle, MessagePurpose>);

impl Messages {
    /// Whose answer it is; a final one ends it.
    pub(super) fn answered(
        &mut self,
        handle: RequestHandle,
        status: Option<StatusCode>,
    ) -> Option<MessagePurpose> {
        if status.is_some_and(StatusCode::is_provisional) {
            return self.0.get(&handle).cloned();
        }
        self.0.remove(&handle)
    }
}

/// Why a MESSAGE was not sent.
#[derive(Debug, thiserror::Error)]
enum MessageError {
    #[error("nobody is bound to this identity")]
    NotBound,
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
}

/// Why a MESSAGE of a client is refused.
pub(super) enum Denied {
    /// With the status that belongs to the Warning.
    Warning(WarningCode),
    /// Without Warning.
    Status(StatusCode),
    /// For want of room; later it may go.
    Busy,
}

impl From<WarningCode> for Denied {
    fn from(warning: WarningCode) -> Self {
        Self::Warning(warning)
    }
}

impl ParticipatingFunction {
    pub(super) fn on_message(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        impu: &Impu,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        match self.take_message(context, incoming, impu) {
            Ok(()) => answer(context, incoming, plain(request, StatusCode::OK)),
            Err(Denied::Warning(warning)) => self.refuse(context, incoming, warning),
            Err(Denied::Status(status)) => answer(context, incoming, plain(request, status)),
            Err(Denied::Busy) => Self::refuse_for_now(context, incoming),
        }
    }

    fn take_message(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        impu: &Impu,
    ) -> Result<(), Denied> {
        let request = &incoming.request;
        let body = Body::of(request.headers(), request.body()).map_err(|error| error.warning())?;
        let (opened, user, _) = self.open_from_client(context.utc, impu, &body)?;
        let has = |media_type| opened.part(media_type).is_some();
        match (
            has(media_type::LOCATION_INFO),
            has(media_type::AFFILIATION_COMMAND),
        ) {
            (true, false) => self.on_location(context, impu, &user, &opened),
            (false, true) => self.on_affiliation_command(context, &user, &opened),
            (true, true) => Err(WarningCode::INVALID_BODY.into()),
            (false, false) => Err(Denied::Status(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
        }
    }

    /// An authorised user proposes affiliations to another, who decides (negotiated mode, cl. 9.2.1.4).
    fn on_affiliation_command(
        &mut self,
        context: &mut Context<'_>,
        sender: &McpttId,
        body: &Body,
    ) -> Result<(), Denied> {
        let command: AffiliationCommand = body.required().map_err(|error| error.warning())?;
        if command.affiliate.is_empty() && command.deaffiliate.is_empty() {
            return Err(WarningCode::INVALID_BODY.into());
        }
        let target = target_of(body)?;
        let profile = self.profiles.profile(sender);
        if !profile.is_some_and(|profile| profile.recommend_affiliations.is_granted()) {
            return Err(WarningCode::FUNCTION_NOT_ALLOWED.into());
        }
        let clients = self.identities_of(&target)?;
        info!("affiliations are proposed to another user");
        for impu in clients {
            let info = McpttInfo {
                calling_user_id: Some(sender.clone()),
                ..McpttInfo::default()
            };
            let body = Body::new().with_document(&command);
            self.send_message(context, &impu, info, body, MessagePurpose::Delivery);
        }
        Ok(())
    }

    /// The identities that a user is bound to here. None: 404 without Warning, since "141" would tell the sender to
    /// authorise again.
    pub(super) fn identities_of(&self, user: &McpttId) -> Result<Vec<Impu>, Denied> {
        let bound = self.bindings.of_user(user).into_iter();
        let found: Vec<Impu> = bound.map(|(impu, _)| impu.clone()).collect();
        if found.is_empty() {
            return Err(Denied::Status(StatusCode::NOT_FOUND));
        }
        Ok(found)
    }

    /// Sends a MESSAGE to a client, under its own key; whether it was sent.
    pub(super) fn send_message(
        &mut self,
        context: &mut Context<'_>,
        impu: &Impu,
        info: McpttInfo,
        body: Body,
        purpose: MessagePurpose,
    ) -> bool {
        match self.try_send_message(context, impu, info, body) {
            Ok(handle) => {
                self.messages.0.insert(handle, purpose);
                true
            }
            Err(error) => {
                warn!(%impu, %error, "a MESSAGE could not be sent");
                false
            }
        }
    }

    fn try_send_message(
        &self,
        context: &mut Context<'_>,
        impu: &Impu,
        info: McpttInfo,
        body: Body,
    ) -> Result<RequestHandle, MessageError> {
        let binding = self.bindings.get(impu).ok_or(MessageError::NotBound)?;
        let info = McpttInfo {
            request_uri: Some(RequestUri::from(&binding.user)),
            ..info
        };
        let (protection, domain) = (self.settings.protection, &self.settings.domain);
        let body = body.with_document(&info);
        let body = binding.protect(body, protection, domain, context.random)?;
        let (to, from) = (impu.as_str(), self.settings.psi.as_str());
        let builder = start(Method::Message, to, from, Trust::Asserted, context.random)?;
        let request = finish(builder, &body, context.random)?;
        let (now, core) = (context.now, self.settings.core);
        Ok(context
            .endpoint
            .send_request(now, context.random, request, core)?)
    }

    pub(super) fn on_message_answered(
        &mut self,
        context: &Context<'_>,
        purpose: MessagePurpose,
        status: Option<StatusCode>,
    ) {
        if let MessagePurpose::LocationConfiguration(impu) = purpose {
            self.locations.on_configured(&impu, status, context.now);
        }
    }
}

/// The user whom a MESSAGE is about.
pub(super) fn target_of(body: &Body) -> Result<McpttId, WarningCode> {
    let info: McpttInfo = body.required().map_err(|error| error.warning())?;
    let target = info.request_uri.ok_or(WarningCode::INVALID_BODY)?;
    target.user().map_err(|_| WarningCode::INVALID_BODY)
}
