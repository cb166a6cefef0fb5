//! A report for people: aligned, 100 columns, colour on a terminal only.

use super::report::{Finding, Origin, Report, Row, Section, Verdict};
use anstyle::{AnsiColor, Style};
use core::fmt::Write as _;

/// Columns of a page.
const PAGE: usize = 100;
/// Columns of the offset.
const OFFSET: usize = 5;
/// Columns of the octets of a short field.
const OCTETS: usize = 10;
/// Columns of the clause.
const CLAUSE: usize = 18;
/// Spaces between columns.
const GAP: usize = 2;
/// Longest name that keeps its own column.
const MAX_NAME: usize = 27;
/// Octets on a line of their own.
const ROW: usize = 32;

/// Whether the text is coloured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    On,
    Off,
}

/// Prints reports.
pub(super) struct Printer {
    colour: Colour,
    out: String,
}

/// A column of a line: its text and how it looks.
struct Cell<'a> {
    text: &'a str,
    width: usize,
    style: Style,
}

const PLAIN: Style = Style::new();
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const OCTET: Style = AnsiColor::Cyan.on_default();
const RIGHT: Style = AnsiColor::Green.on_default().bold();
const WRONG: Style = AnsiColor::Red.on_default().bold();
const NOTE: Style = AnsiColor::Yellow.on_default();

impl Printer {
    pub(super) const fn new(colour: Colour) -> Self {
        let out = String::new();
        Self { colour, out }
    }

    /// The whole report.
    pub(super) fn print(mut self, report: &Report, show_secrets: ShowSecrets) -> String {
        self.line(&[cell(&report.title, 0, BOLD)]);
        let name_width = name_width(report);
        for section in &report.sections {
            self.section(section, name_width);
        }
        if let Some(fault) = &report.fault {
            let place = fault.offset.map(|offset| format!("octet {offset}: "));
            let text = format!("{}{}", place.unwrap_or_default(), fault.text);
            self.out.push('\n');
            self.verdict(("stops", WRONG), &text, "");
        }
        if !report.findings.is_empty() {
            self.out.push('\n');
        }
        for finding in &report.findings {
            self.finding(finding);
        }
        if show_secrets == ShowSecrets::Yes {
            self.secrets(report);
        }
        self.out
    }

    fn section(&mut self, section: &Section, name_width: usize) {
        let title = match section.origin {
            Origin::Input => section.title.clone(),
            Origin::Opened => format!("{}, opened", section.title),
        };
        let clause = short(&section.clause);
        let width = PAGE.saturating_sub(clause.chars().count());
        self.out.push('\n');
        self.line(&[cell(&title, width, BOLD), cell(&clause, 0, DIM)]);
        let mut before: Vec<&Row> = Vec::new();
        for row in &section.rows {
            let is_known = before
                .iter()
                .any(|known| (&known.name, &known.clause) == (&row.name, &row.clause));
            let clause = match is_known {
                true => String::new(),
                false => row_clause(&row.clause, &section.clause),
            };
            self.row(row, &clause, name_width);
            before.push(row);
        }
    }

    /// The clause comes with the first field of its name in a section.
    fn row(&mut self, row: &Row, clause: &str, name_width: usize) {
        let octets = &row.octets;
        let is_short = octets.len() * 2 <= OCTETS;
        let shown = match is_short {
            true => hex::encode(octets),
            false => format!("{} octets", octets.len()),
        };
        let offset = format!("{:OFFSET$}", row.offset);
        let before = OFFSET + OCTETS + name_width + 3 * GAP;
        let value_width = PAGE.saturating_sub(before + GAP + CLAUSE);
        let names = wrap(&row.name, name_width);
        let values = wrap(&row.value, value_width);
        let clauses = wrap_clause(clause);
        let lines = names.len().max(values.len()).max(clauses.len());
        let get = |column: &[String], at: usize| column.get(at).cloned().unwrap_or_default();
        for at in 0..lines {
            let (offset, shown) = match at {
                0 => (offset.as_str(), shown.as_str()),
                _ => ("", ""),
            };
            let octet_style = if is_short { OCTET } else { DIM };
            self.line(&[
                cell(offset, OFFSET + GAP, DIM),
                cell(shown, OCTETS + GAP, octet_style),
                cell(&get(&names, at), name_width + GAP, PLAIN),
                cell(&get(&values, at), value_width + GAP, PLAIN),
                cell(&get(&clauses, at), 0, DIM),
            ]);
        }
        if !is_short {
            self.octet_rows(octets);
        }
    }

    fn octet_rows(&mut self, octets: &[u8]) {
        for row in octets.chunks(ROW) {
            let margin = OFFSET + 2 * GAP;
            self.line(&[cell("", margin, PLAIN), cell(&hex::encode(row), 0, OCTET)]);
        }
    }

    fn finding(&mut self, finding: &Finding) {
        let word = match finding.verdict {
            Verdict::Right => ("ok", RIGHT),
            Verdict::Wrong => ("WRONG", WRONG),
            Verdict::Note => ("note", NOTE),
        };
        self.verdict(word, &finding.text, finding.clause);
    }

    fn verdict(&mut self, (word, style): (&str, Style), text: &str, clause: &str) {
        const WORD: usize = OFFSET + GAP;
        let width = PAGE - WORD - GAP - CLAUSE;
        let texts = wrap(&visible(text), width);
        let clauses = wrap_clause(&short(clause));
        for at in 0..texts.len().max(clauses.len()) {
            let get = |column: &[String]| column.get(at).cloned().unwrap_or_default();
            let word = if at == 0 { word } else { "" };
            self.line(&[
                cell(word, WORD, style),
                cell(&get(&texts), width + GAP, PLAIN),
                cell(&get(&clauses), 0, DIM),
            ]);
        }
    }

    fn secrets(&mut self, report: &Report) {
        self.out.push('\n');
        for secret in &report.secrets {
            let octets = hex::encode(secret.octets.expose());
            self.line(&[
                cell("secret", OFFSET + GAP, WRONG),
                cell(secret.name, 14 + GAP, PLAIN),
                cell(&octets, 0, OCTET),
            ]);
        }
    }

    /// One line of columns; nothing follows the last visible character.
    fn line(&mut self, cells: &[Cell<'_>]) {
        let last = cells.iter().rposition(|cell| !cell.text.is_empty());
        for (at, cell) in cells.iter().enumerate() {
            if last.is_none_or(|last| at > last) {
                break;
            }
            let text = visible(cell.text);
            let columns = text.chars().count();
            self.styled(&text, cell.style);
            if last.is_some_and(|last| at < last) {
                let fill = cell.width.saturating_sub(columns);
                self.out.extend(core::iter::repeat_n(' ', fill));
            }
        }
        self.out.push('\n');
    }

    fn styled(&mut self, text: &str, style: Style) {
        if self.colour == Colour::Off || text.is_empty() || style.is_plain() {
            self.out.push_str(text);
            return;
        }
        let _ = write!(self.out, "{}{text}{}", style.render(), style.render_reset());
    }
}

/// Whether keys are printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ShowSecrets {
    Yes,
    No,
}

const fn cell(text: &str, width: usize, style: Style) -> Cell<'_> {
    Cell { text, width, style }
}

fn name_width(report: &Report) -> usize {
    let rows = report.sections.iter().flat_map(|section| &section.rows);
    let longest = rows.map(|row| row.name.chars().count()).max();
    longest.unwrap_or(0).min(MAX_NAME)
}

/// `TS 33.180 cl. E.1.2` as `TS 33.180 E.1.2`.
fn short(clause: &str) -> String {
    clause.replace(" cl. ", " ")
}

/// The references of a field without the one that its section has already named, unless that is the only one.
fn row_clause(row: &str, section: &str) -> String {
    let others: Vec<&str> = row.split(", ").filter(|part| *part != section).collect();
    match others.is_empty() {
        true => short(row),
        false => short(&others.join(", ")),
    }
}

/// References on lines of their own where they do not fit beside each other; words of one stay together.
fn wrap_clause(clause: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for part in clause.split_inclusive(", ") {
        let columns = |text: &str| text.trim_end().chars().count();
        let fits = lines
            .last()
            .is_some_and(|line| line.chars().count() + columns(part) <= CLAUSE);
        if !fits {
            lines.push(String::new());
        }
        push(&mut lines, 0, &part.chars().collect::<Vec<_>>());
    }
    let lines = lines.iter().filter(|line| !line.is_empty());
    lines
        .flat_map(|line| wrap(line.trim_end(), CLAUSE))
        .collect()
}

/// Characters that would move the cursor or hide text are escaped.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\'' | '\\' => shown.push(c),
            c => shown.extend(c.escape_debug()),
        }
    }
    shown
}

/// Lines of at most `width` columns, broken between words where that is possible; at least one line.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    for word in visible(text.trim_end()).split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        loop {
            let line = lines.last().map_or(0, |line| line.chars().count());
            let space = usize::from(line > 0);
            if line + space + word.len() <= width {
                push(&mut lines, space, &word);
                break;
            }
            if line > 0 {
                lines.push(String::new());
                continue;
            }
            let rest = word.split_off(width);
            push(&mut lines, 0, &word);
            lines.push(String::new());
            word = rest;
        }
    }
    lines
}

fn push(lines: &mut [String], space: usize, word: &[char]) {
    if let Some(line) = lines.last_mut() {
        line.extend(core::iter::repeat_n(' ', space));
        line.extend(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::new("mikey", "MIKEY message, 9 octets".to_owned(), 9);
        report.sections.push(Section {
            title: "HDR".to_owned(),
            clause: "RFC 3830 6.1".to_owned(),
            origin: Origin::Input,
            rows: vec![
                Row {
                    offset: 0,
                    octets: vec![1],
                    name: "version".to_owned(),
                    value: "one \u{1b}[2J".to_owned(),
                    clause: "TS 33.180 cl. E.1.2".to_owned(),
                },
                Row {
                    offset: 1,
                    octets: vec![0xAB; 8],
                    name: "data".to_owned(),
                    value: String::new(),
                    clause: "RFC 3830 6.1".to_owned(),
                },
            ],
        });
        report.find(Verdict::Right, "complete ".repeat(20), "RFC 6509 4.1");
        report.keep_secret("key", &[0x5A; 16]);
        report
    }

    #[test]
    fn without_colour_there_is_no_escape_and_no_line_past_the_page() {
        let text = Printer::new(Colour::Off).print(&report(), ShowSecrets::No);
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
        assert!(text.lines().all(|line| line.chars().count() <= PAGE));
        assert!(text.lines().all(|line| line.trim_end() == line));
        assert!(text.contains(r"one \u{1b}[2J"));
        assert!(text.contains("TS 33.180 E.1.2"));
        assert!(text.contains("abababababababab"));
        assert!(!text.contains("5a5a"));
    }

    #[test]
    fn colour_changes_nothing_else() {
        let plain = Printer::new(Colour::Off).print(&report(), ShowSecrets::Yes);
        let coloured = Printer::new(Colour::On).print(&report(), ShowSecrets::Yes);
        assert!(coloured.contains('\u{1b}'));
        let mut stripped = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            stripped.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        stripped.push_str(rest);
        assert_eq!(stripped, plain);
        assert!(plain.contains(&"5a".repeat(16)));
    }

    #[test]
    fn words_are_kept_whole_where_they_fit() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
        assert_eq!(wrap("a bcdefgh", 4), ["a", "bcde", "fgh"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
