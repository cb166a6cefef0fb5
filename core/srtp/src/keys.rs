//! Contexts for the keys of the hierarchy.

use crate::{
    FloorContext, GroupKeys, GroupMki, MasterKey, Mki, Profile, ReceiverContext, SenderContext,
    SrtpError,
};
use roger_base::{GroupId, KeyId, UnixTime};
use roger_keys::{CallSide, Csk, Gmk, GroupKeyStore, Mkfc, Musik, Pck, Spk};

impl SenderContext {
    /// Group call, sent by the member whose GUK-ID it is (TS 33.180 cl. 7.4.2).
    ///
    /// # Errors
    /// [`SrtpError::LocalCrypto`] only when the library fails.
    pub fn for_gmk(gmk: &Gmk, guk_id: KeyId) -> Result<Self, SrtpError> {
        let mki = GroupMki {
            gmk_id: gmk.id(),
            guk_id,
        };
        Self::new(Profile::GROUP, mki.into(), &gmk.media_key(guk_id).into())
    }

    /// Private call, sent by this side (TS 33.180 cl. 7.4.1).
    ///
    /// # Errors
    /// [`SrtpError::LocalCrypto`] only when the library fails.
    pub fn for_pck(pck: &Pck, own: CallSide) -> Result<Self, SrtpError> {
        Self::new(
            Profile::PRIVATE,
            pck.id().into(),
            &pck.media_key(own).into(),
        )
    }
}

impl ReceiverContext {
    /// Private call, received by this side: the key is that of the other one.
    ///
    /// # Errors
    /// [`SrtpError::LocalCrypto`] only when the library fails.
    pub fn for_pck(pck: &Pck, own: CallSide) -> Result<Self, SrtpError> {
        let mut context = Self::new(Profile::PRIVATE);
        context.add_key(Mki::from(pck.id()), &pck.media_key(own.peer()).into())?;
        Ok(context)
    }
}

impl FloorContext {
    /// Between a client and its server (TS 33.180 cl. 9.4).
    ///
    /// # Errors
    /// [`SrtpError::LocalCrypto`] only when the library fails.
    pub fn for_csk(csk: &Csk) -> Result<Self, SrtpError> {
        Self::new(csk.id(), &csk.control_key().into())
    }

    /// Between servers.
    ///
    /// # Errors
    /// [`SrtpError::LocalCrypto`] only when the library fails.
    pub fn for_spk(spk: &Spk) -> Result<Self, SrtpError> {
        Self::new(spk.id(), &spk.control_key().into())
    }

    /// From server to clients by multicast.
    ///
    /// # Errors
    /// [`SrtpError::LocalCrypto`] only when the library fails.
    pub fn for_musik(musik: &Musik) -> Result<Self, SrtpError> {
        Self::new(musik.id(), &musik.control_key().into())
    }

    /// From server to clients by multicast, the key of Release 13 (TS 33.179 cl. 9.4.5).
    ///
    /// # Errors
    /// [`SrtpError::LocalCrypto`] only when the library fails.
    pub fn for_mkfc(mkfc: &Mkfc) -> Result<Self, SrtpError> {
        Self::new(mkfc.id(), &mkfc.control_key().into())
    }
}

/// The GMKs of one group that a UE may receive with at a time.
#[derive(Clone, Copy)]
pub struct HeldGroupKeys<'a> {
    /// Key store of the UE.
    pub store: &'a GroupKeyStore,
    /// Group of the call; keys of other groups are refused.
    pub group: &'a GroupId,
    /// Now; expired keys are refused.
    pub now: UnixTime,
}

impl GroupKeys for HeldGroupKeys<'_> {
    fn may_receive(&self, gmk_id: KeyId) -> bool {
        self.store
            .receiving_in_group(self.group, gmk_id, self.now)
            .is_ok()
    }

    fn media_key(&self, mki: GroupMki) -> Option<MasterKey> {
        let key = self
            .store
            .receiving_in_group(self.group, mki.gmk_id, self.now)
            .ok()?;
        Some(key.gmk.media_key(mki.guk_id).into())
    }
}
