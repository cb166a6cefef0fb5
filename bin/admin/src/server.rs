//! `roger admin server`: MCX servers as clients of the KMS. Their identities get key sets as users do.

use crate::answer::Answer;
use crate::session::{Deed, Session};
use crate::user::keys;
use crate::{AdminError, Common, new_file};
use clap::{Args, Subcommand};
use roger_adapter_http::OsRandom;
use roger_adapter_store::KmsStore;
use roger_base::KmsUri;
use roger_kms::KeyAccount;
use roger_kms::ports::KeyRepository as _;
use roger_kms::pre_issue::PreIssuedSets as _;
use roger_serve::plug::Ask;
use serde_json::json;
use std::io::Write as _;
use std::path::PathBuf;

/// Accounts read at one time.
const PAGE: usize = 1000;

/// Commands about servers.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Adds a server, which proves itself with a TLS client certificate.
    Add(Add),
    /// Shows the servers of the KMS domain of the configuration.
    List,
    /// Removes a server.
    Remove {
        /// Its URI.
        uri: String,
    },
}

/// Arguments of `server add`.
#[derive(Args)]
pub(crate) struct Add {
    /// URI of the server, such as the PSI of a participating function.
    uri: String,
    /// DNS name in its client certificate.
    #[arg(long, value_name = "NAME")]
    certificate: String,
    /// Further identities whose keys it fetches: MDSI, PSI of a controlling function.
    #[arg(long = "identity", value_name = "URI")]
    identities: Vec<String>,
    /// File to make with its first TrK and InK, one JSON object, for its owner only. Without it, keys are protected by
    /// client certificate and TLS alone (security level A).
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

pub(crate) fn run(command: &Command, common: &Common, ask: Ask<'_>) -> Result<Answer, AdminError> {
    let session = Session::open(common, ask)?;
    let domain = session.own_domain()?;
    let domain = domain.ok_or_else(|| AdminError::refused("the configuration has no [kms]"))?;
    let table = session.store.kms(&domain);
    match command {
        Command::Add(order) => order.run(&session, &domain, &table),
        Command::List => list(&table),
        Command::Remove { uri } => remove(&session, &domain, &table, uri),
    }
}

impl Add {
    fn run(
        &self,
        session: &Session,
        domain: &KmsUri,
        table: &KmsStore,
    ) -> Result<Answer, AdminError> {
        if table.account(&self.uri)?.is_some() {
            return Err(AdminError::refused(format!(
                "{} is there already",
                self.uri
            )));
        }
        let mut account = match &self.keys {
            None => KeyAccount::unprotected(self.uri.as_str()),
            Some(_) => KeyAccount::provision(self.uri.as_str(), &mut OsRandom)?,
        };
        account.certificate = Some(self.certificate.clone());
        account.identities.clone_from(&self.identities);
        let whom = core::iter::once(&self.uri).chain(&self.identities);
        let deed = Deed::new("server add", whom).within(domain);
        session.act(&deed, || {
            if let (Some(path), Some(pair)) = (&self.keys, &account.current) {
                let line = keys::written(domain.as_str(), &self.uri, pair);
                let mut file = new_file::create(path)?;
                file.write_all(line.as_bytes())
                    .and_then(|()| file.sync_all())
                    .map_err(AdminError::file(path))?;
            }
            Ok(table.put_key_account(&account)?)
        })?;
        let text = format!(
            "{} fetches keys with a client certificate of {}",
            self.uri, self.certificate
        );
        Ok(Answer::new(
            text,
            json!({ "uri": self.uri, "certificate": self.certificate }),
        ))
    }
}

fn list(table: &KmsStore) -> Result<Answer, AdminError> {
    let (mut rows, mut after) = (Vec::new(), String::new());
    loop {
        let page = table.enrolled_after(&after, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(Answer::list(["uri", "certificate", "identities"], rows));
        };
        after.clone_from(&last.user_uri);
        for enrolled in page {
            let account = table.account(&enrolled.user_uri)?;
            if let Some(certificate) = account.and_then(|account| account.certificate) {
                let identities = enrolled.identities.join(" ");
                rows.push([enrolled.user_uri, certificate, identities]);
            }
        }
    }
}

fn remove(
    session: &Session,
    domain: &KmsUri,
    table: &KmsStore,
    uri: &str,
) -> Result<Answer, AdminError> {
    let account = table.account(uri)?;
    if account.and_then(|account| account.certificate).is_none() {
        return Err(AdminError::refused(format!("there is no server {uri}")));
    }
    let deed = Deed::new("server remove", [uri]).within(domain);
    session.act(&deed, || Ok(table.remove_key_account(uri)?))?;
    Ok(Answer::new(
        format!("{uri} is removed"),
        json!({ "removed": uri }),
    ))
}
