//! The system: machines, network, one clock.

mod interfere;
mod look;
mod people;

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
                token: token(&builder.domain, name, NOW.0 - 10, NOW.0 + 24 * 3600),
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
}

/// A token for both servers that a UE talks SIP to.
fn token(domain: &TestDomain, name: &str, issued: u64, expires: u64) -> SecretBytes {
    let scope = format!(
        "{} {}",
        Resource::McpttServer.scope(),
        Resource::GroupManagement.scope()
    );
    let token = domain.token_issued(&mcptt_id(name), &scope, issued, expires);
    SecretBytes::new(token.into_bytes())
}
