//! Affiliation to groups, and what becomes of it (TS 24.379 cl. 9.2.1).

use super::authorisation::{MakeError, Remedy};
use super::{Purpose, Refusal, UeClient, UeEvent, refused};
use roger_base::{ClientId, GroupId, McpttId};
use roger_call::body::Body;
use roger_call::feature::{CONTACT_PARAMETERS, EXPIRES_FOREVER};
use roger_call::request::{Trust, finish, start};
use roger_documents::affiliation::{Affiliation, AffiliationDocument, AffiliationStatus, Tuple};
use roger_documents::mcptt_info::{McpttInfo, RequestUri};
use roger_sip::application::Context;
use roger_sip::endpoint::{RequestHandle, ident};
use roger_sip::message::{HeaderName, Method, Request, Response};
use std::collections::BTreeSet;

#[derive(Default)]
pub(super) struct AffiliationState {
    wanted: Vec<GroupId>,
    /// Groups of the last notification.
    notified: BTreeSet<GroupId>,
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
        for user in self.forget_watches(context) {
            self.watch_affiliations_of(context, &user);
        }
        if !wanted.is_empty() {
            self.affiliate(context, wanted);
        }
    }

    /// Watches one's own affiliations: a 200 to the PUBLISH says only that it was received.
    fn watch_affiliation(&mut self, context: &mut Context<'_>) -> Result<(), MakeError> {
        let user = self.user.as_ref().ok_or(MakeError::NoUser)?;
        let user = user.mcptt_id.clone();
        self.start_watch(context, &user)
    }

    fn publish_affiliation(&mut self, context: &mut Context<'_>) -> Result<(), MakeError> {
        let user = self.user.as_ref().ok_or(MakeError::NoUser)?;
        let (user, client) = (user.mcptt_id.clone(), self.settings.client_id.clone());
        let wanted = self.affiliation.wanted.clone();
        self.publish_set(context, user, client, wanted)
    }

    /// Sets the affiliations of another user's client (mandatory mode, cl. 9.2.1.2).
    pub(super) fn affiliate_other(
        &mut self,
        context: &mut Context<'_>,
        user: McpttId,
        client: ClientId,
        groups: Vec<GroupId>,
    ) {
        if let Err(error) = self.publish_set(context, user, client, groups) {
            self.tell(UeEvent::NotAffiliated(Refusal::Local(error.to_string())));
        }
    }

    /// PUBLISH of the complete set of a client.
    fn publish_set(
        &mut self,
        context: &mut Context<'_>,
        user: McpttId,
        client: ClientId,
        groups: Vec<GroupId>,
    ) -> Result<(), MakeError> {
        let expires = if groups.is_empty() {
            0
        } else {
            EXPIRES_FOREVER
        };
        let info = McpttInfo {
            request_uri: Some(RequestUri::from(&user)),
            ..McpttInfo::default()
        };
        let document = AffiliationDocument {
            user,
            tuples: vec![Tuple {
                client,
                affiliations: groups.into_iter().map(Affiliation::wanted).collect(),
                functional_aliases: Vec::new(),
            }],
            p_id: Some(ident::tag(context.random)?),
        };
        let body = Body::new().with_document(&info).with_document(&document);
        let body = self.protect(context, body)?;
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
            let remedy = Remedy::of(&refusal);
            self.tell(UeEvent::NotAffiliated(refusal));
            self.apply(context, remedy);
        }
    }

    /// The state of every affiliation of a user; one that was refused is absent.
    pub(super) fn on_affiliations_of(&mut self, document: AffiliationDocument) {
        let own = self.user.as_ref().map(|user| &user.mcptt_id) == Some(&document.user);
        if !own {
            self.tell(UeEvent::AffiliationsOf(document.user, document.tuples));
            return;
        }
        let own = document
            .tuples
            .into_iter()
            .find(|tuple| tuple.client == self.settings.client_id);
        self.on_affiliations(own.map(|tuple| tuple.affiliations).unwrap_or_default());
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

    /// SUBSCRIBE to what the participating function holds of a user, until told otherwise.
    pub(super) fn subscribe(
        &mut self,
        context: &mut Context<'_>,
        user: &McpttId,
        package: &str,
        accepted: &str,
        purpose: Purpose,
    ) -> Result<RequestHandle, MakeError> {
        let body = self.identity_body(context, user)?;
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
        Ok(handle)
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
