//! Writes a second that are on the disk when they are answered, on either database, with few and many callers.
//!
//! `cargo bench -p roger-adapter-store`
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use roger_adapter_store::{KmsStore, Store, StoreKey};
use roger_base::{KmsUri, Secret, UnixTime};
use roger_kms::ports::KeyRepository as _;
use roger_testkit::Postgres;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const NOW: UnixTime = UnixTime(1_760_000_000);
const UNTIL: UnixTime = UnixTime(1_760_000_600);
const CALLERS: [usize; 4] = [1, 8, 32, 128];
const TIME: Duration = Duration::from_secs(3);

/// Each write is a request that the KMS has not seen before: a row in a table with two indexes.
fn measure(database: &str, kms: &KmsStore) {
    let next = AtomicU64::new(0);
    for callers in CALLERS {
        let before = next.load(Ordering::SeqCst);
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..callers {
                scope.spawn(|| {
                    while begun.elapsed() < TIME {
                        let mut digest = [0; 32];
                        let number = next.fetch_add(1, Ordering::SeqCst);
                        digest[..8].copy_from_slice(
                            &number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes(),
                        );
                        assert_eq!(kms.remember_request(&digest, UNTIL, NOW), Ok(true));
                    }
                });
            }
        });
        let written = next.load(Ordering::SeqCst) - before;
        let rate = u128::from(written) * 1_000_000 / begun.elapsed().as_micros();
        println!("{database}, {callers} callers: {rate} writes/s");
    }
}

fn main() {
    let key = StoreKey::new(Secret::new([1; 32]));
    let domain = KmsUri::new("kms.example.org").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("roger.sqlite"), &key).unwrap();
    measure("SQLite", &store.kms(&domain));
    if let Some(server) = Postgres::shared() {
        let store = Store::connect(&server.database(), &key).unwrap();
        measure("PostgreSQL", &store.kms(&domain));
    }
}
