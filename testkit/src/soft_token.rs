//! SoftHSM2: a PKCS #11 token in a folder, for tests of what is done with tokens.

use crate::find_program;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Label of the token.
pub const LABEL: &str = "roger";

/// A fresh token; the process that uses it needs `SOFTHSM2_CONF`.
pub struct SoftToken {
    configuration: PathBuf,
}

impl SoftToken {
    /// Makes a token labelled [`LABEL`] in a folder; nothing without the program.
    ///
    /// # Panics
    /// When the program or the disk fails.
    #[must_use]
    #[allow(clippy::unwrap_used)]
    pub fn new(folder: &Path, pin: &str) -> Option<Self> {
        let program = find_program("softhsm2-util")?;
        let tokens = folder.join("tokens");
        fs::create_dir(&tokens).unwrap();
        let token = Self {
            configuration: folder.join("softhsm2.conf"),
        };
        // The program that makes the token needs every mechanism.
        token.write(&tokens, &[]);
        let made = Command::new(program)
            .args(["--init-token", "--free", "--label", LABEL])
            .args(["--pin", pin, "--so-pin", "97531864"])
            .env("SOFTHSM2_CONF", token.configuration())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{said}");
        Some(token)
    }

    /// From now on the token offers these mechanisms only.
    pub fn offer(&self, mechanisms: &[&str]) {
        let tokens = self.configuration.with_file_name("tokens");
        self.write(&tokens, mechanisms);
    }

    #[allow(clippy::unwrap_used)]
    fn write(&self, tokens: &Path, mechanisms: &[&str]) {
        let mut text = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            tokens.display()
        );
        if !mechanisms.is_empty() {
            text.push_str(&format!("slots.mechanisms = {}\n", mechanisms.join(",")));
        }
        fs::write(&self.configuration, text).unwrap();
    }

    /// What `SOFTHSM2_CONF` has to name.
    #[must_use]
    pub fn configuration(&self) -> &Path {
        &self.configuration
    }

    /// Where Debian and others put the library of the package softhsm2.
    ///
    /// # Panics
    /// When it is in none of these places.
    #[must_use]
    #[allow(clippy::expect_used)]
    pub fn library() -> PathBuf {
        let places = [
            "/usr/lib/softhsm/libsofthsm2.so",
            "/usr/lib64/softhsm/libsofthsm2.so",
            "/usr/local/lib/softhsm/libsofthsm2.so",
        ];
        let found = places.iter().map(PathBuf::from).find(|path| path.is_file());
        found.expect("softhsm2-util is there and libsofthsm2.so is not: install softhsm2")
    }
}
