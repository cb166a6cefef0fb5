//! `roger inspect floor`.

use super::keys::Keys;
use super::report::{Fault, Finding, Origin, Report, Row, Section, Verdict};
use super::srtp::{self, Protection};
use roger_floor::{Description, Line, Profile, describe};
use roger_srtp::{Guess, guess};

/// Name of the line that begins a message of a datagram.
const FIRST_LINE: &str = "version, subtype";
/// Where the application name stands, and the three there are (TS 24.380 cl. 8.1.2).
const NAME: core::ops::Range<usize> = 8..12;
const APPLICATIONS: [&[u8; 4]; 3] = [b"MCPT", b"MCPC", b"MCMC"];
const PROTECTION: &str = "TS 24.380 cl. 13, TS 33.180 cl. 9.4";

/// Explains a floor control message, in clear or protected with SRTCP, which keys open.
pub(super) fn report(octets: &[u8], protection: Protection, keys: Option<&Keys>) -> Report {
    let description = describe(octets, &Profile::default());
    if !description.problems.is_empty() && is_protected(octets, protection) {
        return srtp::report(octets, protection, keys);
    }
    let title = format!("Floor control in clear, {} octets", octets.len());
    let mut report = Report::new("floor", title, octets.len());
    report.sections = sections(&description, Origin::Input);
    if report.sections.is_empty() {
        let octets = srtp::octets_only("Octets", "TS 24.380 cl. 8.1.2", Origin::Input, octets);
        report.sections.push(octets);
    }
    take_problems(&mut report, &description);
    if keys.is_some() && report.is_sound() {
        let text = "nothing to verify: the message came in clear".to_owned();
        report.find(Verdict::Wrong, text, PROTECTION);
    }
    report
}

/// Whether the octets look like SRTCP, or are said to be. The application name stands where ciphertext would begin:
/// with it in clear, the message is.
fn is_protected(octets: &[u8], protection: Protection) -> bool {
    if protection.profile.is_some() {
        return true;
    }
    let named = octets
        .get(NAME)
        .is_some_and(|name| APPLICATIONS.iter().any(|known| name == known.as_slice()));
    let is_cm = protection.suite == srtp::SuiteName::Cm;
    !named && (is_cm || matches!(guess(octets), Some(Guess::Rtcp(_))))
}

/// Adds what stood inside SRTCP.
pub(super) fn add_opened(report: &mut Report, packet: &[u8]) {
    let description = describe(packet, &Profile::default());
    report
        .sections
        .extend(sections(&description, Origin::Opened));
    let wrong = description.problems.iter().map(|(offset, error)| Finding {
        verdict: Verdict::Wrong,
        text: format!("opened message, octet {offset}: {error}"),
        clause: "TS 24.380 cl. 8",
    });
    report.findings.extend(wrong);
}

/// The first problem is why a receiver refuses the datagram; the others are said too.
fn take_problems(report: &mut Report, description: &Description) {
    let mut problems = description.problems.iter();
    report.fault = problems.next().map(|(offset, error)| Fault {
        offset: Some(*offset),
        text: error.to_string(),
    });
    for (offset, error) in problems {
        let text = format!("octet {offset}: {error}");
        report.find(Verdict::Wrong, text, "TS 24.380 cl. 8");
    }
}

/// One section for each message of the datagram, named as the message is.
fn sections(description: &Description, origin: Origin) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in &description.lines {
        if line.field == FIRST_LINE || sections.is_empty() {
            sections.push(Section {
                title: message_name(line),
                clause: clause(line.clause),
                origin,
                rows: Vec::new(),
            });
        }
        if let Some(section) = sections.last_mut() {
            section.rows.push(row(line));
        }
    }
    sections
}

/// The first line means `Floor Granted, type 1`.
fn message_name(line: &Line) -> String {
    let name = line.meaning.split(", type").next();
    name.unwrap_or_default().to_owned()
}

fn row(line: &Line) -> Row {
    Row {
        offset: line.offset,
        octets: line.octets.clone(),
        name: line.field.clone(),
        value: line.meaning.clone(),
        clause: clause(line.clause),
    }
}

/// Clauses of TS 24.380 come as bare numbers.
fn clause(clause: &str) -> String {
    match clause.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("TS 24.380 cl. {clause}"),
        false => clause.to_owned(),
    }
}
