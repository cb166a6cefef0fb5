//! A session with a token, opened again after it was lost.

use super::failure::{Failure, of_login};
use super::wrapping::Wrapping;
use crate::fault::KeeperError;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One session at a time; operations queue.
pub(super) struct Sessions {
    library: Pkcs11,
    token_label: String,
    pin: AuthPin,
    state: Mutex<State>,
}

enum State {
    Open(Session, Result<Wrapping, KeeperError>),
    Lost,
    /// The token refused the PIN: another attempt with it could lock the token.
    Refused(KeeperError),
}

impl Sessions {
    pub(super) fn open(module: &Path, label: &str, pin: AuthPin) -> Result<Self, KeeperError> {
        let sessions = Self {
            library: load(module)?,
            token_label: label.to_owned(),
            pin,
            state: Mutex::new(State::Lost),
        };
        let opened = sessions.connect()?;
        *sessions.state() = opened;
        Ok(sessions)
    }

    /// Runs an operation; once more in a new session when the old one is gone. The operation is told how this token
    /// wraps.
    pub(super) fn run<T>(
        &self,
        operation: impl Fn(&Session, Result<Wrapping, KeeperError>) -> Result<T, Failure>,
    ) -> Result<T, KeeperError> {
        let mut state = self.state();
        if let State::Open(session, wrapping) = &*state {
            match operation(session, wrapping.clone()) {
                Err(Failure::Lost(_)) => *state = State::Lost,
                other => return other.map_err(Failure::into_error),
            }
        }
        if let State::Refused(refusal) = &*state {
            return Err(refusal.clone());
        }
        match self.connect() {
            Ok(open) => *state = open,
            Err(refusal @ (KeeperError::DeniedWrongPin | KeeperError::DeniedPinLocked)) => {
                *state = State::Refused(refusal.clone());
                return Err(refusal);
            }
            Err(error) => return Err(error),
        }
        let State::Open(session, wrapping) = &*state else {
            return Err(KeeperError::LocalToken("no session".to_owned()));
        };
        operation(session, wrapping.clone()).map_err(Failure::into_error)
    }

    /// A panic between two states leaves one of them.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(&self) -> Result<State, KeeperError> {
        let token = |error: Error| KeeperError::LocalToken(error.to_string());
        let (slot, info) = self.find_token()?;
        check_pin_state(&info)?;
        let session = self.library.open_rw_session(slot).map_err(token)?;
        match session.login(UserType::User, Some(&self.pin)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(error) => return Err(of_login(&error)),
        }
        let wrapping = Wrapping::offered(&self.library, slot);
        Ok(State::Open(session, wrapping))
    }

    /// Slots are numbered anew at every start of some libraries: the label is what stays.
    fn find_token(&self) -> Result<(Slot, TokenInfo), KeeperError> {
        let token = |error: Error| KeeperError::LocalToken(error.to_string());
        let mut present = Vec::new();
        let mut found = None;
        for slot in self.library.get_slots_with_token().map_err(token)? {
            // A token pulled out in this moment is not present.
            let Ok(info) = self.library.get_token_info(slot) else {
                continue;
            };
            if !info.token_initialized() {
                continue;
            }
            if info.label() != self.token_label {
                present.push(format!("{:?}", info.label()));
            } else if found.replace((slot, info)).is_some() {
                return Err(KeeperError::LocalAmbiguousToken(self.token_label.clone()));
            }
        }
        found.ok_or_else(|| KeeperError::LocalNoToken {
            wanted: self.token_label.clone(),
            present: if present.is_empty() {
                "none".to_owned()
            } else {
                present.join(", ")
            },
        })
    }
}

fn load(module: &Path) -> Result<Pkcs11, KeeperError> {
    let failed = |error: Error| KeeperError::LocalModule {
        path: module.display().to_string(),
        reason: error.to_string(),
    };
    let library = Pkcs11::new(module).map_err(failed)?;
    match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        // Another keeper of this process has started the same library.
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(library),
        Err(error) => Err(failed(error)),
    }
}

fn check_pin_state(info: &TokenInfo) -> Result<(), KeeperError> {
    if info.user_pin_locked() {
        return Err(KeeperError::DeniedPinLocked);
    }
    if info.user_pin_final_try() {
        return Err(KeeperError::DeniedPinFinalTry);
    }
    if !info.user_pin_initialized() {
        return Err(KeeperError::DeniedPinNotSet);
    }
    Ok(())
}
