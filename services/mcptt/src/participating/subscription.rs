//! SUBSCRIBE of a client: Event presence to watch its user's affiliations, or with the right to it those of another user
//! (TS 24.379 cl. 9.2.2.2.4, 9.2.2.2.5), Event poc-settings to watch its service settings (cl. 7.3.6); RFC 6665.

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

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Package {
    /// Affiliations.
    Presence,
    /// Service settings.
    Settings,
}

impl Package {
    const fn name(self) -> &'static str {
        match self {
            Self::Presence => "presence",
            Self::Settings => "poc-settings",
        }
    }
}

/// Who watches what.
#[derive(Clone)]
struct Watcher {
    impu: Impu,
    /// Who is watched.
    user: McpttId,
    package: Package,
}

/// One subscription of one client.
struct Subscription {
    watcher: Watcher,
    /// Event of every NOTIFY, with the id of the SUBSCRIBE (RFC 6665 cl. 8.2.1).
    event: String,
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
    pub(super) fn len(&self) -> usize {
        self.by_dialog.len()
    }

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
                .is_some_and(|found| found.watcher.user == *user)
        };
        all.len() >= MAX_OF_ALL || all.iter().filter(to_user).count() >= MAX_OF_ONE
    }

    fn insert(&mut self, dialog: DialogId, subscription: Subscription) {
        let user = self
            .by_user
            .entry(subscription.watcher.user.clone())
            .or_default();
        user.insert(dialog);
        let watcher = self
            .by_impu
            .entry(subscription.watcher.impu.clone())
            .or_default();
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
        let Watcher { impu, user, .. } = &subscription.watcher;
        forget(&mut self.by_user, user, dialog);
        forget(&mut self.by_impu, impu, dialog);
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
        package: Package,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        let Ok(expires) = request.headers().seconds(HeaderName::EXPIRES) else {
            return answer(context, incoming, plain(request, StatusCode::BAD_REQUEST));
        };
        let expires = expires.unwrap_or(EXPIRES_FOREVER);
        match incoming.dialog {
            Some(dialog) => self.on_resubscribe(context, incoming, dialog, expires),
            None => self.on_first_subscribe(context, incoming, impu, package, expires),
        }
    }

    fn on_first_subscribe(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        impu: &Impu,
        package: Package,
        expires: u32,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        let watcher = match self.watcher(context, request, impu, package) {
            Ok(watcher) => watcher,
            Err(warning) => return self.refuse(context, incoming, warning),
        };
        if self.subscriptions.is_full(&watcher.user, impu) {
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
        let content = self.content_for(context, &watcher);
        let subscription = Subscription {
            watcher,
            event: event_of(request, package),
            notifier: Notifier::new(now, SubscriptionStatus::Active, expires, content),
            flight: None,
        };
        self.subscriptions.insert(dialog, subscription);
        self.send_notifications(context, dialog);
        Ok(())
    }

    /// Whom the sender wants to watch, and may.
    fn watcher(
        &mut self,
        context: &Context<'_>,
        request: &Request,
        impu: &Impu,
        package: Package,
    ) -> Result<Watcher, WarningCode> {
        let body = Body::of(request.headers(), request.body()).map_err(|error| error.warning())?;
        let (opened, ..) = self.open_from_client(context.utc, impu, &body)?;
        let info: McpttInfo = opened.required().map_err(|error| error.warning())?;
        let target = info.request_uri.ok_or(WarningCode::INVALID_BODY)?;
        let watcher = Watcher {
            impu: impu.clone(),
            user: target.user().map_err(|_| WarningCode::INVALID_BODY)?,
            package,
        };
        if !self.may_watch(&watcher) {
            return Err(WarningCode::FUNCTION_NOT_ALLOWED);
        }
        Ok(watcher)
    }

    /// One sees one's own; the affiliations of others with the right to it, their settings never. A user whom nobody knows is refused like
    /// one who may not be watched, so that nobody learns who exists.
    fn may_watch(&self, watcher: &Watcher) -> bool {
        let Some(binding) = self.bindings.get(&watcher.impu) else {
            return false;
        };
        let target = &watcher.user;
        if binding.user == *target || watcher.package == Package::Settings {
            return binding.user == *target;
        }
        let may = |user: &McpttId| {
            let profile = self.profiles.profile(user);
            profile.is_some_and(|profile| profile.see_affiliations_of_others.is_granted())
        };
        may(&binding.user) && self.profiles.profile(target).is_some()
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
        let found = self.subscriptions.by_dialog.get(&dialog);
        let Some(watcher) = found.map(|found| found.watcher.clone()) else {
            return answer(
                context,
                incoming,
                plain(request, StatusCode::CALL_DOES_NOT_EXIST),
            );
        };
        if expires != 0 && self.living(&watcher.impu, context.utc).is_none() {
            self.refuse(context, incoming, WarningCode::USER_UNKNOWN)?;
            self.end_subscription(context, dialog, EndReason::Deactivated);
            return Ok(());
        }
        if expires != 0 && !self.may_watch(&watcher) {
            self.refuse(context, incoming, WarningCode::FUNCTION_NOT_ALLOWED)?;
            self.end_subscription(context, dialog, EndReason::Rejected);
            return Ok(());
        }
        answer(context, incoming, self.subscribed(request, expires))?;
        let content = self.content_for(context, &watcher);
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

    /// What is watched, protected for the client that watches.
    fn content_for(&self, context: &mut Context<'_>, watcher: &Watcher) -> Option<Content> {
        let content = self.protected_content(context, watcher);
        match content {
            Ok(content) => content,
            Err(error) => {
                warn!(impu = %watcher.impu, %error, "a notification could not be made");
                None
            }
        }
    }

    fn protected_content(
        &self,
        context: &mut Context<'_>,
        watcher: &Watcher,
    ) -> Result<Option<Content>, BodyError> {
        let Some(binding) = self.bindings.get(&watcher.impu) else {
            return Ok(None);
        };
        let body = match watcher.package {
            Package::Presence => Body::new().with_document(&AffiliationDocument {
                user: watcher.user.clone(),
                tuples: self.tuples_of(&watcher.user),
                p_id: self.affiliations.p_id_of(&watcher.user),
            }),
            Package::Settings => match &binding.settings {
                Some(settings) => Body::new().with_document(settings),
                None => return Ok(None),
            },
        };
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
        let dialogs = self.subscriptions.of_user(user);
        self.notify_all(context, dialogs, Package::Presence);
    }

    /// The settings of a client changed.
    pub(super) fn notify_settings(&mut self, context: &mut Context<'_>, impu: &Impu) {
        let dialogs = self.subscriptions.of_impu(impu);
        self.notify_all(context, dialogs, Package::Settings);
    }

    fn notify_all(&mut self, context: &mut Context<'_>, dialogs: Vec<DialogId>, package: Package) {
        for dialog in dialogs {
            let found = self.subscriptions.by_dialog.get(&dialog);
            let watcher = found.map(|found| found.watcher.clone());
            let Some(watcher) = watcher.filter(|watcher| watcher.package == package) else {
                continue;
            };
            // The right to watch may have been taken away meanwhile.
            let bound = self.bindings.get(&watcher.impu).is_some();
            if bound && !self.may_watch(&watcher) {
                self.end_subscription(context, dialog, EndReason::Rejected);
                continue;
            }
            if let Some(content) = self.content_for(context, &watcher) {
                // The whole state supersedes what waits.
                self.subscriptions.update(dialog, |found| {
                    found.notifier.replace(context.now, content);
                });
            }
            self.send_notifications(context, dialog);
        }
    }

    /// The client is gone: what it watched ends.
    pub(super) fn end_subscriptions_of(
        &mut self,
        context: &mut Context<'_>,
        impu: &Impu,
        reason: &EndReason,
    ) {
        for dialog in self.subscriptions.of_impu(impu) {
            self.end_subscription(context, dialog, reason.clone());
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
                    let found = self.subscriptions.by_dialog.get(&dialog);
                    let event = found.map(|found| found.event.as_str()).unwrap_or_default();
                    let sent = notify(context, dialog, event, &state.to_string(), content);
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

/// The package, and the id by which a client tells several subscriptions in one dialog apart.
fn event_of(request: &Request, package: Package) -> String {
    let event = request.headers().text(HeaderName::EVENT);
    let mut parameters = event.as_deref().unwrap_or_default().split(';').skip(1);
    let id = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        (name.trim().eq_ignore_ascii_case("id")).then(|| value.trim())
    });
    match id {
        Some(id) => format!("{};id={id}", package.name()),
        None => package.name().to_owned(),
    }
}

fn notify(
    context: &mut Context<'_>,
    dialog: DialogId,
    event: &str,
    state: &str,
    content: Option<Content>,
) -> Result<RequestHandle, EndpointError> {
    let mut builder = context
        .endpoint
        .request_in_dialog(dialog, Method::Notify)?
        .header(HeaderName::EVENT, event)
        .header(HeaderName::SUBSCRIPTION_STATE, state);
    if let Some(content) = content {
        builder = builder.body(content.content_type, content.body);
    }
    let request = builder.build()?;
    context
        .endpoint
        .send_in_dialog(context.now, context.random, dialog, request)
}
