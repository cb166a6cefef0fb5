//! One call of a UE: floor participant, SRTP, RTP (TS 24.380 cl. 6.2, TS 33.180 cl. 7.4, 7.5).

use super::rtp_source::RtpSource;
use super::{Button, CallNumber, HeardSpeech, UeClient, UeEvent, UeOutput};
use roger_base::{GroupId, Instant, KeyId, McpttId, Random, UnixTime};
use roger_floor::participant::{FloorParticipant, Input, Output};
use roger_floor::{FloorMessage, Profile as FloorProfile, Ssrc};
use roger_keys::store::GroupKeyStore;
use roger_media::{FloorKeyring, FloorLeg, Flow, MediaPacket, MediaTransmit, Pair};
use roger_sip::application::Context;
use roger_sip::endpoint::{DialogId, RequestHandle, TransactionId};
use roger_sip::message::Request;
use roger_srtp::{
    GroupMki, GroupReceiver, HeldGroupKeys, OpenedRtp, Profile, ReceiverContext, SenderContext,
    SrtpError,
};
use std::collections::VecDeque;
use std::net::SocketAddr;
use thiserror::Error;

/// Floor messages held until the answer to an INVITE is there.
const MAX_EARLY_MESSAGES: usize = 8;

/// Where the SIP side of a call stands.
pub(super) enum CallState {
    /// We called; the answer is awaited.
    Calling(RequestHandle),
    /// We are called; the user has to answer.
    Ringing {
        transaction: TransactionId,
        request: Box<Request>,
    },
    /// Established.
    Connected(DialogId),
}

/// The end-to-end keys of a call.
pub(super) enum CallKeys {
    /// A group: the key store has them.
    Group {
        group: GroupId,
        receiver: GroupReceiver,
        sender: Option<Box<(KeyId, SenderContext)>>,
    },
    /// A private call.
    Private {
        sender: Box<SenderContext>,
        receiver: Box<ReceiverContext>,
    },
}

/// A call.
pub(super) struct Call {
    pub(super) pair: Pair,
    pub(super) state: CallState,
    /// The offer, ours or theirs, as far as it is needed for the answer.
    pub(super) offer: Vec<u8>,
    pub(super) keys: CallKeys,
    pub(super) floor: Option<FloorParticipant>,
    pub(super) floor_leg: Option<FloorLeg>,
    pub(super) remote_rtp: Option<SocketAddr>,
    pub(super) source: RtpSource,
    /// Who has the floor, when the server told.
    talker: Option<McpttId>,
    /// Floor messages that overtook the answer to our INVITE.
    early: Vec<MediaPacket>,
}

/// Why a packet was dropped or not sent.
#[derive(Debug, Error)]
pub(super) enum MediaError {
    #[error("speech: {0}")]
    Speech(#[from] SrtpError),
    #[error("floor control: {0}")]
    Floor(#[from] roger_media::Discard),
    #[error("floor control: {0}")]
    FloorMessage(#[from] roger_floor::Error),
    #[error("speech from {0}, which is not the address of the call")]
    ForeignSource(SocketAddr),
    #[error("the speaker is not the one who has the floor")]
    SpeakerMismatch,
    #[error("no key to talk to this group")]
    NoGroupKey,
    #[error("the floor is not ours")]
    NoFloor,
    #[error("no address to send to yet")]
    NoAddress,
    #[error("there is no call of this group")]
    NoCall,
}

/// What a call needs while it works.
pub(super) struct Bench<'a> {
    pub(super) number: CallNumber,
    pub(super) now: Instant,
    pub(super) utc: UnixTime,
    pub(super) random: &'a mut dyn Random,
    pub(super) floor_keys: &'a mut FloorKeyring,
    pub(super) store: &'a GroupKeyStore,
    pub(super) user: Option<&'a McpttId>,
    pub(super) out: &'a mut VecDeque<UeOutput>,
}

impl Bench<'_> {
    fn tell(&mut self, event: UeEvent) {
        self.out.push_back(UeOutput::Event(event));
    }
}

impl Call {
    pub(super) fn new(
        pair: Pair,
        state: CallState,
        offer: Vec<u8>,
        keys: CallKeys,
        source: RtpSource,
    ) -> Self {
        Self {
            pair,
            state,
            offer,
            keys,
            floor: None,
            floor_leg: None,
            remote_rtp: None,
            source,
            talker: None,
            early: Vec::new(),
        }
    }

    pub(super) const fn floor_leg_mut(&mut self) -> Option<&mut FloorLeg> {
        self.floor_leg.as_mut()
    }

    /// Whether it is a call of this group.
    pub(super) fn is_of(&self, wanted: &GroupId) -> bool {
        matches!(&self.keys, CallKeys::Group { group, .. } if group == wanted)
    }

    pub(super) const fn is_connected(&self) -> bool {
        matches!(self.state, CallState::Connected(_))
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.floor
            .as_ref()
            .and_then(FloorParticipant::deadline)
            .map(|(at, _)| at)
    }

    /// Gives the floor participant an input and carries its outputs out.
    pub(super) fn floor_input(&mut self, bench: &mut Bench<'_>, input: Input) {
        let Some(floor) = &mut self.floor else {
            return;
        };
        if let Err(error) = floor.handle(bench.now, input) {
            bench.tell(UeEvent::Dropped(bench.number, error.to_string()));
        }
        while let Some(output) = self.floor.as_mut().and_then(FloorParticipant::poll) {
            self.on_floor(bench, output);
        }
    }

    fn on_floor(&mut self, bench: &mut Bench<'_>, output: Output) {
        let number = bench.number;
        match output {
            Output::Send(message) => {
                if let Err(error) = self.send_floor(bench, &message) {
                    bench.tell(UeEvent::Dropped(number, error.to_string()));
                }
            }
            Output::MayTalk(_) => {
                self.source.marker = true;
                bench.tell(UeEvent::MayTalk(number));
            }
            Output::MustStop(reason) => bench.tell(UeEvent::MustStop(number, reason)),
            Output::Denied(rejection) => {
                bench.tell(UeEvent::FloorDenied(number, rejection.cause.to_string()));
            }
            Output::RequestTimedOut => {
                bench.tell(UeEvent::FloorDenied(
                    number,
                    "no answer of the floor control server".to_owned(),
                ));
            }
            Output::RequestLost => {
                bench.tell(UeEvent::FloorDenied(
                    number,
                    "somebody else was faster".to_owned(),
                ));
            }
            Output::NoRequest(reason) => bench.tell(UeEvent::NoFloorRequest(number, reason)),
            Output::SomebodyTalks(talker) => {
                self.talker.clone_from(&talker.mcptt_id);
                bench.tell(UeEvent::SomebodyTalks(number, talker));
            }
            Output::Idle => {
                self.talker = None;
                bench.tell(UeEvent::FloorIdle(number));
            }
            Output::GrantChanged(_)
            | Output::Queued(_)
            | Output::GrantWaits
            | Output::TalkerSilent
            | Output::LeaveCall => {}
        }
    }

    fn send_floor(
        &mut self,
        bench: &mut Bench<'_>,
        message: &FloorMessage,
    ) -> Result<(), MediaError> {
        let plain = message.encode()?;
        let leg = self.floor_leg.as_mut().ok_or(MediaError::NoAddress)?;
        let (to, octets) = leg.send(&plain, bench.floor_keys, bench.random)?;
        let octets = octets.into();
        let transmit = MediaTransmit {
            pair: self.pair.id,
            flow: Flow::Floor,
            to,
            octets,
        };
        bench.out.push_back(UeOutput::Media(transmit));
        Ok(())
    }

    // Speech ------------------------------------------------------------------------------------------------

    fn may_talk(&self) -> bool {
        self.is_connected() && self.floor.as_ref().is_none_or(FloorParticipant::may_talk)
    }

    /// Sends 20 ms of coded speech.
    pub(super) fn send_speech(
        &mut self,
        bench: &mut Bench<'_>,
        payload: &[u8],
    ) -> Result<(), MediaError> {
        if !self.may_talk() {
            return Err(MediaError::NoFloor);
        }
        let to = self.remote_rtp.ok_or(MediaError::NoAddress)?;
        self.choose_group_key(bench)?;
        let packet = self.source.next(payload);
        let octets = match &mut self.keys {
            CallKeys::Group {
                sender: Some(sender),
                ..
            } => sender.1.protect_rtp(&packet)?,
            CallKeys::Group { sender: None, .. } => return Err(MediaError::NoGroupKey),
            CallKeys::Private { sender, .. } => sender.protect_rtp(&packet)?,
        };
        let transmit = MediaTransmit {
            pair: self.pair.id,
            flow: Flow::Rtp,
            to,
            octets: octets.into(),
        };
        bench.out.push_back(UeOutput::Media(transmit));
        Ok(())
    }

    /// The group key activated last; a change in the middle of a burst changes only key and MKI
    /// (TS 33.180 cl. 5.7.1, RFC 3711 cl. 3.3.1).
    fn choose_group_key(&mut self, bench: &Bench<'_>) -> Result<(), MediaError> {
        let CallKeys::Group {
            group,
            receiver,
            sender,
        } = &mut self.keys
        else {
            return Ok(());
        };
        let user = bench.user.ok_or(MediaError::NoGroupKey)?;
        let gmk = &bench
            .store
            .sending(group, bench.utc)
            .ok_or(MediaError::NoGroupKey)?
            .gmk;
        if sender.as_ref().is_some_and(|sender| sender.0 == gmk.id()) {
            return Ok(());
        }
        let guk_id = gmk.guk_id(user);
        let mki = GroupMki {
            gmk_id: gmk.id(),
            guk_id,
        };
        let mut next =
            SenderContext::new(Profile::GROUP, mki.into(), &gmk.media_key(guk_id).into())?;
        if let Some(previous) = sender {
            next.take_over(&previous.1, self.source.ssrc)?;
        }
        receiver.note_own_stream(mki, self.source.ssrc);
        *sender = Some(Box::new((gmk.id(), next)));
        Ok(())
    }

    /// A datagram arrived on a media socket of the call.
    pub(super) fn on_packet(
        &mut self,
        bench: &mut Bench<'_>,
        packet: &MediaPacket,
    ) -> Result<(), MediaError> {
        match packet.flow {
            Flow::Rtp => self.on_rtp(bench, packet),
            Flow::Floor => self.on_floor_packet(bench, packet),
        }
    }

    fn on_floor_packet(
        &mut self,
        bench: &mut Bench<'_>,
        packet: &MediaPacket,
    ) -> Result<(), MediaError> {
        let Some(leg) = &mut self.floor_leg else {
            return self.hold(packet);
        };
        let plain = leg.receive(packet.source, &packet.octets, bench.floor_keys)?;
        let message = FloorMessage::decode(&plain, &FloorProfile::default())?;
        self.floor_input(bench, Input::Floor(message));
        Ok(())
    }

    /// A Floor Granted leaves together with the answer to the INVITE, on a shorter way: it waits for the answer, which
    /// says where it may come from.
    fn hold(&mut self, packet: &MediaPacket) -> Result<(), MediaError> {
        let awaited = matches!(self.state, CallState::Calling(_));
        if !awaited || self.early.len() == MAX_EARLY_MESSAGES {
            return Err(MediaError::NoAddress);
        }
        self.early.push(packet.clone());
        Ok(())
    }

    /// The answer is there: what came before it is served as if it came now.
    pub(super) fn look_at_early_messages(&mut self, bench: &mut Bench<'_>) {
        for packet in core::mem::take(&mut self.early) {
            if let Err(error) = self.on_floor_packet(bench, &packet) {
                bench.tell(UeEvent::Dropped(bench.number, error.to_string()));
            }
        }
    }

    fn on_rtp(&mut self, bench: &mut Bench<'_>, packet: &MediaPacket) -> Result<(), MediaError> {
        if self.remote_rtp != Some(packet.source) {
            return Err(MediaError::ForeignSource(packet.source));
        }
        let opened = self.open_speech(bench, &packet.octets)?;
        let (header, payload) = (opened.header, opened.payload()?.to_vec());
        self.floor_input(bench, Input::Rtp(Ssrc(header.ssrc())));
        let heard = HeardSpeech {
            ssrc: header.ssrc(),
            sequence: header.sequence(),
            timestamp: header.fields().timestamp,
            marker: header.fields().marker,
            payload,
        };
        bench.tell(UeEvent::Speech(bench.number, heard));
        Ok(())
    }

    fn open_speech(&mut self, bench: &Bench<'_>, octets: &[u8]) -> Result<OpenedRtp, MediaError> {
        match &mut self.keys {
            CallKeys::Group {
                group, receiver, ..
            } => {
                let keys = HeldGroupKeys {
                    store: bench.store,
                    group,
                    now: bench.utc,
                };
                let opened = receiver.unprotect_rtp(&keys, octets)?;
                check_speaker(bench, self.talker.as_ref(), &opened)?;
                Ok(opened)
            }
            CallKeys::Private { receiver, .. } => Ok(receiver.unprotect_rtp(octets)?),
        }
    }
}

/// The GUK-ID of the packet must be that of the user whom the floor control server announced: nobody talks in the
/// name of another (TS 33.180 cl. 7.5).
fn check_speaker(
    bench: &Bench<'_>,
    talker: Option<&McpttId>,
    opened: &OpenedRtp,
) -> Result<(), MediaError> {
    let (Some(talker), Some(mki)) = (talker, GroupMki::from_octets(opened.mki.octets())) else {
        return Ok(());
    };
    let key = bench.store.receiving(mki.gmk_id, bench.utc);
    match key {
        Ok(key) if key.gmk.guk_id(talker) == mki.guk_id => Ok(()),
        _ => Err(MediaError::SpeakerMismatch),
    }
}

impl UeClient {
    /// Lets a call work with what this UE lends it.
    pub(super) fn with_call<R>(
        &mut self,
        context: &mut Context<'_>,
        number: CallNumber,
        act: impl FnOnce(&mut Call, &mut Bench<'_>) -> R,
    ) -> Option<R> {
        let call = self.calls.get_mut(&number)?;
        let mut bench = Bench {
            number,
            now: context.now,
            utc: context.utc,
            random: context.random,
            floor_keys: &mut self.floor_keys,
            store: &self.key_store,
            user: self.user.as_ref().map(|user| &user.mcptt_id),
            out: &mut self.outputs,
        };
        Some(act(call, &mut bench))
    }

    pub(super) fn on_button(
        &mut self,
        context: &mut Context<'_>,
        number: CallNumber,
        button: Button,
    ) {
        let input = match button {
            Button::Pressed => Input::PttPressed,
            Button::Released => Input::PttReleased,
        };
        self.with_call(context, number, |call, bench| {
            call.floor_input(bench, input)
        });
    }

    pub(super) fn send_speech(
        &mut self,
        context: &mut Context<'_>,
        number: CallNumber,
        payload: &[u8],
    ) {
        let sent = self.with_call(context, number, |call, bench| {
            call.send_speech(bench, payload)
        });
        if let Some(Err(error)) = sent {
            self.tell(UeEvent::Dropped(number, error.to_string()));
        }
    }

    pub(super) fn on_media(&mut self, context: &mut Context<'_>, packet: &MediaPacket) {
        let Some(number) = self.pairs.get(&packet.pair).copied() else {
            return;
        };
        let taken = self.with_call(context, number, |call, bench| call.on_packet(bench, packet));
        if let Some(Err(error)) = taken {
            self.tell(UeEvent::Dropped(number, error.to_string()));
        }
    }

    pub(super) fn on_call_timeouts(&mut self, context: &mut Context<'_>) {
        let due = |(number, call): (&CallNumber, &Call)| {
            call.deadline()
                .is_some_and(|at| at <= context.now)
                .then_some(*number)
        };
        let due: Vec<CallNumber> = self.calls.iter().filter_map(due).collect();
        for number in due {
            self.with_call(context, number, |call, bench| {
                call.floor_input(bench, Input::Timeout)
            });
        }
    }
}
