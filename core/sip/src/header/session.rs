//! Session-Expires and Min-SE (RFC 4028), Retry-After (RFC 3261 20.33), Reason (RFC 3326).

use crate::header::scan::{self, number_u32};
use crate::header::{HeaderError, Params, token_and_params};
use crate::message::{HeaderName, Headers};
use core::fmt;

/// Who refreshes a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresher {
    /// The client of the request.
    Uac,
    /// The server of the request.
    Uas,
}

/// Session-Expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionExpires {
    /// Session interval in seconds.
    pub seconds: u32,
    /// Who refreshes, when said.
    pub refresher: Option<Refresher>,
}

impl SessionExpires {
    /// Reads the value.
    ///
    /// # Errors
    /// [`HeaderError`] when it is not a 32-bit number, or `refresher` is neither `uac` nor `uas`.
    pub fn parse(value: &[u8]) -> Result<Self, HeaderError> {
        let (seconds, params) = seconds_and_params(value, "Session-Expires")?;
        let refresher = match params.get("refresher") {
            None => None,
            Some(who) if who.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
            Some(who) if who.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
            Some(_) => return Err(HeaderError::Malformed("Session-Expires")),
        };
        Ok(Self { seconds, refresher })
    }
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refresher = match self.refresher {
            None => "",
            Some(Refresher::Uac) => ";refresher=uac",
            Some(Refresher::Uas) => ";refresher=uas",
        };
        write!(f, "{}{refresher}", self.seconds)
    }
}

/// Retry-After: seconds; its comment and parameters are not needed.
///
/// # Errors
/// [`HeaderError::Number`] when it does not begin with a 32-bit number.
pub fn parse_retry_after(value: &[u8]) -> Result<u32, HeaderError> {
    let value = scan::trim(value);
    let end = value
        .iter()
        .position(|octet| !octet.is_ascii_digit())
        .unwrap_or(value.len());
    let (digits, rest) = value
        .split_at_checked(end)
        .ok_or(HeaderError::Number("Retry-After"))?;
    let follows = matches!(rest, [] | [b' ' | b'\t' | b'\r' | b';' | b'(', ..]);
    number_u32(digits)
        .filter(|_| follows)
        .ok_or(HeaderError::Number("Retry-After"))
}

/// One Reason: `SIP;cause=200;text="…"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// `SIP`, `Q.850` and so on.
    pub protocol: String,
    /// `cause` and `text`.
    pub params: Params,
}

impl Reason {
    /// A reason with its cause and text.
    #[must_use]
    pub fn new(protocol: &str, cause: u32, text: &str) -> Self {
        let mut params = Params::new();
        params.set("cause", &cause.to_string());
        params.set_quoted("text", text);
        Self {
            protocol: protocol.to_owned(),
            params,
        }
    }

    /// Reads one element.
    ///
    /// # Errors
    /// [`HeaderError::Malformed`] when the protocol is not a token.
    pub fn parse(element: &[u8]) -> Result<Self, HeaderError> {
        let (protocol, params) = token_and_params(element, "Reason")?;
        Ok(Self { protocol, params })
    }

    /// The cause.
    #[must_use]
    pub fn cause(&self) -> Option<u32> {
        number_u32(self.params.raw("cause")?.as_bytes())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.protocol, self.params)
    }
}

/// A 32-bit number, then parameters.
fn seconds_and_params(value: &[u8], name: &'static str) -> Result<(u32, Params), HeaderError> {
    let end = value
        .iter()
        .position(|octet| *octet == b';')
        .unwrap_or(value.len());
    let (seconds, params) = value
        .split_at_checked(end)
        .ok_or(HeaderError::Number(name))?;
    let seconds = number_u32(scan::trim(seconds)).ok_or(HeaderError::Number(name))?;
    Ok((seconds, Params::parse(params)?))
}

impl Headers {
    /// Session-Expires; `None` when absent.
    ///
    /// # Errors
    /// [`HeaderError`] when it is repeated or malformed.
    pub fn session_expires(&self) -> Result<Option<SessionExpires>, HeaderError> {
        self.single(HeaderName::SESSION_EXPIRES)?
            .map(SessionExpires::parse)
            .transpose()
    }

    /// Min-SE in seconds; `None` when absent.
    ///
    /// # Errors
    /// [`HeaderError`] when it is repeated or malformed.
    pub fn min_se(&self) -> Result<Option<u32>, HeaderError> {
        let value = self.single(HeaderName::MIN_SE)?;
        value
            .map(|value| seconds_and_params(value, "Min-SE").map(|(seconds, _)| seconds))
            .transpose()
    }

    /// Retry-After in seconds; `None` when absent.
    ///
    /// # Errors
    /// [`HeaderError`] when it is repeated or malformed.
    pub fn retry_after(&self) -> Result<Option<u32>, HeaderError> {
        self.single(HeaderName::RETRY_AFTER)?
            .map(parse_retry_after)
            .transpose()
    }

    /// All Reasons; malformed ones are left out, since a reason informs and decides nothing.
    #[must_use]
    pub fn reasons(&self) -> Vec<Reason> {
        self.elements(HeaderName::REASON)
            .filter_map(|element| Reason::parse(element).ok())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_expires_reads_back() {
        let value = SessionExpires::parse(b"1800 ; refresher=UAS;x").unwrap();
        assert_eq!(
            value,
            SessionExpires {
                seconds: 1800,
                refresher: Some(Refresher::Uas)
            }
        );
        for text in ["90", "90;refresher=uac", "90;refresher=uas"] {
            assert_eq!(
                SessionExpires::parse(text.as_bytes()).unwrap().to_string(),
                text
            );
        }
        for bad in ["", "x", "4294967296", "90;refresher=me", "90 80", "90;;"] {
            assert!(SessionExpires::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn retry_after_may_have_a_comment() {
        assert_eq!(parse_retry_after(b"18000;duration=3600"), Ok(18000));
        assert_eq!(parse_retry_after(b"120 (I'm in a meeting)"), Ok(120));
        for bad in ["", "soon", "12x", "949302838503028349304023988"] {
            assert!(parse_retry_after(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn reasons_are_read_leniently() {
        let mut headers = Headers::new();
        headers
            .push(
                HeaderName::REASON,
                Reason::new("SIP", 200, "Call completed, elsewhere").to_string(),
            )
            .unwrap();
        headers
            .push(HeaderName::REASON, "Q.850;cause=16, ;;")
            .unwrap();
        let reasons = headers.reasons();
        assert_eq!(reasons.len(), 2);
        assert_eq!(
            (reasons[0].cause(), reasons[1].cause()),
            (Some(200), Some(16))
        );
        assert_eq!(
            reasons[0].params.get("text").unwrap(),
            "Call completed, elsewhere"
        );
    }
}
