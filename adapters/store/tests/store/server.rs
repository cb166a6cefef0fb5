//! What a server does that a file does not: it refuses, restarts and has several programs at once.

use crate::bench::{Bench, code_grant, digest, key};
use roger_adapter_store::Store;
use roger_oidc::provider::{GrantRepository as _, StoreError};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Between two tries of who could not write.
const PAUSE: Duration = Duration::from_millis(10);

#[test]
fn who_is_not_let_in_reads_why_but_no_password() {
    let Some(bench) = Bench::postgres() else {
        return;
    };
    let (server, url) = bench.server();
    let parameter = format!("{url}&pasword={}", server.password());
    for (wrong, expected) in [
        (
            url.replace(server.password(), "wr0ng-secret"),
            "authentication failed",
        ),
        (url.replace("/test", "/nothing"), "does not exist"),
        (url.replace("?host=", "?host=/nowhere"), "No such file"),
        (
            url.replace("postgres://", "mysql://"),
            "begin with postgres://",
        ),
        (url.replace("localhost", "local host"), "is malformed"),
        (format!("{url}&sslmode=wr0ng-secret"), "is malformed"),
        (parameter, "unknown parameter"),
    ] {
        let fault = Store::connect(&wrong, &key(1)).err().unwrap();
        let shown = format!("{fault} {fault:?}");
        assert!(shown.contains(expected), "{shown}");
        assert!(
            !shown.contains(server.password()) && !shown.contains("wr0ng-secret"),
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
    let (server, url) = bench.server();
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
                        std::thread::sleep(PAUSE);
                    }
                    Err(other) => panic!("{other:?}"),
                }
            }
            kept
        };
        let threads: Vec<_> = (0..4)
            .map(|thread| scope.spawn(move || writer(thread)))
            .collect();
        std::thread::sleep(10 * PAUSE);
        server.crash();
        assert!(failed.load(Ordering::SeqCst) > 0, "nobody noticed");
        std::thread::sleep(10 * PAUSE);
        ended.store(true, Ordering::SeqCst);
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect::<Vec<_>>()
    });
    assert!(!kept.is_empty());
    let found = server.run(url, "SELECT encode(digest, 'hex') FROM codes");
    let found: HashSet<&str> = found.lines().collect();
    for code in kept {
        let code = hex::encode(code.octets());
        assert!(
            found.contains(code.as_str()),
            "a code that was answered is lost"
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
