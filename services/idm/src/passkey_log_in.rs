//! Passkeys at a log-in: instead of the password, or after it (WebAuthn level 3 cl. 7.2).

use crate::audit::LogInFault;
use crate::passkey::MAX_ANSWER;
use crate::ports::Stage;
use crate::server::{Idm, PasskeyPorts};
use crate::sign_on::Attempt;
use crate::{
    Ceremony, CeremonyState, Failures, LoginAnswer, LoginRefusal, LoginStep, Passkey, PasskeyFault,
    User, UserHandle, UserState, Verification,
};
use roger_base::{Random, UnixTime};
use roger_oidc::{Amr, Subject};

/// Why a passkey was not accepted; the user is told only that it was not.
struct Refused {
    fault: LogInFault,
    /// Whose passkey it is, when anybody's.
    owner: Option<Subject>,
}

impl Refused {
    const fn of(owner: Option<Subject>) -> Self {
        let fault = LogInFault::Passkey;
        Self { fault, owner }
    }
}

type Checked<T> = Result<Result<T, Refused>, LoginRefusal>;

impl Idm {
    /// The question of a stage, when a passkey may answer it.
    pub(crate) fn ask_passkey(&self, stage: &Stage) -> Result<Option<Ceremony>, LoginRefusal> {
        let Some(ports) = &self.ports.passkeys else {
            return Ok(None);
        };
        match stage {
            // The same question to everybody: nothing in it tells who has a passkey here.
            Stage::Password => Ok(Some(ports.verifier.ask_log_in()?)),
            Stage::SecondFactor(subject) => {
                let own = ports.repository.passkeys_of(subject)?;
                if own.is_empty() {
                    return Ok(None);
                }
                Ok(Some(ports.verifier.ask_second_factor(&own)?))
            }
            Stage::Consent(_) => Ok(None),
        }
    }

    /// Takes the answer of a passkey. Whatever is wrong with it, the answer is the same.
    pub(crate) fn on_passkey(
        &self,
        attempt: Attempt,
        answer: &str,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<LoginAnswer, LoginRefusal> {
        let expected = match &attempt.session.stage {
            Stage::Password => None,
            Stage::SecondFactor(subject) => Some(subject.clone()),
            Stage::Consent(_) => return Err(LoginRefusal::PeerForm),
        };
        // Whoever answers uses the question up.
        let state = self.ports.sessions.take_ceremony(&attempt.digest, now)?;
        let checked = match (&self.ports.passkeys, state) {
            (Some(ports), Some(state)) => {
                self.check_passkey(ports, &state, answer, expected.as_ref(), now)?
            }
            _ => Err(Refused::of(expected.clone())),
        };
        match checked {
            Ok(user) => {
                let amr = match expected {
                    None => Amr::Passkey,
                    Some(_) => {
                        // As after a good code, wrong attempts before are forgotten.
                        let (users, none) = (&self.ports.users, Failures::default());
                        users.replace_failures(&user.subject, user.failures, none)?;
                        Amr::PasswordAndPasskey
                    }
                };
                self.authenticated(attempt, &user, amr, now, random)
            }
            Err(refused) => {
                self.refuse(&attempt, refused.fault, refused.owner, now)?;
                Ok(LoginStep::WrongPasskey(self.form(attempt, now)?).into())
            }
        }
    }

    fn check_passkey(
        &self,
        ports: &PasskeyPorts,
        state: &CeremonyState,
        answer: &str,
        expected: Option<&Subject>,
        now: UnixTime,
    ) -> Checked<Box<User>> {
        let passkey = match claimed_passkey(ports, answer, expected)? {
            Ok(passkey) => passkey,
            Err(refused) => return Ok(Err(refused)),
        };
        let owner = passkey.subject.clone();
        let (credential, verification) = match ports.verifier.verify(state, answer, &passkey) {
            Ok(verified) => verified,
            Err(fault) => return refusal_of(fault, owner),
        };
        // The adapter demanded it already; a passkey that stands alone must never be mere presence.
        if expected.is_none() && verification != Verification::Verified {
            return Ok(Err(Refused::of(Some(owner))));
        }
        let user = self.ports.users.by_subject(&owner)?;
        let Some(user) = user.filter(|user| user.state == UserState::Enabled) else {
            return Ok(Err(Refused::of(Some(owner))));
        };
        if !ports.repository.passkey_used(&passkey, &credential, now)? {
            return Ok(Err(Refused::of(Some(owner))));
        }
        Ok(Ok(Box::new(user)))
    }
}

/// The passkey that an answer claims to be of, if it is the right user's.
fn claimed_passkey(
    ports: &PasskeyPorts,
    answer: &str,
    expected: Option<&Subject>,
) -> Checked<Passkey> {
    let nobody = || Ok(Err(Refused::of(expected.cloned())));
    if answer.len() > MAX_ANSWER {
        return nobody();
    }
    let claimed = match ports.verifier.claimed(answer) {
        Ok(claimed) => claimed,
        Err(fault) => {
            tracing::info!(%fault, "passkey refused");
            return nobody();
        }
    };
    let Some(passkey) = ports.repository.passkey(&claimed.id)? else {
        return nobody();
    };
    let handle = UserHandle::of(&passkey.subject);
    let right = match expected {
        // WebAuthn 7.2 step 6: without a known user the authenticator has to name one.
        None => claimed.user == Some(handle),
        Some(expected) => {
            passkey.subject == *expected && claimed.user.is_none_or(|user| user == handle)
        }
    };
    Ok(match right {
        true => Ok(passkey),
        false => Err(Refused::of(Some(passkey.subject))),
    })
}

fn refusal_of<T>(fault: PasskeyFault, owner: Subject) -> Checked<T> {
    tracing::info!(%fault, subject = %owner, "passkey refused");
    let owner = Some(owner);
    match fault {
        PasskeyFault::Local(_) => Err(LoginRefusal::LocalPasskey(fault)),
        PasskeyFault::DeniedClone => Ok(Err(Refused {
            fault: LogInFault::ClonedPasskey,
            owner,
        })),
        PasskeyFault::PeerAnswer(_) | PasskeyFault::DeniedUnverified => Ok(Err(Refused::of(owner))),
    }
}
