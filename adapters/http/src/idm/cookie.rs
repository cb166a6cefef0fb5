//! The cookie that ties a log-in form to the browser that asked for it.

use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use core::time::Duration;
use roger_oidc::LoginSessionKey;

/// Host-bound, secure, invisible to scripts; the prefix makes browsers insist on that (RFC 6265bis 4.1.3).
const NAME: &str = "__Host-roger-login";

/// The `Set-Cookie` value for a session.
pub(super) fn set(session: &LoginSessionKey, life: Duration) -> String {
    let value = session.expose();
    let seconds = life.as_secs();
    format!("{NAME}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict")
}

/// The `Set-Cookie` value that ends it.
pub(super) fn clear() -> String {
    format!("{NAME}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict")
}

/// The session key a browser brought, when there is exactly one.
pub(super) fn read(headers: &HeaderMap) -> Option<LoginSessionKey> {
    let lines = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok());
    let pairs = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs
        .filter(|(name, _)| *name == NAME)
        .map(|(_, value)| value);
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    LoginSessionKey::new(value).ok()
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
        let line: &'static str = Box::leak(format!("x=1; {NAME}={key}; y=2").into_boxed_str());
        assert!(read(&headers(&[line])).unwrap().expose() == key);
        assert!(read(&headers(&["x=1"])).is_none());
        assert!(read(&HeaderMap::new()).is_none());
    }

    #[test]
    fn two_of_them_are_none() {
        let key = "a".repeat(43);
        let line: &'static str = Box::leak(format!("{NAME}={key}").into_boxed_str());
        assert!(read(&headers(&[line, line])).is_none());
        assert!(read(&headers(&["__Host-roger-login=short"])).is_none());
    }
}
