//! A client is called: the terminating participating function (TS 24.379 cl. 6.3.2.2, 10.1.1.3.2, 11.1.1.3.2).

use super::ParticipatingFunction;
use super::binding::Binding;
use super::invite::{InviteError, Plan, offer_of};
use super::originating::forces;
use super::session::{CallKind, Role};
use crate::ports::UserProfile;
use roger_base::{Impu, McpttId};
use roger_call::body::{Body, BodyError};
use roger_call::feature::{accepts_mcptt, has_isfocus};
use roger_call::warning::WarningCode;
use roger_documents::mcptt_info::{McpttInfo, SessionType};
use roger_documents::poc_settings::AnswerMode;
use roger_sip::application::Context;
use roger_sip::endpoint::{EndpointError, Incoming};
use roger_sip::header::Commencement;
use roger_sip::message::{HeaderName, Headers, StatusCode};

impl ParticipatingFunction {
    pub(super) fn on_terminating_invite(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        controlling: &Impu,
    ) -> Result<(), EndpointError> {
        if self.sessions.len() >= self.settings.max_sessions {
            return Self::refuse_for_now(context, incoming);
        }
        match self.plan_terminating(incoming, controlling) {
            Ok(plan) => self.start_session(context, incoming, plan),
            Err(error) => self.refuse_invite(context, incoming, &error),
        }
    }

    fn plan_terminating(
        &self,
        incoming: &Incoming,
        controlling: &Impu,
    ) -> Result<Plan, InviteError> {
        let headers = incoming.request.headers();
        if !has_isfocus(headers) {
            return Err(WarningCode::ISFOCUS_NOT_ASSIGNED.into());
        }
        if !accepts_mcptt(headers) {
            return Err(InviteError::Status(StatusCode::FORBIDDEN));
        }
        let body = Body::of(headers, incoming.request.body())?;
        let body = body
            .opened(self.settings.hop.receiving())
            .map_err(BodyError::from)?;
        let info: McpttInfo = body.required()?;
        let (offer, description) = offer_of(&body)?;
        let user = called_user(&info)?;
        let (impu, binding) = self.called_client(&user, &info)?;
        let setting = binding
            .settings
            .as_ref()
            .ok_or(WarningCode::NO_SERVICE_SETTINGS)?
            .answer_mode;
        let kind = match info.session_type {
            Some(SessionType::Private) => CallKind::Private,
            _ => CallKind::Group,
        };
        self.check_called(&user, kind)?;
        let group = info.calling_group_id.as_ref();
        let protection = self.floor_protections(impu, kind, group, &description)?;
        Ok(Plan {
            role: Role::Terminating,
            kind,
            impu: impu.clone(),
            user,
            protection,
            offer,
            description,
            documents: documents_for_client(info),
            to: impu.as_str().to_owned(),
            from: controlling.as_str().to_owned(),
            headers: answer_mode(headers, setting)?,
        })
    }

    /// The client to invite: the one named, else the one that authorised last. A client that is not bound cannot be
    /// reached: 404 without Warning, since "141" would tell the caller to authorise again.
    fn called_client(
        &self,
        user: &McpttId,
        info: &McpttInfo,
    ) -> Result<(&Impu, &Binding), InviteError> {
        let named = info.client_id.as_ref();
        self.bindings
            .of_user(user)
            .into_iter()
            .find(|(_, binding)| named.is_none_or(|named| binding.client == *named))
            .ok_or(InviteError::Status(StatusCode::NOT_FOUND))
    }

    fn check_called(&self, user: &McpttId, kind: CallKind) -> Result<(), InviteError> {
        let profile = self.profiles.profile(user);
        let profile = profile.ok_or(InviteError::Status(StatusCode::NOT_FOUND))?;
        if kind == CallKind::Private && !profile.receive_private_call.is_granted() {
            return Err(WarningCode::NOT_AUTHORISED_TO_BE_CALLED.into());
        }
        if self.sessions.calls_of(user, kind) >= limit(&profile, kind) {
            return Err(match kind {
                CallKind::Group => WarningCode::TOO_MANY_GROUP_CALLS.into(),
                CallKind::Private => WarningCode::TOO_MANY_PRIVATE_CALLS.into(),
            });
        }
        Ok(())
    }
}

fn limit(profile: &UserProfile, kind: CallKind) -> usize {
    match kind {
        CallKind::Group => profile.max_group_calls,
        CallKind::Private => profile.max_private_calls,
    }
}

fn called_user(info: &McpttInfo) -> Result<McpttId, InviteError> {
    let uri = info.request_uri.as_ref().ok_or(WarningCode::INVALID_BODY)?;
    uri.user().map_err(|_| WarningCode::INVALID_BODY.into())
}

/// What the client is told; which of her clients was meant is a matter of servers.
fn documents_for_client(info: McpttInfo) -> Body {
    Body::new().with_document(&McpttInfo {
        client_id: None,
        access_token: None,
        ..info
    })
}

/// Priv-Answer-Mode Auto outdoes all, then the caller's wish for manual answering, then the setting of the client;
/// a client without such a setting is asked \[I\] (TS 24.379).
fn answer_mode(
    headers: &Headers,
    setting: Option<AnswerMode>,
) -> Result<Vec<(HeaderName<'static>, String)>, InviteError> {
    let bad = |_| InviteError::Status(StatusCode::BAD_REQUEST);
    let forced = forces(headers.priv_answer_mode().map_err(bad)?.as_ref());
    let asked = headers.answer_mode().map_err(bad)?;
    let manual = asked.is_some_and(|asked| asked.mode == Commencement::Manual);
    if forced {
        return Ok(vec![
            (HeaderName::ANSWER_MODE, "Auto".to_owned()),
            (HeaderName::PRIV_ANSWER_MODE, "Auto".to_owned()),
        ]);
    }
    let automatic = !manual && setting == Some(AnswerMode::Automatic);
    let mode = if automatic { "Auto" } else { "Manual" };
    Ok(vec![(HeaderName::ANSWER_MODE, mode.to_owned())])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(privileged: Option<&str>, asked: Option<&str>, setting: AnswerMode) -> Vec<String> {
        let mut headers = Headers::new();
        for (name, value) in [
            (HeaderName::PRIV_ANSWER_MODE, privileged),
            (HeaderName::ANSWER_MODE, asked),
        ] {
            if let Some(value) = value {
                headers.push(name, value).unwrap();
            }
        }
        let resolved = answer_mode(&headers, Some(setting)).unwrap();
        resolved.into_iter().map(|(_, value)| value).collect()
    }

    #[test]
    fn each_wish_has_its_rank() {
        use AnswerMode::{Automatic, Manual};
        let cases = [
            (Some("Auto"), Some("Manual"), Manual, vec!["Auto", "Auto"]),
            (Some("Auto;require"), None, Manual, vec!["Auto", "Auto"]),
            (Some("Manual"), None, Automatic, vec!["Auto"]),
            (None, Some("Manual"), Automatic, vec!["Manual"]),
            (None, Some("Auto"), Manual, vec!["Manual"]),
            (None, Some("Auto"), Automatic, vec!["Auto"]),
            (None, None, Manual, vec!["Manual"]),
            (None, None, Automatic, vec!["Auto"]),
        ];
        for (privileged, asked, setting, expected) in cases {
            assert_eq!(
                resolved(privileged, asked, setting),
                expected,
                "{privileged:?} {asked:?} {setting:?}"
            );
        }
    }

    #[test]
    fn a_client_without_the_setting_is_asked() {
        let resolved = answer_mode(&Headers::new(), None).unwrap();
        assert_eq!(resolved, [(HeaderName::ANSWER_MODE, "Manual".to_owned())]);
    }
}
