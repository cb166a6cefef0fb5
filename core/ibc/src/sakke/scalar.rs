//! Numbers modulo q, the order of the SAKKE group.

use crate::error::SecretRangeError;
use crate::hash::hash_blocks;
use crypto_bigint::{NonZero, Odd, U1024};
use subtle::{Choice, ConstantTimeEq, ConstantTimeLess};
use zeroize::{Zeroize, Zeroizing};

/// Octets of an encoded number modulo q.
pub(super) const SCALAR_OCTETS: usize = 128;

/// Bits of q.
pub(super) const Q_BITS: usize = 1022;

/// q = (p + 1) / 4 (RFC 6509 Appendix A).
pub(super) const Q: U1024 = U1024::from_be_hex(concat!(
    "265EAEC7C2958FF69971846636B4195E905B0338672D20986FA6B8D62CF8068B",
    "BD02AAC9F8BF03C6C8A1CC354C69672C39E46CE7FDF222864D5B49FD2999A9B4",
    "389B1921CC9AD335144AB173595A07386DABFD2A0C614AA0A9F3CF14870F026A",
    "A7E535ABD5A5C7C7FF38FA08E2615F6C203177C42B1EB3A1D99B601EBFAA17FB",
));

const Q_ODD: Odd<U1024> = Odd::<U1024>::from_be_hex(concat!(
    "265EAEC7C2958FF69971846636B4195E905B0338672D20986FA6B8D62CF8068B",
    "BD02AAC9F8BF03C6C8A1CC354C69672C39E46CE7FDF222864D5B49FD2999A9B4",
    "389B1921CC9AD335144AB173595A07386DABFD2A0C614AA0A9F3CF14870F026A",
    "A7E535ABD5A5C7C7FF38FA08E2615F6C203177C42B1EB3A1D99B601EBFAA17FB",
));

const Q_NON_ZERO: &NonZero<U1024> = Q_ODD.as_nz_ref();

/// l of `HashToIntegerRange` for n = q: ceil(1022 / 256) (RFC 6508 cl. 5.1 step 3).
const Q_HASH_BLOCKS: usize = 4;

/// A number below q, erased on drop.
#[derive(Clone)]
pub(super) struct Scalar(U1024);

impl Drop for Scalar {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Scalar {
    /// A number below q from 128 octets, big endian.
    pub(super) fn from_octets(octets: &[u8; SCALAR_OCTETS]) -> Result<Self, SecretRangeError> {
        let scalar = Self(U1024::from_be_slice(octets));
        let below: bool = scalar.0.ct_lt(&Q).into();
        below.then_some(scalar).ok_or(SecretRangeError)
    }

    /// The octet string of an identifier as a number modulo q (RFC 6508 cl. 2.1); identifiers are public.
    pub(super) fn from_identifier(id: &[u8]) -> Self {
        let mut number = U1024::ZERO;
        let bits = id
            .iter()
            .flat_map(|octet| (0..8).rev().map(move |bit| (octet >> bit) & 1));
        for bit in bits {
            number = number.double_mod(Q_NON_ZERO);
            number = number.add_mod(&U1024::from_u8(bit), Q_NON_ZERO);
        }
        Self(number)
    }

    /// `HashToIntegerRange(s, q, SHA-256)` over the parts of s (RFC 6508 cl. 5.1), in constant time.
    pub(super) fn from_hash(parts: &[&[u8]]) -> Self {
        let v = hash_blocks(parts, Q_HASH_BLOCKS);
        let number = Zeroizing::new(U1024::from_be_slice(&v));
        Self(number.rem(Q_NON_ZERO))
    }

    /// q - 1.
    pub(super) const fn minus_one() -> Self {
        Self(Q.wrapping_sub(&U1024::ONE))
    }

    pub(super) fn to_octets(&self) -> Zeroizing<[u8; SCALAR_OCTETS]> {
        let mut octets = Zeroizing::new([0; SCALAR_OCTETS]);
        let encoded = Zeroizing::new(self.0.to_be_bytes());
        for (to, from) in octets.iter_mut().zip(encoded.as_ref().iter()) {
            *to = *from;
        }
        octets
    }

    pub(super) fn add(&self, other: &Self) -> Self {
        Self(self.0.add_mod(&other.0, Q_NON_ZERO))
    }

    /// 1/a in constant time; `None` for zero, which is public by then.
    pub(super) fn invert(&self) -> Option<Self> {
        let inverse: Option<U1024> = self.0.invert_odd_mod(&Q_ODD).into();
        inverse.map(Self)
    }

    pub(super) fn is_zero(&self) -> Choice {
        self.0.ct_eq(&U1024::ZERO)
    }

    pub(super) fn is_one(&self) -> Choice {
        self.0.ct_eq(&U1024::ONE)
    }

    /// Whether the number is even.
    pub(super) fn is_even(&self) -> Choice {
        let [lowest, ..] = self.0.to_words();
        !Choice::from((lowest & 1) as u8)
    }

    /// Bits `first` to `first + count - 1`, count below 32; positions are public, the bits are not.
    pub(super) fn bits(&self, first: usize, count: usize) -> u32 {
        let words = Zeroizing::new(self.0.to_words());
        let word = |index: usize| words.get(index).copied().unwrap_or(0);
        let both = u128::from(word(first / 64)) | (u128::from(word(first / 64 + 1)) << 64);
        (both >> (first % 64)) as u32 & ((1 << count) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_of_any_length_are_reduced() {
        assert!(bool::from(Scalar::from_identifier(&[]).is_zero()));
        assert!(bool::from(Scalar::from_identifier(&[0, 0, 1]).is_one()));
        let q = Q.to_be_bytes();
        assert!(bool::from(Scalar::from_identifier(q.as_ref()).is_zero()));
        let mut longer = q.as_ref().to_vec();
        longer.push(7); // 256 q + 7
        assert_eq!(Scalar::from_identifier(&longer).0, U1024::from_u8(7));
    }

    #[test]
    fn numbers_from_q_on_are_refused() {
        let octets = |number: U1024| number.to_be_bytes().as_ref().try_into().unwrap();
        assert!(Scalar::from_octets(&octets(Q)).is_err());
        assert!(Scalar::from_octets(&[0xFF; 128]).is_err());
        let last = Q.wrapping_sub(&U1024::ONE);
        assert_eq!(Scalar::from_octets(&octets(last)).unwrap().0, last);
    }

    #[test]
    fn bits_are_read_across_words() {
        let scalar = Scalar(U1024::from_be_hex(&format!(
            "{:0>256}",
            "F0000000000000005A"
        )));
        assert_eq!(scalar.bits(0, 8), 0x5A);
        assert_eq!(scalar.bits(60, 12), 0xF00);
        assert_eq!(scalar.bits(1020, 5), 0);
    }
}
