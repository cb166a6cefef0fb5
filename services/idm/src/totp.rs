//! Time-based codes as a second factor (RFC 6238 with the defaults of every authenticator app: SHA-1, 30 s, 6 digits).

use aws_lc_rs::hmac;
use roger_base::{Random, RandomError, SecretBytes, UnixTime};
use roger_oidc::TokenDigest;
use subtle::ConstantTimeEq as _;

/// Seconds of one step (RFC 6238 4.1).
const STEP: u64 = 30;
/// Steps that a phone's clock may be off, each way.
const WINDOW: u64 = 1;
/// Octets of a secret: as long as the hash (RFC 4226 4 R6).
const SECRET_OCTETS: usize = 20;
/// Recovery codes made at an enrolment.
const RECOVERY_CODES: usize = 10;

/// The secret that a phone and the server share.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret(SecretBytes);

impl TotpSecret {
    /// A fresh one of 160 bits.
    ///
    /// # Errors
    /// [`RandomError`] when the source fails.
    pub fn random(random: &mut dyn Random) -> Result<Self, RandomError> {
        let mut octets = zeroize::Zeroizing::new(vec![0; SECRET_OCTETS]);
        random.fill(&mut octets)?;
        Ok(Self(SecretBytes::new(octets.to_vec())))
    }

    /// Octets read back from a store.
    #[must_use]
    pub const fn from_octets(octets: SecretBytes) -> Self {
        Self(octets)
    }

    /// The octets, for a store that seals them.
    #[must_use]
    pub const fn octets(&self) -> &SecretBytes {
        &self.0
    }

    /// The secret as a person types it: base32 without padding.
    #[must_use]
    pub fn to_base32(&self) -> SecretBytes {
        SecretBytes::new(base32(self.0.expose()).into_bytes())
    }

    /// The step whose code this is, when it lies within a step of now and after the one used last.
    pub(crate) fn step_of(&self, code: &str, now: UnixTime, last: u64) -> Option<u64> {
        let current = now.0 / STEP;
        let window = current.saturating_sub(WINDOW)..=current.saturating_add(WINDOW);
        window
            .filter(|step| *step > last)
            .find(|step| bool::from(self.code(*step).as_bytes().ct_eq(code.as_bytes())))
    }

    /// The six digits of a step (RFC 4226 5.3).
    fn code(&self, step: u64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.0.expose());
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let octets = tag.as_ref();
        let offset = usize::from(octets.last().copied().unwrap_or_default() & 0x0F);
        let chosen = octets.get(offset..).unwrap_or_default().iter().take(4);
        let number = chosen.fold(0u32, |number, octet| number << 8 | u32::from(*octet));
        format!("{:06}", (number & 0x7FFF_FFFF) % 1_000_000)
    }

    /// The code of now, for phones in tests and simulators.
    #[must_use]
    pub fn code_at(&self, now: UnixTime) -> SecretBytes {
        SecretBytes::new(self.code(now.0 / STEP).into_bytes())
    }
}

/// What the server keeps of a user's second factor.
#[derive(Clone, PartialEq, Eq)]
pub struct SecondFactor {
    /// The shared secret.
    pub secret: TotpSecret,
    /// The step used last; codes up to it are refused (RFC 6238 5.2).
    pub last_step: u64,
    /// SHA-256 of the recovery codes that are left; they are random, so no slower hash is needed.
    pub recovery: Vec<TokenDigest>,
}

/// Recovery codes to be shown once.
pub struct RecoveryCodes(Vec<SecretBytes>);

impl RecoveryCodes {
    /// Fresh ones of 80 bits each.
    ///
    /// # Errors
    /// [`RandomError`] when the source fails.
    pub(crate) fn random(random: &mut dyn Random) -> Result<Self, RandomError> {
        let one = |_| {
            let mut octets = zeroize::Zeroizing::new([0; 10]);
            random.fill(&mut *octets)?;
            Ok(SecretBytes::new(base32(&*octets).into_bytes()))
        };
        (0..RECOVERY_CODES)
            .map(one)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// What is kept of them.
    pub(crate) fn digests(&self) -> Vec<TokenDigest> {
        let octets = self.0.iter().map(SecretBytes::expose);
        octets.map(TokenDigest::of).collect()
    }

    /// The codes, for the one page that shows them.
    pub fn expose(&self) -> impl Iterator<Item = &str> {
        let octets = self.0.iter().map(SecretBytes::expose);
        octets.map(|octets| core::str::from_utf8(octets).unwrap_or_default())
    }
}

/// What a person typed, as it was printed: without spaces and dashes, in capitals.
pub(crate) fn typed(text: &str) -> zeroize::Zeroizing<String> {
    let kept = text.chars().filter(|c| !c.is_whitespace() && *c != '-');
    zeroize::Zeroizing::new(kept.map(|c| c.to_ascii_uppercase()).take(64).collect())
}

/// Base32 without padding (RFC 4648 6).
fn base32(octets: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut out, mut bits, mut held) = (String::new(), 0u32, 0u32);
    let mut put = |value: u32| {
        let letter = usize::try_from(value & 31)
            .ok()
            .and_then(|at| ALPHABET.get(at));
        out.push(char::from(letter.copied().unwrap_or(b'A')));
    };
    for octet in octets {
        held = (held << 8 | u32::from(*octet)) & 0xFFFF;
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            put(held >> bits);
        }
    }
    if bits > 0 {
        put(held << (5 - bits));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rfc_secret() -> TotpSecret {
        TotpSecret::from_octets(SecretBytes::new(b"12345678901234567890".to_vec()))
    }

    #[test]
    fn the_vectors_of_rfc_6238() {
        // Appendix B has eight digits; these are the last six.
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(rfc_secret().code(time / STEP), code, "{time}");
        }
    }

    #[test]
    fn a_code_is_good_for_a_step_around_now_and_only_once() {
        let (secret, now) = (rfc_secret(), UnixTime(1_111_111_111));
        let step = now.0 / STEP;
        assert_eq!(secret.step_of("050471", now, 0), Some(step));
        assert_eq!(secret.step_of("050471", now, step), None);
        assert_eq!(secret.step_of("081804", now, 0), Some(step - 1));
        assert_eq!(secret.step_of("050471", UnixTime(now.0 + 60), 0), None);
        assert_eq!(secret.step_of("050471", UnixTime(now.0 - 61), 0), None);
        for wrong in ["050472", "50471", "", "0504711", "O50471"] {
            assert_eq!(secret.step_of(wrong, now, 0), None, "{wrong}");
        }
    }

    #[test]
    fn the_vectors_of_rfc_4648() {
        for (octets, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foob", "MZXW6YQ"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(octets.as_bytes()), text);
        }
        assert_eq!(typed(" mzxw-6yq ").as_str(), "MZXW6YQ");
    }
}
