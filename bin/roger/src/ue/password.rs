//! Where the password of a user comes from.

use super::keyboard::read_password;
use core::fmt;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use zeroize::Zeroizing;

/// Variable with a password.
pub(super) const VARIABLE: &str = "ROGER_PASSWORD";
/// Longest password that is read from a pipe.
const MAX_OCTETS: u64 = 4_096;

/// Where a password came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PasswordSource {
    Variable,
    Prompt,
    StateFile,
}

impl fmt::Display for PasswordSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Variable => "the environment (ROGER_PASSWORD)",
            Self::Prompt => "the prompt",
            Self::StateFile => "the state file",
        })
    }
}

/// A password. It has no `Debug`.
pub(super) struct Password {
    text: Zeroizing<String>,
    source: PasswordSource,
}

/// Whether the user is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Always,
    WhenNeeded,
}

impl Password {
    /// From the variable, else from the state file, else from the user; at once from the user when she wants that.
    ///
    /// # Errors
    /// When there is nobody to ask.
    pub(super) fn find(login: &str, filed: &str, ask: Ask) -> io::Result<Self> {
        let variable = std::env::var(VARIABLE).ok();
        let variable = variable.filter(|text| !text.is_empty());
        match (ask, variable) {
            (Ask::WhenNeeded, Some(text)) => Ok(Self::new(text, PasswordSource::Variable)),
            (Ask::WhenNeeded, None) if !filed.is_empty() => {
                Ok(Self::new(filed.to_owned(), PasswordSource::StateFile))
            }
            _ => Ok(Self::new(prompt(login)?, PasswordSource::Prompt)),
        }
    }

    fn new(text: String, source: PasswordSource) -> Self {
        Self {
            text: Zeroizing::new(text),
            source,
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) const fn source(&self) -> PasswordSource {
        self.source
    }
}

fn prompt(login: &str) -> io::Result<String> {
    if !io::stdin().is_terminal() {
        return from_pipe();
    }
    let mut out = io::stderr();
    write!(out, "password of {login}: ")?;
    out.flush()?;
    let typed = read_password();
    writeln!(out)?;
    typed?.ok_or_else(|| io::Error::other("no password was given"))
}

/// The first line of standard input.
fn from_pipe() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().lock().take(MAX_OCTETS).read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']);
    match password.is_empty() {
        true => Err(io::Error::other("standard input holds no password")),
        false => Ok(password.to_owned()),
    }
}
