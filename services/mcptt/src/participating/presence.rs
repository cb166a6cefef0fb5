//! PUBLISH Event presence: a client changes its affiliations, or an authorised user those of another (TS 24.379
//! cl. 9.2.2.2.3), and the controlling functions of the groups are told (cl. 9.2.2.2.6).

use super::affiliation::{Client, Outcome, Wish};
use super::service_settings::{Asked, asked, fresh_tag};
use super::{ParticipatingFunction, answer};
use roger_base::{GroupId, Impu, McpttId};
use roger_call::answer::plain;
use roger_call::body::{Body, BodyError};
use roger_call::feature::EXPIRES_FOREVER;
use roger_call::request::{RequestError, Trust, finish, start};
use roger_call::warning::WarningCode;
use roger_documents::affiliation::{Affiliation, AffiliationDocument, Tuple};
use roger_documents::mcptt_info::{McpttInfo, RequestUri};
use roger_sip::application::Context;
use roger_sip::endpoint::{EndpointError, Incoming, RequestHandle};
use roger_sip::message::{HeaderName, Method, StatusCode};
use std::collections::BTreeSet;
use tracing::{info, warn};

/// Most groups of one document.
const MAX_GROUPS: usize = 1024;

/// Why a notice could not be sent to a controlling function.
#[derive(Debug, thiserror::Error)]
enum AnnouncingError {
    #[error("nobody controls this group")]
    NoRoute,
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Protection(#[from] roger_call::protection::ProtectionError),
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
}

/// Why a wish is refused.
enum Denied {
    Warning(WarningCode),
    /// The client that it is about is not here. 404 without Warning, since "141" would tell the sender to authorise again.
    NoSuchClient,
}

impl From<WarningCode> for Denied {
    fn from(warning: WarningCode) -> Self {
        Self::Warning(warning)
    }
}

/// A wish that was read and allowed.
struct Wanted {
    groups: BTreeSet<GroupId>,
    p_id: Option<String>,
}

impl ParticipatingFunction {
    pub(super) fn on_presence(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        impu: &Impu,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        let asked = match asked(request, self.presence_tags.get(impu)) {
            Ok(asked) => asked,
            Err(status) => return answer(context, incoming, plain(request, status)),
        };
        match request.headers().seconds(HeaderName::EXPIRES) {
            Ok(None | Some(0 | EXPIRES_FOREVER)) => {}
            Ok(Some(_)) => {
                let mut response = plain(request, StatusCode::INTERVAL_TOO_BRIEF);
                response
                    .headers_mut()
                    .set(HeaderName::MIN_EXPIRES, EXPIRES_FOREVER.to_string())?;
                return answer(context, incoming, response);
            }
            Err(_) => return answer(context, incoming, plain(request, StatusCode::BAD_REQUEST)),
        }
        match self.wanted(context, incoming, impu, asked) {
            Ok((client, wanted)) => {
                let own = self.client_behind(impu).as_ref() == Some(&client);
                let tagged = own.then_some(impu);
                self.accept_presence(context, incoming, tagged, asked)?;
                if let Some(Wanted { groups, p_id }) = wanted {
                    self.affiliations
                        .replace(&client, &groups, p_id, context.now);
                    self.announce(context);
                    self.notify_user(context, &client.user);
                }
                Ok(())
            }
            Err(Denied::Warning(warning)) => self.refuse(context, incoming, warning),
            Err(Denied::NoSuchClient) => {
                answer(context, incoming, plain(request, StatusCode::NOT_FOUND))
            }
        }
    }

    /// The client that a public user identity is bound to.
    fn client_behind(&self, impu: &Impu) -> Option<Client> {
        let binding = self.bindings.get(impu)?;
        Some(Client {
            user: binding.user.clone(),
            id: binding.client.clone(),
        })
    }

    /// The wish of the client; `None` for a refresh, which changes nothing.
    fn wanted(
        &mut self,
        context: &Context<'_>,
        incoming: &Incoming,
        impu: &Impu,
        asked: Asked,
    ) -> Result<(Client, Option<Wanted>), Denied> {
        let binding = self
            .living(impu, context.utc)
            .ok_or(WarningCode::USER_UNKNOWN)?;
        let client = Client {
            user: binding.user.clone(),
            id: binding.client.clone(),
        };
        let request = &incoming.request;
        if asked == Asked::Refresh {
            return Ok((client, None));
        }
        let nothing = Wanted {
            groups: BTreeSet::new(),
            p_id: None,
        };
        if asked == Asked::Remove && request.body().is_empty() {
            return Ok((client, Some(nothing)));
        }
        let body = Body::of(request.headers(), request.body()).map_err(|error| error.warning())?;
        let (opened, ..) = self.open_from_client(context.utc, impu, &body)?;
        let document = affiliation_document(&opened)?;
        let client = self.client_meant(client, &document)?;
        if asked == Asked::Remove {
            return Ok((client, Some(nothing)));
        }
        let groups = wanted_groups(&document, &client)?;
        self.check_limit(&client, &groups)?;
        let p_id = document.p_id;
        Ok((client, Some(Wanted { groups, p_id })))
    }

    /// Whose affiliations the document is about: the sender's own, or with the right to it those of another user's client
    /// (mandatory mode, cl. 9.2.1.2, 9.2.2.2.3).
    fn client_meant(
        &self,
        sender: Client,
        document: &AffiliationDocument,
    ) -> Result<Client, Denied> {
        if document.user == sender.user {
            return Ok(sender);
        }
        let profile = self.profiles.profile(&sender.user);
        if !profile.is_some_and(|profile| profile.affiliate_others.is_granted()) {
            return Err(WarningCode::FUNCTION_NOT_ALLOWED.into());
        }
        let [tuple] = document.tuples.as_slice() else {
            return Err(WarningCode::INVALID_BODY.into());
        };
        let clients = self.bindings.of_user(&document.user);
        if !clients
            .iter()
            .any(|(_, binding)| binding.client == tuple.client)
        {
            return Err(Denied::NoSuchClient);
        }
        Ok(Client {
            user: document.user.clone(),
            id: tuple.client.clone(),
        })
    }

    /// Affiliates a client that was just authorised to the groups of its user's profile, as far as N2 allows
    /// (cl. 9.2.2.2.12). What it is affiliated to already stays.
    pub(super) fn affiliate_implicitly(&mut self, context: &mut Context<'_>, impu: &Impu) {
        let Some(client) = self.client_behind(impu) else {
            return;
        };
        let Some(profile) = self.profiles.profile(&client.user) else {
            return;
        };
        let mut wanted = self.affiliations.wanted_of(&client);
        let mut all = self.affiliations.of_other_clients(&client);
        all.extend(wanted.iter().cloned());
        let before = wanted.len();
        for group in &profile.implicit_affiliations {
            if !all.contains(group) && all.len() >= profile.max_affiliations {
                info!("an implicit affiliation is beyond the limit of the user");
                break;
            }
            all.insert(group.clone());
            wanted.insert(group.clone());
        }
        if wanted.len() == before {
            return;
        }
        self.affiliations
            .replace(&client, &wanted, None, context.now);
        self.announce(context);
        self.notify_user(context, &client.user);
    }

    /// N2 of the user, over all clients.
    fn check_limit(&self, client: &Client, groups: &BTreeSet<GroupId>) -> Result<(), WarningCode> {
        let profile = self.profiles.profile(&client.user);
        let most = profile.map_or(0, |profile| profile.max_affiliations);
        let others = self.affiliations.of_other_clients(client);
        if others.union(groups).count() > most {
            return Err(WarningCode::TOO_MANY_AFFILIATIONS);
        }
        Ok(())
    }

    /// 200: the wish was received, not more (cl. 9.2.2.2.3). The tag is kept for the sender's own publication only.
    fn accept_presence(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        tagged: Option<&Impu>,
        asked: Asked,
    ) -> Result<(), EndpointError> {
        let mut response = plain(&incoming.request, StatusCode::OK);
        let headers = response.headers_mut();
        if asked == Asked::Remove {
            if let Some(impu) = tagged {
                self.presence_tags.remove(impu);
            }
            headers.set(HeaderName::EXPIRES, "0")?;
        } else {
            let tag = fresh_tag(context.random)?;
            headers.set(HeaderName::SIP_ETAG, tag.as_str())?;
            headers.set(HeaderName::EXPIRES, EXPIRES_FOREVER.to_string())?;
            if let Some(impu) = tagged {
                self.presence_tags.insert(impu.clone(), tag);
            }
        }
        answer(context, incoming, response)
    }

    /// Log-off: the affiliations of this client go (TS 24.379 cl. 7.3.5).
    pub(super) fn drop_affiliations_of(&mut self, context: &mut Context<'_>, impu: &Impu) {
        self.presence_tags.remove(impu);
        let Some(client) = self.client_behind(impu) else {
            return;
        };
        self.affiliations
            .replace(&client, &BTreeSet::new(), None, context.now);
        self.announce(context);
        self.notify_user(context, &client.user);
    }

    /// A group changed: who is no member of it any more is not affiliated to it.
    pub(super) fn on_group_changed(&mut self, context: &mut Context<'_>, group: &GroupId) {
        let document = match self.groups.group(group) {
            Ok(document) => document,
            Err(error) => {
                warn!(%error, "a changed group could not be read");
                return;
            }
        };
        let is_member = |user: &McpttId| {
            document
                .as_ref()
                .is_some_and(|document| document.member(user).is_some())
        };
        for user in self.affiliations.expel(group, is_member) {
            self.notify_user(context, &user);
        }
    }

    // Towards the controlling functions ----------------------------------------------------------------------

    /// Sends every PUBLISH that is due.
    pub(super) fn announce(&mut self, context: &mut Context<'_>) {
        for (client, group, wish) in self.affiliations.due(context.now) {
            let sent = self.send_announcement(context, &client, &group, wish);
            if let Err(error) = &sent {
                warn!(%error, "a controlling function could not be told of an affiliation");
            }
            let unroutable = matches!(sent, Err(AnnouncingError::NoRoute));
            if unroutable {
                self.affiliations.expel(&group, |user| *user != client.user);
            } else {
                self.affiliations
                    .on_sent(&client, &group, sent.ok(), context.now);
            }
        }
    }

    fn send_announcement(
        &self,
        context: &mut Context<'_>,
        client: &Client,
        group: &GroupId,
        wish: Wish,
    ) -> Result<RequestHandle, AnnouncingError> {
        let controlling = self
            .settings
            .controlling_of_group(group)
            .ok_or(AnnouncingError::NoRoute)?;
        let expires = match wish {
            Wish::Affiliate => EXPIRES_FOREVER,
            Wish::Deaffiliate => 0,
        };
        let body =
            announcement(client, group).protected(self.settings.hop.sending(), context.random)?;
        let (to, from) = (controlling.as_str(), self.settings.psi.as_str());
        let builder = start(Method::Publish, to, from, Trust::Asserted, context.random)?
            .header(HeaderName::EVENT, "presence")
            .header(HeaderName::EXPIRES, expires.to_string());
        let request = finish(builder, &body, context.random)?;
        Ok(context.endpoint.send_request(
            context.now,
            context.random,
            request,
            self.settings.core,
        )?)
    }

    /// The answer of a controlling function; `None` when there was none.
    pub(super) fn on_announced(
        &mut self,
        context: &mut Context<'_>,
        handle: RequestHandle,
        status: Option<StatusCode>,
    ) {
        let outcome = match status {
            Some(status) if status.is_provisional() => return,
            Some(status) if status.is_success() => Outcome::Done,
            // Overload and absence pass; every other refusal is meant.
            Some(status) if status.as_u16() >= 500 || status == StatusCode::REQUEST_TIMEOUT => {
                Outcome::TryLater
            }
            Some(_) => Outcome::Refused,
            None => Outcome::TryLater,
        };
        info!(?outcome, "affiliation answered");
        if let Some(user) = self.affiliations.on_answered(handle, outcome, context.now) {
            self.announce(context);
            self.notify_user(context, &user);
        }
    }
}

/// The document, about the user whom the request names.
fn affiliation_document(body: &Body) -> Result<AffiliationDocument, WarningCode> {
    let invalid = |error: BodyError| {
        info!(%error, "affiliation refused");
        error.warning()
    };
    let info: McpttInfo = body.required().map_err(invalid)?;
    let document: AffiliationDocument = body.required().map_err(invalid)?;
    let target = info.request_uri.ok_or(WarningCode::INVALID_BODY)?;
    if target.as_str() != document.user.as_str() {
        return Err(WarningCode::FUNCTION_NOT_ALLOWED);
    }
    Ok(document)
}

/// The complete set of groups of the one tuple, which must be of the client meant.
fn wanted_groups(
    document: &AffiliationDocument,
    client: &Client,
) -> Result<BTreeSet<GroupId>, WarningCode> {
    let [tuple] = document.tuples.as_slice() else {
        return Err(WarningCode::INVALID_BODY);
    };
    if tuple.client != client.id || tuple.affiliations.len() > MAX_GROUPS {
        return Err(WarningCode::INVALID_BODY);
    }
    // The same event package carries functional aliases, which are not served here; without this check such a document
    // would be taken for an empty set.
    if tuple.affiliations.is_empty() && !tuple.functional_aliases.is_empty() {
        return Err(WarningCode::FUNCTION_NOT_ALLOWED);
    }
    Ok(tuple
        .affiliations
        .iter()
        .map(|affiliation| affiliation.group.clone())
        .collect())
}

/// What the controlling function is told: one client and one group.
fn announcement(client: &Client, group: &GroupId) -> Body {
    let document = AffiliationDocument {
        user: client.user.clone(),
        tuples: vec![Tuple {
            client: client.id.clone(),
            affiliations: vec![Affiliation::wanted(group.clone())],
            functional_aliases: Vec::new(),
        }],
        p_id: None,
    };
    let info = McpttInfo {
        request_uri: Some(RequestUri::from(group)),
        calling_user_id: Some(client.user.clone()),
        ..McpttInfo::default()
    };
    Body::new().with_document(&info).with_document(&document)
}
