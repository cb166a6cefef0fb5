//! Locating SIP servers: from a URI to transports, addresses and ports, in the order to try them (RFC 3263, with
//! RFC 2782 for weights and RFC 7118 5.4 for WebSocket). Sans-IO: the rim asks the DNS.
//!
//! ```text
//!            transport or port given, or numeric
//!   URI ──┬────────────────────────────────────────────┐
//!         └► NAPTR ──► SRV of each service ──► A, AAAA ─┴──► Vec<Hop>
//!              └ none ► _sips._tcp, _sip._tcp, _sip._udp ┘└ none ► the host itself
//! ```
//!
//! Every answer is the word of a stranger: at most [`MAX_SERVICES`] NAPTR and [`MAX_SERVERS`] SRV records are
//! followed, at most [`MAX_HOPS`] hops come out, and since only terminal NAPTR rules are taken nothing can loop.

mod records;
mod servers;

pub use records::{Answer, HostName, Naptr, Query, Record, RecordKind, Srv};

use crate::endpoint::Transport;
use crate::uri::Uri;
use roger_base::{Random, RandomError};
use servers::{Server, in_order};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use thiserror::Error;

/// NAPTR rules followed.
pub const MAX_SERVICES: usize = 8;
/// SRV records followed, of all services together.
pub const MAX_SERVERS: usize = 32;
/// Addresses taken of one name and one family.
pub const MAX_ADDRESSES: usize = 8;
/// Hops that come out.
pub const MAX_HOPS: usize = 64;

/// What we can send with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abilities {
    /// Transports; the order decides between those that a domain without NAPTR offers.
    pub transports: Vec<Transport>,
    /// Families of addresses, the preferred one first.
    pub families: Vec<Family>,
}

impl Abilities {
    /// These transports, and both families with IPv6 first (RFC 6724).
    #[must_use]
    pub fn new(transports: &[Transport]) -> Self {
        Self {
            transports: transports.to_vec(),
            families: vec![Family::V6, Family::V4],
        }
    }

    fn has(&self, transport: Transport) -> bool {
        self.transports.contains(&transport)
    }
}

/// A family of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    const fn kind(self) -> RecordKind {
        match self {
            Self::V4 => RecordKind::A,
            Self::V6 => RecordKind::Aaaa,
        }
    }
}

/// One server to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Protocol.
    pub transport: Transport,
    /// Address and port.
    pub peer: SocketAddr,
    /// The domain that was asked for, which a certificate must show whatever the DNS said (RFC 5922 4); `None`
    /// when the URI has an address.
    pub name: Option<String>,
}

/// Why there is no server.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LocateError {
    /// The URI is neither sip nor sips, or its host cannot be looked up.
    #[error("no server can be looked up for this URI")]
    PeerUri,
    /// The domain has no server, no address, or none with a transport of ours.
    #[error("the domain has no SIP server that can be reached")]
    PeerNoServer,
    /// The domain says that it has no SIP service (an SRV target of `.`).
    #[error("the domain does not offer SIP")]
    PeerNotOffered,
    /// The DNS did not answer.
    #[error("the DNS did not answer")]
    PeerSilent,
    /// A transport that is asked for, or that sips demands, is not to be had.
    #[error("the URI needs a transport that is not available")]
    LocalTransport,
    /// The source of randomness failed.
    #[error("{0}")]
    LocalRandom(#[from] RandomError),
}

/// What a locator wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Ask the DNS and tell [`Locator::handle`]. Several questions may be open at once.
    Ask(Query),
    /// Done: at least one hop, the first to try first.
    Found(Vec<Hop>),
    /// Done without success.
    Failed(LocateError),
}

/// A lookup.
#[derive(Debug)]
pub struct Locator {
    abilities: Abilities,
    is_secure: bool,
    /// The host that is looked up, which `maddr` may have changed.
    target: HostName,
    /// The host of the URI.
    name: String,
    /// The transport that the URI asks for.
    wanted: Option<Transport>,
    state: State,
    outputs: VecDeque<Output>,
    /// Whether any question went without an answer.
    was_silent: bool,
}

/// A service of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Service {
    query: Query,
    transport: Transport,
}

#[derive(Debug)]
enum State {
    /// Which transports the domain has.
    Services,
    /// Which servers each service has, `None` while the answer is out.
    Servers(Vec<(Service, Option<Vec<Srv>>)>),
    /// Which addresses each server has, `None` while the answer is out.
    Addresses {
        servers: Vec<Server>,
        answers: BTreeMap<Query, Option<Vec<IpAddr>>>,
    },
    Done,
}

impl Locator {
    /// Starts to look for the servers of a URI.
    ///
    /// # Errors
    /// [`LocateError::PeerUri`] or [`LocateError::LocalTransport`]; all else comes out of [`Locator::poll`].
    pub fn new(uri: &Uri, abilities: Abilities) -> Result<Self, LocateError> {
        let name = uri.host().ok_or(LocateError::PeerUri)?;
        let target = match uri.param("maddr") {
            Some(maddr) if !maddr.is_empty() => maddr,
            _ => name,
        };
        let mut locator = Self {
            is_secure: uri.is_secure(),
            abilities,
            target: HostName::root(),
            name: name.to_ascii_lowercase(),
            wanted: wanted_transport(uri)?,
            state: State::Done,
            outputs: VecDeque::new(),
            was_silent: false,
        };
        if let Some(address) = address_of(target) {
            locator.numeric(address, uri.port())?;
            return Ok(locator);
        }
        locator.target = HostName::parse(target).ok_or(LocateError::PeerUri)?;
        locator.start(uri.port())?;
        Ok(locator)
    }

    /// The next thing to do, until `None`.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Takes the answer to a question; one that was not asked changes nothing. `random` decides between servers
    /// of one priority.
    pub fn handle(&mut self, random: &mut dyn Random, query: &Query, answer: Answer) {
        self.was_silent |= answer == Answer::Silence;
        let records = match answer {
            Answer::Records(records) => records,
            Answer::Nothing | Answer::Silence => Vec::new(),
        };
        match core::mem::replace(&mut self.state, State::Done) {
            State::Services if *query == self.naptr_query() => self.on_services(&records),
            State::Servers(services) => self.on_servers(random, services, query, &records),
            State::Addresses { servers, answers } => {
                self.on_addresses(servers, answers, query, &records);
            }
            other => self.state = other,
        }
    }

    fn numeric(&mut self, address: IpAddr, port: Option<u16>) -> Result<(), LocateError> {
        let transport = self.usable()?;
        let port = port.unwrap_or(transport.default_port());
        let hop = Hop {
            transport,
            peer: SocketAddr::new(address, port),
            name: self.host_name(),
        };
        self.outputs.push_back(Output::Found(vec![hop]));
        Ok(())
    }

    fn start(&mut self, port: Option<u16>) -> Result<(), LocateError> {
        match (port, self.wanted) {
            // A port leaves nothing to SRV (4.2).
            (Some(port), _) => {
                let server = self.itself(self.usable()?, port);
                self.ask_addresses(vec![server]);
            }
            (None, Some(_)) => {
                let service = self.service_of(self.usable()?);
                self.ask_servers(vec![service]);
            }
            (None, None) => {
                self.state = State::Services;
                let query = self.naptr_query();
                self.outputs.push_back(Output::Ask(query));
            }
        }
        Ok(())
    }

    /// The transport when the DNS has no say: the one asked for, else UDP, or TLS for sips (4.1).
    fn usable(&self) -> Result<Transport, LocateError> {
        let usual = if self.is_secure {
            Transport::Tls
        } else if self.abilities.has(Transport::Udp) {
            Transport::Udp
        } else {
            Transport::Tcp
        };
        Some(self.wanted.unwrap_or(usual))
            .filter(|transport| self.may_use(*transport))
            .ok_or(LocateError::LocalTransport)
    }

    fn may_use(&self, transport: Transport) -> bool {
        self.abilities.has(transport) && (transport.is_secure() || !self.is_secure)
    }

    fn naptr_query(&self) -> Query {
        Query {
            name: self.target.clone(),
            kind: RecordKind::Naptr,
        }
    }

    /// The SRV name that a transport has by convention.
    fn service_of(&self, transport: Transport) -> Service {
        let prefix = match transport {
            Transport::Udp => "_sip._udp",
            Transport::Tcp => "_sip._tcp",
            Transport::Tls => "_sips._tcp",
            Transport::Ws => "_sip._ws",
            Transport::Wss => "_sips._ws",
        };
        let name = HostName::parse(&format!("{prefix}.{}", self.target));
        Service {
            query: Query {
                // A domain that leaves no room for the prefix has no such service; the root has none either.
                name: name.unwrap_or_else(HostName::root),
                kind: RecordKind::Srv,
            },
            transport,
        }
    }

    /// Usable rules of the lowest order that has one, by preference (4.1, RFC 3403 4.1).
    fn on_services(&mut self, records: &[Record]) {
        let mut rules: Vec<(&Naptr, Transport)> = records
            .iter()
            .filter_map(|record| match record {
                Record::Naptr(rule) => Some((rule, rule.transport()?)),
                _ => None,
            })
            .filter(|(_, transport)| self.may_use(*transport))
            .collect();
        rules.sort_by_key(|(rule, _)| (rule.order, rule.preference));
        let order = rules.first().map(|(rule, _)| rule.order);
        let services = rules
            .into_iter()
            .filter(|(rule, _)| Some(rule.order) == order)
            .take(MAX_SERVICES);
        let mut services: Vec<Service> = services
            .map(|(rule, transport)| Service {
                query: Query {
                    name: rule.replacement.clone(),
                    kind: RecordKind::Srv,
                },
                transport,
            })
            .collect();
        if services.is_empty() {
            let usual = [Transport::Tls, Transport::Tcp, Transport::Udp];
            let own = self.abilities.transports.iter().copied();
            services = own
                .filter(|transport| usual.contains(transport) && self.may_use(*transport))
                .map(|transport| self.service_of(transport))
                .collect();
        }
        self.ask_servers(services);
    }

    fn ask_servers(&mut self, services: Vec<Service>) {
        if services.is_empty() {
            return self.fail(LocateError::LocalTransport);
        }
        let mut asked: Vec<(Service, Option<Vec<Srv>>)> = Vec::new();
        for service in services {
            if !asked.iter().any(|(known, _)| known.query == service.query) {
                self.outputs.push_back(Output::Ask(service.query.clone()));
                asked.push((service, None));
            }
        }
        self.state = State::Servers(asked);
    }

    fn on_servers(
        &mut self,
        random: &mut dyn Random,
        mut services: Vec<(Service, Option<Vec<Srv>>)>,
        query: &Query,
        records: &[Record],
    ) {
        let open = services
            .iter_mut()
            .find(|(service, found)| service.query == *query && found.is_none());
        if let Some((_, found)) = open {
            let servers = records.iter().filter_map(|record| match record {
                Record::Srv(server) => Some(server.clone()),
                _ => None,
            });
            *found = Some(servers.collect());
        }
        if services.iter().any(|(_, found)| found.is_none()) {
            self.state = State::Servers(services);
            return;
        }
        let mut servers = Vec::new();
        let mut is_denied = false;
        for (service, found) in services {
            let found = found.unwrap_or_default();
            is_denied |= found.iter().any(|server| server.target.is_root());
            match in_order(found, service.transport, random) {
                Ok(ordered) => servers.extend(ordered),
                Err(error) => return self.fail(error.into()),
            }
        }
        servers.truncate(MAX_SERVERS);
        if servers.is_empty() && is_denied {
            return self.fail(LocateError::PeerNotOffered);
        }
        if servers.is_empty() {
            return self.ask_itself();
        }
        self.ask_addresses(servers);
    }

    /// Without SRV records the host is the server (4.2).
    fn ask_itself(&mut self) {
        match self.usable() {
            Ok(transport) => {
                let server = self.itself(transport, transport.default_port());
                self.ask_addresses(vec![server]);
            }
            Err(error) => self.fail(error),
        }
    }

    fn itself(&self, transport: Transport, port: u16) -> Server {
        Server {
            name: self.target.clone(),
            port,
            transport,
        }
    }

    fn ask_addresses(&mut self, servers: Vec<Server>) {
        let mut answers = BTreeMap::new();
        for server in &servers {
            for family in &self.abilities.families {
                let query = server.query(family.kind());
                if answers.insert(query.clone(), None).is_none() {
                    self.outputs.push_back(Output::Ask(query));
                }
            }
        }
        if answers.is_empty() {
            return self.fail(LocateError::PeerNoServer);
        }
        self.state = State::Addresses { servers, answers };
    }

    fn on_addresses(
        &mut self,
        servers: Vec<Server>,
        mut answers: BTreeMap<Query, Option<Vec<IpAddr>>>,
        query: &Query,
        records: &[Record],
    ) {
        if let Some(open @ None) = answers.get_mut(query) {
            let addresses = records
                .iter()
                .filter_map(|record| record.address(query.kind));
            *open = Some(addresses.take(MAX_ADDRESSES).collect());
        }
        if answers.values().any(Option::is_none) {
            self.state = State::Addresses { servers, answers };
            return;
        }
        let hops = self.hops(&servers, &answers);
        if hops.is_empty() {
            return self.fail(LocateError::PeerNoServer);
        }
        self.outputs.push_back(Output::Found(hops));
    }

    fn hops(&self, servers: &[Server], answers: &BTreeMap<Query, Option<Vec<IpAddr>>>) -> Vec<Hop> {
        let mut hops: Vec<Hop> = Vec::new();
        for server in servers {
            for family in &self.abilities.families {
                let found = answers.get(&server.query(family.kind()));
                for address in found.into_iter().flatten().flatten() {
                    let hop = Hop {
                        transport: server.transport,
                        peer: SocketAddr::new(*address, server.port),
                        name: self.host_name(),
                    };
                    if hops.len() < MAX_HOPS && !hops.contains(&hop) {
                        hops.push(hop);
                    }
                }
            }
        }
        hops
    }

    fn host_name(&self) -> Option<String> {
        address_of(&self.name).is_none().then(|| self.name.clone())
    }

    fn fail(&mut self, error: LocateError) {
        let silent = self.was_silent && error == LocateError::PeerNoServer;
        let error = if silent {
            LocateError::PeerSilent
        } else {
            error
        };
        self.outputs.push_back(Output::Failed(error));
    }
}

/// The transport that a URI asks for; a sips URI turns it into its form inside TLS (26.2.2, RFC 7118 5.2.4).
fn wanted_transport(uri: &Uri) -> Result<Option<Transport>, LocateError> {
    let Some(name) = uri.transport() else {
        return Ok(None);
    };
    let named = Transport::parse(name.as_bytes()).ok_or(LocateError::LocalTransport)?;
    let transport = if uri.is_secure() {
        named.secured().ok_or(LocateError::LocalTransport)?
    } else {
        named
    };
    Ok(Some(transport))
}

fn address_of(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}
