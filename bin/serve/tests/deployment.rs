//! A deployment with real files, TLS and database: from log-in to keys, certificates replaced, and its end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use roger_adapter_http::{Clock as _, DevelopmentCa, IdmClientError, OsRandom, SystemClock};
use roger_base::KmsUri;
use roger_config::{Role, TrustedIssuer};
use roger_documents::kms::MEDIA_TYPE;
use roger_documents::kms_client::{
    ClientKeys, ClientPolicy, KmsAnswer, KmsClient, Resource as KmsResource,
};
use roger_idm::AuditAct;
use roger_kms::ports::KeyRepository as _;
use roger_oidc::client::Tokens;
use roger_oidc::provider::TokenAct;
use roger_oidc::{Amr, ScopeSet};
use roger_serve::{Deployment, ServeError};
use std::time::Duration;
use support::{ALICE, Bench, KMS, Provision};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn log_in(bench: &Bench) -> Result<Tokens, IdmClientError> {
    let client = bench.idm_client();
    let password = support::password();
    let scopes = ScopeSet::every_mcptt_scope();
    client
        .log_in(&scopes, "alice", &password, &mut OsRandom)
        .await
}

async fn ask(bench: &Bench, running: &Deployment, tokens: &Tokens) -> (u16, Option<KmsAnswer>) {
    let pair = bench
        .store
        .kms(&KmsUri::new(KMS).unwrap())
        .account(ALICE)
        .unwrap()
        .unwrap()
        .current
        .unwrap();
    let keys = ClientKeys {
        transport: vec![pair.transport],
        integrity: pair.integrity.into_iter().collect(),
    };
    let who = KmsClient {
        user_uri: ALICE.to_owned(),
        kms_uri: KmsUri::new(KMS).unwrap(),
        client_id: None,
        device_id: None,
    };
    let resource = KmsResource::Init;
    let port = support::address(running, "kms").port();
    let url = format!("https://{KMS}:{port}{}", resource.path());
    let body = who.request(&url, &keys, SystemClock.now()).unwrap();
    let answer = bench
        .http()
        .post(
            &url,
            Some(&tokens.access_token),
            MEDIA_TYPE,
            body.into_bytes(),
        )
        .await
        .unwrap();
    let (policy, now) = (ClientPolicy::STANDARD, SystemClock.now());
    let opened = who.open_response(answer.body.expose(), &resource, &url, &keys, policy, now);
    (answer.status.as_u16(), opened.ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_logs_in_and_gets_the_certificate_of_the_kms() {
    gets_the_certificate(&Bench::new(Provision::Everything)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_logs_in_and_gets_the_certificate_with_the_database_on_postgres() {
    if let Some(bench) = Bench::on_postgres(Provision::Everything) {
        gets_the_certificate(&bench).await;
    }
}

/// Not ready while it is away; a log-in works as soon as it is back, without a restart of the servers.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_and_comes_back_is_noticed() {
    let Some(bench) = Bench::on_postgres(Provision::Everything) else {
        return;
    };
    let running = bench.start().await.unwrap();
    bench.server().stop("fast");
    let (status, text) = support::manage(&running, "/healthz").await;
    assert_eq!((status, text.as_str()), (503, "store failed\naudit ok\n"));
    let (_, text) = support::manage(&running, "/metrics").await;
    assert!(text.contains("roger_store_errors_total 1"), "{text}");
    bench.server().start();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while support::manage(&running, "/healthz").await.0 != 200 {
        assert!(tokio::time::Instant::now() < deadline, "it stays not ready");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let tokens = log_in(&bench).await.unwrap();
    assert_eq!(ask(&bench, &running, &tokens).await.0, 200);
    running.stop().await;
}

async fn gets_the_certificate(bench: &Bench) {
    let running = bench.start().await.unwrap();
    let tokens = log_in(bench).await.unwrap();
    let account = format!("{}/account", bench.config.idm.as_ref().unwrap().issuer);
    let page = bench.http().get(&account, None, &[]).await.unwrap();
    let page = String::from_utf8_lossy(page.body.expose()).into_owned();
    assert!(page.contains("Sign in with a passkey"), "{page}");
    let recorded = bench.acts();
    assert_eq!(
        recorded,
        [
            AuditAct::LogIn(Amr::Password),
            AuditAct::Token(TokenAct::Issued)
        ]
    );
    let answer = ask(bench, &running, &tokens).await;
    assert!(matches!(answer, (200, Some(KmsAnswer::Init { .. }))));
    assert!(bench.audited() > 0, "nothing was audited");
    let (status, text) = support::manage(&running, "/healthz").await;
    assert_eq!((status, text.as_str()), (200, "store ok\naudit ok\n"));
    let (_, text) = support::manage(&running, "/metrics").await;
    for part in [
        "server=\"kms\",route=\"/keymanagement/identity/v1/init\",status=\"200\"",
        "server=\"idm\",route=\"/oauth2/token\",status=\"200\"",
        "group=\"X25519MLKEM768\"",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert!(!text.contains("alice"), "{text}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_audit_log_no_keys_and_no_tokens_are_given_and_the_server_is_not_ready() {
    let bench = Bench::new(Provision::Everything);
    let running = bench.start().await.unwrap();
    let tokens = log_in(&bench).await.unwrap();
    bench.break_audit();
    assert!(log_in(&bench).await.is_err());
    let (status, answer) = ask(&bench, &running, &tokens).await;
    assert!(status >= 500, "{status}");
    assert!(!matches!(answer, Some(KmsAnswer::Init { .. })));
    let (status, text) = support::manage(&running, "/healthz").await;
    assert_eq!((status, text.as_str()), (503, "store ok\naudit failed\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_with_the_command_that_makes_it() {
    let refused = |provision| async move {
        let error = Bench::new(provision).start().await.err().unwrap();
        (error.to_string(), error)
    };
    let (text, error) = refused(Provision::Nothing).await;
    assert!(matches!(error, ServeError::LocalNoDatabase(_)), "{text}");
    assert!(text.contains("`roger admin init`"), "{text}");
    let (text, error) = refused(Provision::Database).await;
    assert!(matches!(error, ServeError::LocalNoUser), "{text}");
    assert!(text.contains("`roger admin user add`"), "{text}");
    let (text, error) = refused(Provision::Users).await;
    assert!(matches!(error, ServeError::LocalNoMaster(_)), "{text}");
    assert!(text.contains("`roger admin kms create-master`"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_key_periods_than_those_of_the_master_secrets_are_refused() {
    let mut bench = Bench::new(Provision::Everything);
    bench.config.kms.as_mut().unwrap().key_period_seconds = 86_401;
    let error = bench.start().await.err().unwrap().to_string();
    assert!(error.contains("periods of 86400 seconds"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_key_is_refused() {
    let bench = Bench::new(Provision::Everything);
    let mut plugged = bench.plugged();
    plugged.store_key = support::another_key();
    let error = Deployment::start(bench.config.clone(), plugged).await.err();
    assert!(matches!(
        error,
        Some(ServeError::LocalStore(
            roger_adapter_store::StoreFault::LocalWrongKey
        ))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_taken_when_told() {
    let bench = Bench::new(Provision::Everything);
    let running = bench.start().await.unwrap();
    let before = bench.certificate(&running, "idm").await;
    bench.renew_certificates();
    running.reload_certificates();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while bench.certificate(&running, "idm").await == before {
        assert!(tokio::time::Instant::now() < deadline, "it was not taken");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let tokens = log_in(&bench).await.unwrap();
    assert_eq!(ask(&bench, &running, &tokens).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_is_finished_at_the_end_and_nothing_new_begins() {
    let bench = Bench::new(Provision::Everything);
    let running = bench.start().await.unwrap();
    let address = support::address(&running, "idm");
    let mut stream = bench.connect(&running, "idm").await;
    let head = "POST /oauth2/token HTTP/1.1\r\nHost: idm\r\nContent-Length: 5\r\n\
                Content-Type: application/x-www-form-urlencoded\r\n\r\na=";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    // The request is under way when its head is read; only then the end shall come.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let ending = tokio::spawn(running.stop());
    while TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stream.write_all(b"bcd").await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    ending.await.unwrap();
}

/// The KMS is a process of its own: it asks the IdM server for its keys, and again when they have changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_kms_apart_asks_the_idm_server_for_its_keys() {
    let bench = Bench::new(Provision::Everything);
    let idm = Deployment::start(bench.config_of(Role::Idm), bench.plugged());
    let idm = idm.await.unwrap();
    let tokens = log_in(&bench).await.unwrap();
    let port = bench.config.idm.as_ref().unwrap().listen.port();
    let mut config = bench.config_of(Role::Kms);
    let kms = config.kms.as_mut().unwrap();
    kms.trusted_issuers = vec![TrustedIssuer {
        issuer: bench.config.idm.as_ref().unwrap().issuer.clone(),
        keys_file: None,
        keys_uri: Some(format!("https://localhost:{port}/oauth2/jwks")),
        authority: Some(bench.path().join("ca.pem")),
    }];
    let running = Deployment::start(config.clone(), bench.plugged());
    let running = running.await.unwrap();
    assert_eq!(ask(&bench, &running, &tokens).await.0, 200);
    running.stop().await;

    // Another authority: what answers there is nobody that this KMS believes.
    let other = DevelopmentCa::generate(SystemClock.now()).unwrap();
    std::fs::write(bench.path().join("other.pem"), other.certificate_pem()).unwrap();
    let kms = config.kms.as_mut().unwrap();
    kms.trusted_issuers[0].authority = Some(bench.path().join("other.pem"));
    let running = Deployment::start(config, bench.plugged());
    let running = running.await.unwrap();
    assert_eq!(ask(&bench, &running, &tokens).await.0, 401);
    running.stop().await;
    idm.stop().await;
}
