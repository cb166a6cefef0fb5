//! SUBSCRIBE Event presence: the UE watches the affiliations of its user, and with the right to it those of others
//! (TS 24.379 cl. 9.2.1.3; RFC 6665 cl. 4.1).
//!
//! A NOTIFY that does not open is dropped; the client then brings a new CSK and subscribes anew.

use super::authorisation::MakeError;
use super::{Purpose, Refusal, UeClient, UeEvent, refused, reply};
use core::time::Duration;
use roger_base::{Instant, McpttId};
use roger_call::answer::plain;
use roger_call::body::Body;
use roger_call::feature::EXPIRES_FOREVER;
use roger_documents::affiliation::AffiliationDocument;
use roger_documents::mcptt_info::{McpttInfo, RequestUri};
use roger_sip::application::Context;
use roger_sip::endpoint::{Answer, DialogId, EndpointError, Incoming, RequestHandle};
use roger_sip::header::SubscriptionState;
use roger_sip::message::{HeaderName, Method, Request, StatusCode};
use roger_sip::subscription::{EndReason, Subscriber, SubscriberOutput};
use roger_sip::transaction::Timings;
use std::collections::BTreeMap;
use tracing::{info, warn};

/// Time until a subscription that ended for no fault of anybody is made anew.
const SOON: Duration = Duration::from_secs(1);
/// Time until one that failed is tried again, unless the server says another.
const LATER: Duration = Duration::from_secs(60);
/// Time in which the answer to a new CSK has come.
const KEY_EXCHANGE: Duration = Duration::from_secs(2);
/// Least time between two new keys for want of a NOTIFY that opens: who writes nonsense must not drive the client.
const BETWEEN_KEYS: Duration = Duration::from_secs(60);

/// One subscription.
struct Watch {
    subscriber: Subscriber,
    dialog: Option<DialogId>,
    /// The SUBSCRIBE under way.
    flight: Option<RequestHandle>,
}

/// Whom this UE watches.
#[derive(Default)]
pub(super) struct Watches {
    by_user: BTreeMap<McpttId, Watch>,
    /// Users to be watched anew, and when.
    again: BTreeMap<McpttId, Instant>,
}

impl Watches {
    pub(super) fn deadline(&self) -> Option<Instant> {
        let timers = self.by_user.values().filter_map(|watch| {
            let (at, _) = watch.subscriber.deadline()?;
            Some(at)
        });
        timers.chain(self.again.values().copied()).min()
    }

    pub(super) fn is_dialog(&self, dialog: DialogId) -> bool {
        self.user_of_dialog(dialog).is_some()
    }

    fn user_of_dialog(&self, dialog: DialogId) -> Option<McpttId> {
        let mut watches = self.by_user.iter();
        watches
            .find(|(_, watch)| watch.dialog == Some(dialog))
            .map(|(user, _)| user.clone())
    }

    fn user_of_flight(&self, handle: RequestHandle) -> Option<McpttId> {
        let mut watches = self.by_user.iter();
        watches
            .find(|(_, watch)| watch.flight == Some(handle))
            .map(|(user, _)| user.clone())
    }

    /// The one subscription that has no dialog yet: a NOTIFY may overtake the 200 of its SUBSCRIBE.
    fn only_new(&self) -> Option<McpttId> {
        let mut new = self
            .by_user
            .iter()
            .filter(|(_, watch)| watch.dialog.is_none());
        match (new.next(), new.next()) {
            (Some((user, _)), None) => Some(user.clone()),
            _ => None,
        }
    }

    fn is_new(&self, user: &McpttId) -> bool {
        self.by_user
            .get(user)
            .is_some_and(|watch| watch.dialog.is_none())
    }
}

impl UeClient {
    /// The user wants to see somebody's affiliations.
    pub(super) fn watch_affiliations_of(&mut self, context: &mut Context<'_>, user: &McpttId) {
        if let Err(error) = self.start_watch(context, user) {
            let refusal = Refusal::Local(error.to_string());
            self.tell(UeEvent::NotWatchingAffiliations(user.clone(), refusal));
        }
    }

    /// SUBSCRIBE, once.
    pub(super) fn start_watch(
        &mut self,
        context: &mut Context<'_>,
        user: &McpttId,
    ) -> Result<(), MakeError> {
        self.watches.again.remove(user);
        if self.watches.by_user.contains_key(user) {
            return Ok(());
        }
        let (package, accepted) = ("presence", "application/pidf+xml");
        let purpose = Purpose::WatchAffiliation;
        let handle = self.subscribe(context, user, package, accepted, purpose)?;
        let now = context.now;
        let watch = Watch {
            subscriber: Subscriber::new(now, Timings::default(), EXPIRES_FOREVER),
            dialog: None,
            flight: Some(handle),
        };
        self.watches.by_user.insert(user.clone(), watch);
        Ok(())
    }

    pub(super) fn identity_body(
        &self,
        context: &mut Context<'_>,
        user: &McpttId,
    ) -> Result<Body, MakeError> {
        let info = McpttInfo {
            request_uri: Some(RequestUri::from(user)),
            ..McpttInfo::default()
        };
        self.protect(context, Body::new().with_document(&info))
    }

    /// The answer to a SUBSCRIBE.
    pub(super) fn on_watch_affiliation_answer(
        &mut self,
        context: &mut Context<'_>,
        answer: &Answer,
    ) {
        let status = answer.response.status();
        if !status.is_final() {
            return;
        }
        let Some(user) = self.watches.user_of_flight(answer.handle) else {
            return;
        };
        let expires = answer.response.headers().seconds(HeaderName::EXPIRES);
        if let Some(watch) = self.watches.by_user.get_mut(&user) {
            watch.flight = None;
            watch.dialog = answer.dialog.or(watch.dialog);
            let granted = expires.ok().flatten();
            watch.subscriber.on_response(context.now, status, granted);
        }
        if !status.is_success() {
            let refusal = refused(&answer.response);
            let (unknown, not_opened) = (refusal.says_unknown(), refusal.says_not_opened());
            // A refused refresh leaves the subscription as it is; any other refusal is final until somebody asks again.
            if self.is_over(&user) {
                self.drop_watch(context, &user);
                self.tell(UeEvent::NotWatchingAffiliations(user.clone(), refusal));
            }
            if unknown {
                self.watches.again.insert(user, context.now + KEY_EXCHANGE);
                self.authorise_again(context);
            } else if not_opened && self.renew_key(context) {
                self.watches.again.insert(user, context.now + KEY_EXCHANGE);
            }
            return;
        }
        self.pump_watch(context, &user);
    }

    fn is_over(&self, user: &McpttId) -> bool {
        let watch = self.watches.by_user.get(user);
        watch.is_none_or(|watch| watch.subscriber.is_terminated())
    }

    /// No answer came to a SUBSCRIBE.
    pub(super) fn on_watch_failed(&mut self, context: &mut Context<'_>, handle: RequestHandle) {
        let Some(user) = self.watches.user_of_flight(handle) else {
            return;
        };
        if let Some(watch) = self.watches.by_user.get_mut(&user) {
            watch.flight = None;
            watch.subscriber.on_timeout();
        }
        self.pump_watch(context, &user);
    }

    pub(super) fn on_affiliation_notify(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        dialog: DialogId,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        let known = self.watches.user_of_dialog(dialog);
        if known.is_none()
            && self
                .watches
                .by_user
                .values()
                .all(|watch| watch.dialog.is_some())
        {
            let gone = plain(request, StatusCode::CALL_DOES_NOT_EXIST);
            return reply(context, incoming, gone);
        }
        reply(context, incoming, plain(request, StatusCode::OK))?;
        let document = self.notified(context, request);
        // A NOTIFY that overtakes the answer to its SUBSCRIBE is told by the user it is about.
        let named = document.as_ref().map(|document| &document.user);
        let by_name = named.filter(|user| self.watches.is_new(user)).cloned();
        let Some(user) = known.or(by_name).or_else(|| self.watches.only_new()) else {
            return Ok(());
        };
        if let Some(watch) = self.watches.by_user.get_mut(&user) {
            watch.dialog = Some(dialog);
            if let Ok(Some(state)) = request.headers().subscription_state() {
                watch.subscriber.on_notify(context.now, &state);
            }
        }
        match document {
            Some(document) if document.user == user => self.on_affiliations_of(document),
            Some(_) => info!("a notification is about somebody who is not watched there"),
            None => {}
        }
        self.pump_watch(context, &user);
        Ok(())
    }

    /// The document of a NOTIFY; nothing when there is none, or none that opens.
    fn notified(
        &mut self,
        context: &mut Context<'_>,
        request: &Request,
    ) -> Option<AffiliationDocument> {
        if request.body().is_empty() {
            return None;
        }
        match self.open(request).and_then(|body| Ok(body.required()?)) {
            Ok(document) => Some(document),
            Err(error) => {
                info!(%error, "a notification of affiliations could not be read");
                if matches!(error, MakeError::Protection(_)) {
                    self.renew_key(context);
                }
                None
            }
        }
    }

    /// Brings a new CSK and watches anew (TS 33.180 cl. 9.3), but not at every nonsense that comes; whether it does.
    pub(super) fn renew_key(&mut self, context: &mut Context<'_>) -> bool {
        let recent = self
            .key_renewed
            .is_some_and(|at| context.now < at + BETWEEN_KEYS);
        if recent || self.csk.is_none() {
            return false;
        }
        self.key_renewed = Some(context.now);
        let at = context.now + KEY_EXCHANGE;
        for user in self.forget_watches(context) {
            self.watches.again.insert(user, at);
        }
        self.authorise_again(context);
        true
    }

    /// Forgets all subscriptions; the users watched.
    pub(super) fn forget_watches(&mut self, context: &mut Context<'_>) -> Vec<McpttId> {
        let watches = core::mem::take(&mut self.watches);
        for dialog in watches.by_user.values().filter_map(|watch| watch.dialog) {
            context.endpoint.forget_dialog(dialog);
        }
        let users = watches.by_user.into_keys().chain(watches.again.into_keys());
        users.collect()
    }

    fn drop_watch(&mut self, context: &mut Context<'_>, user: &McpttId) {
        let watch = self.watches.by_user.remove(user);
        if let Some(dialog) = watch.and_then(|watch| watch.dialog) {
            context.endpoint.forget_dialog(dialog);
        }
    }

    /// Lets time pass for all subscriptions.
    pub(super) fn on_watch_timeouts(&mut self, context: &mut Context<'_>) {
        let users: Vec<McpttId> = self.watches.by_user.keys().cloned().collect();
        for user in users {
            if let Some(watch) = self.watches.by_user.get_mut(&user) {
                watch.subscriber.handle(context.now);
            }
            self.pump_watch(context, &user);
        }
        let due = self
            .watches
            .again
            .iter()
            .filter(|(_, at)| **at <= context.now);
        let due: Vec<McpttId> = due.map(|(user, _)| user.clone()).collect();
        for user in due {
            self.watch_affiliations_of(context, &user);
        }
    }

    fn pump_watch(&mut self, context: &mut Context<'_>, user: &McpttId) {
        while let Some(output) = self
            .watches
            .by_user
            .get_mut(user)
            .and_then(|watch| watch.subscriber.poll())
        {
            match output {
                SubscriberOutput::Refresh { expires } => {
                    if let Err(error) = self.refresh_watch(context, user, expires) {
                        warn!(%error, "a subscription could not be refreshed");
                    }
                }
                SubscriberOutput::Ended {
                    reason,
                    retry_after,
                } => self.on_watch_ended(context, user, &reason, retry_after),
            }
        }
    }

    fn refresh_watch(
        &mut self,
        context: &mut Context<'_>,
        user: &McpttId,
        expires: u32,
    ) -> Result<(), MakeError> {
        let watch = self.watches.by_user.get(user);
        let Some(dialog) = watch.and_then(|watch| watch.dialog) else {
            return Ok(());
        };
        let body = self.identity_body(context, user)?;
        let mut builder = context
            .endpoint
            .request_in_dialog(dialog, Method::Subscribe)?
            .header(HeaderName::EVENT, "presence")
            .header(HeaderName::ACCEPT, "application/pidf+xml")
            .header(HeaderName::EXPIRES, expires.to_string());
        if let Some((content_type, octets)) = body.encode(context.random)? {
            builder = builder.body(content_type, octets);
        }
        let request = builder.build()?;
        let handle =
            context
                .endpoint
                .send_in_dialog(context.now, context.random, dialog, request)?;
        self.requests.insert(handle, Purpose::WatchAffiliation);
        if let Some(watch) = self.watches.by_user.get_mut(user) {
            watch.flight = Some(handle);
        }
        Ok(())
    }

    /// A subscription is over: why says whether it is made anew (RFC 6665 cl. 4.1.3).
    fn on_watch_ended(
        &mut self,
        context: &mut Context<'_>,
        user: &McpttId,
        reason: &EndReason,
        retry_after: Option<u32>,
    ) {
        self.drop_watch(context, user);
        let named = retry_after.map(|seconds| Duration::from_secs(u64::from(seconds)));
        let wait = match reason {
            EndReason::Deactivated | EndReason::Timeout => Some(SOON),
            EndReason::Rejected | EndReason::NoResource | EndReason::Invariant => None,
            _ => Some(named.unwrap_or(LATER)),
        };
        match wait {
            Some(wait) if self.user.is_some() => {
                self.watches.again.insert(user.clone(), context.now + wait);
            }
            Some(_) => {}
            None => {
                let refusal = Refusal::Local(format!("the server ended it: {}", reason.as_str()));
                self.tell(UeEvent::NotWatchingAffiliations(user.clone(), refusal));
            }
        }
    }
}

/// Whether a NOTIFY is the last of its subscription (RFC 6665 cl. 4.1.3).
pub(super) fn ends_subscription(request: &Request) -> bool {
    let state: Option<SubscriptionState> = request.headers().subscription_state().ok().flatten();
    state.is_some_and(|state| {
        state.status == roger_sip::subscription::SubscriptionStatus::Terminated
    })
}
