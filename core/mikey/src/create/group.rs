//! The GMK message to one member of a group.

use super::{CreateError, CreateOptions, Envelope, sessions};
use crate::key_parameters::KeyParameters;
use roger_base::{McpttId, NtpTime, Random};
use roger_ibc::{KmsDomain, UserKeySet};
use roger_keys::{CsId, Gmk};

/// The message that carries a GMK from the GMS to one member (TS 33.180 cl. 5.7, E.2).
pub struct CreateGroupKey<'a> {
    /// The key.
    pub gmk: &'a Gmk,
    /// The member.
    pub member: &'a McpttId,
    /// The member's KMS.
    pub member_domain: &'a KmsDomain,
    /// The group management server, who signs.
    pub gms: &'a UserKeySet,
    /// Status, times and groups of the key.
    pub parameters: &'a KeyParameters,
    /// The time now.
    pub now: NtpTime,
    /// Form of the message, [`CreateOptions::GROUP_KEY`] unless there is a reason.
    pub options: CreateOptions,
}

impl<'a> CreateGroupKey<'a> {
    /// The octets of the message.
    ///
    /// # Errors
    /// [`CreateError`].
    pub fn build(&self, random: &mut dyn Random) -> Result<Vec<u8>, CreateError> {
        self.envelope().build(random)
    }

    pub(super) fn envelope(&self) -> Envelope<'a> {
        let guk_id = self.gmk.guk_id(self.member);
        let mki = self.gmk.mki(guk_id);
        Envelope {
            key: self.gmk.material(),
            csb_id: guk_id,
            signer: self.gms,
            receiver: self.member.as_str(),
            receiver_domain: self.member_domain,
            sessions: sessions(self.options.map, &[CsId::GROUP_CALL.0], &mki),
            parameters: Some(self.parameters),
            now: self.now,
            options: self.options,
        }
    }
}

/// What the messages of one GMK to all members share.
#[derive(Clone, Copy)]
pub struct GroupKeyDistribution<'a> {
    /// The key.
    pub gmk: &'a Gmk,
    /// The group management server, who signs.
    pub gms: &'a UserKeySet,
    /// Status, times and groups of the key.
    pub parameters: &'a KeyParameters,
    /// The time now.
    pub now: NtpTime,
    /// Form of the messages.
    pub options: CreateOptions,
}

impl<'a> GroupKeyDistribution<'a> {
    /// The message to one member.
    #[must_use]
    pub const fn to(
        &self,
        member: &'a McpttId,
        member_domain: &'a KmsDomain,
    ) -> CreateGroupKey<'a> {
        CreateGroupKey {
            gmk: self.gmk,
            member,
            member_domain,
            gms: self.gms,
            parameters: self.parameters,
            now: self.now,
            options: self.options,
        }
    }
}
