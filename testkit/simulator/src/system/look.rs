//! Looking at a system, at its parts and at what they told.

use super::*;
use std::net::{IpAddr, SocketAddr};

impl System {
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

    /// Address of a host.
    #[must_use]
    pub const fn ip(host: HostId) -> IpAddr {
        setup::ip(host)
    }

    /// Where a host listens for SIP.
    #[must_use]
    pub const fn sip_address(host: HostId) -> SocketAddr {
        setup::sip_address(host)
    }

    pub(super) fn person(&self, name: &str) -> &Person {
        self.people
            .iter()
            .find(|person| person.name == name)
            .unwrap()
    }

    pub(super) fn person_mut(&mut self, name: &str) -> &mut Person {
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

    /// Forgets the speech that a UE heard so far.
    pub fn forget_speech(&mut self, name: &str) {
        let events = &mut self.person_mut(name).events;
        events.retain(|(_, event)| !matches!(event, UeEvent::Speech(..)));
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
