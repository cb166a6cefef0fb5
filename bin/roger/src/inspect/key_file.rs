//! The TOML file behind `--keys`, as it is written (`docs/inspect-keys.md`).

use core::fmt;
use roger_base::SecretBytes;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use thiserror::Error;
use zeroize::Zeroizing;

/// Most octets of a key file.
const MAX_FILE: u64 = 1 << 20;

/// Why a key file is not used. No variant carries a value of the file.
#[derive(Debug, Error)]
pub(super) enum KeyFileError {
    #[error("cannot read the key file: {0}")]
    Read(#[from] io::Error),
    #[error("the key file has more than {MAX_FILE} octets")]
    TooLong,
    #[error("the key file is not UTF-8 text")]
    NotText,
    #[error("line {line} of the key file: {message}")]
    Toml { line: usize, message: String },
    #[error("the key file holds nothing: see docs/inspect-keys.md")]
    Empty,
    #[error("[[{table}]] number {number}: {problem}")]
    Entry {
        table: &'static str,
        number: usize,
        problem: String,
    },
}

/// The whole file.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyFile {
    #[serde(default)]
    pub(super) kms: Vec<KmsEntry>,
    #[serde(default)]
    pub(super) user: Vec<UserEntry>,
    #[serde(default)]
    pub(super) key: Vec<KeyEntry>,
    #[serde(default)]
    pub(super) srtp: Vec<SrtpEntry>,
}

/// Public parameters of a KMS.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KmsEntry {
    pub(super) uri: String,
    pub(super) pub_auth_key: Hex,
    pub(super) pub_enc_key: Hex,
    pub(super) user_key_period: u64,
    #[serde(default)]
    pub(super) user_key_offset: u64,
}

/// What a user has from its KMS.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserEntry {
    pub(super) identity: String,
    pub(super) kms: Option<String>,
    pub(super) period_number: u64,
    pub(super) rsk: Hex,
    pub(super) uid: Option<Hex>,
}

/// A key that MIKEY carries, or an SPK.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyEntry {
    #[serde(rename = "type")]
    pub(super) kind: Kind,
    pub(super) id: Hex,
    pub(super) key: Hex,
    pub(super) rand: Option<Hex>,
    pub(super) sender: Option<Side>,
    #[serde(default)]
    pub(super) members: Vec<String>,
}

/// An SRTP master key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SrtpEntry {
    pub(super) mki: Hex,
    pub(super) master_key: Hex,
    pub(super) master_salt: Hex,
}

/// What a key is for.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Gmk,
    Pck,
    Csk,
    Spk,
    Mkfc,
    Mscck,
    Musik,
}

/// Who sent the packets of a private call.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Side {
    Initiator,
    Receiver,
}

/// Octets written as hex digits; white space and `:` between them are allowed.
pub(super) struct Hex(pub(super) SecretBytes);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HexVisitor)
    }
}

/// Says the same for every wrong value, so that no error repeats one.
struct HexVisitor;

impl HexVisitor {
    fn refuse<E: de::Error>(&self) -> Result<Hex, E> {
        Err(E::custom("must be a string of hex digits, in quotes"))
    }
}

impl Visitor<'_> for HexVisitor {
    type Value = Hex;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string of hex digits")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Hex, E> {
        let mut digits = Zeroizing::new(String::with_capacity(text.len()));
        digits.extend(text.chars().filter(|c| !c.is_whitespace() && *c != ':'));
        if digits.len() % 2 == 1 {
            let count = digits.len();
            return Err(E::custom(format!("{count} hex digits, an odd number")));
        }
        match hex::decode(digits.as_bytes()) {
            Ok(octets) => Ok(Hex(SecretBytes::new(octets))),
            Err(_) => self.refuse(),
        }
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Hex, E> {
        self.refuse()
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Hex, E> {
        self.refuse()
    }

    fn visit_i128<E: de::Error>(self, _: i128) -> Result<Hex, E> {
        self.refuse()
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<Hex, E> {
        self.refuse()
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Hex, E> {
        self.refuse()
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Hex, E> {
        self.refuse()
    }
}

impl KeyFile {
    pub(super) fn read(path: &Path) -> Result<Self, KeyFileError> {
        let mut octets = Zeroizing::new(Vec::new());
        let mut file = File::open(path)?.take(MAX_FILE + 1);
        file.read_to_end(&mut octets)?;
        if octets.len() as u64 > MAX_FILE {
            return Err(KeyFileError::TooLong);
        }
        let text = core::str::from_utf8(&octets).map_err(|_| KeyFileError::NotText)?;
        Self::parse(text)
    }

    /// The parser's own text would print the line, key and all; only its message and the line's number are told.
    fn parse(text: &str) -> Result<Self, KeyFileError> {
        let file: Self = toml::from_str(text).map_err(|error| KeyFileError::Toml {
            line: line_of(text, error.span().map_or(0, |span| span.start)),
            message: error.message().to_owned(),
        })?;
        let entries = file.kms.len() + file.user.len() + file.key.len() + file.srtp.len();
        match entries {
            0 => Err(KeyFileError::Empty),
            _ => Ok(file),
        }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    1 + before.filter(|octet| **octet == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        KeyFile::parse(text).err().unwrap().to_string()
    }

    const KEY: &str = "[[key]]\ntype = \"csk\"\nid = \"2ddd5bf0\"\n";

    #[test]
    fn no_error_repeats_a_value() {
        let wrong = [
            "key = \"secretsecret\"",
            "key = \"abc\"",
            "key = 271828182845904523",
            "key = 27182.8182845904523",
            "key = true",
            "key = [\"271828182845904523\"]",
            "key = { a = \"271828182845904523\" }",
            "key = 271828182845904523x",
            "key = \"271828182845904523",
        ];
        for line in wrong {
            let error = error(&format!("{KEY}{line}\n"));
            assert!(error.starts_with("line 4 of the key file: "), "{error}");
            assert!(!error.contains("2718"), "{error}");
            assert!(!error.contains("secret"), "{error}");
            assert!(!error.contains("abc"), "{error}");
        }
    }

    #[test]
    fn unknown_and_missing_fields_are_named() {
        assert!(error("[[kez]]\n").contains("unknown field `kez`"));
        assert!(error(KEY).contains("missing field `key`"));
        assert!(error(&format!("{KEY}key = \"00\"\nrandom = \"00\"\n")).contains("random"));
        assert!(error("[[key]]\ntype = \"gnk\"\n").contains("unknown variant `gnk`"));
        assert!(error("# nothing\n").contains("holds nothing"));
    }

    #[test]
    fn hex_may_be_grouped() {
        let file = format!("{KEY}key = \"00:11 22\"\n");
        let file = KeyFile::parse(&file).ok().unwrap();
        assert_eq!(file.key[0].key.0.expose(), [0, 0x11, 0x22]);
    }
}
