//! Dialogs between a server and a UE: each side has its requests pass the core, the UE over the connection that it
//! opened, however it came and wherever its Contact says it is.

use crate::link::Way;
use crate::routing::{ask, registered};
use crate::stage::{Kind, PSI, Peer, Stage, Terms, Ue, request_text};
use crate::{both, header};
use roger_sip::header::NameAddr;
use roger_sip::message::{HeaderName, StatusCode};
use rstest::rstest;
use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

/// A call of the server to a UE, from its ACK on.
struct Call {
    /// The Record-Route of the INVITE as the UE saw it, the nearest first.
    routes: Vec<String>,
    /// The UE's Contact in the dialog, which is not the registered one.
    target: String,
    to: String,
    cseq: u32,
}

fn terms(way: Way) -> Terms {
    Terms {
        way,
        ..Terms::default()
    }
}

fn in_call(stage: &Stage, server: &mut Peer, ue: &mut Ue) -> Call {
    let contact = format!("Contact: <sip:{};transport=tcp>\r\n", stage.address(14));
    ask(server, "INVITE", &ue.identity, &contact, 1);
    let invite = ue.peer.request();
    let recorded = header(invite.headers(), HeaderName::RECORD_ROUTE);
    let contact = ue.contact().replace("sip:", "sip:in-the-call@");
    ue.peer
        .answer(&invite, StatusCode::OK, &[("Contact", &contact)]);
    let answered = server.response();
    assert_eq!(answered.status(), StatusCode::OK);
    let contact = NameAddr::parse(contact.as_bytes()).unwrap();
    let call = Call {
        routes: recorded.split(" | ").map(str::to_owned).collect(),
        target: contact.uri.to_string(),
        to: header(answered.headers(), HeaderName::TO),
        cseq: 1,
    };
    call.server_sends(server, "ACK");
    call
}

impl Call {
    fn server_sends(&self, server: &mut Peer, method: &str) {
        let mut routes: Vec<&str> = self.routes.iter().map(String::as_str).collect();
        routes.reverse();
        let route = format!("Route: {}\r\n", routes.join(", "));
        let (target, number) = (&self.target, self.cseq);
        let text = request_text(server.address, PSI, method, target, &route, number);
        let text = text.replace(&format!("To: <{target}>"), &format!("To: {}", self.to));
        server.send(text.replace(&format!("Call-ID: {number}-"), "Call-ID: 1-"));
    }

    /// A request of the server that the UE takes; what the UE got, and what the server was answered.
    fn server_reaches(&mut self, server: &mut Peer, method: &str, ue: &mut Ue) -> String {
        self.cseq += 1;
        self.server_sends(server, method);
        let got = ue.peer.request();
        ue.peer.answer(&got, StatusCode::OK, &[]);
        let status = server.response().status().as_u16();
        format!("{} {status}", got.method())
    }

    /// A request of the server that nobody takes.
    fn server_is_refused(&mut self, server: &mut Peer, method: &str) -> String {
        self.cseq += 1;
        self.server_sends(server, method);
        let status = server.response().status().as_u16();
        format!("{method} {status}")
    }

    /// A request of the UE; what the server got, and what the UE was answered.
    fn ue_reaches(&self, stage: &Stage, ue: &mut Ue, method: &str) -> String {
        let target = format!("sip:{};transport=tcp", stage.address(14));
        let route = format!("Route: {}\r\n", self.routes.join(", "));
        let text = ue.text(method, &target, &route);
        let to = format!("To: <{target}>");
        ue.peer.send(text.replace(&to, &format!("{to};tag=1")));
        let got = stage.at_server();
        let status = ue.peer.response().status().as_u16();
        format!("{} {status}", got.method())
    }

    /// Port and transport that each Record-Route names.
    fn sides(&self) -> Vec<String> {
        let side = |route: &String| {
            let uri = NameAddr::parse(route.as_bytes()).unwrap().uri;
            let transport = uri.transport().unwrap_or_default();
            format!("{} {transport}", uri.port().unwrap_or(5060))
        };
        self.routes.iter().map(side).collect()
    }
}

#[rstest]
#[case(Way::Tcp)]
#[case(Way::Ws)]
fn each_side_of_a_dialog_passes_the_core(#[case] way: Way) {
    let scene = |stage: &Stage| {
        let mut ue = registered(stage, "ua", 100);
        let mut server = stage.connect(14);
        let mut call = in_call(stage, &mut server, &mut ue);
        let ack = ue.peer.request();
        vec![
            ack.method().to_string(),
            call.server_reaches(&mut server, "INFO", &mut ue),
            call.ue_reaches(stage, &mut ue, "INFO"),
            call.server_reaches(&mut server, "BYE", &mut ue),
        ]
    };
    let expected = ["ACK", "INFO 200", "INFO 200", "BYE 200"];
    both(terms(way), scene, &expected);
}

#[test]
fn a_ue_by_websocket_is_told_where_it_came_to() {
    let scene = |stage: &Stage| {
        let mut ue = registered(stage, "ua", 100);
        let mut server = stage.connect(14);
        in_call(stage, &mut server, &mut ue).sides()
    };
    both(terms(Way::Ws), scene, &["8080 ws", "5060 tcp"]);
}

#[rstest]
#[case(Way::Tcp)]
#[case(Way::Ws)]
fn a_ue_that_came_back_is_reached_over_its_new_connection_inside_its_dialogs(#[case] way: Way) {
    let scene = |stage: &Stage| {
        let mut ue = registered(stage, "ua", 100);
        let mut server = stage.connect(14);
        let mut call = in_call(stage, &mut server, &mut ue);
        assert_eq!(ue.peer.request().method().as_str(), "ACK");
        stage.reconnect(&mut ue);
        let contact = ue.contact();
        let (_, response) = ue.register(&contact, "", "");
        assert_eq!(response.status(), StatusCode::OK);
        vec![call.server_reaches(&mut server, "BYE", &mut ue)]
    };
    both(terms(way), scene, &["BYE 200"]);
}

/// Though something listens at the address of its Contact.
#[rstest]
#[case(Way::Tcp)]
#[case(Way::Ws)]
fn a_ue_that_has_logged_off_gets_nothing_more(#[case] way: Way) {
    let scene = |stage: &Stage| {
        let mut ue = registered(stage, "ua", 100);
        let listener = TcpListener::bind(ue.peer.address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let mut server = stage.connect(14);
        let mut call = in_call(stage, &mut server, &mut ue);
        assert_eq!(ue.peer.request().method().as_str(), "ACK");
        let contact = ue.contact();
        let (_, response) = ue.register(&contact, "Expires: 0\r\n", "");
        assert_eq!(response.status(), StatusCode::OK);
        stage.at_server();
        let refused = call.server_is_refused(&mut server, "BYE");
        let nothing = ue.peer.hears_nothing();
        let accepted = listener.accept().map_err(|error| error.kind());
        let nobody = matches!(accepted, Err(ErrorKind::WouldBlock));
        vec![refused, nothing.to_string(), nobody.to_string()]
    };
    both(terms(way), scene, &["BYE 430", "true", "true"]);
}

/// A UE registers with a Contact of this transport, and its WebSocket breaks: how requests inside and outside of a
/// dialog are answered, and whether no datagram came to it in their place.
fn without_its_websocket(stage: &Stage, transport: &str) -> Vec<String> {
    let mut ue = stage.ue("ua", 100);
    let named = |text: String| text.replace("transport=ws", &format!("transport={transport}"));
    let contact = named(ue.contact());
    let (_, response) = ue.register(&contact, "", "");
    assert_eq!(response.status(), StatusCode::OK);
    stage.at_server();
    let datagrams = UdpSocket::bind(ue.peer.address).unwrap();
    let silence = Some(Duration::from_millis(300));
    datagrams.set_read_timeout(silence).unwrap();
    let mut server = stage.connect(14);
    let mut call = in_call(stage, &mut server, &mut ue);
    call.target = named(call.target);
    let identity = ue.identity.clone();
    drop(ue);
    std::thread::sleep(Duration::from_millis(200));
    let inside = call.server_is_refused(&mut server, "BYE");
    ask(&mut server, "MESSAGE", &identity, "", 9);
    let outside = server.response().status().as_u16().to_string();
    let nothing = datagrams.recv(&mut [0; 64]).is_err();
    vec![inside, outside, nothing.to_string()]
}

#[test]
fn a_ue_whose_websocket_is_gone_is_not_reached_otherwise() {
    let scene = |stage: &Stage| without_its_websocket(stage, "ws");
    both(terms(Way::Ws), scene, &["BYE 430", "480", "true"]);
}

/// Kamailio knows no such transport, and takes what it does not know for datagrams, which all can read.
#[test]
fn kamailio_sends_in_no_datagram_what_was_for_a_websocket_inside_tls() {
    let Some(stage) = Stage::start(Kind::Kamailio, terms(Way::Ws)) else {
        return;
    };
    let said = without_its_websocket(&stage, "wss");
    assert_eq!(said, ["BYE 430", "480", "true"]);
}
