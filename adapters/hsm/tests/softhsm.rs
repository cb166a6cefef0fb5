//! SoftHSM2 as a token in a temporary folder.
//!
//! The library reads its configuration from the environment and can be started once in a process, so each test runs
//! its body in a process of its own: this test program again, with the folder in the environment.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use roger_adapter_hsm::operations::{
    back_up_masters, copy, create_store_key, open_store_key, restore_masters, rewrap, verify,
};
use roger_adapter_hsm::{
    AtRestError, Cost, KeeperError, KeeperKind, KmsMasters, PassphraseKeeper, Pin, SecretKeeper,
    TokenAddress, TokenKeeper,
};
use roger_adapter_store::{Store, StoredRoot};
use roger_base::{KmsUri, Secret, SecretBytes};
use roger_ibc::KmsMaster;
use roger_ibc::uid::KeyPeriod;
use roger_kms::CertificateTerms;
use roger_testkit::SoftToken;
use std::fs;
use std::path::Path;
use std::process::Command;

const FOLDER: &str = "ROGER_TEST_TOKEN_FOLDER";
const PIN: &str = "482951";
const PASSPHRASE: &str = "correct horse battery";
const RAN: &str = "the body ran on a token";

/// Runs `body` where a fresh token labelled `roger` is present. `offered` names the mechanisms that it offers; none means all.
fn on_a_token(test: &str, offered: &[&str], body: fn(&Path)) {
    if let Some(folder) = std::env::var_os(FOLDER) {
        body(Path::new(&folder));
        println!("{RAN}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let Some(token) = SoftToken::new(folder.path(), PIN) else {
        return;
    };
    token.offer(offered);
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env("SOFTHSM2_CONF", token.configuration())
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let output = [run.stdout, run.stderr].concat();
    let output = String::from_utf8_lossy(&output);
    assert!(run.status.success() && output.contains(RAN), "{output}");
    assert!(!output.contains(PIN), "the PIN was printed");
}

fn address(key_label: &str) -> TokenAddress {
    TokenAddress {
        module: SoftToken::library(),
        token_label: "roger".to_owned(),
        key_label: key_label.to_owned(),
    }
}

fn pin(pin: &str) -> Pin {
    Pin::new(&SecretBytes::new(pin.as_bytes().to_vec())).unwrap()
}

fn token(key_label: &str) -> TokenKeeper {
    TokenKeeper::open(&address(key_label), pin(PIN)).unwrap()
}

fn token_with_key(key_label: &str) -> TokenKeeper {
    let token = token(key_label);
    token.generate_key().unwrap();
    token
}

fn passphrase(text: &str) -> PassphraseKeeper {
    let octets = SecretBytes::new(text.as_bytes().to_vec());
    PassphraseKeeper::new(octets, Cost::LEAST).unwrap()
}

fn wrong_keeper(error: AtRestError) -> KeeperError {
    match error {
        AtRestError::Keeper(error) => error,
        other => panic!("{other}"),
    }
}

#[test]
fn a_token_keeps_the_key_of_a_store_and_its_renewal_leaves_the_database_alone() {
    on_a_token(
        "a_token_keeps_the_key_of_a_store_and_its_renewal_leaves_the_database_alone",
        &[],
        |folder| {
            let (path, database) = (folder.join("store.key"), folder.join("store.sqlite"));
            let token = token_with_key("first");
            let (key, check) = create_store_key(&path, &token).unwrap();
            let kms = KmsUri::new("kms.mc.example").unwrap();
            let period = KeyPeriod::new(100, 5).unwrap();
            let (ksak, z) = (Secret::new([0x5a; 32]), Secret::new([0x25; 128]));
            let master = KmsMaster::from_secrets(kms.clone(), period, &ksak, &z).unwrap();
            let terms = CertificateTerms::default();
            let store = Store::open(&database, &key).unwrap();
            let root = StoredRoot { master, terms };
            store.kms(&kms).add_root(&root).unwrap();
            drop(store);

            let opens = |keeper: &dyn SecretKeeper| {
                let key = open_store_key(&path, keeper).unwrap();
                let store = Store::open(&database, &key).unwrap();
                let found = store.kms(&kms).roots().unwrap().pop().unwrap();
                assert!(found.master.to_secrets().0 == ksak);
                assert_eq!(verify(&path, keeper).unwrap().check_value, check);
            };
            opens(&token);
            // A new key of the token, then a passphrase, then another one, then the token again.
            let second = token_with_key("second");
            assert_eq!(rewrap(&path, &token, &second).unwrap(), check);
            opens(&second);
            let phrase = passphrase(PASSPHRASE);
            rewrap(&path, &second, &phrase).unwrap();
            opens(&phrase);
            let renewed = passphrase("another horse battery");
            rewrap(&path, &phrase, &renewed).unwrap();
            let old = open_store_key(&path, &phrase).err().unwrap();
            assert_eq!(wrong_keeper(old), KeeperError::DeniedWrongPassphrase);
            rewrap(&path, &renewed, &token).unwrap();
            opens(&token);
            let other = open_store_key(&path, &renewed).err().unwrap();
            let by = KeeperKind::TokenGcm;
            assert_eq!(wrong_keeper(other), KeeperError::LocalOtherKeeper { by });
        },
    );
}

#[test]
fn a_copy_under_a_passphrase_survives_the_token() {
    on_a_token(
        "a_copy_under_a_passphrase_survives_the_token",
        &[],
        |folder| {
            let (path, spare) = (folder.join("store.key"), folder.join("spare.key"));
            let token = token_with_key("wrap");
            let (_, check) = create_store_key(&path, &token).unwrap();
            let phrase = passphrase(PASSPHRASE);
            assert_eq!(copy(&path, &token, &spare, &phrase).unwrap(), check);
            assert!(copy(&path, &token, &spare, &phrase).is_err(), "overwritten");
            let verified = verify(&spare, &phrase).unwrap();
            assert_eq!(
                (verified.check_value, verified.keeper),
                (check, KeeperKind::Passphrase)
            );
            assert!(create_store_key(&path, &token).is_err(), "overwritten");
        },
    );
}

#[test]
fn files_hold_neither_secrets_nor_passphrase_nor_pin() {
    on_a_token(
        "files_hold_neither_secrets_nor_passphrase_nor_pin",
        &[],
        |folder| {
            let token = token_with_key("wrap");
            let files = folder.join("files");
            fs::create_dir(&files).unwrap();
            let masters = KmsMasters {
                kms_uri: KmsUri::new("kms.mc.example").unwrap(),
                ksak: Secret::new(core::array::from_fn(|i| i as u8 ^ 0x33)),
                z: Secret::new(core::array::from_fn(|i| i as u8 ^ 0x99)),
            };
            let (by_token, by_phrase) = (files.join("a"), files.join("b"));
            back_up_masters(&by_token, &masters, &token).unwrap();
            back_up_masters(&by_phrase, &masters, &passphrase(PASSPHRASE)).unwrap();
            rewrap(&by_token, &token, &passphrase("another horse battery")).unwrap();
            let mut looked_at = 0;
            for entry in fs::read_dir(&files).unwrap() {
                let octets = fs::read(entry.unwrap().path()).unwrap();
                let holds = |needle: &[u8]| octets.windows(needle.len()).any(|part| part == needle);
                assert!(holds(b"kms.mc.example"), "the search finds what is there");
                for secret in [masters.ksak.expose().as_slice(), masters.z.expose()] {
                    for part in secret.chunks(8) {
                        assert!(!holds(part) && !holds(hex::encode(part).as_bytes()));
                    }
                }
                for words in [PASSPHRASE, "another horse", PIN] {
                    assert!(!holds(words.as_bytes()));
                }
                looked_at += 1;
            }
            assert_eq!(looked_at, 2);
        },
    );
}

#[test]
fn a_backup_comes_back_with_its_check_value_and_no_other() {
    on_a_token(
        "a_backup_comes_back_with_its_check_value_and_no_other",
        &[],
        |folder| {
            let token = token_with_key("wrap");
            let masters = |octet| KmsMasters {
                kms_uri: KmsUri::new("kms.mc.example").unwrap(),
                ksak: Secret::new([octet; 32]),
                z: Secret::new([octet; 128]),
            };
            let (path, other) = (folder.join("backup"), folder.join("other"));
            let check = back_up_masters(&path, &masters(1), &token).unwrap();
            let other = back_up_masters(&other, &masters(2), &token).unwrap();
            assert_ne!(check, other);
            let back = restore_masters(&path, &token, Some(check)).unwrap();
            assert!(back.ksak == Secret::new([1; 32]) && back.z == Secret::new([1; 128]));
            assert_eq!(back.kms_uri.as_str(), "kms.mc.example");
            let refused = restore_masters(&path, &token, Some(other)).err();
            assert!(matches!(
                refused,
                Some(AtRestError::LocalOtherCheckValue { .. })
            ));
            let refused = open_store_key(&path, &token).err();
            assert!(matches!(
                refused,
                Some(AtRestError::LocalOtherContent { .. })
            ));
        },
    );
}

#[test]
fn a_wrong_pin_is_named() {
    on_a_token("a_wrong_pin_is_named", &[], |_| {
        for wrong in ["482950", "1", &"9".repeat(300)] {
            let refused = TokenKeeper::open(&address("wrap"), pin(wrong)).err();
            assert_eq!(refused, Some(KeeperError::DeniedWrongPin));
        }
    });
}

#[test]
fn a_pin_that_was_changed_meanwhile_is_tried_once() {
    on_a_token(
        "a_pin_that_was_changed_meanwhile_is_tried_once",
        &[],
        |_| {
            const OTHER: &str = "771177";
            let keeper = token_with_key("wrap");
            let wrapped = keeper.wrap(&Secret::new([7; 32]), b"here").unwrap();
            // The library starts again, and somebody changes the PIN.
            let change = |from: &str, to: &str| {
                Pkcs11::new(SoftToken::library())
                    .unwrap()
                    .finalize()
                    .unwrap();
                let flags = CInitializeFlags::OS_LOCKING_OK;
                let library = Pkcs11::new(SoftToken::library()).unwrap();
                library.initialize(CInitializeArgs::new(flags)).unwrap();
                let slot = library.get_slots_with_initialized_token().unwrap()[0];
                let session = library.open_rw_session(slot).unwrap();
                let (from, to) = (AuthPin::new(from.into()), AuthPin::new(to.into()));
                session.login(UserType::User, Some(&from)).unwrap();
                session.set_pin(&from, &to).unwrap();
                session.logout().unwrap();
            };
            change(PIN, OTHER);
            let refused = keeper.unwrap(&wrapped, b"here").err();
            assert_eq!(refused, Some(KeeperError::DeniedWrongPin));
            // Were it tried again, it would be right now.
            change(OTHER, PIN);
            let refused = keeper.unwrap(&wrapped, b"here").err();
            assert_eq!(refused, Some(KeeperError::DeniedWrongPin));
            assert!(token("wrap").unwrap(&wrapped, b"here").unwrap() == Secret::new([7; 32]));
        },
    );
}

#[test]
fn an_absent_library_token_or_key_is_named() {
    on_a_token("an_absent_library_token_or_key_is_named", &[], |folder| {
        let mut elsewhere = address("wrap");
        elsewhere.token_label = "toger".to_owned();
        let refused = TokenKeeper::open(&elsewhere, pin(PIN)).err();
        let (wanted, present) = ("toger".to_owned(), "\"roger\"".to_owned());
        assert_eq!(refused, Some(KeeperError::LocalNoToken { wanted, present }));
        elsewhere.module = folder.join("no-such-library.so");
        let refused = TokenKeeper::open(&elsewhere, pin(PIN)).err();
        assert!(matches!(refused, Some(KeeperError::LocalModule { .. })));
        let refused = token("none").wrap(&Secret::new([1; 32]), b"").err();
        assert_eq!(refused, Some(KeeperError::LocalNoKey("none".to_owned())));
    });
}

#[test]
fn a_key_is_not_doubled_and_one_that_can_leave_is_refused() {
    on_a_token(
        "a_key_is_not_doubled_and_one_that_can_leave_is_refused",
        &[],
        |_| {
            use cryptoki::mechanism::Mechanism;
            use cryptoki::object::Attribute;
            let keeper = token_with_key("wrap");
            let doubled = keeper.generate_key().err();
            assert_eq!(
                doubled,
                Some(KeeperError::LocalKeyExists("wrap".to_owned()))
            );
            // Keys that somebody else made: one that can be taken out, one that is short. The keeper has logged in.
            let library = Pkcs11::new(SoftToken::library()).unwrap();
            let slot = library.get_slots_with_initialized_token().unwrap()[0];
            let session = library.open_rw_session(slot).unwrap();
            let make = |label: &str, extractable: bool, octets: u64| {
                let template = [
                    Attribute::Label(label.into()),
                    Attribute::Token(true),
                    Attribute::Sensitive(!extractable),
                    Attribute::Extractable(extractable),
                    Attribute::ValueLen(octets.into()),
                    Attribute::Encrypt(true),
                    Attribute::Decrypt(true),
                ];
                session
                    .generate_key(&Mechanism::AesKeyGen, &template)
                    .unwrap();
            };
            make("loose", true, 32);
            make("short", false, 16);
            make("twin", false, 32);
            make("twin", false, 32);
            let refused = |label| token(label).wrap(&Secret::new([1; 32]), b"").err().unwrap();
            assert!(matches!(
                refused("loose"),
                KeeperError::LocalUnfitKey { .. }
            ));
            assert!(matches!(
                refused("short"),
                KeeperError::LocalUnfitKey { .. }
            ));
            assert_eq!(
                refused("twin"),
                KeeperError::LocalAmbiguousKey("twin".to_owned())
            );
        },
    );
}

#[test]
fn a_lost_session_is_opened_again() {
    on_a_token("a_lost_session_is_opened_again", &[], |_| {
        let keeper = token_with_key("wrap");
        let wrapped = keeper.wrap(&Secret::new([7; 32]), b"here").unwrap();
        for _ in 0..3 {
            // The library forgets every session and log-in, as when its daemon or device starts again.
            Pkcs11::new(SoftToken::library())
                .unwrap()
                .finalize()
                .unwrap();
            let flags = CInitializeFlags::OS_LOCKING_OK;
            let library = Pkcs11::new(SoftToken::library()).unwrap();
            library.initialize(CInitializeArgs::new(flags)).unwrap();
            assert!(keeper.unwrap(&wrapped, b"here").unwrap() == Secret::new([7; 32]));
        }
    });
}

#[test]
fn a_token_that_went_away_is_an_error() {
    on_a_token("a_token_that_went_away_is_an_error", &[], |folder| {
        let keeper = token_with_key("wrap");
        let wrapped = keeper.wrap(&Secret::new([7; 32]), b"here").unwrap();
        let (tokens, away) = (folder.join("tokens"), folder.join("away"));
        fs::rename(&tokens, &away).unwrap();
        assert!(keeper.unwrap(&wrapped, b"here").is_err());
    });
}

#[test]
fn every_altered_octet_of_a_wrapped_key_is_refused_by_the_token() {
    on_a_token(
        "every_altered_octet_of_a_wrapped_key_is_refused_by_the_token",
        &[],
        altered,
    );
}

#[test]
fn without_gcm_the_token_wraps_with_rfc_5649() {
    on_a_token(
        "without_gcm_the_token_wraps_with_rfc_5649",
        &["CKM_AES_KEY_GEN", "CKM_AES_KEY_WRAP_PAD"],
        |folder| {
            altered(folder);
            let token = token("wrap");
            let path = folder.join("store.key");
            create_store_key(&path, &token).unwrap();
            let verified = verify(&path, &token).unwrap();
            assert_eq!(verified.keeper, KeeperKind::TokenKeyWrapPad);
        },
    );
}

/// Files are altered behind their checksum, as an attacker would: it is made right again.
fn altered(folder: &Path) {
    use aws_lc_rs::digest::{SHA256, digest};
    let token = token_with_key("wrap");
    let path = folder.join("altered.key");
    create_store_key(&path, &token).unwrap();
    let sound = fs::read(&path).unwrap();
    // Behind magic, kinds and the empty name: two octets of length, then the label and what the token wrapped.
    let start = 8 + 3 + 2;
    let length = usize::from(u16::from_be_bytes([sound[start], sound[start + 1]]));
    for position in start + 2..start + 2 + length {
        let mut octets = sound.clone();
        octets[position] ^= 1;
        octets.truncate(sound.len() - 32);
        let sum = digest(&SHA256, &octets);
        octets.extend_from_slice(sum.as_ref());
        fs::write(&path, &octets).unwrap();
        let refused = verify(&path, &token).err();
        let label = position < start + 2 + 1 + "wrap".len();
        match refused {
            Some(AtRestError::Keeper(KeeperError::LocalDamaged(_))) => {}
            Some(AtRestError::Keeper(KeeperError::LocalNoKey(_))) if label => {}
            other => panic!("octet {position}: {other:?}"),
        }
    }
    fs::remove_file(&path).unwrap();
}

#[test]
fn a_token_that_can_do_neither_says_so() {
    let offered = ["CKM_AES_KEY_GEN", "CKM_AES_CBC"];
    on_a_token("a_token_that_can_do_neither_says_so", &offered, |_| {
        let refused = token("wrap").generate_key().err();
        assert!(
            matches!(refused, Some(KeeperError::LocalNoMechanism(_))),
            "{refused:?}"
        );
    });
}
