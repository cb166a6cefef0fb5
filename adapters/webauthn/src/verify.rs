//! Verifies the answers of authenticators.

use crate::question::{AnyQuestion, written};
use roger_idm::{
    Claimed, MAX_ANSWER, PasskeyFault, PasskeyId, Registered, UserHandle, Verification,
};
use webauthn_rs::Webauthn;
use webauthn_rs::prelude::{
    AuthenticationResult, Credential, PublicKeyCredential, RegisterPublicKeyCredential,
    SecurityKeyRegistration, WebauthnError,
};

fn malformed(error: impl core::fmt::Display) -> PasskeyFault {
    PasskeyFault::PeerAnswer(error.to_string())
}

fn fault(error: WebauthnError) -> PasskeyFault {
    match error {
        WebauthnError::UserNotVerified => PasskeyFault::DeniedUnverified,
        WebauthnError::CredentialPossibleCompromise => PasskeyFault::DeniedClone,
        other => malformed(other),
    }
}

fn read<T: for<'d> serde::Deserialize<'d>>(answer: &str) -> Result<T, PasskeyFault> {
    if answer.len() > MAX_ANSWER {
        return Err(malformed("too long"));
    }
    serde_json::from_str(answer).map_err(malformed)
}

const fn verification(verified: bool) -> Verification {
    if verified {
        Verification::Verified
    } else {
        Verification::PresenceOnly
    }
}

pub(crate) fn registration(
    webauthn: &Webauthn,
    state: &SecurityKeyRegistration,
    answer: &str,
) -> Result<Registered, PasskeyFault> {
    let answer: RegisterPublicKeyCredential = read(answer)?;
    let key = webauthn.finish_securitykey_registration(&answer, state);
    let credential = Credential::from(key.map_err(fault)?);
    let id = PasskeyId::new(credential.cred_id.clone());
    Ok(Registered {
        id: id.ok_or_else(|| malformed("its name is too long"))?,
        verification: verification(credential.user_verified),
        credential: written(&credential)?,
    })
}

pub(crate) fn claimed(answer: &str) -> Result<Claimed, PasskeyFault> {
    let answer: PublicKeyCredential = read(answer)?;
    let id = PasskeyId::new(answer.get_credential_id().to_vec());
    let user = match answer.get_user_unique_id() {
        None => None,
        Some(octets) => {
            let octets = octets.try_into().map_err(malformed)?;
            Some(UserHandle::from_octets(octets))
        }
    };
    Ok(Claimed {
        id: id.ok_or_else(|| malformed("its name is too long"))?,
        user,
    })
}

/// Verifies an answer to a log-in or second factor and puts the new counter into the credential.
pub(crate) fn answer(
    webauthn: &Webauthn,
    question: AnyQuestion,
    answer: &str,
    credential: &mut Credential,
) -> Result<Verification, PasskeyFault> {
    let answer: PublicKeyCredential = read(answer)?;
    if answer.get_credential_id() != credential.cred_id.as_slice() {
        return Err(malformed("another passkey"));
    }
    let result = match question {
        AnyQuestion::LogIn(state) => {
            webauthn.finish_discoverable_authentication_v2(&answer, state, &*credential)
        }
        AnyQuestion::SecondFactor(state) => {
            webauthn.finish_securitykey_authentication(&answer, &state)
        }
        AnyQuestion::Registration(_) => return Err(malformed("another question")),
    };
    let result = result.map_err(fault)?;
    use_up(&result, credential)?;
    Ok(verification(result.user_verified()))
}

/// The library compared with the counter of the moment of the question; the passkey may have been used since.
fn use_up(result: &AuthenticationResult, credential: &mut Credential) -> Result<(), PasskeyFault> {
    let counts = result.counter() > 0 || credential.counter > 0;
    if counts && result.counter() <= credential.counter {
        return Err(PasskeyFault::DeniedClone);
    }
    credential.counter = result.counter();
    credential.backup_state = result.backup_state();
    credential.backup_eligible |= result.backup_eligible();
    Ok(())
}
