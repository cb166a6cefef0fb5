//! One call: its legs, its floor control server and its media distribution (TS 24.380 cl. 6.3, TS 23.379 7.4).
//!
//! Nothing of SIP is in here. Packets of the legs go in; packets for the legs and the end of the call come out.

use super::leg::{Leg, LegNumber};
use crate::media::{MediaPacket, MediaTransmit, PairId};
use roger_base::{Instant, McpttId, Random};
use roger_documents::group::GroupDocument;
use roger_floor::server::{FloorControlServer, Input, Output};
use roger_floor::{FloorMessage, FloorRequest, Profile};
use roger_media::{
    Distribution, DistributionInput, DistributionOutput, FloorKeyring, Flow, LegId, MediaEvent,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tracing::debug;

/// A call of this function, numbered by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct CallId(pub(crate) u64);

/// What kind of call it is.
#[derive(Clone)]
pub(crate) enum Kind {
    /// A prearranged group call.
    Group(Arc<GroupDocument>),
    /// A private call.
    Private,
}

/// What a call needs while it works.
pub(crate) struct Workbench<'a> {
    pub(crate) now: Instant,
    pub(crate) random: &'a mut dyn Random,
    pub(crate) keys: &'a mut FloorKeyring,
    pub(crate) out: &'a mut VecDeque<MediaTransmit>,
}

/// What the floor control server told that concerns SIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallEvent {
    /// T4: nobody has talked for a while.
    Inactive,
    /// The floor was granted with the implicit request.
    ImplicitGranted,
}

/// A call.
pub(crate) struct Call {
    pub(crate) kind: Kind,
    /// Contact of this function in all dialogs of the call: the MCPTT session identity (TS 24.379 cl. 4.5).
    pub(crate) session_identity: String,
    /// The offer of the originator, from which every other offer is made.
    pub(crate) offer: Vec<u8>,
    pub(crate) originator: McpttId,
    pub(crate) answer_mode: AnswerMode,
    pub(crate) legs: BTreeMap<LegNumber, Leg>,
    /// TNG3: when the call ends at the latest (TS 24.379 annex B.2.1).
    ends_at: Option<Instant>,
    floor: Option<FloorControlServer>,
    distribution: Distribution,
    next_leg: u32,
}

/// Answer-Mode headers of the INVITE, copied to the members' INVITEs (TS 24.379 cl. 6.3.3.1.2).
#[derive(Debug, Clone, Default)]
pub(crate) struct AnswerMode {
    pub(crate) answer: Option<String>,
    pub(crate) privileged: Option<String>,
}

impl Call {
    pub(crate) fn new(
        kind: Kind,
        session_identity: String,
        offer: Vec<u8>,
        originator: McpttId,
        floor: Option<FloorControlServer>,
    ) -> Self {
        let rule = match floor {
            Some(_) => roger_media::FloorRule::Controlled,
            None => roger_media::FloorRule::Open,
        };
        Self {
            kind,
            session_identity,
            offer,
            originator,
            answer_mode: AnswerMode::default(),
            legs: BTreeMap::new(),
            ends_at: None,
            floor,
            distribution: Distribution::new(rule),
            next_leg: 1,
        }
    }

    /// Starts TNG3 with the maximum duration of the group, when it has one.
    pub(crate) fn start_tng3(&mut self, now: Instant) {
        if let Kind::Group(group) = &self.kind {
            self.ends_at = group.maximum_duration.map(|duration| now + duration);
        }
    }

    /// Whether TNG3 has expired.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.ends_at.is_some_and(|at| at <= now)
    }

    /// Adds a leg that is not connected yet.
    pub(crate) fn add(&mut self, leg: Leg) -> LegNumber {
        let number = LegNumber(self.next_leg);
        self.next_leg += 1;
        self.legs.insert(number, leg);
        number
    }

    pub(crate) const fn has_floor_control(&self) -> bool {
        self.floor.is_some()
    }

    /// Legs whose SIP dialog is established.
    pub(crate) fn connected(&self) -> usize {
        self.legs.values().filter(|leg| leg.is_connected()).count()
    }

    pub(crate) fn leg_of(&self, user: &McpttId) -> Option<LegNumber> {
        self.legs
            .iter()
            .find(|(_, leg)| leg.user == *user)
            .map(|(number, _)| *number)
    }

    /// Users who may be heard now.
    pub(crate) fn talkers(&self) -> impl Iterator<Item = &McpttId> {
        let legs = self.distribution.talkers();
        legs.filter_map(|leg| Some(&self.legs.get(&LegNumber::of(leg))?.user))
    }

    /// A leg is established: it takes part in media and floor control.
    pub(crate) fn join(
        &mut self,
        bench: &mut Workbench<'_>,
        number: LegNumber,
        implicit_request: Option<FloorRequest>,
    ) -> Vec<CallEvent> {
        let Some(leg) = self.legs.get(&number) else {
            return Vec::new();
        };
        if let Some(settings) = leg.distribution_settings() {
            self.distribution.add_leg(number.leg_id(), settings);
        }
        let attributes = Box::new(leg.attributes.clone());
        let participant = number.participant();
        self.floor_input(
            bench,
            Input::Join {
                participant,
                attributes,
                implicit_request,
            },
        );
        self.run(bench)
    }

    /// A leg is gone.
    pub(crate) fn leave(
        &mut self,
        bench: &mut Workbench<'_>,
        number: LegNumber,
    ) -> (Option<Leg>, Vec<CallEvent>) {
        let removed = self.legs.remove(&number);
        if removed.as_ref().is_some_and(Leg::is_connected) {
            self.floor_input(bench, Input::Leave(number.participant()));
        }
        self.distribution.remove_leg(number.leg_id());
        (removed, self.run(bench))
    }

    /// No floor message and no media any more (TS 24.380 cl. 6.3.3).
    pub(crate) fn release(&mut self, bench: &mut Workbench<'_>) {
        self.floor_input(bench, Input::ReleaseCall);
        self.floor_input(bench, Input::CallReleased);
        self.run(bench);
    }

    /// A datagram arrived on a media socket of a leg.
    pub(crate) fn on_packet(
        &mut self,
        bench: &mut Workbench<'_>,
        number: LegNumber,
        packet: &MediaPacket,
    ) -> Vec<CallEvent> {
        match packet.flow {
            Flow::Rtp => {
                let input = DistributionInput::Rtp {
                    leg: number.leg_id(),
                    source: packet.source,
                    octets: &packet.octets,
                };
                if let Err(reason) = self.distribution.handle(bench.now, &input) {
                    debug!(%reason, "RTP packet dropped");
                }
            }
            Flow::Floor => self.on_floor_packet(bench, number, packet),
        }
        self.run(bench)
    }

    fn on_floor_packet(
        &mut self,
        bench: &mut Workbench<'_>,
        number: LegNumber,
        packet: &MediaPacket,
    ) {
        let Some(floor) = self
            .legs
            .get_mut(&number)
            .and_then(|leg| leg.floor.as_mut())
        else {
            return;
        };
        let message = match floor.receive(packet.source, &packet.octets, bench.keys) {
            Ok(message) => message,
            Err(reason) => {
                debug!(%reason, "floor packet dropped");
                return;
            }
        };
        match FloorMessage::decode(&message, &Profile::default()) {
            Ok(message) => self.floor_input(
                bench,
                Input::Floor {
                    from: number.participant(),
                    message,
                },
            ),
            Err(error) => debug!(%error, "floor message dropped"),
        }
    }

    /// Fires what is due.
    pub(crate) fn handle_timeout(&mut self, bench: &mut Workbench<'_>) -> Vec<CallEvent> {
        // A timeout brings no packet, so there is nothing to discard.
        let _ = self
            .distribution
            .handle(bench.now, &DistributionInput::Timeout);
        self.floor_input(bench, Input::Timeout);
        self.run(bench)
    }

    /// When [`Call::handle_timeout`] is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let floor = self
            .floor
            .as_ref()
            .and_then(FloorControlServer::deadline)
            .map(|(at, _)| at);
        [floor, self.distribution.deadline(), self.ends_at]
            .into_iter()
            .flatten()
            .min()
    }

    fn floor_input(&mut self, bench: &Workbench<'_>, input: Input) {
        if let Some(floor) = &mut self.floor
            && let Err(error) = floor.handle(bench.now, input)
        {
            debug!(%error, "floor control input refused");
        }
    }

    /// Carries outputs of the two machines to each other and to the legs until both are quiet.
    fn run(&mut self, bench: &mut Workbench<'_>) -> Vec<CallEvent> {
        let mut events = Vec::new();
        loop {
            if let Some(output) = self.distribution.poll() {
                self.on_distribution(bench, output);
            } else if let Some(output) = self.floor.as_mut().and_then(FloorControlServer::poll) {
                events.extend(self.on_floor(bench, output));
            } else {
                return events;
            }
        }
    }

    fn on_distribution(&mut self, bench: &mut Workbench<'_>, output: DistributionOutput) {
        match output {
            DistributionOutput::Send { leg, to, octets } => {
                if let Some(pair) = self.pair(leg) {
                    bench.out.push_back(MediaTransmit {
                        pair,
                        flow: Flow::Rtp,
                        to,
                        octets,
                    });
                }
            }
            DistributionOutput::Event(
                MediaEvent::RtpArrived { leg, .. } | MediaEvent::RtpWithoutFloor { leg, .. },
            ) => {
                let from = LegNumber::of(leg).participant();
                self.floor_input(bench, Input::Rtp { from });
            }
        }
    }

    fn pair(&self, leg: LegId) -> Option<PairId> {
        self.legs.get(&LegNumber::of(leg)).map(|leg| leg.pair.id)
    }

    fn on_floor(&mut self, bench: &mut Workbench<'_>, output: Output) -> Option<CallEvent> {
        match output {
            Output::Send { to, message } => self.send(bench, LegNumber::from(to), &message),
            Output::AcceptMediaFrom(participant) => {
                let leg = LegNumber::from(participant).leg_id();
                if let Err(reason) = self.distribution.permit(leg) {
                    debug!(%reason, "the holder has no media leg");
                }
            }
            Output::StopMedia(participant) => {
                self.distribution
                    .forbid(LegNumber::from(participant).leg_id());
            }
            Output::ImplicitRequest { outcome, .. } => {
                let granted = outcome == roger_floor::server::ImplicitOutcome::Granted;
                return granted.then_some(CallEvent::ImplicitGranted);
            }
            Output::CallInactive => return Some(CallEvent::Inactive),
            Output::FloorHolderChanged(_) | Output::UnicastMedia { .. } => {}
        }
        None
    }

    fn send(&mut self, bench: &mut Workbench<'_>, number: LegNumber, message: &FloorMessage) {
        let Some(leg) = self.legs.get_mut(&number) else {
            return;
        };
        let (pair, Some(floor)) = (leg.pair.id, leg.floor.as_mut()) else {
            return;
        };
        let plain = match message.encode() {
            Ok(plain) => plain,
            Err(error) => {
                debug!(%error, "a floor message cannot be written");
                return;
            }
        };
        match floor.send(&plain, bench.keys, bench.random) {
            Ok((to, octets)) => {
                let octets = octets.into();
                bench.out.push_back(MediaTransmit {
                    pair,
                    flow: Flow::Floor,
                    to,
                    octets,
                });
            }
            Err(reason) => debug!(%reason, "a floor message cannot be sent"),
        }
    }
}
