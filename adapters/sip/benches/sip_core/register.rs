//! 10,000 REGISTER a second at half a core, 2 kB a lingering transaction; the same with Kamailio.

use crate::clients::Crowd;
use crate::peer;
use crate::process::Core;
use crate::report::Report;
use std::time::{Duration, Instant};

const RATE: u32 = 10_000;
const TIME: Duration = Duration::from_secs(10);
const USERS: usize = 2_000;
/// Share of the time beyond which what is lost is others' doing.
const BUSY: f64 = 0.2;

pub fn run(report: &mut Report) {
    one(report, "none");
    let ours = one(report, "digest");
    let Some((each, gone)) = peer::register(USERS, RATE, TIME) else {
        return report.figure("Kamailio", "not installed");
    };
    report.title("The same with Kamailio and its packaged configuration, digest");
    report.figure("CPU time of a REGISTER", &format!("{each:.1} µs"));
    report.figure("lost or refused, of a thousand", &format!("{gone:.1}"));
    report.figure("ours beside it", &format!("{:.2}", ours / each));
}

/// CPU time of a REGISTER in microseconds.
fn one(report: &mut Report, authentication: &str) -> f64 {
    report.title(&format!(
        "{RATE} REGISTER/s for {} s over UDP, {USERS} users, authentication: {authentication}",
        TIME.as_secs()
    ));
    let mut core = Core::start(authentication, 0, 400_000);
    let mut crowd = Crowd::new(USERS, 16, core.address);
    crowd.learn();
    let (ready, start) = (core.waited(), Instant::now());
    let before = (core.cpu(), core.memory("VmRSS:"), core.state().transactions);
    let outcome = crowd.run(RATE, TIME);
    let (cpu, after) = (core.cpu() - before.0, core.state());
    let lingering = after.transactions - before.2;
    let answered = outcome.times.len() as u64 + outcome.refused + outcome.other;
    let lost = outcome.sent - answered;
    report.figure(
        "sent / answered 200 / refused / other",
        &format!(
            "{} / {} / {} / {}",
            outcome.sent,
            outcome.times.len(),
            outcome.refused,
            outcome.other
        ),
    );
    let percentile = |percent| format!("{:.2} ms", outcome.times.percentile(percent));
    report.figure("p50", &percentile(50.0));
    report.figure("p99", &percentile(99.0));
    let each = cpu.as_secs_f64() * 1e6 / outcome.sent as f64;
    report.figure("CPU time of a REGISTER", &format!("{each:.1} µs"));
    let name = format!("share of a core at {RATE} a second ({authentication})");
    report.bar(&name, each * f64::from(RATE) / 1e6, 0.5, "");
    let others = (core.waited() - ready).as_secs_f64() / start.elapsed().as_secs_f64();
    report.figure(
        "share of the time others had its processor",
        &format!("{others:.2}"),
    );
    let gone = (lost + outcome.refused) as f64 * 1_000.0 / outcome.sent as f64;
    if others < BUSY {
        report.bar("lost or refused, of a thousand", gone, 1.0, "");
    } else {
        report.figure(
            "lost or refused, of a thousand (machine too busy to tell)",
            &format!("{gone:.1}"),
        );
    }
    let memory = core.memory("VmRSS:").saturating_sub(before.1);
    report.figure("transactions that linger", &lingering.to_string());
    report.bar(
        "octets of each, with all else that grew",
        memory as f64 / lingering.max(1) as f64,
        2_048.0,
        "B",
    );
    each
}
