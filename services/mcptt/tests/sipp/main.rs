//! sipp as the UE: service authorisation on real sockets, each answer and Warning checked by the scenario itself
//! (TS 24.379 cl. 7; the scenarios stand beside this file).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs
)]

mod bodies;
mod servers;

use bodies::{Client, Encoding, multipart, protected};
use roger_base::{ServerUri, UnixTime};
use roger_call::body::{Body, Part};
use roger_call::feature::media_type;
use roger_call::protection::Protection;
use roger_call::service_authorisation::BoundCsk;
use roger_oidc::Resource;
use roger_testkit::SeededRandom;
use roger_testkit_domain::{DOMAIN, TestDomain, user};
use servers::{NAMES, Servers, utc};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Stdio;

const SIPP_IP: &str = "127.0.0.3";
const ALICE: usize = 0;
const BOB: usize = 1;
const MALLORY: usize = 2;

/// One body that sipp puts into a message: the multipart boundary and the octets.
type Sent = (String, Vec<u8>);

struct Bench {
    sipp: PathBuf,
    servers: Servers,
    domain: TestDomain,
    clients: Vec<Client>,
    random: SeededRandom,
    now: UnixTime,
}

/// What came of a run of sipp.
struct Run {
    success: bool,
    report: String,
}

impl Run {
    fn assert_passed(&self) {
        assert!(self.success, "{}", self.report);
    }
}

impl Bench {
    /// `None` where sipp is not installed; in CI that is a failure of its own.
    async fn new() -> Option<Self> {
        let sipp = roger_testkit::find_program("sipp")?;
        let now = utc();
        let mut domain = TestDomain::new(1);
        let clients = NAMES.iter().enumerate();
        let clients = clients
            .map(|(number, name)| Client::new(number, name, &mut domain, now))
            .collect();
        Some(Self {
            sipp,
            servers: Servers::start(&mut domain).await,
            domain,
            clients,
            random: SeededRandom::new(3),
            now,
        })
    }

    fn token(&self, index: usize) -> String {
        self.token_with(index, Resource::McpttServer.scope(), self.now.0 + 3_600)
    }

    fn token_with(&self, index: usize, scope: &str, expires: u64) -> String {
        let issued = expires.min(self.now.0) - 10;
        let user = &self.clients[index].user;
        self.domain.token_issued(user, scope, issued, expires)
    }

    /// A CSK of a user for a server.
    fn csk_for(&mut self, index: usize, server: &str) -> BoundCsk {
        let client = &self.clients[index];
        client.csk(
            &client.user,
            server,
            &self.domain,
            self.now,
            &mut self.random,
        )
    }

    fn csk(&mut self, index: usize) -> BoundCsk {
        self.csk_for(index, DOMAIN)
    }

    /// An authorising body, protected as it has to be.
    fn authorising(&mut self, index: usize, csk: &BoundCsk, token: &str) -> Body {
        let body = self.clients[index].authorising(token);
        protected(csk, Protection::Full, body, &mut self.random)
    }

    fn sent(&mut self, csk: &BoundCsk, body: &Body) -> Sent {
        multipart(&[&csk.message], Encoding::Binary, body, &mut self.random)
    }

    /// Token and CSK of a client, good in every way.
    fn good(&mut self, index: usize) -> (BoundCsk, Sent) {
        let (csk, token) = (self.csk(index), self.token(index));
        let body = self.authorising(index, &csk, &token);
        let sent = self.sent(&csk, &body);
        (csk, sent)
    }

    /// Settings alone, under a CSK that the server should have.
    fn settings(&mut self, index: usize, csk: &BoundCsk) -> Sent {
        let body = self.clients[index].settings();
        let body = protected(csk, Protection::Full, body, &mut self.random);
        multipart(&[], Encoding::Binary, &body, &mut self.random)
    }

    /// Runs a scenario once for each entry: the client, the bodies in their order.
    async fn run(&self, scenario: &str, calls: &[(usize, &[&Sent])]) -> Run {
        let folder = tempfile::tempdir().unwrap();
        let mut fields = "SEQUENTIAL\n".to_owned();
        for (call, (index, bodies)) in calls.iter().enumerate() {
            let client = &self.clients[*index];
            write!(fields, "{};{}", client.line, client.id).unwrap();
            for place in 0..2 {
                let (boundary, octets) = match bodies.get(place) {
                    Some((boundary, octets)) => (boundary.as_str(), octets.as_slice()),
                    None => ("none", &[][..]),
                };
                let file = folder.path().join(format!("{call}-{place}"));
                std::fs::write(&file, octets).unwrap();
                write!(fields, ";{boundary};{}", file.display()).unwrap();
            }
            writeln!(fields, ";{}", self.clients[MALLORY].line).unwrap();
        }
        let input = folder.path().join("fields.csv");
        std::fs::write(&input, fields).unwrap();
        let errors = folder.path().join("errors");
        let path = format!("{}/tests/sipp/{scenario}.xml", env!("CARGO_MANIFEST_DIR"));
        let run = tokio::process::Command::new(&self.sipp)
            .args(["-sf", &path, "-m", &calls.len().to_string(), "-l", "1"])
            .args([
                "-i",
                SIPP_IP,
                "-t",
                "t1",
                "-nostdin",
                "-recv_timeout",
                "20000",
            ])
            .args(["-p", &servers::free(SIPP_IP).port().to_string()])
            .args(["-trace_err", "-error_file"])
            .arg(&errors)
            .arg("-inf")
            .arg(&input)
            .arg(self.servers.core.to_string())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .output()
            .await
            .unwrap();
        let told = std::fs::read(&errors).unwrap_or_default();
        Run {
            success: run.status.success(),
            report: format!(
                "{scenario}: {}\n{}\n{}",
                run.status,
                String::from_utf8_lossy(&run.stderr),
                String::from_utf8_lossy(&told)
            ),
        }
    }

    fn is_bound(&self, index: usize) -> bool {
        let client = &self.clients[index];
        self.servers.bound(&client.line).as_ref() == Some(&client.user)
    }
}

/// Runs a test where sipp is.
macro_rules! with_sipp {
    ($name:ident, $bench:ident, $body:block) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let Some(mut $bench) = Bench::new().await else {
                return;
            };
            $body
        }
    };
}

with_sipp!(a_register_without_token_is_limited_service, bench, {
    let csk = bench.csk(ALICE);
    let settings = bench.settings(ALICE, &csk);
    let none = (String::new(), Vec::new());
    let run = bench
        .run("register_without_token", &[(ALICE, &[&none, &settings])])
        .await;
    run.assert_passed();
    assert!(!bench.is_bound(ALICE));
});

with_sipp!(a_register_with_token_and_csk_authorises, bench, {
    let (csk, register) = bench.good(ALICE);
    let settings = bench.settings(ALICE, &csk);
    let run = bench
        .run("register_with_token", &[(ALICE, &[&register, &settings])])
        .await;
    run.assert_passed();
    assert!(bench.is_bound(ALICE));
});

with_sipp!(a_publish_authorises_later_and_logs_off, bench, {
    let (csk, publish) = bench.good(ALICE);
    let settings = bench.settings(ALICE, &csk);
    let run = bench
        .run("publish_later", &[(ALICE, &[&publish, &settings])])
        .await;
    run.assert_passed();
    assert!(!bench.is_bound(ALICE), "the scenario ends with the log-off");
});

with_sipp!(a_csk_message_in_base64_is_taken_too, bench, {
    let (csk, token) = (bench.csk(ALICE), bench.token(ALICE));
    let body = bench.authorising(ALICE, &csk, &token);
    let publish = multipart(&[&csk.message], Encoding::Base64, &body, &mut bench.random);
    let settings = bench.settings(ALICE, &csk);
    let run = bench
        .run("publish_later", &[(ALICE, &[&publish, &settings])])
        .await;
    run.assert_passed();
});

/// Bodies whose token is no good, each with a CSK that is: (what is wrong, body).
fn wrong_tokens(bench: &mut Bench) -> Vec<(&'static str, Sent)> {
    let scope = Resource::McpttServer.scope();
    let now = bench.now.0;
    let good = bench.token(ALICE);
    let tokens = [
        ("no token at all", "x".to_owned()),
        ("cut", good[..good.len() - 4].to_owned()),
        ("of another issuer", {
            let foreign = TestDomain::new(9);
            foreign.token_issued(&user("alice"), scope, now - 10, now + 3_600)
        }),
        ("for another server", {
            let other = Resource::GroupManagement.scope();
            bench.token_with(ALICE, other, now + 3_600)
        }),
        (
            "without scope",
            bench.token_with(ALICE, "openid", now + 3_600),
        ),
        ("expired", bench.token_with(ALICE, scope, now - 3_600)),
        ("of another user", bench.token(MALLORY)),
    ];
    let bodies = tokens.into_iter().map(|(why, token)| {
        let csk = bench.csk(ALICE);
        let body = bench.authorising(ALICE, &csk, &token);
        (why, bench.sent(&csk, &body))
    });
    bodies.collect()
}

with_sipp!(wrong_scope_expired_and_foreign_tokens_101, bench, {
    let bodies = wrong_tokens(&mut bench);
    let calls: Vec<Vec<&Sent>> = bodies.iter().map(|(_, body)| vec![body]).collect();
    let calls: Vec<_> = calls.iter().map(|call| (ALICE, call.as_slice())).collect();
    bench.run("publish_101", &calls).await.assert_passed();
    assert!(!bench.is_bound(ALICE));
    // The service of others is as before.
    let (csk, publish) = bench.good(BOB);
    let settings = bench.settings(BOB, &csk);
    let run = bench
        .run("register_with_token", &[(BOB, &[&publish, &settings])])
        .await;
    run.assert_passed();
});

with_sipp!(
    a_register_with_a_wrong_token_stands_and_binds_nobody,
    bench,
    {
        let bodies = wrong_tokens(&mut bench);
        let csk = bench.csk(ALICE);
        let settings = bench.settings(ALICE, &csk);
        let calls: Vec<Vec<&Sent>> = bodies
            .iter()
            .map(|(_, body)| vec![body, &settings])
            .collect();
        let calls: Vec<_> = calls.iter().map(|call| (ALICE, call.as_slice())).collect();
        let run = bench.run("register_with_refused_token", &calls).await;
        run.assert_passed();
        assert!(!bench.is_bound(ALICE));
    }
);

with_sipp!(a_wrong_csk_message_136, bench, {
    let token = bench.token(ALICE);
    let gms = ServerUri::new(roger_testkit_domain::GMS).unwrap();
    let for_another_server = bench.csk_for(ALICE, gms.as_str());
    let mut altered = bench.csk(ALICE);
    let middle = altered.message.len() / 2;
    altered.message[middle] ^= 1;
    let mut cut = bench.csk(ALICE);
    cut.message.pop();
    let stale = {
        let client = &bench.clients[ALICE];
        let past = UnixTime(bench.now.0 - 3_600);
        client.csk(&client.user, DOMAIN, &bench.domain, past, &mut bench.random)
    };
    let mut bodies = Vec::new();
    for csk in [for_another_server, altered, cut, stale] {
        let body = bench.authorising(ALICE, &csk, &token);
        bodies.push(bench.sent(&csk, &body));
    }
    let calls: Vec<Vec<&Sent>> = bodies.iter().map(|body| vec![body]).collect();
    let calls: Vec<_> = calls.iter().map(|call| (ALICE, call.as_slice())).collect();
    bench.run("publish_136", &calls).await.assert_passed();
    assert!(!bench.is_bound(ALICE));
});

with_sipp!(a_replay_from_another_line_136, bench, {
    let (_, publish) = bench.good(ALICE);
    let run = bench.run("publish_replayed", &[(ALICE, &[&publish])]).await;
    run.assert_passed();
    assert!(bench.is_bound(ALICE) && !bench.is_bound(MALLORY));
});

/// A body without its part of a kind.
fn without(body: &Body, kind: &str) -> Body {
    let kinds = [
        media_type::MCPTT_INFO,
        media_type::POC_SETTINGS,
        media_type::MCPTT_SIGNED,
    ];
    let kept = kinds.iter().filter(|other| **other != kind);
    kept.filter_map(|kind| body.part(kind).cloned())
        .fold(Body::new(), Body::with)
}

with_sipp!(what_is_not_signed_139, bench, {
    let token = bench.token(ALICE);
    // Each with a message of its own: one that was opened once is a replay the next time.
    let csks = [(); 4].map(|()| bench.csk(ALICE));
    let [one, two, three, other] = &csks;
    let body = bench.authorising(ALICE, one, &token);
    let unsigned = without(&body, media_type::MCPTT_SIGNED);
    let unsigned = bench.sent(one, &unsigned);
    // A signature under another key than that of the message beside it.
    let body = bench.authorising(ALICE, other, &token);
    let foreign = bench.sent(two, &body);
    // Another part in the place of a signed one.
    let body = bench.authorising(ALICE, three, &token);
    let mut settings = Part::new(media_type::POC_SETTINGS, Vec::new());
    settings
        .content_id
        .clone_from(&body.part(media_type::POC_SETTINGS).unwrap().content_id);
    let swapped = without(&body, media_type::POC_SETTINGS).with(settings);
    let swapped = bench.sent(three, &swapped);
    let calls: [&[&Sent]; 3] = [&[&unsigned], &[&foreign], &[&swapped]];
    let calls = calls.map(|call| (ALICE, call));
    bench.run("publish_139", &calls).await.assert_passed();
});

with_sipp!(a_token_in_clear_140, bench, {
    let (csk, token) = (bench.csk(ALICE), bench.token(ALICE));
    let clear = bench.clients[ALICE].authorising(&token);
    let signed = protected(&csk, Protection::IntegrityOnly, clear, &mut bench.random);
    let sent = bench.sent(&csk, &signed);
    let run = bench.run("publish_140", &[(ALICE, &[&sent])]).await;
    run.assert_passed();
});

with_sipp!(two_csk_messages_150, bench, {
    let (csk, token) = (bench.csk(ALICE), bench.token(ALICE));
    let body = bench.authorising(ALICE, &csk, &token);
    let messages = [csk.message.as_slice(), csk.message.as_slice()];
    let sent = multipart(&messages, Encoding::Binary, &body, &mut bench.random);
    let run = bench.run("publish_150", &[(ALICE, &[&sent])]).await;
    run.assert_passed();
});

// The scenarios themselves check: with an expectation that is not met they fail.

with_sipp!(a_scenario_fails_when_the_status_is_another, bench, {
    let (_, good) = bench.good(ALICE);
    let run = bench.run("publish_101", &[(ALICE, &[&good])]).await;
    assert!(!run.success, "200 came where 403 was expected");
});

with_sipp!(a_scenario_fails_when_only_the_warning_is_another, bench, {
    let mut bodies = Vec::new();
    for csk in [bench.csk(ALICE), bench.csk(ALICE)] {
        let body = bench.authorising(ALICE, &csk, "x");
        bodies.push(bench.sent(&csk, &body));
    }
    // 403 "101" comes where 403 "139" was expected.
    let run = bench.run("publish_139", &[(ALICE, &[&bodies[0]])]).await;
    assert!(!run.success, "{}", run.report);
    let run = bench.run("publish_101", &[(ALICE, &[&bodies[1]])]).await;
    run.assert_passed();
});
