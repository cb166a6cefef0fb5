//! Mistakes in a file are shown with file, line and what was meant.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use miette::{GraphicalReportHandler, GraphicalTheme};
use roger_config::{Config, ConfigError, Role, load, load_for};
use rstest::rstest;
use std::fs::{Permissions, set_permissions, write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use tempfile::TempDir;

const GOOD: &str = r#"
[store]
sqlite = "roger.sqlite"

[secrets]
keeper = "passphrase"
key_file = "store.key"

[audit]
folder = "audit"

[idm]
listen = "127.0.0.1:8443"
issuer = "https://idm.example.org"
audience = "https://mcptt.example.org"
[idm.tls]
certificate = "cert.pem"
key = "own.key"
[[idm.clients]]
id = "ue"
name = "Phones"
redirect_uris = ["org.example.mcptt:/login"]

[kms]
listen = "127.0.0.1:8444"
uri = "kms.example.org"
domains = ["mcptt.example.org"]
key_period_seconds = 86400
[kms.tls]
certificate = "cert.pem"
key = "own.key"
client_certificates = "accepted"
client_authority = "cert.pem"
"#;

/// A folder with the files that [`GOOD`] names.
struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        write(bench.path("cert.pem"), "").unwrap();
        bench.secret("own.key", 0o600);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn secret(&self, name: &str, mode: u32) {
        write(self.path(name), "").unwrap();
        set_permissions(self.path(name), Permissions::from_mode(mode)).unwrap();
    }

    fn load(&self, text: &str) -> Result<Config, ConfigError> {
        write(self.path("roger.toml"), text).unwrap();
        load(&self.path("roger.toml"), |_| None)
    }

    fn shown(&self, text: &str) -> String {
        let error = self.load(text).expect_err("it was taken");
        let mut shown = String::new();
        GraphicalReportHandler::new_themed(GraphicalTheme::none())
            .with_width(200)
            .render_report(&mut shown, &error)
            .unwrap();
        shown
    }
}

#[test]
fn a_good_file_is_taken_and_its_paths_start_at_its_folder() {
    let bench = Bench::new();
    let config = bench.load(GOOD).unwrap();
    assert_eq!(config.store.sqlite, Some(bench.path("roger.sqlite")));
    assert_eq!(config.kms.unwrap().tls.key, bench.path("own.key"));
}

#[rstest]
#[case::unknown_key("issuer =", "isuer =", "isuer = \"https", "did you mean `issuer`?")]
#[case::unknown_section("[audit]", "[aduit]", "[aduit]", "did you mean `audit`?")]
#[case::wrong_type(
    "key_period_seconds = 86400",
    "key_period_seconds = \"day\"",
    "= \"day\"",
    "invalid type"
)]
#[case::wrong_word(
    "\"accepted\"",
    "\"acepted\"",
    "\"acepted\"",
    "did you mean `accepted`?"
)]
#[case::bad_address(
    "127.0.0.1:8443",
    "127.0.0.1",
    "listen = \"127.0.0.1\"",
    "invalid socket address"
)]
#[case::not_toml("[store]", "[store", "[store", "here")]
#[case::http_issuer(
    "https://idm",
    "http://idm",
    "http://idm.example.org",
    "must be an https URL"
)]
#[case::issuer_with_query(
    "https://idm.example.org",
    "https://idm.example.org?a",
    "example.org?a",
    ""
)]
#[case::offset(
    "= 86400",
    "= 86400\nkey_period_offset_seconds = 86400",
    "offset_seconds = 86400",
    "must be less than the key period"
)]
#[case::period("= 86400", "= 60", "key_period_seconds = 60", "an hour to a year")]
#[case::no_authority(
    "client_authority = \"cert.pem\"",
    "",
    "\"accepted\"",
    "needs client_authority"
)]
#[case::authority_for_nothing(
    "client_certificates = \"accepted\"",
    "",
    "client_authority",
    "needs client_certificates"
)]
#[case::postgres(
    "sqlite = \"roger.sqlite\"",
    "postgres = \"mysql://db/roger\"",
    "postgres = ",
    "begins with postgres://"
)]
#[case::two_stores(
    "sqlite = \"roger.sqlite\"",
    "sqlite = \"roger.sqlite\"\npostgres = \"postgres://db/roger\"",
    "postgres = ",
    "there is sqlite already"
)]
#[case::no_store(
    "sqlite = \"roger.sqlite\"",
    "",
    "[store]",
    "sqlite or postgres is missing"
)]
#[case::keeper(
    "\"passphrase\"",
    "\"pkcs11\"",
    "\"pkcs11\"",
    "needs a section [secrets.pkcs11]"
)]
#[case::redirect_uri("org.example.mcptt:/login", "not a uri", "not a uri", "")]
#[case::no_redirect_uri(
    "[\"org.example.mcptt:/login\"]",
    "[]",
    "redirect_uris = []",
    "is empty"
)]
#[case::no_file(
    "certificate = \"cert.pem\"\nkey",
    "certificate = \"gone.pem\"\nkey",
    "gone.pem",
    "No such file"
)]
#[case::no_folder("\"audit\"", "\"gone/audit\"", "gone/audit", "the folder of")]
#[case::management(
    "[audit]",
    "[management]\nlisten = \"0.0.0.0:1\"\n[audit]",
    "0.0.0.0:1",
    "is not loopback"
)]
#[case::zero("[audit]", "[limits]\nstreams = 0\n[audit]", "streams = 0", "nonzero")]
#[case::times(
    "[audit]",
    "[limits]\nbody_seconds = 30\n[audit]",
    "body_seconds = 30",
    "more than request_seconds"
)]
#[case::kms_alone(
    "[store]",
    "roles = [\"kms\"]\n[store]",
    "[kms]",
    "needs [[kms.trusted_issuers]]"
)]
#[case::no_keys_of_an_issuer(
    "[kms.tls]",
    "[[kms.trusted_issuers]]\nissuer = \"https://a.example\"\n[kms.tls]",
    "issuer = \"https://a.example\"",
    "needs keys_file or keys_uri"
)]
#[case::keys_without_an_authority(
    "[kms.tls]",
    "[[kms.trusted_issuers]]\nissuer = \"https://a.example\"\nkeys_uri = \"https://a.example/k\"\n[kms.tls]",
    "keys_uri = \"https://a.example/k\"",
    "needs authority"
)]
#[case::keys_in_clear(
    "[kms.tls]",
    "[[kms.trusted_issuers]]\nissuer = \"https://a.example\"\nkeys_uri = \"http://a.example/k\"\n\
     authority = \"cert.pem\"\n[kms.tls]",
    "keys_uri = \"http://a.example/k\"",
    "must be an https URL"
)]
#[case::two_places_of_keys(
    "[kms.tls]",
    "[[kms.trusted_issuers]]\nissuer = \"https://a.example\"\nkeys_file = \"cert.pem\"\n\
     keys_uri = \"https://a.example/k\"\nauthority = \"cert.pem\"\n[kms.tls]",
    "keys_uri = \"https://a.example/k\"",
    "which of the two counts?"
)]
#[case::no_role("[store]", "roles = []\n[store]", "roles = []", "needs a role")]
fn a_mistake_is_shown_with_its_line(
    #[case] from: &str,
    #[case] to: &str,
    #[case] line: &str,
    #[case] what: &str,
) {
    assert!(GOOD.contains(from));
    let text = GOOD.replacen(from, to, 1);
    let shown = Bench::new().shown(&text);
    let at = text.lines().position(|one| one.contains(line)).unwrap() + 1;
    assert!(
        shown.contains(&format!("roger.toml:{at}:")),
        "line {at} in\n{shown}"
    );
    assert!(
        shown.contains(line) && shown.contains(what),
        "{what} in\n{shown}"
    );
}

#[test]
fn a_missing_key_is_named() {
    let shown = Bench::new().shown(&GOOD.replace("audience = \"https://mcptt.example.org\"", ""));
    assert!(shown.contains("missing field `audience`"), "{shown}");
    let shown = Bench::new().shown(&GOOD.replace("[audit]\nfolder = \"audit\"", ""));
    assert!(shown.contains("missing field `audit`"), "{shown}");
}

#[test]
fn a_password_in_a_url_is_not_repeated() {
    let text = GOOD.replace(
        "sqlite = \"roger.sqlite\"",
        "postgres = \"postgres://r:geheim@db/r\"",
    );
    assert!(Bench::new().load(&text).is_ok());
    for text in [
        text.replace("postgres://", "mysql://"),
        text.replace("[audit]", "[aduit]")
            .replace("\n[secrets]", "[secrets]"),
    ] {
        let bench = Bench::new();
        assert!(!bench.shown(&text).contains("geheim"));
        assert!(!format!("{:?}", bench.load(&text).unwrap_err()).contains("geheim"));
    }
    let config = toml::from_str::<roger_config::Store>("postgres = \"postgres://r:geheim@db/r\"");
    assert!(!format!("{config:?}").contains("geheim"));
}

#[test]
fn every_mistake_is_shown_at_once() {
    let text = GOOD
        .replace("https://idm", "http://idm")
        .replace("= 86400", "= 1");
    let shown = Bench::new().shown(&text);
    assert!(shown.contains("2 values cannot be used"), "{shown}");
    assert!(
        shown.contains("https URL") && shown.contains("an hour to a year"),
        "{shown}"
    );
}

#[rstest]
#[case(0o600, true)]
#[case(0o640, true)]
#[case(0o644, false)]
#[case(0o602, false)]
fn a_key_that_everybody_can_read_is_refused(#[case] mode: u32, #[case] taken: bool) {
    let bench = Bench::new();
    bench.secret("own.key", mode);
    assert_eq!(bench.load(GOOD).is_ok(), taken);
}

#[test]
fn files_of_roles_elsewhere_are_not_looked_at() {
    let bench = Bench::new();
    let text = GOOD.replace("key = \"own.key\"\nclient", "key = \"gone.key\"\nclient");
    assert!(bench.load(&text).is_err());
    assert!(bench.load(&format!("roles = [\"idm\"]{text}")).is_ok());
    assert!(load_for(&bench.path("roger.toml"), &[Role::Kms], |_| None).is_err());
    write(bench.path("roger.toml"), &text).unwrap();
    let config = load_for(&bench.path("roger.toml"), &[Role::Idm], |_| None).unwrap();
    assert_eq!(config.roles, [Role::Idm]);
}

#[test]
fn the_environment_names_secret_files_and_nothing_else() {
    let bench = Bench::new();
    bench.secret("passphrase", 0o600);
    bench.secret("other.key", 0o600);
    write(bench.path("roger.toml"), GOOD).unwrap();
    let load_with = |passphrase: &str| {
        let passphrase = bench.path(passphrase).display().to_string();
        load(&bench.path("roger.toml"), |variable| match variable {
            "ROGER_PASSPHRASE_FILE" => Some(passphrase.clone()),
            "ROGER_KMS_TLS_KEY" => Some("other.key".to_owned()),
            "ROGER_PIN_FILE" | "ROGER_IDM_TLS_KEY" | "ROGER_MANAGEMENT_TLS_KEY" => None,
            other => panic!("{other} was asked for"),
        })
    };
    let config = load_with("passphrase").unwrap();
    assert_eq!(
        config.secrets.passphrase_file,
        Some(bench.path("passphrase"))
    );
    assert_eq!(config.kms.unwrap().tls.key, bench.path("other.key"));
    assert_eq!(config.idm.unwrap().tls.key, bench.path("own.key"));
    assert_eq!(config.audit.folder, bench.path("audit"));
    // What they name is checked like the rest.
    assert!(load_with("gone").is_err());
}

#[test]
fn a_file_that_is_not_there_or_too_large_is_refused() {
    let bench = Bench::new();
    assert!(load(&bench.path("gone.toml"), |_| None).is_err());
    let large = format!("{GOOD}{}", "#".repeat(1024 * 1024));
    let error = bench.load(&large).unwrap_err();
    assert!(error.to_string().contains("larger than 1 MiB"), "{error}");
}
