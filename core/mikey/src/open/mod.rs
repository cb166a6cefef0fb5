//! The receiver procedure (TS 33.180 cl. 5.2.2 to 5.2.6; RFC 3830 5.3, 5.4; RFC 6509 2.1).
//!
//! The checks, in this order, each with its own [`OpenError`]:
//!
//! 1. the message is whole and well formed, every part there once, the purpose tag fits the procedure,
//!    and it was not processed before;
//! 2. `T` is inside the skew window, or inside the stale window for a message that was stored;
//! 3. both KMSs are known;
//! 4. the responder is this receiver, the initiator an authorised sender;
//! 5. the signature verifies under the initiator's UID in the key period of `T`;
//! 6. the key decapsulates under the receiver's key set of the key period of `T`;
//! 7. SPI and security policy fit the key;
//! 8. the key parameters decrypt under the key and fit it.

mod error;
mod procedure;
mod verified;

pub use error::OpenError;
pub use verified::{OpenedGroupKey, Signer, Verified};

use crate::i_message::Compatibility;
use crate::profile::CipherSuite;
use crate::replay::ReplayCache;
use core::time::Duration;
use procedure::{Addressee, Procedure};
pub(crate) use procedure::{decapsulate, signed_octets};
use roger_base::{GroupId, NtpTime, PurposeTag};
use roger_ibc::{KmsDomain, UserKeySet};
use roger_keys::{Csk, KeyMaterial, Pck};

/// Who may have sent a message.
#[derive(Debug, Clone, Copy)]
pub enum Sender<'a> {
    /// One of these identities, compared octet by octet; a hidden initiator is found among them.
    ///
    /// GMK: the GMS configured for the group. PCK: the caller that the network named. Key download: the server
    /// that got the CSK.
    OneOf(&'a [&'a str]),
    /// The caller of this crate compares afterwards with [`Signer::is`]: a CSK upload, whose sender must be
    /// the `mcptt_id` of the access token that only this CSK decrypts.
    DecidedLater,
}

/// How a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carriage {
    /// In a procedure of now: `T` must be inside the skew window, and a repetition is refused.
    Live,
    /// From a document or a deferred notification: `T` may be older, and it may be read again.
    Stored,
}

/// What the receiver knows when a message arrives.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The identities this receiver answers to, one key set for each identity and key period.
    pub key_sets: &'a [UserKeySet],
    /// KMSs with a valid certificate, besides those of the key sets.
    pub domains: &'a [KmsDomain],
    /// Authorised senders.
    pub sender: Sender<'a>,
    /// How the message came.
    pub carriage: Carriage,
    /// The time now.
    pub now: NtpTime,
}

/// Settings of a [`Receiver`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiverSettings {
    /// \[I\] Largest difference between `T` and now of a live message (TS 33.180 leaves it to configuration).
    pub skew: Duration,
    /// \[I\] Age of a stored message at most, in key periods of the initiator's KMS.
    pub stale_periods: u32,
    /// Processed messages that are remembered at most, about 130 octets each: as many as come within `skew`, or else the
    /// oldest ones could be processed again.
    pub remembered: usize,
    /// Cipher suites accepted besides the default one.
    pub suites: Vec<CipherSuite>,
    /// Deviations accepted.
    pub compatibility: Compatibility,
}

impl Default for ReceiverSettings {
    fn default() -> Self {
        Self {
            skew: Duration::from_secs(600),
            stale_periods: 2,
            remembered: 65_536,
            suites: Vec::new(),
            compatibility: Compatibility::NONE,
        }
    }
}

/// Opens messages and remembers which were processed.
pub struct Receiver {
    settings: ReceiverSettings,
    replay: ReplayCache,
}

impl Default for Receiver {
    fn default() -> Self {
        Self::new(ReceiverSettings::default())
    }
}

impl Receiver {
    /// A receiver that has processed nothing.
    #[must_use]
    pub const fn new(settings: ReceiverSettings) -> Self {
        let replay = ReplayCache::new(settings.skew, settings.remembered);
        Self { settings, replay }
    }

    /// Opens a GMK message (TS 33.180 cl. 5.7, E.2).
    ///
    /// `group` is the group that the carrier names (the path, an element or a body beside the message): the key
    /// must serve it, and a message without a group list serves just it. Without `group` the message must name
    /// its groups itself. A revoked key is returned as revoked, for the key store.
    ///
    /// # Errors
    /// [`OpenError`] naming the check that failed.
    pub fn open_gmk(
        &mut self,
        octets: &[u8],
        context: &Context<'_>,
        group: Option<&GroupId>,
    ) -> Result<OpenedGroupKey, OpenError> {
        let read = self.read(octets, context, Addressee::Responder, &[PurposeTag::Gmk])?;
        let opened = OpenedGroupKey::new(read, group)?;
        self.remember(octets, context, opened.time());
        Ok(opened)
    }

    /// Opens a PCK message (TS 33.180 cl. 5.6, E.3).
    ///
    /// # Errors
    /// [`OpenError`] naming the check that failed.
    pub fn open_pck(
        &mut self,
        octets: &[u8],
        context: &Context<'_>,
    ) -> Result<Verified<Pck>, OpenError> {
        self.open_key(octets, context, &[PurposeTag::Pck])?.typed()
    }

    /// Opens a CSK message, an upload or a download (TS 33.180 cl. 5.4, 5.8, E.4).
    ///
    /// # Errors
    /// [`OpenError`] naming the check that failed.
    pub fn open_csk(
        &mut self,
        octets: &[u8],
        context: &Context<'_>,
    ) -> Result<Verified<Csk>, OpenError> {
        self.open_key(octets, context, &[PurposeTag::Csk])?.typed()
    }

    /// Opens a message whose key has one of these purposes, not a GMK: MuSiK, MKFC, MSCCK, or whatever a
    /// key download brings. [`Verified::typed`] gives the key its type.
    ///
    /// # Errors
    /// [`OpenError`] naming the check that failed.
    pub fn open_key(
        &mut self,
        octets: &[u8],
        context: &Context<'_>,
        purposes: &[PurposeTag],
    ) -> Result<Verified<KeyMaterial>, OpenError> {
        self.open_for(octets, context, Addressee::Responder, purposes)
    }

    /// Opens a message that another device of the *same* user sent, by its SAKKE-to-self (TS 33.180 cl. E.5).
    ///
    /// # Errors
    /// [`OpenError`] naming the check that failed.
    pub fn open_to_self(
        &mut self,
        octets: &[u8],
        context: &Context<'_>,
        purposes: &[PurposeTag],
    ) -> Result<Verified<KeyMaterial>, OpenError> {
        self.open_for(octets, context, Addressee::InitiatorItself, purposes)
    }

    /// Whether a verified message with the same signed octets was processed: the same key, nothing to do again.
    #[must_use]
    pub fn has_processed(&self, octets: &[u8]) -> bool {
        self.replay.contains(signed_octets(octets))
    }

    /// How many processed messages are remembered; never more than the cache holds.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.replay.len()
    }

    /// Forgets repetitions that the skew window refuses by now.
    pub fn purge(&mut self, now: NtpTime) {
        self.replay.purge(now);
    }

    fn open_for(
        &mut self,
        octets: &[u8],
        context: &Context<'_>,
        addressee: Addressee,
        purposes: &[PurposeTag],
    ) -> Result<Verified<KeyMaterial>, OpenError> {
        let verified = self.read(octets, context, addressee, purposes)?;
        verified.refuse_revoked()?;
        self.remember(octets, context, verified.time);
        Ok(verified)
    }

    fn read(
        &self,
        octets: &[u8],
        context: &Context<'_>,
        addressee: Addressee,
        purposes: &[PurposeTag],
    ) -> Result<Verified<KeyMaterial>, OpenError> {
        let replay = &self.replay;
        Procedure {
            settings: &self.settings,
            replay,
            context,
            addressee,
            purposes,
        }
        .run(octets)
    }

    fn remember(&mut self, octets: &[u8], context: &Context<'_>, time: NtpTime) {
        if context.carriage == Carriage::Live {
            self.replay.insert(signed_octets(octets), time, context.now);
        }
    }
}
