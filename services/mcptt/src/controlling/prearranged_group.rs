//! Prearranged group call: start, join, late entry (TS 24.379 cl. 10.1.1.4).

use super::admission::{Occasion, Refused, admit};
use super::affiliation::AffiliatedClient;
use super::call::{CallId, Kind};
use super::invite::{Answering, Invitation};
use super::{ControllingFunction, answer};
use roger_base::GroupId;
use roger_call::answer::plain;
use roger_call::warning::WarningCode;
use roger_documents::group::GroupDocument;
use roger_sip::application::Context;
use roger_sip::endpoint::{EndpointError, Incoming};
use roger_sip::message::StatusCode;
use std::sync::Arc;
use tracing::{info, warn};

impl ControllingFunction {
    /// The running call of a group.
    pub(super) fn group_call(&self, group: &GroupId) -> Option<CallId> {
        let of_group = |kind: &Kind| matches!(kind, Kind::Group(document) if document.id == *group);
        self.calls
            .iter()
            .find(|(_, call)| of_group(&call.kind))
            .map(|(id, _)| *id)
    }

    pub(super) fn on_prearranged(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        invitation: Invitation,
    ) -> Result<(), EndpointError> {
        let group = invitation
            .info
            .request_uri
            .as_ref()
            .and_then(|uri| uri.group().ok());
        let Some(group) = group else {
            return self.refuse(context, incoming, WarningCode::INVALID_BODY);
        };
        let running = self.group_call(&group);
        let occasion = match running.and_then(|id| self.calls.get(&id)) {
            Some(call) => Occasion::Join(call.connected()),
            None => Occasion::Start,
        };
        let (user, client) = (&invitation.caller, invitation.client.as_ref());
        let admitted = admit(
            self.groups.as_ref(),
            &self.affiliations,
            &group,
            user,
            client,
            occasion,
        );
        let document = match admitted {
            Ok(document) => document,
            Err(Refused(warning)) => return self.refuse(context, incoming, warning),
        };
        if invitation.description.floor.is_none() {
            // A group call always has floor control (TS 24.379 cl. 6.2.1).
            return answer(
                context,
                incoming,
                plain(&incoming.request, StatusCode::NOT_ACCEPTABLE_HERE),
            );
        }
        match running {
            Some(id) => self.join_group_call(context, incoming, &invitation, id),
            None => self.start_group_call(context, incoming, &invitation, document),
        }
    }

    fn start_group_call(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        invitation: &Invitation,
        document: Arc<GroupDocument>,
    ) -> Result<(), EndpointError> {
        let members = self.members_to_invite(&document, invitation);
        if members.is_empty() {
            return self.refuse(context, incoming, WarningCode::CALL_ABANDONED);
        }
        let Some(pair) = self.open_pair() else {
            return Self::refuse_for_now(context, incoming);
        };
        let kind = Kind::Group(document);
        let (id, _) = self.create_call(context, incoming, invitation, kind, pair)?;
        info!(call = id.0, members = members.len(), "group call starts");
        let mut invited = 0;
        for member in &members {
            match self.invite(context, id, &member.user, Some(&member.client)) {
                Ok(()) => invited += 1,
                Err(error) => warn!(%error, "a member could not be invited"),
            }
        }
        if invited == 0 {
            let (transaction, request) = (incoming.transaction, &incoming.request);
            let status = StatusCode::SERVER_INTERNAL_ERROR;
            return self.give_up(context, id, transaction, request, status, None);
        }
        Ok(())
    }

    /// Affiliated members but the initiator, required ones first, up to the limit of the group (cl. 6.3.5.5).
    fn members_to_invite(
        &self,
        group: &GroupDocument,
        invitation: &Invitation,
    ) -> Vec<AffiliatedClient> {
        let mut members: Vec<AffiliatedClient> = self
            .affiliations
            .of(&group.id)
            .filter(|client| client.user != invitation.caller)
            .filter(|client| group.member(&client.user).is_some())
            .cloned()
            .collect();
        let required = |client: &AffiliatedClient| {
            group
                .member(&client.user)
                .is_some_and(|member| member.required)
        };
        members.sort_by_key(|client| !required(client));
        let most = group
            .max_participant_count
            .map_or(usize::MAX, |most| most as usize);
        members.truncate(most.saturating_sub(1));
        members
    }

    /// A member joins or rejoins a running call; nobody is invited for that (cl. 10.1.1.4.2 steps 14, 15).
    fn join_group_call(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        invitation: &Invitation,
        id: CallId,
    ) -> Result<(), EndpointError> {
        let Some(pair) = self.open_pair() else {
            return Self::refuse_for_now(context, incoming);
        };
        // A member who comes again has lost her former leg.
        if let Some(former) = self
            .calls
            .get(&id)
            .and_then(|call| call.leg_of(&invitation.caller))
        {
            self.expel(context, id, former);
        }
        let Some(number) = self.add_originating_leg(incoming, invitation, id, pair) else {
            self.ports.close(pair.id);
            return Self::refuse_for_now(context, incoming);
        };
        self.accept_originator(context, id, number, Answering::Join)
    }

    /// A member affiliated while her group talks: she is invited into the call (cl. 10.1.1.4.6).
    pub(super) fn late_entry(
        &mut self,
        context: &mut Context<'_>,
        group: &GroupId,
        client: &AffiliatedClient,
    ) {
        let Some(id) = self.group_call(group) else {
            return;
        };
        let present = self
            .calls
            .get(&id)
            .is_some_and(|call| call.leg_of(&client.user).is_some());
        if present {
            return;
        }
        info!(call = id.0, "late entry");
        if let Err(error) = self.invite(context, id, &client.user, Some(&client.client)) {
            warn!(%error, "a late entrant could not be invited");
        }
    }
}
