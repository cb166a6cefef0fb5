//! A scripted UE: it does what the test says and notes what comes.

use crate::bench::{Bench, NAMES, PF, core_address, fire, impu};
use roger_base::{ClientId, Impu, Instant, McpttId};
use roger_call::answer::warning_of;
use roger_call::body::{Body, Part};
use roger_call::feature::{CONTACT_PARAMETERS, EXPIRES_FOREVER, media_type};
use roger_call::protection::Protection;
use roger_call::request::{Trust, finish, start};
use roger_call::sdp::{
    self, Agreement, Direction, FloorParameters, KeyManagement, LocalMedia, Offer, Origin,
    SessionDescription,
};
use roger_call::service_authorisation::BoundCsk;
use roger_call::warning::WarningCode;
use roger_documents::affiliation::{Affiliation, AffiliationDocument, Tuple};
use roger_documents::mcptt_info::{McpttInfo, RequestUri, SessionType};
use roger_documents::poc_settings::{AnswerMode, PocSettings};
use roger_documents::resource_lists::ResourceLists;
use roger_floor::field::{FloorIndicator, FloorPriority};
use roger_floor::{FloorBody, FloorMessage, FloorRelease, FloorRequest, Profile, Ssrc};
use roger_ibc::UserKeySet;
use roger_keys::Csk;
use roger_keys::signalling::XmlKeyMode;
use roger_mikey::create::Hiding;
use roger_mikey::{CreateClientServerKey, CreateOptions};
use roger_oidc::Resource;
use roger_sip::application::Clocks;
use roger_sip::endpoint::{
    DialogId, Endpoint, Incoming, Output, RequestHandle, Role, Settings, Target, Transmit,
    Transport,
};
use roger_sip::message::{HeaderName, Method, Request, Response, StatusCode};
use roger_srtp::FloorContext;
use roger_testkit::SeededRandom;
use roger_testkit_domain::{DOMAIN, NOW, TestDomain, user};
use roger_xml::uri::{ProtectedDomains, UriTolerance};
use std::collections::VecDeque;
use std::net::SocketAddr;

pub(crate) struct Ue {
    pub(crate) index: usize,
    pub(crate) user: McpttId,
    pub(crate) impu: Impu,
    pub(crate) client: ClientId,
    pub(crate) address: SocketAddr,
    pub(crate) endpoint: Endpoint,
    pub(crate) keys: UserKeySet,
    pub(crate) csk: Option<BoundCsk>,
    pub(crate) floor: Option<FloorContext>,
    pub(crate) rtp_address: SocketAddr,
    pub(crate) floor_address: SocketAddr,
    /// Where the server takes media and floor messages.
    pub(crate) server_rtp: Option<SocketAddr>,
    pub(crate) server_floor: Option<SocketAddr>,
    pub(crate) heard: Vec<Vec<u8>>,
    pub(crate) floor_heard: Vec<Vec<u8>>,
    pub(crate) events: VecDeque<Output>,
    /// The last dialog that an answer made.
    pub(crate) dialog: Option<DialogId>,
    transmits: Vec<Transmit>,
    register_cseq: u32,
}

impl Ue {
    pub(crate) fn new(index: usize, domain: &mut TestDomain) -> Self {
        let user = user(NAMES[index]);
        let ip = format!("10.0.0.{}", index + 1);
        let socket = |port: u16| format!("{ip}:{port}").parse().unwrap();
        let settings = Settings::new(Role::UserAgent).with_sent_by(Transport::Tcp, socket(5060));
        Self {
            index,
            impu: impu(index),
            client: ClientId::new(format!(
                "urn:uuid:00000000-0000-4000-8000-00000000000{index}"
            ))
            .unwrap(),
            address: socket(5060),
            endpoint: Endpoint::new(settings),
            keys: domain.key_set(user.as_str()),
            user,
            csk: None,
            floor: None,
            rtp_address: socket(40_000),
            floor_address: socket(40_002),
            server_rtp: None,
            server_floor: None,
            heard: Vec::new(),
            floor_heard: Vec::new(),
            events: VecDeque::new(),
            dialog: None,
            transmits: Vec::new(),
            register_cseq: 0,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.endpoint.deadline().map(|(at, _)| at)
    }

    pub(crate) fn take_transmits(&mut self) -> Vec<Transmit> {
        while let Some(output) = self.endpoint.poll() {
            match output {
                Output::Transmit(transmit) => self.transmits.push(transmit),
                event => self.events.push_back(event),
            }
        }
        core::mem::take(&mut self.transmits)
    }

    pub(crate) fn has_media(&self, address: SocketAddr) -> bool {
        [self.rtp_address, self.floor_address].contains(&address)
    }

    pub(crate) fn receive_media(&mut self, at: SocketAddr, octets: &[u8]) {
        if at == self.rtp_address {
            self.heard.push(octets.to_vec());
        } else {
            self.floor_heard.push(octets.to_vec());
        }
    }

    /// Floor messages since the last look, opened with the own CSK.
    pub(crate) fn floor_messages(&mut self) -> Vec<FloorMessage> {
        let packets = core::mem::take(&mut self.floor_heard);
        let context = self.floor.as_mut().expect("a CSK is bound");
        packets
            .iter()
            .map(|packet| {
                let opened = context.unprotect(packet).expect("under the CSK");
                FloorMessage::decode(&opened.packet, &Profile::default()).unwrap()
            })
            .collect()
    }

    pub(crate) fn floor_names(&mut self) -> Vec<&'static str> {
        let messages = self.floor_messages();
        messages.iter().map(|message| message.body.name()).collect()
    }

    /// A floor message under the own CSK.
    pub(crate) fn protected(&mut self, body: impl Into<FloorBody>) -> Vec<u8> {
        let plain = self.plain(body);
        let context = self.floor.as_mut().expect("a CSK is bound");
        context.protect(&plain).unwrap()
    }

    pub(crate) fn plain(&self, body: impl Into<FloorBody>) -> Vec<u8> {
        let ssrc = Ssrc(0x0A00_0000 + self.index as u32);
        FloorMessage::new(ssrc, body).encode().unwrap()
    }

    /// A new CSK and its I_MESSAGE, for the MDSI.
    pub(crate) fn make_csk(
        &self,
        domain: &TestDomain,
        clocks: Clocks,
        random: &mut SeededRandom,
    ) -> BoundCsk {
        let csk = Csk::random(random).unwrap();
        self.wrap_csk(csk, &self.keys, domain, clocks, random)
    }

    pub(crate) fn wrap_csk(
        &self,
        csk: Csk,
        keys: &UserKeySet,
        domain: &TestDomain,
        clocks: Clocks,
        random: &mut SeededRandom,
    ) -> BoundCsk {
        let message = CreateClientServerKey {
            csk: &csk,
            user: keys,
            server: DOMAIN,
            server_domain: domain.kms(),
            parameters: None,
            now: clocks.utc.to_ntp(),
            // A readable IDRi would show the MCPTT ID to the SIP core (TS 33.180 cl. 5.2.6).
            options: CreateOptions {
                hiding: Hiding::Initiator,
                ..CreateOptions::PLAIN
            },
        };
        let octets = message.build(random).unwrap();
        BoundCsk::new(csk, self.user.clone(), octets, XmlKeyMode::Derived)
    }

    pub(crate) fn use_csk(&mut self, csk: BoundCsk) {
        self.floor = Some(FloorContext::for_csk(&csk.csk).unwrap());
        self.csk = Some(csk);
    }

    /// mcptt-info of a service authorisation.
    pub(crate) fn token_info(&self, token: &str) -> McpttInfo {
        McpttInfo {
            access_token: Some(roger_base::SecretBytes::new(token.as_bytes().to_vec())),
            client_id: Some(self.client.clone()),
            ..McpttInfo::default()
        }
    }

    pub(crate) fn settings(&self, mode: AnswerMode) -> PocSettings {
        PocSettings {
            client_id: self.client.clone(),
            answer_mode: Some(mode),
            user_profile_index: None,
            multiplex_support: false,
        }
    }

    pub(crate) fn own_info(&self) -> McpttInfo {
        McpttInfo {
            request_uri: Some(RequestUri::from(&self.user)),
            client_id: Some(self.client.clone()),
            ..McpttInfo::default()
        }
    }

    pub(crate) fn affiliations(&self, groups: &[&roger_base::GroupId]) -> AffiliationDocument {
        AffiliationDocument {
            user: self.user.clone(),
            tuples: vec![Tuple {
                client: self.client.clone(),
                affiliations: groups
                    .iter()
                    .map(|group| Affiliation::wanted((*group).clone()))
                    .collect(),
                functional_aliases: Vec::new(),
            }],
            p_id: Some("7f3a".to_owned()),
        }
    }

    /// Opens a body under the own CSK.
    pub(crate) fn open(&self, body: &Body) -> Body {
        let domains = ProtectedDomains::new(vec![DOMAIN.to_owned()], UriTolerance::AsSent);
        let csk = self.csk.as_ref().expect("a CSK is bound");
        body.opened(&csk.receiving(Protection::Full, &domains))
            .expect("protected with the CSK")
    }

    pub(crate) fn offer(&self, random: &mut SeededRandom) -> Offer {
        Offer {
            origin: Origin::random(random).unwrap(),
            address: self.rtp_address.ip(),
            audio_port: self.rtp_address.port(),
            rtcp_port: self.rtp_address.port() + 1,
            direction: Direction::SendReceive,
            floor: Some((
                self.floor_address.port(),
                FloorParameters {
                    granted: true,
                    ..FloorParameters::default()
                },
            )),
            key_management: None,
        }
    }

    fn take_server_media(&mut self, description: &SessionDescription) {
        let audio = description.speech().unwrap();
        self.server_rtp = Some(SocketAddr::new(audio.address, audio.port));
        self.server_floor = description
            .floor
            .as_ref()
            .map(|channel| SocketAddr::new(channel.address, channel.port));
    }
}

/// A SIP answer, reduced to what tests ask for.
pub(crate) fn outcome(response: &Response) -> (u16, Option<u16>) {
    let warning = warning_of(response.headers()).map(|warning| warning.0);
    (response.status().as_u16(), warning)
}

pub(crate) fn description_of(body: &Body) -> SessionDescription {
    SessionDescription::parse(body.octets(media_type::SDP).unwrap()).unwrap()
}

pub(crate) fn floor_request() -> FloorRequest {
    FloorRequest {
        floor_priority: FloorPriority(0),
        user_id: None,
        track_info: None,
        floor_indicator: Some(FloorIndicator::NORMAL_CALL),
        functional_alias: None,
        location: None,
    }
}

pub(crate) fn floor_release() -> FloorRelease {
    FloorRelease {
        user_id: None,
        track_info: None,
        floor_indicator: Some(FloorIndicator::NORMAL_CALL),
    }
}

impl Bench {
    // Any request -------------------------------------------------------------------------------------------

    /// Sends a request and waits; its last response, if any came.
    pub(crate) fn send_request(&mut self, index: usize, request: Request) -> Option<Response> {
        let handle = self.post(index, request);
        self.settle();
        self.response_to(index, handle)
    }

    pub(crate) fn post(&mut self, index: usize, request: Request) -> RequestHandle {
        self.with_ue(index, |ue, clocks, random| {
            let core = Target::tcp(core_address());
            ue.endpoint
                .send_request(clocks.now, random, request, core)
                .unwrap()
        })
    }

    /// The last response to a request.
    pub(crate) fn response_to(&mut self, index: usize, handle: RequestHandle) -> Option<Response> {
        self.answer_to(index, handle).map(|(response, _)| response)
    }

    pub(crate) fn answer_to(
        &mut self,
        index: usize,
        handle: RequestHandle,
    ) -> Option<(Response, Option<DialogId>)> {
        let mut found = None;
        self.ues[index].events.retain(|event| match event {
            Output::Response(answer) if answer.handle == handle => {
                found = Some((answer.response.clone(), answer.dialog));
                false
            }
            _ => true,
        });
        found
    }

    /// A request of a UE to a server, with this body as it is.
    pub(crate) fn request(
        &mut self,
        index: usize,
        method: Method,
        headers: &[(HeaderName<'static>, &str)],
        body: &Body,
    ) -> Request {
        self.request_to(index, method, PF, headers, body)
    }

    pub(crate) fn request_to(
        &mut self,
        index: usize,
        method: Method,
        to: &str,
        headers: &[(HeaderName<'static>, &str)],
        body: &Body,
    ) -> Request {
        let ue = &self.ues[index];
        let from = ue.impu.as_str();
        let makes_dialog = matches!(method, Method::Invite | Method::Subscribe);
        let mut builder = start(method, to, from, Trust::Preferred, &mut self.random).unwrap();
        for (name, value) in headers {
            builder = builder.header(*name, value);
        }
        if makes_dialog {
            let contact = format!("<sip:{};transport=tcp>{CONTACT_PARAMETERS}", ue.address);
            builder = builder.header(HeaderName::CONTACT, contact);
        }
        finish(builder, body, &mut self.random).unwrap()
    }

    /// Protects a body with the CSK of a UE.
    pub(crate) fn protect(&mut self, index: usize, body: Body) -> Body {
        let csk = self.ues[index].csk.clone().expect("a CSK is bound");
        self.protect_with(&csk, body)
    }

    pub(crate) fn protect_with(&mut self, csk: &BoundCsk, body: Body) -> Body {
        let hop = csk.sending(Protection::Full, DOMAIN);
        body.protected(&hop, &mut self.random).unwrap()
    }

    // Registration and authorisation ------------------------------------------------------------------------

    /// REGISTER, with this body and these Contact parameters; the core's answer to the UE.
    pub(crate) fn register_with(
        &mut self,
        index: usize,
        parameters: &str,
        expires: u32,
        body: &Body,
    ) -> Response {
        let ue = &mut self.ues[index];
        ue.register_cseq += 1;
        let (impu, address, cseq) = (ue.impu.clone(), ue.address, ue.register_cseq);
        let contact = format!(
            "<sip:{address};transport=tcp>;+sip.instance=\"<{}>\"{parameters}",
            ue.client
        );
        let uri = roger_sip::uri::Uri::parse(b"sip:ims.example.org").unwrap();
        let builder = Request::builder(Method::Register, uri)
            .header(HeaderName::FROM, format!("<{impu}>;tag=r"))
            .header(HeaderName::TO, format!("<{impu}>"))
            .header(HeaderName::CALL_ID, format!("register-{index}"))
            .header(HeaderName::CSEQ, cseq.to_string())
            .header(HeaderName::CONTACT, contact)
            .header(HeaderName::EXPIRES, expires.to_string());
        let request = finish(builder, body, &mut self.random).unwrap();
        self.send_request(index, request).unwrap()
    }

    pub(crate) fn register(&mut self, index: usize) {
        let response = self.register_with(index, CONTACT_PARAMETERS, 3_600, &Body::new());
        assert_eq!(response.status(), StatusCode::OK);
    }

    pub(crate) fn token(&self, index: usize) -> String {
        self.domain
            .token(&self.ues[index].user, Resource::McpttServer)
    }

    pub(crate) fn new_csk(&mut self, index: usize) -> BoundCsk {
        let clocks = self.clocks();
        self.ues[index].make_csk(&self.domain, clocks, &mut self.random)
    }

    /// The body of an authorising request: CSK message, token, settings; protected.
    pub(crate) fn authorising_body(&mut self, index: usize, csk: &BoundCsk, token: &str) -> Body {
        let ue = &self.ues[index];
        let documents = Body::new()
            .with_document(&ue.token_info(token))
            .with_document(&ue.settings(AnswerMode::Automatic));
        self.with_csk_message(csk, documents)
    }

    pub(crate) fn with_csk_message(&mut self, csk: &BoundCsk, documents: Body) -> Body {
        let protected = self.protect_with(csk, documents);
        protected.with(Part::new(media_type::MIKEY, csk.message.clone()))
    }

    pub(crate) fn publish_settings(
        &mut self,
        index: usize,
        expires: u32,
        if_match: Option<&str>,
        body: &Body,
    ) -> Response {
        let expires = expires.to_string();
        let mut headers = vec![
            (HeaderName::EVENT, "poc-settings"),
            (HeaderName::EXPIRES, expires.as_str()),
        ];
        headers.extend(if_match.map(|tag| (HeaderName::SIP_IF_MATCH, tag)));
        let request = self.request(index, Method::Publish, &headers, body);
        self.send_request(index, request).unwrap()
    }

    /// PUBLISH with token and a new CSK; the answer. The UE uses the CSK when it is 200.
    pub(crate) fn authorise(&mut self, index: usize) -> Response {
        let csk = self.new_csk(index);
        let token = self.token(index);
        let body = self.authorising_body(index, &csk, &token);
        let response = self.publish_settings(index, EXPIRES_FOREVER, None, &body);
        if response.status().is_success() {
            self.ues[index].use_csk(csk);
        }
        response
    }

    /// Registered, authorised, with settings.
    pub(crate) fn log_in(&mut self, index: usize) {
        self.register(index);
        assert_eq!(outcome(&self.authorise(index)), (200, None));
    }

    pub(crate) fn is_bound(&self, index: usize) -> bool {
        self.pf.application().bound(&impu(index)).is_some()
    }

    // Affiliation -------------------------------------------------------------------------------------------

    pub(crate) fn publish_affiliations(
        &mut self,
        index: usize,
        groups: &[&roger_base::GroupId],
    ) -> Response {
        let ue = &self.ues[index];
        let documents = Body::new()
            .with_document(&ue.own_info())
            .with_document(&ue.affiliations(groups));
        let body = self.protect(index, documents);
        self.publish_presence(index, EXPIRES_FOREVER, &body)
    }

    pub(crate) fn publish_presence(&mut self, index: usize, expires: u32, body: &Body) -> Response {
        let expires = expires.to_string();
        let headers = [
            (HeaderName::EVENT, "presence"),
            (HeaderName::EXPIRES, expires.as_str()),
        ];
        let request = self.request(index, Method::Publish, &headers, body);
        self.send_request(index, request).unwrap()
    }

    /// Logged in and affiliated to the group.
    pub(crate) fn join_group(&mut self, index: usize) {
        self.log_in(index);
        let response = self.publish_affiliations(index, &[&fire()]);
        assert_eq!(outcome(&response), (200, None));
    }

    // Calls -------------------------------------------------------------------------------------------------

    /// The parts of a group INVITE, not protected yet.
    pub(crate) fn group_invite_body(&mut self, index: usize, parameters: FloorParameters) -> Body {
        let ue = &self.ues[index];
        let mut offer = ue.offer(&mut self.random);
        offer.floor = offer.floor.map(|(port, _)| (port, parameters));
        let info = McpttInfo {
            session_type: Some(SessionType::Prearranged),
            request_uri: Some(RequestUri::from(&fire())),
            client_id: Some(ue.client.clone()),
            ..McpttInfo::default()
        };
        Body::new()
            .with(Part::new(media_type::SDP, offer.write()))
            .with_document(&info)
    }

    /// The parts of a private INVITE, not protected yet.
    pub(crate) fn private_invite_body(
        &mut self,
        index: usize,
        callees: &[&McpttId],
        key: Option<KeyManagement>,
    ) -> Body {
        let ue = &self.ues[index];
        let mut offer = ue.offer(&mut self.random);
        offer.key_management = key;
        let info = McpttInfo {
            session_type: Some(SessionType::Private),
            client_id: Some(ue.client.clone()),
            ..McpttInfo::default()
        };
        let uris = callees.iter().map(|id| id.as_str().to_owned()).collect();
        Body::new()
            .with(Part::new(media_type::SDP, offer.write()))
            .with_document(&info)
            .with_document(&ResourceLists { uris })
    }

    /// Sends an INVITE with this body, protected already.
    pub(crate) fn invite(
        &mut self,
        index: usize,
        headers: &[(HeaderName<'static>, &str)],
        body: &Body,
    ) -> RequestHandle {
        let request = self.request(index, Method::Invite, headers, body);
        let handle = self.post(index, request);
        self.settle();
        handle
    }

    /// Calls the group with an implicit floor request.
    pub(crate) fn call_group(&mut self, index: usize) -> RequestHandle {
        let parameters = FloorParameters {
            granted: true,
            implicit_request: true,
            ..FloorParameters::default()
        };
        let body = self.group_invite_body(index, parameters);
        let body = self.protect(index, body);
        self.invite(index, &[], &body)
    }

    /// The caller takes a 200: ACK, media. The dialog and the agreed media.
    pub(crate) fn connect(&mut self, index: usize, handle: RequestHandle) -> DialogId {
        let (response, dialog) = self.answer_to(index, handle).expect("an answer");
        assert_eq!(
            response.status(),
            StatusCode::OK,
            "{:?}",
            outcome(&response)
        );
        let dialog = dialog.expect("a dialog");
        let body = Body::of(response.headers(), response.body()).unwrap();
        let description = description_of(&body);
        self.with_ue(index, |ue, clocks, random| {
            ue.take_server_media(&description);
            ue.endpoint.ack(clocks.now, random, dialog, None).unwrap();
        });
        self.settle();
        dialog
    }

    /// The next request that a UE got.
    pub(crate) fn incoming(&mut self, index: usize) -> Option<Incoming> {
        let mut found = None;
        self.ues[index].events.retain_mut(|event| {
            let is_next = found.is_none() && matches!(event, Output::Incoming(_));
            if is_next {
                let taken = core::mem::replace(
                    event,
                    Output::FlowClosed {
                        connection: roger_sip::endpoint::ConnectionId(0),
                    },
                );
                if let Output::Incoming(incoming) = taken {
                    found = Some(*incoming);
                }
            }
            !is_next
        });
        found
    }

    pub(crate) fn invited(&mut self, index: usize) -> Incoming {
        let incoming = self.incoming(index).expect("a request");
        assert_eq!(*incoming.request.method(), Method::Invite);
        incoming
    }

    pub(crate) fn respond(&mut self, index: usize, incoming: &Incoming, response: Response) {
        let transaction = incoming.transaction;
        self.with_ue(index, |ue, clocks, random| {
            let dialog = ue
                .endpoint
                .respond(clocks.now, random, transaction, response)
                .unwrap();
            ue.dialog = dialog.or(ue.dialog);
        });
        self.settle();
    }

    /// Answers with a status and maybe a Warning.
    pub(crate) fn decline(&mut self, index: usize, incoming: &Incoming, status: u16, code: u16) {
        let status = StatusCode::new(status).unwrap();
        let mut response = Response::to(&incoming.request, status);
        if code != 0 {
            let warning = WarningCode(code).header_value("ue");
            response
                .headers_mut()
                .push(HeaderName::WARNING, warning)
                .unwrap();
        }
        self.respond(index, incoming, response);
    }

    /// Everybody is in the call: `caller` has the floor, the others have answered. The caller's dialog.
    pub(crate) fn group_call(&mut self, caller: usize, others: &[usize]) -> DialogId {
        let handle = self.call_group(caller);
        for other in others {
            let incoming = self.invited(*other);
            self.accept(*other, &incoming);
        }
        let dialog = self.connect(caller, handle);
        self.settle();
        dialog
    }

    /// Answers 200 with an own description.
    pub(crate) fn accept(&mut self, index: usize, incoming: &Incoming) -> Agreement {
        let request = &incoming.request;
        let body = Body::of(request.headers(), request.body()).unwrap();
        let description = description_of(&body);
        let ue = &mut self.ues[index];
        ue.take_server_media(&description);
        let local = LocalMedia {
            origin: Origin::random(&mut self.random).unwrap(),
            address: ue.rtp_address.ip(),
            audio_port: ue.rtp_address.port(),
            rtcp_port: ue.rtp_address.port() + 1,
            direction: Direction::SendReceive,
            floor: Some((ue.floor_address.port(), FloorParameters::default())),
        };
        let dialog_uri = ue.address;
        let (octets, agreed) = sdp::answer(&description, &local).unwrap();
        let mut response = Response::to(request, StatusCode::OK);
        let contact = format!("<sip:{dialog_uri};transport=tcp>{CONTACT_PARAMETERS}");
        response
            .headers_mut()
            .push(HeaderName::CONTACT, contact)
            .unwrap();
        response.set_body(media_type::SDP, octets).unwrap();
        self.respond(index, incoming, response);
        agreed
    }

    /// Answers whatever BYE waits; true when there was one.
    pub(crate) fn was_hung_up(&mut self, index: usize) -> bool {
        let Some(incoming) = self.incoming(index) else {
            return false;
        };
        assert_eq!(*incoming.request.method(), Method::Bye);
        let response = Response::to(&incoming.request, StatusCode::OK);
        self.respond(index, &incoming, response);
        true
    }

    pub(crate) fn hang_up(&mut self, index: usize, dialog: DialogId) {
        self.with_ue(index, |ue, clocks, random| {
            ue.endpoint.bye(clocks.now, random, dialog).unwrap();
        });
        self.settle();
    }

    // Media -------------------------------------------------------------------------------------------------

    pub(crate) fn send_floor(&mut self, index: usize, body: impl Into<FloorBody>) {
        let packet = self.ues[index].protected(body);
        self.send_floor_octets(index, &packet);
    }

    pub(crate) fn send_floor_octets(&mut self, index: usize, packet: &[u8]) {
        let ue = &self.ues[index];
        let (from, to) = (ue.floor_address, ue.server_floor.expect("a call"));
        self.send_media(from, to, packet);
        self.settle();
    }

    pub(crate) fn send_rtp(&mut self, index: usize, packet: &[u8]) {
        let ue = &self.ues[index];
        let (from, to) = (ue.rtp_address, ue.server_rtp.expect("a call"));
        self.send_media(from, to, packet);
        self.settle();
    }
}

/// When every test begins.
pub(crate) const START: roger_base::UnixTime = NOW;
