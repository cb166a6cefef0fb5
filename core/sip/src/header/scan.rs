//! Lexical pieces shared by all header parsers: tokens, white space, quoted strings, lists (RFC 3261 25.1).

/// White space inside a header value; CR and LF occur there only as folding.
#[must_use]
pub const fn is_space(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r' | b'\n')
}

/// A character of `token`.
#[must_use]
pub const fn is_token_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(
            octet,
            b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~'
        )
}

/// One or more token characters and nothing else.
#[must_use]
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|octet| is_token_octet(*octet))
}

/// The slice without white space (folding included) at both ends.
#[must_use]
pub fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text {
        if !is_space(*first) {
            break;
        }
        text = rest;
    }
    while let [rest @ .., last] = text {
        if !is_space(*last) {
            break;
        }
        text = rest;
    }
    text
}

/// Splits at `separator` outside quoted strings and angle brackets; pieces are trimmed.
///
/// Empty pieces are handed out too: the caller decides whether they are an error.
#[must_use]
pub fn split(text: &[u8], separator: u8) -> Pieces<'_> {
    Pieces {
        rest: Some(text),
        separator,
    }
}

/// Iterator of [`split`].
#[derive(Debug, Clone)]
pub struct Pieces<'a> {
    rest: Option<&'a [u8]>,
    separator: u8,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.rest.take()?;
        let Some(at) = find_outside_quotes(text, self.separator) else {
            return Some(trim(text));
        };
        let (piece, rest) = text.split_at_checked(at)?;
        self.rest = rest.get(1..);
        Some(trim(piece))
    }
}

/// Position of the first `wanted` that is outside quoted strings and angle brackets.
#[must_use]
pub fn find_outside_quotes(text: &[u8], wanted: u8) -> Option<usize> {
    let (mut quoted, mut escaped, mut bracket) = (false, false, false);
    for (at, octet) in text.iter().copied().enumerate() {
        if quoted {
            match octet {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
            continue;
        }
        if octet == wanted && (!bracket || wanted == b'>') {
            return Some(at);
        }
        match octet {
            b'"' if !bracket => quoted = true,
            b'<' => bracket = true,
            b'>' => bracket = false,
            _ => {}
        }
    }
    None
}

/// Reads a quoted string at the start of the text: its raw inside (escapes kept) and what follows.
#[must_use]
pub fn quoted_string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = text.strip_prefix(b"\"")?;
    let mut escaped = false;
    for (at, octet) in inside.iter().copied().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => {
                let (raw, rest) = inside.split_at_checked(at)?;
                return Some((raw, rest.get(1..)?));
            }
            _ => {}
        }
    }
    None
}

/// The inside of a quoted string with its escapes resolved; octets that are not UTF-8 become U+FFFD.
#[must_use]
pub fn unescape(raw: &[u8]) -> String {
    if !raw.contains(&b'\\') {
        return String::from_utf8_lossy(raw).into_owned();
    }
    let mut octets = Vec::with_capacity(raw.len());
    let mut escaped = false;
    for octet in raw.iter().copied() {
        if octet == b'\\' && !escaped {
            escaped = true;
            continue;
        }
        escaped = false;
        octets.push(octet);
    }
    String::from_utf8_lossy(&octets).into_owned()
}

/// Puts text into quotes, `"` and `\` escaped; control characters (CR and LF above all) become spaces.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(character);
            }
            control if control.is_control() => quoted.push(' '),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// A decimal number of ASCII digits only, within 64 bits.
#[must_use]
pub fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    text.iter().try_fold(0u64, |value, octet| {
        let digit = octet.is_ascii_digit().then(|| u64::from(octet - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// A decimal number within 32 bits (RFC 3261 8.1.1.5, 20: delta-seconds and CSeq are below 2^32).
#[must_use]
pub fn number_u32(text: &[u8]) -> Option<u32> {
    number(text).and_then(|value| u32::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_in_quotes_or_brackets_does_not_split() {
        let value = br#" "a,\"b" <sip:x,y@h>;q=1 , <sip:z@h> ,"#;
        let pieces: Vec<&[u8]> = split(value, b',').collect();
        assert_eq!(
            pieces,
            [&br#""a,\"b" <sip:x,y@h>;q=1"#[..], b"<sip:z@h>", b""]
        );
    }

    #[test]
    fn a_quoted_string_ends_at_its_own_quote() {
        assert_eq!(
            quoted_string(br#""a\"b" c"#),
            Some((&br#"a\"b"#[..], &b" c"[..]))
        );
        assert_eq!(quoted_string(br#""a\""#), None);
        assert_eq!(quoted_string(b"a"), None);
    }

    #[test]
    fn quoting_and_unescaping_are_inverse() {
        let text = r#"a "b" \ c"#;
        let quoted = quote(text);
        let (raw, rest) = quoted_string(quoted.as_bytes()).unwrap();
        assert!(rest.is_empty());
        assert_eq!(unescape(raw), text);
    }

    #[test]
    fn quoting_lets_no_line_break_through() {
        assert_eq!(quote("a\r\nVia: x"), "\"a  Via: x\"");
    }

    #[test]
    fn numbers_are_digits_within_their_width() {
        assert_eq!(number_u32(b"4294967295"), Some(u32::MAX));
        assert_eq!(number_u32(b"4294967296"), None);
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(number(b"18446744073709551616"), None);
        for bad in [
            &b""[..],
            b"-1",
            b"+1",
            b"1 ",
            b"0x1",
            b"100000000000000000000000",
        ] {
            assert_eq!(number(bad), None);
        }
    }
}
