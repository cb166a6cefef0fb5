//! Group keys: watching documents at the group management server, taking keys in
//! (TS 24.481 cl. 6.2.13, 7.7; TS 33.180 cl. 5.7).

use super::affiliation_watch::ends_subscription;
use super::authorisation::MakeError;
use super::{GroupKeyState, Purpose, Refusal, UeClient, UeEvent, refused, reply};
use roger_base::GroupId;
use roger_call::answer::plain;
use roger_call::body::{Body, Part};
use roger_call::feature::{EXPIRES_FOREVER, media_type};
use roger_call::request::{Trust, finish, start};
use roger_call::service_authorisation::BoundCsk;
use roger_documents::Document;
use roger_documents::gktp::Gktps;
use roger_documents::mcptt_info::McpttInfo;
use roger_documents::resource_lists::ResourceLists;
use roger_documents::xcap_diff::XcapDiff;
use roger_documents::xcap_path::DocumentPath;
use roger_keys::store::{KeyStatus, StoreError, Stored};
use roger_mikey::{Carriage, Context as MikeyContext, OpenError, Sender};
use roger_sip::application::Context;
use roger_sip::endpoint::{Answer, DialogId, EndpointError, Incoming};
use roger_sip::message::{HeaderName, Method, Request, StatusCode};
use thiserror::Error;
use tracing::info;

#[derive(Default)]
pub(super) struct GroupKeysState {
    dialog: Option<DialogId>,
    /// CSK of its own towards the group management server.
    csk: Option<BoundCsk>,
}

/// Why a group key message was not taken.
#[derive(Debug, Error)]
enum KeyError {
    #[error("there is no user yet")]
    NoUser,
    #[error(transparent)]
    Mikey(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl UeClient {
    pub(super) fn watch_groups(&mut self, context: &mut Context<'_>, groups: &[GroupId]) {
        if let Err(error) = self.send_watch(context, groups) {
            self.tell(UeEvent::NotWatching(Refusal::Local(error.to_string())));
        }
    }

    fn send_watch(
        &mut self,
        context: &mut Context<'_>,
        groups: &[GroupId],
    ) -> Result<(), MakeError> {
        let server = self.settings.group_management.clone();
        let csk = self.new_csk(context, server.as_str())?;
        let user = self.user.as_ref().ok_or(MakeError::NoUser)?;
        let own_keys = DocumentPath::Transport(user.mcptt_id.clone());
        let groups = groups.iter().cloned().map(DocumentPath::Group);
        let uris = groups
            .chain([own_keys])
            .map(|path| path.to_string())
            .collect();
        let info = McpttInfo {
            access_token: Some(user.token.clone()),
            ..McpttInfo::default()
        };
        let body = Body::new()
            .with(Part::new(media_type::MIKEY, csk.message.clone()))
            .with_document(&info)
            .with_document(&ResourceLists { uris });
        let hop = csk.sending(self.settings.protection, &self.settings.domain);
        let body = body.protected(&hop, context.random)?;
        let impu = self.settings.impu.as_str();
        let builder = start(
            Method::Subscribe,
            server.as_str(),
            impu,
            Trust::Preferred,
            context.random,
        )?
        .header(HeaderName::EVENT, "xcap-diff; diff-processing=aggregate")
        .header(
            HeaderName::ACCEPT,
            "application/xcap-diff+xml, message/external-body",
        )
        .header(HeaderName::EXPIRES, EXPIRES_FOREVER.to_string())
        .header(HeaderName::CONTACT, self.contact(context)?);
        let request = finish(builder, &body, context.random)?;
        let (now, core) = (context.now, self.settings.core);
        let handle = context
            .endpoint
            .send_request(now, context.random, request, core)?;
        self.requests.insert(handle, Purpose::WatchGroups);
        self.group_keys = GroupKeysState {
            dialog: None,
            csk: Some(csk),
        };
        Ok(())
    }

    /// Ends the subscription and erases the key that protects it.
    pub(super) fn stop_watching_groups(&mut self, context: &mut Context<'_>) {
        let GroupKeysState { dialog, .. } = core::mem::take(&mut self.group_keys);
        if let Some(dialog) = dialog
            && let Err(error) = end_subscription(context, dialog)
        {
            info!(%error, "the group management server could not be told of the log-off");
        }
    }

    pub(super) fn on_watch_answer(&mut self, _: &mut Context<'_>, answer: &Answer) {
        let status = answer.response.status();
        if status.is_success() {
            self.group_keys.dialog = answer.dialog.or(self.group_keys.dialog);
            self.tell(UeEvent::Watching);
        } else if status.is_final() {
            self.group_keys.csk = None;
            self.tell(UeEvent::NotWatching(refused(&answer.response)));
        }
    }

    /// Says which documents changed, or takes a key that the notification carries itself.
    pub(super) fn on_group_notify(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        dialog: DialogId,
    ) -> Result<(), EndpointError> {
        if self.user.is_none() {
            // The last word of a subscription that ended with the log-off.
            let gone = plain(&incoming.request, StatusCode::CALL_DOES_NOT_EXIST);
            return reply(context, incoming, gone);
        }
        reply(context, incoming, plain(&incoming.request, StatusCode::OK))?;
        if ends_subscription(&incoming.request) {
            self.group_keys = GroupKeysState::default();
            let ended = "the group management server ended the subscription".to_owned();
            self.tell(UeEvent::NotWatching(Refusal::Local(ended)));
            return Ok(());
        }
        if incoming.request.body().is_empty() {
            return Ok(());
        }
        let body = match self.open_from_group_management(&incoming.request) {
            Ok(body) => body,
            Err(error) => {
                info!(%error, "a notification of the group management server could not be read");
                return Ok(());
            }
        };
        self.group_keys.dialog = Some(dialog);
        if let Some(message) = body.octets(media_type::MIKEY) {
            self.take_key(context, message, Carriage::Live, None);
        }
        if let Ok(Some(diff)) = body.document::<XcapDiff>() {
            for change in diff.documents {
                let url = format!("{}{}", diff.root, change.selector);
                self.tell(UeEvent::DocumentChanged {
                    url,
                    etag: change.new_etag,
                });
            }
        }
        Ok(())
    }

    fn open_from_group_management(&self, request: &Request) -> Result<Body, MakeError> {
        let body = Body::of(request.headers(), request.body())?;
        match &self.group_keys.csk {
            Some(csk) => {
                let hop = csk.receiving(self.settings.protection, &self.uri_domains);
                Ok(body.opened(&hop)?)
            }
            None if self.is_protected() => Err(MakeError::NoCsk),
            None => Ok(body),
        }
    }

    /// A fetched GKTP document: every message in it stands for itself.
    pub(super) fn on_group_keys(&mut self, context: &mut Context<'_>, document: &[u8]) {
        match Gktps::read(document) {
            Ok(document) => {
                for key in document.gmk.keys {
                    self.take_key(context, &key.message, Carriage::Stored, None);
                }
                for group in document.gmk.regrouped {
                    for key in group.keys {
                        self.take_key(
                            context,
                            &key.message,
                            Carriage::Stored,
                            Some(&group.temporary_group),
                        );
                    }
                }
            }
            Err(error) => self.tell(UeEvent::GroupKeyRefused(error.to_string())),
        }
    }

    /// Verifies a message and puts its key into the store; the keys held stay when it fails.
    pub(super) fn take_key(
        &mut self,
        context: &Context<'_>,
        message: &[u8],
        carriage: Carriage,
        group: Option<&GroupId>,
    ) -> bool {
        match self.open_key(context, message, carriage, group) {
            Ok(Some(event)) => {
                self.tell(event);
                true
            }
            Ok(None) => true,
            // A document is read again with every change of it; what it says of old keys is no news.
            Err(KeyError::Store(StoreError::PeerStale(_) | StoreError::PeerRevoked(_)))
                if carriage == Carriage::Stored =>
            {
                true
            }
            Err(error) => {
                self.tell(UeEvent::GroupKeyRefused(error.to_string()));
                false
            }
        }
    }

    fn open_key(
        &mut self,
        context: &Context<'_>,
        message: &[u8],
        carriage: Carriage,
        group: Option<&GroupId>,
    ) -> Result<Option<UeEvent>, KeyError> {
        let user = self.user.as_ref().ok_or(KeyError::NoUser)?;
        let mikey = MikeyContext {
            key_sets: &user.key_sets,
            domains: core::slice::from_ref(&user.kms),
            // Only the configured group management server signs group keys, never a user.
            sender: Sender::OneOf(&[self.settings.group_management.as_str()]),
            carriage,
            now: context.utc.to_ntp(),
        };
        let opened = self.receiver.open_gmk(message, &mikey, group)?;
        let key = opened.group_key;
        let state = match key.status {
            KeyStatus::Valid => GroupKeyState::Valid,
            KeyStatus::Revoked => GroupKeyState::Revoked,
        };
        let event = UeEvent::GroupKey {
            gmk_id: key.gmk.id(),
            groups: key.groups.clone(),
            state,
        };
        let stored = self.key_store.insert(key, context.utc)?;
        Ok((stored != Stored::Unchanged).then_some(event))
    }
}

/// SUBSCRIBE with Expires 0 (RFC 6665 cl. 4.1.2.3).
fn end_subscription(context: &mut Context<'_>, dialog: DialogId) -> Result<(), MakeError> {
    let request = context
        .endpoint
        .request_in_dialog(dialog, Method::Subscribe)?
        .header(HeaderName::EVENT, "xcap-diff; diff-processing=aggregate")
        .header(HeaderName::EXPIRES, "0")
        .build()?;
    context
        .endpoint
        .send_in_dialog(context.now, context.random, dialog, request)?;
    Ok(())
}
