//! A client calls: the originating participating function (TS 24.379 cl. 6.3.2.1, 10.1.1.3.1, 11.1.1.3.1).

use super::ParticipatingFunction;
use super::invite::{InviteError, Plan, offer_of};
use super::session::{CallKind, Role};
use crate::ports::UserProfile;
use roger_base::{ClientId, GroupId, Impu, McpttId, ServerUri};
use roger_call::body::Body;
use roger_call::feature::{accepts_mcptt, has_isfocus};
use roger_call::sdp::SessionDescription;
use roger_call::warning::WarningCode;
use roger_documents::mcptt_info::{McpttInfo, SessionType};
use roger_documents::resource_lists::ResourceLists;
use roger_sip::application::Context;
use roger_sip::endpoint::{EndpointError, Incoming};
use roger_sip::header::{AnswerMode, Commencement};
use roger_sip::message::{HeaderName, Headers, StatusCode};

/// An INVITE that was read and opened.
struct Invitation {
    user: McpttId,
    client: ClientId,
    info: McpttInfo,
    body: Body,
    offer: Vec<u8>,
    description: SessionDescription,
}

/// A call that the profile of the caller allows.
struct Permitted {
    kind: CallKind,
    group: Option<GroupId>,
    controlling: ServerUri,
}

impl ParticipatingFunction {
    pub(super) fn on_originating_invite(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        impu: &Impu,
    ) -> Result<(), EndpointError> {
        if self.sessions.len() >= self.settings.max_sessions {
            return Self::refuse_for_now(context, incoming);
        }
        match self.plan_originating(context, incoming, impu) {
            Ok(plan) => self.start_session(context, incoming, plan),
            Err(error) => self.refuse_invite(context, incoming, &error),
        }
    }

    fn plan_originating(
        &mut self,
        context: &Context<'_>,
        incoming: &Incoming,
        impu: &Impu,
    ) -> Result<Plan, InviteError> {
        let headers = incoming.request.headers();
        if has_isfocus(headers) {
            return Err(WarningCode::ISFOCUS_ASSIGNED.into());
        }
        if !accepts_mcptt(headers) {
            return Err(InviteError::Status(StatusCode::FORBIDDEN));
        }
        let invitation = self.read_invitation(context, incoming, impu)?;
        let permitted = self.permit(&invitation, headers)?;
        let protection = self.floor_protections(
            impu,
            permitted.kind,
            permitted.group.as_ref(),
            &invitation.description,
        )?;
        let documents = documents_for_controlling(&invitation)?;
        Ok(Plan {
            role: Role::Originating,
            kind: permitted.kind,
            impu: impu.clone(),
            user: invitation.user,
            protection,
            offer: invitation.offer,
            description: invitation.description,
            documents,
            to: permitted.controlling.as_str().to_owned(),
            from: impu.as_str().to_owned(),
            headers: copied(headers),
        })
    }

    fn read_invitation(
        &mut self,
        context: &Context<'_>,
        incoming: &Incoming,
        impu: &Impu,
    ) -> Result<Invitation, InviteError> {
        let request = &incoming.request;
        // The binding comes first: without it no key could open the body (cl. 10.1.1.3.1.1).
        if self.living(impu, context.utc).is_none() {
            return Err(WarningCode::USER_UNKNOWN.into());
        }
        let body = Body::of(request.headers(), request.body())?;
        let (body, user, client) = self.open_from_client(context.utc, impu, &body)?;
        let info: McpttInfo = body.required()?;
        if info
            .client_id
            .as_ref()
            .is_some_and(|named| *named != client)
        {
            return Err(WarningCode::INVALID_BODY.into());
        }
        let (offer, description) = offer_of(&body)?;
        self.keep_location_of_call(impu, &body, context.utc);
        Ok(Invitation {
            user,
            client,
            info,
            body,
            offer,
            description,
        })
    }

    fn permit(&self, invitation: &Invitation, headers: &Headers) -> Result<Permitted, InviteError> {
        let profile = self.profiles.profile(&invitation.user);
        match invitation.info.session_type {
            Some(SessionType::Prearranged) => {
                let profile = profile.ok_or(WarningCode::NO_PREARRANGED_CALLS)?;
                self.permit_group(invitation, &profile)
            }
            Some(SessionType::Private) => {
                let profile = profile.ok_or(WarningCode::NO_PRIVATE_CALLS)?;
                self.permit_private(invitation, &profile, headers)
            }
            _ => Err(WarningCode::FUNCTION_NOT_ALLOWED.into()),
        }
    }

    fn permit_group(
        &self,
        invitation: &Invitation,
        profile: &UserProfile,
    ) -> Result<Permitted, InviteError> {
        let named = invitation.info.request_uri.as_ref();
        let group = named
            .and_then(|uri| uri.group().ok())
            .ok_or(WarningCode::INVALID_BODY)?;
        if !profile.prearranged_group_call.is_granted() {
            return Err(WarningCode::NO_PREARRANGED_CALLS.into());
        }
        if self.sessions.calls_of(&invitation.user, CallKind::Group) >= profile.max_group_calls {
            return Err(WarningCode::TOO_MANY_GROUP_CALLS.into());
        }
        let controlling = self.settings.controlling_of_group(&group);
        let controlling = controlling.ok_or(WarningCode::NO_CONTROLLING_FUNCTION)?;
        Ok(Permitted {
            kind: CallKind::Group,
            group: Some(group),
            controlling: controlling.clone(),
        })
    }

    fn permit_private(
        &self,
        invitation: &Invitation,
        profile: &UserProfile,
        headers: &Headers,
    ) -> Result<Permitted, InviteError> {
        if !profile.private_call.is_granted() {
            return Err(WarningCode::NO_PRIVATE_CALLS.into());
        }
        check_commencement(profile, headers)?;
        let callee = callee(&invitation.body)?;
        let listed = profile.private_call_list.contains(&callee);
        if !listed && !profile.private_call_to_anybody.is_granted() {
            return Err(WarningCode::NOT_AUTHORISED_TO_CALL_USER.into());
        }
        if self.sessions.calls_of(&invitation.user, CallKind::Private) >= profile.max_private_calls
        {
            return Err(WarningCode::TOO_MANY_PRIVATE_CALLS.into());
        }
        let controlling = self.settings.controlling_of_user(&invitation.user);
        let controlling = controlling.ok_or(WarningCode::NO_CONTROLLING_FUNCTION)?;
        Ok(Permitted {
            kind: CallKind::Private,
            group: None,
            controlling: controlling.clone(),
        })
    }
}

/// Whether the caller may ask for this way of answering. A call that asks for none counts as manual \[I\].
fn check_commencement(profile: &UserProfile, headers: &Headers) -> Result<(), InviteError> {
    let bad = |_| InviteError::Status(StatusCode::BAD_REQUEST);
    let asked = headers.answer_mode().map_err(bad)?;
    let automatic = asked.is_some_and(|asked| asked.mode == Commencement::Automatic);
    if automatic && !profile.automatic_commencement.is_granted() {
        return Err(WarningCode::NO_AUTOMATIC_COMMENCEMENT.into());
    }
    let forced = forces(headers.priv_answer_mode().map_err(bad)?.as_ref());
    if !automatic && !forced && !profile.manual_commencement.is_granted() {
        return Err(WarningCode::NO_MANUAL_COMMENCEMENT.into());
    }
    if forced && !profile.force_automatic_answer.is_granted() {
        return Err(WarningCode::NOT_AUTHORISED_TO_FORCE.into());
    }
    Ok(())
}

/// Whether Priv-Answer-Mode asks for automatic answering.
pub(super) fn forces(asked: Option<&AnswerMode>) -> bool {
    asked.is_some_and(|asked| asked.mode == Commencement::Automatic)
}

/// Exactly one called user (cl. 11.1.1.2.1.1).
fn callee(body: &Body) -> Result<McpttId, InviteError> {
    let lists: Option<ResourceLists> = body.document()?;
    match lists.unwrap_or_default().uris.as_slice() {
        [only] => McpttId::new(only.as_str()).map_err(|_| WarningCode::NO_CALLED_PARTY.into()),
        _ => Err(WarningCode::NO_CALLED_PARTY.into()),
    }
}

/// The caller's documents with what only a server says: who calls (cl. 6.3.2.1.3). What the client wrote there is
/// overwritten.
fn documents_for_controlling(invitation: &Invitation) -> Result<Body, InviteError> {
    let info = McpttInfo {
        access_token: None,
        calling_user_id: Some(invitation.user.clone()),
        client_id: Some(invitation.client.clone()),
        ..invitation.info.clone()
    };
    let documents = Body::new().with_document(&info);
    let lists: Option<ResourceLists> = invitation.body.document()?;
    Ok(match lists {
        Some(lists) => documents.with_document(&lists),
        None => documents,
    })
}

/// Header fields that the next server needs as they came.
fn copied(headers: &Headers) -> Vec<(HeaderName<'static>, String)> {
    [
        HeaderName::ANSWER_MODE,
        HeaderName::PRIV_ANSWER_MODE,
        HeaderName::PRIVACY,
    ]
    .into_iter()
    .filter_map(|name| Some((name, headers.text(name)?.trim().to_owned())))
    .collect()
}
