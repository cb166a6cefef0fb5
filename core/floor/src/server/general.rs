//! The states of the floor control server, one machine a call (TS 24.380 cl. 6.3.4).

use super::ParticipantId;
use super::priority::EffectivePriority;
use crate::field::{FunctionalAlias, Location, RevokeCause};
use crate::timer::{Repeat, TimerName};
use roger_base::Instant;

/// A request that has, or is about to have, the floor.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grant {
    pub(super) holder: ParticipantId,
    pub(super) priority: EffectivePriority,
    pub(super) functional_alias: Option<FunctionalAlias>,
    pub(super) location: Option<Location>,
}

/// 'G: Floor Idle' (TS 24.380 cl. 6.3.4.3).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FloorIdleState {
    /// `None` after it has expired and before call control decides.
    pub(super) t4: Option<Instant>,
    /// `None` when Floor Idle was repeated often enough, or needs no repeating.
    pub(super) t7: Option<Repeat>,
}

/// 'G: Floor Taken' (TS 24.380 cl. 6.3.4.4).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FloorTakenState {
    pub(super) grant: Grant,
    pub(super) t1: Instant,
    /// Runs from the first RTP packet.
    pub(super) t2: Option<Instant>,
    /// Runs when the request had waited, up to the first RTP packet.
    pub(super) t20: Option<Repeat>,
}

/// 'G: pending Floor Revoke' (TS 24.380 cl. 6.3.4.5).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PendingFloorRevokeState {
    pub(super) grant: Grant,
    pub(super) cause: RevokeCause,
    /// Stopped when T2 expired, runs again from the next RTP packet.
    pub(super) t1: Option<Instant>,
    pub(super) t3: Instant,
    /// The request that took the floor away: the front of the queue.
    pub(super) next: Option<Grant>,
}

/// The general state machine.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum General {
    StartStop,
    FloorIdle(FloorIdleState),
    FloorTaken(FloorTakenState),
    PendingFloorRevoke(PendingFloorRevokeState),
    Releasing,
}

impl General {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::StartStop => "Start-stop",
            Self::FloorIdle(_) => "G: Floor Idle",
            Self::FloorTaken(_) => "G: Floor Taken",
            Self::PendingFloorRevoke(_) => "G: pending Floor Revoke",
            Self::Releasing => "Releasing",
        }
    }

    /// The grant whose media are forwarded.
    pub(super) const fn grant(&self) -> Option<&Grant> {
        match self {
            Self::FloorTaken(state) => Some(&state.grant),
            Self::PendingFloorRevoke(state) => Some(&state.grant),
            Self::StartStop | Self::FloorIdle(_) | Self::Releasing => None,
        }
    }

    /// The timer of this machine that expires first.
    pub(super) fn deadline(&self) -> Option<(Instant, TimerName)> {
        let repeat = |repeat: Repeat| repeat.at;
        let timers = match self {
            Self::StartStop | Self::Releasing => [None, None, None],
            Self::FloorIdle(state) => [
                state.t4.map(|at| (at, TimerName::T4)),
                state.t7.map(|t7| (repeat(t7), TimerName::T7)),
                None,
            ],
            Self::FloorTaken(state) => [
                Some((state.t1, TimerName::T1)),
                state.t2.map(|at| (at, TimerName::T2)),
                state.t20.map(|t20| (repeat(t20), TimerName::T20)),
            ],
            Self::PendingFloorRevoke(state) => [
                Some((state.t3, TimerName::T3)),
                state.t1.map(|at| (at, TimerName::T1)),
                None,
            ],
        };
        timers.into_iter().flatten().min()
    }
}
