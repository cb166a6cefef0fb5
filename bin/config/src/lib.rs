//! `roger.toml`: what a server is told. `docs/roger.toml` is the reference, with every key and its default.
//!
//! * [`Config`] and its sections are what the file says, by type;
//! * [`load`] reads a file, takes the names of secret files from the environment, and checks what types cannot say;
//! * [`ConfigError`] shows the line of every mistake, and the nearest key there is for one that there is not.

mod check;
mod environment;
mod error;
mod files;
mod sections;
mod span;

pub use environment::SECRET_FILES;
pub use error::{ConfigError, Lines};
pub use sections::{
    Audit, Client, ClientCertificates, Config, DatabaseUrl, Idm, Keeper, Kms, Limits, Log,
    LogFormat, Management, Pkcs11, Rate, Role, Secrets, Store, Tls, TlsReload, TrustedIssuer,
};

use std::path::Path;

/// Largest file that is read, in octets.
const MAX_OCTETS: u64 = 1024 * 1024;

/// Reads and checks a file. Relative paths in it are relative to its folder.
///
/// # Errors
/// [`ConfigError`] with every mistake found.
pub fn load(
    path: &Path,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Config, ConfigError> {
    load_for(path, &[], environment)
}

/// The same for these roles, unless there are none, in place of those of the file.
///
/// # Errors
/// [`ConfigError`] with every mistake found.
pub fn load_for(
    path: &Path,
    roles: &[Role],
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Config, ConfigError> {
    let (text, mut config) = resolved(path, environment)?;
    if !roles.is_empty() {
        config.roles = roles.to_vec();
    }
    let mut findings = check::values(&config);
    findings.extend(files::check(&config, &config.roles));
    judged(path, text, config, findings)
}

/// The same for an operator, who may work before listeners have certificates: no role, so none of their files.
///
/// # Errors
/// [`ConfigError`] with every mistake found.
pub fn load_for_administration(
    path: &Path,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Config, ConfigError> {
    let (text, config) = resolved(path, environment)?;
    let mut findings = check::values(&config);
    findings.extend(files::check(&config, &[]));
    judged(path, text, config, findings)
}

/// Reads a text without checking more than types and names of keys.
///
/// # Errors
/// [`ConfigError`] with the line.
pub fn parse(path: &Path, text: &str) -> Result<Config, ConfigError> {
    toml::from_str(text).map_err(|error| ConfigError::syntax(path, text, &error))
}

fn resolved(
    path: &Path,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<(String, Config), ConfigError> {
    let text = read(path)?;
    let mut config = parse(path, &text)?;
    environment::apply(&mut config, environment);
    if let Some(folder) = path.parent() {
        files::resolve(&mut config, folder);
    }
    Ok((text, config))
}

fn judged(
    path: &Path,
    text: String,
    config: Config,
    findings: Vec<error::Finding>,
) -> Result<Config, ConfigError> {
    if findings.is_empty() {
        return Ok(config);
    }
    Err(ConfigError::values(path, text, findings))
}

fn read(path: &Path) -> Result<String, ConfigError> {
    use std::io::Read as _;
    let failed = |reason: String| ConfigError::LocalFile {
        path: path.to_owned(),
        reason,
    };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    file.take(MAX_OCTETS + 1)
        .read_to_string(&mut text)
        .map_err(|error| failed(error.to_string()))?;
    if text.len() as u64 > MAX_OCTETS {
        return Err(failed("larger than 1 MiB".to_owned()));
    }
    Ok(text)
}
