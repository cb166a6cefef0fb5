//! `roger serve` as a process: the configuration is judged before anything starts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::fs::{Permissions, set_permissions, write};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const CONFIG: &str = r#"
[store]
sqlite = "roger.sqlite"
[secrets]
keeper = "passphrase"
key_file = "store.key"
[audit]
folder = "audit"
[idm]
listen = "127.0.0.1:0"
issuer = "https://idm.example.org"
audience = "https://mcptt.example.org"
[idm.tls]
certificate = "cert.pem"
key = "own.key"
"#;

fn folder(config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path().join("roger.toml"), config).unwrap();
    write(folder.path().join("cert.pem"), "").unwrap();
    let key = folder.path().join("own.key");
    write(&key, "").unwrap();
    set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    folder
}

fn serve(folder: &TempDir, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_roger"))
        .args(["serve", "--config"])
        .arg(folder.path().join("roger.toml"))
        .args(arguments)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(&[out.as_slice(), err].concat()).into_owned()
}

#[test]
fn check_says_that_a_configuration_is_good() {
    let output = serve(&folder(CONFIG), &["--check", "--roles", "idm"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("roger.toml is good"));
}

#[test]
fn check_shows_the_line_of_a_mistake_and_what_was_meant() {
    let output = serve(
        &folder(&CONFIG.replace("issuer =", "isuer =")),
        &["--check"],
    );
    assert!(!output.status.success());
    let said = said(&output);
    for part in [
        "isuer = \"https://idm.example.org\"",
        "did you mean `issuer`?",
        "roger.toml:11",
    ] {
        assert!(said.contains(part), "{part} in\n{said}");
    }
}

#[test]
fn the_roles_of_the_command_line_replace_those_of_the_file() {
    let output = serve(&folder(CONFIG), &["--check"]);
    assert!(!output.status.success(), "there is no section [kms]");
    let output = serve(&folder(CONFIG), &["--check", "--roles", "kms"]);
    assert!(!output.status.success());
    let output = serve(&folder(CONFIG), &["--check", "--roles", "gms"]);
    assert!(said(&output).contains("the roles are idm and kms"));
}

#[test]
fn nothing_is_served_without_the_key_of_the_store() {
    let output = serve(&folder(CONFIG), &["--roles", "idm"]);
    assert!(!output.status.success());
    let said = said(&output);
    assert!(
        said.contains("key of the store") && said.contains("store.key"),
        "{said}"
    );
    assert!(!said.contains("listens on"), "{said}");
}
