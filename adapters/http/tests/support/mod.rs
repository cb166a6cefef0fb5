//! An IdM server on loopback with real TLS, a clock that the test moves, and two users.
#![allow(dead_code, unreachable_pub)]

use roger_adapter_http::{
    ClientTls, Clock, DevelopmentCa, HttpAnswer, HttpsClient, HttpsServer, IdmClient, ServerLimits,
    ServerTls, WireTap, idm,
};
use roger_adapter_webauthn::Passkeys;
use roger_base::{McpttId, UnixTime};
use roger_idm::memory::{MemoryAudit, MemoryBrowsers, MemorySessions, MemoryStore, MemoryUsers};
use roger_idm::ports::UserRepository;
use roger_idm::{
    Failures, Idm, IdmConfig, LoginName, PasskeyPorts, Password, PasswordHash, Ports, User,
    UserState,
};
use roger_oidc::client::RelyingParty;
use roger_oidc::provider::{Client, ClientDetails, ClientKind};
use roger_oidc::{
    AccessTokenVerifier, ClockSkew, Issuer, OauthClientId, OtherServiceIds, RedirectUri, ScopeSet,
    Subject, TrustedIssuer,
};
use roger_testkit::SeededRandom;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

pub const HOST: &str = "idm.mcptt.example.org";
pub const REDIRECT: &str = "org.example.mcptt:/cb";

static HASH: LazyLock<PasswordHash> = LazyLock::new(|| {
    PasswordHash::of(&Password::new("secret").unwrap(), &mut SeededRandom::new(3)).unwrap()
});

/// A clock that starts at the machine's time and is moved by hand.
pub struct MovedClock(AtomicU64);

impl MovedClock {
    pub fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for MovedClock {
    fn now(&self) -> UnixTime {
        UnixTime(self.0.load(Ordering::SeqCst))
    }
}

pub struct Bench {
    pub server: HttpsServer,
    pub idm: Arc<Idm>,
    pub users: Arc<MemoryUsers>,
    pub store: Arc<MemoryStore>,
    pub audit: Arc<MemoryAudit>,
    pub ca: DevelopmentCa,
    pub clock: Arc<MovedClock>,
    pub http: HttpsClient,
    pub issuer: Issuer,
    /// SHA-256 of the public key in the server's certificate.
    pub spki_digest: Vec<u8>,
}

pub fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn user(name: &str) -> User {
    User {
        subject: Subject::new(format!("subject-of-{name}")).unwrap(),
        login: LoginName::new(name).unwrap(),
        password: HASH.clone(),
        mcptt_id: McpttId::new(format!("sip:{name}@mcptt.example.org")).unwrap(),
        others: OtherServiceIds::default(),
        entitlement: ScopeSet::every_mcptt_scope(),
        state: UserState::Enabled,
        failures: Failures::default(),
    }
}

/// Takes a free port, so that the issuer's URL is known before the server starts.
fn free_port() -> u16 {
    std::net::TcpListener::bind(any_port())
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn spki_digest(certificate: &rustls_pki_types::CertificateDer<'_>) -> Vec<u8> {
    let certificate = webpki::EndEntityCert::try_from(certificate).unwrap();
    let key = certificate.subject_public_key_info();
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &key)
        .as_ref()
        .to_vec()
}

fn passkeys(issuer: &Issuer, users: &Arc<MemoryUsers>) -> Option<PasskeyPorts> {
    Some(PasskeyPorts {
        repository: users.clone(),
        verifier: Arc::new(Passkeys::new(issuer).unwrap()),
    })
}

impl Bench {
    pub async fn start() -> Self {
        Self::start_tapped(None).await
    }

    pub async fn start_tapped(tap: Option<Arc<dyn WireTap>>) -> Self {
        Self::start_with(ServerLimits::default(), tap).await
    }

    pub async fn start_with(limits: ServerLimits, tap: Option<Arc<dyn WireTap>>) -> Self {
        Self::start_as(HOST, limits, tap).await
    }

    /// With a name that programs of others can resolve.
    pub async fn start_on_localhost() -> Self {
        Self::start_as("localhost", ServerLimits::default(), None).await
    }

    async fn start_as(host: &str, limits: ServerLimits, tap: Option<Arc<dyn WireTap>>) -> Self {
        let now = roger_adapter_http::SystemClock.now();
        let clock = Arc::new(MovedClock(AtomicU64::new(now.0)));
        let ca = DevelopmentCa::generate(now).unwrap();
        let address = SocketAddr::new([127, 0, 0, 1].into(), free_port());
        let issuer = Issuer::new(format!("https://{host}:{}", address.port())).unwrap();
        let (users, store) = (
            Arc::new(MemoryUsers::default()),
            Arc::new(MemoryStore::default()),
        );
        users.add(&user("alice")).unwrap();
        users.add(&user("bob")).unwrap();
        store
            .add_client(Client {
                id: OauthClientId::new("app").unwrap(),
                name: "Roger <for phones>".to_owned(),
                kind: ClientKind::Public,
                redirect_uris: vec![RedirectUri::new(REDIRECT).unwrap()],
                scopes: ScopeSet::every_mcptt_scope(),
                details: ClientDetails::default(),
            })
            .unwrap();
        let audit = Arc::new(MemoryAudit::default());
        let ports = Ports {
            users: users.clone(),
            clients: store.clone(),
            grants: store.clone(),
            sessions: Arc::new(MemorySessions::default()),
            browsers: Arc::new(MemoryBrowsers::default()),
            consents: users.clone(),
            factors: users.clone(),
            passkeys: passkeys(&issuer, &users),
            keys: users.clone(),
            audit: audit.clone(),
        };
        let config = IdmConfig::new(issuer.clone(), "https://mcptt.example.org");
        let idm = Arc::new(Idm::start(config, ports, now).unwrap());
        let front = idm::IdmFrontEnd {
            idm: idm.clone(),
            clock: clock.clone(),
            banner: Some("DEVELOPMENT".to_owned()),
        };
        let identity = ca.issue(&[host], now).unwrap();
        let spki_digest = spki_digest(&identity.chain[0]);
        let tls = ServerTls::new(identity).unwrap();
        let server = HttpsServer::start(address, tls, idm::router(front), limits, tap)
            .await
            .unwrap();
        let trust = ClientTls::new(&[ca.certificate().clone()]).unwrap();
        let http = HttpsClient::new(trust, &[(host, address)]).unwrap();
        Self {
            server,
            idm,
            users,
            store,
            audit,
            ca,
            clock,
            http,
            issuer,
            spki_digest,
        }
    }

    /// A form as a browser with these cookies posts it.
    pub async fn browser_post(&self, url: &str, cookies: &str, body: &str) -> HttpAnswer {
        let headers = [(http::header::COOKIE, cookies)];
        let answer = self.http.post_form(url, &headers, body.as_bytes()).await;
        answer.unwrap()
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    pub fn party(&self) -> RelyingParty {
        RelyingParty {
            issuer: self.issuer.clone(),
            authorization_endpoint: self.url("/oauth2/authorize"),
            token_endpoint: self.url("/oauth2/token"),
            client_id: OauthClientId::new("app").unwrap(),
            redirect_uri: RedirectUri::new(REDIRECT).unwrap(),
            secret: None,
        }
    }

    pub fn idm_client(&self) -> IdmClient {
        IdmClient::new(
            self.http.clone(),
            self.party(),
            self.url("/oauth2/jwks"),
            self.clock.clone(),
        )
    }

    pub fn verifier(&self) -> AccessTokenVerifier {
        let trusted = TrustedIssuer {
            issuer: self.issuer.clone(),
            keys: self.idm.public_keys(),
        };
        AccessTokenVerifier::new(vec![trusted], ClockSkew::MAX).with_revocations(self.idm.clone())
    }
}
