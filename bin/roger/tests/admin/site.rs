//! An operator's folder: configuration, certificates, passphrase; the built program works on it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roger_adapter_http::{
    ClientTls, Clock as _, DevelopmentCa, HttpsClient, IdmClient, OsRandom, SystemClock,
};
use roger_base::{KmsUri, Secret, SecretBytes};
use roger_documents::kms::{MEDIA_TYPE, NamedKey};
use roger_documents::kms_client::{
    ClientKeys, ClientPolicy, KmsAnswer, KmsClient, RawKeySet, Resource,
};
use roger_oidc::client::{RelyingParty, Tokens};
use roger_oidc::{Issuer, OauthClientId, RedirectUri, ScopeSet};
use serde_json::Value;
use std::collections::HashMap;
use std::fs::{self, Permissions, set_permissions, write};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use tempfile::TempDir;

pub const ALICE: &str = "sip:alice@mcptt.example.org";
pub const KMS: &str = "kms.example.org";
pub const PASSPHRASE: &str = "a passphrase of the operator";
pub const PASSWORD: &str = "correct horse battery";
/// One hash for many users: argon2id of each would take its time.
pub const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const IDM: &str = "idm.mcptt.example.org";
const REDIRECT: &str = "org.example.mcptt:/login";

pub struct Site {
    pub folder: TempDir,
    ca: DevelopmentCa,
    environment: HashMap<String, PathBuf>,
}

/// What a finished command said.
pub struct Said {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Said {
    #[track_caller]
    pub fn good(self) -> String {
        assert!(self.status.success(), "{}{}", self.out, self.err);
        self.out
    }

    /// The command failed and said this.
    #[track_caller]
    pub fn refused(self, part: &str) {
        assert!(!self.status.success(), "{}", self.out);
        assert!(self.err.contains(part), "{part} in\n{}", self.err);
    }
}

impl Site {
    /// A folder in which nothing is made yet.
    pub fn new() -> Self {
        Self::with_keeper(
            "keeper = \"passphrase\"\npassphrase_file = \"passphrase\"",
            "",
        )
    }

    pub fn with_keeper(keeper: &str, token: &str) -> Self {
        let site = Self {
            folder: tempfile::tempdir().unwrap(),
            ca: DevelopmentCa::generate(SystemClock.now()).unwrap(),
            environment: HashMap::new(),
        };
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = port.local_addr().unwrap().port();
        write(site.path("roger.toml"), config_text(keeper, token, port)).unwrap();
        site.secret("passphrase", PASSPHRASE);
        site.secret("password", PASSWORD);
        site.certify();
        site
    }

    /// After `init`, `kms create-master` and `user add alice`.
    pub fn ready() -> Self {
        let site = Self::new();
        site.set_up();
        site
    }

    pub fn set_up(&self) {
        self.admin(&["init"]).good();
        self.admin(&["kms", "create-master"]).good();
        self.add_alice();
    }

    pub fn add_alice(&self) {
        let file = self.text("password");
        let who = [
            "user",
            "add",
            "alice",
            "--mcptt-id",
            ALICE,
            "--password-file",
        ];
        self.admin(&[&who[..], &[file.as_str()]].concat()).good();
    }

    /// The first TrK and InK of alice.
    pub fn alice_keys(&self) -> ClientKeys {
        let file = self.text("alice.json");
        self.admin(&["user", "keys", "alice", "--out", &file])
            .good();
        read_keys(&serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// A file for its owner only.
    pub fn secret(&self, name: &str, text: &str) -> String {
        write(self.path(name), format!("{text}\n")).unwrap();
        set_permissions(self.path(name), Permissions::from_mode(0o600)).unwrap();
        self.text(name)
    }

    pub fn set(&mut self, variable: &str, path: &Path) {
        self.environment
            .insert(variable.to_owned(), path.to_owned());
    }

    /// Certificates, new ones when there are some.
    pub fn certify(&self) {
        for (name, host) in [("idm", IDM), ("kms", KMS)] {
            let own = self.ca.issue(&[host], SystemClock.now()).unwrap();
            let (chain, key) = (format!("{name}.pem"), format!("{name}.key"));
            own.write_pem(&self.path(&chain), &self.path(&key)).unwrap();
        }
    }

    fn roger(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roger"));
        command.env("NO_COLOR", "1").stdin(Stdio::null());
        command.envs(&self.environment);
        command
    }

    pub fn admin(&self, arguments: &[&str]) -> Said {
        let mut command = self.roger();
        command.arg("admin").args(arguments);
        command.args(["--operator", "olga", "--config"]);
        said(command.arg(self.path("roger.toml")))
    }

    /// A command that is not waited for.
    pub fn begin(&self, arguments: &[&str]) -> Child {
        let mut command = self.roger();
        command.arg("admin").args(arguments).arg("--config");
        command.arg(self.path("roger.toml"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    pub fn admin_json(&self, arguments: &[&str]) -> Value {
        let said = self.admin(&[arguments, &["--json"]].concat()).good();
        serde_json::from_str(&said).unwrap()
    }

    /// `roger serve` that does not come up.
    pub fn serve_in_vain(&self) -> Said {
        said(
            self.roger()
                .args(["serve", "--config"])
                .arg(self.path("roger.toml")),
        )
    }

    pub fn serve(&self) -> Servers<'_> {
        let mut command = self.roger();
        command
            .args(["serve", "--config"])
            .arg(self.path("roger.toml"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Servers::start(self, command.spawn().unwrap())
    }

    /// Octets of every file below the folder whose name has none of these in it.
    pub fn octets_but(&self, names: &[&str]) -> Vec<u8> {
        let (mut found, mut folders) = (Vec::new(), vec![self.folder.path().to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if !names.iter().any(|name| path.ends_with(name)) {
                    found.extend(fs::read(path).unwrap());
                }
            }
        }
        found
    }
}

fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    Said {
        status: output.status,
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// `roger serve`, up.
pub struct Servers<'s> {
    site: &'s Site,
    child: Child,
    addresses: HashMap<String, SocketAddr>,
    log: Option<JoinHandle<String>>,
}

impl<'s> Servers<'s> {
    fn start(site: &'s Site, mut child: Child) -> Self {
        let mut errors = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).unwrap();
            text
        });
        let mut servers = Self {
            site,
            child,
            addresses: HashMap::new(),
            log: Some(log),
        };
        let out = BufReader::new(servers.child.stdout.take().unwrap());
        for line in out.lines().take(3) {
            let line = line.unwrap();
            let (name, address) = line.split_once(" listens on ").unwrap();
            let address = address.parse().unwrap();
            servers.addresses.insert(name.to_owned(), address);
        }
        let up = servers.addresses.len() == 3;
        assert!(up, "{}", servers.log.take().unwrap().join().unwrap());
        servers
    }

    pub fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; what was logged.
    pub fn end(mut self) -> String {
        self.signal("-TERM");
        let status = self.child.wait().unwrap();
        let log = self.log.take().unwrap().join().unwrap();
        assert!(status.success(), "{log}");
        log
    }

    pub fn address(&self, role: &str) -> SocketAddr {
        self.addresses[role]
    }

    pub fn http(&self) -> HttpsClient {
        let tls = ClientTls::new(&[self.site.ca.certificate().clone()]).unwrap();
        let hosts = [(IDM, self.address("idm")), (KMS, self.address("kms"))];
        HttpsClient::new(tls, &hosts).unwrap()
    }

    pub fn idm(&self) -> IdmClient {
        let issuer = format!("https://{IDM}:{}", self.address("idm").port());
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

    /// With [`PASSWORD`].
    pub async fn log_in(&self, login: &str) -> Option<Tokens> {
        let password = SecretBytes::new(PASSWORD.as_bytes().to_vec());
        let scopes = ScopeSet::every_mcptt_scope();
        let idm = self.idm();
        idm.log_in(&scopes, login, &password, &mut OsRandom)
            .await
            .ok()
    }

    /// The key sets of alice.
    pub async fn key_sets(&self, tokens: &Tokens, keys: &ClientKeys) -> Vec<RawKeySet> {
        let resource = Resource::KeyProv(ALICE.to_owned());
        match self.fetch(tokens, keys, &resource).await {
            (200, Some(KmsAnswer::KeyProv { key_sets, .. })) => key_sets,
            (status, answer) => panic!("{status} {answer:?}"),
        }
    }

    /// A request of alice with the keys of a file of `user keys`.
    pub async fn fetch(
        &self,
        tokens: &Tokens,
        keys: &ClientKeys,
        resource: &Resource,
    ) -> (u16, Option<KmsAnswer>) {
        let answer = self.ask(&self.http(), ALICE, tokens, keys, resource).await;
        answer.unwrap()
    }

    /// A request of a user; nothing when the server is gone.
    pub async fn ask(
        &self,
        http: &HttpsClient,
        user: &str,
        tokens: &Tokens,
        keys: &ClientKeys,
        resource: &Resource,
    ) -> Option<(u16, Option<KmsAnswer>)> {
        let who = KmsClient {
            user_uri: user.to_owned(),
            kms_uri: KmsUri::new(KMS).unwrap(),
            client_id: None,
            device_id: None,
        };
        let port = self.address("kms").port();
        let url = format!("https://{KMS}:{port}{}", resource.path());
        let body = who.request(&url, keys, SystemClock.now()).unwrap();
        let token = Some(&tokens.access_token);
        let answer = http.post(&url, token, MEDIA_TYPE, body.into_bytes());
        let answer = answer.await.ok()?;
        let (policy, now) = (ClientPolicy::STANDARD, SystemClock.now());
        let opened = who.open_response(answer.body.expose(), resource, &url, keys, policy, now);
        Some((answer.status.as_u16(), opened.ok()))
    }
}

impl Drop for Servers<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// TrK and InK of a line that `user keys` has written.
pub fn read_keys(written: &Value) -> ClientKeys {
    let key = |which: &str| NamedKey {
        name: written[which]["name"].as_str().unwrap().to_owned(),
        key: Secret::try_from(&*octets(written, which)).unwrap(),
    };
    ClientKeys {
        transport: vec![key("trk")],
        integrity: vec![key("ink")],
    }
}

/// The octets of one of these keys.
pub fn octets(written: &Value, which: &str) -> Vec<u8> {
    STANDARD
        .decode(written[which]["key"].as_str().unwrap())
        .unwrap()
}

fn config_text(keeper: &str, token: &str, port: u16) -> String {
    format!(
        r#"
[store]
sqlite = "roger.sqlite"
[secrets]
key_file = "store.key"
{keeper}
{token}
[audit]
folder = "audit"
[management]
listen = "127.0.0.1:0"
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
listen = "127.0.0.1:0"
uri = "{KMS}"
domains = ["mcptt.example.org"]
[kms.tls]
certificate = "kms.pem"
key = "kms.key"
"#
    )
}
