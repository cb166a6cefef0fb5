//! A response of our KMS, verified by xmlsec1 as a separate process; its keys, opened by openssl.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

mod common;

use common::{ALICE, World};
use roger_documents::kms_client::{KmsAnswer, Resource};
use roger_testkit::find_program;
use roger_xml::key_wrap::WrapProfile;
use std::fs;
use std::process::Command;

fn verify(
    program: &std::path::Path,
    folder: &std::path::Path,
    ink: &[u8],
    document: &[u8],
) -> bool {
    fs::write(folder.join("ink"), ink).unwrap();
    fs::write(folder.join("response.xml"), document).unwrap();
    let output = Command::new(program)
        .args(["--verify", "--hmackey:ink.1.alice@mcptt.example.org"])
        .arg(folder.join("ink"))
        .args([
            "--id-attr:Id",
            "urn:3gpp:ns:mcsecKMSInterface:1.0:KmsResponse",
        ])
        .arg(folder.join("response.xml"))
        .output()
        .unwrap();
    output.status.success()
}

#[test]
fn xmlsec1_verifies_our_responses_and_refuses_altered_ones() {
    let Some(program) = find_program("xmlsec1") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new();
    let alice = world.client(ALICE);
    let ink = alice.keys.integrity[0].key.expose().to_vec();
    for resource in [Resource::Init, Resource::KeyProv(ALICE.into())] {
        let answer = world.ask(&alice, &resource);
        assert_eq!(answer.status, 200);
        assert!(verify(&program, folder.path(), &ink, &answer.body));
        println!("xmlsec1 verifies the response to {}", resource.path());
        let text = String::from_utf8(answer.body).unwrap();
        let altered = text.replacen("<KmsUri>kms.", "<KmsUri>kns.", 1);
        assert!(!verify(&program, folder.path(), &ink, altered.as_bytes()));
        assert!(!verify(&program, folder.path(), &[0; 32], text.as_bytes()));
    }
}

/// xmlsec1 1.2.37 has no RFC 5649, under neither label; openssl has it.
#[test]
fn openssl_opens_the_keys_of_our_responses_under_both_labels() {
    let Some(program) = find_program("openssl") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for profile in [WrapProfile::ThreeGpp, WrapProfile::W3c] {
        let mut world = World::new();
        let mut account = world.account(ALICE);
        account.wrap_profile = profile;
        world.repository.put_account(account).unwrap();
        let alice = world.client(ALICE);
        let resource = Resource::KeyProv(ALICE.into());
        let answer = world.ask(&alice, &resource);
        let text = String::from_utf8(answer.body.clone()).unwrap();
        assert_eq!(text.matches(profile.uri()).count(), 3);
        let KmsAnswer::KeyProv { key_sets, .. } =
            alice.open(&answer, &resource, world.now).unwrap()
        else {
            panic!()
        };
        let expected = [
            key_sets[0].rsk.expose().to_vec(),
            key_sets[0].ssk.expose().to_vec(),
            key_sets[0].pvt.to_vec(),
        ];
        let kek = hex::encode(alice.keys.transport[0].key.expose());
        for (value, expected) in text.split("<xenc:CipherValue>").skip(1).zip(expected) {
            let wrapped = roger_xml::decode_base64(value.split('<').next().unwrap()).unwrap();
            let (input, output) = (folder.path().join("wrapped"), folder.path().join("key"));
            fs::write(&input, &wrapped).unwrap();
            let run = Command::new(&program)
                .args([
                    "enc",
                    "-d",
                    "-id-aes256-wrap-pad",
                    "-iv",
                    "A65959A6",
                    "-K",
                    &kek,
                    "-in",
                ])
                .arg(&input)
                .arg("-out")
                .arg(&output)
                .output()
                .unwrap();
            assert!(
                run.status.success(),
                "{}",
                String::from_utf8_lossy(&run.stderr)
            );
            assert_eq!(fs::read(&output).unwrap(), expected);
            println!(
                "openssl opens {} wrapped octets to {} under {}",
                wrapped.len(),
                expected.len(),
                profile.uri()
            );
        }
    }
}
