//! The MCPTT key hierarchy: key ids, derivations, key store (TS 33.180 Annex F, G).
//!
//! | from | to | module |
//! |---|---|---|
//! | GMK and a member | user salt, GUK-ID | [`group`] |
//! | any key, its RAND, a CS-ID | SRTP or SRTCP master key and salt | [`srtp`] |
//! | SRTP master key and salt | session keys and salts | [`session`] |
//! | CSK or SPK | XML confidentiality and integrity keys | [`signalling`] |
//! | GMK, PCK, MuSiK, … | key of a protected payload (DPCK) | [`payload`] |
//!
//! [`Gmk`], [`Pck`], [`Csk`], [`Spk`], [`Mkfc`], [`Mscck`] and [`Musik`] tie a secret to its key id and RAND;
//! [`GroupKeyStore`] holds the GMKs of one UE. Nothing here reads a clock or draws randomness by itself.

mod block;
mod csid;
pub mod gcm;
pub mod group;
pub mod kdf;
mod keys;
pub mod payload;
mod rand;
pub mod session;
pub mod signalling;
pub mod srtp;
pub mod store;

pub use csid::CsId;
pub use keys::{CallSide, Csk, Gmk, KeyMaterial, Mkfc, Mscck, Musik, Pck, Spk};
pub use rand::{Rand, RandLengthError};
pub use signalling::{XmlKeyMode, XmlKeys};
pub use srtp::MasterKey;
pub use store::{GroupKey, GroupKeyStore};
