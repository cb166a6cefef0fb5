//! `roger admin audit`: whether the log is as it was written.

use crate::answer::Answer;
use crate::{AdminError, Common, session};
use clap::Subcommand;
use roger_adapter_audit::{Anchor, MacKey, Report, Verification, verify};
use roger_config::Config;
use roger_serve::plug::{self, Ask};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

/// Commands about the audit log.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Reads every chain from its first line to its last.
    Verify {
        /// A last line that was noted before, as `verify` shows it: it must still be in its chain.
        #[arg(long = "anchor", value_name = "CHAIN:NUMBER:HASH", value_parser = noted)]
        anchors: Vec<(String, Anchor)>,
        /// Without the key of the store: finds changes, not a log that was written anew.
        #[arg(long)]
        without_key: bool,
    },
}

fn noted(text: &str) -> Result<(String, Anchor), String> {
    let wrong = || format!("{text} is not CHAIN:NUMBER:HASH");
    let mut parts = text.rsplitn(3, ':');
    let (hash, number, chain) = (parts.next(), parts.next(), parts.next());
    let mut anchor = Anchor::START;
    hex::decode_to_slice(hash.unwrap_or_default(), &mut anchor.hash).map_err(|_| wrong())?;
    anchor.sequence = number
        .and_then(|number| number.parse().ok())
        .ok_or_else(wrong)?;
    Ok((chain.ok_or_else(wrong)?.to_owned(), anchor))
}

fn shown(chain: &str, anchor: &Anchor) -> String {
    format!("{chain}:{}:{}", anchor.sequence, hex::encode(anchor.hash))
}

pub(crate) fn run(command: &Command, common: &Common, ask: Ask<'_>) -> Result<Answer, AdminError> {
    let Command::Verify {
        anchors,
        without_key,
    } = command;
    let config = session::config(common)?;
    let mac = match without_key {
        true => None,
        false => Some(plug::audit_key(&plug::store_key(&config, ask)?)),
    };
    let reports = verify_all(&config, mac.as_ref(), anchors)?;
    let line = |(chain, report): (&String, &Report)| {
        format!(
            "{chain}: {} records in {} files are as they were written\n  last line: {}",
            report.records,
            report.files,
            shown(chain, &report.head)
        )
    };
    let object = |(chain, report): (&String, &Report)| {
        json!({
            "chain": chain, "records": report.records, "files": report.files,
            "set_aside": report.set_aside, "begins_after": report.begins_after.sequence,
            "anchor": shown(chain, &report.head),
        })
    };
    let text: Vec<_> = reports.iter().map(line).collect();
    Ok(Answer::new(
        text.join("\n"),
        reports.iter().map(object).collect(),
    ))
}

fn verify_all(
    config: &Config,
    mac: Option<&MacKey>,
    anchors: &[(String, Anchor)],
) -> Result<BTreeMap<String, Report>, AdminError> {
    let folder = &config.audit.folder;
    let mut reports = BTreeMap::new();
    for chain in chains(folder)? {
        let mut noted = anchors.iter().filter(|(name, _)| *name == chain).peekable();
        let all: Vec<_> = match noted.peek() {
            None => vec![None],
            Some(_) => noted.map(|(_, anchor)| Some(*anchor)).collect(),
        };
        for anchor in all {
            let mac = mac.cloned();
            let report = verify(&folder.join(&chain), &Verification { mac, anchor })?;
            reports.insert(chain.clone(), report);
        }
    }
    match anchors.iter().find(|(name, _)| !reports.contains_key(name)) {
        Some((name, _)) => Err(AdminError::refused(format!("there is no chain {name}"))),
        None => Ok(reports),
    }
}

/// The folders of the writers.
fn chains(folder: &Path) -> Result<Vec<String>, AdminError> {
    let failed = || AdminError::file(folder);
    let mut chains = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        if entry.file_type().map_err(failed())?.is_dir() {
            chains.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(chains)
}
