//! What the servers of one machine know of each other's data.

use roger_base::{GroupId, McpttId};
use roger_call::service_authorisation::UserDirectory;
use roger_call::user_index::UserIndex;
use roger_documents::group::GroupDocument;
use roger_gms::GroupManagement;
use roger_mcptt::ports::{DirectoryUnavailable, GroupDirectory, UserProfile, UserProfiles};
use roger_mikey::Signer;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The users of the domain with their profiles.
pub(crate) struct Users {
    profiles: BTreeMap<McpttId, Arc<UserProfile>>,
    index: UserIndex,
}

impl Users {
    /// These users, each with the ordinary profile.
    pub(crate) fn ordinary<'a>(users: impl IntoIterator<Item = &'a McpttId>) -> Self {
        let profile = Arc::new(UserProfile::ordinary());
        let with_profile = |user: &McpttId| (user.clone(), Arc::clone(&profile));
        let profiles: BTreeMap<_, _> = users.into_iter().map(with_profile).collect();
        let index = UserIndex::new(profiles.keys().cloned().collect());
        Self { profiles, index }
    }
}

impl UserDirectory for Users {
    fn user_of(&self, signer: &Signer) -> Option<McpttId> {
        self.index.user_of(signer)
    }
}

impl UserProfiles for Users {
    fn profile(&self, user: &McpttId) -> Option<Arc<UserProfile>> {
        self.profiles.get(user).cloned()
    }
}

/// Group documents out of the group management server of the same process.
pub(crate) struct Groups(pub(crate) Arc<Mutex<GroupManagement>>);

impl GroupDirectory for Groups {
    fn group(&self, group: &GroupId) -> Result<Option<Arc<GroupDocument>>, DirectoryUnavailable> {
        let management = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = management
            .group(group)
            .map_err(|error| DirectoryUnavailable(error.to_string()))?;
        Ok(found.map(Arc::new))
    }
}
