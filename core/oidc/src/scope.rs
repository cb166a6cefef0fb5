//! Scopes and what they open (TS 33.179 B.3.1.1, TS 33.180 B.4.2.2).

use core::fmt;
use std::collections::BTreeSet;
use thiserror::Error;

/// Longest scope token accepted, in octets.
const MAX_SCOPE_OCTETS: usize = 128;
/// Most scope tokens accepted in one set.
const MAX_SCOPES: usize = 64;

/// The scope of OpenID Connect itself.
pub(crate) const OPENID: &str = "openid";

/// An MC service of TS 33.180.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum McService {
    /// MCPTT, both releases.
    Ptt,
    /// MCVideo, Rel-14 on.
    Video,
    /// MCData, Rel-14 on.
    Data,
}

/// One line of the scope catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CatalogueEntry {
    /// The scope token.
    pub scope: &'static str,
    /// The service whose identity the token then names.
    pub service: McService,
    /// What a person is asked to consent to.
    pub purpose: &'static str,
}

const fn entry(scope: &'static str, service: McService, purpose: &'static str) -> CatalogueEntry {
    CatalogueEntry {
        scope,
        service,
        purpose,
    }
}

/// Every scope of TS 33.179 B.3.1.1 and TS 33.180 B.4.2.2; a later release adds a line.
pub const CATALOGUE: &[CatalogueEntry] = &[
    entry("3gpp:mc:ptt_service", McService::Ptt, "Push-to-talk calls"),
    entry(
        "3gpp:mc:ptt_key_management_service",
        McService::Ptt,
        "Your keys for push-to-talk",
    ),
    entry(
        "3gpp:mc:ptt_config_management_service",
        McService::Ptt,
        "Your push-to-talk settings",
    ),
    entry(
        "3gpp:mc:ptt_group_management_service",
        McService::Ptt,
        "Your push-to-talk groups",
    ),
    entry(
        "3gpp:mcptt:ptt_server",
        McService::Ptt,
        "Push-to-talk calls",
    ),
    entry(
        "3gpp:mcptt:key_management_server",
        McService::Ptt,
        "Your keys for push-to-talk",
    ),
    entry(
        "3gpp:mcptt:config_management_server",
        McService::Ptt,
        "Your push-to-talk settings",
    ),
    entry(
        "3gpp:mcptt:group_management_server",
        McService::Ptt,
        "Your push-to-talk groups",
    ),
    entry("3gpp:mc:video_service", McService::Video, "Video calls"),
    entry(
        "3gpp:mc:video_key_management_service",
        McService::Video,
        "Your keys for video",
    ),
    entry(
        "3gpp:mc:video_config_management_service",
        McService::Video,
        "Your video settings",
    ),
    entry(
        "3gpp:mc:video_group_management_service",
        McService::Video,
        "Your video groups",
    ),
    entry(
        "3gpp:mc:data_service",
        McService::Data,
        "Messages and files",
    ),
    entry(
        "3gpp:mc:data_key_management_service",
        McService::Data,
        "Your keys for messages",
    ),
    entry(
        "3gpp:mc:data_config_management_service",
        McService::Data,
        "Your message settings",
    ),
    entry(
        "3gpp:mc:data_group_management_service",
        McService::Data,
        "Your message groups",
    ),
];

/// Why a text is not a scope.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// A scope token is empty, too long or has a character outside RFC 6749 3.3.
    #[error("a scope token is malformed")]
    PeerMalformed,
    /// More scope tokens than the limit.
    #[error("more than {MAX_SCOPES} scope tokens")]
    PeerTooMany,
}

/// One scope token; case-sensitive (RFC 6749 3.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScopeToken(String);

impl ScopeToken {
    /// Takes the token unchanged after checking it.
    ///
    /// # Errors
    /// [`ScopeError::PeerMalformed`] when it is not a scope token.
    pub fn new(text: impl Into<String>) -> Result<Self, ScopeError> {
        let text = text.into();
        let legal = |octet: u8| matches!(octet, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        if text.is_empty() || text.len() > MAX_SCOPE_OCTETS || !text.bytes().all(legal) {
            return Err(ScopeError::PeerMalformed);
        }
        Ok(Self(text))
    }

    /// The token.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A set of scopes; prints space separated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScopeSet(BTreeSet<ScopeToken>);

impl ScopeSet {
    /// Reads space-separated tokens; extra spaces are tolerated, an empty text is the empty set.
    ///
    /// # Errors
    /// [`ScopeError`] when a token is malformed or there are too many.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        Self::from_tokens(text.split(' ').filter(|token| !token.is_empty()))
    }

    /// Collects tokens.
    ///
    /// # Errors
    /// [`ScopeError`] when a token is malformed or there are too many.
    pub fn from_tokens<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Result<Self, ScopeError> {
        let mut set = BTreeSet::new();
        for token in tokens {
            set.insert(ScopeToken::new(token)?);
            if set.len() > MAX_SCOPES {
                return Err(ScopeError::PeerTooMany);
            }
        }
        Ok(Self(set))
    }

    /// `openid` and every MCPTT scope of both releases: what an ordinary MCPTT user and client may have.
    #[must_use]
    pub fn every_mcptt_scope() -> Self {
        let names = Resource::ALL.into_iter().flat_map(Resource::scopes);
        Self(
            names
                .chain([OPENID])
                .map(|name| ScopeToken(name.to_owned()))
                .collect(),
        )
    }

    /// `openid` and every scope of the catalogue.
    #[must_use]
    pub fn every_mc_scope() -> Self {
        let names = CATALOGUE.iter().map(|entry| entry.scope).chain([OPENID]);
        Self(names.map(|name| ScopeToken(name.to_owned())).collect())
    }

    /// Whether a scope of this MC service is in the set.
    #[must_use]
    pub fn serves(&self, service: McService) -> bool {
        let mut own = CATALOGUE.iter().filter(|entry| entry.service == service);
        own.any(|entry| self.contains(entry.scope))
    }

    /// Both sets together; `None` when there would be too many tokens.
    #[must_use]
    pub fn union(&self, other: &Self) -> Option<Self> {
        let both = Self(self.0.union(&other.0).cloned().collect());
        (both.0.len() <= MAX_SCOPES).then_some(both)
    }

    /// Whether the set has this token.
    #[must_use]
    pub fn contains(&self, token: &str) -> bool {
        self.0.iter().any(|own| own.as_str() == token)
    }

    /// Whether the set opens a resource, by the name of either release.
    #[must_use]
    pub fn opens(&self, resource: Resource) -> bool {
        resource
            .scopes()
            .into_iter()
            .any(|name| self.contains(name))
    }

    /// The tokens that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// Whether every token is in the other set as well.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// Whether there is no token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tokens, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &ScopeToken> {
        self.0.iter()
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, token) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token.as_str())?;
        }
        Ok(())
    }
}

/// A kind of MCPTT resource server and the scopes that open it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource {
    /// MCPTT server (service authorisation).
    McpttServer,
    /// Key management server.
    KeyManagement,
    /// Configuration management server.
    ConfigurationManagement,
    /// Group management server.
    GroupManagement,
}

impl Resource {
    /// Every kind.
    pub const ALL: [Self; 4] = [
        Self::McpttServer,
        Self::KeyManagement,
        Self::ConfigurationManagement,
        Self::GroupManagement,
    ];

    /// The scope of TS 33.180 (Rel-14 on), which our own client asks for.
    #[must_use]
    pub const fn scope(self) -> &'static str {
        match self {
            Self::McpttServer => "3gpp:mc:ptt_service",
            Self::KeyManagement => "3gpp:mc:ptt_key_management_service",
            Self::ConfigurationManagement => "3gpp:mc:ptt_config_management_service",
            Self::GroupManagement => "3gpp:mc:ptt_group_management_service",
        }
    }

    /// The scope of TS 33.179 (Rel-13).
    #[must_use]
    pub const fn rel13_scope(self) -> &'static str {
        match self {
            Self::McpttServer => "3gpp:mcptt:ptt_server",
            Self::KeyManagement => "3gpp:mcptt:key_management_server",
            Self::ConfigurationManagement => "3gpp:mcptt:config_management_server",
            Self::GroupManagement => "3gpp:mcptt:group_management_server",
        }
    }

    /// Both names; either opens the resource.
    #[must_use]
    pub const fn scopes(self) -> [&'static str; 2] {
        [self.scope(), self.rel13_scope()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_release_opens_the_resource_and_no_other() {
        for resource in Resource::ALL {
            for name in resource.scopes() {
                let set = ScopeSet::parse(&format!("openid {name}")).unwrap();
                for other in Resource::ALL {
                    assert_eq!(set.opens(other), other == resource, "{name} at {other:?}");
                }
            }
        }
    }

    #[test]
    fn the_catalogue_has_every_scope_once_and_tells_the_services_apart() {
        assert_eq!(
            ScopeSet::every_mc_scope().iter().count(),
            CATALOGUE.len() + 1
        );
        assert!(ScopeSet::every_mcptt_scope().is_subset(&ScopeSet::every_mc_scope()));
        let video = ScopeSet::parse("openid 3gpp:mc:video_service").unwrap();
        assert!(video.serves(McService::Video));
        assert!(!video.serves(McService::Ptt) && !video.serves(McService::Data));
    }

    #[test]
    fn scopes_are_case_sensitive() {
        assert!(
            !ScopeSet::parse("3GPP:mc:ptt_service")
                .unwrap()
                .opens(Resource::McpttServer)
        );
    }

    #[test]
    fn malformed_and_endless_scopes_are_refused() {
        assert_eq!(ScopeSet::parse("a\"b"), Err(ScopeError::PeerMalformed));
        assert_eq!(ScopeSet::parse("a\nb"), Err(ScopeError::PeerMalformed));
        assert_eq!(
            ScopeSet::parse(&"a".repeat(129)),
            Err(ScopeError::PeerMalformed)
        );
        let many = (0..65).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(ScopeSet::parse(&many), Err(ScopeError::PeerTooMany));
    }

    #[test]
    fn the_printed_form_is_read_back() {
        let set = ScopeSet::every_mcptt_scope();
        assert_eq!(ScopeSet::parse(&set.to_string()), Ok(set));
    }
}
