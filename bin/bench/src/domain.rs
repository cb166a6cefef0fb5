//! The MC domain that is measured in: one KMS, a group management server, a member of a group.
//!
//! Inputs have the sizes of real ones: a UID of 32 octets, a secret of 16, a message of 400 (an I_MESSAGE without
//! key parameters is about as long).

use crate::error::BenchError;
use crate::system::OsRandom;
use roger_base::{GroupId, KmsUri, McpttId, NtpTime, PurposeTag, Random as _, Secret};
use roger_ibc::eccsi::{KmsSecretAuthKey, Pvt, Signature, SigningKey};
use roger_ibc::sakke::{EncapsulatedData, KmsSecretEncKey, POINT_OCTETS, ReceiverSecretKey};
use roger_ibc::uid::KeyPeriod;
use roger_ibc::{KmsDomain, KmsMaster, UserKeySet};
use roger_keys::Gmk;
use roger_mikey::{CreateOptions, GroupKeyDistribution, KeyParameters};

/// Octets of a message that is signed.
pub(crate) const MESSAGE_OCTETS: usize = 400;

/// \[I\] Seconds of a key period: 30 days.
const PERIOD: u64 = 2_592_000;

/// 2014-01-26T10:07:14Z; no figure depends on the time.
pub(crate) const NOW: NtpTime = NtpTime {
    seconds: 3_599_719_634,
    fraction: 0,
};

pub(crate) const GMS: &str = "sip:gms@mcptt.example.org";
const GROUP: &str = "sip:group@mcptt.example.org";
const MEMBER: &str = "sip:member@mcptt.example.org";

/// The identifier of an identity, in an MC system its UID.
pub(crate) type Id = [u8; 32];
pub(crate) type Message = [u8; MESSAGE_OCTETS];

/// Everything that outlives one operation.
pub(crate) struct Domain {
    pub(crate) master: KmsMaster,
    pub(crate) auth: KmsSecretAuthKey,
    pub(crate) enc: KmsSecretEncKey,
    pub(crate) public: KmsDomain,
    pub(crate) gms: UserKeySet,
    pub(crate) member: UserKeySet,
    pub(crate) member_id: McpttId,
    pub(crate) group: GroupId,
    pub(crate) gmk: Gmk,
    pub(crate) parameters: KeyParameters,
    pub(crate) ssv: Secret<16>,
}

/// A signature with all that its verifier needs.
pub(crate) struct Signed {
    pub(crate) id: Id,
    pub(crate) message: Message,
    pub(crate) signature: Signature,
}

impl Domain {
    /// Draws all keys.
    pub(crate) fn new() -> Result<Self, BenchError> {
        let random = &mut OsRandom;
        let period = KeyPeriod::new(PERIOD, 0).map_err(BenchError::wrong("key period"))?;
        let master = KmsMaster::generate(KmsUri::new("kms.example.org")?, period, random)?;
        let (ksak, z_t) = master.to_secrets();
        let gmk = Gmk::random(random)?;
        let group = GroupId::new(GROUP)?;
        let parameters = KeyParameters {
            groups: Some(vec![group.clone()]),
            ..KeyParameters::new(PurposeTag::Gmk)
        };
        Ok(Self {
            auth: KmsSecretAuthKey::from_secret(&ksak).map_err(BenchError::wrong("KSAK"))?,
            enc: KmsSecretEncKey::from_secret(&z_t).map_err(BenchError::wrong("z_T"))?,
            gms: key_set(&master, GMS)?,
            member: key_set(&master, MEMBER)?,
            member_id: McpttId::new(MEMBER)?,
            public: master.domain().clone(),
            group,
            gmk,
            parameters,
            ssv: Secret::random(random)?,
            master,
        })
    }

    /// The key that is sent to the members of the group.
    pub(crate) fn distribution(&self) -> GroupKeyDistribution<'_> {
        GroupKeyDistribution {
            gmk: &self.gmk,
            gms: &self.gms,
            parameters: &self.parameters,
            now: NOW,
            options: CreateOptions::GROUP_KEY,
        }
    }

    /// An identifier that nobody has seen.
    pub(crate) fn new_id() -> Result<Id, BenchError> {
        octets()
    }

    /// A member that nobody has seen.
    pub(crate) fn new_member() -> Result<McpttId, BenchError> {
        let name = hex::encode(octets::<16>()?);
        Ok(McpttId::new(format!("sip:{name}@mcptt.example.org"))?)
    }

    pub(crate) fn new_message() -> Result<Message, BenchError> {
        octets()
    }

    /// A new secret encapsulated to the member.
    pub(crate) fn encapsulated(&self) -> Result<(Secret<16>, EncapsulatedData), BenchError> {
        let ssv = Secret::random(&mut OsRandom)?;
        let id = self.member.uid.as_octets();
        let data = roger_ibc::sakke::encapsulate(&self.public.enc, id, &ssv);
        Ok((ssv, data))
    }

    /// A new identifier with its RSK.
    pub(crate) fn with_rsk(&self) -> Result<(Id, Secret<POINT_OCTETS>), BenchError> {
        let id = Self::new_id()?;
        let rsk = self.enc.issue(&id).map_err(BenchError::wrong("rsk"))?;
        Ok((id, rsk))
    }

    /// A new identifier with its signing key.
    pub(crate) fn new_signer(&self) -> Result<(Id, SigningKey), BenchError> {
        let id = Self::new_id()?;
        let (ssk, pvt) = self.auth.issue(&id, &mut OsRandom)?;
        Ok((id, self.signing_key(&id, &ssk, &pvt)?))
    }

    /// The user's check of an SSK and a PVT.
    pub(crate) fn signing_key(
        &self,
        id: &Id,
        ssk: &Secret<32>,
        pvt: &Pvt,
    ) -> Result<SigningKey, BenchError> {
        let key = SigningKey::validate(self.auth.public(), id, ssk, pvt);
        key.map_err(BenchError::wrong("eccsi_pair"))
    }

    /// The user's check of an RSK.
    pub(crate) fn receiver(
        &self,
        id: &Id,
        rsk: &Secret<POINT_OCTETS>,
    ) -> Result<ReceiverSecretKey, BenchError> {
        let key = ReceiverSecretKey::validate(&self.public.enc, id, rsk);
        key.map_err(BenchError::wrong("rsk_validate"))
    }

    /// A new message, signed by a sender that nobody has heard.
    pub(crate) fn signed_by_new_sender(&self) -> Result<Signed, BenchError> {
        let (id, key) = self.new_signer()?;
        sign(id, &key)
    }

    /// A new message, signed by the GMS.
    pub(crate) fn signed_by_gms(&self) -> Result<Signed, BenchError> {
        sign(*self.gms.uid.as_octets(), &self.gms.signing)
    }
}

fn sign(id: Id, key: &SigningKey) -> Result<Signed, BenchError> {
    let message = Domain::new_message()?;
    let signature = key.sign(&message, &mut OsRandom)?;
    Ok(Signed {
        id,
        message,
        signature,
    })
}

fn key_set(master: &KmsMaster, identity: &str) -> Result<UserKeySet, BenchError> {
    let number = master.domain().key_period.number_at(NOW);
    let issued = master
        .issue(identity, number)
        .map_err(BenchError::wrong("key set"))?;
    UserKeySet::validate(master.domain(), &issued).map_err(BenchError::wrong("key set"))
}

fn octets<const N: usize>() -> Result<[u8; N], BenchError> {
    let mut octets = [0; N];
    OsRandom.fill(&mut octets)?;
    Ok(octets)
}
