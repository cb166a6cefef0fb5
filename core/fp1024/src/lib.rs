//! Constant-time arithmetic modulo the 1024-bit SAKKE prime (RFC 6509 Appendix A).
//!
//! One type, [`Fp`], over a backend that nobody outside sees. Every operation takes the same time and
//! touches the same memory whatever the values are, unless its name says `vartime`.
//!
//! `Fp` has no `Debug`: field elements are coordinates of secret keys as often as of public ones.

mod element;
mod invert;
mod limbs;
mod portable;

pub use element::{Fp, NotReduced};
pub use limbs::{LIMBS, MODULUS, OCTETS};
