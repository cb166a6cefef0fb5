//! Private call (TS 24.379 cl. 11.1.1.4): two legs; the key in the offer passes through untouched.

use super::ControllingFunction;
use super::call::Kind;
use super::invite::Invitation;
use roger_base::McpttId;
use roger_call::warning::WarningCode;
use roger_documents::resource_lists::ResourceLists;
use roger_sip::application::Context;
use roger_sip::endpoint::{EndpointError, Incoming};
use roger_sip::message::StatusCode;
use tracing::{info, warn};

impl ControllingFunction {
    pub(super) fn on_private(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        invitation: Invitation,
    ) -> Result<(), EndpointError> {
        let Some(callee) = callee(&invitation) else {
            return self.refuse(context, incoming, WarningCode::NO_CALLED_PARTY);
        };
        let may_be_called = self
            .profiles
            .profile(&callee)
            .is_some_and(|profile| profile.receive_private_call.is_granted());
        if !may_be_called || callee == invitation.caller {
            return self.refuse(context, incoming, WarningCode::NOT_AUTHORISED_TO_BE_CALLED);
        }
        let Some(pair) = self.open_pair() else {
            return Self::refuse_for_now(context, incoming);
        };
        let (id, _) = self.create_call(context, incoming, &invitation, Kind::Private, pair)?;
        info!(call = id.0, "private call starts");
        if let Err(error) = self.invite(context, id, &callee, None) {
            warn!(%error, "the called user could not be invited");
            let (transaction, request) = (incoming.transaction, &incoming.request);
            return self.give_up(
                context,
                id,
                transaction,
                request,
                StatusCode::SERVER_INTERNAL_ERROR,
                None,
            );
        }
        Ok(())
    }
}

/// The called user: exactly one entry of the list (cl. 11.1.1.2.1.1).
fn callee(invitation: &Invitation) -> Option<McpttId> {
    let lists: ResourceLists = invitation.body.document().ok()??;
    match lists.uris.as_slice() {
        [only] => McpttId::new(only.as_str()).ok(),
        _ => None,
    }
}
