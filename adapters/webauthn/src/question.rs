//! What authenticators are asked, and what is kept of the question.

use roger_idm::{Ceremony, CeremonyState, Passkey, PasskeyFault, User, UserHandle};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use webauthn_rs::Webauthn;
use webauthn_rs::prelude::{
    Credential, DiscoverableAuthentication, SecurityKey, SecurityKeyAuthentication,
    SecurityKeyRegistration, Uuid, WebauthnError,
};

/// The state of one question. It stays in the server, so that serialising it gives nothing away.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AnyQuestion {
    Registration(SecurityKeyRegistration),
    LogIn(DiscoverableAuthentication),
    SecondFactor(SecurityKeyAuthentication),
}

impl AnyQuestion {
    pub(crate) fn read(state: &CeremonyState) -> Result<Self, PasskeyFault> {
        serde_json::from_str(&state.0).map_err(local)
    }
}

pub(crate) fn local(error: impl core::fmt::Display) -> PasskeyFault {
    PasskeyFault::Local(error.to_string())
}

pub(crate) fn written<T: Serialize>(value: &T) -> Result<String, PasskeyFault> {
    serde_json::to_string(value).map_err(local)
}

pub(crate) fn credential(passkey: &Passkey) -> Result<Credential, PasskeyFault> {
    serde_json::from_str(&passkey.credential).map_err(local)
}

fn ceremony(options: &Value, question: &AnyQuestion) -> Result<Ceremony, PasskeyFault> {
    Ok(Ceremony {
        options: written(options)?,
        state: CeremonyState(written(question)?),
    })
}

/// The library's kind of credential that verifies its user where it can: what [`Passkey`] holds.
fn security_keys(own: &[Passkey]) -> Result<Vec<SecurityKey>, PasskeyFault> {
    let own = own.iter().map(|own| credential(own).map(SecurityKey::from));
    own.collect()
}

/// Asks for a passkey that verifies its user and names him by itself where it can do either.
pub(crate) fn registration(
    webauthn: &Webauthn,
    user: &User,
    known: &[Passkey],
) -> Result<Ceremony, PasskeyFault> {
    let handle = Uuid::from_bytes(*UserHandle::of(&user.subject).octets());
    let name = user.login.as_str();
    let known = security_keys(known)?;
    let known = known.iter().map(|key| key.cred_id().clone()).collect();
    let asked =
        webauthn.start_securitykey_registration(handle, name, name, Some(known), None, None);
    let (options, state) = asked.map_err(local)?;
    let mut options = serde_json::to_value(options).map_err(local)?;
    if let Some(key) = options.get_mut("publicKey").and_then(Value::as_object_mut) {
        // The library asks for keys on a ring only; phones and computers are as good.
        key.remove("hints");
        let selection = key.get_mut("authenticatorSelection");
        if let Some(selection) = selection.and_then(Value::as_object_mut) {
            // One that names its user lets him in without typing a name.
            selection.insert("residentKey".to_owned(), json!("preferred"));
        }
        if let Some(extensions) = key.get_mut("extensions").and_then(Value::as_object_mut) {
            // It would make a key that cannot verify its user useless after the password, too.
            extensions.remove("credentialProtectionPolicy");
            extensions.remove("enforceCredentialProtectionPolicy");
        }
    }
    ceremony(&options, &AnyQuestion::Registration(state))
}

/// Asks whoever is there, verification demanded.
pub(crate) fn log_in(webauthn: &Webauthn) -> Result<Ceremony, PasskeyFault> {
    let asked = webauthn.start_discoverable_authentication();
    let (options, state) = asked.map_err(local)?;
    let mut options = serde_json::to_value(options).map_err(local)?;
    if let Some(options) = options.as_object_mut() {
        // The user presses a button; nothing waits in a field of the form.
        options.remove("mediation");
    }
    ceremony(&options, &AnyQuestion::LogIn(state))
}

/// Asks for one of these.
pub(crate) fn second_factor(
    webauthn: &Webauthn,
    own: &[Passkey],
) -> Result<Ceremony, PasskeyFault> {
    let asked: Result<_, WebauthnError> =
        webauthn.start_securitykey_authentication(&security_keys(own)?);
    let (options, state) = asked.map_err(local)?;
    let mut options = serde_json::to_value(options).map_err(local)?;
    if let Some(key) = options.get_mut("publicKey").and_then(Value::as_object_mut) {
        key.remove("hints");
    }
    ceremony(&options, &AnyQuestion::SecondFactor(state))
}
