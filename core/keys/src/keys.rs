//! Keys with their identifiers: one type for each purpose.

use crate::session::CipherError;
use crate::{CsId, MasterKey, Rand, XmlKeyMode, XmlKeys, group, payload, signalling, srtp};
use roger_base::{KeyId, KeyIdError, McpttId, PurposeTag, Random, RandomError, Secret};
use std::collections::BTreeSet;

/// Draws before a source of randomness counts as broken: each fails with a chance far below 2^-8.
const MAX_DRAWS: usize = 32;

/// A secret with its key id and RAND, whatever its purpose (TS 33.180 cl. 5.2.2).
#[derive(Clone, PartialEq, Eq)]
pub struct KeyMaterial {
    secret: Secret<16>,
    id: KeyId,
    rand: Rand,
}

impl KeyMaterial {
    /// Puts the three together.
    #[must_use]
    pub const fn new(secret: Secret<16>, id: KeyId, rand: Rand) -> Self {
        Self { secret, id, rand }
    }

    /// The secret.
    #[must_use]
    pub const fn secret(&self) -> &Secret<16> {
        &self.secret
    }

    /// The key id.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// The RAND drawn with the key.
    #[must_use]
    pub const fn rand(&self) -> &Rand {
        &self.rand
    }

    fn master_key(&self, cs_id: CsId) -> MasterKey {
        srtp::master_key(&self.secret, cs_id, self.id, self.rand.octets())
    }
}

macro_rules! typed_key {
    ($(#[$doc:meta])* $name:ident, $tag:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(KeyMaterial);

        impl $name {
            /// Purpose tag of this kind of key.
            pub const PURPOSE: PurposeTag = $tag;

            /// Takes a key as received or stored.
            ///
            /// # Errors
            /// [`KeyIdError`] when the id has another purpose tag.
            pub fn new(secret: Secret<16>, id: KeyId, rand: Rand) -> Result<Self, KeyIdError> {
                Self::try_from(KeyMaterial::new(secret, id, rand))
            }

            /// Draws key, id and RAND; see [`Self::random_unused`] where ids are in use already.
            ///
            /// # Errors
            /// [`RandomError`] when the source fails.
            pub fn random(random: &mut dyn Random) -> Result<Self, RandomError> {
                Self::random_unused(random, |_| false)
            }

            /// Draws key, id and RAND until the id is one that `in_use` does not know: key ids are unique in an
            /// MC domain (TS 33.180 cl. 5.2.2).
            ///
            /// # Errors
            /// [`RandomError`] when the source fails, or gives nothing but used ids.
            pub fn random_unused(
                random: &mut dyn Random,
                in_use: impl Fn(KeyId) -> bool,
            ) -> Result<Self, RandomError> {
                for _ in 0..MAX_DRAWS {
                    let secret = Secret::random(random)?;
                    let id = KeyId::random($tag, random)?;
                    let rand = Rand::random(random)?;
                    if !in_use(id) {
                        return Ok(Self(KeyMaterial::new(secret, id, rand)));
                    }
                }
                Err(RandomError)
            }

            /// The secret.
            #[must_use]
            pub const fn secret(&self) -> &Secret<16> {
                &self.0.secret
            }

            /// The key id.
            #[must_use]
            pub const fn id(&self) -> KeyId {
                self.0.id
            }

            /// The RAND drawn with the key.
            #[must_use]
            pub const fn rand(&self) -> &Rand {
                &self.0.rand
            }

            /// Secret, id and RAND together.
            #[must_use]
            pub const fn material(&self) -> &KeyMaterial {
                &self.0
            }
        }

        impl TryFrom<KeyMaterial> for $name {
            type Error = KeyIdError;
            fn try_from(material: KeyMaterial) -> Result<Self, KeyIdError> {
                material.id.require($tag)?;
                Ok(Self(material))
            }
        }

        impl From<$name> for KeyMaterial {
            fn from(key: $name) -> Self {
                key.0
            }
        }
    };
}

typed_key!(
    /// Group master key, shared by the members of a group (TS 33.180 cl. 5.7).
    Gmk, PurposeTag::Gmk
);
typed_key!(
    /// Private call key, shared by the two ends of a call (TS 33.180 cl. 5.6).
    Pck, PurposeTag::Pck
);
typed_key!(
    /// Client-server key (TS 33.180 cl. 5.4).
    Csk, PurposeTag::Csk
);
typed_key!(
    /// Signalling protection key between servers, configured with its id and RAND (TS 33.180 cl. 5.5).
    Spk, PurposeTag::Spk
);
typed_key!(
    /// Multicast floor control key of Release 13 (TS 33.179 cl. 9.4).
    Mkfc, PurposeTag::Mkfc
);
typed_key!(
    /// MBMS subchannel control key of Release 13 (TS 33.179 cl. 7.7).
    Mscck, PurposeTag::Mscck
);
typed_key!(
    /// Multicast signalling key (TS 33.180 cl. 5.8).
    Musik, PurposeTag::Musik
);

impl Gmk {
    /// Draws a GMK under which no two of `members` share a GUK-ID: members with the same GUK-ID would send
    /// with the same SRTP keys \[I\].
    ///
    /// # Errors
    /// [`RandomError`] when the source fails, or gives nothing that fits.
    pub fn random_for(
        members: &[McpttId],
        random: &mut dyn Random,
        in_use: impl Fn(KeyId) -> bool,
    ) -> Result<Self, RandomError> {
        for _ in 0..MAX_DRAWS {
            let gmk = Self::random_unused(random, &in_use)?;
            if gmk.separates(members) {
                return Ok(gmk);
            }
        }
        Err(RandomError)
    }

    /// Whether all of these different members have different GUK-IDs.
    #[must_use]
    pub fn separates(&self, members: &[McpttId]) -> bool {
        let members: BTreeSet<&McpttId> = members.iter().collect();
        let guk_ids: BTreeSet<KeyId> = members.iter().map(|member| self.guk_id(member)).collect();
        guk_ids.len() == members.len()
    }

    /// GUK-ID of a member under this key (TS 33.180 cl. 5.2.3).
    #[must_use]
    pub fn guk_id(&self, member: &McpttId) -> KeyId {
        group::guk_id(self.secret(), self.id(), member)
    }

    /// MKI of packets sent by the holder of a GUK-ID (TS 33.180 cl. 7.4.2).
    #[must_use]
    pub fn mki(&self, sender: KeyId) -> [u8; 8] {
        group::mki(self.id(), sender)
    }

    /// Master key of MCPTT group media *sent* by the holder of a GUK-ID (TS 33.180 cl. 7.4.2).
    #[must_use]
    pub fn media_key(&self, sender: KeyId) -> MasterKey {
        srtp::master_key(
            self.secret(),
            CsId::GROUP_CALL,
            sender,
            self.rand().octets(),
        )
    }
}

/// The two ends of a private call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallSide {
    /// The user who made the PCK.
    Initiator,
    /// The user who received it.
    Receiver,
}

impl CallSide {
    /// The other end.
    #[must_use]
    pub const fn peer(self) -> Self {
        match self {
            Self::Initiator => Self::Receiver,
            Self::Receiver => Self::Initiator,
        }
    }
}

impl Pck {
    /// MKI of the packets of the call (TS 33.180 cl. 7.4.1).
    #[must_use]
    pub const fn mki(&self) -> [u8; 4] {
        self.id().octets()
    }

    /// Master key of the stream that `sender` sends (TS 33.180 cl. 7.4.1).
    #[must_use]
    pub fn media_key(&self, sender: CallSide) -> MasterKey {
        self.0.master_key(match sender {
            CallSide::Initiator => CsId::PRIVATE_CALL_INITIATOR,
            CallSide::Receiver => CsId::PRIVATE_CALL_RECEIVER,
        })
    }
}

macro_rules! control_key {
    ($name:ident, $cs_id:expr, $clause:literal) => {
        impl $name {
            /// MKI of SRTCP packets under this key: its id.
            #[must_use]
            pub const fn mki(&self) -> [u8; 4] {
                self.id().octets()
            }

            #[doc = concat!("Master key of SRTCP under this key, both directions (", $clause, ").")]
            #[must_use]
            pub fn control_key(&self) -> MasterKey {
                self.0.master_key($cs_id)
            }
        }
    };
}

control_key!(Csk, CsId::CSK, "TS 33.180 cl. 9.4");
control_key!(Spk, CsId::SPK, "TS 33.180 cl. 9.4, CS-ID \\[I\\]");
control_key!(Mkfc, CsId::MKFC, "TS 33.179 cl. 9.4.5");
control_key!(Mscck, CsId::MSCCK, "TS 33.179 cl. 7.7.3, CS-ID \\[I\\]");
control_key!(Musik, CsId::MUSIK, "TS 33.180 cl. 9.4");

impl Csk {
    /// Keys for XML between this client and its server; `owner` is the user whose CSK it is (TS 33.180 F.1.4).
    #[must_use]
    pub fn xml_keys(&self, mode: XmlKeyMode, owner: &McpttId) -> XmlKeys {
        signalling::xml_keys_in_mode(mode, self.secret(), owner.as_str(), self.id())
    }
}

impl Spk {
    /// Keys for XML between servers; `p0` is the string configured with the SPK (TS 33.180 F.1.4).
    #[must_use]
    pub fn xml_keys(&self, mode: XmlKeyMode, p0: &str) -> XmlKeys {
        signalling::xml_keys_in_mode(mode, self.secret(), p0, self.id())
    }
}

impl KeyMaterial {
    /// DPCK when this key protects payloads under `dppk_id` (TS 33.180 F.1.5).
    #[must_use]
    pub fn dpck(&self, dppk_id: KeyId) -> Secret<16> {
        payload::dpck(&self.secret, dppk_id)
    }
}

impl MasterKey {
    /// Session keys and salts under this master key (RFC 3711 4.3).
    ///
    /// # Errors
    /// [`CipherError`] when the cryptographic library is broken.
    pub fn session_keys(&self) -> Result<crate::session::SessionKeys, CipherError> {
        crate::session::session_keys(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_another_purpose_is_refused() {
        let id = KeyId::from(0x2DDD_5BF0);
        assert!(Csk::new(Secret::new([1; 16]), id, Rand::from([2; 16])).is_ok());
        assert!(Pck::new(Secret::new([1; 16]), id, Rand::from([2; 16])).is_err());
        assert!(Gmk::new(Secret::new([1; 16]), id, Rand::from([2; 16])).is_err());
    }

    /// Gives 0, 0, …, then 1, 1, …: each draw of a key repeats once.
    struct Slow(u8);

    impl Random for Slow {
        fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
            buffer.fill(self.0 / 6);
            self.0 += 1;
            Ok(())
        }
    }

    #[test]
    fn an_id_in_use_is_drawn_again() {
        let used = KeyId::from(0x1000_0000);
        let pck = Pck::random_unused(&mut Slow(0), |id| id == used).unwrap();
        assert_eq!(pck.id(), KeyId::from(0x1101_0101));
        assert_eq!(Pck::random(&mut Slow(0)).unwrap().id(), used);
        assert!(Pck::random_unused(&mut Slow(0), |_| true).is_err());
    }

    #[test]
    fn members_with_the_same_guk_id_are_noticed() {
        let gmk = Gmk::new(Secret::new([1; 16]), KeyId::from(5), Rand::from([2; 16])).unwrap();
        // Found by search: two members whose user salts under this key are equal.
        let member = |n: u32| McpttId::new(format!("sip:m{n}@x.example")).unwrap();
        let mut salts = std::collections::BTreeMap::new();
        let twins = (0..).find_map(|n| {
            let earlier = salts.insert(group::user_salt(gmk.secret(), &member(n)), n);
            earlier.map(|earlier| [member(earlier), member(n)])
        });
        let twins = twins.unwrap();
        assert!(!gmk.separates(&twins));
        assert!(gmk.separates(&twins[..1]));
        assert!(gmk.separates(&[twins[0].clone(), twins[0].clone()]));
        assert!(
            Gmk::random_for(&twins, &mut Slow(6), |_| false)
                .unwrap()
                .separates(&twins)
        );
    }

    #[test]
    fn the_two_directions_of_a_call_have_different_keys() {
        let id = KeyId::from(0x1699_2638);
        let pck = Pck::new(Secret::new([1; 16]), id, Rand::from([2; 16])).unwrap();
        assert!(pck.media_key(CallSide::Initiator) != pck.media_key(CallSide::Receiver));
        assert_eq!(CallSide::Initiator.peer(), CallSide::Receiver);
    }
}
