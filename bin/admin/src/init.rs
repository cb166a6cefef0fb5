//! `roger admin init`: the first ceremony.

use crate::answer::Answer;
use crate::keeper::{with_new_passphrase, with_token_key};
use crate::session::{self, Deed, Session};
use crate::{AdminError, Common};
use roger_adapter_hsm::CheckValue;
use roger_adapter_hsm::operations::{create_store_key, open_store_key, verify};
use roger_adapter_store::StoreKey;
use roger_config::{Config, Keeper};
use roger_serve::plug::{self, ADMIN, Ask};
use roger_serve::store;
use serde_json::json;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

/// Makes what is not there yet: broken off, it can be begun again.
pub(crate) fn run(common: &Common, ask: Ask<'_>) -> Result<Answer, AdminError> {
    let config = session::config(common)?;
    let key_file = config.secrets.key_file.clone();
    if key_file.exists() && store::exists(&config) {
        return Err(AdminError::refused(format!(
            "{} and the database are there already",
            key_file.display()
        )));
    }
    private_folder(&config.audit.folder)?;
    let (key, check) = store_key(&config, ask)?;
    let audit = plug::audit(&config, ADMIN, &key)?;
    let store = store::create(&config, &key)?;
    let session = Session::new(config, store, key, audit, session::operator(common));
    let deed = Deed::new("init", [format!("key of the store, check value {check}")]);
    session.act(&deed, || Ok(()))?;
    let text = format!(
        "The store is there. Check value of its key, for the operator's paper: {check}\n\
         Without {} and its keeper the database cannot be opened: `roger admin keeper copy` makes a second one.\n\
         Next: `roger admin kms create-master`, `roger admin user add`, `roger serve`.",
        key_file.display()
    );
    let json = json!({ "key_file": key_file, "check_value": check.to_string() });
    Ok(Answer::new(text, json))
}

fn private_folder(path: &Path) -> Result<(), AdminError> {
    if path.is_dir() {
        return Ok(());
    }
    let made = DirBuilder::new().mode(0o700).create(path);
    made.map_err(AdminError::file(path))
}

/// Draws the key, or opens the one that an earlier run has drawn.
fn store_key(config: &Config, ask: Ask<'_>) -> Result<(StoreKey, CheckValue), AdminError> {
    let path = config.secrets.key_file.as_path();
    if path.exists() {
        let key = plug::keeper(&config.secrets, ask)?;
        let check = verify(path, &*key).map_err(AdminError::secret(path))?;
        let opened = open_store_key(path, &*key);
        return Ok((opened.map_err(AdminError::secret(path))?, check.check_value));
    }
    let secrets = &config.secrets;
    let keeper = match secrets.keeper {
        Keeper::Passphrase => with_new_passphrase(secrets.passphrase_file.as_deref(), ask),
        Keeper::Pkcs11 => with_token_key(secrets.pkcs11.as_ref()),
    }?;
    create_store_key(path, &*keeper).map_err(AdminError::secret(path))
}
