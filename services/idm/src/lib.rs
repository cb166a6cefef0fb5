//! Identity management server: log in, code, token (TS 24.482, TS 33.180 Annex B).
//!
//! [`Idm`] is the whole server without its sockets: the HTTP adapter hands it queries and forms and renders what it
//! answers. What it remembers lies behind the [`ports`]; [`memory`] has them for simulators and tests.
//!
//! A log-in goes [`Idm::authorize`] → forms → [`Idm::submit_login`] → redirect with a code → [`Idm::token`].

pub mod memory;
pub mod ports;

mod account;
mod account_page;
mod audit;
mod key_ring;
mod lockout;
mod log_out;
mod login;
mod passkey;
mod passkey_log_in;
mod password;
mod revocation;
mod server;
mod shelf;
mod sign_on;
mod totp;
mod user;

pub use account::{AccountFault, Enrolment};
pub use account_page::AccountPage;
pub use audit::{AuditAct, AuditEntry, LogInFault};
pub use key_ring::{KeyRing, KeyRingError, StoredSigningKey};
pub use lockout::{Failures, LockoutPolicy};
pub use log_out::{Confirmation, LogoutOutcome};
pub use login::{Asked, LoginAnswer, LoginForm, LoginRefusal, LoginStep, SignedOn};
pub use passkey::{
    Ceremony, CeremonyState, Claimed, MAX_ANSWER, MAX_PASSKEYS, Passkey, PasskeyFault, PasskeyId,
    PasskeyName, PasskeyUse, Registered, UserHandle, Verification,
};
pub use password::{Password, PasswordError, PasswordHash, PasswordRules};
pub use revocation::RevocationListener;
pub use server::{Idm, IdmConfig, IdmError, PasskeyPorts, Ports};
pub use totp::{RecoveryCodes, SecondFactor, TotpSecret};
pub use user::{LoginName, LoginNameError, User, UserState};
