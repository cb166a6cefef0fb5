//! Runs the program; the vectors and the keys they go with.

use serde_json::Value;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

pub(crate) const MIKEY: &str = include_str!("../../../../core/mikey/tests/vectors/mikey.json");
pub(crate) const SRTP: &str = include_str!("../../../../core/srtp/tests/vectors/srtp.json");
pub(crate) const FLOOR: &str = include_str!("../../../../core/floor/tests/vectors/floor.json");

pub(crate) fn vectors(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub(crate) fn roger(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_roger"))
        .arg("inspect")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

pub(crate) fn with_stdin(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_roger"))
        .arg("inspect")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What every text on a pipe keeps to.
pub(crate) fn is_plain_and_narrow(shown: &str) {
    for line in shown.lines() {
        assert!(line.chars().count() <= 100, "{line}");
        assert!(line.chars().all(|c| !c.is_control()), "{line:?}");
        assert_eq!(line.trim_end(), line);
    }
}

/// The fields of the message itself, put together, are the message.
pub(crate) fn covers(report: &Value, octets: &str) {
    let octets = octets.to_lowercase();
    let mut at = 0;
    let inside = ["SAKKE-to-self", "Protected payload"];
    for section in report["sections"].as_array().unwrap() {
        if section["origin"] == "opened" || inside.contains(&text(&section["title"])) {
            continue;
        }
        for field in section["fields"].as_array().unwrap() {
            let shown = text(&field["octets"]);
            assert_eq!(field["offset"], at / 2);
            assert_eq!(shown, &octets[at..at + shown.len()]);
            assert!(!text(&field["clause"]).is_empty());
            at += shown.len();
        }
    }
    assert_eq!(at, octets.len());
}

/// Files of one test.
pub(crate) struct Folder(pub(crate) TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path: PathBuf = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

pub(crate) fn kms(vectors: &Value) -> String {
    let (auth, enc) = (text(&vectors["KPAK"]), text(&vectors["Z_T"]));
    format!(
        "[[kms]]\nuri = \"kms.example.org\"\npub_auth_key = \"{auth}\"\n\
         pub_enc_key = \"{enc}\"\nuser_key_period = 2592000\n"
    )
}

/// KMS and the RSK of every party.
pub(crate) fn mikey_keys() -> String {
    let vectors = vectors(MIKEY);
    let users = vectors["parties"].as_array().unwrap().iter().map(|party| {
        let (uri, uid) = (text(&party["uri"]), text(&party["UID"]));
        let rsk = text(&party["RSK"]);
        format!(
            "\n[[user]]\nidentity = \"{uri}\"\nkms = \"kms.example.org\"\nperiod_number = 1388\n\
             rsk = \"{rsk}\"\nuid = \"{uid}\"\n"
        )
    });
    kms(&vectors) + &users.collect::<String>()
}

/// Keys of packets by their names in the vectors.
pub(crate) fn srtp_keys(names: &[&str]) -> String {
    let vectors = vectors(SRTP);
    let contexts = vectors["contexts"].as_array().unwrap();
    let entry = |name: &&str| {
        let context = contexts.iter().find(|context| context["name"] == **name);
        let context = context.unwrap();
        let kind = text(&context["key_kind"]).to_lowercase();
        let id = text(context.get("GMK_ID").unwrap_or(&context["CSB_ID"]));
        let (key, rand) = (text(&context["TGK"]), text(&context["RAND"]));
        format!(
            "[[key]]\ntype = \"{kind}\"\nid = \"{id}\"\nkey = \"{key}\"\nrand = \"{rand}\"\n\
             members = [\"sip:user.001@mcptt.example.org\"]\n"
        )
    };
    names.iter().map(entry).collect()
}

pub(crate) const ALL_SRTP: [&str; 6] = [
    "gmk-a",
    "gmk2-a",
    "pck-caller",
    "pck2-caller",
    "csk",
    "musik",
];

/// The suite of a context of the vectors, as an argument.
pub(crate) fn suite(context: &Value) -> &'static str {
    match text(context).ends_with("-cm") {
        true => "cm",
        false => "gcm",
    }
}

/// Every packet of the vectors.
pub(crate) fn packets(vectors: &Value) -> impl Iterator<Item = &Value> {
    let cases = vectors["cases"].as_array().unwrap().iter();
    cases.flat_map(|case| case["packets_in_receive_order"].as_array().unwrap())
}
