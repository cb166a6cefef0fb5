//! A floor control server and its participants in virtual time, joined by a network that loses, delays and reorders.

use core::time::Duration;
use roger_base::{Instant, McpttId};
use roger_floor::participant::{self, FloorParticipant, ParticipantConfig};
use roger_floor::server::{
    self, Attributes, Condition, FloorControlServer, ParticipantId, ServerConfig,
};
use roger_floor::{Datagram, Profile, Ssrc};
use std::collections::BTreeMap;

/// SplitMix64.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % limit
    }
}

#[derive(Debug)]
pub(crate) enum Happening {
    ToServer(usize, Vec<u8>),
    ToClient(usize, Vec<u8>),
    RtpToServer(usize),
    RtpToClient(usize, Ssrc),
    Press(usize),
    Release(usize),
    Join(usize),
    Leave(usize),
    Microphone(usize),
}

pub(crate) struct Client {
    pub(crate) machine: FloorParticipant,
    pub(crate) pressed: bool,
    pub(crate) open: bool,
    pub(crate) grants: u32,
    pub(crate) answers: u32,
    pub(crate) heard: u32,
}

pub(crate) struct World {
    pub(crate) now: Instant,
    dice: Dice,
    /// Lost packets in a thousand.
    pub(crate) loss: u64,
    /// Longest delay, milliseconds.
    pub(crate) delay: u64,
    queue: BTreeMap<(Instant, u64), Happening>,
    count: u64,
    pub(crate) server: FloorControlServer,
    pub(crate) clients: Vec<Client>,
    pub(crate) accepted: Option<ParticipantId>,
    pub(crate) holder: Option<ParticipantId>,
    pub(crate) bursts: u32,
}

pub(crate) fn id(client: usize) -> ParticipantId {
    ParticipantId(client as u32)
}

fn audio(client: usize) -> Ssrc {
    Ssrc(1000 + client as u32)
}

impl World {
    pub(crate) fn new(seed: u64, members: usize, config: ServerConfig) -> Self {
        let client = |index| {
            let mut machine = FloorParticipant::new(ParticipantConfig::new(Ssrc(index as u32)));
            machine
                .handle(Instant::ORIGIN, participant::Input::CallAccepted)
                .unwrap();
            Client {
                machine,
                pressed: false,
                open: false,
                grants: 0,
                answers: 0,
                heard: 0,
            }
        };
        let mut world = Self {
            now: Instant::ORIGIN,
            dice: Dice(seed),
            loss: 0,
            delay: 1,
            queue: BTreeMap::new(),
            count: 0,
            server: FloorControlServer::new(config),
            clients: (0..members).map(client).collect(),
            accepted: None,
            holder: None,
            bursts: 0,
        };
        (0..members).for_each(|member| world.happen(Happening::Join(member)));
        world
    }

    pub(crate) fn plan(&mut self, after_ms: u64, happening: Happening) {
        self.count += 1;
        self.queue.insert(
            (self.now + Duration::from_millis(after_ms), self.count),
            happening,
        );
    }

    fn transmit(&mut self, happening: Happening) {
        if self.dice.below(1000) < self.loss {
            return;
        }
        let delay = 1 + self.dice.below(self.delay);
        self.plan(delay, happening);
    }

    /// Runs for a while; the invariants are checked after every step.
    pub(crate) fn run(&mut self, milliseconds: u64) {
        let end = self.now + Duration::from_millis(milliseconds);
        loop {
            let planned = self.queue.keys().next().map(|(at, _)| *at);
            let timers = self
                .clients
                .iter()
                .filter_map(|client| client.machine.deadline());
            let timer = timers.chain(self.server.deadline()).map(|(at, _)| at).min();
            let Some(next) = planned
                .into_iter()
                .chain(timer)
                .min()
                .filter(|next| *next <= end)
            else {
                break;
            };
            self.now = self.now.max(next);
            if planned.is_some_and(|planned| planned <= self.now) {
                let (_, happening) = self.queue.pop_first().unwrap();
                self.happen(happening);
            } else {
                self.timeouts();
            }
            self.check();
        }
        self.now = end;
    }

    fn timeouts(&mut self) {
        for index in 0..self.clients.len() {
            self.client(index, participant::Input::Timeout);
        }
        self.server_input(server::Input::Timeout);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::ToServer(from, octets) => {
                for message in Datagram::new(&octets, Profile::default()) {
                    let message = message.unwrap();
                    if self.server.participant_state(id(from)).is_some() {
                        self.server_input(server::Input::Floor {
                            from: id(from),
                            message,
                        });
                    }
                }
            }
            Happening::ToClient(to, octets) => {
                for message in Datagram::new(&octets, Profile::default()) {
                    self.client(to, participant::Input::Floor(message.unwrap()));
                }
            }
            Happening::RtpToServer(from) => self.rtp_to_server(from),
            Happening::RtpToClient(to, ssrc) => {
                self.client(to, participant::Input::Rtp(ssrc));
                self.clients[to].heard += u32::from(self.clients[to].machine.renders(ssrc));
            }
            Happening::Press(who) => {
                self.clients[who].pressed = true;
                self.client(who, participant::Input::PttPressed);
            }
            Happening::Release(who) => {
                self.clients[who].pressed = false;
                self.client(who, participant::Input::PttReleased);
            }
            Happening::Join(who) => self.join(who),
            Happening::Leave(who) => {
                if self.server.participant_state(id(who)).is_some() {
                    self.server_input(server::Input::Leave(id(who)));
                }
            }
            Happening::Microphone(who) => {
                if self.clients[who].open {
                    self.transmit(Happening::RtpToServer(who));
                    self.plan(60, Happening::Microphone(who));
                }
            }
        }
    }

    fn join(&mut self, who: usize) {
        if self.server.participant_state(id(who)).is_some() {
            return;
        }
        let mut attributes =
            Attributes::new(McpttId::new(format!("sip:user{who}@mcx.example")).unwrap());
        attributes.audio_ssrc = Some(audio(who));
        // The last one may call an emergency.
        let last = who + 1 == self.clients.len();
        attributes.authorised_condition = if last {
            Condition::Emergency
        } else {
            Condition::Normal
        };
        let attributes = Box::new(attributes);
        self.server_input(server::Input::Join {
            participant: id(who),
            attributes,
            implicit_request: None,
        });
    }

    fn rtp_to_server(&mut self, from: usize) {
        if self.server.participant_state(id(from)).is_none() {
            return;
        }
        self.server_input(server::Input::Rtp { from: id(from) });
        if self.server.accepts_media_from(id(from)) {
            for to in (0..self.clients.len()).filter(|to| *to != from) {
                self.transmit(Happening::RtpToClient(to, audio(from)));
            }
        }
    }

    pub(crate) fn client(&mut self, index: usize, input: participant::Input) {
        self.clients[index].machine.handle(self.now, input).unwrap();
        while let Some(output) = self.clients[index].machine.poll() {
            let client = &mut self.clients[index];
            match output {
                participant::Output::Send(message) => {
                    self.transmit(Happening::ToServer(index, message.encode().unwrap()));
                }
                participant::Output::MayTalk(_) => {
                    assert!(!client.open, "the microphone is opened once");
                    assert!(
                        client.pressed,
                        "the microphone opens only while the button is pressed"
                    );
                    client.open = true;
                    client.grants += 1;
                    client.answers += 1;
                    self.plan(20, Happening::Microphone(index));
                }
                participant::Output::MustStop(_) => {
                    assert!(client.open, "only an open microphone is closed");
                    client.open = false;
                }
                participant::Output::Denied(_)
                | participant::Output::RequestLost
                | participant::Output::RequestTimedOut => client.answers += 1,
                _ => {}
            }
        }
    }

    fn server_input(&mut self, input: server::Input) {
        self.server.handle(self.now, input).unwrap();
        while let Some(output) = self.server.poll() {
            match output {
                server::Output::Send { to, message } => {
                    self.transmit(Happening::ToClient(
                        to.0 as usize,
                        message.encode().unwrap(),
                    ));
                }
                server::Output::AcceptMediaFrom(who) => {
                    assert_eq!(self.accepted, None, "media of two are never accepted");
                    self.accepted = Some(who);
                }
                server::Output::StopMedia(who) => {
                    assert_eq!(self.accepted.take(), Some(who));
                }
                server::Output::FloorHolderChanged(holder) => {
                    assert!(
                        holder.is_none() || self.holder.is_none(),
                        "never two holders"
                    );
                    self.holder = holder;
                    self.bursts += u32::from(holder.is_some());
                }
                server::Output::CallInactive => {
                    self.server
                        .handle(self.now, server::Input::KeepCall)
                        .unwrap();
                }
                server::Output::ImplicitRequest { .. } | server::Output::UnicastMedia { .. } => {}
            }
        }
        assert_eq!(
            (self.accepted, self.holder),
            (self.server.holder(), self.server.holder())
        );
    }

    fn check(&self) {
        let holds = |index: &usize| {
            matches!(
                self.server.participant_state(id(*index)),
                Some("U: permitted" | "U: pending Floor Revoke")
            )
        };
        let holders: Vec<_> = (0..self.clients.len()).filter(holds).collect();
        assert!(holders.len() <= 1, "two holders: {holders:?}");
        assert_eq!(
            holders.first().map(|index| id(*index)),
            self.server.holder()
        );
        for client in &self.clients {
            assert_eq!(client.open, client.machine.may_talk());
        }
    }
}
