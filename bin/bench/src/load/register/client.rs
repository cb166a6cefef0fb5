//! UEs: their requests, made before the clock starts, and a connection on which they are sent.

use super::domain::{Domain, IMS_DOMAIN, MC_DOMAIN, client_id, impu, password, user, username};
use crate::error::BenchError;
use crate::system::OsRandom;
use core::net::SocketAddr;
use roger_base::{SecretBytes, UnixTime};
use roger_call::body::{Body, Part};
use roger_call::feature::{CONTACT_PARAMETERS, EXPIRES_FOREVER, media_type};
use roger_call::protection::Protection;
use roger_call::request::{Trust, finish, start};
use roger_call::service_authorisation::BoundCsk;
use roger_documents::mcptt_info::{McpttInfo, RequestUri};
use roger_documents::poc_settings::{AnswerMode, PocSettings};
use roger_ibc::UserKeySet;
use roger_keys::Csk;
use roger_keys::signalling::XmlKeyMode;
use roger_mikey::create::Hiding;
use roger_mikey::{CreateClientServerKey, CreateOptions};
use roger_oidc::Resource;
use roger_sip::digest::DigestClient;
use roger_sip::endpoint::ident;
use roger_sip::message::{
    Frame, HeaderName, Limits, Message, Method, Request, RequestBuilder, Response, StatusCode,
    StreamDecoder, StreamSide,
};
use roger_sip::uri::Uri;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// Life asked for in REGISTER, in seconds.
const LIFE: u32 = 600_000;

/// A client that is known to the core: what its next REGISTER needs.
pub(super) struct Client {
    number: usize,
    digest: DigestClient,
    cseq: u32,
}

/// What the answer to the settings says of the authorisation in the REGISTER.
pub(super) enum Outcome {
    Authorised,
    /// 404 "141": the CSK-ID was in use. It has 28 random bits, so that among a hundred thousand clients some draw one
    /// that another has; they authorise again with a new one.
    Unknown,
}

/// The requests of a registration with everything.
pub(super) struct Prepared {
    pub(super) number: usize,
    /// REGISTER with CSK, access token and client id, encrypted and signed.
    register: Request,
    /// PUBLISH of the settings: its 200 shows that the client is authorised.
    publish: Request,
}

impl Prepared {
    /// Makes CSK, token and bodies of a client.
    pub(super) fn new(
        domain: &Domain,
        keys: &UserKeySet,
        number: usize,
        now: UnixTime,
    ) -> Result<Self, BenchError> {
        let csk = csk_message(domain, keys, number, now)?;
        let publish = publish(domain, &csk, number)?;
        let body = authorising_body(domain, &csk, number, now)?;
        Ok(Self {
            number,
            register: register(number, &body)?,
            publish,
        })
    }

    /// The body of the REGISTER, to be authorised without a network.
    pub(super) fn body(&self) -> Result<Body, BenchError> {
        Body::of(self.register.headers(), self.register.body())
            .map_err(BenchError::wrong("REGISTER"))
    }
}

fn csk_message(
    domain: &Domain,
    keys: &UserKeySet,
    number: usize,
    now: UnixTime,
) -> Result<BoundCsk, BenchError> {
    let csk = Csk::random(&mut OsRandom)?;
    let message = CreateClientServerKey {
        csk: &csk,
        user: keys,
        server: domain.mdsi.as_str(),
        server_domain: domain.master.domain(),
        parameters: None,
        now: now.to_ntp(),
        options: CreateOptions {
            hiding: Hiding::Initiator,
            ..CreateOptions::PLAIN
        },
    };
    let message = message.build(&mut OsRandom);
    let message = message.map_err(BenchError::wrong("CSK message"))?;
    Ok(BoundCsk::new(
        csk,
        user(number)?,
        message,
        XmlKeyMode::Derived,
    ))
}

fn protected(body: Body, csk: &BoundCsk) -> Result<Body, BenchError> {
    let hop = csk.sending(Protection::Full, MC_DOMAIN);
    body.protected(&hop, &mut OsRandom)
        .map_err(BenchError::wrong("protection"))
}

fn authorising_body(
    domain: &Domain,
    csk: &BoundCsk,
    number: usize,
    now: UnixTime,
) -> Result<Body, BenchError> {
    let token = domain
        .tokens
        .token(user(number)?.as_str(), Resource::McpttServer, now)?;
    let info = McpttInfo {
        access_token: Some(SecretBytes::new(token.into_bytes())),
        client_id: Some(client_id(number)?),
        ..McpttInfo::default()
    };
    let body = Body::new()
        .with(Part::new(media_type::MIKEY, csk.message.clone()))
        .with_document(&info);
    protected(body, csk)
}

fn publish(domain: &Domain, csk: &BoundCsk, number: usize) -> Result<Request, BenchError> {
    let client_id = client_id(number)?;
    let settings = PocSettings {
        client_id: client_id.clone(),
        answer_mode: Some(AnswerMode::Automatic),
        user_profile_index: Some(1),
        multiplex_support: false,
    };
    let info = McpttInfo {
        request_uri: Some(RequestUri::from(&user(number)?)),
        client_id: Some(client_id),
        ..McpttInfo::default()
    };
    let body = Body::new().with_document(&info).with_document(&settings);
    let body = protected(body, csk)?;
    let failed = BenchError::wrong("PUBLISH");
    let builder = start(
        Method::Publish,
        domain.participating.as_str(),
        impu(number)?.as_str(),
        Trust::Preferred,
        &mut OsRandom,
    );
    let builder = builder
        .map_err(BenchError::wrong("PUBLISH"))?
        .header(HeaderName::EVENT, "poc-settings")
        .header(HeaderName::EXPIRES, EXPIRES_FOREVER.to_string());
    finish(hop_headers(builder), &body, &mut OsRandom).map_err(failed)
}

/// A REGISTER without credentials and `CSeq`.
fn register(number: usize, body: &Body) -> Result<Request, BenchError> {
    let failed = BenchError::wrong("REGISTER");
    let impu = impu(number)?;
    let registrar = format!("sip:{IMS_DOMAIN}");
    let registrar = Uri::parse(registrar.as_bytes()).map_err(BenchError::wrong("REGISTER"))?;
    let contact = format!(
        "<sip:{number}@127.0.0.1:5060;transport=tcp>;+sip.instance=\"<{}>\"{CONTACT_PARAMETERS}",
        client_id(number)?
    );
    let builder = Request::builder(Method::Register, registrar)
        .header(HeaderName::FROM, format!("<{impu}>;tag={number}"))
        .header(HeaderName::TO, format!("<{impu}>"))
        .header(HeaderName::CALL_ID, format!("register-{number}"))
        .header(HeaderName::CSEQ, "1")
        .header(HeaderName::CONTACT, contact)
        .header(HeaderName::EXPIRES, LIFE.to_string());
    finish(hop_headers(builder), body, &mut OsRandom).map_err(failed)
}

fn hop_headers(builder: RequestBuilder) -> RequestBuilder {
    builder.header(HeaderName::MAX_FORWARDS, "70")
}

/// A stream to the core that many clients share, as they do behind an edge proxy: one request at a time.
pub(super) struct Connection {
    stream: TcpStream,
    decoder: StreamDecoder,
    via: String,
}

impl Connection {
    pub(super) fn open(core: SocketAddr) -> Result<Self, BenchError> {
        let failed = BenchError::system("connection to the SIP core");
        let stream = TcpStream::connect(core).map_err(&failed)?;
        stream.set_nodelay(true).map_err(&failed)?;
        let via = stream.local_addr().map_err(&failed)?;
        Ok(Self {
            stream,
            decoder: StreamDecoder::new(StreamSide::Opened, Limits::default()),
            via: format!("SIP/2.0/TCP {via};rport;branch="),
        })
    }

    /// Sends a request in a transaction of its own; its final answer.
    fn ask(&mut self, request: &Request) -> Result<Response, BenchError> {
        let mut request = request.clone();
        let via = format!("{}z9hG4bK{}", self.via, ident::tag(&mut OsRandom)?);
        let placed = request.headers_mut().push_front(HeaderName::VIA, via);
        placed.map_err(BenchError::wrong("Via"))?;
        let written = self.stream.write_all(&request.to_octets());
        written.map_err(BenchError::system("connection to the SIP core"))?;
        loop {
            let frame = self.decoder.next_frame();
            match frame.map_err(BenchError::wrong("answer of the SIP core"))? {
                Some(Frame::Message(Message::Response(response)))
                    if !response.status().is_provisional() =>
                {
                    return Ok(response);
                }
                Some(_) => {}
                None => self.read()?,
            }
        }
    }

    fn read(&mut self) -> Result<(), BenchError> {
        let failed = BenchError::system("connection to the SIP core");
        let mut piece = [0; 4096];
        let length = self.stream.read(&mut piece).map_err(&failed)?;
        match piece.get(..length) {
            None | Some([]) => Err(failed(std::io::ErrorKind::UnexpectedEof.into())),
            Some(piece) => {
                self.decoder.feed(piece);
                Ok(())
            }
        }
    }

    /// Registers a client with everything and publishes its settings.
    pub(super) fn register(
        &mut self,
        client: &mut Client,
        prepared: &Prepared,
    ) -> Result<Outcome, BenchError> {
        client.register(self, prepared.register.clone())?;
        let response = self.ask(&prepared.publish)?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(Outcome::Unknown);
        }
        accepted("PUBLISH", &response)?;
        Ok(Outcome::Authorised)
    }

    /// Refreshes a registration, as UEs do: without a body.
    pub(super) fn refresh(&mut self, client: &mut Client) -> Result<(), BenchError> {
        let request = register(client.number, &Body::new())?;
        client.register(self, request)
    }
}

impl Client {
    pub(super) fn new(number: usize) -> Self {
        Self {
            number,
            digest: DigestClient::new(&username(number), password(number)),
            cseq: 0,
        }
    }

    fn register(
        &mut self,
        connection: &mut Connection,
        mut request: Request,
    ) -> Result<(), BenchError> {
        let failed = BenchError::wrong::<roger_sip::digest::ClientError>("digest");
        // A challenge, and a nonce that went stale meanwhile.
        for _ in 0..3 {
            self.cseq += 1;
            let cseq = format!("{} REGISTER", self.cseq);
            let placed = request.headers_mut().set(HeaderName::CSEQ, cseq);
            placed.map_err(BenchError::wrong("CSeq"))?;
            self.digest
                .authorise(&mut request, &mut OsRandom)
                .map_err(&failed)?;
            let response = connection.ask(&request)?;
            if response.status() != StatusCode::UNAUTHORIZED {
                return accepted("REGISTER", &response);
            }
            self.digest.learn(&response, &request).map_err(&failed)?;
        }
        Err(BenchError::wrong("REGISTER")("challenged again and again"))
    }
}

fn accepted(what: &'static str, response: &Response) -> Result<(), BenchError> {
    if response.status() == StatusCode::OK {
        return Ok(());
    }
    let warning = response.headers().get(HeaderName::WARNING);
    let warning = String::from_utf8_lossy(warning.unwrap_or_default()).into_owned();
    Err(BenchError::wrong(what)(format!(
        "{} {} {warning}",
        response.status().as_u16(),
        response.reason()
    )))
}
