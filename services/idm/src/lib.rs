//! Identity management server: log in, code, token (TS 24.482, TS 33.180 Annex B).
//!
//! [`Idm`] is the whole server without its sockets: the HTTP adapter hands it queries and forms and renders what it
//! answers. What it remembers lies behind the [`ports`]; [`memory`] has them for simulators and tests.
//!
//! A log-in goes [`Idm::begin_login`] → form → [`Idm::submit_login`] → redirect with a code → [`Idm::token`].

pub mod memory;
pub mod ports;

mod key_ring;
mod lockout;
mod login;
mod password;
mod server;
mod user;

pub use key_ring::{KeyRing, KeyRingError, StoredSigningKey};
pub use lockout::{Failures, LockoutPolicy};
pub use login::{LoginForm, LoginOutcome, LoginRefusal};
pub use password::{Password, PasswordError, PasswordHash};
pub use server::{Idm, IdmConfig, IdmError, Ports};
pub use user::{LoginName, LoginNameError, User, UserState};
