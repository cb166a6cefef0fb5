//! SUBSCRIBE Event presence: a client watches its user's affiliations, or with the right to it those of another user
//! (TS 24.379 cl. 9.2.2.2.4, 9.2.2.2.5; RFC 6665).

use super::agenda::Agenda;
use super::{ParticipatingFunction, answer};
use roger_base::{Impu, Instant, McpttId};
use roger_call::answer::plain;
use roger_call::body::{Body, BodyError};
use roger_call::feature::{CONTACT_PARAMETERS, EXPIRES_FOREVER};
use roger_call::warning::WarningCode;
use roger_documents::affiliation::{AffiliationDocument, Tuple};
use roger_documents::mcptt_info::McpttInfo;
use roger_sip::application::Context;
use roger_sip::endpoint::{DialogId, EndpointError, Incoming, RequestHandle};
use roger_sip::message::{HeaderName, Method, Request, Response, StatusCode};
use roger_sip::subscription::{Content, EndReason, Notifier, NotifierOutput, SubscriptionStatus};
use std::collections::{BTreeSet, HashMap};
use tracing::warn;

/// One subscription of one client.
struct Subscription {
    /// Who watches.
    impu: Impu,
    /// Who is watched.
    user: McpttId,
    notifier: Notifier,
    /// The NOTIFY under way.
    flight: Option<RequestHandle>,
}

/// All subscriptions, with every way by which they are found.
#[derive(Default)]
pub(super) struct Subscriptions {
    by_dialog: HashMap<DialogId, Subscription>,
    by_user: HashMap<McpttId, BTreeSet<DialogId>>,
    by_impu: HashMap<Impu, BTreeSet<DialogId>>,
    flights: HashMap<RequestHandle, DialogId>,
    agenda: Agenda<DialogId>,
}

/// Subscriptions of one identity to one user at a time.
const MAX_OF_ONE: usize = 8;
/// Subscriptions of one identity at a time: a dispatcher watches many users.
const MAX_OF_ALL: usize = 256;

impl Subscriptions {
    fn of_user(&self, user: &McpttId) -> Vec<DialogId> {
        let dialogs = self.by_user.get(user).into_iter().flatten();
        dialogs.copied().collect()
    }

    fn of_impu(&self, impu: &Impu) -> Vec<DialogId> {
        let dialogs = self.by_impu.get(impu).into_iter().flatten();
        dialogs.copied().collect()
    }

    /// Whether an identity has as many subscriptions as it may have, to this user or in all.
    fn is_full(&self, user: &McpttId, impu: &Impu) -> bool {
        let all = self.of_impu(impu);
        let to_user = |dialog: &&DialogId| {
            self.by_dialog
                .get(dialog)
                .is_some_and(|found| found.user == *user)
        };
        all.len() >= MAX_OF_ALL || all.iter().filter(to_user).count() >= MAX_OF_ONE
    }

    fn insert(&mut self, dialog: DialogId, subscription: Subscription) {
        let user = self.by_user.entry(subscription.user.clone()).or_default();
        user.insert(dialog);
        let watcher = self.by_impu.entry(subscription.impu.clone()).or_default();
        watcher.insert(dialog);
        self.by_dialog.insert(dialog, subscription);
        self.update(dialog, |_| ());
    }

    /// Changes a subscription; its expiry may have moved.
    fn update<R>(
        &mut self,
        dialog: DialogId,
        change: impl FnOnce(&mut Subscription) -> R,
    ) -> Option<R> {
        let subscription = self.by_dialog.get_mut(&dialog)?;
        let result = change(subscription);
        let expiry = subscription.notifier.deadline().map(|(at, _)| at);
        self.agenda.set(&dialog, expiry);
        Some(result)
    }

    pub(super) fn remove(&mut self, dialog: DialogId) {
        let Some(subscription) = self.by_dialog.remove(&dialog) else {
            return;
        };
        self.agenda.set(&dialog, None);
        if let Some(handle) = subscription.flight {
            self.flights.remove(&handle);
        }
        forget(&mut self.by_user, &subscription.user, dialog);
        forget(&mut self.by_impu, &subscription.impu, dialog);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.agenda.next()
    }
}

/// Takes a dialog out of an index, which keeps no empty sets.
fn forget<K: Eq + core::hash::Hash>(
    index: &mut HashMap<K, BTreeSet<DialogId>>,
    key: &K,
    dialog: DialogId,
) {
    if let Some(dialogs) = index.get_mut(key) {
        dialogs.remove(&dialog);
        if dialogs.is_empty() {
            index.remove(key);
        }
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
        let user = match self.watched(context, request, impu) {
            Ok(user) => user,
            Err(warning) => return self.refuse(context, incoming, warning),
        };
        if self.subscriptions.is_full(&user, impu) {
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
        self.subscriptions.insert(dialog, subscription);
        self.send_notifications(context, dialog);
        Ok(())
    }

    /// Whom the sender wants to watch.
    fn watched(
        &mut self,
        context: &Context<'_>,
        request: &Request,
        impu: &Impu,
    ) -> Result<McpttId, WarningCode> {
        let body = Body::of(request.headers(), request.body()).map_err(|error| error.warning())?;
        let (opened, ..) = self.open_from_client(context.utc, impu, &body)?;
        let info: McpttInfo = opened.required().map_err(|error| error.warning())?;
        let target = info.request_uri.ok_or(WarningCode::INVALID_BODY)?;
        let target = target.user().map_err(|_| WarningCode::INVALID_BODY)?;
        if !self.may_watch(impu, &target) {
            return Err(WarningCode::FUNCTION_NOT_ALLOWED);
        }
        Ok(target)
    }

    /// One sees one's own affiliations; those of others with the right to it. A user whom nobody knows is refused like
    /// one who may not be watched, so that nobody learns who exists.
    fn may_watch(&self, impu: &Impu, target: &McpttId) -> bool {
        let Some(binding) = self.bindings.get(impu) else {
            return false;
        };
        let may = |user: &McpttId| {
            let profile = self.profiles.profile(user);
            profile.is_some_and(|profile| profile.see_affiliations_of_others.is_granted())
        };
        binding.user == *target || (may(&binding.user) && self.profiles.profile(target).is_some())
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
            .by_dialog
            .get(&dialog)
            .map(|found| (found.impu.clone(), found.user.clone()))
        else {
            return answer(
                context,
                incoming,
                plain(request, StatusCode::CALL_DOES_NOT_EXIST),
            );
        };
        if expires != 0 && !self.may_watch(&impu, &user) {
            self.refuse(context, incoming, WarningCode::FUNCTION_NOT_ALLOWED)?;
            self.end_subscription(context, dialog, EndReason::Rejected);
            return Ok(());
        }
        answer(context, incoming, self.subscribed(request, expires))?;
        let content = self.affiliation_content(context, &impu, &user);
        self.subscriptions.update(dialog, |found| {
            found.notifier.on_subscribe(context.now, expires, content);
        });
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
            tuples: self.tuples_of(user),
            p_id: self.affiliations.p_id_of(user),
        };
        let body = Body::new().with_document(&document);
        let (protection, domain) = (self.settings.protection, &self.settings.domain);
        let encoded = binding
            .protect(body, protection, domain, context.random)?
            .encode(context.random)?;
        Ok(encoded.map(|(content_type, body)| Content { content_type, body }))
    }

    /// The affiliations of a user, with the clients that have none: who acts for the user has to know their ids.
    fn tuples_of(&self, user: &McpttId) -> Vec<Tuple> {
        let mut tuples = self.affiliations.tuples_of(user);
        for (_, binding) in self.bindings.of_user(user) {
            if !tuples.iter().any(|tuple| tuple.client == binding.client) {
                tuples.push(Tuple {
                    client: binding.client.clone(),
                    affiliations: Vec::new(),
                    functional_aliases: Vec::new(),
                });
            }
        }
        tuples
    }

    /// The affiliations of a user changed: those who watch are told the whole state.
    pub(super) fn notify_user(&mut self, context: &mut Context<'_>, user: &McpttId) {
        for dialog in self.subscriptions.of_user(user) {
            let found = self.subscriptions.by_dialog.get(&dialog);
            let Some(impu) = found.map(|found| found.impu.clone()) else {
                continue;
            };
            // The right to watch may have been taken away meanwhile.
            let bound = self.bindings.get(&impu).is_some();
            if bound && !self.may_watch(&impu, user) {
                self.end_subscription(context, dialog, EndReason::Rejected);
                continue;
            }
            if let Some(content) = self.affiliation_content(context, &impu, user) {
                // The whole state supersedes what waits.
                self.subscriptions.update(dialog, |found| {
                    found.notifier.replace(context.now, content);
                });
            }
            self.send_notifications(context, dialog);
        }
    }

    /// The client is gone: what it watched ends.
    pub(super) fn end_subscriptions_of(&mut self, context: &mut Context<'_>, impu: &Impu) {
        for dialog in self.subscriptions.of_impu(impu) {
            self.end_subscription(context, dialog, EndReason::Deactivated);
        }
    }

    fn end_subscription(&mut self, context: &mut Context<'_>, dialog: DialogId, reason: EndReason) {
        self.subscriptions.update(dialog, |found| {
            found.notifier.terminate(context.now, reason);
        });
        self.send_notifications(context, dialog);
    }

    pub(super) fn expire_subscriptions(&mut self, context: &mut Context<'_>) {
        for dialog in self.subscriptions.agenda.due(context.now) {
            self.subscriptions
                .update(dialog, |found| found.notifier.handle(context.now));
            self.send_notifications(context, dialog);
        }
    }

    fn send_notifications(&mut self, context: &mut Context<'_>, dialog: DialogId) {
        while let Some(output) = self
            .subscriptions
            .update(dialog, |found| found.notifier.poll())
            .flatten()
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
        match sent {
            Ok(handle) => {
                self.subscriptions.flights.insert(handle, dialog);
                self.subscriptions
                    .update(dialog, |found| found.flight = Some(handle));
            }
            Err(error) => {
                warn!(%error, "a notification could not be sent");
                self.subscriptions
                    .update(dialog, |found| found.notifier.on_notify_timeout());
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
        if status.is_some_and(StatusCode::is_provisional) {
            return;
        }
        let Some(dialog) = self.subscriptions.flights.remove(&handle) else {
            return;
        };
        self.subscriptions.update(dialog, |found| {
            found.flight = None;
            match status {
                Some(status) => found.notifier.on_notify_response(context.now, status),
                None => found.notifier.on_notify_timeout(),
            }
        });
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
