//! Identity-based cryptography: ECCSI (RFC 6507), SAKKE (RFC 6508), UID (TS 33.180 F.2.1).
//!
//! Two layers. [`eccsi`] and [`sakke`] are the primitives for octet-string identifiers; [`KmsDomain`],
//! [`UserKeySet`] and [`KmsMaster`] put them together the way an MC system uses them: the identifier is
//! always the [`uid::Uid`] of an identity, a KMS and a key period, and nothing is used before it was checked.
//!
//! | secret | type | made by | leaves the KMS |
//! |---|---|---|---|
//! | KSAK | [`eccsi::KmsSecretAuthKey`] | KMS | never |
//! | z_T | [`sakke::KmsSecretEncKey`] | KMS | never |
//! | SSK | `Secret<32>`, checked [`eccsi::SigningKey`] | KMS | to its user |
//! | RSK | `Secret<257>`, checked [`sakke::ReceiverSecretKey`] | KMS | to its user |
//!
//! Everything done with r, the shared secret, z_T, KSAK, SSK, RSK, j and v takes the same time and touches the
//! same memory whatever their values are. Identifiers, public keys, signatures and points R are public.
//!
//! ```
//! # use roger_base::{KmsUri, Secret, UnixTime};
//! # use roger_ibc::{KmsMaster, UserKeySet, sakke, uid::KeyPeriod};
//! # let random = &mut roger_testkit::SeededRandom::new(1);
//! // KMS: one domain, the keys of one user in the current key period.
//! let kms = KmsMaster::generate(KmsUri::new("kms.example.org")?, KeyPeriod::new(2_592_000, 0)?, random)?;
//! let number = kms.domain().key_period.number_at(UnixTime(1_390_730_834).to_ntp());
//! let issued = kms.issue("sip:alice@example.org", number)?;
//!
//! // User: nothing is used before it was checked.
//! let alice = UserKeySet::validate(kms.domain(), &issued)?;
//!
//! // Anybody with the KMS certificate: encapsulate to Alice, verify what she signs.
//! let to = kms.domain().uid_of("sip:alice@example.org", number);
//! let data = sakke::encapsulate(&kms.domain().enc, to.as_ref(), &Secret::new([7; 16]));
//! assert!(alice.receiver.decapsulate(&data)? == Secret::new([7; 16]));
//! let signature = alice.signing.sign(b"message", random)?;
//! kms.domain().auth.verify(to.as_ref(), b"message", &signature)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod domain;
pub mod eccsi;
mod error;
mod hash;
mod kms_master;
pub mod sakke;
pub mod uid;
mod user_keys;

pub use domain::KmsDomain;
pub use error::{DecapsulationError, KeyError, PointError, SecretRangeError, SignatureError};
pub use kms_master::{IssueError, KmsMaster};
pub use user_keys::{IssuedKeys, UserKeySet};
