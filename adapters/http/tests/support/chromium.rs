//! A headless Chromium driven through Debian's chromedriver, with its virtual authenticator.
#![allow(unreachable_pub)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use http::Method;
use roger_testkit::find_program;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use url::{ParseError, Url};

/// How long a page may take; a hanging browser must not hang the test.
const PATIENCE: Duration = Duration::from_secs(30);

/// A command of chromedriver beside those of the library.
#[derive(Debug)]
struct Extra {
    path: String,
    body: Value,
}

impl WebDriverCompatibleCommand for Extra {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!(
            "session/{}/{}",
            session.unwrap_or_default(),
            self.path
        ))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

/// Whether the virtual authenticator verifies its user.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Finger {
    Right,
    /// It can, and the finger is a wrong one.
    Wrong,
    /// It has no sensor and no PIN: presence only, as a simple key on a ring.
    NoSensor,
}

pub struct Chromium {
    driver: Child,
    pub page: Client,
    _profile: TempDir,
}

impl Chromium {
    /// Starts a browser that trusts the certificate with this key and reaches this machine only.
    pub async fn start(spki_digest: &[u8]) -> Self {
        for program in ["chromium", "chromedriver"] {
            assert!(
                find_program(program).is_some(),
                "{program} is missing: install the Debian packages chromium and chromium-driver"
            );
        }
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("successfully on port ")?.1.to_owned()));
        let port = port.unwrap().trim_end_matches('.').to_owned();
        let profile = tempfile::tempdir().unwrap();
        let trusted = STANDARD.encode(spki_digest);
        let arguments = [
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--hide-scrollbars".to_owned(),
            "--no-first-run".to_owned(),
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"
                .to_owned(),
            format!("--user-data-dir={}", profile.path().display()),
            format!("--ignore-certificate-errors-spki-list={trusted}"),
        ];
        let mut capabilities = Capabilities::new();
        capabilities.insert(
            "goog:chromeOptions".to_owned(),
            json!({ "args": arguments }),
        );
        let page = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap();
        Self {
            driver,
            page,
            _profile: profile,
        }
    }

    async fn extra(&self, path: &str, body: Value) -> Value {
        let path = path.to_owned();
        self.page.issue_cmd(Extra { path, body }).await.unwrap()
    }

    /// A command of the DevTools protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.extra("goog/cdp/execute", body).await
    }

    /// Puts an authenticator into the machine; gives its id.
    pub async fn authenticator(&self, finger: Finger) -> String {
        let body = json!({
            "protocol": "ctap2",
            "transport": if finger == Finger::NoSensor { "usb" } else { "internal" },
            "hasResidentKey": finger != Finger::NoSensor,
            "hasUserVerification": finger != Finger::NoSensor,
            "isUserVerified": finger == Finger::Right,
        });
        let id = self.extra("webauthn/authenticator", body).await;
        id.as_str().unwrap().to_owned()
    }

    /// Puts another finger on it.
    pub async fn touch(&self, authenticator: &str, finger: Finger) {
        let path = format!("webauthn/authenticator/{authenticator}/uv");
        let body = json!({ "isUserVerified": finger == Finger::Right });
        self.extra(&path, body).await;
    }

    pub async fn goto(&self, url: &str) {
        self.page.goto(url).await.unwrap();
    }

    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.page.find(Locator::Css(css)).await.unwrap();
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Presses a button or link by what it says.
    pub async fn press(&self, label: &str) {
        let path = format!("//*[self::button or self::a][normalize-space()='{label}']");
        let found = self.page.wait().at_most(PATIENCE);
        let button = found.for_element(Locator::XPath(&path)).await.unwrap();
        button.click().await.unwrap();
    }

    /// Waits until the page says something.
    pub async fn until(&self, text: &str) {
        let path = format!("//main[contains(normalize-space(), \"{text}\")]");
        let found = self.page.wait().at_most(PATIENCE);
        if found.for_element(Locator::XPath(&path)).await.is_err() {
            panic!("no {text:?} in {}", self.text().await);
        }
    }

    /// Waits until the browser is somewhere.
    pub async fn until_at(&self, part: &str) -> Url {
        let start = std::time::Instant::now();
        loop {
            let url = self.page.current_url().await.unwrap();
            if url.as_str().contains(part) {
                return url;
            }
            let waited = start.elapsed() < PATIENCE;
            assert!(waited, "at {url}, which says {}", self.text().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What a person sees.
    pub async fn text(&self) -> String {
        let body = self.page.find(Locator::Css("body")).await.unwrap();
        body.text().await.unwrap()
    }

    /// Whether a person sees a button that says this.
    pub async fn shows(&self, label: &str) -> bool {
        let path = format!("//button[normalize-space()='{label}']");
        match self.page.find(Locator::XPath(&path)).await {
            Ok(button) => button.is_displayed().await.unwrap(),
            Err(_) => false,
        }
    }

    /// Ends the browser and its driver.
    pub async fn close(mut self) {
        self.page.clone().close().await.unwrap();
        self.driver.kill().unwrap();
        self.driver.wait().unwrap();
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
