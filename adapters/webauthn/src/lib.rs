//! Passkeys: asks authenticators and verifies what they sign (WebAuthn level 3 cl. 7), by webauthn-rs.
//!
//! [`Passkeys`] is the IdM server's port; it keeps nothing. Why it asks as it asks is in `docs/decisions/passkeys.md`.

mod question;
mod verify;

use question::{AnyQuestion, written};
use roger_idm::ports::PasskeyVerifier;
use roger_idm::{
    Ceremony, CeremonyState, Claimed, Passkey, PasskeyFault, Registered, User, Verification,
};
use roger_oidc::Issuer;
use thiserror::Error;
use webauthn_rs::{Webauthn, WebauthnBuilder, prelude::Url};

/// Why passkeys cannot be offered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PasskeysError {
    /// Browsers bind passkeys to names, never to numbers.
    #[error("passkeys need an issuer with a host name: {0}")]
    LocalIssuer(String),
}

/// Passkeys of one site: the host of the issuer is the RP ID, its scheme, host and port the only origin.
pub struct Passkeys {
    webauthn: Webauthn,
}

impl Passkeys {
    /// Passkeys for the pages of this issuer.
    ///
    /// # Errors
    /// [`PasskeysError::LocalIssuer`] when its host is an address.
    pub fn new(issuer: &Issuer) -> Result<Self, PasskeysError> {
        let wrong = |reason: String| PasskeysError::LocalIssuer(reason);
        let url = Url::parse(issuer.as_str()).map_err(|error| wrong(error.to_string()))?;
        let host = url.domain();
        let host = host.ok_or_else(|| wrong(issuer.as_str().to_owned()))?;
        let built =
            WebauthnBuilder::new(host, &url).and_then(|builder| builder.rp_name("Roger").build());
        let webauthn = built.map_err(|error| wrong(error.to_string()))?;
        Ok(Self { webauthn })
    }
}

impl PasskeyVerifier for Passkeys {
    fn ask_registration(&self, user: &User, known: &[Passkey]) -> Result<Ceremony, PasskeyFault> {
        question::registration(&self.webauthn, user, known)
    }

    fn register(&self, state: &CeremonyState, answer: &str) -> Result<Registered, PasskeyFault> {
        match AnyQuestion::read(state)? {
            AnyQuestion::Registration(state) => {
                verify::registration(&self.webauthn, &state, answer)
            }
            _ => Err(PasskeyFault::PeerAnswer("another question".to_owned())),
        }
    }

    fn ask_log_in(&self) -> Result<Ceremony, PasskeyFault> {
        question::log_in(&self.webauthn)
    }

    fn ask_second_factor(&self, own: &[Passkey]) -> Result<Ceremony, PasskeyFault> {
        question::second_factor(&self.webauthn, own)
    }

    fn claimed(&self, answer: &str) -> Result<Claimed, PasskeyFault> {
        verify::claimed(answer)
    }

    fn verify(
        &self,
        state: &CeremonyState,
        answer: &str,
        passkey: &Passkey,
    ) -> Result<(String, Verification), PasskeyFault> {
        let mut credential = question::credential(passkey)?;
        let question = AnyQuestion::read(state)?;
        let verification = verify::answer(&self.webauthn, question, answer, &mut credential)?;
        Ok((written(&credential)?, verification))
    }
}
