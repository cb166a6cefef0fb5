//! Affiliation to groups, and what becomes of it (TS 24.379 cl. 9.2.1).

use super::authorisation::MakeError;
use super::{Purpose, Refusal, UeClient, UeEvent, refused, reply};
use roger_base::GroupId;
use roger_call::answer::plain;
use roger_call::body::Body;
use roger_call::feature::{CONTACT_PARAMETERS, EXPIRES_FOREVER};
use roger_call::request::{Trust, finish, start};
use roger_documents::affiliation::{Affiliation, AffiliationDocument, AffiliationStatus, Tuple};
use roger_documents::mcptt_info::{McpttInfo, RequestUri};
use roger_sip::application::Context;
use roger_sip::endpoint::{Answer, DialogId, EndpointError, Incoming, ident};
use roger_sip::message::{HeaderName, Method, Request, Response, StatusCode};
use roger_sip::subscription::SubscriptionStatus;
use std::collections::BTreeSet;
use tracing::info;

#[derive(Default)]
pub(super) struct AffiliationState {
    dialog: Option<DialogId>,
    watching: bool,
    wanted: Vec<GroupId>,
    /// Groups of the last notification.
    notified: BTreeSet<GroupId>,
}

impl AffiliationState {
    pub(super) fn is_dialog(&self, dialog: DialogId) -> bool {
        self.dialog == Some(dialog)
    }

    /// The answer to the SUBSCRIBE for one's own affiliations.
    pub(super) fn on_answer(&mut self, answer: &Answer) {
        if answer.response.status().is_success() {
            self.dialog = answer.dialog.or(self.dialog);
        } else if answer.response.status().is_final() {
            self.watching = false;
        }
    }
}

impl UeClient {
    pub(super) fn affiliate(&mut self, context: &mut Context<'_>, groups: Vec<GroupId>) {
        self.affiliation.wanted = groups;
        let sent = self
            .watch_affiliation(context)
            .and_then(|()| self.publish_affiliation(context));
        if let Err(error) = sent {
            self.tell(UeEvent::NotAffiliated(Refusal::Local(error.to_string())));
        }
    }

    /// The server has forgotten the affiliations and the subscription to them.
    pub(super) fn affiliate_again(&mut self, context: &mut Context<'_>) {
        let AffiliationState { wanted, .. } = core::mem::take(&mut self.affiliation);
        if !wanted.is_empty() {
            self.affiliate(context, wanted);
        }
    }

    /// SUBSCRIBE to one's own affiliations, once: a 200 to the PUBLISH says only that it was received.
    fn watch_affiliation(&mut self, context: &mut Context<'_>) -> Result<(), MakeError> {
        if self.affiliation.watching {
            return Ok(());
        }
        let (package, accepted) = ("presence", "application/pidf+xml");
        self.subscribe(context, package, accepted, Purpose::WatchAffiliation)?;
        self.affiliation.watching = true;
        Ok(())
    }

    fn publish_affiliation(&mut self, context: &mut Context<'_>) -> Result<(), MakeError> {
        let user = self.user.as_ref().ok_or(MakeError::NoUser)?;
        let wanted = self
            .affiliation
            .wanted
            .iter()
            .cloned()
            .map(Affiliation::wanted)
            .collect();
        let document = AffiliationDocument {
            user: user.mcptt_id.clone(),
            tuples: vec![Tuple {
                client: self.settings.client_id.clone(),
                affiliations: wanted,
                functional_aliases: Vec::new(),
            }],
            p_id: Some(ident::tag(context.random)?),
        };
        let info = McpttInfo {
            request_uri: Some(RequestUri::from(&user.mcptt_id)),
            ..McpttInfo::default()
        };
        let body = Body::new().with_document(&info).with_document(&document);
        let body = self.protect(context, body)?;
        let expires = if self.affiliation.wanted.is_empty() {
            0
        } else {
            EXPIRES_FOREVER
        };
        let builder = self
            .request(context, Method::Publish)?
            .header(HeaderName::EVENT, "presence")
            .header(HeaderName::EXPIRES, expires.to_string());
        let request = finish(builder, &body, context.random)?;
        let (now, core) = (context.now, self.settings.core);
        let handle = context
            .endpoint
            .send_request(now, context.random, request, core)?;
        self.requests.insert(handle, Purpose::Affiliate);
        Ok(())
    }

    pub(super) fn on_affiliate_answer(&mut self, context: &mut Context<'_>, response: &Response) {
        if response.status().is_final() && !response.status().is_success() {
            let refusal = refused(response);
            let unknown = refusal.says_unknown();
            self.tell(UeEvent::NotAffiliated(refusal));
            if unknown {
                self.authorise_again(context);
            }
        }
    }

    /// The state of every affiliation; one that was refused is absent.
    pub(super) fn on_affiliation_notify(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        reply(context, incoming, plain(request, StatusCode::OK))?;
        if ends_subscription(request) {
            // The next wish subscribes anew.
            self.affiliation.dialog = None;
            self.affiliation.watching = false;
        }
        if request.body().is_empty() {
            return Ok(());
        }
        let document: AffiliationDocument =
            match self.open(request).and_then(|body| Ok(body.required()?)) {
                Ok(document) => document,
                Err(error) => {
                    info!(%error, "a notification of affiliations could not be read");
                    return Ok(());
                }
            };
        let own = document
            .tuples
            .into_iter()
            .find(|tuple| tuple.client == self.settings.client_id);
        self.on_affiliations(own.map(|tuple| tuple.affiliations).unwrap_or_default());
        Ok(())
    }

    /// A group that was there before and is not any more was refused, or has been left.
    fn on_affiliations(&mut self, affiliations: Vec<Affiliation>) {
        let now: BTreeSet<GroupId> = affiliations
            .iter()
            .map(|affiliation| affiliation.group.clone())
            .collect();
        let before = core::mem::replace(&mut self.affiliation.notified, now);
        for group in before
            .difference(&self.affiliation.notified)
            .cloned()
            .collect::<Vec<_>>()
        {
            self.tell(UeEvent::Affiliation(group, AffiliationStatus::Deaffiliated));
        }
        for affiliation in affiliations {
            let status = affiliation.status.unwrap_or(AffiliationStatus::Affiliated);
            self.tell(UeEvent::Affiliation(affiliation.group, status));
        }
    }

    // Shared by the procedures towards the participating function ----------------------------------------------

    /// A request to the participating function.
    pub(super) fn request(
        &self,
        context: &mut Context<'_>,
        method: Method,
    ) -> Result<roger_sip::message::RequestBuilder, MakeError> {
        let (impu, to) = (
            self.settings.impu.as_str(),
            self.settings.participating.as_str(),
        );
        Ok(start(method, to, impu, Trust::Preferred, context.random)?)
    }

    /// SUBSCRIBE to what the participating function holds of the user, until told otherwise.
    pub(super) fn subscribe(
        &mut self,
        context: &mut Context<'_>,
        package: &str,
        accepted: &str,
        purpose: Purpose,
    ) -> Result<(), MakeError> {
        let body = self.own_identity(context)?;
        let builder = self
            .request(context, Method::Subscribe)?
            .header(HeaderName::EVENT, package)
            .header(HeaderName::ACCEPT, accepted)
            .header(HeaderName::EXPIRES, EXPIRES_FOREVER.to_string())
            .header(HeaderName::CONTACT, self.contact(context)?);
        let request = finish(builder, &body, context.random)?;
        let (now, core) = (context.now, self.settings.core);
        let handle = context
            .endpoint
            .send_request(now, context.random, request, core)?;
        self.requests.insert(handle, purpose);
        Ok(())
    }

    /// A Contact with the feature tags of MCPTT.
    pub(super) fn contact(&self, context: &mut Context<'_>) -> Result<String, MakeError> {
        let user = ident::tag(context.random)?;
        Ok(format!(
            "<sip:{user}@{}>{CONTACT_PARAMETERS}",
            self.settings.contact
        ))
    }

    /// Encrypts and signs a body for the participating function.
    pub(super) fn protect(&self, context: &mut Context<'_>, body: Body) -> Result<Body, MakeError> {
        match &self.csk {
            Some(csk) => {
                let hop = csk.sending(self.settings.protection, &self.settings.domain);
                Ok(body.protected(&hop, context.random)?)
            }
            None if self.is_protected() => Err(MakeError::NoCsk),
            None => Ok(body),
        }
    }

    fn own_identity(&self, context: &mut Context<'_>) -> Result<Body, MakeError> {
        let user = self.user.as_ref().ok_or(MakeError::NoUser)?;
        let info = McpttInfo {
            request_uri: Some(RequestUri::from(&user.mcptt_id)),
            ..McpttInfo::default()
        };
        self.protect(context, Body::new().with_document(&info))
    }

    /// Verifies and decrypts what the participating function sent.
    pub(super) fn open(&self, request: &Request) -> Result<Body, MakeError> {
        let body = Body::of(request.headers(), request.body())?;
        match &self.csk {
            Some(csk) => {
                let mut hop = csk.receiving(self.settings.protection, &self.uri_domains);
                // What the server sent before it knew of a new key, or as soon as it did.
                let keys = core::iter::once(csk).chain(self.authorisation.other_keys());
                hop.keys = keys.map(|csk| csk.xml_keys().clone()).collect();
                Ok(body.opened(&hop)?)
            }
            None if self.is_protected() => Err(MakeError::NoCsk),
            None => Ok(body),
        }
    }
}

/// Whether a NOTIFY is the last of its subscription (RFC 6665 cl. 4.1.3).
pub(super) fn ends_subscription(request: &Request) -> bool {
    let state = request.headers().subscription_state();
    state.is_ok_and(|state| {
        state.is_some_and(|state| state.status == SubscriptionStatus::Terminated)
    })
}
