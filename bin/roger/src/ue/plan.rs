//! What `--say` and `--call` want: a call, the floor in it, and the recording said to its end. Denied, it waits and
//! asks again, a few times.

use core::time::Duration;
use tokio::time::Instant;

/// Requests before it is given up.
pub(super) const ATTEMPTS: u32 = 6;
/// An invitation to a running call comes within this after affiliation, so that joining beats starting.
pub(super) const LATE_ENTRY: Duration = Duration::from_millis(1_500);
/// Who joins a call listens so long before she asks for the floor.
pub(super) const LISTENS_FIRST: Duration = Duration::from_millis(300);
/// Longest wait for the end of somebody's burst before the next request.
pub(super) const NEXT_REQUEST: Duration = Duration::from_secs(8);
/// Pause before a call is tried again when nobody else was there.
pub(super) const NEXT_CALL: Duration = Duration::from_secs(2);

/// Where the plan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// Nothing is planned.
    Nothing,
    /// Waits for a call that runs already; then calls.
    WaitsForCall { until: Instant },
    /// Called, or asked for the floor.
    Asked,
    /// Asks again at the latest then; sooner when the floor is idle.
    AsksAgain { at: Instant, sooner: Sooner },
    /// The recording is being said.
    Says,
    /// The recording was said.
    Done,
    /// It was not.
    Failed,
}

/// Whether an idle floor brings the next request forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sooner {
    WhenIdle,
    No,
}

/// The plan with its attempts.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) plan: Plan,
    attempts: u32,
}

impl Planned {
    pub(super) const fn nothing() -> Self {
        Self {
            plan: Plan::Nothing,
            attempts: 0,
        }
    }

    /// Waits for an invitation first.
    pub(super) fn say(now: Instant) -> Self {
        Self {
            plan: Plan::WaitsForCall {
                until: now + LATE_ENTRY,
            },
            attempts: 0,
        }
    }

    /// Calls at once.
    pub(super) const fn call(now: Instant) -> Self {
        Self {
            plan: Plan::WaitsForCall { until: now },
            attempts: 0,
        }
    }

    /// When something is due.
    pub(super) const fn due(&self) -> Option<Instant> {
        match self.plan {
            Plan::WaitsForCall { until } => Some(until),
            Plan::AsksAgain { at, .. } => Some(at),
            _ => None,
        }
    }

    /// The call was joined that the recording waits for: it is asked for the floor when it is known who talks.
    pub(super) fn joined(&mut self, now: Instant) {
        if let Plan::WaitsForCall { until } = &mut self.plan {
            *until = now + LISTENS_FIRST;
        }
    }

    /// A request goes out.
    pub(super) const fn asked(&mut self) {
        self.plan = Plan::Asked;
        self.attempts += 1;
    }

    /// The request was refused: gives the number of the next attempt, or `None` when these were enough.
    pub(super) fn refused(&mut self, at: Instant, sooner: Sooner) -> Option<u32> {
        if self.attempts >= ATTEMPTS {
            self.plan = Plan::Failed;
            return None;
        }
        self.plan = Plan::AsksAgain { at, sooner };
        Some(self.attempts + 1)
    }

    /// Nobody talks: whoever waits for that asks now.
    pub(super) const fn on_idle(&mut self, now: Instant) {
        if let Plan::AsksAgain {
            sooner: Sooner::WhenIdle,
            ..
        } = self.plan
        {
            self.plan = Plan::AsksAgain {
                at: now,
                sooner: Sooner::No,
            };
        }
    }

    /// Whether what was planned came about, as far as it was planned.
    pub(super) const fn is_kept(&self) -> bool {
        matches!(self.plan, Plan::Nothing | Plan::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_again_when_the_floor_is_idle_and_not_for_ever() {
        let now = Instant::now();
        let mut planned = Planned::say(now);
        assert_eq!(planned.due(), Some(now + LATE_ENTRY));
        for attempt in 1..ATTEMPTS {
            planned.asked();
            let later = now + NEXT_REQUEST;
            assert_eq!(planned.refused(later, Sooner::WhenIdle), Some(attempt + 1));
            assert_eq!(planned.due(), Some(later));
            planned.on_idle(now);
            assert_eq!(planned.due(), Some(now));
        }
        planned.asked();
        assert_eq!(planned.refused(now, Sooner::WhenIdle), None);
        assert_eq!(planned.plan, Plan::Failed);
        assert!(!planned.is_kept());
    }

    #[test]
    fn an_idle_floor_does_not_hurry_a_call_that_had_nobody() {
        let now = Instant::now();
        let mut planned = Planned::call(now);
        planned.asked();
        let later = now + NEXT_CALL;
        planned.refused(later, Sooner::No);
        planned.on_idle(now);
        assert_eq!(planned.due(), Some(later));
    }

    #[test]
    fn who_joins_a_call_listens_first() {
        let now = Instant::now();
        let mut planned = Planned::say(now);
        planned.joined(now);
        assert_eq!(planned.due(), Some(now + LISTENS_FIRST));
        planned.asked();
        planned.joined(now);
        assert_eq!(planned.due(), None);
    }

    #[test]
    fn nothing_planned_is_kept() {
        let mut planned = Planned::nothing();
        planned.on_idle(Instant::now());
        assert!(planned.is_kept());
        assert_eq!(planned.due(), None);
    }
}
