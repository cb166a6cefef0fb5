//! Who answers a locator's questions: the DNS, a static table, or one after the other.

use core::future::Future;
use core::pin::Pin;
use core::time::Duration;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use roger_sip::locate::{Answer, HostName, Naptr, Query, Record, RecordKind, Srv};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use thiserror::Error;

/// An answer on its way.
pub type Asking<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// Somebody who answers questions about names.
pub trait Dns: Send + Sync {
    /// Asks; never fails, since silence is an answer too.
    fn ask<'a>(&'a self, query: &'a Query) -> Asking<'a>;
}

/// Records taken out of one answer; a locator looks at fewer.
const MAX_RECORDS: usize = 1_024;

/// Why the DNS cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DnsSetupError {
    /// The system's settings cannot be read, or there is no name server in them.
    #[error("the DNS cannot be set up: {0}")]
    LocalSettings(String),
}

/// How the DNS is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DnsSettings {
    /// Longest wait for one answer of one server.
    pub timeout: Duration,
    /// How often a question is asked again.
    pub attempts: usize,
    /// Answers remembered; the least used is forgotten beyond.
    pub cache: u64,
    /// Longest time that an answer is remembered, whatever its TTL.
    pub max_ttl: Duration,
    /// Longest time that a missing name is remembered.
    pub max_negative_ttl: Duration,
}

impl Default for DnsSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(2),
            attempts: 2,
            cache: 4_096,
            max_ttl: Duration::from_secs(3_600),
            max_negative_ttl: Duration::from_secs(60),
        }
    }
}

impl DnsSettings {
    fn apply(self, options: &mut ResolverOpts) {
        options.timeout = self.timeout;
        options.attempts = self.attempts;
        options.cache_size = self.cache;
        options.positive_max_ttl = Some(self.max_ttl);
        options.negative_max_ttl = Some(self.max_negative_ttl);
        // Hosts are a table of ours; a file of the machine must not change where calls go.
        options.use_hosts_file = ResolveHosts::Never;
    }
}

/// The DNS by the name servers of the machine or by given ones. Answers are remembered for their time to live.
pub struct SystemDns(TokioResolver);

impl SystemDns {
    /// The machine's name servers.
    ///
    /// # Errors
    /// [`DnsSetupError`] when they cannot be read.
    pub fn of_system(settings: DnsSettings) -> Result<Self, DnsSetupError> {
        let mut builder = TokioResolver::builder_tokio().map_err(setup)?;
        settings.apply(builder.options_mut());
        Ok(Self(builder.build().map_err(setup)?))
    }

    /// These name servers.
    ///
    /// # Errors
    /// [`DnsSetupError`] when there are none.
    pub fn at(servers: &[SocketAddr], settings: DnsSettings) -> Result<Self, DnsSetupError> {
        if servers.is_empty() {
            return Err(DnsSetupError::LocalSettings("no name server".to_owned()));
        }
        let servers = servers.iter().map(|server| {
            let (mut udp, mut tcp) = (ConnectionConfig::udp(), ConnectionConfig::tcp());
            udp.port = server.port();
            tcp.port = server.port();
            NameServerConfig::new(server.ip(), true, vec![udp, tcp])
        });
        let config = ResolverConfig::from_name_servers(servers.collect());
        let mut builder =
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        settings.apply(builder.options_mut());
        Ok(Self(builder.build().map_err(setup)?))
    }

    async fn answer(&self, query: &Query) -> Answer {
        // The dot keeps the machine's search domains out.
        let Ok(name) = Name::from_ascii(format!("{}.", query.name)) else {
            return Answer::Nothing;
        };
        match self.0.lookup(name, record_type(query.kind)).await {
            Ok(found) => {
                let records = found.answers().iter();
                let read = records.filter_map(|record| read(&record.data));
                Answer::Records(read.take(MAX_RECORDS).collect())
            }
            Err(error) if error.is_no_records_found() => Answer::Nothing,
            Err(error) => {
                tracing::debug!(%error, "the DNS did not answer");
                Answer::Silence
            }
        }
    }
}

impl Dns for SystemDns {
    fn ask<'a>(&'a self, query: &'a Query) -> Asking<'a> {
        Box::pin(self.answer(query))
    }
}

fn setup(error: NetError) -> DnsSetupError {
    DnsSetupError::LocalSettings(error.to_string())
}

const fn record_type(kind: RecordKind) -> RecordType {
    match kind {
        RecordKind::Naptr => RecordType::NAPTR,
        RecordKind::Srv => RecordType::SRV,
        RecordKind::A => RecordType::A,
        RecordKind::Aaaa => RecordType::AAAA,
    }
}

/// `None` for other types and for names that no SIP server has.
fn read(data: &RData) -> Option<Record> {
    let name = |name: &Name| HostName::parse(&name.to_ascii());
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    Some(match data {
        RData::A(address) => Record::Address(IpAddr::V4(address.0)),
        RData::AAAA(address) => Record::Address(IpAddr::V6(address.0)),
        RData::SRV(server) => Record::Srv(Srv {
            priority: server.priority,
            weight: server.weight,
            port: server.port,
            target: name(&server.target)?,
        }),
        RData::NAPTR(rule) => Record::Naptr(Naptr {
            order: rule.order,
            preference: rule.preference,
            flags: text(&rule.flags),
            service: text(&rule.services),
            regexp: text(&rule.regexp),
            replacement: name(&rule.replacement)?,
        }),
        _ => return None,
    })
}

/// Addresses of names, as in a hosts file, for small sites and tests; what is not in it is asked of the next, if any.
#[derive(Clone)]
pub struct HostTable {
    hosts: HashMap<String, Vec<IpAddr>>,
    next: Option<Arc<dyn Dns>>,
}

impl HostTable {
    /// A table; names are compared without case.
    #[must_use]
    pub fn new(hosts: &[(&str, &[IpAddr])], next: Option<Arc<dyn Dns>>) -> Self {
        let entry =
            |(name, addresses): &(&str, &[IpAddr])| (name.to_ascii_lowercase(), addresses.to_vec());
        Self {
            hosts: hosts.iter().map(entry).collect(),
            next,
        }
    }
}

impl Dns for HostTable {
    /// A name of the table has its addresses and nothing else: no services either.
    fn ask<'a>(&'a self, query: &'a Query) -> Asking<'a> {
        let mut host = query.name.as_str();
        while let Some((_, rest)) = host.split_once('.').filter(|_| host.starts_with('_')) {
            host = rest;
        }
        let Some(addresses) = self.hosts.get(host) else {
            return match &self.next {
                Some(next) => next.ask(query),
                None => Box::pin(core::future::ready(Answer::Nothing)),
            };
        };
        let records = match query.kind {
            RecordKind::A | RecordKind::Aaaa => {
                addresses.iter().copied().map(Record::Address).collect()
            }
            RecordKind::Naptr | RecordKind::Srv => Vec::new(),
        };
        Box::pin(core::future::ready(Answer::Records(records)))
    }
}
