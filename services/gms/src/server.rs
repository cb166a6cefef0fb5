//! SIP side of the group management server: subscriptions to documents (TS 24.481 cl. 6.3.13, RFC 5875).

use crate::management::{DocumentChanged, GroupManagement};
use core::time::Duration;
use roger_base::{GroupId, Impu, Instant, McpttId, ServerUri, UnixTime};
use roger_call::answer::{asserted_identity, come_again, plain, warned};
use roger_call::body::{Body, BodyError};
use roger_call::feature::CONTACT_PARAMETERS;
use roger_call::protection::Protection;
use roger_call::service_authorisation::{
    AuthorisationError, Authorised, Authority, BoundCsk, UserDirectory, authorise,
};
use roger_documents::resource_lists::ResourceLists;
use roger_documents::xcap_diff::{DocumentChange, XcapDiff};
use roger_documents::xcap_path::DocumentPath;
use roger_ibc::{KmsDomain, UserKeySet};
use roger_keys::signalling::XmlKeyMode;
use roger_mikey::Receiver;
use roger_oidc::{AccessTokenVerifier, Resource};
use roger_sip::application::{Application, Context, answer};
use roger_sip::endpoint::{DialogId, EndpointError, Incoming, Output, RequestHandle};
use roger_sip::message::{HeaderName, Method, Request, Response, StatusCode};
use roger_sip::subscription::{Content, EndReason, Notifier, NotifierOutput, SubscriptionStatus};
use roger_xml::signed_body::Coverage;
use roger_xml::uri::{ProtectedDomains, UriTolerance};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tracing::{info, warn};

const EVENT: &str = "xcap-diff";
/// Most documents of one subscription.
const MAX_DOCUMENTS: usize = 256;
/// How long until an answer that needs the store is tried again after it failed.
const STORE_RETRY: Duration = Duration::from_secs(5);

/// Who this server is and whom it believes.
pub struct GroupServerSettings {
    /// PSI of this server, also the identity of its keys.
    pub identity: ServerUri,
    /// Host name in Warning headers.
    pub host: String,
    /// Domain that marks protected URIs.
    pub domain: String,
    /// Protection demanded and used towards clients.
    pub protection: Protection,
    /// Key sets of the identity.
    pub key_sets: Vec<UserKeySet>,
    /// KMSs with a valid certificate.
    pub kms: Vec<KmsDomain>,
    /// Checks access tokens.
    pub tokens: AccessTokenVerifier,
    /// Finds hidden initiators.
    pub users: Arc<dyn UserDirectory + Send + Sync>,
}

/// Keys of this server and whom it believes; renewed while it runs.
#[derive(Clone)]
pub struct GroupServerCredentials {
    /// Key sets of the identity.
    pub key_sets: Vec<UserKeySet>,
    /// KMSs with a valid certificate.
    pub kms: Vec<KmsDomain>,
    /// Checks access tokens.
    pub tokens: AccessTokenVerifier,
}

/// What reaches the server besides SIP.
#[derive(Clone)]
pub enum GroupServerInput {
    /// The documents may have changed (a PUT was served).
    DocumentsChanged,
    /// Keys of a new period, other KMSs or other token keys.
    Credentials(Box<GroupServerCredentials>),
}

/// One subscription of one client.
struct Subscription {
    user: McpttId,
    impu: Impu,
    csk: Option<BoundCsk>,
    /// Document and the selector by which the client knows it.
    documents: Vec<(DocumentPath, String)>,
    notifier: Notifier,
    /// The NOTIFY under way.
    flight: Option<RequestHandle>,
}

/// The SIP application.
pub struct GroupServer {
    settings: GroupServerSettings,
    uri_domains: ProtectedDomains,
    management: Arc<Mutex<GroupManagement>>,
    receiver: Receiver,
    subscriptions: BTreeMap<DialogId, Subscription>,
    deadline: Option<Instant>,
    outputs: VecDeque<GroupId>,
}

impl GroupServer {
    /// Serves the documents of `management`, which an HTTP front serves too.
    #[must_use]
    pub fn new(settings: GroupServerSettings, management: Arc<Mutex<GroupManagement>>) -> Self {
        let uri_domains =
            ProtectedDomains::new(vec![settings.domain.clone()], UriTolerance::AsSent);
        Self {
            settings,
            uri_domains,
            management,
            receiver: Receiver::default(),
            subscriptions: BTreeMap::new(),
            deadline: Some(Instant::ORIGIN),
            outputs: VecDeque::new(),
        }
    }

    fn management(&self) -> MutexGuard<'_, GroupManagement> {
        self.management
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    // Requests ----------------------------------------------------------------------------------------------

    fn on_request(&mut self, context: &mut Context<'_>, incoming: &Incoming) {
        let result = match incoming.request.method() {
            Method::Subscribe => self.on_subscribe(context, incoming),
            Method::Options => answer(context, incoming, plain(&incoming.request, StatusCode::OK)),
            _ => answer(
                context,
                incoming,
                plain(&incoming.request, StatusCode::METHOD_NOT_ALLOWED),
            ),
        };
        if let Err(error) = result {
            warn!(%error, "a request could not be answered");
        }
    }

    fn on_subscribe(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        let event = request
            .headers()
            .text(HeaderName::EVENT)
            .unwrap_or_default();
        if event.split(';').next().unwrap_or_default().trim() != EVENT {
            return answer(context, incoming, plain(request, StatusCode::BAD_EVENT));
        }
        let Ok(expires) = request.headers().seconds(HeaderName::EXPIRES) else {
            return answer(context, incoming, plain(request, StatusCode::BAD_REQUEST));
        };
        let expires = expires.unwrap_or(u32::MAX);
        match incoming.dialog {
            Some(dialog) => self.on_refresh(context, incoming, dialog, expires),
            None => self.on_initial(context, incoming, expires),
        }
    }

    /// A SUBSCRIBE in the dialog: refresh or end (RFC 6665 4.2.1.4). Its body, if any, changes nothing.
    fn on_refresh(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        dialog: DialogId,
        expires: u32,
    ) -> Result<(), EndpointError> {
        if !self.subscriptions.contains_key(&dialog) {
            let gone = plain(&incoming.request, StatusCode::CALL_DOES_NOT_EXIST);
            return answer(context, incoming, gone);
        }
        answer(context, incoming, self.accepted(&incoming.request, expires))?;
        let content = self.full_state(context, dialog);
        if let Some(subscription) = self.subscriptions.get_mut(&dialog) {
            subscription
                .notifier
                .on_subscribe(context.now, expires, content);
        }
        self.send_notifications(context, dialog);
        Ok(())
    }

    fn on_initial(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        expires: u32,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        let Some(impu) = asserted_identity(request.headers()) else {
            return answer(context, incoming, plain(request, StatusCode::FORBIDDEN));
        };
        let authorised = match self.authorise(request, context.utc) {
            Ok(authorised) => authorised,
            Err(error) => {
                info!(%impu, %error, "subscription refused");
                let refused = match error.is_temporary() {
                    true => come_again(request, StatusCode::SERVICE_UNAVAILABLE),
                    false => warned(request, error.warning(), &self.settings.host),
                };
                return answer(context, incoming, refused);
            }
        };
        let Some(documents) = self.documents(&authorised) else {
            return answer(context, incoming, plain(request, StatusCode::FORBIDDEN));
        };
        let response = self.accepted(request, expires);
        let dialog = context.endpoint.respond(
            context.now,
            context.random,
            incoming.transaction,
            response,
        )?;
        let Some(dialog) = dialog else {
            return Ok(());
        };
        let notifier = Notifier::new(context.now, SubscriptionStatus::Active, expires, None);
        let subscription = Subscription {
            user: authorised.mcptt_id,
            impu,
            csk: authorised.csk,
            documents,
            notifier,
            flight: None,
        };
        self.subscriptions.insert(dialog, subscription);
        // The first NOTIFY carries the state as it is now, protected with the CSK just bound.
        let content = self.full_state(context, dialog);
        if let Some(subscription) = self.subscriptions.get_mut(&dialog) {
            subscription.notifier =
                Notifier::new(context.now, SubscriptionStatus::Active, expires, content);
        }
        self.send_notifications(context, dialog);
        Ok(())
    }

    fn accepted(&self, request: &Request, expires: u32) -> Response {
        let mut response = plain(request, StatusCode::OK);
        let contact = format!("<{}>{CONTACT_PARAMETERS}", self.settings.identity);
        let headers = response.headers_mut();
        // Both values are made here of configuration and numbers: they cannot break a line.
        let _ = headers.push(HeaderName::CONTACT, contact);
        let _ = headers.set(HeaderName::EXPIRES, expires.to_string());
        response
    }

    fn authorise(
        &mut self,
        request: &Request,
        now: UnixTime,
    ) -> Result<Authorised, AuthorisationError> {
        let body = Body::of(request.headers(), request.body())?;
        let authority = Authority {
            key_sets: &self.settings.key_sets,
            domains: &self.settings.kms,
            tokens: &self.settings.tokens,
            resource: Resource::GroupManagement,
            users: self.settings.users.as_ref(),
            protection: self.settings.protection,
            uri_domains: &self.uri_domains,
            coverage: Coverage::EveryXmlPart,
            key_mode: XmlKeyMode::Derived,
        };
        authorise(&body, &authority, None, &mut self.receiver, now)
    }

    /// The documents asked for, when the user may watch every one of them.
    fn documents(&self, authorised: &Authorised) -> Option<Vec<(DocumentPath, String)>> {
        let lists: ResourceLists = authorised.body.required().ok()?;
        if lists.uris.is_empty() || lists.uris.len() > MAX_DOCUMENTS {
            return None;
        }
        let watched = |selector: String| {
            let path = DocumentPath::parse(&selector).ok()?;
            self.may_watch(&authorised.mcptt_id, &path)
                .then_some((path, selector))
        };
        lists.uris.into_iter().map(watched).collect()
    }

    fn may_watch(&self, user: &McpttId, path: &DocumentPath) -> bool {
        let member = |group: &GroupId| {
            let document = self.management().group(group);
            document
                .is_ok_and(|document| document.is_some_and(|group| group.member(user).is_some()))
        };
        match path {
            DocumentPath::Transport(owner) => owner == user,
            DocumentPath::Group(group) | DocumentPath::TransportOfGroup(group) => member(group),
        }
    }

    // Notifications -----------------------------------------------------------------------------------------

    /// The tags of all documents of a subscription.
    fn full_state(&self, context: &mut Context<'_>, dialog: DialogId) -> Option<Content> {
        let subscription = self.subscriptions.get(&dialog)?;
        let changes = subscription
            .documents
            .iter()
            .map(|(path, selector)| DocumentChange {
                selector: selector.clone(),
                new_etag: self.etag(&subscription.user, path),
                previous_etag: None,
            });
        self.content(context, subscription, changes.collect())
    }

    fn etag(&self, user: &McpttId, path: &DocumentPath) -> Option<String> {
        let management = self.management();
        let found = match path {
            DocumentPath::Group(group) => management.stored_group(group).ok()?,
            DocumentPath::Transport(owner) => management.stored_transport(owner).ok()?,
            DocumentPath::TransportOfGroup(group) => {
                management.transport_of_group(user, group).ok()?
            }
        };
        found.map(|document| document.etag)
    }

    fn content(
        &self,
        context: &mut Context<'_>,
        subscription: &Subscription,
        documents: Vec<DocumentChange>,
    ) -> Option<Content> {
        let root = self.management().settings().xcap_root.clone();
        let body = Body::new().with_document(&XcapDiff { root, documents });
        match self.protected(context, subscription, body) {
            Ok(content) => content,
            Err(error) => {
                warn!(impu = %subscription.impu, %error, "a notification could not be made");
                None
            }
        }
    }

    fn protected(
        &self,
        context: &mut Context<'_>,
        subscription: &Subscription,
        body: Body,
    ) -> Result<Option<Content>, BodyError> {
        let body = match &subscription.csk {
            Some(csk) => {
                let hop = csk.sending(self.settings.protection, &self.settings.domain);
                body.protected(&hop, context.random)?
            }
            None => body,
        };
        let encoded = body.encode(context.random)?;
        Ok(encoded.map(|(content_type, body)| Content { content_type, body }))
    }

    fn send_notifications(&mut self, context: &mut Context<'_>, dialog: DialogId) {
        while let Some(output) = self
            .subscriptions
            .get_mut(&dialog)
            .and_then(|found| found.notifier.poll())
        {
            match output {
                NotifierOutput::Notify { state, content } => {
                    let sent = notify(context, dialog, &state.to_string(), content);
                    self.on_sent(dialog, sent);
                }
                NotifierOutput::Ended => {
                    self.subscriptions.remove(&dialog);
                    context.endpoint.forget_dialog(dialog);
                }
            }
        }
    }

    fn on_sent(&mut self, dialog: DialogId, sent: Result<RequestHandle, EndpointError>) {
        let Some(subscription) = self.subscriptions.get_mut(&dialog) else {
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

    fn on_answered(
        &mut self,
        context: &mut Context<'_>,
        handle: RequestHandle,
        status: Option<StatusCode>,
    ) {
        let waits = |(_, subscription): &(&DialogId, &mut Subscription)| {
            subscription.flight == Some(handle)
        };
        let Some((dialog, subscription)) = self.subscriptions.iter_mut().find(waits) else {
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

    // Changes -----------------------------------------------------------------------------------------------

    /// Tells every subscriber what changed, and the rim which groups did.
    fn publish(&mut self, context: &mut Context<'_>) {
        let (changes, undelivered) = {
            let mut management = self.management();
            (management.take_changes(), management.take_undelivered())
        };
        for missed in undelivered {
            warn!(reason = missed.reason, "a group key did not reach a member");
        }
        for change in &changes {
            if let DocumentPath::Group(group) = &change.path {
                self.outputs.push_back(group.clone());
            }
        }
        let dialogs: Vec<DialogId> = self.subscriptions.keys().copied().collect();
        for dialog in dialogs {
            self.publish_to(context, dialog, &changes);
        }
        self.plan(context);
    }

    fn publish_to(
        &mut self,
        context: &mut Context<'_>,
        dialog: DialogId,
        changes: &[DocumentChanged],
    ) {
        let Some(subscription) = self.subscriptions.get(&dialog) else {
            return;
        };
        let documents = self.seen_by(subscription, changes);
        if !self.still_allowed(subscription)
            && let Some(subscription) = self.subscriptions.get_mut(&dialog)
        {
            // Who is no member any more keeps only the view of her own keys.
            let own =
                |(path, _): &(DocumentPath, String)| matches!(path, DocumentPath::Transport(_));
            subscription.documents.retain(own);
            if subscription.documents.is_empty() {
                subscription
                    .notifier
                    .terminate(context.now, EndReason::Rejected);
            }
        }
        if documents.is_empty() {
            return self.send_notifications(context, dialog);
        }
        let content = self
            .subscriptions
            .get(&dialog)
            .and_then(|found| self.content(context, found, documents));
        let full = self.full_state(context, dialog);
        if let (Some(content), Some(subscription)) = (content, self.subscriptions.get_mut(&dialog))
            && subscription.notifier.notify(context.now, content).is_err()
            && let Some(full) = full
        {
            subscription.notifier.replace(context.now, full);
        }
        self.send_notifications(context, dialog);
    }

    /// The changes that concern a subscription, under the client's own selectors.
    fn seen_by(
        &self,
        subscription: &Subscription,
        changes: &[DocumentChanged],
    ) -> Vec<DocumentChange> {
        let mut seen = Vec::new();
        for (path, selector) in &subscription.documents {
            let mut of_path = changes
                .iter()
                .filter(|change| concerns(&change.path, path, &subscription.user));
            if let Some(change) = of_path.next_back() {
                let allowed = self.may_watch(&subscription.user, path);
                seen.push(DocumentChange {
                    selector: selector.clone(),
                    new_etag: change.etag.clone().filter(|_| allowed),
                    previous_etag: change.previous.clone(),
                });
            }
        }
        seen
    }

    fn still_allowed(&self, subscription: &Subscription) -> bool {
        subscription
            .documents
            .iter()
            .all(|(path, _)| self.may_watch(&subscription.user, path))
    }

    fn renew(&mut self, credentials: GroupServerCredentials) {
        let GroupServerCredentials {
            key_sets,
            kms,
            tokens,
        } = credentials;
        self.management().set_key_sets(key_sets.clone());
        self.settings.key_sets = key_sets;
        self.settings.kms = kms;
        self.settings.tokens = tokens;
    }

    fn plan(&mut self, context: &Context<'_>) {
        let keys = match self.management().deadline() {
            Ok(due) => due.map(|at| {
                context.now + Duration::from_secs(at.0.saturating_sub(context.utc.0).max(1))
            }),
            Err(_) => Some(context.now + STORE_RETRY),
        };
        let expiries = self
            .subscriptions
            .values()
            .filter_map(|found| found.notifier.deadline());
        self.deadline = expiries.map(|(at, _)| at).chain(keys).min();
    }
}

/// Whether a change of one document is one for the watcher of another: the keys of one group are a part of
/// the GKTP document of the user.
fn concerns(changed: &DocumentPath, watched: &DocumentPath, user: &McpttId) -> bool {
    match (changed, watched) {
        (DocumentPath::Transport(owner), DocumentPath::TransportOfGroup(_)) => owner == user,
        (changed, watched) => changed == watched,
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
        .header(HeaderName::EVENT, EVENT)
        .header(HeaderName::SUBSCRIPTION_STATE, state);
    if let Some(content) = content {
        builder = builder.body(content.content_type, content.body);
    }
    let request = builder.build()?;
    context
        .endpoint
        .send_in_dialog(context.now, context.random, dialog, request)
}

impl Application for GroupServer {
    type Input = GroupServerInput;
    /// A group whose document changed: the controlling function has to look again.
    type Output = GroupId;

    fn on_sip(&mut self, context: &mut Context<'_>, event: Output) {
        match event {
            Output::Incoming(incoming) => self.on_request(context, &incoming),
            Output::Response(answer) => {
                self.on_answered(context, answer.handle, Some(answer.response.status()));
            }
            Output::Failed { handle, .. } => self.on_answered(context, handle, None),
            Output::DialogEnded { dialog } => {
                self.subscriptions.remove(&dialog);
            }
            _ => {}
        }
        self.plan(context);
    }

    fn on_input(&mut self, context: &mut Context<'_>, input: GroupServerInput) {
        match input {
            GroupServerInput::DocumentsChanged => self.publish(context),
            GroupServerInput::Credentials(credentials) => self.renew(*credentials),
        }
    }

    fn on_timeout(&mut self, context: &mut Context<'_>) {
        let result = self
            .management()
            .handle_timeout(context.utc, context.random);
        if let Err(error) = result {
            warn!(%error, "a key could not be revoked yet");
        }
        for subscription in self.subscriptions.values_mut() {
            subscription.notifier.handle(context.now);
        }
        self.publish(context);
    }

    fn poll(&mut self) -> Option<GroupId> {
        self.outputs.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}
