//! How long codes and tokens live.

use core::time::Duration;
use thiserror::Error;

/// A life is outside its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{what} must live {least} to {most} seconds, not {given}")]
pub struct PolicyError {
    /// What would live too long or too short.
    pub what: &'static str,
    /// Least allowed, in seconds.
    pub least: u64,
    /// Most allowed, in seconds.
    pub most: u64,
    /// What was asked for, in seconds.
    pub given: u64,
}

/// Lives of codes and tokens; the default suits a shift of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenPolicy {
    code: Duration,
    access: Duration,
    refresh: Duration,
}

impl Default for TokenPolicy {
    fn default() -> Self {
        Self {
            code: Duration::from_secs(60),
            access: Duration::from_secs(1800),
            refresh: Duration::from_secs(24 * 3600),
        }
    }
}

impl TokenPolicy {
    /// Other lives: a code 1 to 60 s, an access token 60 to 3600 s (expiry is the revocation, TS 33.180 B.12),
    /// a family of refresh tokens 60 s to 30 days.
    ///
    /// # Errors
    /// [`PolicyError`] naming the life out of bounds.
    pub fn new(code: Duration, access: Duration, refresh: Duration) -> Result<Self, PolicyError> {
        within("a code", code, 1, 60)?;
        within("an access token", access, 60, 3600)?;
        within("a refresh token", refresh, 60, 30 * 24 * 3600)?;
        Ok(Self {
            code,
            access,
            refresh,
        })
    }

    /// Life of a code.
    #[must_use]
    pub const fn code(&self) -> Duration {
        self.code
    }

    /// Life of access and ID tokens.
    #[must_use]
    pub const fn access(&self) -> Duration {
        self.access
    }

    /// Life of a family of refresh tokens, counted from the log-in.
    #[must_use]
    pub const fn refresh(&self) -> Duration {
        self.refresh
    }
}

fn within(what: &'static str, life: Duration, least: u64, most: u64) -> Result<(), PolicyError> {
    let given = life.as_secs();
    if (least..=most).contains(&given) {
        return Ok(());
    }
    Err(PolicyError {
        what,
        least,
        most,
        given,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_beyond_the_profile_are_refused() {
        let seconds = Duration::from_secs;
        assert!(TokenPolicy::new(seconds(60), seconds(3600), seconds(3600)).is_ok());
        assert!(TokenPolicy::new(seconds(61), seconds(3600), seconds(3600)).is_err());
        assert!(TokenPolicy::new(seconds(60), seconds(3601), seconds(3600)).is_err());
        assert!(TokenPolicy::new(seconds(60), seconds(3600), seconds(40 * 24 * 3600)).is_err());
        assert!(TokenPolicy::new(seconds(0), seconds(3600), seconds(3600)).is_err());
    }
}
