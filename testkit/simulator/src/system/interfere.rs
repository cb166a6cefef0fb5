//! Interfering with the network and the machines.

use super::*;

impl System {
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
}
