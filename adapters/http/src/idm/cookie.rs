//! The two cookies of the IdM server: one ties a log-in form to the browser that asked for it, one is the browser's
//! session.

use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use core::time::Duration;
use roger_oidc::{BrowserKey, LoginSessionKey};

/// Host-bound, secure, invisible to scripts; the prefix makes browsers insist on that (RFC 6265bis 4.1.3).
const LOGIN: &str = "__Host-roger-login";
/// Also comes along when an application sends the browser here, which is what single sign-on means: hence `Lax`.
const SESSION: &str = "__Host-roger-session";

/// The `Set-Cookie` value for a log-in in progress.
pub(super) fn set(session: &LoginSessionKey, life: Duration) -> String {
    let value = session.expose();
    let seconds = life.as_secs();
    format!("{LOGIN}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict")
}

/// The `Set-Cookie` value that ends it.
pub(super) fn clear() -> String {
    format!("{LOGIN}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict")
}

/// The `Set-Cookie` value for a browser in which somebody logged in.
pub(super) fn set_session(key: &BrowserKey, life: Duration) -> String {
    let value = key.expose();
    let seconds = life.as_secs();
    format!("{SESSION}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax")
}

/// The `Set-Cookie` value after a log-out.
pub(super) fn clear_session() -> String {
    format!("{SESSION}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax")
}

/// The key of the log-in a browser brought, when there is exactly one.
pub(super) fn read(headers: &HeaderMap) -> Option<LoginSessionKey> {
    LoginSessionKey::new(only(headers, LOGIN)?).ok()
}

/// The session a browser brought, when there is exactly one.
pub(super) fn read_session(headers: &HeaderMap) -> Option<BrowserKey> {
    BrowserKey::new(only(headers, SESSION)?).ok()
}

fn only<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let lines = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok());
    let pairs = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs
        .filter(|(name, _)| *name == wanted)
        .map(|(_, value)| value);
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_static(line));
        }
        headers
    }

    #[test]
    fn finds_its_own_cookie_among_others() {
        let key = "a".repeat(43);
        let line: &'static str = Box::leak(format!("x=1; {LOGIN}={key}; y=2").into_boxed_str());
        assert!(read(&headers(&[line])).unwrap().expose() == key);
        assert!(read_session(&headers(&[line])).is_none());
        assert!(read(&headers(&["x=1"])).is_none());
        assert!(read(&HeaderMap::new()).is_none());
    }

    #[test]
    fn two_of_them_are_none() {
        let key = "a".repeat(43);
        let line: &'static str = Box::leak(format!("{LOGIN}={key}").into_boxed_str());
        assert!(read(&headers(&[line, line])).is_none());
        assert!(read(&headers(&["__Host-roger-login=short"])).is_none());
    }
}
