//! v of a key set derived instead of drawn: the same key set whenever and wherever it is asked for
//! (`docs/decisions/derived-key-sets.md`).

use super::group::Scalar;
use crate::error::SecretRangeError;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use roger_base::Secret;
use zeroize::Zeroizing;

/// What no other use of KSAK extracts with.
const LABEL: &[u8] = b"Roger KMS: v of ECCSI key sets, version 1";

/// Octets of a number that is uniform to 2^-256 once it is reduced modulo q.
const WIDE_OCTETS: usize = 64;

/// 2^256 modulo q, big endian.
const TWO_TO_256: [u8; 32] = [
    0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x43, 0x19, 0x05, 0x52, 0x58, 0xE8, 0x61, 0x7B, 0x0C, 0x46, 0x35, 0x3D, 0x03, 0x9C, 0xDA, 0xAF,
];

/// The pseudo-random function behind v: HKDF-SHA-256 (RFC 5869) under a key made of KSAK and a label of its own.
#[derive(Clone)]
pub(super) struct DerivedNumbers(Prk);

struct Wide;

impl KeyType for Wide {
    fn len(&self) -> usize {
        WIDE_OCTETS
    }
}

impl DerivedNumbers {
    pub(super) fn new(ksak: &Secret<32>) -> Self {
        Self(Salt::new(HKDF_SHA256, LABEL).extract(ksak.expose()))
    }

    /// v of an identifier; a greater `attempt` is asked for only when v before it was of no use.
    pub(super) fn number(&self, id: &[u8], attempt: u8) -> Result<Scalar, SecretRangeError> {
        let mut octets = Zeroizing::new([0; WIDE_OCTETS]);
        let info: [&[u8]; 2] = [&[attempt], id];
        let filled = self
            .0
            .expand(&info, Wide)
            .and_then(|okm| okm.fill(octets.as_mut_slice()));
        filled.map_err(|_| SecretRangeError)?;
        Ok(reduce_wide(&octets))
    }
}

/// A number of 512 bits modulo q, in constant time.
fn reduce_wide(octets: &[u8; WIDE_OCTETS]) -> Scalar {
    let mut halves = Zeroizing::new([[0; 32]; 2]);
    for (half, from) in halves.iter_mut().zip(octets.as_chunks::<32>().0) {
        half.copy_from_slice(from);
    }
    let [high, low] = &*halves;
    let high = Scalar::reduce(high).multiply(&Scalar::reduce(&TWO_TO_256));
    high.add(&Scalar::reduce(low))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto_bigint::{NonZero, U256, U512};

    const Q: U256 =
        U256::from_be_hex("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551");

    #[test]
    fn wide_numbers_are_reduced_as_another_library_does() {
        let mut random = roger_testkit::SeededRandom::new(11);
        let mut samples = vec![[0; WIDE_OCTETS], [0xFF; WIDE_OCTETS]];
        for _ in 0..200 {
            let mut octets = [0; WIDE_OCTETS];
            roger_base::Random::fill(&mut random, &mut octets).unwrap();
            samples.push(octets);
        }
        let q = NonZero::new(Q.resize::<{ U512::LIMBS }>()).unwrap();
        for octets in samples {
            let expected = U512::from_be_slice(&octets)
                .rem_vartime(&q)
                .resize::<{ U256::LIMBS }>();
            assert_eq!(
                &reduce_wide(&octets).to_octets(),
                expected.to_be_bytes().as_ref()
            );
        }
    }

    #[test]
    fn the_number_is_that_of_hkdf_written_out() {
        use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
        let hmac =
            |key: &[u8], text: &[u8]| sign(&Key::new(HMAC_SHA256, key), text).as_ref().to_vec();
        let prk = hmac(LABEL, &[7; 32]);
        let first = hmac(&prk, &[&[2], b"id".as_slice(), &[1]].concat());
        let second = hmac(&prk, &[&first, [2].as_slice(), b"id", &[2]].concat());
        let wide: [u8; WIDE_OCTETS] = [first, second].concat().try_into().unwrap();
        let number = DerivedNumbers::new(&Secret::new([7; 32]))
            .number(b"id", 2)
            .unwrap();
        assert_eq!(number.to_octets(), reduce_wide(&wide).to_octets());
    }

    #[test]
    fn key_identifier_and_attempt_each_make_another_number() {
        let number = |ksak: u8, id: &[u8], attempt| {
            DerivedNumbers::new(&Secret::new([ksak; 32]))
                .number(id, attempt)
                .unwrap()
                .to_octets()
        };
        let first = number(1, b"a", 0);
        assert_eq!(first, number(1, b"a", 0));
        for other in [
            number(2, b"a", 0),
            number(1, b"b", 0),
            number(1, b"a", 1),
            number(1, b"\0a", 0),
        ] {
            assert_ne!(first, other);
        }
    }
}
