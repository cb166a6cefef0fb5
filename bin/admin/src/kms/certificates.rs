//! Certificates that operators of domains exchange. They hold public keys only; that they are the partner's is what
//! the two operators make sure of by comparing fingerprints.

use super::{Domain, masters};
use crate::answer::Answer;
use crate::session::{Deed, Session};
use crate::{AdminError, moment};
use clap::{Args, Subcommand};
use roger_base::KmsUri;
use roger_documents::kms::{CertificateRole, KmsCertificate};
use roger_ibc::KmsDomain;
use roger_ibc::eccsi::KmsPublicAuthKey;
use roger_ibc::sakke::KmsPublicEncKey;
use roger_ibc::uid::KeyPeriod;
use roger_kms::certificate;
use roger_kms::ports::KeyRepository as _;
use roger_kms::pre_issue::RootId;
use serde_json::json;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Largest file read, in octets.
const LARGEST: u64 = 64 * 1024;

/// Arguments of `certificate`.
#[derive(Args)]
pub(crate) struct Export {
    #[command(flatten)]
    domain: Domain,
    /// `CertUri` of the certificate; without it, the newest.
    #[arg(long, value_name = "URI")]
    cert_uri: Option<String>,
    /// The file to make.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Export {
    pub(crate) fn run(&self, session: &Session) -> Result<Answer, AdminError> {
        let uri = self.domain.of(session)?;
        let root = masters::find(&session.store.kms(&uri), &uri, self.cert_uri.as_deref())?;
        let mc_domains = mc_domains(session, &uri)?;
        let document = certificate(root.master.domain(), &root.terms, None, &mc_domains);
        let text = document.write_document();
        let mut file = File::create_new(&self.out).map_err(AdminError::file(&self.out))?;
        let written = file.write_all(text.as_bytes());
        written.map_err(AdminError::file(&self.out))?;
        let fingerprint = fingerprint(root.master.domain());
        let text = format!(
            "{} has the certificate of {uri}\nfingerprint {fingerprint}",
            self.out.display()
        );
        Ok(Answer::new(
            text,
            json!({ "file": self.out, "fingerprint": fingerprint }),
        ))
    }
}

/// MC domains of the users of a KMS domain.
fn mc_domains(session: &Session, uri: &KmsUri) -> Result<Vec<String>, AdminError> {
    match session.store.agency_of_domain(uri)? {
        Some(agency) => Ok(agency.domains),
        None => Ok(session.kms()?.domains.clone()),
    }
}

/// Commands about certificates of other domains.
#[derive(Subcommand)]
pub(crate) enum External {
    /// Adds a certificate, or puts it in place of the one of the same KMS and `CertUri`.
    Add(Add),
    /// Shows the certificates of other domains.
    List(Domain),
}

/// Arguments of `external add`.
#[derive(Args)]
pub(crate) struct Add {
    #[command(flatten)]
    domain: Domain,
    /// The file that the other operator has made.
    file: PathBuf,
    /// The fingerprint that the other operator reads out.
    #[arg(long, value_name = "HEX")]
    fingerprint: String,
    /// Tell users that it is revoked.
    #[arg(long)]
    revoked: bool,
}

impl External {
    pub(crate) fn run(&self, session: &Session) -> Result<Answer, AdminError> {
        match self {
            Self::Add(order) => order.run(session),
            Self::List(domain) => list(session, domain),
        }
    }
}

impl Add {
    fn run(&self, session: &Session) -> Result<Answer, AdminError> {
        let domain = self.domain.of(session)?;
        let mut external = read(&self.file)?;
        let keys = public_keys(&external)?;
        if external.kms_uri == domain {
            return Err(AdminError::refused(format!(
                "{domain} is the domain itself"
            )));
        }
        let found = fingerprint(&keys);
        if !found.eq_ignore_ascii_case(self.fingerprint.trim()) {
            return Err(AdminError::refused(format!(
                "the file has the fingerprint {found}: it is not what the other operator has"
            )));
        }
        external.role = CertificateRole::External;
        external.revoked |= self.revoked;
        let other = external.kms_uri.clone();
        let deed = Deed::new("kms external add", [format!("{other}, {found}")]).within(&domain);
        session.act(&deed, || {
            let table = session.store.kms(&domain);
            Ok(table.put_external_certificate(&external)?)
        })?;
        let text = format!("users of {domain} are given the certificate of {other}");
        Ok(Answer::new(
            text,
            json!({ "domain": other.as_str(), "fingerprint": found }),
        ))
    }
}

fn list(session: &Session, domain: &Domain) -> Result<Answer, AdminError> {
    let domain = domain.of(session)?;
    let (_, certificates) = session.store.kms(&domain).external_certificates()?;
    let rows = certificates.into_iter().map(|external| {
        let fingerprint = public_keys(&external).map(|keys| fingerprint(&keys));
        let state = if external.revoked { "revoked" } else { "good" };
        [
            external.kms_uri.as_str().to_owned(),
            external.cert_uri.unwrap_or_default(),
            moment::written(external.valid_to),
            state.to_owned(),
            fingerprint.unwrap_or_default(),
        ]
    });
    let heading = ["domain", "cert_uri", "valid_to", "state", "fingerprint"];
    Ok(Answer::list(heading, rows.collect()))
}

fn read(path: &Path) -> Result<KmsCertificate, AdminError> {
    let mut octets = Vec::new();
    let file = File::open(path).map_err(AdminError::file(path))?;
    let read = file.take(LARGEST + 1).read_to_end(&mut octets);
    read.map_err(AdminError::file(path))?;
    KmsCertificate::read_document(&octets)
        .map_err(|error| AdminError::refused(format!("{}: {error}", path.display())))
}

/// The public keys of a certificate, as points of their curves.
fn public_keys(certificate: &KmsCertificate) -> Result<KmsDomain, AdminError> {
    let period = KeyPeriod::new(certificate.user_key_period, certificate.user_key_offset);
    let auth = KmsPublicAuthKey::from_octets(&certificate.pub_auth_key);
    let enc = KmsPublicEncKey::from_octets(&certificate.pub_enc_key);
    Ok(KmsDomain {
        kms_uri: certificate.kms_uri.clone(),
        key_period: period.map_err(AdminError::refused)?,
        auth: auth.map_err(AdminError::refused)?,
        enc: enc.map_err(AdminError::refused)?,
    })
}

/// SHA-256 of KPAK and Z_T in hex.
fn fingerprint(domain: &KmsDomain) -> String {
    hex::encode(RootId::of_domain(domain).0)
}
