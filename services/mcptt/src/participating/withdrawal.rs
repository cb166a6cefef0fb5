//! Withdrawal of an authorisation by this side: an administrator, or the IdM server that revoked the grant.
//!
//! ```text
//! Withdraw(user) ──► each client: MESSAGE "CSK revoked", NOTIFY terminated;reason=rejected, BYE of its calls
//!                ──► binding, CSK, settings, affiliations gone
//! later PUBLISH  ──► 403 "101" for every token issued up to now; a later log-in opens again
//!
//! GrantRevoked(grant), GrantsRevokedOf(user) ──► the same for the clients of revoked grants alone; the verifier of
//!                    tokens knows of the grants, and other devices of the user stay on the air
//! ```

use super::ParticipatingFunction;
use super::binding::Binding;
use roger_base::{Impu, McpttId, UnixTime};
use roger_oidc::{GrantId, VerifiedToken};
use roger_sip::application::Context;
use roger_sip::subscription::EndReason;
use std::collections::HashMap;
use tracing::{info, warn};

/// When the authorisation of a user was last withdrawn. Only users with a profile are here, so it is bounded by them.
#[derive(Default)]
pub(super) struct Withdrawals(HashMap<McpttId, UnixTime>);

impl Withdrawals {
    /// Whether a token is of the time before the withdrawal; one that does not say when it was issued is.
    pub(super) fn refuse(&self, token: &VerifiedToken) -> bool {
        self.0
            .get(&token.mcptt_id)
            .is_some_and(|at| token.issued_at.is_none_or(|issued| issued <= *at))
    }
}

impl ParticipatingFunction {
    pub(super) fn withdraw(&mut self, context: &mut Context<'_>, user: &McpttId) {
        if self.profiles.profile(user).is_none() {
            warn!("a withdrawal names a user who is not known here");
            return;
        }
        self.withdrawals.0.insert(user.clone(), context.utc);
        for impu in self.bindings.identities_of(user) {
            self.withdraw_client(context, &impu);
        }
    }

    pub(super) fn on_grant_revoked(&mut self, context: &mut Context<'_>, grant: &GrantId) {
        let of_grant = |(_, binding): &(&Impu, &Binding)| binding.grant.as_ref() == Some(grant);
        let clients = self.bindings.iter().filter(of_grant);
        let mut clients: Vec<Impu> = clients.map(|(impu, _)| impu.clone()).collect();
        clients.sort_unstable();
        for impu in clients {
            self.withdraw_client(context, &impu);
        }
    }

    pub(super) fn on_grants_revoked(&mut self, context: &mut Context<'_>, user: &McpttId) {
        let tokens = &self.settings.credentials.tokens;
        let is_revoked = |binding: &Binding| {
            let grant = binding.grant.as_ref();
            grant.is_some_and(|grant| tokens.is_revoked(grant))
        };
        let clients = self.bindings.of_user(user).into_iter();
        let clients = clients.filter(|(_, binding)| is_revoked(binding));
        let clients: Vec<Impu> = clients.map(|(impu, _)| impu.clone()).collect();
        for impu in clients {
            self.withdraw_client(context, &impu);
        }
    }

    fn withdraw_client(&mut self, context: &mut Context<'_>, impu: &Impu) {
        info!(%impu, "authorisation withdrawn");
        self.send_revocation(context, impu);
        self.end_subscriptions_of(context, impu, &EndReason::Rejected);
        self.unbind(context, impu);
    }
}
