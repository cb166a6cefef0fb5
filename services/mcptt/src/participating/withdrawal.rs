//! Withdrawal of an authorisation by this side: an administrator, or the IdM server that revoked the grant.
//!
//! ```text
//! Withdraw(user) ──► each client: MESSAGE "CSK revoked", NOTIFY terminated;reason=rejected, BYE of its calls
//!                ──► binding, CSK, settings, affiliations gone
//! later PUBLISH  ──► 403 "101" for every token issued up to now; a later log-in opens again
//! ```

use super::ParticipatingFunction;
use roger_base::{McpttId, UnixTime};
use roger_oidc::VerifiedToken;
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
            info!(%impu, "authorisation withdrawn");
            self.send_revocation(context, &impu);
            self.end_subscriptions_of(context, &impu, &EndReason::Rejected);
            self.unbind(context, &impu);
        }
    }
}
