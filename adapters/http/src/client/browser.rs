//! A browser without a window: opens the log-in page, fills the form and returns the redirect.
//!
//! For the demonstration, tests and machines without a screen. A UE with a screen opens the system's browser.

use super::form::{Form, first_post_form};
use super::{HttpAnswer, HttpsClient, HttpsClientError};
use axum::http::StatusCode;
use axum::http::header::{COOKIE, LOCATION, SET_COOKIE};
use roger_base::SecretBytes;
use roger_oidc::{RedirectUri, form};
use thiserror::Error;
use zeroize::Zeroizing;

/// Why the log-in page gave no redirect.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BrowserError {
    /// No answer.
    #[error(transparent)]
    Http(#[from] HttpsClientError),
    /// The page is not a log-in form.
    #[error("the IdM server answered {0} without a log-in form")]
    PeerNoForm(StatusCode),
    /// The form goes to another server than the page came from.
    #[error("the log-in form leads to another server")]
    PeerForeignForm,
    /// The password is not text.
    #[error("the password is not text")]
    LocalPassword,
    /// User name or password is wrong, or the account is locked or disabled.
    #[error("the IdM server refused user name and password (status {0})")]
    DeniedCredentials(StatusCode),
    /// A redirect to somewhere else than the application.
    #[error("the IdM server redirected somewhere else than to the application")]
    PeerForeignRedirect,
}

/// Logs in with name and password; the cookies of one log-in end with it.
pub struct LoginBrowser<'a> {
    client: &'a HttpsClient,
}

impl<'a> LoginBrowser<'a> {
    /// A browser on a client.
    #[must_use]
    pub const fn new(client: &'a HttpsClient) -> Self {
        Self { client }
    }

    /// Opens `url`, fills the form and gives the redirect to `redirect_uri`, which may carry a code or an error.
    ///
    /// # Errors
    /// [`BrowserError`] when no such redirect comes.
    pub async fn log_in(
        &self,
        url: &str,
        username: &str,
        password: &SecretBytes,
        redirect_uri: &RedirectUri,
    ) -> Result<String, BrowserError> {
        let page = self.client.get(url, None, &[]).await?;
        if page.status.is_redirection() {
            return to_application(&page, redirect_uri);
        }
        let text = core::str::from_utf8(page.body.expose()).unwrap_or_default();
        let form = first_post_form(text).filter(|_| page.status == StatusCode::OK);
        let form = form.ok_or(BrowserError::PeerNoForm(page.status))?;
        let target = same_server(url, &form.action)?;
        let cookies = Zeroizing::new(cookies_of(&page));
        let body = filled(form, username, password)?;
        let answer = self
            .client
            .post_form(&target, &[(COOKIE, cookies.as_str())], body.expose())
            .await?;
        if !answer.status.is_redirection() {
            return Err(BrowserError::DeniedCredentials(answer.status));
        }
        to_application(&answer, redirect_uri)
    }
}

/// The redirect, when it leads to the application.
fn to_application(answer: &HttpAnswer, redirect_uri: &RedirectUri) -> Result<String, BrowserError> {
    let location = answer
        .header(&LOCATION)
        .filter(|location| location.starts_with(redirect_uri.as_str()));
    location
        .map(str::to_owned)
        .ok_or(BrowserError::PeerForeignRedirect)
}

/// The form's target, which must be on the server that sent it: a password goes nowhere else.
fn same_server(page: &str, action: &str) -> Result<String, BrowserError> {
    let page = url::Url::parse(page).map_err(|_| BrowserError::PeerForeignForm)?;
    let target = page
        .join(action)
        .map_err(|_| BrowserError::PeerForeignForm)?;
    if target.origin() != page.origin() {
        return Err(BrowserError::PeerForeignForm);
    }
    Ok(target.into())
}

fn cookies_of(page: &HttpAnswer) -> String {
    let set = page
        .headers
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok());
    let pairs = set.filter_map(|line| line.split(';').next()).map(str::trim);
    pairs.collect::<Vec<_>>().join("; ")
}

fn filled(form: Form, username: &str, password: &SecretBytes) -> Result<SecretBytes, BrowserError> {
    let password =
        core::str::from_utf8(password.expose()).map_err(|_| BrowserError::LocalPassword)?;
    let given = form
        .fields
        .iter()
        .filter(|(name, _)| name != "username" && name != "password");
    let given = given.map(|(name, value)| (name.as_str(), value.as_str()));
    let fields: Vec<_> = given
        .chain([("username", username), ("password", password)])
        .collect();
    Ok(SecretBytes::new(form::encode(&fields).into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderMap, HeaderValue};

    #[test]
    fn a_password_goes_to_the_server_of_the_page_only() {
        let page = "https://idm.example.org:8443/oauth2/authorize?x=1";
        assert_eq!(
            same_server(page, "/oauth2/login").unwrap(),
            "https://idm.example.org:8443/oauth2/login"
        );
        assert_eq!(same_server(page, "").unwrap(), page);
        for action in [
            "https://attacker.example.org/",
            "//attacker.example.org/x",
            "http://idm.example.org:8443/",
            "https://idm.example.org/",
        ] {
            assert_eq!(
                same_server(page, action),
                Err(BrowserError::PeerForeignForm),
                "{action}"
            );
        }
    }

    #[test]
    fn a_redirect_to_somebody_else_is_refused() {
        let application = RedirectUri::new("org.example.mcptt:/cb").unwrap();
        let redirect = |location: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.extend(location.map(|location| (LOCATION, HeaderValue::from_static(location))));
            let body = SecretBytes::new(Vec::new());
            to_application(
                &HttpAnswer {
                    status: StatusCode::FOUND,
                    headers,
                    body,
                },
                &application,
            )
        };
        assert!(redirect(Some("org.example.mcptt:/cb?code=x")).is_ok());
        for location in [
            None,
            Some("https://attacker.example.org/?org.example.mcptt:/cb"),
        ] {
            assert_eq!(redirect(location), Err(BrowserError::PeerForeignRedirect));
        }
    }
}
