//! The participating function's part of one client's call: media and floor control between the client and the
//! controlling function (TS 24.380 cl. 6.4, TS 33.180 cl. 9.4).

use crate::{
    Counters, Discard, FloorKeyring, FloorLeg, FloorProtection, RemoteAddress, address::Proof,
    packet::rtp_ssrc,
};
use core::net::SocketAddr;
use roger_base::Random;
use std::collections::VecDeque;
use std::sync::Arc;

/// The two neighbours of a participating function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The client it serves.
    Client,
    /// The controlling function.
    Server,
}

impl Side {
    /// The other neighbour.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// The two flows of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flow {
    /// RTP, m=audio.
    Rtp,
    /// Floor control messages, m=application.
    Floor,
}

/// Whether media goes down to the client (unicast media flow control, multicast instead of unicast).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Downlink {
    /// It does.
    Open,
    /// It is dropped without a trace in the counters of dropped packets.
    Stopped,
}

/// Addresses and protection of the four flows.
#[derive(Debug, Clone)]
pub struct RelaySettings {
    /// RTP of the client.
    pub client_rtp: RemoteAddress,
    /// Floor control of the client.
    pub client_floor: RemoteAddress,
    /// Protection towards the client: its CSK.
    pub client_protection: FloorProtection,
    /// RTP of the controlling function.
    pub server_rtp: RemoteAddress,
    /// Floor control of the controlling function.
    pub server_floor: RemoteAddress,
    /// Protection towards the controlling function: the SPK.
    pub server_protection: FloorProtection,
}

/// A datagram that arrived.
#[derive(Debug, Clone, Copy)]
pub struct RelayInput<'a> {
    /// Neighbour whose socket it arrived on.
    pub from: Side,
    /// Flow of that socket.
    pub flow: Flow,
    /// Its sender.
    pub source: SocketAddr,
    /// Its payload.
    pub octets: &'a [u8],
}

/// A datagram to send, from the socket of that side and flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayOutput {
    /// Neighbour it goes to.
    pub side: Side,
    /// Flow.
    pub flow: Flow,
    /// Address.
    pub to: SocketAddr,
    /// Payload.
    pub octets: Arc<[u8]>,
}

/// RTP of one neighbour.
struct RtpLeg {
    remote: RemoteAddress,
    counters: Counters,
}

/// The relay of one client leg.
pub struct Relay {
    client_rtp: RtpLeg,
    server_rtp: RtpLeg,
    client_floor: FloorLeg,
    server_floor: FloorLeg,
    downlink: Downlink,
    outputs: VecDeque<RelayOutput>,
}

impl Relay {
    /// A relay between the two neighbours.
    #[must_use]
    pub fn new(settings: &RelaySettings) -> Self {
        let rtp = |remote| RtpLeg {
            remote,
            counters: Counters::default(),
        };
        Self {
            client_rtp: rtp(settings.client_rtp),
            server_rtp: rtp(settings.server_rtp),
            client_floor: FloorLeg::new(settings.client_floor, &settings.client_protection),
            server_floor: FloorLeg::new(settings.server_floor, &settings.server_protection),
            downlink: Downlink::Open,
            outputs: VecDeque::new(),
        }
    }

    /// Stops or resumes media towards the client.
    pub const fn set_downlink(&mut self, downlink: Downlink) {
        self.downlink = downlink;
    }

    /// The address of a flow's peer, to renegotiate it.
    pub const fn remote_mut(&mut self, side: Side, flow: Flow) -> &mut RemoteAddress {
        match flow {
            Flow::Rtp => &mut self.rtp_mut(side).remote,
            Flow::Floor => self.floor_mut(side).remote_mut(),
        }
    }

    /// The floor control flow of a neighbour, to bind a new key.
    pub const fn floor_mut(&mut self, side: Side) -> &mut FloorLeg {
        match side {
            Side::Client => &mut self.client_floor,
            Side::Server => &mut self.server_floor,
        }
    }

    const fn rtp_mut(&mut self, side: Side) -> &mut RtpLeg {
        match side {
            Side::Client => &mut self.client_rtp,
            Side::Server => &mut self.server_rtp,
        }
    }

    /// What came and went on a flow.
    #[must_use]
    pub const fn counters(&self, side: Side, flow: Flow) -> Counters {
        match (side, flow) {
            (Side::Client, Flow::Rtp) => self.client_rtp.counters,
            (Side::Server, Flow::Rtp) => self.server_rtp.counters,
            (Side::Client, Flow::Floor) => self.client_floor.counters(),
            (Side::Server, Flow::Floor) => self.server_floor.counters(),
        }
    }

    /// Takes a datagram; what is to be sent is then in [`Self::poll`].
    ///
    /// # Errors
    /// [`Discard`] saying why it goes no further; it is counted on its flow.
    pub fn handle(
        &mut self,
        input: &RelayInput<'_>,
        keys: &mut FloorKeyring,
        random: &mut dyn Random,
    ) -> Result<(), Discard> {
        match input.flow {
            Flow::Rtp => self.relay_rtp(input),
            Flow::Floor => self.relay_floor(input, keys, random),
        }
    }

    /// The next datagram to send.
    pub fn poll(&mut self) -> Option<RelayOutput> {
        self.outputs.pop_front()
    }

    /// Passes the octets on unchanged.
    fn relay_rtp(&mut self, input: &RelayInput<'_>) -> Result<(), Discard> {
        let from = self.rtp_mut(input.from);
        let checked = from
            .remote
            .check(input.source, Proof::None)
            .and_then(|()| rtp_ssrc(input.octets));
        if let Err(reason) = checked {
            from.counters.drop_for(&reason);
            return Err(reason);
        }
        from.remote.learn(input.source);
        from.counters.taken += 1;
        let side = input.from.other();
        if side == Side::Client && self.downlink == Downlink::Stopped {
            return Ok(());
        }
        let towards = self.rtp_mut(side);
        towards.counters.sent += 1;
        let to = towards.remote.current();
        self.outputs.push_back(RelayOutput {
            side,
            flow: Flow::Rtp,
            to,
            octets: input.octets.into(),
        });
        Ok(())
    }

    /// Opens the message under the key of one side and closes it under that of the other.
    fn relay_floor(
        &mut self,
        input: &RelayInput<'_>,
        keys: &mut FloorKeyring,
        random: &mut dyn Random,
    ) -> Result<(), Discard> {
        let message = self
            .floor_mut(input.from)
            .receive(input.source, input.octets, keys)?;
        let side = input.from.other();
        let (to, octets) = self.floor_mut(side).send(&message, keys, random)?;
        self.outputs.push_back(RelayOutput {
            side,
            flow: Flow::Floor,
            to,
            octets: octets.into(),
        });
        Ok(())
    }
}
