//! Typed views as methods of the header section.

use crate::header::scan::{number_u32, trim};
use crate::header::{CSeq, HeaderError, NameAddr, Via};
use crate::message::{HeaderName, Headers};

impl Headers {
    /// The value of a header that may occur once only; `None` when absent.
    ///
    /// # Errors
    /// [`HeaderError::Repeated`] when there are more lines, [`HeaderError::Empty`] when it has no value.
    pub fn single<'a>(
        &'a self,
        name: HeaderName<'static>,
    ) -> Result<Option<&'a [u8]>, HeaderError> {
        let mut values = self.values(name);
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(HeaderError::Repeated(name.as_str()));
        }
        if value.is_empty() {
            return Err(HeaderError::Empty(name.as_str()));
        }
        Ok(Some(value))
    }

    /// The value of a header that must occur exactly once.
    ///
    /// # Errors
    /// As [`Headers::single`], and [`HeaderError::Missing`].
    pub fn required(&self, name: HeaderName<'static>) -> Result<&[u8], HeaderError> {
        self.single(name)?
            .ok_or(HeaderError::Missing(name.as_str()))
    }

    /// The topmost Via.
    ///
    /// # Errors
    /// [`HeaderError`] when it is missing or malformed.
    pub fn top_via(&self) -> Result<Via, HeaderError> {
        Via::parse(
            self.elements(HeaderName::VIA)
                .next()
                .ok_or(HeaderError::Missing("Via"))?,
        )
    }

    /// All Vias from the top.
    ///
    /// # Errors
    /// [`HeaderError::Via`] when one is malformed.
    pub fn vias(&self) -> Result<Vec<Via>, HeaderError> {
        self.elements(HeaderName::VIA).map(Via::parse).collect()
    }

    /// From.
    ///
    /// # Errors
    /// [`HeaderError`] when it is missing, repeated or malformed.
    pub fn from(&self) -> Result<NameAddr, HeaderError> {
        party(self.required(HeaderName::FROM)?)
    }

    /// To.
    ///
    /// # Errors
    /// [`HeaderError`] when it is missing, repeated or malformed.
    pub fn to(&self) -> Result<NameAddr, HeaderError> {
        party(self.required(HeaderName::TO)?)
    }

    /// Call-ID, compared octet by octet (RFC 3261 20.8).
    ///
    /// # Errors
    /// [`HeaderError`] when it is missing, repeated, empty or has white space inside.
    pub fn call_id(&self) -> Result<&str, HeaderError> {
        let value = self.required(HeaderName::CALL_ID)?;
        let text = core::str::from_utf8(value).map_err(|_| HeaderError::Malformed("Call-ID"))?;
        if text
            .bytes()
            .any(|octet| octet.is_ascii_whitespace() || octet.is_ascii_control())
        {
            return Err(HeaderError::Malformed("Call-ID"));
        }
        Ok(text)
    }

    /// `CSeq`.
    ///
    /// # Errors
    /// [`HeaderError`] when it is missing, repeated or malformed.
    pub fn cseq(&self) -> Result<CSeq, HeaderError> {
        CSeq::parse(self.required(HeaderName::CSEQ)?)
    }

    /// Max-Forwards; `None` when absent.
    ///
    /// # Errors
    /// [`HeaderError`] when it is repeated or not a number from 0 to 255 (RFC 3261 20.22).
    pub fn max_forwards(&self) -> Result<Option<u8>, HeaderError> {
        let Some(value) = self.single(HeaderName::MAX_FORWARDS)? else {
            return Ok(None);
        };
        let number = number_u32(value).and_then(|number| u8::try_from(number).ok());
        number.map(Some).ok_or(HeaderError::Number("Max-Forwards"))
    }

    /// A delta-seconds header such as Expires or Min-Expires; `None` when absent.
    ///
    /// # Errors
    /// [`HeaderError`] when it is repeated or not a 32-bit number.
    pub fn seconds(&self, name: HeaderName<'static>) -> Result<Option<u32>, HeaderError> {
        let Some(value) = self.single(name)? else {
            return Ok(None);
        };
        number_u32(value)
            .map(Some)
            .ok_or(HeaderError::Number(name.as_str()))
    }

    /// All addresses of a list header: Route, Record-Route, Path, Service-Route, P-Asserted-Identity and so on.
    ///
    /// # Errors
    /// [`HeaderError`] when one is malformed.
    pub fn addresses(&self, name: HeaderName<'static>) -> Result<Vec<NameAddr>, HeaderError> {
        self.elements(name).map(NameAddr::parse).collect()
    }

    /// All tokens of a list header: Require, Supported, Allow, Allow-Events and so on. Empty elements are skipped.
    #[must_use]
    pub fn tokens(&self, name: HeaderName<'static>) -> Vec<String> {
        let filled = self
            .elements(name)
            .map(trim)
            .filter(|token| !token.is_empty());
        filled
            .map(|token| String::from_utf8_lossy(token).into_owned())
            .collect()
    }

    /// Whether a list header has this token, compared without case.
    #[must_use]
    pub fn has_token(&self, name: HeaderName<'static>, token: &str) -> bool {
        self.elements(name)
            .any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
    }
}

/// Reads From or To. A tag without value is refused: it would be taken for no tag, and get a second one.
fn party(value: &[u8]) -> Result<NameAddr, HeaderError> {
    let address = NameAddr::parse(value)?;
    let broken = address.params.contains("tag") && address.tag().is_none();
    if broken {
        Err(HeaderError::Params)
    } else {
        Ok(address)
    }
}
