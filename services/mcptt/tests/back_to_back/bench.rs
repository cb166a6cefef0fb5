//! The network: SIP core, both functions and UEs, joined by wires of one millisecond.

use crate::ue::{Ue, outcome};
use core::time::Duration;
use roger_base::{GroupId, Impu, Instant, McpttId, SecretBytes, ServerUri, UnixTime};
use roger_call::protection::Protection;
use roger_call::service_authorisation::UserDirectory;
use roger_documents::group::{GroupDocument, Member};
use roger_documents::group_rule::{GroupAction, GroupRule, RuleScope};
use roger_floor::server::ServerTimers;
use roger_keys::Spk;
use roger_keys::signalling::XmlKeyMode;
use roger_mcptt::ServerHop;
use roger_mcptt::controlling::{
    ControllingFunction, ControllingInput, ControllingSettings, FloorControlProtection,
};
use roger_mcptt::media::{MediaPacket, MediaPorts, MediaTransmit, NoPorts, Pair, PairId};
use roger_mcptt::participating::{
    ControllingRoute, Credentials, ParticipatingFunction, ParticipatingInput, ParticipatingSettings,
};
use roger_mcptt::ports::{DirectoryUnavailable, GroupDirectory, UserProfile, UserProfiles};
use roger_media::{AddressRule, Flow as MediaFlow};
use roger_mikey::Signer;
use roger_sip::application::{Application, Clocks, Node, NodeOutput};
use roger_sip::endpoint::{
    ConnectionId, Element, Endpoint, Flow, Input, Polled, Role, Settings, Target, Transport,
};
use roger_sip::message::{Limits, Message, Method, Request, Response};
use roger_sipcore::{
    ApplicationServer, Authentication, CoreEvent, CoreSettings, MemorySubscribers, Service,
    SipCore, Subscriber, TrustedPeer,
};
use roger_testkit::SeededRandom;
use roger_testkit_domain::{DOMAIN, NOW, TestDomain, group, user};
use roger_xml::signed_body::Coverage;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

pub(crate) const PF: &str = "sip:mcptt-pf@mcptt.example.org";
pub(crate) const CF: &str = "sip:mcptt-cf@mcptt.example.org";
pub(crate) const NAMES: [&str; 4] = ["alice", "bob", "carol", "mallory"];
pub(crate) const ALICE: usize = 0;
pub(crate) const BOB: usize = 1;
pub(crate) const CAROL: usize = 2;
pub(crate) const MALLORY: usize = 3;

pub(crate) fn core_address() -> SocketAddr {
    "10.0.0.100:5060".parse().unwrap()
}

fn pf_address() -> SocketAddr {
    "10.0.1.1:5060".parse().unwrap()
}

fn cf_address() -> SocketAddr {
    "10.0.1.2:5060".parse().unwrap()
}

/// Public identities that say nothing about the user.
pub(crate) fn impu(index: usize) -> Impu {
    Impu::new(format!("sip:u{}@ims.example.org", 7_000 + index)).unwrap()
}

pub(crate) fn fire() -> GroupId {
    group("fire-1")
}

// Ports ------------------------------------------------------------------------------------------------------

/// Group documents that a test changes.
#[derive(Default)]
pub(crate) struct Groups {
    documents: Mutex<BTreeMap<GroupId, Arc<GroupDocument>>>,
    /// The directory does not answer.
    pub(crate) is_down: AtomicBool,
}

impl Groups {
    pub(crate) fn put(&self, document: GroupDocument) {
        let mut documents = self.documents.lock().unwrap();
        documents.insert(document.id.clone(), Arc::new(document));
    }
}

impl GroupDirectory for Groups {
    fn group(&self, group: &GroupId) -> Result<Option<Arc<GroupDocument>>, DirectoryUnavailable> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(DirectoryUnavailable("no answer".to_owned()));
        }
        Ok(self.documents.lock().unwrap().get(group).cloned())
    }
}

/// User profiles that a test changes.
#[derive(Default)]
pub(crate) struct Profiles(Mutex<BTreeMap<McpttId, Arc<UserProfile>>>);

impl Profiles {
    pub(crate) fn change(&self, user: &McpttId, change: impl FnOnce(&mut UserProfile)) {
        let mut profiles = self.0.lock().unwrap();
        let mut profile = profiles[user].as_ref().clone();
        change(&mut profile);
        profiles.insert(user.clone(), Arc::new(profile));
    }
}

impl UserProfiles for Profiles {
    fn profile(&self, user: &McpttId) -> Option<Arc<UserProfile>> {
        self.0.lock().unwrap().get(user).cloned()
    }
}

/// The users, by whom a hidden initiator is found.
struct Users;

impl UserDirectory for Users {
    fn user_of(&self, signer: &Signer) -> Option<McpttId> {
        NAMES
            .into_iter()
            .map(user)
            .find(|user| signer.is(user.as_str()))
    }
}

/// Media sockets of one function.
#[derive(Clone)]
pub(crate) struct Ports {
    ip: &'static str,
    pub(crate) open: Arc<Mutex<BTreeMap<PairId, Pair>>>,
    all: Arc<Mutex<HashMap<PairId, Pair>>>,
}

impl Ports {
    fn new(ip: &'static str) -> Self {
        Self {
            ip,
            open: Arc::default(),
            all: Arc::default(),
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.open.lock().unwrap().len()
    }

    fn find(&self, address: SocketAddr) -> Option<(PairId, MediaFlow)> {
        let open = self.open.lock().unwrap();
        open.values().find_map(|pair| match address {
            _ if pair.rtp == address => Some((pair.id, MediaFlow::Rtp)),
            _ if pair.floor == address => Some((pair.id, MediaFlow::Floor)),
            _ => None,
        })
    }

    fn source(&self, transmit: &MediaTransmit) -> SocketAddr {
        let pair = self.all.lock().unwrap()[&transmit.pair];
        match transmit.flow {
            MediaFlow::Rtp => pair.rtp,
            MediaFlow::Floor => pair.floor,
        }
    }
}

impl MediaPorts for Ports {
    fn open(&mut self) -> Result<Pair, NoPorts> {
        let number = self.all.lock().unwrap().len() as u64;
        let address = |port: u64| format!("{}:{port}", self.ip).parse().unwrap();
        let pair = Pair {
            id: PairId(number),
            rtp: address(20_000 + 4 * number),
            floor: address(20_002 + 4 * number),
        };
        self.all.lock().unwrap().insert(pair.id, pair);
        self.open.lock().unwrap().insert(pair.id, pair);
        Ok(pair)
    }

    fn close(&mut self, pair: PairId) {
        assert!(
            self.open.lock().unwrap().remove(&pair).is_some(),
            "a pair is closed once"
        );
    }
}

// Network ----------------------------------------------------------------------------------------------------

pub(crate) struct Wire {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) octets: Arc<[u8]>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sip(Transport),
    Media,
}

impl Wire {
    pub(crate) fn is_sip(&self) -> bool {
        matches!(self.kind, Kind::Sip(_))
    }

    pub(crate) fn message(&self) -> Message {
        Message::parse_datagram(&self.octets, &Limits::default()).unwrap()
    }
}

pub(crate) struct Bench {
    pub(crate) domain: TestDomain,
    pub(crate) groups: Arc<Groups>,
    pub(crate) profiles: Arc<Profiles>,
    pub(crate) now: Instant,
    pub(crate) random: SeededRandom,
    core: SipCore<MemorySubscribers>,
    pub(crate) core_events: Vec<CoreEvent>,
    pub(crate) pf: Node<ParticipatingFunction>,
    pub(crate) pf_ports: Ports,
    cf: Node<ControllingFunction>,
    pub(crate) cf_ports: Ports,
    pub(crate) hop: ServerHop,
    pub(crate) ues: Vec<Ue>,
    /// Everything that travelled.
    pub(crate) log: Vec<Wire>,
    flying: VecDeque<(Instant, Wire)>,
}

/// A group of these users, in which every member may start and join calls.
pub(crate) fn group_of(members: &[usize]) -> GroupDocument {
    let mut document = GroupDocument::new(fire());
    document.members = members
        .iter()
        .map(|index| Member::new(user(NAMES[*index])))
        .collect();
    document.invite_members = Some(true);
    document.rules = vec![GroupRule {
        id: "members".to_owned(),
        scope: RuleScope::ListMembers,
        allowed: vec![GroupAction::InitiateConference, GroupAction::JoinHandling],
    }];
    document
}

fn core_settings() -> CoreSettings {
    let service = |identity: &str, address| Service {
        identity: ServerUri::new(identity).unwrap(),
        target: Target::tcp(address),
    };
    let mut settings = CoreSettings::new("ims.example.org");
    settings.authentication = Authentication::None;
    settings.trusted = [pf_address(), cf_address()]
        .map(|address| TrustedPeer::Address(address.ip()))
        .to_vec();
    settings.services = vec![service(PF, pf_address()), service(CF, cf_address())];
    settings.application_servers = vec![ApplicationServer {
        identity: ServerUri::new(PF).unwrap(),
        target: Target::tcp(pf_address()),
        feature_tag: "+g.3gpp.mcptt".into(),
    }];
    settings
}

fn node<A: Application>(application: A, address: SocketAddr) -> Node<A> {
    let settings = Settings::new(Role::UserAgent).with_sent_by(Transport::Tcp, address);
    Node::new(application, Endpoint::new(settings))
}

impl Bench {
    /// Everything in full protection; Alice, Bob and Carol are members of the group.
    pub(crate) fn new() -> Self {
        Self::with(|_| {}, |_| {})
    }

    pub(crate) fn with(
        change_pf: impl FnOnce(&mut ParticipatingSettings),
        change_cf: impl FnOnce(&mut ControllingSettings),
    ) -> Self {
        let mut random = SeededRandom::new(11);
        let mut domain = TestDomain::new(1);
        let spk = Spk::random(&mut random).unwrap();
        let hop = ServerHop::new(spk, DOMAIN, DOMAIN, Protection::Full);
        let groups = Arc::new(Groups::default());
        groups.put(group_of(&[ALICE, BOB, CAROL]));
        let profiles = Arc::new(Profiles::default());
        for name in NAMES {
            let profile = Arc::new(UserProfile::ordinary());
            profiles.0.lock().unwrap().insert(user(name), profile);
        }
        let mut pf_settings = pf_settings(&mut domain, hop.clone());
        change_pf(&mut pf_settings);
        let mut cf_settings = cf_settings(hop.clone());
        change_cf(&mut cf_settings);
        let (pf_ports, cf_ports) = (Ports::new("10.0.1.1"), Ports::new("10.0.1.2"));
        let pf = ParticipatingFunction::new(
            pf_settings,
            groups.clone(),
            profiles.clone(),
            Box::new(pf_ports.clone()),
        )
        .unwrap();
        let cf = ControllingFunction::new(
            cf_settings,
            groups.clone(),
            profiles.clone(),
            Box::new(cf_ports.clone()),
        )
        .unwrap();
        let subscribers: MemorySubscribers = (0..NAMES.len()).map(subscriber).collect();
        let mut core = SipCore::new(core_settings(), subscribers, &mut random).unwrap();
        core.bound(Transport::Tcp, core_address());
        let ues = (0..NAMES.len())
            .map(|index| Ue::new(index, &mut domain))
            .collect();
        Self {
            domain,
            groups,
            profiles,
            now: Instant::ORIGIN,
            random,
            core,
            core_events: Vec::new(),
            pf: node(pf, pf_address()),
            pf_ports,
            cf: node(cf, cf_address()),
            cf_ports,
            hop,
            ues,
            log: Vec::new(),
            flying: VecDeque::new(),
        }
    }

    pub(crate) fn clocks(&self) -> Clocks {
        Clocks {
            now: self.now,
            utc: UnixTime(NOW.0 + self.now.since_origin().as_secs()),
        }
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, octets: Arc<[u8]>, kind: Kind) {
        let wire = Wire {
            from,
            to,
            octets,
            kind,
        };
        let at = self.now + Duration::from_millis(1);
        self.flying.push_back((at, wire));
    }

    fn with_core(
        &mut self,
        act: impl FnOnce(&mut SipCore<MemorySubscribers>, Clocks, &mut SeededRandom),
    ) {
        let clocks = self.clocks();
        act(&mut self.core, clocks, &mut self.random);
        while let Some(polled) = self.core.poll() {
            match polled {
                Polled::Transmit(transmit) => self.send(
                    core_address(),
                    transmit.target.peer(),
                    transmit.octets,
                    Kind::Sip(transmit.target.transport()),
                ),
                Polled::Event(event) => self.core_events.push(event),
            }
        }
    }

    pub(crate) fn with_pf(
        &mut self,
        act: impl FnOnce(&mut Node<ParticipatingFunction>, Clocks, &mut SeededRandom),
    ) {
        let clocks = self.clocks();
        act(&mut self.pf, clocks, &mut self.random);
        while let Some(output) = self.pf.poll() {
            let (from, ports) = (pf_address(), self.pf_ports.clone());
            self.node_output(output, from, &ports);
        }
    }

    pub(crate) fn with_cf(
        &mut self,
        act: impl FnOnce(&mut Node<ControllingFunction>, Clocks, &mut SeededRandom),
    ) {
        let clocks = self.clocks();
        act(&mut self.cf, clocks, &mut self.random);
        while let Some(output) = self.cf.poll() {
            let (from, ports) = (cf_address(), self.cf_ports.clone());
            self.node_output(output, from, &ports);
        }
    }

    fn node_output(&mut self, output: NodeOutput<MediaTransmit>, sip: SocketAddr, ports: &Ports) {
        match output {
            NodeOutput::Transmit(transmit) => self.send(
                sip,
                transmit.target.peer(),
                transmit.octets,
                Kind::Sip(transmit.target.transport()),
            ),
            NodeOutput::Application(transmit) => {
                let from = ports.source(&transmit);
                self.send(from, transmit.to, transmit.octets, Kind::Media);
            }
        }
    }

    /// Lets a UE work, then sends what it wants sent.
    pub(crate) fn with_ue<R>(
        &mut self,
        index: usize,
        act: impl FnOnce(&mut Ue, Clocks, &mut SeededRandom) -> R,
    ) -> R {
        let clocks = self.clocks();
        let result = act(&mut self.ues[index], clocks, &mut self.random);
        let from = self.ues[index].address;
        for transmit in self.ues[index].take_transmits() {
            let kind = Kind::Sip(transmit.target.transport());
            self.send(from, transmit.target.peer(), transmit.octets, kind);
        }
        result
    }

    /// Sends a media datagram as it is.
    pub(crate) fn send_media(&mut self, from: SocketAddr, to: SocketAddr, octets: &[u8]) {
        self.send(from, to, octets.into(), Kind::Media);
    }

    /// Everything settles that needs no timer of a second or more.
    pub(crate) fn settle(&mut self) {
        self.pass(Duration::from_millis(60));
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let arrival = self.flying.front().map(|(at, _)| *at);
            let timers = [
                self.core.deadline(),
                self.pf.deadline(),
                self.cf.deadline(),
                self.ues.iter().filter_map(Ue::deadline).min(),
            ];
            let timer = timers.into_iter().flatten().min();
            let Some(next) = [arrival, timer].into_iter().flatten().min() else {
                break;
            };
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            if arrival == Some(next) {
                let (_, wire) = self.flying.pop_front().unwrap();
                self.deliver(wire);
            } else {
                self.fire();
            }
        }
        self.now = self.now.max(end);
    }

    fn fire(&mut self) {
        self.with_core(|core, clocks, random| core.handle_timeout(clocks, random));
        self.with_pf(|node, clocks, random| node.handle_timeout(clocks, random));
        self.with_cf(|node, clocks, random| node.handle_timeout(clocks, random));
        for index in 0..self.ues.len() {
            self.with_ue(index, |ue, clocks, random| {
                ue.endpoint.handle_timeout(clocks.now, random);
            });
        }
    }

    fn deliver(&mut self, wire: Wire) {
        match wire.kind {
            Kind::Sip(transport) => self.deliver_sip(&wire, transport),
            Kind::Media => self.deliver_media(&wire),
        }
        self.log.push(wire);
    }

    fn deliver_sip(&mut self, wire: &Wire, transport: Transport) {
        let octets = &wire.octets;
        let flow = Flow {
            transport,
            connection: connection(wire.from),
            local: wire.to,
            peer: wire.from,
        };
        let input = Input::Datagram { flow, octets };
        if wire.to == core_address() {
            self.with_core(|core, clocks, random| core.handle(clocks, random, input).unwrap());
        } else if wire.to == pf_address() {
            self.with_pf(|node, clocks, random| node.handle(clocks, random, input).unwrap());
        } else if wire.to == cf_address() {
            self.with_cf(|node, clocks, random| node.handle(clocks, random, input).unwrap());
        } else {
            let known = self.ues.iter().position(|ue| ue.address == wire.to);
            let index = known.expect("somebody listens");
            self.with_ue(index, |ue, clocks, random| {
                ue.endpoint.handle(clocks.now, random, input).unwrap();
            });
        }
    }

    fn deliver_media(&mut self, wire: &Wire) {
        let packet = |(pair, flow)| MediaPacket {
            pair,
            flow,
            source: wire.from,
            octets: wire.octets.to_vec(),
        };
        if let Some(found) = self.pf_ports.find(wire.to) {
            let input = ParticipatingInput::Media(packet(found));
            self.with_pf(|node, clocks, random| node.input(clocks, random, input));
        } else if let Some(found) = self.cf_ports.find(wire.to) {
            let input = ControllingInput::Media(packet(found));
            self.with_cf(|node, clocks, random| node.input(clocks, random, input));
        } else if let Some(ue) = self.ues.iter_mut().find(|ue| ue.has_media(wire.to)) {
            ue.receive_media(wire.to, &wire.octets);
        }
    }

    /// The group management server served a PUT.
    pub(crate) fn put_group(&mut self, document: GroupDocument) {
        let id = document.id.clone();
        self.groups.put(document);
        let changed = id.clone();
        self.with_cf(|node, clocks, random| {
            node.input(clocks, random, ControllingInput::GroupChanged(changed));
        });
        self.with_pf(|node, clocks, random| {
            node.input(clocks, random, ParticipatingInput::GroupChanged(id));
        });
        self.settle();
    }

    /// SIP requests of a method that one node sent to another.
    pub(crate) fn requests(&self, method: &Method, to: SocketAddr) -> Vec<Request> {
        let sip = self
            .log
            .iter()
            .filter(|wire| wire.is_sip() && wire.to == to);
        sip.filter_map(|wire| match wire.message() {
            Message::Request(request) if request.method() == method => Some(request),
            _ => None,
        })
        .collect()
    }

    /// Sends a request from the controlling function's address; status and Warning of its answer.
    pub(crate) fn send_as_controlling(&mut self, request: Request) -> (u16, Option<u16>) {
        let call_id = request.headers().call_id().unwrap().to_owned();
        self.with_cf(|node, clocks, random| {
            let core = Target::tcp(core_address());
            let endpoint = node.endpoint_mut();
            endpoint
                .send_request(clocks.now, random, request, core)
                .unwrap();
            node.handle_timeout(clocks, random);
        });
        self.settle();
        let responses = self.log.iter().filter(|wire| wire.to == cf_address());
        let mut answers =
            responses.filter_map(|wire| match wire.is_sip().then(|| wire.message()) {
                Some(Message::Response(response)) => Some(response),
                _ => None,
            });
        let is_ours = |response: &Response| {
            response.status().is_final() && response.headers().call_id().unwrap() == call_id
        };
        outcome(&answers.find(is_ours).expect("a final answer"))
    }

    /// A request from the address of the SIP core to the participating function; status and Warning of its answer,
    /// which the core, that has sent nothing, does not get.
    pub(crate) fn send_as_core(&mut self, request: &Request) -> (u16, Option<u16>) {
        let (clocks, octets) = (self.clocks(), request.to_octets());
        let flow = Flow {
            transport: Transport::Tcp,
            connection: connection(core_address()),
            local: pf_address(),
            peer: core_address(),
        };
        let input = Input::Datagram {
            flow,
            octets: &octets,
        };
        self.pf.handle(clocks, &mut self.random, input).unwrap();
        let mut answer = None;
        while let Some(output) = self.pf.poll() {
            if let NodeOutput::Transmit(transmit) = &output
                && let Ok(Message::Response(response)) =
                    Message::parse_datagram(&transmit.octets, &Limits::default())
            {
                answer = Some(outcome(&response));
                continue;
            }
            let ports = self.pf_ports.clone();
            self.node_output(output, pf_address(), &ports);
        }
        self.settle();
        answer.expect("an answer")
    }

    /// A request from one address straight to the controlling function; status and Warning of its answer.
    pub(crate) fn send_directly(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        request: &Request,
    ) -> (u16, Option<u16>) {
        let (clocks, octets) = (self.clocks(), request.to_octets());
        let flow = Flow {
            transport: Transport::Tcp,
            connection: connection(from),
            local: to,
            peer: from,
        };
        let input = Input::Datagram {
            flow,
            octets: &octets,
        };
        self.cf.handle(clocks, &mut self.random, input).unwrap();
        let mut answer = None;
        while let Some(output) = self.cf.poll() {
            if let NodeOutput::Transmit(transmit) = &output
                && let Ok(Message::Response(response)) =
                    Message::parse_datagram(&transmit.octets, &Limits::default())
            {
                answer = Some(outcome(&response));
            }
        }
        answer.expect("an answer")
    }

    /// No socket is left open by anybody.
    pub(crate) fn assert_no_media_ports(&self) {
        assert_eq!((self.pf_ports.count(), self.cf_ports.count()), (0, 0));
    }

    pub(crate) fn pf_address(&self) -> SocketAddr {
        pf_address()
    }

    pub(crate) fn cf_address(&self) -> SocketAddr {
        cf_address()
    }
}

fn connection(peer: SocketAddr) -> ConnectionId {
    let octets = match peer.ip() {
        std::net::IpAddr::V4(ip) => ip.octets(),
        std::net::IpAddr::V6(_) => unreachable!("the bench is an IPv4 network"),
    };
    ConnectionId(u64::from(u32::from_be_bytes(octets)))
}

fn subscriber(index: usize) -> Subscriber {
    Subscriber {
        username: format!("private-{index}"),
        identities: vec![impu(index)],
        password: SecretBytes::new(vec![1; 8]),
    }
}

fn pf_settings(domain: &mut TestDomain, hop: ServerHop) -> ParticipatingSettings {
    let credentials = Credentials {
        key_sets: vec![domain.key_set(DOMAIN), domain.key_set(PF)],
        kms: vec![domain.kms().clone()],
        tokens: domain.verifier(),
    };
    ParticipatingSettings {
        psi: ServerUri::new(PF).unwrap(),
        host: "pf1.mcptt.example.org".to_owned(),
        contact: format!("{};transport=tcp", pf_address()),
        core: Target::tcp(core_address()),
        controlling: vec![ControllingRoute {
            domain: DOMAIN.to_owned(),
            controlling: ServerUri::new(CF).unwrap(),
        }],
        hop,
        server_floor_protection: FloorControlProtection::On,
        domain: DOMAIN.to_owned(),
        protection: Protection::Full,
        coverage: Coverage::EveryXmlPart,
        key_mode: XmlKeyMode::Derived,
        private_floor_protection: FloorControlProtection::On,
        client_addresses: AddressRule::FollowAuthenticated,
        credentials,
        users: Arc::new(Users),
        token_grace: ParticipatingSettings::TOKEN_GRACE,
        max_bindings: 100,
        max_sessions: 100,
    }
}

fn cf_settings(hop: ServerHop) -> ControllingSettings {
    ControllingSettings {
        psi: ServerUri::new(CF).unwrap(),
        host: "cf1.mcptt.example.org".to_owned(),
        contact: format!("{};transport=tcp", cf_address()),
        core: Target::tcp(core_address()),
        participating: ServerUri::new(PF).unwrap(),
        hop,
        floor_protection: FloorControlProtection::On,
        floor_timers: ServerTimers::default(),
        max_calls: 100,
    }
}
