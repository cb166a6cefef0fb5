//! The list of places in the source at which code may jump, divide, compare or index, because what decides is public.
//!
//! ```text
//! = The reason for the lines below it.
//! KIND FILE [through STANDARD-LIBRARY-FILE] : TEXT OF THE LINE
//! counters FILE : NAMES
//! ```
//!
//! `*` stands for anything. Names are those of loop counters: a place of the kind `index` needs no line of its own
//! where everything between brackets is made of them, of numbers and of constants.

use super::disassembly::Kind;
use super::place::Place;
use crate::outcome::Failure;

struct Entry {
    kind: String,
    file: String,
    through: String,
    text: String,
    reason: String,
    used: bool,
}

struct Counters {
    file: String,
    names: Vec<String>,
    reason: String,
}

/// The list.
pub(crate) struct Permitted {
    entries: Vec<Entry>,
    counters: Vec<Counters>,
}

impl Permitted {
    /// Reads a list.
    pub(crate) fn read(list: &str) -> Result<Self, Failure> {
        let mut permitted = Self {
            entries: Vec::new(),
            counters: Vec::new(),
        };
        let mut reason = "";
        for (number, line) in (1..).zip(list.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(next) = line.strip_prefix("= ") {
                reason = next;
                continue;
            }
            let read = if reason.is_empty() {
                None
            } else {
                permitted.add(line, reason)
            };
            read.ok_or_else(|| Failure::List {
                line: number,
                text: line.to_owned(),
            })?;
        }
        Ok(permitted)
    }

    fn add(&mut self, line: &str, reason: &str) -> Option<()> {
        let (head, text) = line.split_once(" : ")?;
        let mut words = head.split_whitespace();
        let (kind, file) = (words.next()?.to_owned(), words.next()?.to_owned());
        let through = match words.next() {
            Some("through") => words.next()?.to_owned(),
            Some(_) => return None,
            None => "-".to_owned(),
        };
        let reason = reason.to_owned();
        if kind == "counters" {
            let names = text.split_whitespace().map(str::to_owned).collect();
            self.counters.push(Counters {
                file,
                names,
                reason,
            });
        } else {
            let text = text.trim().to_owned();
            self.entries.push(Entry {
                kind,
                file,
                through,
                text,
                reason,
                used: false,
            });
        }
        Some(())
    }

    /// Why a place is permitted, if it is.
    pub(crate) fn reason_for(&mut self, place: &Place) -> Option<&str> {
        let fits = |entry: &&mut Entry| {
            matches(&entry.kind, &place.kind.to_string())
                && matches(&entry.file, &place.file)
                && matches(&entry.text, &place.text)
                && (entry.through == "-" || matches(&entry.through, &place.through))
        };
        if let Some(entry) = self.entries.iter_mut().find(fits) {
            entry.used = true;
            return Some(&entry.reason);
        }
        let counted = |counters: &&Counters| {
            matches(&counters.file, &place.file) && is_counted(&place.text, &counters.names)
        };
        let counters = self.counters.iter().find(counted);
        counters
            .filter(|_| place.kind == Kind::Index)
            .map(|counters| counters.reason.as_str())
    }

    /// Lines that nothing needed.
    pub(crate) fn unused(&self) -> impl Iterator<Item = String> {
        let unused = self.entries.iter().filter(|entry| !entry.used);
        unused.map(|entry| format!("{} {} : {}", entry.kind, entry.file, entry.text))
    }
}

/// Whether a text is what a pattern with `*` says.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(start) else {
        return false;
    };
    let ends = text.char_indices().map(|(end, _)| end).chain([text.len()]);
    ends.filter_map(|end| text.get(end..))
        .any(|tail| matches(rest, tail))
}

/// Whether every index in a line of code is made of counters, numbers and constants.
fn is_counted(line: &str, counters: &[String]) -> bool {
    let known = |word: &str| {
        let number = word.starts_with(|letter: char| letter.is_ascii_digit());
        let constant = !word.contains(|letter: char| letter.is_ascii_lowercase());
        number || constant || counters.iter().any(|name| name == word)
    };
    let mut insides = indices(line).into_iter();
    insides.all(|inside| {
        let words = inside.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        words.filter(|word| !word.is_empty()).all(known)
    })
}

/// What stands between brackets after a name or another index.
fn indices(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (start, _) in line.match_indices('[') {
        let before = line.get(..start).and_then(|before| before.chars().last());
        let is_index =
            before.is_some_and(|letter| letter.is_alphanumeric() || "_])".contains(letter));
        let inside = line
            .get(start + 1..)
            .and_then(|rest| rest.split(']').next());
        found.extend(inside.filter(|_| is_index));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters() -> Vec<String> {
        vec!["i".to_owned(), "j".to_owned()]
    }

    #[test]
    fn indices_of_counters_are_public() {
        assert!(is_counted(
            "(t[i + LIMBS], carry) = f(t[i + j], Q[j]);",
            &counters()
        ));
        assert!(is_counted("let both = [a, b];", &counters()));
        assert!(!is_counted("let entry = table[digit];", &counters()));
        assert!(!is_counted(
            "let entry = t[i][digit as usize];",
            &counters()
        ));
    }

    #[test]
    fn patterns_have_stars() {
        assert!(matches("while * < LIMBS {", "while i < LIMBS {"));
        assert!(matches("core/*/src/*.rs", "core/p256/src/scalar.rs"));
        assert!(!matches("core/*/src", "core/p256/src/scalar.rs"));
        assert!(matches("*", ""));
    }

    #[test]
    fn every_line_stands_under_a_reason() {
        assert!(Permitted::read("jump a.rs : for").is_err());
        assert!(Permitted::read("= because\njump a.rs for").is_err());
        assert!(Permitted::read("= because\njump a.rs : for").is_ok());
    }

    #[test]
    fn the_list_can_be_read() {
        assert!(Permitted::read(super::super::LIST).is_ok());
    }
}
