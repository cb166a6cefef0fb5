//! Affiliation to a group, as the participating function announces it (TS 24.379 cl. 9.2.2.3).

use super::affiliation::AffiliatedClient;
use super::{ControllingFunction, answer};
use roger_base::{ClientId, GroupId, McpttId};
use roger_call::answer::plain;
use roger_call::body::{Body, BodyError};
use roger_call::feature::EXPIRES_FOREVER;
use roger_call::warning::WarningCode;
use roger_documents::affiliation::AffiliationDocument;
use roger_sip::application::Context;
use roger_sip::endpoint::{EndpointError, Incoming};
use roger_sip::message::{HeaderName, Request, StatusCode};
use tracing::info;

/// One user's client and the groups it is to be affiliated to, or not.
struct Announcement {
    user: McpttId,
    clients: Vec<(ClientId, Vec<GroupId>)>,
    wish: Wish,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    Affiliate,
    Deaffiliate,
}

impl ControllingFunction {
    pub(super) fn on_publish(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        if request
            .headers()
            .text(HeaderName::EVENT)
            .as_deref()
            .map(str::trim)
            != Some("presence")
        {
            return answer(context, incoming, plain(request, StatusCode::BAD_EVENT));
        }
        let wish = match request.headers().seconds(HeaderName::EXPIRES) {
            Ok(Some(0)) => Wish::Deaffiliate,
            Ok(None | Some(EXPIRES_FOREVER)) => Wish::Affiliate,
            Ok(Some(_)) => {
                let mut response = plain(request, StatusCode::INTERVAL_TOO_BRIEF);
                response
                    .headers_mut()
                    .set(HeaderName::MIN_EXPIRES, EXPIRES_FOREVER.to_string())?;
                return answer(context, incoming, response);
            }
            Err(_) => return answer(context, incoming, plain(request, StatusCode::BAD_REQUEST)),
        };
        let announcement = match self.announcement(request, wish) {
            Ok(announcement) => announcement,
            Err(error) => return self.refuse(context, incoming, error.warning()),
        };
        if let Err(warning) = self.check_members(&announcement) {
            return self.refuse(context, incoming, warning);
        }
        let mut response = plain(request, StatusCode::OK);
        let expires = if wish == Wish::Affiliate {
            EXPIRES_FOREVER
        } else {
            0
        };
        response
            .headers_mut()
            .set(HeaderName::EXPIRES, expires.to_string())?;
        answer(context, incoming, response)?;
        self.apply(context, &announcement);
        Ok(())
    }

    fn announcement(&self, request: &Request, wish: Wish) -> Result<Announcement, BodyError> {
        let body = Body::of(request.headers(), request.body())?;
        let document: AffiliationDocument =
            body.opened(self.settings.hop.receiving())?.required()?;
        let clients = document.tuples.into_iter().map(|tuple| {
            let groups = tuple
                .affiliations
                .into_iter()
                .map(|affiliation| affiliation.group);
            (tuple.client, groups.collect())
        });
        Ok(Announcement {
            user: document.user,
            clients: clients.collect(),
            wish,
        })
    }

    /// Only members are affiliated; who leaves is not asked. While the directory does not answer nothing is known, and
    /// the participating function comes again: a 403 would be final.
    fn check_members(&self, announcement: &Announcement) -> Result<(), WarningCode> {
        if announcement.wish == Wish::Deaffiliate {
            return Ok(());
        }
        for group in announcement.clients.iter().flat_map(|(_, groups)| groups) {
            let document = self.groups.group(group);
            let document = document.map_err(|_| WarningCode::GROUP_DOCUMENT_UNAVAILABLE)?;
            let is_member = document.is_some_and(|document| {
                !document.disabled && document.member(&announcement.user).is_some()
            });
            if !is_member {
                return Err(WarningCode::NOT_A_MEMBER);
            }
        }
        Ok(())
    }

    fn apply(&mut self, context: &mut Context<'_>, announcement: &Announcement) {
        for (client, groups) in &announcement.clients {
            for group in groups {
                let affiliated = AffiliatedClient {
                    user: announcement.user.clone(),
                    client: client.clone(),
                };
                match announcement.wish {
                    Wish::Affiliate => {
                        if self.affiliations.affiliate(group, affiliated.clone()) {
                            info!("client affiliated");
                            self.late_entry(context, group, &affiliated);
                        }
                    }
                    Wish::Deaffiliate => self.on_deaffiliated(context, group, &affiliated),
                }
            }
        }
    }

    /// Who is not affiliated any more is taken out of a running call (TS 24.379 cl. 10.1.1.4.4.3).
    fn on_deaffiliated(
        &mut self,
        context: &mut Context<'_>,
        group: &GroupId,
        client: &AffiliatedClient,
    ) {
        self.affiliations.deaffiliate(group, client);
        if self.affiliations.includes(group, &client.user, None) {
            return;
        }
        let Some(id) = self.group_call(group) else {
            return;
        };
        if let Some(number) = self
            .calls
            .get(&id)
            .and_then(|call| call.leg_of(&client.user))
        {
            self.expel(context, id, number);
            self.release_if_alone(context, id);
        }
    }
}
