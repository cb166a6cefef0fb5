//! A description as text.

use super::{Description, Finding, Line, Origin, Section, Verdict};
use core::fmt;

/// Octets on the line of a field; longer fields continue below.
const SHORT: usize = 8;
/// Octets on a continuation line.
const ROW: usize = 32;
/// Columns that the octets of a short field take.
const OCTET_COLUMNS: usize = SHORT * 2;

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "MIKEY message, {} octets", self.length)?;
        for section in &self.sections {
            write!(f, "\n{section}")?;
        }
        if let Some(fault) = &self.fault {
            writeln!(f, "\nUNREADABLE {fault}")?;
        }
        if !self.findings.is_empty() {
            writeln!(f)?;
        }
        self.findings
            .iter()
            .try_for_each(|finding| writeln!(f, "{finding}"))
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = match self.origin {
            Origin::Message => "",
            Origin::Decrypted => ", decrypted",
        };
        writeln!(f, "{}{origin} ({})", self.title, self.clause)?;
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = match self.octets.len() <= SHORT {
            true => hex::encode(&self.octets),
            false => format!("{} octets", self.octets.len()),
        };
        let (offset, name) = (self.offset, self.field.name());
        write!(f, "{offset:6}  {short:OCTET_COLUMNS$}  {name}")?;
        if !self.meaning.is_empty() {
            write!(f, ": {}", self.meaning)?;
        }
        write!(f, "  [{}]", self.field.clause())?;
        if self.octets.len() > SHORT {
            for row in self.octets.chunks(ROW) {
                write!(f, "\n{:10}{}", "", hex::encode(row))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Right => "ok",
            Verdict::Wrong => "WRONG",
            Verdict::Note => "note",
        };
        write!(f, "{verdict:6}  {}  [{}]", self.text, self.clause)
    }
}
