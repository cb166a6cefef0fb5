//! Randomness of a measurement as the crates under test take it.

use dudect_bencher::BenchRng;
use dudect_bencher::rand::Rng;
use roger_base::{Random, RandomError};

/// dudect's generator, for everything that is made outside the measured time.
pub(crate) struct Drawn<'a>(pub(crate) &'a mut BenchRng);

impl Random for Drawn<'_> {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
        self.0.fill_bytes(buffer);
        Ok(())
    }
}

/// A number drawn beforehand, so that a measured operation spends no time with drawing.
pub(crate) struct Given(pub(crate) [u8; 32]);

impl Random for Given {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
        for (to, from) in buffer.iter_mut().zip(&self.0) {
            *to = *from;
        }
        Ok(())
    }
}

/// Random octets.
pub(crate) fn octets<const N: usize>(random: &mut BenchRng) -> [u8; N] {
    let mut octets = [0; N];
    random.fill_bytes(&mut octets);
    octets
}

/// A random number from 1 to below the order of P-256.
pub(crate) fn scalar_octets(random: &mut BenchRng) -> [u8; 32] {
    let mut number: [u8; 32] = octets(random);
    // Below 2^255, which is below the order, and not zero.
    let [first, .., last] = &mut number;
    *first &= 0x7F;
    *last |= 0x10;
    number
}
