//! What the IdM server revokes, the participating function hears at once: a lost radio is off the air within a second,
//! not when its token ends.

use roger_adapter_sip::SipHandle;
use roger_base::McpttId;
use roger_idm::RevocationListener;
use roger_mcptt::participating::{ParticipatingFunction, ParticipatingInput};
use roger_oidc::GrantId;
use roger_sip::application::Node;
use std::sync::{Mutex, PoisonError};

type Participating = SipHandle<Node<ParticipatingFunction>>;

/// The way from the IdM server to the participating function, which starts later and stops earlier.
#[derive(Default)]
pub(super) struct RevocationsTold(Mutex<Option<Participating>>);

impl RevocationsTold {
    /// From now on this function is told; `None`: nobody.
    pub(super) fn tell(&self, participating: Option<Participating>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = participating;
    }

    fn input(&self, input: ParticipatingInput) {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody is on the air before the function has started.
        let Some(participating) = told.clone() else {
            return;
        };
        drop(told);
        participating.with(|node, clocks, random| node.input(clocks, random, input));
    }
}

impl RevocationListener for RevocationsTold {
    fn grant_revoked(&self, grant: &GrantId) {
        self.input(ParticipatingInput::GrantRevoked(grant.clone()));
    }

    fn grants_revoked_of(&self, user: &McpttId) {
        self.input(ParticipatingInput::GrantsRevokedOf(user.clone()));
    }
}
