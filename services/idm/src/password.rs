//! Passwords: argon2id, with the parameters inside the stored text (RFC 9106).

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, PasswordHasher as _, Version};
use roger_base::{Random, SecretBytes};
use std::sync::{Mutex, PoisonError};
use thiserror::Error;
use zeroize::Zeroizing;

/// Memory of one hash in KiB; with two passes the minimum OWASP recommends.
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over the memory.
const PASSES: u32 = 2;
/// Longest password accepted, in octets.
const MAX_OCTETS: usize = 1024;

/// Why a password was not accepted or hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// Empty.
    #[error("a password must not be empty")]
    Empty,
    /// Longer than 1024 octets.
    #[error("a password has at most {MAX_OCTETS} octets")]
    TooLong,
    /// The stored text is no argon2id hash.
    #[error("the stored password hash is malformed")]
    LocalMalformedHash,
    /// No randomness for the salt, or no memory.
    #[error("the password cannot be hashed now")]
    LocalFailure,
}

/// A password as typed.
pub struct Password(SecretBytes);

impl Password {
    /// Takes the text unchanged.
    ///
    /// # Errors
    /// [`PasswordError`] when it is empty or too long.
    pub fn new(text: impl Into<String>) -> Result<Self, PasswordError> {
        let octets = SecretBytes::new(text.into().into_bytes());
        if octets.expose().is_empty() {
            return Err(PasswordError::Empty);
        }
        if octets.expose().len() > MAX_OCTETS {
            return Err(PasswordError::TooLong);
        }
        Ok(Self(octets))
    }
}

/// What a new password must be; length is what counts (NIST SP 800-63B 5.1.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordRules {
    /// Least number of characters.
    pub least_characters: usize,
}

impl Default for PasswordRules {
    fn default() -> Self {
        Self {
            least_characters: 10,
        }
    }
}

impl PasswordRules {
    /// Whether a password may be chosen by the user of this name.
    #[must_use]
    pub fn allow(&self, password: &Password, login: &crate::LoginName) -> bool {
        let text = core::str::from_utf8(password.0.expose()).unwrap_or_default();
        let first = text.chars().next();
        let repeated = text.chars().all(|c| Some(c) == first);
        let lower = zeroize::Zeroizing::new(text.to_lowercase());
        let named = lower.contains(&login.as_str().to_lowercase());
        text.chars().count() >= self.least_characters && !repeated && !named
    }
}

impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

/// argon2id hash of a password in PHC form; not printed, since it can be guessed against.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(SecretBytes);

fn params() -> Result<Params, PasswordError> {
    Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|_| PasswordError::LocalFailure)
}

impl PasswordHash {
    /// Hashes a password under a fresh salt of 128 bits.
    ///
    /// # Errors
    /// [`PasswordError::LocalFailure`] without randomness or memory.
    pub fn of(password: &Password, random: &mut dyn Random) -> Result<Self, PasswordError> {
        let mut salt = [0; 16];
        random
            .fill(&mut salt)
            .map_err(|_| PasswordError::LocalFailure)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params()?);
        let hash: phc::PasswordHash = argon2
            .hash_password_with_salt(password.0.expose(), &salt)
            .map_err(|_| PasswordError::LocalFailure)?;
        Ok(Self(SecretBytes::new(hash.to_string().into_bytes())))
    }

    /// Takes a PHC text back from a store.
    ///
    /// # Errors
    /// [`PasswordError::LocalMalformedHash`] when it is no argon2id hash.
    pub fn from_phc(text: &str) -> Result<Self, PasswordError> {
        let hash = phc::PasswordHash::new(text).map_err(|_| PasswordError::LocalMalformedHash)?;
        if hash.algorithm.as_str() != "argon2id" {
            return Err(PasswordError::LocalMalformedHash);
        }
        Ok(Self(SecretBytes::new(text.as_bytes().to_vec())))
    }

    /// The PHC text for a store.
    #[must_use]
    pub fn expose_phc(&self) -> &str {
        core::str::from_utf8(self.0.expose()).unwrap_or_default()
    }

    /// Whether the password is the one hashed.
    ///
    /// # Errors
    /// [`PasswordError::LocalMalformedHash`] when the stored text is damaged.
    pub fn verify(&self, password: &Password) -> Result<bool, PasswordError> {
        let hash = phc::PasswordHash::new(self.expose_phc())
            .map_err(|_| PasswordError::LocalMalformedHash)?;
        const DAMAGED: PasswordError = PasswordError::LocalMalformedHash;
        let params = Params::try_from(&hash).map_err(|_| DAMAGED)?;
        let version = hash.version.map_or(Ok(Version::V0x13), Version::try_from);
        let version = version.map_err(|_| DAMAGED)?;
        let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else {
            return Err(DAMAGED);
        };
        let mut found = Zeroizing::new(vec![0; expected.len()]);
        let mark = tracing::trace_span!(target: "roger::cpu", parent: None, "password");
        mark.in_scope(|| compute(version, params, password, salt, &mut found))?;
        let found = phc::Output::new(&found).map_err(|_| DAMAGED)?;
        // Compares in constant time.
        Ok(found == *expected)
    }
}

/// Memory of hashes, kept for the next ones: allocated and freed on each of many threads, 19 MiB would stay in the heap
/// of every one of them. What a hash leaves there says no more than the stored hash, and the next one overwrites it.
static MEMORY: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());
/// Memories kept.
const KEPT: usize = 8;

/// argon2id into `out`.
fn compute(
    version: Version,
    params: Params,
    password: &Password,
    salt: &[u8],
    out: &mut [u8],
) -> Result<(), PasswordError> {
    let blocks = params.block_count();
    let pool = || MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    let mut memory = pool().pop().unwrap_or_default();
    memory.resize(blocks, Block::new());
    let argon2 = Argon2::new(Algorithm::Argon2id, version, params);
    let done = argon2.hash_password_into_with_memory(password.0.expose(), salt, out, &mut memory);
    let mut pool = pool();
    if pool.len() < KEPT {
        pool.push(memory);
    }
    done.map_err(|_| PasswordError::LocalFailure)
}

/// Works as long as a real check, so that an unknown name is not told by the time it takes.
pub(crate) fn pretend(password: &Password) -> Result<(), PasswordError> {
    let mut out = [0; 32];
    compute(
        Version::V0x13,
        params()?,
        password,
        b"salt of nobody..",
        &mut out,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use roger_testkit::SeededRandom;

    #[test]
    fn only_the_right_password_verifies() {
        let hash = PasswordHash::of(
            &Password::new("correct horse").unwrap(),
            &mut SeededRandom::new(1),
        )
        .unwrap();
        assert!(
            hash.expose_phc()
                .starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
        );
        let again = PasswordHash::from_phc(hash.expose_phc()).unwrap();
        assert_eq!(
            again.verify(&Password::new("correct horse").unwrap()),
            Ok(true)
        );
        assert_eq!(
            again.verify(&Password::new("correct horse ").unwrap()),
            Ok(false)
        );
    }

    #[test]
    fn short_repeated_and_named_passwords_are_not_allowed() {
        let login = crate::LoginName::new("Alice").unwrap();
        let allowed =
            |text: &str| PasswordRules::default().allow(&Password::new(text).unwrap(), &login);
        assert!(allowed("nine lives"));
        for text in ["nine life", "aaaaaaaaaaaa", "i am alice!!"] {
            assert!(!allowed(text), "{text}");
        }
    }

    #[test]
    fn two_hashes_of_one_password_differ() {
        let mut random = SeededRandom::new(2);
        let password = Password::new("x").unwrap();
        assert!(
            PasswordHash::of(&password, &mut random).unwrap()
                != PasswordHash::of(&password, &mut random).unwrap()
        );
    }

    #[test]
    fn memory_that_was_used_before_changes_no_hash() {
        let phc = |memory: u32, password: &str| {
            let params = Params::new(memory, 1, 1, None).unwrap();
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let hash: phc::PasswordHash = argon2
                .hash_password_with_salt(password.as_bytes(), b"salt of somebody")
                .unwrap();
            PasswordHash::from_phc(&hash.to_string()).unwrap()
        };
        // Smaller and larger memories in turn, right and wrong passwords.
        for memory in [64, 256, 8, 512, 64] {
            let hash = phc(memory, "correct horse");
            let verify = |password: &str| hash.verify(&Password::new(password).unwrap());
            assert_eq!(verify("correct horse"), Ok(true), "{memory} KiB");
            assert_eq!(verify("correct horsf"), Ok(false), "{memory} KiB");
        }
        assert!(MEMORY.lock().unwrap().len() <= KEPT);
    }

    #[test]
    fn other_hashes_and_absurd_passwords_are_refused() {
        assert!(PasswordHash::from_phc("$2b$12$abcdefghijklmnopqrstuv").is_err());
        assert!(
            PasswordHash::from_phc(
                "$argon2i$v=19$m=4096,t=3,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA"
            )
            .is_err()
        );
        assert!(PasswordHash::from_phc("").is_err());
        assert_eq!(Password::new("").err(), Some(PasswordError::Empty));
        assert_eq!(
            Password::new("x".repeat(1025)).err(),
            Some(PasswordError::TooLong)
        );
    }
}
