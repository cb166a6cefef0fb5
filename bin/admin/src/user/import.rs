//! Users of a CSV file: hashed on all cores, added in batches, each of which is one transaction.

use super::record::{Protection, Record, Secret};
use crate::answer::Answer;
use crate::session::{Deed, Session};
use crate::table::{self, Line};
use crate::{AdminError, progress};
use clap::Args;
use roger_adapter_store::Enlisted;
use roger_base::{KmsUri, SecretBytes};
use roger_idm::PasswordHash;
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Users of one transaction, whose names fit into one audit record.
const BATCH: usize = 100;

/// Arguments of `user import`.
#[derive(Args)]
pub(crate) struct Import {
    /// The file: a heading with the columns login, mcptt_id and password or password_hash (argon2id, PHC form); and,
    /// where wanted, mcvideo_id, mcdata_id, agency, scopes, protection (keys or tls).
    file: PathBuf,
    /// Pass over users whose login names are taken: goes on with a file whose import was broken off.
    #[arg(long)]
    skip_known: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    login: String,
    mcptt_id: String,
    password: Option<String>,
    password_hash: Option<String>,
    mcvideo_id: Option<String>,
    mcdata_id: Option<String>,
    agency: Option<String>,
    scopes: Option<String>,
    protection: Option<String>,
}

impl Import {
    pub(super) fn run(&self, session: &Session) -> Result<Answer, AdminError> {
        let agencies = domains(session)?;
        let own = session.own_domain()?;
        let mut lines = table::read::<Row>(&self.file)?;
        let bar = progress::bar(table::count(&self.file)?)?;
        let (mut added, mut passed) = (0_usize, 0_usize);
        loop {
            let batch: Vec<Line<Row>> = lines.by_ref().take(BATCH).collect::<Result<_, _>>()?;
            if batch.is_empty() {
                break;
            }
            let (first, count) = (batch.first().map_or(0, |line| line.number), batch.len());
            let users = hashed(&self.file, batch, &agencies, own.as_ref())?;
            let whom = users.iter().map(|enlisted| &enlisted.user.mcptt_id);
            let kept = session.act(&Deed::new("user import", whom), || {
                let kept = session.store.enlist(&users, self.skip_known);
                kept.map_err(|fault| table::wrong(&self.file, first, format!(
                    "{fault} among these {count} users, none of whom was added; --skip-known passes over login names that are taken"
                )))
            })?;
            let new = kept.iter().filter(|added| **added).count();
            added += new;
            passed += count - new;
            bar.inc(count as u64);
        }
        bar.finish_and_clear();
        let text = format!("{added} users added, {passed} were there before");
        Ok(Answer::new(
            text,
            json!({ "added": added, "there": passed }),
        ))
    }
}

/// The KMS domain of every agency.
fn domains(session: &Session) -> Result<HashMap<String, Option<KmsUri>>, AdminError> {
    let agencies = session.store.agencies()?.into_iter();
    Ok(agencies.map(|agency| (agency.id, agency.kms_uri)).collect())
}

/// The rows as users, made on all cores: argon2id takes its time.
fn hashed(
    file: &Path,
    batch: Vec<Line<Row>>,
    agencies: &HashMap<String, Option<KmsUri>>,
    own: Option<&KmsUri>,
) -> Result<Vec<Enlisted>, AdminError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = batch.len().div_ceil(cores).max(1);
    let mut shares = Vec::new();
    let mut rest = batch;
    while !rest.is_empty() {
        let next = rest.split_off(share.min(rest.len()));
        shares.push(rest);
        rest = next;
    }
    let make = |share: Vec<Line<Row>>| -> Result<Vec<Enlisted>, AdminError> {
        let users = share.into_iter().map(|Line { number, row }| {
            user(row, agencies, own).map_err(|error| table::wrong(file, number, error.to_string()))
        });
        users.collect()
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let make = &make;
        let threads: Vec<_> = shares
            .into_iter()
            .map(|share| scope.spawn(move || make(share)))
            .collect();
        threads.into_iter().map(|thread| thread.join()).collect()
    });
    let mut users = Vec::new();
    for result in results {
        let failed = |_| AdminError::refused("a thread that hashes passwords has failed");
        users.extend(result.map_err(failed)??);
    }
    Ok(users)
}

fn user(
    row: Row,
    agencies: &HashMap<String, Option<KmsUri>>,
    own: Option<&KmsUri>,
) -> Result<Enlisted, AdminError> {
    let secret = match (row.password, row.password_hash) {
        (Some(password), None) => Secret::Password(SecretBytes::new(password.into_bytes())),
        (None, Some(hash)) => {
            Secret::Hash(PasswordHash::from_phc(&hash).map_err(AdminError::refused)?)
        }
        _ => {
            return Err(AdminError::refused(
                "password or password_hash, one of the two",
            ));
        }
    };
    let protection = match row.protection.as_deref() {
        None | Some("keys") => Protection::Keys,
        Some("tls") => Protection::Tls,
        Some(_) => return Err(AdminError::refused("protection is keys or tls")),
    };
    let domain = match &row.agency {
        None => None,
        Some(id) => {
            let unknown = || AdminError::refused(format!("there is no agency {id}"));
            agencies.get(id).ok_or_else(unknown)?.clone()
        }
    };
    let record = Record {
        login: row.login,
        mcptt_id: row.mcptt_id,
        mcvideo_id: row.mcvideo_id,
        mcdata_id: row.mcdata_id,
        agency: row.agency,
        scopes: row.scopes,
        secret,
        protection,
    };
    record.enlist_in(domain.or_else(|| own.cloned()))
}
