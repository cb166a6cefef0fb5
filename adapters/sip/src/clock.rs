//! The monotonic clock of a node.

use roger_base::Instant;
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

    pub(crate) fn at(&self, instant: Instant) -> TokioInstant {
        // A century is as good as never, and does not overflow.
        const NEVER: u64 = 100 * 365 * 86_400;
        let since = instant
            .since_origin()
            .min(core::time::Duration::from_secs(NEVER));
        self.0 + since
    }
}
