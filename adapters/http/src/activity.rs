//! What happens on one connection: whether it idles, and whether its client breaks requests off.

use core::time::Duration;
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    running: u32,
    broken_off: u32,
}

/// Counts the requests of one connection.
#[derive(Clone)]
pub(crate) struct Activity(watch::Sender<Counts>);

/// A request under way. Dropping it before [`Running::answered`] means that the client broke it off.
pub(crate) struct Running {
    activity: Activity,
    answered: bool,
}

impl Activity {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Counts::default()))
    }

    pub(crate) fn begin(&self) -> Running {
        self.0.send_modify(|counts| counts.running += 1);
        Running {
            activity: self.clone(),
            answered: false,
        }
    }

    /// The client broke a request off before its body was there.
    pub(crate) fn body_broken_off(&self) {
        let more = |counts: &mut Counts| counts.broken_off = counts.broken_off.saturating_add(1);
        self.0.send_modify(more);
    }

    /// Ends when no request has been under way for so long.
    pub(crate) async fn idle(&self, longest: Duration) {
        let mut counts = self.0.subscribe();
        loop {
            let running = counts.borrow_and_update().running;
            let changed = counts.changed();
            if running > 0 {
                let _ = changed.await;
            } else if tokio::time::timeout(longest, changed).await.is_err() {
                return;
            }
        }
    }

    /// Ends when more than so many requests were broken off.
    pub(crate) async fn broken_off(&self, most: u32) {
        let mut counts = self.0.subscribe();
        let _ = counts.wait_for(|counts| counts.broken_off > most).await;
    }
}

impl Running {
    pub(crate) fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.activity.0.send_modify(|counts| {
            counts.running = counts.running.saturating_sub(1);
            if !self.answered {
                counts.broken_off = counts.broken_off.saturating_add(1);
            }
        });
    }
}
