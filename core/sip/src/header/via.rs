//! Via (RFC 3261 20.42, RFC 3581).

use crate::header::scan::{self, is_token};
use crate::header::{HeaderError, Params};
use crate::uri::split_host_port;
use core::fmt;
use std::net::IpAddr;

/// The start of every branch that RFC 3261 made unique (8.1.1.7).
pub const MAGIC_COOKIE: &str = "z9hG4bK";

/// One Via element: `SIP/2.0/UDP host:port;branch=…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via {
    /// `UDP`, `TCP`, `TLS`, `WS`, `WSS`, `SCTP` or any other token, as received.
    pub transport: String,
    /// Host of sent-by, IPv6 in brackets.
    pub host: String,
    /// Port of sent-by.
    pub port: Option<u16>,
    /// Parameters.
    pub params: Params,
}

impl Via {
    /// A Via of this element with its branch.
    #[must_use]
    pub fn new(transport: &str, host: &str, port: Option<u16>, branch: &str) -> Self {
        let mut params = Params::new();
        params.set("branch", branch);
        Self {
            transport: transport.to_owned(),
            host: host.to_owned(),
            port,
            params,
        }
    }

    /// Reads one element.
    ///
    /// # Errors
    /// [`HeaderError::Via`] when protocol, sent-by or parameters break the grammar or the protocol is not SIP/2.0.
    pub fn parse(element: &[u8]) -> Result<Self, HeaderError> {
        let mut parts = element.splitn(3, |octet| *octet == b'/');
        let mut part = || parts.next().map(scan::trim).ok_or(HeaderError::Via);
        let (name, version, rest) = (part()?, part()?, part()?);
        if !name.eq_ignore_ascii_case(b"SIP") || version != b"2.0" {
            return Err(HeaderError::Via);
        }
        let end = rest
            .iter()
            .position(|octet| scan::is_space(*octet))
            .ok_or(HeaderError::Via)?;
        let (transport, rest) = rest.split_at_checked(end).ok_or(HeaderError::Via)?;
        let semicolon = rest
            .iter()
            .position(|octet| *octet == b';')
            .unwrap_or(rest.len());
        let (sent_by, params) = rest.split_at_checked(semicolon).ok_or(HeaderError::Via)?;
        if !is_token(transport) {
            return Err(HeaderError::Via);
        }
        let (host, port) = sent_by_parts(sent_by)?;
        let params = Params::parse(params).map_err(|_| HeaderError::Via)?;
        Ok(Self {
            transport: String::from_utf8_lossy(transport).into_owned(),
            host,
            port,
            params,
        })
    }

    /// The branch; `None` when absent or empty.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        self.params
            .raw("branch")
            .filter(|branch| !branch.is_empty())
    }

    /// Whether the branch is one of RFC 3261, unique for the transaction: the cookie (any case) and more.
    #[must_use]
    pub fn has_unique_branch(&self) -> bool {
        let cookie = self
            .branch()
            .and_then(|branch| branch.split_at_checked(MAGIC_COOKIE.len()));
        cookie.is_some_and(|(cookie, rest)| {
            cookie.eq_ignore_ascii_case(MAGIC_COOKIE) && !rest.is_empty()
        })
    }

    /// The `received` address (18.2.1).
    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        let text = self.params.raw("received")?;
        text.trim_start_matches('[')
            .trim_end_matches(']')
            .parse()
            .ok()
    }

    /// Whether the client asks for `rport` (RFC 3581 3), with or without value.
    #[must_use]
    pub fn wants_rport(&self) -> bool {
        self.params.contains("rport")
    }

    /// The port in `rport`.
    #[must_use]
    pub fn rport(&self) -> Option<u16> {
        self.params
            .raw("rport")?
            .parse()
            .ok()
            .filter(|port| *port != 0)
    }

    /// The sent-by text, `host` or `host:port`.
    #[must_use]
    pub fn sent_by(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }
}

fn sent_by_parts(sent_by: &[u8]) -> Result<(String, Option<u16>), HeaderError> {
    // White space is legal around the colon (COLON = SWS ":" SWS) and nowhere else inside.
    let text = core::str::from_utf8(scan::trim(sent_by)).map_err(|_| HeaderError::Via)?;
    let joined: String = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            format!("{}:{}", host.trim_end(), port.trim_start())
        }
        _ => text.to_owned(),
    };
    let (host, port) = split_host_port(&joined).ok_or(HeaderError::Via)?;
    Ok((host.to_owned(), port))
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SIP/2.0/{} {}{}",
            self.transport,
            self.sent_by(),
            self.params
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_parts() {
        let via = Via::parse(
            b"SIP / 2.0 / UDP \r\n host.example : 5070 ;branch=z9hG4bK1;rport;received=192.0.2.1",
        )
        .unwrap();
        assert_eq!(
            (via.transport.as_str(), via.host.as_str(), via.port),
            ("UDP", "host.example", Some(5070))
        );
        assert!(via.has_unique_branch() && via.wants_rport());
        assert_eq!(via.rport(), None);
        assert_eq!(via.received(), Some("192.0.2.1".parse().unwrap()));
        let six = Via::parse(
            b"SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bK;received=[2001:db8::2];rport=9",
        )
        .unwrap();
        assert_eq!(
            (six.host.as_str(), six.port, six.rport()),
            ("[2001:db8::1]", Some(5061), Some(9))
        );
        assert!(!six.has_unique_branch());
        assert_eq!(six.received(), Some("2001:db8::2".parse().unwrap()));
    }

    #[test]
    fn printing_reads_back() {
        let via = Via::new("TCP", "10.0.0.1", Some(5060), "z9hG4bKx");
        assert_eq!(via.to_string(), "SIP/2.0/TCP 10.0.0.1:5060;branch=z9hG4bKx");
        assert_eq!(Via::parse(via.to_string().as_bytes()).unwrap(), via);
    }

    #[test]
    fn malformed_vias_are_refused() {
        for bad in [
            "",
            "SIP/2.0/UDP",
            "SIP/2.0/UDP ",
            "SIP/1.0/UDP h",
            "HTTP/2.0/UDP h",
            "SIP/2.0/U@P h",
            "SIP/2.0/UDP h:99999",
            "SIP/2.0/UDP h;;",
            "SIP/2.0/UDP h g",
            "SIP/2.0/UDP h:",
            "SIP/2.0/UDP ;branch=x",
        ] {
            assert_eq!(Via::parse(bad.as_bytes()), Err(HeaderError::Via), "{bad}");
        }
    }
}
