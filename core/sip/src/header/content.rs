//! Content-Type, Content-Disposition, Content-ID, Accept (RFC 3261 20.1, 20.11, 20.15; RFC 8262).

use crate::header::scan::{self, is_token, split};
use crate::header::{HeaderError, Params, token_and_params};
use crate::message::{HeaderName, Headers};
use core::fmt;

/// A media type with parameters, such as `multipart/mixed;boundary=b1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentType {
    main: String,
    sub: String,
    /// Parameters, `boundary` above all.
    pub params: Params,
}

impl ContentType {
    /// Reads the value.
    ///
    /// # Errors
    /// [`HeaderError::Malformed`] when it is not `type/subtype` of tokens.
    pub fn parse(value: &[u8]) -> Result<Self, HeaderError> {
        const FAULT: HeaderError = HeaderError::Malformed("Content-Type");
        let end = value
            .iter()
            .position(|octet| *octet == b';')
            .unwrap_or(value.len());
        let (kind, params) = value.split_at_checked(end).ok_or(FAULT)?;
        let slash = kind.iter().position(|octet| *octet == b'/').ok_or(FAULT)?;
        let (main, sub) = kind.split_at_checked(slash).ok_or(FAULT)?;
        let (main, sub) = (
            scan::trim(main),
            scan::trim(sub.get(1..).unwrap_or_default()),
        );
        if !is_token(main) || !is_token(sub) {
            return Err(FAULT);
        }
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        Ok(Self {
            main: text(main),
            sub: text(sub),
            params: Params::parse(params)?,
        })
    }

    /// Whether this is `type/subtype`, compared without case, parameters ignored.
    #[must_use]
    pub fn is(&self, media_type: &str) -> bool {
        media_type.split_once('/').is_some_and(|(main, sub)| {
            self.main.eq_ignore_ascii_case(main) && self.sub.eq_ignore_ascii_case(sub)
        })
    }

    /// Whether the type is `multipart`, of any subtype.
    #[must_use]
    pub fn is_multipart(&self) -> bool {
        self.main.eq_ignore_ascii_case("multipart")
    }

    /// `type/subtype` in lower case.
    #[must_use]
    pub fn essence(&self) -> String {
        format!("{}/{}", self.main, self.sub).to_ascii_lowercase()
    }

    /// Whether a media range of Accept (`a/b`, `a/*`, `*/*`) covers the type.
    #[must_use]
    pub fn covers(&self, media_type: &str) -> bool {
        let Some((main, sub)) = media_type.split_once('/') else {
            return false;
        };
        let part = |range: &str, part: &str| range == "*" || range.eq_ignore_ascii_case(part);
        part(&self.main, main) && part(&self.sub, sub)
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{}", self.main, self.sub, self.params)
    }
}

/// Content-Disposition: kind and parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentDisposition {
    /// `session`, `render`, `recipient-list` and so on.
    pub kind: String,
    /// Parameters, `handling` above all.
    pub params: Params,
}

impl ContentDisposition {
    /// Reads the value.
    ///
    /// # Errors
    /// [`HeaderError::Malformed`] when the kind is not a token.
    pub fn parse(value: &[u8]) -> Result<Self, HeaderError> {
        let (kind, params) = token_and_params(value, "Content-Disposition")?;
        Ok(Self { kind, params })
    }

    /// Whether a receiver that does not understand the body may ignore it (`handling=optional`).
    #[must_use]
    pub fn is_optional(&self) -> bool {
        self.params
            .get("handling")
            .is_some_and(|handling| handling.eq_ignore_ascii_case("optional"))
    }
}

impl fmt::Display for ContentDisposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind, self.params)
    }
}

/// Reads a Content-ID without its angle brackets; brackets that are missing are tolerated.
///
/// # Errors
/// [`HeaderError::Malformed`] when it is empty, unbalanced or has white space.
pub fn parse_content_id(value: &[u8]) -> Result<&str, HeaderError> {
    const FAULT: HeaderError = HeaderError::Malformed("Content-ID");
    let text = core::str::from_utf8(scan::trim(value)).map_err(|_| FAULT)?;
    let inside = match text.strip_prefix('<') {
        Some(rest) => rest.strip_suffix('>').ok_or(FAULT)?,
        None => text,
    };
    let bad = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>');
    if inside.is_empty() || inside.contains(bad) {
        Err(FAULT)
    } else {
        Ok(inside)
    }
}

impl Headers {
    /// Content-Type; `None` when absent.
    ///
    /// # Errors
    /// [`HeaderError`] when it is repeated or malformed.
    pub fn content_type(&self) -> Result<Option<ContentType>, HeaderError> {
        self.single(HeaderName::CONTENT_TYPE)?
            .map(ContentType::parse)
            .transpose()
    }

    /// Content-Disposition; `None` when absent.
    ///
    /// # Errors
    /// [`HeaderError`] when it is repeated or malformed.
    pub fn content_disposition(&self) -> Result<Option<ContentDisposition>, HeaderError> {
        self.single(HeaderName::CONTENT_DISPOSITION)?
            .map(ContentDisposition::parse)
            .transpose()
    }

    /// Content-ID without its angle brackets; `None` when absent.
    ///
    /// # Errors
    /// [`HeaderError`] when it is repeated or malformed.
    pub fn content_id(&self) -> Result<Option<&str>, HeaderError> {
        self.single(HeaderName::CONTENT_ID)?
            .map(parse_content_id)
            .transpose()
    }

    /// The media ranges of Accept; `None` when the header is absent, which means `application/sdp` for
    /// INVITE (RFC 3261 20.1). An empty header gives an empty list: nothing is accepted.
    ///
    /// # Errors
    /// [`HeaderError`] when one is malformed.
    pub fn accept(&self) -> Result<Option<Vec<ContentType>>, HeaderError> {
        if !self.contains(HeaderName::ACCEPT) {
            return Ok(None);
        }
        let ranges = self
            .values(HeaderName::ACCEPT)
            .flat_map(|value| split(value, b','));
        ranges
            .filter(|range| !range.is_empty())
            .map(ContentType::parse)
            .collect::<Result<_, _>>()
            .map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_types_and_ranges() {
        let kind = ContentType::parse(b"Multipart / Mixed ; boundary=\"a b\"").unwrap();
        assert!(kind.is("multipart/mixed") && kind.is_multipart());
        assert_eq!(kind.params.get("Boundary").unwrap(), "a b");
        assert_eq!(kind.essence(), "multipart/mixed");
        assert_eq!(
            ContentType::parse(kind.to_string().as_bytes()).unwrap(),
            kind
        );
        let range = |text: &str| ContentType::parse(text.as_bytes()).unwrap();
        assert!(
            range("*/*").covers("application/sdp")
                && range("application/*").covers("Application/SDP")
        );
        assert!(
            !range("text/*").covers("application/sdp")
                && !range("application/sdp").covers("application/x")
        );
    }

    #[test]
    fn malformed_types_are_refused() {
        for bad in [
            "",
            "text",
            "/plain",
            "text/",
            "te xt/plain",
            "text/plain;",
            "text/plain;a=1;a=2",
            "text/pl@in",
        ] {
            assert!(ContentType::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn reads_disposition_and_id() {
        let disposition = ContentDisposition::parse(b"recipient-list;handling=Optional").unwrap();
        assert_eq!(disposition.kind, "recipient-list");
        assert!(disposition.is_optional());
        assert!(!ContentDisposition::parse(b"session").unwrap().is_optional());
        assert_eq!(parse_content_id(b"<a@b>"), Ok("a@b"));
        assert_eq!(parse_content_id(b"a@b"), Ok("a@b"));
        for bad in ["", "<>", "<a", "a>", "<a b>"] {
            assert!(parse_content_id(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_empty_accept_accepts_nothing() {
        let mut headers = Headers::new();
        assert_eq!(headers.accept(), Ok(None));
        headers.push(HeaderName::ACCEPT, "").unwrap();
        assert_eq!(headers.accept(), Ok(Some(vec![])));
        headers
            .set(HeaderName::ACCEPT, "application/sdp;level=1, text/*")
            .unwrap();
        assert_eq!(headers.accept().unwrap().unwrap().len(), 2);
    }
}
