//! What a server does that a file does not: it refuses, restarts and has several programs at once.

use crate::bench::{Bench, code_grant, digest, key};
use roger_adapter_store::{Store, StoreFault};
use roger_oidc::provider::{GrantRepository as _, StoreError};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

fn unavailable(opened: Result<Store, StoreFault>) -> String {
    match opened.err() {
        Some(StoreFault::LocalUnavailable(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_is_not_let_in_reads_why_but_no_password() {
    let Some(bench) = Bench::postgres() else {
        return;
    };
    let (server, url) = bench.server();
    for (wrong, expected) in [
        (
            url.replace(server.password(), "wr0ng-secret"),
            "authentication failed",
        ),
        (
            url.replace("/test", "/nothing-like-wr0ng-secret"),
            "does not exist",
        ),
        (url.replace("?host=", "?host=/nowhere"), "No such file"),
        (
            url.replace("postgres://", "mysql://"),
            "the URL of PostgreSQL is none",
        ),
        (
            url.replace("localhost", "local host"),
            "the URL of PostgreSQL is none",
        ),
        (
            format!("{url}&sslmode=wr0ng-secret"),
            "the URL of PostgreSQL is none",
        ),
    ] {
        let why = unavailable(Store::connect(&wrong, &key(1)));
        let shown = [StoreFault::LocalUnavailable(why.clone()).to_string(), why].concat();
        assert!(shown.contains(expected), "{shown}");
        assert!(!shown.contains(server.password()), "{shown}");
        assert!(
            expected == "does not exist" || !shown.contains("wr0ng-secret"),
            "{shown}"
        );
    }
}

#[test]
fn programs_that_start_at_once_make_the_tables_once() {
    let Some(bench) = Bench::postgres() else {
        return;
    };
    let opened = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| bench.open())).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect::<Vec<_>>()
    });
    for store in opened {
        assert_eq!(store.probe(), Ok(()));
    }
}

#[test]
fn a_restart_is_not_noticed_by_who_asks_after_it() {
    let Some(bench) = Bench::postgres() else {
        return;
    };
    let (server, _) = bench.server();
    let store = bench.open();
    store.put_code(&digest("code"), &code_grant("g")).unwrap();
    server.stop("fast");
    let refused = store.put_code(&digest("other"), &code_grant("g"));
    assert!(matches!(refused, Err(StoreError::LocalUnavailable(_))));
    server.start();
    for _ in 0..32 {
        assert!(store.probe().is_ok());
    }
    assert_eq!(store.put_code(&digest("other"), &code_grant("g")), Ok(()));
}

/// Those whose call was under way are told that it failed; what was answered is kept.
#[test]
fn what_was_answered_before_a_crash_is_there_after_it() {
    let Some(bench) = Bench::postgres() else {
        return;
    };
    let (server, _) = bench.server();
    let store = bench.open();
    let (ended, failed) = (AtomicBool::new(false), AtomicUsize::new(0));
    let kept = std::thread::scope(|scope| {
        let writer = |thread: usize| {
            let mut kept = Vec::new();
            for number in 0.. {
                if ended.load(Ordering::SeqCst) {
                    break;
                }
                let code = digest(&format!("code {thread} {number}"));
                match store.put_code(&code, &code_grant("g")) {
                    Ok(()) => kept.push(code),
                    Err(StoreError::LocalUnavailable(_)) => {
                        failed.fetch_add(1, Ordering::SeqCst);
                    }
                    Err(other) => panic!("{other:?}"),
                }
            }
            kept
        };
        let threads: Vec<_> = (0..4)
            .map(|thread| scope.spawn(move || writer(thread)))
            .collect();
        for _ in 0..2 {
            let before = failed.load(Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(100));
            server.crash();
            assert!(failed.load(Ordering::SeqCst) > before, "nobody noticed");
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
        ended.store(true, Ordering::SeqCst);
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect::<Vec<_>>()
    });
    assert!(!kept.is_empty());
    for code in kept {
        let found = store.redeem_code(&code).unwrap();
        assert_eq!(
            found,
            roger_oidc::provider::Redemption::Fresh(Box::new(code_grant("g")))
        );
    }
}

/// A database that is told to answer before the disk has it is told otherwise.
#[test]
fn commits_are_on_the_disk_whatever_the_database_says() {
    let Some(bench) = Bench::postgres() else {
        return;
    };
    let (server, url) = bench.server();
    let name = server.run(url, "SELECT current_database()");
    server.run(
        url,
        &format!(
            "ALTER DATABASE {} SET synchronous_commit = 'off'",
            name.trim()
        ),
    );
    assert_eq!(server.run(url, "SHOW synchronous_commit").trim(), "off");
    let store = bench.open();
    assert_eq!(store.probe(), Ok(()));
    let log = server.log();
    assert!(log.contains("set_config('synchronous_commit', 'on', false)"));
}
