//! What we write, opened by xmlsec1 and openssl; what they write, opened by us.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

use roger_base::{KeyId, Secret};
use roger_testkit::{SeededRandom, find_program};
use roger_xml::protect::{Profile, protect};
use roger_xml::signed_body::sign;
use roger_xml::{BoundKeys, XmlKeys, element, key_wrap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CK: [u8; 16] = [0x11; 16];
const IK: [u8; 16] = [0x22; 16];
const KEK: [u8; 32] = [0x42; 32];

fn keys() -> XmlKeys {
    XmlKeys::new(KeyId::from(0x2ddd_5bf0), Secret::new(CK), Secret::new(IK))
}

struct Bench {
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl Bench {
    fn new(program: &str) -> Option<Self> {
        Some(Self {
            program: find_program(program)?,
            folder: tempfile::tempdir().unwrap(),
        })
    }

    fn file(&self, name: &str, octets: &[u8]) -> String {
        let path = self.path(name);
        fs::write(&path, octets).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new(self.folder.path()).join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(&self.program)
            .args(arguments)
            .output()
            .unwrap()
    }
}

#[test]
fn xmlsec1_decrypts_an_element_that_we_encrypted() {
    let Some(bench) = Bench::new("xmlsec1") else {
        return;
    };
    let clear = "<mcpttinfo xmlns=\"urn:3gpp:ns:mcpttInfo:1.0\"><mcptt-Params><mcptt-request-uri type=\"Normal\"><mcpttURI>sip:Gr\u{fc}n&amp;Rot@mcptt.example.org</mcpttURI></mcptt-request-uri></mcptt-Params></mcpttinfo>";
    let mut random = SeededRandom::new(5);
    let hidden = protect(
        clear.as_bytes(),
        &Profile::MCPTT_INFO,
        &keys(),
        "mcptt.example.org",
        &mut random,
    )
    .unwrap();
    let document = bench.file("hidden.xml", hidden.as_bytes());
    let key = bench.file("ck", &CK);
    let output = bench.run(&["--decrypt", "--aeskey:Ld1b8A==", &key, &document]);
    let text = String::from_utf8(output.stdout).unwrap();
    println!("xmlsec1 --decrypt: {}", output.status);
    assert!(output.status.success());
    let tree = roxmltree::Document::parse(&text).unwrap();
    let uri = tree
        .descendants()
        .find(|node| node.has_tag_name("mcpttURI"))
        .unwrap();
    assert_eq!(uri.text(), Some("sip:Gr\u{fc}n&Rot@mcptt.example.org"));
}

#[test]
fn xmlsec1_verifies_a_signed_body_that_we_made_and_refuses_an_altered_part() {
    let Some(bench) = Bench::new("xmlsec1") else {
        return;
    };
    let part = b"<?xml version=\"1.0\"?>\r\n<a>b</a>";
    let signed = sign(&[("part-1@mcptt.example.org", part)], &keys()).unwrap();
    let document = bench.file("signed.xml", signed.as_bytes());
    let key = bench.file("ik", &IK);
    for (name, octets, good) in [
        ("good", &part[..], true),
        ("altered", b"<?xml version=\"1.0\"?>\n<a>b</a>", false),
    ] {
        let map = "--url-map:cid:part-1@mcptt.example.org";
        let file = bench.file(name, octets);
        let output = bench.run(&[
            "--verify",
            "--hmackey:Ld1b8A==",
            &key,
            map,
            &file,
            &document,
        ]);
        println!("xmlsec1 --verify, {name} part: {}", output.status);
        assert_eq!(
            output.status.success(),
            good,
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// xmlsec1 1.2.37 knows `kw-aes256` with RFC 3394 content only, so it can show that we open its keys; RFC 5649, which
/// we send, is shown with openssl below.
#[test]
fn a_key_that_xmlsec1_wrapped_with_kw_aes256_opens_here() {
    let Some(bench) = Bench::new("xmlsec1") else {
        return;
    };
    let template = bench.file("template.xml", concat!(
        r#"<xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" Type="http://www.w3.org/2001/04/xmlenc#Content">"#,
        r#"<xenc:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#aes128-gcm"/>"#,
        r#"<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><xenc:EncryptedKey>"#,
        r#"<xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#kw-aes256"/>"#,
        r#"<ds:KeyInfo><ds:KeyName>tk.1</ds:KeyName></ds:KeyInfo><xenc:CipherData><xenc:CipherValue/></xenc:CipherData>"#,
        r#"</xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData>"#,
    ).as_bytes());
    let plain = bench.file("plain", b"what xmlsec1 encrypted");
    let key = bench.file("kek", &KEK);
    let output = bench.run(&[
        "--encrypt",
        "--aeskey:tk.1",
        &key,
        "--session-key",
        "aes-128",
        "--binary-data",
        &plain,
        &template,
    ]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let tree = roxmltree::Document::parse(&text).unwrap();
    let values: Vec<_> = tree
        .descendants()
        .filter(|node| node.has_tag_name("CipherValue"))
        .collect();
    let wrapped = roger_xml::decode_base64(values[0].text().unwrap()).unwrap();
    let session = key_wrap::unwrap(&Secret::new(KEK), &wrapped).unwrap();
    assert_eq!((wrapped.len(), session.expose().len()), (24, 16));
    // The session key opens the data: so it is the key that xmlsec1 drew.
    let confidentiality = Secret::try_from(session.expose()).unwrap();
    let bound = BoundKeys::one(XmlKeys::new(
        KeyId::from(1),
        confidentiality,
        Secret::new(IK),
    ));
    let info = tree
        .root_element()
        .children()
        .find(|node| node.has_tag_name("KeyInfo"))
        .unwrap()
        .range();
    let without = format!("{}{}", &text[..info.start], &text[info.end..]);
    let tree = roxmltree::Document::parse(&without).unwrap();
    assert_eq!(
        *element::decrypt(tree.root_element(), &bound).unwrap(),
        "what xmlsec1 encrypted"
    );
    println!("xmlsec1 kw-aes256 (RFC 3394): key of 16 octets opened, data decrypted under it");
}

#[test]
fn openssl_wraps_with_padding_to_the_same_octets_and_opens_ours() {
    let Some(bench) = Bench::new("openssl") else {
        return;
    };
    let kek = "42".repeat(32);
    let common = ["-K", &kek, "-iv", "A65959A6"];
    for length in [257_usize, 65, 32, 33, 9] {
        let key: Vec<u8> = (0..length).map(|n| (n * 7) as u8).collect();
        let ours = key_wrap::wrap(&Secret::new(KEK), &key).unwrap();
        let (plain, wrapped) = (bench.file("key", &key), bench.file("ours", &ours));
        let (theirs, back) = (bench.path("theirs"), bench.path("back"));
        let enc = [
            "enc",
            "-e",
            "-id-aes256-wrap-pad",
            "-in",
            &plain,
            "-out",
            theirs.to_str().unwrap(),
        ];
        let output = bench.run(&[&enc[..], &common[..]].concat());
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(fs::read(&theirs).unwrap(), ours, "{length}");
        let dec = [
            "enc",
            "-d",
            "-id-aes256-wrap-pad",
            "-in",
            &wrapped,
            "-out",
            back.to_str().unwrap(),
        ];
        assert!(
            bench
                .run(&[&dec[..], &common[..]].concat())
                .status
                .success()
        );
        assert_eq!(fs::read(&back).unwrap(), key);
        println!(
            "openssl id-aes256-wrap-pad: {length} octets -> {} octets, equal both ways",
            ours.len()
        );
    }
}
