//! What a participant sends, by the state towards it (TS 24.380 cl. 6.3.5).

use super::general::{General, Grant};
use super::participant::LegState;
use super::priority::EffectivePriority;
use super::{FloorControlServer, ImplicitOutcome, Output, ParticipantId, RevokeRight};
use crate::field::{
    QueuePosition, QueuedFloorRequestsPurpose, ResponseState, RevokeCause, TrackInfo,
};
use crate::{
    Error, FloorBody, FloorMessage, FloorRequest, FloorRevokeRequest, QueuedFloorRequests,
};
use roger_base::Instant;

impl FloorControlServer {
    /// Any message; what a participant must not send is ignored after the acknowledgement it asks for.
    pub(super) fn on_message(
        &mut self,
        now: Instant,
        from: ParticipantId,
        message: FloorMessage,
    ) -> Result<(), Error> {
        if !self.legs.contains_key(&from) {
            return Err(Error::LocalUnknownParticipant(from.0));
        }
        if matches!(self.general, General::Releasing) {
            return Ok(());
        }
        self.acknowledge(from, &message, track_info_of(&message.body));
        match message.body {
            FloorBody::FloorRequest(request) => self.on_floor_request(now, from, &request),
            FloorBody::FloorRelease(_) => self.on_floor_release(now, from),
            FloorBody::FloorQueuePositionRequest(_) => self.on_queue_position_request(from),
            FloorBody::FloorRevokeRequest(request) => {
                self.on_floor_revoke_request(now, from, &request)
            }
            FloorBody::QueuedFloorRequests(request) => {
                self.on_queued_floor_requests(from, &request)
            }
            FloorBody::UnicastMediaFlowControl(control) => {
                let indicator = control.indicator;
                self.outputs.push_back(Output::UnicastMedia {
                    participant: from,
                    indicator,
                });
            }
            FloorBody::FloorAck(_)
            | FloorBody::FloorGranted(_)
            | FloorBody::FloorTaken(_)
            | FloorBody::FloorDeny(_)
            | FloorBody::FloorIdle(_)
            | FloorBody::FloorRevoke(_)
            | FloorBody::FloorQueuePositionInfo(_)
            | FloorBody::FloorReleaseMultiTalker(_) => {}
        }
        Ok(())
    }

    pub(super) fn grant_for(&self, from: ParticipantId, request: &FloorRequest) -> Option<Grant> {
        let attributes = &self.legs.get(&from)?.attributes;
        let alias = request.functional_alias.clone();
        Some(Grant {
            holder: from,
            priority: EffectivePriority::of(request, attributes),
            functional_alias: alias.filter(|alias| attributes.functional_aliases.contains(alias)),
            location: request.location,
        })
    }

    /// R: Floor Request (TS 24.380 cl. 6.3.5.3.6, 6.3.5.4.4, 6.3.5.5.7).
    pub(super) fn on_floor_request(
        &mut self,
        now: Instant,
        from: ParticipantId,
        request: &FloorRequest,
    ) {
        let Some(grant) = self.grant_for(from, request) else {
            return;
        };
        let Some(leg) = self.legs.get_mut(&from) else {
            return;
        };
        leg.track_info = request.track_info.clone();
        match &leg.state {
            LegState::Permitted => return self.on_floor_request_of_holder(now, grant),
            LegState::PendingFloorRevoke(revoke) => {
                // It has not seen the Revoke, or its Release was lost: the Revoke makes it release.
                let message = revoke.message.clone();
                self.outputs.push_back(Output::Send { to: from, message });
                return;
            }
            LegState::NotPermittedFloorIdle
            | LegState::NotPermittedFloorTaken
            | LegState::SendsMedia(_) => {}
        }
        match &self.general {
            General::FloorIdle(_) => self.on_floor_request_in_idle(now, grant),
            General::FloorTaken(_) => self.on_floor_request_in_taken(now, grant),
            General::PendingFloorRevoke(_) => self.on_floor_request_in_pending_revoke(grant),
            General::StartStop | General::Releasing => {}
        }
    }

    /// An implicit request in a re-INVITE: as a Floor Request, and the outcome for the SDP answer.
    pub(super) fn on_implicit_request(
        &mut self,
        now: Instant,
        from: ParticipantId,
        request: &FloorRequest,
    ) -> Result<(), Error> {
        if !self.legs.contains_key(&from) {
            return Err(Error::LocalUnknownParticipant(from.0));
        }
        if matches!(self.general, General::Releasing) {
            return Err(Error::LocalWrongState {
                input: "ImplicitRequest",
                state: self.general.name(),
            });
        }
        self.on_floor_request(now, from, request);
        self.report_implicit_request(from);
        Ok(())
    }

    pub(super) fn report_implicit_request(&mut self, participant: ParticipantId) {
        let granted = self
            .legs
            .get(&participant)
            .is_some_and(|leg| leg.state == LegState::Permitted);
        let outcome = if granted {
            ImplicitOutcome::Granted
        } else {
            ImplicitOutcome::Accepted
        };
        self.outputs.push_back(Output::ImplicitRequest {
            participant,
            outcome,
        });
    }

    /// R: Floor Release (TS 24.380 cl. 6.3.5.3.7, 6.3.5.4.5, 6.3.5.5.3, 6.3.5.6.5, 6.3.5.7.4).
    pub(super) fn on_floor_release(&mut self, now: Instant, from: ParticipantId) {
        let Some(leg) = self.legs.get_mut(&from) else {
            return;
        };
        match &leg.state {
            LegState::NotPermittedFloorIdle | LegState::NotPermittedFloorTaken => {
                self.withdraw(from);
                self.send_floor_state(from);
            }
            LegState::SendsMedia(_) => {
                leg.state = LegState::NotPermittedFloorIdle;
                self.withdraw(from);
                self.send_floor_state(from);
            }
            LegState::Permitted | LegState::PendingFloorRevoke(_) => {
                self.on_release_of_holder(now, from)
            }
        }
    }

    fn on_release_of_holder(&mut self, now: Instant, from: ParticipantId) {
        if let Some(leg) = self.legs.get_mut(&from) {
            leg.late_media = Some(now + self.config.timers.late_media);
        }
        match &self.general {
            General::FloorTaken(_) => self.end_burst(now, from, None),
            General::PendingFloorRevoke(state) => {
                let state = state.clone();
                self.end_pending_revoke(now, state);
            }
            General::StartStop | General::FloorIdle(_) | General::Releasing => {}
        }
    }

    /// R: RTP. Media of anyone but the holder are discarded and answered with Revoke #3 (TS 24.380 cl. 6.3.5.3.8).
    pub(super) fn on_rtp(&mut self, now: Instant, from: ParticipantId) -> Result<(), Error> {
        let leg = self
            .legs
            .get(&from)
            .ok_or(Error::LocalUnknownParticipant(from.0))?;
        if matches!(self.general, General::Releasing) {
            return Ok(());
        }
        match leg.state {
            LegState::Permitted | LegState::PendingFloorRevoke(_) => self.on_rtp_of_holder(now),
            LegState::SendsMedia(_) => {}
            _ if leg.late_media.is_some_and(|late_media| now < late_media) => {}
            LegState::NotPermittedFloorIdle | LegState::NotPermittedFloorTaken => {
                let revoke = self.send_revoke(now, from, RevokeCause::NoPermissionToSendMediaBurst);
                if let Some(leg) = self.legs.get_mut(&from) {
                    leg.state = LegState::SendsMedia(revoke);
                }
            }
        }
        Ok(())
    }

    /// R: Floor Queue Position Request; with queueing off only an overriding request waits
    /// (TS 24.380 cl. 6.3.5.4.6).
    fn on_queue_position_request(&mut self, from: ParticipantId) {
        let waiting = match &self.general {
            General::PendingFloorRevoke(state) => {
                state.next.as_ref().filter(|next| next.holder == from)
            }
            _ => None,
        };
        match waiting.map(|next| next.priority.floor_priority.0) {
            Some(priority) => self.send_position(from, QueuePosition::Position(1), priority),
            None => self.send_position(from, QueuePosition::NotQueued, 0),
        }
    }

    /// R: Floor Revoke Request of an authorised participant (TS 24.380 cl. 8.2.17, release 19).
    fn on_floor_revoke_request(
        &mut self,
        now: Instant,
        from: ParticipantId,
        request: &FloorRevokeRequest,
    ) {
        let right = self.legs.get(&from).map(|leg| leg.attributes.revoke_right);
        let General::FloorTaken(state) = &self.general else {
            return;
        };
        let talker = self
            .legs
            .get(&state.grant.holder)
            .map(|leg| &leg.attributes.mcptt_id);
        if right != Some(RevokeRight::AnyTalker) || talker != Some(&request.user.0) {
            return;
        }
        let state = state.clone();
        self.enter_pending_floor_revoke(now, state, RevokeCause::RevokedByAnotherClient, None);
    }

    /// R: Queued Floor Requests: no participant may cancel requests of others while there is no queue
    /// (TS 24.380 cl. 8.2.15).
    fn on_queued_floor_requests(&mut self, from: ParticipantId, request: &QueuedFloorRequests) {
        if request.purpose != QueuedFloorRequestsPurpose::CancelRequest {
            return;
        }
        let body = QueuedFloorRequests {
            purpose: QueuedFloorRequestsPurpose::CancelResult,
            response_state: Some(ResponseState::NotAuthorised),
            queued_users: None,
            user_id: None,
        };
        self.send(from, body);
    }

    /// T8 expired: the stored Revoke again (TS 24.380 cl. 6.3.5.6.3, 6.3.5.7.3).
    pub(super) fn on_t8_expiry(&mut self, now: Instant, to: ParticipantId) {
        let t8 = self.t8_from(now);
        let Some(leg) = self.legs.get_mut(&to) else {
            return;
        };
        let (LegState::PendingFloorRevoke(revoke) | LegState::SendsMedia(revoke)) = &mut leg.state
        else {
            return;
        };
        revoke.t8 = t8;
        let message = revoke.message.clone();
        self.outputs.push_back(Output::Send { to, message });
    }
}

fn track_info_of(body: &FloorBody) -> Option<TrackInfo> {
    match body {
        FloorBody::FloorRequest(request) => request.track_info.clone(),
        FloorBody::FloorRelease(release) => release.track_info.clone(),
        FloorBody::FloorQueuePositionRequest(request) => request.track_info.clone(),
        FloorBody::UnicastMediaFlowControl(control) => control.track_info.clone(),
        _ => None,
    }
}
