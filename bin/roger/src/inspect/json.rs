//! A report for scripts: one JSON object.
//!
//! ```json
//! {"ok":true,"kind":"mikey","octets":728,"verified":true,
//!  "sections":[{"title":"HDR","clause":"RFC 3830 6.1","origin":"input","fields":[
//!    {"offset":0,"octets":"01","name":"version","value":"1","clause":"RFC 3830 6.1"}]}],
//!  "findings":[{"verdict":"ok","text":"…","clause":"…"}],
//!  "error":null}
//! ```

use super::report::{Finding, Origin, Report, Row, Section, Verdict};
use super::text::ShowSecrets;
use serde_json::{Value, json};

/// The object of a report; `ok` is what the exit status says.
pub(super) fn of_report(
    report: &Report,
    complaint: Option<&str>,
    show_secrets: ShowSecrets,
) -> Value {
    let sections: Vec<Value> = report.sections.iter().map(section).collect();
    let findings: Vec<Value> = report.findings.iter().map(finding).collect();
    let offset = report.fault.as_ref().and_then(|fault| fault.offset);
    let error = complaint.map(|text| json!({"offset": offset, "text": text}));
    let mut object = json!({
        "ok": complaint.is_none(),
        "kind": report.kind,
        "octets": report.length,
        "verified": report.proved,
        "sections": sections,
        "findings": findings,
        "error": error,
    });
    if let (ShowSecrets::Yes, Some(object)) = (show_secrets, object.as_object_mut()) {
        object.insert("secrets".to_owned(), secrets(report));
    }
    object
}

/// The object when there is nothing to report on.
pub(super) fn of_error(text: &str) -> Value {
    json!({"ok": false, "error": {"offset": null, "text": text}})
}

fn section(section: &Section) -> Value {
    let fields: Vec<Value> = section.rows.iter().map(row).collect();
    let origin = match section.origin {
        Origin::Input => "input",
        Origin::Opened => "opened",
    };
    json!({"title": section.title, "clause": section.clause, "origin": origin, "fields": fields})
}

fn row(row: &Row) -> Value {
    json!({
        "offset": row.offset,
        "octets": hex::encode(&row.octets),
        "name": row.name,
        "value": row.value,
        "clause": row.clause,
    })
}

fn finding(finding: &Finding) -> Value {
    let verdict = match finding.verdict {
        Verdict::Right => "ok",
        Verdict::Wrong => "wrong",
        Verdict::Note => "note",
    };
    json!({"verdict": verdict, "text": finding.text, "clause": finding.clause})
}

fn secrets(report: &Report) -> Value {
    let secrets = report.secrets.iter();
    let secrets = secrets.map(|secret| {
        let octets = hex::encode(secret.octets.expose());
        (secret.name.to_owned(), Value::String(octets))
    });
    Value::Object(secrets.collect())
}
