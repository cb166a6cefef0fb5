//! Master secrets in a file of their own, sealed under a passphrase.

use super::{Domain, masters};
use crate::answer::Answer;
use crate::session::{Deed, Session};
use crate::{AdminError, passphrase};
use clap::Args;
use roger_adapter_hsm::operations::{back_up_masters, restore_masters};
use roger_adapter_hsm::{CheckValue, Cost, PassphraseKeeper};
use roger_adapter_store::StoredRoot;
use roger_ibc::KmsMaster;
use roger_kms::CertificateTerms;
use roger_serve::plug::Ask;
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `backup`.
#[derive(Args)]
pub(crate) struct Backup {
    #[command(flatten)]
    domain: Domain,
    /// `CertUri` of the certificate; without it, the newest.
    #[arg(long, value_name = "URI")]
    cert_uri: Option<String>,
    /// The file to make.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// File with the passphrase of the backup; without it the terminal is asked.
    #[arg(long, value_name = "FILE")]
    backup_passphrase_file: Option<PathBuf>,
}

impl Backup {
    pub(crate) fn run(&self, session: &Session, ask: Ask<'_>) -> Result<Answer, AdminError> {
        let domain = self.domain.of(session)?;
        let table = session.store.kms(&domain);
        let root = masters::find(&table, &domain, self.cert_uri.as_deref())?;
        let file = self.backup_passphrase_file.as_deref();
        let chosen = passphrase::chosen(file, "Passphrase of the backup", ask)?;
        let keeper = PassphraseKeeper::new(chosen, Cost::default())?;
        let cert_uri = root.terms.cert_uri.clone().unwrap_or_default();
        let deed = Deed::new("kms backup", [&cert_uri]).within(&domain);
        let check = session.act(&deed, || {
            let made = back_up_masters(&self.out, &masters::masters(&root), &keeper);
            made.map_err(AdminError::secret(&self.out))
        })?;
        let text = format!(
            "{} holds the master secrets of {cert_uri}; check value {check}",
            self.out.display()
        );
        let json = json!({
            "file": self.out, "cert_uri": cert_uri, "check_value": check.to_string(),
        });
        Ok(Answer::new(text, json))
    }
}

/// Arguments of `restore`.
#[derive(Args)]
pub(crate) struct Restore {
    #[command(flatten)]
    domain: Domain,
    /// The backup.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// The check value that was noted when the backup was made.
    #[arg(long, value_name = "HEX", value_parser = check_value)]
    check: Option<CheckValue>,
    /// `CertUri` that the certificate had.
    #[arg(long, value_name = "URI")]
    cert_uri: String,
    /// File with the passphrase of the backup; without it the terminal is asked.
    #[arg(long, value_name = "FILE")]
    backup_passphrase_file: Option<PathBuf>,
}

fn check_value(text: &str) -> Result<CheckValue, String> {
    CheckValue::parse(text).ok_or_else(|| "a check value has 16 hex digits".to_owned())
}

impl Restore {
    pub(crate) fn run(&self, session: &Session, ask: Ask<'_>) -> Result<Answer, AdminError> {
        let domain = self.domain.of(session)?;
        let file = self.backup_passphrase_file.as_deref();
        let phrase = passphrase::known(file, "Passphrase of the backup", ask)?;
        let keeper = PassphraseKeeper::new(phrase, Cost::default())?;
        let restored = restore_masters(&self.from, &keeper, self.check);
        let restored = restored.map_err(AdminError::secret(&self.from))?;
        if restored.kms_uri != domain {
            return Err(AdminError::refused(format!(
                "the backup is of {}, not of {domain}",
                restored.kms_uri
            )));
        }
        let period = masters::key_period(session)?;
        let master = KmsMaster::from_secrets(domain.clone(), period, &restored.ksak, &restored.z);
        let terms = CertificateTerms {
            cert_uri: Some(self.cert_uri.clone()),
            ..CertificateTerms::default()
        };
        let root = StoredRoot {
            master: master.map_err(AdminError::refused)?,
            terms,
        };
        let deed = Deed::new("kms restore", [&self.cert_uri]).within(&domain);
        session.act(&deed, || Ok(session.store.kms(&domain).add_root(&root)?))?;
        let check = restored.check_value().to_string();
        let text = format!(
            "{domain} has the master secrets of {} again; check value {check}",
            self.cert_uri
        );
        let json = json!({ "cert_uri": self.cert_uri, "check_value": check });
        Ok(Answer::new(text, json))
    }
}
