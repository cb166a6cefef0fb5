//! Pre-issued key sets on the disk.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use core::num::NonZeroUsize;
use core::ops::ControlFlow;
use roger_adapter_store::{KmsStore, Store, StoreKey};
use roger_base::{KmsUri, Secret, UnixTime};
use roger_ibc::KmsMaster;
use roger_ibc::uid::KeyPeriod;
use roger_kms::KeyAccount;
use roger_kms::memory::MemoryAudit;
use roger_kms::pre_issue::{
    BATCH, PreIssue, PreIssued, PreIssuedSets as _, RootId, Step, forget_old_sets, pre_issue,
};
use roger_testkit::SeededRandom;
use sqlx::{Connection as _, SqliteConnection};
use std::path::Path;

const NOW: UnixTime = UnixTime(1_390_730_834);
const PERIOD: u64 = 2_592_000;

fn uri() -> KmsUri {
    KmsUri::new("kms.example.org").unwrap()
}

fn master() -> KmsMaster {
    let period = KeyPeriod::new(PERIOD, 0).unwrap();
    KmsMaster::generate(uri(), period, &mut SeededRandom::new(7)).unwrap()
}

fn open(folder: &Path) -> KmsStore {
    let key = StoreKey::new(Secret::new([7; 32]));
    let store = Store::open(&folder.join("roger.sqlite"), &key).unwrap();
    store.kms(&uri())
}

fn user(index: usize) -> String {
    format!("sip:user-{index:05}@mcptt.example.org")
}

fn enrol(kms: &KmsStore, users: usize) {
    let accounts = (0..users).map(|index| KeyAccount::unprotected(user(index)));
    kms.put_key_accounts(&accounts.collect::<Vec<_>>()).unwrap();
}

fn run(kms: &KmsStore, last: ControlFlow<()>) -> PreIssued {
    let order = PreIssue {
        period: 1389,
        after: String::new(),
        threads: NonZeroUsize::new(2).unwrap(),
    };
    let audit = MemoryAudit::default();
    let progress = &mut |_: Step<'_>| last;
    pre_issue(&master(), kms, &audit, &order, NOW, progress).unwrap()
}

#[test]
fn a_run_cut_off_is_resumed_after_a_restart_with_the_same_sets() {
    let folder = tempfile::tempdir().unwrap();
    let users = BATCH + 7;
    let kms = open(folder.path());
    enrol(&kms, users);
    let cut = run(&kms, ControlFlow::Break(()));
    assert!(cut.stopped && cut.made > 0);
    drop(kms);
    let kms = open(folder.path());
    let rest = run(&kms, ControlFlow::Continue(()));
    assert_eq!((rest.made + cut.made, rest.there), (users as u64, cut.made));
    for index in [0, BATCH - 1, BATCH, users - 1] {
        let kept = kms.pre_issued(RootId::of(&master()), 1389, &user(index));
        let (kept, made) = (
            kept.unwrap().unwrap(),
            master().issue(&user(index), 1389).unwrap(),
        );
        assert!(kept.ssk == made.ssk && kept.rsk == made.rsk && kept.pvt == made.pvt);
        assert_eq!(kept.uid, made.uid);
    }
}

#[test]
fn a_sealed_set_opens_under_its_own_name_period_and_master_only() {
    let folder = tempfile::tempdir().unwrap();
    let kms = open(folder.path());
    enrol(&kms, 2);
    run(&kms, ControlFlow::Continue(()));
    let root = RootId::of(&master());
    assert!(kms.pre_issued(root, 1389, &user(0)).unwrap().is_some());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let url = format!("sqlite://{}", folder.path().join("roger.sqlite").display());
    for change in [
        "UPDATE kms_pre_issued SET sealed = (SELECT sealed FROM kms_pre_issued WHERE identity LIKE '%00001%') \
         WHERE identity LIKE '%00000%'",
        "UPDATE kms_pre_issued SET period = 1388 WHERE identity LIKE '%00001%'",
        "UPDATE kms_pre_issued_roots SET root = replace(root, substr(root, 1, 1), 'g')",
    ] {
        runtime.block_on(async {
            let mut connection = SqliteConnection::connect(&url).await.unwrap();
            let done = sqlx::query(change).execute(&mut connection).await.unwrap();
            assert_eq!(done.rows_affected(), 1, "{change}");
        });
    }
    // The name of the master secrets is another now: nobody finds the sets.
    assert!(kms.pre_issued(root, 1389, &user(0)).unwrap().is_none());
    runtime.block_on(async {
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        let back = "UPDATE kms_pre_issued_roots SET root = ?";
        let query = sqlx::query(back).bind(hex::encode(root.0));
        query.execute(&mut connection).await.unwrap();
    });
    assert!(kms.pre_issued(root, 1389, &user(0)).is_err());
    assert!(kms.pre_issued(root, 1388, &user(1)).is_err());
}

#[test]
fn two_domains_do_not_share_sets_and_old_ones_go() {
    let folder = tempfile::tempdir().unwrap();
    let kms = open(folder.path());
    enrol(&kms, 3);
    run(&kms, ControlFlow::Continue(()));
    let key = StoreKey::new(Secret::new([7; 32]));
    let store = Store::open(&folder.path().join("roger.sqlite"), &key).unwrap();
    let other = store.kms(&KmsUri::new("kms.other.example").unwrap());
    let root = RootId::of(&master());
    assert!(other.pre_issued(root, 1389, &user(0)).unwrap().is_none());
    assert_eq!(forget_old_sets(&[], 0, &other, NOW), Ok(0));
    let later = NOW + core::time::Duration::from_secs(2 * PERIOD);
    assert_eq!(forget_old_sets(&[&master()], 1, &kms, later), Ok(0));
    assert_eq!(forget_old_sets(&[&master()], 0, &kms, later), Ok(3));
}

#[test]
fn no_private_key_rests_in_clear() {
    let folder = tempfile::tempdir().unwrap();
    let kms = open(folder.path());
    enrol(&kms, 1);
    run(&kms, ControlFlow::Continue(()));
    drop(kms);
    let octets = std::fs::read(folder.path().join("roger.sqlite")).unwrap();
    let set = master().issue(&user(0), 1389).unwrap();
    assert!(
        octets
            .windows(24)
            .any(|part| part == &user(0).as_bytes()[..24])
    );
    for secret in [set.ssk.expose().as_slice(), set.rsk.expose().as_slice()] {
        assert!(!octets.windows(16).any(|part| part == &secret[1..17]));
    }
}
