//! `;name=value` parameters of header fields (RFC 3261 25.1 generic-param).

use crate::header::HeaderError;
use crate::header::scan::{self, is_token, quoted_string, split, unescape};
use core::fmt;
use std::borrow::Cow;

/// Most parameters one header element may have.
const MAX_PARAMS: usize = 64;

/// One parameter; the value is raw, quotes and escapes included.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Param {
    name: String,
    value: Option<String>,
}

/// Parameters in order. Names are compared without case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params(Vec<Param>);

impl Params {
    /// No parameters.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Reads `;a;b=c;d="e"`, the empty text included.
    ///
    /// # Errors
    /// [`HeaderError::Params`] for an empty or malformed parameter, or a name that occurs twice.
    pub fn parse(text: &[u8]) -> Result<Self, HeaderError> {
        let text = scan::trim(text);
        if text.is_empty() {
            return Ok(Self::new());
        }
        let list = text.strip_prefix(b";").ok_or(HeaderError::Params)?;
        Self::parse_list(list, b';')
    }

    /// Reads `a=b, c="d"` or `a;b=c` without a leading separator.
    ///
    /// # Errors
    /// As [`Params::parse`].
    pub fn parse_list(list: &[u8], separator: u8) -> Result<Self, HeaderError> {
        let mut params = Self::new();
        for piece in split(list, separator) {
            let param = parse_one(piece)?;
            let repeated = params
                .0
                .iter()
                .any(|known| known.name.eq_ignore_ascii_case(&param.name));
            if repeated || params.0.len() == MAX_PARAMS {
                return Err(HeaderError::Params);
            }
            params.0.push(param);
        }
        Ok(params)
    }

    /// The value, unquoted; the empty text for a parameter without value. `None` when absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let value = self.raw(name)?;
        match quoted_string(value.as_bytes()) {
            Some((inside, _)) => Some(Cow::Owned(unescape(inside))),
            None => Some(Cow::Borrowed(value)),
        }
    }

    /// The value as written, quotes included; the empty text for a parameter without value.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&str> {
        let param = self
            .0
            .iter()
            .find(|param| param.name.eq_ignore_ascii_case(name))?;
        Some(param.value.as_deref().unwrap_or_default())
    }

    /// Whether the parameter is there, with or without value.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// Name and raw value of each parameter, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0
            .iter()
            .map(|param| (param.name.as_str(), param.value.as_deref()))
    }

    /// Number of parameters.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets a parameter that has no value.
    pub fn set_flag(&mut self, name: &str) {
        self.put(name, None);
    }

    /// Sets a value, quoted when it is neither a token nor an address.
    pub fn set(&mut self, name: &str, value: &str) {
        let plain = !value.is_empty()
            && value
                .bytes()
                .all(|octet| scan::is_token_octet(octet) || matches!(octet, b':' | b'[' | b']'));
        let value = if plain {
            value.to_owned()
        } else {
            scan::quote(value)
        };
        self.put(name, Some(value));
    }

    /// Sets a value that is always quoted, such as `+sip.instance`.
    pub fn set_quoted(&mut self, name: &str, value: &str) {
        self.put(name, Some(scan::quote(value)));
    }

    /// Removes a parameter; says whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0
            .retain(|param| !param.name.eq_ignore_ascii_case(name));
        self.0.len() < before
    }

    fn put(&mut self, name: &str, value: Option<String>) {
        let name: String = name
            .chars()
            .filter(|c| u8::try_from(*c).is_ok_and(scan::is_token_octet))
            .collect();
        match self
            .0
            .iter_mut()
            .find(|param| param.name.eq_ignore_ascii_case(&name))
        {
            Some(param) => param.value = value,
            None => self.0.push(Param { name, value }),
        }
    }
}

fn parse_one(piece: &[u8]) -> Result<Param, HeaderError> {
    let (name, value) = match piece.iter().position(|octet| *octet == b'=') {
        Some(at) => {
            let (name, value) = piece.split_at_checked(at).ok_or(HeaderError::Params)?;
            (
                scan::trim(name),
                Some(scan::trim(value.get(1..).unwrap_or_default())),
            )
        }
        None => (piece, None),
    };
    if !is_token(name) || value.is_some_and(|value| !is_value(value)) {
        return Err(HeaderError::Params);
    }
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    Ok(Param {
        name: text(name),
        value: value.map(text),
    })
}

/// A whole quoted string, or something without spaces, quotes and control characters; empty is tolerated
/// (`;rport=`).
fn is_value(value: &[u8]) -> bool {
    if value.first() == Some(&b'"') {
        return quoted_string(value).is_some_and(|(_, rest)| rest.is_empty());
    }
    value
        .iter()
        .all(|octet| !scan::is_space(*octet) && !octet.is_ascii_control() && *octet != b'"')
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|param| match &param.value {
            Some(value) => write!(f, ";{}={value}", param.name),
            None => write!(f, ";{}", param.name),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_flags_tokens_and_quoted_values() {
        let params =
            Params::parse(br#"; lr ;q = 0.5;+sip.instance="<urn:uuid:a;b>";X="a\"b""#).unwrap();
        assert_eq!(params.get("LR").unwrap(), "");
        assert_eq!(params.get("q").unwrap(), "0.5");
        assert_eq!(params.get("+sip.instance").unwrap(), "<urn:uuid:a;b>");
        assert_eq!(params.get("x").unwrap(), "a\"b");
        assert_eq!(params.get("y"), None);
        assert_eq!(
            params.to_string(),
            r#";lr;q=0.5;+sip.instance="<urn:uuid:a;b>";X="a\"b""#
        );
    }

    #[test]
    fn malformed_parameters_are_refused() {
        for bad in [
            ";",
            ";;a",
            ";=x",
            "a",
            ";a b",
            ";a=b c",
            ";a=\"b",
            ";a=\"b\"c",
            ";a=1;A=2",
        ] {
            assert_eq!(
                Params::parse(bad.as_bytes()),
                Err(HeaderError::Params),
                "{bad}"
            );
        }
        let many: String = (0..65).map(|index| format!(";p{index}")).collect();
        assert!(Params::parse(many.as_bytes()).is_err());
    }

    #[test]
    fn what_is_set_reads_back() {
        let mut params = Params::new();
        params.set("received", "2001:db8::1");
        params.set("text", "two words, \"quoted\"");
        params.set_flag("lr");
        params.set("text", "again");
        params.set_quoted("+g", "x");
        let read = Params::parse(params.to_string().as_bytes()).unwrap();
        assert_eq!(read, params);
        assert!(params.remove("LR"));
        assert!(!params.contains("lr"));
    }
}
