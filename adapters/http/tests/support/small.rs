//! A server that says what it was asked, with an authority of its own.

use http::StatusCode;
use roger_adapter_http::tls::provider;
use roger_adapter_http::{
    ClientCertificates, ClientTls, Clock as _, DevelopmentCa, HttpRequest, HttpResponse,
    HttpService, HttpsClient, HttpsServer, ServerIdentity, ServerOptions, ServerTls, SystemClock,
    service,
};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub const NAME: &str = "kms.example.org";

/// Answers 200 with the length of the body.
pub struct Counts;

impl HttpService for Counts {
    fn handle(&self, request: HttpRequest) -> HttpResponse {
        let text = request.body.len().to_string();
        HttpResponse::with_body(StatusCode::OK, "text/plain", text.into_bytes())
    }
}

pub struct Small {
    pub server: HttpsServer,
    pub tls: ServerTls,
    pub ca: DevelopmentCa,
}

impl Small {
    pub async fn start(options: ServerOptions) -> Self {
        Self::start_router(options, service::mount(Arc::new(Counts))).await
    }

    pub async fn start_router(options: ServerOptions, router: axum::Router) -> Self {
        let ca = DevelopmentCa::generate(SystemClock.now()).unwrap();
        let tls = ServerTls::new(own(&ca)).unwrap();
        Self::start_tls(options, ca, tls, router).await
    }

    pub async fn asking_for_certificates(
        clients: impl FnOnce(&DevelopmentCa) -> ClientCertificates,
    ) -> Self {
        let ca = DevelopmentCa::generate(SystemClock.now()).unwrap();
        let tls = ServerTls::with_client_certificates(own(&ca), &clients(&ca)).unwrap();
        let router = service::mount(Arc::new(Counts));
        Self::start_tls(ServerOptions::default(), ca, tls, router).await
    }

    pub async fn start_tls(
        options: ServerOptions,
        ca: DevelopmentCa,
        tls: ServerTls,
        router: axum::Router,
    ) -> Self {
        let any = "127.0.0.1:0".parse().unwrap();
        let server = HttpsServer::start_with(any, tls.clone(), router, options)
            .await
            .unwrap();
        Self { server, tls, ca }
    }

    pub fn url(&self) -> String {
        format!("https://{NAME}:{}/x", self.server.address().port())
    }

    pub fn client(&self) -> HttpsClient {
        let tls = ClientTls::new(&[self.ca.certificate().clone()]).unwrap();
        HttpsClient::new(tls, &[(NAME, self.server.address())]).unwrap()
    }

    /// A bare client's side of TLS with this ALPN.
    pub fn config(&self, alpn: &[&[u8]], own: Option<ServerIdentity>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.certificate().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match own {
            None => builder.with_no_client_auth(),
            Some(own) => builder.with_client_auth_cert(own.chain, own.key).unwrap(),
        };
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config
    }

    pub async fn connect(
        &self,
        config: &Arc<ClientConfig>,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.server.address()).await?;
        TlsConnector::from(config.clone())
            .connect(NAME.try_into().unwrap(), stream)
            .await
    }
}

pub fn own(ca: &DevelopmentCa) -> ServerIdentity {
    ca.issue(&[NAME], SystemClock.now()).unwrap()
}
