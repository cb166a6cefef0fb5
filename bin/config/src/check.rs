//! What types cannot say.

use crate::error::Finding;
use crate::sections::{
    Client, ClientCertificates, Config, Idm, Keeper, Kms, Management, Role, Secrets, Store, Tls,
    TrustedIssuer,
};
use crate::span::Step;
use core::fmt::Display;
use roger_base::KmsUri;
use roger_ibc::uid::KeyPeriod;
use roger_oidc::{Issuer, OauthClientId, RedirectUri, ScopeSet};

/// Longest key period: a year. Keys of longer periods could hardly ever be taken back.
const MAX_KEY_PERIOD_SECONDS: u64 = 366 * 86_400;
/// Shortest key period: an hour. Every user fetches keys in each.
const MIN_KEY_PERIOD_SECONDS: u64 = 3600;
/// Largest difference of clocks.
const MAX_TIME_WINDOW_SECONDS: u64 = 3600;

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, way: &[&'static str], what: impl Display) {
        let at = way.iter().copied().map(Step::Key).collect();
        let what = what.to_string();
        self.0.push(Finding { at, what });
    }

    fn add_item(
        &mut self,
        list: [&'static str; 2],
        number: usize,
        key: &'static str,
        what: impl Display,
    ) {
        let [section, list] = list.map(Step::Key);
        let at = vec![section, list, Step::Item(number), Step::Key(key)];
        let what = what.to_string();
        self.0.push(Finding { at, what });
    }
}

/// Every value that cannot be used.
pub(crate) fn values(config: &Config) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    roles(config, &mut findings);
    store(&config.store, &mut findings);
    secrets(&config.secrets, &mut findings);
    if let Some(section) = &config.idm {
        idm(section, &mut findings);
    }
    if let Some(section) = &config.kms {
        kms(section, &mut findings);
    }
    management(&config.management, &mut findings);
    times(config, &mut findings);
    findings.0
}

fn roles(config: &Config, findings: &mut Findings) {
    if config.roles.is_empty() {
        findings.add(&["roles"], "a process needs a role");
    }
    if config.roles.contains(&Role::Idm) && config.idm.is_none() {
        findings.add(&["roles"], "the role idm needs a section [idm]");
    }
    match (&config.kms, config.roles.contains(&Role::Kms)) {
        (None, true) => findings.add(&["roles"], "the role kms needs a section [kms]"),
        (Some(kms), true)
            if !config.roles.contains(&Role::Idm) && kms.trusted_issuers.is_empty() =>
        {
            let what = "a KMS without an IdM server in its process needs [[kms.trusted_issuers]]";
            findings.add(&["kms"], what);
        }
        _ => {}
    }
}

fn store(store: &Store, findings: &mut Findings) {
    match (&store.sqlite, &store.postgres) {
        (Some(_), Some(_)) => findings.add(&["store", "postgres"], "there is sqlite already"),
        (None, Some(url)) if !url.is_of_postgres() => {
            findings.add(
                &["store", "postgres"],
                "is no URL that begins with postgres://",
            );
        }
        (None, None) => findings.add(&["store"], "sqlite or postgres is missing"),
        (Some(_), None) | (None, Some(_)) => {}
    }
}

fn secrets(secrets: &Secrets, findings: &mut Findings) {
    if secrets.keeper == Keeper::Pkcs11 && secrets.pkcs11.is_none() {
        let what = "the keeper pkcs11 needs a section [secrets.pkcs11]";
        findings.add(&["secrets", "keeper"], what);
    }
    if secrets.keeper == Keeper::Pkcs11 && secrets.passphrase_file.is_some() {
        let what = "the keeper pkcs11 has a PIN, not a passphrase";
        findings.add(&["secrets", "passphrase_file"], what);
    }
}

fn idm(idm: &Idm, findings: &mut Findings) {
    issuer(&idm.issuer, &mut |what| {
        findings.add(&["idm", "issuer"], what)
    });
    if idm.audience.is_empty() {
        findings.add(&["idm", "audience"], "is empty");
    }
    tls(&idm.tls, "idm", findings);
    for (number, one) in idm.clients.iter().enumerate() {
        client(one, number, findings);
        let same = |other: &&Client| other.id == one.id;
        if idm.clients.iter().take(number).any(|other| same(&other)) {
            findings.add_item(["idm", "clients"], number, "id", "is there twice");
        }
    }
}

fn client(client: &Client, number: usize, findings: &mut Findings) {
    let mut add = |key, what: &dyn Display| {
        findings.add_item(["idm", "clients"], number, key, what);
    };
    if let Err(error) = OauthClientId::new(client.id.as_str()) {
        add("id", &error);
    }
    if client.name.is_empty() {
        add("name", &"is empty");
    }
    if client.redirect_uris.is_empty() {
        add("redirect_uris", &"is empty");
    }
    for uri in &client.redirect_uris {
        if let Err(error) = RedirectUri::new(uri.as_str()) {
            add("redirect_uris", &error);
        }
    }
    if let Some(Err(error)) = client
        .scopes
        .as_ref()
        .map(|scopes| ScopeSet::parse(&scopes.join(" ")))
    {
        add("scopes", &error);
    }
}

fn kms(kms: &Kms, findings: &mut Findings) {
    if let Err(error) = KmsUri::new(kms.uri.as_str()) {
        findings.add(&["kms", "uri"], error);
    }
    if kms.domains.is_empty() {
        findings.add(&["kms", "domains"], "is empty");
    }
    key_period(kms, findings);
    if !(1..=MAX_TIME_WINDOW_SECONDS).contains(&kms.time_window_seconds) {
        findings.add(&["kms", "time_window_seconds"], "must be 1 to 3600");
    }
    tls(&kms.tls, "kms", findings);
    for (number, trusted) in kms.trusted_issuers.iter().enumerate() {
        issuer(&trusted.issuer, &mut |what| {
            findings.add_item(["kms", "trusted_issuers"], number, "issuer", what);
        });
        issuer_keys(trusted, &mut |key, what| {
            findings.add_item(["kms", "trusted_issuers"], number, key, what);
        });
    }
}

/// Where the keys of an issuer come from: one place, and a URL only from a server that can prove who it is.
fn issuer_keys(trusted: &TrustedIssuer, add: &mut dyn FnMut(&'static str, &'static str)) {
    match (&trusted.keys_file, &trusted.keys_uri) {
        (None, None) => add("issuer", "needs keys_file or keys_uri"),
        (Some(_), Some(_)) => add("keys_uri", "there is a keys_file: which of the two counts?"),
        (None, Some(uri)) if !uri.starts_with("https://") => {
            add("keys_uri", "must be an https URL");
        }
        _ => {}
    }
    match (&trusted.keys_uri, &trusted.authority) {
        (Some(_), None) => add(
            "keys_uri",
            "needs authority, the file with the authorities of its certificate",
        ),
        (None, Some(_)) => add("authority", "needs keys_uri"),
        _ => {}
    }
}

fn key_period(kms: &Kms, findings: &mut Findings) {
    let (period, offset) = (kms.key_period_seconds, kms.key_period_offset_seconds);
    if !(MIN_KEY_PERIOD_SECONDS..=MAX_KEY_PERIOD_SECONDS).contains(&period) {
        let what = "must be an hour to a year (3600 to 31622400)";
        return findings.add(&["kms", "key_period_seconds"], what);
    }
    if offset >= period {
        let what = format!("must be less than the key period of {period} seconds");
        return findings.add(&["kms", "key_period_offset_seconds"], what);
    }
    if let Err(error) = KeyPeriod::new(period, offset) {
        findings.add(&["kms", "key_period_seconds"], error);
    }
}

fn issuer(url: &str, add: &mut dyn FnMut(String)) {
    if !url.starts_with("https://") {
        add("must be an https URL".to_owned());
    } else if url.contains(['?', '#']) {
        add("must have no query and no fragment (OpenID Connect Core 2)".to_owned());
    } else if let Err(error) = Issuer::new(url) {
        add(error.to_string());
    }
}

fn tls(tls: &Tls, section: &'static str, findings: &mut Findings) {
    match (tls.client_certificates, &tls.client_authority) {
        (ClientCertificates::None, Some(_)) => {
            let what = "needs client_certificates = \"accepted\" or \"required\"";
            findings.add(&[section, "tls", "client_authority"], what);
        }
        (ClientCertificates::Accepted | ClientCertificates::Required, None) => {
            let what = "needs client_authority, the file with their authorities";
            findings.add(&[section, "tls", "client_certificates"], what);
        }
        _ => {}
    }
}

fn management(management: &Management, findings: &mut Findings) {
    match &management.tls {
        None if !management.listen.ip().is_loopback() => {
            let what = "is not loopback: it needs a section [management.tls]";
            findings.add(&["management", "listen"], what);
        }
        None => {}
        Some(section) => tls(section, "management", findings),
    }
}

fn times(config: &Config, findings: &mut Findings) {
    let limits = &config.limits;
    if limits.body_seconds > limits.request_seconds {
        let what = format!(
            "is more than request_seconds ({}), which ends it",
            limits.request_seconds
        );
        findings.add(&["limits", "body_seconds"], what);
    }
    if limits.connections_per_address > limits.connections {
        let what = format!("is more than connections ({})", limits.connections);
        findings.add(&["limits", "connections_per_address"], what);
    }
}
