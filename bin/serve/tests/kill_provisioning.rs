//! The servers are killed again and again while users fetch keys: afterwards every user has one key set for each
//! period, and every answer that was given before is still true.
//!
//! The servers run in a process of its own: this test program again, with the folder of the configuration in the
//! environment. `ROGER_TEST_KILLS` says how often they are killed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

mod support;

use roger_adapter_http::{Clock as _, HttpsClient, IdmClientError, OsRandom, SystemClock};
use roger_base::{KmsUri, Random as _};
use roger_documents::kms::MEDIA_TYPE;
use roger_documents::kms_client::{
    ClientKeys, ClientPolicy, KmsAnswer, KmsClient, NewKeys, RawKeySet, Resource,
};
use roger_kms::ports::KeyRepository as _;
use roger_oidc::ScopeSet;
use roger_oidc::client::Tokens;
use roger_serve::Deployment;
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use support::{Bench, KMS, Provision};
use tokio::sync::Mutex;

const FOLDER: &str = "ROGER_TEST_KILL_FOLDER";
const KILLS: &str = "ROGER_TEST_KILLS";
/// How often it is killed where nothing else is said; a hundred times is what was asked for once.
const FEW: usize = 10;
const USERS: [&str; 4] = ["u1", "u2", "u3", "u4"];
/// Longest life, milliseconds.
const LIFE: u64 = 400;
const READY: &str = "ready";
/// Seconds of a key period in the configuration of the tests.
const PERIOD: u64 = 86_400;

#[test]
fn no_answer_is_taken_back_by_a_kill_on_sqlite() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return serve(Path::new(&folder));
    }
    outlive_kills(
        "no_answer_is_taken_back_by_a_kill_on_sqlite",
        Bench::new(Provision::Everything),
    );
}

#[test]
fn no_answer_is_taken_back_by_a_kill_on_postgres() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return serve(Path::new(&folder));
    }
    if let Some(bench) = Bench::on_postgres(Provision::Everything) {
        outlive_kills("no_answer_is_taken_back_by_a_kill_on_postgres", bench);
    }
}

/// The process that is killed. It ends by itself when the test does.
fn serve(folder: &Path) {
    let config = support::read_config(folder);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let running = runtime.block_on(Deployment::start(config, support::plugged_alone()));
    let _running = running.unwrap();
    println!("{READY}");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

/// Starts the servers; they are ready. Somebody else may have had a port for a moment.
fn start(test: &str, folder: &Path) -> Child {
    for _ in 0..20 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture", "--test-threads", "1"])
            .env(FOLDER, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        if lines
            .map_while(Result::ok)
            .any(|line| line.ends_with(READY))
        {
            return child;
        }
        child.wait().unwrap();
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!("the servers do not start");
}

fn outlive_kills(test: &str, bench: Bench) {
    for name in USERS {
        support::add_user(&bench.store, name);
    }
    let kills = std::env::var(KILLS).map_or(FEW, |kills| kills.parse().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bench = Arc::new(bench);
    let phones: Vec<_> = USERS
        .map(|name| Arc::new(Mutex::new(Phone::new(&bench, name))))
        .into();
    let mut child = start(test, bench.path());
    for phone in &phones {
        let logged_in = runtime.block_on(async { phone.lock().await.log_in(&bench).await });
        logged_in.unwrap();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let mut interrupted = 0;
    for _ in 0..kills {
        let mut child = start(test, bench.path());
        interrupted += runtime.block_on(one_life(&bench, &phones, &mut child));
    }
    let mut child = start(test, bench.path());
    let (mut answers, mut renewals) = (0, 0);
    for phone in &phones {
        let phone = &mut *phone.blocking_lock();
        runtime.block_on(phone.last_look(&bench));
        answers += phone.answers;
        renewals += phone.renewals;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    println!(
        "{kills} kills, {answers} answers, {renewals} key renewals, {interrupted} requests cut off"
    );
    assert!(interrupted > 0, "no kill met a request");
    assert!(answers > kills, "nothing happened between the kills");
}

/// Users ask until the servers are killed; how many requests were cut off.
async fn one_life(bench: &Arc<Bench>, phones: &[Arc<Mutex<Phone>>], child: &mut Child) -> usize {
    let http = Arc::new(bench.http());
    let asking: Vec<_> = phones
        .iter()
        .map(|phone| {
            let (bench, phone, http) = (bench.clone(), phone.clone(), http.clone());
            tokio::spawn(async move { phone.lock().await.ask_until_killed(&bench, &http).await })
        })
        .collect();
    let mut octets = [0; 8];
    OsRandom.fill(&mut octets).unwrap();
    tokio::time::sleep(Duration::from_millis(u64::from_le_bytes(octets) % LIFE)).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let mut interrupted = 0;
    for asking in asking {
        interrupted += usize::from(asking.await.unwrap());
    }
    interrupted
}

/// A user's device, which remembers every answer.
struct Phone {
    login: &'static str,
    user_uri: String,
    /// Of the KMS.
    port: u16,
    tokens: Option<Tokens>,
    keys: ClientKeys,
    /// By key period.
    sets: HashMap<u64, RawKeySet>,
    /// Another request each time: a second one of the same octets is a replay.
    asked: usize,
    answers: usize,
    renewals: u32,
    /// The last request that was answered.
    answered: Option<(String, String)>,
    /// The name of the key that signed it.
    signer: Option<String>,
}

impl Phone {
    fn new(bench: &Bench, login: &'static str) -> Self {
        let user_uri = format!("sip:{login}@mcptt.example.org");
        let account = kms(bench).account(&user_uri).unwrap().unwrap();
        let pair = account.current.unwrap();
        Self {
            login,
            user_uri,
            port: bench.config.kms.as_ref().unwrap().listen.port(),
            tokens: None,
            keys: ClientKeys {
                transport: vec![pair.transport],
                integrity: pair.integrity.into_iter().collect(),
            },
            sets: HashMap::new(),
            asked: 0,
            answers: 0,
            renewals: 0,
            answered: None,
            signer: None,
        }
    }

    /// Whether a request was cut off.
    async fn ask_until_killed(&mut self, bench: &Bench, http: &HttpsClient) -> bool {
        if self.replay(http).await.is_none() {
            return false;
        }
        while self.ask(http).await.is_some() {
            if self.answers.is_multiple_of(3) {
                self.order_renewal(bench);
            }
        }
        true
    }

    /// Once, with servers that stay: an attempt that was cut off counts as a wrong one. The token stays good however
    /// often the servers were killed.
    async fn log_in(&mut self, bench: &Bench) -> Result<(), IdmClientError> {
        let (scopes, password) = (ScopeSet::every_mcptt_scope(), support::password());
        let (client, random) = (bench.idm_client(), &mut OsRandom);
        let tokens = client.log_in(&scopes, self.login, &password, random);
        self.tokens = Some(tokens.await?);
        Ok(())
    }

    /// What was answered before the kill is not answered a second time after it: it is known, or signed with a key
    /// that has been replaced since.
    async fn replay(&mut self, http: &HttpsClient) -> Option<()> {
        if let Some((url, body)) = self.answered.clone() {
            let (status, _) = self.post(http, &url, body).await?;
            let signed_with_another = self.signer != self.keys.signer().map(|key| key.name.clone());
            let refused = status == 400 || (status == 403 && signed_with_another);
            assert!(refused, "a replayed request was answered with {status}");
        }
        Some(())
    }

    /// Asks for the keys of this period or the next; nothing when the servers are gone.
    async fn ask(&mut self, http: &HttpsClient) -> Option<()> {
        self.asked += 1;
        let now = SystemClock.now();
        let next = now + Duration::from_secs(PERIOD);
        let resource = match self.asked % 3 {
            0 => Resource::Init,
            1 => Resource::KeyProv(self.user_uri.clone()),
            _ => Resource::KeyProvAt(self.user_uri.clone(), next.to_ntp()),
        };
        let client = KmsClient {
            user_uri: self.user_uri.clone(),
            kms_uri: KmsUri::new(KMS).unwrap(),
            client_id: Some(self.asked.to_string()),
            device_id: None,
        };
        let url = format!("https://{KMS}:{}{}", self.port, resource.path());
        let body = client.request(&url, &self.keys, now).unwrap();
        let (status, answer) = self.post(http, &url, body.clone()).await?;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
        let now = SystemClock.now();
        let policy = ClientPolicy::STANDARD;
        let opened = client.open_response(&answer, &resource, &url, &self.keys, policy, now);
        self.answers += 1;
        self.answered = Some((url.clone(), body));
        self.signer = self.keys.signer().map(|key| key.name.clone());
        match opened.expect("signed with keys that were given before") {
            KmsAnswer::Init { new_keys, .. } => self.adopt(new_keys),
            KmsAnswer::KeyProv { key_sets, new_keys } => {
                assert!(!key_sets.is_empty());
                key_sets.into_iter().for_each(|set| self.compare(set));
                self.adopt(new_keys);
            }
            other => panic!("{other:?}"),
        }
        Some(())
    }

    fn compare(&mut self, set: RawKeySet) {
        let known = self
            .sets
            .entry(set.key_period_no)
            .or_insert_with(|| set.clone());
        assert!(
            *known == set,
            "another key set for the same user and period"
        );
    }

    fn adopt(&mut self, new: NewKeys) {
        if !new.transport.is_empty() {
            self.keys.adopt(new);
        }
    }

    async fn post(&self, http: &HttpsClient, url: &str, body: String) -> Option<(u16, Vec<u8>)> {
        let token = self.tokens.as_ref().map(|tokens| &tokens.access_token);
        let answer = http
            .post(url, token, MEDIA_TYPE, body.into_bytes())
            .await
            .ok()?;
        Some((answer.status.as_u16(), answer.body.expose().to_vec()))
    }

    /// The operator, in another process than the servers, orders a new TrK and InK.
    fn order_renewal(&mut self, bench: &Bench) {
        let before = kms(bench).account(&self.user_uri).unwrap().unwrap();
        let mut ordered = before.clone();
        ordered.order_renewal(&mut OsRandom).unwrap();
        if ordered != before && kms(bench).replace_account(&before, &ordered).unwrap() {
            self.renewals += 1;
        }
    }

    /// With servers that stay: everything is asked once more, and the account is what both sides think.
    async fn last_look(&mut self, bench: &Bench) {
        let http = bench.http();
        self.replay(&http).await.unwrap();
        self.order_renewal(bench);
        for _ in 0..9 {
            self.ask(&http).await.unwrap();
        }
        self.replay(&http).await.unwrap();
        assert!(self.sets.len() >= 2, "keys of this period and the next");
        let account = kms(bench).account(&self.user_uri).unwrap().unwrap();
        assert_eq!(
            account.generation,
            1 + self.renewals,
            "an order was lost or done twice"
        );
        assert!(
            account.pending.is_none(),
            "new keys were given and not taken"
        );
        let current = account.current.unwrap();
        assert!(self.keys.signer() == current.integrity.as_ref());
    }
}

fn kms(bench: &Bench) -> roger_adapter_store::KmsStore {
    bench.store.kms(&KmsUri::new(KMS).unwrap())
}
