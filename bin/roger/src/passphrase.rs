//! Passphrases from the terminal.

use roger_base::SecretBytes;
use std::io;

/// Asks without showing what is typed.
///
/// # Errors
/// When there is no terminal.
pub(crate) fn ask(which: &str) -> io::Result<SecretBytes> {
    let typed = rpassword::prompt_password(format!("{which}: "))?;
    Ok(SecretBytes::new(typed.into_bytes()))
}
