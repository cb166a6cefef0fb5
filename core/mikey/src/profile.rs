//! What an SP payload says about SRTP, against the default profiles (TS 33.180 tables E.2.2-1, E.3.2-1).

use crate::payload::{SecurityPolicy, parameter};
use roger_base::PurposeTag;
use thiserror::Error;

/// Encryption algorithm AES-GCM.
const AES_GCM: u8 = 6;
/// Authentication algorithm RCCm3: the ROC travels, unauthenticated as a field (RFC 4771).
const RCC_M3: u8 = 4;

/// SP of a GMK message, policy 0 (TS 33.179 table E.2-1; TS 33.180 table E.2.2-1).
#[must_use]
pub fn gmk_policy() -> SecurityPolicy {
    SecurityPolicy::srtp(
        0,
        &[
            (parameter::ENCRYPTION, AES_GCM),
            (parameter::ENCRYPTION_KEY_LENGTH, 16),
            (parameter::AUTHENTICATION, RCC_M3),
            (parameter::SALT_LENGTH, 12),
            (parameter::PRF, 0),
            (parameter::KEY_DERIVATION_RATE, 0),
            (parameter::ROC_RATE, 1),
            (parameter::SRTP_TAG_LENGTH, 4),
            (parameter::SRTCP_TAG_LENGTH, 0),
            (parameter::AEAD_TAG_LENGTH, 16),
        ],
    )
}

/// SP of a PCK, CSK or MuSiK message, policy 0 (TS 33.179 table E.3-1; TS 33.180 table E.3.2-1).
#[must_use]
pub fn pck_policy() -> SecurityPolicy {
    SecurityPolicy::srtp(
        0,
        &[
            (parameter::ENCRYPTION, AES_GCM),
            (parameter::ENCRYPTION_KEY_LENGTH, 16),
            (parameter::SALT_LENGTH, 12),
            (parameter::PRF, 0),
            (parameter::KEY_DERIVATION_RATE, 0),
            (parameter::AEAD_TAG_LENGTH, 16),
        ],
    )
}

/// Cipher, key, salt and tag length of SRTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CipherSuite {
    /// Encryption algorithm number (RFC 3830 6.10.1, RFC 7714).
    pub encryption: u8,
    /// Octets of the session encryption key.
    pub key_length: u8,
    /// Octets of the session salt.
    pub salt_length: u8,
    /// Octets of the AEAD tag.
    pub tag_length: u8,
}

impl CipherSuite {
    /// AEAD_AES_128_GCM, the suite of every default profile.
    pub const AEAD_AES_128_GCM: Self = Self {
        encryption: AES_GCM,
        key_length: 16,
        salt_length: 12,
        tag_length: 16,
    };
}

/// Whether SRTP packets end with the ROC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RocTransport {
    /// Every packet ends with the 32-bit ROC (RFC 4771 RCCm3, R = 1).
    EveryPacket,
    /// No ROC in packets.
    None,
}

/// The SRTP profile of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Cipher suite.
    pub suite: CipherSuite,
    /// ROC in SRTP packets; never in SRTCP.
    pub roc: RocTransport,
}

/// Why an SP payload is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// Not an SRTP policy.
    #[error("SP {0} is not for SRTP")]
    Protocol(u8),
    /// Cipher, key, salt or tag length of a profile that is not enabled.
    #[error("the SP asks for {0:?}, which is not enabled (TS 33.180 cl. E.2.2, E.3.2)")]
    Suite(CipherSuite),
    /// A parameter whose value would change the protection or cannot be done.
    #[error("SP parameter {kind} has a value that is not supported (RFC 3830 6.10.1)")]
    Parameter {
        /// Type of the parameter.
        kind: u8,
    },
}

impl Profile {
    /// The default profile of a purpose, used without SP.
    #[must_use]
    pub const fn default_of(purpose: PurposeTag) -> Self {
        let roc = match purpose {
            PurposeTag::Gmk => RocTransport::EveryPacket,
            _ => RocTransport::None,
        };
        Self {
            suite: CipherSuite::AEAD_AES_128_GCM,
            roc,
        }
    }

    /// The profile that an SP describes; `enabled` are suites accepted besides the default one.
    ///
    /// Parameters the SP leaves out are those of the default profile, except the ROC, which follows from the
    /// authentication algorithm; a missing ROC rate means 1. Keys that only protect SRTCP carry no ROC.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub fn of(
        policy: &SecurityPolicy,
        purpose: PurposeTag,
        enabled: &[CipherSuite],
    ) -> Result<Self, ProfileError> {
        if policy.protocol != 0 {
            return Err(ProfileError::Protocol(policy.number));
        }
        let default = CipherSuite::AEAD_AES_128_GCM;
        let suite = CipherSuite {
            encryption: value(policy, parameter::ENCRYPTION, default.encryption)?,
            key_length: value(policy, parameter::ENCRYPTION_KEY_LENGTH, default.key_length)?,
            salt_length: value(policy, parameter::SALT_LENGTH, default.salt_length)?,
            tag_length: value(policy, parameter::AEAD_TAG_LENGTH, default.tag_length)?,
        };
        if suite != default && !enabled.contains(&suite) {
            return Err(ProfileError::Suite(suite));
        }
        check_fixed(policy)?;
        let media = matches!(purpose, PurposeTag::Gmk | PurposeTag::Pck);
        let roc = match value(policy, parameter::AUTHENTICATION, 0)? {
            RCC_M3 if media => check_roc(policy)?,
            _ => RocTransport::None,
        };
        Ok(Self { suite, roc })
    }
}

/// Protection is on, the PRF is AES-CM, keys are derived once.
fn check_fixed(policy: &SecurityPolicy) -> Result<(), ProfileError> {
    const FIXED: [(u8, u8); 5] = [
        (parameter::PRF, 0),
        (parameter::KEY_DERIVATION_RATE, 0),
        (parameter::SRTP_ENCRYPTION, 1),
        (parameter::SRTCP_ENCRYPTION, 1),
        (parameter::SRTP_AUTHENTICATION, 1),
    ];
    for (kind, fixed) in FIXED {
        if value(policy, kind, fixed)? != fixed {
            return Err(ProfileError::Parameter { kind });
        }
    }
    Ok(())
}

/// RCCm3 with the ROC in every packet and nothing else at the end.
fn check_roc(policy: &SecurityPolicy) -> Result<RocTransport, ProfileError> {
    const ROC: [(u8, u8); 3] = [
        (parameter::ROC_RATE, 1),
        (parameter::SRTP_TAG_LENGTH, 4),
        (parameter::SRTCP_TAG_LENGTH, 0),
    ];
    for (kind, fixed) in ROC {
        if value(policy, kind, fixed)? != fixed {
            return Err(ProfileError::Parameter { kind });
        }
    }
    Ok(RocTransport::EveryPacket)
}

/// A numeric parameter: big endian in any number of octets, below 256, given at most once.
fn value(policy: &SecurityPolicy, kind: u8, absent: u8) -> Result<u8, ProfileError> {
    let mut given = policy
        .parameters
        .iter()
        .filter(|parameter| parameter.kind == kind);
    let Some(parameter) = given.next() else {
        return Ok(absent);
    };
    let wrong = ProfileError::Parameter { kind };
    match parameter.value.as_slice() {
        [high @ .., low] if high.iter().all(|octet| *octet == 0) && given.next().is_none() => {
            Ok(*low)
        }
        _ => Err(wrong),
    }
}
