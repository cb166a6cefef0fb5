//! `application/x-www-form-urlencoded`, read strictly and within bounds (RFC 6749 Appendix B).

use thiserror::Error;
use zeroize::Zeroizing;

/// Largest query or form body accepted, in octets.
pub const MAX_FORM_OCTETS: usize = 16 * 1024;
/// Most parameters accepted in one form.
pub const MAX_PARAMETERS: usize = 64;

/// Why a form was refused. Values are never repeated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FormError {
    /// More octets than [`MAX_FORM_OCTETS`].
    #[error("the form is larger than {MAX_FORM_OCTETS} octets")]
    PeerTooLong,
    /// More parameters than [`MAX_PARAMETERS`].
    #[error("the form has more than {MAX_PARAMETERS} parameters")]
    PeerTooManyParameters,
    /// A `%` without two hexadecimal digits, or octets that are not UTF-8.
    #[error("the form is not valid percent-encoded UTF-8")]
    PeerEncoding,
    /// A parameter came twice (RFC 6749 3.1 and 3.2 forbid it).
    #[error("the parameter {0} came more than once")]
    PeerRepeated(&'static str),
    /// A parameter that the request needs is absent or empty.
    #[error("the parameter {0} is missing")]
    PeerMissing(&'static str),
}

/// Decoded parameters in the order received; erased on drop since passwords and codes travel here.
pub struct FormParameters(Vec<(String, Zeroizing<String>)>);

impl FormParameters {
    /// Decodes a query (without `?`) or a form body.
    ///
    /// # Errors
    /// [`FormError`] when it is too large or not percent-encoded UTF-8.
    pub fn parse(text: &str) -> Result<Self, FormError> {
        if text.len() > MAX_FORM_OCTETS {
            return Err(FormError::PeerTooLong);
        }
        let mut parameters = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            if parameters.len() == MAX_PARAMETERS {
                return Err(FormError::PeerTooManyParameters);
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            parameters.push((decode(name)?.to_string(), decode(value)?));
        }
        Ok(Self(parameters))
    }

    /// The value of a parameter; an empty value counts as absent (RFC 6749 3.1).
    ///
    /// # Errors
    /// [`FormError::PeerRepeated`] when the parameter came twice.
    pub fn optional(&self, name: &'static str) -> Result<Option<&str>, FormError> {
        let mut found = self.0.iter().filter(|(given, _)| given == name);
        let first = found.next();
        if found.next().is_some() {
            return Err(FormError::PeerRepeated(name));
        }
        Ok(first
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty()))
    }

    /// The value of a parameter that must be there.
    ///
    /// # Errors
    /// [`FormError`] when it is absent, empty or repeated.
    pub fn required(&self, name: &'static str) -> Result<&str, FormError> {
        self.optional(name)?.ok_or(FormError::PeerMissing(name))
    }

    /// Number of parameters received.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was received.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

pub(crate) fn decode(text: &str) -> Result<Zeroizing<String>, FormError> {
    let mut octets = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'+' => b' ',
            b'%' => hex_digit(rest.next())? << 4 | hex_digit(rest.next())?,
            other => other,
        });
    }
    let text = core::str::from_utf8(&octets).map_err(|_| FormError::PeerEncoding)?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn hex_digit(octet: Option<u8>) -> Result<u8, FormError> {
    let digit = octet
        .and_then(|octet| char::from(octet).to_digit(16))
        .ok_or(FormError::PeerEncoding)?;
    u8::try_from(digit).map_err(|_| FormError::PeerEncoding)
}

/// Encodes parameters for a query or a form body.
#[must_use]
pub fn encode(parameters: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_repeated_parameter_is_refused() {
        let form = FormParameters::parse("a=1&b=2&a=3").unwrap();
        assert_eq!(form.optional("a"), Err(FormError::PeerRepeated("a")));
        assert_eq!(form.optional("b"), Ok(Some("2")));
        assert_eq!(form.required("c"), Err(FormError::PeerMissing("c")));
    }

    #[test]
    fn an_empty_value_counts_as_absent() {
        let form = FormParameters::parse("state=&nonce").unwrap();
        assert_eq!(form.optional("state"), Ok(None));
        assert_eq!(form.optional("nonce"), Ok(None));
    }

    #[test]
    fn broken_encodings_are_refused() {
        for text in ["a=%", "a=%4", "a=%zz", "a=%ff", "%c3=1"] {
            assert_eq!(
                FormParameters::parse(text).err(),
                Some(FormError::PeerEncoding),
                "{text}"
            );
        }
    }

    #[test]
    fn bounds_hold() {
        let long = "a".repeat(MAX_FORM_OCTETS + 1);
        assert_eq!(
            FormParameters::parse(&long).err(),
            Some(FormError::PeerTooLong)
        );
        let many = "a=1&".repeat(MAX_PARAMETERS + 1);
        assert_eq!(
            FormParameters::parse(&many).err(),
            Some(FormError::PeerTooManyParameters)
        );
    }

    proptest! {
        #[test]
        fn what_was_encoded_comes_back(name in "[a-z]{1,8}", value in "\\PC{1,64}") {
            let name: &'static str = Box::leak(name.into_boxed_str());
            let form = FormParameters::parse(&encode(&[(name, &value)])).unwrap();
            prop_assert_eq!(form.optional(name), Ok(Some(value.as_str())));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
            let _ = FormParameters::parse(&text);
        }
    }
}
