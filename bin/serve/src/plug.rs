//! **Where the keeper of secrets and the audit log are plugged in**, as `[secrets]` and `[audit]` say.
//!
//! The one key that the keeper gives opens the database; the key that authenticates the audit log is derived from it,
//! so whoever can write to the disk alone cannot write the log anew.

use roger_adapter_audit::{AuditFault, AuditFolder, MacKey, Options};
use roger_adapter_hsm::operations::open_store_key;
use roger_adapter_hsm::{
    AtRestError, Cost, KeeperError, PassphraseKeeper, Pin, SecretKeeper, TokenAddress, TokenKeeper,
};
use roger_adapter_http::ReadinessCheck;
use roger_adapter_store::StoreKey;
use roger_base::SecretBytes;
use roger_config::{Config, Keeper, Pkcs11, Role, Secrets};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// Longest passphrase or PIN in a file, in octets.
const LONGEST: u64 = 4096;
/// Folder of what administrators do, below that of the audit log.
pub const ADMIN: &str = "admin";

/// Asks the operator for a passphrase; the text says which.
pub type Ask<'a> = &'a dyn Fn(&str) -> io::Result<SecretBytes>;

/// Why the servers cannot have their secrets or their audit log, with the operator's next step.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlugError {
    /// The section of the token is missing.
    #[error("secrets.pkcs11 is missing: the keeper pkcs11 needs it")]
    LocalNoToken,
    /// The file of a passphrase or PIN.
    #[error("{path}: {reason}")]
    LocalFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Nobody answered at the terminal.
    #[error("no passphrase: {0}; without a terminal, name a file in secrets.passphrase_file")]
    LocalNotAsked(io::Error),
    /// The keeper itself.
    #[error("keeper of [secrets]: {0}")]
    LocalKeeper(#[from] KeeperError),
    /// The file of the store key.
    #[error("key of the store {path}: {error}")]
    LocalStoreKey {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: AtRestError,
    },
    /// The audit log.
    #[error("audit log: {0}")]
    LocalAudit(#[from] AuditFault),
    /// The folder of the audit log is not there.
    #[error("there is no audit log in {}: `roger admin init` makes it", .0.display())]
    LocalNoAudit(PathBuf),
}

/// The keeper of `[secrets]`.
///
/// # Errors
/// [`PlugError`].
pub fn keeper(secrets: &Secrets, ask: Ask<'_>) -> Result<Box<dyn SecretKeeper>, PlugError> {
    Ok(match secrets.keeper {
        Keeper::Pkcs11 => Box::new(token(secrets.pkcs11.as_ref())?),
        Keeper::Passphrase => {
            let passphrase = match &secrets.passphrase_file {
                Some(path) => first_line(path)?,
                None => ask("Passphrase of the store").map_err(PlugError::LocalNotAsked)?,
            };
            Box::new(PassphraseKeeper::new(passphrase, Cost::default())?)
        }
    })
}

/// The token of `[secrets.pkcs11]`, logged in.
///
/// # Errors
/// [`PlugError`].
pub fn token(section: Option<&Pkcs11>) -> Result<TokenKeeper, PlugError> {
    let section = section.ok_or(PlugError::LocalNoToken)?;
    let address = TokenAddress {
        module: section.module.clone(),
        token_label: section.slot_label.clone(),
        key_label: section.key_label.clone(),
    };
    let pin = Pin::new(&first_line(&section.pin_file)?).ok_or_else(|| PlugError::LocalFile {
        path: section.pin_file.clone(),
        reason: "a PIN is UTF-8".to_owned(),
    })?;
    Ok(TokenKeeper::open(&address, pin)?)
}

/// What a file holds before its first end of line: a passphrase or a PIN.
///
/// # Errors
/// [`PlugError::LocalFile`].
pub fn first_line(path: &Path) -> Result<SecretBytes, PlugError> {
    let wrong = |reason: String| PlugError::LocalFile {
        path: path.to_owned(),
        reason,
    };
    let mut octets = zeroize::Zeroizing::new(Vec::new());
    File::open(path)
        .and_then(|file| file.take(LONGEST).read_to_end(&mut octets))
        .map_err(|error| wrong(error.to_string()))?;
    let line = octets.split(|octet| matches!(octet, b'\n' | b'\r')).next();
    match line {
        Some(line) if !line.is_empty() => Ok(SecretBytes::new(line.to_vec())),
        _ => Err(wrong("its first line is empty".to_owned())),
    }
}

/// The key of the store, as the keeper of `[secrets]` gives it.
///
/// # Errors
/// [`PlugError`].
pub fn store_key(config: &Config, ask: Ask<'_>) -> Result<StoreKey, PlugError> {
    let path = &config.secrets.key_file;
    let failed = |error| PlugError::LocalStoreKey {
        path: path.clone(),
        error,
    };
    // Without the file there is nothing to ask a passphrase for.
    roger_adapter_hsm::operations::read(path).map_err(failed)?;
    let keeper = keeper(&config.secrets, ask)?;
    open_store_key(path, &*keeper).map_err(failed)
}

/// What authenticates the audit log of a store.
#[must_use]
pub fn audit_key(key: &StoreKey) -> MacKey {
    MacKey::new(key.derive("audit log"))
}

/// The chain of one writer below `[audit]`: [`ADMIN`], or the one of servers.
///
/// # Errors
/// [`PlugError`]: nothing may be done without it.
pub fn audit(config: &Config, writer: &str, key: &StoreKey) -> Result<AuditFolder, PlugError> {
    let folder = config.audit.folder.join(writer);
    if !config.audit.folder.is_dir() {
        return Err(PlugError::LocalNoAudit(config.audit.folder.clone()));
    }
    if !folder.is_dir() {
        std::fs::create_dir(&folder).map_err(|error| PlugError::LocalFile {
            path: folder.clone(),
            reason: error.to_string(),
        })?;
    }
    let options = Options {
        mac: Some(audit_key(key)),
        ..Options::default()
    };
    Ok(AuditFolder::open(&folder, &options)?)
}

/// The name of the chain of servers: their roles. Two processes of the same roles have two configurations.
#[must_use]
pub fn servers(config: &Config) -> String {
    let of = |role, name| config.roles.contains(&role).then_some(name);
    let roles = [of(Role::Idm, "idm"), of(Role::Kms, "kms")];
    roles.into_iter().flatten().collect::<Vec<_>>().join("-")
}

/// Whether the audit log can be written now.
pub(crate) struct AuditReady(pub(crate) Arc<AuditFolder>);

impl ReadinessCheck for AuditReady {
    fn name(&self) -> &'static str {
        "audit"
    }

    fn check(&self) -> Result<(), String> {
        self.0.probe().map_err(|fault| fault.to_string())
    }
}
