//! Resumption, client certificates, and certificates replaced while the server runs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

#[path = "support/small.rs"]
#[allow(dead_code, unreachable_pub)]
mod small;

use roger_adapter_http::{
    ClientCertificateFiles, ClientCertificates, Clock as _, DevelopmentCa, Reload, ServerIdentity,
    ServerOptions, ServerTls, SystemClock, TlsFileError, TlsFiles, WatchedTls, service,
};
use rstest::rstest;
use rustls::{ClientConfig, HandshakeKind, NamedGroup};
use small::{Counts, Small, own};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

const REQUEST: &[u8] = b"GET /x HTTP/1.1\r\nHost: kms.example.org\r\n\r\n";

/// Asks once, so that tickets which follow the handshake have arrived.
async fn asked(stream: &mut TlsStream<TcpStream>) -> std::io::Result<String> {
    stream.write_all(REQUEST).await?;
    let mut octets = [0; 4096];
    let read = stream.read(&mut octets).await?;
    Ok(String::from_utf8_lossy(&octets[..read]).into_owned())
}

async fn visit(bench: &Small, config: &Arc<ClientConfig>) -> (HandshakeKind, Option<NamedGroup>) {
    let mut stream = bench.connect(config).await.unwrap();
    assert!(
        asked(&mut stream)
            .await
            .unwrap()
            .starts_with("HTTP/1.1 200")
    );
    let session = stream.get_ref().1;
    assert!(!session.is_early_data_accepted());
    (
        session.handshake_kind().unwrap(),
        session
            .negotiated_key_exchange_group()
            .map(|group| group.name()),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_session_has_a_fresh_hybrid_exchange_and_no_early_data() {
    let bench = Small::start(ServerOptions::default()).await;
    let mut config = bench.config(&[], None);
    config.enable_early_data = true;
    let config = Arc::new(config);
    let hybrid = Some(NamedGroup::X25519MLKEM768);
    assert_eq!(visit(&bench, &config).await, (HandshakeKind::Full, hybrid));
    assert_eq!(
        visit(&bench, &config).await,
        (HandshakeKind::Resumed, hybrid)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_for_certificates_resumes_nothing() {
    let bench = Small::asking_for_certificates(|ca| {
        ClientCertificates::Accepted(vec![ca.certificate().clone()])
    })
    .await;
    let config = Arc::new(bench.config(&[], Some(own(&bench.ca))));
    for _ in 0..2 {
        assert_eq!(visit(&bench, &config).await.0, HandshakeKind::Full);
    }
}

#[rstest]
#[case::none(|_: &DevelopmentCa| ClientCertificates::None, true, true, true)]
#[case::accepted(|ca: &DevelopmentCa| ClientCertificates::Accepted(vec![ca.certificate().clone()]), true, true, false)]
#[case::required(|ca: &DevelopmentCa| ClientCertificates::Required(vec![ca.certificate().clone()]), false, true, false)]
#[tokio::test(flavor = "multi_thread")]
async fn client_certificates_are_asked_for_as_set(
    #[case] clients: fn(&DevelopmentCa) -> ClientCertificates,
    #[case] without: bool,
    #[case] with_known: bool,
    #[case] with_foreign: bool,
) {
    let bench = Small::asking_for_certificates(clients).await;
    let served = async |own: Option<ServerIdentity>| {
        let config = Arc::new(bench.config(&[], own));
        match bench.connect(&config).await {
            // In TLS 1.3 the client learns of a refusal only after its own handshake.
            Ok(mut stream) => asked(&mut stream)
                .await
                .is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")),
            Err(_) => false,
        }
    };
    let foreign = DevelopmentCa::generate(SystemClock.now()).unwrap();
    assert_eq!(served(None).await, without);
    assert_eq!(served(Some(own(&bench.ca))).await, with_known);
    assert_eq!(served(Some(own(&foreign))).await, with_foreign);
}

fn pem(tag: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {tag}-----\n{text}\n-----END {tag}-----\n")
}

fn write(folder: &Path, identity: &ServerIdentity) -> TlsFiles {
    let (certificate, key) = (folder.join("chain.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, pem("CERTIFICATE", &identity.chain[0])).unwrap();
    std::fs::write(&key, pem("PRIVATE KEY", identity.key.secret_der())).unwrap();
    TlsFiles {
        certificate,
        key,
        clients: ClientCertificateFiles::None,
    }
}

async fn certificate_of(bench: &Small) -> Vec<u8> {
    let stream = bench
        .connect(&Arc::new(bench.config(&[], None)))
        .await
        .unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

async fn watched(folder: &Path) -> (Small, Arc<WatchedTls>, ServerIdentity) {
    let ca = DevelopmentCa::generate(SystemClock.now()).unwrap();
    let first = own(&ca);
    let watched = Arc::new(WatchedTls::open(write(folder, &first)).unwrap());
    let router = service::mount(Arc::new(Counts));
    let bench = Small::start_tls(ServerOptions::default(), ca, watched.tls(), router).await;
    (bench, watched, first)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_holds_for_new_connections_and_drops_none() {
    let folder = tempfile::tempdir().unwrap();
    let (bench, watched, first) = watched(folder.path()).await;
    let config = Arc::new(bench.config(&[], None));
    let mut open = bench.connect(&config).await.unwrap();
    assert!(asked(&mut open).await.unwrap().starts_with("HTTP/1.1 200"));
    assert_eq!(watched.reload(), Ok(Reload::Unchanged));
    assert_eq!(certificate_of(&bench).await, first.chain[0].to_vec());

    let second = own(&bench.ca);
    write(folder.path(), &second);
    assert_eq!(watched.reload(), Ok(Reload::Replaced));
    assert_eq!(certificate_of(&bench).await, second.chain[0].to_vec());
    assert!(asked(&mut open).await.unwrap().starts_with("HTTP/1.1 200"));
    // What was negotiated under the old certificate is not resumed.
    assert_eq!(visit(&bench, &config).await.0, HandshakeKind::Full);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_be_used_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (bench, watched, first) = watched(folder.path()).await;
    let second = own(&bench.ca);
    let (chain, key) = (
        folder.path().join("chain.pem"),
        folder.path().join("key.pem"),
    );

    // The certificate is already the new one, the key still the old one.
    std::fs::write(&chain, pem("CERTIFICATE", &second.chain[0])).unwrap();
    let refused = watched.reload().unwrap_err();
    assert!(
        matches!(refused, TlsFileError::LocalContent { .. }),
        "{refused}"
    );
    std::fs::write(&key, "not a key").unwrap();
    let refused = watched.reload().unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("{}: the PEM file has no private key", key.display())
    );
    std::fs::remove_file(&key).unwrap();
    assert!(matches!(
        watched.reload(),
        Err(TlsFileError::LocalFile { .. })
    ));
    std::fs::write(&key, vec![b' '; 1024 * 1024 + 1]).unwrap();
    assert!(watched.reload().is_err());
    assert_eq!(certificate_of(&bench).await, first.chain[0].to_vec());

    write(folder.path(), &second);
    assert_eq!(watched.reload(), Ok(Reload::Replaced));
    assert_eq!(certificate_of(&bench).await, second.chain[0].to_vec());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_read_again_when_told_and_by_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let (bench, watched, _) = watched(folder.path()).await;
    for (every, tell) in [
        (Duration::from_secs(3600), true),
        (Duration::from_millis(20), false),
    ] {
        let (heard, mut hear) = mpsc::unbounded_channel();
        let (now, end) = (Arc::new(Notify::new()), CancellationToken::new());
        let following = tokio::spawn(watched.clone().follow(
            every,
            now.clone(),
            end.clone(),
            move |result| heard.send(result.clone()).unwrap(),
        ));
        let next = own(&bench.ca);
        // Between the two files there may be a complaint, which is heard and passes.
        write(folder.path(), &next);
        if tell {
            now.notify_one();
        }
        let deadline = Duration::from_secs(20);
        while tokio::time::timeout(deadline, hear.recv())
            .await
            .unwrap()
            .unwrap()
            != Ok(Reload::Replaced)
        {}
        assert_eq!(certificate_of(&bench).await, next.chain[0].to_vec());
        end.cancel();
        following.await.unwrap();
    }
}

#[test]
fn a_certificate_that_does_not_fit_its_key_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let ca = DevelopmentCa::generate(SystemClock.now()).unwrap();
    let mut mixed = own(&ca);
    mixed.key = own(&ca).key;
    assert!(WatchedTls::open(write(folder.path(), &mixed)).is_err());
    assert!(ServerTls::new(mixed).is_err());
}
