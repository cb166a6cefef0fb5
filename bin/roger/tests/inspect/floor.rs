use crate::common::*;

#[test]
fn every_vector_is_shown() {
    let vectors = vectors(FLOOR);
    let lists = ["cases", "datagrams", "tolerated"];
    let mut count = 0;
    for case in lists
        .iter()
        .flat_map(|list| vectors[*list].as_array().unwrap())
    {
        let message = text(&case["hex"]);
        let shown = roger(&["floor", message]);
        is_plain_and_narrow(&out(&shown));
        assert_eq!(code(&shown), 0, "{} {}", case["name"], err(&shown));
        assert!(err(&shown).is_empty());
        covers(&json(&roger(&["floor", message, "--json"])), message);
        count += 1;
    }
    eprintln!("{count} floor vectors shown");
    assert_eq!(count, 125);
}

#[test]
fn every_message_to_be_discarded_is_refused_with_its_octet() {
    let vectors = vectors(FLOOR);
    let negative = vectors["negative"].as_array().unwrap().iter();
    let mut count = 0;
    let empty = |case: &&serde_json::Value| text(&case["hex"]).is_empty();
    let discarded = negative.filter(|case| case["expect"] == "discard" && !empty(case));
    for case in discarded {
        let shown = roger(&["floor", text(&case["hex"])]);
        assert_eq!(code(&shown), 1, "{} {}", case["name"], out(&shown));
        assert!(err(&shown).contains("octet "), "{}", err(&shown));
        is_plain_and_narrow(&out(&shown));
        count += 1;
    }
    assert_eq!(count, 45);
}

#[test]
fn a_message_inside_srtcp_is_opened() {
    let folder = Folder::new();
    let keys = folder.file("keys.toml", srtp_keys(&["csk", "musik"]));
    let vectors = vectors(SRTP);
    let mut count = 0;
    for packet in packets(&vectors) {
        if !["csk", "musik", "csk-cm"].contains(&text(&packet["context"])) {
            continue;
        }
        let (protected, suite) = (text(&packet["protected"]), suite(&packet["context"]));
        let arguments = ["floor", protected, "--suite", suite];
        let shown = roger(&arguments);
        assert_eq!(code(&shown), 0);
        assert!(out(&shown).contains("no keys given"));
        let shown = roger(&[&arguments[..], &["--keys", &keys]].concat());
        assert_eq!(code(&shown), 0, "{}", err(&shown));
        let page = out(&shown);
        is_plain_and_narrow(&page);
        assert!(page.contains("verifies and opens under"), "{page}");
        assert!(page.contains("MCPT"), "{page}");
        count += 1;
    }
    assert!(count >= 8, "{count}");
}

#[test]
fn keys_for_a_message_in_clear_are_a_failure() {
    let folder = Folder::new();
    let keys = folder.file("keys.toml", srtp_keys(&["csk"]));
    let clear = "80cc00031a2b3c4d4d43505400020500";
    assert_eq!(code(&roger(&["floor", clear])), 0);
    let shown = roger(&["floor", clear, "--keys", &keys]);
    assert_eq!(code(&shown), 1);
    assert!(err(&shown).contains("the message came in clear"));
}
