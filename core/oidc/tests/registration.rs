//! Clients that register themselves, and everybody who must not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use core::cell::{Cell, RefCell};
use roger_base::UnixTime;
use roger_oidc::provider::memory::MemoryStore;
use roger_oidc::provider::{
    ClientAct, ClientKind, ClientRegistry, ClientRepository, ConsentPolicy, RegistrationEndpoint,
    RegistrationPermit, RegistrationRefusal, StoreError,
};
use roger_oidc::{InitialAccessToken, OauthClientId, ScopeSet};
use roger_testkit::SeededRandom;
use rstest::rstest;
use serde_json::{Value, json};

const NOW: UnixTime = UnixTime(1_760_000_000);
const URL: &str = "https://idm.example.org/oauth2/register";

struct Bench {
    store: MemoryStore,
    scopes: ScopeSet,
    permit: String,
    random: SeededRandom,
    acts: RefCell<Vec<ClientAct>>,
    broken: Cell<bool>,
}

impl Bench {
    fn new(uses: u32) -> Self {
        let mut random = SeededRandom::new(1);
        let token = InitialAccessToken::random(&mut random).unwrap();
        let store = MemoryStore::default();
        let permit = RegistrationPermit {
            uses,
            expires_at: UnixTime(NOW.0 + 100),
        };
        store.put_permit(&token.digest(), &permit).unwrap();
        Self {
            store,
            scopes: ScopeSet::every_mcptt_scope(),
            permit: format!("Bearer {}", token.expose()),
            random,
            acts: RefCell::default(),
            broken: Cell::new(false),
        }
    }

    fn endpoint(&self) -> RegistrationEndpoint<'_> {
        RegistrationEndpoint {
            url: URL,
            registry: &self.store,
            grants: &self.store,
            scopes: &self.scopes,
            log: Box::new(|act, _| {
                if self.broken.get() {
                    return Err(StoreError::LocalUnavailable("no log".to_owned()));
                }
                self.acts.borrow_mut().push(act);
                Ok(())
            }),
        }
    }

    fn register_at(&mut self, body: &Value, now: UnixTime) -> Result<Value, RegistrationRefusal> {
        let mut random = self.random.clone();
        let (permit, body) = (self.permit.clone(), body.to_string());
        let answer = self
            .endpoint()
            .register(Some(&permit), body.as_bytes(), now, &mut random);
        self.random = random;
        answer.map(|json| serde_json::from_slice(json.expose()).unwrap())
    }

    fn register(&mut self, body: &Value) -> Result<Value, RegistrationRefusal> {
        self.register_at(body, NOW)
    }
}

fn app(uri: &str) -> Value {
    json!({
        "application_type": "native",
        "token_endpoint_auth_method": "none",
        "client_name": "App",
        "redirect_uris": [uri],
        "scope": "openid 3gpp:mc:ptt_service foreign:x",
    })
}

#[test]
fn an_app_registers_itself_and_its_users_are_asked() {
    let mut bench = Bench::new(1);
    let answer = bench.register(&app("org.example.app:/cb")).unwrap();
    assert_eq!(answer["scope"], "3gpp:mc:ptt_service openid");
    assert!(answer.get("client_secret").is_none());
    let id = answer["client_id"].as_str().unwrap();
    assert_eq!(answer["registration_client_uri"], format!("{URL}/{id}"));
    let client = bench.store.client(&OauthClientId::new(id).unwrap());
    let client = client.unwrap().unwrap();
    assert_eq!(client.kind, ClientKind::Public);
    assert_eq!(client.details.consent, ConsentPolicy::Ask);
}

#[test]
fn a_site_gets_a_secret_by_default() {
    let mut bench = Bench::new(1);
    let site = json!({"redirect_uris": ["https://site.example.org/cb"]});
    let answer = bench.register(&site).unwrap();
    assert_eq!(answer["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!(answer["client_secret"].as_str().unwrap().len(), 43);
    assert_eq!(answer["client_secret_expires_at"], 0);
}

#[test]
fn a_permit_has_its_uses_and_its_end_and_a_refused_request_takes_none() {
    let mut bench = Bench::new(1);
    let good = app("org.example.app:/cb");
    assert!(bench.register(&app("javascript:alert(1)")).is_err());
    let late = bench.register_at(&good, UnixTime(NOW.0 + 100));
    assert_eq!(late, Err(RegistrationRefusal::DeniedToken));
    assert!(bench.register(&good).is_ok());
    assert_eq!(bench.register(&good), Err(RegistrationRefusal::DeniedToken));
    bench.permit = format!("Bearer {}", "a".repeat(43));
    assert_eq!(bench.register(&good), Err(RegistrationRefusal::DeniedToken));
    let body = good.to_string();
    let none = bench
        .endpoint()
        .register(None, body.as_bytes(), NOW, &mut SeededRandom::new(2));
    assert_eq!(none.err(), Some(RegistrationRefusal::DeniedToken));
}

#[rstest]
#[case("native", "org.example.app:/cb", true)]
#[case("native", "http://127.0.0.1/cb", true)]
#[case("native", "http://[::1]/cb", true)]
#[case("native", "https://app.example.org/cb", true)]
#[case("native", "myapp:/cb", false)]
#[case("native", "http://localhost/cb", false)]
#[case("native", "http://192.0.2.1/cb", false)]
#[case("native", "http://app.example.org/cb", false)]
#[case("native", "javascript:alert(1)", false)]
#[case("native", "data:text/html,x", false)]
#[case("native", "org.example.app:/cb#x", false)]
#[case("web", "https://site.example.org/cb", true)]
#[case("web", "https://localhost/cb", false)]
#[case("web", "https://user@site.example.org/cb", false)]
#[case("web", "http://site.example.org/cb", false)]
#[case("web", "http://127.0.0.1/cb", false)]
#[case("web", "org.example.app:/cb", false)]
fn redirect_uris_fit_the_kind_of_application(
    #[case] kind: &str,
    #[case] uri: &str,
    #[case] good: bool,
) {
    let mut bench = Bench::new(1);
    let mut body = app(uri);
    body["application_type"] = kind.into();
    match bench.register(&body) {
        Ok(_) => assert!(good, "{uri}"),
        Err(refusal) => {
            assert!(!good, "{uri}: {refusal}");
            assert_eq!(refusal.code(), "invalid_redirect_uri");
        }
    }
}

#[rstest]
#[case("application_type", json!("toaster"))]
#[case("token_endpoint_auth_method", json!("client_secret_post"))]
#[case("grant_types", json!(["implicit"]))]
#[case("response_types", json!(["token"]))]
#[case("client_name", json!("a\nb"))]
#[case("client_name", json!("x".repeat(65)))]
#[case("scope", json!("3gpp:mc:ptt_service"))]
#[case("redirect_uris", json!("org.example.app:/cb"))]
fn other_metadata_is_refused(#[case] name: &str, #[case] value: Value) {
    let mut bench = Bench::new(1);
    let mut body = app("org.example.app:/cb");
    body[name] = value;
    let refused = bench.register(&body).err().unwrap();
    assert_eq!(refused.code(), "invalid_client_metadata");
}

#[test]
fn a_client_reads_changes_and_deletes_only_its_own_registration() {
    let mut bench = Bench::new(2);
    let own = bench.register(&app("org.example.app:/cb")).unwrap();
    let other = bench.register(&app("org.example.other:/cb")).unwrap();
    let (id, token) = (
        own["client_id"].as_str().unwrap(),
        format!(
            "Bearer {}",
            own["registration_access_token"].as_str().unwrap()
        ),
    );
    let others = format!(
        "Bearer {}",
        other["registration_access_token"].as_str().unwrap()
    );
    let endpoint = bench.endpoint();
    let mut change = app("org.example.app:/new");
    change["client_id"] = id.into();
    let changed = change.to_string();
    for wrong in [None, Some(others.as_str()), Some(bench.permit.as_str())] {
        let denied = Some(RegistrationRefusal::DeniedToken);
        assert_eq!(endpoint.read(id, wrong).err(), denied);
        assert_eq!(endpoint.update(id, wrong, changed.as_bytes()).err(), denied);
        assert_eq!(endpoint.delete(id, wrong).err(), denied);
    }
    let read = endpoint.read(id, Some(&token)).unwrap();
    let read: Value = serde_json::from_slice(read.expose()).unwrap();
    assert_eq!(read["redirect_uris"], json!(["org.example.app:/cb"]));
    assert!(read.get("registration_access_token").is_none());

    endpoint
        .update(id, Some(&token), changed.as_bytes())
        .unwrap();
    let client = bench
        .store
        .client(&OauthClientId::new(id).unwrap())
        .unwrap();
    assert_eq!(
        client.unwrap().redirect_uris[0].as_str(),
        "org.example.app:/new"
    );
    for (name, value) in [
        ("client_id", json!(other["client_id"])),
        ("client_secret", json!("made up")),
        ("token_endpoint_auth_method", json!("client_secret_basic")),
    ] {
        let mut wrong = change.clone();
        wrong[name] = value;
        let refused = endpoint.update(id, Some(&token), wrong.to_string().as_bytes());
        assert_eq!(refused.err().unwrap().code(), "invalid_client_metadata");
    }
    assert_eq!(endpoint.delete(id, Some(&token)), Ok(()));
    assert_eq!(
        endpoint.read(id, Some(&token)).err(),
        Some(RegistrationRefusal::DeniedToken)
    );
    use ClientAct::{Changed, Registered, Removed};
    let heard = bench.acts.take();
    assert_eq!(heard.iter().filter(|act| **act == Registered).count(), 2);
    assert!(heard.contains(&Changed) && heard.ends_with(&[Removed]));
}

#[test]
fn without_its_log_nothing_is_registered() {
    let mut bench = Bench::new(2);
    bench.broken.set(true);
    let refused = bench.register(&app("org.example.app:/cb")).err().unwrap();
    assert_eq!(refused.http_status(), 503);
    bench.broken.set(false);
    let own = bench.register(&app("org.example.app:/cb")).unwrap();
    let id = own["client_id"].as_str().unwrap();
    let token = own["registration_access_token"].as_str().unwrap();
    let token = format!("Bearer {token}");
    bench.broken.set(true);
    let refused = bench.endpoint().delete(id, Some(&token)).err().unwrap();
    assert_eq!(refused.http_status(), 503);
    bench.broken.set(false);
    assert!(bench.endpoint().read(id, Some(&token)).is_ok());
}
