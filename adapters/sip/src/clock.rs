//! The clocks of a node.

use roger_base::{Instant, UnixTime};
use roger_sip::application::Clocks;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::time::Instant as TokioInstant;

/// Counts from its creation; copies count from the same moment.
#[derive(Debug, Clone, Copy)]
pub struct Clock(TokioInstant);

impl Clock {
    /// Starts to count.
    #[must_use]
    pub fn start() -> Self {
        Self(TokioInstant::now())
    }

    /// The time of an element.
    #[must_use]
    pub fn now(&self) -> Instant {
        Instant::from_origin(self.0.elapsed())
    }

    /// Both clocks; a wall clock before 1970 reads 1970.
    #[must_use]
    pub fn clocks(&self) -> Clocks {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Clocks {
            now: self.now(),
            utc: UnixTime(wall.as_secs()),
        }
    }

    pub(crate) fn at(&self, instant: Instant) -> TokioInstant {
        // A century is as good as never, and does not overflow.
        const NEVER: u64 = 100 * 365 * 86_400;
        let since = instant
            .since_origin()
            .min(core::time::Duration::from_secs(NEVER));
        self.0 + since
    }
}
