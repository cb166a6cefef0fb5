//! Who is affiliated to which group, by user and client (TS 24.379 cl. 9.2.2.3).

use roger_base::{ClientId, GroupId, McpttId};
use std::collections::{BTreeMap, BTreeSet};

/// One client of one user.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct AffiliatedClient {
    /// The user.
    pub(crate) user: McpttId,
    /// The client.
    pub(crate) client: ClientId,
}

/// Affiliations of all groups that this function controls.
#[derive(Debug, Default)]
pub(crate) struct Affiliations(BTreeMap<GroupId, BTreeSet<AffiliatedClient>>);

impl Affiliations {
    /// Adds one; false when it was there.
    pub(crate) fn affiliate(&mut self, group: &GroupId, client: AffiliatedClient) -> bool {
        self.0.entry(group.clone()).or_default().insert(client)
    }

    /// Removes one; false when it was not there.
    pub(crate) fn deaffiliate(&mut self, group: &GroupId, client: &AffiliatedClient) -> bool {
        let Some(clients) = self.0.get_mut(group) else {
            return false;
        };
        let removed = clients.remove(client);
        if clients.is_empty() {
            self.0.remove(group);
        }
        removed
    }

    /// Removes every client of a group whose user fails the test.
    pub(crate) fn retain(&mut self, group: &GroupId, keep: impl Fn(&McpttId) -> bool) {
        if let Some(clients) = self.0.get_mut(group) {
            clients.retain(|client| keep(&client.user));
        }
    }

    /// Clients of a group, in order.
    pub(crate) fn of(&self, group: &GroupId) -> impl Iterator<Item = &AffiliatedClient> {
        self.0.get(group).into_iter().flatten()
    }

    /// Whether some client of the user is affiliated; with a client, whether that one is.
    #[must_use]
    pub(crate) fn includes(
        &self,
        group: &GroupId,
        user: &McpttId,
        client: Option<&ClientId>,
    ) -> bool {
        self.of(group)
            .any(|found| found.user == *user && client.is_none_or(|client| found.client == *client))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(user: &str, number: u8) -> AffiliatedClient {
        AffiliatedClient {
            user: McpttId::new(user).unwrap(),
            client: ClientId::new(format!("urn:uuid:{number}")).unwrap(),
        }
    }

    #[test]
    fn affiliation_is_by_user_and_client() {
        let group = GroupId::new("sip:g@mc").unwrap();
        let mut affiliations = Affiliations::default();
        assert!(affiliations.affiliate(&group, client("sip:a@mc", 1)));
        assert!(!affiliations.affiliate(&group, client("sip:a@mc", 1)));
        let user = McpttId::new("sip:a@mc").unwrap();
        assert!(affiliations.includes(&group, &user, None));
        assert!(affiliations.includes(&group, &user, Some(&client("sip:a@mc", 1).client)));
        assert!(!affiliations.includes(&group, &user, Some(&client("sip:a@mc", 2).client)));
        assert!(affiliations.deaffiliate(&group, &client("sip:a@mc", 1)));
        assert!(!affiliations.includes(&group, &user, None));
    }

    #[test]
    fn who_fails_the_test_is_removed() {
        let group = GroupId::new("sip:g@mc").unwrap();
        let mut affiliations = Affiliations::default();
        affiliations.affiliate(&group, client("sip:a@mc", 1));
        affiliations.affiliate(&group, client("sip:b@mc", 2));
        affiliations.retain(&group, |user| user.as_str() == "sip:a@mc");
        assert_eq!(affiliations.of(&group).count(), 1);
    }
}
