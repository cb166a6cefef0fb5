//! Effective priority and arbitration (TS 24.380 cl. 4.1.1.4, 6.3.5.4.4).

use super::{Attributes, OverridePolicy};
use crate::FloorRequest;
use crate::field::{FloorIndicator, FloorPriority};

/// Condition of a requester; the order is the one of arbitration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Condition {
    /// Neither of the two.
    Normal,
    /// Imminent peril, bit E.
    ImminentPeril,
    /// Emergency, bit D.
    Emergency,
}

/// What arbitration compares: first the condition, then the floor priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct EffectivePriority {
    pub(super) condition: Condition,
    pub(super) floor_priority: FloorPriority,
}

impl EffectivePriority {
    /// The condition counts as far as call control has authorised it; the priority only when `mc_priority` was
    /// negotiated, and at most that; 0 and absent mean the member's own priority (inferred).
    pub(super) fn of(request: &FloorRequest, attributes: &Attributes) -> Self {
        let indicator = request.floor_indicator.unwrap_or_default();
        let claimed = if indicator.contains(FloorIndicator::EMERGENCY_CALL) {
            Condition::Emergency
        } else if indicator.contains(FloorIndicator::IMMINENT_PERIL_CALL) {
            Condition::ImminentPeril
        } else {
            Condition::Normal
        };
        let floor_priority = match attributes.negotiated.priority {
            Some(limit) if request.floor_priority > FloorPriority(0) => {
                request.floor_priority.min(limit)
            }
            Some(limit) => attributes.member_priority.min(limit),
            None => attributes.member_priority,
        };
        Self {
            condition: claimed.min(attributes.authorised_condition),
            floor_priority,
        }
    }

    /// Whether a request of this priority takes the floor from one of the other. Equals never do.
    pub(super) fn overrides(self, other: Self, policy: OverridePolicy) -> bool {
        match policy {
            OverridePolicy::Never => false,
            OverridePolicy::ByCondition => self.condition > other.condition,
            OverridePolicy::ByPriority => self > other,
        }
    }
}
