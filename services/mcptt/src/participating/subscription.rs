//! SUBSCRIBE Event presence: a client watches its affiliations (TS 24.379 cl. 9.2.2.2.4, 9.2.2.2.5; RFC 6665).

use super::{ParticipatingFunction, answer};
use roger_base::{Impu, Instant, McpttId};
use roger_call::answer::plain;
use roger_call::body::{Body, BodyError};
use roger_call::feature::{CONTACT_PARAMETERS, EXPIRES_FOREVER};
use roger_call::warning::WarningCode;
use roger_documents::affiliation::AffiliationDocument;
use roger_documents::mcptt_info::McpttInfo;
use roger_sip::application::Context;
use roger_sip::endpoint::{DialogId, EndpointError, Incoming, RequestHandle};
use roger_sip::message::{HeaderName, Method, Request, Response, StatusCode};
use roger_sip::subscription::{Content, EndReason, Notifier, NotifierOutput, SubscriptionStatus};
use std::collections::HashMap;
use tracing::warn;

/// One subscription of one client.
struct Subscription {
    impu: Impu,
    user: McpttId,
    notifier: Notifier,
    /// The NOTIFY under way.
    flight: Option<RequestHandle>,
}

/// All subscriptions.
#[derive(Default)]
pub(super) struct Subscriptions(HashMap<DialogId, Subscription>);

/// Subscriptions of one identity at a time.
const MAX_OF_ONE: usize = 8;

impl Subscriptions {
    fn dialogs(&self, matches: impl Fn(&Subscription) -> bool) -> Vec<DialogId> {
        let mut dialogs: Vec<DialogId> = self
            .0
            .iter()
            .filter(|(_, subscription)| matches(subscription))
            .map(|(dialog, _)| *dialog)
            .collect();
        dialogs.sort_unstable();
        dialogs
    }

    pub(super) fn remove(&mut self, dialog: DialogId) {
        self.0.remove(&dialog);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let deadlines = self
            .0
            .values()
            .filter_map(|found| found.notifier.deadline());
        deadlines.map(|(at, _)| at).min()
    }
}

impl ParticipatingFunction {
    pub(super) fn on_subscribe(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        impu: &Impu,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        let Ok(expires) = request.headers().seconds(HeaderName::EXPIRES) else {
            return answer(context, incoming, plain(request, StatusCode::BAD_REQUEST));
        };
        let expires = expires.unwrap_or(EXPIRES_FOREVER);
        match incoming.dialog {
            Some(dialog) => self.on_resubscribe(context, incoming, dialog, expires),
            None => self.on_first_subscribe(context, incoming, impu, expires),
        }
    }

    fn on_first_subscribe(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        impu: &Impu,
        expires: u32,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        let user = match self.watcher(context, request, impu) {
            Ok(user) => user,
            Err(warning) => return self.refuse(context, incoming, warning),
        };
        if self
            .subscriptions
            .dialogs(|found| found.impu == *impu)
            .len()
            >= MAX_OF_ONE
        {
            return Self::refuse_for_now(context, incoming);
        }
        let response = self.subscribed(request, expires);
        let (now, transaction) = (context.now, incoming.transaction);
        let dialog = context
            .endpoint
            .respond(now, context.random, transaction, response)?;
        let Some(dialog) = dialog else {
            return Ok(());
        };
        let content = self.affiliation_content(context, impu, &user);
        let subscription = Subscription {
            impu: impu.clone(),
            user,
            notifier: Notifier::new(now, SubscriptionStatus::Active, expires, content),
            flight: None,
        };
        self.subscriptions.0.insert(dialog, subscription);
        self.send_notifications(context, dialog);
        Ok(())
    }

    /// Who subscribes; one sees one's own affiliations only.
    fn watcher(
        &mut self,
        context: &Context<'_>,
        request: &Request,
        impu: &Impu,
    ) -> Result<McpttId, WarningCode> {
        let body = Body::of(request.headers(), request.body()).map_err(|error| error.warning())?;
        let (opened, user, _) = self.open_from_client(context.utc, impu, &body)?;
        let info: McpttInfo = opened.required().map_err(|error| error.warning())?;
        let target = info.request_uri.ok_or(WarningCode::INVALID_BODY)?;
        if target.as_str() != user.as_str() {
            return Err(WarningCode::FUNCTION_NOT_ALLOWED);
        }
        Ok(user)
    }

    /// A SUBSCRIBE in the dialog: refresh or end (RFC 6665 4.2.1.4). Its body, if any, changes nothing.
    fn on_resubscribe(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        dialog: DialogId,
        expires: u32,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        let Some((impu, user)) = self
            .subscriptions
            .0
            .get(&dialog)
            .map(|found| (found.impu.clone(), found.user.clone()))
        else {
            return answer(
                context,
                incoming,
                plain(request, StatusCode::CALL_DOES_NOT_EXIST),
            );
        };
        answer(context, incoming, self.subscribed(request, expires))?;
        let content = self.affiliation_content(context, &impu, &user);
        if let Some(subscription) = self.subscriptions.0.get_mut(&dialog) {
            subscription
                .notifier
                .on_subscribe(context.now, expires, content);
        }
        self.send_notifications(context, dialog);
        Ok(())
    }

    fn subscribed(&self, request: &Request, expires: u32) -> Response {
        let mut response = plain(request, StatusCode::OK);
        let contact = format!("<sip:{}>{CONTACT_PARAMETERS}", self.settings.contact);
        let headers = response.headers_mut();
        // Both values are made here of configuration and numbers: they cannot break a line.
        let _ = headers.push(HeaderName::CONTACT, contact);
        let _ = headers.set(HeaderName::EXPIRES, expires.to_string());
        response
    }

    // Notifications -----------------------------------------------------------------------------------------

    /// The affiliations of the user, protected for the client that watches.
    fn affiliation_content(
        &self,
        context: &mut Context<'_>,
        impu: &Impu,
        user: &McpttId,
    ) -> Option<Content> {
        let content = self.protected_affiliations(context, impu, user);
        match content {
            Ok(content) => content,
            Err(error) => {
                warn!(%impu, %error, "a notification could not be made");
                None
            }
        }
    }

    fn protected_affiliations(
        &self,
        context: &mut Context<'_>,
        impu: &Impu,
        user: &McpttId,
    ) -> Result<Option<Content>, BodyError> {
        let Some(binding) = self.bindings.get(impu) else {
            return Ok(None);
        };
        let document = AffiliationDocument {
            user: user.clone(),
            tuples: self.affiliations.tuples_of(user),
            p_id: self.affiliations.p_id_of(user),
        };
        let body = Body::new().with_document(&document);
        let (protection, domain) = (self.settings.protection, &self.settings.domain);
        let encoded = binding
            .protect(body, protection, domain, context.random)?
            .encode(context.random)?;
        Ok(encoded.map(|(content_type, body)| Content { content_type, body }))
    }

    /// The affiliations of a user changed: those who watch are told the whole state.
    pub(super) fn notify_user(&mut self, context: &mut Context<'_>, user: &McpttId) {
        for dialog in self.subscriptions.dialogs(|found| found.user == *user) {
            let Some(impu) = self
                .subscriptions
                .0
                .get(&dialog)
                .map(|found| found.impu.clone())
            else {
                continue;
            };
            let content = self.affiliation_content(context, &impu, user);
            if let (Some(content), Some(subscription)) =
                (content, self.subscriptions.0.get_mut(&dialog))
            {
                // The whole state supersedes what waits.
                subscription.notifier.replace(context.now, content);
            }
            self.send_notifications(context, dialog);
        }
    }

    pub(super) fn end_subscriptions_of(&mut self, context: &mut Context<'_>, impu: &Impu) {
        for dialog in self.subscriptions.dialogs(|found| found.impu == *impu) {
            if let Some(subscription) = self.subscriptions.0.get_mut(&dialog) {
                subscription
                    .notifier
                    .terminate(context.now, EndReason::Deactivated);
            }
            self.send_notifications(context, dialog);
        }
    }

    pub(super) fn expire_subscriptions(&mut self, context: &mut Context<'_>) {
        for dialog in self.subscriptions.dialogs(|_| true) {
            if let Some(subscription) = self.subscriptions.0.get_mut(&dialog) {
                subscription.notifier.handle(context.now);
            }
            self.send_notifications(context, dialog);
        }
    }

    fn send_notifications(&mut self, context: &mut Context<'_>, dialog: DialogId) {
        while let Some(output) = self
            .subscriptions
            .0
            .get_mut(&dialog)
            .and_then(|found| found.notifier.poll())
        {
            match output {
                NotifierOutput::Notify { state, content } => {
                    let sent = notify(context, dialog, &state.to_string(), content);
                    self.on_notify_sent(dialog, sent);
                }
                NotifierOutput::Ended => {
                    self.subscriptions.remove(dialog);
                    context.endpoint.forget_dialog(dialog);
                }
            }
        }
    }

    fn on_notify_sent(&mut self, dialog: DialogId, sent: Result<RequestHandle, EndpointError>) {
        let Some(subscription) = self.subscriptions.0.get_mut(&dialog) else {
            return;
        };
        match sent {
            Ok(handle) => subscription.flight = Some(handle),
            Err(error) => {
                warn!(impu = %subscription.impu, %error, "a notification could not be sent");
                subscription.notifier.on_notify_timeout();
            }
        }
    }

    /// The answer to a NOTIFY; `None` when there was none.
    pub(super) fn on_notified(
        &mut self,
        context: &mut Context<'_>,
        handle: RequestHandle,
        status: Option<StatusCode>,
    ) {
        let waits = |(_, subscription): &(&DialogId, &mut Subscription)| {
            subscription.flight == Some(handle)
        };
        let Some((dialog, subscription)) = self.subscriptions.0.iter_mut().find(waits) else {
            return;
        };
        let dialog = *dialog;
        match status {
            Some(status) if status.is_provisional() => return,
            Some(status) => subscription
                .notifier
                .on_notify_response(context.now, status),
            None => subscription.notifier.on_notify_timeout(),
        }
        subscription.flight = None;
        self.send_notifications(context, dialog);
    }
}

fn notify(
    context: &mut Context<'_>,
    dialog: DialogId,
    state: &str,
    content: Option<Content>,
) -> Result<RequestHandle, EndpointError> {
    let mut builder = context
        .endpoint
        .request_in_dialog(dialog, Method::Notify)?
        .header(HeaderName::EVENT, "presence")
        .header(HeaderName::SUBSCRIPTION_STATE, state);
    if let Some(content) = content {
        builder = builder.body(content.content_type, content.body);
    }
    let request = builder.build()?;
    context
        .endpoint
        .send_in_dialog(context.now, context.random, dialog, request)
}
