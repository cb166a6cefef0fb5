//! What an MCPTT server needs to know about groups and users.

use roger_base::{GroupId, McpttId};
use roger_documents::group::GroupDocument;
use std::sync::Arc;
use thiserror::Error;

/// The directory cannot answer now.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the directory is unavailable: {0}")]
pub struct DirectoryUnavailable(pub String);

/// Group documents (reference point CSC-3, TS 24.481).
pub trait GroupDirectory: Send + Sync {
    /// The document of a group; `None` when there is no such group.
    ///
    /// # Errors
    /// [`DirectoryUnavailable`].
    fn group(&self, group: &GroupId) -> Result<Option<Arc<GroupDocument>>, DirectoryUnavailable>;
}

/// Whether a user may do something; absent in the profile means no (TS 24.484 cl. 8.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Permission {
    /// The profile says so.
    Granted,
    /// It does not.
    #[default]
    Refused,
}

impl Permission {
    /// Whether it is granted.
    #[must_use]
    pub const fn is_granted(self) -> bool {
        matches!(self, Self::Granted)
    }
}

/// The parts of a user profile that call control asks for (TS 24.484 cl. 8.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserProfile {
    /// Prearranged group calls.
    pub prearranged_group_call: Permission,
    /// `<allow-private-call>`.
    pub private_call: Permission,
    /// Private calls to users who are not in the list.
    pub private_call_to_anybody: Permission,
    /// Private calls with automatic commencement.
    pub automatic_commencement: Permission,
    /// Private calls with manual commencement.
    pub manual_commencement: Permission,
    /// `<allow-force-auto-answer>`.
    pub force_automatic_answer: Permission,
    /// Others may call this user.
    pub receive_private_call: Permission,
    /// `<PrivateCallList>`.
    pub private_call_list: Vec<McpttId>,
    /// `<allow-request-affiliated-groups>`: sees the affiliations of other users.
    pub see_affiliations_of_others: Permission,
    /// `<allow-request-to-affiliate-other-users>`: changes the affiliations of other users (mandatory mode).
    pub affiliate_others: Permission,
    /// `<allow-recommend-to-affiliate-other-users>`: proposes affiliations to other users (negotiated mode).
    pub recommend_affiliations: Permission,
    /// May ask where other users are.
    pub request_location_of_others: Permission,
    /// `<ImplicitAffiliations>`: groups that a client is affiliated to when it is authorised.
    pub implicit_affiliations: Vec<GroupId>,
    /// Most affiliations, N2.
    pub max_affiliations: usize,
    /// Most simultaneous group calls, N6.
    pub max_group_calls: usize,
    /// Most simultaneous private calls, N10.
    pub max_private_calls: usize,
    /// Most authorised clients at a time.
    pub max_authorisations: usize,
}

impl UserProfile {
    /// A user who may do everything but force answers and act for others.
    #[must_use]
    pub const fn ordinary() -> Self {
        Self {
            prearranged_group_call: Permission::Granted,
            private_call: Permission::Granted,
            private_call_to_anybody: Permission::Granted,
            automatic_commencement: Permission::Granted,
            manual_commencement: Permission::Granted,
            force_automatic_answer: Permission::Refused,
            receive_private_call: Permission::Granted,
            private_call_list: Vec::new(),
            see_affiliations_of_others: Permission::Refused,
            affiliate_others: Permission::Refused,
            recommend_affiliations: Permission::Refused,
            request_location_of_others: Permission::Refused,
            implicit_affiliations: Vec::new(),
            max_affiliations: 100,
            max_group_calls: 10,
            max_private_calls: 2,
            max_authorisations: 5,
        }
    }
}

/// User profiles (reference point CSC-5, TS 24.484).
pub trait UserProfiles: Send + Sync {
    /// The profile of a user; `None` for a user whom this system does not know.
    fn profile(&self, user: &McpttId) -> Option<Arc<UserProfile>>;
}
