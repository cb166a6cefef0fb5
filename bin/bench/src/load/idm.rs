//! Log-ins and refreshes of an IdM server a second.

use super::cpu::Used;
use super::http::{Answer, Asked, Connecting, Connection, Target, Visit};
use super::percentiles::Times;
use super::site::{Ground, IDM};
use super::slots::{Measured, Slots};
use crate::error::BenchError;
use crate::system::{OsRandom, cores, peak_octets, process_time, processor};
use core::num::NonZeroUsize;
use roger_adapter_http::{Clock as _, SystemClock};
use roger_adapter_store::Enlisted;
use roger_base::McpttId;
use roger_idm::{Failures, LoginName, Password, PasswordHash, User, UserState};
use roger_oidc::client::{LoginAttempt, RefreshRequest, RelyingParty, TokenRequest, Tokens};
use roger_oidc::{
    Issuer, JwkSet, OauthClientId, OtherServiceIds, RedirectUri, ScopeSet, Subject, form,
};
use serde::Serialize;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Users enlisted in one transaction.
const TOGETHER: usize = 4096;
/// Log-ins that come first and are not counted.
const WARM_UP: usize = 8;
/// Seconds for which argon2id is measured alone, before and again after the load.
const BARE_SECONDS: f64 = 1.0;
/// The password of everybody. One hash stands for all of them: every log-in computes it anew.
const PASSWORD: &str = "correct horse battery staple";
/// Where the client of the measurement wants its answers.
const REDIRECT: &str = "org.example.mcptt:/login";

/// What load to make.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IdmLoad {
    /// Most users, each logged in once.
    pub users: NonZeroUsize,
    /// Longest time.
    pub seconds: f64,
    /// Users under way at one time.
    pub connections: NonZeroUsize,
    /// When connections are opened.
    pub connecting: Connecting,
    /// Whether the user is asked for consent.
    pub consent: Consent,
}

/// Whether the user is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// The operator has consented for the clients of the configuration: no page.
    Implied,
    /// A page asks (`prompt=consent`).
    Asked,
}

/// CPU time of the server, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct IdmCpu {
    /// All of it.
    pub total_us: f64,
    /// argon2id.
    pub argon2_us: f64,
    /// The token endpoint: form, PKCE, two JWTs with their signatures, JSON.
    pub tokens_us: f64,
    /// Handshakes and records.
    pub tls_us: f64,
    /// The thread of the database.
    pub sql_us: f64,
    /// Reading and writing sockets.
    pub socket_us: f64,
    /// HTTP, pages, scheduling, and what has no mark.
    pub other_us: f64,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IdmReport {
    /// Log-ins a second: page, password, consent where asked, code for tokens.
    pub logins_per_s: f64,
    /// From the first octet of a log-in to the tokens: half of them were as fast.
    pub p50_ms: f64,
    /// 95 of a hundred were as fast.
    pub p95_ms: f64,
    /// 99 of a hundred were as fast.
    pub p99_ms: f64,
    /// `logins_per_s` over the hashes of argon2id that the same cores make with nothing else to do.
    pub of_bare_argon2: f64,
    /// CPU time of a hash alone over that of the server for a log-in.
    pub of_bare_argon2_by_server_cpu: f64,
    /// Hashes of argon2id a second on all cores, with nothing else to do.
    pub bare_argon2_per_s: f64,
    /// CPU time of one of them, in microseconds.
    pub bare_argon2_us: f64,
    /// Users logged in.
    pub users: usize,
    /// Wall time of the log-ins.
    pub seconds: f64,
    /// CPU time of the server for one log-in.
    pub server: IdmCpu,
    /// CPU time of the generator for one log-in, in microseconds; it has the same cores.
    pub generator_us: f64,
    /// Refreshes a second, each user once after the log-ins.
    pub refreshes_per_s: f64,
    /// Half of them were as fast.
    pub refresh_p50_ms: f64,
    /// 95 of a hundred were as fast.
    pub refresh_p95_ms: f64,
    /// 99 of a hundred were as fast.
    pub refresh_p99_ms: f64,
    /// CPU time of the server for one refresh.
    pub refresh_server: IdmCpu,
    /// Users under way at one time.
    pub connections: usize,
    /// When connections were opened.
    pub connecting: &'static str,
    /// Whether a page asked for consent.
    pub consent: bool,
    /// Answers of log-ins and refreshes whose ID tokens were verified afterwards: all.
    pub verified: usize,
    /// Octets of the database afterwards.
    pub database_octets: u64,
    /// The largest memory of the process, server and generator together.
    pub peak_octets: u64,
    /// Cores, for server and generator together.
    pub cores: usize,
    /// Name of the processor.
    pub processor: String,
}

/// Logs users in, then refreshes their tokens.
///
/// # Errors
/// [`BenchError`] when the server does not start, or an answer is not what it must be.
pub fn log_in(load: &IdmLoad) -> Result<IdmReport, BenchError> {
    let hash = hash()?;
    let before = BareArgon2::measure(&hash)?;
    let ground = Ground::new()?;
    enlist(&ground, &hash, load.users.get() + WARM_UP)?;
    let site = ground.start("\"idm\"")?;
    let slots = Slots {
        target: &site.target("idm")?,
        connecting: load.connecting,
        count: load.connections,
        seconds: load.seconds,
    };
    let keys = keys(slots.target)?;
    let users = attempts(load)?;
    let (warm_up, users) = users.split_at(WARM_UP);
    slots.run(warm_up, LoginUser::log_in)?;
    let logins = slots.run(users, LoginUser::log_in)?;
    let measured = Figures::of(&logins);
    let refreshes = refresh_requests(logins.done, &keys)?;
    let refreshed = slots.run(&refreshes, refresh)?;
    let refresh = Figures::of(&refreshed);
    let verified = measured.count + verify(&refreshes, refreshed.done, &keys)?;
    let database_octets = site.database_octets();
    drop(site);
    let bare = before.mean(&BareArgon2::measure(&hash)?);
    Ok(IdmReport {
        logins_per_s: measured.per_s,
        p50_ms: measured.times.percentile_ms(50),
        p95_ms: measured.times.percentile_ms(95),
        p99_ms: measured.times.percentile_ms(99),
        of_bare_argon2: measured.per_s / bare.per_s,
        of_bare_argon2_by_server_cpu: bare.cpu_us / measured.server.total_us,
        bare_argon2_per_s: bare.per_s,
        bare_argon2_us: bare.cpu_us,
        users: measured.count,
        seconds: measured.seconds,
        server: measured.server,
        generator_us: measured.generator_us,
        refreshes_per_s: refresh.per_s,
        refresh_p50_ms: refresh.times.percentile_ms(50),
        refresh_p95_ms: refresh.times.percentile_ms(95),
        refresh_p99_ms: refresh.times.percentile_ms(99),
        refresh_server: refresh.server,
        connections: load.connections.get(),
        connecting: load.connecting.name(),
        consent: load.consent == Consent::Asked,
        verified,
        database_octets,
        peak_octets: peak_octets()?,
        cores: cores().get(),
        processor: processor(),
    })
}

/// What a run says of each of its users.
struct Figures {
    count: usize,
    seconds: f64,
    per_s: f64,
    times: Times,
    server: IdmCpu,
    generator_us: f64,
}

impl Figures {
    fn of<T>(measured: &Measured<T>) -> Self {
        let count = measured.done.len();
        let (each, seconds) = (count.max(1) as f64, measured.wall.as_secs_f64());
        Self {
            count,
            seconds,
            per_s: each / seconds,
            times: Times::new(measured.times.clone()),
            server: server_cpu(&measured.used, measured.generator, each),
            generator_us: measured.generator.as_secs_f64() * 1e6 / each,
        }
    }
}

fn server_cpu(used: &Used, generator: Duration, count: f64) -> IdmCpu {
    let each = |time: Duration| time.as_secs_f64() * 1e6 / count;
    let mut cpu = IdmCpu {
        total_us: each(used.server(generator)),
        argon2_us: each(used.mark("password")),
        tokens_us: each(used.mark("token")),
        tls_us: each(used.mark("tls")),
        sql_us: each(used.store),
        socket_us: each(used.mark("socket")),
        other_us: 0.0,
    };
    let named = cpu.argon2_us + cpu.tokens_us + cpu.tls_us + cpu.sql_us + cpu.socket_us;
    cpu.other_us = cpu.total_us - named;
    cpu
}

/// A user about to log in.
struct LoginUser {
    /// Of the authentication request.
    path: String,
    login: String,
    /// Taken when the redirect has come: a log-in is answered once.
    attempt: Mutex<Option<LoginAttempt>>,
}

/// The tokens of a log-in as they came, and what checks them.
struct Answered {
    request: TokenRequest,
    body: Vec<u8>,
}

impl LoginUser {
    fn log_in(visit: &mut Visit<'_>, user: &Self) -> Result<Answered, BenchError> {
        let wrong = BenchError::wrong::<String>("log-in");
        let page = visit.ask(&Asked {
            method: "GET",
            path: &user.path,
            headers: "",
            body: b"",
        })?;
        let fields = [("username", user.login.as_str()), ("password", PASSWORD)];
        let mut answer = submit(visit, &page, &fields)?;
        if answer.location.is_none() {
            answer = submit(visit, &answer, &[("decision", "allow")])?;
        }
        let location = answer.location.as_deref().unwrap_or_default();
        let attempt = user.attempt.lock().unwrap_or_else(PoisonError::into_inner);
        let attempt = { attempt }.take();
        let attempt = attempt.ok_or_else(|| wrong("done twice".to_owned()))?;
        let request = attempt.on_redirect(location);
        let request = request.map_err(|error| wrong(error.to_string()))?;
        let body = post_form(visit, "/oauth2/token", "", request.body().expose())?;
        Ok(Answered {
            body: accepted(body)?.body,
            request,
        })
    }
}

/// Fills the form of a page and gives what comes of it.
fn submit(
    visit: &mut Visit<'_>,
    page: &Answer,
    fields: &[(&str, &str)],
) -> Result<Answer, BenchError> {
    let html = core::str::from_utf8(&page.body).unwrap_or_default();
    let session = hidden(html, "session").filter(|_| page.status == 200);
    let Some(session) = session else {
        let said = format!("status {} without a form", page.status);
        return Err(BenchError::wrong("log-in")(said));
    };
    let fields: Vec<_> = [("session", session)]
        .into_iter()
        .chain(fields.iter().copied())
        .collect();
    let cookies = format!("Cookie: {}\r\n", page.cookies.join("; "));
    let body = form::encode(&fields);
    post_form(visit, "/oauth2/login", &cookies, body.as_bytes())
}

/// The value of a hidden field of our own pages.
fn hidden<'p>(page: &'p str, name: &str) -> Option<&'p str> {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\""))?;
    rest.split('"').next()
}

fn post_form(
    visit: &mut Visit<'_>,
    path: &str,
    headers: &str,
    body: &[u8],
) -> Result<Answer, BenchError> {
    let headers = format!("{headers}Content-Type: application/x-www-form-urlencoded\r\n");
    visit.ask(&Asked {
        method: "POST",
        path,
        headers: &headers,
        body,
    })
}

fn accepted(answer: Answer) -> Result<Answer, BenchError> {
    if answer.status == 200 {
        return Ok(answer);
    }
    let said = String::from_utf8_lossy(&answer.body).into_owned();
    let said = format!("status {}: {said}", answer.status);
    Err(BenchError::wrong("answer of the IdM server")(said))
}

/// The public keys of the server.
fn keys(target: &Target) -> Result<JwkSet, BenchError> {
    let mut kept: Option<Connection> = None;
    let mut visit = Visit::begin(target, Connecting::User, &mut kept);
    let answer = accepted(visit.ask(&Asked {
        method: "GET",
        path: "/oauth2/jwks",
        headers: "",
        body: b"",
    })?)?;
    visit.end();
    let text = String::from_utf8_lossy(&answer.body);
    JwkSet::from_json(&text).map_err(BenchError::wrong("key set"))
}

/// A refresh about to be asked for; its request is consumed by the check of its answer.
struct Refresh(Mutex<Option<RefreshRequest>>);

/// Verifies the tokens of the log-ins and makes the requests that refresh them.
fn refresh_requests(
    done: Vec<(usize, Answered)>,
    keys: &JwkSet,
) -> Result<Vec<Refresh>, BenchError> {
    let (now, party) = (SystemClock.now(), party()?);
    let wrong = BenchError::wrong::<String>("tokens");
    let request = |(_, answered): (usize, Answered)| {
        let tokens = answered.request.on_answer(&answered.body, keys, now);
        let tokens: Tokens = tokens.map_err(|error| wrong(error.to_string()))?;
        let request = party.refresh(tokens);
        let request = request.ok_or_else(|| wrong("no refresh token".to_owned()))?;
        Ok(Refresh(Mutex::new(Some(request))))
    };
    done.into_iter().map(request).collect()
}

fn refresh(visit: &mut Visit<'_>, user: &Refresh) -> Result<Vec<u8>, BenchError> {
    let request = user.0.lock().unwrap_or_else(PoisonError::into_inner);
    let body = request.as_ref().map(RefreshRequest::body);
    let body = body.ok_or_else(|| BenchError::wrong("refresh")("done twice"))?;
    let answer = post_form(visit, "/oauth2/token", "", body.expose())?;
    Ok(accepted(answer)?.body)
}

fn verify(
    users: &[Refresh],
    done: Vec<(usize, Vec<u8>)>,
    keys: &JwkSet,
) -> Result<usize, BenchError> {
    let now = SystemClock.now();
    let wrong = BenchError::wrong::<String>("refreshed tokens");
    let count = done.len();
    for (index, body) in done {
        let user = users.get(index).map(|user| &user.0);
        let request = user.and_then(|user| user.lock().ok()?.take());
        let request = request.ok_or_else(|| wrong("whose?".to_owned()))?;
        let tokens = request.on_answer(&body, keys, now);
        tokens.map_err(|error| wrong(error.to_string()))?;
    }
    Ok(count)
}

fn party() -> Result<RelyingParty, BenchError> {
    let wrong = || BenchError::wrong("client of the IdM server");
    let issuer = format!("https://{IDM}");
    Ok(RelyingParty {
        authorization_endpoint: format!("{issuer}/oauth2/authorize"),
        token_endpoint: format!("{issuer}/oauth2/token"),
        issuer: Issuer::new(issuer).map_err(wrong())?,
        client_id: OauthClientId::new("ue").map_err(wrong())?,
        redirect_uri: RedirectUri::new(REDIRECT).map_err(wrong())?,
        secret: None,
    })
}

/// The authentication requests of everybody, made before the clock starts.
fn attempts(load: &IdmLoad) -> Result<Vec<LoginUser>, BenchError> {
    let (party, scopes) = (party()?, ScopeSet::every_mcptt_scope());
    let prompt = match load.consent {
        Consent::Implied => "",
        Consent::Asked => "&prompt=consent",
    };
    let attempt = |index| {
        let (attempt, url) = party.log_in(&scopes, &mut OsRandom)?;
        let path = url.split_once(IDM).map(|(_, path)| path);
        Ok(LoginUser {
            path: format!("{}{prompt}", path.unwrap_or_default()),
            login: login(index),
            attempt: Mutex::new(Some(attempt)),
        })
    };
    (0..load.users.get() + WARM_UP).map(attempt).collect()
}

fn login(index: usize) -> String {
    format!("user-{index:08}")
}

fn password() -> Result<Password, BenchError> {
    Password::new(PASSWORD).map_err(BenchError::wrong("password"))
}

fn hash() -> Result<PasswordHash, BenchError> {
    PasswordHash::of(&password()?, &mut OsRandom).map_err(BenchError::wrong("password"))
}

fn enlist(ground: &Ground, hash: &PasswordHash, count: usize) -> Result<(), BenchError> {
    let wrong = || BenchError::wrong("user");
    let entitlement = ScopeSet::every_mcptt_scope();
    let enlisted = |index: &usize| {
        let name = login(*index);
        Ok(Enlisted {
            user: User {
                subject: Subject::new(name.as_str()).map_err(wrong())?,
                login: LoginName::new(&name).map_err(BenchError::wrong("user"))?,
                password: hash.clone(),
                mcptt_id: McpttId::new(format!("sip:{name}@mcptt.example.org"))?,
                others: OtherServiceIds::default(),
                entitlement: entitlement.clone(),
                state: UserState::Enabled,
                failures: Failures::default(),
            },
            agency: None,
            account: None,
        })
    };
    let indices: Vec<usize> = (0..count).collect();
    for some in indices.chunks(TOGETHER) {
        let users: Result<Vec<_>, BenchError> = some.iter().map(enlisted).collect();
        let kept = ground.store.enlist(&users?, false);
        kept.map_err(BenchError::wrong("store"))?;
    }
    Ok(())
}

/// argon2id alone.
struct BareArgon2 {
    per_s: f64,
    cpu_us: f64,
}

impl BareArgon2 {
    /// The same check of the same hash on all cores.
    fn measure(hash: &PasswordHash) -> Result<Self, BenchError> {
        let (begin, cpu) = (Instant::now(), process_time());
        let counts: Result<Vec<u64>, BenchError> = std::thread::scope(|scope| {
            let work = || check_for(hash, BARE_SECONDS);
            let threads: Vec<_> = (0..cores().get()).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(crate::all_cores::joined).collect()
        });
        let (seconds, cpu) = (begin.elapsed().as_secs_f64(), process_time() - cpu);
        let count = counts?.into_iter().sum::<u64>() as f64;
        Ok(Self {
            per_s: count / seconds,
            cpu_us: cpu.as_secs_f64() * 1e6 / count,
        })
    }

    fn mean(&self, other: &Self) -> Self {
        Self {
            per_s: f64::midpoint(self.per_s, other.per_s),
            cpu_us: f64::midpoint(self.cpu_us, other.cpu_us),
        }
    }
}

fn check_for(hash: &PasswordHash, seconds: f64) -> Result<u64, BenchError> {
    let (password, begin) = (password()?, Instant::now());
    let mut count = 0;
    while count == 0 || begin.elapsed().as_secs_f64() < seconds {
        let right = hash.verify(&password);
        if !right.map_err(BenchError::wrong("password"))? {
            return Err(BenchError::wrong("password")("the right one is refused"));
        }
        count += 1;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::hidden;

    #[test]
    fn the_hidden_field_of_a_page_is_found() {
        let page = r#"<form><input type="hidden" name="session" value="abc"><input name="x">"#;
        assert_eq!(hidden(page, "session"), Some("abc"));
        assert_eq!(hidden(page, "x"), None);
    }
}
