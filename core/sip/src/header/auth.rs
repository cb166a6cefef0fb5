//! WWW-Authenticate, Authorization and their Proxy forms in parts (RFC 3261 20.7, 20.44; RFC 8760).

use crate::header::scan::{self, is_space, is_token};
use crate::header::{HeaderError, Params};
use crate::message::{HeaderName, Headers};
use core::fmt;

/// A challenge or credentials: scheme and comma-separated parameters.
///
/// Credentials of other schemes (`Bearer`, `Basic`) have no parameters but a token; it is in [`Auth::token`].
/// There is no `Debug` output of values, since they may be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Auth {
    /// The scheme as received; compare it with [`Auth::is_digest`].
    pub scheme: String,
    /// Parameters.
    pub params: Params,
    /// A token68 in place of parameters.
    pub token: Option<String>,
}

impl Auth {
    /// A Digest header without parameters yet.
    #[must_use]
    pub fn digest() -> Self {
        Self {
            scheme: "Digest".to_owned(),
            params: Params::new(),
            token: None,
        }
    }

    /// Reads a whole header value: unlike other headers its commas separate parameters, not elements.
    ///
    /// # Errors
    /// [`HeaderError::Malformed`] when scheme or parameters break the grammar, or a parameter occurs twice.
    pub fn parse(value: &[u8]) -> Result<Self, HeaderError> {
        const FAULT: HeaderError = HeaderError::Malformed("authentication header");
        let value = scan::trim(value);
        let end = value
            .iter()
            .position(|octet| is_space(*octet))
            .ok_or(FAULT)?;
        let (scheme, rest) = value.split_at_checked(end).ok_or(FAULT)?;
        let rest = scan::trim(rest);
        if !is_token(scheme) || rest.is_empty() {
            return Err(FAULT);
        }
        let scheme = String::from_utf8_lossy(scheme).into_owned();
        if is_token68(rest) {
            return Ok(Self {
                scheme,
                params: Params::new(),
                token: Some(String::from_utf8_lossy(rest).into_owned()),
            });
        }
        let params = Params::parse_list(rest, b',').map_err(|_| FAULT)?;
        Ok(Self {
            scheme,
            params,
            token: None,
        })
    }

    /// Whether the scheme is Digest.
    #[must_use]
    pub fn is_digest(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("Digest")
    }
}

/// `token68` of RFC 9110 11.2: letters, digits, `-._~+/`, then `=` only.
fn is_token68(text: &[u8]) -> bool {
    let body = text
        .iter()
        .rposition(|octet| *octet != b'=')
        .map_or(0, |at| at + 1);
    let legal = |octet: &u8| {
        octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
    };
    body > 0 && text.get(..body).is_some_and(|body| body.iter().all(legal))
}

impl fmt::Display for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.scheme)?;
        if let Some(token) = &self.token {
            return f.write_str(token);
        }
        self.params
            .iter()
            .enumerate()
            .try_for_each(|(index, (name, value))| {
                let comma = if index == 0 { "" } else { ", " };
                write!(f, "{comma}{name}={}", value.unwrap_or_default())
            })
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Auth({}, {} parameters)", self.scheme, self.params.len())
    }
}

impl Headers {
    /// All Authorization headers, one per realm or scheme.
    ///
    /// # Errors
    /// [`HeaderError`] when one is malformed.
    pub fn authorizations(&self) -> Result<Vec<Auth>, HeaderError> {
        self.values(HeaderName::AUTHORIZATION)
            .map(Auth::parse)
            .collect()
    }

    /// All Proxy-Authorization headers.
    ///
    /// # Errors
    /// [`HeaderError`] when one is malformed.
    pub fn proxy_authorizations(&self) -> Result<Vec<Auth>, HeaderError> {
        self.values(HeaderName::PROXY_AUTHORIZATION)
            .map(Auth::parse)
            .collect()
    }

    /// All WWW-Authenticate headers, the best algorithm first (RFC 8760 2.4).
    ///
    /// # Errors
    /// [`HeaderError`] when one is malformed.
    pub fn challenges(&self) -> Result<Vec<Auth>, HeaderError> {
        self.values(HeaderName::WWW_AUTHENTICATE)
            .map(Auth::parse)
            .collect()
    }

    /// All Proxy-Authenticate headers.
    ///
    /// # Errors
    /// [`HeaderError`] when one is malformed.
    pub fn proxy_challenges(&self) -> Result<Vec<Auth>, HeaderError> {
        self.values(HeaderName::PROXY_AUTHENTICATE)
            .map(Auth::parse)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_parameters_and_tokens() {
        let auth =
            Auth::parse(br#"Digest username="bob, \"b\"", realm="a",nc=00000001 , qop=auth"#)
                .unwrap();
        assert!(auth.is_digest());
        assert_eq!(auth.params.get("username").unwrap(), "bob, \"b\"");
        assert_eq!(auth.params.get("nc").unwrap(), "00000001");
        assert_eq!(Auth::parse(auth.to_string().as_bytes()).unwrap(), auth);
        let bearer = Auth::parse(b"Bearer abc.def-_~+/==").unwrap();
        assert_eq!(bearer.token.as_deref(), Some("abc.def-_~+/=="));
        assert_eq!(bearer.to_string(), "Bearer abc.def-_~+/==");
        assert_eq!(
            Auth::parse(b"NoOneKnowsThisScheme opaque-data=here")
                .unwrap()
                .params
                .get("opaque-data")
                .unwrap(),
            "here"
        );
    }

    #[test]
    fn values_are_not_printed_by_debug() {
        let auth = Auth::parse(b"Digest response=\"topsecret\"").unwrap();
        assert!(!format!("{auth:?}").contains("topsecret"));
    }

    #[test]
    fn malformed_values_are_refused() {
        for bad in [
            "",
            "Digest",
            "Digest ",
            "Dig@st a=b",
            "Digest a=b,,c=d",
            "Digest a=b a=c",
            "Digest a=\"b",
            "Digest a=1,A=2",
        ] {
            assert!(Auth::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
