//! Pre-issued key sets in the database.

use crate::bench::{Bench, on_both};
use core::num::NonZeroUsize;
use core::ops::ControlFlow;
use roger_adapter_store::KmsStore;
use roger_base::{KmsUri, UnixTime};
use roger_ibc::KmsMaster;
use roger_ibc::uid::KeyPeriod;
use roger_kms::KeyAccount;
use roger_kms::memory::MemoryAudit;
use roger_kms::pre_issue::{
    BATCH, PreIssue, PreIssued, PreIssuedSets as _, RootId, Step, forget_old_sets, pre_issue,
};
use roger_testkit::SeededRandom;

const NOW: UnixTime = UnixTime(1_390_730_834);
const PERIOD: u64 = 2_592_000;

fn uri() -> KmsUri {
    KmsUri::new("kms.example.org").unwrap()
}

fn master() -> KmsMaster {
    let period = KeyPeriod::new(PERIOD, 0).unwrap();
    KmsMaster::generate(uri(), period, &mut SeededRandom::new(7)).unwrap()
}

fn open(bench: &Bench) -> KmsStore {
    bench.open().kms(&uri())
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

fn a_run_cut_off_is_resumed_after_a_restart_with_the_same_sets(bench: &mut Bench) {
    let users = BATCH + 7;
    let kms = open(bench);
    enrol(&kms, users);
    let cut = run(&kms, ControlFlow::Break(()));
    assert!(cut.stopped && cut.made > 0);
    drop(kms);
    let kms = open(bench);
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

fn a_sealed_set_opens_under_its_own_name_period_and_master_only(bench: &mut Bench) {
    let kms = open(bench);
    enrol(&kms, 2);
    run(&kms, ControlFlow::Continue(()));
    let root = RootId::of(&master());
    assert!(kms.pre_issued(root, 1389, &user(0)).unwrap().is_some());
    for change in [
        "UPDATE kms_pre_issued SET sealed = (SELECT sealed FROM kms_pre_issued WHERE identity LIKE '%00001%') \
         WHERE identity LIKE '%00000%'",
        "UPDATE kms_pre_issued SET period = 1388 WHERE identity LIKE '%00001%'",
        "UPDATE kms_pre_issued_roots SET root = 'another ' || root",
    ] {
        assert_eq!(bench.tamper(change), 1, "{change}");
    }
    // The name of the master secrets is another now: nobody finds the sets.
    assert!(kms.pre_issued(root, 1389, &user(0)).unwrap().is_none());
    let back = "UPDATE kms_pre_issued_roots SET root = replace(root, 'another ', '')";
    assert_eq!(bench.tamper(back), 1);
    assert!(kms.pre_issued(root, 1389, &user(0)).is_err());
    assert!(kms.pre_issued(root, 1388, &user(1)).is_err());
}

fn two_domains_do_not_share_sets_and_old_ones_go(bench: &mut Bench) {
    let kms = open(bench);
    enrol(&kms, 3);
    run(&kms, ControlFlow::Continue(()));
    let other = bench.open().kms(&KmsUri::new("kms.other.example").unwrap());
    let root = RootId::of(&master());
    assert!(other.pre_issued(root, 1389, &user(0)).unwrap().is_none());
    assert_eq!(forget_old_sets(&[], 0, &other, NOW), Ok(0));
    let later = NOW + core::time::Duration::from_secs(2 * PERIOD);
    assert_eq!(forget_old_sets(&[&master()], 1, &kms, later), Ok(0));
    assert_eq!(forget_old_sets(&[&master()], 0, &kms, later), Ok(3));
}

fn no_private_key_rests_in_clear(bench: &mut Bench) {
    let kms = open(bench);
    enrol(&kms, 1);
    run(&kms, ControlFlow::Continue(()));
    drop(kms);
    let octets = bench.at_rest();
    let set = master().issue(&user(0), 1389).unwrap();
    assert!(
        octets
            .windows(24)
            .any(|part| part == &user(0).as_bytes()[..24])
    );
    for secret in [set.ssk.expose().as_slice(), set.rsk.expose().as_slice()] {
        assert!(!octets.windows(16).any(|part| part == &secret[1..17]));
        let hexadecimal = hex::encode(&secret[1..17]).into_bytes();
        assert!(!octets.windows(32).any(|part| part == hexadecimal));
    }
}

on_both!(
    a_run_cut_off_is_resumed_after_a_restart_with_the_same_sets,
    a_sealed_set_opens_under_its_own_name_period_and_master_only,
    two_domains_do_not_share_sets_and_old_ones_go,
    no_private_key_rests_in_clear,
);
