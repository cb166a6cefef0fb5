//! What the token said, as what the operator must know.

use crate::fault::KeeperError;
use cryptoki::error::{Error, RvError};

/// Why an operation ended.
pub(super) enum Failure {
    /// The session is gone; a new one may do.
    Lost(KeeperError),
    /// A new session would not help.
    Final(KeeperError),
}

impl From<KeeperError> for Failure {
    fn from(error: KeeperError) -> Self {
        Self::Final(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let lost = matches!(
            &error,
            Error::Pkcs11(
                RvError::SessionHandleInvalid
                    | RvError::SessionClosed
                    | RvError::UserNotLoggedIn
                    | RvError::DeviceRemoved
                    | RvError::TokenNotPresent
                    | RvError::SlotIdInvalid,
                _
            )
        );
        let reason = KeeperError::LocalToken(error.to_string());
        if lost {
            Self::Lost(reason)
        } else {
            Self::Final(reason)
        }
    }
}

impl Failure {
    pub(super) fn into_error(self) -> KeeperError {
        match self {
            Self::Lost(error) | Self::Final(error) => error,
        }
    }
}

/// What a refused log-in means.
pub(super) fn of_login(error: &Error) -> KeeperError {
    let Error::Pkcs11(code, _) = error else {
        return KeeperError::LocalToken(error.to_string());
    };
    match code {
        // A PIN of a length or alphabet that the token never accepts is a wrong one too.
        RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange => {
            KeeperError::DeniedWrongPin
        }
        RvError::PinLocked => KeeperError::DeniedPinLocked,
        RvError::UserPinNotInitialized | RvError::PinExpired => KeeperError::DeniedPinNotSet,
        _ => KeeperError::LocalToken(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cryptoki::context::Function;

    #[test]
    fn each_refusal_of_a_log_in_has_its_own_error() {
        let of = |code| of_login(&Error::Pkcs11(code, Function::Login));
        assert_eq!(of(RvError::PinIncorrect), KeeperError::DeniedWrongPin);
        assert_eq!(of(RvError::PinLenRange), KeeperError::DeniedWrongPin);
        assert_eq!(of(RvError::PinLocked), KeeperError::DeniedPinLocked);
        assert_eq!(
            of(RvError::UserPinNotInitialized),
            KeeperError::DeniedPinNotSet
        );
        assert_eq!(of(RvError::PinExpired), KeeperError::DeniedPinNotSet);
        assert!(matches!(
            of(RvError::DeviceError),
            KeeperError::LocalToken(_)
        ));
    }

    #[test]
    fn only_a_lost_session_is_worth_another_one() {
        let lost = |code| {
            matches!(
                Error::Pkcs11(code, Function::Encrypt).into(),
                Failure::Lost(_)
            )
        };
        assert!(lost(RvError::SessionHandleInvalid) && lost(RvError::DeviceRemoved));
        assert!(!lost(RvError::PinIncorrect) && !lost(RvError::EncryptedDataInvalid));
    }
}
