//! A folder with everything that the servers of `roger serve` need, and the servers on it.

use super::http::Target;
use super::tokens::{ISSUER, TokenIssuer};
use crate::error::BenchError;
use crate::system::OsRandom;
use core::ops::ControlFlow;
use roger_adapter_audit::{AuditFolder, Options};
use roger_adapter_http::tls::provider;
use roger_adapter_http::{Clock as _, DevelopmentCa, ReadinessCheck, SystemClock};
use roger_adapter_store::{Store, StoreKey, StoredRoot};
use roger_base::{KmsUri, UnixTime};
use roger_ibc::KmsMaster;
use roger_ibc::uid::KeyPeriod;
use roger_kms::CertificateTerms;
use roger_kms::pre_issue::{PreIssue, Step, pre_issue};
use roger_serve::{Deployment, Plugged};
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::fs::{create_dir, write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// Host name and domain of the KMS.
pub(super) const KMS: &str = "kms.example.org";
/// Host name of the IdM server.
pub(super) const IDM: &str = "idm.mcptt.example.org";
/// Length of a key period in seconds.
const PERIOD: u64 = 2_592_000;
/// Threads of the server that wait for disk or compute live as long as the measurement, so that their CPU time counts.
const KEEP_ALIVE: Duration = Duration::from_secs(3600);

/// The folder, before servers run on it.
pub(super) struct Ground {
    folder: TempDir,
    ca: DevelopmentCa,
    key: StoreKey,
    period: KeyPeriod,
    pub(super) store: Store,
    pub(super) tokens: TokenIssuer,
}

/// Running servers on their folder.
pub(super) struct Site {
    deployment: Option<Deployment>,
    runtime: Option<Runtime>,
    ca: DevelopmentCa,
    folder: TempDir,
}

impl Ground {
    /// A folder with a database that holds master secrets.
    pub(super) fn new() -> Result<Self, BenchError> {
        let failed = BenchError::system("folder of the servers");
        let folder = tempfile::tempdir().map_err(&failed)?;
        let ca = DevelopmentCa::generate(SystemClock.now()).map_err(BenchError::wrong("TLS"))?;
        for host in [IDM, KMS] {
            certify(&ca, host, folder.path())?;
        }
        create_dir(folder.path().join("audit")).map_err(&failed)?;
        let tokens = TokenIssuer::new()?;
        write(folder.path().join("issuer.json"), tokens.public_keys()).map_err(&failed)?;
        let key = StoreKey::random(&mut OsRandom)?;
        let store = Store::open(&database(folder.path()), &key);
        let store = store.map_err(BenchError::wrong("store"))?;
        let period = key_period(SystemClock.now())?;
        let master = KmsMaster::generate(kms_uri()?, period, &mut OsRandom)?;
        let terms = CertificateTerms::default();
        let kept = store
            .kms(&kms_uri()?)
            .add_root(&StoredRoot { master, terms });
        kept.map_err(BenchError::wrong("store"))?;
        Ok(Self {
            folder,
            ca,
            key,
            period,
            store,
            tokens,
        })
    }

    /// The master secrets of the KMS.
    pub(super) fn master(&self) -> Result<KmsMaster, BenchError> {
        let roots = self.store.kms(&kms_uri()?).roots();
        let root = roots.map_err(BenchError::wrong("store"))?.pop();
        let missing = || BenchError::wrong("store")("no master secrets");
        root.map(|root| root.master).ok_or_else(missing)
    }

    /// Makes the key sets of all accounts for the key period of now.
    pub(super) fn pre_issue(&self) -> Result<(), BenchError> {
        let master = self.master()?;
        let audit = AuditFolder::open(&self.audit_folder(), &Options::default());
        let audit = audit.map_err(BenchError::wrong("audit log"))?;
        let now = SystemClock.now();
        let order = PreIssue {
            period: master.domain().key_period.number_at(now.to_ntp()),
            after: String::new(),
            threads: crate::system::cores(),
        };
        let go_on = &mut |_: Step<'_>| ControlFlow::Continue(());
        let table = self.store.kms(&kms_uri()?);
        let done = pre_issue(&master, &table, &audit, &order, now, go_on);
        done.map(|_| ()).map_err(BenchError::wrong("pre-issue"))
    }

    pub(super) fn audit_folder(&self) -> PathBuf {
        self.folder.path().join("audit")
    }

    /// Octets of the database with its log.
    pub(super) fn database_octets(&self) -> u64 {
        database_octets(self.folder.path())
    }

    /// Starts the servers of these roles.
    pub(super) fn start(self, roles: &str) -> Result<Site, BenchError> {
        let failed = BenchError::system("folder of the servers");
        let file = self.folder.path().join("roger.toml");
        write(&file, configuration(roles, self.period)).map_err(failed)?;
        let config = roger_config::load(&file, |_| None);
        let config =
            config.map_err(|error| BenchError::wrong("configuration")(error.to_string()))?;
        let audit = AuditFolder::open(&self.folder.path().join("audit"), &Options::default());
        let audit = Arc::new(audit.map_err(BenchError::wrong("audit log"))?);
        let plugged = Plugged {
            store_key: self.key,
            audit,
            audit_ready: Arc::new(AlwaysReady),
        };
        // The servers open the database themselves.
        drop(self.store);
        let runtime = Builder::new_multi_thread()
            .worker_threads(crate::system::cores().get())
            .thread_name("servers")
            .thread_keep_alive(KEEP_ALIVE)
            .enable_all()
            .build();
        let runtime = runtime.map_err(BenchError::system("servers"))?;
        let deployment = runtime.block_on(Deployment::start(config, plugged));
        Ok(Site {
            deployment: Some(deployment.map_err(BenchError::wrong("servers"))?),
            runtime: Some(runtime),
            ca: self.ca,
            folder: self.folder,
        })
    }
}

impl Site {
    /// Where a role is served, for clients that trust its certificate and remember no session.
    pub(super) fn target(&self, role: &str) -> Result<Target, BenchError> {
        let addresses = self.deployment.as_ref().map(Deployment::addresses);
        let address = addresses
            .unwrap_or_default()
            .into_iter()
            .find(|(name, _)| *name == role);
        let missing = || BenchError::wrong("servers")(format!("nobody serves {role}"));
        let (_, address) = address.ok_or_else(missing)?;
        let host = if role == "idm" { IDM } else { KMS };
        Ok(Target {
            address,
            name: ServerName::try_from(host).map_err(BenchError::wrong("TLS"))?,
            host: format!("{host}:{}", address.port()),
            tls: Arc::new(client_tls(&self.ca)?),
        })
    }

    /// Octets of the database with its log.
    pub(super) fn database_octets(&self) -> u64 {
        database_octets(self.folder.path())
    }

    /// Octets of the audit log.
    pub(super) fn audit_octets(&self) -> u64 {
        let files = std::fs::read_dir(self.folder.path().join("audit"));
        let files = files.into_iter().flatten().flatten();
        files
            .filter_map(|file| file.metadata().ok())
            .map(|file| file.len())
            .sum()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let (Some(runtime), Some(deployment)) = (&self.runtime, self.deployment.take()) {
            runtime.block_on(deployment.stop());
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(10));
        }
    }
}

/// A client that resumes nothing until it is told.
pub(super) fn client_tls(ca: &DevelopmentCa) -> Result<ClientConfig, BenchError> {
    let wrong = BenchError::wrong::<rustls::Error>("TLS");
    let mut roots = RootCertStore::empty();
    roots.add(ca.certificate().clone()).map_err(&wrong)?;
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(&wrong)?
        .with_root_certificates(roots);
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

pub(super) fn kms_uri() -> Result<KmsUri, BenchError> {
    Ok(KmsUri::new(KMS)?)
}

/// A key period in the middle of which the measurement is: near its end the KMS gives the sets of the next one too.
fn key_period(now: UnixTime) -> Result<KeyPeriod, BenchError> {
    let offset = (now.to_ntp().seconds + PERIOD / 2) % PERIOD;
    KeyPeriod::new(PERIOD, offset).map_err(BenchError::wrong("key period"))
}

fn database(folder: &Path) -> PathBuf {
    folder.join("roger.sqlite")
}

/// Octets of the files of a database.
pub(super) fn database_octets(folder: &Path) -> u64 {
    let octets = |name: &str| std::fs::metadata(folder.join(name)).map_or(0, |file| file.len());
    ["roger.sqlite", "roger.sqlite-wal"]
        .map(octets)
        .iter()
        .sum()
}

fn certify(ca: &DevelopmentCa, host: &str, folder: &Path) -> Result<(), BenchError> {
    let failed = BenchError::system("folder of the servers");
    let own = ca.issue(&[host], SystemClock.now());
    let own = own.map_err(BenchError::wrong("TLS"))?;
    let (chain, key) = (format!("{host}.pem"), format!("{host}.key"));
    own.write_pem(&folder.join(chain), &folder.join(key))
        .map_err(failed)
}

/// The audit log of a measurement is looked at by nobody but the KMS, whose requests fail without it.
struct AlwaysReady;

impl ReadinessCheck for AlwaysReady {
    fn name(&self) -> &'static str {
        "audit"
    }

    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// As in production but for the bound on one address: the generator has only one, and counts as a proxy does.
fn configuration(roles: &str, period: KeyPeriod) -> String {
    let (length, offset) = (period.period_secs(), period.offset_secs());
    format!(
        r#"
roles = [{roles}]
[store]
sqlite = "roger.sqlite"
[secrets]
keeper = "passphrase"
key_file = "store.key"
[audit]
folder = "audit"
[management]
listen = "127.0.0.1:0"
[rate]
proxies = ["127.0.0.1"]
[limits]
connections_per_address = 1024
[idm]
listen = "127.0.0.1:0"
issuer = "https://{IDM}"
audience = "https://mcptt.example.org"
[idm.tls]
certificate = "{IDM}.pem"
key = "{IDM}.key"
[[idm.clients]]
id = "ue"
name = "Phones"
redirect_uris = ["org.example.mcptt:/login"]
[kms]
listen = "127.0.0.1:0"
uri = "{KMS}"
domains = ["mcptt.example.org"]
key_period_seconds = {length}
key_period_offset_seconds = {offset}
[kms.tls]
certificate = "{KMS}.pem"
key = "{KMS}.key"
[[kms.trusted_issuers]]
issuer = "{ISSUER}"
keys_file = "issuer.json"
"#
    )
}
