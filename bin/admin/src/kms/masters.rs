//! Master secrets and their certificates: drawn, shown, exchanged, revoked.

use super::Domain;
use crate::AdminError;
use crate::answer::Answer;
use crate::moment;
use crate::session::{Deed, Session, now};
use clap::Args;
use roger_adapter_hsm::{CheckValue, KmsMasters};
use roger_adapter_http::OsRandom;
use roger_adapter_store::{KmsStore, StoredRoot};
use roger_base::{KmsUri, UnixTime};
use roger_ibc::KmsMaster;
use roger_ibc::uid::KeyPeriod;
use roger_kms::CertificateTerms;
use serde_json::json;

/// Arguments of `create-master`.
#[derive(Args)]
pub(crate) struct Create {
    #[command(flatten)]
    domain: Domain,
    /// `CertUri` of the certificate; without it, that of the configuration, or one made from the KMS URI.
    #[arg(long, value_name = "URI")]
    cert_uri: Option<String>,
    /// From when on it serves; without it, at once.
    #[arg(long, value_name = "TIME", value_parser = moment::read)]
    valid_from: Option<UnixTime>,
}

impl Create {
    pub(crate) fn run(&self, session: &Session) -> Result<Answer, AdminError> {
        let domain = self.domain.of(session)?;
        let table = session.store.kms(&domain);
        if !table.roots()?.is_empty() {
            return Err(AdminError::refused(format!(
                "{domain} has master secrets: `roger admin kms rotate` draws new ones beside them"
            )));
        }
        let own = session.own_domain()?.as_ref() == Some(&domain);
        let configured = session.kms()?.cert_uri.clone().filter(|_| own);
        let cert_uri = self.cert_uri.clone().or(configured);
        let terms = CertificateTerms {
            cert_uri: Some(cert_uri.unwrap_or_else(|| numbered(&domain, 1))),
            valid_from: self.valid_from,
            ..CertificateTerms::default()
        };
        let root = drawn(session, &domain, terms)?;
        let deed = Deed::new("kms create-master", [ceremony(&root)]).within(&domain);
        session.act(&deed, || Ok(table.add_root(&root)?))?;
        Ok(told(&domain, &root))
    }
}

/// Arguments of `rotate`.
#[derive(Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    domain: Domain,
    /// `CertUri` of the new certificate; without it, one made from the KMS URI.
    #[arg(long, value_name = "URI")]
    cert_uri: Option<String>,
    /// When the new one takes over; without it, now.
    #[arg(long, value_name = "TIME", value_parser = moment::read)]
    from: Option<UnixTime>,
    /// How long the old ones serve on after that.
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    overlap_days: u32,
}

impl Rotate {
    pub(crate) fn run(&self, session: &Session) -> Result<Answer, AdminError> {
        let domain = self.domain.of(session)?;
        let table = session.store.kms(&domain);
        let roots = table.roots()?;
        if roots.is_empty() {
            return Err(AdminError::refused(format!(
                "{domain} has no master secrets: `roger admin kms create-master` draws the first ones"
            )));
        }
        let from = self.from.unwrap_or_else(now);
        let overlap = u64::from(self.overlap_days).saturating_mul(86_400);
        let until = UnixTime(from.0.saturating_add(overlap));
        let next = || numbered(&domain, roots.len().saturating_add(1));
        let terms = CertificateTerms {
            cert_uri: Some(self.cert_uri.clone().unwrap_or_else(next)),
            valid_from: Some(from),
            ..CertificateTerms::default()
        };
        let root = drawn(session, &domain, terms)?;
        let deed = Deed::new("kms rotate", [ceremony(&root)]).within(&domain);
        session.act(&deed, || take_over(&table, &root, &roots, until))?;
        Ok(told(&domain, &root))
    }
}

/// The new one first: between the two steps the domain has a master more, never one less.
fn take_over(
    table: &KmsStore,
    root: &StoredRoot,
    old: &[StoredRoot],
    until: UnixTime,
) -> Result<(), AdminError> {
    table.add_root(root)?;
    for old in old {
        let ends = old.terms.valid_to.is_none_or(|end| end > until);
        if let (true, cert_uri) = (ends, old.terms.cert_uri.as_deref().unwrap_or_default()) {
            table.end_root(cert_uri, until)?;
        }
    }
    Ok(())
}

/// Arguments of `revoke-master`.
#[derive(Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    domain: Domain,
    /// `CertUri` of the certificate.
    cert_uri: String,
}

impl Revoke {
    pub(crate) fn run(&self, session: &Session) -> Result<Answer, AdminError> {
        let domain = self.domain.of(session)?;
        let cert_uri = self.cert_uri.as_str();
        let deed = Deed::new("kms revoke-master", [cert_uri]).within(&domain);
        session.act(&deed, || {
            match session.store.kms(&domain).revoke_root(cert_uri)? {
                true => Ok(()),
                false => Err(unknown(&domain, cert_uri)),
            }
        })?;
        let text = format!("{cert_uri} is revoked; servers that run learn of it when they start");
        Ok(Answer::new(text, json!({ "revoked": cert_uri })))
    }
}

/// Shows the certificates of a domain.
pub(crate) fn list(session: &Session, domain: &Domain) -> Result<Answer, AdminError> {
    let domain = domain.of(session)?;
    let rows = session.store.kms(&domain).roots()?.into_iter().map(|root| {
        let terms = &root.terms;
        [
            terms.cert_uri.clone().unwrap_or_default(),
            moment::written(terms.valid_from),
            moment::written(terms.valid_to),
            if terms.revoked { "revoked" } else { "good" }.to_owned(),
            check_value(&root).to_string(),
        ]
    });
    let heading = ["cert_uri", "valid_from", "valid_to", "state", "check_value"];
    Ok(Answer::list(heading, rows.collect()))
}

/// The one of this `CertUri`; without it, the newest.
pub(super) fn find(
    table: &KmsStore,
    domain: &KmsUri,
    cert_uri: Option<&str>,
) -> Result<StoredRoot, AdminError> {
    let mut roots = table.roots()?.into_iter().rev();
    let wanted = |root: &StoredRoot| {
        cert_uri.is_none_or(|uri| root.terms.cert_uri.as_deref().unwrap_or_default() == uri)
    };
    let found = roots.find(wanted);
    found.ok_or_else(|| unknown(domain, cert_uri.unwrap_or("(any)")))
}

fn unknown(domain: &KmsUri, cert_uri: &str) -> AdminError {
    AdminError::refused(format!(
        "{domain} has no certificate {cert_uri}: `roger admin kms masters` shows those that it has"
    ))
}

fn drawn(
    session: &Session,
    domain: &KmsUri,
    terms: CertificateTerms,
) -> Result<StoredRoot, AdminError> {
    let master = KmsMaster::generate(domain.clone(), key_period(session)?, &mut OsRandom);
    let master = master.map_err(AdminError::refused)?;
    Ok(StoredRoot { master, terms })
}

/// The key period of the configuration, for every domain of the KMS.
pub(super) fn key_period(session: &Session) -> Result<KeyPeriod, AdminError> {
    let section = session.kms()?;
    let (length, offset) = (
        section.key_period_seconds,
        section.key_period_offset_seconds,
    );
    KeyPeriod::new(length, offset).map_err(AdminError::refused)
}

/// Master secrets as a backup has them.
pub(super) fn masters(root: &StoredRoot) -> KmsMasters {
    let (ksak, z) = root.master.to_secrets();
    KmsMasters {
        kms_uri: root.master.domain().kms_uri.clone(),
        ksak,
        z,
    }
}

fn check_value(root: &StoredRoot) -> CheckValue {
    masters(root).check_value()
}

fn ceremony(root: &StoredRoot) -> String {
    let cert_uri = root.terms.cert_uri.as_deref().unwrap_or_default();
    format!("{cert_uri}, check value {}", check_value(root))
}

/// `cert1.kms.example.org`, as in the published example of TS 33.180 D.3.5.
fn numbered(domain: &KmsUri, number: usize) -> String {
    format!("cert{number}.{domain}")
}

fn told(domain: &KmsUri, root: &StoredRoot) -> Answer {
    let (cert_uri, check) = (root.terms.cert_uri.clone(), check_value(root));
    let named = cert_uri.as_deref().unwrap_or_default();
    let text = format!(
        "{domain} has new master secrets under {named}. Check value, for the operator's paper: {check}\n\
         Keep a backup: `roger admin kms backup --cert-uri {named} --out FILE`. Servers take them when they start."
    );
    let json = json!({
        "domain": domain.as_str(), "cert_uri": cert_uri, "check_value": check.to_string(),
        "valid_from": moment::written(root.terms.valid_from),
    });
    Answer::new(text, json)
}
