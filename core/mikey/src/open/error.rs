//! Why a message was not opened.

use crate::i_message::{Party, StructureError};
use crate::profile::ProfileError;
use crate::protected_payload::PayloadError;
use crate::purpose::name;
use crate::wire::DecodeError;
use roger_base::{GroupId, KeyId, KeyIdError, KmsUri, NtpTime, PurposeTag, UnixTime};
use roger_ibc::SignatureError;
use thiserror::Error;

/// Why a message was not opened; nothing of the key is given out then. The texts name no user and no group: they go into
/// logs of servers.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The octets are not a MIKEY-SAKKE message.
    #[error("the MIKEY message cannot be read: {0}")]
    PeerMalformed(#[from] DecodeError),
    /// A part is missing, repeated or wrong.
    #[error("the MIKEY message is not a complete I_MESSAGE: {0}")]
    PeerStructure(#[from] StructureError),
    /// The key is for something else than this procedure.
    #[error("key id {id} is for a {}, which does not belong in this procedure", name(*found))]
    PeerPurpose {
        /// CSB ID.
        id: KeyId,
        /// Purpose found.
        found: PurposeTag,
    },
    /// The same message was processed before.
    #[error("the MIKEY message was processed before (RFC 3830 5.4)")]
    PeerReplayed,
    /// `T` lies too far back.
    #[error("the MIKEY message is from {time}, too old at {now}; check both clocks",
        time = show(time), now = show(now))]
    PeerTooOld {
        /// `T`.
        time: NtpTime,
        /// Now.
        now: NtpTime,
    },
    /// `T` lies too far ahead.
    #[error("the MIKEY message is from {time}, ahead of {now}; check both clocks",
        time = show(time), now = show(now))]
    PeerFromFuture {
        /// `T`.
        time: NtpTime,
        /// Now.
        now: NtpTime,
    },
    /// No certificate of this KMS is held; a KRR could be sent (Release 15).
    #[error("KMS {0} is not known here, no certificate of it is held")]
    PeerUnknownKms(KmsUri),
    /// The message is for somebody else.
    #[error("the MIKEY message is for another identity than those held here")]
    PeerNotForMe(Party),
    /// The message has no SAKKE-to-self.
    #[error("the MIKEY message has no SAKKE-to-self (TS 33.180 cl. E.5)")]
    PeerNoSakkeToSelf,
    /// The key set of the key period of `T` is not held: fetch it and try again.
    #[error("a key set for key period {period} of {kms} is missing; fetch it from the KMS")]
    LocalKeySetMissing {
        /// Identity of this receiver.
        identity: String,
        /// Its KMS.
        kms: KmsUri,
        /// Key period of `T`.
        period: u64,
    },
    /// The initiator is not authorised for this procedure.
    #[error("the initiator is not authorised to send this key")]
    DeniedSender(Party),
    /// The signature is not the initiator's.
    #[error("the signature does not verify: {0}")]
    PeerSignature(SignatureError),
    /// The key does not decapsulate.
    #[error("the key cannot be decapsulated (RFC 6508 6.2.2)")]
    PeerSakke,
    /// The GMK-ID of a hidden member cannot be told.
    #[error("the responder is hidden, so the GMK-ID cannot be computed")]
    LocalHiddenMember,
    /// The SPI is not the MKI of the key.
    #[error("the SPI in the CS ID map is not the MKI of key {0} (TS 33.180 cl. E.1.3)")]
    PeerSpi(KeyId),
    /// The key id does not fit its key.
    #[error(transparent)]
    PeerKeyId(#[from] KeyIdError),
    /// The security policy is not acceptable.
    #[error("security policy: {0}")]
    PeerProfile(#[from] ProfileError),
    /// The key parameters do not open; the key is refused with them (TS 33.180 cl. 5.2.4).
    #[error("{0}")]
    PeerKeyParameters(#[from] PayloadError),
    /// The key parameters are about another kind of key.
    #[error("key parameters are for key type {found}, the key is a {}", name(*expected))]
    PeerKeyType {
        /// Purpose of the key.
        expected: PurposeTag,
        /// Key Type found.
        found: u8,
    },
    /// The key is revoked.
    #[error("key {0} is revoked")]
    PeerRevoked(KeyId),
    /// The key has expired.
    #[error("key {id} expired at {}", expiry.0)]
    PeerExpired {
        /// Key id.
        id: KeyId,
        /// Expiry time.
        expiry: UnixTime,
    },
    /// Nothing says which group the key is for.
    #[error("GMK {0} names no group and none is named beside it")]
    PeerNoGroup(KeyId),
    /// The key is for other groups.
    #[error("GMK {id} does not serve the group named beside it")]
    PeerWrongGroup {
        /// GMK-ID.
        id: KeyId,
        /// The group named beside the message.
        group: GroupId,
    },
}

fn show(time: &NtpTime) -> String {
    format!("{} (seconds since 1970)", time.to_unix().0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_names_a_user_or_a_group() {
        let named = || Party::Named("sip:alice@mcptt.example.org".to_owned());
        let errors = [
            OpenError::PeerNotForMe(named()),
            OpenError::DeniedSender(named()),
            OpenError::LocalKeySetMissing {
                identity: "sip:alice@mcptt.example.org".to_owned(),
                kms: KmsUri::new("kms.example.org").unwrap(),
                period: 1,
            },
            OpenError::PeerWrongGroup {
                id: KeyId::from(1),
                group: GroupId::new("sip:fire-1@mcptt.example.org").unwrap(),
            },
        ];
        for error in errors {
            assert!(!error.to_string().contains("mcptt"), "{error}");
        }
    }
}
