//! Passwords and passphrases that are chosen: from a file, or typed twice.

use crate::AdminError;
use roger_base::SecretBytes;
use roger_serve::plug::{self, Ask};
use std::path::Path;

/// The first line of the file; without a file, what is typed twice alike.
pub(crate) fn chosen(
    file: Option<&Path>,
    what: &str,
    ask: Ask<'_>,
) -> Result<SecretBytes, AdminError> {
    if let Some(path) = file {
        return Ok(plug::first_line(path)?);
    }
    let typed = ask(what).map_err(AdminError::LocalNotAsked)?;
    let again = ask(&format!("{what}, once more")).map_err(AdminError::LocalNotAsked)?;
    if typed != again {
        return Err(AdminError::refused("typed differently the second time"));
    }
    Ok(typed)
}

/// The first line of the file; without a file, what is typed.
pub(crate) fn known(
    file: Option<&Path>,
    what: &str,
    ask: Ask<'_>,
) -> Result<SecretBytes, AdminError> {
    match file {
        Some(path) => Ok(plug::first_line(path)?),
        None => ask(what).map_err(AdminError::LocalNotAsked),
    }
}
