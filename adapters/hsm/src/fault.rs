//! What can go wrong, with the operator's next step in each message.

use crate::disk::FileFault;
use crate::keeper::KeeperKind;
use thiserror::Error;

/// A keeper cannot wrap or unwrap.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeeperError {
    /// The passphrase is not the one that the file was made with.
    #[error("the passphrase is wrong; the file is undamaged, so try again with the right one")]
    DeniedWrongPassphrase,
    /// A new passphrase that can be guessed.
    #[error("the passphrase has {given} octets; take at least {wanted}")]
    LocalShortPassphrase {
        /// What it has.
        given: usize,
        /// What is asked for.
        wanted: usize,
    },
    /// Parameters of argon2id that make guessing cheap, or that no machine should be asked for.
    #[error(
        "the file asks for argon2id with {0}, which is outside what is accepted; restore the file from its backup"
    )]
    LocalUnacceptableCost(String),
    /// The wrapped key does not read or does not open.
    #[error("the wrapped key is damaged ({0}); restore the file from its backup")]
    LocalDamaged(&'static str),
    /// A file of another keeper.
    #[error("the file is kept by {by}; open it with that")]
    LocalOtherKeeper {
        /// Who can open it.
        by: KeeperKind,
    },
    /// The PKCS#11 library does not load or start.
    #[error(
        "the PKCS#11 library {path} cannot be used ({reason}); check the path and the package of the token"
    )]
    LocalModule {
        /// Path of the library.
        path: String,
        /// What the loader said.
        reason: String,
    },
    /// No token of that label.
    #[error(
        "no token is labelled {wanted:?} (present: {present}); plug it in, or correct the label"
    )]
    LocalNoToken {
        /// The label asked for.
        wanted: String,
        /// The labels that are there.
        present: String,
    },
    /// Two tokens of that label.
    #[error(
        "more than one token is labelled {0:?}; leave one plugged in, or give them labels of their own"
    )]
    LocalAmbiguousToken(String),
    /// The PIN is not the token's.
    #[error(
        "the token refused the PIN; correct it before the next attempt, tokens lock after a few. It is not tried again"
    )]
    DeniedWrongPin,
    /// One more wrong PIN would lock the token; a program that restarts must not do that.
    #[error(
        "one attempt at the PIN is left; log in once with the token's own tool, then start again"
    )]
    DeniedPinFinalTry,
    /// The token locked itself.
    #[error("the PIN is locked; unlock it as security officer with the token's own tool")]
    DeniedPinLocked,
    /// The token has no PIN of a user yet, or wants it changed.
    #[error("the token's user PIN is not set or must be changed; set it with the token's own tool")]
    DeniedPinNotSet,
    /// No key of that label.
    #[error("the token has no AES key labelled {0:?}; make one, or correct the label")]
    LocalNoKey(String),
    /// Two keys of that label.
    #[error(
        "the token has more than one AES key labelled {0:?}; remove or relabel what is not ours"
    )]
    LocalAmbiguousKey(String),
    /// A key of that label is there already.
    #[error("the token has a key labelled {0:?} already; take another label")]
    LocalKeyExists(String),
    /// The key can leave the token, or is no AES-256.
    #[error("the key labelled {label:?} {reason}; make one inside the token and wrap again")]
    LocalUnfitKey {
        /// Its label.
        label: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The token cannot do what is asked for.
    #[error("the token does not offer {0}; use a token that does, or a passphrase")]
    LocalNoMechanism(&'static str),
    /// Anything else that the token said.
    #[error("the token failed: {0}")]
    LocalToken(String),
    /// No randomness or memory.
    #[error("the machine has no {0} for this")]
    LocalResource(&'static str),
}

/// A file of secrets cannot be made, read or renewed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AtRestError {
    /// The keeper.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
    /// The file.
    #[error(transparent)]
    File(#[from] FileFault),
    /// Octets that are no file of ours, or no longer.
    #[error("the file is damaged ({0}); restore it from its backup")]
    LocalDamaged(&'static str),
    /// Written by a newer program.
    #[error("the file has version {0}, which this program does not know; use a newer program")]
    LocalVersion(u8),
    /// A file of the other kind.
    #[error("the file holds {found}, not {wanted}")]
    LocalOtherContent {
        /// What it holds.
        found: &'static str,
        /// What was asked for.
        wanted: &'static str,
    },
    /// The secrets are sound and not the expected ones.
    #[error("the check value is {found}, not the expected {wanted}: this is another backup")]
    LocalOtherCheckValue {
        /// Of the file.
        found: String,
        /// Expected.
        wanted: String,
    },
    /// No randomness.
    #[error("the machine has no randomness for this")]
    LocalRandom,
}
