//! Four times what the core can serve: memory, and how long those wait who are admitted.

use crate::clients::{Client, register_text, socket};
use crate::process::{Core, spawn};
use crate::report::Report;
use std::io::Read;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What a look-up takes: with it the core serves some 4,500 REGISTER a second.
const COST: u32 = 200;
const RATE: u32 = 20_000;
const TIME: Duration = Duration::from_secs(10);
const MEBIBYTE: f64 = 1024.0 * 1024.0;

pub fn run(report: &mut Report) {
    report.title(&format!(
        "overload: {RATE} new REGISTER/s from one address for {} s, {COST} µs of work for each",
        TIME.as_secs()
    ));
    let mut core = Core::start("none", COST, 400_000);
    let mut urgent = Client::register("urgent", "127.0.0.2", core.address);
    let mut refreshing = Client::register("uneighbour", "127.0.0.3", core.address);
    let ready = core.waited();
    let before = (core.cpu(), core.memory("VmRSS:"), Instant::now());
    let words = [
        "flood".into(),
        core.address.to_string(),
        RATE.to_string(),
        TIME.as_secs().to_string(),
    ];
    let mut flood = spawn("1", "19", &words);
    let time = TIME - Duration::from_millis(500);
    let interval = Duration::from_millis(20);
    let others = std::thread::spawn(move || refreshing.refresh_for(time, interval, ""));
    let (emergencies, emergencies_refused) =
        urgent.refresh_for(time, interval, "Resource-Priority: mcpttp.15\r\n");
    let (refreshes, refreshes_refused) = others.join().unwrap();
    let mut said = String::new();
    flood
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    flood.wait().unwrap();
    let numbers: Vec<f64> = said
        .split_whitespace()
        .map(|word| word.parse().unwrap())
        .collect();
    let [sent, admitted, refused, p50, p99] = numbers[..] else {
        panic!("{said}")
    };
    let busy = (core.cpu() - before.0).as_secs_f64() / before.2.elapsed().as_secs_f64();
    let waited = (core.waited() - ready).as_secs_f64() / before.2.elapsed().as_secs_f64();
    let state = core.state();
    report.figure(
        "share of the time others had its processor",
        &format!("{waited:.2}"),
    );
    report.figure(
        "sent / admitted / refused with 503",
        &format!("{sent} / {admitted} / {refused}"),
    );
    report.figure(
        "shed before / unanswered in all",
        &format!(
            "{} of {} / {}",
            state.shed, state.overloaded, state.unanswered
        ),
    );
    report.figure(
        "offered beside admitted",
        &format!("{:.1}", sent / admitted.max(1.0)),
    );
    report.figure("share of a core that was busy", &format!("{busy:.2}"));
    report.figure("p50 of admitted", &format!("{p50:.1} ms"));
    report.bar("p99 of admitted", p99, 500.0, "ms");
    report.bar(
        "p99 of refreshes from another address",
        refreshes.percentile(99.0),
        500.0,
        "ms",
    );
    report.bar(
        "refreshes that were refused",
        refreshes_refused as f64,
        0.0,
        "",
    );
    report.bar(
        "p99 with mcpttp.15",
        emergencies.percentile(99.0),
        500.0,
        "ms",
    );
    report.bar(
        "emergencies that were refused",
        emergencies_refused as f64,
        0.0,
        "",
    );
    report.figure(
        "refreshes / emergencies served",
        &format!("{} / {}", refreshes.len(), emergencies.len()),
    );
    let grown = core.memory("VmHWM:").saturating_sub(before.1) as f64 / MEBIBYTE;
    report.figure("transactions held", &state.transactions.to_string());
    report.bar("largest memory above that before", grown, 256.0, "MiB");
    report.check("no panic", state.panics == 0);
}

/// Address of the core, requests a second, seconds: sends them from 127.0.0.1 and says what came back.
pub fn flood(words: Vec<&str>) {
    let core: SocketAddr = words[0].parse().unwrap();
    let (rate, seconds): (f64, f64) = (words[1].parse().unwrap(), words[2].parse().unwrap());
    let socket = socket("127.0.0.1");
    socket.set_nonblocking(true).unwrap();
    let from = socket.local_addr().unwrap();
    let start = Instant::now();
    let mut sent_at = Vec::new();
    let (mut refused, mut times) = (0_u64, crate::report::Times::default());
    let mut buffer = [0; 4_096];
    while start.elapsed().as_secs_f64() < seconds + 1.0 {
        let due = (start.elapsed().as_secs_f64().min(seconds) * rate) as usize;
        while sent_at.len() < due {
            // Each is somebody else.
            let text = register_text(&format!("u{}", sent_at.len()), from, 1, "");
            let _ = socket.send_to(text.as_bytes(), core);
            sent_at.push(Instant::now());
            if sent_at.len().is_multiple_of(8) {
                break;
            }
        }
        while let Ok(length) = socket.recv(&mut buffer) {
            let Some((status, branch)) = crate::clients::answer(&buffer[..length]) else {
                continue;
            };
            let number = branch.trim_start_matches('u').split('x').next().unwrap();
            match (status, number.parse::<usize>()) {
                (b"200", Ok(number)) => times.push(sent_at[number].elapsed()),
                _ => refused += 1,
            }
        }
    }
    let (p50, p99) = (times.percentile(50.0), times.percentile(99.0));
    println!("{} {} {refused} {p50} {p99}", sent_at.len(), times.len());
}
