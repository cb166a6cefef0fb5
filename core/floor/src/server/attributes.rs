//! What the server knows of a participant.

use super::Condition;
use crate::Ssrc;
use crate::field::{FloorPriority, FunctionalAlias, Queueing};
use roger_base::McpttId;

/// Whether a member may ask for the floor at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestRight {
    /// The member may talk.
    MayRequest,
    /// The member only listens: deny #5.
    ReceiveOnly,
}

/// Whether the others see who talks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdentityDisclosure {
    /// The MCPTT ID is in Floor Taken.
    Shown,
    /// Privacy was asked for: it is not.
    Withheld,
}

/// Whether a participant may have talkers revoked (release 19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RevokeRight {
    /// It may not.
    None,
    /// It may.
    AnyTalker,
}

/// What the SDP exchange settled (TS 24.380 cl. 14.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Negotiated {
    /// `mc_queueing`.
    pub queueing: Queueing,
    /// `mc_priority`: highest priority that a request of this participant can have.
    pub priority: Option<FloorPriority>,
}

/// A participant as configured, negotiated and authorised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// MCPTT ID, at most 255 octets.
    pub mcptt_id: McpttId,
    /// SSRC of its audio, told to the others and to itself.
    pub audio_ssrc: Option<Ssrc>,
    /// `mc_floor_ssrc`: number that it wants in the header of messages to it; otherwise the server's own.
    pub floor_ssrc: Option<Ssrc>,
    /// Whether it may talk.
    pub request_right: RequestRight,
    /// `<user-priority>` of the group document: its priority when none was negotiated or requested.
    pub member_priority: FloorPriority,
    /// What the SDP exchange settled.
    pub negotiated: Negotiated,
    /// Highest condition that call control has accepted from it: emergency and imminent peril bits of a request
    /// count up to here, so that nobody takes the floor by setting a bit.
    pub authorised_condition: Condition,
    /// Whether the others see who talks.
    pub identity_disclosure: IdentityDisclosure,
    /// Aliases that the user has activated; a request may name one of them.
    pub functional_aliases: Vec<FunctionalAlias>,
    /// Whether it may have talkers revoked.
    pub revoke_right: RevokeRight,
}

impl Attributes {
    /// An ordinary member: may talk, priority 0, nothing negotiated, normal condition, identity shown.
    #[must_use]
    pub fn new(mcptt_id: McpttId) -> Self {
        Self {
            mcptt_id,
            audio_ssrc: None,
            floor_ssrc: None,
            request_right: RequestRight::MayRequest,
            member_priority: FloorPriority(0),
            negotiated: Negotiated {
                queueing: Queueing::NotSupported,
                priority: None,
            },
            authorised_condition: Condition::Normal,
            identity_disclosure: IdentityDisclosure::Shown,
            functional_aliases: Vec::new(),
            revoke_right: RevokeRight::None,
        }
    }
}
