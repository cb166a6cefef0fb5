//! Event and Subscription-State (RFC 6665 8.2).

use crate::header::scan::{self, number_u32};
use crate::header::{HeaderError, Params, token_and_params};
use crate::message::{HeaderName, Headers};
use core::fmt;

/// Event: package and parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Event package, such as `presence` or `conference`; compared with case (RFC 6665 8.2.1).
    pub package: String,
    /// Parameters, `id` above all.
    pub params: Params,
}

impl Event {
    /// A package without parameters.
    #[must_use]
    pub fn new(package: &str) -> Self {
        Self {
            package: package.to_owned(),
            params: Params::new(),
        }
    }

    /// Reads the value.
    ///
    /// # Errors
    /// [`HeaderError::Malformed`] when the package is not a token.
    pub fn parse(value: &[u8]) -> Result<Self, HeaderError> {
        let (package, params) = token_and_params(value, "Event")?;
        Ok(Self { package, params })
    }

    /// The `id` parameter, part of what identifies a subscription (RFC 6665 4.2.1).
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.params.raw("id")
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.package, self.params)
    }
}

/// State of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionStatus {
    /// Accepted.
    Active,
    /// Not yet decided.
    Pending,
    /// Ended.
    Terminated,
    /// An extension's state.
    Other(String),
}

/// Subscription-State: state, and why and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionState {
    /// The state.
    pub status: SubscriptionStatus,
    /// `reason`, `expires`, `retry-after` and others.
    pub params: Params,
}

impl SubscriptionState {
    /// `active;expires=…`.
    #[must_use]
    pub fn active(expires: u32) -> Self {
        let mut params = Params::new();
        params.set("expires", &expires.to_string());
        Self {
            status: SubscriptionStatus::Active,
            params,
        }
    }

    /// `terminated;reason=…`.
    #[must_use]
    pub fn terminated(reason: &str) -> Self {
        let mut params = Params::new();
        params.set("reason", reason);
        Self {
            status: SubscriptionStatus::Terminated,
            params,
        }
    }

    /// Reads the value.
    ///
    /// # Errors
    /// [`HeaderError::Malformed`] when the state is not a token.
    pub fn parse(value: &[u8]) -> Result<Self, HeaderError> {
        let (token, params) = token_and_params(value, "Subscription-State")?;
        let status = match token.to_ascii_lowercase().as_str() {
            "active" => SubscriptionStatus::Active,
            "pending" => SubscriptionStatus::Pending,
            "terminated" => SubscriptionStatus::Terminated,
            _ => SubscriptionStatus::Other(token),
        };
        Ok(Self { status, params })
    }

    /// Seconds the subscription still lives.
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        number_u32(scan::trim(self.params.raw("expires")?.as_bytes()))
    }

    /// Why it ended.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.params.raw("reason")
    }

    /// Seconds to wait before the next try.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        number_u32(self.params.raw("retry-after")?.as_bytes())
    }
}

impl fmt::Display for SubscriptionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = match &self.status {
            SubscriptionStatus::Active => "active",
            SubscriptionStatus::Pending => "pending",
            SubscriptionStatus::Terminated => "terminated",
            SubscriptionStatus::Other(token) => token,
        };
        write!(f, "{status}{}", self.params)
    }
}

impl Headers {
    /// Event; `None` when absent.
    ///
    /// # Errors
    /// [`HeaderError`] when it is repeated or malformed.
    pub fn event(&self) -> Result<Option<Event>, HeaderError> {
        self.single(HeaderName::EVENT)?
            .map(Event::parse)
            .transpose()
    }

    /// Subscription-State; `None` when absent.
    ///
    /// # Errors
    /// [`HeaderError`] when it is repeated or malformed.
    pub fn subscription_state(&self) -> Result<Option<SubscriptionState>, HeaderError> {
        self.single(HeaderName::SUBSCRIPTION_STATE)?
            .map(SubscriptionState::parse)
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_event_and_state() {
        let event = Event::parse(b"conference ; id=7").unwrap();
        assert_eq!(
            (event.package.as_str(), event.id()),
            ("conference", Some("7"))
        );
        assert_eq!(Event::parse(event.to_string().as_bytes()).unwrap(), event);
        let state = SubscriptionState::parse(b"Terminated;reason=timeout;retry-after=5").unwrap();
        assert_eq!(state.status, SubscriptionStatus::Terminated);
        assert_eq!(
            (state.reason(), state.retry_after(), state.expires()),
            (Some("timeout"), Some(5), None)
        );
        assert_eq!(
            SubscriptionState::active(60).to_string(),
            "active;expires=60"
        );
        assert_eq!(
            SubscriptionState::terminated("noresource").to_string(),
            "terminated;reason=noresource"
        );
        assert_eq!(
            SubscriptionState::parse(b"x-y").unwrap().status,
            SubscriptionStatus::Other("x-y".into())
        );
    }

    #[test]
    fn malformed_values_are_refused() {
        for bad in ["", ";id=1", "a b", "a,b", "a;;"] {
            assert!(Event::parse(bad.as_bytes()).is_err(), "{bad}");
            assert!(SubscriptionState::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
