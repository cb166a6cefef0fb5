//! The header section: every line as received, in order, and edits that touch one line only.

use crate::header::scan;
use crate::message::line::{Line, check_value, fault_of, line_at, line_end, unfold};
use crate::message::{BuildError, HeaderFault, HeaderLine, HeaderName};
use std::borrow::Cow;

/// Largest header section that may be built by edits, in octets.
const MAX_TEXT: usize = 4 * 1024 * 1024;
/// Octets of replaced lines that are tolerated before the text is rewritten.
const MAX_GARBAGE: usize = 4096;

/// Header lines in order, octets as received (RFC 3261 7.3).
#[derive(Debug, Clone, Default)]
pub struct Headers {
    text: Vec<u8>,
    lines: Vec<Line>,
    garbage: usize,
    unterminated: bool,
}

impl Headers {
    /// No lines.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Splits a header section: the octets between the start line and the empty line, each line with its CRLF.
    ///
    /// Lines that are malformed are kept; [`Headers::fault`] reports them. `None` when there are more than
    /// `max_lines` lines or the section is too large to address.
    pub(crate) fn split(section: &[u8], max_lines: usize) -> Option<Self> {
        if section.len() > MAX_TEXT {
            return None;
        }
        let mut headers = Self {
            text: section.to_vec(),
            lines: Vec::with_capacity(24),
            garbage: 0,
            unterminated: false,
        };
        let mut start = 0;
        while start < section.len() {
            let end = line_end(section, start);
            if headers.lines.len() == max_lines {
                return None;
            }
            headers.lines.push(line_at(section, start, end)?);
            start = end;
        }
        Some(headers)
    }

    /// All lines in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = HeaderLine<'_>> {
        self.lines.iter().map(|line| self.view(*line))
    }

    /// Number of lines.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is no line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Value of the first line of this name.
    #[must_use]
    pub fn get(&self, name: HeaderName<'_>) -> Option<&[u8]> {
        self.values(name).next()
    }

    /// Value of the first line of this name as text: unfolded, octets that are not UTF-8 as U+FFFD.
    #[must_use]
    pub fn text(&self, name: HeaderName<'_>) -> Option<Cow<'_, str>> {
        self.get(name).map(unfold)
    }

    /// Values of all lines of this name, in order.
    pub fn values<'a, 'n>(&'a self, name: HeaderName<'n>) -> impl Iterator<Item = &'a [u8]> {
        self.lines
            .iter()
            .filter(move |line| name.matches(self.name_of(**line)))
            .map(|line| self.value_of(*line))
    }

    /// All elements of a comma-separated header over all its lines, in order, raw and trimmed.
    pub fn elements<'a, 'n>(&'a self, name: HeaderName<'n>) -> impl Iterator<Item = &'a [u8]> {
        self.values(name).flat_map(|value| scan::split(value, b','))
    }

    /// Whether a line of this name exists.
    #[must_use]
    pub fn contains(&self, name: HeaderName<'_>) -> bool {
        self.get(name).is_some()
    }

    /// Number of lines of this name.
    #[must_use]
    pub fn count(&self, name: HeaderName<'_>) -> usize {
        self.values(name).count()
    }

    /// Adds a line at the end.
    ///
    /// # Errors
    /// [`BuildError`] when the value would break out of its line or the section is too large.
    pub fn push(
        &mut self,
        name: HeaderName<'_>,
        value: impl AsRef<[u8]>,
    ) -> Result<(), BuildError> {
        let line = self.write_line(name, value.as_ref())?;
        self.lines.push(line);
        Ok(())
    }

    /// Adds a line before the first one of this name, or on top when there is none (Via, Route, Record-Route).
    ///
    /// # Errors
    /// As [`Headers::push`].
    pub fn push_front(
        &mut self,
        name: HeaderName<'_>,
        value: impl AsRef<[u8]>,
    ) -> Result<(), BuildError> {
        let line = self.write_line(name, value.as_ref())?;
        let at = self.position(name).unwrap_or(0);
        self.lines.insert(at, line);
        Ok(())
    }

    /// Replaces the value of the first line of this name (its spelling of the name is kept) and removes
    /// further ones; adds the line at the end when there is none.
    ///
    /// # Errors
    /// As [`Headers::push`].
    pub fn set(&mut self, name: HeaderName<'_>, value: impl AsRef<[u8]>) -> Result<(), BuildError> {
        let Some(at) = self.position(name) else {
            return self.push(name, value);
        };
        self.replace_value(at, value.as_ref())?;
        let mut index = 0;
        self.retain(|line_name| {
            index += 1;
            index - 1 <= at || !name.matches(line_name)
        });
        Ok(())
    }

    /// Removes all lines of this name and says how many there were.
    pub fn remove(&mut self, name: HeaderName<'_>) -> usize {
        let before = self.lines.len();
        self.retain(|line_name| !name.matches(line_name));
        before - self.lines.len()
    }

    /// Replaces the first element of a comma-separated header (the top Via when `received` is added);
    /// `false` when there is none.
    ///
    /// # Errors
    /// As [`Headers::push`].
    pub fn replace_first_element(
        &mut self,
        name: HeaderName<'_>,
        element: impl AsRef<[u8]>,
    ) -> Result<bool, BuildError> {
        let Some(at) = self.position(name) else {
            return Ok(false);
        };
        let mut value = element.as_ref().to_vec();
        if let Some(rest) = self.after_first_element(at) {
            value.push(b',');
            value.extend_from_slice(rest);
        }
        self.replace_value(at, &value)?;
        Ok(true)
    }

    /// Removes the first element of a comma-separated header (own Via of a response, own Route of a request)
    /// and hands it out.
    pub fn remove_first_element(&mut self, name: HeaderName<'_>) -> Option<Vec<u8>> {
        let at = self.position(name)?;
        let line = *self.lines.get(at)?;
        let first = scan::split(self.value_of(line), b',').next()?.to_vec();
        match self
            .after_first_element(at)
            .map(|rest| scan::trim(rest).to_vec())
        {
            Some(rest) => self.replace_value(at, &rest).ok()?,
            None => {
                self.garbage += line.len();
                self.lines.remove(at);
                self.compact();
            }
        }
        Some(first)
    }

    /// Copies all lines of this name from another section, octet for octet, to the end.
    ///
    /// # Errors
    /// [`BuildError::TooLarge`].
    pub fn copy_from(&mut self, other: &Headers, name: HeaderName<'_>) -> Result<(), BuildError> {
        for line in other
            .lines
            .iter()
            .filter(|line| name.matches(other.name_of(**line)))
        {
            self.push_octets(*line, other.octets_of(*line))?;
        }
        Ok(())
    }

    /// Octets of the section when printed, without the empty line.
    #[must_use]
    pub fn octets_len(&self) -> usize {
        self.text.len() - self.garbage
    }

    /// Prints the lines, without the empty line.
    pub fn write_to(&self, output: &mut Vec<u8>) {
        let mut run = 0..0;
        for line in &self.lines {
            let (start, end) = (line.start as usize, line.end as usize);
            if start == run.end {
                run.end = end;
                continue;
            }
            output.extend_from_slice(self.text.get(run).unwrap_or_default());
            run = start..end;
        }
        output.extend_from_slice(self.text.get(run).unwrap_or_default());
    }

    /// The first line that breaks the grammar of a header line, if any (RFC 3261 7.3.1).
    #[must_use]
    pub fn fault(&self) -> Option<HeaderFault> {
        if self.unterminated {
            return Some(HeaderFault::NoEmptyLine);
        }
        self.lines
            .iter()
            .find_map(|line| fault_of(self.view(*line)))
    }

    /// Notes that the empty line was missing.
    pub(crate) const fn mark_unterminated(&mut self) {
        self.unterminated = true;
    }

    fn view(&self, line: Line) -> HeaderLine<'_> {
        HeaderLine {
            name: self.name_of(line),
            value: self.value_of(line),
            octets: self.octets_of(line),
        }
    }

    fn name_of(&self, line: Line) -> &[u8] {
        self.text
            .get(line.start as usize..line.name_end as usize)
            .unwrap_or_default()
    }

    fn value_of(&self, line: Line) -> &[u8] {
        self.text
            .get(line.value_start as usize..line.value_end as usize)
            .unwrap_or_default()
    }

    fn octets_of(&self, line: Line) -> &[u8] {
        self.text
            .get(line.start as usize..line.end as usize)
            .unwrap_or_default()
    }

    fn position(&self, name: HeaderName<'_>) -> Option<usize> {
        self.lines
            .iter()
            .position(|line| name.matches(self.name_of(*line)))
    }

    /// What follows the first comma of the line's value, when there is one.
    fn after_first_element(&self, at: usize) -> Option<&[u8]> {
        let value = self.value_of(*self.lines.get(at)?);
        let comma = scan::find_outside_quotes(value, b',')?;
        value.get(comma + 1..)
    }

    fn write_line(&mut self, name: HeaderName<'_>, value: &[u8]) -> Result<Line, BuildError> {
        check_value(value)?;
        let value = scan::trim(value);
        let start = self.text.len();
        if start + name.as_str().len() + value.len() + 4 > MAX_TEXT {
            return Err(BuildError::TooLarge);
        }
        self.text.extend_from_slice(name.as_str().as_bytes());
        self.text.extend_from_slice(b": ");
        self.text.extend_from_slice(value);
        self.text.extend_from_slice(b"\r\n");
        line_at(&self.text, start, self.text.len()).ok_or(BuildError::TooLarge)
    }

    /// Writes the line anew: everything before and after the value stays as it was.
    fn replace_value(&mut self, at: usize, value: &[u8]) -> Result<(), BuildError> {
        check_value(value)?;
        let Some(line) = self.lines.get(at).copied() else {
            return Ok(());
        };
        let whole = self.octets_of(line).to_vec();
        let before = whole
            .get(..(line.value_start - line.start) as usize)
            .unwrap_or_default();
        let after = whole
            .get((line.value_end - line.start) as usize..)
            .unwrap_or_default();
        let octets = [before, scan::trim(value), after].concat();
        let start = self.text.len();
        if start + octets.len() > MAX_TEXT {
            return Err(BuildError::TooLarge);
        }
        self.text.extend_from_slice(&octets);
        let new = line_at(&self.text, start, self.text.len()).ok_or(BuildError::TooLarge)?;
        if let Some(slot) = self.lines.get_mut(at) {
            *slot = new;
        }
        self.garbage += line.len();
        self.compact();
        Ok(())
    }

    fn push_octets(&mut self, line: Line, octets: &[u8]) -> Result<(), BuildError> {
        let start = self.text.len();
        if start + octets.len() > MAX_TEXT {
            return Err(BuildError::TooLarge);
        }
        let moved = |offset: u32| (offset - line.start) + start as u32;
        self.text.extend_from_slice(octets);
        self.lines.push(Line {
            start: start as u32,
            name_end: moved(line.name_end),
            value_start: moved(line.value_start),
            value_end: moved(line.value_end),
            end: moved(line.end),
        });
        Ok(())
    }

    fn retain(&mut self, mut keep: impl FnMut(&[u8]) -> bool) {
        let text = &self.text;
        let garbage = &mut self.garbage;
        self.lines.retain(|line| {
            let kept = keep(
                text.get(line.start as usize..line.name_end as usize)
                    .unwrap_or_default(),
            );
            if !kept {
                *garbage += line.len();
            }
            kept
        });
        self.compact();
    }

    /// Rewrites the text when too much of it belongs to no line any more.
    fn compact(&mut self) {
        if self.garbage < MAX_GARBAGE || self.garbage < self.text.len() / 2 {
            return;
        }
        let mut fresh = Self {
            text: Vec::with_capacity(self.octets_len()),
            lines: Vec::new(),
            garbage: 0,
            unterminated: self.unterminated,
        };
        for line in &self.lines {
            let copied = fresh.push_octets(*line, self.octets_of(*line));
            debug_assert!(copied.is_ok(), "the rewritten text is shorter");
        }
        *self = fresh;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECTION: &[u8] =
        b"Via: SIP/2.0/UDP a, SIP/2.0/UDP b\r\nTo :  x\r\n  y \r\nv: SIP/2.0/UDP c\r\nX-Odd: \xff\xfe\r\nEmpty:\r\n";

    fn printed(headers: &Headers) -> Vec<u8> {
        let mut output = Vec::new();
        headers.write_to(&mut output);
        assert_eq!(output.len(), headers.octets_len());
        output
    }

    fn section() -> Headers {
        Headers::split(SECTION, 10).unwrap()
    }

    #[test]
    fn untouched_lines_print_as_received() {
        let headers = section();
        assert_eq!(printed(&headers), SECTION);
        assert_eq!(headers.get(HeaderName::TO), Some(&b"x\r\n  y"[..]));
        assert_eq!(headers.text(HeaderName::TO).unwrap(), "x y");
        assert_eq!(
            headers.get(HeaderName::new("empty").unwrap()),
            Some(&b""[..])
        );
        assert_eq!(headers.elements(HeaderName::VIA).count(), 3);
        assert_eq!(headers.fault(), None);
    }

    #[test]
    fn setting_one_header_leaves_the_others() {
        let mut headers = section();
        headers.set(HeaderName::TO, "z").unwrap();
        let text = String::from_utf8_lossy(SECTION).replace("x\r\n  y", "z");
        assert_eq!(String::from_utf8_lossy(&printed(&headers)), text);
    }

    #[test]
    fn setting_a_repeated_header_leaves_one() {
        let mut headers = section();
        headers.set(HeaderName::VIA, "only").unwrap();
        assert_eq!(
            headers.values(HeaderName::VIA).collect::<Vec<_>>(),
            [b"only"]
        );
        assert_eq!(headers.len(), 4);
    }

    #[test]
    fn elements_are_taken_and_put_on_top() {
        let mut headers = section();
        assert_eq!(
            headers.remove_first_element(HeaderName::VIA).unwrap(),
            b"SIP/2.0/UDP a"
        );
        assert_eq!(headers.get(HeaderName::VIA), Some(&b"SIP/2.0/UDP b"[..]));
        headers
            .replace_first_element(HeaderName::VIA, "SIP/2.0/UDP b;received=1.2.3.4")
            .unwrap();
        headers
            .push_front(HeaderName::VIA, "SIP/2.0/UDP new")
            .unwrap();
        let all: Vec<&[u8]> = headers.elements(HeaderName::VIA).collect();
        assert_eq!(
            all,
            [
                &b"SIP/2.0/UDP new"[..],
                b"SIP/2.0/UDP b;received=1.2.3.4",
                b"SIP/2.0/UDP c"
            ]
        );
        for _ in 0..3 {
            headers.remove_first_element(HeaderName::VIA).unwrap();
        }
        assert_eq!(headers.remove_first_element(HeaderName::VIA), None);
    }

    #[test]
    fn replacing_the_first_element_leaves_the_second() {
        let mut headers = section();
        assert!(headers.replace_first_element(HeaderName::VIA, "A").unwrap());
        assert_eq!(headers.get(HeaderName::VIA), Some(&b"A, SIP/2.0/UDP b"[..]));
        assert!(
            !headers
                .replace_first_element(HeaderName::ROUTE, "A")
                .unwrap()
        );
    }

    #[test]
    fn a_value_cannot_break_out_of_its_line() {
        let mut headers = section();
        for bad in ["a\r\nVia: evil", "a\nb", "a\rb", "a\r\n\r\nb"] {
            assert_eq!(
                headers.push(HeaderName::SUBJECT, bad),
                Err(BuildError::LineBreak),
                "{bad:?}"
            );
            assert_eq!(
                headers.set(HeaderName::TO, bad),
                Err(BuildError::LineBreak),
                "{bad:?}"
            );
        }
        assert_eq!(printed(&headers), SECTION);
        headers.push(HeaderName::SUBJECT, "a\r\n folded").unwrap();
    }

    #[test]
    fn many_edits_do_not_grow_the_text() {
        let mut headers = section();
        for round in 0..10_000 {
            headers
                .set(HeaderName::TO, format!("<sip:{round}@example.org>"))
                .unwrap();
        }
        assert!(
            headers.text.capacity() < 20_000,
            "{}",
            headers.text.capacity()
        );
        assert_eq!(
            headers.text(HeaderName::TO).unwrap(),
            "<sip:9999@example.org>"
        );
    }

    #[test]
    fn malformed_lines_are_kept_and_reported() {
        for (section, fault) in [
            (&b"no colon\r\n"[..], HeaderFault::NoName),
            (b": x\r\n", HeaderFault::NoName),
            (b" fold of nothing\r\n", HeaderFault::NoName),
            (b"a b: x\r\n", HeaderFault::Name),
            (b"a: x\nVia: y\r\n", HeaderFault::StrayBreak),
            (b"a: x\rVia: y\r\n", HeaderFault::StrayBreak),
        ] {
            let headers = Headers::split(section, 10).unwrap();
            assert_eq!(
                headers.fault(),
                Some(fault),
                "{}",
                String::from_utf8_lossy(section)
            );
            assert_eq!(printed(&headers), section);
        }
    }

    #[test]
    fn too_many_lines_are_refused() {
        assert!(Headers::split(&b"a: b\r\n".repeat(11), 10).is_none());
        assert!(Headers::split(&b"a: b\r\n".repeat(10), 10).is_some());
    }
}
