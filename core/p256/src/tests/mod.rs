//! Both backends against other implementations: `crypto-bigint` for numbers, RustCrypto's `p256` for points.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod curve;
mod exceptional;
mod field;
mod scalars;

use crate::limbs::{self, Limbs};
use crypto_bigint::{NonZero, U256, U512};

/// SplitMix64, enough to vary tests.
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    pub(super) fn limb(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Any 256-bit number; one limb in four is all zeros or all ones, where carries go wrong.
    pub(super) fn number(&mut self) -> Limbs {
        core::array::from_fn(|_| match self.limb() % 8 {
            0 => 0,
            1 => u64::MAX,
            _ => self.limb(),
        })
    }

    /// A number below the modulus.
    pub(super) fn below(&mut self, modulus: &Limbs) -> Limbs {
        loop {
            let number = self.number();
            if limbs::is_reduced(&number, modulus) == 1 {
                return number;
            }
        }
    }
}

pub(super) fn big(number: &Limbs) -> U256 {
    U256::from_words(*number)
}

/// a · b mod m by `crypto-bigint`.
pub(super) fn product(a: &Limbs, b: &Limbs, modulus: &Limbs) -> Limbs {
    let (low, high) = big(a).widening_mul(&big(b));
    let wide: U512 = low.concat(&high);
    let modulus: U512 = big(modulus).concat(&U256::ZERO);
    let rest = wide.rem_vartime(&NonZero::new(modulus).unwrap());
    let (low, _): (U256, U256) = rest.split();
    low.to_words()
}

/// Zero, one, the largest numbers and those around powers of two.
pub(super) fn edges(modulus: &Limbs) -> Vec<Limbs> {
    let m = big(modulus);
    let r = U256::ZERO.wrapping_sub(&m);
    let half = m.shr_vartime(1);
    let mut list = vec![U256::ZERO, U256::ONE, U256::from_u8(2), half, r];
    list.extend([half.wrapping_add(&U256::ONE), m.wrapping_sub(&r)]);
    list.extend([1u8, 2, 3].map(|n| m.wrapping_sub(&U256::from_u8(n))));
    for bit in [31, 32, 33, 63, 64, 65, 96, 127, 128, 192, 224, 254, 255] {
        let power = U256::ONE.shl_vartime(bit);
        list.extend([power, power.wrapping_sub(&U256::ONE)]);
        list.push(m.wrapping_sub(&power));
    }
    let reduced = list.into_iter().filter(|number| *number < m);
    reduced.map(|number| number.to_words()).collect()
}
