//! Whether a user may start or join a prearranged group call: the checks of TS 24.379 cl. 10.1.1.4.2 in order.

use super::affiliation::Affiliations;
use crate::ports::{DirectoryUnavailable, GroupDirectory};
use roger_base::{ClientId, GroupId, McpttId};
use roger_call::warning::WarningCode;
use roger_documents::group::GroupDocument;
use roger_documents::group_rule::GroupAction;
use std::sync::Arc;

/// Why a group call is refused: the Warning code says it, and its table the status code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) WarningCode);

impl From<DirectoryUnavailable> for Refused {
    fn from(_: DirectoryUnavailable) -> Self {
        Self(WarningCode::GROUP_DOCUMENT_UNAVAILABLE)
    }
}

/// Whether the call is on already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// A new call.
    Start,
    /// An ongoing call with so many participants.
    Join(usize),
}

/// Fetches the group and checks the user against it.
///
/// # Errors
/// [`Refused`] with the first reason met.
pub(crate) fn admit(
    groups: &dyn GroupDirectory,
    affiliations: &Affiliations,
    group: &GroupId,
    user: &McpttId,
    client: Option<&ClientId>,
    occasion: Occasion,
) -> Result<Arc<GroupDocument>, Refused> {
    let refused = |code| Err(Refused(code));
    let Some(document) = groups.group(group)? else {
        return refused(WarningCode::NO_GROUP_DOCUMENT);
    };
    if !document.mcptt_speech {
        return refused(WarningCode::NO_GROUP_DOCUMENT);
    }
    if document.disabled {
        return refused(WarningCode::GROUP_DISABLED);
    }
    if document.invite_members != Some(true) {
        return refused(WarningCode::GROUP_IS_CHAT);
    }
    if document.member(user).is_none() {
        return refused(WarningCode::NOT_A_MEMBER);
    }
    match occasion {
        Occasion::Start if !document.allows(user, GroupAction::InitiateConference) => {
            return refused(WarningCode::NOT_AUTHORISED_TO_INITIATE);
        }
        Occasion::Join(_) if !document.allows(user, GroupAction::JoinHandling) => {
            return refused(WarningCode::NOT_AUTHORISED_TO_JOIN);
        }
        _ => {}
    }
    if !affiliations.includes(group, user, client) {
        return refused(WarningCode::NOT_AFFILIATED);
    }
    if let Occasion::Join(present) = occasion
        && document
            .max_participant_count
            .is_some_and(|most| present >= most as usize)
    {
        return refused(WarningCode::TOO_MANY_PARTICIPANTS);
    }
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::super::affiliation::AffiliatedClient;
    use super::*;
    use roger_documents::group::Member;
    use roger_documents::group_rule::{GroupRule, RuleScope};

    struct One(Result<Option<Arc<GroupDocument>>, DirectoryUnavailable>);

    impl GroupDirectory for One {
        fn group(&self, _: &GroupId) -> Result<Option<Arc<GroupDocument>>, DirectoryUnavailable> {
            self.0.clone()
        }
    }

    fn group_id() -> GroupId {
        GroupId::new("sip:fire-1@mcptt.example.org").unwrap()
    }

    fn alice() -> McpttId {
        McpttId::new("sip:alice@mcptt.example.org").unwrap()
    }

    fn document() -> GroupDocument {
        let mut document = GroupDocument::new(group_id());
        document.members = vec![Member::new(alice())];
        document.invite_members = Some(true);
        document.rules = vec![GroupRule {
            id: "members".to_owned(),
            scope: RuleScope::ListMembers,
            allowed: vec![GroupAction::InitiateConference, GroupAction::JoinHandling],
        }];
        document
    }

    fn affiliated() -> Affiliations {
        let mut affiliations = Affiliations::default();
        let client = ClientId::new("urn:uuid:1").unwrap();
        affiliations.affiliate(
            &group_id(),
            AffiliatedClient {
                user: alice(),
                client,
            },
        );
        affiliations
    }

    fn outcome(document: GroupDocument, affiliations: &Affiliations, occasion: Occasion) -> u16 {
        let groups = One(Ok(Some(Arc::new(document))));
        match admit(&groups, affiliations, &group_id(), &alice(), None, occasion) {
            Ok(_) => 200,
            Err(Refused(code)) => code.0,
        }
    }

    #[test]
    fn an_affiliated_member_starts_and_joins() {
        assert_eq!(outcome(document(), &affiliated(), Occasion::Start), 200);
        assert_eq!(outcome(document(), &affiliated(), Occasion::Join(1)), 200);
    }

    #[test]
    fn each_check_has_its_warning() {
        let with = |change: fn(&mut GroupDocument)| {
            let mut document = document();
            change(&mut document);
            document
        };
        let cases = [
            (with(|d| d.mcptt_speech = false), Occasion::Start, 113),
            (with(|d| d.disabled = true), Occasion::Start, 115),
            (with(|d| d.invite_members = None), Occasion::Start, 118),
            (with(|d| d.members.clear()), Occasion::Start, 116),
            (with(|d| d.rules.clear()), Occasion::Start, 119),
            (with(|d| d.rules.clear()), Occasion::Join(1), 121),
            (
                with(|d| d.max_participant_count = Some(2)),
                Occasion::Join(2),
                122,
            ),
        ];
        for (document, occasion, code) in cases {
            assert_eq!(outcome(document, &affiliated(), occasion), code);
        }
        assert_eq!(
            outcome(document(), &Affiliations::default(), Occasion::Start),
            120
        );
    }

    #[test]
    fn a_client_that_is_not_the_affiliated_one_is_refused() {
        let other = ClientId::new("urn:uuid:2").unwrap();
        let groups = One(Ok(Some(Arc::new(document()))));
        let refused = admit(
            &groups,
            &affiliated(),
            &group_id(),
            &alice(),
            Some(&other),
            Occasion::Start,
        );
        assert_eq!(refused.err(), Some(Refused(WarningCode::NOT_AFFILIATED)));
    }

    #[test]
    fn no_group_and_no_directory_are_told_apart() {
        let code = |groups: One| {
            let affiliations = affiliated();
            let refused = admit(
                &groups,
                &affiliations,
                &group_id(),
                &alice(),
                None,
                Occasion::Start,
            );
            refused.err().map(|Refused(code)| code.0)
        };
        assert_eq!(code(One(Ok(None))), Some(113));
        assert_eq!(
            code(One(Err(DirectoryUnavailable("down".to_owned())))),
            Some(114)
        );
    }
}
