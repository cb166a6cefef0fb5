//! 10,000 bad REGISTERs a second from one address, and a client that goes on as if nothing were.

use crate::DOMAIN;
use crate::clients::{Client, register_text, socket};
use crate::process::{Core, spawn};
use crate::report::Report;
use std::io::Read;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const RATE: u32 = 10_000;
const IDLE: Duration = Duration::from_secs(10);
const TIME: Duration = Duration::from_secs(20);
const INTERVAL: Duration = Duration::from_millis(10);
/// Octets of a huge one.
const HUGE: usize = 60_000;

/// What is wrong with them: the password; that nobody comes back after the challenge; the syntax; the size.
pub const KINDS: [&str; 5] = ["wrong", "unknown", "malformed", "huge", "mixed"];

pub fn run(report: &mut Report, wanted: &[&String]) {
    let chosen = |kind: &&str| wanted.iter().any(|word| word == kind);
    let some = KINDS.iter().any(chosen);
    for kind in KINDS {
        if some && !chosen(&kind) {
            continue;
        }
        report.title(&format!(
            "abuse: {RATE} bad REGISTER/s from one address for {} s: {kind}",
            TIME.as_secs()
        ));
        let mut core = Core::start("digest", 0, 100_000);
        let mut good = Client::register("ugood", "127.0.0.2", core.address);
        let (idle, _) = good.refresh_for(IDLE, INTERVAL, "");
        let (ready, start) = (core.waited(), Instant::now());
        let before = (core.cpu(), core.memory("VmRSS:"), core.state().transactions);
        let seconds = (TIME + Duration::from_secs(1)).as_secs().to_string();
        let words = [
            "attack".into(),
            core.address.to_string(),
            RATE.to_string(),
            seconds,
            kind.into(),
        ];
        let mut attack = spawn("1", "19", &words);
        std::thread::sleep(Duration::from_millis(500));
        let repeated = good.repeated;
        let (busy, refused) = good.refresh_for(TIME, INTERVAL, "");
        let mut said = String::new();
        attack
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        attack.wait().unwrap();
        let sent: f64 = said.trim().parse().unwrap();
        let waited = (core.waited() - ready).as_secs_f64() / start.elapsed().as_secs_f64();
        let state = core.state();
        report.figure(
            "share of the time others had the core's processor",
            &format!("{waited:.2}"),
        );
        report.figure("bad ones sent", &format!("{sent}"));
        let each = (core.cpu() - before.0).as_secs_f64() * 1e6 / sent;
        report.figure("CPU time of the core for each", &format!("{each:.1} µs"));
        let p95 = (idle.percentile(95.0), busy.percentile(95.0));
        report.figure(
            "p50 idle / under attack",
            &format!(
                "{:.3} / {:.3} ms",
                idle.percentile(50.0),
                busy.percentile(50.0)
            ),
        );
        report.figure(
            "p95 idle / under attack",
            &format!("{:.3} / {:.3} ms", p95.0, p95.1),
        );
        report.bar(
            &format!("p95 under attack beside idle ({kind})"),
            p95.1 / p95.0,
            2.0,
            "",
        );
        report.figure(
            "good ones idle / under attack",
            &format!("{} / {}", idle.len(), busy.len()),
        );
        report.bar("good ones refused", refused as f64, 0.0, "");
        report.figure(
            "good ones that had to be sent again",
            &(good.repeated - repeated).to_string(),
        );
        let held = state
            .transactions
            .saturating_sub(busy.len() + idle.len() + 2);
        report.bar("transactions held for bad ones", held as f64, 0.0, "");
        report.bar(
            "largest memory above that before",
            core.memory("VmHWM:").saturating_sub(before.1) as f64 / 1048576.0,
            64.0,
            "MiB",
        );
        report.check(
            "no panic, one registration",
            state.panics == 0 && state.registrations == 1,
        );
    }
}

/// Address of the core, requests a second, seconds, kind.
pub fn attack(words: Vec<&str>) {
    let core: SocketAddr = words[0].parse().unwrap();
    let (rate, seconds): (f64, f64) = (words[1].parse().unwrap(), words[2].parse().unwrap());
    let socket = socket("127.0.0.1");
    socket.set_nonblocking(true).unwrap();
    let from = socket.local_addr().unwrap();
    let huge = format!("X-Padding: {}\r\n", "x".repeat(HUGE));
    let start = Instant::now();
    let (mut sent, mut buffer) = (0_u64, [0; 4_096]);
    while start.elapsed().as_secs_f64() < seconds {
        let due = (start.elapsed().as_secs_f64() * rate) as u64;
        while sent < due {
            let text = bad(words[3], from, sent, &huge);
            let _ = socket.send_to(text.as_bytes(), core);
            sent += 1;
        }
        while socket.recv(&mut buffer).is_ok() {}
        std::thread::sleep(Duration::from_micros(500));
    }
    println!("{sent}");
}

fn bad(kind: &str, from: SocketAddr, number: u64, huge: &str) -> String {
    let kind = match kind {
        "mixed" => ["wrong", "unknown", "malformed", "huge"][(number % 4) as usize],
        kind => kind,
    };
    let stranger = format!("u{}", number.wrapping_mul(2_654_435_761) % 1_000_000);
    match kind {
        "wrong" => {
            let credentials = format!(
                "Authorization: Digest username=\"ugood\", realm=\"{DOMAIN}\", nonce=\"{:064x}\", \
                 uri=\"sip:{DOMAIN}\", response=\"{:064x}\", algorithm=SHA-256, qop=auth, nc=00000001, \
                 cnonce=\"{number}\"\r\n",
                number, number
            );
            register_text("ugood", from, number + 1, &credentials)
        }
        "unknown" => register_text(&stranger, from, number + 1, ""),
        "malformed" => register_text(&stranger, from, number + 1, "Contact: <<sip:;;\r\n"),
        _ => register_text(&stranger, from, number + 1, huge),
    }
}
