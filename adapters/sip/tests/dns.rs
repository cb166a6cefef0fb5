//! Names by a real DNS on loopback: the records of RFC 3263, answers remembered, servers that lie or say nothing,
//! and requests that go on to the next server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

mod common;

use common::secure::{authority, listening, trusting};
use common::{answer_next, final_response, loopback, next, request, user_agent_with};
use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, NAPTR, SOA, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use roger_adapter_sip::{
    DnsSettings, HostTable, ResolverSettings, SipResolver, SystemDns, TransportSettings,
};
use roger_sip::endpoint::{Failure, Output, Transport};
use roger_sip::locate::{Abilities, Hop, LocateError};
use roger_sip::message::{Method, StatusCode};
use roger_sip::uri::Uri;
use roger_testkit::SeededRandom;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

/// What a name server has.
#[derive(Clone, Default)]
struct Zone {
    records: HashMap<(String, RecordType), Vec<RData>>,
    /// Types that are answered with these records instead, whatever they are.
    wrong: Option<RData>,
    fails: bool,
    ttl: u32,
}

impl Zone {
    fn with(mut self, owner: &str, data: RData) -> Self {
        let key = (owner.to_owned(), data.record_type());
        self.records.entry(key).or_default().push(data);
        self
    }

    fn a(self, owner: &str, address: &str) -> Self {
        match address.parse().unwrap() {
            IpAddr::V4(address) => self.with(owner, RData::A(A(address))),
            IpAddr::V6(address) => self.with(owner, RData::AAAA(AAAA(address))),
        }
    }

    fn srv(self, owner: &str, priority: u16, port: u16, target: &str) -> Self {
        self.with(owner, RData::SRV(SRV::new(priority, 1, port, name(target))))
    }

    fn naptr(self, owner: &str, order: u16, service: &str, replacement: &str) -> Self {
        let (flags, services) = (b"s".to_vec().into(), service.as_bytes().to_vec().into());
        let rule = NAPTR::new(
            order,
            50,
            flags,
            services,
            Box::default(),
            name(replacement),
        );
        self.with(owner, RData::NAPTR(rule))
    }

    fn answer(&self, octets: &[u8], longest: usize) -> Option<Vec<u8>> {
        let asked = Message::from_vec(octets).ok()?;
        let query = asked.queries.first()?.clone();
        let mut answer = Message::response(asked.metadata.id, asked.metadata.op_code);
        answer.metadata.message_type = MessageType::Response;
        answer.metadata.recursion_available = true;
        answer.add_query(query.clone());
        let owner = query
            .name()
            .to_ascii()
            .trim_end_matches('.')
            .to_ascii_lowercase();
        let alias = self.records.get(&(owner.clone(), RecordType::CNAME));
        let found = self.records.get(&(owner, query.query_type())).or(alias);
        let found = self
            .wrong
            .clone()
            .map(|wrong| vec![wrong])
            .or(found.cloned());
        if self.fails {
            answer.metadata.response_code = ResponseCode::ServFail;
        } else if found.is_none() {
            answer.metadata.response_code = ResponseCode::NXDomain;
        }
        if found.is_none() && !self.fails {
            // Says for how long there is nothing (RFC 2308).
            let owner = name("example.com.");
            let soa = SOA::new(owner.clone(), owner.clone(), 1, 1, 1, 1, self.ttl);
            answer.add_authority(Record::from_rdata(owner, self.ttl, RData::SOA(soa)));
        }
        for data in found.unwrap_or_default() {
            answer.add_answer(Record::from_rdata(query.name().clone(), self.ttl, data));
        }
        let octets = answer.to_vec().ok()?;
        if octets.len() <= longest {
            return Some(octets);
        }
        answer.answers.clear();
        answer.metadata.truncation = true;
        answer.to_vec().ok()
    }
}

/// A name server by UDP and TCP; lives as long as the runtime.
struct NameServer {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl NameServer {
    async fn start(zone: Zone) -> Self {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind(loopback()).await.unwrap();
            let address = udp.local_addr().unwrap();
            if let Ok(tcp) = TcpListener::bind(address).await {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let (count, of_udp) = (Arc::clone(&asked), zone.clone());
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok((length, peer)) = udp.recv_from(&mut buffer).await {
                count.fetch_add(1, Ordering::Relaxed);
                if let Some(answer) = of_udp.answer(&buffer[..length], 512) {
                    udp.send_to(&answer, peer).await.unwrap();
                }
            }
        });
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                let zone = zone.clone();
                tokio::spawn(async move {
                    while let Ok(length) = stream.read_u16().await {
                        let mut octets = vec![0; usize::from(length)];
                        stream.read_exact(&mut octets).await.unwrap();
                        let answer = zone.answer(&octets, 65_535).unwrap_or_default();
                        let length = u16::try_from(answer.len()).unwrap();
                        let whole = [&length.to_be_bytes()[..], &answer].concat();
                        stream.write_all(&whole).await.unwrap();
                    }
                });
            }
        });
        Self { address, asked }
    }

    fn resolver(&self) -> SipResolver {
        resolver_at(self.address, Duration::from_secs(8))
    }
}

fn resolver_at(server: SocketAddr, deadline: Duration) -> SipResolver {
    let dns = SystemDns::at(&[server], DnsSettings::default()).unwrap();
    let settings = ResolverSettings {
        deadline,
        ..ResolverSettings::default()
    };
    SipResolver::new(Arc::new(dns), Abilities::new(&Transport::ALL), settings)
}

async fn locate(resolver: &SipResolver, uri: &str) -> Result<Vec<Hop>, LocateError> {
    let uri = Uri::parse(uri.as_bytes()).unwrap();
    resolver.locate(&uri, &mut SeededRandom::new(1)).await
}

fn ways(hops: &[Hop]) -> Vec<String> {
    let way = |hop: &Hop| format!("{} {}", hop.transport, hop.peer);
    hops.iter().map(way).collect()
}

fn example() -> Zone {
    let zone = Zone {
        ttl: 300,
        ..Zone::default()
    };
    zone.naptr("example.com", 50, "SIPS+D2T", "_sips._tcp.example.com.")
        .naptr("example.com", 90, "SIP+D2T", "_sip._tcp.example.com.")
        .naptr("example.com", 100, "SIP+D2U", "_sip._udp.example.com.")
        .srv("_sips._tcp.example.com", 0, 5061, "server1.example.com.")
        .srv("_sips._tcp.example.com", 1, 5061, "server2.example.com.")
        .srv("_sip._udp.example.com", 0, 5060, "alias.example.com.")
        .a("server1.example.com", "192.0.2.1")
        .a("server1.example.com", "2001:db8::1")
        .a("server2.example.com", "192.0.2.2")
        .with(
            "alias.example.com",
            RData::CNAME(CNAME(name("server1.example.com."))),
        )
}

#[tokio::test]
async fn the_records_of_the_standard_by_a_real_dns_and_remembered() {
    let server = NameServer::start(example()).await;
    let resolver = server.resolver();
    let expected = [
        "TLS [2001:db8::1]:5061",
        "TLS 192.0.2.1:5061",
        "TLS 192.0.2.2:5061",
    ];
    let hops = locate(&resolver, "sip:u@example.com").await.unwrap();
    assert_eq!(ways(&hops), expected);
    assert_eq!(hops[0].name.as_deref(), Some("example.com"));
    let asked = server.asked.load(Ordering::Relaxed);
    assert!(asked >= 5, "{asked}");
    for _ in 0..3 {
        assert_eq!(
            ways(&locate(&resolver, "sips:u@EXAMPLE.com").await.unwrap()),
            expected
        );
    }
    assert_eq!(
        server.asked.load(Ordering::Relaxed),
        asked,
        "all was remembered"
    );
}

#[tokio::test]
async fn answers_live_as_long_as_they_say() {
    let zone = Zone {
        ttl: 0,
        ..example()
    };
    let server = NameServer::start(zone).await;
    let resolver = server.resolver();
    for round in 1..=3 {
        locate(&resolver, "sip:server2.example.com:5060")
            .await
            .unwrap();
        assert!(
            server.asked.load(Ordering::Relaxed) >= round,
            "asked again each time"
        );
    }
}

#[tokio::test]
async fn servers_that_fail_lie_or_say_nothing_lead_to_a_plain_refusal() {
    let (fails, wrong) = (true, Some(RData::A(A([192, 0, 2, 66].into()))));
    let failing = NameServer::start(Zone {
        fails,
        ..Zone::default()
    })
    .await;
    let failed = locate(&failing.resolver(), "sip:example.com")
        .await
        .unwrap_err();
    assert_eq!(failed, LocateError::PeerSilent);
    let empty = NameServer::start(Zone::default()).await;
    let failed = locate(&empty.resolver(), "sip:example.com")
        .await
        .unwrap_err();
    assert_eq!(failed, LocateError::PeerNoServer);
    // An address where a rule was asked for is no rule.
    let lying = NameServer::start(Zone {
        wrong,
        ..Zone::default()
    })
    .await;
    let hops = locate(&lying.resolver(), "sips:example.com").await.unwrap();
    assert_eq!(ways(&hops), ["TLS 192.0.2.66:5061"]);
    // Aliases that go round.
    let looping = Zone::default()
        .with("one.example", RData::CNAME(CNAME(name("two.example."))))
        .with("two.example", RData::CNAME(CNAME(name("one.example."))));
    let looping = NameServer::start(looping).await;
    assert!(
        locate(&looping.resolver(), "sip:one.example")
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_silent_dns_costs_the_deadline_and_no_more() {
    let silent = UdpSocket::bind(loopback()).await.unwrap();
    let resolver = resolver_at(silent.local_addr().unwrap(), Duration::from_millis(300));
    let failed = locate(&resolver, "sip:example.com").await.unwrap_err();
    assert_eq!(failed, LocateError::PeerSilent);
    assert!(SystemDns::at(&[], DnsSettings::default()).is_err());
}

#[tokio::test]
async fn thousands_of_records_are_cut() {
    let mut zone = Zone {
        ttl: 60,
        ..Zone::default()
    };
    for number in 0..1_200_u16 {
        zone = zone.srv("_sip._udp.big.example", number, 5060, "s.big.example.");
        zone = zone.a(
            "s.big.example",
            &format!("192.0.{}.{}", number / 200, number % 200 + 1),
        );
    }
    let server = NameServer::start(zone).await;
    let hops = locate(&server.resolver(), "sip:big.example;transport=udp")
        .await
        .unwrap();
    assert!((1..=64).contains(&hops.len()));
    assert!(server.asked.load(Ordering::Relaxed) < 20);
}

#[tokio::test]
async fn a_table_of_hosts_goes_before_the_dns() {
    let server = NameServer::start(example()).await;
    let dns = SystemDns::at(&[server.address], DnsSettings::default()).unwrap();
    let own = ["198.51.100.7".parse().unwrap()];
    let table = HostTable::new(&[("Example.COM", &own)], Some(Arc::new(dns)));
    let abilities = Abilities::new(&Transport::ALL);
    let resolver = SipResolver::new(Arc::new(table), abilities, ResolverSettings::default());
    let hops = locate(&resolver, "sip:example.com").await.unwrap();
    assert_eq!(ways(&hops), ["UDP 198.51.100.7:5060"]);
    assert_eq!(server.asked.load(Ordering::Relaxed), 0);
    let hops = locate(&resolver, "sip:server2.example.com").await.unwrap();
    assert_eq!(ways(&hops), ["UDP 192.0.2.2:5060"]);
    let alone = HostTable::new(&[], None);
    let abilities = Abilities::new(&Transport::ALL);
    let resolver = SipResolver::new(Arc::new(alone), abilities, ResolverSettings::default());
    let failed = locate(&resolver, "sip:example.com").await.unwrap_err();
    assert_eq!(failed, LocateError::PeerNoServer);
}

#[tokio::test]
async fn a_certificate_must_show_the_domain_whatever_the_dns_says() {
    let ca = authority();
    for (shown, good) in [("example.com", true), ("evil.example", false)] {
        let mut server = user_agent_with(listening(&ca, &[shown])).await;
        let port = server.0.address(Transport::Tls).unwrap().port();
        let zone = Zone {
            ttl: 60,
            ..Zone::default()
        }
        .srv("_sips._tcp.example.com", 0, port, "evil.example.")
        .a("evil.example", "127.0.0.1");
        let dns = NameServer::start(zone).await;
        let mut settings = TransportSettings::silent();
        settings.client_tls = Some(trusting(&ca));
        let mut client = user_agent_with(settings).await;
        let uri = Uri::parse(b"sips:u@example.com").unwrap();
        let targets = client.0.targets(&dns.resolver(), &uri).await.unwrap();
        let message = request(&client.0, targets[0].peer(), Method::Options)
            .build()
            .unwrap();
        common::send(&client.0, message, targets[0]);
        if good {
            answer_next(&mut server, StatusCode::OK).await;
            assert_eq!(final_response(&mut client).await.status(), StatusCode::OK);
        } else {
            let failed = next(&mut client.1).await;
            let transport = Failure::Transport;
            assert!(matches!(failed, Output::Failed { failure, .. } if failure == transport));
        }
    }
}
