//! `roger inspect mikey`.

use super::keys::{HeldKey, Keys};
use super::report::{Fault, Finding, Origin, Report, Row, Section, Verdict};
use roger_base::{NtpTime, PurposeTag};
use roger_mikey::Message;
use roger_mikey::describe::{self, Description, describe};

/// Explains a MIKEY message; with keys it is verified and opened.
pub(super) fn report(octets: &[u8], keys: Option<&Keys>, now: NtpTime) -> Report {
    let Some(keys) = keys else {
        return without_keys(octets, now);
    };
    let mut report = of_description(&with_keys(octets, keys, now));
    let unknown =
        "no key in the file fits: its identities, KMS, key periods and key ids are others";
    if report.fault.is_none() && report.is_sound() && !report.proved {
        report.find(Verdict::Wrong, unknown.to_owned(), "TS 33.180 cl. 5.2.2");
    }
    report
}

fn without_keys(octets: &[u8], now: NtpTime) -> Report {
    let mut report = of_description(&describe(octets, None, now));
    if report.fault.is_none() {
        let text = "signature not verified, key not opened: no keys given".to_owned();
        report.find(Verdict::Note, text, "TS 33.180 cl. 5.2.2");
    }
    report
}

/// Keys given by hand are tried one after the other; most often there is one. A GMK that does not fit may be that of
/// another group; another key with the id of the message is said to be wrong.
fn with_keys(octets: &[u8], keys: &Keys, now: NtpTime) -> Description {
    let mut wrong = None;
    for candidate in candidates(octets, keys) {
        let description = describe(octets, Some(&engine_keys(keys, Some(candidate))), now);
        if description.secret.is_some() {
            return description;
        }
        if candidate.purpose != PurposeTag::Gmk {
            wrong = wrong.or(Some(description));
        }
    }
    wrong.unwrap_or_else(|| describe(octets, Some(&engine_keys(keys, None)), now))
}

/// Keys of the purpose that the CSB-ID names. Its id is the CSB-ID, but for a GMK, whose message has the GUK-ID.
fn candidates<'k>(octets: &[u8], keys: &'k Keys) -> Vec<&'k HeldKey> {
    let Ok(message) = Message::decode(octets) else {
        return Vec::new();
    };
    let csb_id = message.body.header.csb_id;
    let fits = |key: &&HeldKey| match key.purpose {
        PurposeTag::Gmk => csb_id.purpose() == Ok(PurposeTag::Gmk),
        _ => key.id == csb_id,
    };
    keys.held.iter().filter(fits).collect()
}

fn engine_keys(keys: &Keys, candidate: Option<&HeldKey>) -> describe::Keys {
    describe::Keys {
        domains: keys.domains.clone(),
        opening: keys.opening.clone(),
        secret: candidate.map(|key| key.secret.clone()),
    }
}

fn of_description(description: &Description) -> Report {
    let length = description.length;
    let title = format!("MIKEY message, {length} octets");
    let mut report = Report::new("mikey", title, length);
    report.sections = description.sections.iter().map(section).collect();
    report.findings = description.findings.iter().map(finding).collect();
    report.fault = description.fault.as_ref().map(|error| Fault {
        offset: Some(error.offset),
        text: error.fault.to_string(),
    });
    report.proved = description.signature_verified || description.secret.is_some();
    if let Some(secret) = &description.secret {
        report.keep_secret("key", secret.expose());
    }
    report
}

fn section(section: &describe::Section) -> Section {
    Section {
        title: section.title.to_owned(),
        clause: section.clause.to_owned(),
        origin: match section.origin {
            describe::Origin::Message => Origin::Input,
            describe::Origin::Decrypted => Origin::Opened,
        },
        rows: section.lines.iter().map(row).collect(),
    }
}

fn row(line: &describe::Line) -> Row {
    Row {
        offset: line.offset,
        octets: line.octets.clone(),
        name: line.field.name().to_owned(),
        value: line.meaning.clone(),
        clause: line.field.clause().to_owned(),
    }
}

fn finding(finding: &describe::Finding) -> Finding {
    Finding {
        verdict: match finding.verdict {
            describe::Verdict::Right => Verdict::Right,
            describe::Verdict::Wrong => Verdict::Wrong,
            describe::Verdict::Note => Verdict::Note,
        },
        text: finding.text.clone(),
        clause: finding.clause,
    }
}
