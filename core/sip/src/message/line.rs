//! One header line: where it ends, what its parts are, what is wrong with it (RFC 3261 7.3.1).

use crate::header::scan;
use crate::message::BuildError;
use std::borrow::Cow;

/// Offsets of one header line (folded continuation lines included) in the text.
///
/// ```text
/// Name :  value with
///   a fold  CRLF
/// ^start  ^name_end
///         ^value_start .. value_end      ^end
/// ```
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) start: u32,
    pub(super) name_end: u32,
    pub(super) value_start: u32,
    pub(super) value_end: u32,
    pub(super) end: u32,
}

impl Line {
    pub(super) const fn len(self) -> usize {
        (self.end - self.start) as usize
    }
}

/// One header line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderLine<'a> {
    /// The name as received.
    pub name: &'a [u8],
    /// The value without white space at its ends; folding inside is kept.
    pub value: &'a [u8],
    /// The whole line with its CRLF.
    pub octets: &'a [u8],
}

/// What is wrong with a header line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderFault {
    /// No colon, or nothing before it.
    NoName,
    /// The name is not a token.
    Name,
    /// A CR or LF that is not part of CRLF.
    StrayBreak,
    /// The datagram ended before the empty line.
    NoEmptyLine,
}

pub(super) fn fault_of(line: HeaderLine<'_>) -> Option<HeaderFault> {
    if line.name.is_empty() {
        return Some(HeaderFault::NoName);
    }
    if !scan::is_token(line.name) {
        return Some(HeaderFault::Name);
    }
    has_stray_break(line.octets).then_some(HeaderFault::StrayBreak)
}

/// A CR without LF or an LF without CR: the next hop might see another line there.
fn has_stray_break(octets: &[u8]) -> bool {
    let mut previous = 0;
    for octet in octets.iter().copied() {
        if (previous == b'\r') != (octet == b'\n') {
            return true;
        }
        previous = octet;
    }
    previous == b'\r'
}

/// A value that is written must stay inside its line: CRLF only when white space follows (a copied fold).
pub(super) fn check_value(value: &[u8]) -> Result<(), BuildError> {
    let value = scan::trim(value);
    if has_stray_break(value) {
        return Err(BuildError::LineBreak);
    }
    let breaks_out = value
        .windows(3)
        .any(|window| matches!(window, [b'\r', b'\n', next] if !matches!(next, b' ' | b'\t')));
    if breaks_out {
        return Err(BuildError::LineBreak);
    }
    Ok(())
}

/// End of the header line that begins at `start`: after the first CRLF that no white space follows.
pub(super) fn line_end(section: &[u8], start: usize) -> usize {
    let mut from = start;
    loop {
        let rest = section.get(from..).unwrap_or_default();
        let Some(at) = find_crlf(rest) else {
            return section.len();
        };
        let end = from + at + 2;
        if !matches!(section.get(end), Some(b' ' | b'\t')) {
            return end;
        }
        from = end;
    }
}

/// Position of the first CRLF.
pub(crate) fn find_crlf(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.iter().position(|octet| *octet == b'\n')?;
        if at > 0 && text.get(at - 1) == Some(&b'\r') {
            return Some(at - 1);
        }
        from = at + 1;
    }
}

pub(super) fn line_at(text: &[u8], start: usize, end: usize) -> Option<Line> {
    let octets = text.get(start..end)?;
    let colon = octets
        .iter()
        .position(|octet| matches!(octet, b':' | b'\r'))
        .unwrap_or(octets.len());
    let has_colon = octets.get(colon) == Some(&b':');
    let name_len = if has_colon {
        trim_end(octets.get(..colon)?).len()
    } else {
        0
    };
    let value = octets.get(if has_colon { colon + 1 } else { 0 }..)?;
    let trimmed = scan::trim(value);
    let lead = if trimmed.is_empty() {
        0
    } else {
        value
            .iter()
            .take_while(|octet| scan::is_space(**octet))
            .count()
    };
    let value_start = end - value.len() + lead;
    let offset = |at: usize| u32::try_from(at).ok();
    Some(Line {
        start: offset(start)?,
        name_end: offset(start + name_len)?,
        value_start: offset(value_start)?,
        value_end: offset(value_start + trimmed.len())?,
        end: offset(end)?,
    })
}

fn trim_end(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// A header value as text: folds become one space, octets that are not UTF-8 become U+FFFD (RFC 3261 7.3.1).
#[must_use]
pub fn unfold(value: &[u8]) -> Cow<'_, str> {
    if !value.contains(&b'\n') {
        return String::from_utf8_lossy(value);
    }
    let mut text = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = find_crlf(rest) {
        let (before, after) = rest.split_at_checked(at).unwrap_or_default();
        text.extend_from_slice(trim_end(before));
        text.push(b' ');
        rest = scan::trim(after);
    }
    text.extend_from_slice(rest);
    Cow::Owned(String::from_utf8_lossy(&text).into_owned())
}
