//! A provider with its stores, and the relying party of a UE.

use core::cell::{Cell, RefCell};
use roger_base::{McpttId, UnixTime};
use roger_oidc::client::{LoginAttempt, RelyingParty, Tokens};
use roger_oidc::form;
use roger_oidc::provider::memory::MemoryStore;
use roger_oidc::provider::{
    Account, AccountDirectory, Authentication, AuthorizationRequest, Client, ClientDetails,
    ClientKind, Federation, StoreError, TokenAct, TokenEndpoint, TokenError, TokenErrorCode,
    TokenEvent, TokenLog, TokenPolicy, TokenResponse,
};
use roger_oidc::{
    AccessTokenVerifier, Algorithm, Amr, ClockSkew, Issuer, JwkSet, OauthClientId, OtherServiceIds,
    RedirectUri, ScopeSet, SigningKey, Subject, TrustedIssuer,
};
use roger_testkit::SeededRandom;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

pub const NOW: UnixTime = UnixTime(1_760_000_000);
pub const ISSUER: &str = "https://idm.mcptt.example.org";
pub const REDIRECT: &str = "org.example.mcptt:/cb";

#[derive(Default)]
pub struct Accounts(pub Mutex<HashMap<Subject, Account>>);

impl AccountDirectory for Accounts {
    fn account(&self, subject: &Subject) -> Result<Option<Account>, StoreError> {
        Ok(self.0.lock().unwrap().get(subject).cloned())
    }
}

/// Remembers every act; keeps nothing while it is broken.
#[derive(Default)]
pub struct Log {
    pub acts: RefCell<Vec<(TokenAct, Option<String>)>>,
    pub broken: Cell<bool>,
}

impl Log {
    pub fn heard(&self) -> Vec<TokenAct> {
        self.acts.take().into_iter().map(|(act, _)| act).collect()
    }
}

impl TokenLog for Log {
    fn ready(&self) -> Result<(), StoreError> {
        match self.broken.get() {
            true => Err(StoreError::LocalUnavailable("no log".to_owned())),
            false => Ok(()),
        }
    }

    fn keep(&self, event: &TokenEvent<'_>) -> Result<(), StoreError> {
        self.ready()?;
        let subject = event.subject.map(|subject| subject.as_str().to_owned());
        self.acts.borrow_mut().push((event.act, subject));
        Ok(())
    }
}

pub struct Bench {
    pub store: Arc<MemoryStore>,
    pub log: Log,
    pub accounts: Accounts,
    pub key: SigningKey,
    pub issuer: Issuer,
    pub policy: TokenPolicy,
    pub federation: Federation,
    pub partner_users: HashMap<(Issuer, Subject), Subject>,
    pub random: SeededRandom,
}

pub fn client(id: &str, kind: ClientKind) -> Client {
    Client {
        id: OauthClientId::new(id).unwrap(),
        name: "Roger".to_owned(),
        kind,
        redirect_uris: vec![
            RedirectUri::new(REDIRECT).unwrap(),
            RedirectUri::new("http://127.0.0.1:4711/cb").unwrap(),
        ],
        scopes: ScopeSet::every_mcptt_scope(),
        details: ClientDetails::default(),
    }
}

impl Bench {
    pub fn new() -> Self {
        let bench = Self {
            store: Arc::new(MemoryStore::default()),
            log: Log::default(),
            accounts: Accounts::default(),
            key: SigningKey::generate(Algorithm::Es256).unwrap(),
            issuer: Issuer::new(ISSUER).unwrap(),
            policy: TokenPolicy::default(),
            federation: Federation::default(),
            partner_users: HashMap::new(),
            random: SeededRandom::new(7),
        };
        bench
            .store
            .add_client(client("app", ClientKind::Public))
            .unwrap();
        bench
            .store
            .add_client(client("other-app", ClientKind::Public))
            .unwrap();
        for name in ["alice", "bob"] {
            let account = account(name);
            bench
                .accounts
                .0
                .lock()
                .unwrap()
                .insert(account.subject.clone(), account);
        }
        bench
    }

    pub fn party(&self) -> RelyingParty {
        RelyingParty {
            issuer: self.issuer.clone(),
            authorization_endpoint: format!("{ISSUER}/oauth2/authorize"),
            token_endpoint: format!("{ISSUER}/oauth2/token"),
            client_id: OauthClientId::new("app").unwrap(),
            redirect_uri: RedirectUri::new(REDIRECT).unwrap(),
            secret: None,
        }
    }

    pub fn log_in(&mut self) -> (LoginAttempt, String) {
        let scopes = ScopeSet::parse(
            "openid 3gpp:mc:ptt_service 3gpp:mc:ptt_key_management_service foreign:x",
        )
        .unwrap();
        let (attempt, url) = self.party().log_in(&scopes, &mut self.random).unwrap();
        (attempt, url.split_once('?').unwrap().1.to_owned())
    }

    /// The redirect that ends a good log-in of `name`.
    pub fn redirect(&mut self, query: &str, name: &str) -> String {
        let request = AuthorizationRequest::check(query, &*self.store).unwrap();
        let user = Authentication {
            account: account(name),
            at: NOW,
            amr: Amr::Password,
            session: None,
        };
        request
            .grant(&user, &self.policy, NOW, &*self.store, &mut self.random)
            .unwrap()
    }

    pub fn token_at(
        &mut self,
        authorization: Option<&str>,
        body: &str,
        now: UnixTime,
    ) -> Result<TokenResponse, TokenError> {
        let endpoint = TokenEndpoint {
            issuer: &self.issuer,
            audience: "https://mcptt.example.org",
            clients: &*self.store,
            accounts: &self.accounts,
            grants: &*self.store,
            key: &self.key,
            keys: &JwkSet::new(vec![self.key.public().clone()]),
            policy: &self.policy,
            federation: &self.federation,
            partner_users: &self.partner_users,
            log: &self.log,
        };
        endpoint.handle(authorization, body, now, &mut self.random)
    }

    pub fn token(&mut self, body: &str) -> Result<TokenResponse, TokenError> {
        self.token_at(None, body, NOW)
    }

    pub fn keys(&self) -> JwkSet {
        JwkSet::new(vec![self.key.public().clone()])
    }

    pub fn verifier(&self) -> AccessTokenVerifier {
        let trusted = TrustedIssuer {
            issuer: self.issuer.clone(),
            keys: self.keys(),
        };
        AccessTokenVerifier::new(vec![trusted], ClockSkew::MAX).with_revocations(self.store.clone())
    }

    /// A whole log-in; gives the tokens and the form that redeemed the code.
    pub fn logged_in(&mut self, name: &str) -> (Tokens, String) {
        let (attempt, query) = self.log_in();
        let redirect = self.redirect(&query, name);
        let request = attempt.on_redirect(&redirect).unwrap();
        let body = String::from_utf8(request.body().expose().to_vec()).unwrap();
        let response = self.token(&body).unwrap();
        (
            request
                .on_answer(response.to_json().expose(), &self.keys(), NOW)
                .unwrap(),
            body,
        )
    }
}

pub fn account(name: &str) -> Account {
    Account {
        subject: Subject::new(format!("subject-of-{name}")).unwrap(),
        mcptt_id: McpttId::new(format!("sip:{name}@mcptt.example.org")).unwrap(),
        others: OtherServiceIds::default(),
        entitlement: ScopeSet::every_mcptt_scope(),
    }
}

/// The form with one parameter changed, or taken out when the value is `None`.
pub fn with(text: &str, name: &str, value: Option<&str>) -> String {
    let mut pairs: Vec<(String, String)> = url::form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect();
    pairs.retain(|(given, _)| given != name);
    pairs.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    let borrowed: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    form::encode(&borrowed)
}

pub fn code<T>(result: Result<T, TokenError>) -> TokenErrorCode {
    result.err().expect("a refusal").code
}
