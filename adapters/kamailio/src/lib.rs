//! Kamailio in place of the embedded SIP core: the configuration of `deploy/kamailio`, unchanged, and a child process
//! that serves with it until it is dropped.
//!
//! ```text
//!   KamailioSettings ──► folder of the run: kamailio.cfg (packaged), settings.cfg, tables/… (hashes of passwords)
//!                              │
//!                              ▼
//!   Kamailio::start ──► setpriv ──► kamailio -DD ── answers OPTIONS ──► it serves
//! ```

mod files;
mod process;
mod settings;

pub use process::{Kamailio, KamailioError};
pub use settings::{KamailioSettings, TlsSettings};

/// The configuration file that operators use too.
pub const CONFIGURATION: &str = include_str!("../../../deploy/kamailio/kamailio.cfg");
