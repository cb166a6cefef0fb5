//! Receiving in a group call: the sender's key is derived from the packet's GUK-ID.

use crate::{
    GroupMki, MasterKey, OpenedRtcp, OpenedRtp, Profile, SrtpError,
    layout::{RtpParts, split_rtcp, split_rtp},
    receiver::{ReceivingKey, unknown},
};
use roger_base::KeyId;
use std::collections::{HashMap, VecDeque};

/// Senders whose keys are kept ready; past it the one silent longest is derived anew when it speaks again.
/// Only authenticated packets make an entry.
const MAX_SENDERS: usize = 512;

/// Where a [`GroupReceiver`] finds group keys; [`crate::HeldGroupKeys`] is one over the UE's key store.
pub trait GroupKeys {
    /// True while packets under this GMK may be accepted: known, neither expired nor revoked, of this group.
    fn may_receive(&self, gmk_id: KeyId) -> bool;

    /// Master key of the sender with this GUK-ID (TS 33.180 cl. 7.4.2), `None` as in [`Self::may_receive`].
    fn media_key(&self, mki: GroupMki) -> Option<MasterKey>;
}

/// Own streams remembered; a member has one SSRC for each session.
const MAX_OWN_STREAMS: usize = 64;

struct Sender {
    key: ReceivingKey,
    used: u64,
}

/// Opens packets of all senders of a group (TS 33.180 cl. 7.4.2, 7.5).
///
/// A late joiner needs no signalling about the sender: the GMK-ID of the MKI selects the GMK, the GUK-ID
/// gives the sender's key, the trailer the ROC, which is stored only after the tag was verified.
pub struct GroupReceiver {
    profile: Profile,
    senders: HashMap<GroupMki, Sender>,
    own: VecDeque<(GroupMki, u32)>,
    clock: u64,
}

impl GroupReceiver {
    /// A receiver of [`Profile::GROUP`] or a variant of it.
    ///
    /// # Errors
    /// [`SrtpError::LocalMkiLength`] when the profile has no MKI of eight octets.
    pub fn new(profile: Profile) -> Result<Self, SrtpError> {
        if profile.mki_octets() != Profile::GROUP.mki_octets() {
            let (wanted, given) = (Profile::GROUP.mki_octets(), profile.mki_octets());
            return Err(SrtpError::LocalMkiLength { wanted, given });
        }
        Ok(Self {
            profile,
            senders: HashMap::new(),
            own: VecDeque::new(),
            clock: 0,
        })
    }

    /// The profile.
    #[must_use]
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Says with which MKI and SSRC this member sends, so that its own packets sent back to it are refused. Another
    /// device of the same user has the same MKI and another SSRC, and is heard.
    pub fn note_own_stream(&mut self, mki: GroupMki, ssrc: u32) {
        if self.own.contains(&(mki, ssrc)) {
            return;
        }
        if self.own.len() == MAX_OWN_STREAMS {
            self.own.pop_front();
        }
        self.own.push_back((mki, ssrc));
    }

    /// Verifies and decrypts an SRTP packet of any sender.
    ///
    /// # Errors
    /// [`SrtpError::PeerUnknownMki`] when `keys` holds no such GMK (mute until it comes),
    /// [`SrtpError::PeerUsesOwnSsrc`] for our own packets sent back, or another `Peer…`
    /// error; the receiver is then unchanged but for keys that may not be used any more.
    pub fn unprotect_rtp(
        &mut self,
        keys: &dyn GroupKeys,
        packet: &[u8],
    ) -> Result<OpenedRtp, SrtpError> {
        let profile = self.profile;
        let parts = split_rtp(packet, &profile)?;
        let hint = self.hint(&parts);
        self.refuse_own(parts.mki, parts.header.ssrc())?;
        self.with_sender(keys, parts.mki, |key| key.open_rtp(&parts, hint))
    }

    /// Verifies and decrypts an SRTCP packet of any sender.
    ///
    /// # Errors
    /// As [`Self::unprotect_rtp`].
    pub fn unprotect_rtcp(
        &mut self,
        keys: &dyn GroupKeys,
        packet: &[u8],
    ) -> Result<OpenedRtcp, SrtpError> {
        let profile = self.profile;
        let parts = split_rtcp(packet, &profile)?;
        self.refuse_own(parts.mki, parts.ssrc)?;
        self.with_sender(keys, parts.mki, |key| key.open_rtcp(&parts, &profile))
    }

    /// Senders whose keys are ready.
    #[must_use]
    pub fn sender_count(&self) -> usize {
        self.senders.len()
    }

    /// Drops everything derived from a GMK; call it when the key store gives up or replaces one.
    pub fn forget_gmk(&mut self, gmk_id: KeyId) {
        self.senders.retain(|mki, _| mki.gmk_id != gmk_id);
    }

    fn refuse_own(&self, mki: &[u8], ssrc: u32) -> Result<(), SrtpError> {
        let is_own = GroupMki::from_octets(mki).is_some_and(|mki| self.own.contains(&(mki, ssrc)));
        if is_own {
            Err(SrtpError::PeerUsesOwnSsrc(ssrc))
        } else {
            Ok(())
        }
    }

    /// Runs `open` with the sender's key, ready or fresh; a fresh one is kept only when `open` succeeds.
    fn with_sender<T>(
        &mut self,
        keys: &dyn GroupKeys,
        mki: &[u8],
        open: impl FnOnce(&mut ReceivingKey) -> Result<T, SrtpError>,
    ) -> Result<T, SrtpError> {
        let id = GroupMki::from_octets(mki).ok_or_else(|| unknown(mki))?;
        if !keys.may_receive(id.gmk_id) {
            self.forget_gmk(id.gmk_id);
            return Err(unknown(mki));
        }
        self.clock += 1;
        if let Some(sender) = self.senders.get_mut(&id) {
            sender.used = self.clock;
            return open(&mut sender.key);
        }
        let master = keys.media_key(id).ok_or_else(|| unknown(mki))?;
        let mut key = ReceivingKey::new(&master, &self.profile)?;
        let opened = open(&mut key)?;
        self.keep(id, key);
        Ok(opened)
    }

    fn keep(&mut self, id: GroupMki, key: ReceivingKey) {
        if self.senders.len() >= MAX_SENDERS {
            let silent = self
                .senders
                .iter()
                .min_by_key(|(_, sender)| sender.used)
                .map(|(id, _)| *id);
            silent.and_then(|id| self.senders.remove(&id));
        }
        self.senders.insert(
            id,
            Sender {
                key,
                used: self.clock,
            },
        );
    }

    /// Without a ROC in the packet, the same SSRC under another key tells where the stream is.
    fn hint(&self, parts: &RtpParts<'_>) -> Option<u64> {
        if parts.roc.is_some() {
            return None;
        }
        self.senders
            .values()
            .filter_map(|sender| sender.key.highest_rtp(parts.header.ssrc()))
            .max()
    }
}
