//! Answer-Mode, Priv-Answer-Mode (RFC 5373), P-Answer-State (RFC 4964), Resource-Priority (RFC 4412, 8101).

use crate::header::scan::{self, is_token_octet, split};
use crate::header::{HeaderError, Params, token_and_params};
use crate::message::{HeaderName, Headers};
use core::fmt;

/// How the callee is asked to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Commencement {
    /// `Auto`.
    Automatic,
    /// `Manual`.
    Manual,
    /// An extension's mode, to be ignored.
    Other(String),
}

/// Answer-Mode or Priv-Answer-Mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerMode {
    /// The mode.
    pub mode: Commencement,
    /// `require` and others.
    pub params: Params,
}

impl AnswerMode {
    /// A mode without parameters.
    #[must_use]
    pub const fn new(mode: Commencement) -> Self {
        Self {
            mode,
            params: Params::new(),
        }
    }

    /// Reads the value.
    ///
    /// # Errors
    /// [`HeaderError::Malformed`] when the mode is not a token.
    pub fn parse(value: &[u8]) -> Result<Self, HeaderError> {
        let (token, params) = token_and_params(value, "Answer-Mode")?;
        let mode = match token.to_ascii_lowercase().as_str() {
            "auto" => Commencement::Automatic,
            "manual" => Commencement::Manual,
            _ => Commencement::Other(token),
        };
        Ok(Self { mode, params })
    }

    /// Whether the call must fail when the mode cannot be honoured.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.params.contains("require")
    }
}

impl fmt::Display for AnswerMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match &self.mode {
            Commencement::Automatic => "Auto",
            Commencement::Manual => "Manual",
            Commencement::Other(token) => token,
        };
        write!(f, "{mode}{}", self.params)
    }
}

/// P-Answer-State of a provisional or final answer (RFC 4964 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerState {
    /// The callee has answered.
    Confirmed,
    /// Somebody answers for the callee.
    Unconfirmed,
}

impl AnswerState {
    /// Reads the value.
    ///
    /// # Errors
    /// [`HeaderError::Malformed`] for anything but `Confirmed` and `Unconfirmed`.
    pub fn parse(value: &[u8]) -> Result<Self, HeaderError> {
        let (token, _) = token_and_params(value, "P-Answer-State")?;
        match token.to_ascii_lowercase().as_str() {
            "confirmed" => Ok(Self::Confirmed),
            "unconfirmed" => Ok(Self::Unconfirmed),
            _ => Err(HeaderError::Malformed("P-Answer-State")),
        }
    }
}

impl fmt::Display for AnswerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Confirmed => "Confirmed",
            Self::Unconfirmed => "Unconfirmed",
        })
    }
}

/// One r-value of Resource-Priority, such as `mcpttp.5`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourceValue {
    /// Namespace in lower case.
    pub namespace: String,
    /// Priority in lower case; its order is the namespace's affair.
    pub priority: String,
}

impl ResourceValue {
    /// Reads one element.
    ///
    /// # Errors
    /// [`HeaderError::Malformed`] when it is not two tokens without dot, joined by a dot.
    pub fn parse(element: &[u8]) -> Result<Self, HeaderError> {
        const FAULT: HeaderError = HeaderError::Malformed("Resource-Priority");
        let mut parts = scan::trim(element).split(|octet| *octet == b'.');
        let mut part = || {
            let part = parts.next().filter(|part| {
                !part.is_empty() && part.iter().all(|octet| is_token_octet(*octet))
            })?;
            Some(String::from_utf8_lossy(part).to_ascii_lowercase())
        };
        let value = Self {
            namespace: part().ok_or(FAULT)?,
            priority: part().ok_or(FAULT)?,
        };
        if parts.next().is_some() {
            Err(FAULT)
        } else {
            Ok(value)
        }
    }
}

impl fmt::Display for ResourceValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.namespace, self.priority)
    }
}

impl Headers {
    /// Answer-Mode; `None` when absent.
    ///
    /// # Errors
    /// [`HeaderError`] when it is repeated or malformed.
    pub fn answer_mode(&self) -> Result<Option<AnswerMode>, HeaderError> {
        self.single(HeaderName::ANSWER_MODE)?
            .map(AnswerMode::parse)
            .transpose()
    }

    /// Priv-Answer-Mode; `None` when absent.
    ///
    /// # Errors
    /// [`HeaderError`] when it is repeated or malformed.
    pub fn priv_answer_mode(&self) -> Result<Option<AnswerMode>, HeaderError> {
        self.single(HeaderName::PRIV_ANSWER_MODE)?
            .map(AnswerMode::parse)
            .transpose()
    }

    /// P-Answer-State; `None` when absent.
    ///
    /// # Errors
    /// [`HeaderError`] when it is repeated or malformed.
    pub fn answer_state(&self) -> Result<Option<AnswerState>, HeaderError> {
        self.single(HeaderName::P_ANSWER_STATE)?
            .map(AnswerState::parse)
            .transpose()
    }

    /// All values of Resource-Priority, in order of preference.
    ///
    /// # Errors
    /// [`HeaderError`] when one is malformed.
    pub fn resource_priority(&self) -> Result<Vec<ResourceValue>, HeaderError> {
        let values = self
            .values(HeaderName::RESOURCE_PRIORITY)
            .flat_map(|value| split(value, b','));
        values.map(ResourceValue::parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_modes_read_back() {
        let mode = AnswerMode::parse(b"auto;require").unwrap();
        assert_eq!(mode.mode, Commencement::Automatic);
        assert!(mode.is_required());
        assert_eq!(mode.to_string(), "Auto;require");
        assert_eq!(AnswerMode::new(Commencement::Manual).to_string(), "Manual");
        assert_eq!(
            AnswerMode::parse(b"Later").unwrap().mode,
            Commencement::Other("Later".into())
        );
        assert!(AnswerMode::parse(b"").is_err());
        assert_eq!(
            AnswerState::parse(b"UNCONFIRMED"),
            Ok(AnswerState::Unconfirmed)
        );
        assert_eq!(
            AnswerState::parse(AnswerState::Confirmed.to_string().as_bytes()),
            Ok(AnswerState::Confirmed)
        );
        assert!(AnswerState::parse(b"perhaps").is_err());
    }

    #[test]
    fn resource_priority_is_a_list_without_case() {
        let mut headers = Headers::new();
        headers
            .push(HeaderName::RESOURCE_PRIORITY, "MCPTTP.15, q735.3")
            .unwrap();
        let values = headers.resource_priority().unwrap();
        assert_eq!(values[0].to_string(), "mcpttp.15");
        assert_eq!(
            values[1],
            ResourceValue {
                namespace: "q735".into(),
                priority: "3".into()
            }
        );
        for bad in ["", "mcpttp", "mcpttp.", ".1", "a.b.c", "a.b c"] {
            assert!(ResourceValue::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
