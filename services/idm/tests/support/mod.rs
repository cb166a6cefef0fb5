//! An IdM server in memory with two users and four clients.
#![allow(dead_code, unreachable_pub)]

use base64::Engine as _;
use roger_base::{McpttId, SecretBytes, UnixTime};
use roger_idm::memory::{MemoryAudit, MemoryBrowsers, MemorySessions, MemoryStore, MemoryUsers};
use roger_idm::ports::{SecondFactorRepository as _, UserRepository as _};
use roger_idm::{
    Failures, Idm, IdmConfig, LoginAnswer, LoginName, LoginStep, Password, PasswordHash, Ports,
    SecondFactor, TotpSecret, User, UserState,
};
use roger_oidc::client::{LoginAttempt, RelyingParty, Tokens};
use roger_oidc::form;
use roger_oidc::provider::{
    Client, ClientDetails, ClientKind, ConsentPolicy, Introspection, TokenErrorCode,
};
use roger_oidc::{
    BrowserKey, ClientSecret, Issuer, LoginSessionKey, McVideoId, OauthClientId, OtherServiceIds,
    RedirectUri, ScopeSet, Subject,
};
use roger_testkit::SeededRandom;
use std::sync::{Arc, LazyLock};

pub const NOW: UnixTime = UnixTime(1_760_000_000);
pub const ISSUER: &str = "https://idm.mcptt.example.org";
pub const SECRET: &str = "a secret of a resource server that is long";

static HASH: LazyLock<PasswordHash> = LazyLock::new(|| {
    PasswordHash::of(&Password::new("secret").unwrap(), &mut SeededRandom::new(3)).unwrap()
});

pub struct Bench {
    pub idm: Idm,
    pub users: Arc<MemoryUsers>,
    pub audit: Arc<MemoryAudit>,
    pub store: Arc<MemoryStore>,
    pub random: SeededRandom,
}

pub fn user(name: &str) -> User {
    User {
        subject: Subject::new(format!("subject-of-{name}")).unwrap(),
        login: LoginName::new(name).unwrap(),
        password: HASH.clone(),
        mcptt_id: McpttId::new(format!("sip:{name}@mcptt.example.org")).unwrap(),
        others: OtherServiceIds {
            mcvideo: Some(McVideoId::new(format!("sip:{name}@video.example.org")).unwrap()),
            mcdata: None,
        },
        entitlement: ScopeSet::every_mc_scope(),
        state: UserState::Enabled,
        failures: Failures::default(),
    }
}

pub fn client(id: &str, kind: ClientKind, consent: ConsentPolicy) -> Client {
    Client {
        id: OauthClientId::new(id).unwrap(),
        name: id.to_owned(),
        kind,
        redirect_uris: vec![RedirectUri::new("org.example.mcptt:/cb").unwrap()],
        scopes: ScopeSet::every_mc_scope(),
        details: ClientDetails {
            consent,
            post_logout_redirect_uris: vec![RedirectUri::new("org.example.mcptt:/bye").unwrap()],
            ..ClientDetails::default()
        },
    }
}

impl Bench {
    pub fn new() -> Self {
        let users = Arc::new(MemoryUsers::default());
        let store = Arc::new(MemoryStore::default());
        let audit = Arc::new(MemoryAudit::default());
        users.add(&user("alice")).unwrap();
        users.add(&user("bob")).unwrap();
        let secret = ClientSecret::new(SECRET).unwrap().digest();
        for client in [
            client("app", ClientKind::Public, ConsentPolicy::Implied),
            client("stranger", ClientKind::Public, ConsentPolicy::Ask),
            client(
                "site",
                ClientKind::Confidential { secret },
                ConsentPolicy::Implied,
            ),
            client(
                "gms",
                ClientKind::ResourceServer { secret },
                ConsentPolicy::Implied,
            ),
        ] {
            store.add_client(client).unwrap();
        }
        let ports = Ports {
            users: users.clone(),
            clients: store.clone(),
            grants: store.clone(),
            sessions: Arc::new(MemorySessions::default()),
            browsers: Arc::new(MemoryBrowsers::default()),
            consents: users.clone(),
            factors: users.clone(),
            passkeys: None,
            keys: users.clone(),
            audit: audit.clone(),
        };
        let config = IdmConfig::new(Issuer::new(ISSUER).unwrap(), "https://mcptt.example.org");
        Self {
            idm: Idm::start(config, ports, NOW).unwrap(),
            users,
            audit,
            store,
            random: SeededRandom::new(9),
        }
    }

    pub fn query(&mut self, client: &str, scopes: &str, extra: &str) -> (LoginAttempt, String) {
        let party = RelyingParty {
            issuer: Issuer::new(ISSUER).unwrap(),
            authorization_endpoint: format!("{ISSUER}/oauth2/authorize"),
            token_endpoint: format!("{ISSUER}/oauth2/token"),
            client_id: OauthClientId::new(client).unwrap(),
            redirect_uri: RedirectUri::new("org.example.mcptt:/cb").unwrap(),
            secret: None,
        };
        let scopes = ScopeSet::parse(scopes).unwrap();
        let (attempt, url) = party.log_in(&scopes, &mut self.random).unwrap();
        (
            attempt,
            format!("{}{extra}", url.split_once('?').unwrap().1),
        )
    }

    pub fn authorize(
        &mut self,
        client: &str,
        extra: &str,
        browser: Option<&BrowserKey>,
        now: UnixTime,
    ) -> (LoginAttempt, LoginStep) {
        let (attempt, query) = self.query(client, "openid 3gpp:mc:ptt_service", extra);
        let answer = self.idm.authorize(&query, browser, now, &mut self.random);
        (attempt, answer.unwrap().step)
    }

    pub fn submit(
        &mut self,
        session: &LoginSessionKey,
        fields: &[(&str, &str)],
        now: UnixTime,
    ) -> LoginAnswer {
        let own = [("session", session.expose())];
        let fields: Vec<_> = own.iter().chain(fields).copied().collect();
        let body = form::encode(&fields);
        self.idm
            .submit_login(&body, Some(session), now, &mut self.random)
            .unwrap()
    }

    pub fn password(&mut self, session: &LoginSessionKey, name: &str) -> LoginAnswer {
        let fields = [("username", name), ("password", "secret")];
        self.submit(session, &fields, NOW)
    }

    /// A log-in of the ordinary app; gives the browser's cookie, the attempt and the redirect.
    pub fn logged_in(&mut self, name: &str) -> (BrowserKey, LoginAttempt, String) {
        let (attempt, step) = self.authorize("app", "", None, NOW);
        let answer = self.password(&form_key(step), name);
        let signed_on = answer.signed_on.unwrap();
        (signed_on.key, attempt, redirect(answer.step))
    }

    pub fn tokens(&mut self, attempt: LoginAttempt, redirect: &str) -> Tokens {
        let request = attempt.on_redirect(redirect).unwrap();
        let body = text(request.body());
        let answer = self.idm.token(None, &body, NOW, &mut self.random).unwrap();
        request
            .on_answer(answer.to_json().expose(), &self.idm.public_keys(), NOW)
            .unwrap()
    }

    pub fn refresh(&mut self, tokens: &Tokens) -> Result<(), TokenErrorCode> {
        let token = tokens.refresh_token.as_ref().unwrap().expose();
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", "app"),
            ("refresh_token", token),
        ];
        let body = form::encode(&fields);
        let answer = self.idm.token(None, &body, NOW, &mut self.random);
        answer.map(|_| ()).map_err(|error| error.code)
    }

    pub fn enrol(&mut self, name: &str) -> TotpSecret {
        let secret = TotpSecret::random(&mut self.random).unwrap();
        let factor = SecondFactor {
            secret: secret.clone(),
            last_step: 0,
            recovery: vec![roger_oidc::TokenDigest::of(b"AAAABBBBCCCCDDDD")],
        };
        let subject = Subject::new(format!("subject-of-{name}")).unwrap();
        self.users
            .put_second_factor(&subject, Some(&factor))
            .unwrap();
        secret
    }

    pub fn introspect(&self, token: &str) -> Introspection {
        let body = form::encode(&[("token", token)]);
        self.idm
            .introspect(Some(&basic("gms")), &body, NOW)
            .unwrap()
    }
}

pub fn text(octets: &SecretBytes) -> String {
    String::from_utf8(octets.expose().to_vec()).unwrap()
}

pub fn basic(client: &str) -> String {
    let pair = format!("{client}:{}", SECRET.replace(' ', "+"));
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(pair)
    )
}

pub fn form_key(step: LoginStep) -> LoginSessionKey {
    match step {
        LoginStep::Form(form)
        | LoginStep::AskCode(form)
        | LoginStep::WrongCode(form)
        | LoginStep::AskConsent(form, _) => form.session,
        LoginStep::Redirect(location) => panic!("{location}"),
        LoginStep::Account => panic!("the account"),
        LoginStep::TryAgain(_) | LoginStep::WrongPasskey(_) | LoginStep::Wait(..) => {
            panic!("refused")
        }
    }
}

pub fn redirect(step: LoginStep) -> String {
    match step {
        LoginStep::Redirect(location) => location,
        _ => panic!("a page"),
    }
}

pub fn claims(token: &str) -> serde_json::Value {
    let payload = token.split('.').nth(1).unwrap();
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    serde_json::from_slice(&engine.decode(payload).unwrap()).unwrap()
}

pub fn after(seconds: u64) -> UnixTime {
    UnixTime(NOW.0 + seconds)
}

/// What an authenticator app makes of the key that a person types.
pub fn app_secret(typed: &str) -> TotpSecret {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits = typed.chars().flat_map(|c| {
        let value = alphabet.find(c).unwrap();
        (0..5).rev().map(move |bit| value >> bit & 1)
    });
    let bits: Vec<usize> = bits.collect();
    let octets = bits.chunks_exact(8);
    let octets = octets.map(|octet| octet.iter().fold(0, |all, bit| all << 1 | *bit as u8));
    TotpSecret::from_octets(SecretBytes::new(octets.collect()))
}
