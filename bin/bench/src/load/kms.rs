//! Users provisioned by the KMS a second.

use super::cpu::Used;
use super::http::{Answer, Asked, Connecting, Target, Visit};
use super::percentiles::Times;
use super::site::Ground;
use super::slots::{Measured, Slots};
use super::subscribers::{Prepared, Subscriber};
use crate::bare::Bare;
use crate::error::BenchError;
use crate::operations::backend;
use crate::system::{cores, peak_octets, processor};
use core::num::NonZeroUsize;
use roger_adapter_http::{Clock as _, SystemClock};
use serde::Serialize;
use std::time::Duration;

/// Key sets that are checked by their equations afterwards, as devices do: a pairing for each.
const SAMPLE: usize = 32;
/// Users whose requests come first and are not counted: they fill caches and start threads.
const WARM_UP: usize = 64;
/// Seconds for which the bare cryptography is measured, before and again after the load.
const BARE_SECONDS: f64 = 1.0;

/// What load to make.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KmsLoad {
    /// Most users, each provisioned once.
    pub users: NonZeroUsize,
    /// Longest time.
    pub seconds: f64,
    /// Users under way at one time.
    pub connections: NonZeroUsize,
    /// When connections are opened.
    pub connecting: Connecting,
    /// Where key sets come from.
    pub key_sets: KeySets,
}

/// Where the key sets come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeySets {
    /// Derived when they are asked for.
    Derived,
    /// Made beforehand.
    PreIssued,
}

/// CPU time of the server for one user, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ServerCpu {
    /// All of it.
    pub total_us: f64,
    /// Making and checking key sets, and wrapping them under the TrK.
    pub crypto_us: f64,
    /// Reading, canonicalising, verifying, writing and signing documents.
    pub xml_us: f64,
    /// Handshakes and records.
    pub tls_us: f64,
    /// The thread of the database.
    pub sql_us: f64,
    /// Verifying access tokens.
    pub token_us: f64,
    /// The thread of the audit log.
    pub audit_us: f64,
    /// Reading and writing sockets.
    pub socket_us: f64,
    /// HTTP, scheduling, and what has no mark.
    pub other_us: f64,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KmsReport {
    /// Users provisioned a second: certificate and key set fetched.
    pub users_per_s: f64,
    /// From the first octet of a user to the last answer: half of them were as fast.
    pub p50_ms: f64,
    /// 95 of a hundred were as fast.
    pub p95_ms: f64,
    /// 99 of a hundred were as fast.
    pub p99_ms: f64,
    /// `users_per_s` over what the same cores make of RSK, SSK and PVT one by one, unchecked, with nothing else to do.
    pub of_bare_crypto: f64,
    /// The same over RSKs made 64 together.
    pub of_bare_crypto_batch: f64,
    /// `users_per_s` over sets made one by one, each RSK checked by its pairing as RFC 6508 says.
    pub of_validated_crypto: f64,
    /// CPU time of the bare cryptography, one by one and unchecked, over that of the server.
    pub of_bare_crypto_by_server_cpu: f64,
    /// The same of sets confirmed as the KMS does, without a pairing.
    pub of_confirmed_crypto_by_server_cpu: f64,
    /// The same of sets checked by their pairing.
    pub of_validated_crypto_by_server_cpu: f64,
    /// Key sets a second of the bare cryptography, one by one, on all cores.
    pub bare_per_s: f64,
    /// The same, 64 together.
    pub bare_batch_per_s: f64,
    /// Users provisioned.
    pub users: usize,
    /// Wall time.
    pub seconds: f64,
    /// Users under way at one time.
    pub connections: usize,
    /// When connections were opened.
    pub connecting: &'static str,
    /// Whether key sets had been made beforehand.
    pub pre_issued: bool,
    /// CPU time of the server.
    pub server: ServerCpu,
    /// CPU time of the generator for one user, in microseconds; it has the same cores.
    pub generator_us: f64,
    /// Octets of the database afterwards.
    pub database_octets: u64,
    /// Octets of the audit log afterwards.
    pub audit_octets: u64,
    /// The largest memory of the process, server and generator together.
    pub peak_octets: u64,
    /// Answers whose signature was verified and whose keys were unwrapped afterwards: all.
    pub opened: usize,
    /// Key sets whose SSK and RSK were checked as devices do.
    pub validated: usize,
    /// Backend of the field.
    pub backend: String,
    /// Cores, for server and generator together.
    pub cores: usize,
    /// Name of the processor.
    pub processor: String,
}

/// Provisions users.
///
/// # Errors
/// [`BenchError`] when the servers do not start, or an answer is not what it must be.
pub fn provision(load: &KmsLoad) -> Result<KmsReport, BenchError> {
    let backend = backend()?;
    let before = Bare::measure(BARE_SECONDS)?;
    let ground = Ground::new()?;
    let users = Subscriber::enrol(&ground, load.users.get() + WARM_UP)?;
    if load.key_sets == KeySets::PreIssued {
        ground.pre_issue()?;
    }
    let site = ground.start("\"kms\"")?;
    let target = site.target("kms")?;
    let (warm_up, users) = users.split_at(WARM_UP);
    run(load, &target, warm_up, f64::INFINITY)?;
    let measured = run(load, &target, users, load.seconds)?;
    let opened = check(users, &measured.done)?;
    let (database_octets, audit_octets) = (site.database_octets(), site.audit_octets());
    drop(site);
    let bare = before.mean(Bare::measure(BARE_SECONDS)?);
    let done = measured.done.len().max(1) as f64;
    let seconds = measured.wall.as_secs_f64();
    let users_per_s = done / seconds;
    let times = Times::new(measured.times);
    let server = server_cpu(&measured.used, measured.generator, done);
    Ok(KmsReport {
        users_per_s,
        p50_ms: times.percentile_ms(50),
        p95_ms: times.percentile_ms(95),
        p99_ms: times.percentile_ms(99),
        of_bare_crypto: users_per_s / bare.one_by_one,
        of_bare_crypto_batch: users_per_s / bare.together,
        of_validated_crypto: users_per_s / bare.validated,
        of_bare_crypto_by_server_cpu: bare.one_by_one_us / server.total_us,
        of_confirmed_crypto_by_server_cpu: bare.confirmed_us / server.total_us,
        of_validated_crypto_by_server_cpu: bare.validated_us / server.total_us,
        bare_per_s: bare.one_by_one,
        bare_batch_per_s: bare.together,
        users: measured.done.len(),
        seconds,
        connections: load.connections.get(),
        connecting: load.connecting.name(),
        pre_issued: load.key_sets == KeySets::PreIssued,
        server,
        generator_us: measured.generator.as_secs_f64() * 1e6 / done,
        database_octets,
        audit_octets,
        peak_octets: peak_octets()?,
        opened: opened.all,
        validated: opened.validated,
        backend,
        cores: cores().get(),
        processor: processor(),
    })
}

fn server_cpu(used: &Used, generator: Duration, users: f64) -> ServerCpu {
    let each = |time: Duration| time.as_secs_f64() * 1e6 / users;
    let mut cpu = ServerCpu {
        total_us: each(used.server(generator)),
        crypto_us: each(used.mark("crypto") + used.mark("wrap")),
        xml_us: each(used.mark("xml")),
        tls_us: each(used.mark("tls")),
        sql_us: each(used.store),
        token_us: each(used.mark("token")),
        audit_us: each(used.audit),
        socket_us: each(used.mark("socket")),
        other_us: 0.0,
    };
    let named = cpu.crypto_us + cpu.xml_us + cpu.tls_us + cpu.sql_us;
    let named = named + cpu.token_us + cpu.audit_us + cpu.socket_us;
    cpu.other_us = cpu.total_us - named;
    cpu
}

/// Both answers that a user got.
type Answers = [Vec<u8>; 2];

fn run(
    load: &KmsLoad,
    target: &Target,
    users: &[Subscriber],
    seconds: f64,
) -> Result<Measured<Answers>, BenchError> {
    let now = SystemClock.now();
    let prepared = users.iter().map(|user| user.prepare(now));
    let prepared: Vec<Prepared> = prepared.collect::<Result<_, _>>()?;
    let slots = Slots {
        target,
        connecting: load.connecting,
        count: load.connections,
        seconds,
    };
    slots.run(&prepared, serve_user)
}

fn serve_user(visit: &mut Visit<'_>, user: &Prepared) -> Result<Answers, BenchError> {
    let mut bodies = [Vec::new(), Vec::new()];
    for (request, body) in user.requests.iter().zip(&mut bodies) {
        let headers = format!(
            "Authorization: Bearer {}\r\nContent-Type: application/xml\r\nAccept: application/xml\r\n",
            user.token
        );
        *body = accepted(visit.ask(&Asked {
            method: "POST",
            path: &request.path,
            headers: &headers,
            body: request.body.as_bytes(),
        })?)?;
    }
    Ok(bodies)
}

fn accepted(answer: Answer) -> Result<Vec<u8>, BenchError> {
    if answer.status == 200 {
        return Ok(answer.body);
    }
    let said = String::from_utf8_lossy(&answer.body).into_owned();
    let said = format!("status {}: {said}", answer.status);
    Err(BenchError::wrong("answer of the KMS")(said))
}

/// What was looked at afterwards.
struct Opened {
    all: usize,
    validated: usize,
}

/// Opens every answer; a sample of key sets has to pass the checks of a device.
fn check(users: &[Subscriber], answers: &[(usize, Answers)]) -> Result<Opened, BenchError> {
    let every = (answers.len() / SAMPLE).max(1);
    let mut opened = Opened {
        all: 0,
        validated: 0,
    };
    for (index, bodies) in answers {
        let user = users.get(*index);
        let user = user.ok_or_else(|| BenchError::wrong("answer of the KMS")("whose?"))?;
        let provisioned = user.open(bodies)?;
        if opened.all.is_multiple_of(every) {
            provisioned.validate()?;
            opened.validated += 1;
        }
        opened.all += 1;
    }
    Ok(opened)
}
