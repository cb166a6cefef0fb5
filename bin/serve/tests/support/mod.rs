//! A folder with certificates, a database and a configuration.
#![allow(dead_code, unreachable_pub)]

use roger_adapter_http::tls::provider;
use roger_adapter_http::{
    ClientTls, Clock as _, DevelopmentCa, HttpsClient, IdmClient, OsRandom, ReadinessCheck,
    SystemClock,
};
use roger_adapter_store::{Store, StoreKey, StoredRoot};
use roger_base::{KmsUri, McpttId, Secret, SecretBytes};
use roger_config::{Config, Role};
use roger_ibc::KmsMaster;
use roger_ibc::uid::KeyPeriod;
use roger_idm::ports::UserRepository as _;
use roger_idm::{AuditAct, Failures, LoginName, Password, PasswordHash, User, UserState};
use roger_kms::ports::{AuditEntry, AuditLog, StoreError};
use roger_kms::{CertificateTerms, KeyAccount};
use roger_oidc::client::RelyingParty;
use roger_oidc::{Issuer, OauthClientId, OtherServiceIds, RedirectUri, ScopeSet, Subject};
use roger_serve::{Deployment, Plugged, ServeError};
use roger_testkit::Postgres;
use std::fs::write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub const ALICE: &str = "sip:alice@mcptt.example.org";
pub const IDM: &str = "idm.mcptt.example.org";
pub const KMS: &str = "kms.example.org";
/// The key of every store.
const KEY: [u8; 32] = [0x5a; 32];
const REDIRECT: &str = "org.example.mcptt:/login";

/// How much is there before the start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
pub enum Provision {
    Nothing,
    Database,
    Users,
    Everything,
}

/// Counts entries; can be broken.
#[derive(Default)]
struct Audit {
    entries: AtomicUsize,
    broken: AtomicBool,
    acts: Mutex<Vec<AuditAct>>,
}

impl AuditLog for Audit {
    fn record(&self, _: &AuditEntry) -> Result<(), StoreError> {
        self.check().map_err(StoreError)?;
        self.entries.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

impl roger_idm::ports::AuditLog for Audit {
    fn ready(&self) -> Result<(), roger_idm::ports::StoreError> {
        let checked = self.check();
        checked.map_err(roger_idm::ports::StoreError::LocalUnavailable)
    }

    fn record(&self, entry: &roger_idm::AuditEntry) -> Result<(), roger_idm::ports::StoreError> {
        roger_idm::ports::AuditLog::ready(self)?;
        self.acts.lock().unwrap().push(entry.act);
        Ok(())
    }
}

impl ReadinessCheck for Audit {
    fn name(&self) -> &'static str {
        "audit"
    }

    fn check(&self) -> Result<(), String> {
        match self.broken.load(Ordering::SeqCst) {
            true => Err("broken".to_owned()),
            false => Ok(()),
        }
    }
}

pub struct Bench {
    pub config: Config,
    pub store: Store,
    ca: DevelopmentCa,
    audit: Arc<Audit>,
    folder: TempDir,
    /// Where the database is, if not in the folder.
    server: Option<Arc<Postgres>>,
}

impl Bench {
    pub fn new(provision: Provision) -> Self {
        Self::on(provision, None)
    }

    /// With its database on PostgreSQL; none where there is none.
    pub fn on_postgres(provision: Provision) -> Option<Self> {
        Some(Self::on(provision, Some(Postgres::shared()?)))
    }

    fn on(provision: Provision, server: Option<Arc<Postgres>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = DevelopmentCa::generate(SystemClock.now()).unwrap();
        write_certificates(&ca, folder.path());
        let database = match &server {
            Some(server) => format!("postgres = \"{}\"", server.database()),
            None => "sqlite = \"roger.sqlite\"".to_owned(),
        };
        write(folder.path().join("roger.toml"), config_text(&database)).unwrap();
        let config = read_config(folder.path());
        let key = StoreKey::new(Secret::new(KEY));
        let elsewhere = folder.path().join("elsewhere.sqlite");
        let store = match (&config.store.sqlite, provision) {
            (Some(_), Provision::Nothing) => Store::open(&elsewhere, &key),
            (Some(path), _) => Store::open(path, &key),
            (None, _) => Store::connect(config.store.postgres.as_ref().unwrap().expose(), &key),
        };
        let store = store.unwrap();
        if provision >= Provision::Users {
            add_user(&store, "alice");
        }
        if provision == Provision::Everything {
            let (uri, period) = (
                KmsUri::new(KMS).unwrap(),
                KeyPeriod::new(86_400, 0).unwrap(),
            );
            let master = KmsMaster::generate(uri.clone(), period, &mut OsRandom).unwrap();
            let terms = CertificateTerms::default();
            store
                .kms(&uri)
                .add_root(&StoredRoot { master, terms })
                .unwrap();
        }
        Self {
            config,
            store,
            ca,
            audit: Arc::default(),
            folder,
            server,
        }
    }

    pub fn plugged(&self) -> Plugged {
        plugged(&self.audit)
    }

    /// The configuration of a process with one role.
    pub fn config_of(&self, role: Role) -> Config {
        Config {
            roles: vec![role],
            ..self.config.clone()
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn server(&self) -> &Postgres {
        self.server.as_ref().unwrap()
    }

    pub async fn start(&self) -> Result<Deployment, ServeError> {
        Deployment::start(self.config.clone(), self.plugged()).await
    }

    pub fn audited(&self) -> usize {
        self.audit.entries.load(Ordering::SeqCst)
    }

    /// What the IdM server recorded.
    pub fn acts(&self) -> Vec<AuditAct> {
        self.audit.acts.lock().unwrap().clone()
    }

    pub fn break_audit(&self) {
        self.audit.broken.store(true, Ordering::SeqCst);
    }

    pub fn renew_certificates(&self) {
        write_certificates(&self.ca, self.folder.path());
    }

    pub fn http(&self) -> HttpsClient {
        let tls = ClientTls::new(&[self.ca.certificate().clone()]).unwrap();
        let hosts = [
            (IDM, self.config.idm.as_ref().unwrap().listen),
            (KMS, self.config.kms.as_ref().unwrap().listen),
        ];
        HttpsClient::new(tls, &hosts).unwrap()
    }

    pub fn idm_client(&self) -> IdmClient {
        let issuer = self.config.idm.as_ref().unwrap().issuer.clone();
        let party = RelyingParty {
            issuer: Issuer::new(issuer.as_str()).unwrap(),
            authorization_endpoint: format!("{issuer}/oauth2/authorize"),
            token_endpoint: format!("{issuer}/oauth2/token"),
            client_id: OauthClientId::new("ue").unwrap(),
            redirect_uri: RedirectUri::new(REDIRECT).unwrap(),
            secret: None,
        };
        let keys = format!("{issuer}/oauth2/jwks");
        IdmClient::new(self.http(), party, keys, Arc::new(SystemClock))
    }

    pub async fn connect(&self, running: &Deployment, role: &str) -> TlsStream<TcpStream> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.ca.certificate().clone()).unwrap();
        let config = rustls::ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(address(running, role)).await.unwrap();
        let name = if role == "idm" { IDM } else { KMS };
        TlsConnector::from(Arc::new(config))
            .connect(name.try_into().unwrap(), stream)
            .await
            .unwrap()
    }

    pub async fn certificate(&self, running: &Deployment, role: &str) -> Vec<u8> {
        let stream = self.connect(running, role).await;
        stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    }
}

pub fn address(running: &Deployment, role: &str) -> SocketAddr {
    let addresses = running.addresses();
    addresses.iter().find(|(name, _)| *name == role).unwrap().1
}

pub fn password() -> SecretBytes {
    SecretBytes::new(b"correct horse".to_vec())
}

pub fn another_key() -> StoreKey {
    StoreKey::random(&mut OsRandom).unwrap()
}

/// GET on the management listener.
pub async fn manage(running: &Deployment, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address(running, "management"))
        .await
        .unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    (status, text.split_once("\r\n\r\n").unwrap().1.to_owned())
}

/// A user who may log in, with an account at the KMS.
pub fn add_user(store: &Store, name: &str) {
    let user = user(name);
    store.add(&user).unwrap();
    let account = KeyAccount::provision(user.mcptt_id.as_str(), &mut OsRandom).unwrap();
    let kms = store.kms(&KmsUri::new(KMS).unwrap());
    kms.put_key_account(&account).unwrap();
}

fn user(name: &str) -> User {
    let password = Password::new("correct horse").unwrap();
    User {
        subject: Subject::new(format!("subject-of-{name}")).unwrap(),
        login: LoginName::new(name).unwrap(),
        password: PasswordHash::of(&password, &mut OsRandom).unwrap(),
        mcptt_id: McpttId::new(format!("sip:{name}@mcptt.example.org")).unwrap(),
        others: OtherServiceIds::default(),
        entitlement: ScopeSet::every_mcptt_scope(),
        state: UserState::Enabled,
        failures: Failures::default(),
    }
}

fn write_certificates(ca: &DevelopmentCa, folder: &Path) {
    for (name, host) in [("idm", IDM), ("kms", KMS)] {
        let own = ca.issue(&[host, "localhost"], SystemClock.now()).unwrap();
        let (chain, key) = (format!("{name}.pem"), format!("{name}.key"));
        own.write_pem(&folder.join(chain), &folder.join(key))
            .unwrap();
    }
    write(folder.join("ca.pem"), ca.certificate_pem()).unwrap();
}

/// A port that nobody has now.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The configuration of a folder.
pub fn read_config(folder: &Path) -> Config {
    roger_config::load(&folder.join("roger.toml"), |_| None).unwrap()
}

/// What a server that is started in a process of its own is given.
pub fn plugged_alone() -> Plugged {
    plugged(&Arc::default())
}

fn plugged(audit: &Arc<Audit>) -> Plugged {
    Plugged {
        store_key: StoreKey::new(Secret::new(KEY)),
        audit: audit.clone(),
        audit_ready: audit.clone(),
    }
}

fn config_text(database: &str) -> String {
    let (port, kms_port) = (free_port(), free_port());
    format!(
        r#"
[store]
{database}
[secrets]
keeper = "passphrase"
key_file = "store.key"
[audit]
folder = "audit"
[management]
listen = "127.0.0.1:0"
[rate]
address_per_second = 10000
address_burst = 10000
user_per_second = 10000
user_burst = 10000
[idm]
listen = "127.0.0.1:{port}"
issuer = "https://{IDM}:{port}"
audience = "https://mcptt.example.org"
[idm.tls]
certificate = "idm.pem"
key = "idm.key"
[[idm.clients]]
id = "ue"
name = "Phones"
redirect_uris = ["{REDIRECT}"]
[kms]
listen = "127.0.0.1:{kms_port}"
uri = "{KMS}"
domains = ["mcptt.example.org"]
key_period_seconds = 86400
[kms.tls]
certificate = "kms.pem"
key = "kms.key"
client_certificates = "accepted"
client_authority = "ca.pem"
"#
    )
}
