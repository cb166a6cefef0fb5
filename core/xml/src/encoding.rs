//! Base64 as it appears in XML: standard alphabet, padded, white space allowed between characters.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const STRICT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Decodes base64Binary of XML Schema: standard alphabet, canonical padding, white space ignored.
///
/// Returns nothing when the text is anything else.
#[must_use]
pub fn decode_base64(text: &str) -> Option<Vec<u8>> {
    if !text.contains(is_xml_space) {
        return STRICT.decode(text).ok();
    }
    let compact: String = text.chars().filter(|c| !is_xml_space(*c)).collect();
    STRICT.decode(compact).ok()
}

pub(crate) fn encode_base64(octets: &[u8]) -> String {
    STRICT.encode(octets)
}

pub(crate) const fn is_xml_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_ignored_and_other_alphabets_are_not_taken() {
        assert_eq!(
            decode_base64(" Ld1b\r\n8A== "),
            Some(vec![0x2d, 0xdd, 0x5b, 0xf0])
        );
        assert_eq!(decode_base64("Ld1b8A"), None);
        assert_eq!(decode_base64("L-_L"), None);
        assert_eq!(
            decode_base64("Ld1b8B=="),
            None,
            "trailing bits must be zero"
        );
    }
}
