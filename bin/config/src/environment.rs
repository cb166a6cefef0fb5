//! Names of secret files out of the environment, where service managers put credentials. Nothing else comes from there.

use crate::sections::{Config, Tls};
use std::path::PathBuf;

/// The variables. Each replaces the name of one file; without that file's section in the configuration it does nothing.
pub const SECRET_FILES: [&str; 5] = [
    "ROGER_PASSPHRASE_FILE",
    "ROGER_PIN_FILE",
    "ROGER_IDM_TLS_KEY",
    "ROGER_KMS_TLS_KEY",
    "ROGER_MANAGEMENT_TLS_KEY",
];

pub(crate) fn apply(config: &mut Config, environment: impl Fn(&str) -> Option<String>) {
    for variable in SECRET_FILES {
        if let Some(value) = environment(variable) {
            put(config, variable, PathBuf::from(value));
        }
    }
}

fn put(config: &mut Config, variable: &str, file: PathBuf) {
    let key = |tls: Option<&mut Tls>, file| {
        if let Some(tls) = tls {
            tls.key = file;
        }
    };
    match variable {
        "ROGER_PASSPHRASE_FILE" => config.secrets.passphrase_file = Some(file),
        "ROGER_PIN_FILE" => {
            if let Some(token) = &mut config.secrets.pkcs11 {
                token.pin_file = file;
            }
        }
        "ROGER_IDM_TLS_KEY" => key(config.idm.as_mut().map(|idm| &mut idm.tls), file),
        "ROGER_KMS_TLS_KEY" => key(config.kms.as_mut().map(|kms| &mut kms.tls), file),
        "ROGER_MANAGEMENT_TLS_KEY" => key(config.management.tls.as_mut(), file),
        _ => {}
    }
}
