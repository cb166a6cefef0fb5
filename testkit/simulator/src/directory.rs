//! Groups, profiles and users as the servers of the test system find them.

use roger_base::{GroupId, McpttId};
use roger_call::service_authorisation::UserDirectory;
use roger_documents::group::GroupDocument;
use roger_gms::GroupManagement;
use roger_mcptt::ports::{DirectoryUnavailable, GroupDirectory, UserProfile, UserProfiles};
use roger_mikey::Signer;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What servers look up; a test may change it while they run.
#[derive(Default)]
pub struct Directory {
    /// Profiles of the users.
    pub profiles: BTreeMap<McpttId, UserProfile>,
}

/// Profiles and users of the system.
#[derive(Clone, Default)]
pub(crate) struct Users(pub(crate) Arc<Mutex<Directory>>);

impl UserProfiles for Users {
    fn profile(&self, user: &McpttId) -> Option<Arc<UserProfile>> {
        lock(&self.0).profiles.get(user).cloned().map(Arc::new)
    }
}

impl UserDirectory for Users {
    fn user_of(&self, signer: &Signer) -> Option<McpttId> {
        lock(&self.0)
            .profiles
            .keys()
            .find(|user| signer.is(user.as_str()))
            .cloned()
    }
}

/// Group documents, straight from the group management server.
#[derive(Clone)]
pub(crate) struct Groups(pub(crate) Arc<Mutex<GroupManagement>>);

impl GroupDirectory for Groups {
    fn group(&self, group: &GroupId) -> Result<Option<Arc<GroupDocument>>, DirectoryUnavailable> {
        let found = lock(&self.0).group(group);
        let found = found.map_err(|error| DirectoryUnavailable(error.to_string()))?;
        Ok(found.map(Arc::new))
    }
}
