//! The pages of the IdM server in a real browser: log-in, consent, passkeys by its virtual authenticator, and how they
//! look. `scripts/screenshots` keeps the pictures.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

#[path = "support/chromium.rs"]
mod chromium;
mod support;

use chromium::{Chromium, Finger};
use roger_adapter_http::OsRandom;
use roger_idm::ports::SecondFactorRepository as _;
use roger_idm::{SecondFactor, TotpSecret};
use roger_oidc::client::{LoginAttempt, RelyingParty};
use roger_oidc::provider::{Client, ClientDetails, ClientKind, ConsentPolicy};
use roger_oidc::{Amr, OauthClientId, RedirectUri, ScopeSet, Subject};
use serde_json::json;
use std::path::PathBuf;
use support::Bench;

/// A site with a callback of its own, whose users are asked.
struct Scene {
    bench: Bench,
    browser: Chromium,
}

impl Scene {
    async fn new() -> Self {
        let bench = Bench::start_on_localhost().await;
        let site = Client {
            id: OauthClientId::new("site").unwrap(),
            name: "Dispatch desk".to_owned(),
            kind: ClientKind::Public,
            redirect_uris: vec![RedirectUri::new(bench.url("/callback")).unwrap()],
            scopes: ScopeSet::every_mcptt_scope(),
            details: ClientDetails {
                consent: ConsentPolicy::Ask,
                ..ClientDetails::default()
            },
        };
        bench.store.add_client(site).unwrap();
        let browser = Chromium::start(&bench.spki_digest).await;
        Self { bench, browser }
    }

    fn party(&self) -> RelyingParty {
        RelyingParty {
            client_id: OauthClientId::new("site").unwrap(),
            redirect_uri: RedirectUri::new(self.bench.url("/callback")).unwrap(),
            ..self.bench.party()
        }
    }

    /// Opens the log-in of the site.
    async fn begin(&self) -> LoginAttempt {
        let scopes = ScopeSet::every_mcptt_scope();
        let (attempt, url) = self.party().log_in(&scopes, &mut OsRandom).unwrap();
        self.browser.goto(&url).await;
        attempt
    }

    async fn password(&self) {
        self.browser.fill("#username", "alice").await;
        self.browser.fill("#password", "secret").await;
        self.browser.press("Log in").await;
    }

    /// The methods that the tokens at the end of a log-in tell.
    async fn methods(&self, attempt: LoginAttempt) -> serde_json::Value {
        use base64::Engine as _;
        let url = self.browser.until_at("/callback?").await;
        let request = attempt.on_redirect(url.as_str()).unwrap();
        let body = String::from_utf8(request.body().expose().to_vec()).unwrap();
        let now = roger_adapter_http::Clock::now(&*self.bench.clock);
        let answer = self.bench.idm.token(None, &body, now, &mut OsRandom);
        let token = answer.unwrap().id_token.unwrap();
        let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let claims = token.expose().split('.').nth(1).unwrap();
        let claims: serde_json::Value =
            serde_json::from_slice(&engine.decode(claims).unwrap()).unwrap();
        assert_eq!(claims["sub"], "subject-of-alice");
        claims["amr"].clone()
    }

    /// A browser that nobody is logged in in.
    async fn forget(&self) {
        // WebDriver deletes those of the page alone, and a callback without a page is none.
        let all = "Network.clearBrowserCookies";
        self.browser.devtools(all, json!({})).await;
    }

    async fn open_account(&self) {
        self.forget().await;
        self.browser.goto(&self.bench.url("/account")).await;
        self.browser.until("your account").await;
        self.password().await;
        self.browser.until("Logged in as alice").await;
    }

    async fn end(self) {
        self.browser.close().await;
        self.bench.server.shut_down().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_logs_in_by_password_and_consents_with_script_off() {
    let scene = Scene::new().await;
    let off = json!({ "value": true });
    scene
        .browser
        .devtools("Emulation.setScriptExecutionDisabled", off)
        .await;
    let attempt = scene.begin().await;
    assert!(!scene.browser.shows("Sign in with a passkey").await);
    scene.browser.fill("#username", "alice").await;
    scene.browser.fill("#password", "guess").await;
    scene.browser.press("Log in").await;
    scene.browser.until("User name or password is wrong.").await;
    scene.password().await;
    scene.browser.until("Dispatch desk wants to use").await;
    scene.browser.press("Allow").await;
    assert_eq!(scene.methods(attempt).await, json!(["pwd"]));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_is_registered_on_the_account_page_and_logs_in_alone() {
    let scene = Scene::new().await;
    let authenticator = scene.browser.authenticator(Finger::Right).await;
    scene.open_account().await;
    scene.browser.fill("#name", "my phone").await;
    scene.browser.press("Add a passkey").await;
    scene.browser.until("my phone").await;
    // The same authenticator says that it has one already.
    scene.browser.press("Add a passkey").await;
    scene
        .browser
        .until("This device has a passkey for your account already.")
        .await;

    scene.forget().await;
    let attempt = scene.begin().await;
    scene.browser.touch(&authenticator, Finger::Wrong).await;
    scene.browser.press("Sign in with a passkey").await;
    scene.browser.until("The passkey was not used.").await;
    scene.browser.touch(&authenticator, Finger::Right).await;
    scene.browser.press("Sign in with a passkey").await;
    scene.browser.until("Dispatch desk wants to use").await;
    scene.browser.press("Allow").await;
    assert_eq!(scene.methods(attempt).await, json!(Amr::Passkey.values()));

    // A passkey opens the account pages, too, and may go.
    scene.forget().await;
    scene.browser.goto(&scene.bench.url("/account")).await;
    scene.browser.press("Sign in with a passkey").await;
    scene.browser.until("Logged in as alice").await;
    scene.browser.press("Remove").await;
    scene.browser.until("A passkey logs you in").await;
    scene.forget().await;
    scene.begin().await;
    scene.browser.press("Sign in with a passkey").await;
    scene.browser.until("This passkey was not accepted.").await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_on_a_ring_is_asked_for_after_the_password() {
    let scene = Scene::new().await;
    scene.browser.authenticator(Finger::NoSensor).await;
    scene.open_account().await;
    scene.browser.press("Add a passkey").await;
    scene.browser.until("cannot check your finger").await;
    scene
        .browser
        .page
        .execute(
            "document.querySelector('[name=second_factor]').click()",
            Vec::new(),
        )
        .await
        .unwrap();
    scene.browser.press("Add a passkey").await;
    scene.browser.until("to your account").await;
    // From now on the password alone shows nothing, not even to the one who has just added the key.
    scene.password().await;
    scene.browser.press("Use your passkey").await;
    scene
        .browser
        .until("Also asked for after your password")
        .await;

    scene.forget().await;
    let attempt = scene.begin().await;
    scene.password().await;
    scene.browser.until("Now use your passkey.").await;
    scene.browser.press("Use your passkey").await;
    scene.browser.until("Dispatch desk wants to use").await;
    scene.browser.press("Allow").await;
    let both = json!(Amr::PasswordAndPasskey.values());
    assert_eq!(scene.methods(attempt).await, both);
    scene.end().await;
}

const SIZES: [(&str, u32, u32); 2] = [("phone", 390, 844), ("desktop", 1280, 800)];

impl Scene {
    /// Takes pictures of a page at both sizes; nothing may be wider than the window.
    async fn pictures(&self, name: &str) {
        use base64::Engine as _;
        for (size, width, height) in SIZES {
            let metrics = json!({
                "width": width,
                "height": height,
                "deviceScaleFactor": 1,
                "mobile": size == "phone",
            });
            let browser = &self.browser;
            browser
                .devtools("Emulation.setDeviceMetricsOverride", metrics)
                .await;
            let wide = "return document.documentElement.scrollWidth";
            let wide = browser.page.execute(wide, Vec::new()).await.unwrap();
            assert_eq!(wide, json!(width), "{name} is wider than a {size}");
            let shot = browser.devtools("Page.captureScreenshot", json!({})).await;
            let png = base64::engine::general_purpose::STANDARD
                .decode(shot["data"].as_str().unwrap())
                .unwrap();
            assert!(png.starts_with(b"\x89PNG"));
            if let Some(folder) = std::env::var_os("ROGER_SCREENSHOTS") {
                let file = PathBuf::from(folder).join(format!("{name}-{size}.png"));
                std::fs::write(file, png).unwrap();
            }
        }
        let none = json!({});
        self.browser
            .devtools("Emulation.clearDeviceMetricsOverride", none)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_a_phone_and_a_desktop() {
    let scene = Scene::new().await;
    scene.browser.authenticator(Finger::Right).await;
    scene.begin().await;
    scene.pictures("login").await;
    scene.browser.fill("#username", "alice").await;
    scene.browser.fill("#password", "guess").await;
    scene.browser.press("Log in").await;
    scene.browser.until("is wrong").await;
    scene.pictures("error").await;
    scene.password().await;
    scene.browser.until("wants to use").await;
    scene.pictures("consent").await;

    scene.open_account().await;
    scene
        .browser
        .fill("#name", "A passkey with a rather long name")
        .await;
    scene.browser.press("Add a passkey").await;
    scene.browser.until("rather long").await;
    scene.pictures("account").await;

    let alice = Subject::new("subject-of-alice").unwrap();
    let factor = SecondFactor {
        secret: TotpSecret::random(&mut OsRandom).unwrap(),
        last_step: 0,
        recovery: Vec::new(),
    };
    let users = &scene.bench.users;
    users.put_second_factor(&alice, Some(&factor)).unwrap();
    scene.forget().await;
    scene.begin().await;
    scene.password().await;
    scene.browser.until("Type the code").await;
    scene.pictures("second-factor").await;
    scene.end().await;
}
