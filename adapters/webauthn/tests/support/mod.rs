//! An IdM server in memory that takes passkeys, two users, and their authenticators.
#![allow(dead_code, unreachable_pub)]

pub mod authenticator;

use authenticator::{Scene, SoftKey};
use roger_adapter_webauthn::Passkeys;
use roger_base::{McpttId, UnixTime};
use roger_idm::memory::{MemoryAudit, MemoryBrowsers, MemorySessions, MemoryStore, MemoryUsers};
use roger_idm::ports::UserRepository as _;
use roger_idm::{
    AccountFault, AccountPage, AuditAct, Failures, Idm, IdmConfig, LoginAnswer, LoginForm,
    LoginName, LoginRefusal, LoginStep, PasskeyPorts, Password, PasswordHash, Ports, User,
    UserState,
};
use roger_oidc::client::{LoginAttempt, RelyingParty};
use roger_oidc::form;
use roger_oidc::provider::{Client, ClientDetails, ClientKind};
use roger_oidc::{
    BrowserKey, Issuer, OauthClientId, OtherServiceIds, RedirectUri, ScopeSet, Subject,
};
use roger_testkit::SeededRandom;
use std::sync::{Arc, LazyLock};

pub const NOW: UnixTime = UnixTime(1_760_000_000);
pub const ISSUER: &str = "https://idm.mcptt.example.org:8443";
pub const HOST: &str = "idm.mcptt.example.org";
const REDIRECT: &str = "org.example.mcptt:/cb";

static HASH: LazyLock<PasswordHash> = LazyLock::new(|| {
    PasswordHash::of(&Password::new("secret").unwrap(), &mut SeededRandom::new(3)).unwrap()
});

pub fn scene() -> Scene {
    Scene::at(ISSUER, HOST)
}

pub struct Bench {
    pub idm: Idm,
    pub users: Arc<MemoryUsers>,
    pub audit: Arc<MemoryAudit>,
    pub random: SeededRandom,
}

pub fn subject(name: &str) -> Subject {
    Subject::new(format!("subject-of-{name}")).unwrap()
}

pub fn user(name: &str) -> User {
    User {
        subject: subject(name),
        login: LoginName::new(name).unwrap(),
        password: HASH.clone(),
        mcptt_id: McpttId::new(format!("sip:{name}@mcptt.example.org")).unwrap(),
        others: OtherServiceIds::default(),
        entitlement: ScopeSet::every_mcptt_scope(),
        state: UserState::Enabled,
        failures: Failures::default(),
    }
}

pub fn form_of(step: LoginStep) -> LoginForm {
    match step {
        LoginStep::Form(form)
        | LoginStep::AskCode(form)
        | LoginStep::WrongCode(form)
        | LoginStep::WrongPasskey(form)
        | LoginStep::TryAgain(form) => form,
        LoginStep::Redirect(location) => panic!("{location}"),
        _ => panic!("no form"),
    }
}

impl Bench {
    pub fn new() -> Self {
        let users = Arc::new(MemoryUsers::default());
        let store = Arc::new(MemoryStore::default());
        let audit = Arc::new(MemoryAudit::default());
        for name in ["alice", "bob"] {
            users.add(&user(name)).unwrap();
        }
        let client = Client {
            id: OauthClientId::new("app").unwrap(),
            name: "Roger".to_owned(),
            kind: ClientKind::Public,
            redirect_uris: vec![RedirectUri::new(REDIRECT).unwrap()],
            scopes: ScopeSet::every_mcptt_scope(),
            details: ClientDetails::default(),
        };
        store.add_client(client).unwrap();
        let issuer = Issuer::new(ISSUER).unwrap();
        let ports = Ports {
            users: users.clone(),
            clients: store.clone(),
            grants: store,
            sessions: Arc::new(MemorySessions::default()),
            browsers: Arc::new(MemoryBrowsers::default()),
            consents: users.clone(),
            factors: users.clone(),
            passkeys: Some(PasskeyPorts {
                repository: users.clone(),
                verifier: Arc::new(Passkeys::new(&issuer).unwrap()),
            }),
            keys: users.clone(),
            audit: audit.clone(),
        };
        let config = IdmConfig::new(issuer, "https://mcptt.example.org");
        Self {
            idm: Idm::start(config, ports, NOW).unwrap(),
            users,
            audit,
            random: SeededRandom::new(9),
        }
    }

    pub fn acts(&self) -> Vec<AuditAct> {
        let entries = self.audit.take();
        entries.into_iter().map(|entry| entry.act).collect()
    }

    /// The form of a log-in to the application.
    pub fn begin(&mut self, extra: &str) -> (LoginAttempt, LoginForm) {
        let party = RelyingParty {
            issuer: Issuer::new(ISSUER).unwrap(),
            authorization_endpoint: format!("{ISSUER}/oauth2/authorize"),
            token_endpoint: format!("{ISSUER}/oauth2/token"),
            client_id: OauthClientId::new("app").unwrap(),
            redirect_uri: RedirectUri::new(REDIRECT).unwrap(),
            secret: None,
        };
        let scopes = ScopeSet::every_mcptt_scope();
        let (attempt, url) = party.log_in(&scopes, &mut self.random).unwrap();
        let query = format!("{}{extra}", url.split_once('?').unwrap().1);
        let answer = self.idm.authorize(&query, None, NOW, &mut self.random);
        (attempt, form_of(answer.unwrap().step))
    }

    pub fn submit_at(
        &mut self,
        form: &LoginForm,
        fields: &[(&str, &str)],
        now: UnixTime,
    ) -> Result<LoginAnswer, LoginRefusal> {
        let own = [("session", form.session.expose())];
        let fields: Vec<_> = own.iter().chain(fields).copied().collect();
        let (body, key) = (form::encode(&fields), Some(&form.session));
        self.idm.submit_login(&body, key, now, &mut self.random)
    }

    pub fn submit(&mut self, form: &LoginForm, fields: &[(&str, &str)]) -> LoginAnswer {
        self.submit_at(form, fields, NOW).unwrap()
    }

    pub fn password(&mut self, form: &LoginForm, name: &str) -> LoginAnswer {
        self.submit(form, &[("username", name), ("password", "secret")])
    }

    /// A browser in which somebody has just logged in to the account pages by password.
    pub fn browser(&mut self, name: &str) -> BrowserKey {
        let begun = self.idm.log_in_to_account(NOW, &mut self.random).unwrap();
        let answer = self.password(&form_of(begun.step), name);
        assert!(matches!(answer.step, LoginStep::Account));
        answer.signed_on.unwrap().key
    }

    pub fn page(&self, browser: &BrowserKey) -> AccountPage {
        self.idm.account_page(Some(browser), NOW).unwrap().unwrap()
    }

    /// Posts a new passkey to the account page.
    pub fn post(
        &self,
        browser: &BrowserKey,
        token: &str,
        answer: &str,
        second_factor: bool,
        now: UnixTime,
    ) -> Result<(), AccountFault> {
        let mut fields = vec![("form", token), ("passkey", answer), ("name", "my key")];
        fields.extend(second_factor.then_some(("second_factor", "yes")));
        let body = form::encode(&fields);
        self.idm.add_passkey(&body, Some(browser), now).unwrap()
    }

    /// Registers a passkey of a user from the first log-in on.
    pub fn passkey(&mut self, name: &str, scene: &Scene, second_factor: bool) -> SoftKey {
        let browser = self.browser(name);
        let page = self.page(&browser);
        let options = page.registration.unwrap();
        let (key, answer) = SoftKey::create(&options, scene, format!("key of {name}").into_bytes());
        let added = self.post(&browser, &page.form, &answer, second_factor, NOW);
        assert_eq!(added, Ok(()));
        self.audit.take();
        key
    }
}
