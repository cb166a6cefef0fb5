//! Why a subscription ended, and how its state is told (RFC 6665 4.1.3, 8.2.3).

use crate::header::{SubscriptionState, SubscriptionStatus};

/// Why a subscription ended (RFC 6665 4.1.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndReason {
    /// Subscribe again at once.
    Deactivated,
    /// Subscribe again later.
    Probation,
    /// Authorisation changed; do not try again.
    Rejected,
    /// It was not refreshed.
    Timeout,
    /// The notifier could not get an authorisation in time.
    GiveUp,
    /// The resource is gone.
    NoResource,
    /// The state cannot change any more.
    Invariant,
    /// No NOTIFY came after the SUBSCRIBE (timer N), or the request failed; local, never on the wire.
    Failed,
    /// None was given, or one that is not registered.
    Other,
}

impl EndReason {
    /// Reads the `reason` parameter; `None` and unregistered ones are [`EndReason::Other`].
    #[must_use]
    pub fn parse(text: Option<&str>) -> Self {
        let text = text.unwrap_or_default();
        [
            Self::Deactivated,
            Self::Probation,
            Self::Rejected,
            Self::Timeout,
            Self::GiveUp,
            Self::NoResource,
            Self::Invariant,
        ]
        .into_iter()
        .find(|reason| text.eq_ignore_ascii_case(reason.as_str()))
        .unwrap_or(Self::Other)
    }

    /// The token.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Deactivated => "deactivated",
            Self::Probation => "probation",
            Self::Rejected => "rejected",
            Self::Timeout => "timeout",
            Self::GiveUp => "giveup",
            Self::NoResource => "noresource",
            Self::Invariant => "invariant",
            Self::Failed | Self::Other => "",
        }
    }
}

/// Pending or active with the seconds left.
pub(super) fn alive(status: &SubscriptionStatus, expires: u32) -> SubscriptionState {
    let mut state = SubscriptionState::active(expires);
    state.status = status.clone();
    state
}

/// Ended; a reason that is not for the wire is left out.
pub(super) fn terminated(reason: &EndReason) -> SubscriptionState {
    let mut state = SubscriptionState::terminated(reason.as_str());
    if reason.as_str().is_empty() {
        state.params.remove("reason");
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_read_back_without_case() {
        let state =
            SubscriptionState::parse(b"terminated;reason=NoResource;retry-after=3").unwrap();
        assert_eq!(EndReason::parse(state.reason()), EndReason::NoResource);
        assert_eq!(EndReason::parse(Some("strange")), EndReason::Other);
        assert_eq!(EndReason::parse(Some("")), EndReason::Other);
        assert_eq!(EndReason::parse(None), EndReason::Other);
    }

    #[test]
    fn states_are_told_as_the_standard_prints_them() {
        assert_eq!(
            alive(&SubscriptionStatus::Pending, 60).to_string(),
            "pending;expires=60"
        );
        assert_eq!(
            terminated(&EndReason::Timeout).to_string(),
            "terminated;reason=timeout"
        );
        assert_eq!(terminated(&EndReason::Other).to_string(), "terminated");
    }
}
