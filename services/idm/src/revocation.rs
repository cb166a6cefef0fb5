//! Who hears of revoked grants: servers that gave something for a token need not wait for its end.

use crate::ports::StoreError;
use crate::server::Idm;
use roger_base::McpttId;
use roger_oidc::provider::{GrantOwner, TokenAct, TokenEvent};
use roger_oidc::{GrantId, Subject};
use std::sync::Arc;

/// Hears of grants after they were revoked. It is called on the thread that answers the request, so it must be quick.
///
/// Grants of an application whose registration was deleted are not told: whose they are is not known.
pub trait RevocationListener: Send + Sync {
    /// One grant was revoked: given back, of a disabled account, or of a code or refresh token that came twice.
    fn grant_revoked(&self, grant: &GrantId);

    /// Grants of a user were revoked: all of them, or those of one session of a browser.
    fn grants_revoked_of(&self, user: &McpttId);
}

impl Idm {
    /// The same server, which tells of revoked grants.
    #[must_use]
    pub fn with_revocation_listener(mut self, listener: Arc<dyn RevocationListener>) -> Self {
        self.listener = Some(listener);
        self
    }

    /// Revokes grants and tells whose they were, when that is known.
    pub(crate) fn revoke_grants(
        &self,
        grants: &GrantOwner,
        subject: Option<&Subject>,
    ) -> Result<(), StoreError> {
        self.ports.grants.revoke_grants_of(grants)?;
        let (Some(listener), Some(subject)) = (&self.listener, subject) else {
            return Ok(());
        };
        if let Some(user) = self.ports.users.by_subject(subject)? {
            listener.grants_revoked_of(&user.mcptt_id);
        }
        Ok(())
    }

    /// Tells of a grant that the token endpoint revoked.
    pub(crate) fn tell_if_revoked(&self, event: &TokenEvent<'_>) {
        let is_revoked = match event.act {
            TokenAct::Revoked
            | TokenAct::AccountDisabled
            | TokenAct::CodeReplayed
            | TokenAct::RefreshReused => true,
            TokenAct::Issued | TokenAct::Refreshed | TokenAct::Exchanged | TokenAct::Admitted => {
                false
            }
        };
        if let Some(listener) = self.listener.as_ref().filter(|_| is_revoked) {
            listener.grant_revoked(event.grant);
        }
    }
}
