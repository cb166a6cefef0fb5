//! Every refusal of the KMS, and that nothing is issued with it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

mod common;

use common::{ALICE, BOB, BrokenAudit, Client, NOW, PERIOD, PF, World};
use roger_base::{KmsUri, NtpTime, UnixTime};
use roger_documents::kms::Dialect;
use roger_documents::kms::{KmsCertificate, KrrList};
use roger_documents::kms_client::{ClientKeys, ClientPolicy, KeyTransport, KmsAnswer, Resource};
use roger_kms::KeyAccount;
use roger_kms::ports::TokenVerifier;
use roger_kms::ports::{KeyRepository, StoreError};
use roger_kms::{
    Channel, Credential, HttpAnswer, HttpRequest, KmsConfig, Method, MissingTokenAnswer,
    UnprovisionedUsers,
};
use std::sync::Arc;

const TOKEN: Credential<'static> = Credential::Bearer("good:sip:alice@mcptt.example.org");

fn krr_list() -> KrrList {
    KrrList::new(format!(
        "<KrrList xmlns=\"{}\"/>",
        roger_documents::kms::NAMESPACE
    ))
    .unwrap()
}

fn own_keys() -> Resource {
    Resource::KeyProv(ALICE.into())
}

/// Asks and expects a refusal that the client can read, with nothing issued.
fn refused(world: &mut World, client: &Client, resource: &Resource) -> (u16, String) {
    let answer = world.ask(client, resource);
    let KmsAnswer::Refused(error) = client.open(&answer, resource, world.now).unwrap() else {
        panic!("not refused")
    };
    assert_eq!(error.code, i64::from(answer.status));
    nothing_issued(world, &answer);
    (answer.status, error.message)
}

fn nothing_issued(world: &World, answer: &HttpAnswer) {
    let text = String::from_utf8(answer.body.clone()).unwrap();
    assert!(text.contains("<KmsError"), "{text}");
    assert!(!text.contains("KmsMessage"));
    let entries = world.audit.entries();
    let last = entries.last().unwrap();
    assert!(last.released.is_empty() && last.refusal.is_some());
    assert_eq!(last.status, answer.status);
}

fn post(world: &mut World, path: &str, credential: Credential<'_>, body: &str) -> HttpAnswer {
    let answer = world.post(path, credential, body.as_bytes());
    nothing_issued(world, &answer);
    answer
}

fn header<'a>(answer: &'a HttpAnswer, name: &str) -> Option<&'a str> {
    answer
        .headers
        .iter()
        .find(|(own, _)| *own == name)
        .map(|(_, value)| value.as_str())
}

#[test]
fn a_missing_bad_or_narrow_token_is_refused() {
    let mut world = World::new();
    let alice = world.client(ALICE);
    let (path, body) = (own_keys().path(), alice.body(&own_keys(), NOW));
    let none = post(&mut world, &path, Credential::None, &body);
    assert_eq!(
        (none.status, header(&none, "WWW-Authenticate")),
        (401, Some("Bearer"))
    );
    let bad = post(&mut world, &path, Credential::Bearer("expired"), &body);
    assert_eq!(
        (bad.status, header(&bad, "WWW-Authenticate")),
        (401, Some("Bearer error=\"invalid_token\""))
    );
    let narrow = post(
        &mut world,
        &path,
        Credential::Bearer("scope:sip:alice@mcptt.example.org"),
        &body,
    );
    assert_eq!(
        (narrow.status, header(&narrow, "WWW-Authenticate")),
        (403, Some("Bearer error=\"insufficient_scope\""))
    );
    assert_eq!(header(&narrow, "Cache-Control"), Some("no-store"));
    let config = KmsConfig {
        missing_token: MissingTokenAnswer::Forbidden,
        ..KmsConfig::default()
    };
    let mut strict = World::with(config, None);
    assert_eq!(
        post(&mut strict, &path, Credential::None, &body).status,
        403
    );
}

#[test]
fn the_token_of_one_user_opens_nothing_of_another() {
    let mut world = World::new();
    let bob = world.client(BOB);
    // Bob's token and keys, Alice's identity in the path.
    assert_eq!(refused(&mut world, &bob, &own_keys()).0, 403);
    // Bob's token, Alice named as user of a request that Bob signed.
    let mut forged = world.client(BOB);
    forged.who.user_uri = ALICE.into();
    let answer = world.ask(&forged, &Resource::KeyProv(BOB.into()));
    assert_eq!(answer.status, 403);
    nothing_issued(&world, &answer);
    // Mallory's good token with a request that Alice signed: a stolen request.
    let alice = world.client(ALICE);
    let body = alice.body(&own_keys(), NOW);
    let bobs = Credential::Bearer("good:sip:bob@mcptt.example.org");
    let answer = post(&mut world, &own_keys().path(), bobs, &body);
    assert_eq!(answer.status, 403);
}

#[test]
fn a_servers_account_is_not_opened_by_a_token_and_a_users_not_by_a_certificate() {
    let mut world = World::new();
    let server = world.client(PF);
    assert_eq!(
        world.ask(&server, &Resource::KeyProv(PF.into())).status,
        404
    );
    let body = server.body(&Resource::Init, NOW);
    assert_eq!(
        post(
            &mut world,
            &Resource::Init.path(),
            Credential::Certificate("CN=mallory"),
            &body
        )
        .status,
        403
    );
}

#[test]
fn an_unsigned_request_of_a_client_with_keys_is_refused() {
    let mut world = World::new();
    let mut bare = world.client(ALICE);
    bare.keys = ClientKeys::default();
    let body = bare.body(&own_keys(), NOW);
    let answer = post(&mut world, &own_keys().path(), TOKEN, &body);
    assert_eq!(answer.status, 403);
    // The refusal itself is signed, so that the client that has keys can read it.
    let alice = world.client(ALICE);
    assert!(matches!(
        alice.open(&answer, &own_keys(), NOW),
        Ok(KmsAnswer::Refused(_))
    ));
}

#[test]
fn a_trk_does_not_sign_in_place_of_an_ink() {
    let mut world = World::new();
    let mut alice = world.client(ALICE);
    alice.keys.integrity.clear();
    let body = alice.body(&own_keys(), NOW);
    assert_eq!(
        post(&mut world, &own_keys().path(), TOKEN, &body).status,
        403
    );
}

#[test]
fn the_ink_of_another_user_does_not_sign() {
    let mut world = World::new();
    let mut alice = world.client(ALICE);
    alice.keys = world.client(BOB).keys;
    let body = alice.body(&own_keys(), NOW);
    assert_eq!(
        post(&mut world, &own_keys().path(), TOKEN, &body).status,
        403
    );
}

#[test]
fn what_a_proxy_asserts_opens_nothing_and_must_fit_the_credential() {
    let mut world = World::new();
    let alice = world.client(ALICE);
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let table = [
        (Credential::None, names(&[ALICE]), 401),
        (Credential::Bearer("worse"), names(&[ALICE]), 401),
        (TOKEN, names(&[BOB]), 403),
        (TOKEN, names(&[]), 403),
        (Credential::Certificate("CN=pf"), names(&[ALICE]), 403),
    ];
    for (credential, asserted, status) in table {
        let answer = world.ask_vouched(&alice, &own_keys(), credential, &asserted);
        assert_eq!(answer.status, status, "{asserted:?}");
        nothing_issued(&world, &answer);
    }
    let asserted = names(&[BOB, ALICE]);
    let answer = world.ask_vouched(&alice, &own_keys(), TOKEN, &asserted);
    assert_eq!(answer.status, 200);
}

#[test]
fn a_request_altered_in_any_octet_is_refused() {
    let mut world = World::new();
    let alice = world.client(ALICE);
    let body = alice.body(&Resource::Init, NOW);
    let mut statuses = std::collections::BTreeMap::new();
    for place in 0..body.len() {
        let mut octets = body.clone().into_bytes();
        octets[place] ^= 1;
        let answer = world.post(&Resource::Init.path(), TOKEN, &octets);
        assert!(
            matches!(answer.status, 400 | 403),
            "octet {place}: {}",
            answer.status
        );
        *statuses.entry(answer.status).or_insert(0) += 1;
        nothing_issued(&world, &answer);
    }
    println!("{} altered requests refused: {statuses:?}", body.len());
    assert_eq!(
        world
            .post(&Resource::Init.path(), TOKEN, body.as_bytes())
            .status,
        200
    );
}

#[test]
fn a_request_is_good_once_and_now() {
    let mut world = World::new();
    let alice = world.client(ALICE);
    let body = alice.body(&own_keys(), NOW);
    assert_eq!(
        world
            .post(&own_keys().path(), TOKEN, body.as_bytes())
            .status,
        200
    );
    assert_eq!(
        post(&mut world, &own_keys().path(), TOKEN, &body).status,
        400
    );
    world.now = UnixTime(NOW.0 + 300);
    assert_eq!(
        post(&mut world, &own_keys().path(), TOKEN, &body).status,
        400,
        "remembered as long as its time is good"
    );
    for time in [NOW.0 + 300 + 301, NOW.0 + 300 - 301] {
        let body = alice.body(&own_keys(), UnixTime(time));
        assert_eq!(
            post(&mut world, &own_keys().path(), TOKEN, &body).status,
            400
        );
    }
    let edge = alice.body(&own_keys(), UnixTime(NOW.0 + 600));
    assert_eq!(
        world
            .post(&own_keys().path(), TOKEN, edge.as_bytes())
            .status,
        200
    );
}

#[test]
fn a_request_for_another_url_or_kms_is_refused() {
    let mut world = World::new();
    let alice = world.client(ALICE);
    let body = alice.body(&own_keys(), NOW);
    assert_eq!(
        post(&mut world, &Resource::CertCache(None).path(), TOKEN, &body).status,
        400
    );
    let mut lost = world.client(ALICE);
    lost.who.kms_uri = KmsUri::new("kms.other.example").unwrap();
    let body = lost.body(&own_keys(), NOW);
    assert_eq!(
        post(&mut world, &own_keys().path(), TOKEN, &body).status,
        400
    );
    // Only at /init a wrong spelling is tolerated; the answer tells the right one.
    let answer = world.ask(&lost, &Resource::Init);
    let KmsAnswer::Init { certificate, .. } = lost.open(&answer, &Resource::Init, NOW).unwrap()
    else {
        panic!()
    };
    assert_eq!(certificate.kms_uri.as_str(), "kms.example.org");
}

#[test]
fn periods_that_are_not_issued_now_are_refused() {
    let mut world = World::new();
    let alice = world.client(ALICE);
    for seconds in [NOW.0 - PERIOD, NOW.0 + 2 * PERIOD] {
        let resource = Resource::KeyProvAt(ALICE.into(), UnixTime(seconds).to_ntp());
        assert_eq!(refused(&mut world, &alice, &resource).0, 400);
    }
    let resource = Resource::KeyProvAt(
        ALICE.into(),
        NtpTime {
            seconds: 0,
            fraction: 0,
        },
    );
    let answer = world.ask(&alice, &resource);
    assert_eq!(answer.status, 400);
}

#[test]
fn other_methods_paths_and_sizes_are_refused() {
    let mut world = World::new();
    let alice = world.client(ALICE);
    let body = alice.body(&own_keys(), NOW);
    let path = own_keys().path();
    let request = HttpRequest {
        method: Method::Other,
        path: &path,
        host: None,
        channel: Channel::Direct,
        credential: TOKEN,
        asserted: None,
        body: body.as_bytes(),
    };
    let answer = world.kms.handle(&request, NOW);
    assert_eq!(
        (answer.status, header(&answer, "Allow")),
        (405, Some("POST"))
    );
    nothing_issued(&world, &answer);
    assert_eq!(
        post(
            &mut world,
            "/keymanagement/identity/v1/lookup/a/b",
            TOKEN,
            &body
        )
        .status,
        404
    );
    assert_eq!(
        post(&mut world, &path, TOKEN, &" ".repeat(70_000)).status,
        413
    );
}

#[test]
fn what_is_no_request_is_refused() {
    let mut world = World::new();
    let path = own_keys().path();
    let doctype =
        "<!DOCTYPE a [<!ENTITY b 'c'>]><KmsRequest xmlns='urn:3gpp:ns:mcsecKMSInterface:1.0'/>";
    for body in [
        "",
        "<a/>",
        doctype,
        "<KmsRequest xmlns='urn:3gpp:ns:mcsecKMSInterface:1.0'/>",
        "<KmsRequest>",
        "\u{1}",
    ] {
        assert_eq!(post(&mut world, &path, TOKEN, body).status, 400, "{body}");
    }
}

#[test]
fn users_without_account_are_served_only_by_policy_and_only_inside_tls() {
    let carol = "sip:carol@mcptt.example.org";
    let resource = Resource::KeyProv(carol.into());
    let mut world = World::new();
    let mut client = world.client(ALICE);
    (client.who.user_uri, client.keys, client.credential) =
        (carol.into(), ClientKeys::default(), format!("good:{carol}"));
    assert_eq!(refused(&mut world, &client, &resource).0, 404);
    let config = KmsConfig {
        unprovisioned_users: UnprovisionedUsers::ClearInsideTls,
        ..KmsConfig::default()
    };
    let mut open = World::with(config, None);
    let answer = open.ask(&client, &resource);
    let clear = ClientPolicy {
        key_transport: KeyTransport::ClearInsideTls,
        dialect: Dialect::Standard,
    };
    let opened = client
        .who
        .open_response(
            &answer.body,
            &resource,
            &common::url(&resource),
            &client.keys,
            clear,
            NOW,
        )
        .unwrap();
    assert!(matches!(opened, KmsAnswer::KeyProv { key_sets, .. } if key_sets.len() == 1));
    assert!(
        client.open(&answer, &resource, NOW).is_err(),
        "a client that wants wrapped keys takes none in clear"
    );
}

#[test]
fn nothing_is_released_when_the_audit_log_cannot_be_written() {
    let mut world = World::with(KmsConfig::default(), Some(Arc::new(BrokenAudit)));
    let alice = world.client(ALICE);
    let answer = world.ask(&alice, &own_keys());
    assert_eq!(
        (answer.status, header(&answer, "Retry-After")),
        (503, Some("5"))
    );
    let text = String::from_utf8(answer.body.clone()).unwrap();
    assert!(!text.contains("KmsKeySet") && !text.contains("disk full"));
    assert!(matches!(
        alice.open(&answer, &own_keys(), NOW),
        Ok(KmsAnswer::Refused(_))
    ));
}

#[test]
fn the_real_token_verifier_is_a_port_of_the_kms() {
    fn is_port<T: TokenVerifier>() {}
    is_port::<roger_oidc::AccessTokenVerifier>();
}

/// Stores and sources that fail where a test says so.
struct Failing {
    inner: Arc<roger_kms::memory::MemoryRepository>,
    place: &'static str,
}

impl Failing {
    fn fail(&self, place: &str) -> Result<(), StoreError> {
        if self.place == place {
            Err(StoreError("connection lost".into()))
        } else {
            Ok(())
        }
    }
}

impl KeyRepository for Failing {
    fn account(&self, user_uri: &str) -> Result<Option<KeyAccount>, StoreError> {
        self.fail("account")?;
        self.inner.account(user_uri)
    }
    fn account_of_certificate(&self, certificate: &str) -> Result<Option<KeyAccount>, StoreError> {
        self.inner.account_of_certificate(certificate)
    }
    fn replace_account(&self, from: &KeyAccount, to: &KeyAccount) -> Result<bool, StoreError> {
        if self.place == "conflict" {
            return Ok(false);
        }
        self.inner.replace_account(from, to)
    }
    fn remember_request(
        &self,
        digest: &[u8; 32],
        until: UnixTime,
        now: UnixTime,
    ) -> Result<bool, StoreError> {
        self.fail("remember")?;
        self.inner.remember_request(digest, until, now)
    }
    fn is_revoked(&self, identity: &str, period: u64) -> Result<bool, StoreError> {
        self.fail("revoked")?;
        self.inner.is_revoked(identity, period)
    }
    fn domains_of(&self, user_uri: &str) -> Result<Vec<KmsUri>, StoreError> {
        self.fail("domains")?;
        self.inner.domains_of(user_uri)
    }
    fn keep_redirects(&self, from: &str, list: &KrrList, now: UnixTime) -> Result<(), StoreError> {
        self.fail("redirects")?;
        self.inner.keep_redirects(from, list, now)
    }
    fn external_certificates(&self) -> Result<(u64, Vec<KmsCertificate>), StoreError> {
        self.fail("certificates")?;
        self.inner.external_certificates()
    }
}

fn failing(place: &'static str) -> World {
    let world = World::new();
    let inner = world.repository.clone();
    let repository: Arc<dyn KeyRepository> = Arc::new(Failing { inner, place });
    world.with_repository(repository)
}

#[test]
fn a_store_that_fails_issues_nothing_and_says_come_back() {
    for (place, resource) in [
        ("account", own_keys()),
        ("remember", own_keys()),
        ("revoked", own_keys()),
        ("domains", Resource::Lookup(ALICE.into())),
        ("redirects", Resource::Redirect(krr_list())),
        ("certificates", Resource::CertCache(None)),
    ] {
        let mut world = failing(place);
        let alice = world.client(ALICE);
        let answer = world.ask(&alice, &resource);
        assert_eq!(
            (answer.status, header(&answer, "Retry-After")),
            (503, Some("5")),
            "{place}"
        );
        nothing_issued(&world, &answer);
        assert!(
            !String::from_utf8(answer.body)
                .unwrap()
                .contains("connection")
        );
    }
}

#[test]
fn two_requests_that_change_an_account_at_once_do_not_both_win() {
    let mut world = failing("conflict");
    let mut account = world.account(ALICE);
    account.order_renewal(&mut world.random).unwrap();
    world.repository.put_account(account).unwrap();
    let mut alice = world.client(ALICE);
    let KmsAnswer::Init { new_keys, .. } = world.answer(&alice, &Resource::Init) else {
        panic!()
    };
    alice.keys.adopt(new_keys);
    let answer = world.ask(&alice, &own_keys());
    assert_eq!(answer.status, 503);
    nothing_issued(&world, &answer);
}
