//! The AVX-512 IFMA backend: eight elements side by side, twenty limbs of 52 bits.
//!
//! An element is a number below 2p times 2^1040: products are Montgomery products with that factor, and the sixteen
//! bits of room above p make every subtraction at the end of a product unnecessary.

mod chain;
mod lanes;
mod product;
mod radix;
mod table;

use crate::adx::Adx;

pub(crate) use radix::DIGITS;

/// The proof that this machine has AVX-512 F and IFMA, and what [`Adx`] needs, for single elements.
#[derive(Clone, Copy)]
pub(crate) struct Ifma(Adx);

impl Ifma {
    /// Whether the machine has the instructions.
    pub(crate) fn detect() -> Option<Self> {
        let present = std::arch::is_x86_feature_detected!("avx512f")
            && std::arch::is_x86_feature_detected!("avx512ifma");
        Adx::detect().filter(|_| present).map(Self)
    }

    /// The backend for single elements.
    pub(crate) const fn adx(self) -> Adx {
        self.0
    }
}
