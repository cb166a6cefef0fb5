//! Where a URI leads (RFC 3263): its examples, the choices of clause 4, hostile answers.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use roger_sip::endpoint::Transport;
use roger_sip::locate::{
    Abilities, Answer, Family, Hop, HostName, LocateError, Locator, MAX_HOPS, Naptr, Output, Query,
    Record, RecordKind, Srv,
};
use roger_sip::uri::Uri;
use roger_testkit::SeededRandom;
use std::collections::HashMap;

use Transport::{Tcp, Tls, Udp, Ws, Wss};

/// A DNS in memory that counts its questions.
#[derive(Default)]
struct Dns {
    records: HashMap<(String, RecordKind), Vec<Record>>,
    silent: Vec<String>,
    asked: usize,
}

impl Dns {
    fn naptr(mut self, name: &str, order: u16, preference: u16, service: &str, to: &str) -> Self {
        self.add(
            name,
            RecordKind::Naptr,
            naptr(order, preference, "s", service, "", to),
        );
        self
    }

    fn srv(mut self, name: &str, priority: u16, weight: u16, port: u16, target: &str) -> Self {
        let target = HostName::parse(target).unwrap();
        let record = Srv {
            priority,
            weight,
            port,
            target,
        };
        self.add(name, RecordKind::Srv, Record::Srv(record));
        self
    }

    fn a(mut self, name: &str, address: &str) -> Self {
        let address: std::net::IpAddr = address.parse().unwrap();
        let kind = if address.is_ipv4() {
            RecordKind::A
        } else {
            RecordKind::Aaaa
        };
        self.add(name, kind, Record::Address(address));
        self
    }

    fn add(&mut self, name: &str, kind: RecordKind, record: Record) {
        self.records
            .entry((name.to_owned(), kind))
            .or_default()
            .push(record);
    }

    fn answer(&mut self, query: &Query) -> Answer {
        self.asked += 1;
        if self.silent.iter().any(|name| name == query.name.as_str()) {
            return Answer::Silence;
        }
        match self.records.get(&(query.name.to_string(), query.kind)) {
            Some(records) => Answer::Records(records.clone()),
            None => Answer::Nothing,
        }
    }
}

fn naptr(
    order: u16,
    preference: u16,
    flags: &str,
    service: &str,
    regexp: &str,
    to: &str,
) -> Record {
    Record::Naptr(Naptr {
        order,
        preference,
        flags: flags.to_owned(),
        service: service.to_owned(),
        regexp: regexp.to_owned(),
        replacement: HostName::parse(to).unwrap(),
    })
}

fn locate_with(
    dns: &mut Dns,
    uri: &str,
    abilities: Abilities,
    seed: u64,
) -> Result<Vec<Hop>, LocateError> {
    let uri = Uri::parse(uri.as_bytes()).unwrap();
    let mut random = SeededRandom::new(seed);
    let mut locator = Locator::new(&uri, abilities)?;
    loop {
        match locator.poll().unwrap() {
            Output::Ask(query) => {
                let answer = dns.answer(&query);
                locator.handle(&mut random, &query, answer);
            }
            Output::Found(hops) => return Ok(hops),
            Output::Failed(error) => return Err(error),
        }
    }
}

fn locate(dns: &mut Dns, uri: &str) -> Result<Vec<Hop>, LocateError> {
    locate_with(dns, uri, Abilities::new(&Transport::ALL), 1)
}

fn ways(hops: &[Hop]) -> Vec<String> {
    let way = |hop: &Hop| format!("{} {}", hop.transport, hop.peer);
    hops.iter().map(way).collect()
}

/// RFC 3263 4.1 and 4.2.
fn example() -> Dns {
    Dns::default()
        .naptr("example.com", 50, 50, "SIPS+D2T", "_sips._tcp.example.com")
        .naptr("example.com", 90, 50, "SIP+D2T", "_sip._tcp.example.com")
        .naptr("example.com", 100, 50, "SIP+D2U", "_sip._udp.example.com")
        .srv("_sips._tcp.example.com", 0, 1, 5061, "server1.example.com")
        .srv("_sip._tcp.example.com", 0, 1, 5060, "server1.example.com")
        .srv("_sip._tcp.example.com", 0, 2, 5060, "server2.example.com")
        .srv("_sip._udp.example.com", 0, 1, 5060, "server1.example.com")
        .a("server1.example.com", "192.0.2.1")
        .a("server2.example.com", "192.0.2.2")
}

#[test]
fn the_example_of_the_standard() {
    // "If the client supports TCP and UDP, TCP will be used."
    let hops = locate_with(
        &mut example(),
        "sip:user@example.com",
        Abilities::new(&[Udp, Tcp]),
        1,
    );
    let mut found = ways(&hops.clone().unwrap());
    found.sort();
    assert_eq!(found, ["TCP 192.0.2.1:5060", "TCP 192.0.2.2:5060"]);
    assert_eq!(hops.unwrap()[0].name.as_deref(), Some("example.com"));
    let hops = locate(&mut example(), "sip:user@example.com").unwrap();
    assert_eq!(ways(&hops), ["TLS 192.0.2.1:5061"]);
    let hops = locate(&mut example(), "sips:user@example.com").unwrap();
    assert_eq!(ways(&hops), ["TLS 192.0.2.1:5061"]);
    let hops = locate(&mut example(), "sip:user@example.com;transport=udp").unwrap();
    assert_eq!(ways(&hops), ["UDP 192.0.2.1:5060"]);
}

#[test]
fn numeric_hosts_and_ports_ask_no_more_than_they_must() {
    let mut dns = Dns::default()
        .a("h.example", "192.0.2.9")
        .a("h.example", "2001:db8::9");
    for (uri, way, questions) in [
        ("sip:192.0.2.7", "UDP 192.0.2.7:5060", 0),
        ("sips:192.0.2.7", "TLS 192.0.2.7:5061", 0),
        ("sip:a@[2001:db8::1]:5070", "UDP [2001:db8::1]:5070", 0),
        ("sip:192.0.2.7;transport=tcp", "TCP 192.0.2.7:5060", 0),
        ("sips:192.0.2.7;transport=tcp", "TLS 192.0.2.7:5061", 0),
        ("sip:192.0.2.7;transport=ws", "WS 192.0.2.7:80", 0),
        ("sips:192.0.2.7;transport=ws", "WSS 192.0.2.7:443", 0),
        ("sip:h.example;maddr=192.0.2.8", "UDP 192.0.2.8:5060", 0),
        ("sip:h.example:5080", "UDP [2001:db8::9]:5080", 2),
        ("sips:h.example:5080", "TLS [2001:db8::9]:5080", 2),
        (
            "sip:h.example:5080;transport=tcp",
            "TCP [2001:db8::9]:5080",
            2,
        ),
        (
            "sip:other.example:5080;maddr=h.example",
            "UDP [2001:db8::9]:5080",
            2,
        ),
    ] {
        dns.asked = 0;
        let hops = locate(&mut dns, uri).unwrap();
        assert_eq!(ways(&hops)[0], way, "{uri}");
        assert_eq!(dns.asked, questions, "{uri}");
    }
}

#[test]
fn a_domain_without_naptr_is_asked_for_its_usual_services_in_our_order() {
    let mut dns = Dns::default()
        .srv("_sip._udp.h.example", 0, 0, 5070, "u.h.example")
        .srv("_sip._tcp.h.example", 0, 0, 5071, "t.h.example")
        .a("u.h.example", "192.0.2.1")
        .a("t.h.example", "192.0.2.2");
    let hops = locate_with(&mut dns, "sip:h.example", Abilities::new(&[Tcp, Udp]), 1).unwrap();
    assert_eq!(ways(&hops), ["TCP 192.0.2.2:5071", "UDP 192.0.2.1:5070"]);
    // A sips URI never falls back to clear transports.
    let failed = locate(&mut dns, "sips:h.example").unwrap_err();
    assert_eq!(failed, LocateError::PeerNoServer);
}

#[test]
fn a_domain_without_anything_is_a_host() {
    let mut dns = Dns::default()
        .a("h.example", "192.0.2.1")
        .a("h.example", "2001:db8::1");
    for (uri, expected) in [
        (
            "sip:h.example",
            ["UDP [2001:db8::1]:5060", "UDP 192.0.2.1:5060"],
        ),
        (
            "sips:h.example",
            ["TLS [2001:db8::1]:5061", "TLS 192.0.2.1:5061"],
        ),
        (
            "sip:h.example;transport=tcp",
            ["TCP [2001:db8::1]:5060", "TCP 192.0.2.1:5060"],
        ),
        (
            "sip:h.example;transport=wss",
            ["WSS [2001:db8::1]:443", "WSS 192.0.2.1:443"],
        ),
    ] {
        assert_eq!(ways(&locate(&mut dns, uri).unwrap()), expected, "{uri}");
    }
    let mut abilities = Abilities::new(&[Udp]);
    abilities.families = vec![Family::V4];
    let hops = locate_with(&mut dns, "sip:h.example", abilities, 1).unwrap();
    assert_eq!(ways(&hops), ["UDP 192.0.2.1:5060"]);
}

#[test]
fn rules_count_by_order_then_preference_and_only_those_of_sip() {
    let mut dns = Dns::default()
        .naptr("h.example", 10, 1, "E2U+sip", "_x._y.h.example")
        .naptr("h.example", 20, 30, "sip+d2u", "_sip._udp.h.example")
        .naptr("h.example", 20, 10, "SIP+D2T", "_sip._tcp.h.example")
        .naptr("h.example", 30, 1, "SIPS+D2T", "_sips._tcp.h.example")
        .srv("_sip._udp.h.example", 0, 0, 5060, "s.h.example")
        .srv("_sip._tcp.h.example", 0, 0, 5060, "s.h.example")
        .srv("_sips._tcp.h.example", 0, 0, 5061, "s.h.example")
        .a("s.h.example", "192.0.2.1");
    // Not terminal, or rewriting: not for us.
    for (flags, regexp) in [("", ""), ("u", ""), ("a", ""), ("s", "!.*!x!")] {
        let rule = naptr(5, 1, flags, "SIP+D2U", regexp, "_sip._udp.evil.example");
        dns.add("h.example", RecordKind::Naptr, rule);
    }
    let hops = locate(&mut dns, "sip:h.example").unwrap();
    assert_eq!(ways(&hops), ["TCP 192.0.2.1:5060", "UDP 192.0.2.1:5060"]);
    let mut dns = Dns::default()
        .naptr("w.example", 1, 1, "SIPS+D2W", "_sips._ws.w.example")
        .naptr("w.example", 1, 2, "SIP+D2W", "_sip._ws.w.example")
        .srv("_sips._ws.w.example", 0, 0, 8443, "s.w.example")
        .srv("_sip._ws.w.example", 0, 0, 8080, "s.w.example")
        .a("s.w.example", "192.0.2.1");
    let hops = locate_with(&mut dns, "sip:w.example", Abilities::new(&[Ws, Wss]), 1).unwrap();
    assert_eq!(ways(&hops), ["WSS 192.0.2.1:8443", "WS 192.0.2.1:8080"]);
}

#[test]
fn servers_go_by_priority_and_their_weights_share_the_first_place() {
    let mut dns = Dns::default()
        .srv("_sip._udp.h.example", 20, 0, 5060, "backup.h.example")
        .srv("_sip._udp.h.example", 10, 60, 5060, "big.h.example")
        .srv("_sip._udp.h.example", 10, 20, 5060, "mid.h.example")
        .srv("_sip._udp.h.example", 10, 20, 5060, "also.h.example")
        .a("backup.h.example", "192.0.2.1")
        .a("big.h.example", "192.0.2.2")
        .a("mid.h.example", "192.0.2.3")
        .a("also.h.example", "192.0.2.4");
    let mut first = HashMap::<String, u32>::new();
    for seed in 0..2_000 {
        let abilities = Abilities::new(&[Udp]);
        let hops = locate_with(&mut dns, "sip:h.example;transport=udp", abilities, seed).unwrap();
        let ways = ways(&hops);
        assert_eq!(ways.len(), 4);
        assert_eq!(ways[3], "UDP 192.0.2.1:5060", "the backup is last");
        *first.entry(ways[0].clone()).or_default() += 1;
    }
    // 60:20:20 of 2,000, within five standard deviations.
    for (host, expected) in [("192.0.2.2", 1_200), ("192.0.2.3", 400), ("192.0.2.4", 400)] {
        let count = first[&format!("UDP {host}:5060")];
        assert!(
            count.abs_diff(expected) < 110,
            "{host} came first {count} times"
        );
    }
}

#[test]
fn a_domain_that_denies_the_service_is_believed() {
    let mut dns = Dns::default()
        .srv("_sip._udp.h.example", 0, 0, 5060, ".")
        .a("h.example", "192.0.2.1");
    let failed = locate(&mut dns, "sip:h.example;transport=udp").unwrap_err();
    assert_eq!(failed, LocateError::PeerNotOffered);
}

#[test]
fn failures_say_whose_they_are() {
    let mut dns = Dns::default().a("h.example", "192.0.2.1");
    for (uri, expected) in [
        ("tel:+15551234", LocateError::PeerUri),
        ("sip:nobody.example", LocateError::PeerNoServer),
        ("sip:h.example;transport=sctp", LocateError::LocalTransport),
        ("sips:h.example;transport=udp", LocateError::LocalTransport),
        ("sip:a..b", LocateError::PeerUri),
    ] {
        assert_eq!(locate(&mut dns, uri).unwrap_err(), expected, "{uri}");
    }
    for (abilities, uri) in [
        (&[Udp, Tcp, Ws][..], "sips:h.example"),
        (&[Udp], "sip:h.example;transport=tls"),
        (&[], "sip:192.0.2.1"),
    ] {
        let failed = locate_with(&mut dns, uri, Abilities::new(abilities), 1).unwrap_err();
        assert_eq!(failed, LocateError::LocalTransport, "{uri}");
    }
    dns.silent.push("dead.example".to_owned());
    assert_eq!(
        locate(&mut dns, "sip:dead.example").unwrap_err(),
        LocateError::PeerSilent
    );
    // Silence about one server does not hide another.
    let mut dns = Dns::default()
        .srv("_sip._tcp.h.example", 1, 0, 5060, "dead.example")
        .srv("_sip._tcp.h.example", 2, 0, 5060, "good.example")
        .a("good.example", "192.0.2.2");
    dns.silent.push("dead.example".to_owned());
    let hops = locate(&mut dns, "sip:h.example;transport=tcp").unwrap();
    assert_eq!(ways(&hops), ["TCP 192.0.2.2:5060"]);
}

#[test]
fn thousands_of_records_cost_a_bounded_number_of_questions() {
    let mut dns = Dns::default();
    for number in 0..5_000_u16 {
        let name = format!("_s{number}._udp.h.example");
        dns = dns.naptr("h.example", 1, number, "SIP+D2U", &name);
        dns = dns.srv(
            "_s0._udp.h.example",
            number,
            0,
            5060,
            &format!("s{number}.h.example"),
        );
    }
    for number in 0..40_u8 {
        for host in 0..40 {
            dns = dns.a(
                &format!("s{host}.h.example"),
                &format!("192.0.{host}.{}", number + 1),
            );
        }
    }
    let hops = locate(&mut dns, "sip:h.example").unwrap();
    assert!(hops.len() <= MAX_HOPS);
    assert!(dns.asked <= 1 + 8 + 64, "{} questions", dns.asked);
    assert_eq!(ways(&hops)[0], "UDP 192.0.0.1:5060");
}

#[test]
fn loops_and_wrong_answers_lead_nowhere() {
    // Services that name themselves, servers that are services.
    let mut dns = Dns::default()
        .naptr("h.example", 1, 1, "SIP+D2U", "h.example")
        .srv("h.example", 1, 1, 5060, "h.example")
        .srv("h.example", 1, 1, 0, "zero.example");
    dns.add(
        "h.example",
        RecordKind::A,
        Record::Address("::1".parse().unwrap()),
    );
    dns.add(
        "h.example",
        RecordKind::A,
        naptr(1, 1, "s", "SIP+D2U", "", "h.example"),
    );
    dns = dns
        .a("h.example", "0.0.0.0")
        .a("h.example", "224.0.0.1")
        .a("h.example", "255.255.255.255");
    assert_eq!(
        locate(&mut dns, "sip:h.example").unwrap_err(),
        LocateError::PeerNoServer
    );
    assert!(dns.asked < 8);
}

#[test]
fn answers_that_were_not_asked_for_change_nothing() {
    let uri = Uri::parse(b"sip:h.example;transport=tls").unwrap();
    let mut locator = Locator::new(&uri, Abilities::new(&[Tls])).unwrap();
    let mut random = SeededRandom::new(1);
    let Some(Output::Ask(asked)) = locator.poll() else {
        panic!()
    };
    let forged = Query {
        name: HostName::parse("evil.example").unwrap(),
        kind: RecordKind::Srv,
    };
    let server = Srv {
        priority: 0,
        weight: 0,
        port: 1,
        target: forged.name.clone(),
    };
    for query in [
        forged,
        Query {
            kind: RecordKind::A,
            ..asked.clone()
        },
    ] {
        locator.handle(
            &mut random,
            &query,
            Answer::Records(vec![Record::Srv(server.clone())]),
        );
        assert_eq!(locator.poll(), None);
    }
    locator.handle(&mut random, &asked, Answer::Nothing);
    assert!(
        matches!(locator.poll(), Some(Output::Ask(query)) if query.name.as_str() == "h.example")
    );
}

#[test]
fn names_are_checked() {
    for good in ["a", "_sip._udp.Example.COM.", "xn--bcher-kva.example", "."] {
        assert!(HostName::parse(good).is_some(), "{good}");
    }
    let long = format!("{}.example", "x".repeat(64));
    let longer = ["abcdefghi"; 26].join(".");
    for bad in [
        "",
        "..",
        "a..b",
        ".a",
        "a b",
        "a/b",
        "ä.example",
        &long,
        &longer,
    ] {
        assert_eq!(HostName::parse(bad), None, "{bad}");
    }
    assert_eq!(
        HostName::parse("Example.COM.").unwrap().as_str(),
        "example.com"
    );
}
