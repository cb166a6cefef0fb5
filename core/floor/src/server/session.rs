//! Participants come and go; the call ends (TS 24.380 cl. 6.3.2, 6.3.3, 6.3.5.2).

use super::floor_taken::Origin;
use super::general::{FloorIdleState, General};
use super::participant::Leg;
use super::{Attributes, FloorControlServer, Output, ParticipantId};
use crate::field::RevokeCause;
use crate::{Error, FloorRequest};
use roger_base::Instant;

/// Most octets of an identity that a field can carry.
const LONGEST_IDENTITY: usize = 255;
const USER_ID: u8 = 6;

impl FloorControlServer {
    /// A participant joins: the first one starts the machine, a late one is told the state of the floor
    /// (TS 24.380 cl. 6.3.4.2, 6.3.5.2.2).
    pub(super) fn on_join(
        &mut self,
        now: Instant,
        participant: ParticipantId,
        attributes: Attributes,
        implicit_request: Option<FloorRequest>,
    ) -> Result<(), Error> {
        if matches!(self.general, General::Releasing) {
            return Err(Error::LocalWrongState {
                input: "Join",
                state: self.general.name(),
            });
        }
        if self.legs.contains_key(&participant) {
            return Err(Error::LocalParticipantExists(participant.0));
        }
        check_identity(&attributes)?;
        self.legs.insert(participant, Leg::new(attributes));
        let Some(request) = implicit_request else {
            self.join_without_request(now, participant);
            return Ok(());
        };
        self.join_with_request(now, participant, &request);
        self.report_implicit_request(participant);
        Ok(())
    }

    fn join_without_request(&mut self, now: Instant, participant: ParticipantId) {
        if matches!(self.general, General::StartStop) {
            // Nobody is there to be told; T4 guards a call in which nobody ever talks (inferred).
            self.general = General::FloorIdle(FloorIdleState {
                t4: Some(now + self.config.timers.t4),
                t7: None,
            });
            return;
        }
        self.send_floor_state(participant);
    }

    /// The originator gets the floor with the answer. While somebody talks the newcomer hears Floor Taken, not Deny.
    fn join_with_request(
        &mut self,
        now: Instant,
        participant: ParticipantId,
        request: &FloorRequest,
    ) {
        if let Some(leg) = self.legs.get_mut(&participant) {
            leg.track_info = request.track_info.clone();
        }
        let Some(grant) = self.grant_for(participant, request) else {
            return;
        };
        match self.general {
            General::StartStop if self.may_request(participant) => {
                self.enter_floor_taken(now, grant, Origin::Request);
            }
            General::StartStop => self.join_without_request(now, participant),
            General::FloorIdle(_) => self.on_floor_request_in_idle(now, grant),
            General::FloorTaken(_) | General::PendingFloorRevoke(_) | General::Releasing => {
                self.send_floor_state(participant);
            }
        }
    }

    /// What is known of a participant changes.
    pub(super) fn on_attributes(
        &mut self,
        participant: ParticipantId,
        attributes: Attributes,
    ) -> Result<(), Error> {
        check_identity(&attributes)?;
        let unknown = Error::LocalUnknownParticipant(participant.0);
        self.legs.get_mut(&participant).ok_or(unknown)?.attributes = attributes;
        Ok(())
    }

    /// A participant leaves: as the end of its burst, and its request goes with it (TS 24.380 cl. 6.3.3).
    pub(super) fn on_leave(
        &mut self,
        now: Instant,
        participant: ParticipantId,
    ) -> Result<(), Error> {
        self.legs
            .remove(&participant)
            .ok_or(Error::LocalUnknownParticipant(participant.0))?;
        self.withdraw(participant);
        match self.general.clone() {
            General::FloorTaken(state) if state.grant.holder == participant => {
                self.end_burst(now, participant, None)
            }
            General::FloorTaken(state) if self.legs.len() == 1 => {
                self.enter_pending_floor_revoke(now, state, RevokeCause::OnlyOneMcpttClient, None);
            }
            General::PendingFloorRevoke(state) if state.grant.holder == participant => {
                self.end_pending_revoke(now, state);
            }
            _ => {}
        }
        Ok(())
    }

    /// Release, step 1: floor messages and media stop (TS 24.380 cl. 6.3.4.6.2).
    pub(super) fn on_release_call(&mut self) {
        if let Some(holder) = self.general.grant().map(|grant| grant.holder) {
            self.outputs.push_back(Output::StopMedia(holder));
            self.outputs.push_back(Output::FloorHolderChanged(None));
        }
        self.legs
            .values_mut()
            .for_each(|leg| leg.state = super::participant::LegState::NotPermittedFloorIdle);
        self.general = General::Releasing;
    }

    /// Release, step 2: the machines are gone (TS 24.380 cl. 6.3.4.7).
    pub(super) fn on_call_released(&mut self) {
        self.on_release_call();
        self.legs.clear();
        self.general = General::StartStop;
    }
}

fn check_identity(attributes: &Attributes) -> Result<(), Error> {
    let length = attributes.mcptt_id.as_str().len();
    if length > LONGEST_IDENTITY {
        return Err(Error::LocalFieldTooLong {
            id: USER_ID,
            length,
        });
    }
    Ok(())
}
