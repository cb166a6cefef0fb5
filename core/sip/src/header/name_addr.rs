//! From, To, Route, Record-Route, Path, P-Asserted-Identity and all other addresses (RFC 3261 20.10, 20.20).

use crate::header::scan::{self, is_space, is_token_octet, quoted_string};
use crate::header::{HeaderError, Params};
use crate::uri::Uri;
use core::fmt;

/// `"Display" <uri>;params`, or a bare URI followed by header parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameAddr {
    /// Display name without quotes and escapes; octets that are not UTF-8 became U+FFFD.
    pub display: Option<String>,
    /// The address.
    pub uri: Uri,
    /// Parameters of the header, not of the URI.
    pub params: Params,
}

impl NameAddr {
    /// An address without display name and parameters.
    #[must_use]
    pub const fn new(uri: Uri) -> Self {
        Self {
            display: None,
            uri,
            params: Params::new(),
        }
    }

    /// The same address with a `tag` parameter.
    #[must_use]
    pub fn with_tag(mut self, tag: &str) -> Self {
        self.params.set("tag", tag);
        self
    }

    /// The `tag` parameter of From and To.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.params.raw("tag").filter(|tag| !tag.is_empty())
    }

    /// Reads one element.
    ///
    /// # Errors
    /// [`HeaderError`] for an unclosed quote or bracket, a display name that needs quotes, a URI or
    /// parameters that break the grammar. A URI with `?` or `,` must be in brackets (RFC 3261 20).
    pub fn parse(element: &[u8]) -> Result<Self, HeaderError> {
        let element = scan::trim(element);
        if element.first() == Some(&b'"') {
            let (raw, rest) = quoted_string(element).ok_or(HeaderError::Quote)?;
            return Self::bracketed(Some(scan::unescape(raw)), scan::trim(rest));
        }
        let Some(bracket) = element.iter().position(|octet| *octet == b'<') else {
            return Self::bare(element);
        };
        let (display, rest) = element
            .split_at_checked(bracket)
            .ok_or(HeaderError::Address)?;
        let display = scan::trim(display);
        if !display
            .iter()
            .all(|octet| is_token_octet(*octet) || is_space(*octet) || *octet >= 0x80)
        {
            return Err(HeaderError::DisplayName);
        }
        let display = (!display.is_empty()).then(|| String::from_utf8_lossy(display).into_owned());
        Self::bracketed(display, rest)
    }

    fn bracketed(display: Option<String>, text: &[u8]) -> Result<Self, HeaderError> {
        let inside = text.strip_prefix(b"<").ok_or(HeaderError::Address)?;
        let end = inside
            .iter()
            .position(|octet| *octet == b'>')
            .ok_or(HeaderError::Address)?;
        let (uri, rest) = inside.split_at_checked(end).ok_or(HeaderError::Address)?;
        let params = Params::parse(rest.get(1..).unwrap_or_default())?;
        Ok(Self {
            display,
            uri: Uri::parse(uri)?,
            params,
        })
    }

    fn bare(element: &[u8]) -> Result<Self, HeaderError> {
        let end = element
            .iter()
            .position(|octet| *octet == b';')
            .unwrap_or(element.len());
        let (uri, params) = element.split_at_checked(end).ok_or(HeaderError::Address)?;
        let uri = scan::trim(uri);
        if uri.iter().any(|octet| matches!(octet, b'?' | b',' | b'>')) {
            return Err(HeaderError::Address);
        }
        Ok(Self {
            display: None,
            uri: Uri::parse(uri)?,
            params: Params::parse(params)?,
        })
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(display) = &self.display {
            write!(f, "{} ", scan::quote(display))?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_of_an_address() {
        let quoted = NameAddr::parse(br#""a \"b\", c" <tel:+1-23;phone-context=x>;tag=t"#).unwrap();
        assert_eq!(quoted.display.as_deref(), Some("a \"b\", c"));
        assert_eq!(quoted.uri.as_str(), "tel:+1-23;phone-context=x");
        assert_eq!(quoted.tag(), Some("t"));
        let tokens = NameAddr::parse(b"Alice  Smith<sip:a@h>").unwrap();
        assert_eq!(tokens.display.as_deref(), Some("Alice  Smith"));
        let bare = NameAddr::parse(b"sip:a@h;tag=x").unwrap();
        assert_eq!((bare.uri.as_str(), bare.tag()), ("sip:a@h", Some("x")));
        let service = NameAddr::parse(b"<urn:service:sos>").unwrap();
        assert_eq!(service.uri.scheme(), "urn");
        assert!(NameAddr::parse(b"\"\" <sip:h>").unwrap().display.is_some());
    }

    #[test]
    fn printing_reads_back() {
        let mut address = NameAddr::parse(b"<sip:a@h;lr?x=y>").unwrap().with_tag("1");
        address.display = Some("a \"b\" \\".into());
        assert_eq!(
            NameAddr::parse(address.to_string().as_bytes()).unwrap(),
            address
        );
    }

    #[test]
    fn malformed_addresses_are_refused() {
        for bad in [
            "",
            "\"a <sip:a@h>",
            "\"a\" sip:a@h",
            "<sip:a@h",
            "Bell, A <sip:a@h>",
            "sip:a@h?x=y",
            "< sip:a@h>",
            "<sip:a@h> x",
            "<>",
            "<sip:a@h>;;",
            "sip:a@h>",
            "<sip:a@h>;tag=a;tag=b",
        ] {
            assert!(NameAddr::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
