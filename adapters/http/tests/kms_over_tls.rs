//! From the log-in to validated keys: IdM and KMS over TLS, the KMS on the SQLite store.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

#[path = "support/kms.rs"]
mod kms_bench;
mod support;

use http::HeaderName;
use http::header::AUTHORIZATION;
use kms_bench::{ALICE, BOB, Bench, HOST, PF, PROXY, domain, issued};
use roger_adapter_http::{ClientTls, Clock as _, HttpsClient, OsRandom, SystemClock};
use roger_base::KmsUri;
use roger_documents::kms_client::{ClientKeys, KmsAnswer, KmsClient, Resource as KmsResource};
use roger_ibc::UserKeySet;
use roger_kms::KeyAccount;
use roger_oidc::{AccessToken, Resource, ScopeSet};

const ASSERTED: HeaderName = HeaderName::from_static("x-3gpp-asserted-identity");
const CAROL: &str = "sip:carol@mcptt.example.org";

#[tokio::test(flavor = "multi_thread")]
async fn a_user_logs_in_and_gets_keys_that_validate() {
    let bench = Bench::start().await;
    let token = bench.token("alice", &ScopeSet::every_mcptt_scope()).await;
    let (answer, init) = bench
        .ask(&bench.http, ALICE, Some(&token), &KmsResource::Init)
        .await;
    assert_eq!(answer.status, 200);
    let domain = domain(init.unwrap());
    let own = KmsResource::KeyProv(ALICE.to_owned());
    let (answer, keys) = bench.ask(&bench.http, ALICE, Some(&token), &own).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let Some(KmsAnswer::KeyProv { key_sets, .. }) = keys else {
        panic!("no keys")
    };
    assert!(UserKeySet::validate(&domain, &issued(&key_sets[0])).is_ok());
    let audit = bench.store.audit_entries(0, 10).unwrap();
    assert!(
        audit
            .iter()
            .any(|(_, entry)| entry.released.iter().any(|(user, _)| user == ALICE))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_alice_gives_nobody_the_keys_of_bob() {
    let bench = Bench::start().await;
    let alice = bench.token("alice", &ScopeSet::every_mcptt_scope()).await;
    let bobs = KmsResource::KeyProv(BOB.to_owned());
    // Alice asks for Bob's keys in her own name, then signs in his name with a stolen InK.
    let (answer, keys) = bench.ask(&bench.http, ALICE, Some(&alice), &bobs).await;
    assert_eq!(answer.status, 403);
    assert!(!matches!(keys, Some(KmsAnswer::KeyProv { .. })));
    let (answer, keys) = bench.ask(&bench.http, BOB, Some(&alice), &bobs).await;
    assert_eq!(answer.status, 403);
    assert!(!matches!(keys, Some(KmsAnswer::KeyProv { .. })));
    let audit = bench.store.audit_entries(0, 10).unwrap();
    assert!(audit.iter().all(|(_, entry)| entry.released.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_good_token_for_the_kms_there_are_no_keys() {
    let bench = Bench::start().await;
    let own = KmsResource::KeyProv(ALICE.to_owned());
    let (answer, _) = bench.ask(&bench.http, ALICE, None, &own).await;
    assert_eq!(answer.status, 401);
    assert!(
        answer.headers["www-authenticate"]
            .to_str()
            .unwrap()
            .starts_with("Bearer")
    );

    let forged = AccessToken::new("eyJhbGciOiJub25lIn0.e30.").unwrap();
    let (answer, _) = bench.ask(&bench.http, ALICE, Some(&forged), &own).await;
    assert_eq!(answer.status, 401);
    assert!(
        answer.headers["www-authenticate"]
            .to_str()
            .unwrap()
            .contains("invalid_token")
    );

    let other = ScopeSet::parse(&format!("openid {}", Resource::McpttServer.scope())).unwrap();
    let other = bench.token("alice", &other).await;
    let (answer, _) = bench.ask(&bench.http, ALICE, Some(&other), &own).await;
    assert_eq!(answer.status, 403);
    assert!(
        answer.headers["www-authenticate"]
            .to_str()
            .unwrap()
            .contains("insufficient_scope")
    );

    let good = bench.token("alice", &ScopeSet::every_mcptt_scope()).await;
    let answer = bench
        .http
        .get(&bench.url(&own.path()), Some(&good), &[])
        .await
        .unwrap();
    assert_eq!(answer.status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_known_by_its_certificate() {
    let bench = Bench::start().await;
    let authority = [bench.idm.ca.certificate().clone()];
    let now = SystemClock.now();
    let client = |name: &str| {
        let own = bench.idm.ca.issue(&[name], now).unwrap();
        let tls = ClientTls::with_identity(&authority, own).unwrap();
        HttpsClient::new(tls, &[(HOST, bench.server.address())]).unwrap()
    };
    let own = KmsResource::KeyProv(PF.to_owned());
    let (answer, keys) = bench
        .ask(&client("pf.mcptt.example.org"), PF, None, &own)
        .await;
    assert_eq!(answer.status, 200);
    assert!(matches!(keys, Some(KmsAnswer::KeyProv { .. })));
    let (answer, keys) = bench
        .ask(&client("other.mcptt.example.org"), PF, None, &own)
        .await;
    assert!(
        answer.status == 401 || answer.status == 403,
        "{}",
        answer.status
    );
    assert!(keys.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn through_a_trusted_proxy_no_private_key_goes_in_clear_and_its_certificate_opens_nothing() {
    let bench = Bench::start().await;
    let authority = [bench.idm.ca.certificate().clone()];
    let own = bench.idm.ca.issue(&[PROXY], SystemClock.now()).unwrap();
    let tls = ClientTls::with_identity(&authority, own).unwrap();
    let proxy = HttpsClient::new(tls, &[(HOST, bench.server.address())]).unwrap();
    // A server's account of the proxy's name: the proxy's certificate does not open it.
    let mut server = KeyAccount::provision(CAROL, &mut OsRandom).unwrap();
    server.certificate = Some(PROXY.to_owned());
    bench.store.put_key_account(&server).unwrap();
    let carols = KmsResource::KeyProv(CAROL.to_owned());
    let (answer, _) = bench.ask(&proxy, CAROL, None, &carols).await;
    assert_eq!(answer.status, 401);
    // Alice's keys are wrapped: they may pass.
    let token = bench.token("alice", &ScopeSet::every_mcptt_scope()).await;
    let own = KmsResource::KeyProv(ALICE.to_owned());
    let (answer, keys) = bench.ask(&proxy, ALICE, Some(&token), &own).await;
    assert_eq!(answer.status, 200);
    assert!(matches!(keys, Some(KmsAnswer::KeyProv { .. })));
    // Without a TrK they would be in clear: directly yes, through the proxy no.
    bench
        .store
        .put_key_account(&KeyAccount::unprotected(ALICE))
        .unwrap();
    let who = KmsClient {
        user_uri: ALICE.to_owned(),
        kms_uri: KmsUri::new(HOST).unwrap(),
        client_id: None,
        device_id: None,
    };
    let url = bench.url(&own.path());
    let body = who
        .request(&url, &ClientKeys::default(), SystemClock.now())
        .unwrap();
    for (client, status) in [(&bench.http, 200), (&proxy, 403)] {
        let answer = client
            .post(
                &url,
                Some(&token),
                "application/xml",
                body.clone().into_bytes(),
            )
            .await
            .unwrap();
        assert_eq!(answer.status, status);
        let text = String::from_utf8(answer.body.expose().to_vec()).unwrap();
        assert_eq!(text.contains("UserDecryptKey"), status == 200);
        assert_eq!(text.contains("KmsError"), status == 403);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_proxy_asserts_must_fit_the_token_and_from_others_it_is_nothing() {
    let bench = Bench::start().await;
    let authority = [bench.idm.ca.certificate().clone()];
    let own = bench.idm.ca.issue(&[PROXY], SystemClock.now()).unwrap();
    let tls = ClientTls::with_identity(&authority, own).unwrap();
    let proxy = HttpsClient::new(tls, &[(HOST, bench.server.address())]).unwrap();
    let token = bench.token("alice", &ScopeSet::every_mcptt_scope()).await;
    let resource = KmsResource::KeyProv(ALICE.to_owned());
    let url = bench.url(&resource.path());
    let (alice, bob) = (format!("\"{ALICE}\""), format!("\"{BOB}\""));
    let table = [
        (&proxy, Some(&token), &alice, 200),
        (&proxy, Some(&token), &bob, 403),
        (&proxy, None, &alice, 401),
        // No proxy: who writes the field himself gains and loses nothing.
        (&bench.http, Some(&token), &bob, 200),
        (&bench.http, None, &alice, 401),
    ];
    for (number, (client, token, asserted, status)) in table.into_iter().enumerate() {
        let (mut who, keys) = bench.client(ALICE);
        who.device_id = Some(format!("device-{number}"));
        let body = who.request(&url, &keys, SystemClock.now()).unwrap();
        let bearer = token.map(|token| format!("Bearer {}", token.expose()));
        let bearer = bearer.iter().map(|text| (AUTHORIZATION, text.as_str()));
        let headers: Vec<_> = bearer.chain([(ASSERTED, asserted.as_str())]).collect();
        // The KMS takes a document by what it is, whatever type is said.
        let posted = client.post_form(&url, &headers, body.as_bytes());
        let answer = posted.await.unwrap();
        assert_eq!(answer.status, status, "{asserted}");
    }
}
