//! Virtual randomness and time, and processes of other people's programs for tests.

mod random;

pub use random::SeededRandom;
