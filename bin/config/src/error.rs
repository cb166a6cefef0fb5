//! What is wrong with a file, shown with its lines.

use crate::span::{Step, find};
use miette::{Diagnostic, LabeledSpan, NamedSource};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A value that its type allows and that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) at: Vec<Step>,
    pub(crate) what: String,
}

/// Why a file cannot be used. As a [`miette::Report`] it shows the lines.
#[derive(Debug, Error, Diagnostic)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {reason}", path.display())]
    LocalFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The text is not TOML, a key is unknown or missing, or a value has another type or cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    LocalText(Box<Lines>),
}

/// Lines of a text with what is wrong with them.
#[derive(Debug, Error, Diagnostic)]
#[error("{what}")]
pub struct Lines {
    what: String,
    #[source_code]
    text: NamedSource<String>,
    #[label(collection)]
    labels: Vec<LabeledSpan>,
    #[help]
    help: Option<String>,
}

impl ConfigError {
    pub(crate) fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let span = error.span().unwrap_or(0..0);
        Self::LocalText(Box::new(Lines {
            what: error.message().to_owned(),
            text: source(path, text.to_owned()),
            labels: vec![LabeledSpan::at(span, "here")],
            help: suggestion(error.message()),
        }))
    }

    pub(crate) fn values(path: &Path, text: String, findings: Vec<Finding>) -> Self {
        let label = |finding: Finding| LabeledSpan::at(find(&text, &finding.at), finding.what);
        let labels: Vec<_> = findings.into_iter().map(label).collect();
        let what = match labels.len() {
            1 => "a value cannot be used".to_owned(),
            number => format!("{number} values cannot be used"),
        };
        Self::LocalText(Box::new(Lines {
            what,
            text: source(path, text),
            labels,
            help: None,
        }))
    }
}

fn source(path: &Path, text: String) -> NamedSource<String> {
    NamedSource::new(path.display().to_string(), masked(&text))
}

/// The text with stars for the user and password of every URL, each as long as what it hides.
fn masked(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    for (number, part) in text.split("://").enumerate() {
        if number > 0 {
            masked.push_str("://");
        }
        let authority = part
            .split(['/', '"', '\'', '\n'])
            .next()
            .unwrap_or_default();
        let user = match authority.rfind('@') {
            Some(end) if number > 0 => end,
            _ => 0,
        };
        let (hidden, rest) = part.split_at(user);
        masked.extend(core::iter::repeat_n('*', hidden.len()));
        masked.push_str(rest);
    }
    masked
}

/// The nearest of the keys that serde names in "unknown field `x`, expected one of `a`, `b`".
fn suggestion(message: &str) -> Option<String> {
    let mut names = message.split('`').skip(1).step_by(2);
    let unknown = message.starts_with("unknown ").then(|| names.next())??;
    let near = |name: &&str| strsim::normalized_damerau_levenshtein(unknown, name) >= 0.5;
    let nearest = names.filter(near).max_by(|one, other| {
        strsim::jaro_winkler(unknown, one).total_cmp(&strsim::jaro_winkler(unknown, other))
    })?;
    Some(format!("did you mean `{nearest}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_is_not_shown() {
        let text = "a = \"postgres://roger:gehéim@db/x\"\nb = \"https://idm.example.org\" # a@b";
        let shown = masked(text);
        let expected =
            "a = \"postgres://*************@db/x\"\nb = \"https://idm.example.org\" # a@b";
        assert_eq!(shown, expected);
        assert_eq!(shown.len(), text.len());
    }

    #[test]
    fn the_nearest_key_is_suggested_and_none_when_all_are_far() {
        let message = "unknown field `isuer`, expected one of `listen`, `issuer`, `audience`";
        let expected = Some("did you mean `issuer`?".to_owned());
        assert_eq!(suggestion(message), expected);
        let message = "unknown variant `KMS`, expected `idm` or `kms`";
        assert_eq!(suggestion(message), None);
        assert_eq!(suggestion("unknown field `zzzz`, expected `listen`"), None);
        assert_eq!(suggestion("missing field `issuer`"), None);
    }
}
