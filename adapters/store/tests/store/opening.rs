//! What a store opens and what it does not.

use crate::bench::{Bench, key, kms, on_both};
use aws_lc_rs::aead::{AES_256_GCM, Aad, RandomizedNonceKey};
use roger_adapter_store::{Store, StoreFault};
use roger_kms::ports::KeyRepository as _;
use roger_kms::{KeyAccount, KeyPair};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Connection as _, SqlSafeStr as _, SqliteConnection};

fn another_key_does_not_open_the_store(bench: &mut Bench) {
    drop(bench.open());
    let refused = bench.open_with(&key(2)).err();
    assert_eq!(refused, Some(StoreFault::LocalWrongKey));
    assert!(bench.open_with(&key(1)).is_ok());
}

fn a_database_of_a_newer_program_is_refused(bench: &mut Bench) {
    drop(bench.open());
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 SELECT 9999, 'later', success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1";
    assert_eq!(bench.tamper(newer), 1);
    let refused = bench.open_with(&key(1)).err();
    assert!(matches!(refused, Some(StoreFault::LocalUnavailable(why)) if why.contains("9999")));
}

fn a_store_that_is_open_can_be_written(bench: &mut Bench) {
    let store = bench.open();
    assert_eq!(store.probe(), Ok(()));
    assert_eq!(bench.tamper("DROP TABLE store_mark"), 0);
    assert!(matches!(
        store.probe(),
        Err(StoreFault::LocalUnavailable(_))
    ));
}

on_both!(
    another_key_does_not_open_the_store,
    a_database_of_a_newer_program_is_refused,
    a_store_that_is_open_can_be_written,
);

#[test]
fn a_file_that_is_no_database_or_cannot_be_made_is_refused() {
    let bench = Bench::sqlite();
    std::fs::write(bench.path(), "this is not a database, not even a small one").unwrap();
    let nowhere = bench.directory.path().join("missing").join("roger.sqlite");
    for path in [bench.path(), nowhere] {
        let refused = Store::open(&path, &key(1)).err();
        assert!(matches!(refused, Some(StoreFault::LocalUnavailable(_))));
    }
}

/// The steps of a file from before there were several KMS domains.
fn steps_before_domains() -> Migrator {
    let steps = [
        (
            1,
            "identity",
            include_str!("../../migrations/sqlite/0001_identity.sql"),
        ),
        (
            2,
            "keys",
            include_str!("../../migrations/sqlite/0002_keys.sql"),
        ),
        (
            3,
            "groups",
            include_str!("../../migrations/sqlite/0003_groups.sql"),
        ),
        (
            4,
            "subscribers",
            include_str!("../../migrations/sqlite/0004_subscribers.sql"),
        ),
        (
            5,
            "mark",
            include_str!("../../migrations/sqlite/0005_mark.sql"),
        ),
        (
            6,
            "set_aside",
            include_str!("../../migrations/sqlite/0006_set_aside.sql"),
        ),
    ];
    let steps = steps.map(|(version, name, sql)| {
        Migration::new(
            version,
            name.into(),
            MigrationType::Simple,
            sql.into_sql_str(),
            false,
        )
    });
    Migrator::with_migrations(steps.into())
}

/// An account as such a file has it: JSON, sealed for its table and user alone.
fn sealed_before_domains(account: &KeyAccount) -> Vec<u8> {
    let pair: &KeyPair = account.current.as_ref().unwrap();
    let integrity = pair.integrity.as_ref().unwrap();
    let [transport, integrity] = [&pair.transport, integrity].map(|key| {
        format!(
            r#"{{"name":"{}","hex":"{}"}}"#,
            key.name,
            hex::encode(key.key.expose())
        )
    });
    let mut octets = format!(
        r#"{{"user_uri":"{}","certificate":null,"identities":[],"minimum_level":"A","wrap_profile":"ThreeGpp",
            "generation":{},"current":{{"transport":{transport},"integrity":{integrity}}},"pending":null}}"#,
        account.user_uri, account.generation
    )
    .into_bytes();
    let place = format!("kms_accounts\0{}", account.user_uri);
    let key = RandomizedNonceKey::new(&AES_256_GCM, &[1; 32]).unwrap();
    let nonce = key
        .seal_in_place_append_tag(Aad::from(place), &mut octets)
        .unwrap();
    [&[1], nonce.as_ref().as_slice(), &octets].concat()
}

#[test]
fn a_file_from_before_there_were_domains_opens_with_its_accounts() {
    let mut bench = Bench::sqlite();
    let account = KeyAccount::provision("sip:alice@mcptt.example.org", &mut bench.random).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let file = format!("sqlite://{}?mode=rwc", bench.path().display());
        let mut connection = SqliteConnection::connect(&file).await.unwrap();
        steps_before_domains().run(&mut connection).await.unwrap();
        let master = "INSERT INTO kms_masters (kms_uri, sealed) VALUES ('kms.example.org', x'00')";
        sqlx::query(master).execute(&mut connection).await.unwrap();
        sqlx::query("INSERT INTO kms_accounts (user_uri, sealed) VALUES (?, ?)")
            .bind(&account.user_uri)
            .bind(sealed_before_domains(&account))
            .execute(&mut connection)
            .await
            .unwrap();
    });
    for _ in 0..2 {
        let found = kms(&bench.open()).account(&account.user_uri);
        assert_eq!(found.unwrap().as_ref(), Some(&account));
    }
    // It is sealed for its domain now: another domain does not open it.
    assert_eq!(
        bench.tamper("UPDATE kms_accounts SET kms_uri = 'kms.example.com'"),
        1
    );
    let other = roger_base::KmsUri::new("kms.example.com").unwrap();
    assert!(bench.open().kms(&other).account(&account.user_uri).is_err());
}
