//! The states of a floor participant (TS 24.380 cl. 6.2.4). Each owns what is valid in it.

use super::GrantDetails;
use crate::timer::{Repeat, TimerName};
use roger_base::Instant;

/// 'U: pending Request' (TS 24.380 cl. 6.2.4.4).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PendingRequest {
    pub(super) t101: Repeat,
}

/// 'U: has permission' (TS 24.380 cl. 6.2.4.5).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HasPermission {
    pub(super) details: GrantDetails,
}

/// 'U: pending Release' (TS 24.380 cl. 6.2.4.6).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PendingRelease {
    pub(super) t100: Repeat,
}

/// A grant that waits for the button.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WaitingGrant {
    pub(super) details: GrantDetails,
    pub(super) t132: Instant,
}

/// 'U: queued' (TS 24.380 cl. 6.2.4.9).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Queued {
    pub(super) t104: Option<Repeat>,
    pub(super) grant: Option<WaitingGrant>,
}

/// The state machine of a participant in one call.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum State {
    StartStop,
    HasNoPermission,
    PendingRequest(PendingRequest),
    HasPermission(HasPermission),
    PendingRelease(PendingRelease),
    Queued(Queued),
    Releasing,
}

impl State {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::StartStop => "Start-stop",
            Self::HasNoPermission => "U: has no permission",
            Self::PendingRequest(_) => "U: pending Request",
            Self::HasPermission(_) => "U: has permission",
            Self::PendingRelease(_) => "U: pending Release",
            Self::Queued(_) => "U: queued",
            Self::Releasing => "Releasing",
        }
    }

    /// The timer of the state that expires first.
    pub(super) fn deadline(&self) -> Option<(Instant, TimerName)> {
        match self {
            Self::StartStop | Self::HasNoPermission | Self::HasPermission(_) | Self::Releasing => {
                None
            }
            Self::PendingRequest(state) => Some((state.t101.at, TimerName::T101)),
            Self::PendingRelease(state) => Some((state.t100.at, TimerName::T100)),
            Self::Queued(state) => {
                let t104 = state.t104.map(|t104| (t104.at, TimerName::T104));
                let t132 = state
                    .grant
                    .as_ref()
                    .map(|grant| (grant.t132, TimerName::T132));
                t104.into_iter().chain(t132).min()
            }
        }
    }
}
