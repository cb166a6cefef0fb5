//! What TLS negotiates (TS 33.310 Annex E; X25519MLKEM768 first).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use roger_adapter_http::ServerLimits;
use roger_adapter_http::tls::provider;
use rstest::rstest;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{cipher_suite, kx_group};
use rustls::{
    ClientConfig, NamedGroup, ProtocolVersion, RootCertStore, SupportedCipherSuite,
    SupportedProtocolVersion,
};
use std::sync::Arc;
use std::time::Duration;
use support::{Bench, HOST};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

async fn connected(
    bench: &Bench,
    provider: Arc<CryptoProvider>,
    versions: &[&'static SupportedProtocolVersion],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(bench.ca.certificate().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(bench.server.address()).await?;
    TlsConnector::from(Arc::new(config))
        .connect(HOST.try_into().unwrap(), stream)
        .await
}

async fn negotiated(
    bench: &Bench,
    provider: Arc<CryptoProvider>,
    versions: &[&'static SupportedProtocolVersion],
) -> std::io::Result<(Option<ProtocolVersion>, Option<NamedGroup>)> {
    let stream = connected(bench, provider, versions).await?;
    let connection = stream.get_ref().1;
    Ok((
        connection.protocol_version(),
        connection
            .negotiated_key_exchange_group()
            .map(|group| group.name()),
    ))
}

fn only(
    group: &'static dyn rustls::crypto::SupportedKxGroup,
    suites: &[SupportedCipherSuite],
) -> Arc<CryptoProvider> {
    let mut restricted = (*provider()).clone();
    restricted.kx_groups = vec![group];
    if !suites.is_empty() {
        restricted.cipher_suites = suites.to_vec();
    }
    Arc::new(restricted)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_us_agree_on_the_hybrid_group() {
    let bench = Bench::start().await;
    let agreed = negotiated(&bench, provider(), &[&rustls::version::TLS13])
        .await
        .unwrap();
    assert_eq!(
        agreed,
        (
            Some(ProtocolVersion::TLSv1_3),
            Some(NamedGroup::X25519MLKEM768)
        )
    );
}

#[rstest]
#[case(&rustls::version::TLS13, kx_group::X25519, NamedGroup::X25519)]
#[case(&rustls::version::TLS12, kx_group::SECP256R1, NamedGroup::secp256r1)]
#[case(&rustls::version::TLS12, kx_group::SECP384R1, NamedGroup::secp384r1)]
#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_it_is_served_by_the_classic_groups(
    #[case] version: &'static SupportedProtocolVersion,
    #[case] group: &'static dyn rustls::crypto::SupportedKxGroup,
    #[case] expected: NamedGroup,
) {
    let bench = Bench::start().await;
    let agreed = negotiated(&bench, only(group, &[]), &[version])
        .await
        .unwrap();
    assert_eq!(agreed, (Some(version.version), Some(expected)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_nothing_in_common_is_refused() {
    let bench = Bench::start().await;
    // The server's certificate is ECDSA, so a TLS 1.2 client that only knows RSA suites has no suite in common.
    let rsa_only = [cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256];
    let client = only(kx_group::X25519, &rsa_only);
    assert!(
        negotiated(&bench, client, &[&rustls::version::TLS12])
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_never_ends_is_dropped() {
    let limits = ServerLimits {
        head: Duration::from_millis(200),
        ..ServerLimits::default()
    };
    let bench = Bench::start_with(limits, None).await;
    for octets in [&b""[..], b"GET / HTTP/1.1\r\nX: y"] {
        let mut stream = connected(&bench, provider(), &[&rustls::version::TLS13])
            .await
            .unwrap();
        stream.write_all(octets).await.unwrap();
        let mut answer = Vec::new();
        let ended =
            tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
        assert!(ended.is_ok(), "the connection was held open");
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"),
            "{answer:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_large_is_refused() {
    let bench = Bench::start().await;
    let mut stream = connected(&bench, provider(), &[&rustls::version::TLS13])
        .await
        .unwrap();
    let head = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(64 * 1024));
    // The server may close while the client is still sending.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"),
        "{answer:?}"
    );
}
