//! Requests of UEs and servers: who is believed, who is reached, and how.

use crate::stage::{DOMAIN, PSI, Peer, Stage, Terms, Ue, request_text};
use crate::{both, header};
use roger_sip::message::{HeaderName, Headers, Limits, Message, Request, Response, StatusCode};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;

const ICSI: &str = "urn:urn-7:3gpp-service.ims.icsi.mcptt";

/// A registered UE whose registration the server has heard of.
pub fn registered(stage: &Stage, name: &str, last: u8) -> Ue {
    let mut ue = stage.ue(name, last);
    let contact = ue.contact();
    let (_, response) = ue.register(&contact, "", "");
    assert_eq!(response.status(), StatusCode::OK);
    stage.at_server();
    ue
}

/// What only the trust domain may say.
fn asserted(headers: &Headers) -> String {
    let names = [
        HeaderName::P_ASSERTED_IDENTITY,
        HeaderName::P_ASSERTED_SERVICE,
        HeaderName::P_PREFERRED_IDENTITY,
        HeaderName::P_PREFERRED_SERVICE,
        HeaderName::P_CALLED_PARTY_ID,
        HeaderName::P_CHARGING_VECTOR,
    ];
    names.map(|name| header(headers, name)).join(" / ")
}

#[test]
fn a_ue_says_what_it_may_and_nothing_else() {
    let scene = |stage: &Stage| {
        let mut ue = registered(stage, "ua", 100);
        let _other = registered(stage, "ub", 101);
        let forged = "P-Asserted-Identity: <sip:forged@h>\r\nP-Asserted-Service: urn:urn-7:forged\r\n\
                      P-Called-Party-ID: <sip:forged@h>\r\nP-Charging-Vector: icid-value=1\r\n";
        let (own, others) = (format!("sip:ua-2@{DOMAIN}"), format!("sip:ub@{DOMAIN}"));
        let mut said = Vec::new();
        for (from, lines) in [
            (ue.identity.clone(), forged.to_owned()),
            (
                ue.identity.clone(),
                format!("P-Preferred-Service: {ICSI}\r\n"),
            ),
            (
                ue.identity.clone(),
                format!("P-Preferred-Identity: <{own}>\r\n"),
            ),
            (
                ue.identity.clone(),
                format!("P-Preferred-Identity: <{others}>\r\n"),
            ),
            ("sip:anonymous@anonymous.invalid".to_owned(), String::new()),
            (others.clone(), String::new()),
        ] {
            let text = ue.text_from(&from, "MESSAGE", PSI, &lines);
            ue.peer.send(text);
            assert_eq!(ue.peer.response().status(), StatusCode::OK);
            said.push(asserted(stage.at_server().headers()));
        }
        said
    };
    let ua = "<sip:ua@ims.example.org> /  /  /  /  / ";
    let with_service = format!("<sip:ua@ims.example.org> / {ICSI} /  /  /  / ");
    let second = "<sip:ua-2@ims.example.org> /  /  /  /  / ";
    both(
        Terms::default(),
        scene,
        &[ua, &with_service, second, ua, ua, ua],
    );
}

#[test]
fn what_nobody_may_or_can_is_refused_alike() {
    let scene = |stage: &Stage| {
        let mut said = Vec::new();
        let mut stranger = stage.ue("ub", 101);
        said.push(stranger.asks("MESSAGE", PSI, ""));
        let mut ue = registered(stage, "ua", 100);
        // On the same address, another connection.
        said.push(stage.ue("ua", 100).asks("MESSAGE", PSI, ""));
        let (core, gone) = (stage.address(13), format!("sip:ub@{DOMAIN}"));
        for (method, uri, lines) in [
            ("MESSAGE", PSI, "Max-Forwards: 0\r\n"),
            ("MESSAGE", PSI, "Proxy-Require: foo\r\n"),
            ("MESSAGE", PSI, "Route: <sip:192.0.2.1;lr>\r\n"),
            (
                "MESSAGE",
                PSI,
                &format!("Route: <sip:{core};transport=tcp;lr>\r\n"),
            ),
            (
                "MESSAGE",
                PSI,
                &format!("Route: <sip:{core};transport=tcp;lr>, <sip:192.0.2.1;lr>\r\n"),
            ),
            ("MESSAGE", "sip:192.0.2.1", ""),
            ("MESSAGE", "sip:elsewhere.example.com", ""),
            ("MESSAGE", &format!("sip:nobody@{DOMAIN}"), ""),
            ("MESSAGE", &gone, ""),
            ("OPTIONS", &format!("sip:{core}"), ""),
            ("OPTIONS", &format!("sip:{DOMAIN}"), ""),
        ] {
            said.push(ue.asks(method, uri, lines));
        }
        said.iter().map(u16::to_string).collect()
    };
    let expected = [
        "403", "403", "483", "420", "403", "200", "403", "404", "404", "404", "480", "200", "200",
    ];
    both(Terms::default(), scene, &expected);
}

/// A request of the server, on a connection of its own.
pub fn ask(server: &mut Peer, method: &str, uri: &str, lines: &str, number: u32) {
    let more = format!("P-Asserted-Identity: <{PSI}>\r\n{lines}");
    server.send(request_text(
        server.address,
        PSI,
        method,
        uri,
        &more,
        number,
    ));
}

#[test]
fn a_server_reaches_a_ue_over_the_flow_of_its_registration() {
    let scene = |stage: &Stage| {
        let mut ue = registered(stage, "ua", 100);
        let mut server = stage.connect(14);
        let (first, second) = (format!("sip:ua@{DOMAIN}"), format!("sip:ua-2@{DOMAIN}"));
        let accept = "Accept-Contact: *;+g.3gpp.mcptt;require;explicit\r\n";
        let mut said = Vec::new();
        let contact = format!("sip:{};transport=tcp", ue.peer.address);
        for (number, (uri, lines)) in (1..).zip([
            (&first, accept),
            (&first, "Privacy: id\r\n"),
            (&second, ""),
            (&contact, ""),
        ]) {
            ask(&mut server, "MESSAGE", uri, lines, number);
            let got = ue.peer.request();
            assert_eq!(got.uri().unwrap().as_str(), contact);
            said.push(asserted(got.headers()));
            let forged = [
                ("P-Asserted-Identity", "<sip:forged@h>"),
                ("P-Charging-Vector", "x"),
            ];
            ue.peer.answer(&got, StatusCode::OK, &forged);
            said.push(asserted(server.response().headers()));
        }
        said
    };
    let from_server = |called: &str| format!("<{PSI}> /  /  /  / {called} / ");
    let called = from_server("<sip:ua@ims.example.org>");
    let hidden = " /  /  /  / <sip:ua@ims.example.org> / ";
    let other = from_server("<sip:ua-2@ims.example.org>");
    let inside = from_server("");
    let ua = "<sip:ua@ims.example.org> /  /  /  /  / ";
    let expected = [&called, ua, hidden, ua, &other, ua, &inside, ua];
    both(Terms::default(), scene, &expected);
}

/// One datagram there and one back; a 100 is passed over.
fn exchange(socket: &UdpSocket, core: SocketAddr, octets: &[u8]) -> Response {
    socket.send_to(octets, core).unwrap();
    loop {
        match datagram(socket) {
            Message::Response(response) if response.status() == StatusCode::TRYING => {}
            Message::Response(response) => return response,
            Message::Request(request) => panic!("{request:?}"),
        }
    }
}

fn datagram(socket: &UdpSocket) -> Message {
    let mut octets = [0; 4_096];
    let (read, _) = socket.recv_from(&mut octets).unwrap();
    Message::parse_datagram(&octets[..read], &Limits::default()).unwrap()
}

#[test]
fn a_ue_on_datagrams_is_known_by_its_address() {
    let scene = |stage: &Stage| {
        let core = stage.address(13);
        let socket = UdpSocket::bind(stage.address(100)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let mut ue = stage.ue("ua", 100);
        let contact = format!("<sip:{}>", stage.address(100));
        let over_udp = |text: String| {
            let text = text.replace("SIP/2.0/TCP", "SIP/2.0/UDP");
            text.replacen(";branch", ";rport;branch", 1).into_bytes()
        };
        let as_text = |request: &Request| String::from_utf8(request.to_octets()).unwrap();
        let first = ue.prepare(&contact, "", "");
        let challenge = exchange(&socket, core, &over_udp(as_text(&first)));
        ue.digest.learn(&challenge, &first).unwrap();
        let second = as_text(&ue.prepare(&contact, "", ""));
        let mut said = vec![exchange(&socket, core, &over_udp(second)).status()];
        let message = over_udp(ue.text("MESSAGE", PSI, ""));
        said.push(exchange(&socket, core, &message).status());
        stage.at_server();
        // Another port of the same address is somebody else, and so is a stream from it.
        let other = UdpSocket::bind(SocketAddr::new(stage.address(100).ip(), 5070)).unwrap();
        other
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let message = over_udp(ue.text("MESSAGE", PSI, ""));
        said.push(exchange(&other, core, &message).status());
        let mut said: Vec<String> = said.iter().map(|one| one.as_u16().to_string()).collect();
        said.push(ue.asks("MESSAGE", PSI, "").to_string());
        // And back.
        let mut server = stage.connect(14);
        ask(&mut server, "MESSAGE", &ue.identity, "", 1);
        let Message::Request(request) = datagram(&socket) else {
            panic!("no request");
        };
        let answer = Response::to(&request, StatusCode::OK).to_octets();
        socket.send_to(&answer, core).unwrap();
        said.push(server.response().status().as_u16().to_string());
        said
    };
    both(
        Terms::default(),
        scene,
        &["200", "200", "403", "403", "200"],
    );
}

#[test]
fn a_ue_whose_connection_is_gone_is_reached_at_its_contact() {
    let scene = |stage: &Stage| {
        let ue = registered(stage, "ua", 100);
        let listener = TcpListener::bind(ue.peer.address).unwrap();
        let (address, identity) = (ue.peer.address, ue.identity.clone());
        drop(ue);
        std::thread::sleep(std::time::Duration::from_millis(200));
        let mut server = stage.connect(14);
        ask(&mut server, "MESSAGE", &identity, "", 1);
        let (stream, from) = listener.accept().unwrap();
        assert_eq!(from.ip(), stage.address(13).ip());
        let mut ue = Peer::new(stream, address);
        let got = ue.request();
        ue.answer(&got, StatusCode::OK, &[]);
        let mut said = vec![server.response().status().as_u16()];
        // And when nobody is there either.
        drop((ue, listener));
        std::thread::sleep(std::time::Duration::from_millis(200));
        ask(&mut server, "MESSAGE", &identity, "", 2);
        said.push(server.response().status().as_u16());
        said.iter().map(u16::to_string).collect()
    };
    both(Terms::default(), scene, &["200", "480"]);
}

#[test]
fn a_call_stays_on_the_core_with_everything_in_its_dialog() {
    let scene = |stage: &Stage| {
        let mut ue = registered(stage, "ua", 100);
        let mut server = stage.connect(14);
        let contact = format!("Contact: <sip:{};transport=tcp>\r\n", stage.address(14));
        ask(&mut server, "INVITE", &ue.identity.clone(), &contact, 1);
        let invite = ue.peer.request();
        // Both cores put a token of the UE's flow in; the embedded one names itself once for each side.
        let recorded = header(invite.headers(), HeaderName::RECORD_ROUTE);
        let mut routes: Vec<&str> = recorded.split(" | ").collect();
        let own = stage.address(13).ip().to_string();
        for route in &routes {
            assert!(route.contains(&own) && route.contains(";lr"), "{route}");
        }
        routes.reverse();
        let route = routes.join(", ");
        let ue_contact = ue.contact();
        ue.peer
            .answer(&invite, StatusCode::OK, &[("Contact", &ue_contact)]);
        let answered = server.response();
        let mut said = vec![answered.status().as_u16().to_string()];
        let target = format!("sip:{};transport=tcp", ue.peer.address);
        let to = header(answered.headers(), HeaderName::TO);
        for (number, method) in [(1, "ACK"), (2, "BYE")] {
            let mut text = request_text(
                server.address,
                PSI,
                method,
                &target,
                &format!("Route: {route}\r\n"),
                number,
            );
            text = text.replace(&format!("To: <{target}>"), &format!("To: {to}"));
            server.send(text.replace(&format!("Call-ID: {number}-"), "Call-ID: 1-"));
            let got = ue.peer.request();
            said.push(format!(
                "{} {}",
                got.method(),
                header(got.headers(), HeaderName::ROUTE)
            ));
            if method == "BYE" {
                ue.peer.answer(&got, StatusCode::OK, &[]);
                said.push(server.response().status().as_u16().to_string());
            }
        }
        // A NOTIFY is recorded though it is inside a dialog, another request is not.
        for (number, method) in [(3, "NOTIFY"), (4, "INFO")] {
            let text = request_text(server.address, PSI, method, &target, "", number);
            server.send(text.replace(&format!("To: <{target}>"), &format!("To: {to}")));
            let got = ue.peer.request();
            let recorded = got.headers().contains(HeaderName::RECORD_ROUTE);
            said.push(format!("{method} {recorded}"));
            ue.peer.answer(&got, StatusCode::OK, &[]);
            said.push(server.response().status().as_u16().to_string());
        }
        said
    };
    let expected = [
        "200",
        "ACK ",
        "BYE ",
        "200",
        "NOTIFY true",
        "200",
        "INFO false",
        "200",
    ];
    both(Terms::default(), scene, &expected);
}

#[test]
fn a_cancel_is_passed_on() {
    let scene = |stage: &Stage| {
        let mut ue = registered(stage, "ua", 100);
        let mut server = stage.connect(14);
        let identity = ue.identity.clone();
        let contact = format!("Contact: <sip:{};transport=tcp>\r\n", stage.address(14));
        ask(&mut server, "INVITE", &identity, &contact, 1);
        let invite = ue.peer.request();
        ue.peer.answer(&invite, StatusCode::RINGING, &[]);
        let mut said = vec![server.response().status().as_u16().to_string()];
        let cancel = request_text(server.address, PSI, "CANCEL", &identity, "", 1);
        server.send(cancel.replace("z9hG4bKCANCEL1", "z9hG4bKINVITE1"));
        said.push(server.response().status().as_u16().to_string());
        let got = ue.peer.request();
        said.push(got.method().to_string());
        ue.peer.answer(&got, StatusCode::OK, &[]);
        ue.peer.answer(&invite, StatusCode::REQUEST_TERMINATED, &[]);
        said.push(server.response().status().as_u16().to_string());
        said.push(ue.peer.request().method().to_string());
        said
    };
    both(
        Terms::default(),
        scene,
        &["180", "200", "CANCEL", "487", "ACK"],
    );
}

/// Behind an edge proxy (RFC 3327): what is for the UE goes there, with the way on in Route.
#[test]
fn kamailio_takes_the_path_of_a_registration() {
    let Some(stage) = Stage::start(crate::Kind::Kamailio, Terms::default()) else {
        return;
    };
    let edge = TcpListener::bind(stage.address(110)).unwrap();
    let mut ue = stage.ue("ua", 100);
    let (contact, address) = (ue.contact(), stage.address(110));
    let path = format!("<sip:{address};transport=tcp;lr>");
    let lines = format!("Supported: path\r\nPath: {path}\r\n");
    let (_, response) = ue.register(&contact, &lines, "");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(response.headers(), HeaderName::PATH), path);
    let service_route = header(response.headers(), HeaderName::SERVICE_ROUTE);
    assert!(
        service_route.contains(&stage.address(13).to_string()),
        "{service_route}"
    );
    let mut server = stage.connect(14);
    ask(&mut server, "MESSAGE", &ue.identity, "", 1);
    let mut edge = Peer::new(edge.accept().unwrap().0, address);
    let got = edge.request();
    assert_eq!(header(got.headers(), HeaderName::ROUTE), path);
    assert!(got.uri().unwrap().as_str().contains("100:5060"));
    edge.answer(&got, StatusCode::OK, &[]);
    assert_eq!(server.response().status(), StatusCode::OK);
    assert!(ue.peer.hears_nothing());
}

/// What a UE asks of the MCPTT service is that service's business, whoever it is addressed to.
#[test]
fn kamailio_routes_by_icsi_what_nobody_is_addressed_by() {
    let Some(stage) = Stage::start(crate::Kind::Kamailio, Terms::default()) else {
        return;
    };
    let mut ue = registered(&stage, "ua", 100);
    let uri = format!("sip:nobody@{DOMAIN}");
    let icsi = format!("P-Preferred-Service: {ICSI}\r\n");
    assert_eq!(ue.asks("MESSAGE", &uri, &icsi), 200);
    let got = stage.at_server();
    assert_eq!(got.uri().unwrap().as_str(), uri);
    assert!(asserted(got.headers()).contains(ICSI));
    let other = icsi.replace("mcptt", "mmtel");
    assert_eq!(ue.asks("MESSAGE", &uri, &other), 404);
    assert_eq!(
        ue.asks("MESSAGE", "sip:nobody@elsewhere.example.com", &icsi),
        404
    );
}

/// A UE cannot take over requests that are for the Contact of another, but may have a Contact that was given up.
#[test]
fn a_contact_stays_with_whom_has_it() {
    let scene = |stage: &Stage| {
        let mut victim = registered(stage, "ua", 100);
        let mut thief = stage.ue("ub", 101);
        let contact = victim.contact();
        let (_, response) = thief.register(&contact, "", "");
        assert_eq!(response.status(), StatusCode::OK);
        let mut server = stage.connect(14);
        let target = format!("sip:{};transport=tcp", victim.peer.address);
        let mut gets = |owner: &mut Ue, number| {
            ask(&mut server, "MESSAGE", &target, "", number);
            let got = owner.peer.request();
            owner.peer.answer(&got, StatusCode::OK, &[]);
            asserted(server.response().headers())
        };
        let before = gets(&mut victim, 1);
        assert!(thief.peer.hears_nothing());
        // A refresh of either changes nothing.
        victim.register(&contact, "", "");
        thief.register(&contact, "", "");
        let refreshed = gets(&mut victim, 2);
        victim.register(&contact, "Expires: 0\r\n", "");
        thief.register(&contact, "", "");
        vec![before, refreshed, gets(&mut thief, 3)]
    };
    let (ua, ub) = (
        "<sip:ua@ims.example.org> /  /  /  /  / ",
        "<sip:ub@ims.example.org> /  /  /  /  / ",
    );
    both(Terms::default(), scene, &[ua, ua, ub]);
}
