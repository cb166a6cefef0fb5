//! Rules of a group: who may do what (TS 24.481 cl. 7.2.8, RFC 4745).

use crate::error::DocumentError;
use crate::group::{COMMON_POLICY, GROUP_INFO, LIST_SERVICE};
use crate::read::{all, attribute, identity, optional_boolean};
use roger_base::McpttId;
use roger_xml::Writer;
use roger_xml::markup::{elements, optional_child};
use roxmltree::Node;

/// Whom a rule is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleScope {
    /// No condition: everybody.
    Everybody,
    /// `<is-list-member>`.
    ListMembers,
    /// `<identity>` with these `<one id=…>`.
    Identities(Vec<McpttId>),
    /// A condition that we do not know: nobody.
    Unknown,
}

impl RuleScope {
    /// Whether the rule is for this user, who is a member of the list or not.
    #[must_use]
    pub fn includes(&self, user: &McpttId, membership: Membership) -> bool {
        match self {
            Self::Everybody => true,
            Self::ListMembers => membership == Membership::Member,
            Self::Identities(users) => users.contains(user),
            Self::Unknown => false,
        }
    }
}

/// Whether a user is in the list of the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// In the list.
    Member,
    /// Not in the list.
    Outsider,
}

/// What a rule allows; an action that is absent is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GroupAction {
    /// `<allow-initiate-conference>`: start a group call.
    InitiateConference,
    /// `<join-handling>`: join a group call.
    JoinHandling,
    /// `<allow-MCPTT-emergency-call>`.
    EmergencyCall,
    /// `<allow-imminent-peril-call>`.
    ImminentPerilCall,
    /// `<allow-MCPTT-emergency-alert>`.
    EmergencyAlert,
    /// `<on-network-allow-getting-member-list>`.
    GetMemberList,
    /// `<on-network-allow-conference-state>`.
    ConferenceState,
}

impl GroupAction {
    const ALL: [Self; 7] = [
        Self::InitiateConference,
        Self::JoinHandling,
        Self::EmergencyCall,
        Self::ImminentPerilCall,
        Self::EmergencyAlert,
        Self::GetMemberList,
        Self::ConferenceState,
    ];

    /// Namespace, name, and name with the prefix that we write.
    const fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::InitiateConference => (
                LIST_SERVICE,
                "allow-initiate-conference",
                "allow-initiate-conference",
            ),
            Self::JoinHandling => (LIST_SERVICE, "join-handling", "join-handling"),
            Self::EmergencyCall => (
                GROUP_INFO,
                "allow-MCPTT-emergency-call",
                "mcpttgi:allow-MCPTT-emergency-call",
            ),
            Self::ImminentPerilCall => (
                GROUP_INFO,
                "allow-imminent-peril-call",
                "mcpttgi:allow-imminent-peril-call",
            ),
            Self::EmergencyAlert => (
                GROUP_INFO,
                "allow-MCPTT-emergency-alert",
                "mcpttgi:allow-MCPTT-emergency-alert",
            ),
            Self::GetMemberList => (
                GROUP_INFO,
                "on-network-allow-getting-member-list",
                "mcpttgi:on-network-allow-getting-member-list",
            ),
            Self::ConferenceState => (
                GROUP_INFO,
                "on-network-allow-conference-state",
                "mcpttgi:on-network-allow-conference-state",
            ),
        }
    }
}

/// `<rule>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRule {
    /// `@id`.
    pub id: String,
    /// `<conditions>`.
    pub scope: RuleScope,
    /// `<actions>` with the value true.
    pub allowed: Vec<GroupAction>,
}

impl crate::group::GroupDocument {
    /// Whether some rule allows the action to this user; false when none does.
    #[must_use]
    pub fn allows(&self, user: &McpttId, action: GroupAction) -> bool {
        let membership = match self.member(user) {
            Some(_) => Membership::Member,
            None => Membership::Outsider,
        };
        let mut rules = self
            .rules
            .iter()
            .filter(|rule| rule.scope.includes(user, membership));
        rules.any(|rule| rule.allowed.contains(&action))
    }
}

pub(crate) fn read_rules(service: Node<'_, '_>) -> Result<Vec<GroupRule>, DocumentError> {
    match optional_child(service, COMMON_POLICY, "ruleset")? {
        Some(ruleset) => all(ruleset, COMMON_POLICY, "rule").map(read_rule).collect(),
        None => Ok(Vec::new()),
    }
}

fn read_rule(rule: Node<'_, '_>) -> Result<GroupRule, DocumentError> {
    let scope = match optional_child(rule, COMMON_POLICY, "conditions")? {
        Some(conditions) => read_scope(conditions)?,
        None => RuleScope::Everybody,
    };
    let mut allowed = Vec::new();
    if let Some(actions) = optional_child(rule, COMMON_POLICY, "actions")? {
        for action in GroupAction::ALL {
            let (namespace, name, _) = action.names();
            if optional_boolean(actions, namespace, name)? == Some(true) {
                allowed.push(action);
            }
        }
    }
    Ok(GroupRule {
        id: attribute(rule, "id")?.to_owned(),
        scope,
        allowed,
    })
}

/// All conditions have to hold (RFC 4745 7): with more than one, or one that we do not know, nobody is meant.
fn read_scope(conditions: Node<'_, '_>) -> Result<RuleScope, DocumentError> {
    let mut found = elements(conditions);
    let (Some(condition), None) = (found.next(), found.next()) else {
        let empty = elements(conditions).next().is_none();
        return Ok(if empty {
            RuleScope::Everybody
        } else {
            RuleScope::Unknown
        });
    };
    if condition.has_tag_name((LIST_SERVICE, "is-list-member")) {
        return Ok(RuleScope::ListMembers);
    }
    if !condition.has_tag_name((COMMON_POLICY, "identity")) {
        return Ok(RuleScope::Unknown);
    }
    // Other children of <identity> (<many> with exceptions) would widen the rule; leaving them out is safe.
    let user = |node| identity(attribute(node, "id")?, "one/@id");
    Ok(RuleScope::Identities(
        all(condition, COMMON_POLICY, "one")
            .map(user)
            .collect::<Result<_, _>>()?,
    ))
}

pub(crate) fn write_rules(w: &mut Writer, rules: &[GroupRule]) {
    if rules.is_empty() {
        return;
    }
    w.start("cp:ruleset");
    for rule in rules {
        w.start("cp:rule")
            .attribute("id", &rule.id)
            .start("cp:conditions");
        write_scope(w, &rule.scope);
        w.end("cp:conditions").start("cp:actions");
        for action in &rule.allowed {
            w.leaf(action.names().2, "true");
        }
        w.end("cp:actions").end("cp:rule");
    }
    w.end("cp:ruleset");
}

fn write_scope(w: &mut Writer, scope: &RuleScope) {
    match scope {
        RuleScope::Everybody => {}
        RuleScope::ListMembers => {
            w.start("is-list-member").end("is-list-member");
        }
        RuleScope::Identities(users) => {
            w.start("cp:identity");
            for user in users {
                w.start("cp:one")
                    .attribute("id", user.as_str())
                    .end("cp:one");
            }
            w.end("cp:identity");
        }
        // Written as a condition that nobody knows either, so that the rule stays without effect.
        RuleScope::Unknown => {
            w.start("mcpttgi:unknown-condition")
                .end("mcpttgi:unknown-condition");
        }
    }
}
