//! SIP and SIPS URIs in parts, all other URIs whole (RFC 3261 19.1, RFC 3966, RFC 3986).

mod compare;

use core::fmt;
use core::ops::Range;
use core::str::FromStr;
use std::net::SocketAddr;
use thiserror::Error;

/// Longest URI that is read, in octets.
pub const MAX_URI_OCTETS: usize = 8192;

/// Why octets are no URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UriError {
    /// Longer than [`MAX_URI_OCTETS`].
    #[error("the URI is longer than {MAX_URI_OCTETS} octets")]
    TooLong,
    /// White space, control characters, one of `<>"\^{}|` or octets that are not ASCII.
    #[error("the URI has a character that must be escaped")]
    Character,
    /// No scheme.
    #[error("the URI has no scheme")]
    Scheme,
    /// Empty user, or two `@`.
    #[error("malformed user part of the URI")]
    User,
    /// Empty or malformed host.
    #[error("malformed host of the URI")]
    Host,
    /// Port that is no number from 0 to 65535.
    #[error("malformed port of the URI")]
    Port,
    /// `%` without two hexadecimal digits.
    #[error("malformed escape in the URI")]
    Escape,
    /// An empty or repeated parameter, or an empty header.
    #[error("malformed parameters of the URI")]
    Params,
}

/// A URI; prints exactly as it was read. `==` compares the text, [`Uri::is_equivalent`] the meaning.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Uri {
    text: Box<str>,
    scheme: u16,
    sip: Option<Parts>,
}

/// Where the parts of a SIP URI are in its text.
///
/// ```text
/// sip:user:password@host:port;params?headers
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Parts {
    user: Option<Range<u16>>,
    password: Option<Range<u16>>,
    host: Range<u16>,
    port: Option<u16>,
    params: Range<u16>,
    headers: Range<u16>,
}

impl Uri {
    /// Reads a URI.
    ///
    /// # Errors
    /// [`UriError`]; of schemes other than sip and sips only the characters are checked.
    pub fn parse(octets: &[u8]) -> Result<Self, UriError> {
        if octets.len() > MAX_URI_OCTETS {
            return Err(UriError::TooLong);
        }
        let text = core::str::from_utf8(octets).map_err(|_| UriError::Character)?;
        if !text.bytes().all(is_uri_octet) {
            return Err(UriError::Character);
        }
        let scheme = text.find(':').ok_or(UriError::Scheme)?;
        let name = text.get(..scheme).unwrap_or_default();
        let legal =
            |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'-' | b'.');
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.bytes().all(legal) {
            return Err(UriError::Scheme);
        }
        let is_sip = name.eq_ignore_ascii_case("sip") || name.eq_ignore_ascii_case("sips");
        let sip = if is_sip {
            Some(sip_parts(text, scheme + 1)?)
        } else {
            None
        };
        Ok(Self {
            text: text.into(),
            scheme: narrow(scheme),
            sip,
        })
    }

    /// `sip:user@host`; the user is escaped. The host may carry a port and parameters.
    ///
    /// # Errors
    /// [`UriError`] when user or host is malformed.
    pub fn sip(user: &str, host: &str) -> Result<Self, UriError> {
        Self::parse(format!("sip:{}@{host}", escape(user, is_user_octet)).as_bytes())
    }

    /// `sip:address:port`.
    #[must_use]
    pub fn sip_address(address: SocketAddr) -> Self {
        let text = format!("sip:{address}");
        let host = 4..narrow(text.len() - address.port().to_string().len() - 1);
        let end = narrow(text.len());
        let parts = Parts {
            user: None,
            password: None,
            host,
            port: Some(address.port()),
            params: end..end,
            headers: end..end,
        };
        Self {
            text: text.into(),
            scheme: 3,
            sip: Some(parts),
        }
    }

    /// The text as read.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The scheme as read.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.text
            .get(..usize::from(self.scheme))
            .unwrap_or_default()
    }

    /// Whether the scheme is sip or sips.
    #[must_use]
    pub const fn is_sip(&self) -> bool {
        self.sip.is_some()
    }

    /// Whether the scheme is sips.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.scheme().eq_ignore_ascii_case("sips")
    }

    /// Whether the scheme is tel.
    #[must_use]
    pub fn is_tel(&self) -> bool {
        self.scheme().eq_ignore_ascii_case("tel")
    }

    /// What follows the scheme's colon.
    #[must_use]
    pub fn opaque(&self) -> &str {
        self.text
            .get(usize::from(self.scheme) + 1..)
            .unwrap_or_default()
    }

    /// User of a SIP URI, escapes kept.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.part(self.sip.as_ref()?.user.clone()?)
    }

    /// User of a SIP URI, escapes resolved; octets that are not UTF-8 become U+FFFD.
    #[must_use]
    pub fn user_unescaped(&self) -> Option<String> {
        self.user().map(unescape)
    }

    /// Password of a SIP URI.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.part(self.sip.as_ref()?.password.clone()?)
    }

    /// Host of a SIP URI, IPv6 in brackets.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.part(self.sip.as_ref()?.host.clone())
    }

    /// Port of a SIP URI.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.sip.as_ref()?.port
    }

    /// Value of a URI parameter, escapes kept; the empty text for one without value. Names are compared
    /// without case, escapes resolved.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params()
            .find(|(known, _)| same_name(known, name))
            .map(|(_, value)| value.unwrap_or_default())
    }

    /// Parameters of a SIP URI in order.
    pub fn params(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let text = self
            .sip
            .as_ref()
            .and_then(|parts| self.part(parts.params.clone()))
            .unwrap_or_default();
        text.split(';').filter(|param| !param.is_empty()).map(pair)
    }

    /// Headers of a SIP URI (`?name=value`) in order, escapes kept.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let text = self
            .sip
            .as_ref()
            .and_then(|parts| self.part(parts.headers.clone()))
            .unwrap_or_default();
        text.split('&')
            .filter(|header| !header.is_empty())
            .map(|header| {
                let (name, value) = pair(header);
                (name, value.unwrap_or_default())
            })
    }

    /// The `transport` parameter.
    #[must_use]
    pub fn transport(&self) -> Option<&str> {
        self.param("transport")
    }

    /// Whether the URI of a Route is a loose router's (`lr`, RFC 3261 16.12).
    #[must_use]
    pub fn is_loose_router(&self) -> bool {
        self.param("lr").is_some()
    }

    /// The same SIP URI with a parameter added or replaced; the value is escaped. Other schemes are unchanged.
    #[must_use]
    pub fn with_param(&self, name: &str, value: Option<&str>) -> Self {
        let Some(parts) = &self.sip else {
            return self.clone();
        };
        let name = escape(name, is_param_octet);
        let kept = self
            .params()
            .filter(|(known, _)| !known.eq_ignore_ascii_case(&name));
        let mut params: String = kept.map(print_param).collect();
        params += &match value {
            Some(value) => format!(";{name}={}", escape(value, is_param_octet)),
            None => format!(";{name}"),
        };
        self.with_tail(parts, &params)
    }

    /// The same SIP URI without a parameter.
    #[must_use]
    pub fn without_param(&self, name: &str) -> Self {
        let Some(parts) = &self.sip else {
            return self.clone();
        };
        let kept = self
            .params()
            .filter(|(known, _)| !known.eq_ignore_ascii_case(name));
        let params: String = kept.map(print_param).collect();
        self.with_tail(parts, &params)
    }

    /// The same SIP URI without headers, as a Request-URI must be (RFC 3261 19.1.5).
    #[must_use]
    pub fn without_headers(&self) -> Self {
        let Some(parts) = &self.sip else {
            return self.clone();
        };
        let text = self
            .text
            .get(..usize::from(parts.params.end))
            .unwrap_or_default();
        Self::parse(text.as_bytes()).unwrap_or_else(|_| self.clone())
    }

    fn with_tail(&self, parts: &Parts, params: &str) -> Self {
        let before = self
            .text
            .get(..usize::from(parts.params.start))
            .unwrap_or_default();
        let headers = self.part(parts.headers.clone()).unwrap_or_default();
        let mark = if headers.is_empty() { "" } else { "?" };
        Self::parse(format!("{before}{params}{mark}{headers}").as_bytes())
            .unwrap_or_else(|_| self.clone())
    }

    fn part(&self, range: Range<u16>) -> Option<&str> {
        self.text
            .get(usize::from(range.start)..usize::from(range.end))
    }
}

fn same_name(written: &str, name: &str) -> bool {
    written.eq_ignore_ascii_case(name)
        || (written.contains('%') && unescape(written).eq_ignore_ascii_case(name))
}

fn print_param((name, value): (&str, Option<&str>)) -> String {
    match value {
        Some(value) => format!(";{name}={value}"),
        None => format!(";{name}"),
    }
}

fn pair(text: &str) -> (&str, Option<&str>) {
    match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    }
}

/// Offsets fit since the length was checked against [`MAX_URI_OCTETS`].
const fn narrow(offset: usize) -> u16 {
    offset as u16
}

fn sip_parts(text: &str, start: usize) -> Result<Parts, UriError> {
    let rest = text.get(start..).unwrap_or_default();
    check_escapes(rest)?;
    let range = |from: usize, to: usize| narrow(from)..narrow(to);
    let (mut user, mut password, mut at) = (None, None, start);
    if let Some((info, after)) = rest.split_once('@') {
        if after.contains('@') {
            return Err(UriError::User);
        }
        let end = start + info.len();
        let colon = info.find(':').map_or(end, |colon| start + colon);
        if colon == start {
            return Err(UriError::User);
        }
        user = Some(range(start, colon));
        password = (colon < end).then(|| range(colon + 1, end));
        at = end + 1;
    }
    let tail = text.get(at..).unwrap_or_default();
    let host_end = at + tail.find([';', '?']).unwrap_or(tail.len());
    let host_port = text.get(at..host_end).unwrap_or_default();
    let (host, port) = split_host_port(host_port).ok_or_else(|| host_fault(host_port))?;
    let params_end = text
        .get(host_end..)
        .and_then(|tail| tail.find('?'))
        .map_or(text.len(), |mark| host_end + mark);
    check_params(text.get(host_end..params_end).unwrap_or_default())?;
    let headers_start = (params_end + 1).min(text.len());
    check_headers(text.get(params_end..).unwrap_or_default())?;
    Ok(Parts {
        user,
        password,
        host: range(at, at + host.len()),
        port,
        params: range(host_end, params_end),
        headers: range(headers_start, text.len()),
    })
}

fn host_fault(host_port: &str) -> UriError {
    let host = host_port.rsplit_once(':').map_or("", |(host, _)| host);
    if split_host_port(host).is_some() {
        UriError::Port
    } else {
        UriError::Host
    }
}

/// Splits `host`, `host:port`, `[v6]` or `[v6]:port`; `None` when host or port is malformed.
#[must_use]
pub fn split_host_port(text: &str) -> Option<(&str, Option<u16>)> {
    let host_len = if text.starts_with('[') {
        let end = text.find(']')? + 1;
        text.get(1..end - 1)?.parse::<std::net::Ipv6Addr>().ok()?;
        end
    } else {
        text.find(':').unwrap_or(text.len())
    };
    let (host, rest) = text.split_at_checked(host_len)?;
    let bracketed = host.starts_with('[');
    let legal = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_');
    if host.is_empty() || (!bracketed && !host.bytes().all(legal)) {
        return None;
    }
    if rest.is_empty() {
        return Some((host, None));
    }
    let digits = rest.strip_prefix(':')?;
    let port =
        crate::header::scan::number(digits.as_bytes()).and_then(|port| u16::try_from(port).ok())?;
    Some((host, Some(port)))
}

fn check_escapes(text: &str) -> Result<(), UriError> {
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        if octet != b'%' {
            continue;
        }
        let hex = |octet: Option<u8>| octet.is_some_and(|octet| octet.is_ascii_hexdigit());
        if !hex(octets.next()) || !hex(octets.next()) {
            return Err(UriError::Escape);
        }
    }
    Ok(())
}

fn check_params(text: &str) -> Result<(), UriError> {
    let Some(list) = text.strip_prefix(';') else {
        return Ok(());
    };
    let mut seen: Vec<&str> = Vec::new();
    for param in list.split(';') {
        let (name, _) = pair(param);
        if name.is_empty()
            || seen.len() == 64
            || seen.iter().any(|known| known.eq_ignore_ascii_case(name))
        {
            return Err(UriError::Params);
        }
        seen.push(name);
    }
    Ok(())
}

fn check_headers(text: &str) -> Result<(), UriError> {
    let Some(list) = text.strip_prefix('?') else {
        return Ok(());
    };
    let good = |header: &str| {
        header
            .split_once('=')
            .is_some_and(|(name, _)| !name.is_empty())
    };
    if list.split('&').all(good) {
        Ok(())
    } else {
        Err(UriError::Params)
    }
}

const fn is_uri_octet(octet: u8) -> bool {
    octet.is_ascii_graphic()
        && !matches!(
            octet,
            b'<' | b'>' | b'"' | b'\\' | b'^' | b'{' | b'}' | b'|' | b'`'
        )
}

const fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(
            octet,
            b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')'
        )
}

const fn is_user_octet(octet: u8) -> bool {
    is_unreserved(octet) || matches!(octet, b'&' | b'=' | b'+' | b'$' | b',' | b';' | b'?' | b'/')
}

const fn is_param_octet(octet: u8) -> bool {
    is_unreserved(octet) || matches!(octet, b'[' | b']' | b'/' | b':' | b'&' | b'+' | b'$')
}

fn escape(text: &str, legal: fn(u8) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for octet in text.bytes() {
        if legal(octet) {
            escaped.push(char::from(octet));
        } else {
            escaped += &format!("%{octet:02X}");
        }
    }
    escaped
}

/// Resolves `%HH`; octets that are not UTF-8 become U+FFFD.
#[must_use]
pub fn unescape(text: &str) -> String {
    String::from_utf8_lossy(&unescape_octets(text)).into_owned()
}

fn unescape_octets(text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after
            .first_chunk::<2>()
            .filter(|_| *first == b'%')
            .and_then(|hex| {
                let text = core::str::from_utf8(hex)
                    .ok()
                    .filter(|_| hex.iter().all(u8::is_ascii_hexdigit))?;
                u8::from_str_radix(text, 16).ok()
            });
        octets.push(hex.unwrap_or(*first));
        rest = if hex.is_some() {
            after.get(2..).unwrap_or_default()
        } else {
            after
        };
    }
    octets
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Uri {
    type Err = UriError;
    fn from_str(text: &str) -> Result<Self, UriError> {
        Self::parse(text.as_bytes())
    }
}

#[cfg(test)]
mod tests;
