//! `roger bench` measures every operation and says so in one document; with wolfSSL both sides agree. How fast
//! anything is depends on the machine and is not looked at.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use serde_json::Value;
use std::process::{Command, Output};

const OPERATIONS: [&str; 13] = [
    "encapsulate",
    "encapsulate_batch",
    "decapsulate",
    "decapsulate_unprepared",
    "rsk",
    "rsk_batch",
    "rsk_validate",
    "eccsi_pair",
    "eccsi_sign",
    "eccsi_verify",
    "eccsi_verify_prepared",
    "imessage_create_batch",
    "imessage_receive",
];

fn bench(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roger"));
    command.arg("bench").args(arguments).output().unwrap()
}

/// The one document that a successful run prints.
fn document(arguments: &[&str]) -> Value {
    let output = bench(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn rows(document: &Value) -> &Vec<Value> {
    document["rows"].as_array().unwrap()
}

fn operations(document: &Value) -> Vec<&str> {
    let names = rows(document).iter().map(|row| row["op"].as_str().unwrap());
    names.collect()
}

fn is_figure(value: &Value) -> bool {
    value.as_f64().is_some_and(|figure| figure > 0.0)
}

/// Whether wolfSSL is installed; in continuous integration it has to be.
fn has_peer() -> bool {
    let source = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../benches/peers/wolfssl_ibc.c"
    );
    let folder = tempfile::tempdir().unwrap();
    let source = std::path::Path::new(source);
    roger_testkit::compile_c_peer(source, "wolfssl", folder.path(), "peer").is_some()
}

#[test]
fn every_operation_has_its_row() {
    let document = document(&["ibc", "--json", "--seconds", "0.02"]);
    assert_eq!(operations(&document), OPERATIONS);
    for row in rows(&document) {
        assert!(row["backend"].is_string(), "{row}");
        assert!(is_figure(&row["per_s"]), "{row}");
        assert!(is_figure(&row["per_s_all_cores"]), "{row}");
        assert!(row["peer_per_s"].is_null(), "{row}");
        assert!(row["ratio"].is_null(), "{row}");
    }
    assert!(document["peer"].is_null());
    for entry in document["prepared"].as_array().unwrap() {
        assert!(entry["what"].is_string(), "{entry}");
        assert!(is_figure(&entry["octets"]), "{entry}");
        assert!(is_figure(&entry["seconds"]), "{entry}");
    }
}

#[test]
fn a_comparison_has_the_peers_figures_and_both_sides_agree() {
    if !has_peer() {
        return;
    }
    let document = document(&["ibc", "--peer", "--json", "--seconds", "0.02"]);
    assert_eq!(operations(&document), OPERATIONS);
    for row in rows(&document) {
        let whole_message = row["op"].as_str().unwrap().starts_with("imessage");
        assert_eq!(row["peer_per_s"].is_null(), whole_message, "{row}");
        assert_eq!(row["ratio"].is_null(), whole_message, "{row}");
        assert!(whole_message || is_figure(&row["ratio"]), "{row}");
    }
    let peer = &document["peer"];
    assert_eq!(peer["name"], "wolfSSL");
    assert_eq!(peer["compared_before"], 36);
    assert_eq!(peer["compared_after"], 36);
}

#[test]
fn the_rows_of_all_backends_come_in_one_document() {
    let only = "--only=eccsi_sign,rsk";
    let document = document(&["ibc", "--all-backends", only, "--json", "--seconds=0.01"]);
    let names = operations(&document);
    assert!(!names.is_empty());
    assert!(names.chunks(2).all(|pair| pair == ["eccsi_sign", "rsk"]));
    let mut backends: Vec<&str> = rows(&document)
        .iter()
        .map(|row| row["backend"].as_str().unwrap())
        .collect();
    assert!(backends.contains(&"portable"));
    backends.dedup();
    assert_eq!(backends.len() * 2, names.len(), "{backends:?}");
}

#[test]
fn people_get_a_table() {
    let output = bench(&["ibc", "--only", "encapsulate", "--seconds", "0.01"]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\nencapsulate "), "{text}");
    assert!(!text.contains("\nrsk"), "{text}");
}

#[test]
fn a_distribution_tells_time_and_memory_and_members_open_it() {
    let document = document(&["gmk", "--members", "20", "--json"]);
    assert_eq!(document["members"], 20);
    assert_eq!(document["opened"], 3);
    for name in ["seconds", "per_s", "message_octets", "peak_octets"] {
        assert!(is_figure(&document[name]), "{document}");
    }
}

#[test]
fn a_kms_under_load_tells_its_figures_and_every_answer_is_checked() {
    for connecting in ["user", "request", "resumed", "kept"] {
        let load = ["kms", "--users=6", "--connections=2", "--json"];
        let document = document(&[load.as_slice(), &["--connecting", connecting]].concat());
        let names = [
            "users_per_s",
            "p50_ms",
            "p95_ms",
            "p99_ms",
            "of_bare_crypto",
        ];
        for name in names {
            assert!(is_figure(&document[name]), "{document}");
        }
        for part in ["total_us", "crypto_us", "xml_us", "tls_us", "sql_us"] {
            assert!(is_figure(&document["server"][part]), "{document}");
        }
        assert_eq!(document["users"], 6);
        assert_eq!(document["opened"], 6);
        assert_eq!(document["validated"], 6);
    }
}

#[test]
fn an_idm_server_under_load_tells_its_figures_and_every_token_is_verified() {
    for connecting in ["user", "request", "resumed", "kept"] {
        let load = ["idm", "--users=6", "--connections=2", "--consent", "--json"];
        let document = document(&[load.as_slice(), &["--connecting", connecting]].concat());
        let names = ["logins_per_s", "p50_ms", "p95_ms", "p99_ms"];
        let more = ["of_bare_argon2", "refreshes_per_s", "refresh_p99_ms"];
        for name in names.into_iter().chain(more) {
            assert!(is_figure(&document[name]), "{document}");
        }
        for part in ["total_us", "argon2_us", "tokens_us", "tls_us", "sql_us"] {
            assert!(is_figure(&document["server"][part]), "{document}");
        }
        // No password is hashed for a refresh.
        assert_eq!(document["refresh_server"]["argon2_us"], 0.0);
        assert_eq!(document["users"], 6);
        assert_eq!(document["verified"], 12);
    }
}

#[test]
fn log_ins_without_consent_work_as_well() {
    let document = document(&["idm", "--users=3", "--connections=1", "--json"]);
    assert_eq!(document["consent"], false);
    assert_eq!(document["verified"], 6);
}

#[test]
fn pre_issued_key_sets_pass_the_checks_of_devices() {
    let document = document(&["kms", "--users=6", "--pre-issued", "--json"]);
    assert_eq!(document["pre_issued"], true);
    assert_eq!(document["validated"], 6);
}

#[test]
fn a_pre_issue_tells_its_figures_and_its_sets_are_the_derived_ones() {
    let document = document(&["pre-issue", "--users=20", "--json"]);
    let names = ["seconds", "sets_per_s", "of_bare_crypto_batch"];
    for name in names.into_iter().chain(["database_octets", "peak_octets"]) {
        assert!(is_figure(&document[name]), "{document}");
    }
    assert_eq!(document["compared"], 20);
}

#[test]
fn registrations_tell_their_figures_and_every_client_is_held() {
    let load = [
        "register",
        "--clients=12",
        "--connections=2",
        "--seconds=0.2",
    ];
    let document = document(&[load.as_slice(), &["--json"]].concat());
    let names = ["registrations_per_s", "p95_ms", "server_us", "mikey_us"];
    for name in names.into_iter().chain(["of_crypto", "refreshes_per_s"]) {
        assert!(is_figure(&document[name]), "{document}");
    }
    assert_eq!(document["clients"], 12);
}

#[test]
fn an_unknown_way_of_connecting_is_refused_with_the_known_ones() {
    let output = bench(&["kms", "--connecting", "never"]);
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("resumed"), "{said}");
}

#[test]
fn an_unknown_operation_is_refused_with_the_known_ones() {
    let output = bench(&["ibc", "--only", "encapsulation"]);
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("encapsulate_batch"), "{said}");
}

#[test]
fn a_missing_compiler_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_roger"));
    command.args(["bench", "ibc", "--peer", "--seconds", "0.01"]);
    let output = command.env("PATH", folder.path()).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("apt-get install gcc"), "{said}");
}
