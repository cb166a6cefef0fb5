//! Finding the delimiter lines of a multipart body.

use crate::multipart::MultipartError;

/// A boundary that keeps to the grammar (RFC 2046 5.1.1).
#[derive(Debug, Clone)]
pub(super) struct Boundary {
    /// Two dashes and the boundary.
    dashed: Vec<u8>,
}

/// One delimiter line: from the CRLF before it to behind its own CRLF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delimiter {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) closes: bool,
}

impl Boundary {
    /// Checks length and characters.
    pub(super) fn new(boundary: &str) -> Result<Self, MultipartError> {
        let legal = |octet: u8| octet.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&octet);
        if !(1..=70).contains(&boundary.len())
            || !boundary.bytes().all(legal)
            || boundary.ends_with(' ')
        {
            return Err(MultipartError::Boundary);
        }
        Ok(Self {
            dashed: [b"--", boundary.as_bytes()].concat(),
        })
    }

    /// All delimiter lines of a body in order. A line that only begins like one is content.
    pub(super) fn delimiters<'a>(&'a self, body: &'a [u8]) -> impl Iterator<Item = Delimiter> + 'a {
        let mut from = 0;
        core::iter::from_fn(move || {
            loop {
                let line = line_start(body, from)?;
                from = line + 1;
                if let Some(delimiter) = self.at(body, line) {
                    from = delimiter.end.saturating_sub(2).max(line + 1);
                    return Some(delimiter);
                }
            }
        })
    }

    /// Whether any line of the octets is a delimiter.
    pub(super) fn occurs_in(&self, octets: &[u8]) -> bool {
        self.delimiters(octets).next().is_some()
    }

    /// The delimiter whose line starts here, if it is one.
    fn at(&self, body: &[u8], line: usize) -> Option<Delimiter> {
        let after = body.get(line..)?.strip_prefix(self.dashed.as_slice())?;
        let (closes, padded) = match after.strip_prefix(b"--") {
            Some(rest) => (true, rest),
            None => (false, after),
        };
        let padding = padded
            .iter()
            .take_while(|octet| matches!(octet, b' ' | b'\t'))
            .count();
        let rest = padded.get(padding..)?;
        let ends = rest.starts_with(b"\r\n") || (closes && rest.is_empty());
        let end = body.len() - rest.len() + if rest.is_empty() { 0 } else { 2 };
        ends.then_some(Delimiter {
            start: line.saturating_sub(2),
            end,
            closes,
        })
    }
}

/// The next position at or after `from` where a line starts with a dash: the start of the body or behind CRLF.
fn line_start(body: &[u8], from: usize) -> Option<usize> {
    if from == 0 && body.first() == Some(&b'-') {
        return Some(0);
    }
    let mut at = from.saturating_sub(1);
    loop {
        at += body.get(at..)?.iter().position(|octet| *octet == b'\n')?;
        let line = at + 1;
        if line >= from
            && at > 0
            && body.get(at - 1) == Some(&b'\r')
            && body.get(line) == Some(&b'-')
        {
            return Some(line);
        }
        at += 1;
    }
}
