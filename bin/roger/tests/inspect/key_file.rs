use crate::common::*;

const CSK: &str =
    "[[key]]\ntype = \"csk\"\nid = \"2ddd5bf0\"\nkey = \"e06e65106183547342d3e8a6ce2540a8\"\n";
const SRTP_KEY: &str = "[[srtp]]\nmki = \"00\"\nmaster_key = \"00112233445566778899aabbccddeeff\"\nmaster_salt = \"00\"\n";
/// Parts of the keys above and below; no error may repeat them.
const SECRET: &str = "65106183547342d3";

/// Each content must be refused with status 2 and these words, and without a value of the file.
fn refused(cases: &[(String, &str)]) {
    let folder = Folder::new();
    let vectors = vectors(MIKEY);
    let message = text(&vectors["messages"][0]["message"]);
    let rsk = text(&vectors["parties"][1]["RSK"]);
    for (content, expected) in cases {
        let keys = folder.file("keys.toml", content);
        let shown = roger(&["mikey", message, "--keys", &keys]);
        assert_eq!(code(&shown), 2, "{expected}: {}", err(&shown));
        assert!(
            err(&shown).contains(expected),
            "{expected}: {}",
            err(&shown)
        );
        assert!(out(&shown).is_empty());
        for secret in [SECRET, &rsk[20..60]] {
            assert!(!err(&shown).contains(secret), "{}", err(&shown));
        }
    }
}

#[test]
fn wrong_toml_is_named_by_its_line() {
    refused(&[
        (String::new(), "the key file holds nothing"),
        ("[[key]\n".to_owned(), "line 1 of the key file"),
        ("[[keys]]\n".to_owned(), "unknown field `keys`"),
        (
            CSK.replace("e06e", "xxxx"),
            "line 4 of the key file: must be a string of hex",
        ),
        (
            CSK.replace("e06e", "e06"),
            "line 4 of the key file: 31 hex digits, an odd number",
        ),
        (
            CSK.replace("\"e06e", "\""),
            "[[key]] number 1: key has 16 octets, not 14",
        ),
        (
            format!("{CSK}sender = \"both\"\n"),
            "unknown variant `both`",
        ),
    ]);
}

#[test]
fn wrong_keys_are_named_by_their_entry() {
    refused(&[
        (
            CSK.replace("2ddd", "1ddd"),
            "[[key]] number 1: id: key id 1ddd5bf0 is not a Csk id",
        ),
        (
            CSK.replace("2ddd", "2d"),
            "[[key]] number 1: id: a key id has 4 octets, this has 3",
        ),
        (
            format!("{CSK}{}", CSK.replace("2ddd", "7ddd")),
            "[[key]] number 2: id:",
        ),
        (
            format!("{CSK}rand = \"\"\n"),
            "[[key]] number 1: rand: a RAND has 1 to 255 octets",
        ),
        (
            format!("{CSK}members = [\"\"]\n"),
            "[[key]] number 1: members:",
        ),
        (
            SRTP_KEY.to_owned(),
            "[[srtp]] number 1: master_salt has 12 octets",
        ),
        (
            SRTP_KEY.replace("ccddeeff", ""),
            "[[srtp]] number 1: master_key has 16 octets, not 12",
        ),
        (
            SRTP_KEY.replace("mki = \"00\"", &format!("mki = \"{}\"", "00".repeat(129))),
            "mki:",
        ),
    ]);
}

#[test]
fn wrong_users_and_kms_are_named_by_their_entry() {
    let vectors = vectors(MIKEY);
    let kms = kms(&vectors);
    let party = &vectors["parties"][1];
    let (identity, rsk) = (text(&party["uri"]), text(&party["RSK"]));
    let user = |number: u64, rsk: &str, more: &str| {
        format!(
            "{kms}\n[[user]]\nidentity = \"{identity}\"\nperiod_number = {number}\nrsk = \"{rsk}\"\n{more}"
        )
    };
    let other_uid = format!("uid = \"{}\"\n", "00".repeat(32));
    refused(&[
        (user(1389, rsk, ""), "[[user]] number 1: rsk:"),
        (
            user(1388, &rsk.replace("047D", "047E"), ""),
            "[[user]] number 1: rsk:",
        ),
        (
            user(1388, &rsk[2..], ""),
            "[[user]] number 1: rsk has 257 octets, not 256",
        ),
        (
            user(1388, rsk, "kms = \"other.example\"\n"),
            "there is no [[kms]] with uri",
        ),
        (
            user(1388, rsk, &other_uid),
            "uid is not that of the identity in key period 1388",
        ),
        (
            user(1388, rsk, "").replace(&kms, ""),
            "there is no [[kms]] it could belong to",
        ),
        (
            format!("{kms}{}", user(1388, rsk, "")),
            "there are several [[kms]]",
        ),
        (kms.replace("kms.example.org", ""), "[[kms]] number 1: uri:"),
        (
            kms.replace("0450D4", "0450D5"),
            "[[kms]] number 1: pub_auth_key:",
        ),
        (
            kms.replace("045958", "045959"),
            "[[kms]] number 1: pub_enc_key:",
        ),
        (
            kms.replace("2592000", "0"),
            "[[kms]] number 1: user_key_period:",
        ),
    ]);
}

#[test]
fn a_file_that_cannot_be_read_is_said() {
    let folder = Folder::new();
    let shown = roger(&["mikey", "0109", "--keys", "nowhere.toml"]);
    assert_eq!(code(&shown), 2);
    assert!(err(&shown).contains("cannot read the key file"));
    let binary = folder.file("keys.toml", [0xFF, 0xFE]);
    let shown = roger(&["mikey", "0109", "--keys", &binary]);
    assert_eq!(code(&shown), 2);
    assert!(err(&shown).contains("the key file is not UTF-8 text"));
    let long = folder.file("long.toml", vec![b'#'; (1 << 20) + 1]);
    let shown = roger(&["mikey", "0109", "--keys", &long]);
    assert!(err(&shown).contains("the key file has more than"));
}

#[test]
fn secrets_are_shown_only_with_keys() {
    let shown = roger(&["mikey", "0109", "--show-secrets"]);
    assert_eq!(code(&shown), 2);
    assert!(err(&shown).contains("--keys"));
}

/// The examples of the documentation are read and checked; only the message needs none of them.
#[test]
fn the_examples_of_the_documentation_work() {
    let page = include_str!("../../../../docs/inspect-keys.md");
    let folder = Folder::new();
    let mut examples = 0;
    for example in page.split("```toml\n").skip(1) {
        let (file, _) = example.split_once("```").unwrap();
        let keys = folder.file("keys.toml", file);
        let shown = roger(&["floor", "80cc00031a2b3c4d4d43505400020500", "--keys", &keys]);
        assert_eq!(code(&shown), 1, "{}", err(&shown));
        assert!(err(&shown).contains("came in clear"), "{}", err(&shown));
        examples += 1;
    }
    assert!(examples >= 3, "{examples}");
}
