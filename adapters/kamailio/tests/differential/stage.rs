//! Either SIP core on loopback, an application server behind it, and UEs on streams or WebSocket.

use crate::link::{Link, Way};
use crate::modules::has_module;
use roger_adapter_kamailio::{Kamailio, KamailioSettings};
use roger_adapter_sip::{SipHandle, SipNode, TransportSettings};
use roger_base::{Impu, SecretBytes, ServerUri};
use roger_sip::digest::{Algorithm, DigestClient};
use roger_sip::endpoint::Target;
use roger_sip::message::{
    Frame, HeaderName, Limits, Message, Request, Response, StatusCode, StreamDecoder, StreamSide,
};
use roger_sipcore::{
    ApplicationServer, CoreSettings, MemorySubscribers, Service, SipCore, Subscriber, TrustedPeer,
};
use roger_testkit::SeededRandom;
use socket2::{Domain, Socket, Type};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::runtime::Runtime;

pub const DOMAIN: &str = "ims.example.org";
pub const PSI: &str = "sip:mcptt-pf@mcptt.example.org";
pub const MCPTT: &str = ";+g.3gpp.mcptt";
/// Longest wait for what should come at once, and how long nothing may come.
const PATIENCE: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_millis(300);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Embedded,
    Kamailio,
}

/// What differs from the usual settings.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    pub algorithm: Algorithm,
    pub min_expires: u32,
    /// How UEs come.
    pub way: Way,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Sha256,
            min_expires: 60,
            way: Way::Tcp,
        }
    }
}

/// Held so that it runs.
enum Core {
    Embedded(
        SipHandle<SipCore<MemorySubscribers>>,
        #[allow(dead_code)] Runtime,
    ),
    Kamailio(Kamailio),
}

pub struct Stage {
    core: Core,
    block: [u8; 3],
    way: Way,
    /// Requests that came to the application server.
    pub server: mpsc::Receiver<Request>,
    /// What the application server answers a REGISTER with.
    pub answer: Arc<AtomicU16>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Core::Embedded(handle, _) = &self.core {
            handle.stop();
        }
    }
}

impl Stage {
    /// `None` when Kamailio is asked for and not installed.
    pub fn start(kind: Kind, terms: Terms) -> Option<Self> {
        if kind == Kind::Kamailio {
            roger_testkit::find_program_beside("kamailio", "/usr/sbin")?;
            if terms.way == Way::Ws && !has_module("websocket") {
                return None;
            }
        }
        // One block for each process and core, so that several runs go at once.
        let process = std::process::id().to_be_bytes();
        let high = 160 + 32 * u8::from(kind == Kind::Kamailio) + process[2] % 32;
        let block = [127, high, process[3]];
        let at = |last| socket_address(block, last);
        let server = ApplicationServer {
            identity: ServerUri::new(PSI).unwrap(),
            target: Target::tcp(at(14)),
            feature_tag: "+g.3gpp.mcptt".to_owned(),
        };
        let core = match kind {
            Kind::Embedded => embedded(at(13), server, terms),
            Kind::Kamailio => kamailio(at(13), server, terms),
        };
        let answer = Arc::new(AtomicU16::new(200));
        let server = serve(at(14), Arc::clone(&answer));
        Some(Self {
            core,
            block,
            way: terms.way,
            server,
            answer,
        })
    }

    pub fn address(&self, last: u8) -> SocketAddr {
        socket_address(self.block, last)
    }

    /// A stream to the core from an address of this block.
    pub fn connect(&self, last: u8) -> Peer {
        self.connect_by(Way::Tcp, last)
    }

    fn connect_by(&self, way: Way, last: u8) -> Peer {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let from = SocketAddr::new(self.address(last).ip(), 0);
        socket.bind(&from.into()).unwrap();
        let core = SocketAddr::new(self.address(13).ip(), way.port());
        socket.connect(&core.into()).unwrap();
        Peer::on(Link::open(way, socket.into(), core), self.address(last))
    }

    /// A UE with credentials.
    pub fn ue(&self, name: &str, last: u8) -> Ue {
        let user = format!("{name}@{DOMAIN}");
        Ue {
            peer: self.connect_by(self.way, last),
            way: self.way,
            digest: DigestClient::new(&user, SecretBytes::new(b"secret".to_vec())),
            identity: format!("sip:{user}"),
            random: SeededRandom::new(u64::from(last)),
            cseq: 0,
        }
    }

    /// The UE loses its connection and comes back over another one.
    pub fn reconnect(&self, ue: &mut Ue) {
        let last = ue.peer.address.ip().to_string();
        let last = last.rsplit('.').next().unwrap().parse().unwrap();
        ue.peer = self.connect_by(ue.way, last);
    }

    /// The next request at the application server.
    pub fn at_server(&self) -> Request {
        self.server
            .recv_timeout(PATIENCE)
            .expect("a request at the server")
    }

    /// Nothing comes to the application server.
    pub fn server_hears_nothing(&self) -> bool {
        self.server.recv_timeout(SILENCE).is_err()
    }

    /// What Kamailio has logged.
    pub fn log(&self) -> String {
        match &self.core {
            Core::Embedded(..) => String::new(),
            Core::Kamailio(kamailio) => kamailio.log(),
        }
    }
}

fn socket_address([a, b, c]: [u8; 3], last: u8) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::new(a, b, c, last).into(), 5060)
}

fn subscribers() -> MemorySubscribers {
    let subscriber = |name: &str| Subscriber {
        username: format!("{name}@{DOMAIN}"),
        identities: ["", "-2"]
            .map(|more| Impu::new(format!("sip:{name}{more}@{DOMAIN}")).unwrap())
            .to_vec(),
        password: SecretBytes::new(b"secret".to_vec()),
    };
    ["ua", "ub"].into_iter().map(subscriber).collect()
}

fn embedded(at: SocketAddr, server: ApplicationServer, terms: Terms) -> Core {
    let mut settings = CoreSettings::new(DOMAIN);
    settings
        .trusted
        .push(TrustedPeer::Address(server.target.peer().ip()));
    settings.services.push(Service {
        identity: server.identity.clone(),
        target: server.target,
    });
    settings.application_servers.push(server);
    settings.algorithms = vec![terms.algorithm];
    settings.min_expires = terms.min_expires;
    let mut random = SeededRandom::new(u64::from(std::process::id()));
    let core = SipCore::new(settings, subscribers(), &mut random).unwrap();
    let runtime = Runtime::new().unwrap();
    let mut transport = TransportSettings::at(at);
    transport.ws = for_websocket(at, terms);
    let started = runtime.block_on(SipNode::start(core, transport, Box::new(random)));
    let (handle, mut events) = started.unwrap();
    runtime.spawn(async move { while events.recv().await.is_some() {} });
    Core::Embedded(handle, runtime)
}

/// Where WebSocket is served when UEs come by it.
fn for_websocket(at: SocketAddr, terms: Terms) -> Option<SocketAddr> {
    (terms.way == Way::Ws).then(|| SocketAddr::new(at.ip(), Way::Ws.port()))
}

fn kamailio(at: SocketAddr, server: ApplicationServer, terms: Terms) -> Core {
    let mut settings = KamailioSettings::new(DOMAIN, at, server.clone());
    settings.add_server(server.identity, server.target);
    settings.subscribers = subscribers().iter().cloned().collect();
    settings.algorithm = terms.algorithm;
    settings.min_expires = terms.min_expires;
    settings.expiry_interval = 1;
    settings.ue_address = for_websocket(at, terms);
    settings.websocket = settings.ue_address.is_some();
    Core::Kamailio(Kamailio::start(&settings).unwrap())
}

/// Takes every connection, answers every request, and passes all but ACKs on.
fn serve(at: SocketAddr, answer: Arc<AtomicU16>) -> mpsc::Receiver<Request> {
    let listener = TcpListener::bind(at).unwrap();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let (sender, answer) = (sender.clone(), Arc::clone(&answer));
            let mut peer = Peer::new(stream, at);
            peer.link.set_patience(None);
            std::thread::spawn(move || {
                while let Some(Message::Request(request)) = peer.receive() {
                    let is_register = request.method().as_str() == "REGISTER";
                    let status = if is_register {
                        answer.load(Ordering::Relaxed)
                    } else {
                        200
                    };
                    peer.answer(&request, StatusCode::new(status).unwrap(), &[]);
                    let _ = sender.send(request);
                }
            });
        }
    });
    receiver
}

/// One end of a connection.
pub struct Peer {
    link: Link,
    decoder: StreamDecoder,
    pub address: SocketAddr,
}

impl Peer {
    pub fn new(stream: TcpStream, address: SocketAddr) -> Self {
        Self::on(Link::Stream(stream), address)
    }

    fn on(link: Link, address: SocketAddr) -> Self {
        link.set_patience(Some(PATIENCE));
        Self {
            link,
            decoder: StreamDecoder::new(StreamSide::Accepted, Limits::default()),
            address,
        }
    }

    pub fn send(&mut self, octets: impl AsRef<[u8]>) {
        self.link.send(octets.as_ref());
    }

    /// The next message but 100; `None` when none comes or the other end hangs up.
    pub fn receive(&mut self) -> Option<Message> {
        loop {
            match self.decoder.next_frame() {
                Ok(Some(Frame::Message(Message::Response(response))))
                    if response.status() == StatusCode::TRYING => {}
                Ok(Some(Frame::Message(message))) => return Some(message),
                Ok(Some(_)) => {}
                Ok(None) => self.read()?,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn read(&mut self) -> Option<()> {
        let octets = self.link.read()?;
        self.decoder.feed(&octets);
        Some(())
    }

    pub fn response(&mut self) -> Response {
        match self.receive() {
            Some(Message::Response(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    pub fn request(&mut self) -> Request {
        match self.receive() {
            Some(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    pub fn hears_nothing(&mut self) -> bool {
        self.link.set_patience(Some(SILENCE));
        let nothing = self.receive().is_none();
        self.link.set_patience(Some(PATIENCE));
        nothing
    }

    pub fn answer(&mut self, request: &Request, status: StatusCode, more: &[(&'static str, &str)]) {
        let mut response = Response::to(request, status);
        if response.headers().to().is_ok_and(|to| to.tag().is_none()) {
            response.add_to_tag("answered").unwrap();
        }
        for (name, value) in more {
            let name = HeaderName::new(name).unwrap();
            response.headers_mut().push(name, *value).unwrap();
        }
        self.send(response.to_octets());
    }
}

/// A UE that registers.
pub struct Ue {
    pub peer: Peer,
    way: Way,
    pub digest: DigestClient,
    pub identity: String,
    random: SeededRandom,
    cseq: u32,
}

impl Ue {
    /// Credentials of somebody else, or wrong ones.
    pub fn with_credentials(mut self, user: &str, password: &str) -> Self {
        let password = SecretBytes::new(password.as_bytes().to_vec());
        self.digest = DigestClient::new(&format!("{user}@{DOMAIN}"), password);
        self
    }

    pub fn contact(&self) -> String {
        let transport = self.way.via().to_ascii_lowercase();
        format!("<sip:{};transport={transport}>{MCPTT}", self.peer.address)
    }

    /// A REGISTER with the given Contact and further header lines, without credentials.
    pub fn register_text(&mut self, contact: &str, lines: &str, body: &str) -> String {
        self.cseq += 1;
        let (cseq, identity, from) = (self.cseq, &self.identity, self.peer.address);
        let contact = match contact {
            "" => String::new(),
            contact => format!("Contact: {contact}\r\n"),
        };
        let (length, via) = (body.len(), self.way.via());
        format!(
            "REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/{via} {from};branch=z9hG4bKr{cseq}{identity}\r\n\
             Max-Forwards: 70\r\nFrom: <{identity}>;tag=1\r\nTo: <{identity}>\r\n\
             Call-ID: register-{from}\r\nCSeq: {cseq} REGISTER\r\n{contact}{lines}\
             Content-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    }

    /// Registers through a challenge when there is one; the request that got the answer, and the answer.
    pub fn register(&mut self, contact: &str, lines: &str, body: &str) -> (Request, Response) {
        let first = self.prepare(contact, lines, body);
        self.peer.send(first.to_octets());
        let response = self.peer.response();
        if response.status() != StatusCode::UNAUTHORIZED {
            return (first, response);
        }
        self.digest.learn(&response, &first).unwrap();
        let second = self.prepare(contact, lines, body);
        self.peer.send(second.to_octets());
        let response = self.peer.response();
        (second, response)
    }

    pub fn prepare(&mut self, contact: &str, lines: &str, body: &str) -> Request {
        let text = self.register_text(contact, lines, body);
        let message = Message::parse_datagram(text.as_bytes(), &Limits::default()).unwrap();
        let Message::Request(mut request) = message else {
            panic!("{text}");
        };
        self.digest
            .authorise(&mut request, &mut self.random)
            .unwrap();
        request
    }

    /// Any other request, as text.
    pub fn text(&mut self, method: &str, uri: &str, lines: &str) -> String {
        let identity = self.identity.clone();
        self.text_from(&identity, method, uri, lines)
    }

    pub fn text_from(&mut self, from: &str, method: &str, uri: &str, lines: &str) -> String {
        self.cseq += 1;
        let text = request_text(self.peer.address, from, method, uri, lines, self.cseq);
        text.replacen("SIP/2.0/TCP", &format!("SIP/2.0/{}", self.way.via()), 1)
    }

    /// Sends a request and gives the status of its answer.
    pub fn asks(&mut self, method: &str, uri: &str, lines: &str) -> u16 {
        let text = self.text(method, uri, lines);
        self.peer.send(text);
        self.peer.response().status().as_u16()
    }
}

/// A request; `lines` may bring its own Max-Forwards.
pub fn request_text(
    via: SocketAddr,
    from: &str,
    method: &str,
    uri: &str,
    lines: &str,
    number: u32,
) -> String {
    let hops = if lines.contains("Max-Forwards") {
        ""
    } else {
        "Max-Forwards: 70\r\n"
    };
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/TCP {via};branch=z9hG4bK{method}{number}\r\n{hops}\
         From: <{from}>;tag=1\r\nTo: <{uri}>\r\nCall-ID: {number}-{via}\r\nCSeq: {number} {method}\r\n\
         {lines}Content-Length: 0\r\n\r\n"
    )
}
