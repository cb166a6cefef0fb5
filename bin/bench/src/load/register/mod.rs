//! Registrations with everything at SIP core and participating function: REGISTER with digest, CSK message, encrypted
//! and signed access token, then the PUBLISH whose answer shows that the client is authorised.

mod bare;
mod client;
mod domain;
mod servers;

use super::percentiles::Times;
use super::progress;
use crate::all_cores::joined;
use crate::error::BenchError;
use crate::operations::backend;
use crate::system::{cores, peak_octets, process_time, processor, resident_octets, thread_time};
use bare::Bare;
use client::{Client, Connection, Outcome, Prepared};
use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use domain::{Domain, user};
use indicatif::ProgressBar;
use roger_adapter_http::{Clock as _, SystemClock};
use roger_base::McpttId;
use serde::Serialize;
use servers::Servers;
use std::sync::Mutex;
use std::time::Instant;

/// Clients whose requests are made at one time: a CSK message is good for some minutes only.
const CHUNK: usize = 2_048;
/// Clients that come first and are not counted: they fill caches and start threads.
const WARM_UP: usize = 128;

/// What load to make.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegisterLoad {
    /// Clients that are registered and held.
    pub clients: NonZeroUsize,
    /// Time of the refreshes afterwards.
    pub seconds: f64,
    /// Connections to the core, which the clients share; each has one request under way.
    pub connections: NonZeroUsize,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RegisterReport {
    /// Full registrations a second.
    pub registrations_per_s: f64,
    /// From the first REGISTER to the 200 to PUBLISH: half of them were as fast.
    pub p50_ms: f64,
    /// 95 of a hundred were as fast.
    pub p95_ms: f64,
    /// 99 of a hundred were as fast.
    pub p99_ms: f64,
    /// CPU time of core and participating function for a registration, in microseconds.
    pub server_us: f64,
    /// Part of it for the CSK message: ECCSI and SAKKE.
    pub mikey_us: f64,
    /// Part of it for the access token: ES256.
    pub token_us: f64,
    /// Part of it for the bodies: multipart, XML, HMAC, AES-GCM.
    pub xml_us: f64,
    /// The rest: SIP of three transactions at two servers, digest, sockets, scheduling.
    pub sip_us: f64,
    /// CSK message and token over all of it.
    pub of_crypto: f64,
    /// CPU time of the generator for a registration, in microseconds; it has the same cores.
    pub generator_us: f64,
    /// Clients registered, authorised and held.
    pub clients: usize,
    /// Of them those who drew a CSK-ID in use and authorised again with another.
    pub authorised_again: usize,
    /// Resident memory of the process for each: what both servers hold, and the little that the generator notes.
    pub octets_per_client: f64,
    /// Refreshes a second with all of them held: REGISTER and its third-party REGISTER.
    pub refreshes_per_s: f64,
    /// 95 of a hundred refreshes were as fast.
    pub refresh_p95_ms: f64,
    /// CPU time of the servers for a refresh, in microseconds.
    pub refresh_server_us: f64,
    /// Refreshes made.
    pub refreshes: usize,
    /// Connections that the clients shared.
    pub connections: usize,
    /// The largest memory of the process, servers and generator together.
    pub peak_octets: u64,
    /// Backend of the field.
    pub backend: String,
    /// Cores, for servers and generator together.
    pub cores: usize,
    /// Name of the processor.
    pub processor: String,
}

/// Registers clients, holds them, refreshes them.
///
/// # Errors
/// [`BenchError`] when the servers do not start, or an answer is not what it must be.
pub fn register(load: &RegisterLoad) -> Result<RegisterReport, BenchError> {
    let backend = backend()?;
    let domain = Domain::new()?;
    let all = load.clients.get() + WARM_UP;
    let servers = Servers::start(&domain, domain.tokens.verifier()?, all)?;
    let bare = Bare::measure(&domain)?;
    let mut crowd = Crowd::new(load, &domain, &servers)?;
    let before = crowd.warm_up()?;
    let registered = crowd.register_all()?;
    let octets = resident_octets()?.saturating_sub(before);
    confirm(&servers, all)?;
    let refreshed = crowd.refresh(load.seconds)?;
    let server_us = registered.server_us();
    Ok(RegisterReport {
        registrations_per_s: registered.per_s(),
        p50_ms: registered.times().percentile_ms(50),
        p95_ms: registered.times().percentile_ms(95),
        p99_ms: registered.times().percentile_ms(99),
        server_us,
        mikey_us: bare.mikey_us,
        token_us: bare.token_us,
        xml_us: bare.whole_us - bare.mikey_us - bare.token_us,
        sip_us: server_us - bare.whole_us,
        of_crypto: (bare.mikey_us + bare.token_us) / server_us,
        generator_us: registered.generator_us(),
        clients: load.clients.get(),
        authorised_again: crowd.again.load(Ordering::Relaxed),
        octets_per_client: octets as f64 / load.clients.get() as f64,
        refreshes_per_s: refreshed.per_s(),
        refresh_p95_ms: refreshed.times().percentile_ms(95),
        refresh_server_us: refreshed.server_us(),
        refreshes: refreshed.times.len(),
        connections: load.connections.get(),
        peak_octets: peak_octets()?,
        backend,
        cores: cores().get(),
        processor: processor(),
    })
}

/// Both servers must hold every client.
fn confirm(servers: &Servers, clients: usize) -> Result<(), BenchError> {
    let (bound, registered) = (servers.load().bindings, servers.registrations());
    if bound == clients && registered == clients {
        return Ok(());
    }
    let held = format!("{bound} bound and {registered} registered of {clients}");
    Err(BenchError::wrong("registration")(held))
}

/// The clients, and the connections on which they come.
struct Crowd<'a> {
    domain: &'a Domain,
    connections: Vec<Mutex<Connection>>,
    users: Vec<McpttId>,
    clients: Vec<Mutex<Client>>,
    /// Clients that had to authorise twice.
    again: AtomicUsize,
    progress: ProgressBar,
}

fn nobody() -> BenchError {
    BenchError::wrong("registration")("a client is not authorised")
}

/// What was done in the measured time.
#[derive(Default)]
struct Done {
    times: Vec<Duration>,
    wall: Duration,
    process: Duration,
    generator: Duration,
}

impl<'a> Crowd<'a> {
    fn new(load: &RegisterLoad, domain: &'a Domain, servers: &Servers) -> Result<Self, BenchError> {
        let all = load.clients.get() + WARM_UP;
        let open = |_| Connection::open(servers.core).map(Mutex::new);
        Ok(Self {
            domain,
            connections: (0..load.connections.get())
                .map(open)
                .collect::<Result<_, _>>()?,
            users: (0..all).map(user).collect::<Result<_, _>>()?,
            clients: Vec::with_capacity(all),
            again: AtomicUsize::new(0),
            progress: progress::bar(all)?,
        })
    }

    /// The first clients; the memory of the process with them.
    fn warm_up(&mut self) -> Result<u64, BenchError> {
        let mut done = Done::default();
        self.register_next(WARM_UP, &mut done)?;
        resident_octets()
    }

    fn register_all(&mut self) -> Result<Done, BenchError> {
        let mut done = Done::default();
        while self.clients.len() < self.users.len() {
            let left = self.users.len() - self.clients.len();
            self.register_next(left.min(CHUNK), &mut done)?;
        }
        self.progress.finish_and_clear();
        Ok(done)
    }

    /// Makes the requests of the next clients, then sends them with the clock running.
    fn register_next(&mut self, count: usize, done: &mut Done) -> Result<(), BenchError> {
        let first = self.clients.len();
        let users = self.users.get(first..first + count).unwrap_or_default();
        let prepared = prepare(self.domain, users, first)?;
        let clients = done.run(
            &self.connections,
            &prepared,
            f64::INFINITY,
            |connection, one| self.authorise(connection, one),
        )?;
        self.clients.extend(clients.into_iter().map(Mutex::new));
        self.progress.inc(count as u64);
        Ok(())
    }

    /// As a UE does it: again with a new CSK when the server does not know the client.
    fn authorise(
        &self,
        connection: &mut Connection,
        first: &Prepared,
    ) -> Result<Client, BenchError> {
        let mut client = Client::new(first.number);
        if let Outcome::Authorised = connection.register(&mut client, first)? {
            return Ok(client);
        }
        self.again.fetch_add(1, Ordering::Relaxed);
        let user = core::slice::from_ref(self.users.get(first.number).ok_or_else(nobody)?);
        for again in prepare(self.domain, user, first.number)? {
            if let Outcome::Authorised = connection.register(&mut client, &again)? {
                return Ok(client);
            }
        }
        Err(nobody())
    }

    /// Refreshes registrations in turn, as long as it is said.
    fn refresh(&self, seconds: f64) -> Result<Done, BenchError> {
        let mut done = Done::default();
        done.run(
            &self.connections,
            &self.clients,
            seconds,
            |connection, client| connection.refresh(&mut lock(client)),
        )?;
        Ok(done)
    }
}

fn prepare(domain: &Domain, users: &[McpttId], first: usize) -> Result<Vec<Prepared>, BenchError> {
    let now = SystemClock.now();
    let keys = domain.signers(users)?;
    let one = |(keys, number)| Prepared::new(domain, keys, number, now);
    keys.iter().zip(first..).map(one).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Done {
    /// Serves all of a list, or what the time allows, each connection one after the other.
    fn run<T: Sync, R: Send>(
        &mut self,
        connections: &[Mutex<Connection>],
        list: &[T],
        seconds: f64,
        serve: impl Fn(&mut Connection, &T) -> Result<R, BenchError> + Sync,
    ) -> Result<Vec<R>, BenchError> {
        let next = AtomicUsize::new(0);
        let (start, process) = (Instant::now(), process_time());
        let slot = |connection: &Mutex<Connection>| {
            let mut connection = lock(connection);
            let (begin, mut done) = (thread_time(), Vec::new());
            while start.elapsed().as_secs_f64() < seconds {
                let Some(one) = list.get(next.fetch_add(1, Ordering::Relaxed)) else {
                    break;
                };
                let asked = Instant::now();
                let result = serve(&mut connection, one)?;
                done.push((asked.elapsed(), result));
            }
            Ok((done, thread_time().saturating_sub(begin)))
        };
        let slots: Vec<Result<_, BenchError>> = std::thread::scope(|scope| {
            let slot = &slot;
            let slots: Vec<_> = connections
                .iter()
                .map(|connection| scope.spawn(move || slot(connection)))
                .collect();
            slots.into_iter().map(joined).collect()
        });
        self.wall += start.elapsed();
        self.process += process_time().saturating_sub(process);
        let mut results = Vec::new();
        for slot in slots {
            let (done, cpu) = slot?;
            self.generator += cpu;
            for (time, result) in done {
                self.times.push(time);
                results.push(result);
            }
        }
        Ok(results)
    }

    fn each_us(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e6 / self.times.len().max(1) as f64
    }

    fn server_us(&self) -> f64 {
        self.each_us(self.process.saturating_sub(self.generator))
    }

    fn generator_us(&self) -> f64 {
        self.each_us(self.generator)
    }

    fn per_s(&self) -> f64 {
        self.times.len() as f64 / self.wall.as_secs_f64()
    }

    fn times(&self) -> Times {
        Times::new(self.times.clone())
    }
}
