//! The floor control server towards one participant (TS 24.380 cl. 6.3.5).

use super::Attributes;
use crate::FloorMessage;
use crate::field::TrackInfo;
use crate::timer::TimerName;
use roger_base::Instant;

/// A Floor Revoke that is repeated until it is obeyed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StoredRevoke {
    pub(super) message: FloorMessage,
    pub(super) t8: Instant,
}

/// The states towards one participant.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum LegState {
    /// 'U: not permitted and Floor Idle' (TS 24.380 cl. 6.3.5.3).
    NotPermittedFloorIdle,
    /// 'U: not permitted and Floor Taken' (TS 24.380 cl. 6.3.5.4).
    NotPermittedFloorTaken,
    /// 'U: permitted' (TS 24.380 cl. 6.3.5.5).
    Permitted,
    /// 'U: pending Floor Revoke' (TS 24.380 cl. 6.3.5.6).
    PendingFloorRevoke(StoredRevoke),
    /// 'U: not permitted but sends media' (TS 24.380 cl. 6.3.5.7).
    SendsMedia(StoredRevoke),
}

/// What the server tells a participant about the floor of another, or of nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FloorNews {
    Idle,
    Taken,
}

impl LegState {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::NotPermittedFloorIdle => "U: not permitted and Floor Idle",
            Self::NotPermittedFloorTaken => "U: not permitted and Floor Taken",
            Self::Permitted => "U: permitted",
            Self::PendingFloorRevoke(_) => "U: pending Floor Revoke",
            Self::SendsMedia(_) => "U: not permitted but sends media",
        }
    }

    /// S: Floor Idle, S: Floor Taken. A participant that sends media without permission stays suspect until it
    /// releases (TS 24.380 cl. 6.3.5.7).
    pub(super) fn on_news(self, news: FloorNews) -> Self {
        match (self, news) {
            (Self::SendsMedia(revoke), _) => Self::SendsMedia(revoke),
            (_, FloorNews::Idle) => Self::NotPermittedFloorIdle,
            (_, FloorNews::Taken) => Self::NotPermittedFloorTaken,
        }
    }

    pub(super) fn deadline(&self) -> Option<(Instant, TimerName)> {
        match self {
            Self::PendingFloorRevoke(revoke) | Self::SendsMedia(revoke) => {
                Some((revoke.t8, TimerName::T8))
            }
            _ => None,
        }
    }
}

/// One participant of the session.
#[derive(Debug, Clone)]
pub(super) struct Leg {
    pub(super) attributes: Attributes,
    pub(super) state: LegState,
    /// Track Info of its last request, for every answer.
    pub(super) track_info: Option<TrackInfo>,
    /// T9: until then requests are denied with #4.
    pub(super) t9: Option<Instant>,
    /// Until then RTP packets of the burst it has released may still arrive.
    pub(super) late_media: Option<Instant>,
}

impl Leg {
    pub(super) fn new(attributes: Attributes) -> Self {
        Self {
            attributes,
            state: LegState::NotPermittedFloorIdle,
            track_info: None,
            t9: None,
            late_media: None,
        }
    }
}
