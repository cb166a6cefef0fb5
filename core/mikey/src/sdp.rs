//! The SDP attribute `a=key-mgmt` (RFC 4567; TS 33.180 cl. 7.4.1).

use crate::message::MAX_MESSAGE;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

/// Name of the attribute.
pub const ATTRIBUTE: &str = "key-mgmt";
/// Protocol identifier before the base64.
const PROTOCOL: &str = "mikey";

/// Why an attribute is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SdpError {
    /// Another key management protocol.
    #[error("key-mgmt protocol is not mikey (RFC 4567 3.1)")]
    Protocol,
    /// Not base64 of the standard alphabet with padding.
    #[error("key-mgmt data is not base64: {0}")]
    Base64(base64::DecodeError),
    /// Longer than any I_MESSAGE.
    #[error("key-mgmt data would have more than {MAX_MESSAGE} octets")]
    TooLong,
    /// Two MIKEY attributes on one level.
    #[error("there are {0} key-mgmt attributes for mikey on one level, at most one is allowed")]
    Repeated(usize),
}

/// The value of the attribute: `mikey`, a space, base64 without line breaks.
#[must_use]
pub fn attribute_value(message: &[u8]) -> String {
    format!("{PROTOCOL} {}", STANDARD.encode(message))
}

/// The whole attribute line without its end: `a=key-mgmt:mikey …`.
#[must_use]
pub fn attribute_line(message: &[u8]) -> String {
    format!("a={ATTRIBUTE}:{}", attribute_value(message))
}

/// Reads the value of a `key-mgmt` attribute.
///
/// # Errors
/// [`SdpError`].
pub fn parse_attribute_value(value: &str) -> Result<Vec<u8>, SdpError> {
    let (protocol, data) = value.trim().split_once(' ').ok_or(SdpError::Protocol)?;
    if !protocol.eq_ignore_ascii_case(PROTOCOL) {
        return Err(SdpError::Protocol);
    }
    let data = data.trim();
    if data.len() > MAX_MESSAGE.div_ceil(3) * 4 {
        return Err(SdpError::TooLong);
    }
    STANDARD.decode(data).map_err(SdpError::Base64)
}

/// The MIKEY message among the `key-mgmt` values of one level (session or media section), if there is one.
///
/// Values of other protocols are not looked at. A message at the media level overrides one at the session
/// level: ask for the media level first.
///
/// # Errors
/// [`SdpError`], also when there is more than one.
pub fn find<'v>(values: impl IntoIterator<Item = &'v str>) -> Result<Option<Vec<u8>>, SdpError> {
    let mikey = |value: &&str| {
        let protocol = value.trim().split(' ').next().unwrap_or_default();
        protocol.eq_ignore_ascii_case(PROTOCOL)
    };
    let values: Vec<&str> = values.into_iter().filter(mikey).collect();
    match values.as_slice() {
        [] => Ok(None),
        [value] => parse_attribute_value(value).map(Some),
        more => Err(SdpError::Repeated(more.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let message = [1, 26, 5, 255];
        assert_eq!(attribute_line(&message), "a=key-mgmt:mikey ARoF/w==");
        assert_eq!(
            parse_attribute_value(&attribute_value(&message)),
            Ok(message.to_vec())
        );
    }

    #[test]
    fn refuses_what_is_not_mikey_or_not_base64() {
        assert_eq!(parse_attribute_value("mikey"), Err(SdpError::Protocol));
        assert_eq!(parse_attribute_value("other ARoF"), Err(SdpError::Protocol));
        assert!(matches!(
            parse_attribute_value("mikey AR*F"),
            Err(SdpError::Base64(_))
        ));
        assert!(matches!(
            parse_attribute_value("mikey ARoF/w"),
            Err(SdpError::Base64(_))
        ));
        let endless = format!("mikey {}", "A".repeat(50_000));
        assert_eq!(parse_attribute_value(&endless), Err(SdpError::TooLong));
    }

    #[test]
    fn finds_the_one_among_others_and_refuses_two() {
        assert_eq!(find(["sdes x", "mikey ARoF"]), Ok(Some(vec![1, 26, 5])));
        assert_eq!(find(["sdes x"]), Ok(None));
        assert_eq!(
            find(["mikey ARoF", "mikey ARoG"]),
            Err(SdpError::Repeated(2))
        );
    }
}
