//! The media distribution function of a call in the controlling function (TS 23.379 cl. 7.4, TS 24.380 cl. 4.2).

mod hold;
mod leg;

use crate::{Counters, Discard, packet::rtp_ssrc};
use core::net::SocketAddr;
use core::time::Duration;
pub use hold::HoldSettings;
use hold::{Held, Hold};
use leg::Leg;
pub use leg::{Direction, LegId, LegSettings};
use roger_base::Instant;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Media without the floor is reported to the floor server once in this time for each leg, since every report may
/// lead to a Floor Revoke (TS 24.380 cl. 6.3.5.3.9). The time is our choice.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Who may talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloorRule {
    /// Those whom the floor server permits.
    Controlled,
    /// Everybody: a private call without floor control.
    Open,
}

/// What happens to the distribution.
#[derive(Debug, Clone, Copy)]
pub enum DistributionInput<'a> {
    /// A datagram on the RTP socket of a leg.
    Rtp {
        /// Leg whose socket it is.
        leg: LegId,
        /// Sender.
        source: SocketAddr,
        /// Payload.
        octets: &'a [u8],
    },
    /// The time of [`Distribution::deadline`] has come.
    Timeout,
}

/// What the floor server needs to know; it starts T1 and revokes on these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaEvent {
    /// RTP of somebody who may talk.
    RtpArrived {
        /// Talker.
        leg: LegId,
        /// Source.
        ssrc: u32,
    },
    /// RTP of somebody who may not: Floor Revoke, cause 3.
    RtpWithoutFloor {
        /// Offender.
        leg: LegId,
        /// Source.
        ssrc: u32,
    },
}

/// What the distribution wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DistributionOutput {
    /// Send the octets from the RTP socket of a leg.
    Send {
        /// Leg.
        leg: LegId,
        /// Its address.
        to: SocketAddr,
        /// Octets as they came, shared by all copies.
        octets: Arc<[u8]>,
    },
    /// Tell the floor server.
    Event(MediaEvent),
}

/// Copies the talker's packets, octet by octet as they are, to every other leg. It has no key.
pub struct Distribution {
    rule: FloorRule,
    legs: BTreeMap<LegId, Leg>,
    permitted: BTreeSet<LegId>,
    hold: Option<Hold>,
    outputs: VecDeque<DistributionOutput>,
}

impl Distribution {
    /// A call without legs.
    #[must_use]
    pub const fn new(rule: FloorRule) -> Self {
        Self {
            rule,
            legs: BTreeMap::new(),
            permitted: BTreeSet::new(),
            hold: None,
            outputs: VecDeque::new(),
        }
    }

    /// Adds a leg, or gives a known one new settings; its counters stay.
    pub fn add_leg(&mut self, id: LegId, settings: LegSettings) {
        match self.legs.get_mut(&id) {
            Some(leg) => leg.settings = settings,
            None => {
                self.legs.insert(id, Leg::new(settings));
            }
        }
    }

    /// Removes a leg and its permission.
    pub fn remove_leg(&mut self, id: LegId) {
        self.legs.remove(&id);
        self.permitted.remove(&id);
    }

    /// A new address of a leg, after a new offer.
    ///
    /// # Errors
    /// [`Discard::LocalUnknownLeg`].
    pub fn renegotiate(&mut self, id: LegId, address: SocketAddr) -> Result<(), Discard> {
        self.leg_mut(id)?.settings.remote.renegotiate(address);
        Ok(())
    }

    /// A new direction of a leg: hold and resume, unicast media flow control.
    ///
    /// # Errors
    /// [`Discard::LocalUnknownLeg`].
    pub fn set_direction(&mut self, id: LegId, direction: Direction) -> Result<(), Discard> {
        self.leg_mut(id)?.settings.direction = direction;
        Ok(())
    }

    /// The floor server permits a leg to talk (Floor Granted).
    ///
    /// # Errors
    /// [`Discard::LocalUnknownLeg`].
    pub fn permit(&mut self, id: LegId) -> Result<(), Discard> {
        self.leg_mut(id)?.reported = None;
        self.permitted.insert(id);
        Ok(())
    }

    /// The leg may talk no more (release, revoke, idle). What it still sends is discarded and reported.
    pub fn forbid(&mut self, id: LegId) {
        self.permitted.remove(&id);
    }

    /// The legs that may talk.
    pub fn talkers(&self) -> impl Iterator<Item = LegId> + '_ {
        self.permitted.iter().copied()
    }

    /// What came and went on a leg.
    #[must_use]
    pub fn counters(&self, id: LegId) -> Option<Counters> {
        self.legs.get(&id).map(|leg| leg.counters)
    }

    /// Keeps the talker's media until [`Self::release`]: the call was accepted before anybody answered
    /// (P-Answer-State: Unconfirmed, TS 24.379 cl. 6.3.3.2.3).
    pub fn hold(&mut self, settings: HoldSettings) {
        self.hold.get_or_insert_with(|| Hold::new(settings));
    }

    /// Somebody answered: what was held goes out from its beginning with the original spacing, and what comes
    /// meanwhile follows it.
    pub fn release(&mut self, now: Instant) {
        if let Some(hold) = &mut self.hold {
            hold.release(now);
        }
        self.send_due(now);
    }

    /// When [`DistributionInput::Timeout`] is wanted; only while held media goes out.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.hold.as_ref().and_then(Hold::deadline)
    }

    /// Takes a datagram or the time; what is to be done is then in [`Self::poll`].
    ///
    /// # Errors
    /// [`Discard`] saying why a packet goes no further; it is counted on its leg.
    pub fn handle(&mut self, now: Instant, input: &DistributionInput<'_>) -> Result<(), Discard> {
        self.send_due(now);
        match input {
            DistributionInput::Timeout => Ok(()),
            DistributionInput::Rtp {
                leg,
                source,
                octets,
            } => self.on_rtp(now, *leg, *source, octets),
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<DistributionOutput> {
        self.outputs.pop_front()
    }

    fn on_rtp(
        &mut self,
        now: Instant,
        id: LegId,
        source: SocketAddr,
        octets: &[u8],
    ) -> Result<(), Discard> {
        let may_talk = self.rule == FloorRule::Open || self.permitted.contains(&id);
        let leg = self.legs.get_mut(&id).ok_or(Discard::LocalUnknownLeg(id))?;
        let taken = leg.check(id, source, octets).and_then(|ssrc| {
            let refused = Discard::DeniedNoFloor(id);
            if may_talk { Ok(ssrc) } else { Err(refused) }
        });
        let ssrc = match taken {
            Ok(ssrc) => ssrc,
            Err(reason) => {
                leg.counters.drop_for(&reason);
                self.report(now, id, octets, &reason);
                return Err(reason);
            }
        };
        leg.take(source);
        self.outputs
            .push_back(DistributionOutput::Event(MediaEvent::RtpArrived {
                leg: id,
                ssrc,
            }));
        let held = Held {
            leg: id,
            octets: octets.into(),
        };
        let Some(hold) = &mut self.hold else {
            self.copy_to_others(&held);
            return Ok(());
        };
        if hold.push(now, held) {
            return Ok(());
        }
        self.leg_mut(id)?.counters.drop_for(&Discard::LocalHoldFull);
        Err(Discard::LocalHoldFull)
    }

    /// Tells the floor server about media without the floor, now and then.
    fn report(&mut self, now: Instant, id: LegId, octets: &[u8], reason: &Discard) {
        let (Discard::DeniedNoFloor(_), Ok(ssrc), Some(leg)) =
            (reason, rtp_ssrc(octets), self.legs.get_mut(&id))
        else {
            return;
        };
        if leg
            .reported
            .is_some_and(|at| now.since(at) < REPORT_INTERVAL)
        {
            return;
        }
        leg.reported = Some(now);
        self.outputs
            .push_back(DistributionOutput::Event(MediaEvent::RtpWithoutFloor {
                leg: id,
                ssrc,
            }));
    }

    fn send_due(&mut self, now: Instant) {
        while let Some(held) = self.hold.as_mut().and_then(|hold| hold.pop_due(now)) {
            self.copy_to_others(&held);
        }
        if self.hold.as_ref().is_some_and(Hold::is_over) {
            self.hold = None;
        }
    }

    fn copy_to_others(&mut self, held: &Held) {
        for (id, leg) in &mut self.legs {
            if *id == held.leg || !leg.settings.direction.receives() {
                continue;
            }
            leg.counters.sent += 1;
            self.outputs.push_back(DistributionOutput::Send {
                leg: *id,
                to: leg.settings.remote.current(),
                octets: Arc::clone(&held.octets),
            });
        }
    }

    fn leg_mut(&mut self, id: LegId) -> Result<&mut Leg, Discard> {
        self.legs.get_mut(&id).ok_or(Discard::LocalUnknownLeg(id))
    }
}
