use crate::common::*;

#[test]
fn every_vector_is_shown_and_opened() {
    let folder = Folder::new();
    let keys = folder.file("keys.toml", srtp_keys(&ALL_SRTP));
    let vectors = vectors(SRTP);
    let mut opened = 0;
    for packet in packets(&vectors) {
        let protected = text(&packet["protected"]);
        let suite = suite(&packet["context"]);
        let arguments = ["srtp", protected, "--suite", suite, "--json"];
        let report = json(&roger(&arguments));
        assert_eq!(report["ok"], true, "{report}");
        covers(&report, protected);
        let report = json(&roger(&[&arguments[..], &["--keys", &keys]].concat()));
        assert_eq!(report["verified"], true, "{report}");
        let sections = report["sections"].as_array().unwrap();
        let inside = sections
            .iter()
            .filter(|section| section["origin"] == "opened");
        let fields = inside.flat_map(|section| section["fields"].as_array().unwrap());
        let plain: String = fields.map(|field| text(&field["octets"])).collect();
        assert_eq!(plain, text(&packet["plain"]).to_lowercase());
        opened += 1;
    }
    assert_eq!(opened, 70);
}

#[test]
fn a_packet_for_people() {
    let folder = Folder::new();
    let keys = folder.file("keys.toml", srtp_keys(&ALL_SRTP));
    let vectors = vectors(SRTP);
    let first = |context: &str| {
        let mut packets = packets(&vectors);
        text(&packets.find(|packet| packet["context"] == context).unwrap()["protected"])
    };
    let group = first("gmk-a");
    let page = out(&roger(&["srtp", group, "--keys", &keys]));
    is_plain_and_narrow(&page);
    let expected = [
        "SRTP packet of a group call, AEAD_AES_128_GCM",
        "0123456708c44583",
        "RTP, opened",
        "verifies and opens under GMK 01234567, sent by GUK-ID 08c44583 =",
        "sip:user.001@mcptt.example.org, ROC 0, SEQ 4096",
    ];
    for part in expected {
        assert!(page.contains(part), "{part}\n{page}");
    }
    let private = first("pck-callee");
    let page = out(&roger(&["srtp", private, "--keys", &keys]));
    assert!(page.contains("PCK 16992638, sent by the receiver of the call"));
    let page = out(&roger(&["srtp", private]));
    assert!(page.contains("note   not verified and not opened: no keys given"));
    let page = out(&roger(&["srtp", group, "--keys", &keys, "--show-secrets"]));
    assert!(page.contains("e196fdaa5ed51279ed687505e6ae19d6"));
    assert!(page.contains("ebe99015bdd666cb05d7d8c7"));
}

#[test]
fn the_side_of_a_private_call_is_believed() {
    let folder = Folder::new();
    let side = "sender = \"receiver\"\n";
    let keys = folder.file("keys.toml", srtp_keys(&["pck-caller"]) + side);
    let vectors = vectors(SRTP);
    for (context, expected) in [("pck-caller", 1), ("pck-callee", 0)] {
        let mut packets = packets(&vectors);
        let packet = packets.find(|packet| packet["context"] == context).unwrap();
        let shown = roger(&["srtp", text(&packet["protected"]), "--keys", &keys]);
        assert_eq!(code(&shown), expected, "{context}");
    }
}

#[test]
fn master_keys_given_by_hand_open_packets() {
    let folder = Folder::new();
    let vectors = vectors(SRTP);
    for context in vectors["contexts"].as_array().unwrap() {
        let (mki, key) = (text(&context["MKI"]), text(&context["master_key"]));
        let salt = text(&context["master_salt"]);
        let keys = format!(
            "[[srtp]]\nmki = \"{mki}\"\nmaster_key = \"{key}\"\nmaster_salt = \"{salt}\"\n"
        );
        let keys = folder.file("keys.toml", keys);
        let mut packets = packets(&vectors);
        let packet = packets.find(|packet| packet["context"] == context["name"]);
        let protected = text(&packet.unwrap()["protected"]);
        let suite = suite(&context["name"]);
        let shown = roger(&["srtp", protected, "--suite", suite, "--keys", &keys]);
        assert_eq!(code(&shown), 0, "{} {}", context["name"], err(&shown));
        assert!(out(&shown).contains("the master key with MKI"));
    }
}

/// Replays, old packets and a wrong estimate of the ROC show only in a stream; one packet alone is right.
#[test]
fn every_altered_packet_is_refused() {
    let folder = Folder::new();
    let vectors = vectors(SRTP);
    let mut refused = 0;
    for case in vectors["negative"].as_array().unwrap() {
        let name = text(&case["name"]);
        let of_the_stream = ["replay", "outside-replay-window", "wrong-roc"];
        if of_the_stream.iter().any(|part| name.contains(part)) {
            continue;
        }
        let context = text(&case["context"]);
        let (key, side, profile) = match context {
            "pck-caller" | "pck-caller-cm" => ("pck-caller", "sender = \"initiator\"\n", "private"),
            "pck-callee" | "pck-callee-cm" => ("pck-caller", "sender = \"receiver\"\n", "private"),
            "gmk-a" | "gmk-b" => ("gmk-a", "", "group"),
            _ => ("csk", "", "floor"),
        };
        let keys = folder.file("keys.toml", srtp_keys(&[key]) + side);
        let (packet, suite) = (text(&case["packet"]), suite(&case["context"]));
        let arguments = [
            "srtp",
            packet,
            "--suite",
            suite,
            "--profile",
            profile,
            "--keys",
            &keys,
        ];
        let shown = roger(&arguments);
        assert_eq!(code(&shown), 1, "{name}\n{}", out(&shown));
        assert!(err(&shown).starts_with("roger: "), "{name}");
        is_plain_and_narrow(&out(&shown));
        refused += 1;
    }
    eprintln!("{refused} altered packets refused");
    assert!(refused >= 50, "{refused}");
}

#[test]
fn a_packet_of_no_profile_is_shown_as_far_as_it_goes() {
    let plain = "8060100100010140a1b2c3d4f01411181f262d34";
    let shown = roger(&["srtp", plain]);
    assert_eq!(code(&shown), 1);
    assert!(out(&shown).contains("sequence number"));
    assert!(
        err(&shown).contains("octet 20: no MKI of a group call"),
        "{}",
        err(&shown)
    );
    let shown = roger(&["srtp", "4060100100010140a1b2c3d4", "--profile", "private"]);
    assert_eq!(code(&shown), 1);
    assert!(err(&shown).contains("not an SRTP packet: octet 0: RTP version 1, not 2"));
    let shown = roger(&["srtp", &plain[..30], "--profile", "private"]);
    assert_eq!(code(&shown), 1);
    assert!(
        err(&shown).contains("packet of 15 octets, at least"),
        "{}",
        err(&shown)
    );
    assert_eq!(code(&roger(&["srtp", "80", "--suite", "cm"])), 1);
}

#[test]
fn an_unknown_mki_and_a_missing_rand_are_said() {
    let folder = Folder::new();
    let vectors = vectors(SRTP);
    let packet = text(&packets(&vectors).next().unwrap()["protected"]);
    let keys = folder.file("keys.toml", srtp_keys(&["csk"]));
    let shown = roger(&["srtp", packet, "--keys", &keys]);
    assert_eq!(code(&shown), 1);
    assert!(err(&shown).contains("no key of the file has MKI 0123456708c44583"));
    let all = srtp_keys(&["gmk-a"]);
    let without: Vec<&str> = all
        .lines()
        .filter(|line| !line.starts_with("rand"))
        .collect();
    let keys = folder.file("keys.toml", without.join("\n"));
    let shown = roger(&["srtp", packet, "--keys", &keys]);
    assert_eq!(code(&shown), 1);
    assert!(err(&shown).contains("the key 01234567 of the file has no rand"));
}
