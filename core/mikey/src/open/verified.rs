//! What a message that passed every check says.

use super::OpenError;
use crate::i_message::Party;
use crate::key_parameters::KeyParameters;
use crate::profile::Profile;
use roger_base::{GroupId, KeyId, KeyIdError, KmsUri, NtpTime};
use roger_ibc::uid::{KeyPeriod, Uid, uid};
use roger_keys::store::KeyStatus;
use roger_keys::{Gmk, GroupKey, KeyMaterial};

/// The initiator whose signature verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// IDRi, or the name found for a hidden initiator, or the UID while none was found.
    pub party: Party,
    /// UID under which the signature verified.
    pub uid: Uid,
    /// IDRkmsi.
    pub kms: KmsUri,
    /// Key periods of that KMS.
    pub key_period: KeyPeriod,
    /// Key period of `T`.
    pub period_number: u64,
}

impl Signer {
    /// Whether the initiator is this identity: by name, or by UID when it is hidden (TS 33.180 cl. 5.2.6, E.7).
    #[must_use]
    pub fn is(&self, identity: &str) -> bool {
        match &self.party {
            Party::Named(name) => name == identity,
            Party::Hidden(hidden) => {
                uid(identity, &self.kms, self.key_period, self.period_number) == *hidden
            }
        }
    }

    /// Demands that the initiator is this identity, and returns the signer under that name.
    ///
    /// # Errors
    /// [`OpenError::DeniedSender`] when it is another one.
    pub fn require(self, identity: &str) -> Result<Self, OpenError> {
        if !self.is(identity) {
            return Err(OpenError::DeniedSender(self.party));
        }
        Ok(Self {
            party: Party::Named(identity.to_owned()),
            ..self
        })
    }
}

/// A key with everything its verified message says.
#[derive(Clone)]
pub struct Verified<K> {
    /// The key; its id is the GMK-ID for a GMK.
    pub key: K,
    /// CSB ID: the GUK-ID for a GMK, else the key id.
    pub csb_id: KeyId,
    /// Who signed.
    pub signer: Signer,
    /// The responder: the identity it was for.
    pub responder: Party,
    /// IDRkmsr.
    pub responder_kms: KmsUri,
    /// `T`.
    pub time: NtpTime,
    /// SRTP profile of the key.
    pub profile: Profile,
    /// Key parameters.
    pub parameters: Option<KeyParameters>,
}

impl Verified<KeyMaterial> {
    /// Gives the key its type: `Pck`, `Csk`, `Musik`, ….
    ///
    /// # Errors
    /// [`OpenError::PeerKeyId`] when the id has another purpose.
    pub fn typed<K>(self) -> Result<Verified<K>, OpenError>
    where
        K: TryFrom<KeyMaterial, Error = KeyIdError>,
    {
        Ok(Verified {
            key: K::try_from(self.key)?,
            csb_id: self.csb_id,
            signer: self.signer,
            responder: self.responder,
            responder_kms: self.responder_kms,
            time: self.time,
            profile: self.profile,
            parameters: self.parameters,
        })
    }

    /// A revoked key must not be used (TS 33.180 cl. 5.2.4).
    pub(super) fn refuse_revoked(&self) -> Result<(), OpenError> {
        match &self.parameters {
            Some(parameters) if parameters.status.is_revoked() => {
                Err(OpenError::PeerRevoked(self.key.id()))
            }
            _ => Ok(()),
        }
    }
}

/// A GMK from a verified message, ready for the [`GroupKeyStore`](roger_keys::GroupKeyStore).
#[derive(Clone)]
pub struct OpenedGroupKey {
    /// The entry for the store.
    pub group_key: GroupKey,
    /// GUK-ID of this member.
    pub guk_id: KeyId,
    /// The GMS that signed.
    pub signer: Signer,
    /// SRTP profile.
    pub profile: Profile,
}

impl OpenedGroupKey {
    pub(super) fn new(
        verified: Verified<KeyMaterial>,
        group: Option<&GroupId>,
    ) -> Result<Self, OpenError> {
        let verified: Verified<Gmk> = verified.typed()?;
        let id = verified.key.id();
        let parameters = verified.parameters;
        let groups = parameters
            .as_ref()
            .and_then(|parameters| parameters.groups.clone());
        let groups = groups_served(id, groups.unwrap_or_default(), group)?;
        let revoked = parameters
            .as_ref()
            .is_some_and(|parameters| parameters.status.is_revoked());
        let group_key = GroupKey {
            gmk: verified.key,
            groups,
            time: verified.time,
            activation: parameters
                .as_ref()
                .and_then(|parameters| parameters.activation),
            expiry: parameters.as_ref().and_then(|parameters| parameters.expiry),
            status: if revoked {
                KeyStatus::Revoked
            } else {
                KeyStatus::Valid
            },
            text: parameters
                .map(|parameters| parameters.text)
                .unwrap_or_default(),
        };
        Ok(Self {
            group_key,
            guk_id: verified.csb_id,
            signer: verified.signer,
            profile: verified.profile,
        })
    }

    /// `T`.
    #[must_use]
    pub const fn time(&self) -> NtpTime {
        self.group_key.time
    }
}

/// The groups in the message; without any, the one named beside it \[I\].
fn groups_served(
    id: KeyId,
    listed: Vec<GroupId>,
    named: Option<&GroupId>,
) -> Result<Vec<GroupId>, OpenError> {
    match named {
        None if listed.is_empty() => Err(OpenError::PeerNoGroup(id)),
        None => Ok(listed),
        Some(group) if listed.is_empty() => Ok(vec![group.clone()]),
        Some(group) if listed.contains(group) => Ok(listed),
        Some(group) => Err(OpenError::PeerWrongGroup {
            id,
            group: group.clone(),
        }),
    }
}
