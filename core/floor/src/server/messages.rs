//! The messages that the server sends.

use super::general::Grant;
use super::participant::{FloorNews, LegState, StoredRevoke};
use super::{FloorControlServer, IdentityDisclosure, Output, ParticipantId, RequestRight};
use crate::field::{
    DenyCause, Duration, GrantedPartysIdentity, MessageType, PermissionToRequestTheFloor,
    QueueInfo, QueuePosition, Queueing, RevokeCause, Source, TrackInfo,
};
use crate::{
    AckRequest, FloorAck, FloorBody, FloorDeny, FloorGranted, FloorIdle, FloorMessage,
    FloorQueuePositionInfo, FloorRevoke, FloorTaken,
};
use roger_base::Instant;

impl FloorControlServer {
    fn message_to(&self, to: ParticipantId, body: impl Into<FloorBody>) -> FloorMessage {
        let asked_for = self.legs.get(&to).and_then(|leg| leg.attributes.floor_ssrc);
        FloorMessage::new(asked_for.unwrap_or(self.config.ssrc), body)
    }

    pub(super) fn send(&mut self, to: ParticipantId, body: impl Into<FloorBody>) {
        let message = self.message_to(to, body);
        self.outputs.push_back(Output::Send { to, message });
    }

    fn track_info(&self, of: ParticipantId) -> Option<TrackInfo> {
        self.legs.get(&of).and_then(|leg| leg.track_info.clone())
    }

    /// Floor Granted with the time that is left (TS 24.380 cl. 6.3.4.4.2).
    pub(super) fn send_granted(&mut self, grant: &Grant, left: core::time::Duration) {
        let body = FloorGranted {
            duration: Duration(u16::try_from(left.as_secs()).unwrap_or(u16::MAX)),
            floor_priority: grant.priority.floor_priority,
            ssrc: self
                .legs
                .get(&grant.holder)
                .and_then(|leg| leg.attributes.audio_ssrc),
            user_id: None,
            queue_size: None,
            queued_participants: Vec::new(),
            track_info: self.track_info(grant.holder),
            floor_indicator: Some(self.config.floor_indicator),
        };
        let message = self
            .message_to(grant.holder, body)
            .with_ack(self.config.acknowledge_granted);
        self.outputs.push_back(Output::Send {
            to: grant.holder,
            message,
        });
    }

    /// Whether a participant could get the floor in this call by asking.
    pub(super) fn may_request(&self, participant: ParticipantId) -> bool {
        let broadcast_listener = self
            .config
            .broadcast_originator
            .is_some_and(|originator| originator != participant);
        let right = self
            .legs
            .get(&participant)
            .map(|leg| leg.attributes.request_right);
        !broadcast_listener && right == Some(RequestRight::MayRequest)
    }

    /// Floor Taken with the number of the present event.
    pub(super) fn send_taken(&mut self, to: ParticipantId, grant: &Grant) {
        let Some(talker) = self.legs.get(&grant.holder).map(|leg| &leg.attributes) else {
            return;
        };
        let shown = talker.identity_disclosure == IdentityDisclosure::Shown;
        let permission = if self.may_request(to) {
            PermissionToRequestTheFloor::Permitted
        } else {
            PermissionToRequestTheFloor::NotPermitted
        };
        let body = FloorTaken {
            granted_partys_identity: shown.then(|| GrantedPartysIdentity(talker.mcptt_id.clone())),
            user_id: None,
            permission: Some(permission),
            message_sequence_number: Some(self.sequence),
            track_info: None,
            floor_indicator: Some(self.config.floor_indicator),
            ssrc: talker.audio_ssrc,
            functional_alias: grant.functional_alias.clone().filter(|_| shown),
            location: grant.location.filter(|_| shown),
            granted_users: None,
            ssrcs: None,
            functional_aliases: None,
            locations: None,
        };
        self.send(to, body);
        self.tell(to, FloorNews::Taken);
    }

    /// Floor Idle with the number of the present event.
    pub(super) fn send_idle(&mut self, to: ParticipantId) {
        let body = FloorIdle {
            message_sequence_number: Some(self.sequence),
            track_info: None,
            floor_indicator: Some(self.config.floor_indicator),
        };
        self.send(to, body);
        self.tell(to, FloorNews::Idle);
    }

    fn tell(&mut self, to: ParticipantId, news: FloorNews) {
        let Some(leg) = self.legs.get_mut(&to) else {
            return;
        };
        let state = core::mem::replace(&mut leg.state, LegState::NotPermittedFloorIdle);
        leg.state = state.on_news(news);
    }

    /// Answers with the state of the floor: Taken when somebody holds it, else Idle.
    pub(super) fn send_floor_state(&mut self, to: ParticipantId) {
        match self.general.grant().cloned() {
            Some(grant) => self.send_taken(to, &grant),
            None => self.send_idle(to),
        }
    }

    pub(super) fn send_deny(&mut self, to: ParticipantId, cause: DenyCause) {
        let body = FloorDeny {
            reject_cause: cause.into(),
            user_id: None,
            track_info: self.track_info(to),
            floor_indicator: Some(self.config.floor_indicator),
        };
        self.send(to, body);
    }

    /// Floor Revoke, stored for repetition by T8 (TS 24.380 cl. 6.3.5.5.6, 6.3.5.7).
    pub(super) fn send_revoke(
        &mut self,
        now: Instant,
        to: ParticipantId,
        cause: RevokeCause,
    ) -> StoredRevoke {
        let body = FloorRevoke {
            reject_cause: cause.into(),
            track_info: self.track_info(to),
            floor_indicator: Some(self.config.floor_indicator),
        };
        let message = self.message_to(to, body);
        self.outputs.push_back(Output::Send {
            to,
            message: message.clone(),
        });
        StoredRevoke {
            message,
            t8: self.t8_from(now),
        }
    }

    /// Floor Queue Position Info, only to a participant that negotiated queueing.
    pub(super) fn send_position_if_negotiated(
        &mut self,
        to: ParticipantId,
        position: QueuePosition,
        priority: u8,
    ) {
        let queueing = self
            .legs
            .get(&to)
            .map(|leg| leg.attributes.negotiated.queueing);
        if queueing == Some(Queueing::Supported) {
            self.send_position(to, position, priority);
        }
    }

    pub(super) fn send_position(
        &mut self,
        to: ParticipantId,
        position: QueuePosition,
        priority: u8,
    ) {
        let body = FloorQueuePositionInfo {
            user_id: None,
            ssrc: None,
            queued_user_id: None,
            queue_info: QueueInfo { position, priority },
            track_info: self.track_info(to),
            floor_indicator: Some(self.config.floor_indicator),
        };
        self.send(to, body);
    }

    /// Floor Ack of a message that asked for one (TS 24.380 cl. 8.2.13).
    pub(super) fn acknowledge(
        &mut self,
        from: ParticipantId,
        message: &FloorMessage,
        track_info: Option<TrackInfo>,
    ) {
        if message.ack == AckRequest::NotRequested {
            return;
        }
        let body = FloorAck {
            source: Source::ControllingFunction,
            message_type: MessageType::new(message.body.message_type()),
            track_info,
            location: None,
        };
        self.send(from, body);
    }
}
