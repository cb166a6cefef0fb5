//! Warning (RFC 3261 20.43), as MCPTT uses it (TS 24.379 cl. 4.4): `399 host "NNN text"`.

use crate::header::HeaderError;
use crate::header::scan::{self, is_space, number_u32, quoted_string};
use crate::message::{HeaderName, Headers};
use core::fmt;

/// One warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Three digits; 399 is "miscellaneous" and carries the MCPTT texts.
    pub code: u16,
    /// Host or pseudonym of who warns.
    pub agent: String,
    /// The text.
    pub text: String,
}

impl Warning {
    /// An MCPTT warning: number and explanation go into the text.
    #[must_use]
    pub fn mcptt(agent: &str, number: u16, text: &str) -> Self {
        Self {
            code: 399,
            agent: agent.to_owned(),
            text: format!("{number:03} {text}"),
        }
    }

    /// Reads one element.
    ///
    /// # Errors
    /// [`HeaderError::Malformed`] when it is not three digits, an agent and a quoted text.
    pub fn parse(element: &[u8]) -> Result<Self, HeaderError> {
        const FAULT: HeaderError = HeaderError::Malformed("Warning");
        let element = scan::trim(element);
        let (code, rest) = element.split_at_checked(3).ok_or(FAULT)?;
        let rest = scan::trim(
            rest.strip_prefix(b" ")
                .or_else(|| rest.strip_prefix(b"\t"))
                .ok_or(FAULT)?,
        );
        let end = rest
            .iter()
            .position(|octet| is_space(*octet))
            .ok_or(FAULT)?;
        let (agent, text) = rest.split_at_checked(end).ok_or(FAULT)?;
        let (raw, after) = quoted_string(scan::trim(text)).ok_or(FAULT)?;
        let code = number_u32(code)
            .and_then(|code| u16::try_from(code).ok())
            .ok_or(FAULT)?;
        let legal =
            |octet: &u8| octet.is_ascii_graphic() && !matches!(octet, b'"' | b',' | b'<' | b'>');
        if !after.is_empty() || code < 100 || !agent.iter().all(legal) {
            return Err(FAULT);
        }
        Ok(Self {
            code,
            agent: String::from_utf8_lossy(agent).into_owned(),
            text: scan::unescape(raw),
        })
    }

    /// The number at the start of the text of a 399; MCPTT texts are matched by it alone (TS 24.379 cl. 4.4.2).
    #[must_use]
    pub fn mcptt_number(&self) -> Option<u16> {
        let (number, rest) = self.text.split_at_checked(3)?;
        let ends = rest.is_empty() || rest.starts_with(' ');
        let number = number_u32(number.as_bytes()).and_then(|number| u16::try_from(number).ok())?;
        (self.code == 399 && ends).then_some(number)
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:03} {} {}",
            self.code,
            self.agent,
            scan::quote(&self.text)
        )
    }
}

impl Headers {
    /// All warnings; malformed ones are left out, since a warning informs and decides nothing.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        self.elements(HeaderName::WARNING)
            .filter_map(|element| Warning::parse(element).ok())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_mcptt_warning_reads_back() {
        let warning = Warning::mcptt(
            "pf.mcx.example",
            141,
            "user unknown to the \"participating\" function",
        );
        assert_eq!(
            warning.to_string(),
            r#"399 pf.mcx.example "141 user unknown to the \"participating\" function""#
        );
        let read = Warning::parse(warning.to_string().as_bytes()).unwrap();
        assert_eq!(read, warning);
        assert_eq!(read.mcptt_number(), Some(141));
    }

    #[test]
    fn only_a_399_with_three_digits_has_a_number() {
        for text in [
            "370 h \"141 x\"",
            "399 h \"14 x\"",
            "399 h \"1411 x\"",
            "399 h \"\"",
            "399 h \"abc\"",
        ] {
            assert_eq!(
                Warning::parse(text.as_bytes()).unwrap().mcptt_number(),
                None,
                "{text}"
            );
        }
        assert_eq!(
            Warning::parse(b"399 \t h:5060 \"141\"")
                .unwrap()
                .mcptt_number(),
            Some(141)
        );
    }

    #[test]
    fn malformed_warnings_are_left_out() {
        let mut headers = Headers::new();
        headers
            .push(
                HeaderName::WARNING,
                r#"1812 overture "In Progress", 399 h "100 a, b""#,
            )
            .unwrap();
        headers
            .push(HeaderName::WARNING, "399 h no-quotes")
            .unwrap();
        headers.push(HeaderName::WARNING, "").unwrap();
        assert_eq!(headers.warnings(), [Warning::mcptt("h", 100, "a, b")]);
        for bad in [
            "",
            "399",
            "399 h",
            "399 \"a\"",
            "399 h \"a\" x",
            "39 h \"a\"",
            "399 h,i \"a\"",
        ] {
            assert!(Warning::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
