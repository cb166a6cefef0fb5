//! Numbers modulo q, the order of the SAKKE group.

use crate::error::SecretRangeError;
use crate::hash::hash_blocks;
use crypto_bigint::modular::ConstMontyParams;
use crypto_bigint::{NonZero, U1024, const_monty_form, const_monty_params};
use roger_fp1024::OddModulus;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeLess};
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

/// q, for inversion.
static ORDER: OddModulus = OddModulus::new(&Q.to_words());

const Q_NON_ZERO: &NonZero<U1024> = OrderParams::PARAMS.modulus().as_nz_ref();

const_monty_params!(
    OrderParams,
    U1024,
    "265EAEC7C2958FF69971846636B4195E905B0338672D20986FA6B8D62CF8068BBD02AAC9F8BF03C6C8A1CC354C69672C39E46CE7FDF222864D5B49FD2999A9B4389B1921CC9AD335144AB173595A07386DABFD2A0C614AA0A9F3CF14870F026AA7E535ABD5A5C7C7FF38FA08E2615F6C203177C42B1EB3A1D99B601EBFAA17FB"
);
const_monty_form!(OrderForm, OrderParams);

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
        if id.len() < SCALAR_OCTETS {
            // Below 2^1016 and so below q: a UID always.
            let mut octets = [0; SCALAR_OCTETS];
            for (to, from) in octets.iter_mut().rev().zip(id.iter().rev()) {
                *to = *from;
            }
            return Self(U1024::from_be_slice(&octets));
        }
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
        let mut number = Self(U1024::from_be_slice(&v));
        // 2^1024 is less than 7q.
        for multiple in [Q.shl_vartime(2), Q.shl_vartime(1), Q] {
            number.subtract_if_not_less(&multiple);
        }
        number
    }

    fn subtract_if_not_less(&mut self, subtrahend: &U1024) {
        let less = self.0.ct_lt(subtrahend);
        let difference = Zeroizing::new(self.0.wrapping_sub(subtrahend));
        self.0.conditional_assign(&difference, !less);
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

    /// a·b in constant time.
    pub(super) fn multiply(&self, other: &Self) -> Self {
        // Only one factor gets Montgomery's factor, which the product takes off.
        let a = Zeroizing::new(OrderForm::new(&self.0));
        Self((*a * *other.as_form()).to_montgomery())
    }

    /// The number as it is, taken for the Montgomery form of another.
    fn as_form(&self) -> Zeroizing<OrderForm> {
        Zeroizing::new(OrderForm::from_montgomery(self.0))
    }

    /// q - a, and zero for zero.
    pub(super) fn negate(&self) -> Self {
        Self(self.0.neg_mod(Q_NON_ZERO))
    }

    /// Replaces every number by its inverse, in constant time and with one inversion for all; `false` when one of
    /// them is zero, and then none of them is of use.
    pub(super) fn invert_all(scalars: &mut [Self]) -> bool {
        // With numbers taken for Montgomery forms as they are, a product is divided by R = 2^1024: that of all n is
        // Π / R^(n-1), its inverse R^(n-1) / Π, and the products that follow take off as many R as there are.
        let mut products = Zeroizing::new(Vec::with_capacity(scalars.len()));
        let mut product = Zeroizing::new(OrderForm::ONE);
        for scalar in scalars.iter() {
            products.push(*product);
            *product *= *scalar.as_form();
        }
        let Some(inverse) = Self(product.to_montgomery()).invert() else {
            return false;
        };
        let mut inverse = inverse.as_form();
        for (scalar, before) in scalars.iter_mut().zip(products.iter()).rev() {
            let own = scalar.as_form();
            *scalar = Self((*inverse * before).to_montgomery());
            *inverse *= *own;
        }
        true
    }

    /// 1/a in constant time; `None` for zero, which is public by then.
    pub(super) fn invert(&self) -> Option<Self> {
        let number = self.to_words();
        let inverse = Self(U1024::from_words(ORDER.invert(&number)));
        let invertible: bool = (!self.is_zero()).into();
        invertible.then_some(inverse)
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

    /// The number made odd without changing more than its sign: a when it is odd, else q - a; and whether it is
    /// the latter.
    pub(super) fn to_odd(&self) -> (Self, Choice) {
        let even = self.is_even();
        let mut odd = self.clone();
        odd.0.conditional_assign(&self.negate().0, even);
        (odd, even)
    }

    /// The words, least significant first.
    pub(super) fn to_words(&self) -> Zeroizing<[u64; 16]> {
        Zeroizing::new(self.0.to_words())
    }

    /// A bit of a public number.
    pub(super) fn bit_vartime(&self, position: usize) -> bool {
        let word = self.0.to_words().get(position / 64).copied();
        word.unwrap_or(0) >> (position % 64) & 1 == 1
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
    fn products_and_inverses_agree() {
        let numbers = [b"a", b"b", b"c"].map(|text| Scalar::from_hash(&[text]));
        let mut inverses = numbers.clone();
        assert!(Scalar::invert_all(&mut inverses));
        for (number, inverse) in numbers.iter().zip(&inverses) {
            assert!(bool::from(number.multiply(inverse).is_one()));
            assert_eq!(number.invert().unwrap().0, inverse.0);
        }
        let mut with_zero = [numbers[0].clone(), Scalar::from_identifier(&[])];
        assert!(!Scalar::invert_all(&mut with_zero));
        assert!(Scalar::invert_all(&mut []));
    }

    #[test]
    fn a_number_is_made_odd() {
        let five = Scalar::from_identifier(&[5]);
        assert!(five.to_odd().0.0 == five.0 && !bool::from(five.to_odd().1));
        let (odd, negated) = Scalar::from_identifier(&[6]).to_odd();
        assert_eq!(odd.0, Q.wrapping_sub(&U1024::from_u8(6)));
        assert!(bool::from(negated) && !bool::from(odd.is_even()));
    }

    #[test]
    fn hashes_are_reduced_as_a_division_would() {
        for number in 0..64u8 {
            let v = hash_blocks(&[&[number]], Q_HASH_BLOCKS);
            let expected = U1024::from_be_slice(&v).rem_vartime(Q_NON_ZERO);
            assert_eq!(Scalar::from_hash(&[&[number]]).0, expected);
        }
    }
}
