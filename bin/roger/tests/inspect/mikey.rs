use crate::common::*;
use serde_json::Value;

#[test]
fn every_vector_without_keys() {
    for case in vectors(MIKEY)["messages"].as_array().unwrap() {
        let message = text(&case["message"]);
        let shown = roger(&["mikey", message]);
        assert_eq!(code(&shown), 0, "{}", err(&shown));
        assert!(err(&shown).is_empty());
        let page = out(&shown);
        is_plain_and_narrow(&page);
        assert!(page.contains("signature not verified, key not opened: no keys given"));
        assert!(page.contains("TS 33.180 E.1.2"));
        let report = json(&roger(&["mikey", message, "--json"]));
        assert_eq!(report["ok"], true);
        assert_eq!(report["kind"], "mikey");
        assert_eq!(report["verified"], false);
        assert_eq!(report["error"], Value::Null);
        covers(&report, message);
    }
}

#[test]
fn every_vector_with_keys_is_verified_and_opened() {
    let folder = Folder::new();
    let keys = folder.file("keys.toml", mikey_keys());
    for case in vectors(MIKEY)["messages"].as_array().unwrap() {
        let message = text(&case["message"]);
        let key = text(&case["key"]).to_lowercase();
        let shown = roger(&["mikey", message, "--keys", &keys]);
        assert_eq!(code(&shown), 0, "{}", err(&shown));
        let page = out(&shown);
        is_plain_and_narrow(&page);
        assert!(page.contains("ok     signature verifies"), "{page}");
        assert!(page.contains("ok     SAKKE opens"), "{page}");
        assert!(!page.contains(&key), "a key is shown only when asked for");
        if case.get("key_parameters_plain").is_some() {
            assert!(page.contains("Key parameters, opened"), "{page}");
        }
        let shown = roger(&["mikey", message, "--keys", &keys, "--show-secrets"]);
        assert!(out(&shown).contains(&key));
        let arguments = ["mikey", message, "--keys", &keys, "--json"];
        let report = json(&roger(&arguments));
        assert_eq!(report["verified"], true);
        assert!(report.get("secrets").is_none());
        let report = json(&roger(&[&arguments[..], &["--show-secrets"]].concat()));
        assert_eq!(report["secrets"]["key"], key);
    }
}

#[test]
fn a_cut_message_is_shown_up_to_the_cut() {
    let vectors = vectors(MIKEY);
    let message = text(&vectors["messages"][0]["message"]);
    for cut in [2, 20, 300, 1000, message.len() - 2] {
        let shown = roger(&["mikey", &message[..cut]]);
        assert_eq!(code(&shown), 1);
        is_plain_and_narrow(&out(&shown));
        assert!(out(&shown).contains("stops  octet "), "{}", out(&shown));
        let error = err(&shown);
        assert!(error.starts_with("roger: ") && error.contains("octet "));
        let report = json(&roger(&["mikey", &message[..cut], "--json"]));
        assert_eq!(report["ok"], false);
        let offset = report["error"]["offset"].as_u64().unwrap() as usize;
        assert!(offset <= cut / 2);
    }
    let error = err(&roger(&["mikey", &message[..300]]));
    assert!(error.contains("the MIKEY message cannot be read to its end: octet "));
}

#[test]
fn what_is_no_message_is_called_so_with_the_octet() {
    let cases = [
        ("0209", "octet 0: version 2 is not 1 (RFC 3830 6.1)"),
        ("0109", "octet 1: data type 9 is not 26"),
        ("0106", "octet 1: this is a MIKEY error message"),
        ("011a05", "octet 3: V and PRF func needs 1 octets"),
        ("011a050108c445830007", "octet 9: CS ID map type 7"),
    ];
    for (input, expected) in cases {
        let shown = roger(&["mikey", input]);
        assert_eq!(code(&shown), 1);
        let expected = format!("roger: not a MIKEY message: {expected}");
        assert!(err(&shown).starts_with(&expected), "{}", err(&shown));
    }
}

#[test]
fn an_altered_message_fails_with_keys_and_passes_without() {
    let folder = Folder::new();
    let keys = folder.file("keys.toml", mikey_keys());
    let vectors = vectors(MIKEY);
    let mut octets = hex::decode(text(&vectors["messages"][2]["message"])).unwrap();
    let in_the_signature = octets.len() - 80;
    octets[in_the_signature] ^= 1;
    let altered = hex::encode(octets);
    assert_eq!(code(&roger(&["mikey", &altered])), 0);
    let shown = roger(&["mikey", &altered, "--keys", &keys]);
    assert_eq!(code(&shown), 1);
    assert!(out(&shown).contains("WRONG  signature does not verify"));
    assert!(err(&shown).contains("signature does not verify"));
}

#[test]
fn keys_that_fit_nothing_are_a_failure() {
    let folder = Folder::new();
    let keys = folder.file("keys.toml", srtp_keys(&["csk"]));
    let vectors = vectors(MIKEY);
    let gmk = text(&vectors["messages"][0]["message"]);
    let shown = roger(&["mikey", gmk, "--keys", &keys]);
    assert_eq!(code(&shown), 1);
    assert!(err(&shown).contains("no key in the file fits"));
}

#[test]
fn a_gmk_given_by_hand_opens_the_key_parameters() {
    let folder = Folder::new();
    let vectors = vectors(MIKEY);
    let case = &vectors["messages"][0];
    let message = text(&case["message"]);
    let gmk =
        |id: &str, key: &str| format!("[[key]]\ntype = \"gmk\"\nid = \"{id}\"\nkey = \"{key}\"\n");
    let other = gmk("0badcafe", &"77".repeat(16));
    let own = gmk("01234567", text(&case["key"]));
    let keys = folder.file("keys.toml", format!("{other}{own}"));
    let shown = roger(&["mikey", message, "--keys", &keys]);
    assert_eq!(code(&shown), 0, "{}", err(&shown));
    assert!(out(&shown).contains("ok     key parameters decrypt under the key"));
    let keys = folder.file("other.toml", &other);
    let shown = roger(&["mikey", message, "--keys", &keys]);
    assert_eq!(code(&shown), 1);
    assert!(err(&shown).contains("no key in the file fits"));
}

#[test]
fn a_wrong_key_with_the_id_of_the_message_is_called_wrong() {
    let folder = Folder::new();
    let vectors = vectors(MIKEY);
    let case = &vectors["messages"][3];
    let csk = |key: &str| {
        let key = format!("[[key]]\ntype = \"csk\"\nid = \"2ddd5bf0\"\nkey = \"{key}\"\n");
        folder.file("keys.toml", kms(&vectors) + &key)
    };
    let message = text(&case["message"]);
    let shown = roger(&["mikey", message, "--keys", &csk(&"77".repeat(16))]);
    assert_eq!(code(&shown), 1);
    assert!(err(&shown).contains("the key given is not the one in SAKKE"));
    let shown = roger(&["mikey", message, "--keys", &csk(text(&case["key"]))]);
    assert_eq!(code(&shown), 0, "{}", err(&shown));
    assert!(out(&shown).contains("ok     the key given is the one in SAKKE"));
}
