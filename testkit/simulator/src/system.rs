//! The system: machines, network, one clock.

use crate::directory::{Directory, Users, lock};
use crate::host::{HostEvent, HostId, HostInput, HostOutput, Machine};
use crate::network::{DatagramFate, Event, Network, NetworkConditions, SipFate};
use crate::ports::Sockets;
use crate::setup::{
    self, Builder, CF, CORE, FIRST_UE, MANAGEMENT, PF, Setup, client_id, mcptt_id, sip_address,
};
use crate::shell::{Fetching, Heard, Person, get, payload};
use crate::streams::{End, Streams};
use crate::wire::{Datagram, SipMessage, Wire};
use core::time::Duration;
use roger_base::{ClientId, GroupId, Impu, Instant, McpttId, SecretBytes, UnixTime};
use roger_documents::Document as _;
use roger_documents::group::GroupDocument;
use roger_gms::{DocumentPath, GroupManagement, XcapAnswer, XcapMethod, XcapRequest};
use roger_mcptt::ServerHop;
use roger_mcptt::controlling::ControllingFunction;
use roger_mcptt::participating::ParticipatingFunction;
use roger_media::{Flow, MediaPacket, MediaTransmit};
use roger_oidc::{AccessTokenVerifier, Resource};
use roger_sip::application::Clocks;
use roger_sip::endpoint::{Input, Output, Transmit};
use roger_sip::message::Frame;
use roger_sipcore::CoreEvent;
use roger_testkit::SeededRandom;
use roger_testkit_domain::{NOW, TestDomain};
use roger_ue::client::{
    Authorisation, Button, CallNumber, Commencement, GroupKeyState, UeClient, UeEvent, UeInput,
    UeUser,
};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

/// More steps than any run takes at one instant: somebody's deadline does not move.
const MOST_STEPS_AT_ONCE: usize = 100_000;
/// Step of speech.
const PACKET: Duration = Duration::from_millis(20);

/// A system that runs.
pub struct System {
    now: Instant,
    machines: Vec<(Machine, SeededRandom)>,
    streams: Streams,
    network: Network,
    sockets: Sockets,
    people: Vec<Person>,
    domain: TestDomain,
    tokens: AccessTokenVerifier,
    users: Users,
    management: Arc<Mutex<GroupManagement>>,
    hop: ServerHop,
    random: SeededRandom,
    wire: Wire,
    refused_sip: Vec<(HostId, String)>,
    core_events: Vec<CoreEvent>,
    bare_events: BTreeMap<HostId, Vec<Output>>,
    /// Who could be heard, whenever that changed.
    talkers: Vec<(Instant, Vec<McpttId>)>,
}

impl System {
    /// Builds the system; nobody is registered.
    #[must_use]
    pub fn new(setup: &Setup) -> Self {
        let mut builder = Builder::new(setup);
        let mut machines = vec![
            builder.core(),
            builder.participating(),
            builder.controlling(),
            builder.management(),
        ];
        let mut people = Vec::new();
        for (number, name) in setup.users.iter().enumerate() {
            let host = HostId(FIRST_UE + number);
            machines.push(builder.ue(host));
            people.push(Person {
                name,
                host,
                token: token(&builder.domain, name),
                fetching: Fetching::AtOnce,
                events: Vec::new(),
                spoken: 0,
                slow_by: 0,
            });
        }
        let seeds = setup.seed.wrapping_mul(1_000);
        let seeded = |(number, machine)| (machine, SeededRandom::new(seeds + number as u64));
        let machines: Vec<_> = machines.into_iter().enumerate().map(seeded).collect();
        let mut streams = Streams::default();
        for number in 0..machines.len() {
            streams.listen(sip_address(HostId(number)), HostId(number));
        }
        let tokens = builder.domain.verifier();
        Self {
            now: Instant::ORIGIN,
            machines,
            streams,
            network: Network::new(setup.seed ^ 0xBAD),
            sockets: builder.sockets,
            people,
            domain: builder.domain,
            tokens,
            users: builder.users,
            management: builder.management,
            hop: builder.hop,
            random: builder.random,
            wire: Wire::default(),
            refused_sip: Vec::new(),
            core_events: Vec::new(),
            bare_events: BTreeMap::new(),
            talkers: Vec::new(),
        }
    }

    /// A bare SIP element in the place of the UE of a user: the test drives it by hand.
    pub fn replace_by_bare(&mut self, name: &str) -> HostId {
        let host = self.host(name);
        self.machines[host.0].0 = Machine::Bare(Box::new(setup::bare(host)));
        host
    }

    // Looking -------------------------------------------------------------------------------------------------

    /// Virtual time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Virtual wall clock.
    #[must_use]
    pub fn utc(&self) -> UnixTime {
        NOW + self.now.since_origin()
    }

    /// What crossed the network.
    #[must_use]
    pub const fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Inputs that a SIP element refused, for its log.
    #[must_use]
    pub fn refused_sip(&self) -> &[(HostId, String)] {
        &self.refused_sip
    }

    /// The log of the SIP core.
    #[must_use]
    pub fn core_events(&self) -> &[CoreEvent] {
        &self.core_events
    }

    /// The SIP core.
    #[must_use]
    pub const fn core() -> HostId {
        CORE
    }

    /// The participating function.
    #[must_use]
    pub const fn participating() -> HostId {
        PF
    }

    /// The controlling function.
    #[must_use]
    pub const fn controlling() -> HostId {
        CF
    }

    /// The group management server.
    #[must_use]
    pub const fn group_management() -> HostId {
        MANAGEMENT
    }

    /// The UE of a user.
    #[must_use]
    pub fn host(&self, name: &str) -> HostId {
        self.person(name).host
    }

    fn person(&self, name: &str) -> &Person {
        self.people
            .iter()
            .find(|person| person.name == name)
            .unwrap()
    }

    fn person_mut(&mut self, name: &str) -> &mut Person {
        self.people
            .iter_mut()
            .find(|person| person.name == name)
            .unwrap()
    }

    /// Public user identity of the UE of a user.
    #[must_use]
    pub fn impu(&self, name: &str) -> Impu {
        setup::impu(self.host(name))
    }

    /// Client id of the UE of a user.
    #[must_use]
    pub fn client_id(&self, name: &str) -> ClientId {
        client_id(self.host(name))
    }

    /// The client itself.
    #[must_use]
    pub fn client(&self, name: &str) -> &UeClient {
        match &self.machines[self.host(name).0].0 {
            Machine::Ue(node) => node.application(),
            _ => panic!("this host is no UE"),
        }
    }

    /// The participating function itself.
    #[must_use]
    pub fn participating_function(&self) -> &ParticipatingFunction {
        match &self.machines[PF.0].0 {
            Machine::Participating(node) => node.application(),
            _ => panic!("this host is no participating function"),
        }
    }

    /// The controlling function itself.
    #[must_use]
    pub fn controlling_function(&self) -> &ControllingFunction {
        match &self.machines[CF.0].0 {
            Machine::Controlling(node) => node.application(),
            _ => panic!("this host is no controlling function"),
        }
    }

    /// The group management itself.
    pub fn management(&self) -> MutexGuard<'_, GroupManagement> {
        lock(&self.management)
    }

    /// Profiles, to change them.
    pub fn directory(&self) -> MutexGuard<'_, Directory> {
        lock(&self.users.0)
    }

    /// The key management of the domain, for hostile messages.
    pub const fn domain(&mut self) -> &mut TestDomain {
        &mut self.domain
    }

    /// The hop between the servers.
    #[must_use]
    pub const fn server_hop(&self) -> &ServerHop {
        &self.hop
    }

    /// Randomness for hostile messages.
    pub const fn random(&mut self) -> &mut SeededRandom {
        &mut self.random
    }

    /// Everything that a UE told, with its time.
    #[must_use]
    pub fn timeline(&self, name: &str) -> &[(Instant, UeEvent)] {
        &self.person(name).events
    }

    /// Everything that a UE told.
    pub fn events(&self, name: &str) -> impl Iterator<Item = &UeEvent> {
        self.person(name).events.iter().map(|(_, event)| event)
    }

    /// Whether a UE told something that fits.
    pub fn told(&self, name: &str, fits: impl Fn(&UeEvent) -> bool) -> bool {
        self.events(name).any(fits)
    }

    /// Forgets what a UE told so far.
    pub fn forget(&mut self, name: &str) {
        self.person_mut(name).events.clear();
    }

    /// Speech that a UE heard.
    #[must_use]
    pub fn heard(&self, name: &str) -> Vec<Heard> {
        self.person(name).heard()
    }

    /// What a UE heard, without times.
    #[must_use]
    pub fn words(&self, name: &str) -> Vec<String> {
        self.heard(name)
            .into_iter()
            .map(|heard| heard.words)
            .collect()
    }

    /// The newest call of a UE.
    #[must_use]
    pub fn call(&self, name: &str) -> CallNumber {
        let number = |event: &UeEvent| match event {
            UeEvent::CallEstablished(call) | UeEvent::IncomingCall { call, .. } => Some(*call),
            _ => None,
        };
        self.events(name).filter_map(number).last().unwrap()
    }

    /// The access token of a user.
    #[must_use]
    pub fn token(&self, name: &str) -> String {
        String::from_utf8(self.person(name).token.expose().to_vec()).unwrap()
    }

    /// Media sockets that a host has open.
    #[must_use]
    pub fn open_sockets(&self, host: HostId) -> usize {
        self.sockets.open_of(host)
    }

    /// Who could be heard, whenever that changed.
    #[must_use]
    pub fn talkers(&self) -> &[(Instant, Vec<McpttId>)] {
        &self.talkers
    }

    /// What came to a bare element since the last call.
    pub fn take_bare(&mut self, host: HostId) -> Vec<Output> {
        self.bare_events.remove(&host).unwrap_or_default()
    }

    // Interfering ---------------------------------------------------------------------------------------------

    /// Changes how good the network is for datagrams.
    pub const fn set_conditions(&mut self, conditions: NetworkConditions) {
        self.network.conditions = conditions;
    }

    /// Somebody sits on the SIP connections from now on.
    pub fn on_sip(&mut self, hook: impl FnMut(&SipMessage) -> SipFate + 'static) {
        self.network.sip_hook = Some(Box::new(hook));
    }

    /// Somebody sits on the media paths from now on.
    pub fn on_datagram(&mut self, hook: impl FnMut(&Datagram) -> DatagramFate + 'static) {
        self.network.datagram_hook = Some(Box::new(hook));
    }

    /// Nobody interferes any more.
    pub fn leave_alone(&mut self) {
        self.network.sip_hook = None;
        self.network.datagram_hook = None;
    }

    /// A datagram from anywhere, with any source address.
    pub fn inject(&mut self, from: SocketAddr, to: SocketAddr, flow: Flow, octets: Vec<u8>) {
        let datagram = Datagram {
            at: self.now,
            from,
            to,
            flow,
            octets,
        };
        self.network.push(self.now, Event::Datagram(datagram));
    }

    /// Octets on a SIP stream of a host, as if the host had sent them.
    pub fn inject_sip(&mut self, from: HostId, to: HostId, octets: &[u8]) {
        let target = roger_sip::endpoint::Target::tcp(sip_address(to));
        let end = self
            .streams
            .route(from, sip_address(from), &target)
            .unwrap();
        self.network.stream(self.now, end, octets);
    }

    /// Lets a bare element do something.
    pub fn with_bare<R>(
        &mut self,
        host: HostId,
        act: impl FnOnce(&mut roger_sip::endpoint::Endpoint, Instant, &mut SeededRandom) -> R,
    ) -> R {
        let (machine, random) = &mut self.machines[host.0];
        let Machine::Bare(endpoint) = machine else {
            panic!("this host is not driven by hand")
        };
        let result = act(endpoint, self.now, random);
        self.pump(host);
        result
    }

    /// Cuts every SIP connection of a host.
    pub fn cut_connections(&mut self, host: HostId) {
        for (host, flow) in self.streams.cut(host) {
            self.give_sip(host, Input::Closed { flow });
        }
    }

    /// Whether a UE fetches its keys by itself.
    pub fn set_fetching(&mut self, name: &str, fetching: Fetching) {
        self.person_mut(name).fetching = fetching;
    }

    /// The clock of a UE is slow from now on.
    pub fn slow_clock(&mut self, name: &str, by: Duration) {
        self.person_mut(name).slow_by = by.as_secs();
    }

    // Users ---------------------------------------------------------------------------------------------------

    /// Gives a UE an input.
    pub fn input(&mut self, name: &str, input: UeInput) {
        let host = self.host(name);
        self.give(host, HostInput::Ue(Box::new(input)));
    }

    /// The user of a UE with good keys and a good token.
    pub fn user(&mut self, name: &str) -> UeUser {
        let utc = self.utc();
        UeUser {
            mcptt_id: mcptt_id(name),
            token: self.person(name).token.clone(),
            key_sets: vec![self.domain.key_set_at(mcptt_id(name).as_str(), utc)],
            kms: self.domain.kms().clone(),
        }
    }

    /// The user logs in at her UE.
    pub fn log_in(&mut self, name: &str) {
        let user = self.user(name);
        self.input(name, UeInput::User(Box::new(user)));
    }

    /// Registers a UE and waits.
    pub fn register(&mut self, name: &str, authorisation: Authorisation) {
        self.input(name, UeInput::Register(authorisation));
        self.run(Duration::from_millis(100));
    }

    /// Authorises a user by PUBLISH and waits.
    pub fn publish(&mut self, name: &str) {
        self.input(name, UeInput::Publish);
        self.run(Duration::from_millis(100));
    }

    /// Watches groups and waits for the keys.
    pub fn watch(&mut self, name: &str, groups: &[&GroupId]) {
        let groups = groups.iter().copied().cloned().collect();
        self.input(name, UeInput::WatchGroups(groups));
        self.run(Duration::from_millis(100));
    }

    /// Affiliates and waits.
    pub fn affiliate(&mut self, name: &str, groups: &[&GroupId]) {
        let groups = groups.iter().copied().cloned().collect();
        self.input(name, UeInput::Affiliate(groups));
        self.run(Duration::from_millis(100));
    }

    /// From nothing to affiliated.
    pub fn bring_up(&mut self, names: &[&str], groups: &[&GroupId]) {
        for name in names {
            self.log_in(name);
            self.register(name, Authorisation::None);
            self.publish(name);
            self.watch(name, groups);
            self.affiliate(name, groups);
        }
    }

    /// Calls a group and waits for the call.
    pub fn call_group(&mut self, name: &str, group: &GroupId) {
        self.input(name, UeInput::CallGroup(group.clone()));
        self.run(Duration::from_millis(200));
    }

    /// Calls a user and waits.
    pub fn call_user(&mut self, name: &str, callee: &str, commencement: Commencement) {
        self.input(name, UeInput::CallUser(mcptt_id(callee), commencement));
        self.run(Duration::from_millis(200));
    }

    /// Presses the button in the newest call and waits.
    pub fn press(&mut self, name: &str) {
        let call = self.call(name);
        self.input(name, UeInput::Ptt(call, Button::Pressed));
        self.run(Duration::from_millis(100));
    }

    /// Lets the button go and waits.
    pub fn release(&mut self, name: &str) {
        let call = self.call(name);
        self.input(name, UeInput::Ptt(call, Button::Released));
        self.run(Duration::from_millis(100));
    }

    /// Hangs up in the newest call and waits.
    pub fn hang_up(&mut self, name: &str) {
        let call = self.call(name);
        self.input(name, UeInput::HangUp(call));
        self.run(Duration::from_millis(200));
    }

    /// Speaks so many packets in the newest call and waits until they are said.
    pub fn speak(&mut self, name: &str, packets: u32) -> Vec<String> {
        let words = self.speak_on(name, packets);
        self.run(PACKET * packets + Duration::from_millis(100));
        words
    }

    /// Begins to speak so many packets; time has to pass for them.
    pub fn speak_on(&mut self, name: &str, packets: u32) -> Vec<String> {
        let call = self.call(name);
        let person = self.person_mut(name);
        let (host, name, first) = (person.host, person.name, person.spoken);
        person.spoken += packets;
        for number in 0..packets {
            let speech = UeInput::Speech(call, payload(name, first + number));
            let input = HostInput::Ue(Box::new(speech));
            self.network
                .push(self.now + PACKET * number, Event::Input { host, input });
        }
        (first..first + packets)
            .map(|number| format!("{name}-{number}"))
            .collect()
    }

    /// A GET at the group management server with the token of a user.
    pub fn get(&mut self, name: &str, url: &str) -> XcapAnswer {
        let token = self.person(name).token.clone();
        let utc = self.utc();
        get(
            &mut lock(&self.management),
            &self.tokens,
            &token,
            url,
            utc,
            &mut self.random,
        )
    }

    /// The administrator puts a group document; everybody concerned is told.
    pub fn put_group(&mut self, document: &GroupDocument) -> XcapAnswer {
        let path = DocumentPath::Group(document.id.clone()).to_string();
        let token = token(&self.domain, crate::ADMINISTRATOR);
        let body = document.write().into_bytes();
        let request = XcapRequest {
            method: XcapMethod::Put,
            path: &path,
            bearer: core::str::from_utf8(token.expose()).ok(),
            if_none_match: None,
            if_match: None,
            content_type: Some(GroupDocument::MEDIA_TYPE),
            body: &body,
        };
        let utc = self.utc();
        let answer = lock(&self.management).xcap(&request, &self.tokens, utc, &mut self.random);
        self.give(MANAGEMENT, HostInput::DocumentsChanged);
        self.run(Duration::from_millis(200));
        answer
    }

    // Running -------------------------------------------------------------------------------------------------

    /// Lets time pass.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        let mut steps = 0;
        while let Some(next) = self.next_at().filter(|next| *next <= end) {
            steps = if next > self.now { 0 } else { steps + 1 };
            assert!(
                steps < MOST_STEPS_AT_ONCE,
                "a deadline does not move at {:?}",
                self.now
            );
            self.now = self.now.max(next);
            self.step();
        }
        self.now = end;
    }

    fn next_at(&self) -> Option<Instant> {
        let timers = self
            .machines
            .iter()
            .filter_map(|(machine, _)| machine.deadline());
        timers.chain(self.network.next_at()).min()
    }

    fn step(&mut self) {
        if self.network.next_at().is_some_and(|at| at <= self.now) {
            if let Some(event) = self.network.pop() {
                self.on_event(event);
            }
            return;
        }
        for number in 0..self.machines.len() {
            let host = HostId(number);
            if self.machines[number]
                .0
                .deadline()
                .is_some_and(|at| at <= self.now)
            {
                let clocks = self.clocks(host);
                let (machine, random) = &mut self.machines[number];
                machine.timeout(clocks, random);
                self.pump(host);
            }
        }
    }

    fn clocks(&self, host: HostId) -> Clocks {
        let slow = self.people.iter().find(|person| person.host == host);
        let slow = slow.map_or(0, |person| person.slow_by);
        Clocks {
            now: self.now,
            utc: self.utc() - Duration::from_secs(slow),
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Piece { end, octets } => self.on_piece(end, &octets),
            Event::Datagram(datagram) => self.on_arrival(datagram),
            Event::Failed { host, ticket } => self.give_sip(host, Input::TransmitFailed { ticket }),
            Event::Input { host, input } => self.give(host, input),
        }
    }

    fn on_piece(&mut self, end: End, octets: &[u8]) {
        for (flow, frame) in self.streams.arrive(end, octets) {
            match frame {
                Ok(Frame::Message(message)) => {
                    self.give_sip(end.host, Input::Message { flow, message })
                }
                Ok(Frame::Ping | Frame::Pong) => {}
                Err(error) => {
                    self.give_sip(end.host, Input::BrokenStream { flow, error });
                    for (host, flow) in self.streams.close(end) {
                        self.give_sip(host, Input::Closed { flow });
                    }
                }
            }
        }
    }

    fn on_arrival(&mut self, datagram: Datagram) {
        let Some(owner) = self.sockets.owner(datagram.to) else {
            return;
        };
        let packet = MediaPacket {
            pair: owner.pair,
            flow: owner.flow,
            source: datagram.from,
            octets: datagram.octets,
        };
        self.give(owner.host, HostInput::Media(packet));
    }

    fn give_sip(&mut self, host: HostId, input: Input<'_>) {
        let clocks = self.clocks(host);
        let (machine, random) = &mut self.machines[host.0];
        if let Err(error) = machine.sip(clocks, random, input) {
            self.refused_sip.push((host, error));
        }
        self.pump(host);
    }

    fn give(&mut self, host: HostId, input: HostInput) {
        let clocks = self.clocks(host);
        let (machine, random) = &mut self.machines[host.0];
        machine.input(clocks, random, input);
        self.pump(host);
    }

    /// Carries out what a machine wants.
    fn pump(&mut self, host: HostId) {
        while let Some(output) = self.machines[host.0].0.poll() {
            match output {
                HostOutput::Transmit(transmit) => self.send_sip(host, transmit),
                HostOutput::Media(transmit) => self.send_datagram(host, &transmit),
                HostOutput::Event(event) => self.on_host_event(host, event),
            }
        }
        if host == CF {
            self.note_talkers();
        }
    }

    fn note_talkers(&mut self) {
        let talkers: Vec<McpttId> = self.controlling_function().talkers().cloned().collect();
        if self.talkers.last().is_none_or(|(_, last)| *last != talkers) {
            self.talkers.push((self.now, talkers));
        }
    }

    fn send_sip(&mut self, host: HostId, transmit: Transmit) {
        let Some(end) = self
            .streams
            .route(host, sip_address(host), &transmit.target)
        else {
            let failed = Event::Failed {
                host,
                ticket: transmit.ticket,
            };
            self.network.push(self.now, failed);
            return;
        };
        let mut message = SipMessage {
            at: self.now,
            from: host,
            to: end.host,
            octets: transmit.octets.to_vec(),
        };
        let fate = self
            .network
            .sip_hook
            .as_mut()
            .map_or(SipFate::Pass, |hook| hook(&message));
        if let SipFate::Replace(octets) = &fate {
            message.octets.clone_from(octets);
        }
        if fate != SipFate::Drop {
            self.network.stream(self.now, end, &message.octets);
        }
        self.wire.sip.push(message);
    }

    fn send_datagram(&mut self, host: HostId, transmit: &MediaTransmit) {
        let mut datagram = Datagram {
            at: self.now,
            from: self.sockets.address(host, transmit.pair, transmit.flow),
            to: transmit.to,
            flow: transmit.flow,
            octets: transmit.octets.to_vec(),
        };
        let fate = self
            .network
            .datagram_hook
            .as_mut()
            .map_or(DatagramFate::Pass, |hook| hook(&datagram));
        if let DatagramFate::Replace(octets) = &fate {
            datagram.octets.clone_from(octets);
        }
        if fate != DatagramFate::Drop {
            self.network.datagram(self.now, &datagram);
        }
        self.wire.datagrams.push(datagram);
    }

    fn on_host_event(&mut self, host: HostId, event: HostEvent) {
        match event {
            HostEvent::Core(event) => self.core_events.push(event),
            HostEvent::GroupChanged(group) => {
                for server in [PF, CF] {
                    self.give(server, HostInput::GroupChanged(group.clone()));
                }
            }
            HostEvent::Bare(output) => self.bare_events.entry(host).or_default().push(output),
            HostEvent::Ue(event) => self.on_ue_event(host, event),
        }
    }

    fn on_ue_event(&mut self, host: HostId, event: UeEvent) {
        let now = self.now;
        let person = self
            .people
            .iter_mut()
            .find(|person| person.host == host)
            .unwrap();
        person.events.push((now, event.clone()));
        let (name, fetching) = (person.name, person.fetching);
        if let UeEvent::DocumentChanged { url, etag: Some(_) } = event
            && fetching == Fetching::AtOnce
            && url.contains("GKTP")
        {
            self.fetch(name, &url);
        }
    }

    /// Fetches a document of keys for a UE; it arrives after the time of a round trip.
    pub fn fetch(&mut self, name: &str, url: &str) {
        let answer = self.get(name, url);
        if answer.status != 200 {
            return;
        }
        let host = self.host(name);
        let input = HostInput::Ue(Box::new(UeInput::GroupKeys(answer.body)));
        let at = self.now + NetworkConditions::GOOD.delay * 2;
        self.network.push(at, Event::Input { host, input });
    }

    /// Group keys that a UE told of, in a state.
    #[must_use]
    pub fn keys_told(&self, name: &str, state: GroupKeyState) -> Vec<roger_base::KeyId> {
        let of_state = |event: &UeEvent| match event {
            UeEvent::GroupKey {
                gmk_id,
                state: told,
                ..
            } if *told == state => Some(*gmk_id),
            _ => None,
        };
        self.events(name).filter_map(of_state).collect()
    }
}

/// A token for both servers that a UE talks SIP to.
fn token(domain: &TestDomain, name: &str) -> SecretBytes {
    let scope = format!(
        "{} {}",
        Resource::McpttServer.scope(),
        Resource::GroupManagement.scope()
    );
    let token = domain.token_with(&mcptt_id(name), &scope, NOW.0 + 24 * 3600);
    SecretBytes::new(token.into_bytes())
}
