//! `roger admin keeper`: who opens the key of the store.

use crate::answer::Answer;
use crate::session::{Deed, Session};
use crate::{AdminError, Common, passphrase, session};
use clap::{Args, Subcommand, ValueEnum};
use roger_adapter_hsm::operations::{copy, rewrap, verify};
use roger_adapter_hsm::{Cost, KeeperError, PassphraseKeeper, SecretKeeper};
use roger_config::Pkcs11;
use roger_serve::plug::{self, Ask};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Commands about the keeper.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Opens the key of the store and shows its check value.
    Verify,
    /// Seals the key of the store anew: under another passphrase, or from passphrase to token and back.
    Renew(New),
    /// Writes a second file of the same key under another keeper, for the day when the first one is lost.
    Copy {
        /// The file to make.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        new: New,
    },
}

/// The keeper to come.
#[derive(Args)]
pub(crate) struct New {
    /// What keeps the key from now on.
    #[arg(long, value_enum, default_value = "passphrase")]
    to: To,
    /// File with the new passphrase; without it the terminal is asked.
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,
    /// Label of the token's key; made when it is not there. Without it, that of the configuration.
    #[arg(long, value_name = "LABEL")]
    new_key_label: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum To {
    Passphrase,
    Pkcs11,
}

pub(crate) fn run(command: &Command, common: &Common, ask: Ask<'_>) -> Result<Answer, AdminError> {
    match command {
        Command::Verify => show(common, ask),
        Command::Renew(new) => change(None, new, common, ask),
        Command::Copy { out, new } => change(Some(out), new, common, ask),
    }
}

fn show(common: &Common, ask: Ask<'_>) -> Result<Answer, AdminError> {
    let config = session::config(common)?;
    let path = &config.secrets.key_file;
    let keeper = plug::keeper(&config.secrets, ask)?;
    let found = verify(path, &*keeper).map_err(AdminError::secret(path))?;
    let text = format!(
        "{}: {}, opened by {}, check value {}",
        path.display(),
        found.content.name(),
        found.keeper,
        found.check_value
    );
    let json = json!({
        "file": path, "holds": found.content.name(), "keeper": found.keeper.to_string(),
        "check_value": found.check_value.to_string(),
    });
    Ok(Answer::new(text, json))
}

fn change(
    out: Option<&PathBuf>,
    new: &New,
    common: &Common,
    ask: Ask<'_>,
) -> Result<Answer, AdminError> {
    let session = Session::open(common, ask)?;
    let secrets = &session.config.secrets;
    let (path, old) = (&secrets.key_file, plug::keeper(secrets, ask)?);
    let next = new.keeper(secrets, ask)?;
    let action = out.map_or("keeper renew", |_| "keeper copy");
    let deed = Deed::new(action, [path.display()]);
    let check = session.act(&deed, || match out {
        Some(out) => copy(path, &*old, out, &*next).map_err(AdminError::secret(out)),
        None => rewrap(path, &*old, &*next).map_err(AdminError::secret(path)),
    })?;
    let file = out.unwrap_or(path);
    let text = format!("{} is sealed; check value {check}", file.display());
    let json = json!({ "file": file, "check_value": check.to_string() });
    Ok(Answer::new(text, json))
}

impl New {
    fn keeper(
        &self,
        secrets: &roger_config::Secrets,
        ask: Ask<'_>,
    ) -> Result<Box<dyn SecretKeeper>, AdminError> {
        if self.to == To::Passphrase {
            return with_new_passphrase(self.new_passphrase_file.as_deref(), ask);
        }
        let mut section = secrets.pkcs11.clone();
        if let (Some(section), Some(label)) = (&mut section, &self.new_key_label) {
            section.key_label.clone_from(label);
        }
        with_token_key(section.as_ref())
    }
}

/// A keeper under a passphrase that is chosen now.
pub(crate) fn with_new_passphrase(
    file: Option<&Path>,
    ask: Ask<'_>,
) -> Result<Box<dyn SecretKeeper>, AdminError> {
    let chosen = passphrase::chosen(file, "New passphrase of the store", ask)?;
    Ok(Box::new(PassphraseKeeper::new(chosen, Cost::default())?))
}

/// A token with its key, which is made when it is not there.
pub(crate) fn with_token_key(
    section: Option<&Pkcs11>,
) -> Result<Box<dyn SecretKeeper>, AdminError> {
    let token = plug::token(section)?;
    match token.generate_key() {
        Ok(()) | Err(KeeperError::LocalKeyExists(_)) => Ok(Box::new(token)),
        Err(error) => Err(error.into()),
    }
}
