//! A message from whatever people have at hand: octets, hex, base64, an SDP line or a whole SDP.

use crate::message::MAX_MESSAGE;
use crate::sdp::{self, SdpError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

/// Most octets of text or file looked at.
const MAX_INPUT: usize = 8 * MAX_MESSAGE;
/// First octet of a binary message, its version; no text starts with it.
const VERSION: u8 = 1;

/// Why no message was found in the input.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InputError {
    /// Nothing there.
    #[error("the input is empty")]
    Empty,
    /// Far too long.
    #[error("the input has {0} octets, at most {MAX_INPUT} are looked at")]
    TooLong(usize),
    /// Neither a binary message nor text.
    #[error("the input is neither a MIKEY message (its first octet would be 01) nor text")]
    NeitherBinaryNorText,
    /// An SDP without a message.
    #[error("the SDP has no a=key-mgmt:mikey attribute")]
    NoAttribute,
    /// An SDP attribute that cannot be read.
    #[error(transparent)]
    Sdp(#[from] SdpError),
    /// An odd number of hex digits.
    #[error("the hex text has {0} digits, an odd number")]
    OddHex(usize),
    /// Neither hex nor base64.
    #[error("the text is neither hex nor an SDP line, and not base64: {0}")]
    Base64(base64::DecodeError),
}

/// Finds the octets of a message.
///
/// In this order: binary (first octet 01), a line with `key-mgmt:`, hex (white space, `:` and a leading `0x`
/// allowed), base64 (white space allowed).
///
/// # Errors
/// [`InputError`] saying what is wrong with the kind of input it seems to be.
pub fn octets_from(input: &[u8]) -> Result<Vec<u8>, InputError> {
    if input.len() > MAX_INPUT {
        return Err(InputError::TooLong(input.len()));
    }
    if input.first() == Some(&VERSION) {
        return Ok(input.to_vec());
    }
    let text = core::str::from_utf8(input).map_err(|_| InputError::NeitherBinaryNorText)?;
    let text = text.trim();
    if text.is_empty() {
        return Err(InputError::Empty);
    }
    if text.contains("key-mgmt:") || text.starts_with("mikey ") {
        return from_sdp(text);
    }
    if let Some(digits) = hex_digits(text) {
        return hex::decode(&digits).map_err(|_| InputError::OddHex(digits.len()));
    }
    let base64: String = text.split_whitespace().collect();
    STANDARD.decode(base64).map_err(InputError::Base64)
}

/// The attributes may be on several levels; more than one message is refused so that nobody looks at the wrong one.
fn from_sdp(text: &str) -> Result<Vec<u8>, InputError> {
    let values = text
        .lines()
        .filter_map(|line| match line.split_once("key-mgmt:") {
            Some((_, value)) => Some(value),
            None => line.starts_with("mikey ").then_some(line),
        });
    sdp::find(values)?.ok_or(InputError::NoAttribute)
}

/// The digits when the text is hex and nothing else.
fn hex_digits(text: &str) -> Option<String> {
    let text = text.strip_prefix("0x").unwrap_or(text);
    let digits = text.chars().filter(|c| !c.is_whitespace() && *c != ':');
    let digits: String = digits.collect();
    digits
        .chars()
        .all(|c| c.is_ascii_hexdigit())
        .then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OCTETS: [u8; 5] = [1, 26, 5, 1, 0xFF];

    #[test]
    fn takes_every_form_of_the_same_message() {
        let forms: [&[u8]; 9] = [
            &OCTETS,
            b"011a0501ff",
            b"0x011A0501FF\n",
            b"01 1A 05\n 01 FF",
            b"01:1a:05:01:ff",
            b"ARoFAf8=",
            b"ARoF\r\nAf8=\r\n",
            b"a=key-mgmt:mikey ARoFAf8=\r\n",
            b"v=0\r\nm=audio 1 RTP/AVP 96\r\na=key-mgmt:mikey ARoFAf8=\r\nm=application 2 udp MCPTT\r\n",
        ];
        for form in forms {
            assert_eq!(octets_from(form).unwrap(), OCTETS, "{form:?}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(octets_from(b" \n"), Err(InputError::Empty));
        assert_eq!(octets_from(b"011"), Err(InputError::OddHex(3)));
        assert_eq!(
            octets_from(&[0xFF, 0xFE]),
            Err(InputError::NeitherBinaryNorText)
        );
        assert!(matches!(octets_from(b"hello!"), Err(InputError::Base64(_))));
        assert_eq!(
            octets_from(b"a=key-mgmt:sdes x"),
            Err(InputError::NoAttribute)
        );
        let two = b"a=key-mgmt:mikey ARoF\na=key-mgmt:mikey ARoF";
        assert_eq!(
            octets_from(two),
            Err(InputError::Sdp(SdpError::Repeated(2)))
        );
        assert!(matches!(
            octets_from(&vec![b'0'; MAX_INPUT + 1]),
            Err(InputError::TooLong(_))
        ));
    }
}
