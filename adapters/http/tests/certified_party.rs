//! A certified relying party (the npm package openid-client) against our IdM server over real TLS.
//! What it does and what it must be refused with is in `testkit/openid-client/cases.mjs`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use roger_adapter_http::{Clock as _, OsRandom};
use roger_base::UnixTime;
use roger_oidc::InitialAccessToken;
use roger_oidc::provider::{ClientRegistry as _, RegistrationPermit, TokenPolicy};
use roger_testkit::find_program;
use rstest::rstest;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use support::{Bench, REDIRECT};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testkit/openid-client");
/// Seconds that a clock may be off at most (`ClockSkew::MAX`).
const MOST_SKEW: u64 = 30;
const FILES: [&str; 5] = [
    "package.json",
    "package-lock.json",
    "browser.mjs",
    "party.mjs",
    "cases.mjs",
];

/// Installs the package that the lock file names, by its hash, beside copies of the scripts.
fn install(folder: &Path) {
    for program in ["node", "npm"] {
        let package = if program == "node" { "nodejs" } else { "npm" };
        assert!(
            find_program(program).is_some(),
            "{program} is missing: install the Debian package {package}"
        );
    }
    for file in FILES {
        std::fs::copy(Path::new(FOLDER).join(file), folder.join(file)).unwrap();
    }
    let npm = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&npm.stderr);
    assert!(npm.status.success(), "npm ci: {said}");
}

/// What the scripts are told, as JSON.
fn setting(bench: &Bench) -> String {
    let permit = InitialAccessToken::random(&mut OsRandom).unwrap();
    let kept = RegistrationPermit {
        uses: 1,
        expires_at: UnixTime(bench.clock.now().0 + 600),
    };
    bench.store.put_permit(&permit.digest(), &kept).unwrap();
    let setting = serde_json::json!({
        "issuer": bench.issuer.as_str(),
        "client": "app",
        "redirect": REDIRECT,
        "username": "alice",
        "password": "secret",
        "permit": permit.expose(),
        "skew": MOST_SKEW,
        "refresh_life": TokenPolicy::default().refresh().as_secs(),
    });
    setting.to_string()
}

/// Runs one case to its end; moves the server's clock when the script asks for it.
fn run(bench: &Bench, folder: &Path, case: &str) {
    let authority = folder.join("ca.pem");
    std::fs::write(&authority, bench.ca.certificate_pem()).unwrap();
    let mut node = Command::new("node")
        .args(["cases.mjs", case])
        .current_dir(folder)
        .env("NODE_EXTRA_CA_CERTS", &authority)
        .env("PARTY", setting(bench))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = node.stdin.take().unwrap();
    let mut last = String::new();
    for line in BufReader::new(node.stdout.take().unwrap()).lines() {
        last = line.unwrap();
        if let Some(seconds) = last.strip_prefix("advance ") {
            bench.clock.advance(seconds.parse().unwrap());
            input.write_all(b"done\n").unwrap();
        }
    }
    let status = node.wait().unwrap();
    assert!(status.success(), "{case}: {status}; see the output above");
    assert_eq!(last, format!("passed {case}"));
}

#[rstest]
#[case("logs_in_and_refreshes")]
#[case("gives_a_token_back")]
#[case("wrong_verifier")]
#[case("replayed_code")]
#[case("wrong_redirect_uri")]
#[case("expired")]
#[case("unregistered_client")]
#[case("registers_itself")]
#[tokio::test(flavor = "multi_thread")]
async fn openid_client(#[case] case: &'static str) {
    let bench = Bench::start_on_localhost().await;
    let done = tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir().unwrap();
        install(folder.path());
        run(&bench, folder.path(), case);
        bench
    });
    done.await.unwrap().server.shut_down().await;
}
