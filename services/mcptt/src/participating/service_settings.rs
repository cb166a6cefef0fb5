//! PUBLISH Event poc-settings: service authorisation, settings, log-off (TS 24.379 cl. 7.3.3 to 7.3.5; RFC 3903).

use super::authorisation::settings_of;
use super::binding::Published;
use super::{ParticipatingFunction, answer};
use core::time::Duration;
use roger_base::{Impu, Random};
use roger_call::answer::plain;
use roger_call::body::{Body, BodyError};
use roger_call::feature::{EXPIRES_FOREVER, media_type};
use roger_call::warning::WarningCode;
use roger_documents::mcptt_info::{ExtensionValue, McpttInfo, extension};
use roger_sip::application::Context;
use roger_sip::endpoint::{EndpointError, Incoming, ident};
use roger_sip::message::{HeaderName, Request, StatusCode};
use roger_sip::subscription::{EntityTag, PublishKind};
use tracing::{info, warn};

/// What a PUBLISH asks for, after its tag was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// A body to store.
    Store,
    /// The stored body for longer.
    Refresh,
    /// Nothing any more.
    Remove,
}

/// Reads what is asked; `held` is the tag of what is published by the sender now.
///
/// # Errors
/// The status of the refusal: 400, or 412 for a tag that is not of a living publication (RFC 3903 6).
pub(super) fn asked(request: &Request, held: Option<&EntityTag>) -> Result<Asked, StatusCode> {
    let expires = request
        .headers()
        .seconds(HeaderName::EXPIRES)
        .map_err(|_| StatusCode::BAD_REQUEST)?;
    let kind = PublishKind::of(request).map_err(|_| StatusCode::BAD_REQUEST)?;
    let (tag, asked) = match &kind {
        PublishKind::Initial if expires == Some(0) => (None, Asked::Remove),
        PublishKind::Initial => (None, Asked::Store),
        PublishKind::Refresh(tag) => (Some(tag), Asked::Refresh),
        PublishKind::Modify(tag) => (Some(tag), Asked::Store),
        PublishKind::Remove(tag) => (Some(tag), Asked::Remove),
    };
    if tag.is_some_and(|tag| held != Some(tag)) {
        return Err(StatusCode::CONDITIONAL_REQUEST_FAILED);
    }
    Ok(asked)
}

/// A fresh entity tag.
pub(super) fn fresh_tag(random: &mut dyn Random) -> Result<EntityTag, EndpointError> {
    let text = ident::tag(random)?;
    EntityTag::parse(text.as_bytes())
        .ok_or(EndpointError::LocalState("an entity tag could not be made"))
}

impl ParticipatingFunction {
    pub(super) fn on_settings(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        impu: &Impu,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        let held = self
            .bindings
            .get(impu)
            .and_then(|binding| binding.published.as_ref())
            .map(|published| &published.tag);
        match asked(request, held) {
            Err(status) => answer(context, incoming, plain(request, status)),
            Ok(Asked::Remove) => self.log_off(context, incoming, impu),
            Ok(Asked::Refresh) if self.living(impu, context.utc).is_none() => {
                self.refuse(context, incoming, WarningCode::USER_UNKNOWN)
            }
            Ok(Asked::Refresh) => self.accept_settings(context, incoming, impu),
            Ok(Asked::Store) => self.on_settings_body(context, incoming, impu),
        }
    }

    fn log_off(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        impu: &Impu,
    ) -> Result<(), EndpointError> {
        if self.bindings.get(impu).is_none() {
            return self.refuse(context, incoming, WarningCode::USER_UNKNOWN);
        }
        self.unbind(context, impu);
        let mut response = plain(&incoming.request, StatusCode::OK);
        response.headers_mut().set(HeaderName::EXPIRES, "0")?;
        answer(context, incoming, response)
    }

    fn on_settings_body(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        impu: &Impu,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        let body = match Body::of(request.headers(), request.body()) {
            Ok(body) => body,
            Err(error) => return self.refuse(context, incoming, error.warning()),
        };
        if self.asks_for_authorisation(impu, &body, context.utc) {
            return match self.authorise_and_bind(context, impu, &body) {
                Ok(()) => self.accept_settings(context, incoming, impu),
                Err(error) => self.refuse_binding(context, incoming, impu, &error),
            };
        }
        match self.store_settings(context, impu, &body) {
            Ok(()) => self.accept_settings(context, incoming, impu),
            Err(warning) => self.refuse(context, incoming, warning),
        }
    }

    /// Whether the body is one of cl. 7.3.3: it brings a new CSK, or a token that can be seen.
    fn asks_for_authorisation(&self, impu: &Impu, body: &Body, now: roger_base::UnixTime) -> bool {
        if body.part(media_type::MIKEY).is_some() {
            return !self.repeats_csk(impu, body, now);
        }
        let has_token = |body: &Body| {
            let info: Result<Option<McpttInfo>, BodyError> = body.document();
            info.is_ok_and(|info| info.is_some_and(|info| info.access_token.is_some()))
        };
        let opened = self
            .bindings
            .get(impu)
            .and_then(|binding| super::binding::open_body(body, binding, &self.rules).ok());
        has_token(body) || opened.is_some_and(|(body, _)| has_token(&body))
    }

    /// Settings of a bound client (cl. 7.3.4).
    fn store_settings(
        &mut self,
        context: &mut Context<'_>,
        impu: &Impu,
        body: &Body,
    ) -> Result<(), WarningCode> {
        let (opened, user, client) = self.open_from_client(context.utc, impu, body)?;
        let invalid = |error: BodyError| {
            info!(%impu, %error, "settings refused");
            error.warning()
        };
        let info: McpttInfo = opened.required().map_err(invalid)?;
        let own = info
            .request_uri
            .as_ref()
            .is_none_or(|uri| uri.as_str() == user.as_str());
        if !own {
            return Err(WarningCode::FUNCTION_NOT_ALLOWED);
        }
        if info
            .client_id
            .as_ref()
            .is_some_and(|named| *named != client)
        {
            return Err(WarningCode::INVALID_BODY);
        }
        let settings = settings_of(&opened, &client)
            .map_err(|error| error.warning().unwrap_or(WarningCode::INVALID_BODY))?
            .ok_or(WarningCode::INVALID_BODY)?;
        self.bindings
            .update(impu, |binding| binding.settings = Some(settings));
        self.notify_settings(context, impu);
        Ok(())
    }

    /// 200 with a new entity tag.
    fn accept_settings(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        impu: &Impu,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        let expires = request.headers().seconds(HeaderName::EXPIRES);
        let expires = expires.ok().flatten().unwrap_or(EXPIRES_FOREVER);
        let tag = fresh_tag(context.random)?;
        let mut response = plain(request, StatusCode::OK);
        let headers = response.headers_mut();
        headers.set(HeaderName::SIP_ETAG, tag.as_str())?;
        headers.set(HeaderName::EXPIRES, expires.to_string())?;
        let expiry = context.now + Duration::from_secs(u64::from(expires));
        self.bindings.update(impu, |binding| {
            binding.published = Some(Published { tag, expiry });
        });
        if let Some((content_type, octets)) = self.multiple_devices(context, impu) {
            response.set_body(&content_type, octets)?;
        }
        answer(context, incoming, response)
    }

    /// `<multiple-devices-ind>`, protected, for a client of a user with several (cl. 7.3.3).
    fn multiple_devices(
        &self,
        context: &mut Context<'_>,
        impu: &Impu,
    ) -> Option<(String, Vec<u8>)> {
        let binding = self.bindings.get(impu)?;
        if self.bindings.others_of(&binding.user, impu) == 0 {
            return None;
        }
        let mut info = McpttInfo::default();
        info.add_extension(
            extension::MULTIPLE_DEVICES_IND,
            ExtensionValue::Boolean(true),
        );
        let (protection, domain) = (self.settings.protection, &self.settings.domain);
        let body = Body::new().with_document(&info);
        let encoded = binding
            .protect(body, protection, domain, context.random)
            .and_then(|body| body.encode(context.random));
        encoded.unwrap_or_else(|error| {
            warn!(%impu, %error, "the client is not told that the user has others");
            None
        })
    }
}
