//! The Subscription-State header field (RFC 6665 8.2.3).

use crate::header::scan;
use core::fmt;

/// State of a subscription as the notifier tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubscriptionStatus {
    /// Not yet authorised.
    Pending,
    /// Accepted.
    Active,
    /// Ended.
    Terminated,
}

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
    fn parse(text: &[u8]) -> Self {
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
        .find(|reason| text.eq_ignore_ascii_case(reason.as_str().as_bytes()))
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

/// A Subscription-State value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionState {
    /// The state.
    pub status: SubscriptionStatus,
    /// Seconds left, in pending and active.
    pub expires: Option<u32>,
    /// Why it ended, in terminated.
    pub reason: Option<EndReason>,
    /// Seconds to wait before another try, in terminated.
    pub retry_after: Option<u32>,
}

impl SubscriptionState {
    /// Active or pending with the seconds left.
    #[must_use]
    pub const fn alive(status: SubscriptionStatus, expires: u32) -> Self {
        Self {
            status,
            expires: Some(expires),
            reason: None,
            retry_after: None,
        }
    }

    /// Ended.
    #[must_use]
    pub const fn terminated(reason: EndReason) -> Self {
        Self {
            status: SubscriptionStatus::Terminated,
            expires: None,
            reason: Some(reason),
            retry_after: None,
        }
    }

    /// Reads the value of the header field; an unknown state counts as active (RFC 6665 4.1.2.2 demands
    /// nothing, and only `terminated` ends a subscription). `None` when it is not even a token.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut pieces = scan::split(value, b';');
        let token = pieces.next().filter(|token| scan::is_token(token))?;
        let status = match token {
            _ if token.eq_ignore_ascii_case(b"terminated") => SubscriptionStatus::Terminated,
            _ if token.eq_ignore_ascii_case(b"pending") => SubscriptionStatus::Pending,
            _ => SubscriptionStatus::Active,
        };
        let mut state = Self {
            status,
            expires: None,
            reason: None,
            retry_after: None,
        };
        for piece in pieces {
            let mut halves = piece.splitn(2, |octet| *octet == b'=');
            let name = scan::trim(halves.next().unwrap_or_default());
            let value = scan::trim(halves.next().unwrap_or_default());
            match name {
                _ if name.eq_ignore_ascii_case(b"expires") => {
                    state.expires = scan::number_u32(value)
                }
                _ if name.eq_ignore_ascii_case(b"reason") => {
                    state.reason = Some(EndReason::parse(value))
                }
                _ if name.eq_ignore_ascii_case(b"retry-after") => {
                    state.retry_after = scan::number_u32(value);
                }
                _ => {}
            }
        }
        Some(state)
    }
}

impl fmt::Display for SubscriptionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.status {
            SubscriptionStatus::Pending => "pending",
            SubscriptionStatus::Active => "active",
            SubscriptionStatus::Terminated => "terminated",
        })?;
        if let Some(expires) = self.expires {
            write!(f, ";expires={expires}")?;
        }
        if let Some(reason) = self
            .reason
            .as_ref()
            .filter(|reason| !reason.as_str().is_empty())
        {
            write!(f, ";reason={}", reason.as_str())?;
        }
        if let Some(seconds) = self.retry_after {
            write!(f, ";retry-after={seconds}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_back() {
        for text in [
            "active;expires=4294960000",
            "pending;expires=60",
            "terminated;reason=timeout",
            "terminated;reason=probation;retry-after=30",
            "active",
        ] {
            assert_eq!(
                SubscriptionState::parse(text.as_bytes())
                    .unwrap()
                    .to_string(),
                text
            );
        }
    }

    #[test]
    fn odd_spelling_is_read() {
        let state = SubscriptionState::parse(b" TERMINATED ; Reason = NoResource;x=y").unwrap();
        assert_eq!(state, SubscriptionState::terminated(EndReason::NoResource));
        assert_eq!(
            SubscriptionState::parse(b"strange;expires=x")
                .unwrap()
                .expires,
            None
        );
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(SubscriptionState::parse(b""), None);
        assert_eq!(SubscriptionState::parse(b";expires=3"), None);
        assert_eq!(SubscriptionState::parse(b"a b"), None);
    }
}
