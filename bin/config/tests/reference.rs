//! `docs/roger.toml` holds every key, and its defaults are the defaults.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use roger_config::{Config, Keeper, Limits, Log, Management, Rate, Role, TlsReload, parse};
use std::path::Path;

const REFERENCE: &str = include_str!("../../../docs/roger.toml");

fn read(text: &str) -> Config {
    parse(Path::new("roger.toml"), text).unwrap_or_else(|error| panic!("{error}"))
}

/// Takes the mark of defaults away: `#key = …`.
fn with_defaults(text: &str) -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase()) => rest.to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Takes the mark of examples away as well: `#? key = …`.
fn with_everything(text: &str) -> String {
    with_defaults(text).replace("#? ", "")
}

#[test]
fn as_it_is_it_has_the_defaults() {
    let config = read(REFERENCE);
    assert_eq!(config.roles, [Role::Idm, Role::Kms]);
    assert_eq!(config.log, Log::default());
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.rate, Rate::default());
    assert_eq!(config.tls_reload, TlsReload::default());
    assert_eq!(config.management, Management::default());
    assert_eq!(config.secrets.keeper, Keeper::Passphrase);
    assert!(config.secrets.passphrase_file.is_none());
    assert!(config.idm.unwrap().clients.is_empty());
    let kms = config.kms.unwrap();
    assert_eq!(kms.key_period_seconds, 2_592_000);
    assert!(kms.trusted_issuers.is_empty());
}

#[test]
fn the_defaults_that_it_shows_are_the_defaults() {
    let shown = with_defaults(REFERENCE);
    let lines = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
    assert!(
        lines(&shown) > lines(REFERENCE) + 25,
        "no default was found"
    );
    assert_eq!(read(&shown), read(REFERENCE));
    // The comparison can fail.
    assert_ne!(
        read(&shown.replace("streams = 64", "streams = 65")),
        read(REFERENCE)
    );
}

/// Every table of the whole reference with the keys that it shows.
fn tables(
    table: &mut toml::Table,
    way: &str,
    whole: &toml::Table,
    missing: &mut Vec<String>,
    pointer: &[String],
) {
    for key in expected(whole, pointer) {
        if !table.contains_key(&key) {
            missing.push(format!("{way}{key}"));
        }
    }
    for (name, value) in table.iter_mut() {
        let mut pointer = pointer.to_vec();
        pointer.push(name.clone());
        let way = format!("{way}{name}.");
        match value {
            toml::Value::Table(inside) => tables(inside, &way, whole, missing, &pointer),
            toml::Value::Array(items) => {
                if let Some(toml::Value::Table(first)) = items.first_mut() {
                    tables(first, &way, whole, missing, &pointer);
                }
            }
            _ => {}
        }
    }
}

/// The keys that the program knows there: it names them when it meets one that it does not know.
fn expected(whole: &toml::Table, pointer: &[String]) -> Vec<String> {
    let mut whole = whole.clone();
    let mut at = &mut whole;
    for name in pointer {
        at = match at.get_mut(name).unwrap() {
            toml::Value::Table(table) => table,
            toml::Value::Array(items) => items[0].as_table_mut().unwrap(),
            other => panic!("{other}"),
        };
    }
    at.insert("zzz".to_owned(), true.into());
    let error = toml::from_str::<Config>(&whole.to_string()).unwrap_err();
    let mut names = error.message().split('`').skip(1).step_by(2);
    assert_eq!(names.next(), Some("zzz"), "{error}");
    names.map(str::to_owned).collect()
}

#[test]
fn every_key_is_in_it() {
    let text = with_everything(REFERENCE);
    read(&text);
    let whole: toml::Table = text.parse().unwrap();
    let mut missing = Vec::new();
    tables(&mut whole.clone(), "", &whole, &mut missing, &[]);
    assert_eq!(missing, Vec::<String>::new());

    let shortened: toml::Table = text.replace("slot_label", "#slot_label").parse().unwrap();
    tables(&mut shortened.clone(), "", &whole, &mut missing, &[]);
    assert_eq!(missing, ["secrets.pkcs11.slot_label"]);
}
