//! First TrK and InK, out of the store to where devices are set up.

use super::{Found, find};
use crate::answer::Answer;
use crate::session::{Deed, Session};
use crate::{AdminError, new_file};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use roger_documents::kms::NamedKey;
use roger_kms::KeyPair;
use roger_kms::ports::KeyRepository as _;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Arguments of `user keys`.
#[derive(Args)]
pub(crate) struct Keys {
    /// Login names.
    #[arg(required = true)]
    logins: Vec<String>,
    /// The file to make: one JSON object a line, for its owner only.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Keys {
    pub(super) fn run(&self, session: &Session) -> Result<Answer, AdminError> {
        let found = self.logins.iter().map(|login| find(session, login));
        let found: Vec<Found> = found.collect::<Result<_, _>>()?;
        let whom = found.iter().map(|found| &found.user.mcptt_id);
        session.act(&Deed::new("user keys", whom), || {
            let mut file = new_file::create(&self.out)?;
            for found in &found {
                let line = line(session, found)?;
                file.write_all(line.as_bytes())
                    .map_err(AdminError::file(&self.out))?;
            }
            file.sync_all().map_err(AdminError::file(&self.out))
        })?;
        let text = format!(
            "{} holds the keys of {} users. Remove it when the devices have them.",
            self.out.display(),
            found.len()
        );
        Ok(Answer::new(
            text,
            json!({ "file": self.out, "users": found.len() }),
        ))
    }
}

fn line(session: &Session, found: &Found) -> Result<Zeroizing<String>, AdminError> {
    let uri = found.user.mcptt_id.as_str();
    let refused = |why| AdminError::refused(format!("{uri} {why}"));
    let domain = found.domain.as_ref().ok_or_else(|| refused("has no KMS"))?;
    let account = session.store.kms(domain).account(uri)?;
    let account = account.ok_or_else(|| refused("has no account at the KMS"))?;
    let pair = account.current.as_ref();
    let pair = pair.ok_or_else(|| refused("is protected by TLS alone: there are no keys"))?;
    Ok(written(domain.as_str(), uri, pair))
}

/// ```text
/// {"kms":"…","user":"…","trk":{"name":"…","key":"<base64>"},"ink":{…}}
/// ```
pub(crate) fn written(kms: &str, user: &str, pair: &KeyPair) -> Zeroizing<String> {
    let quoted = |text: &str| Value::String(text.to_owned()).to_string();
    let key = |key: &NamedKey| {
        let octets = Zeroizing::new(STANDARD.encode(key.key.expose()));
        Zeroizing::new(format!(
            "{{\"name\":{},\"key\":\"{}\"}}",
            quoted(&key.name),
            octets.as_str()
        ))
    };
    let trk = key(&pair.transport);
    let ink = pair.integrity.as_ref().map(key);
    let ink = ink.unwrap_or_else(|| Zeroizing::new("null".to_owned()));
    Zeroizing::new(format!(
        "{{\"kms\":{},\"user\":{},\"trk\":{},\"ink\":{}}}\n",
        quoted(kms),
        quoted(user),
        trk.as_str(),
        ink.as_str()
    ))
}
