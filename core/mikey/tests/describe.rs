//! The dump covers every octet, never panics, and says what is right and wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use roger_base::Secret;
use roger_mikey::describe::{
    Description, Keys, OpeningKey, Origin, Verdict, describe, octets_from,
};
use roger_mikey::payload::{Identity, Payload, Role};
use roger_mikey::sdp;
use support::*;

fn keys(identities: &[&str]) -> Keys {
    Keys {
        domains: vec![domain().clone()],
        opening: identities
            .iter()
            .map(|identity| OpeningKey::from(key_set(identity)))
            .collect(),
        secret: None,
    }
}

fn all_keys() -> Keys {
    keys(&[GMS, USER_1, USER_2, SERVER])
}

fn says(description: &Description, verdict: Verdict, text: &str) -> bool {
    let hit = |finding: &&roger_mikey::describe::Finding| {
        finding.verdict == verdict && finding.text.contains(text)
    };
    description.findings.iter().find(hit).is_some()
}

/// Lines of the message itself, put together, are the message.
#[test]
fn every_octet_is_in_exactly_one_field() {
    for case in vectors()["messages"].as_array().unwrap() {
        let octets = octets(case, "message");
        let description = describe(&octets, None, NOW);
        let nested = ["SAKKE-to-self", "Protected payload"];
        let outer = description
            .sections
            .iter()
            .filter(|s| !nested.contains(&s.title));
        let mut at = 0;
        for line in outer.flat_map(|section| &section.lines) {
            assert_eq!(line.offset, at);
            assert_eq!(line.octets, octets[at..at + line.octets.len()]);
            at += line.octets.len();
        }
        assert_eq!(at, octets.len());
        assert!(description.is_sound(), "{description}");
        for section in &description.sections {
            assert_eq!(section.origin, Origin::Message);
            for line in &section.lines {
                let end = line.offset + line.octets.len();
                assert_eq!(line.octets, octets[line.offset..end]);
                assert!(!line.field.clause().is_empty());
            }
        }
    }
}

#[test]
fn every_vector_with_keys_is_verified_and_opened() {
    for case in vectors()["messages"].as_array().unwrap() {
        let description = describe(&octets(case, "message"), Some(&all_keys()), NOW);
        assert!(description.is_sound(), "{description}");
        assert!(says(&description, Verdict::Right, "signature verifies"));
        assert!(description.signature_verified);
        assert!(says(&description, Verdict::Right, "SAKKE opens"));
        let secret = description.secret.as_ref().unwrap();
        assert_eq!(secret.expose()[..], octets(case, "key"));
        let text = description.to_string().to_lowercase();
        assert!(
            !text.contains(&hex::encode(secret.expose())),
            "the key is never printed"
        );
        if case.get("key_parameters_plain").is_some() {
            assert!(says(&description, Verdict::Right, "key parameters decrypt"));
            let decrypted = description
                .sections
                .iter()
                .find(|s| s.origin == Origin::Decrypted);
            let lines = decrypted
                .unwrap()
                .lines
                .iter()
                .flat_map(|line| line.octets.clone());
            assert_eq!(
                lines.collect::<Vec<u8>>(),
                octets(case, "key_parameters_plain")
            );
        }
    }
}

#[test]
fn explains_the_worked_message_with_clauses() {
    let text = describe(&message("GMK, GENERIC-ID"), Some(&all_keys()), NOW).to_string();
    let expected = [
        "MIKEY message, 728 octets",
        "HDR (RFC 3830 6.1)",
        "CSB ID: 08c44583, purpose tag 0: GMK, group master key; this is the member's GUK-ID",
        "CS ID: 4: MCPTT group call",
        "SPI: MKI: GMK-ID 01234567, GUK-ID 08c44583",
        "TS value: 2014-01-26T10:07:14Z",
        "ID data: \"sip:gp.manager@mcptt.example.org\"",
        "policy param value: 6: AES-GCM",
        "ID scheme: 2: 3GPP MCX hashed UID",
        "S type 2: ECCSI, 129 octets",
        "text: \"Fire group\"",
        "status: not revoked",
        "expiry time: 2014-02-25T10:07:14Z",
        "group ID: \"sip:group.001@mcptt.example.org\"",
        "TS 33.180 cl. E.1.2",
        "GMK-ID 01234567, MKI 0123456708c44583",
        "SPI is GMK-ID and GUK-ID",
    ];
    for part in expected {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn a_key_given_by_hand_is_checked_and_opens_the_parameters() {
    let case = vector("GMK, GENERIC-ID");
    let secret = Secret::try_from(octets(case, "key").as_slice()).unwrap();
    let keys = Keys {
        secret: Some(secret),
        ..keys(&[])
    };
    let description = describe(&octets(case, "message"), Some(&keys), NOW);
    assert!(description.is_sound());
    assert!(says(
        &description,
        Verdict::Right,
        "the key given is the one in SAKKE"
    ));
    assert!(says(&description, Verdict::Right, "key parameters decrypt"));
    let wrong = Keys {
        secret: Some(Secret::new([9; 16])),
        ..keys.clone()
    };
    let description = describe(&octets(case, "message"), Some(&wrong), NOW);
    assert!(says(&description, Verdict::Wrong, "not the one in SAKKE"));
    assert!(description.secret.is_none());
    let alone = Keys {
        domains: Vec::new(),
        ..keys
    };
    let description = describe(&octets(case, "message"), Some(&alone), NOW);
    assert!(says(&description, Verdict::Note, "signature not checked"));
    assert!(says(&description, Verdict::Note, "not compared with SAKKE"));
    assert!(says(&description, Verdict::Right, "key parameters decrypt"));
    assert!(description.secret.is_some());
    let blind = Keys {
        domains: Vec::new(),
        ..wrong
    };
    let description = describe(&octets(case, "message"), Some(&blind), NOW);
    assert!(says(&description, Verdict::Wrong, "do not decrypt"));
    assert!(description.secret.is_none());
    let unproven = describe(&message("PCK"), Some(&blind), NOW);
    assert!(unproven.secret.is_none());
}

#[test]
fn an_rsk_alone_opens_and_a_foreign_one_is_refused() {
    let rsk = |identity| key_set(identity).to_issued().rsk;
    let own = OpeningKey::validate(domain(), USER_1, 1388, &rsk(USER_1)).unwrap();
    assert!(own.uid() == key_set(USER_1).uid);
    let keys = Keys {
        opening: vec![own],
        ..Keys::default()
    };
    let description = describe(&message("GMK, GENERIC-ID"), Some(&keys), NOW);
    assert!(says(&description, Verdict::Right, "SAKKE opens"));
    assert!(says(&description, Verdict::Right, "signature verifies"));
    assert!(OpeningKey::validate(domain(), USER_1, 1388, &rsk(USER_2)).is_err());
    assert!(OpeningKey::validate(domain(), USER_1, 1389, &rsk(USER_1)).is_err());
}

#[test]
fn a_wrong_signature_and_a_wrong_key_are_said() {
    let forged = altered("PCK", &key_set(USER_2), |_| {});
    let description = describe(&forged, Some(&all_keys()), NOW);
    assert!(says(
        &description,
        Verdict::Wrong,
        "signature does not verify"
    ));
    assert!(!description.is_sound());
    let foreign = altered("PCK", &key_set(USER_1), |body| {
        body.payloads[3] = Payload::Identity(Identity::new(Role::Responder, USER_1.as_bytes()));
    });
    let description = describe(&foreign, Some(&all_keys()), NOW);
    assert!(says(&description, Verdict::Wrong, "SAKKE does not open"));
    let without = describe(&message("PCK"), Some(&keys(&[SERVER])), NOW);
    assert!(says(&without, Verdict::Note, "key not opened"));
}

#[test]
fn an_incomplete_message_is_explained_and_called_so() {
    let octets = altered("CSK", &key_set(USER_1), |body| {
        drop(body.payloads.remove(0))
    });
    let description = describe(&octets, Some(&all_keys()), NOW);
    assert!(says(&description, Verdict::Wrong, "T is missing"));
    assert!(description.fault.is_none() && !description.is_sound());
}

#[test]
fn a_broken_extension_is_explained_as_far_as_it_goes() {
    let octets = altered("GMK, GENERIC-ID", &key_set(GMS), |body| {
        let Some(Payload::GeneralExtension(extension)) = body.payloads.last_mut() else {
            panic!("no extension");
        };
        extension.data.truncate(20);
    });
    let description = describe(&octets, None, NOW);
    assert!(says(
        &description,
        Verdict::Wrong,
        "an extension cannot be read"
    ));
    let container = description
        .sections
        .iter()
        .find(|s| s.title == "Protected payload")
        .unwrap();
    assert_eq!(container.lines.len(), 5);
}

#[test]
fn every_truncation_is_explained_up_to_its_end_with_an_offset() {
    let octets = message("GMK, GENERIC-ID");
    for length in 0..octets.len() {
        let description = describe(&octets[..length], Some(&all_keys()), NOW);
        let fault = description.fault.as_ref().unwrap();
        assert!(fault.offset <= length);
        assert!(description.to_string().contains("UNREADABLE at octet"));
    }
}

#[test]
fn control_characters_never_reach_the_terminal() {
    let octets = altered("CSK", &key_set(USER_1), |body| {
        let evil = Identity::new(Role::Other(3), "\u{1b}[2J\u{202e}\n".as_bytes());
        body.payloads.push(Payload::Identity(evil));
    });
    let text = describe(&octets, None, NOW).to_string();
    assert!(text.contains(r#""\u{1b}[2J\u{202e}\n""#));
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
}

#[test]
fn every_form_of_input_gives_the_same_dump() {
    let octets = message("PCK");
    let forms = [
        octets.clone(),
        hex::encode(&octets).into_bytes(),
        sdp::attribute_line(&octets).into_bytes(),
        vector("PCK")["base64"]
            .as_str()
            .unwrap()
            .as_bytes()
            .to_vec(),
    ];
    for form in forms {
        assert_eq!(octets_from(&form).unwrap(), octets);
    }
}
