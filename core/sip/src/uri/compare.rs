//! When two URIs mean the same (RFC 3261 19.1.4, RFC 3966 5, RFC 8141 3).

use super::{Uri, unescape_octets};

/// Parameters that never match when only one URI has them (19.1.4).
const DECISIVE: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];

impl Uri {
    /// Whether both URIs mean the same resource. SIP: scheme and host without case, user and password with
    /// case, escapes resolved, ports literally, parameters both have without case, headers in any order.
    /// tel: visual separators ignored. urn: scheme and namespace without case. Others: octets after the scheme.
    #[must_use]
    pub fn is_equivalent(&self, other: &Self) -> bool {
        if !self.scheme().eq_ignore_ascii_case(other.scheme()) {
            return false;
        }
        if self.is_sip() {
            return same_sip(self, other);
        }
        if self.is_tel() {
            return same_tel(self.opaque(), other.opaque());
        }
        if self.scheme().eq_ignore_ascii_case("urn") {
            return same_urn(self.opaque(), other.opaque());
        }
        self.opaque() == other.opaque()
    }
}

fn same_sip(a: &Uri, b: &Uri) -> bool {
    let octets = |text: Option<&str>| text.map(unescape_octets);
    octets(a.user()) == octets(b.user())
        && octets(a.password()) == octets(b.password())
        && same_without_case(a.host(), b.host())
        && a.port() == b.port()
        && same_params(a, b)
        && same_headers(a, b)
}

fn same_without_case(a: Option<&str>, b: Option<&str>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => unescape_octets(a).eq_ignore_ascii_case(&unescape_octets(b)),
        (None, None) => true,
        _ => false,
    }
}

fn same_params(a: &Uri, b: &Uri) -> bool {
    let decisive = DECISIVE
        .iter()
        .all(|name| same_without_case(a.param(name), b.param(name)));
    let common = a.params().all(|(name, value)| match b.param(name) {
        Some(other) => same_without_case(Some(value.unwrap_or_default()), Some(other)),
        None => true,
    });
    decisive && common
}

fn same_headers(a: &Uri, b: &Uri) -> bool {
    let sorted = |uri: &Uri| {
        let pairs = uri
            .headers()
            .map(|(name, value)| (name.to_ascii_lowercase(), unescape_octets(value)));
        let mut pairs: Vec<(String, Vec<u8>)> = pairs.collect();
        pairs.sort();
        pairs
    };
    sorted(a) == sorted(b)
}

fn same_tel(a: &str, b: &str) -> bool {
    let parts = |text: &str| {
        let mut params: Vec<String> = text.split(';').map(str::to_ascii_lowercase).collect();
        let number = params.remove(0).replace(['-', '.', '(', ')'], "");
        params.sort();
        (number, params)
    };
    parts(a) == parts(b)
}

fn same_urn(a: &str, b: &str) -> bool {
    match (a.split_once(':'), b.split_once(':')) {
        (Some((space_a, rest_a)), Some((space_b, rest_b))) => {
            space_a.eq_ignore_ascii_case(space_b) && rest_a == rest_b
        }
        _ => a.eq_ignore_ascii_case(b),
    }
}
