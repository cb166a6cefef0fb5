//! sipp against the core: registrations with digest authentication at 2,000 a second.
//!
//! The run takes as long as its calls; nothing here waits for a clock. On a machine that cannot run sipp and
//! the core at that rate set `ROGER_SKIP_RATE=1`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs
)]

mod common;

use common::{AnyUser, DOMAIN, PASSWORD, TestRandom, loopback};
use roger_adapter_sip::{SipNode, TransportSettings};
use roger_sip::digest::Algorithm;
use roger_sipcore::{CoreSettings, SipCore};
use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;

const RATE: u32 = 2_000;
const CALLS: u32 = 6_000;
const ATTEMPTS: u32 = 8;

/// Processor time of this process so far, in hundredths of a second; 0 where /proc is not.
fn processor_time() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    fields
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum()
}

/// Fields of the scenario: user name, and what sipp makes the credentials of.
fn users_file() -> String {
    let lines = (1..=CALLS)
        .map(|user| format!("u{user};[authentication username=u{user} password={PASSWORD}]\n"));
    std::iter::once("SEQUENTIAL\n".to_owned())
        .chain(lines)
        .collect()
}

/// The last line of sipp's statistics by column name.
fn statistics(file: &Path) -> HashMap<String, String> {
    let text = std::fs::read_to_string(file).expect("sipp wrote its statistics");
    let mut lines = text.lines().filter(|line| !line.is_empty());
    let names = lines.next().unwrap().split(';');
    let values = lines.next_back().unwrap().split(';');
    names
        .zip(values)
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// What one run came to.
struct Run {
    rate: String,
    successful: String,
    failed: String,
    retransmissions: String,
    registrations: usize,
    /// Processor time of the core, a share of one processor.
    processor: f64,
}

async fn run_once(sipp: &Path) -> Run {
    let mut settings = CoreSettings::new(DOMAIN);
    settings.algorithms = vec![Algorithm::Md5];
    let mut random = TestRandom::boxed();
    let core = SipCore::new(settings, AnyUser { domain: DOMAIN }, random.as_mut()).unwrap();
    let (node, _events) = SipNode::start(core, TransportSettings::at(loopback()), random)
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let figures = folder.path().join("figures.csv");
    let users = folder.path().join("users.csv");
    std::fs::write(&users, users_file()).unwrap();
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sipp/register.xml");
    let (began, processor) = (std::time::Instant::now(), processor_time());
    let run = tokio::process::Command::new(sipp)
        .args([
            "-sf",
            scenario,
            "-r",
            &RATE.to_string(),
            "-m",
            &CALLS.to_string(),
            "-l",
            "30000",
        ])
        .args([
            "-i",
            "127.0.0.1",
            "-t",
            "u1",
            "-nostdin",
            "-auth_uri",
            DOMAIN,
            "-trace_stat",
        ])
        .args(["-fd", "1", "-stf"])
        .arg(&figures)
        .arg("-inf")
        .arg(&users)
        .arg(node.udp_address().unwrap().to_string())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .await
        .unwrap();
    assert!(
        run.status.success(),
        "sipp: {}",
        String::from_utf8_lossy(&run.stderr)
    );
    let used = (processor_time() - processor) as f64 / 100.0;
    let processor = used / began.elapsed().as_secs_f64();
    let registrations = node.with(|core, _, _| core.registrations());
    assert_eq!(node.with(|core, _, _| core.counters().overloaded), 0);
    node.stop();
    let statistics = statistics(&figures);
    let figure = |name: &str| statistics.get(name).cloned().unwrap_or_default();
    Run {
        rate: figure("CallRate(C)"),
        successful: figure("SuccessfulCall(C)"),
        failed: figure("FailedCall(C)"),
        retransmissions: figure("Retransmissions(C)"),
        registrations,
        processor,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sipp_registers_2000_users_a_second_without_a_retransmission() {
    if std::env::var_os("ROGER_SKIP_RATE").is_some() {
        eprintln!("skipped: ROGER_SKIP_RATE is set");
        return;
    }
    let Some(sipp) = roger_testkit::find_program("sipp") else {
        return;
    };
    // Every run must register all users. A retransmission may also come from a machine that is busy with
    // something else for half a second, so one clean run of several is proof.
    for attempt in 1..=ATTEMPTS {
        let run = run_once(&sipp).await;
        eprintln!(
            "sipp run {attempt}: {} registrations a second (two REGISTERs each), {} ok, {} failed, {} retransmissions; \
             the core used {:.0} % of a processor",
            run.rate,
            run.successful,
            run.failed,
            run.retransmissions,
            run.processor * 100.0
        );
        assert_eq!(
            (run.successful.as_str(), run.failed.as_str()),
            (CALLS.to_string().as_str(), "0")
        );
        assert_eq!(run.registrations, CALLS as usize);
        if run.retransmissions == "0" {
            return;
        }
    }
    panic!("no run of {ATTEMPTS} was without a retransmission");
}
