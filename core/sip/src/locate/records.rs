//! What is asked of the DNS, and what it says.

use crate::endpoint::Transport;
use core::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest name, in characters (RFC 1035 2.3.4).
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// A host or service name: letters, digits, `-` and `_`, lower case, without the dot at the end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostName(Box<str>);

impl HostName {
    /// Reads a name, with or without the dot at the end; `None` for what no SIP server is named.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.strip_suffix('.').unwrap_or(text);
        let good = |label: &str| {
            let legal = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
            (1..=MAX_LABEL).contains(&label.len()) && label.bytes().all(legal)
        };
        if text == "." {
            return Some(Self::root());
        }
        let legal = name.len() <= MAX_NAME && name.split('.').all(good);
        legal.then(|| Self(name.to_ascii_lowercase().into()))
    }

    /// The name `.`, which as an SRV target means that there is no such service (RFC 2782).
    #[must_use]
    pub fn root() -> Self {
        Self("".into())
    }

    /// Whether it is `.`.
    #[must_use]
    pub const fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The name without the dot at the end.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A type of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordKind {
    /// Services of a domain (RFC 3403).
    Naptr,
    /// Servers of a service (RFC 2782).
    Srv,
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
}

/// A question. The rim follows aliases (CNAME).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Query {
    /// Of what.
    pub name: HostName,
    /// What.
    pub kind: RecordKind,
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Records, of which those of other types are ignored.
    Records(Vec<Record>),
    /// There is no such name, or it has no such record.
    Nothing,
    /// Time-out, server failure, an answer that cannot be read.
    Silence,
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A service of a domain.
    Naptr(Naptr),
    /// A server of a service.
    Srv(Srv),
    /// An address.
    Address(IpAddr),
}

impl Record {
    /// The address, when it is of that type.
    pub(super) fn address(&self, kind: RecordKind) -> Option<IpAddr> {
        match (self, kind) {
            (Self::Address(address @ IpAddr::V4(_)), RecordKind::A)
            | (Self::Address(address @ IpAddr::V6(_)), RecordKind::Aaaa) => {
                Some(*address).filter(is_host)
            }
            _ => None,
        }
    }
}

/// Addresses that no single server has are no answer.
fn is_host(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            *address != Ipv4Addr::UNSPECIFIED && !address.is_broadcast() && !address.is_multicast()
        }
        IpAddr::V6(address) => *address != Ipv6Addr::UNSPECIFIED && !address.is_multicast(),
    }
}

/// A rule that names a service of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naptr {
    /// Rules of a lower order come first.
    pub order: u16,
    /// Among those of one order, the lower one first.
    pub preference: u16,
    /// `s` when the replacement is the name of SRV records.
    pub flags: String,
    /// Such as `SIP+D2U`.
    pub service: String,
    /// Empty in the rules of SIP.
    pub regexp: String,
    /// The SRV name.
    pub replacement: HostName,
}

impl Naptr {
    /// The transport of a terminal SIP rule; `None` for every other rule.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        const SERVICES: [(&str, Transport); 5] = [
            ("SIP+D2U", Transport::Udp),
            ("SIP+D2T", Transport::Tcp),
            ("SIPS+D2T", Transport::Tls),
            ("SIP+D2W", Transport::Ws),
            ("SIPS+D2W", Transport::Wss),
        ];
        let terminal = self.flags.eq_ignore_ascii_case("s")
            && self.regexp.is_empty()
            && !self.replacement.is_root();
        let known = SERVICES
            .iter()
            .find(|(service, _)| self.service.eq_ignore_ascii_case(service));
        known.filter(|_| terminal).map(|(_, transport)| *transport)
    }
}

/// A server of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Srv {
    /// Servers of a lower priority come first.
    pub priority: u16,
    /// Share of the requests among those of one priority.
    pub weight: u16,
    /// Port.
    pub port: u16,
    /// Host.
    pub target: HostName,
}
